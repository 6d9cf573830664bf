"""Hours on site: sessions of a class, the teacher's screen, lists that a second person confirms."""

from __future__ import annotations

import io
from datetime import datetime, time
from uuid import UUID

import openpyxl
import segno
import sqlalchemy as sa
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import from_ms, to_ms, utcnow
from elearn.courses import classes, teaching
from elearn.courses.models import TrainingClass
from elearn.db import db
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import attendance_texts, forms, frame, members, shown
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import Role
from elearn.people.permissions import MANAGER, TEACHER
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.tracking.attendance import (
    codes,
    confirming,
    files,
    importing,
    planning,
    presence,
    proposing,
    reading,
    rules,
)
from elearn.tracking.attendance.models import AttendanceList, ClassSession, SessionCancelled

MANAGES = Role.INSTITUTION_MANAGER
HEADERS = ("姓名", "证件类型", "证件号码", "日期", "开始时间", "结束时间", "授课方式")


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
    bp.add_url_rule("/attendance", "attendance_waiting", attendance_waiting)
    bp.add_url_rule("/attendance/<uuid:list_id>", "attendance_list", attendance_list)
    bp.add_url_rule("/attendance/<uuid:list_id>/answer", "answer_list", answer_list, methods=["POST"])
    bp.add_url_rule("/attendance/files/<uuid:file_id>", "attendance_file", attendance_file)
    bp.add_url_rule(
        "/teaching/classes/<uuid:class_id>/attendance", "import_attendance", import_attendance, methods=["GET", "POST"]
    )
    bp.add_url_rule("/attendance/files/<uuid:file_id>/take", "take_import", take_import, methods=["POST"])
    bp.add_url_rule("/attendance/form.xlsx", "attendance_form", attendance_form)


def secret() -> bytes:
    return codes.secret_of(runtime().settings.secret_key)


def _own(session_id: UUID, *, lock: bool = False) -> ClassSession:
    """A session of the caller's institution, or that the caller teaches."""
    return planning.own_session(db.session(), session_id, frame.acting(MANAGES), teacher=current_person_id(), lock=lock)


def _tell(form: Form, error: DomainError, where: dict[str, str]) -> None:
    """Beside its field; at the top of the page where it is of none."""
    if error.error_code in where:
        form.blame(error, where, "")
    else:
        frame.say_now(forms.said(error))


# --- sessions ---------------------------------------------------------------------------------------------------------


@web.allow(TEACHER)
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
        confirms=bool(frame.acting(MANAGES)),
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
        teachers=planning.teachers_of(session, held.institution_id),
        today=local_day(now).isoformat(),
        texts=attendance_texts,
    )
    return page_text, 422 if form.errors else 200


def _planned(held: TrainingClass, form: Form) -> bool:
    """Whether the form made a session; else what is wrong stands in it."""
    form.need("item", "teacher", "place", "on", "begins", "ends")
    on, begins, ends = form.day("on"), _clock(form, "begins"), _clock(form, "ends")
    item, teacher = form.id("item"), form.id("teacher")
    if form.errors or on is None or begins is None or ends is None or item is None or teacher is None:
        return False
    if not forms.is_first():
        return True
    try:
        planning.plan(
            db.session(),
            held.id,
            outline_item_id=item,
            teacher_id=teacher,
            place=form["place"],
            from_at=datetime.combine(on, begins, shown.ZONE),
            to_at=datetime.combine(on, ends, shown.ZONE),
            by=current_person_id(),
            acting=frame.acting(MANAGES),
            at=utcnow(),
        )
    except (Malformed, Conflict) as error:
        forms.undo_first()
        where = {
            "bad_item": "item", "bad_teacher": "teacher", "teacher_elsewhere": "teacher", "bad_place": "place",
            "bad_day": "on", "too_late": "begins", "bad_times": "ends",
        }  # fmt: skip
        form.blame(error, where, "place")
        return False
    db.session.commit()
    frame.say(_("The session is planned. Open its screen when it begins."))
    return True


def _clock(form: Form, name: str) -> time | None:
    """A time of day, `09:30`; a wrong one is noted."""
    text = form[name].strip().replace("：", ":")
    try:
        return time.fromisoformat(text) if text else None
    except ValueError:
        form.errors[name] = _("A time has the form 09:30.")
        return None


