"""What the pages of review show: what waits, and a case with all that was said and done. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.callers import Caller
from elearn.people.models import Role
from elearn.people.permissions import regions_of, scope_of
from elearn.tracking.signals.decisions import AFTER, Act, State
from elearn.tracking.signals.models import ReviewCase

PAGE = 30

_REACH = """(:all OR k.institution_id = ANY(:institutions)
             OR EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(o.region, own)))"""


def _reach(caller: Caller) -> dict[str, Any]:
    return {
        "all": bool(caller.roles & {Role.OPERATOR, Role.AUDITOR}),
        "institutions": list(scope_of(caller, Role.INSTITUTION_MANAGER)),
        "regions": list(regions_of(caller)),
    }


@dataclass(frozen=True, slots=True)
class Flagged:
    """A learner of a class with flags that no case has yet."""

    learner_id: UUID
    name: str
    class_id: UUID | None
    class_title: str | None
    rules: tuple[str, ...]
    strongest: str
    flags: int
    latest: datetime


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in a list."""

    id: UUID
    kind: str
    name: str
    class_title: str | None
    unit_title: str | None
    state: State
    opened_at: datetime
    acted_at: datetime | None


def flagged(session: Session, caller: Caller, *, page: int = 1) -> tuple[list[Flagged], int]:
    """One page of who has flags that nobody has taken up, the weightiest first, and how many there are."""
    rows = session.execute(
        sa.text(f"""
        SELECT s.learner_id, p.name, s.class_id, k.title, array_agg(DISTINCT s.rule) AS rules, count(*) AS flags,
               max(CASE s.weight WHEN 'high' THEN 3 WHEN 'medium' THEN 2 ELSE 1 END) AS strongest,
               max(s.found_at) AS latest, count(*) OVER () AS total
        FROM elearn.signal s
        JOIN elearn.person p ON p.id = s.learner_id
        LEFT JOIN elearn.training_class k ON k.id = s.class_id
        LEFT JOIN elearn.organisation o ON o.id = k.institution_id
        WHERE {_REACH} AND NOT EXISTS (SELECT FROM elearn.review_signal r WHERE r.signal_id = s.id)
        GROUP BY s.learner_id, p.name, s.class_id, k.title
        ORDER BY strongest DESC, flags DESC, latest DESC, s.learner_id LIMIT :size OFFSET :skip
        """),
        _reach(caller) | {"size": PAGE, "skip": (page - 1) * PAGE},
    ).all()
    names = {3: "high", 2: "medium", 1: "low"}
    found = [
        Flagged(
            row.learner_id,
            row.name,
            row.class_id,
            row.title,
            tuple(sorted(row.rules, key=lambda rule: int(rule[1:]))),
            names[row.strongest],
            row.flags,
            row.latest,
        )
        for row in rows
    ]
    return found, rows[0].total if rows else 0


_CASES = """
SELECT c.id, c.kind, p.name, k.title, u.title AS unit_title, c.opened_at, last.act, last.at AS acted_at,
       count(*) OVER () AS total
FROM elearn.review_case c
JOIN elearn.person p ON p.id = c.learner_id
LEFT JOIN elearn.training_class k ON k.id = c.class_id
LEFT JOIN elearn.organisation o ON o.id = k.institution_id
LEFT JOIN elearn.unit u ON u.id = c.unit_id
LEFT JOIN LATERAL (SELECT a.act, a.at FROM elearn.review_act a WHERE a.case_id = c.id
                   ORDER BY a.number DESC LIMIT 1) AS last ON true
"""


def _line(row: Any) -> CaseLine:
    state = AFTER[None if row.act is None else Act(row.act)]
    return CaseLine(row.id, row.kind, row.name, row.title, row.unit_title, state, row.opened_at, row.acted_at)


def cases(session: Session, caller: Caller, *, closed: bool, page: int = 1) -> tuple[list[CaseLine], int]:
    """One page of the cases that wait for somebody (the oldest first), or of those decided (the latest first)."""
    waits = "coalesce(last.act, 'object') IN ('object', 'propose')"
    order = "last.at DESC" if closed else "c.opened_at"
    rows = session.execute(
        sa.text(
            f"{_CASES} WHERE {_REACH} AND {'NOT ' if closed else ''}{waits} "
            f"ORDER BY {order}, c.id LIMIT :size OFFSET :skip"
        ),
        _reach(caller) | {"size": PAGE, "skip": (page - 1) * PAGE},
    ).all()
    return [_line(row) for row in rows], rows[0].total if rows else 0


