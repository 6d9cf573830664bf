"""`elearn ledger check`: everything right of the record store, recomputed and compared."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.tracking import ledger_check as watching


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what it should be."""

    where: str
    which: str
    what: str

    def __str__(self) -> str:
        return f"{self.where} {self.which}: {self.what}"


# Each query answers (which, what) for every row that breaks its sentence.
SENTENCES = {
    "hours_entry has one entry for each final span that is worth any, of its worth, person and class": """
        SELECT w.id::text, CASE WHEN e.id IS NULL THEN 'final span without an entry'
                                ELSE 'entry says ' || e.amount_ms || ' ms, the span is worth '
                                     || (w.end_ms - w.start_ms - w.excess_ms) || ' ms of person ' || w.learner_id END
        FROM elearn.watched_span w
        LEFT JOIN elearn.hours_entry e ON e.watched_span_id = w.id
        WHERE w.kind = 'final' AND (e.id IS NOT NULL OR w.end_ms - w.start_ms > w.excess_ms)
          AND (e.id IS NULL OR e.amount_ms <> w.end_ms - w.start_ms - w.excess_ms OR e.person_id <> w.learner_id
               OR e.class_id IS DISTINCT FROM w.class_id OR e.earned_on <> w."on")""",
    "hours_entry has no entry without a final span or a reversal of one": """
        SELECT e.id::text, 'no span earned these ' || e.amount_ms || ' ms'
        FROM elearn.hours_entry e
        LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
        WHERE w.id IS NULL OR (w.kind = 'final') <> (e.reverses_id IS NULL) OR w.kind = 'pending'""",
    "hours_entry takes back what was reversed, and exactly that": """
        SELECT w.id::text, 'a reversal of final time is not in the hours'
        FROM elearn.watched_span w
        JOIN elearn.hours_entry e ON e.watched_span_id = w.reverses_id
        LEFT JOIN elearn.hours_entry r ON r.watched_span_id = w.id
        WHERE w.kind = 'reversal' AND (r.id IS NULL OR r.amount_ms <> -e.amount_ms OR r.reverses_id <> e.id)""",
    "eligibility_record versions of a person and outline follow one another": """
        SELECT r.id::text, 'version ' || r.version || ' does not follow ' || coalesce(p.version::text, 'nothing')
        FROM elearn.eligibility_record r
        LEFT JOIN elearn.eligibility_record p ON p.id = r.supersedes_id
        WHERE r.version <> coalesce(p.version, 0) + 1 OR p.person_id <> r.person_id OR p.outline_id <> r.outline_id
              OR p.position >= r.position""",
    "eligibility_record keeps the hours that the entries of that moment add up to": """
        SELECT r.id::text, 'says ' || (r.hours ->> 'online_theory_ms') || ' ms, the entries ' || s.ms || ' ms'
        FROM elearn.eligibility_record r
        JOIN LATERAL (
            SELECT coalesce(sum(l.ms), 0)::bigint AS ms
            FROM (SELECT least(sum(e.amount_ms), max(u.duration_ms)) AS ms
                  FROM elearn.hours_entry e
                  JOIN elearn.training_class k ON k.id = e.class_id AND k.outline_id = r.outline_id
                  JOIN elearn.outline_item i ON i.id = e.outline_item_id AND i.outline_id = r.outline_id
                  LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
                  LEFT JOIN elearn.unit u ON u.id = w.unit_id
                  WHERE e.person_id = r.person_id AND e.modality = 'online' AND e.kind = 'theory'
                    AND k.filed_at <= e.learned_at AND e.created_at <= r.computed_at
                  GROUP BY u.lesson_id) l) s ON true
        WHERE (r.hours ->> 'online_theory_ms')::bigint <> s.ms""",
}


def check_everything(session: Session) -> list[object]:
    """All differences of the watched ledger, then those of hours and records; empty when all agrees."""
    found: list[object] = list(watching.check_ledger(session))
    for sentence, query in SENTENCES.items():
        table = sentence.split()[0]
        found += [Difference(table, which, what) for which, what in session.execute(sa.text(query))]
    return found
