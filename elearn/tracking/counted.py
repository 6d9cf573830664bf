"""What of one lesson counted for one learner, and what did not: when, in which class, and whether it counted since.

For the learner, so the seven classes and never a code (DESIGN 3.3a). Reads only; the number of queries does not grow
with the watching, and days come in pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Unit
from elearn.errors import NotFound
from elearn.tracking.spans import Span, intersect, merge, subtract, total_ms
from elearn.tracking.standing import spans_of
from elearn.tracking.verifier import REFUSAL_CLASS, RefusalClass

DAYS = 14
"""Days read at once."""
LINES_A_DAY = 30
"""A day's list is cut here; the rest of it is told as a number."""


class Story(StrEnum):
    """How media came not to count."""

    REFUSED = "refused"
    """It never counted."""
    WRONG = "wrong"
    """It waited for a check that was answered wrongly."""
    UNANSWERED = "unanswered"
    """It waited for a check that nobody answered in time."""
    LAPSED = "lapsed"
    """It waited for a check for longer than it may."""
    VOIDED = "voided"
    """Two people took it back."""


@dataclass(frozen=True, slots=True)
class LostLine:
    """What did not count for one reason, on one day, in one sitting or by one check."""

    on: date
    from_ms: int
    until_ms: int
    """When it was heard of first and last: epoch milliseconds."""
    kind: RefusalClass | None
    """None: taken back by people."""
    story: Story
    media: tuple[Span, ...]
    """Empty when no report said credibly which media it was about."""
    since: tuple[Span, ...]
    """The part of it that was watched again and counts now."""

    @property
    def lost_ms(self) -> int:
        return total_ms(self.media)

    @property
    def since_ms(self) -> int:
        return total_ms(self.since)


@dataclass(frozen=True, slots=True)
class Day:
    """One local day of a lesson."""

    on: date
    counted_ms: int
    """What was believed of that day's playing, whatever became of it."""
    late_ms: int
    """Of it, what arrived late, from playing without network."""
    lines: tuple[LostLine, ...]
    more: int
    """Lines beyond LINES_A_DAY."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One unit as one learner has it, every millisecond of it in exactly one of the four lists."""

    unit_id: UUID
    title: str
    duration_ms: int
    frontier_ms: int
    final: tuple[Span, ...]
    pending: tuple[Span, ...]
    not_counted: tuple[Span, ...]
    """Claimed, or believed for a while, and not believed now."""
    not_seen: tuple[Span, ...]
    held: bool
    oldest_pending_ms: int | None
    """When the oldest of what waits was credited: epoch milliseconds."""
    checks_passed: int
    checks_missed: int
    unsigned_ms: int
    """Of what is believed, what came from a browser that could not sign."""
    excess_ms: int
    """Of what is believed, what was faster than real time and is worth no hours, where the rules say so."""
    downloaded: bool
    """A licence for offline study was given."""
    days: tuple[Day, ...]
    """Newest first."""
    more_days: bool


# Everything that did not count, with the class a learner is told. Codes that tell a learner nothing drop out by the
# join. Media outside the lesson is cut off: a wild claim has no length.
_LOST = """
told AS (
    SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:classes AS text[])) AS t(code, told_as)
), sat AS (
    SELECT id FROM elearn.sitting WHERE learner_id = :learner AND unit_id = :unit
), lost AS (
    SELECT r.tau_ms AS at_ms, t.told_as, 'refused' AS story, sat.id AS whose, (part->>0)::bigint AS a,
        (part->>1)::bigint AS b
    FROM sat JOIN elearn.report r ON r.sitting_id = sat.id AND r.refused_as IS NULL,
        jsonb_array_elements(r.refused) AS part JOIN told t ON t.code = part->>2
    UNION ALL
    SELECT r.tau_ms, t.told_as, 'refused', sat.id, 0, 0
    FROM sat JOIN elearn.report r ON r.sitting_id = sat.id AND r.refused_as IS NOT NULL
        JOIN told t ON t.code = r.refused_as
    UNION ALL
    SELECT (extract(epoch FROM w.heard_at) * 1000)::bigint, coalesce(t.told_as, ''),
        CASE WHEN w.reason = 'PRESENCE_EXPIRED' THEN 'lapsed' WHEN t.code IS NULL THEN 'voided'
             WHEN c.outcome = 'expired' THEN 'unanswered' ELSE 'wrong' END,
        coalesce(w.check_id, w.unit_id), w.start_ms, w.end_ms
    FROM elearn.watched_span w
    LEFT JOIN told t ON t.code = w.reason
    LEFT JOIN elearn.presence_check c ON c.id = w.check_id
    WHERE w.learner_id = :learner AND w.unit_id = :unit AND w.kind = 'reversal'
), placed AS (
    SELECT (to_timestamp(at_ms / 1000.0) AT TIME ZONE :zone)::date AS "on", at_ms, told_as, story, whose,
           CASE WHEN greatest(a, 0) < least(b, :duration)
                THEN int8range(greatest(a, 0), least(b, :duration)) END AS media
    FROM lost
)
"""

