"""A register of teachers from a spreadsheet: taken whole or not at all, with a reason beside each wrong row."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.clock import utcnow
from elearn.courses.centres import INDUSTRIES
from elearn.courses.teachers import importing, reading, sheets
from elearn.courses.teachers.importing import BadRows
from elearn.courses.teachers.sheets import Names
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members, teacher_texts
from elearn.pages.empty_sheets import empty_sheet
from elearn.pages.forms import Form
from elearn.people.callers import require_caller
from elearn.people.permissions import MANAGER, REGULATOR
from elearn.people.registry import local_day


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teachers/import", "teacher_import", teacher_import, methods=["GET", "POST"])
    bp.add_url_rule("/teachers/form.xlsx", "teacher_form", teacher_form)


@web.takes_up_to(lambda: sheets.LARGEST_BYTES + 100_000)
@web.allow(MANAGER, REGULATOR)
def teacher_import() -> ResponseReturnValue:
    """Take a spreadsheet into the register of an institution."""
    session, caller = db.session(), require_caller()
    offices = reading.offices(session, caller)
    if not offices:
        raise NotFound("There is nothing at this address.")
    form = Form.sent() if request.method == "POST" else Form()
    bad: tuple[sheets.Bad, ...] = ()
    if request.method == "POST":
        institution = form.id("institution") or (offices[0][0] if len(offices) == 1 else None)
        if institution not in dict(offices):
            form.errors["institution"] = _("Please fill this in.")
        sent = request.files.get("file")
        content = sent.read() if sent else b""
        if not content:
            form.errors["file"] = _("Choose a file.")
        if institution is not None and not form.errors:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.teachers"), 303)
            try:
                done = importing.take(
                    session, institution, content, names(), caller=caller, keys=members.keys(), at=utcnow()
                )
            except BadRows as error:
                session.rollback()
                forms.undo_first()
                bad = error.rows
                form.blame(error, {}, "file")
            except Malformed as error:
                session.rollback()
                forms.undo_first()
                form.blame(error, {}, "file")
            else:
                session.commit()
                frame.say(_("%(count)s teachers of the spreadsheet are in the register.", count=done.teachers))
                if done.certificates:
                    frame.say(_("%(count)s certificates wait for a second person.", count=done.certificates), "info")
                return redirect(url_for("elearn.pages.teachers"), 303)
    frame.here(url_for("elearn.pages.teacher_import"))
    page = render_template("elearn/teacher_import.html", form=form, offices=offices, bad=bad, texts=teacher_texts)
    return page, 422 if form.errors else 200


@web.allow(MANAGER, REGULATOR)
def teacher_form() -> ResponseReturnValue:
    """An empty spreadsheet with the columns that are read."""
    return empty_sheet("师资库", [(several[0], 18) for several in sheets.HEADERS.values()], "teachers.xlsx")


def names() -> Names:
    """What cells may name, in both languages."""
    offered = reading.coverable(db.session(), local_day(utcnow()))
    chinese = locale.catalogue("zh")
    return Names(
        {
            word.casefold(): one
            for one, name in INDUSTRIES.items()
            for word in (one.value, name, chinese.get(name, name))
        },
        frozenset(offered.works),
        {name: code for code, name in offered.categories} | {code: code for code, _name in offered.categories},
    )
