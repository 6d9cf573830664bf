"""What a record keeps beside judgement and hours: the other blocks of RULES 4(c), as they were when it was written.

None stands where this platform has no such fact or the rules ask for none (prerequisites, teachers, course tests), and
a receiver must not read a silence as a yes. Who the person is stands in no record: a document number is opened for each
answer and that is written down, and erasing a person leaves nothing here that names them. What a judgement rests on and
what the outline is called at the exam stand here too; `records.py` adds them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.gathering import Case
from elearn.credit_export.judged import judged_by, prerequisites_met
from elearn.people.models import EmploymentKind
from elearn.tracking.verifier import REFUSAL_CLASS

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

# Media that was claimed in a class of the outline and not believed, or not for good, by the verifier's stored reasons.
# It is cut to its lesson: a wild claim has no length. The index of reports with refused media keeps the rest out.
UNCREDITED = sa.text("""
SELECT learner_id, outline_id, code,
       sum(greatest(0, least(b, duration_ms) - greatest(a, 0)))::bigint AS ms
FROM (
    SELECT s.learner_id, k.outline_id, u.duration_ms, part->>2 AS code, (part->>0)::bigint AS a, (part->>1)::bigint AS b
    FROM elearn.sitting s
    JOIN elearn.training_class k ON k.id = s.class_id
    JOIN elearn.unit u ON u.id = s.unit_id
    JOIN elearn.report r ON r.sitting_id = s.id AND r.refused <> '[]'::jsonb,
        jsonb_array_elements(r.refused) AS part
    WHERE s.learner_id = ANY (:persons) AND r.refused_as IS NULL
    UNION ALL
    SELECT w.learner_id, k.outline_id, u.duration_ms, w.reason, w.start_ms, w.end_ms
    FROM elearn.watched_span w
    JOIN elearn.training_class k ON k.id = w.class_id
    JOIN elearn.unit u ON u.id = w.unit_id
    WHERE w.learner_id = ANY (:persons) AND w.kind = 'reversal'
) AS lost
WHERE code = ANY (:codes)
GROUP BY learner_id, outline_id, code
""")

CLASS_OF = {code.value: told.value for code, told in REFUSAL_CLASS.items() if told is not None}
"""Code of a refusal -> the class that a record tells; nothing of what was watched again (it counts once)."""

EMPLOYMENT_TYPE = {
    EmploymentKind.EMPLOYEE.value: "regular",
    EmploymentKind.DISPATCHED.value: "dispatched",
    EmploymentKind.FLEXIBLE.value: "flexible",
    EmploymentKind.CONTRACTOR.value: "contractor",
    EmploymentKind.INTERN.value: "intern",
    EmploymentKind.APPRENTICE.value: "regular",
    EmploymentKind.TRAINEE.value: "intern",
}
"""How somebody belongs to an enterprise -> the word for 正式, 劳务派遣, 灵活用工, 承包, 实习; 无 is an empty list."""


def facts_of(session: Session, cases: Sequence[Case], *, on: date) -> list[dict[str, Any]]:
    """The blocks of these cases, in their order; JSON values only. Six queries, however many cases."""
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
            {"name": row.name, "credit_code": row.credit_code, "region": row.region,
             "employment_type": EMPLOYMENT_TYPE[row.kind]}
        )  # fmt: skip
    entries = {(row.person_id, row.outline_id): row for row in session.execute(ENTRIES, persons)}
    heads = _heads(session, [row.head for row in entries.values() if row.head])
    checks = {(row.learner_id, row.outline_id): row for row in session.execute(CHECKS, persons)}
    lost: dict[tuple[UUID, UUID], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(sorted(set(CLASS_OF.values())), 0)
    )
    for row in session.execute(UNCREDITED, persons | {"codes": list(CLASS_OF)}):
        lost[row.learner_id, row.outline_id][CLASS_OF[row.code]] += row.ms
    return [
        _facts(
            case,
            classes.get(case.class_id) if case.class_id else None,
            employers[case.person_id],
            entries.get((case.person_id, case.outline_id)),
            heads,
            checks.get((case.person_id, case.outline_id)),
            lost[case.person_id, case.outline_id],
        )
        for case in cases
    ]


def _facts(
    case: Case,
    held: Any,
    employers: list[dict[str, Any]],
    entries: Any,
    heads: dict[Any, str],
    checks: Any,
    lost: dict[str, int],
) -> dict[str, Any]:
    head = None
    if entries is not None and entries.head:
        origin, index = entries.head[0], int(entries.head[1])
        head = {"origin": origin, "index": index, "hash": f"sha256:{heads[origin, index]}"}
    return {
        "employers": employers,
        "training": held
        and {
            "institution": held.name,
            "credit_code": held.credit_code,
            "region": held.region,
            "class_no": held.class_no,
            "filing_no": held.filing_no,
            "filed_at": _moment(held.filed_at),
            "date_start": held.starts_on.isoformat(),
            "date_end": held.ends_on and held.ends_on.isoformat(),
            "first_learned_on": entries and entries.first_on.isoformat(),
            "last_learned_on": entries and entries.last_on.isoformat(),
        },
        "uncredited_ms": {
            "before_filing": entries.before_filing_ms if entries else 0,
            "voided": entries.voided_ms if entries else 0,
            **lost,
        },
        "checks": {
            "identity": case.facts.identified,
            "class_filed": case.facts.class_filed,
            "presence_passed": checks.passed if checks else 0,
            "presence_missed": checks.missed if checks else 0,
            "course_tests": case.facts.course_tests,
            "prerequisites": prerequisites_met(case),
            "teachers": case.facts.teachers_valid,
        },
        "judged": judged_by(case),
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