_STANDING = f"""
WITH {_LOST}
SELECT (SELECT frontier_ms FROM elearn.unit_watch WHERE learner_id = :learner AND unit_id = :unit) AS frontier_ms,
       (SELECT held FROM elearn.learner_watch WHERE learner_id = :learner) AS held,
       (SELECT range_agg(media)::text FROM elearn.believed_span
            WHERE learner_id = :learner AND unit_id = :unit AND state = 'final') AS final,
       (SELECT range_agg(media)::text FROM elearn.believed_span
            WHERE learner_id = :learner AND unit_id = :unit AND state = 'pending') AS pending,
       (SELECT (extract(epoch FROM min(w.heard_at)) * 1000)::bigint FROM elearn.believed_span b
            JOIN elearn.watched_span w ON w.id = b.watched_span_id
            WHERE b.learner_id = :learner AND b.unit_id = :unit AND b.state = 'pending') AS oldest_ms,
       (SELECT coalesce(sum(w.excess_ms), 0) FROM elearn.believed_span b
            JOIN elearn.watched_span w ON w.id = b.watched_span_id
            WHERE b.learner_id = :learner AND b.unit_id = :unit) AS excess_ms,
       (SELECT range_agg(media)::text FROM placed) AS lost,
       (SELECT range_agg(int8range(w.start_ms, w.end_ms))::text FROM elearn.watched_span w
            JOIN elearn.sitting s ON s.id = w.sitting_id AND s.device IS NULL
            WHERE w.learner_id = :learner AND w.unit_id = :unit AND w.kind = 'pending') AS unsigned,
       (SELECT count(*) FROM elearn.presence_check
            WHERE learner_id = :learner AND unit_id = :unit AND outcome = 'passed') AS passed,
       (SELECT count(*) FROM elearn.presence_check
            WHERE learner_id = :learner AND unit_id = :unit AND outcome IN ('failed', 'expired')) AS missed,
       EXISTS (SELECT FROM elearn.licence WHERE learner_id = :learner AND unit_id = :unit) AS downloaded
"""

_DAYS = f"""
WITH {_LOST}, counted AS (
    SELECT "on", sum(end_ms - start_ms) AS counted_ms, sum(end_ms - start_ms) FILTER (WHERE late) AS late_ms
    FROM elearn.watched_span WHERE learner_id = :learner AND unit_id = :unit AND kind = 'pending' GROUP BY "on"
), days AS (
    SELECT "on" FROM counted UNION SELECT "on" FROM placed
)
SELECT days."on", coalesce(c.counted_ms, 0) AS counted_ms, coalesce(c.late_ms, 0) AS late_ms
FROM days LEFT JOIN counted c ON c."on" = days."on" ORDER BY days."on" DESC LIMIT :size OFFSET :skip
"""

