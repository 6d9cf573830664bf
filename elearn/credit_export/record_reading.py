"""What the pages of records show: who has one and where it stands, and one with its life and its hours. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export import grant_rules
from elearn.credit_export.hours import Kind, Modality, Standing, named, standing
from elearn.credit_export.lifecycle import Act, Office, State
from elearn.credit_export.models import EligibilityRecord, EligibilityStep
from elearn.credit_export.records import tally_of
from elearn.people.callers import Caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import regions_of, scope_of

PAGE = 30
MOST_LESSONS = 300


class Listed(StrEnum):
    """The lists of records."""

    FOR_YOU = "todo"
    """Waits for the reader."""
    SHORT = "short"
    UNDER_WAY = "under_way"
    GRANTED = "granted"
    STOPPED = "stopped"


CONDITIONS = {
    Listed.FOR_YOU: "(l.mine OR l.waiting)",
    Listed.SHORT: "l.to_state = 'computed' AND l.outcome = 'ineligible'",
    Listed.UNDER_WAY: """(l.to_state IN ('submitted', 'institution_checked', 'regulator_verified')
                   OR (l.to_state = 'computed' AND l.outcome <> 'ineligible'))""",
    Listed.GRANTED: "l.to_state = 'granted'",
    Listed.STOPPED: "l.to_state IN ('suspended', 'revoked')",
}
"""What stands in each of them."""

_REACH = """(:all OR k.institution_id = ANY (:institutions)
             OR EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(i.region, own)))"""

LINES = f"""
WITH open AS (
    SELECT DISTINCT v.person_id, v.outline_id
    FROM elearn.eligibility_proposal q
    JOIN elearn.eligibility_record v ON v.id = q.record_id
    WHERE NOT EXISTS (SELECT FROM elearn.eligibility_answer a WHERE a.proposal_id = q.id)
), lines AS MATERIALIZED (
    SELECT r.id, r.person_id, r.outline_id, r.class_id, r.outcome, s.to_state, s.at,
           EXISTS (SELECT FROM open w WHERE w.person_id = r.person_id AND w.outline_id = r.outline_id) AS waiting,
           r.outcome <> 'ineligible' AND (
               (s.to_state IN ('computed', 'submitted') AND k.institution_id = ANY (:institutions))
               OR (s.to_state IN ('institution_checked', 'regulator_verified')
                   AND EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(i.region, own)))
               OR (s.to_state = 'institution_checked' AND k.institution_id = ANY (:granting))) AS mine
    FROM elearn.eligibility_record r
    LEFT JOIN elearn.training_class k ON k.id = r.class_id
    LEFT JOIN elearn.organisation i ON i.id = k.institution_id
    JOIN LATERAL (SELECT t.to_state, t.at FROM elearn.eligibility_step t WHERE t.record_id = r.id
                  ORDER BY t.number DESC LIMIT 1) s ON true
    WHERE NOT EXISTS (SELECT FROM elearn.eligibility_record n WHERE n.supersedes_id = r.id)
      AND {_REACH}
      AND (CAST(:outline AS uuid) IS NULL OR r.outline_id = :outline)
      AND (:search = '' OR r.person_id IN (SELECT p.id FROM elearn.person p
                                           WHERE position(lower(:search) IN lower(p.name)) > 0))
)
"""


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record in a list: always the newest version."""

    id: UUID
    name: str
    outline_name: str
    class_title: str | None
    class_no: str | None
    state: State
    eligible: bool
    reasons: tuple[str, ...]
    counts: Standing
    required_theory: int
    required_practice: int
    at: datetime
    """Of its last step."""
    waiting: bool
    """A proposal about it waits for a second person."""


def _reach(session: Session, caller: Caller, on: date) -> dict[str, Any]:
    managed = scope_of(caller, Role.INSTITUTION_MANAGER)
    return {
        "all": bool(caller.roles & {Role.OPERATOR, Role.AUDITOR}),
        "institutions": list(scope_of(caller, Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER)),
        "regions": list(regions_of(caller)),
        "granting": _granting(session, list(managed), on) if managed else [],
    }


