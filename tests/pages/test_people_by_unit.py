"""People of an enterprise by unit: who sees whom, where they stand, and whose clerk may reset a password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people import organisations, placements
from elearn.people.models import (
    Account,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    Person,
    Placement,
    Role,
)
from elearn.people.organisations import organisations_that_brought
from tests import builders_people as people
from tests.builders_people import AT
from tests.conftest import statements
from tests.pages.conftest import Browser, World

At = Callable[[Account | None], Browser]
GROUP, ENTERPRISE, WORKSHOP, TEAM = OrganisationLevel
TODAY = date(2026, 7, 1)


class Works:
    """A group of two enterprises; one has two workshops, one of them a team."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.group = self.unit(GROUP, "金沙集团")
        self.first = self.unit(ENTERPRISE, "金沙一公司", self.group)
        self.second = self.unit(ENTERPRISE, "金沙二公司", self.group)
        self.shop = self.unit(WORKSHOP, "一车间", self.first)
        self.team = self.unit(TEAM, "焊接班", self.shop)
        self.other_shop = self.unit(WORKSHOP, "二车间", self.first)
        flexible = EmploymentKind.FLEXIBLE
        self.welder = self.member(self.first, self.team, "阿诗玛", post="焊工")
        self.mover = self.member(self.first, self.other_shop, "五朵金花", kind=flexible, post="搬运工")
        self.far = self.member(self.second, self.second, "段思平")
        session.commit()

    def unit(self, level: OrganisationLevel, name: str, parent: Organisation | None = None) -> Organisation:
        return organisations.add_organisation(
            self.session,
            kind=OrganisationKind.ENTERPRISE,
            level=level,
            name=name,
            parent_id=parent.id if parent else None,
            at=AT,
        )

    def member(
        self,
        employer: Organisation,
        unit: Organisation,
        name: str,
        *,
        post: str = "",
        kind: EmploymentKind = EmploymentKind.EMPLOYEE,
    ) -> Account:
        person = people.a_person(self.session, name=name)
        organisations.join(
            self.session, person.id, employer.id, kind, date(2026, 1, 5), at=AT, unit_id=unit.id, post=post
        )
        return people.an_account(self.session, person=person)

    def staff(self, role: Role, at: Organisation) -> Account:
        made = people.an_account(self.session, role, organisation_id=at.id)
        self.session.commit()
        return made


@pytest.fixture
def works(session: Session) -> Works:
    return Works(session)


def test_a_clerk_sees_who_stands_in_the_own_subtree_and_nobody_else(
    works: Works, browser: At, session: Session
) -> None:
    group = browser(works.staff(Role.ENTERPRISE_CLERK, works.group))
    with statements(session) as sent:
        seen = group.page("/people")
    assert sum("placement" in one.lower() for one in sent) <= 3, "no query for each person"
    assert "People 3 金沙集团" in seen
    assert "金沙一公司 › 一车间 › 焊接班 焊工 Employee" in seen
    assert "五朵金花" not in group.page("/people?search=诗")
    flexible = group.page("/people?kind=flexible")
    assert "五朵金花" in flexible
    assert "阿诗玛" not in flexible
    assert "Nobody here of this name and kind" in group.page("/people?kind=intern&search=阿")
    assert "焊接班 焊工" in group.page(f"/people?organisation={works.shop.id}")
    assert group.page(f"/people?organisation={works.team.id}&page=9&kind=x")

    shop = browser(works.staff(Role.SAFETY_MANAGER, works.shop))
    seen = shop.page("/people")
    assert "阿诗玛" in seen
    for name in ("五朵金花", "段思平", "二车间"):
        assert name not in seen
    for unit in (works.first, works.other_shop, works.group, works.second):
        shop.page(f"/people?organisation={unit.id}", 404)

    principal = browser(works.staff(Role.PRINCIPAL, works.first))
    seen = principal.page("/people")
    assert "阿诗玛" in seen
    for offer in ("Add a person", "One-time password"):
        assert offer not in seen
    principal.page("/people/new", 403)
    principal.page(f"/people/{works.welder.person_id}/reset", 403)


def test_a_password_is_reset_by_clerks_at_or_above_where_somebody_stands(
    works: Works, browser: At, session: Session
) -> None:
    asked = f"/people/{works.welder.person_id}/reset"
    for unit, status in (
        (works.team, 200), (works.shop, 200), (works.first, 200), (works.group, 200),
        (works.other_shop, 404), (works.second, 404),
    ):  # fmt: skip
        clerk = browser(works.staff(Role.ENTERPRISE_CLERK, unit))
        assert clerk.post(asked).status_code == status, unit.name
    account = session.get_one(Account, works.mover.id)
    assert organisations_that_brought(session, account, on=TODAY) == {
        works.other_shop.id, works.first.id, works.group.id,
    }  # fmt: skip
    # Who takes somebody in that has an account already may not put another password on it.
    organisations.join(
        session, works.mover.person_id, works.second.id, EmploymentKind.FLEXIBLE, date(2026, 6, 1),
        at=AT.replace(day=25),
    )  # fmt: skip
    session.commit()
    late = browser(works.staff(Role.ENTERPRISE_CLERK, works.second))
    assert "五朵金花" in late.page("/people")
    late.page(f"/people/{works.mover.person_id}/reset", 404)
    membership = session.scalars(sa.select(Membership).where(Membership.person_id == works.welder.person_id)).one()
    placements.move(session, membership.id, unit_id=works.other_shop.id, post="", category=None, from_on=TODAY, at=AT)
    session.commit()
    assert "阿诗玛" not in browser(works.staff(Role.ENTERPRISE_CLERK, works.team)).page("/people")


def test_whoever_is_added_for_a_unit_is_employed_by_the_enterprise_and_stands_there(
    works: Works, browser: At, session: Session
) -> None:
    clerk = browser(works.staff(Role.ENTERPRISE_CLERK, works.shop))
    assert "Employer: 金沙一公司" in clerk.page("/people/new")
    form = {
        "organisation": str(works.team.id), "name": "杨学贵", "document_kind": "resident_id",
        "document_number": people.a_resident_id(), "kind": "apprentice", "account": "yang.xg", "post": "焊工学徒",
    }  # fmt: skip
    assert "at most 100 characters" in clerk.post("/people/new", {**form, "post": "长" * 101}).text
    assert clerk.post("/people/new", form).status_code == 200
    made = session.execute(
        sa.select(Membership.organisation_id, Placement.unit_id, Placement.post)
        .join(Placement, Placement.membership_id == Membership.id)
        .join(Person, Person.id == Membership.person_id)
        .where(Person.name == "杨学贵")
    ).one()
    assert tuple(made) == (works.first.id, works.team.id, "焊工学徒")
    session.execute(sa.update(Organisation).where(Organisation.id == works.team.id).values(closed_at=AT))
    closed = clerk.post("/people/new", {**form, "document_number": people.a_resident_id(), "account": "yang.x"})
    assert (closed.status_code, "is closed" in closed.text) == (422, True)


def test_people_of_an_institution_are_listed_as_before(world: World, browser: At, session: Session) -> None:
    organisations.join(
        session, world.worker.person_id, world.institution.id, EmploymentKind.TRAINEE, date(2026, 6, 1), at=AT
    )
    session.commit()
    seen = browser(world.manager).page("/people")
    assert "李明" in seen
    assert "Unit" not in seen
