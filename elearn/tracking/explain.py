"""One sitting, explained: what the server knows of it, every report of it, its keys and its checks.

For auditors and for `elearn tracking explain`. Reads only, by a number of queries that does not grow with the sitting;
reports come in pages. Whether all that is kept of a report agrees is `judged_again.py`'s to say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import asdict
from datetime import UTC
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses.models import Course, Lesson, TrainingClass, Unit
from elearn.errors import NotFound
from elearn.people.devices import load_key
from elearn.people.models import Device, Organisation
from elearn.tracking import judged_again, policies
from elearn.tracking.evidence import (
    BelievedPart,
    CheckPut,
    KeyGiven,
    LearnerLine,
    LicenceGiven,
    ReportAccount,
    SittingHead,
    SittingLine,
)
from elearn.tracking.judged_again import Kept
from elearn.tracking.models import Licence, Sitting
from elearn.tracking.policy import Policy

PAGE = 100
"""Reports, or sittings, read at once."""
MOST_LEARNERS = 50

# Two partial indexes hold the reports of a sitting: the decided, and those kept as evidence only.
_OF_SITTING = """
    SELECT r.* FROM elearn.report r WHERE r.sitting_id = :sitting AND r.refused_as IS NULL
    UNION ALL
    SELECT r.* FROM elearn.report r WHERE r.sitting_id = :sitting AND r.refused_as IS NOT NULL
"""

_COUNTS = f"""
WITH reports AS ({_OF_SITTING}), parts AS (
    SELECT part->>2 AS code, sum(greatest(0, (part->>1)::bigint - (part->>0)::bigint)) AS ms
    FROM reports, jsonb_array_elements(reports.refused) AS part GROUP BY part->>2
)
SELECT count(*) FILTER (WHERE refused_as IS NULL) AS decided,
       count(*) FILTER (WHERE refused_as IS NOT NULL) AS undecided,
       count(*) FILTER (WHERE chain_broken) AS chain_broken,
       count(*) FILTER (WHERE refused_as IS NOT NULL OR chain_broken OR jsonb_array_length(refused) > 0) AS odd,
       (SELECT jsonb_object_agg(code, ms) FROM parts) AS refused_ms
FROM reports
"""

# What a sitting's pending rows have become: settled by a final row, reversed, or that final row reversed.
_SPANS = """
    SELECT p.statement_id, p.start_ms, p.end_ms, p."on", p.late, p.excess_ms,
           CASE WHEN r.id IS NOT NULL OR f.reason IS NOT NULL THEN 'reversal' WHEN f.id IS NOT NULL THEN 'final'
                ELSE 'pending' END AS state,
           coalesce(f.reason, r.reason) AS reason, coalesce(f.check_id, r.check_id) AS check_id,
           coalesce(f.settled_at, r.heard_at) AS settled_at
    FROM elearn.watched_span p
    LEFT JOIN elearn.watched_span r ON r.reverses_id = p.id
    LEFT JOIN LATERAL (
        SELECT f.id, f.check_id, coalesce(v.heard_at, f.heard_at) AS settled_at, v.reason
        FROM elearn.watched_span f LEFT JOIN elearn.watched_span v ON v.reverses_id = f.id
        WHERE f.learner_id = p.learner_id AND f.unit_id = p.unit_id AND f.kind = 'final' AND p.id = ANY (f.settles)
          AND f.start_ms <= p.start_ms AND p.end_ms <= f.end_ms
        -- What people took back and gave back has two final rows; the one that stands is told.
        ORDER BY v.id IS NULL DESC, f.heard_at DESC LIMIT 1
    ) AS f ON true
    WHERE p.learner_id = :learner AND p.unit_id = :unit AND p.sitting_id = :sitting AND p.kind = 'pending'
"""

_SUMS = f"""
SELECT coalesce(sum(end_ms - start_ms), 0) AS credited_ms,
       coalesce(sum(end_ms - start_ms) FILTER (WHERE state = 'final'), 0) AS final_ms,
       coalesce(sum(end_ms - start_ms) FILTER (WHERE state = 'reversal'), 0) AS taken_back_ms
