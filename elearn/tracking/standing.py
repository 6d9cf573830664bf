"""Where a learner stands: the rows a decision starts from, locked before anything is decided.

Lock order everywhere: the learner's row, then the sitting's. What the two locks protect is read afterwards by
statements of their own: a statement that waited for a lock would still see the other tables as they were
before it waited.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from elearn.errors import NotFound
from elearn.tracking.models import Ended
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, merge
from elearn.tracking.verifier import DayUse, LearnerState, SittingState

_LOCK = """
SELECT s.learner_id, w.tau_ms, w.held, w.pending_ms, w.check_count, w.check_due_after_ms, w.check_deadline_ms,
       s.id, s.unit_id, s.class_id, s.device, s.actor, s.player, s.policy, s.opened_ms,
       s.expires_ms, s.cm_open_ms, s.e_ms, s.carry_ms, s.last_cm_ms, s.seq, s.last_digest, s.gap_late_ms,
       s.real_carry_ms, s.ended_ms, s.ended_reason, s.nonces
FROM elearn.learner_watch w JOIN elearn.sitting s ON s.learner_id = w.learner_id
WHERE w.learner_id = %(learner)s AND s.id = %(sitting)s
FOR NO KEY UPDATE OF w, s
"""

_READ = """
SELECT (SELECT ARRAY[frontier_ms, covered_ms] FROM elearn.unit_watch WHERE learner_id = %(learner)s
            AND unit_id = %(unit)s),
       (SELECT json_agg(json_build_array("on", coalesce(d.used_ms, 0), coalesce(d.late_ms, 0), coalesce(a.ms, 0)))
            FROM (SELECT "on", used_ms, late_ms FROM elearn.day_use WHERE learner_id = %(learner)s
                      AND "on" BETWEEN %(first_on)s AND %(last_on)s) d
            FULL JOIN (SELECT l."on", sum(l.ms)::bigint AS ms
                       FROM elearn.attended_span s JOIN elearn.attendance_line l ON l.id = s.line_id
                       WHERE s.person_id = %(learner)s AND l."on" BETWEEN %(first_on)s AND %(last_on)s
                       AND s.period && tstzrange(%(first_on)s::date - interval '2 days',
                                                 %(last_on)s::date + interval '2 days')
                       GROUP BY l."on") a USING ("on")),
       (SELECT range_agg(media)::text FROM elearn.believed_span WHERE learner_id = %(learner)s
            AND unit_id = %(unit)s AND state = 'pending'),
       (SELECT range_agg(media)::text FROM elearn.believed_span WHERE learner_id = %(learner)s
            AND unit_id = %(unit)s AND state = 'final'),
       ARRAY(SELECT block FROM elearn.delivery WHERE learner_id = %(learner)s AND unit_id = %(unit)s
            AND block BETWEEN %(first_block)s::bigint AND %(last_block)s::bigint),
       (SELECT json_agg(json_build_array(seq, encode(sha256, 'hex'))) FROM elearn.report
            WHERE sitting_id = %(sitting)s AND seq = ANY(%(seqs)s::bigint[]) AND refused_as IS NULL),
       (SELECT json_agg(json_build_array(seq, encode(sha256, 'hex'), tau_ms, arrived) ORDER BY seq)
            FROM elearn.held_report WHERE sitting_id = %(sitting)s)
