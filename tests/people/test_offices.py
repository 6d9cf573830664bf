"""Who may give and take which role where: each row a rule in words. And links whose maker is a command."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.db import LedgerViolation
from elearn.errors import Conflict, Malformed
from elearn.people.callers import Grant, caller_of
from elearn.people.models import OrganisationKind, OrganisationLevel, Role, RoleGrant
from elearn.people.offices import granting, invitations, rules, units
from elearn.people.offices.models import OrganisationAct
from elearn.people.offices.rules import No, Place
from tests import builders_people as people
from tests.builders_people import AT

GROUP, FIRM, SHOP, OTHER, SCHOOL = (UUID(int=number) for number in range(1, 6))
PLACES = {
    GROUP: Place(GROUP, OrganisationKind.ENTERPRISE, frozenset({GROUP})),
    FIRM: Place(FIRM, OrganisationKind.ENTERPRISE, frozenset({FIRM, GROUP})),
    SHOP: Place(SHOP, OrganisationKind.ENTERPRISE, frozenset({SHOP, FIRM, GROUP})),
    OTHER: Place(OTHER, OrganisationKind.ENTERPRISE, frozenset({OTHER})),
    SCHOOL: Place(SCHOOL, OrganisationKind.INSTITUTION, frozenset({SCHOOL})),
}
PRINCIPAL, SAFETY, CLERK = Role.PRINCIPAL, Role.SAFETY_MANAGER, Role.ENTERPRISE_CLERK
MANAGER, TEACHER, OPERATOR = Role.INSTITUTION_MANAGER, Role.TEACHER, Role.OPERATOR

GIVE: list[tuple[str, Role, UUID | None, Role, UUID, No | None]] = [
    ("a principal gives what a principal is", PRINCIPAL, FIRM, PRINCIPAL, FIRM, None),
    ("and less", PRINCIPAL, FIRM, CLERK, FIRM, None),
    ("and in what lies below", PRINCIPAL, FIRM, SAFETY, SHOP, None),
    ("but nothing above", PRINCIPAL, FIRM, CLERK, GROUP, No.NOT_YOURS),
    ("nor aside", PRINCIPAL, FIRM, CLERK, OTHER, No.NOT_YOURS),
    ("nor what is none of an enterprise's", PRINCIPAL, FIRM, TEACHER, FIRM, No.DOES_NOT_FIT),
    ("a clerk lets in clerks below", CLERK, FIRM, CLERK, SHOP, None),
    ("none beside the clerk", CLERK, FIRM, CLERK, FIRM, No.NOT_YOURS),
    ("nobody who holds more", CLERK, FIRM, SAFETY, SHOP, No.NOT_YOURS),
    ("a safety manager gives nothing", SAFETY, FIRM, SAFETY, SHOP, No.NOT_YOURS),
    ("an institution's manager gives its roles", MANAGER, SCHOOL, TEACHER, SCHOOL, None),
    ("in the own one", MANAGER, OTHER, TEACHER, SCHOOL, No.NOT_YOURS),
    ("a teacher gives nothing", TEACHER, SCHOOL, TEACHER, SCHOOL, No.NOT_YOURS),
    ("an operator lets in the first ones", OPERATOR, None, CLERK, OTHER, None),
    ("nobody makes an operator here", OPERATOR, None, OPERATOR, FIRM, No.DOES_NOT_FIT),
    ("an auditor gives nothing", Role.AUDITOR, None, CLERK, FIRM, No.NOT_YOURS),
    ("a learner gives nothing", Role.LEARNER, None, CLERK, FIRM, No.NOT_YOURS),
]


@pytest.mark.parametrize(("rule", "held", "where", "role", "place", "no"), GIVE, ids=[row[0] for row in GIVE])
def test_who_may_give_what(rule: str, held: Role, where: UUID | None, role: Role, place: UUID, no: No | None) -> None:
    assert rules.why_not_give([Grant(held, where, None)], role, PLACES[place]) is no


TAKE: list[tuple[str, Role, UUID | None, Role, UUID, int, No | None]] = [
    ("a principal takes a clerk's", PRINCIPAL, FIRM, CLERK, FIRM, 0, None),
    ("one of two principals goes", PRINCIPAL, FIRM, PRINCIPAL, FIRM, 1, None),
    ("the last one stays", PRINCIPAL, FIRM, PRINCIPAL, FIRM, 0, No.LAST),
    ("unless the group replaces them", PRINCIPAL, GROUP, PRINCIPAL, FIRM, 0, None),
    ("or an operator", OPERATOR, None, PRINCIPAL, FIRM, 0, None),
    ("a clerk takes no principal's", CLERK, GROUP, PRINCIPAL, FIRM, 3, No.NOT_YOURS),
    ("the last manager stays", MANAGER, SCHOOL, MANAGER, SCHOOL, 0, No.LAST),
    ("a clerk takes a clerk's below", CLERK, FIRM, CLERK, SHOP, 0, None),
]


@pytest.mark.parametrize(("rule", "held", "where", "role", "place", "others", "no"), TAKE, ids=[row[0] for row in TAKE])
def test_who_may_take_what(
    rule: str, held: Role, where: UUID | None, role: Role, place: UUID, others: int, no: No | None
) -> None:
    assert rules.why_not_take([Grant(held, where, None)], role, PLACES[place], others=others) is no


def test_in_a_closed_organisation_roles_are_taken_only() -> None:
    closed = Place(FIRM, OrganisationKind.ENTERPRISE, frozenset({FIRM}), closed=True)
    held = [Grant(PRINCIPAL, FIRM, None)]
    assert rules.why_not_give(held, CLERK, closed) is No.CLOSED
    assert rules.why_not_take(held, CLERK, closed, others=0) is None


STANDING = [CLERK, SAFETY, PRINCIPAL]
"""From the least to the most that an enterprise's role may give."""
GRANTS = st.builds(Grant, st.sampled_from(list(Role)), st.sampled_from([None, *PLACES]), st.none())


