"""A spreadsheet of attendance: looked at row by row, and then taken whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
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
from elearn.pages.attendance_acting import KEEPS, MANAGES, houses_of
from elearn.pages.empty_sheets import empty_sheet
from elearn.pages.forms import Form
from elearn.people import tree
from elearn.people.callers import current_person_id
from elearn.people.permissions import ATTENDANCE_KEEPER, ENTERPRISE_STAFF, MANAGER
from elearn.tracking.attendance import files, importing, sheets
from elearn.tracking.attendance.importing import Preview
from elearn.tracking.attendance.sheets import Column
from elearn.training import programmes

WIDTHS = {Column.NUMBER: 24, Column.KIND: 14, Column.DAY: 14}


def install(bp: Blueprint) -> None:
    bp.add_url_rule(
        "/teaching/classes/<uuid:class_id>/attendance", "import_attendance", import_attendance, methods=["GET", "POST"]
    )
    bp.add_url_rule("/training/sessions/import", "import_in_unit", import_in_unit, methods=["GET", "POST"])
    bp.add_url_rule("/attendance/files/<uuid:file_id>/take", "take_import", take_import, methods=["POST"])
    bp.add_url_rule("/attendance/form.xlsx", "attendance_form", attendance_form)


@web.takes_up_to(lambda: sheets.LARGEST_BYTES + 100_000)
@web.allow(MANAGER)
def import_attendance(class_id: UUID) -> ResponseReturnValue:
    """Look at a spreadsheet: what each row would become. Nothing is taken yet."""
    held = classes.own_class(db.session(), class_id, frame.acting(MANAGES))
    form = Form()

    def look(name: str, content: bytes) -> Preview:
        return importing.look(
            db.session(), class_id, name=name, content=content, by=current_person_id(), acting=frame.acting(MANAGES),
            keys=members.keys(), now=utcnow(),
        )  # fmt: skip

    preview = _looked(form, look) if request.method == "POST" else None
    return _import_page(
        form, preview, here=url_for("elearn.pages.import_attendance", class_id=class_id), about=held.title,
        number=held.class_no, back=url_for("elearn.pages.class_sessions", class_id=class_id), class_id=class_id,
    )  # fmt: skip


@web.takes_up_to(lambda: sheets.LARGEST_BYTES + 100_000)
@web.allow(ENTERPRISE_STAFF)
def import_in_unit() -> ResponseReturnValue:
    """The same of an enterprise's own training: sessions of a programme, of this unit and all below it."""
    node, _nodes = frame.own_organisations(*KEEPS)
    session, form = db.session(), Form.sent() if request.method == "POST" else Form.asked()
    known = {one.id: one for one in programmes.usable(session, node.id)}
    chosen = form.id("programme")
    programme = known.get(chosen) if chosen else None
    if request.method == "POST" and programme is None:
        form.errors["programme"] = _("Please fill this in.")

    def look(name: str, content: bytes) -> Preview:
        assert programme is not None, "else the form is wrong"
        return importing.look_in_unit(
            session, programme.class_id, unit_id=node.id, name=name, content=content, by=current_person_id(),
            acting=tree.below(session, [node.id]), keys=members.keys(), now=utcnow(),
        )  # fmt: skip

    preview = _looked(form, look) if request.method == "POST" else None
    return _import_page(
        form, preview, here=url_for("elearn.pages.import_in_unit", organisation=node.id), about=node.name,
        back=url_for("elearn.pages.training_sessions", organisation=node.id),
        class_id=programme.class_id if programme else None,
        programmes=[(one.id, one.title) for one in known.values()],
    )  # fmt: skip


def _looked(form: Form, look: Callable[[str, bytes], Preview]) -> Preview | None:
    """What the sent file would become; what is wrong with it stands in the form."""
    sent = request.files.get("file")
    content = sent.read() if sent else b""
    if not content:
        form.errors["file"] = _("Choose a file.")
    if form.errors:
        return None
    try:
        preview = look((sent.filename or "") if sent else "", content)
        db.session.commit()
    except Malformed as error:
        form.blame(error, {}, "file")
        db.session.rollback()
        return None
    return preview


def _import_page(
    form: Form, preview: Preview | None, *, here: str, class_id: UUID | None, **said: object
) -> tuple[str, int]:
    frame.here(here)
    page = render_template(
        "elearn/attendance_import.html",
        form=form,
        preview=preview,
        here=here,
        lengths=attendance_texts.lengths(class_id) if class_id else None,
        texts=attendance_texts,
        from_ms=from_ms,
        **said,
    )
    return page, 422 if form.errors or (preview is not None and not preview.whole) else 200


@web.allow(ATTENDANCE_KEEPER)
def take_import(file_id: UUID) -> ResponseReturnValue:
    """What was looked at becomes lists that wait for a second person: all of it, or nothing."""
    session, me = db.session(), current_person_id()
    acting = houses_of(file_id, *KEEPS)
    file = files.own_file(session, file_id, acting, teacher=me)
    if file.unit_id is None:
        back = url_for("elearn.pages.class_sessions", class_id=file.class_id)
        again = url_for("elearn.pages.import_attendance", class_id=file.class_id)
    else:
        acting = tree.below(session, acting)
        back = url_for("elearn.pages.training_sessions", organisation=file.unit_id)
        again = url_for("elearn.pages.import_in_unit", organisation=file.unit_id)
    if forms.is_first():
        try:
            made = importing.take(session, file_id, by=me, acting=acting, keys=members.keys(), now=utcnow())
        except DomainError as error:
            session.rollback()
            forms.undo_first()
            frame.say(forms.said(error), "bad")
            return redirect(again, 303)
        session.commit()
        frame.say(_("%(count)s lists wait for a second person. Nothing counts before.", count=len(made)))
    return redirect(back, 303)


@web.allow(ATTENDANCE_KEEPER)
def attendance_form() -> ResponseReturnValue:
    """An empty spreadsheet with the columns that are read."""
    columns = [(names[0], WIDTHS.get(column, 12)) for column, names in sheets.HEADERS.items()]
    return empty_sheet("线下学时", columns, "attendance.xlsx")
