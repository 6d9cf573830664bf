"""What two people state about a person or an institution: certificates, earlier training, blacklist, suspension.

`credit_export/findings/rules.py` says who may what. Whom it is about comes from a record, so nobody types a document
number here; an institution is chosen from a list.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.models import Outline
from elearn.courses.requirements.rows import Education
from elearn.credit_export import records, steps
from elearn.credit_export.findings import reading, stating
from elearn.credit_export.findings.reading import FindingLine
from elearn.credit_export.findings.rules import (
    OF_OUTLINE,
    PAPERED,
    Kind,
    why_not_confirm,
    why_not_object,
    why_not_state,
)
from elearn.credit_export.findings.stating import About, Paper
from elearn.credit_export.models import EligibilityRecord
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import finding_texts, forms, frame, members, rule_texts
from elearn.pages.forms import Form
from elearn.people import persons
from elearn.people.callers import Caller, require_caller
from elearn.people.identity import Erased
from elearn.people.models import Organisation, OrganisationKind, Role
from elearn.people.permissions import AUDITOR, INSTITUTION_STAFF, OPERATOR, REGULATOR, regions_of
from elearn.people.registry import local_day
from elearn.people.sides import Side, Voice
from elearn.tracking.signals.reviews import place_of

FIELDS = {
    "paper": "paper", "number": "number", "outline": "paper", "dates": "to_on", "last_day": "to_on", "birth": "from_on",
    "level": "level", "note": "note",
}  # fmt: skip
"""Code of an error -> the field it is about."""
MOST_INSTITUTIONS = 500


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/findings", "findings", findings)
    bp.add_url_rule("/findings/new", "finding_new", finding_new, methods=["GET", "POST"])
    bp.add_url_rule("/findings/<uuid:finding_id>", "finding", finding)
    bp.add_url_rule("/findings/<uuid:finding_id>/answer", "finding_answer", finding_answer, methods=["POST"])
    bp.add_url_rule("/findings/<uuid:finding_id>/end", "finding_end", finding_end, methods=["POST"])


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def findings() -> ResponseReturnValue:
    """What waits for a second person; `?show=answered` for all others."""
    caller, page = require_caller(), frame.page_number()
    show = request.args.get("show", "waiting")
    if show not in ("waiting", "answered"):
        raise NotFound("There is nothing at this address.")
    counts = dict(zip(("waiting", "answered"), reading.counts(db.session(), caller), strict=True))
    lines = reading.lines(db.session(), caller, waiting=show == "waiting", page=page)
    return render_template(
        "elearn/findings.html",
        show=show,
        counts=counts,
        lines=lines,
        may_state=bool(caller.roles - {Role.AUDITOR}),
        confirmable={one.id for one in lines if show == "waiting" and _may_confirm(one, caller)},
        today=local_day(utcnow()),
        may_suspend=bool(_institutions()),
        page=page,
        pages=-(-counts[show] // reading.PAGE),
        page_url=lambda number: url_for("elearn.pages.findings", show=show, page=number),
        texts=finding_texts,
    )


SIDES = {
    Role.INSTITUTION_CLERK: Side.INSTITUTION,
    Role.INSTITUTION_MANAGER: Side.INSTITUTION,
    Role.REGULATOR_OFFICER: Side.REGULATOR,
    Role.OPERATOR: Side.OPERATOR,
}


def _may_confirm(line: FindingLine, caller: Caller) -> bool:
    """Whether it may be the caller's to confirm, as far as roles tell; confirming asks exactly (`stating.voices`)."""
    voices = [Voice(caller.person_id, side) for role, side in SIDES.items() if role in caller.roles]
    return any(why_not_confirm(line.waiting, one) is None for one in voices)


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def finding(finding_id: UUID) -> ResponseReturnValue:
    """One finding with both halves, and what the reader may do."""
    return _page(_visible(finding_id), Form())


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR)
def finding_answer(finding_id: UUID) -> ResponseReturnValue:
    """Confirm, or object."""
    form, caller, session = Form.sent(), require_caller(), db.session()
    if form["answer"] not in ("confirm", "object"):
        raise Malformed("This page is out of date. Load it again and repeat.")
    line = _visible(finding_id)

    def take() -> UUID:
        stating.answer(
            session, line.id, confirm=form["answer"] == "confirm", note=form["note"], caller=caller, at=utcnow()
        )
        if form["answer"] == "confirm" and line.person_id is not None:
            records.record_person(session, line.person_id, now=utcnow())
        return line.id

    return _take(take, form, lambda: _page(_visible(finding_id), form), _back(finding_id), _("Written down."))


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR)
def finding_end(finding_id: UUID) -> ResponseReturnValue:
    """State that a finding no longer holds from a day on."""
    form, caller, session = Form.sent(), require_caller(), db.session()
    line = _visible(finding_id)
    begins = form.day("from_on") or local_day(utcnow())
    if form.errors:
        frame.here(_back(finding_id))
        return _page(line, form), 422

    def take() -> UUID:
        return stating.end(session, line.id, from_on=begins, note=form["note"], caller=caller, at=utcnow()).id

    done = _("It waits for somebody of another side.")
    return _take(take, form, lambda: _page(_visible(finding_id), form), _back(finding_id), done)


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR)
def finding_new() -> ResponseReturnValue:
    """State something: about the person of a record (`?record=`), or that an institution is suspended."""
    form = Form.sent() if request.method == "POST" else Form(request.args.to_dict())
    record = _record(form.id("record"))
    kinds = _kinds(record)
    if not kinds:
        raise NotFound("There is nothing at this address.")
    if request.method == "GET":
        return _new_page(form, record, kinds)
    if form["kind"] not in kinds:
        raise Malformed("This page is out of date. Load it again and repeat.")
    kind, session = Kind(form["kind"]), db.session()
    from_on, to_on = form.day("from_on") or local_day(utcnow()), form.day("to_on")
    paper = None
    if record is not None:
        about = About(person_id=record.person_id)
        if kind in PAPERED:
            form.need("paper", "number")
            code = session.get_one(Outline, record.outline_id).code if kind in OF_OUTLINE else None
            paper = Paper(code, form["paper"], form["number"], _level(form, kind))
        if kind is Kind.BORN_ON:
            form.need("from_on")  # today is nobody's day of birth
    else:
        about = About(organisation_id=form.id("institution"))
        if about.organisation_id is None:
            form.errors["institution"] = _("Please fill this in.")
    if form.errors:
        return _new_page(form, record, kinds), 422

    def take() -> UUID:
        return stating.state(
            session, kind, about, paper=paper, from_on=from_on, to_on=to_on, note=form["note"],
            caller=require_caller(), keys=members.keys(), at=utcnow(),
        ).id  # fmt: skip

    done = _("It waits for somebody of another side.")
    return _take(take, form, lambda: _new_page(form, record, kinds), url_for("elearn.pages.findings"), done)