@web.allow(TEACHER)
def one_session(session_id: UUID) -> ResponseReturnValue:
    """One session: who was there, the list, files, what was confirmed."""
    return _session_page(_own(session_id))


def _session_page(
    held: ClassSession, *, marking: Form | None = None, file: Form | None = None, listing: Form | None = None
) -> str:
    session, now = db.session(), utcnow()
    drafted = proposing.draft(session, held, by=current_person_id(), now=now) if now >= held.from_at else []
    counting = proposing.counting_lines(session, held.id)
    manages = bool(frame.acting(MANAGES))
    frame.here(url_for("elearn.pages.one_session", session_id=held.id))
    return render_template(
        "elearn/attendance_session.html",
        held=held,
        line=reading.one(session, held.id, now=now),
        cancelled=session.get(SessionCancelled, held.id),
        seats=reading.seats(session, held),
        reasons=presence.reasons_of(session, held.id, members.keys()),
        refused={one.person_id: one.refused_as for one in drafted if one.refused_as},
        would_count=sum(one.ms for one in drafted),
        counting=counting,
        names=reading.names(session, counting),
        lists=reading.lists_of(session, held.id),
        files=files.of_sessions(session, held.id),
        marking=marking or Form(),
        file=file or Form(),
        listing=listing or Form(),
        begun=now >= held.from_at,
        over=now >= held.to_at,
        open=rules.takes_codes(rules.Stretch(to_ms(held.from_at), to_ms(held.to_at)), to_ms(now)),
        manages=manages,
        texts=attendance_texts,
        begins=held.from_at.astimezone(shown.ZONE).strftime("%H:%M"),
        ends=held.to_at.astimezone(shown.ZONE).strftime("%H:%M"),
        from_ms=from_ms,
    )


def _to_session(session_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("elearn.pages.one_session", session_id=session_id), 303)


@web.allow(MANAGER)
def cancel_session(session_id: UUID) -> ResponseReturnValue:
    """It does not take place."""
    form = Form.sent()
    try:
        planning.cancel(
            db.session(), session_id, reason=form["reason"], by=current_person_id(), acting=frame.acting(MANAGES),
            at=utcnow(),
        )  # fmt: skip
    except (Malformed, Conflict) as error:
        _tell(form, error, {"no_reason": "reason"})
        db.session.rollback()
        return _session_page(_own(session_id), listing=form), 422
    db.session.commit()
    frame.say(_("The session is cancelled."))
    return _to_session(session_id)


# --- the teacher's screen ---------------------------------------------------------------------------------------------


@web.allow(TEACHER)
def session_screen(session_id: UUID) -> ResponseReturnValue:
    """What a projector or the teacher's phone shows: the code, and who is here."""
    held = _own(session_id)
    return render_template(
        "elearn/attendance_screen.html", held=held, line=reading.one(db.session(), held.id, now=utcnow()),
        texts=attendance_texts, **_live(held),
    )  # fmt: skip


@web.allow(TEACHER)
def session_now(session_id: UUID) -> ResponseReturnValue:
    """The part of it that changes, asked for every two seconds."""
    held = _own(session_id)
    return render_template("elearn/_attendance_now.html", held=held, texts=attendance_texts, **_live(held))


def _live(held: ClassSession) -> dict[str, object]:
    now = utcnow()
    stretch = rules.Stretch(to_ms(held.from_at), to_ms(held.to_at))
    cancelled = db.session().get(SessionCancelled, held.id) is not None
    takes = not cancelled and rules.takes_codes(stretch, to_ms(now))
    qr = None
    if takes:
        code = codes.code(secret(), held.id, codes.slot_of(to_ms(now)))
        path = url_for("elearn.pages.here", session_id=held.id, code=code)
        qr = _qr(f"{runtime().settings.public_url}{path}")
    seats = reading.seats(db.session(), held)
    return {
        "qr": qr,
        "opens_at": from_ms(stretch.from_ms - rules.LIMITS.early_ms),
        "closed": cancelled or to_ms(now) >= stretch.to_ms,
        "seats": seats,
        "here_count": sum(one.here for one in seats),
        "came_count": sum(bool(one.here or one.presence.stretches) for one in seats),
    }


