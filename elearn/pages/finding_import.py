"""What many people have shown, from one spreadsheet; and what waits, confirmed several at once."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export import records
from elearn.credit_export.findings import importing, reading, stating
from elearn.credit_export.findings.importing import Bad
from elearn.db import db
from elearn.errors import DomainError
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members
from elearn.pages.forms import Form
from elearn.people.callers import require_caller
from elearn.people.permissions import INSTITUTION_STAFF, OPERATOR, REGULATOR


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/findings/import", "finding_import", take, methods=["GET", "POST"])
    bp.add_url_rule("/findings/import/form.xlsx", "finding_import_form", empty_form)
    bp.add_url_rule("/findings/confirm", "finding_confirm_many", confirm_many, methods=["POST"])


@web.takes_up_to(lambda: importing.LARGEST_BYTES + 100_000)
@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR)
def take() -> ResponseReturnValue:
    """State every row of a spreadsheet, or none and say what is wrong with each."""
    form, bad = Form(), tuple[Bad, ...]()
    if request.method == "POST":
        form = Form.sent()
        file = request.files.get("file")
        if file is None or not file.filename:
            form.errors["file"] = _("Choose a file.")
        elif not forms.is_first():
            return redirect(url_for("elearn.pages.findings"), 303)
        else:
            try:
                stated = importing.take(
                    db.session(), file.read(), caller=require_caller(), keys=members.keys(), at=utcnow()
                )
            except DomainError as error:
                db.session.rollback()
                forms.undo_first()
                bad = error.rows if isinstance(error, importing.BadRows) else ()
                form.blame(error, {}, "file")
            else:
                db.session.commit()
                frame.say(_("%(count)s rows are stated and wait for somebody of another side.", count=stated))
                return redirect(url_for("elearn.pages.findings"), 303)
    frame.here(url_for("elearn.pages.finding_import"))
    rows = [(one.row, one.name, _(one.sentence, **one.facts)) for one in bad]
    return render_template("elearn/finding_import.html", form=form, bad=rows), 422 if form.errors else 200


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR)
def empty_form() -> ResponseReturnValue:
    """The sheet to start from."""
    headers = {"Content-Disposition": 'attachment; filename="shown.xlsx"', "Cache-Control": "private, no-store"}
    return Response(importing.empty_form(), headers=headers, content_type=web.XLSX)


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR)
def confirm_many() -> ResponseReturnValue:
    """Confirm the ticked ones: all of them or none."""
    form, caller, session, now = Form.sent(), require_caller(), db.session(), utcnow()
    back = redirect(url_for("elearn.pages.findings"), 303)
    ids = sorted(set(form.ids("finding")))[: reading.PAGE]
    if not ids:
        frame.say(_("Tick what you have seen."), "warn")
    elif forms.is_first():
        people = set()
        try:
            for one in ids:
                stating.answer(session, one, confirm=True, note="", caller=caller, at=now)
                line = reading.line_of(session, one)
                people |= {line.person_id} if line is not None and line.person_id is not None else set()
            for person_id in sorted(people):
                records.record_person(session, person_id, now=now)
        except DomainError as error:
            session.rollback()
            forms.undo_first()
            frame.say(forms.said(error), "bad")
        else:
            session.commit()
            frame.say(_("%(count)s are confirmed.", count=len(ids)))
    return back