def _level(form: Form, kind: Kind) -> Education | None:
    """Of a diploma. Raises Malformed: no page of ours offers such a value."""
    if kind is not Kind.EDUCATION or not form["level"]:
        return None
    if form["level"] not in set(Education):
        raise Malformed("This page is out of date. Load it again and repeat.")
    return Education(form["level"])


def _take(take: Callable[[], UUID], form: Form, again: Callable[[], str], back: str, done: str) -> ResponseReturnValue:
    """Do it once, commit, and show it; what is wrong stands beside its field."""
    session = db.session()
    if not forms.is_first():
        return redirect(back, 303)
    try:
        made = take()
    except Malformed as error:
        session.rollback()
        forms.undo_first()
        form.blame(error, FIELDS, "note")
        frame.here(back)
        return again(), 422
    except (Conflict, Forbidden, Erased) as error:
        session.rollback()
        frame.say(forms.said(error), "warn")
        return redirect(back, 303)
    session.commit()
    frame.say(done)
    return redirect(_back(made), 303)


def _back(finding_id: UUID) -> str:
    return url_for("elearn.pages.finding", finding_id=finding_id)


def _visible(finding_id: UUID) -> FindingLine:
    """Raises NotFound: there is none, or it is none of the reader's."""
    session, caller = db.session(), require_caller()
    line = reading.line_of(session, finding_id)
    if line is not None:
        own = stating.voices(session, caller, _about(line))
        office = any(why_not_state(line.kind, None, voice) is None for voice in own)
        if office or Role.AUDITOR in caller.roles:
            return line
    raise NotFound("There is nothing at this address.")


