"""Hours, each from a leaf that stands in a published checkpoint, and from nothing else.

    final rows, attendance ─► leaves ─► checkpoint ─► hours_entry ─► records
                       ledger/crediting  ledger/publishing   here

The job asks which leaves below the newest published size have no entry yet, so it can run at any time, twice, or after
a crash; the unique row of origin and the leaf itself decide between two. Entries of before the log name no leaf:
the leaf of their span, made later, adds nothing to them.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import MILLISECOND
from elearn.credit_export.hours import AQ8011_2023

AT_ONCE = 1_000
"""Leaves entered in one transaction, with the records of whose they are."""

WINDOW = sa.text("""
SELECT coalesce(m.entered_to, 0) AS begin, least(c.size, coalesce(m.entered_to, 0) + :at_once) AS size
FROM (SELECT max(size) AS size FROM elearn.ledger_checkpoint WHERE origin = :origin) c
LEFT JOIN elearn.ledger_mark m ON m.origin = :origin
WHERE c.size > coalesce(m.entered_to, 0)
""")

EARN = sa.text("""
INSERT INTO elearn.hours_entry (id, person_id, class_id, outline_item_id, modality, kind, amount_ms, earned_on,
                                learned_at, watched_span_id, leaf_origin, leaf_index, rule_version, created_at)
SELECT gen_random_uuid(), w.learner_id, w.class_id, u.item, split_part(l.counts_as, '/', 1),
       split_part(l.counts_as, '/', 2), l.ms, CAST(l.raw::json ->> 'day' AS date),
       (SELECT min(p.heard_at) FROM elearn.watched_span p WHERE p.id = ANY (w.settles)),
       w.id, l.origin, l.index, :rules, :now
FROM elearn.ledger_leaf l
JOIN elearn.watched_span w ON w.id = l.watched_span_id
JOIN LATERAL (
    SELECT CAST(substring(n.raw::json ->> 'item' FROM '[^:]+$') AS uuid) AS item
    FROM elearn.ledger_leaf n
    WHERE n.origin = l.origin AND n.names = l.raw::json ->> 'unit' AND n.index < l.index
    ORDER BY n.index DESC LIMIT 1
) u ON true
WHERE l.origin = :origin AND l.index >= :begin AND l.index < :size AND l.kind = 'credit'
ORDER BY l.index
ON CONFLICT DO NOTHING
RETURNING person_id
""")

ATTEND = sa.text("""
INSERT INTO elearn.hours_entry (id, person_id, class_id, outline_item_id, modality, kind, amount_ms, earned_on,
                                learned_at, attendance_line_id, leaf_origin, leaf_index, rule_version, created_at)
SELECT gen_random_uuid(), n.person_id, s.class_id, s.outline_item_id, split_part(l.counts_as, '/', 1),
       split_part(l.counts_as, '/', 2), l.ms, CAST(l.raw::json ->> 'day' AS date), s.from_at, n.id, l.origin, l.index,
       :rules, :now
FROM elearn.ledger_leaf l
JOIN elearn.attendance_line n ON n.id = l.attendance_line_id
JOIN elearn.attendance_list t ON t.id = n.list_id
JOIN elearn.class_session s ON s.id = t.session_id
WHERE l.origin = :origin AND l.index >= :begin AND l.index < :size AND l.kind = 'attend'
ORDER BY l.index
ON CONFLICT DO NOTHING
RETURNING person_id
""")
"""Hours on site count from the beginning of their session: a class filed later than that exports none of them."""

TAKE_BACK = """
INSERT INTO elearn.hours_entry (id, person_id, class_id, outline_item_id, modality, kind, amount_ms, earned_on,
                                learned_at, {table}_id, reverses_id, leaf_origin, leaf_index, rule_version, created_at)
SELECT gen_random_uuid(), e.person_id, e.class_id, e.outline_item_id, e.modality, e.kind, -e.amount_ms, e.earned_on,
       e.learned_at, r.id, e.id, l.origin, l.index, e.rule_version, :now
FROM elearn.ledger_leaf l
JOIN elearn.{table} r ON r.id = l.{table}_id
JOIN elearn.hours_entry e ON e.{table}_id = r.reverses_id
WHERE l.origin = :origin AND l.index >= :begin AND l.index < :size AND l.kind = 'void'
ORDER BY l.index
ON CONFLICT DO NOTHING
RETURNING person_id
"""
TAKE_BACK_WATCHED = sa.text(TAKE_BACK.format(table="watched_span"))
TAKE_BACK_ATTENDED = sa.text(TAKE_BACK.format(table="attendance_line"))

NEWEST = sa.text("""
SELECT max(e.created_at) FROM unnest(CAST(:origins AS text[])) AS o(origin)
CROSS JOIN LATERAL (SELECT created_at FROM elearn.hours_entry h WHERE h.leaf_origin = o.origin
                    ORDER BY h.leaf_index DESC LIMIT 1) e
""")

MARK = sa.text("""
INSERT INTO elearn.ledger_mark (origin, entered_to) VALUES (:origin, :size)
ON CONFLICT (origin) DO UPDATE SET entered_to = greatest(ledger_mark.entered_to, excluded.entered_to)
""")


@dataclass(frozen=True, slots=True)
class Window:
    """Leaves [begin, size) of a log: published, and not entered yet."""

    origin: str
    begin: int
    size: int


def next_window(session: Session, origin: str) -> Window | None:
    """The oldest leaves of a log whose hours are not entered; None: all that is published is."""
    row = session.execute(WINDOW, {"origin": origin, "at_once": AT_ONCE}).one_or_none()
    return None if row is None else Window(origin, row.begin, row.size)


def next_moment(session: Session, origins: Collection[str], now: datetime) -> datetime:
    """Now, but later than any entry: a record is of the entries up to its moment, also where a clock went back."""
    newest = session.scalar(NEWEST, {"origins": list(origins)})
    return now if newest is None else max(now, newest + MILLISECOND)


def enter_hours(session: Session, window: Window, *, now: datetime) -> Set[UUID]:
    """Enter the hours of these leaves, those that are entered already left as they are; answers whose hours changed."""
    where = {"origin": window.origin, "begin": window.begin, "size": window.size, "now": now}
    ruled = {**where, "rules": AQ8011_2023.version}
    earned = [*session.execute(EARN, ruled).scalars(), *session.execute(ATTEND, ruled).scalars()]
    taken = [
        *session.execute(TAKE_BACK_WATCHED, where).scalars(),
        *session.execute(TAKE_BACK_ATTENDED, where).scalars(),
    ]
    return {*earned, *taken}


def mark_entered(session: Session, window: Window) -> None:
    """The leaves of the window need not be looked at again. It saves work, and may be lost."""
    session.execute(MARK, {"origin": window.origin, "size": window.size})
