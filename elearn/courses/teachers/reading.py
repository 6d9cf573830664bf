"""What pages show of the register: who is in it, a teacher's certificates and terms, what runs out. Reads only.

Institutions see who teaches, or ever taught, for them; officers all of their region; operators and auditors all; and
everybody what is kept of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.centres import Industry
from elearn.courses.models import Outline
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Category, Group
from elearn.courses.teachers.models import TeacherEntry
from elearn.courses.teachers.rules import Level
from elearn.people.callers import Caller
from elearn.people.models import Organisation, OrganisationKind, Role
from elearn.people.permissions import regions_of, scope_of
from elearn.people.sides import Side, Voice

PAGE = 50
MOST = 100
"""Lines of a list of warnings; what is most urgent stands first."""
MOST_OFFICES = 500
SOON = timedelta(days=60)

_REACH = """(:all OR t.person_id = :own OR EXISTS (
    SELECT FROM elearn.teacher_term r JOIN elearn.organisation i ON i.id = r.institution_id
    WHERE r.teacher_id = t.id AND (i.id = ANY (:institutions)
      OR EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(i.region, own)))))"""

_LINES = """
SELECT t.id, t.person_id, t.name, t.level, t.industries, t.works, now.institutions, papers.valid, papers.to_on,
       papers.waiting, {total} AS total
FROM ({chosen}) t
LEFT JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT i.name ORDER BY i.name), ARRAY[]::text[]) AS institutions
    FROM elearn.teacher_term r JOIN elearn.organisation i ON i.id = r.institution_id
    WHERE r.teacher_id = t.id AND r.from_on <= :on AND (r.to_on IS NULL OR :on <= r.to_on)
) now ON true
LEFT JOIN LATERAL (
    SELECT coalesce(bool_or(c.ends_id IS NULL AND a.confirmed AND over.ended_on IS NULL
                            AND c.from_on <= :on AND (c.to_on IS NULL OR :on <= c.to_on)), false) AS valid,
           max(coalesce(c.to_on, DATE '9999-12-31'))
               FILTER (WHERE c.ends_id IS NULL AND a.confirmed AND over.ended_on IS NULL) AS to_on,
           count(*) FILTER (WHERE a.certificate_id IS NULL) AS waiting
    FROM elearn.teacher_certificate c
    LEFT JOIN elearn.certificate_answer a ON a.certificate_id = c.id
    LEFT JOIN LATERAL (
        SELECT min(e.from_on) AS ended_on FROM elearn.teacher_certificate e
        JOIN elearn.certificate_answer b ON b.certificate_id = e.id AND b.confirmed
        WHERE e.ends_id = c.id AND e.from_on <= :on) over ON true
    WHERE c.teacher_id = t.id
) papers ON true
"""

_CHOSEN = """
SELECT t.*, p.name{total} FROM elearn.teacher t JOIN elearn.person p ON p.id = t.person_id
WHERE {asked}"""

_CERTIFICATES = """
SELECT c.*, b.name AS by_name, a.confirmed, s.name AS second_name, a.side AS second_side, a.note AS answer_note,
       a.at AS answered_at, over.ended_on, over.ending
FROM elearn.teacher_certificate c
JOIN elearn.person b ON b.id = c.by_id
LEFT JOIN elearn.certificate_answer a ON a.certificate_id = c.id
LEFT JOIN elearn.person s ON s.id = a.by_id
LEFT JOIN LATERAL (
    SELECT min(e.from_on) FILTER (WHERE x.confirmed) AS ended_on,
           coalesce(bool_or(x.certificate_id IS NULL), false) AS ending
    FROM elearn.teacher_certificate e LEFT JOIN elearn.certificate_answer x ON x.certificate_id = e.id
    WHERE e.ends_id = c.id
) over ON true
"""

TERMS = sa.text("""
SELECT r.id, r.institution_id, i.name, i.region, r.full_time, r.from_on, r.to_on
FROM elearn.teacher_term r JOIN elearn.organisation i ON i.id = r.institution_id
WHERE r.teacher_id = :teacher ORDER BY r.from_on DESC, r.id
""")

CLASSES = sa.text("""
SELECT k.id, k.class_no, k.title, k.institution_id, i.name AS institution, x.from_on,
       coalesce(x.to_on, k.ends_on) AS to_on, o.name AS item, coalesce(x.kind, o.kind) AS kind
