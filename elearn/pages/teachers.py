"""The register of teachers: who is in it, a teacher's own page, adding, for whom they teach; what runs out.

An institution's manager keeps its own teachers, a regulator's officer those of the region and in whose register they
stand. Certificates and their second person are in `teacher_papers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import describing
from elearn.courses.centres import INDUSTRIES, Industry
from elearn.courses.teachers import certifying, reading, registering
from elearn.courses.teachers.certifying import number_of
from elearn.courses.teachers.reading import TeacherLine, Wanted
from elearn.courses.teachers.rules import Level
from elearn.courses.teachers.said import Profile
from elearn.credit_export import teacher_hours
from elearn.db import db
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members, teacher_texts
from elearn.pages.forms import Form
from elearn.pages.people import BESIDE, document_kinds
from elearn.people import persons
from elearn.people.callers import require_caller
from elearn.people.identity import DocumentKind, Erased
from elearn.people.models import Role
from elearn.people.permissions import AUDITOR, INSTITUTION_STAFF, MANAGER, OPERATOR, REGULATOR, SIGNED_IN, TEACHER
from elearn.people.registry import local_day
from elearn.people.sides import why_not_second

FIELDS = BESIDE | {
    "dates": "to_on", "work": "works", "level": "level", "teaches_already": "from_on", "term_over": "to_on",
    "name_form": "name",
}  # fmt: skip
"""Code of an error -> the field it is about."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teachers", "teachers", teachers)
    bp.add_url_rule("/teachers/warnings", "teacher_warnings", teacher_warnings)
    bp.add_url_rule("/teachers/new", "teacher_new", teacher_new, methods=["GET", "POST"])
    bp.add_url_rule("/teachers/<uuid:teacher_id>", "teacher", teacher)
    bp.add_url_rule("/teachers/<uuid:teacher_id>/profile", "teacher_profile", teacher_profile, methods=["POST"])
    bp.add_url_rule("/teachers/<uuid:teacher_id>/terms", "teacher_join", teacher_join, methods=["POST"])
    bp.add_url_rule("/teachers/terms/<uuid:term_id>/end", "teacher_leave", teacher_leave, methods=["POST"])


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR, TEACHER)
def teachers() -> ResponseReturnValue:
    """The register, by name; narrowed down by level, industry and kind of work. A teacher finds himself."""
    form, page = Form.asked(), frame.page_number()
    wanted = Wanted(
        name=form["name"],
        level=Level(form["level"]) if form["level"] in list(Level) else None,
        industry=Industry(form["industry"]) if form["industry"] in list(Industry) else None,
        work=form["work"].strip(),
    )
    session, caller, on = db.session(), require_caller(), local_day(utcnow())
    found, total = reading.lines(session, caller, wanted, on=on, page=page)
    chosen: dict[str, Any] = {name: form[name] for name in ("name", "level", "industry", "work") if form[name]}
    return render_template(
        "elearn/teachers.html",
        lines=found,
        total=total,
        form=form,
        narrowed=bool(wanted.level or wanted.industry or wanted.work),
        levels=levels(),
        industries=[(one.value, _(name)) for one, name in INDUSTRIES.items()],
        works=reading.coverable(session, on).works,
        may_add=bool(reading.offices(session, caller)),
        may_warn=bool(caller.roles & frame.KEEPS_RECORDS),
        page=page,
        pages=-(-total // reading.PAGE),
        page_url=lambda number: url_for("elearn.pages.teachers", **chosen, page=number),
        texts=teacher_texts,
    )


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def teacher_warnings() -> ResponseReturnValue:
    """What runs out within 60 days, what waits for a second person, what classes lack, hours that are short."""
    session, caller, on = db.session(), require_caller(), local_day(utcnow())
    expiring, many = reading.lines(session, caller, Wanted(expiring=True), on=on, size=reading.MOST)
    everybody, _total = reading.lines(session, caller, Wanted(), on=on, size=reading.MOST_OFFICES)
    short = teacher_hours.short(session, [one.id for one in everybody], on=on)
    running = reading.running_classes(session, caller, on)
    problems = teacher_hours.class_problems(session, [one.id for one in running], today=on)
    return render_template(
        "elearn/teacher_warnings.html",
        expiring=expiring,
        many=many,
        waiting=reading.waiting(session, caller),
        short=[(one, short[one.id]) for one in everybody if one.id in short],
        classes=[(one, problems[one.id]) for one in running if problems.get(one.id)],
        names={one.id: one.name for one in everybody},
        on=on,
        may_edit=Role.INSTITUTION_MANAGER in caller.roles,
        texts=teacher_texts,
    )


@web.allow(SIGNED_IN)
def teacher(teacher_id: UUID) -> ResponseReturnValue:
    """A teacher: certificates, institutions, classes, and hours of their own training. Also for the teacher."""
    return teacher_page(visible(teacher_id))


@web.allow(MANAGER, REGULATOR)
def teacher_new() -> ResponseReturnValue:
    """Somebody of the institution, or somebody by name and document, becomes a teacher of an institution."""
    session, caller, now = db.session(), require_caller(), utcnow()
    form = Form.sent() if request.method == "POST" else Form.asked()
    offices = reading.offices(session, caller)
    if not offices:
        raise NotFound("There is nothing at this address.")
    institution = form.id("institution") or (offices[0][0] if len(offices) == 1 else None)
    if request.method == "GET":
        return _new_page(form, offices, institution)
    office = {one for one, _name in offices}
    if institution not in office:
        form.errors["institution"] = _("Please fill this in.")
    person_id = form.id("person")
    if person_id is None:
        form.need("name", "document_number")
        if form["document_kind"] not in list(DocumentKind):
            raise Malformed("This page is out of date. Load it again and repeat.")
    elif institution is not None and person_id not in dict(describing.teachers_of(session, institution)):
        raise Malformed("This page is out of date. Load it again and repeat.")
    from_on, said = form.day("from_on") or local_day(now), profile_of(form)
    if form.errors or institution is None:
        return _new_page(form, offices, institution), 422

    def take() -> str:
        who = person_id or persons.take_in(
            session, name=form["name"], document_kind=DocumentKind(form["document_kind"]),
            document_number=form["document_number"], keys=members.keys(), at=now,
        ).id  # fmt: skip
        made = registering.register(session, who, said, by=caller.person_id, may_level=may_level(), at=now)
        registering.join(
            session, made, institution, full_time=form["full_time"] != "no", from_on=from_on, acting=office,
            by=caller.person_id, at=now,
        )  # fmt: skip
        return url_for("elearn.pages.teacher", teacher_id=made)

    back = url_for("elearn.pages.teachers")
    return taken(take, form, lambda: _new_page(form, offices, institution), back, _("In the register now."), FIELDS)


@web.allow(MANAGER, REGULATOR)
def teacher_profile(teacher_id: UUID) -> ResponseReturnValue:
    """Say anew what a teacher teaches."""
    line, form, caller = visible(teacher_id), Form.sent(), require_caller()
    _require_office(line)
    said = profile_of(form, line.level)

    def take() -> str:
        registering.describe(db.session(), line.id, said, by=caller.person_id, may_level=may_level(), at=utcnow())
        return page_of(line.id)

    return taken(
        take, form, lambda: teacher_page(line, form, opened="profile"), page_of(line.id), _("Written down."), FIELDS
    )


@web.allow(MANAGER, REGULATOR)
def teacher_join(teacher_id: UUID) -> ResponseReturnValue:
    """The teacher teaches for another institution too, or again."""
    line, form, session, caller = visible(teacher_id), Form.sent(), db.session(), require_caller()
    institution, from_on, to_on = form.id("institution"), form.day("from_on"), form.day("to_on")
    if institution is None:
        form.errors["institution"] = _("Please fill this in.")
    form.need("from_on")
    if form.errors or institution is None or from_on is None:
        frame.here(page_of(line.id))
        return teacher_page(line, form), 422
    acting = {one for one, _name in reading.offices(session, caller)}

    def take() -> str:
        registering.join(
            session, line.id, institution, full_time=form["full_time"] != "no", from_on=from_on, to_on=to_on,
            acting=acting, by=caller.person_id, at=utcnow(),
        )  # fmt: skip
        return page_of(line.id)

    return taken(take, form, lambda: teacher_page(line, form), page_of(line.id), _("Written down."), FIELDS)


@web.allow(MANAGER, REGULATOR)
def teacher_leave(term_id: UUID) -> ResponseReturnValue:
    """The last day of a term."""
    form, session, caller = Form.sent(), db.session(), require_caller()
    teacher_id = form.id("teacher")
    if teacher_id is None:
        raise Malformed("This page is out of date. Load it again and repeat.")
    line, to_on = visible(teacher_id), form.day("to_on")
    if to_on is None:
        form.need("to_on")
        frame.here(page_of(line.id))
        return teacher_page(line, form), 422
    acting = {one for one, _name in reading.offices(session, caller)}

    def take() -> str:
        registering.leave(session, term_id, to_on=to_on, acting=acting, by=caller.person_id, at=utcnow())
        return page_of(line.id)

    return taken(take, form, lambda: teacher_page(line, form), page_of(line.id), _("Written down."), FIELDS)


# --- what the pages of teachers share ---------------------------------------------------------------------------------


def taken(
    take: Callable[[], str], form: Form, again: Callable[[], str], back: str, done: str, fields: dict[str, str]
) -> ResponseReturnValue:
    """Do it once, commit, and go where `take` says; what is wrong stands beside its field."""
    session = db.session()
    if not forms.is_first():
        return redirect(back, 303)
    try:
        leads = take()
    except (Malformed, Conflict) as error:
        session.rollback()
        forms.undo_first()
        form.blame(error, fields, "note")
        frame.say_now(forms.said(error))
        frame.here(back)
        return again(), 409 if isinstance(error, Conflict) else 422
    except (Forbidden, Erased) as error:
        session.rollback()
        forms.undo_first()
        frame.say(forms.said(error), "warn")
        return redirect(back, 303)
    except DomainError:
        session.rollback()
        forms.undo_first()
        raise
    session.commit()
    frame.say(done)
    return redirect(leads, 303)


def visible(teacher_id: UUID) -> TeacherLine:
    """Raises NotFound: there is none, or it is none of the reader's."""
    line = reading.one(db.session(), require_caller(), teacher_id, on=local_day(utcnow()))
    if line is None:
        raise NotFound("There is no such teacher.")
    return line


def page_of(teacher_id: UUID) -> str:
    return url_for("elearn.pages.teacher", teacher_id=teacher_id)


def may_level() -> bool:
    """Whether the reader says in whose register a teacher stands."""
    return Role.REGULATOR_OFFICER in require_caller().roles


def levels() -> list[tuple[str, str]]:
    return [(one.value, teacher_texts.level_text(one)) for one in Level]


def profile_of(form: Form, level: Level = Level.INSTITUTION) -> Profile:
    """Raises Malformed: no page of ours offers such a value."""
    if form["level"] not in ("", *Level) or set(form.all("industries")) - set(Industry):
        raise Malformed("This page is out of date. Load it again and repeat.")
    return Profile(
        level=Level(form["level"]) if form["level"] else level,
        industries=frozenset(map(Industry, form.all("industries"))),
        works=[*form.all("works"), *form["other_works"].replace("、", ",").replace("，", ",").split(",")],
    )


def teacher_page(line: TeacherLine, form: Form | None = None, *, opened: str = "") -> str:
    """`opened`: the part whose form was sent and is wrong."""
    session, caller, on = db.session(), require_caller(), local_day(utcnow())
    own = certifying.voices(session, caller, line.id) if line.person_id != caller.person_id else []
    certificates = reading.certificates(session, line.id)
    numbers = {}
    for one in certificates:
        if one.number_sealed is not None:
            try:
                numbers[one.id] = number_of(session, line.person_id, one.number_sealed, members.keys())
            except Erased:
                numbers[one.id] = "—"
    refused = {
        one.id: [why_not_second(line.person_id, one.by, voice) for voice in own]
        for one in certificates
        if one.confirmed is None
    }
    offices = reading.offices(session, caller)
    terms = reading.terms(session, line.id)
    offered = reading.coverable(session, on)
    return render_template(
        "elearn/teacher.html",
        line=line,
        form=form or Form(),
        opened=opened,
        certificates=[one for one in certificates if one.ends_id is None],
        ends={one.ends_id: one for one in certificates if one.ends_id is not None and one.confirmed is not False},
        numbers=numbers,
        may_answer={one for one, several in refused.items() if None in several},
        may_take_back={one.id for one in certificates if one.confirmed is None and one.by.person == caller.person_id},
        no={one: next((no for no in several if no), None) for one, several in refused.items() if None not in several},
        may_state=bool(own),
        covers=dict(offered.categories),
        offered=offered,
        works=_pairs(offered.works),
        profile_form=_profile_form(line, offered.works) if opened != "profile" else form,
        terms=terms,
        office={one for one, _name in offices},
        offices=offices,
        classes=reading.classes(session, caller, line),
        may_edit=bool({one for one, _name in offices} & {row.institution_id for row in terms}),
        may_level=may_level(),
        levels=levels(),
        industries=[(one.value, _(name)) for one, name in INDUSTRIES.items()],
        hours=_hours(line, terms, on),
        on=on,
        texts=teacher_texts,
    )


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """Value and text of what is offered to be ticked."""
    return [(one, one) for one in words]


def _profile_form(line: TeacherLine, offered: Sequence[str]) -> Form:
    """The form as it stands for a teacher."""
    others = [one for one in line.works if one not in offered]
    values = {"level": line.level.value, "other_works": _(", ").join(others)}
    return Form(values, {"industries": list(line.industries), "works": list(line.works)})


def _hours(line: TeacherLine, terms: list[Any], on: date) -> dict[str, int | None]:
    """Millionths of a 学时 of their own training this year and the year before, and what is asked a year."""
    session = db.session()
    regions = {row.region for row in terms}
    earned = teacher_hours.earned(session, [line.person_id], on.year - 1, on.year)
    return {
        "this": earned.get((line.person_id, on.year), 0),
        "before": earned.get((line.person_id, on.year - 1), 0),
        "asked": teacher_hours.asked_in(session, regions, on),
        "short": teacher_hours.short(session, [line.id], on=on).get(line.id),
    }


def _require_office(line: TeacherLine) -> None:
    """Raises NotFound: the reader keeps the register of no institution that this teacher taught for."""
    session = db.session()
    acting = {one for one, _name in reading.offices(session, require_caller())}
    if not acting & {row.institution_id for row in reading.terms(session, line.id)}:
        raise NotFound("There is no such teacher.")


def _new_page(form: Form, offices: list[tuple[UUID, str]], institution: UUID | None) -> str:
    session, on = db.session(), local_day(utcnow())
    own = institution in frame.acting(Role.INSTITUTION_MANAGER)
    frame.here(url_for("elearn.pages.teacher_new"))
    return render_template(
        "elearn/teacher_new.html",
        form=form,
        offices=offices,
        institution=institution,
        staff=describing.teachers_of(session, institution) if own and institution else [],
        document_kinds=document_kinds(),
        may_level=may_level(),
        levels=levels(),
        industries=[(one.value, _(name)) for one, name in INDUSTRIES.items()],
        works=_pairs(reading.coverable(session, on).works),
        today=on.isoformat(),
    )
