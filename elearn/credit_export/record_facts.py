"""What a record keeps beside judgement and hours: the other blocks of RULES 4(c), as they were when it was written.

None stands where this platform has no such fact: it says nothing about prerequisites, blacklists, teachers and course
tests, and a receiver must not read a silence as a yes. Who the person is stands in no record: a document number is
opened for each answer and that is written down, and erasing a person leaves nothing here that names them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.gathering import Case

CLASSES = sa.text("""
SELECT k.id, k.class_no, k.filing_no, k.filed_at, k.starts_on, k.ends_on, o.name, o.credit_code, o.region
FROM elearn.training_class k JOIN elearn.organisation o ON o.id = k.institution_id
WHERE k.id = ANY (:classes)
""")

EMPLOYERS = sa.text("""
SELECT m.person_id, o.name, o.credit_code, o.region, m.kind
FROM elearn.membership m JOIN elearn.organisation o ON o.id = m.organisation_id
WHERE m.person_id = ANY (:persons) AND o.kind = 'enterprise' AND m.from_on <= :on
  AND (m.to_on IS NULL OR :on <= m.to_on)
ORDER BY m.person_id, m.from_on, o.id
""")

ENTRIES = sa.text("""
SELECT e.person_id, k.outline_id, count(*) AS entries, min(e.earned_on) AS first_on, max(e.earned_on) AS last_on,
       coalesce(sum(e.amount_ms) FILTER (WHERE k.filed_at IS NULL OR k.filed_at > e.learned_at), 0)::bigint
           AS before_filing_ms,
       coalesce(-sum(e.amount_ms) FILTER (WHERE e.reverses_id IS NOT NULL), 0)::bigint AS voided_ms,
       max(ARRAY[e.leaf_origin, lpad(e.leaf_index::text, 20, '0')]) FILTER (WHERE e.leaf_origin IS NOT NULL) AS head
FROM elearn.hours_entry e
JOIN elearn.training_class k ON k.id = e.class_id
WHERE e.person_id = ANY (:persons)
GROUP BY e.person_id, k.outline_id
""")

HEADS = sa.text("""
SELECT l.origin, l.index, encode(l.hash, 'hex') AS hash FROM elearn.ledger_leaf l
JOIN unnest(CAST(:origins AS text[]), CAST(:indexes AS bigint[])) AS w (origin, index)
  ON w.origin = l.origin AND w.index = l.index
""")

CHECKS = sa.text("""
SELECT c.learner_id, k.outline_id, count(*) FILTER (WHERE c.outcome = 'passed') AS passed,
       count(*) FILTER (WHERE c.outcome IN ('failed', 'expired')) AS missed
FROM elearn.presence_check c
JOIN elearn.sitting s ON s.id = c.sitting_id
JOIN elearn.training_class k ON k.id = s.class_id
WHERE c.learner_id = ANY (:persons)
GROUP BY c.learner_id, k.outline_id
""")


def facts_of(session: Session, cases: Sequence[Case], *, on: date) -> list[dict[str, Any]]:
    """The blocks of these cases, in their order; JSON values only. Five queries, however many cases."""
    if not cases:
        return []
    persons = {"persons": list({case.person_id for case in cases})}
    classes = {
        row.id: row
        for row in session.execute(CLASSES, {"classes": list({case.class_id for case in cases if case.class_id})})
    }
    employers = defaultdict(list)
    for row in session.execute(EMPLOYERS, persons | {"on": on}):
        employers[row.person_id].append(
            {"name": row.name, "credit_code": row.credit_code, "region": row.region, "employment": row.kind}
        )
    entries = {(row.person_id, row.outline_id): row for row in session.execute(ENTRIES, persons)}
    heads = _heads(session, [row.head for row in entries.values() if row.head])
    checks = {(row.learner_id, row.outline_id): row for row in session.execute(CHECKS, persons)}
    return [
        _facts(
            case,
            classes.get(case.class_id) if case.class_id else None,
            employers[case.person_id],
            entries.get((case.person_id, case.outline_id)),
            heads,
            checks.get((case.person_id, case.outline_id)),
        )
        for case in cases
    ]


def _facts(
    case: Case, held: Any, employers: list[dict[str, Any]], entries: Any, heads: dict[Any, str], checks: Any
) -> dict[str, Any]:
    head = None
    if entries is not None and entries.head:
        origin, index = entries.head[0], int(entries.head[1])
        head = {"origin": origin, "index": index, "hash": f"sha256:{heads[origin, index]}"}
    return {
        "employers": employers,
        "target": {"code": case.category.code, "outline_version": case.category.version},
        "training": held
        and {
            "institution": held.name,
            "credit_code": held.credit_code,
            "region": held.region,
            "class_no": held.class_no,
            "filing_no": held.filing_no,
            "filed_at": _moment(held.filed_at),
            "starts_on": held.starts_on.isoformat(),
            "ends_on": held.ends_on and held.ends_on.isoformat(),
            "first_learned_on": entries and entries.first_on.isoformat(),
            "last_learned_on": entries and entries.last_on.isoformat(),
        },
        "uncredited_ms": {
            "before_filing": entries.before_filing_ms if entries else 0,
            "voided": entries.voided_ms if entries else 0,
        },
        "basis": {"kind": "hours"},
        "checks": {
            "identity": case.facts.identified,
            "class_filed": case.facts.class_filed,
            "presence_passed": checks.passed if checks else 0,
            "presence_missed": checks.missed if checks else 0,
            "course_tests": None,
            "prerequisites": None,
            "blacklist": None,
            "teachers": None,
        },
        "evidence": {"entries": entries.entries if entries else 0, "head": head},
    }


def _heads(session: Session, wanted: Sequence[Sequence[str]]) -> dict[tuple[str, int], str]:
    """(origin, index) -> the hash of that leaf, in hexadecimal."""
    if not wanted:
        return {}
    rows = session.execute(HEADS, {"origins": [one[0] for one in wanted], "indexes": [int(one[1]) for one in wanted]})
    return {(origin, place): hash_ for origin, place, hash_ in rows}


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