FROM elearn.class_teacher x
JOIN elearn.training_class k ON k.id = x.class_id
JOIN elearn.organisation i ON i.id = k.institution_id
LEFT JOIN elearn.outline_item o ON o.id = x.outline_item_id
WHERE x.teacher_id = :teacher AND x.removed_at IS NULL AND (:all OR :is_own OR i.id = ANY (:institutions)
  OR EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(i.region, own)))
ORDER BY x.from_on DESC, x.id LIMIT 100
""")

RUNNING = sa.text("""
SELECT k.id, k.class_no, k.title, i.name AS institution, k.starts_on, k.ends_on
FROM elearn.training_class k JOIN elearn.organisation i ON i.id = k.institution_id
WHERE (k.ends_on IS NULL OR k.ends_on >= :on) AND (:all OR i.id = ANY (:institutions)
  OR EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(i.region, own)))
ORDER BY k.starts_on DESC, k.id LIMIT 200
""")

OFFERED = sa.text("""
SELECT t.id, p.name FROM elearn.teacher t JOIN elearn.person p ON p.id = t.person_id
WHERE EXISTS (SELECT FROM elearn.teacher_term r WHERE r.teacher_id = t.id AND r.institution_id = :institution
              AND (r.to_on IS NULL OR r.to_on >= :on))
ORDER BY p.name, t.id LIMIT 500
""")


@dataclass(frozen=True, slots=True)
class TeacherLine:
    """A teacher in the list."""

    id: UUID
    person_id: UUID
    name: str
    level: Level
    industries: tuple[Industry, ...]
    works: tuple[str, ...]
    institutions: tuple[str, ...]
    """For whom the teacher teaches that day."""
    valid: bool
    """A confirmed certificate holds that day, for whatever it is."""
    valid_to: date | None
    """The last day of those that were confirmed and not ended; None: none, or not limited."""
    waiting: int
    """What was stated and waits for a second person."""


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """A certificate, or the end of one, with both halves."""

    id: UUID
    teacher_id: UUID
    kind: str | None
    number_sealed: bytes | None
    issued_by: str | None
    from_on: date
    to_on: date | None
    categories: tuple[str, ...]
    works: tuple[str, ...]
    ends_id: UUID | None
    note: str
    by: Voice
    by_name: str
    at: datetime
    confirmed: bool | None
    """None: nobody has answered."""
    second_name: str | None
    second_side: Side | None
    answer_note: str | None
    answered_at: datetime | None
    ended_on: date | None
    ending: bool
    """An end of it waits for its answer."""

    def holds(self, on: date) -> bool:
        """Confirmed, and in force that day."""
        over = (self.to_on is not None and self.to_on < on) or (self.ended_on is not None and self.ended_on <= on)
        return bool(self.confirmed) and self.ends_id is None and self.from_on <= on and not over

    @property
    def may_be_ended(self) -> bool:
        return bool(self.confirmed) and self.ends_id is None and self.ended_on is None and not self.ending


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for in the register."""

    name: str = ""
    level: Level | None = None
    industry: Industry | None = None
    work: str = ""
    expiring: bool = False
    """Only who teaches that day and holds nothing valid beyond the next 60."""


