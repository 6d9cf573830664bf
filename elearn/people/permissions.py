"""Who may do what: one map to read. A view names one of the `Who` objects; a service asks `require_in`.

A role reaches as far as REACH says: a clerk of one organisation is nobody in another, an enterprise's roles reach all
that lies below their node. The auditor reads
everything and changes nothing: an auditor's role never opens a request that could change something.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from flask import g, request

from elearn.db import db
from elearn.errors import NOT_SEEN, Forbidden, NotFound
from elearn.people import tree
from elearn.people.callers import Caller, require_caller
from elearn.people.models import Role
from elearn.people.sides import Side, Voice


class Reach(Enum):
    """How far a role reaches; the value says what a grant of it must name."""

    EVERYWHERE = "This role reaches everywhere: name no organisation and no region."
    ORGANISATION = "This role must name an organisation, and no region."
    REGION = "This role must name a region, and no organisation."


REACH = {
    Role.LEARNER: Reach.EVERYWHERE,
    Role.ENTERPRISE_CLERK: Reach.ORGANISATION,
    Role.SAFETY_MANAGER: Reach.ORGANISATION,
    Role.PRINCIPAL: Reach.ORGANISATION,
    Role.INSTITUTION_CLERK: Reach.ORGANISATION,
    Role.TEACHER: Reach.ORGANISATION,
    Role.INSTITUTION_MANAGER: Reach.ORGANISATION,
    Role.REGULATOR_OFFICER: Reach.REGION,
    Role.OPERATOR: Reach.EVERYWHERE,
    Role.AUDITOR: Reach.EVERYWHERE,
}

MAY_RESET = {
    Role.ENTERPRISE_CLERK: frozenset({Role.LEARNER}),
    Role.SAFETY_MANAGER: frozenset({Role.LEARNER}),
    Role.INSTITUTION_CLERK: frozenset({Role.LEARNER}),
    Role.INSTITUTION_MANAGER: frozenset({Role.LEARNER, Role.TEACHER, Role.INSTITUTION_CLERK}),
}
"""Whose one-time password a role may issue within its own organisation: only of accounts that hold nothing more,
so that no clerk signs in as somebody who may do more than the clerk."""

SUBTREE = frozenset({Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER, Role.PRINCIPAL})
"""Roles that reach all that lies below the node which they were granted in."""

BELOW = "elearn_below"
"""Of this request: what lies below the nodes that were asked for."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Anybody:
    """No sign-in asked."""

    name: str

    def check(self, view_args: dict[str, Any]) -> None:
        return


@dataclass(slots=True)
class Holding:
    """Somebody signed in who holds one of `roles` somewhere; no roles named means anybody signed in."""

    name: str
    roles: frozenset[Role] = frozenset()
    even_before_change: bool = False
    """Let in also who signed in by a one-time password and has not chosen a password yet."""

    def check(self, view_args: dict[str, Any]) -> None:
        caller = require_caller()
        if caller.must_change and not self.even_before_change:
            raise Forbidden("Please choose a password of your own first.", code="must_change_password")
        if not self.roles:
            return
        held = caller.roles & self.roles
        if request.method not in SAFE_METHODS:
            held -= {Role.AUDITOR}
        if not held:
            raise Forbidden("You may not do this.")


def _holding(name: str, *roles: Role) -> Holding:
    return Holding(name, frozenset(roles))


ANYBODY = Anybody("anybody")
SIGNED_IN = Holding("signed in")
SESSION_HOLDER = Holding("signed in, perhaps by a one-time password", even_before_change=True)
"""Only for choosing a password and for signing out."""
LEARNER = _holding("learner", Role.LEARNER)
CLERK = _holding("clerk", Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER, Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER)
"""Keeps people: takes them in, moves them, issues one-time passwords."""
PEOPLE_READER = Holding("reader of people", CLERK.roles | {Role.PRINCIPAL})
INSTITUTION_STAFF = _holding("institution's staff", Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER)
TEACHER = _holding("teacher", Role.TEACHER, Role.INSTITUTION_MANAGER)
MANAGER = _holding("manager", Role.INSTITUTION_MANAGER)
ENTERPRISE = _holding("enterprise", Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER, Role.PRINCIPAL)
ENTERPRISE_STAFF = _holding("enterprise's staff", Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER)
"""Keeps an enterprise's people, rules, plans and certificates; the principal reads them and approves."""
PRINCIPAL = _holding("principal", Role.PRINCIPAL)
ORGANISATION_STAFF = Holding(
    "organisation's staff", frozenset(role for role, reach in REACH.items() if reach is Reach.ORGANISATION)
)
"""Whoever acts for an organisation at all."""
ORGANISATION_READER = Holding(
    "reader of organisations",
    ENTERPRISE.roles | INSTITUTION_STAFF.roles | {Role.OPERATOR, Role.AUDITOR},
)
ORGANISATION_KEEPER = Holding("keeper of organisations", ENTERPRISE.roles | {Role.INSTITUTION_MANAGER, Role.OPERATOR})
"""Names, moves and closes units, within the own tree; an operator everywhere."""
ATTENDANCE_KEEPER = Holding("keeper of attendance", MANAGER.roles | ENTERPRISE_STAFF.roles)
"""Plans sessions on site and imports who came. Who gives one is asked by the session itself: any member may."""
ATTENDANCE_SECOND = Holding("second person of attendance", MANAGER.roles | ENTERPRISE.roles)
"""Confirms who came."""
REGULATOR = _holding("regulator", Role.REGULATOR_OFFICER)
OPERATOR = _holding("operator", Role.OPERATOR)
AUDITOR = _holding("auditor", Role.AUDITOR)


