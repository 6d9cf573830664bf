"""A spreadsheet of attendance: looked at row by row, and then taken whole or not at all."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import from_ms, utcnow
from elearn.courses import classes
from elearn.db import db
from elearn.errors import DomainError, Malformed
from elearn.locale import gettext as _
from elearn.pages import attendance_texts, forms, frame, members
from elearn.pages.attendance import MANAGES
from elearn.pages.empty_sheets import empty_sheet
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.permissions import MANAGER
from elearn.tracking.attendance import files, importing, sheets
from elearn.tracking.attendance.sheets import Column

WIDTHS = {Column.NUMBER: 24, Column.KIND: 14, Column.DAY: 14}


def install(bp: Blueprint) -> None:
    bp.add_url_rule(
        "/teaching/classes/<uuid:class_id>/attendance", "import_attendance", import_attendance, methods=["GET", "POST"]
    )
    bp.add_url_rule("/attendance/files/<uuid:file_id>/take", "take_import", take_import, methods=["POST"])
    bp.add_url_rule("/attendance/form.xlsx", "attendance_form", attendance_form)


@web.takes_up_to(lambda: sheets.LARGEST_BYTES + 100_000)
@web.allow(MANAGER)
def import_attendance(class_id: UUID) -> ResponseReturnValue:
    """Look at a spreadsheet: what each row would become. Nothing is taken yet."""
    held = classes.own_class(db.session(), class_id, frame.acting(MANAGES))
    form, preview = Form(), None
    if request.method == "POST":
        sent = request.files.get("file")
        content = sent.read() if sent else b""
        if not content:
            form.errors["file"] = _("Choose a file.")
        else:
            try:
                preview = importing.look(
                    db.session(), class_id, name=(sent.filename or "") if sent else "", content=content,
                    by=current_person_id(), acting=frame.acting(MANAGES), keys=members.keys(), now=utcnow(),
                )  # fmt: skip
                db.session.commit()
            except Malformed as error:
                form.blame(error, {}, "file")
                db.session.rollback()
    frame.here(url_for("elearn.pages.import_attendance", class_id=class_id))
    page = render_template(
        "elearn/attendance_import.html",
        held=held,
        form=form,
        preview=preview,
        lengths=attendance_texts.lengths(class_id),
        texts=attendance_texts,
        from_ms=from_ms,
    )
    return page, 422 if form.errors or (preview is not None and not preview.whole) else 200


@web.allow(MANAGER)
def take_import(file_id: UUID) -> ResponseReturnValue:
    """What was looked at becomes lists that wait for a second person: all of it, or nothing."""
    session, me = db.session(), current_person_id()
    file = files.own_file(session, file_id, frame.acting(MANAGES), teacher=me)
    class_id = file.class_id
    if forms.is_first():
        try:
            made = importing.take(
                session, file_id, by=me, acting=frame.acting(MANAGES), keys=members.keys(), now=utcnow()
            )
        except DomainError as error:
            session.rollback()
            forms.undo_first()
            frame.say(forms.said(error), "bad")
            return redirect(url_for("elearn.pages.import_attendance", class_id=class_id), 303)
        session.commit()
        frame.say(_("%(count)s lists wait for a second person. Nothing counts before.", count=len(made)))
    return redirect(url_for("elearn.pages.class_sessions", class_id=class_id), 303)


@web.allow(MANAGER)
def attendance_form() -> ResponseReturnValue:
    """An empty spreadsheet with the columns that are read."""
    columns = [(names[0], WIDTHS.get(column, 12)) for column, names in sheets.HEADERS.items()]
    return empty_sheet("线下学时", columns, "attendance.xlsx")