def lines(
    session: Session, caller: Caller, wanted: Wanted, *, on: date, page: int = 1, size: int = PAGE
) -> tuple[list[TeacherLine], int]:
    """One page of the register by name (of what runs out: by its last day), and how many there are. One query."""
    asked = [_REACH, "p.erased_at IS NULL", "position(lower(:name) IN lower(p.name)) > 0"]
    asked += ["t.level = :level"] if wanted.level else []
    asked += [":industry = ANY (t.industries)"] if wanted.industry else []
    asked += [":work = ANY (t.works)"] if wanted.work else []
    total = "" if wanted.expiring else ", count(*) OVER () AS total"
    chosen, page_of = _CHOSEN.format(asked=" AND ".join(asked), total=total), "LIMIT :size OFFSET :skip"
    if wanted.expiring:
        runs_out = "cardinality(now.institutions) > 0 AND (papers.to_on IS NULL OR papers.to_on <= :soon)"
        whole = _LINES.format(chosen=chosen, total="count(*) OVER ()")
        query = f"{whole} WHERE {runs_out} ORDER BY papers.to_on NULLS FIRST, t.name, t.id {page_of}"
    else:
        # The page is cut first: what is told of a teacher is asked of those on it only.
        query = (
            _LINES.format(chosen=f"{chosen} ORDER BY p.name, t.id {page_of}", total="t.total") + "ORDER BY t.name, t.id"
        )
    rows = session.execute(
        sa.text(query),
        {
            **reach(caller), "on": on, "soon": on + SOON, "name": wanted.name.strip(), "level": wanted.level,
            "industry": wanted.industry, "work": wanted.work, "size": size, "skip": (max(1, page) - 1) * size,
        },
    ).all()  # fmt: skip
    return [_line(row) for row in rows], rows[0].total if rows else 0


def one(session: Session, caller: Caller, teacher_id: UUID, *, on: date) -> TeacherLine | None:
    """One teacher, when the caller may see the teacher; also one whose data was erased."""
    row = session.execute(
        sa.text(_LINES.format(chosen=_CHOSEN.format(asked=f"t.id = :teacher AND {_REACH}", total=""), total="1")),
        {**reach(caller), "on": on, "teacher": teacher_id},
    ).one_or_none()
    return None if row is None else _line(row)


def of_person(session: Session, person_id: UUID) -> UUID | None:
    """The teacher that somebody is."""
    return session.scalar(sa.select(TeacherEntry.id).where(TeacherEntry.person_id == person_id))


def certificates(session: Session, teacher_id: UUID) -> list[CertificateLine]:
    """All that was ever stated, the latest first."""
    rows = session.execute(
        sa.text(f"{_CERTIFICATES} WHERE c.teacher_id = :teacher ORDER BY c.at DESC, c.id"), {"teacher": teacher_id}
    )
    return [_certificate(row) for row in rows]


def certificate(session: Session, certificate_id: UUID) -> CertificateLine | None:
    """One of them, for whoever may see its teacher."""
    row = session.execute(sa.text(f"{_CERTIFICATES} WHERE c.id = :id"), {"id": certificate_id}).one_or_none()
    return None if row is None else _certificate(row)


def waiting(session: Session, caller: Caller) -> list[tuple[CertificateLine, str]]:
    """What waits for a second person, with the teacher's name; oldest first."""
    rows = session.execute(
        sa.text(
            f"SELECT w.*, p.name AS teacher FROM ({_CERTIFICATES} WHERE a.certificate_id IS NULL) w "
            f"JOIN elearn.teacher t ON t.id = w.teacher_id JOIN elearn.person p ON p.id = t.person_id "
            f"WHERE {_REACH} ORDER BY w.at, w.id LIMIT {MOST}"
        ),
        reach(caller),
    )
    return [(_certificate(row), row.teacher) for row in rows]


def terms(session: Session, teacher_id: UUID) -> list[Any]:
    """Rows of id, institution_id, name, region, full_time, from_on, to_on; the latest first."""
    return list(session.execute(TERMS, {"teacher": teacher_id}))


def classes(session: Session, caller: Caller, line: TeacherLine) -> list[Any]:
    """Rows of the classes that the caller sees: id, class_no, title, institution, from_on, to_on, item, kind."""
    own = line.person_id == caller.person_id
    return list(session.execute(CLASSES, {**reach(caller), "teacher": line.id, "is_own": own}))