_LINES = f"""
WITH {_LOST}, lines AS (
    SELECT "on", told_as, story, min(at_ms) AS from_ms, max(at_ms) AS until_ms, range_agg(media)::text AS media
    FROM placed WHERE "on" BETWEEN :first AND :last GROUP BY "on", told_as, story, whose
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY "on" ORDER BY until_ms DESC, told_as) AS place,
           count(*) OVER (PARTITION BY "on") AS of_day
    FROM lines
)
SELECT * FROM ranked WHERE place <= :lines ORDER BY "on" DESC, place
"""


def lesson(session: Session, learner_id: UUID, unit_id: UUID, *, zone: str, page: int = 1) -> Lesson:
    """The whole account, with one page of its days: four queries. Days are those of `zone`. Raises NotFound."""
    unit = session.get(Unit, unit_id)
    if unit is None:
        raise NotFound("There is no such lesson.")
    codes = [(code.value, kind.value) for code, kind in REFUSAL_CLASS.items() if kind is not None]
    asked: dict[str, Any] = {
        "learner": learner_id,
        "unit": unit_id,
        "zone": zone,
        "duration": unit.duration_ms,
        "codes": [code for code, _ in codes],
        "classes": [kind for _, kind in codes],
    }
    row = session.execute(sa.text(_STANDING), asked).one()
    final, pending = spans_of(row.final), spans_of(row.pending)
    believed = merge((*final, *pending))
    lost = merge(left for span in spans_of(row.lost) for left in subtract(span, believed))
    seen = merge((*believed, *lost))
    days, more_days = _days(session, asked, believed, max(1, page))
    return Lesson(
        unit_id=unit_id,
        title=unit.title,
        duration_ms=unit.duration_ms,
        frontier_ms=row.frontier_ms or 0,
        final=final,
        pending=pending,
        not_counted=lost,
        not_seen=subtract(Span(0, unit.duration_ms), seen),
        held=bool(row.held),
        oldest_pending_ms=row.oldest_ms,
        checks_passed=row.passed,
        checks_missed=row.missed,
        unsigned_ms=sum(total_ms(intersect(span, believed)) for span in spans_of(row.unsigned)),
        excess_ms=int(row.excess_ms),
        downloaded=row.downloaded,
        days=days,
        more_days=more_days,
    )


def _days(
    session: Session, asked: dict[str, Any], believed: tuple[Span, ...], page: int
) -> tuple[tuple[Day, ...], bool]:
    """One page of days with their lines, newest first, and whether there are more."""
    rows = session.execute(sa.text(_DAYS), {**asked, "size": DAYS + 1, "skip": (page - 1) * DAYS}).all()
    more, rows = len(rows) > DAYS, rows[:DAYS]
    if not rows:
        return (), False
    between = {**asked, "first": rows[-1].on, "last": rows[0].on, "lines": LINES_A_DAY}
    lines: dict[date, list[LostLine]] = {}
    left_out: dict[date, int] = {}
    for row in session.execute(sa.text(_LINES), between):
        lines.setdefault(row.on, []).append(_line(row, believed))
        left_out[row.on] = max(0, row.of_day - LINES_A_DAY)
    found = tuple(
        Day(
            on=row.on,
            counted_ms=int(row.counted_ms),
            late_ms=int(row.late_ms),
            lines=tuple(lines.get(row.on, ())),
            more=left_out.get(row.on, 0),
        )
        for row in rows
    )
    return found, more


def _line(row: Any, believed: tuple[Span, ...]) -> LostLine:
    media = spans_of(row.media)
    return LostLine(
        on=row.on,
        from_ms=row.from_ms,
        until_ms=row.until_ms,
        kind=RefusalClass(row.told_as) if row.told_as else None,
        story=Story(row.story),
        media=media,
        since=merge(part for span in media for part in intersect(span, believed)),
    )


def has_watched(session: Session, learner_id: UUID, unit_id: UUID) -> bool:
    """Whether the learner ever opened the unit: then its account is theirs to see and to appeal, enrolled or not."""
    opened = "SELECT EXISTS (SELECT FROM elearn.unit_watch WHERE learner_id = :learner AND unit_id = :unit)"
    return bool(session.scalar(sa.text(opened), {"learner": learner_id, "unit": unit_id}))
