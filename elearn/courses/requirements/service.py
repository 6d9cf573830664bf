"""Loading a catalogue in one transaction, and the catalogue as it is now. Nothing here commits.

Loading is not done by `elearn db upgrade`: what the law asks changes judgements, so somebody looks at the difference
first and puts a name to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from flask import has_app_context
from sqlalchemy.orm import Session

from elearn.courses import teaching
from elearn.courses.models import Kind, Outline
from elearn.courses.requirements.choosing import Catalogue, Loaded
from elearn.courses.requirements.comparing import Change, changes
from elearn.courses.requirements.models import RequirementLoad, RequirementRow
from elearn.courses.requirements.reading import BadCatalogue, File, Problem, read, references, short_outline
from elearn.courses.requirements.rows import OutlineRow, Row, as_data, from_data
from elearn.db import new_id
from elearn.errors import Conflict
from elearn.runtime import runtime

KEPT = "courses.requirements"


@dataclass(frozen=True, slots=True)
class Plan:
    """What loading a file would do, and what it would not take."""

    file: File
    sha256: str
    changes: tuple[Change, ...]
    refused: tuple[tuple[str, Row], ...]
    """Rows that nobody has confirmed, where only confirmed ones are taken."""
    unconfirmed: bool
    number: int
    """How far the catalogue was loaded when this was found out."""


def shipped() -> str:
    """The catalogue that travels with the program."""
    return (files("elearn.courses.requirements") / "data" / "requirements.yaml").read_text(encoding="utf-8")


def catalogue(session: Session) -> Catalogue:
    """All that is loaded. One small query when it is known already: rows are only added."""
    newest = session.execute(
        sa.select(RequirementRow.number, RequirementRow.load_id).order_by(RequirementRow.number.desc()).limit(1)
    ).one_or_none()
    # The loading is drawn at random: one that was undone, or that of another copy, is not taken for this one.
    stands = None if newest is None else (newest.number, newest.load_id)
    keeping: dict[str, Any] = runtime().kept if has_app_context() else {}
    kept: tuple[object, Catalogue] | None = keeping.get(KEPT)
    if kept is None or kept[0] != stands:
        kept = keeping[KEPT] = stands, Catalogue(_loaded(session))
    return kept[1]


def _loaded(session: Session) -> list[Loaded]:
    rows = session.execute(
        sa.select(RequirementRow.number, RequirementRow.section, RequirementRow.content).order_by(RequirementRow.number)
    )
    return [Loaded(number, section, from_data(section, content)) for number, section, content in rows]


def plan(session: Session, text: str, *, unconfirmed: bool, today: date) -> Plan:
    """What loading `text` would do. Raises BadCatalogue with every error, also between its rows and what is loaded."""
    file = read(text)
    held = catalogue(session)
    taken = tuple(one for one in file.rows if unconfirmed or one[1].confirmed)
    refused = tuple(one for one in file.rows if not unconfirmed and not one[1].confirmed)
    found = changes(held, taken)
    problems = [*_dangling(held, file.rows, taken), *_outlines_wrong(session, held, taken, found, today)]
    if problems:
        raise BadCatalogue([Problem(0, place, words) for place, words in problems])
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Plan(file, sha256, tuple(found), refused, unconfirmed, held.number)


def apply(session: Session, found: Plan, *, file_name: str, by: str, at: datetime) -> RequirementLoad:
    """Load what was planned, whole. Raises Conflict when something was loaded since it was planned."""
    # Two loadings at once would both take number n + 1.
    session.execute(sa.text("LOCK TABLE elearn.requirement_row IN SHARE ROW EXCLUSIVE MODE"))
    newest = session.scalar(sa.select(sa.func.max(RequirementRow.number))) or 0
    if newest != found.number:
        raise Conflict("Something was loaded in the meantime: look at the difference again.", code="loaded_meanwhile")
    load = RequirementLoad(
        id=new_id(),
        version=found.file.version,
        file_name=file_name,
        file_sha256=found.sha256,
        unconfirmed=found.unconfirmed,
        rows=len(found.changes),
        loaded_by=by,
        loaded_at=at,
    )
    session.add(load)
    session.flush()
    session.add_all(
        RequirementRow(
            number=number,
            load_id=load.id,
            section=one.section,
            code=one.row.id,
            region=one.row.region,
            effective_from=one.row.effective_from,
            effective_to=one.row.effective_to,
            confirmed=one.row.confirmed,
            content=as_data(one.row),
        )
        for number, one in enumerate(found.changes, start=newest + 1)
    )
    for one in found.changes:
        if isinstance(one.row, OutlineRow):
            _make_outline(session, one.row)
    session.flush()
    return load


def load_shipped(session: Session, *, by: str, at: datetime, today: date, unconfirmed: bool = False) -> RequirementLoad:
    """The catalogue that travels with the program, where nobody looks at a difference: a demonstration, a test."""
    found = plan(session, shipped(), unconfirmed=unconfirmed, today=today)
    return apply(session, found, file_name="requirements.yaml", by=by, at=at)


def loads(session: Session) -> Sequence[RequirementLoad]:
    """Every loading, newest first."""
    return session.scalars(sa.select(RequirementLoad).order_by(RequirementLoad.loaded_at.desc())).all()


def _dangling(
    held: Catalogue, file: Sequence[tuple[str, Row]], rows: Sequence[tuple[str, Row]]
) -> list[tuple[str, str]]:
    """Rows that name what neither the file nor the catalogue has."""
    known = {(section, row.id) for section, row in file} | {(one.section, one.row.id) for one in held.rows}
    return [
        (f"{section}/{row.id}", f"there is no {needed} in {within}, here or loaded")
        for section, row in rows
        for within, needed in references(row)
        if (within, needed) not in known
    ]


def _outlines_wrong(
    session: Session, held: Catalogue, rows: Sequence[tuple[str, Row]], found: Sequence[Change], today: date
) -> list[tuple[str, str]]:
    """Outlines that ask less than their category, and those that would change what classes were opened under."""
    ahead = Catalogue(
        [*held.rows, *(Loaded(held.number + n, one.section, one.row) for n, one in enumerate(found, start=1))]
    )
    wrong = []
    for _section, row in rows:
        if isinstance(row, OutlineRow):
            category = ahead.category(row.category, row.region, row.effective_from)
            if category is None:
                wrong.append((row, f"category {row.category} is not in force from {row.effective_from}"))
            elif short := short_outline(row, category[0]):
                wrong.append((row, short))
    asked = [(one.row, one.before) for one in found if isinstance(one.row, OutlineRow)]
    there = _outlines_there(session) if asked else {}
    for row, before in asked:
        if isinstance(before, OutlineRow) and _teaches(row) != _teaches(before):
            wrong.append((row, "classes may be under it: what it asks changes with a new version and first day"))
        if before is not None and row.effective_to is not None and row.effective_to < today:
            wrong.append((row, "ends today or later: who was judged under it was judged by the rules of the day"))
        mine = (row.effective_from, row.category)
        if before is None and there.get((row.id, row.region, row.version), mine) != mine:
            wrong.append((row, f"there is another outline of this code and version {row.version}"))
    return [(f"outlines/{row.id}", words) for row, words in wrong]


def _outlines_there(session: Session) -> dict[tuple[str, str, str], tuple[date, str | None]]:
    """First day and category of every outline by code, region and version."""
    rows = session.execute(
        sa.select(Outline.code, Outline.region, Outline.version, Outline.effective_from, Outline.category)
    )
    return {(code, region, version): (first, category) for code, region, version, first, category in rows}


def _teaches(row: OutlineRow) -> tuple[object, ...]:
    """What classes under it rely on; its last day, its source and a comment may be put right."""
    return row.category, row.training, row.version, row.items, row.name


def _make_outline(session: Session, row: OutlineRow) -> None:
    """The outline that classes are opened under; one that is there is only ended."""
    there = session.scalars(
        sa.select(Outline).where(Outline.code == row.id, Outline.region == row.region, Outline.version == row.version)
    ).one_or_none()
    if there is None:
        teaching.add_outline(
            session,
            code=row.id,
            name=row.name,
            region=row.region,
            version=row.version,
            effective_from=row.effective_from,
            effective_to=row.effective_to,
            items=[teaching.NewItem(item.code, item.name, Kind(item.kind.value), item.hours) for item in row.items],
            category=row.category,
            training=row.training,
        )
    else:
        there.effective_to = row.effective_to
    session.flush()