def appeals_of(session: Session, learner_id: UUID) -> list[CaseLine]:
    """A learner's own appeals, the newest first."""
    rows = session.execute(
        sa.text(
            f"{_CASES} WHERE c.learner_id = :learner AND c.kind = 'appeal' ORDER BY c.opened_at DESC, c.id LIMIT 100"
        ),
        {"learner": learner_id},
    )
    return [_line(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Final:
    """Final hours of one lesson and day, and the rows they are."""

    unit_title: str
    on: date
    media_ms: int
    ids: tuple[UUID, ...]
    flagged: bool
    """Some of it was watched in a sitting, or at a time, that a flag names."""


def finals_of(session: Session, case: ReviewCase) -> list[Final]:
    """The learner's final hours in the case's class by lesson and day, what is flagged first."""
    rows = session.execute(
        sa.text("""
        WITH odd AS (
            SELECT s.sittings, s.from_ms, s.to_ms FROM elearn.review_signal r
            JOIN elearn.signal s ON s.id = r.signal_id WHERE r.case_id = :case
        )
        SELECT u.title, w."on", sum(w.end_ms - w.start_ms)::bigint AS media_ms, array_agg(w.id ORDER BY w.id) AS ids,
               bool_or(EXISTS (
                   SELECT FROM elearn.watched_span p, odd
                   WHERE p.id = ANY (w.settles)
                     AND (p.sitting_id = ANY (odd.sittings)
                          OR (cardinality(odd.sittings) = 0 AND p.heard_at BETWEEN
                              to_timestamp(odd.from_ms / 1000.0) AND to_timestamp(odd.to_ms / 1000.0))))) AS flagged
        FROM elearn.watched_span w
        JOIN elearn.believed_span b ON b.watched_span_id = w.id AND b.state = 'final'
        JOIN elearn.unit u ON u.id = w.unit_id
        WHERE w.learner_id = :learner AND w.class_id IS NOT DISTINCT FROM CAST(:class AS uuid)
        GROUP BY u.id, u.title, w."on" ORDER BY flagged DESC, w."on", u.title
        """),
        {"case": case.id, "learner": case.learner_id, "class": case.class_id},
    )
    return [Final(row.title, row.on, row.media_ms, tuple(row.ids), row.flagged) for row in rows]


@dataclass(frozen=True, slots=True)
class Touched:
    """Hours of one lesson and day that a case proposes to take, took, or gave back."""

    unit_title: str
    on: date
    media_ms: int


def touched(session: Session, spans: list[UUID]) -> list[Touched]:
    """What these rows of the ledger are, by lesson and day."""
    rows = session.execute(
        sa.text("""
        SELECT u.title, w."on", sum(w.end_ms - w.start_ms)::bigint AS media_ms
        FROM elearn.watched_span w JOIN elearn.unit u ON u.id = w.unit_id
        WHERE w.id = ANY(:spans) GROUP BY u.id, u.title, w."on" ORDER BY w."on", u.title
        """),
        {"spans": spans},
    )
    return [Touched(row.title, row.on, row.media_ms) for row in rows]


@dataclass(frozen=True, slots=True)
class ActLine:
    """What somebody did in a case."""

    act: Act
    name: str
    side: str
    reason: str
    spans: list[UUID]
    at: datetime


def acts_of(session: Session, case_id: UUID) -> list[ActLine]:
    """All of it, in order."""
    rows = session.execute(
        sa.text("""
        SELECT a.act, p.name, a.side, a.reason, a.spans, a.at FROM elearn.review_act a
        JOIN elearn.person p ON p.id = a.by_person_id WHERE a.case_id = :case ORDER BY a.number
        """),
        {"case": case_id},
    )
    return [ActLine(Act(row.act), row.name, row.side, row.reason, row.spans, row.at) for row in rows]


def effects_of(session: Session, case_id: UUID) -> list[UUID]:
    """The rows of the ledger that a case put there."""
    return list(
        session.scalars(
            sa.text("SELECT watched_span_id FROM elearn.review_effect WHERE case_id = :case"), {"case": case_id}
        )
    )


@dataclass(frozen=True, slots=True)
class SignalLine:
    """A flag as the pages tell it."""

    rule: str
    weight: str
    from_ms: int
    to_ms: int
    evidence: dict[str, Any]


def signals_of(session: Session, case_id: UUID) -> list[SignalLine]:
    """The flags of a case, the weightiest first."""
    rows = session.execute(
        sa.text("""
        SELECT s.rule, s.weight, s.from_ms, s.to_ms, s.evidence FROM elearn.review_signal r
        JOIN elearn.signal s ON s.id = r.signal_id WHERE r.case_id = :case
        ORDER BY CASE s.weight WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, s.from_ms, s.id
        """),
        {"case": case_id},
    )
    return [SignalLine(*row) for row in rows]
