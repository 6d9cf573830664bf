"""Lists of attendance and the second person, who confirms them or sends them back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.models import TrainingClass
from elearn.credit_export.class_lengths import lengths_of
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import attendance_texts, frame, members
from elearn.pages.attendance import tell
from elearn.pages.attendance_acting import MANAGES, READS, acting_in, manages, own_session
from elearn.pages.forms import Form
from elearn.people import tree
from elearn.people.callers import current_person_id
from elearn.people.permissions import ATTENDANCE_SECOND, SIGNED_IN
from elearn.people.registry import local_day
from elearn.tracking.attendance import confirming, files, presence, reading
from elearn.tracking.attendance.models import AttendanceLine, AttendanceList, ClassSession


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/attendance", "attendance_waiting", attendance_waiting)
    bp.add_url_rule("/attendance/<uuid:list_id>", "attendance_list", attendance_list)
    bp.add_url_rule("/attendance/<uuid:list_id>/answer", "answer_list", answer_list, methods=["POST"])


@web.allow(ATTENDANCE_SECOND)
def attendance_waiting() -> ResponseReturnValue:
    """Lists of the caller's institutions that wait for somebody to confirm them."""
    found = reading.waiting_lists(db.session(), frame.acting(MANAGES, *READS))
    lengths = lengths_of(db.session(), {one.class_id for one in found}, on=local_day(utcnow()))
    return render_template(
        "elearn/attendance_waiting.html", lists=found, lengths=lengths, texts=attendance_texts, me=current_person_id()
    )


@web.allow(SIGNED_IN)
def attendance_list(list_id: UUID) -> ResponseReturnValue:
    """A list, line by line."""
    return _list_page(list_id)


def _list_page(list_id: UUID, form: Form | None = None) -> str:
    session, me = db.session(), current_person_id()
    whole = session.get(AttendanceList, list_id)
    if whole is None:
        raise NotFound("There is no such list.")
    held = own_session(whole.session_id)
    lines = confirming.lines_of(session, list_id)
    head = reading.one_list(session, list_id)
    frame.here(url_for("elearn.pages.attendance_list", list_id=list_id))
    return render_template(
        "elearn/attendance_list.html",
        head=head,
        held=held,
        lines=sorted(lines, key=lambda line: (line.refused_as is None, line.from_at)),
        names=reading.names(session, lines),
        reasons=presence.reasons_of(session, held.id, members.keys()),
        lengths=attendance_texts.lengths(held.class_id),
        files=files.of_list(session, held.class_id, whole.files, _reads_files(held), teacher=me),
        may_confirm=_may_confirm(whole, held, lines),
        may_withdraw=whole.by_id == me,
        form=form or Form(),
        internal=held.unit_id is not None,
        texts=attendance_texts,
        doc=whole.doc,
    )


def _may_confirm(whole: AttendanceList, held: ClassSession, lines: Sequence[AttendanceLine]) -> bool:
    try:
        confirming.require_second(db.session(), whole, held, lines, current_person_id())
    except Forbidden:
        return False
    return manages(held) if held.unit_id is None else bool(acting_in(held.id, *READS))


def _reads_files(held: ClassSession) -> frozenset[UUID]:
    """Whose files of a session the caller may read: a spreadsheet of a unit above has others' rows in it."""
    if held.unit_id is None:
        return frame.acting(MANAGES)
    line = tree.above(db.session(), held.unit_id)
    return frozenset(one.id for one in line if frame.acts_in(one.id, *READS))


@web.allow(SIGNED_IN)
def answer_list(list_id: UUID) -> ResponseReturnValue:
    """Confirm it, send it back, or (who proposed it) withdraw it."""
    form, session, me = Form.sent(), db.session(), current_person_id()
    whole = session.get(AttendanceList, list_id)
    if whole is None:
        raise NotFound("There is no such list.")
    acting = acting_in(whole.session_id, *READS)
    if whole.by_id == me and form["answer"] != "confirm":
        held = own_session(whole.session_id)
        acting = frozenset({held.unit_id or session.get_one(TrainingClass, held.class_id).institution_id})
    try:
        if form["answer"] == "confirm":
            confirming.confirm(session, list_id, by=me, acting=acting, now=utcnow(), note=form["note"])
        else:
            confirming.refuse(session, list_id, by=me, acting=acting, now=utcnow(), note=form["note"])
    except (Malformed, Conflict, Forbidden) as error:
        tell(form, error, {"no_reason": "note"})
        session.rollback()
        return _list_page(list_id, form), 422
    session.commit()
    if form["answer"] == "confirm":
        frame.say(_("Confirmed. It stands in the log within a minute, and counts from then on."))
    else:
        frame.say(_("The list is sent back. Nothing of it counts."), "info")
    return redirect(url_for("elearn.pages.attendance_list", list_id=list_id), 303)
