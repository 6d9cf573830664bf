"""The roster of a node and of all below it, as the columns of the empty form; document numbers masked.

Phone numbers are left out: an account's number belongs to its holder, who may have got it through another employer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.people.identity import Keys, Sealer, mask_document
from elearn.people.models import (
    Disclosure,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationTree,
    Person,
    Placement,
)
from elearn.people.roster import units
from elearn.people.roster.cells import DOCUMENT_WORDS, EMPLOYMENT_WORDS
from elearn.people.roster.columns import PLAIN, Column
from elearn.people.roster.models import StaffNumber
from elearn.people.roster.units import Units

WHAT = "roster: name, masked document number, unit, post"
PIECE = 5_000


def rows(
    session: Session, node_id: UUID, *, categories: Mapping[str, str], keys: Keys, on: date
) -> tuple[list[list[str]], list[UUID]]:
    """A row for everybody who is placed in the node or below it on a day, and who they are.

    `categories` are id -> name.
    """
    found = session.execute(
        sa.select(
            Person.id, Person.name, Person.document_kind, Person.document_sealed, Person.data_key,
            Membership.organisation_id, Membership.kind, Membership.firm, Membership.from_on, Membership.to_on,
            Placement.unit_id, Placement.post, Placement.category, StaffNumber.number,
            Organisation.name.label("employer"),
        )
        .join(Membership, Membership.person_id == Person.id)
        .join(Placement, Placement.membership_id == Membership.id)
        .join(OrganisationTree, OrganisationTree.below_id == Placement.unit_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .outerjoin(
            StaffNumber,
            (StaffNumber.organisation_id == Membership.organisation_id) & (StaffNumber.person_id == Person.id),
        )
        .where(
            OrganisationTree.above_id == node_id,
            _holds(Membership, on),
            _holds(Placement, on),
            Person.data_key.is_not(None),
        )
        .order_by(Organisation.name, Person.name, Person.id)
    ).all()  # fmt: skip
    trees: dict[UUID, Units] = {}
    sealer, made = Sealer(keys.sealing), []
    for one in found:
        if one.organisation_id not in trees:
            trees[one.organisation_id] = units.units_of(session, one.organisation_id)
        number = (
            "" if one.document_sealed is None else sealer.open(one.data_key, one.id, "document", one.document_sealed)
        )
        cells = {
            Column.NAME: one.name,
            Column.DOCUMENT: DOCUMENT_WORDS[one.document_kind].split()[0] if one.document_kind else "",
            Column.NUMBER: mask_document(number) if number else "",
            Column.STAFF_NUMBER: one.number or "",
            Column.PATH: "/".join(trees[one.organisation_id].names.get(one.unit_id, ())),
            Column.POST: one.post,
            Column.CATEGORY: categories.get(one.category or "", one.category or ""),
            Column.EMPLOYMENT: _employment(one.kind),
            Column.FIRM: one.firm,
            Column.FROM_ON: one.from_on.isoformat(),
            Column.TO_ON: one.to_on.isoformat() if one.to_on else "",
        }
        made.append([one.employer, *(cells.get(column, "") for column in PLAIN)])
    return made, list(dict.fromkeys(one.id for one in found))


def _holds(table: type[Membership] | type[Placement], on: date) -> sa.ColumnElement[bool]:
    return sa.and_(table.from_on <= on, sa.or_(table.to_on.is_(None), table.to_on >= on))


def _employment(kind: EmploymentKind) -> str:
    return EMPLOYMENT_WORDS.get(kind.value, "").split()[0] if kind.value in EMPLOYMENT_WORDS else ""


def write_down(session: Session, people: list[UUID], *, receiver: str, reason: str, at: datetime) -> None:
    """These people's data leave (DESIGN 3.14)."""
    for start in range(0, len(people), PIECE):
        session.execute(
            sa.insert(Disclosure),
            [
                {
                    "id": new_id(),
                    "person_id": one,
                    "receiver": receiver,
                    "what": WHAT,
                    "reason": reason,
                    "disclosed_at": at,
                }
                for one in people[start : start + PIECE]
            ],
        )