def running_classes(session: Session, caller: Caller, on: date) -> list[Any]:
    """Rows of classes that are not over: id, class_no, title, institution, starts_on, ends_on; the newest 200."""
    return list(session.execute(RUNNING, {**reach(caller), "on": on}))


def offered(session: Session, institution_id: UUID, on: date) -> list[tuple[UUID, str]]:
    """(teacher, name) of who teaches for an institution on that day or later, by name."""
    rows = session.execute(OFFERED, {"institution": institution_id, "on": on})
    return [(row.id, row.name) for row in rows]


def offices(session: Session, caller: Caller) -> list[tuple[UUID, str]]:
    """(institution, name): in whose names the caller keeps the register: a manager's own, an officer's region's."""
    regions = regions_of(caller)
    own = scope_of(caller, Role.INSTITUTION_MANAGER)
    if not regions and not own:
        return []
    rows = session.execute(
        sa.select(Organisation.id, Organisation.name)
        .where(
            Organisation.kind == OrganisationKind.INSTITUTION,
            Organisation.closed_at.is_(None),
            sa.or_(Organisation.id.in_(own), *(Organisation.region.startswith(one) for one in sorted(regions))),
        )
        .order_by(Organisation.name, Organisation.id)
        .limit(MOST_OFFICES)
    )
    return [(row.id, row.name) for row in rows]


@dataclass(frozen=True, slots=True)
class Coverable:
    """What a certificate can be for: kinds of work, and categories by id with their names."""

    works: tuple[str, ...]
    categories: tuple[tuple[str, str], ...]


def coverable(session: Session, on: date) -> Coverable:
    """Of the categories in force anywhere that day, and of the outlines in force that stand for themselves."""
    held = requirements.catalogue(session).everywhere("categories", on)
    rows = {one.row.id: one.row for one in held if isinstance(one.row, Category) and one.row.group is not Group.TEACHER}
    alone = session.execute(
        sa.select(Outline.code, Outline.name)
        .where(
            Outline.category.is_(None),
            Outline.effective_from <= on,
            Outline.effective_to.is_(None) | (Outline.effective_to >= on),
        )
        .order_by(Outline.name, Outline.code)
    )
    named = [(row.id, row.name) for row in rows.values()] + [(code, name) for code, name in alone]
    works = sorted({row.work for row in rows.values() if row.work})
    return Coverable(tuple(works), tuple(dict(sorted(named, key=lambda one: one[1])).items()))


def reach(caller: Caller) -> dict[str, Any]:
    """The parameters of what somebody sees."""
    return {
        "all": bool(caller.roles & {Role.OPERATOR, Role.AUDITOR}),
        "own": caller.person_id,
        "institutions": list(scope_of(caller, Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER)),
        "regions": list(regions_of(caller)),
    }


def _line(row: Any) -> TeacherLine:
    return TeacherLine(
        id=row.id,
        person_id=row.person_id,
        name=row.name,
        level=Level(row.level),
        industries=tuple(Industry(one) for one in row.industries),
        works=tuple(row.works),
        institutions=tuple(row.institutions),
        valid=row.valid,
        valid_to=None if row.to_on is None or row.to_on == date.max else row.to_on,
        waiting=row.waiting,
    )


def _certificate(row: Any) -> CertificateLine:
    return CertificateLine(
        id=row.id,
        teacher_id=row.teacher_id,
        kind=row.kind,
        number_sealed=row.number_sealed,
        issued_by=row.issued_by,
        from_on=row.from_on,
        to_on=row.to_on,
        categories=tuple(row.categories),
        works=tuple(row.works),
        ends_id=row.ends_id,
        note=row.note,
        by=Voice(row.by_id, Side(row.side)),
        by_name=row.by_name,
        at=row.at,
        confirmed=row.confirmed,
        second_name=row.second_name,
        second_side=None if row.second_side is None else Side(row.second_side),
        answer_note=row.answer_note,
        answered_at=row.answered_at,
        ended_on=row.ended_on,
        ending=row.ending,
    )
