"""A unit that is moved: rules of what lies above it now reach its people, what they have stays, figures follow."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people import organisations, placements
from elearn.people.models import Membership, Organisation, OrganisationLevel
from elearn.people.offices import units
from elearn.training import assigning
from elearn.training.figures import dashboards, keeping
from elearn.training.figures.dashboards import Sums
from elearn.training.models import AssignDue, Assignment, Occasion
from tests.builders_training import AT, TODAY, Works, a_works


@pytest.fixture
def works(session: Session) -> Works:
    return a_works(session)


def a_unit(works: Works, level: OrganisationLevel, parent: Organisation | None) -> Organisation:
    return organisations.add_organisation(
        works.session, kind=works.group.kind, level=level, parent_id=parent.id if parent else None, name="新的", at=AT
    )


def move(works: Works, unit: Organisation, parent: Organisation) -> None:
    units.move(works.session, unit.id, parent.id, by=None, at=AT)


def woken(works: Works) -> set[UUID]:
    """Whose rules are asked at once."""
    past = sa.select(AssignDue.membership_id).where(AssignDue.due_on < date(1971, 1, 1))
    return set(works.session.scalars(past))


def learns(works: Works, member: Membership) -> list[UUID]:
    found = sa.select(Assignment.programme_id).where(Assignment.membership_id == member.id)
    return list(works.session.scalars(found.order_by(Assignment.created_at, Assignment.id)))


def figures_of(works: Works, node: Organisation) -> Sums:
    return sum(dashboards.of_today(works.session, node.id).values(), Sums())


def figures_agree(works: Works) -> bool:
    while keeping.settle(works.session, now=AT):
        pass
    return keeping.check(works.session, today=TODAY) == []


def test_rules_above_the_new_place_assign_and_what_the_old_place_assigned_stays(session: Session, works: Works) -> None:
    other = a_unit(works, OrganisationLevel.WORKSHOP, works.enterprise)
    old, new, everywhere = works.programme(), works.programme(), works.programme()
    works.rule(Occasion.CAMPAIGN, [old], node=works.workshop)
    works.rule(Occasion.CAMPAIGN, [new], node=other)
    works.rule(Occasion.CAMPAIGN, [everywhere])
    moved, stays = works.hire(from_on=date(2026, 1, 1)), works.hire(from_on=date(2026, 1, 1), unit=works.workshop)
    assigning.catch_up(session, now=AT)
    before = learns(works, moved)
    assert set(before) == {old.id, everywhere.id}
    assert woken(works) == set()
    move(works, works.team, other)
    assert woken(works) == {moved.id}, "nobody else is looked at"
    assert assigning.catch_up(session, now=AT) == (1, 1)
    assert learns(works, moved) == [*before, new.id], "as after a transfer: nothing is taken back, nothing twice"
    assert set(learns(works, stays)) == {old.id, everywhere.id}
    move(works, works.team, works.workshop)
    assert assigning.catch_up(session, now=AT) == (1, 0), "there and back assigns nothing new"


def test_a_whole_enterprise_that_joins_a_group_gets_the_groups_rules(session: Session, works: Works) -> None:
    group = a_unit(works, OrganisationLevel.GROUP, None)
    programme = works.programme(node=group)
    works.rule(Occasion.CAMPAIGN, [programme], node=group)
    people = [works.hire(unit=one, from_on=date(2026, 1, 1)) for one in (works.enterprise, works.workshop, works.team)]
    gone = works.hire(from_on=date(2026, 1, 1))
    organisations.leave(session, gone.person_id, works.enterprise.id, date(2026, 5, 1))
    assigning.catch_up(session, now=AT)
    assert figures_agree(works)
    assert figures_of(works, works.group).people == 3
    move(works, works.enterprise, group)
    assert assigning.catch_up(session, now=AT)[1] == 3
    assert [learns(works, one) for one in people] == [[programme.id]] * 3
    assert learns(works, gone) == [], "who has left learns nothing more"
    # Figures of what lay above and of what does, people and their new assignments alike.
    assert figures_agree(works)
    above, before = (figures_of(works, one) for one in (group, works.group))
    assert (above.people, above.assigned, before.people, before.assigned) == (3, 3, 0, 0)


def test_whatever_program_moves_a_unit_its_people_are_looked_at(session: Session, works: Works) -> None:
    other = a_unit(works, OrganisationLevel.WORKSHOP, works.enterprise)
    here = works.hire()
    once = works.hire(from_on=date(2026, 1, 1))
    placements.move(session, once.id, unit_id=works.enterprise.id, post="", category=None, from_on=TODAY, at=AT)
    beside = works.hire(unit=works.enterprise)
    assigning.catch_up(session, now=AT)
    session.execute(sa.text("UPDATE elearn.organisation SET parent_id = :to WHERE id = :unit"),
                    {"to": other.id, "unit": works.team.id})  # fmt: skip
    assert woken(works) == {here.id, once.id}, "also who stood there on the day of an occasion"
    assert beside.id not in woken(works)
    assigning.catch_up(session, now=AT)
    a_unit(works, OrganisationLevel.TEAM, other)
    assert woken(works) == set(), "a new unit wakes nobody"