FROM ({_SPANS}) AS spans
"""

_REPORTS = f"""
WITH reports AS ({_OF_SITTING}), chosen AS (
    SELECT * FROM reports
    WHERE NOT :odd OR refused_as IS NOT NULL OR chain_broken OR jsonb_array_length(refused) > 0
    ORDER BY seq, refused_as NULLS FIRST, tau_ms, id LIMIT :size OFFSET :skip
)
SELECT c.id, c.seq, c.sha256, c.prev, c.sig, c.nonce, c.statement_id, c.tau_ms, c.sent_cm_ms, c.refused_as,
       c.chain_broken, c.credited, c.refused, c.seen, coalesce(c.raw, kept.raw) AS raw,
       c.raw IS NULL AND kept.raw IS NOT NULL AS in_record_store
FROM chosen c
LEFT JOIN elearn.statement_id AS there ON there.id = c.statement_id
LEFT JOIN elearn.statement AS kept ON kept.stored_at = there.stored_at AND kept.id = there.id
ORDER BY c.seq, c.refused_as NULLS FIRST, c.tau_ms, c.id
"""

_LEDGER = f"""
WITH credited AS (
    SELECT r.statement_id, (c->>0)::bigint AS start_ms, (c->>1)::bigint AS end_ms, c->>2 AS "on"
    FROM ({_OF_SITTING}) AS r, jsonb_array_elements(r.credited) AS c
), pending AS (
    SELECT statement_id, start_ms, end_ms, "on"::text AS "on" FROM ({_SPANS}) AS spans
)
(SELECT 'has' AS verb, * FROM (SELECT * FROM pending EXCEPT ALL SELECT * FROM credited) AS more)
UNION ALL
(SELECT 'lacks', * FROM (SELECT * FROM credited EXCEPT ALL SELECT * FROM pending) AS less)
"""

_KEYS = """
SELECT d.block, b.start_ms, b.end_ms, d.given_ms
FROM elearn.delivery d JOIN elearn.unit_block b ON b.unit_id = d.unit_id AND b.index = d.block
WHERE d.learner_id = :learner AND d.unit_id = :unit AND d.sitting_id = :sitting ORDER BY d.given_ms, d.block
"""

_CHECKS = """
SELECT c.id, c.number, c.method, c.unit_id, c.from_ms, c.to_ms, c.put_ms,
       c.deadline_ms, jsonb_array_length(c.tries) AS tries, c.outcome, c.decided_ms
FROM elearn.presence_check c WHERE c.learner_id = :learner AND c.sitting_id = :sitting ORDER BY c.number
"""

_LINES = """
SELECT s.id, s.opened_ms, s.ended_ms, s.ended_reason, s.device, s.player, s.seq AS decided, s.learner_id,
       p.name AS learner_name, u.title AS unit_title, c.title AS course_title, o.name AS institution,
       (SELECT coalesce(sum(w.end_ms - w.start_ms), 0) FROM elearn.watched_span w WHERE w.learner_id = s.learner_id
           AND w.unit_id = s.unit_id AND w.sitting_id = s.id AND w.kind = 'pending') AS credited_ms,
       (SELECT count(*) FROM elearn.report r WHERE r.sitting_id = s.id AND r.refused_as IS NOT NULL) AS undecided
FROM elearn.sitting s
JOIN elearn.person p ON p.id = s.learner_id
JOIN elearn.unit u ON u.id = s.unit_id
JOIN elearn.lesson l ON l.id = u.lesson_id
JOIN elearn.course c ON c.id = l.course_id
JOIN elearn.organisation o ON o.id = c.institution_id
WHERE (CAST(:learner AS uuid) IS NULL OR s.learner_id = :learner)
  AND (CAST(:regions AS text[]) IS NULL OR o.region ^@ ANY (:regions))
