"""People found by a part of their name.

Names are short: two or three Chinese letters, of which a clerk types one or two. So the index is over single letters
(`ix_person_letters`), and holds for a search of one; trigrams say nothing about fewer than three.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.models import Person

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


def called(text: str) -> sa.ColumnElement[bool]:
    """Whose name holds the text, in large letters or small."""
    holds = _letters(sa.func.lower(Person.name)).bool_op("@>")(_letters(sa.func.lower(text)))
    # Of one letter the index says all, and the planner then knows how many to expect.
    return holds if len(text) == 1 else sa.and_(holds, Person.name.icontains(text, autoescape=True))


def so_called(session: Session, text: str, *, most: int) -> list[UUID] | None:
    """Everybody of a rare name, wherever they are; None: there are more than so many."""
    found = session.scalars(SO_CALLED, {"name": text, "most": most + 1}).all()
    return list(found) if len(found) <= most else None


def _letters(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.string_to_array(text, sa.null())
