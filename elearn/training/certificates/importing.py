"""A spreadsheet of certificates into an employer's register: all rows are taken, or none. Nothing here commits.

A file that is sent twice changes nothing the second time. A document that nobody has and one of somebody who works
elsewhere get the same reason: who does not know both learns nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements import service
from elearn.courses.requirements.rows import Category
from elearn.errors import Malformed
from elearn.people import persons, tree
from elearn.people.identity import DocumentKind, Keys, blind_index
from elearn.people.models import Membership, Person
from elearn.people.registry import local_day
from elearn.training.certificates import register
from elearn.training.certificates.sheets import Bad, Wrong, read


class BadRows(Malformed):
    """Nothing was taken. `rows` are all that are wrong, in their order."""

    code = "bad_rows"

    def __init__(self, rows: Sequence[Bad]) -> None:
        self.rows = tuple(rows)
        super().__init__("Nothing was taken: %(count)s rows are wrong.", count=len(self.rows))


@dataclass(frozen=True, slots=True)
class Taken:
    new: int
    known: int
    sums: tuple[int, ...] = ()
    """Rows of totals, which were left out."""


def category_names(session: Session, region: str | None, on: date) -> dict[str, str]:
    """What a cell may name: a category's name in either language, or its id -> its id."""
    rows = [one.row for one in service.catalogue(session).on("categories", region, on)]
    found: dict[str, str] = {}
    for row in rows:
        if isinstance(row, Category):
            found |= {name: row.id for name in (row.name, row.name_en, row.id) if name}
    return found


def take(
    session: Session,
    organisation_id: UUID,
    node_id: UUID,
    content: bytes,
    categories: Mapping[str, str],
    *,
    keys: Keys,
    by: UUID,
    at: datetime,
) -> Taken:
    """All rows into the employer's register, of people who stand in the node or below it today.

    Raises Malformed `bad_sheet`, BadRows: then the caller rolls back.
    """
    on = local_day(at)
    sums: list[int] = []
    rows, bad = read(content, categories, today=on, sums=sums)
    index = {row.document: blind_index(keys.index, DocumentKind.RESIDENT_ID, row.document) for row in rows}
    documents = persons.documents()
    found = session.execute(
        sa.select(documents.c.document_index, Person.id, Person.name)
        .join(documents, documents.c.person_id == Person.id)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            documents.c.document_index.in_(list(index.values())),
            Membership.organisation_id == organisation_id,
            Membership.id.in_(tree.placed_in(node_id, on=on)),
        )
    )
    people = {(row.document_index, row.name): row.id for row in found}
    here = [(row, people.get((index[row.document], row.name))) for row in rows]
    bad += [Bad(row.row, row.name, Wrong.NOT_HERE) for row, person_id in here if person_id is None]
    if bad:
        raise BadRows(sorted(bad, key=lambda one: one.row))
    new = 0
    for row, person_id in here:
        assert person_id is not None, "every row's person is here"
        if not register.known(session, organisation_id, person_id, row.paper, keys):
            register.add(session, organisation_id, person_id, row.paper, keys=keys, by=by, at=at)
            new += 1
    return Taken(new, len(here) - new, tuple(sums))
