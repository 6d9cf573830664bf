"""What a learner can have earned at most, from what the running server itself has stored, and nothing looser.

MODEL 1.3 in SQL's words: every law is checked against the rows of one learner, in whole milliseconds. The numbers
of the model stand here once more on purpose: a policy that was loosened by mistake must not loosen its own test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.journeys.school import SCALE, Learner, School

DELTA_MS = 1_000
LEAD_MS = 30_000
PEND_MAX_MS = 900_000 // SCALE
FAILURES_A_DAY = 3
ANSWER_MS = 60_000 + 10_000


def worth_ms(window_ms: int) -> int:
    """RATE_MAX (1 + EPS) of a window, RATE_MAX 1.0 and EPS 1 %."""
    return window_ms * 101 // 100


@dataclass(frozen=True, slots=True)
class Window:
    """One sitting: how long it could be watched in, by the server's clock, and what was credited in it, in order."""

    sitting_id: UUID
    unit_id: UUID
    opened_ms: int
    ended_ms: int
    """Its end, or the last moment at which the server heard a report of it."""
    live: bool
    credits: tuple[tuple[int, int], ...]
    """(heard_ms, credited_ms), by the time heard; what was taken back later is in it."""

    def credited_ms(self, until_ms: int | None = None) -> int:
        return sum(ms for heard_ms, ms in self.credits if until_ms is None or heard_ms <= until_ms)


@dataclass(frozen=True, slots=True)
class Check:
    """One presence check as it was put and answered; options by the question's own numbers."""

    id: UUID
    put_ms: int
    decided_ms: int | None
    outcome: str | None
    tries: tuple[frozenset[int], ...]
    correct: frozenset[int]

    @property
    def was_answered_right(self) -> bool:
        return bool(self.tries) and self.tries[-1] == self.correct and len(self.tries) <= 2


@dataclass(slots=True)
class Account:
    """All that the server knows of one learner, and what became of it."""

    pending_ms: int = 0
    final_ms: int = 0
    exam_ms: int = 0
    windows: list[Window] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    refused_ms: dict[str, int] = field(default_factory=dict)
    """Claimed media that was not believed, by the exact code; codes without media (a bad signature) have 0."""
    reversed_ms: dict[str, int] = field(default_factory=dict)
    """Believed media that was taken back, by code."""
    blocks: dict[UUID, set[int]] = field(default_factory=dict)
    """Whose keys were given, by unit."""

    @property
    def codes(self) -> set[str]:
        """The reason codes stored, without those by which nobody loses anything."""
        return (set(self.refused_ms) | set(self.reversed_ms)) - {"DUPLICATE", "ALREADY_CREDITED"}

    @property
    def window_ms(self) -> int:
        return sum(one.ended_ms - one.opened_ms for one in self.windows)

    @property
    def credited_ms(self) -> int:
        return sum(one.credited_ms() for one in self.windows)

    @property
    def failed(self) -> int:
        return sum(check.outcome == "failed" for check in self.checks)


def account_of(school: School, learner: Learner) -> Account:
    """The learner's account, every law of it kept. AssertionError names the law that does not hold."""
    record = school.exam_record(learner)
    assert record["verified"], "the exam system's signature holds"
    with school.database() as session:
        books = _Books(session, learner.person_id)
        account = books.account()
        account.exam_ms = record["record"]["hours"]["online_theory_ms"]
        _require_real_time(account)
        books.require_delivered(account)
        books.require_paced(account)
        books.require_in_order()
        books.require_behind_checks(account)
    assert account.exam_ms == account.final_ms, "the exam system reads what is final, nothing else"
    return account


def _require_real_time(account: Account) -> None:
    """I1 and I4: sittings do not overlap, and up to every moment each was worth what it lasted."""
    for earlier, later in pairwise(account.windows):
        assert earlier.ended_ms <= later.opened_ms, "one learner watches in one place at a time"
    assert sum(window.live for window in account.windows) <= 1
    for window in account.windows:
        for heard_ms, _ in window.credits:
            lasted_ms = min(heard_ms, window.ended_ms) - window.opened_ms
            assert window.credited_ms(until_ms=heard_ms) <= worth_ms(lasted_ms), "more was credited than time passed"


