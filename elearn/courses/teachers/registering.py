"""The register: who is a teacher, at which level, of what, and for whom. Nothing here commits.

`acting` are the institutions in whose name the caller acts, as in `teaching.py`. What an institution says of a person
is what the person teaches and for whom; in whose register somebody stands, a regulator's officer says.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.centres import Industry
from elearn.courses.teachers.models import TeacherEntry, TeacherTerm
from elearn.courses.teachers.rules import Level
from elearn.courses.teachers.said import Profile, checked_works
from elearn.db import new_id
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people.models import Organisation, OrganisationKind


def register(session: Session, person_id: UUID, said: Profile, *, by: UUID, may_level: bool, at: datetime) -> UUID:
    """The teacher that this person is, made when new; whoever is one already keeps what was said of them.

    Two at once make one. Raises Malformed `work`, Forbidden `level`.
    """
    teacher_id = session.scalar(sa.select(TeacherEntry.id).where(TeacherEntry.person_id == person_id))
    if teacher_id is not None:
        return teacher_id
    if said.level is not Level.INSTITUTION and not may_level:
        raise Forbidden("Only a regulator's officer says in whose register a teacher stands.", code="level")
    _lock(session, person_id)
    teacher_id = session.scalar(sa.select(TeacherEntry.id).where(TeacherEntry.person_id == person_id))
    if teacher_id is None:
        teacher_id = new_id()
        made = TeacherEntry(id=teacher_id, person_id=person_id, created_by=by, created_at=at)
        made.level, made.industries, made.works = said.level, _industries(said), checked_works(said.works)
        session.add(made)
        session.flush()
    return teacher_id


def describe(session: Session, teacher_id: UUID, said: Profile, *, by: UUID, may_level: bool, at: datetime) -> None:
    """Say anew what a teacher teaches. Raises NotFound, Malformed `work`, Forbidden `level`."""
    entry = session.get(TeacherEntry, teacher_id, with_for_update=True)
    if entry is None:
        raise NotFound("There is no such teacher.")
    if said.level is not entry.level and not may_level:
        raise Forbidden("Only a regulator's officer says in whose register a teacher stands.", code="level")
    entry.level, entry.industries, entry.works = said.level, _industries(said), checked_works(said.works)
    entry.changed_by, entry.changed_at = by, at
    session.flush()


def join(
    session: Session,
    teacher_id: UUID,
    institution_id: UUID,
    *,
    full_time: bool,
    from_on: date,
    to_on: date | None = None,
    acting: Collection[UUID],
    by: UUID,
    at: datetime,
) -> TeacherTerm:
    """A teacher teaches for an institution from a day on.

    Raises NotFound: not one of `acting`; Malformed `dates`; Conflict `teaches_already`: a term of these days is there.
    """
    if institution_id not in acting:
        raise NotFound("There is no such institution.")
    kind = session.scalar(sa.select(Organisation.kind).where(Organisation.id == institution_id))
    if kind is not OrganisationKind.INSTITUTION:
        raise NotFound("There is no such institution.")
    if to_on is not None and to_on < from_on:
        raise Malformed("The last day is before the first.", code="dates")
    _lock(session, teacher_id)
    others = sa.select(TeacherTerm.id).where(
        TeacherTerm.teacher_id == teacher_id,
        TeacherTerm.institution_id == institution_id,
        sa.or_(TeacherTerm.to_on.is_(None), TeacherTerm.to_on >= from_on),
        *([TeacherTerm.from_on <= to_on] if to_on is not None else []),
    )
    if session.scalar(others.limit(1)) is not None:
        raise Conflict("This teacher teaches for this institution already in these days.", code="teaches_already")
    made = TeacherTerm(
        teacher_id=teacher_id,
        institution_id=institution_id,
        full_time=full_time,
        from_on=from_on,
        to_on=to_on,
        added_by=by,
        added_at=at,
    )
    session.add(made)
    session.flush()
    return made


def leave(
    session: Session, term_id: UUID, *, to_on: date, acting: Collection[UUID], by: UUID, at: datetime
) -> TeacherTerm:
    """The last day of a term, said once. Raises NotFound, Malformed `dates`, Conflict `term_over`."""
    term = session.get(TeacherTerm, term_id, with_for_update=True)
    if term is None or term.institution_id not in acting:
        raise NotFound("There is no such term.")
    if term.to_on is not None:
        raise Conflict("This term has its last day already.", code="term_over")
    if to_on < term.from_on:
        raise Malformed("The last day is before the first.", code="dates")
    term.to_on, term.ended_by, term.ended_at = to_on, by, at
    session.flush()
    return term


def _industries(said: Profile) -> list[str]:
    return [one.value for one in Industry if one in said.industries]


def _lock(session: Session, about: UUID) -> None:
    """Two at once about the same one do not both go through."""
    name = f"elearn teacher {about}"
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
