"""Organisations in a tree, and where members stand in it."""

from __future__ import annotations

import itertools
from datetime import date
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn import embedded, schema
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import organisations, permissions, placements, tree
from elearn.people.callers import Caller, Grant
from elearn.people.models import (
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    Placement,
    Role,
)
from tests import builders_people as people
from tests.builders_people import AT

GROUP, ENTERPRISE, WORKSHOP, TEAM = OrganisationLevel


def a_node(session: Session, level: OrganisationLevel, parent: Organisation | None = None) -> Organisation:
    return organisations.add_organisation(
        session,
        kind=OrganisationKind.ENTERPRISE,
        level=level,
        parent_id=None if parent is None else parent.id,
        name=f"{level.value}",
        at=AT,
    )


def a_line(session: Session) -> tuple[Organisation, Organisation, Organisation, Organisation]:
    """Group, enterprise, workshop, team, each below the one before."""
    group = a_node(session, GROUP)
    enterprise = a_node(session, ENTERPRISE, group)
    workshop = a_node(session, WORKSHOP, enterprise)
    return group, enterprise, workshop, a_node(session, TEAM, workshop)


@pytest.mark.parametrize(
    ("level", "above", "may"),
    [
        (GROUP, None, True),
        (ENTERPRISE, None, True),
        (WORKSHOP, None, False),
        (TEAM, None, False),
        (GROUP, GROUP, True),
        (ENTERPRISE, GROUP, True),
        (ENTERPRISE, ENTERPRISE, True),
        (GROUP, ENTERPRISE, False),
        (WORKSHOP, GROUP, True),
        (WORKSHOP, WORKSHOP, True),
        (ENTERPRISE, WORKSHOP, False),
        (TEAM, ENTERPRISE, True),
        (TEAM, TEAM, False),
    ],
)
def test_what_may_stand_below_what(
    session: Session, level: OrganisationLevel, above: OrganisationLevel | None, may: bool
) -> None:
    parents = {GROUP: 0, ENTERPRISE: 1, WORKSHOP: 2, TEAM: 3}
    parent = None if above is None else a_line(session)[parents[above]]
    parent_id = None if parent is None else parent.id
    assert organisations.lies_below(level, above, parent_id) is may
    node = Organisation(kind=OrganisationKind.ENTERPRISE, level=level, parent_id=parent_id, name="a", created_at=AT)
    if may:
        session.add(node)
        session.flush()
    else:
        with pytest.raises(Malformed) as refused:
            a_node(session, level, parent)
        assert refused.value.error_code == "level"
        session.add(node)
        with pytest.raises(IntegrityError):
            session.flush()


def test_an_institution_stands_alone(session: Session) -> None:
    institution = people.an_institution(session)
    assert institution.level is None
    with pytest.raises(Malformed):
        a_node(session, WORKSHOP, institution)


def test_a_node_is_found_from_above_and_from_below(session: Session) -> None:
    group, enterprise, workshop, team = a_line(session)
    assert tree.below(session, [group.id]) == {group.id, enterprise.id, workshop.id, team.id}
    assert tree.below(session, [team.id]) == {team.id}
    assert [one.id for one in tree.above(session, team.id)] == [group.id, enterprise.id, workshop.id, team.id]
    assert tree.lies_in(session, team.id, [enterprise.id])
    assert not tree.lies_in(session, group.id, [enterprise.id])
    employer = tree.employer_of(session, team.id)
    assert employer is not None
    assert employer.id == enterprise.id


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8))
def test_the_tree_follows_from_parents_alone_whatever_is_moved(session: Session, moves: list[tuple[int, int]]) -> None:
    nodes = [a_node(session, GROUP) for _ in range(7)]
    for child, parent in moves:
        try:
            with session.begin_nested():
                nodes[child].parent_id = nodes[parent].id
                session.flush()
        except IntegrityError:
            session.refresh(nodes[child])
    parents = {one.id: one.parent_id for one in nodes}

    def chain(node: UUID) -> list[UUID]:
        above = parents[node]
        return [node] if above is None else [node, *chain(above)]

    wanted = {(above, node, depth) for node in parents for depth, above in enumerate(chain(node))}
    found = session.execute(
        sa.text("SELECT above_id, below_id, depth FROM elearn.organisation_tree WHERE below_id = ANY (:ids)"),
        {"ids": list(parents)},
    )
    assert {tuple(row) for row in found} == wanted


def test_an_enterprises_role_reaches_down_and_not_up_or_aside(session: Session) -> None:
    group, enterprise, workshop, team = a_line(session)
    other = a_node(session, ENTERPRISE, group)
    for role, node in itertools.product(permissions.SUBTREE, (enterprise,)):
        caller = Caller(new_id(), new_id(), "", False, (Grant(role, node.id, None),), None)
        assert permissions.scope_of(caller, role) == {enterprise.id, workshop.id, team.id}
        assert permissions.require_in(team.id, role, caller=caller) is caller
        for elsewhere in (group, other):
            with pytest.raises(NotFound):
                permissions.require_in(elsewhere.id, role, caller=caller)
        with pytest.raises(NotFound):
            permissions.require_in(team.id, Role.INSTITUTION_CLERK, caller=caller)


def a_member(session: Session, employer: Organisation, *, post: str = "", unit_id: UUID | None = None) -> Membership:
    person = people.a_person(session)
    kind, first = EmploymentKind.EMPLOYEE, date(2026, 1, 5)
    return organisations.join(session, person.id, employer.id, kind, first, at=AT, post=post, unit_id=unit_id)


