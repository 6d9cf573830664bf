"""Pure: who may give and take which role where. Nobody gives more than they hold, nor outside what they reach."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from elearn.people.callers import Grant
from elearn.people.models import OrganisationKind, Role

ENTERPRISES = frozenset({Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER, Role.PRINCIPAL})
INSTITUTIONS = frozenset({Role.INSTITUTION_CLERK, Role.TEACHER, Role.INSTITUTION_MANAGER})

FITS = {OrganisationKind.ENTERPRISE: ENTERPRISES, OrganisationKind.INSTITUTION: INSTITUTIONS}
"""Which roles there are in which kind of organisation."""

GIVES = {
    Role.PRINCIPAL: ENTERPRISES,
    Role.ENTERPRISE_CLERK: frozenset({Role.ENTERPRISE_CLERK}),
    Role.INSTITUTION_MANAGER: INSTITUTIONS,
    Role.OPERATOR: ENTERPRISES | INSTITUTIONS,
}
"""A clerk only below the node of the clerk's own; an operator everywhere, to let in the first ones."""

HEADS = frozenset({Role.PRINCIPAL, Role.INSTITUTION_MANAGER})
"""Without one of them nobody of the organisation could give a role in it any more."""


class No(StrEnum):
    """Why somebody may not give or take a role."""

    DOES_NOT_FIT = "does_not_fit"
    NOT_YOURS = "not_yours"
    CLOSED = "closed"
    LAST = "last"


SENTENCES = {
    No.DOES_NOT_FIT: "There is no such role in an organisation of this kind.",
    No.NOT_YOURS: "You may not give or take this role here.",
    No.CLOSED: "This organisation is closed.",
    No.LAST: "This is the last one who may give roles here. Give the role to somebody else first.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation as these rules see it."""

    id: UUID
    kind: OrganisationKind
    above: frozenset[UUID]
    """Itself and all nodes above it."""
    closed: bool = False


def why_not_give(held: Collection[Grant], role: Role, place: Place) -> No | None:
    """Why somebody who holds these may not give the role there; None: may."""
    if role not in FITS[place.kind]:
        return No.DOES_NOT_FIT
    if not any(role in GIVES.get(one.role, ()) and _reaches(one, place) for one in held):
        return No.NOT_YOURS
    return No.CLOSED if place.closed else None


def why_not_take(held: Collection[Grant], role: Role, place: Place, *, others: int) -> No | None:
    """The same of withdrawing it from an account; `others` hold the same role in the same place beside that one.

    The last head of an organisation is replaced from above (or by an operator), never by a slip of their own.
    """
    no = why_not_give(held, role, place)
    if no is not None and no is not No.CLOSED:
        return no
    if role in HEADS and not others and not any(_gives_from_above(one, role, place) for one in held):
        return No.LAST
    return None


def givable(held: Collection[Grant], place: Place) -> list[Role]:
    """What somebody who holds these may give there, in the order of `Role`."""
    return [role for role in Role if why_not_give(held, role, place) is None]


def _reaches(one: Grant, place: Place) -> bool:
    if one.role is Role.OPERATOR:
        return True
    if one.role is Role.ENTERPRISE_CLERK and one.organisation_id == place.id:
        return False
    return one.organisation_id in (place.above if one.role in ENTERPRISES else {place.id})


def _gives_from_above(one: Grant, role: Role, place: Place) -> bool:
    return role in GIVES.get(one.role, ()) and _reaches(one, place) and one.organisation_id != place.id