"""

_STORE = """
WITH learner AS (
    UPDATE elearn.learner_watch SET tau_ms = %(tau_ms)s::bigint, held = %(held)s, pending_ms = %(pending_ms)s::bigint,
        check_count = %(check_count)s::bigint, check_due_after_ms = %(check_due_after_ms)s::bigint,
        check_deadline_ms = %(check_deadline_ms)s::bigint
    WHERE learner_id = %(learner_id)s
)
UPDATE elearn.sitting SET nonces = %(nonces)s, ended_ms = %(ended_ms)s::bigint, ended_reason = %(ended_reason)s::text
WHERE id = %(sitting_id)s
"""

_NUMBERS = re.compile(r"\d+")


@dataclass(slots=True)
class Locked:
    """A learner's row and one of the learner's sittings, both locked until the transaction ends."""

    learner_id: UUID
    tau_ms: int
    held: bool
    pending_ms: int
    check_count: int
    check_due_after_ms: int
    check_deadline_ms: int | None
    sitting_id: UUID
    unit_id: UUID
    class_id: UUID | None
    device: str | None
    actor: str
    player: str
    policy: str
    opened_ms: int
    expires_ms: int
    cm_open_ms: int
    e_ms: int
    carry_ms: int
    last_cm_ms: int
    seq: int
    last_digest: bytes | None
    gap_late_ms: int
    real_carry_ms: int
    ended_ms: int | None
    ended_reason: str | None
    nonces: list[str]

    def sitting_state(self) -> SittingState:
        return SittingState(
            opened_ms=self.opened_ms,
            cm_open_ms=self.cm_open_ms,
            e_ms=self.e_ms,
            carry_ms=self.carry_ms,
            last_cm_ms=self.last_cm_ms,
            seq=self.seq,
            gap_late_ms=self.gap_late_ms,
            ended_ms=self.ended_ms,
            real_carry_ms=self.real_carry_ms,
        )

    def learner_state(self, days: Mapping[date, DayUse]) -> LearnerState:
        return LearnerState(tau_ms=self.tau_ms, held=self.held, pending_ms=self.pending_ms, days=days)

    def take(self, sitting: SittingState, learner: LearnerState) -> None:
        """Carry over what a verdict made of them."""
        self.e_ms, self.carry_ms, self.last_cm_ms = sitting.e_ms, sitting.carry_ms, sitting.last_cm_ms
        self.seq, self.gap_late_ms, self.real_carry_ms = sitting.seq, sitting.gap_late_ms, sitting.real_carry_ms
        self.tau_ms, self.pending_ms = learner.tau_ms, learner.pending_ms


@dataclass(slots=True)
class Waiting:
    """A report that was held: its digest, when it was heard, and what it said."""

    seq: int
    sha256: bytes
    tau_ms: int
    arrived: dict[str, Any]


@dataclass(slots=True)
class UnitStanding:
    """One unit as one learner has it, as far as a decision needs it."""

    frontier_ms: int
    covered_ms: int
    pending: tuple[Span, ...]
    final: tuple[Span, ...]
    days: dict[date, DayUse]
    blocks: set[int] = field(default_factory=set)
    decided: dict[int, bytes] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def known(self) -> tuple[Span, ...]:
        """K(L,u): pending and final together."""
        return merge((*self.pending, *self.final))


def driver(session: Session) -> psycopg.Connection[tuple[Any, ...]]:
    """The driver's own connection in the session's transaction: a heartbeat is too frequent for wrapped results."""
    found = session.connection().connection.driver_connection
    assert isinstance(found, psycopg.Connection)
    return found


def lock_sitting(session: Session, learner_id: UUID, sitting_id: UUID, *, now_ms: int) -> Locked:
    """Lock the learner, then the sitting, and move the learner's time on: `tau_ms` never runs backwards.

    A sitting whose time is over ends here. Raises NotFound, of somebody else's as of nobody's.
    """
    row = driver(session).execute(_LOCK, {"learner": learner_id, "sitting": sitting_id}).fetchone()
    if row is None:
        raise NotFound("There is no such sitting.")
    locked = Locked(*row)
    locked.tau_ms = max(now_ms, locked.tau_ms)
    if locked.ended_ms is None and locked.tau_ms >= locked.expires_ms:
        locked.ended_ms, locked.ended_reason = locked.expires_ms, Ended.EXPIRED.value
    return locked


def read_unit(
    session: Session,
    locked: Locked,
    policy: Policy,
    *,
    blocks: tuple[int, int] = (0, -1),
    seqs: Sequence[int] = (),
) -> UnitStanding:
    """What the locks protect: the unit, the days since the sitting was opened, deliveries of `blocks` (first, last)."""
    asked = {
        "learner": locked.learner_id,
        "unit": locked.unit_id,
        "sitting": locked.sitting_id,
        "first_on": policy.day(locked.opened_ms),
        "last_on": policy.day(locked.tau_ms),
        # As text: a number's type would change with its size, and each type would be a statement to plan anew.
        "first_block": str(blocks[0]),
        "last_block": str(blocks[1]),
        "seqs": "{" + ",".join(map(str, seqs)) + "}",
    }
    row = driver(session).execute(_READ, asked).fetchone()
    assert row is not None  # a SELECT without FROM
    reached, days, pending, final, given, decided, waiting = row
    frontier_ms, covered_ms = reached or (0, 0)
    return UnitStanding(
        frontier_ms=frontier_ms,
        covered_ms=covered_ms,
        pending=spans_of(pending),
        final=spans_of(final),
        days={date.fromisoformat(on): DayUse(*rest) for on, *rest in days or ()},
        blocks=set(given),
        decided={seq: bytes.fromhex(digest) for seq, digest in decided or ()},
        waiting=[Waiting(seq, bytes.fromhex(digest), tau, said) for seq, digest, tau, said in waiting or ()],
    )


def spans_of(multirange: str | None) -> tuple[Span, ...]:
    """The spans of PostgreSQL's text for an int8multirange: `{[0,15000),[20000,30000)}`."""
    numbers = [int(number) for number in _NUMBERS.findall(multirange or "")]
    return tuple(Span(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True))


def store(session: Session, locked: Locked) -> None:
    """Write back what a call other than a report may change of the two locked rows."""
    driver(session).execute(
        _STORE,
        {
            "learner_id": locked.learner_id,
            "sitting_id": locked.sitting_id,
            "tau_ms": str(locked.tau_ms),
            "held": locked.held,
            "pending_ms": str(locked.pending_ms),
            "check_count": str(locked.check_count),
            "check_due_after_ms": str(locked.check_due_after_ms),
            "check_deadline_ms": None if locked.check_deadline_ms is None else str(locked.check_deadline_ms),
            "nonces": locked.nonces,
            "ended_ms": None if locked.ended_ms is None else str(locked.ended_ms),
            "ended_reason": locked.ended_reason,
        },
    )