class _Books:
    """One learner's rows."""

    def __init__(self, session: Session, learner_id: UUID) -> None:
        self.session, self.learner_id = session, learner_id

    def rows(self, query: str) -> Sequence[Any]:
        return self.session.execute(sa.text(query), {"learner": self.learner_id}).all()

    def account(self) -> Account:
        account = Account(windows=self._windows(), checks=self._checks())
        for row in self.rows(
            "SELECT state, sum(upper(media) - lower(media))::bigint AS ms FROM elearn.believed_span "
            "WHERE learner_id = :learner GROUP BY 1"
        ):
            if row.state == "final":
                account.final_ms = row.ms
            else:
                account.pending_ms = row.ms
        for row in self.rows(
            """SELECT code, sum(ms)::bigint AS ms FROM elearn.report r JOIN elearn.sitting s ON s.id = r.sitting_id
               CROSS JOIN LATERAL (
                 SELECT r.refused_as AS code, 0 AS ms WHERE r.refused_as IS NOT NULL UNION ALL
                 SELECT x ->> 2, (x ->> 1)::bigint - (x ->> 0)::bigint FROM jsonb_array_elements(r.refused) x
               ) AS found WHERE s.learner_id = :learner GROUP BY 1"""
        ):
            account.refused_ms[row.code] = row.ms
        for row in self.rows(
            "SELECT reason, sum(end_ms - start_ms)::bigint AS ms FROM elearn.watched_span "
            "WHERE learner_id = :learner AND kind = 'reversal' GROUP BY 1"
        ):
            account.reversed_ms[row.reason] = row.ms
        for row in self.rows("SELECT unit_id, block FROM elearn.delivery WHERE learner_id = :learner"):
            account.blocks.setdefault(row.unit_id, set()).add(row.block)
        return account

    def _windows(self) -> list[Window]:
        credits: dict[UUID, list[tuple[int, int]]] = {}
        for row in self.rows(
            """SELECT sitting_id, (extract(epoch FROM heard_at) * 1000)::bigint AS heard_ms,
                      sum(end_ms - start_ms)::bigint AS ms
               FROM elearn.watched_span WHERE learner_id = :learner AND kind = 'pending' GROUP BY 1, 2 ORDER BY 2"""
        ):
            credits.setdefault(row.sitting_id, []).append((row.heard_ms, row.ms))
        return [
            Window(
                row.id,
                row.unit_id,
                row.opened_ms,
                row.opened_ms if row.end_ms is None else row.end_ms,
                row.ended_ms is None,
                tuple(credits.get(row.id, ())),
            )
            for row in self.rows(
                """SELECT s.id, s.unit_id, s.opened_ms, s.ended_ms, coalesce(s.ended_ms,
                          (SELECT max(r.tau_ms) FROM elearn.report r WHERE r.sitting_id = s.id)) AS end_ms
                   FROM elearn.sitting s WHERE s.learner_id = :learner ORDER BY s.opened_ms, s.id"""
            )
        ]

    def _checks(self) -> list[Check]:
        return [
            Check(
                row.id,
                row.put_ms,
                row.decided_ms,
                row.outcome,
                tuple(frozenset(one) for one in row.tries),
                frozenset(row.correct),
            )
            for row in self.rows(
                """SELECT c.id, c.put_ms, c.decided_ms, c.outcome, c.tries, q.correct FROM elearn.presence_check c
                   JOIN elearn.question q ON q.id = c.question_id WHERE c.learner_id = :learner ORDER BY c.number"""
            )
        ]

    def require_delivered(self, account: Account) -> None:
        """I3: media is believed only when the keys of all of it had been given by then."""
        for row in self.rows(
            """SELECT w.start_ms, w.end_ms, coalesce(sum(least(w.end_ms, b.end_ms) - greatest(w.start_ms, b.start_ms))
                      FILTER (WHERE b.index IS NOT NULL), 0)::bigint AS given_ms
               FROM elearn.watched_span w
               LEFT JOIN elearn.delivery d ON d.learner_id = w.learner_id AND d.unit_id = w.unit_id
                 AND d.given_ms <= (extract(epoch FROM w.heard_at) * 1000)::bigint
               LEFT JOIN elearn.unit_block b ON b.unit_id = d.unit_id AND b.index = d.block
                 AND b.start_ms < w.end_ms AND b.end_ms > w.start_ms
               WHERE w.learner_id = :learner AND w.kind = 'pending' GROUP BY w.id, w.start_ms, w.end_ms"""
        ):
            assert row.given_ms == row.end_ms - row.start_ms, "media was believed whose key had not been given"

    def require_paced(self, account: Account) -> None:
        """MODEL 1.8, the server's part of its property: no key sooner than watching could need it."""
        for row in self.rows(
            """SELECT d.unit_id, d.given_ms, b.start_ms, u.duration_ms FROM elearn.delivery d
               JOIN elearn.unit_block b ON b.unit_id = d.unit_id AND b.index = d.block
               JOIN elearn.unit u ON u.id = d.unit_id WHERE d.learner_id = :learner"""
        ):
            open_ms = sum(
                max(0, (row.given_ms if window.live else min(row.given_ms, window.ended_ms)) - window.opened_ms)
                for window in account.windows
                if window.unit_id == row.unit_id
            )
            tail_ms = max(2_000, row.duration_ms // 100)
            assert row.start_ms <= LEAD_MS + tail_ms + worth_ms(open_ms), "a key was given ahead of watching"

    def require_in_order(self) -> None:
        """I2 and I5: what is believed is the lesson from its beginning to the frontier, holes of DELTA at most."""
        reached: dict[UUID, tuple[int, int]] = {
            row.unit_id: (row.frontier_ms, row.covered_ms)
            for row in self.rows(
                "SELECT unit_id, frontier_ms, covered_ms FROM elearn.unit_watch WHERE learner_id = :learner"
            )
        }
        ends, covered = dict.fromkeys(reached, 0), dict.fromkeys(reached, 0)
        for row in self.rows(
            "SELECT unit_id, lower(media) AS a, upper(media) AS b FROM elearn.believed_span "
            "WHERE learner_id = :learner ORDER BY unit_id, lower(media)"
        ):
            hole_ms = row.a - ends[row.unit_id]
            assert 0 <= hole_ms <= DELTA_MS, "watching goes on where it stopped, and counts once"
            ends[row.unit_id] = row.b
            covered[row.unit_id] += row.b - row.a
        assert reached == {unit_id: (ends[unit_id], covered[unit_id]) for unit_id in reached}

    def require_behind_checks(self, account: Account) -> None:
        """I7: final is what waited for a check that was answered right and in time; three failures end the day."""
        checks = {check.id: check for check in account.checks}
        waited: dict[UUID, int] = {
            row.id: row.ms
            for row in self.rows(
                "SELECT id, end_ms - start_ms AS ms FROM elearn.watched_span "
                "WHERE learner_id = :learner AND kind = 'pending'"
            )
        }
        behind = dict.fromkeys(checks, 0)
        for row in self.rows(
            "SELECT kind, check_id, settles, reverses_id FROM elearn.watched_span "
            "WHERE learner_id = :learner AND kind <> 'pending'"
        ):
            check = checks[row.check_id]
            if row.kind == "final":
                assert check.outcome == "passed"
                assert check.was_answered_right, "final without a right answer"
                assert check.decided_ms is not None
                assert check.decided_ms - check.put_ms <= ANSWER_MS
            for one in row.settles or [row.reverses_id]:
                behind[row.check_id] += waited.pop(one)  # a KeyError: settled twice, or never believed
        passed_ms = sum(ms for check_id, ms in behind.items() if checks[check_id].outcome == "passed")
        assert (account.final_ms, account.pending_ms) == (passed_ms, sum(waited.values()))
        assert max(account.pending_ms, *behind.values(), 0) <= PEND_MAX_MS, "more waited for a check than may"
        failures = [check for check in account.checks if check.outcome == "failed"]
        assert len(failures) <= FAILURES_A_DAY
        if len(failures) == FAILURES_A_DAY:
            assert failures[-1] is account.checks[-1], "a check was put after the third failure of a day"
