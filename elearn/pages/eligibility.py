"""Eligibility records: staff submits and checks, the regulator verifies, two people suspend and revoke; learners see.

`credit_export/lifecycle.py` says who may what. A step is taken on the version that was looked at: when hours changed in
the meantime, the page says so and shows the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.models import Outline, TrainingClass
from elearn.credit_export import holds, record_reading, records, steps
from elearn.credit_export.findings.reading import about_person
from elearn.credit_export.lifecycle import PLATFORM_ONLY, REASONS, SENSITIVE, STEPS, Act, Actor, No, Office, State
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.record_reading import Listed
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import eligibility_texts, finding_texts, forms, frame, members
from elearn.pages.forms import Form
from elearn.people import persons
from elearn.people.callers import current_person_id, require_caller
from elearn.people.permissions import AUDITOR, INSTITUTION_STAFF, OPERATOR, REGULATOR, SIGNED_IN
from elearn.people.registry import local_day
from elearn.tracking.signals.reviews import place_of

AT_ONCE = (Act.SUBMIT, Act.CHECK, Act.VERIFY)
"""Steps that may be taken for several records of a list at once."""
MOST_AT_ONCE = record_reading.PAGE
WAITS = frozenset({State.COMPUTED, State.SUBMITTED, State.INSTITUTION_CHECKED, State.REGULATOR_VERIFIED})
"""Where a record waits for its grant: what holds it back is said then."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/eligibility", "eligibility_list", eligibility_list)
    bp.add_url_rule("/eligibility/steps", "eligibility_steps", eligibility_steps, methods=["POST"])
    bp.add_url_rule("/eligibility/<uuid:record_id>", "eligibility_record", eligibility_record)
    bp.add_url_rule("/eligibility/<uuid:record_id>/<act>", "eligibility_act", eligibility_act, methods=["POST"])
    bp.add_url_rule(
        "/eligibility/<uuid:record_id>/proposals/<uuid:proposal_id>",
        "eligibility_answer",
        eligibility_answer,
        methods=["POST"],
    )
    bp.add_url_rule("/hours/<uuid:outline_id>", "eligibility_own", eligibility_own)


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def eligibility_list() -> ResponseReturnValue:
    """Records by where they stand; `?show=`, `?outline=`, `?search=` narrow it down."""
    caller, page, on = require_caller(), frame.page_number(), local_day(utcnow())
    try:
        show = Listed(request.args.get("show", Listed.FOR_YOU))
    except ValueError as error:
        raise NotFound("There is nothing at this address.") from error
    form = Form.asked()
    search = form["search"]
    found, counts = record_reading.lines(
        db.session(), caller, show=show, on=on, outline_id=form.id("outline"), search=search, page=page
    )
    narrowed: dict[str, Any] = {"outline": form["outline"] or None, "search": search or None}
    return render_template(
        "elearn/eligibility.html",
        show=show,
        form=form,
        search=search,
        lines=found,
        counts=counts,
        outlines=record_reading.outlines_seen(db.session(), caller, on=on),
        acts=_acts_at_once(found) if show is Listed.FOR_YOU else [],
        page=page,
        pages=-(-counts[show] // record_reading.PAGE),
        url=lambda name: url_for("elearn.pages.eligibility_list", show=name, **narrowed),
        page_url=lambda number: url_for("elearn.pages.eligibility_list", show=show, page=number, **narrowed),
        texts=eligibility_texts,
    )


def _acts_at_once(found: list[record_reading.RecordLine]) -> list[Act]:
    """What the reader's roles may do with several of these; each one is decided on its own."""
    states = {line.state for line in found if line.eligible}
    held = require_caller().roles
    mine = INSTITUTION_STAFF.roles if held & INSTITUTION_STAFF.roles else frozenset()
    acts = [act for act in AT_ONCE if any((state, act) in STEPS for state in states)]
    return [act for act in acts if (held & REGULATOR.roles if act is Act.VERIFY else mine)]


@web.allow(INSTITUTION_STAFF, REGULATOR)
def eligibility_steps() -> ResponseReturnValue:
    """The same step for several records of a list; those that cannot take it are left as they are, and it is said."""
    form = Form.sent()
    try:
        act = Act(form["act"])
    except ValueError as error:
        raise Malformed("This page is out of date. Load it again and repeat.") from error
    chosen = form.ids("records")
    if act not in AT_ONCE or len(chosen) > MOST_AT_ONCE:
        raise Malformed("This page is out of date. Load it again and repeat.")
    back = redirect(url_for("elearn.pages.eligibility_list"), 303)
    if not chosen:
        frame.say(_("Choose at least one."), "warn")
        return back
    if not forms.is_first():
        return back
    session, done, refused = db.session(), 0, dict[str, int]()
    for record_id in dict.fromkeys(chosen):
        try:
            with session.begin_nested():
                steps.act(session, record_id, act, caller=require_caller(), at=utcnow())
            done += 1
        except (Conflict, Forbidden, NotFound) as error:
            refused[forms.said(error)] = refused.get(forms.said(error), 0) + 1
    session.commit()
    if done:
        frame.say(_("%(count)s done: %(what)s.", count=done, what=eligibility_texts.act_text(act)))
    for sentence, count in refused.items():
        frame.say(_("%(count)s not: %(why)s", count=count, why=sentence), "warn")
    return back


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def eligibility_record(record_id: UUID) -> ResponseReturnValue:
    """A record with its life, its reasons, the hours behind it, and what the reader may do."""
    return _record_page(_visible(record_id), Form())


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR)
def eligibility_act(record_id: UUID, act: str) -> ResponseReturnValue:
    """Take a step, or propose one that takes two people."""
    if act not in set(Act):
        raise NotFound("There is nothing at this address.")
    form, what, caller = Form.sent(), Act(act), require_caller()
    record = _brought_up_to_date(record_id)

    def take() -> None:
        proposing = steps.propose if what in SENSITIVE else steps.act
        proposing(db.session(), record_id, what, caller=caller, reason=form["reason"], note=form["note"], at=utcnow())

    done = _("It waits for somebody of another side.") if what in SENSITIVE else _("Written down.")
    return _take(record, form, take, done)


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR)
def eligibility_answer(record_id: UUID, proposal_id: UUID) -> ResponseReturnValue:
    """Confirm what somebody of another side proposed, or object."""
    form, caller = Form.sent(), require_caller()
    confirm = form["answer"] == "confirm"
    if not confirm and form["answer"] != "object":
        raise Malformed("This page is out of date. Load it again and repeat.")
    record = _brought_up_to_date(record_id)

    def take() -> None:
        steps.answer(
            db.session(), record_id, proposal_id, confirm=confirm, caller=caller, note=form["note"], at=utcnow()
        )

    return _take(record, form, take, _("Written down."))


