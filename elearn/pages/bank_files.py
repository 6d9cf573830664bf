"""Files of questions: into the bank of an institution, and out of it."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import teaching
from elearn.courses.models import OutlineItem
from elearn.courses.questions import exchange, formats
from elearn.courses.questions.bank import State
from elearn.courses.questions.formats import Format, xlsx
from elearn.courses.questions.formats.draft import MAX_FILE_BYTES, Problem
from elearn.db import db
from elearn.errors import DomainError, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.permissions import TEACHER
from elearn.people.registry import local_day

SHOWN_PROBLEMS = 500


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teaching/questions/import", "bank_import", bank_import, methods=["GET", "POST"])
    bp.add_url_rule("/teaching/questions/template.xlsx", "bank_template", bank_template)
    bp.add_url_rule("/teaching/questions/export", "bank_export", bank_export)


@web.takes_up_to(lambda: MAX_FILE_BYTES + 100_000)
@web.allow(TEACHER)
def bank_import() -> ResponseReturnValue:
    """Take a file of questions: all of it, or nothing and what is wrong line by line."""
    organisation, all_own = frame.own_organisations(*frame.TEACHES)
    now = utcnow()
    problems: tuple[Problem, ...] = ()
    form = Form()
    if request.method == "POST":
        form = Form.sent()
        form.need("outline")
        file = request.files.get("file")
        if file is None or not file.filename:
            form.errors["file"] = _("Choose a file.")
        if form["usage"] not in ("course", "certificate"):
            form.errors["usage"] = _("Say what these questions are for.")
        if not form.errors and file is not None:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.bank_list", organisation=organisation.id), 303)
            try:
                outline = form.id("outline")
                assert outline is not None
                done = exchange.take_file(
                    db.session(),
                    institution_id=organisation.id,
                    outline_id=outline,
                    default_item_id=form.id("item"),
                    file_name=file.filename or "",
                    data=file.read(),
                    by=current_person_id(),
                    at=now,
                    leave_out_other_kinds=bool(form["leave_out"]),
                    for_certificate=form["usage"] == "certificate",
                )
            except DomainError as error:
                db.session.rollback()
                forms.undo_first()
                problems = error.problems if isinstance(error, exchange.BadFile) else ()
                form.blame(error, {}, "file")
            else:
                db.session.commit()
                frame.say(_("%(count)s questions are taken; they wait for review.", count=done.taken))
                if done.known:
                    frame.say(_("%(count)s were in the bank already.", count=done.known), "info")
                if done.left_out:
                    frame.say(_("%(count)s of other kinds were left out.", count=done.left_out), "warn")
                return redirect(url_for("elearn.pages.bank_list", organisation=organisation.id, state=State.DRAFT), 303)
    page = render_template(
        "elearn/bank_import.html",
        form=form,
        organisation=organisation,
        organisations=all_own,
        outlines=teaching.outlines_on(db.session(), local_day(now)),
        problems=[(one.where, one.line, _(one.sentence, **one.facts)) for one in problems[:SHOWN_PROBLEMS]],
        more=max(0, len(problems) - SHOWN_PROBLEMS),
        may_leave_out=any(one.other_kind for one in problems),
    )
    return page, 422 if form.errors else 200


@web.allow(TEACHER)
def bank_template() -> ResponseReturnValue:
    """The sheet to start from."""
    return _file(xlsx.template(), formats.MEDIA_TYPE[Format.XLSX], "questions-template.xlsx")


@web.allow(TEACHER)
def bank_export() -> ResponseReturnValue:
    """The questions that are asked now, as a file."""
    organisation, _all = frame.own_organisations(*frame.TEACHES)
    asked = Form.asked()
    chosen = asked.word("format", Format)
    if chosen is None:
        raise NotFound("There is nothing at this address.")
    item = asked.id("item")
    if item is not None and db.session.get(OutlineItem, item) is None:
        raise NotFound("There is no such item in an outline.")
    written = exchange.make_file(
        db.session(),
        chosen,
        institution_id=organisation.id,
        acting=frame.acting(*frame.TEACHES),
        outline_item_id=item,
    )
    answer = _file(written.data, formats.MEDIA_TYPE[chosen], f"questions.{formats.SUFFIX[chosen]}")
    answer.headers["X-Left-Out"] = str(len(written.left_out))
    return answer


def _file(data: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(data, headers=headers, content_type=media_type)
