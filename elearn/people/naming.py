"""People found by a part of their name.

Names are short: two or three Chinese letters, of which a clerk types one or two. So the index is over single letters
(`ix_person_letters`), and holds for a search of one; trigrams say nothing about fewer than three.

A rare name is found wherever its people are. Of a common one (every twelfth is a 王) that would be everybody's search
through a million: there each employer's members stand by letter in the order of their names (`member_letter`, which
triggers keep), and where few people stand, they are looked at one by one.

    find ─► Found.persons, of a rare name │ Found.employing, whose letters (`SPELLED`) lead to a common one │ neither
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.db import Base
from elearn.people import tree
from elearn.people.models import Person

FEW = 3_000
"""Where no more people stand than these, they are sooner looked at than an employer's letters."""


CALLED: Final = (
    "string_to_array(lower({person}.name), NULL) @> string_to_array(lower(:name), NULL)"
    " AND strpos(lower({person}.name), lower(:name)) > 0"
)
"""The same in SQL: of a person by this short name, with the parameter `name`."""

SO_CALLED: Final = sa.text(
    f"WITH n AS MATERIALIZED (SELECT p.id FROM elearn.person p WHERE {CALLED.format(person='p')})"
    " SELECT id FROM n LIMIT :most"
)
"""Materialized: planned as if all were wanted, which the index finds, and stopped when there are enough."""

SPELLED: Final = """
s.organisation_id = ANY (:employing) AND s.letter = right(lower(CAST(:name AS text)), 1)
AND strpos(lower(s.name), lower(:name)) > 0
"""
"""Of a `member_letter` by this short name: those called `name`. Given names differ more than surnames do, so the last
letter leads to fewer."""

STANDING: Final = sa.text("""
SELECT count(*) FROM (
    SELECT FROM elearn.organisation_tree b JOIN elearn.placement p ON p.unit_id = b.below_id
    WHERE b.above_id = :node LIMIT :few + 1
) x
""")


class MemberLetter(Base):
    """A letter of a member's name, in small: triggers write it, for memberships of any day. Read it only."""

    __tablename__ = "member_letter"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    letter: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    """The whole of it."""
    membership_id: Mapped[UUID] = mapped_column(primary_key=True)


@dataclass(frozen=True, slots=True)
class Found:
    """How people of a name are found in a node: as one of these says, or by looking at each who stands there."""

    persons: Sequence[UUID] | None = None
    """Everybody so called, wherever they are."""
    employing: Sequence[UUID] = ()
    """The employers whose members may stand there."""


def find(session: Session, node_id: UUID, text: str, *, most: int) -> Found:
    """Of a rare name at most so many persons."""
    # A letter alone is the search that a common name makes dear: each employer's are at hand whether it is or not.
    employing = spelled(session, node_id) if len(text) == 1 else ()
    if employing:
        return Found(employing=employing)
    persons = so_called(session, text, most=most)
    if persons is not None or len(text) == 1:
        return Found(persons)
    return Found(employing=spelled(session, node_id))


def called(text: str) -> sa.ColumnElement[bool]:
    """Whose name holds the text, in large letters or small."""
    holds = _letters(sa.func.lower(Person.name)).bool_op("@>")(_letters(sa.func.lower(text)))
    # Of one letter the index says all, and the planner then knows how many to expect.
    return holds if len(text) == 1 else sa.and_(holds, Person.name.icontains(text, autoescape=True))


def so_called(session: Session, text: str, *, most: int) -> list[UUID] | None:
    """Everybody of a rare name, wherever they are; None: there are more than so many."""
    found = session.scalars(SO_CALLED, {"name": text, "most": most + 1}).all()
    return list(found) if len(found) <= most else None


def spelled(session: Session, node_id: UUID) -> Sequence[UUID]:
    """The employers among whose letters (`SPELLED`) a common name of this node is found; none: so few people stand
    there that each is sooner looked at."""
    if session.scalars(STANDING, {"node": node_id, "few": FEW}).one() <= FEW:
        return ()
    return tree.employing(session, node_id)


def _letters(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.string_to_array(text, sa.null())