@given(st.lists(GRANTS, max_size=4), st.sampled_from(list(Role)), st.sampled_from(list(PLACES.values())))
def test_nobody_gives_more_than_they_hold_or_outside_what_they_reach(
    held: list[Grant], role: Role, place: Place
) -> None:
    if rules.why_not_give(held, role, place) is not None or any(one.role is OPERATOR for one in held):
        return
    assert role not in (Role.OPERATOR, Role.AUDITOR, Role.REGULATOR_OFFICER, Role.LEARNER)
    holding = [one for one in held if one.organisation_id in place.above]
    assert holding, "something at the place or above it"
    if role in STANDING:
        assert any(one.role in STANDING and STANDING.index(one.role) >= STANDING.index(role) for one in holding)


def test_two_heads_who_withdraw_each_other_leave_one(session: Session) -> None:
    firm = people.an_organisation(session)
    first, second = (people.an_account(session, PRINCIPAL, organisation_id=firm.id) for _ in range(2))
    callers = [caller_of(session, one.id) for one in (first, second)]
    grants = [
        session.scalars(sa.select(RoleGrant).where(RoleGrant.account_id == one.id, RoleGrant.role == PRINCIPAL)).one()
        for one in (first, second)
    ]
    assert callers[0] is not None
    assert callers[1] is not None
    granting.take(session, callers[0], grants[1].id, firm.id, at=AT)
    with pytest.raises(Exception, match="may not give or take"):  # read as principal before, is none any more
        granting.take(session, callers[1], grants[0].id, firm.id, at=AT)
    with pytest.raises(Conflict, match="last one"):
        granting.take(session, callers[0], grants[0].id, firm.id, at=AT)


def test_a_link_from_the_command_line_opens_while_its_organisation_does(session: Session) -> None:
    firm = people.an_organisation(session)
    with pytest.raises(Malformed):
        invitations.invite(session, None, firm.id, TEACHER, for_whom="a", days=7, at=AT)
    for words in ("", "长" * 101):
        with pytest.raises(Malformed, match="1 to 100"):
            invitations.invite(session, None, firm.id, CLERK, for_whom=words, days=7, at=AT)
    _made, token = invitations.invite(session, None, firm.id, CLERK, for_whom="施文", days=7, at=AT)
    assert invitations.look(session, token, at=AT).for_whom == "施文"
    units.close(session, firm.id, by=None, at=AT, on=AT.date())
    with pytest.raises(Conflict, match="withdrawn"):
        invitations.look(session, token, at=AT)


def test_what_was_done_to_an_organisation_stays(session: Session) -> None:
    made = units.add(
        session, kind=OrganisationKind.ENTERPRISE, level=OrganisationLevel.GROUP, parent_id=None, name="金沙集团",
        by=None, at=AT,
    )  # fmt: skip
    act = session.scalars(sa.select(OrganisationAct).where(OrganisationAct.organisation_id == made.id)).one()
    act.after = "别的"
    with pytest.raises(LedgerViolation):
        session.flush()


def test_the_command_line_adds_units_and_makes_links(app: Flask, session: Session) -> None:
    run = app.test_cli_runner().invoke
    from elearn.people.commands import orgs

    group = run(orgs, ["add", "enterprise", "金沙集团", "--level", "group"]).output.strip()
    shop = run(orgs, ["add", "enterprise", "一车间", "--level", "workshop", "--below", group])
    assert shop.exit_code == 0, shop.output
    link = run(orgs, ["invite", group, "principal", "--for", "施文"])
    assert link.output.startswith("http://localhost/invited/")