def _about(line: FindingLine) -> About:
    return About(line.person_id, line.organisation_id)


def _page(line: FindingLine, form: Form) -> str:
    session, caller, today = db.session(), require_caller(), local_day(utcnow())
    own = stating.voices(session, caller, _about(line))
    refused = [why_not_confirm(line.waiting, voice) for voice in own]
    number = ""
    if line.person_id is not None and line.number_sealed is not None:
        try:
            number = stating.masked(stating.number_of(session, line.person_id, line.number_sealed, members.keys()))
        except Erased:
            number = "—"
    standing = line.confirmed and line.ends_id is None and not line.ending
    return render_template(
        "elearn/finding.html",
        line=line,
        form=form,
        number=number,
        ended=None if line.ends_id is None else reading.line_of(session, line.ends_id),
        holds=line.holds_on(today),
        may_confirm=line.confirmed is None and None in refused,
        may_object=line.confirmed is None and any(why_not_object(line.waiting, voice) is None for voice in own),
        no=next((no for no in refused if no is not None), None) if None not in refused else None,
        may_end=standing and line.ended_on is None and any(
            why_not_state(line.kind, line.person_id, voice) is None for voice in own
        ),
        today=today,
        texts=finding_texts,
        level_text=rule_texts.education_text,
    )  # fmt: skip


def _record(record_id: UUID | None) -> EligibilityRecord | None:
    """The record that a finding is to be about; None: none is asked. Raises NotFound: not of the reader's."""
    if record_id is None:
        return None
    session = db.session()
    record = session.get(EligibilityRecord, record_id)
    if record is None or not steps.offices_of(require_caller(), place_of(session, record.class_id)):
        raise NotFound("There is no such record.")
    return record


def _kinds(record: EligibilityRecord | None) -> list[Kind]:
    """What the reader may state here."""
    if record is None:
        return [Kind.INSTITUTION_SUSPENDED] if _institutions() else []
    own = stating.voices(db.session(), require_caller(), About(person_id=record.person_id))
    known = persons.get_person(db.session(), record.person_id).born_on is not None
    return [
        kind
        for kind in Kind
        if kind is not Kind.INSTITUTION_SUSPENDED
        and not (kind is Kind.BORN_ON and known)
        and any(why_not_state(kind, record.person_id, voice) is None for voice in own)
    ]


def _institutions() -> list[tuple[UUID, str]]:
    """The institutions that the reader may state something about."""
    caller, regions = require_caller(), regions_of(require_caller())
    query = sa.select(Organisation.id, Organisation.name).where(
        Organisation.kind == OrganisationKind.INSTITUTION, Organisation.closed_at.is_(None)
    )
    if Role.OPERATOR not in caller.roles:
        if not regions:
            return []
        query = query.where(sa.or_(*(Organisation.region.startswith(one) for one in regions)))
    rows = db.session.execute(query.order_by(Organisation.name).limit(MOST_INSTITUTIONS))
    return [(row.id, row.name) for row in rows]


def _new_page(form: Form, record: EligibilityRecord | None, kinds: list[Kind]) -> str:
    session = db.session()
    return render_template(
        "elearn/finding_new.html",
        form=form,
        record=record,
        kinds=kinds,
        papered=PAPERED,
        levels=[(one.value, rule_texts.education_text(one)) for one in Education],
        name=persons.get_person(session, record.person_id).name if record else None,
        outline=session.get_one(Outline, record.outline_id) if record else None,
        institutions=_institutions() if record is None else [],
        today=local_day(utcnow()).isoformat(),
        texts=finding_texts,
    )