def _granting(session: Session, managed: list[UUID], on: date) -> list[UUID]:
    """Those of these institutions whose manager grants by hand, because their region wants nobody else to."""
    rows = grant_rules.all_rules(session)
    regions = session.execute(sa.select(Organisation.id, Organisation.region).where(Organisation.id.in_(managed)))
    found = []
    for institution_id, region in regions:
        rule = grant_rules.rule_of(rows, region, on)
        if not rule.regulator_verifies and not rule.grants_by_itself:
            found.append(institution_id)
    return found


def lines(
    session: Session,
    caller: Caller,
    *,
    show: Listed,
    on: date,
    outline_id: UUID | None = None,
    search: str = "",
    page: int = 1,
) -> tuple[list[RecordLine], dict[Listed, int]]:
    """One page of a list, and how many each list holds."""
    values = _reach(session, caller, on) | {"outline": outline_id, "search": search.strip()}
    counting = ", ".join(f"count(*) FILTER (WHERE {condition}) AS {name}" for name, condition in CONDITIONS.items())
    rows = session.execute(
        sa.text(f"""{LINES}, chosen AS (
            SELECT * FROM lines l WHERE {CONDITIONS[show]} ORDER BY l.at, l.id LIMIT :size OFFSET :skip
        )
        SELECT counts.*, c.id, p.name, o.name AS outline_name, k.title AS class_title, k.class_no,
               r.outcome, r.reasons, r.rules,
               r.hours, c.to_state, c.at, c.waiting
        FROM (SELECT {counting} FROM lines l) counts
        LEFT JOIN chosen c ON true
        LEFT JOIN elearn.eligibility_record r ON r.id = c.id
        LEFT JOIN elearn.person p ON p.id = c.person_id
        LEFT JOIN elearn.outline o ON o.id = c.outline_id
        LEFT JOIN elearn.training_class k ON k.id = c.class_id
        ORDER BY c.at, c.id"""),
        values | {"size": PAGE, "skip": (page - 1) * PAGE},
    ).all()
    counts = {name: getattr(rows[0], name) for name in Listed}
    return [_line(row) for row in rows if row.id is not None], counts


def _line(row: Any) -> RecordLine:
    return RecordLine(
        id=row.id,
        name=row.name,
        outline_name=row.outline_name,
        class_title=row.class_title,
        class_no=row.class_no,
        state=State(row.to_state),
        eligible=row.outcome != "ineligible",
        reasons=tuple(row.reasons),
        counts=counts_of(row.hours, row.rules),
        required_theory=row.hours["required_theory"],
        required_practice=row.hours["required_practice"],
        at=row.at,
        waiting=row.waiting,
    )


def outlines_seen(session: Session, caller: Caller, *, on: date) -> list[tuple[UUID, str]]:
    """The outlines of the classes whose records the caller sees, by name."""
    rows = session.execute(
        sa.text(f"""
        SELECT DISTINCT o.id, o.name FROM elearn.training_class k
        JOIN elearn.outline o ON o.id = k.outline_id
        JOIN elearn.organisation i ON i.id = k.institution_id
        WHERE {_REACH} ORDER BY o.name, o.id
        """),
        _reach(session, caller, on),
    )
    return [(row.id, row.name) for row in rows]


def counts_of(hours: dict[str, Any], rules: str) -> Standing:
    """What the hours of a record are worth against what it says is asked, by its own rules."""
    return standing(tally_of(hours), required_theory=hours["required_theory"], rules=named(rules))


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step in the life of a record's line, with the names of who took it."""

    version: int
    act: Act
    state: State
    name: str | None
    """None: the platform."""
    second_name: str | None
    reason: str
    note: str
    rule: str
    at: datetime


