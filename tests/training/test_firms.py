"""Whom a firm sent, and how far each of them is: of the tree that is asked about, and of today."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from elearn.people import organisations
from elearn.people.models import EmploymentKind, Membership, Organisation
from elearn.training import firms
from elearn.training.figures import keeping
from elearn.training.firms import Stands
from elearn.training.models import Assignment, Occasion, State
from tests.builders_people import a_person
from tests.builders_training import AT, TODAY, Works, a_works

DAY = timedelta(days=1)
BRIDGE, MINE = "路桥一公司", "金沙劳务"


@pytest.fixture
def works(session: Session) -> Works:
    return a_works(session)


def send(works: Works, firm: str, *, unit: Organisation | None = None, to_on: object = None) -> Membership:
    made = works.hire(kind=EmploymentKind.CONTRACTOR, unit=unit, from_on=TODAY - 30 * DAY)
    made.firm = firm
    works.session.flush()
    return made


def assigned(works: Works, member: Membership, **said: object) -> Assignment:
    programme = works.programme()
    made = Assignment(
        membership_id=member.id, person_id=member.person_id, organisation_id=member.organisation_id,
        programme_id=programme.id, occasion=Occasion.CONTRACTOR_ENTRY, cause=f"{programme.id}",
        position=1, assigned_on=TODAY - 30 * DAY, due_on=TODAY + DAY, bars_post=True, required_ms=1, state=State.OPEN,
        created_at=AT,
    )  # fmt: skip
    for name, value in said.items():
        setattr(made, name, value)
    works.session.add(made)
    works.session.flush()
    return made


DONE: dict[str, object] = {"state": State.DONE, "done_at": AT}
LATE: dict[str, object] = {"due_on": TODAY - DAY}


@pytest.mark.parametrize(
    ("given", "stands"),
    [
        ([], Stands.NONE),
        ([DONE], Stands.DONE),
        ([{}], Stands.LEARNING),
        ([DONE, {}], Stands.LEARNING),
        ([{"due_on": TODAY}], Stands.LEARNING),
        ([LATE | {"bars_post": False}], Stands.LATE),
        ([DONE, LATE | {"state": State.WAITING, "position": 2}], Stands.LATE),
        ([LATE], Stands.LEAVE),
        ([DONE, LATE | {"bars_post": False}, LATE], Stands.LEAVE),
        ([{"occasion": Occasion.HIRE}], Stands.LEAVE),
        ([{"occasion": Occasion.HIRE, "bars_post": False}], Stands.LEARNING),
        ([{"state": State.WITHDRAWN}], Stands.NONE),
    ],
)
def test_who_is_sent_stands_as_badly_as_the_worst_that_is_assigned(
    works: Works, given: list[dict[str, object]], stands: Stands
) -> None:
    member = send(works, BRIDGE)
    before: Assignment | None = None
    for said in given:
        after = before.id if before is not None and said.get("position") == 2 else None
        before = assigned(works, member, **said, after_id=after)
    [one] = firms.sent_by(works.session, works.enterprise.id, BRIDGE, on=TODAY)
    assert one.stands is stands
    [firm] = firms.firms(works.session, works.enterprise.id, on=TODAY)
    assert firm.stand == dict.fromkeys(Stands, 0) | {stands: 1}


def test_firms_are_counted_for_whoever_stands_in_the_tree_today_the_furthest_behind_first(works: Works) -> None:
    session, node = works.session, works.enterprise.id
    ready = [send(works, MINE, unit=works.workshop) for _ in range(2)]
    for one in ready:
        assigned(works, one, **DONE)
    waiting, gone = send(works, BRIDGE), send(works, BRIDGE)
    organisations.leave(session, gone.person_id, node, TODAY - DAY)
    works.hire()
    told = [(one.name, one.people, one.ready) for one in firms.firms(session, node, on=TODAY)]
    assert told == [(BRIDGE, 1, 0), (MINE, 2, 100)]
    assert [one.name for one in firms.firms(session, works.team.id, on=TODAY)] == [BRIDGE]
    assert [one.people for one in firms.firms(session, works.group.id, on=TODAY)] == [1, 2]
    assert [one.membership_id for one in firms.sent_by(session, node, BRIDGE, on=TODAY)] == [waiting.id]
    assert [one.firm for one in firms.everybody(session, node, on=TODAY, most=9)] == sorted([BRIDGE, MINE, MINE])
    assert len(firms.sent_by(session, node, MINE, on=TODAY, most=1)) == 1
    first, second = (firms.sent_by(session, node, MINE, on=TODAY, skip=skip, most=1)[0] for skip in (0, 1))
    assert {first.membership_id, second.membership_id} == {one.id for one in ready}


def test_another_employer_of_the_same_person_is_told_nothing_of_the_firm(works: Works) -> None:
    other = a_works(works.session)
    person = a_person(works.session)
    here = works.hire(person_id=person.id)
    here.firm = BRIDGE
    there = organisations.join(works.session, person.id, other.enterprise.id, EmploymentKind.EMPLOYEE, TODAY, at=AT)
    works.session.flush()
    assert firms.firms(works.session, other.enterprise.id, on=TODAY) == []
    assert there.firm == ""


def test_ready_is_rounded_down() -> None:
    nobody = dict.fromkeys(Stands, 0)
    firm = firms.Firm(BRIDGE, 300, nobody | {Stands.DONE: 299, Stands.LATE: 1})
    assert firm.ready == 99
    assert replace(firm, stand=nobody | {Stands.DONE: 300}).ready == 100


def test_who_lacks_the_certificate_of_the_post_must_leave_it_whatever_was_learned(works: Works) -> None:
    member = works.hire(category="manager_highrisk", from_on=TODAY - 300 * DAY)
    member.firm = BRIDGE
    assigned(works, member, **DONE)
    keeping.settle(works.session, now=AT)
    [one] = firms.sent_by(works.session, works.enterprise.id, BRIDGE, on=TODAY)
    assert one.stands is Stands.LEAVE
