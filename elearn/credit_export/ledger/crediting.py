"""From final rows to credit leaves, and from reversals of them to void leaves: the leaves of one closed batch.

Hours on site follow them: `attending.py`.

Order matters to whoever reads the log alone: the evidence first, then what its credits name (units, policies), then
each subject's leaves in the order in which they happened. A void stands in the log that holds what it takes back, also
when that is last year's: each log is whole in itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.courses.centres import EXPORTING
from elearn.credit_export.ledger import abandoned, attending, evidence, subjects
from elearn.credit_export.ledger.appending import Log, Standing
from elearn.credit_export.ledger.attending import Attended
from elearn.credit_export.ledger.evidence import Batch
from elearn.credit_export.ledger.leaves import Evidence, Policy, Unit, digest

SPANS = sa.text("""
SELECT w.id, w.kind, w.learner_id, w.unit_id, w.start_ms, w.end_ms, w.end_ms - w.start_ms - w.excess_ms AS ms, w."on",
       w.policy, w.heard_at, w.reverses_id, w.reason, l.origin, l.index AS place, l.hash, l.sub, l.counts_as,
       l.ms AS leaf_ms
FROM elearn.watched_span w
LEFT JOIN elearn.watched_span r ON r.id = w.reverses_id
LEFT JOIN elearn.ledger_leaf l ON l.watched_span_id = w.reverses_id AND l.origin = ANY (:logs)
WHERE (w.evidence_batch > :after AND w.evidence_batch <= :batch OR w.id = ANY (:also))
  AND (w.kind = 'final' OR r.kind = 'final') AND w.end_ms - w.start_ms > w.excess_ms
  AND NOT EXISTS (SELECT FROM elearn.ledger_leaf t WHERE t.watched_span_id = w.id AND t.origin = ANY (:logs))
""")

UNITS = sa.text("""
-- Only the first centre trains for exams: what is watched in another centre's course is written down under no item of
-- an outline, so no tally of one ever finds it (courses.centres.EXPORTING; a published course keeps its centre).
SELECT u.id, u.lesson_id, u.version, u.duration_ms, u.content_hash,
       CASE WHEN c.centre = ANY (:exporting) THEN i.id END AS item_id, coalesce(i.kind, 'theory') AS kind
FROM elearn.unit u
JOIN elearn.lesson l ON l.id = u.lesson_id
JOIN elearn.course c ON c.id = l.course_id
LEFT JOIN elearn.outline_item i ON i.id = coalesce(l.outline_item_id, c.outline_item_id)
WHERE u.id = ANY (:units)
""")

OFFICERS = sa.text("""
SELECT e.watched_span_id, p.by_person_id AS proposed_by, c.by_person_id AS confirmed_by
FROM elearn.review_effect e
JOIN elearn.review_act p ON p.case_id = e.case_id AND p.act = 'propose'
JOIN elearn.review_act c ON c.case_id = e.case_id AND c.act = 'confirm' AND c.number = p.number + 1
WHERE e.watched_span_id = ANY (:spans) AND e.undoes_id = ANY (p.spans) AND p.by_person_id <> c.by_person_id
""")


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs of this installation."""

    written: Sequence[str]
    abandoned: Sequence[str] = ()
    """Those that an operator ended because they could not go on: a later one of the same year took their place."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the watched ledger that the log must say: a final row, or the reversal of one."""

    id: UUID
    person_id: UUID
    unit_id: UUID
    media: tuple[int, int]
    ms: int
    on: date
    policy: str
    heard_at: datetime
    reverses: UUID | None
    reason: str
    standing: Standing | None
    """What it reverses, when that stood in a log before this batch."""


def unit_urn(unit_id: UUID) -> str:
    return f"urn:elearn:unit:{unit_id}"


def append_batch(session: Session, origin: str, batch: Batch, *, now: datetime, sealing_key: bytes, logs: Logs) -> int:
    """Evidence, credits and voids of one closed batch, in this transaction; answers how many leaves.

    The caller is `alone`.
    """
    log = Log.end_of(session, origin, now=max(now, from_ms(batch.to_ms)))
    proved = evidence.prove(session, batch, evidence.root_before(session, batch))
    log.evidence(
        Evidence(root=digest(proved.root), count=proved.count, from_=from_ms(batch.from_ms), to=from_ms(batch.to_ms)),
        batch=batch.batch,
    )
    on_site = attending.attended(
        session, after=batch.after, batch=batch.batch, logs=logs.written, given_up=logs.abandoned
    )
    made = _Batch(session, log, digest(proved.root), changes(session, batch, logs), on_site, sealing_key)
    made.append()
    return sum(one.flush() for one in made.logs.values())


def changes(session: Session, batch: Batch, logs: Logs) -> list[Change]:
    """The rows of a batch that have no leaf, in the order of the chain.

    With them come those that an abandoned log holds and never published. What stood in one and is taken back now is
    said once more, right before its void.
    """
    where = {"logs": list(logs.written)}
    stranded = abandoned.stranded(session, "watched_span_id", logs.abandoned, logs=logs.written)
    found = _changes(session, where | {"after": batch.after, "batch": batch.batch, "also": stranded})
    here = {one.id for one in found}
    gone = [one.reverses for one in found if one.reverses and one.standing is None and one.reverses not in here]
    if stood := abandoned.stood(session, "watched_span_id", logs.abandoned, gone):
        found += _changes(session, where | {"after": 0, "batch": -1, "also": stood})
    return in_order(found)


