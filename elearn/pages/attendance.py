"""Hours on site: sessions of a class, the teacher's screen, the list that is proposed."""

from __future__ import annotations

import io
from datetime import datetime, time
from uuid import UUID

import segno
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import from_ms, to_ms, utcnow
from elearn.courses import classes, describing, teaching
from elearn.courses.models import TrainingClass
from elearn.db import db
from elearn.errors import Conflict, DomainError, Forbidden, Malformed
from elearn.locale import gettext as _
from elearn.pages import attendance_texts, forms, frame, members, shown
from elearn.pages.attendance_acting import MANAGES, acting_in, back_from, gives, manages, own_file, own_session, seats
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id, require_caller
from elearn.people.permissions import ATTENDANCE_KEEPER, ATTENDANCE_SECOND, MANAGER, SIGNED_IN
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.tracking.attendance import (
    codes,
    facts,
    files,
    planning,
    presence,
    proposing,
    reading,
    rules,
)
from elearn.tracking.attendance.models import ClassSession, SessionCancelled
from elearn.training.telling import meetings


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/sessions", "my_sessions", my_sessions)
    bp.add_url_rule(
        "/teaching/classes/<uuid:class_id>/sessions", "class_sessions", class_sessions, methods=["GET", "POST"]
    )
    bp.add_url_rule("/sessions/<uuid:session_id>", "one_session", one_session)
    bp.add_url_rule("/sessions/<uuid:session_id>/screen", "session_screen", session_screen)
    bp.add_url_rule("/sessions/<uuid:session_id>/now", "session_now", session_now)
    bp.add_url_rule("/sessions/<uuid:session_id>/mark", "mark_attendance", mark_attendance, methods=["POST"])
    bp.add_url_rule("/sessions/<uuid:session_id>/cancel", "cancel_session", cancel_session, methods=["POST"])
    bp.add_url_rule("/sessions/<uuid:session_id>/files", "attach_file", attach_file, methods=["POST"])
    bp.add_url_rule("/sessions/<uuid:session_id>/list", "propose_list", propose_list, methods=["POST"])
    bp.add_url_rule("/sessions/<uuid:session_id>/take-back", "propose_void", propose_void, methods=["POST"])
    bp.add_url_rule("/attendance/files/<uuid:file_id>", "attendance_file", attendance_file)


def secret() -> bytes:
    return codes.secret_of(runtime().settings.secret_key)


def tell(form: Form, error: DomainError, where: dict[str, str]) -> None:
    """Beside its field; at the top of the page where it is of none."""
    if error.error_code in where:
        form.blame(error, where, "")
    else:
        frame.say_now(forms.said(error))


# --- sessions ---------------------------------------------------------------------------------------------------------