def _take(record: EligibilityRecord, form: Form, take: Callable[[], None], done: str) -> ResponseReturnValue:
    """Do it once, commit, and show the newest version; what is wrong stands beside its field."""
    session, own = db.session(), record.id
    here = redirect(url_for("elearn.pages.eligibility_record", record_id=own), 303)
    if not forms.is_first():
        return here
    try:
        take()
    except Malformed as error:
        session.rollback()
        forms.undo_first()
        form.blame(error, {"reason": "reason"}, "note")
        frame.here(url_for("elearn.pages.eligibility_record", record_id=own))
        return _record_page(_visible(own), form), 422
    except (Conflict, Forbidden) as error:
        session.rollback()
        frame.say(forms.said(error), "warn")
    else:
        session.commit()
        frame.say(done)
    return here


def _visible(record_id: UUID) -> EligibilityRecord:
    session = db.session()
    record = session.get(EligibilityRecord, record_id)
    if record is None or not steps.may_see(require_caller(), place_of(session, record.class_id)):
        raise NotFound("There is no such record.")
    return record


def _brought_up_to_date(record_id: UUID) -> EligibilityRecord:
    """The record, after the person was judged as of now: what is shown next is what is true, whatever comes of it."""
    record = _visible(record_id)
    if records.record_person(db.session(), record.person_id, now=utcnow()):
        db.session.commit()
    return record


def _record_page(record: EligibilityRecord, form: Form) -> str:
    session, caller = db.session(), require_caller()
    line = steps.line_of(session, record, now=utcnow())
    newest, waiting = line.record, line.waiting
    actors = [Actor(caller.person_id, one) for one in steps.offices_of(caller, place_of(session, newest.class_id))]
    acting = {act: line.acting(act, actors) for act in Act if act not in PLATFORM_ONLY}
    may = [act for act, found in acting.items() if isinstance(found, Actor)]
    answering = waiting and line.acting(Act(waiting.act), actors, proposed=line.proposed)
    return render_template(
        "elearn/eligibility_record.html",
        asked=record,
        record=newest,
        form=form,
        person=persons.person_facts(session, newest.person_id, members.keys()),
        outline=session.get_one(Outline, newest.outline_id),
        held=None if newest.class_id is None else session.get_one(TrainingClass, newest.class_id),
        life=line.standing.life,
        rule=line.rule,
        waiting=waiting,
        waiting_act=waiting and Act(waiting.act),
        waiting_office=waiting and Office(waiting.office),
        proposer=None if waiting is None else persons.get_person(session, waiting.by_id).name,
        answer_no=answering if isinstance(answering, No) else None,
        may_answer=waiting is not None and line.may_object(actors),
        counts=record_reading.counts_of(newest.hours, newest.rules),
        behind=record_reading.hours_behind(session, newest),
        steps=record_reading.life_of_line(session, newest),
        objections=record_reading.objections(session, newest),
        may=[act for act in may if act not in SENSITIVE],
        propose=[act for act in may if act in SENSITIVE and waiting is None],
        nos=sorted({eligibility_texts.no_text(no) for no in acting.values() if isinstance(no, No)} - {""}),
        reasons=REASONS,
        holding=sorted(line.held) if line.standing.state in WAITS else [],
        findings=about_person(session, newest.person_id),
        may_state=bool(actors) and newest.person_id != caller.person_id,
        today=local_day(utcnow()),
        finding_texts=finding_texts,
        texts=eligibility_texts,
    )


# -- the learner's side


@web.allow(SIGNED_IN)
def eligibility_own(outline_id: UUID) -> ResponseReturnValue:
    """The caller's own record under one outline: where it stands and how it came there. Staff stands in no name."""
    session = db.session()
    own = record_reading.own_records(session, current_person_id()).get(outline_id)
    if own is None:
        raise NotFound("There is no such record.")
    return render_template(
        "elearn/eligibility_own.html",
        own=own,
        eligible=records.said_by(own.record).eligible,
        outline=session.get_one(Outline, outline_id),
        held=None if own.record.class_id is None else session.get_one(TrainingClass, own.record.class_id),
        counts=record_reading.counts_of(own.record.hours, own.record.rules),
        steps=[one for one in record_reading.life_of_line(session, own.record) if one.act is not Act.SUPERSEDE],
        holding=sorted(holds.holds_on(session, own.record, local_day(utcnow()))) if own.state in WAITS else [],
        finding_texts=finding_texts,
        texts=eligibility_texts,
    )