ORDER BY s.id DESC LIMIT :size OFFSET :skip
"""

_LEARNERS = """
SELECT p.id, p.name, found.sittings, found.last_opened_ms
FROM elearn.person p
JOIN LATERAL (
    SELECT count(*) AS sittings, max(s.opened_ms) AS last_opened_ms
    FROM elearn.sitting s
    JOIN elearn.unit u ON u.id = s.unit_id
    JOIN elearn.lesson l ON l.id = u.lesson_id
    JOIN elearn.course c ON c.id = l.course_id
    JOIN elearn.organisation o ON o.id = c.institution_id
    WHERE s.learner_id = p.id AND (CAST(:regions AS text[]) IS NULL OR o.region ^@ ANY (:regions))
) AS found ON found.sittings > 0
WHERE p.name ILIKE :like ORDER BY p.name, p.id LIMIT :size
"""


def head(session: Session, sitting_id: UUID) -> SittingHead:
    """The sitting as a whole, its policy included: at most four queries. Raises NotFound."""
    row = session.execute(
        sa.select(Sitting, Unit, Course.title, Organisation.name, Organisation.region, TrainingClass.class_no)
        .join(Unit, Unit.id == Sitting.unit_id)
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .join(Organisation, Organisation.id == Course.institution_id)
        .outerjoin(TrainingClass, TrainingClass.id == Sitting.class_id)
        .where(Sitting.id == sitting_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such sitting.")
    sitting, unit, course_title, institution, region, class_no = row
    counted = session.execute(sa.text(_COUNTS), {"sitting": sitting_id}).one()
    sums = session.execute(sa.text(_SUMS), _whose(sitting)).one()
    refused = counted.refused_ms or {}
    return SittingHead(
        id=sitting.id,
        learner_id=sitting.learner_id,
        unit_id=unit.id,
        unit_title=unit.title,
        unit_version=unit.version,
        duration_ms=unit.duration_ms,
        course_title=course_title,
        institution=institution,
        region=region,
        class_no=class_no,
        device=sitting.device,
        player=sitting.player,
        opened_ms=sitting.opened_ms,
        ended_ms=sitting.ended_ms,
        ended_reason=sitting.ended_reason,
        expires_ms=sitting.expires_ms,
        cm_open_ms=sitting.cm_open_ms,
        policy_digest=sitting.policy,
        policy=asdict(policies.by_digest(session, sitting.policy)),
        decided=counted.decided,
        undecided=counted.undecided,
        odd=counted.odd,
        chain_broken=counted.chain_broken,
        credited_ms=int(sums.credited_ms),
        final_ms=int(sums.final_ms),
        taken_back_ms=int(sums.taken_back_ms),
        refused_ms={code: int(refused[code]) for code in sorted(refused)},
    )


def reports(
    session: Session, sitting_id: UUID, *, page: int = 1, size: int = PAGE, odd: bool = False
) -> tuple[ReportAccount, ...]:
    """One page of the sitting's reports by number, each judged again: four queries. Raises NotFound.

    `odd`: only those of which something was refused or which are not in order.
    """
    sitting = _sitting(session, sitting_id)
    skip = (max(1, page) - 1) * size
    # The row before the page tells how the first decision of the page must have found the sitting.
    ahead = 0 if odd or skip == 0 else 1
    wanted = {"sitting": sitting_id, "size": size + ahead, "skip": skip - ahead, "odd": odd}
    rows = [cast(Kept, row) for row in session.execute(sa.text(_REPORTS), wanted)]
    spans = _believed(session, sitting, [row.statement_id for row in rows if row.refused_as is None])
    key = _device_key(session, sitting)
    found: list[ReportAccount] = []
    before: judged_again.Before | None = None
    for row in rows:
        own = spans.get(row.statement_id, ()) if row.refused_as is None else ()
        one, after = judged_again.account_of(row, sitting_id, own, key, _policy(session, row), before)
        found.append(one)
        before = after or before
    return tuple(found[ahead:])


def every_report(session: Session, sitting_id: UUID) -> Iterator[ReportAccount]:
    """All of them, a page at a time."""
    page = 1
    while there := reports(session, sitting_id, page=page):
        yield from there
        page += 1


def ledger_differences(session: Session, sitting_id: UUID) -> tuple[str, ...]:
    """Rows of the watched ledger that no report of the sitting earned, and credit that it lacks: two queries."""
    rows = session.execute(sa.text(_LEDGER), _whose(_sitting(session, sitting_id)))
    return tuple(
        f"the ledger {row.verb} {row.start_ms}-{row.end_ms} on {row.on} of statement {row.statement_id}" for row in rows
    )


def keys_given(session: Session, sitting_id: UUID) -> tuple[KeyGiven, ...]:
    """The blocks whose keys were first handed out in this sitting, by time: two queries."""
    rows = session.execute(sa.text(_KEYS), _whose(_sitting(session, sitting_id)))
    return tuple(KeyGiven(**row._mapping) for row in rows)


def checks_put(session: Session, sitting_id: UUID) -> tuple[CheckPut, ...]:
    """The presence checks put in this sitting, in order: two queries."""
    rows = session.execute(sa.text(_CHECKS), _whose(_sitting(session, sitting_id)))
    return tuple(CheckPut(**row._mapping) for row in rows)


def sittings(
    session: Session,
    *,
    learner_id: UUID | None = None,
    regions: Collection[str] | None = None,
    page: int = 1,
    size: int = PAGE,
) -> tuple[tuple[SittingLine, ...], bool]:
    """One page of sittings, newest first, and whether there are more: one query.

    `learner_id`: of one person. `regions`: only of institutions whose region begins with one of these; None: all.
    """
    wanted = {
        "learner": learner_id,
        "regions": None if regions is None else list(regions),
        "size": size + 1,
        "skip": (max(1, page) - 1) * size,
    }
    rows = session.execute(sa.text(_LINES), wanted).all()
    return tuple(SittingLine(**row._mapping) for row in rows[:size]), len(rows) > size


def licences_given(session: Session, sitting_id: UUID) -> tuple[LicenceGiven, ...]:
    """The licences for offline study given in this sitting, by time: two queries."""
    sitting = _sitting(session, sitting_id)
    rows = session.execute(
        sa.select(Licence.id, Licence.device, Licence.agreement, Licence.issued_ms, Licence.expires_ms)
        .where(
            Licence.learner_id == sitting.learner_id,
            Licence.unit_id == sitting.unit_id,
            Licence.sitting_id == sitting_id,
        )
        .order_by(Licence.issued_ms)
    )
    return tuple(LicenceGiven(**row._mapping) for row in rows)


def learners(session: Session, search: str, *, regions: Collection[str] | None = None) -> tuple[LearnerLine, ...]:
    """Who ever opened a sitting and has `search` in the name; `regions` as in `sittings`. At most MOST_LEARNERS."""
    wanted = {
        "like": "%" + re.sub(r"([%_\\])", r"\\\1", search.strip()) + "%",
        "regions": None if regions is None else list(regions),
        "size": MOST_LEARNERS,
    }
    return tuple(LearnerLine(**row._mapping) for row in session.execute(sa.text(_LEARNERS), wanted))


def _sitting(session: Session, sitting_id: UUID) -> Sitting:
    sitting = session.get(Sitting, sitting_id)
    if sitting is None:
        raise NotFound("There is no such sitting.")
    return sitting


def _whose(sitting: Sitting) -> dict[str, Any]:
    return {"sitting": sitting.id, "learner": sitting.learner_id, "unit": sitting.unit_id}


def _believed(
    session: Session, sitting: Sitting, statement_ids: Collection[UUID]
) -> dict[UUID, tuple[BelievedPart, ...]]:
    """Statement -> what the ledger holds of it, in the order of the media."""
    rows = session.execute(
        sa.text(f"{_SPANS} AND p.statement_id = ANY (:statements) ORDER BY p.start_ms"),
        {**_whose(sitting), "statements": list(statement_ids)},
    )
    found: dict[UUID, list[BelievedPart]] = defaultdict(list)
    for row in rows:
        settled_ms = None if row.settled_at is None else to_ms(row.settled_at.astimezone(UTC))
        part = BelievedPart(
            row.start_ms, row.end_ms, row.on, row.late, row.excess_ms, row.state, row.reason, row.check_id, settled_ms
        )
        found[row.statement_id].append(part)
    return {statement_id: tuple(parts) for statement_id, parts in found.items()}


def _device_key(session: Session, sitting: Sitting) -> EllipticCurvePublicKey | None:
    """The key that signs this sitting's reports, revoked or not; None when it signs none, or its row was erased."""
    jwk = session.scalar(
        sa.select(Device.jwk).where(Device.person_id == sitting.learner_id, Device.thumbprint == sitting.device)
    )
    return None if jwk is None else load_key(jwk["x"], jwk["y"])


def _policy(session: Session, row: Kept) -> Policy | None:
    """The rules that a decision names; None when nobody kept them, or there was no decision."""
    return None if row.seen is None else policies.if_kept(session, str(row.seen.get("policy")))