def _qr(address: str) -> str:
    """As an SVG element of the page."""
    out = io.BytesIO()
    made = segno.make_qr(address, error="l", boost_error=False)
    made.save(out, kind="svg", border=3, light="white", xmldecl=False, svgns=False, omitsize=True, svgclass="code")
    return out.getvalue().decode()


# --- marks, files, lists ----------------------------------------------------------------------------------------------


@web.allow(TEACHER)
def mark_attendance(session_id: UUID) -> ResponseReturnValue:
    """The teacher's own list: somebody was there from then to then, or was not."""
    held, form = _own(session_id), Form.sent()
    form.need("reason")
    person_id, present = form.id("person"), form["present"] != "no"
    if person_id is None:
        form.errors["person"] = _("Please fill this in.")
    begins, ends = _clock(form, "begins"), _clock(form, "ends")
    if present and (begins is None or ends is None):
        form.errors.setdefault("ends", _("Say from when until when."))
    if form.errors or person_id is None:
        return _session_page(held, marking=form), 422
    on = local_day(held.from_at)
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
            acting=frame.acting(MANAGES),
            keys=members.keys(),
            at=utcnow(),
        )
    except (Malformed, Conflict, Forbidden) as error:
        _tell(form, error, {"bad_times": "ends", "own_line": "person", "no_reason": "reason"})
        db.session.rollback()
        return _session_page(_own(session_id), marking=form), 422
    db.session.commit()
    frame.say(_("The list is changed. A second person confirms it later."))
    return _to_session(session_id)


@web.allow(TEACHER)
def attach_file(session_id: UUID) -> ResponseReturnValue:
    """A scan or photo of the signed list."""
    request.max_content_length = files.LARGEST_BYTES + 100_000
    held, form, sent = _own(session_id), Form(), request.files.get("file")
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
            acting=frame.acting(MANAGES),
            at=utcnow(),
        )
    except (Malformed, Conflict) as error:
        form.blame(error, {}, "file")
        db.session.rollback()
        return _session_page(_own(session_id), file=form), 422
    db.session.commit()
    frame.say(_("The file is kept. The list that is proposed next names it."))
    return _to_session(session_id)


@web.allow(TEACHER)
def attendance_file(file_id: UUID) -> ResponseReturnValue:
    """A file as it was sent; never shown inside a page of ours."""
    found = files.own_file(db.session(), file_id, frame.acting(MANAGES), teacher=current_person_id())
    response = Response(found.content, content_type=found.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=found.name)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@web.allow(TEACHER)
def propose_list(session_id: UUID) -> ResponseReturnValue:
    """Propose the list as it stands."""
    form = Form.sent()
    try:
        proposing.propose(
            db.session(), session_id, by=current_person_id(), acting=frame.acting(MANAGES), now=utcnow(),
            note=form["note"],
        )  # fmt: skip
    except (Malformed, Conflict) as error:
        _tell(form, error, {})
        db.session.rollback()
        return _session_page(_own(session_id), listing=form), 422
    db.session.commit()
    frame.say(_("The list waits for a second person. Nothing counts before."))
    return _to_session(session_id)


@web.allow(TEACHER)
def propose_void(session_id: UUID) -> ResponseReturnValue:
    """Propose that confirmed hours are taken back."""
    form = Form.sent()
    try:
        proposing.propose_void(
            db.session(), session_id, form.ids("line"), reason=form["why"], by=current_person_id(),
            acting=frame.acting(MANAGES), now=utcnow(),
        )  # fmt: skip
    except (Malformed, Conflict) as error:
        _tell(form, error, {"no_reason": "why"})
        db.session.rollback()
        return _session_page(_own(session_id), listing=form), 422
    db.session.commit()
    frame.say(_("The correction waits for a second person. Until then the hours stay."))
    return _to_session(session_id)


# --- the second person ------------------------------------------------------------------------------------------------