def here(session: Session, node: Organisation, on: date) -> list[UUID]:
    return list(session.scalars(sa.select(Membership.id).where(Membership.id.in_(tree.placed_in(node.id, on=on)))))


def stands(session: Session, membership: Membership) -> list[tuple[str, date, date | None]]:
    rows = session.scalars(
        sa.select(Placement).where(Placement.membership_id == membership.id).order_by(Placement.from_on)
    )
    return [(one.post, one.from_on, one.to_on) for one in rows]


def test_a_change_of_post_ends_the_one_before(session: Session) -> None:
    _group, enterprise, workshop, team = a_line(session)
    one = a_member(session, enterprise, post="钳工")
    assert here(session, enterprise, date(2026, 1, 5)) == [one.id]
    assert here(session, team, date(2026, 1, 5)) == []

    def move(unit: Organisation, post: str, day: date) -> Placement:
        return placements.move(
            session, one.id, unit_id=unit.id, post=post, category=None, from_on=day, at=AT
        )  # fmt: skip

    move(team, "焊工", date(2026, 3, 1))
    move(team, " 焊工 ", date(2026, 4, 1))
    assert stands(session, one) == [
        ("钳工", date(2026, 1, 5), date(2026, 2, 28)),
        ("焊工", date(2026, 3, 1), None),
    ]
    move(workshop, "班长", date(2026, 3, 1))
    assert stands(session, one)[1:] == [("班长", date(2026, 3, 1), None)]
    for day in (date(2026, 2, 1), date(2025, 1, 1)):
        with pytest.raises(Malformed):
            move(team, "电工", day)
    with pytest.raises(NotFound):
        move(a_node(session, ENTERPRISE), "电工", date(2026, 5, 1))
    with pytest.raises(Malformed):
        move(team, "长" * 101, date(2026, 5, 1))
    held = placements.placement_on(session, one.id, date(2026, 2, 28))
    assert held is not None
    assert held.post == "钳工"


def test_away_and_back(session: Session) -> None:
    _group, enterprise, *_rest = a_line(session)
    one = a_member(session, enterprise)
    with pytest.raises(NotFound):
        placements.come_back(session, one.id, date(2026, 2, 1))
    with pytest.raises(Malformed):
        placements.go_away(session, one.id, date(2026, 1, 1), at=AT)
    placements.go_away(session, one.id, date(2026, 2, 1), at=AT)
    with pytest.raises(Conflict):
        placements.go_away(session, one.id, date(2026, 3, 1), at=AT)
    with pytest.raises(Malformed):
        placements.come_back(session, one.id, date(2026, 2, 1))
    assert placements.come_back(session, one.id, date(2026, 8, 1)).to_on == date(2026, 7, 31)


def test_who_leaves_stands_nowhere_afterwards(session: Session) -> None:
    _group, enterprise, _workshop, team = a_line(session)
    one = a_member(session, enterprise)
    placements.move(session, one.id, unit_id=team.id, post="", category=None, from_on=date(2026, 6, 1), at=AT)
    placements.go_away(session, one.id, date(2026, 5, 1), at=AT)
    organisations.leave(session, one.person_id, enterprise.id, date(2026, 5, 31))
    assert stands(session, one) == [("", date(2026, 1, 5), date(2026, 5, 31))]
    assert here(session, enterprise, date(2026, 6, 1)) == []


def test_only_a_legal_entity_employs_and_only_its_own_units_hold_its_people(session: Session) -> None:
    _group, enterprise, workshop, _team = a_line(session)
    with pytest.raises(Malformed):
        a_member(session, workshop)
    foreign = a_node(session, WORKSHOP, a_node(session, ENTERPRISE))
    with pytest.raises(IntegrityError, match="placed in a unit"), session.begin_nested():
        a_member(session, enterprise, unit_id=foreign.id)


BEFORE = """
INSERT INTO elearn.organisation (id, kind, name, created_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'enterprise', '云岭', now()),
       ('00000000-0000-7000-8000-000000000002', 'institution', '滇池', now());
INSERT INTO elearn.person (id, name, created_at) VALUES ('00000000-0000-7000-8000-000000000003', '张', now());
INSERT INTO elearn.membership (id, person_id, organisation_id, kind, from_on, to_on, created_at)
VALUES (gen_random_uuid(), '00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001', 'employee',
        '2026-01-01', '2026-03-31', now()),
       (gen_random_uuid(), '00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000002', 'trainee',
        '2026-02-01', NULL, now());
"""


def test_members_of_before_stand_at_the_top_of_their_organisation(services: embedded.Services) -> None:
    url = services.create_database("members_of_before")
    schema.upgrade(url, to="0040")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(BEFORE)
    schema.upgrade(url)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT o.level, o.kind, p.post, p.from_on, p.to_on, t.depth FROM elearn.placement p "
                "JOIN elearn.organisation o ON o.id = p.unit_id "
                "JOIN elearn.membership m ON m.id = p.membership_id AND m.organisation_id = o.id "
                "JOIN elearn.organisation_tree t ON t.below_id = o.id ORDER BY o.kind"
            )
        ).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [
        ("enterprise", "enterprise", "", date(2026, 1, 1), date(2026, 3, 31), 0),
        (None, "institution", "", date(2026, 2, 1), None, 0),
    ]