@web.allow(SIGNED_IN)
def my_sessions() -> ResponseReturnValue:
    """What the caller teaches on site, newest first."""
    page = frame.page_number()
    found, total = reading.of_teacher(db.session(), current_person_id(), now=utcnow(), page=page)
    return render_template(
        "elearn/attendance_mine.html",
        sessions=found,
        page=page,
        pages=-(-total // reading.PAGE),
        page_url=lambda number: url_for("elearn.pages.my_sessions", page=number),
        texts=attendance_texts,
        confirms=bool(require_caller().roles & ATTENDANCE_SECOND.roles),
    )


@web.allow(MANAGER)
def class_sessions(class_id: UUID) -> ResponseReturnValue:
    """The sessions of a class, and the form that plans one."""
    held = classes.own_class(db.session(), class_id, frame.acting(MANAGES))
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "POST" and _planned(held, form):
        return redirect(url_for("elearn.pages.class_sessions", class_id=class_id), 303)
    session, now = db.session(), utcnow()
    page = frame.page_number() if request.method == "GET" else 1
    found, total = reading.of_class(session, class_id, now=now, page=page)
    frame.here(url_for("elearn.pages.class_sessions", class_id=class_id))
    page_text = render_template(
        "elearn/attendance_sessions.html",
        held=held,
        sessions=found,
        page=page,
        pages=-(-total // reading.PAGE),
        page_url=lambda number: url_for("elearn.pages.class_sessions", class_id=class_id, page=number),
        form=form,
        items=[
            (one.id, f"{one.name} · {attendance_texts.kind_text(one.kind)}")
            for one in teaching.items_of(session, held.outline_id)
        ],
        teachers=describing.teachers_of(session, held.institution_id),
        today=local_day(now).isoformat(),
        texts=attendance_texts,
    )
    return page_text, 422 if form.errors else 200


def _planned(held: TrainingClass, form: Form) -> bool:
    """Whether the form made a session; else what is wrong stands in it."""
    form.need("item", "teacher", "place", "on", "begins", "ends")
    on, begins, ends = form.day("on"), time_said(form, "begins"), time_said(form, "ends")
    item, teacher = form.id("item"), form.id("teacher")
    if form.errors or on is None or begins is None or ends is None or item is None or teacher is None:
        return False
    if not forms.is_first():
        return True
    now = utcnow()
    try:
        made = planning.plan(
            db.session(),
            held.id,
            outline_item_id=item,
            teacher_id=teacher,
            place=form["place"],
            from_at=datetime.combine(on, begins, shown.ZONE),
            to_at=datetime.combine(on, ends, shown.ZONE),
            by=current_person_id(),
            acting=frame.acting(MANAGES),
            at=now,
        )
    except (Malformed, Conflict) as error:
        forms.undo_first()
        where = {
            "bad_item": "item", "bad_teacher": "teacher", "teacher_elsewhere": "teacher", "bad_place": "place",
            "bad_day": "on", "too_late": "begins", "bad_times": "ends",
        }  # fmt: skip
        form.blame(error, where, "place")
        return False
    meetings.tell(db.session(), at=now, only=made.id)
    db.session.commit()
    frame.say(_("The session is planned, and who is expected has a message. Open its screen when it begins."))
    return True


def time_said(form: Form, name: str) -> time | None:
    """A time of day, `09:30`; a wrong one is noted."""
    text = form[name].strip().replace("：", ":")
    try:
        return time.fromisoformat(text) if text else None
    except ValueError:
        form.errors[name] = _("A time has the form 09:30.")
        return None


@web.allow(SIGNED_IN)
def one_session(session_id: UUID) -> ResponseReturnValue:
    """One session: who was there, the list, files, what was confirmed."""
    return _session_page(own_session(session_id))


def _session_page(
    held: ClassSession, *, marking: Form | None = None, file: Form | None = None, listing: Form | None = None
) -> str:
    session, now = db.session(), utcnow()
    drafted = proposing.draft(session, held, by=current_person_id(), now=now) if now >= held.from_at else []
    counting = proposing.counting_lines(session, held.id)
    frame.here(url_for("elearn.pages.one_session", session_id=held.id))
    return render_template(
        "elearn/attendance_session.html",
        held=held,
        line=reading.one(session, held.id, now=now),
        cancelled=session.get(SessionCancelled, held.id),
        seats=seats(held),
        reasons=presence.reasons_of(session, held.id, members.keys()),
        refused={one.person_id: one.refused_as for one in drafted if one.refused_as},
        would_count=sum(one.ms for one in drafted),
        lengths=attendance_texts.lengths(held.class_id),
        counting=counting,
        names=reading.names(session, counting),
        lists=reading.lists_of(session, held.id),
        files=files.of_session(session, held.id),
        marking=marking or Form(),
        file=file or Form(),
        listing=listing or Form(),
        begun=now >= held.from_at,
        over=now >= held.to_at,
        open=rules.takes_codes(facts.stretch_of(held.from_at, held.to_at), to_ms(now)),
        manages=manages(held),
        acts=manages(held) or gives(held),
        back=back_from(held),
        texts=attendance_texts,
        begins=attendance_texts.clock(held.from_at),
        ends=attendance_texts.clock(held.to_at),
    )


def _done(session_id: UUID, said: str) -> ResponseReturnValue:
    """What a form of the session's page asked for is written."""
    db.session.commit()
    frame.say(said)
    return redirect(url_for("elearn.pages.one_session", session_id=session_id), 303)


def _not_done(
    session_id: UUID, error: DomainError, form: Form, where: dict[str, str], **forms: Form
) -> ResponseReturnValue:
    """Nothing is written: the page again, with what was typed and what is wrong."""
    tell(form, error, where)
    db.session.rollback()
    return _session_page(own_session(session_id), **forms), 422


@web.allow(ATTENDANCE_KEEPER)
def cancel_session(session_id: UUID) -> ResponseReturnValue:
    """It does not take place."""
    form, now = Form.sent(), utcnow()
    try:
        planning.cancel(
            db.session(), session_id, reason=form["why"], by=current_person_id(), acting=acting_in(session_id), at=now
        )
    except (Malformed, Conflict) as error:
        return _not_done(session_id, error, form, {"no_reason": "why"}, listing=form)
    meetings.tell(db.session(), at=now, only=session_id)
    return _done(session_id, _("The session is cancelled. Who had a message of it has another."))


# --- the teacher's screen ---------------------------------------------------------------------------------------------


@web.allow(SIGNED_IN)
def session_screen(session_id: UUID) -> ResponseReturnValue:
    """What a projector or the teacher's phone shows: the code, and who is here."""
    held = own_session(session_id)
    return render_template(
        "elearn/attendance_screen.html", held=held, line=reading.one(db.session(), held.id, now=utcnow()),
        texts=attendance_texts, **_live(held),
    )  # fmt: skip


@web.allow(SIGNED_IN)
def session_now(session_id: UUID) -> ResponseReturnValue:
    """The part of it that changes, asked for every two seconds."""
    held = own_session(session_id)
    return render_template("elearn/_attendance_now.html", held=held, texts=attendance_texts, **_live(held))


def _live(held: ClassSession) -> dict[str, object]:
    now = utcnow()
    stretch = facts.stretch_of(held.from_at, held.to_at)
    cancelled = db.session().get(SessionCancelled, held.id) is not None
    takes = not cancelled and rules.takes_codes(stretch, to_ms(now))
    qr = None
    if takes:
        code = codes.code(secret(), held.id, codes.slot_of(to_ms(now)))
        path = url_for("elearn.pages.here", session_id=held.id, code=code)
        qr = _qr(f"{runtime().settings.public_url}{path}")
    found = seats(held)
    return {
        "qr": qr,
        "opens_at": from_ms(stretch.from_ms - rules.LIMITS.early_ms),
        "closed": cancelled or to_ms(now) >= stretch.to_ms,
        "seats": found,
        "here_count": sum(one.here for one in found),
        "came_count": sum(bool(one.here or one.presence.stretches) for one in found),
    }


def _qr(address: str) -> str:
    """As an SVG element of the page."""
    out = io.BytesIO()
    made = segno.make_qr(address, error="l", boost_error=False)
    made.save(out, kind="svg", border=3, light="white", xmldecl=False, svgns=False, omitsize=True, svgclass="code")
    return out.getvalue().decode()


# --- marks, files, lists ----------------------------------------------------------------------------------------------


@web.allow(SIGNED_IN)
def mark_attendance(session_id: UUID) -> ResponseReturnValue:
    """The teacher's own list: somebody was there from then to then, or was not."""
    held, form = own_session(session_id), Form.sent()
    form.need("reason")
    person_id, present = form.id("person"), form["present"] != "no"
    if person_id is None:
        form.errors["person"] = _("Please fill this in.")
    begins, ends = time_said(form, "begins"), time_said(form, "ends")
    if present and (begins is None or ends is None):
        form.errors.setdefault("ends", _("Say from when until when."))
    if form.errors or person_id is None:
        return _session_page(held, marking=form), 422
    on = facts.day_of(held)
    times = None
    if present and begins is not None and ends is not None:
        times = datetime.combine(on, begins, shown.ZONE), datetime.combine(on, ends, shown.ZONE)
    try:
        presence.mark(
            db.session(),
            session_id,
            person_id,
            present=times,
            reason=form["reason"],
            by=current_person_id(),
            acting=acting_in(session_id),
            keys=members.keys(),
            at=utcnow(),
        )
    except (Malformed, Conflict, Forbidden) as error:
        where = {"bad_times": "ends", "own_line": "person", "no_reason": "reason"}
        return _not_done(session_id, error, form, where, marking=form)
    return _done(session_id, _("The list is changed. A second person confirms it later."))


@web.takes_up_to(lambda: files.LARGEST_BYTES + 100_000)
@web.allow(SIGNED_IN)
def attach_file(session_id: UUID) -> ResponseReturnValue:
    """A scan or photo of the signed list."""
    held, form, sent = own_session(session_id), Form(), request.files.get("file")
    content = sent.read() if sent else b""
    if not content:
        form.errors["file"] = _("Choose a file.")
        return _session_page(held, file=form), 422
    try:
        files.attach(
            db.session(),
            session_id,
            name=(sent.filename or "") if sent else "",
            content=content,
            by=current_person_id(),
            acting=acting_in(session_id),
            at=utcnow(),
        )
    except (Malformed, Conflict) as error:
        where = dict.fromkeys(("bad_file", "too_many_files", "file_elsewhere"), "file")
        return _not_done(session_id, error, form, where, file=form)
    return _done(session_id, _("The file is kept. The list that is proposed next names it."))


@web.allow(SIGNED_IN)
def attendance_file(file_id: UUID) -> ResponseReturnValue:
    """A file as it was sent; never shown inside a page of ours."""
    found = own_file(file_id)
    response = Response(found.content, content_type=found.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=found.name)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@web.allow(SIGNED_IN)
def propose_list(session_id: UUID) -> ResponseReturnValue:
    """Propose the list as it stands."""
    own_session(session_id)
    form = Form.sent()
    try:
        proposing.propose(
            db.session(), session_id, by=current_person_id(), acting=acting_in(session_id), now=utcnow(),
            note=form["note"],
        )  # fmt: skip
    except (Malformed, Conflict) as error:
        return _not_done(session_id, error, form, {}, listing=form)
    return _done(session_id, _("The list waits for a second person. Nothing counts before."))


@web.allow(SIGNED_IN)
def propose_void(session_id: UUID) -> ResponseReturnValue:
    """Propose that confirmed hours are taken back."""
    own_session(session_id)
    form = Form.sent()
    try:
        proposing.propose_void(
            db.session(), session_id, form.ids("line"), reason=form["why"], by=current_person_id(),
            acting=acting_in(session_id), now=utcnow(),
        )  # fmt: skip
    except (Malformed, Conflict) as error:
        return _not_done(session_id, error, form, {"no_reason": "why"}, listing=form)
    return _done(session_id, _("The correction waits for a second person. Until then the hours stay."))
