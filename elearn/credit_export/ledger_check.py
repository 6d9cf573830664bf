"""`elearn ledger check`: everything right of the record store, recomputed and compared."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export import lives_check
from elearn.credit_export.ledger import stamping
from elearn.credit_export.ledger.checking import Difference, check_log
from elearn.credit_export.ledger.publishing import Desk
from elearn.tracking import ledger_check as watching
from elearn.tracking.attendance import ledger_check as attendance

# Each query answers (which, what) for every row that breaks its sentence.
SENTENCES = {
    "hours_signature of a person in a class is numbered without holes, and names that person and class": """
        SELECT id::text, CASE WHEN number <> nth THEN 'a signature before it is missing'
                              ELSE 'what was signed is of another person or class' END
        FROM (SELECT id, number, class_id, person_id, said::json AS said,
                     row_number() OVER (PARTITION BY class_id, person_id ORDER BY number) AS nth
              FROM elearn.hours_signature) s
        WHERE number <> nth OR said ->> 'person' <> person_id::text OR said #>> '{class,id}' <> class_id::text""",
    "watched_span final rows and their reversals have a leaf as soon as their minute is proved": """
        SELECT w.id::text, CASE w.kind WHEN 'final' THEN 'final time is not in the log'
                                       ELSE 'a reversal of final time is not in the log' END
        FROM elearn.watched_span w
        JOIN elearn.person p ON p.id = w.learner_id
        LEFT JOIN elearn.ledger_leaf t ON t.watched_span_id = w.reverses_id
        WHERE w.evidence_batch <= (SELECT max(batch) FROM elearn.ledger_leaf)
          AND CASE w.kind WHEN 'final' THEN w.end_ms - w.start_ms > w.excess_ms AND p.erased_at IS NULL
                          WHEN 'reversal' THEN t.kind = 'credit' ELSE false END
          AND NOT EXISTS (SELECT FROM elearn.ledger_leaf l WHERE l.watched_span_id = w.id)""",
    "attendance_line of a confirmed list has a leaf as soon as its minute is proved": """
        SELECT n.id::text, CASE WHEN n.reverses_id IS NULL THEN 'attendance is not in the log'
                                ELSE 'attendance taken back is not in the log' END
        FROM elearn.attendance_line n
        JOIN elearn.attendance_answer a ON a.list_id = n.list_id AND a.confirmed
        JOIN elearn.person p ON p.id = n.person_id
        LEFT JOIN elearn.ledger_leaf t ON t.attendance_line_id = n.reverses_id
        WHERE a.evidence_batch <= (SELECT max(batch) FROM elearn.ledger_leaf) AND n.refused_as IS NULL
          AND CASE WHEN n.reverses_id IS NULL THEN p.erased_at IS NULL ELSE t.kind = 'attend' END
          AND NOT EXISTS (SELECT FROM elearn.ledger_leaf l WHERE l.attendance_line_id = n.id)""",
    "hours_entry is made from a leaf in a published checkpoint, of its worth and kind": """
        SELECT e.id::text, CASE WHEN e.leaf_origin IS NULL THEN 'names no leaf, and is not older than the log'
                                WHEN l.index >= coalesce(c.size, 0) THEN 'its leaf stands in no published checkpoint'
                                ELSE 'says ' || e.amount_ms || ' ms of ' || e.modality || '/' || e.kind
                                     || ', its leaf ' || l.ms || ' ms of ' || l.counts_as END
        FROM elearn.hours_entry e
        LEFT JOIN elearn.ledger_leaf l ON l.origin = e.leaf_origin AND l.index = e.leaf_index
        LEFT JOIN (SELECT origin, max(size) AS size FROM elearn.ledger_checkpoint GROUP BY 1) c ON c.origin = l.origin
        WHERE CASE WHEN e.leaf_origin IS NULL THEN e.created_at >= (SELECT min(at) FROM elearn.ledger_leaf)
              ELSE (l.index < c.size AND (l.ms, l.counts_as) = (e.amount_ms, e.modality || '/' || e.kind)
                    AND coalesce(l.watched_span_id, l.attendance_line_id)
                        = coalesce(e.watched_span_id, e.attendance_line_id)) IS NOT TRUE END""",
    "hours_entry has an entry for each leaf that was entered": """
        SELECT l.origin || ' ' || l.index, 'hours of this leaf are not entered'
        FROM elearn.ledger_leaf l
        JOIN elearn.ledger_mark m ON m.origin = l.origin AND l.index < m.entered_to
        WHERE l.n IS NOT NULL
          AND NOT EXISTS (SELECT FROM elearn.hours_entry e WHERE e.watched_span_id = l.watched_span_id)
          AND NOT EXISTS (SELECT FROM elearn.hours_entry e WHERE e.attendance_line_id = l.attendance_line_id)""",
    "hours_entry says what its row of watching says: worth, person, class and day": """
        SELECT e.id::text, 'entry says ' || e.amount_ms || ' ms, the span is worth '
                           || (w.end_ms - w.start_ms - w.excess_ms) || ' ms of person ' || w.learner_id
        FROM elearn.hours_entry e
        JOIN elearn.watched_span w ON w.id = e.watched_span_id
        WHERE w.kind = 'final' AND (e.amount_ms <> w.end_ms - w.start_ms - w.excess_ms OR e.person_id <> w.learner_id
               OR e.class_id IS DISTINCT FROM w.class_id OR e.earned_on <> w."on")""",
    "hours_entry says what its line of attendance says: worth, person, class, item, day and kind": """
        SELECT e.id::text, 'entry says ' || e.amount_ms || ' ms, the line is worth ' || n.ms || ' ms of person '
                           || n.person_id
        FROM elearn.hours_entry e
        JOIN elearn.attendance_line n ON n.id = e.attendance_line_id
        JOIN elearn.attendance_list t ON t.id = n.list_id
        JOIN elearn.class_session s ON s.id = t.session_id
        WHERE (e.amount_ms, e.person_id, e.class_id, e.outline_item_id, e.earned_on, e.modality, e.kind, e.learned_at)
              IS DISTINCT FROM (CASE WHEN n.reverses_id IS NULL THEN n.ms ELSE -n.ms END, n.person_id, s.class_id,
                                s.outline_item_id, n."on", 'offline', s.kind, s.from_at)""",
    "hours_entry of attendance has a line of a list that two people agreed on": """
        SELECT e.id::text, 'no confirmed attendance earned these ' || e.amount_ms || ' ms'
        FROM elearn.hours_entry e
        LEFT JOIN elearn.attendance_line n ON n.id = e.attendance_line_id AND n.refused_as IS NULL
        LEFT JOIN elearn.attendance_answer a ON a.list_id = n.list_id AND a.confirmed
        LEFT JOIN elearn.hours_entry r ON r.id = e.reverses_id
        WHERE e.watched_span_id IS NULL
          AND (a.list_id IS NOT NULL AND r.attendance_line_id IS NOT DISTINCT FROM n.reverses_id) IS NOT TRUE""",
    "hours_entry has no entry without a final span or a reversal of one": """
        SELECT e.id::text, 'no span earned these ' || e.amount_ms || ' ms'
        FROM elearn.hours_entry e
        LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
        WHERE e.attendance_line_id IS NULL
          AND (w.id IS NULL OR (w.kind = 'final') <> (e.reverses_id IS NULL) OR w.kind = 'pending')""",
    "hours_entry takes back what was reversed, and exactly that": """
        SELECT r.id::text, 'takes back ' || r.amount_ms || ' ms of ' || e.amount_ms
        FROM elearn.hours_entry r
        JOIN elearn.watched_span w ON w.id = r.watched_span_id AND w.kind = 'reversal'
        LEFT JOIN elearn.hours_entry e ON e.watched_span_id = w.reverses_id
        WHERE (r.amount_ms = -e.amount_ms AND r.reverses_id = e.id) IS NOT TRUE""",
    "ledger_leaf totals are the sum of the entries": """
        SELECT t.origin || ' ' || t.sub, t.counts_as || ' is ' || t.total || ' ms in the log, '
               || coalesce(s.ms, 0) || ' ms in the entries'
        FROM (SELECT DISTINCT ON (l.origin, l.sub, l.counts_as) l.origin, l.sub, l.counts_as, l.total
              FROM elearn.ledger_leaf l
              JOIN elearn.ledger_mark m ON m.origin = l.origin AND l.index < m.entered_to
              WHERE l.n IS NOT NULL ORDER BY l.origin, l.sub, l.counts_as, l.n DESC) t
        LEFT JOIN (SELECT l.origin, l.sub, l.counts_as, sum(e.amount_ms)::bigint AS ms
                   FROM elearn.hours_entry e
                   JOIN elearn.ledger_leaf l ON coalesce(l.watched_span_id, l.attendance_line_id)
                                                = coalesce(e.watched_span_id, e.attendance_line_id)
                   JOIN elearn.ledger_mark m ON m.origin = l.origin AND l.index < m.entered_to
                   GROUP BY 1, 2, 3) s USING (origin, sub, counts_as)
        WHERE t.total <> coalesce(s.ms, 0)""",
    "eligibility_record versions of a person and outline follow one another": """
        SELECT r.id::text, 'version ' || r.version || ' does not follow ' || coalesce(p.version::text, 'nothing')
        FROM elearn.eligibility_record r
        LEFT JOIN elearn.eligibility_record p ON p.id = r.supersedes_id
        WHERE r.version <> coalesce(p.version, 0) + 1 OR p.person_id <> r.person_id OR p.outline_id <> r.outline_id
              OR p.position >= r.position""",
    "eligibility_record keeps the hours that the entries of that moment add up to": """
        SELECT r.id::text, 'says ' || k.name || ' ' || (r.hours ->> k.name) || ' ms, the entries ' || s.ms || ' ms'
        FROM elearn.eligibility_record r
        CROSS JOIN (VALUES ('online_theory_ms', 'online', 'theory'), ('offline_theory_ms', 'offline', 'theory'),
                           ('offline_practice_ms', 'offline', 'practice')) k (name, modality, kind)
        JOIN LATERAL (
            SELECT coalesce(sum(l.ms), 0)::bigint AS ms
            FROM (SELECT least(sum(e.amount_ms), max(u.duration_ms)) AS ms
                  FROM elearn.hours_entry e
                  JOIN elearn.training_class c ON c.id = e.class_id AND c.outline_id = r.outline_id
                  JOIN elearn.outline_item i ON i.id = e.outline_item_id AND i.outline_id = r.outline_id
                  LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
                  LEFT JOIN elearn.unit u ON u.id = w.unit_id
                  WHERE e.person_id = r.person_id AND e.modality = k.modality AND e.kind = k.kind
                    AND c.filed_at <= e.learned_at AND e.created_at <= r.computed_at
                  GROUP BY u.lesson_id) l) s ON true
        WHERE (r.hours ->> k.name)::bigint <> s.ms""",
    "evidence_draw is from a published checkpoint, each where the receiver's draw before ended": """
        SELECT d.id::text, CASE WHEN c.root IS DISTINCT FROM d.root THEN 'draws by no published checkpoint'
                                ELSE 'begins at ' || d.from_index || ', the draw before ended at ' || d.before END
        FROM (SELECT *, coalesce(lag(to_index) OVER (PARTITION BY receiver_id, origin ORDER BY to_index), 0) AS before
              FROM elearn.evidence_draw WHERE root IS NOT NULL) d
        LEFT JOIN elearn.ledger_checkpoint c ON c.origin = d.origin AND c.size = d.to_index
        WHERE c.root IS DISTINCT FROM d.root OR d.from_index <> d.before""",
}


def check_everything(session: Session, *, desk: Desk | None = None, sealing_key: bytes | None = None) -> list[object]:
    """All differences of the watched ledger, then those of the log, of hours and records; empty when all agrees."""
    return [*watching.check_ledger(session), *check_hours(session, desk=desk, sealing_key=sealing_key)]


def check_hours(session: Session, *, desk: Desk | None = None, sealing_key: bytes | None = None) -> list[Difference]:
    """What does not follow from the watched ledger: leaves, checkpoints, entries, records.

    With `desk` the log's public files are compared too, with `sealing_key` whose each leaf is.
    """
    found = list(check_log(session, desk=desk, sealing_key=sealing_key))
    for sentence, query in SENTENCES.items():
        table = sentence.split()[0]
        found += [Difference(table, which, what) for which, what in session.execute(sa.text(query))]
    found += [Difference(*one) for one in attendance.differences(session)]
    found += [Difference("ledger_stamp", which, what) for which, what in stamping.unsound(session)]
    found += [Difference("eligibility_step", which, what) for which, what in lives_check.unsound(session)]
    return found