def life_of_line(session: Session, record: EligibilityRecord) -> list[StepLine]:
    """All steps of all versions of a line, the newest first; at most the last 200."""
    rows = session.execute(
        sa.text("""
        SELECT r.version, s.act, s.to_state, p.name, q.name AS second_name, s.reason, s.note, s.rule, s.at
        FROM elearn.eligibility_record r
        JOIN elearn.eligibility_step s ON s.record_id = r.id
        LEFT JOIN elearn.person p ON p.id = s.by_id
        LEFT JOIN elearn.person q ON q.id = s.second_id
        WHERE r.person_id = :person AND r.outline_id = :outline
        ORDER BY s.position DESC LIMIT 200
        """),
        {"person": record.person_id, "outline": record.outline_id},
    )
    return [
        StepLine(
            row.version,
            Act(row.act),
            State(row.to_state),
            row.name,
            row.second_name,
            row.reason,
            row.note,
            row.rule,
            row.at,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class AnsweredLine:
    """A proposal that somebody objected to: no step came of it, and it is part of the story."""

    act: Act
    name: str
    office: Office
    note: str
    objected_name: str
    objection: str
    at: datetime


def objections(session: Session, record: EligibilityRecord) -> list[AnsweredLine]:
    """What was proposed about a line and not done, the newest first."""
    rows = session.execute(
        sa.text("""
        SELECT q.act, p.name, q.office, q.note, o.name AS objected_name, a.note AS objection, a.at
        FROM elearn.eligibility_record r
        JOIN elearn.eligibility_proposal q ON q.record_id = r.id
        JOIN elearn.eligibility_answer a ON a.proposal_id = q.id AND NOT a.confirmed
        JOIN elearn.person p ON p.id = q.by_id
        JOIN elearn.person o ON o.id = a.by_id
        WHERE r.person_id = :person AND r.outline_id = :outline ORDER BY a.at DESC LIMIT 50
        """),
        {"person": record.person_id, "outline": record.outline_id},
    )
    return [
        AnsweredLine(Act(row.act), row.name, Office(row.office), row.note, row.objected_name, row.objection, row.at)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class LessonHours:
    """Credited time of one lesson (or of offline attendance) behind a record."""

    title: str | None
    modality: Modality
    kind: Kind
    first_on: date
    last_on: date
    amount_ms: int
    counts: bool
    """Learned after its class was filed; what is not stands in the ledger and leaves the house nowhere."""
    leaf: int | None
    """The last leaf of the log that says so."""


def hours_behind(session: Session, record: EligibilityRecord) -> list[LessonHours]:
    """The entries behind a record as they are now, by lesson, the last learned first."""
    rows = session.execute(
        sa.text("""
        SELECT l.title, e.modality, e.kind, min(e.earned_on) AS first_on, max(e.earned_on) AS last_on,
               sum(e.amount_ms)::bigint AS amount_ms, coalesce(k.filed_at <= e.learned_at, false) AS counts,
               max(e.leaf_index) AS leaf
        FROM elearn.hours_entry e
        JOIN elearn.training_class k ON k.id = e.class_id AND k.outline_id = :outline
        LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
        LEFT JOIN elearn.unit u ON u.id = w.unit_id
        LEFT JOIN elearn.lesson l ON l.id = u.lesson_id
        WHERE e.person_id = :person
        GROUP BY l.id, l.title, e.modality, e.kind, counts
        HAVING sum(e.amount_ms) <> 0
        ORDER BY last_on DESC, l.title LIMIT :most
        """),
        {"person": record.person_id, "outline": record.outline_id, "most": MOST_LESSONS},
    )
    return [
        LessonHours(
            row.title,
            Modality(row.modality),
            Kind(row.kind),
            row.first_on,
            row.last_on,
            row.amount_ms,
            row.counts,
            row.leaf,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """A learner's own record under one outline, newest version."""

    record: EligibilityRecord
    state: State
    granted_at: datetime | None
    expires_on: date | None


def own_records(session: Session, person_id: UUID) -> dict[UUID, OwnRecord]:
    """By outline: where the person's records stand. One query."""
    newer = sa.orm.aliased(EligibilityRecord)
    later = sa.orm.aliased(EligibilityStep)
    rows = session.execute(
        sa.select(EligibilityRecord, EligibilityStep)
        .join(EligibilityStep, EligibilityStep.record_id == EligibilityRecord.id)
        .where(
            EligibilityRecord.person_id == person_id,
            ~sa.exists().where(newer.supersedes_id == EligibilityRecord.id),
            ~sa.exists().where(later.record_id == EligibilityRecord.id, later.number > EligibilityStep.number),
        )
    )
    return {
        record.outline_id: OwnRecord(record, State(step.to_state), step.granted_at, step.expires_on)
        for record, step in rows
    }
