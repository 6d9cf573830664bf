"""Why not? A person, an outline and a day: what the rules of that day say, in sentences, and which rules they were.

Who keeps records asks about the people in their classes or their region; everybody asks about themselves. Another day
is a what-if: the hours and facts of now by the rules of then. Nothing is written.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.requirements import service as requirements
from elearn.courses.teachers.rules import Problem
from elearn.credit_export import teachers_valid
from elearn.credit_export import why_not as service
from elearn.credit_export.eligibility import Reason
from elearn.credit_export.why_not import Reach
from elearn.db import db
from elearn.errors import NotFound
from elearn.pages import members, rule_texts, teacher_texts, why_not_texts
from elearn.pages.forms import Form
from elearn.people import persons
from elearn.people.callers import Caller, require_caller
from elearn.people.models import Person, Role
from elearn.people.permissions import SIGNED_IN, regions_of, scope_of
from elearn.people.registry import local_day


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/why-not", "why_not", why_not)


def reach_of(caller: Caller) -> Reach:
    """About whom the caller may ask beside themselves."""
    return Reach(
        bool(caller.roles & {Role.OPERATOR, Role.AUDITOR}),
        frozenset(scope_of(caller, Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER)),
        regions_of(caller),
    )


@web.allow(SIGNED_IN)
def why_not() -> ResponseReturnValue:
    """`?search=` finds people; `?person=`, `?outline=`, `?on=` ask."""
    session, caller, now = db.session(), require_caller(), utcnow()
    form = Form.asked()
    reach, today = reach_of(caller), local_day(now)
    on = form.day("on") or today
    search = form["search"].strip()
    person = _person(form.id("person"), caller, reach, searching=bool(search))
    choices = [] if person is None else service.outlines(session, person.id, _seen_by(person, caller, reach), on)
    wanted = form.id("outline")
    outline = next((one for one in choices if one.id == wanted), None)
    if wanted is not None and outline is None:
        raise NotFound("There is no such outline.")
    answer = today_answer = None
    if person is not None and outline is not None and not form.errors:
        answer = service.ask(session, person, outline, on=on, now=now)
        today_answer = None if on == today else service.ask(session, person, outline, on=today, now=now)
    page = render_template(
        "elearn/why_not.html",
        form=form,
        search=search,
        found=service.people(session, search, reach) if search and not reach.empty else [],
        most=service.MOST,
        asks_about_others=not reach.empty,
        person=person and persons.person_facts(session, person.id, members.keys()),
        person_id=person and person.id,
        outlines=choices,
        outline=outline,
        on=on,
        answer=answer,
        today_answer=today_answer,
        teachers=_teachers(answer, today),
        teacher_texts=teacher_texts,
        texts=why_not_texts,
        rule_texts=rule_texts,
        origins=requirements.catalogue(session).sources() if answer else {},
    )
    return page, 422 if form.errors else 200


def _teachers(answer: service.Answer | None, today: date) -> list[tuple[Problem, str]]:
    """What is wrong with the teachers of the person's classes, when that is a reason."""
    if answer is None or Reason.TEACHER_INVALID not in answer.reasons:
        return []
    case = answer.case
    return teachers_valid.wrong(db.session(), case.person_id, case.outline_id, case.class_id, today=today)


def _person(wanted: UUID | None, caller: Caller, reach: Reach, *, searching: bool) -> Person | None:
    """Whom it is about: who was chosen, else the caller. Raises NotFound: others are not confirmed to exist."""
    session = db.session()
    if wanted is None:
        return None if searching or not reach.empty else session.get(Person, caller.person_id)
    if wanted != caller.person_id and (reach.empty or not service.may_ask(session, wanted, reach)):
        raise NotFound("There is no such person.")
    found = session.get(Person, wanted)
    if found is None:
        raise NotFound("There is no such person.")
    return found


def _seen_by(person: Person, caller: Caller, reach: Reach) -> Reach | None:
    return None if person.id == caller.person_id else reach