def _changes(session: Session, values: Mapping[str, object]) -> list[Change]:
    rows = session.execute(SPANS, values)
    return [
        Change(
            id=row.id,
            person_id=row.learner_id,
            unit_id=row.unit_id,
            media=(row.start_ms, row.end_ms),
            ms=row.ms,
            on=row.on,
            policy=row.policy,
            heard_at=row.heard_at,
            reverses=row.reverses_id,
            reason=row.reason or "",
            standing=Standing.joined(row),
        )
        for row in rows
    ]


def in_order(found: Sequence[Change]) -> list[Change]:
    """By the learner's time, which never runs backwards but may stand still (a clock that was set back): then what is
    taken back comes first, its reversal next, and last what was watched or given back in its place."""
    reversed_here = {one.reverses for one in found if one.reverses is not None}

    def place(one: Change) -> tuple[datetime, int, UUID]:
        rank = 1 if one.reverses is not None else 0 if one.id in reversed_here else 2
        return one.heard_at, rank, one.id

    return sorted(found, key=place)


@dataclass(slots=True)
class _Batch:
    """The leaves of one batch under way."""

    session: Session
    log: Log
    ev: str
    found: list[Change]
    on_site: list[Attended]
    sealing_key: bytes
    logs: dict[str, Log] = field(init=False)
    """The log that is written, and older ones that hold what is taken back."""

    def __post_init__(self) -> None:
        self.logs = {self.log.origin: self.log}

    def append(self) -> None:
        earned = [one for one in self.found if one.reverses is None]
        officers = self._officers([one.id for one in self.found if one.reverses is not None])
        people = {one.person_id for one in earned} | {one for two in officers.values() for one in two}
        people |= {one.person_id for one in self.on_site} | {each for one in self.on_site for each in one.by}
        subs = subjects.subjects_of(self.session, people, sealing_key=self.sealing_key) if people else {}
        self._read_chains(subs, earned)
        counts = self._name([one for one in earned if one.person_id in subs])
        placed: dict[UUID, Standing] = {}
        for one in self.found:
            if one.reverses is None:
                # Who was erased before the minute was over earns nothing more: there is no name to write it under.
                if one.person_id in subs:
                    placed[one.id] = self._credit(one, subs[one.person_id], counts[one.unit_id])
            else:
                taken = one.standing or placed.get(one.reverses)
                by = officers.get(one.id)
                # What was never credited is not taken back. Without two people nothing is: `ledger check` names it.
                if taken is not None and by is not None:
                    names = subjects.two_names(subs, by)
                    self.logs[taken.origin].void(taken, one.id, why=one.reason, by=names)
        attending.append(self.logs, self.log, self.on_site, subs)

    def _credit(self, one: Change, sub: str, counts_as: str) -> Standing:
        return self.log.credit(
            sub, counts_as, one.id, unit=unit_urn(one.unit_id), span=one.media, ms=one.ms, day=one.on, ev=self.ev,
            pol=one.policy,
        )  # fmt: skip

    def _read_chains(self, subs: Mapping[UUID, str], earned: Sequence[Change]) -> None:
        credited = {one.person_id for one in earned} | {one.person_id for one in self.on_site}
        wanted: dict[str, set[str]] = {self.log.origin: {subs[one] for one in credited if one in subs}}
        for standing in [*(one.standing for one in self.found), *(one.standing for one in self.on_site)]:
            if standing is not None:
                wanted.setdefault(standing.origin, set()).add(standing.sub)
        for origin, whose in wanted.items():
            if origin not in self.logs:
                self.logs[origin] = Log.end_of(self.session, origin, now=self.log.at)
            if whose:
                self.logs[origin].read_chains(whose)

    def _name(self, earned: Sequence[Change]) -> dict[UUID, str]:
        """Let the log say what its credits will name; answers what each unit counts as."""
        if not earned:
            return {}
        units: Sequence[Any] = self.session.execute(
            UNITS, {"units": list({one.unit_id for one in earned}), "exporting": [one.value for one in EXPORTING]}
        ).all()
        policies = sorted({one.policy for one in earned})
        known = self.log.names([*policies, *(unit_urn(unit.id) for unit in units)])
        for policy in policies:
            if policy not in known:
                self.log.name(Policy(pol=policy, at=self.log.at))
        for unit in sorted(units, key=lambda each: str(each.id)):
            if unit_urn(unit.id) not in known:
                self.log.name(
                    Unit(
                        unit=unit_urn(unit.id),
                        lesson=f"urn:elearn:lesson:{unit.lesson_id}",
                        version=unit.version,
                        ms=unit.duration_ms,
                        hash=f"sha256:{unit.content_hash}",
                        item=f"urn:elearn:outline-item:{unit.item_id}" if unit.item_id else None,
                        kind=unit.kind,
                        at=self.log.at,
                    )
                )
        return {unit.id: f"online/{unit.kind}" for unit in units}

    def _officers(self, reversals: Sequence[UUID]) -> dict[UUID, tuple[UUID, UUID]]:
        """Who proposed and who confirmed each."""
        if not reversals:
            return {}
        rows = self.session.execute(OFFICERS, {"spans": list(reversals)})
        return {row.watched_span_id: (row.proposed_by, row.confirmed_by) for row in rows}