def granted_in(caller: Caller, *roles: Role) -> frozenset[UUID]:
    """The organisations in which one of `roles` was granted to `caller`, without what lies below them."""
    return frozenset(
        grant.organisation_id for grant in caller.grants if grant.role in roles and grant.organisation_id is not None
    )


def scope_of(caller: Caller, *roles: Role) -> frozenset[UUID]:
    """The organisations in which `caller` holds one of `roles`; an enterprise's roles reach down its tree."""
    tops = granted_in(caller, *(set(roles) & SUBTREE))
    return granted_in(caller, *roles) | (_below(tops) if tops else frozenset())


def _below(tops: frozenset[UUID]) -> frozenset[UUID]:
    """Asked once in a request. A thousand teams are a thousand ids: ask `require_in` about one."""
    known: dict[frozenset[UUID], frozenset[UUID]] = g.setdefault(BELOW, {})
    if tops not in known:
        known[tops] = tree.below(db.session(), tops)
    return known[tops]


def holds_in(caller: Caller, organisation_id: UUID, *roles: Role) -> bool:
    """Whether `caller` holds one of `roles` in this organisation: at most one small query, however large the tree."""
    if organisation_id in granted_in(caller, *roles):
        return True
    tops = granted_in(caller, *(set(roles) & SUBTREE))
    return bool(tops) and tree.lies_in(db.session(), organisation_id, tops)


def require_in(organisation_id: UUID, *roles: Role, caller: Caller | None = None) -> Caller:
    """The caller, who holds one of `roles` in this organisation.

    Raises NotSignedIn, or NotFound: another organisation's things are not even confirmed to exist.
    """
    caller = caller or require_caller()
    if not holds_in(caller, organisation_id, *roles):
        raise NotFound(NOT_SEEN)
    return caller


def may_see_region(caller: Caller, region: str | None) -> bool:
    """Whether a regulator's officer reaches `region` (GB/T 2260: `530000` is all of 53, `530100` all of 5301)."""
    if region is None:
        return False
    return any(region.startswith(one) for one in regions_of(caller))


def regions_of(caller: Caller) -> frozenset[str]:
    """What the codes of all regions begin with that a regulator's officer reaches; empty for everybody else."""
    return frozenset(
        significant(grant.region)
        for grant in caller.grants
        if grant.role is Role.REGULATOR_OFFICER and grant.region is not None
    )


def voices_in(caller: Caller, places: Collection[tuple[UUID, str | None]], *roles: Role) -> list[Voice]:
    """In whose names `caller` may act in one of these institutions (id and region), with `roles` for their own."""
    sides = []
    if {institution_id for institution_id, _region in places} & scope_of(caller, *roles):
        sides.append(Side.INSTITUTION)
    if any(may_see_region(caller, region) for _institution_id, region in places):
        sides.append(Side.REGULATOR)
    if Role.OPERATOR in caller.roles:
        sides.append(Side.OPERATOR)
    return [Voice(caller.person_id, side) for side in sides]


def significant(region: str) -> str:
    """Without the pairs of zeros at its end: the part that names the level."""
    while len(region) > 2 and region.endswith("00"):
        region = region[:-2]
    return region


def organisation_to_reset_in(caller: Caller, held: frozenset[Role], belongs_to: frozenset[UUID]) -> UUID | None:
    """The organisation in whose name `caller` may issue a one-time password to somebody, or None.

    `held` are the roles of that account, `belongs_to` the organisations that its person belongs to today and
    belonged to when it was opened.
    """
    for grant in caller.grants:
        may = held <= MAY_RESET.get(grant.role, frozenset())
        if may and grant.organisation_id in belongs_to:
            return grant.organisation_id
    return None
