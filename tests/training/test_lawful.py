"""Programmes, rules and people against the hours that the law asks: warned and recorded, never refused; what asks for
nothing is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Training
from elearn.credit_export.hours import MICRO
from elearn.credit_export.models import HoursEntry
from elearn.db import new_id
from elearn.errors import Malformed
from elearn.people import consents, organisations
from elearn.people.models import EmploymentKind, Membership
from elearn.training import assigning, lawful, lawful_rules, programmes
from elearn.training.law_hours import Verdict
from elearn.training.lawful import LawLine
from elearn.training.models import AssignRule, Cycle, LawNote, Occasion, Programme, Purpose
from tests.builders_people import a_person
from tests.builders_training import AT, HOUR_MS, TODAY, Works, a_works
from tests.conftest import statements
from tests.hours import credit_all

LATER = AT + timedelta(days=20)
INITIAL, YEARLY = Training.INITIAL, Training.YEARLY


@pytest.fixture
def works(session: Session) -> Works:
    requirements.load_shipped(session, by="test", at=AT, today=TODAY)
    return a_works(session)


def a_programme(works: Works, purpose: Purpose, hours: int) -> Programme:
    """So many hours by the clock, online: twice as many class hours."""
    return works.programme(purpose, required_ms=hours * HOUR_MS, course=works.course(ms=max(1, hours) * HOUR_MS))


def lines(session: Session, member: Membership, *, on: date = TODAY) -> dict[Training, LawLine]:
    return {one.training: one for one in lawful.of_memberships(session, [member.id], on=on)[member.id]}


def compared(session: Session, rule: AssignRule) -> dict[str, tuple[Verdict, int, int | None]]:
    found = lawful_rules.of_rule(session, rule, None, on=TODAY)
    return {one.category: (one.judgement.verdict, one.judgement.has // MICRO, one.asked.hours) for one in found}


def notes(session: Session) -> list[tuple[str, str, int, int]]:
    found = session.scalars(sa.select(LawNote).order_by(LawNote.category)).all()
    return [(one.category, one.training, one.asked_hours, one.given_micro // MICRO) for one in found]


# --- what asks for nothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "purpose", "required_ms", "made"),
    [
        ("no time and no test: refused", Purpose.OTHER, 0, False),
        ("also for the year's training", Purpose.YEARLY, 0, False),
        ("a millisecond is something", Purpose.OTHER, 1, True),
        ("two people sign a level", Purpose.THREE_LEVEL_TEAM, 0, True),
    ],
)
def test_a_programme_asks_for_something(
    session: Session, rule: str, purpose: Purpose, required_ms: int, made: bool
) -> None:
    works = a_works(session)
    if made:
        assert works.programme(purpose, required_ms=required_ms).closed_at is None
    else:
        with pytest.raises(Malformed, match="asks for nothing") as refused:
            works.programme(purpose, required_ms=required_ms)
        assert refused.value.error_code == "nothing"
        assert session.scalars(sa.select(Programme)).all() == [], rule


def test_no_other_door_lets_in_what_asks_for_nothing_and_what_was_there_is_shown(session: Session) -> None:
    works = a_works(session)
    held = works.programme()
    values = {column: getattr(held, column) for column in ("organisation_id", "title", "purpose", "due_days")}
    values |= {"created_by": held.created_by, "created_at": AT, "class_id": works.programme().class_id}
    session.execute(sa.text("ALTER TABLE elearn.training_programme DROP CONSTRAINT uq_training_programme_class_id"))
    with pytest.raises(IntegrityError, match="asks_something"), session.begin_nested():
        session.execute(sa.insert(Programme).values(id=new_id(), required_ms=0, **values))
    assert lawful_rules.asking_nothing(session, [held.id]) == set()
    session.execute(sa.update(Programme).where(Programme.id == held.id).values(required_ms=0))
    assert lawful_rules.asking_nothing(session, [held.id]) == {held.id}, "made before the rule"


# --- the three levels of whoever is hired -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "occasion", "levels", "reason", "kept"),
    [
        ("all three need no reason", Occasion.HIRE, 3, "", None),
        ("none of them needs none", Occasion.HIRE, 0, "", None),
        ("令3 第十七条: who moves has two of them", Occasion.TRANSFER, 2, "", None),
        ("two, and why is said", Occasion.HIRE, 2, " 班组 不分 ", "班组 不分"),
        ("one, and nobody says why", Occasion.HIRE, 1, "", "levels_reason"),
        ("a blank is no reason", Occasion.HIRE, 2, " \n ", "levels_reason"),
        ("nor is a novel", Occasion.HIRE, 2, "长" * 301, "levels_reason"),
        ("a reason that nobody asked for is not kept", Occasion.HIRE, 3, "x", None),
    ],
)
def test_who_is_hired_has_all_three_levels_or_a_reason_is_kept(
    session: Session, rule: str, occasion: Occasion, levels: int, reason: str, kept: str | None
) -> None:
    works = a_works(session)
    held = works.three_levels()[:levels] or [works.programme()]
    if kept == "levels_reason":
        with pytest.raises(Malformed) as refused:
            works.rule(occasion, held, levels_reason=reason)
        assert refused.value.error_code == kept, rule
        assert session.scalars(sa.select(AssignRule)).all() == []
    else:
        assert works.rule(occasion, held, levels_reason=reason).levels_reason == kept, rule


# --- rules and programmes ---------------------------------------------------------------------------------------------


def test_a_rule_is_compared_for_each_category_that_it_finds_and_what_is_short_is_kept(
    session: Session, works: Works
) -> None:
    for category in ("employee_general", "employee_highrisk", "so_lv_electric", None):
        works.hire(category=category)
    levels = [a_programme(works, one, 4) for one in programmes.LEVELS]
    rule = works.rule(Occasion.HIRE, levels)
    assert compared(session, rule) == {
        "employee_general": (Verdict.ENOUGH, 24, 24),
        "employee_highrisk": (Verdict.SHORT, 24, 72),
    }, "12 hours by the clock; posts with a certificate are for others to judge"
    assert notes(session) == [("employee_highrisk", "initial", 72, 24)]
    [note] = session.scalars(sa.select(LawNote)).all()
    assert (note.rule_id, note.by_id, note.at, note.clause) == (rule.id, rule.created_by, AT, "令3 第十三条")
    named = works.rule(Occasion.HIRE, [a_programme(works, Purpose.OTHER, 24)], categories=["employee_highrisk"])
    assert compared(session, named) == {"employee_highrisk": (Verdict.ENOUGH, 72, 72)}, "with what both give"
    assert compared(session, rule)["employee_general"] == (Verdict.ENOUGH, 24, 24)
    assert len(notes(session)) == 1
    line = [works.enterprise.id, works.group.id]
    everything = [one.id for one in session.scalars(sa.select(Programme))]
    assert lawful_rules.short_rules(session, line, [], on=TODAY) == set()
    programmes.close_rule(session, named.id, at=AT)
    assert lawful_rules.short_rules(session, line, [], on=TODAY) == {rule.id}
    assert lawful_rules.short_programmes(session, everything, line, [], on=TODAY) == {one.id for one in levels}


def test_what_is_asked_beyond_the_courses_is_on_site_where_a_class_hour_is_longer(
    session: Session, works: Works
) -> None:
    works.hire(category="employee_general")
    course, _unit = works.course(ms=6 * HOUR_MS)
    for courses, hours, given in (([], 18, 24), ([course.id], 15, 24), ([course.id], 6, 12), ([course.id], 3, 6)):
        asked = programmes.Asked("入厂教育", Purpose.OTHER, courses, hours * HOUR_MS, 30, on_site=True)
        held = programmes.add(session, works.enterprise.id, asked, by=a_person(session).id, at=AT)
        rule = works.rule(Occasion.HIRE, [held])
        assert compared(session, rule)["employee_general"][1] == given, (len(courses), hours)
        programmes.close_rule(session, rule.id, at=AT)


def test_rules_of_what_lies_above_count_and_those_below_do_not(session: Session, works: Works) -> None:
    works.hire(category="employee_general")
    held = works.programme(node=works.group, required_ms=8 * HOUR_MS, course=works.course(ms=8 * HOUR_MS))
    above = works.rule(Occasion.HIRE, [held], node=works.group)
    below = works.rule(Occasion.HIRE, [a_programme(works, Purpose.OTHER, 4)], node=works.enterprise)
    regions = {works.group.id: None, works.enterprise.id: None}
    found = lawful_rules.of_rules(session, regions, on=TODAY)
    assert {id: one.judgement.has // MICRO for id, [one] in found.items()} == {above.id: 16, below.id: 24}


def test_the_years_training_is_compared_too_and_what_nobody_knows_is_not_warned_about(
    session: Session, works: Works
) -> None:
    works.hire(category="employee_general")
    works.hire(category="manager_general")
    held = a_programme(works, Purpose.YEARLY, 4)
    assert notes(session) == [("manager_general", "yearly", 12, 8)], "by itself, before any rule"
    rule = works.rule(Occasion.YEARLY, [held], cycle=Cycle.CALENDAR)
    assert compared(session, rule) == {
        "employee_general": (Verdict.UNKNOWN, 8, None),
        "manager_general": (Verdict.SHORT, 8, 12),
    }
    appointed = a_programme(works, Purpose.APPOINTMENT, 16)
    assert set(compared(session, works.rule(Occasion.APPOINTMENT, [appointed]))) == {"manager_general"}
    assert compared(session, works.rule(Occasion.CAMPAIGN, [held], from_on=TODAY)) == {}, "no hours are asked of it"


def test_without_requirements_nothing_is_warned_about_and_all_of_it_can_be_made(session: Session) -> None:
    works = a_works(session)
    member = works.hire(category="employee_general")
    rule = works.rule(Occasion.HIRE, [works.programme()])
    assert compared(session, rule) == {}
    assert notes(session) == []
    assert lines(session, member)[INITIAL].judgement.verdict is Verdict.UNKNOWN


# --- one person -------------------------------------------------------------------------------------------------------


def learnt(works: Works, member: Membership, programme: Programme, hours: int) -> None:
    works.learner(member, programme).watch(ms=hours * HOUR_MS)
    credit_all(works.session, now=LATER)


def test_hours_before_the_post_are_those_of_what_was_assigned_on_being_hired(session: Session, works: Works) -> None:
    hire, campaign = a_programme(works, Purpose.OTHER, 20), a_programme(works, Purpose.CAMPAIGN, 4)
    works.rule(Occasion.HIRE, [hire])
    works.rule(Occasion.CAMPAIGN, [campaign], from_on=TODAY)
    member, other = works.hire(category="employee_general"), works.hire(category="employee_highrisk")
    assigning.catch_up(session, now=AT)
    assert set(lines(session, member)) == {INITIAL}, "who came this year"
    learnt(works, member, hire, 9)
    learnt(works, other, campaign, 4)
    found = lines(session, member)[INITIAL]
    assert (found.judgement.verdict, found.judgement.has, found.judgement.short) == (
        Verdict.SHORT, 18 * MICRO, 6 * MICRO,
    )  # fmt: skip
    assert found.asked.clause == "令3 第十三条"
    assert lines(session, other)[INITIAL].judgement.has == 0, "a campaign is for neither"
    # Three hours more, on site this time: 45 minutes each.
    span = works.learner(member, hire).watch(ms=1)
    session.add(
        HoursEntry(
            id=new_id(), person_id=member.person_id, class_id=hire.class_id, modality="offline", kind="theory",
            amount_ms=3 * HOUR_MS, earned_on=TODAY, learned_at=AT, watched_span_id=span, rule_version="x",
            created_at=AT,
        )
    )  # fmt: skip
    session.flush()
    assert lines(session, member)[INITIAL].judgement.has == 22 * MICRO


def test_a_year_counts_what_was_learned_in_it_and_a_category_what_holds_since_the_post_began(
    session: Session, works: Works
) -> None:
    yearly = a_programme(works, Purpose.YEARLY, 20)
    works.rule(Occasion.YEARLY, [yearly], cycle=Cycle.CALENDAR)
    member = works.hire(category="employee_highrisk", from_on=date(2025, 3, 1))
    early = works.hire(category="employee_general", from_on=date(2021, 6, 1))
    assigning.catch_up(session, now=AT)
    learnt(works, member, yearly, 10)
    found = lines(session, member)
    assert (found[YEARLY].judgement.verdict, found[YEARLY].asked.hours) == (Verdict.ENOUGH, 20)
    assert (found[INITIAL].judgement.verdict, found[INITIAL].asked.hours) == (Verdict.SHORT, 72)
    assert lines(session, member, on=date(2027, 1, 1))[YEARLY].judgement.has == 0, "a year is a year"
    organisations.leave(session, member.person_id, works.enterprise.id, date(2026, 12, 31))
    assert lines(session, member, on=date(2027, 6, 1))[YEARLY].judgement.verdict is Verdict.ENOUGH, "on the last day"
    still = lawful.of_memberships(session, [member.id, early.id], on=date(2027, 6, 1), ended=False)
    assert set(still) == {early.id}
    assert {one.judgement.verdict for one in lines(session, early).values()} == {Verdict.UNKNOWN}


def test_many_people_cost_as_many_queries_as_one_and_contractors_are_their_own_employers(
    session: Session, works: Works
) -> None:
    hire = a_programme(works, Purpose.OTHER, 1)
    works.rule(Occasion.HIRE, [hire])
    several = [works.hire(category="employee_general").id for _ in range(5)]
    contractor = works.hire(kind=EmploymentKind.CONTRACTOR).id
    assigning.catch_up(session, now=AT)
    sent: list[Any] = []
    for ids in (several[:1], [*several, contractor]):
        with statements(session) as found:
            assert set(lawful.of_memberships(session, ids, on=TODAY)) == set(ids) - {contractor}
        sent.append(len(found))
    assert sent[0] == sent[1] <= 6
    assert lawful.of_memberships(session, [], on=TODAY) == {}


def test_hours_from_elsewhere_count_while_the_person_agrees(session: Session, works: Works) -> None:
    other = a_works(session)
    course = works.course()
    here = works.programme(course=course)
    there = other.programme(course=course, node=other.enterprise)
    works.rule(Occasion.HIRE, [here])
    member = works.hire(category="employee_general")
    second = organisations.join(
        session, member.person_id, other.enterprise.id, EmploymentKind.FLEXIBLE, TODAY, at=AT
    )  # fmt: skip
    assigning.catch_up(session, now=AT)
    learner = other.learner(second, there)
    learner.watch(ms=HOUR_MS)
    credit_all(session, now=LATER)
    assert lines(session, member)[INITIAL].judgement.has == 0
    consents.say(
        session, member.person_id, works.enterprise.id, consents.What.HOURS_ELSEWHERE, given=True, words="yes", at=AT
    )
    assert lines(session, member)[INITIAL].judgement.has == 2 * MICRO