@web.allow(MANAGER)
def attendance_waiting() -> ResponseReturnValue:
    """Lists of the caller's institutions that wait for somebody to confirm them."""
    found = reading.waiting_lists(db.session(), frame.acting(MANAGES))
    return render_template(
        "elearn/attendance_waiting.html", lists=found, texts=attendance_texts, me=current_person_id()
    )


@web.allow(TEACHER)
def attendance_list(list_id: UUID) -> ResponseReturnValue:
    """A list, line by line."""
    return _list_page(list_id)


def _list_page(list_id: UUID, form: Form | None = None) -> str:
    session = db.session()
    whole = session.get(AttendanceList, list_id)
    if whole is None:
        raise NotFound("There is no such list.")
    held = _own(whole.session_id)
    lines = confirming.lines_of(session, list_id)
    head = reading.one_list(session, list_id)
    may = MANAGES in require_caller().roles and _may_confirm(whole, held)
    frame.here(url_for("elearn.pages.attendance_list", list_id=list_id))
    return render_template(
        "elearn/attendance_list.html",
        head=head,
        held=held,
        lines=sorted(lines, key=lambda line: (line.refused_as is None, line.from_at)),
        names=reading.names(session, lines),
        reasons=presence.reasons_of(session, held.id, members.keys()),
        files=[one for one in files.of_sessions(session, held.id) if one.sha256 in whole.files],
        may_confirm=may,
        may_withdraw=whole.by_id == current_person_id(),
        form=form or Form(),
        texts=attendance_texts,
        doc=whole.doc,
    )


def _may_confirm(whole: AttendanceList, held: ClassSession) -> bool:
    session = db.session()
    own = sa.select(sa.exists().where(TrainingClass.id == held.class_id, TrainingClass.institution_id.in_(
        frame.acting(MANAGES))))  # fmt: skip
    if not session.scalar(own):
        return False
    try:
        confirming.require_second(session, whole, held, confirming.lines_of(session, whole.id), current_person_id())
    except Forbidden:
        return False
    return True


@web.allow(TEACHER)
def answer_list(list_id: UUID) -> ResponseReturnValue:
    """Confirm it, send it back, or (who proposed it) withdraw it."""
    form, session, me = Form.sent(), db.session(), current_person_id()
    whole = session.get(AttendanceList, list_id)
    if whole is None:
        raise NotFound("There is no such list.")
    acting = frame.acting(MANAGES)
    if whole.by_id == me and form["answer"] != "confirm":
        held = _own(whole.session_id)
        acting = frozenset({session.get_one(TrainingClass, held.class_id).institution_id})
    try:
        if form["answer"] == "confirm":
            confirming.confirm(session, list_id, by=me, acting=acting, now=utcnow(), note=form["note"])
        else:
            confirming.refuse(session, list_id, by=me, acting=acting, now=utcnow(), note=form["note"])
    except (Malformed, Conflict, Forbidden) as error:
        _tell(form, error, {"no_reason": "note"})
        session.rollback()
        return _list_page(list_id, form), 422
    session.commit()
    if form["answer"] == "confirm":
        frame.say(_("Confirmed. It stands in the log within a minute, and counts from then on."))
    else:
        frame.say(_("The list is sent back. Nothing of it counts."), "info")
    return redirect(url_for("elearn.pages.attendance_list", list_id=list_id), 303)


# --- spreadsheets -----------------------------------------------------------------------------------------------------


@web.allow(MANAGER)
def import_attendance(class_id: UUID) -> ResponseReturnValue:
    """Look at a spreadsheet: what each row would become. Nothing is taken yet."""
    request.max_content_length = files.LARGEST_BYTES + 100_000
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
        "elearn/attendance_import.html", held=held, form=form, preview=preview, texts=attendance_texts, from_ms=from_ms
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
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "线下学时"
    sheet.append(HEADERS)
    for letter, width in zip("ABCDEFG", (12, 14, 24, 14, 12, 12, 12), strict=True):
        sheet.column_dimensions[letter].width = width
        for row in range(1, 200):
            sheet[f"{letter}{row}"].number_format = "@"
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    response = Response(out.getvalue(), content_type=files.SHEET)
    response.headers.set("Content-Disposition", "attachment", filename="attendance.xlsx")
    return response
