"""Raising flags: all rules over the facts of whoever was active, and each occasion written down once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import cache
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.db import new_id
from elearn.tracking.signals import gathering, group_rules, rules
from elearn.tracking.signals.facts import WEIGHTS, Flag, Weight
from elearn.tracking.signals.models import SignalThresholds
from elearn.tracking.signals.thresholds import Thresholds

_WRITE = sa.text("""
INSERT INTO elearn.signal (id, rule, weight, learner_id, class_id, key, sittings, from_ms, to_ms, evidence, thresholds,
                           found_at)
SELECT g.id, g.rule, g.weight, g.learner_id,
       (SELECT s.class_id FROM elearn.sitting_client c JOIN elearn.sitting s ON s.id = c.sitting_id
        WHERE c.learner_id = g.learner_id
        ORDER BY c.sitting_id = ANY(g.sittings) DESC, c.opened_ms <= g.to_ms DESC, c.opened_ms DESC LIMIT 1),
       g.key, g.sittings, g.from_ms, g.to_ms, g.evidence, :thresholds, :now
FROM json_to_recordset(:flags) AS g(id uuid, rule text, weight text, learner_id uuid, key text, sittings uuid[],
     from_ms bigint, to_ms bigint, evidence jsonb)
JOIN elearn.learner_watch w ON w.learner_id = g.learner_id
ON CONFLICT (rule, learner_id, key) DO NOTHING
RETURNING learner_id, weight
""")


_ASK_SOONER = sa.text("""
UPDATE elearn.learner_watch w SET check_due_after_ms = 1
FROM (SELECT learner_id FROM elearn.learner_watch WHERE learner_id = ANY(:learners) AND check_due_after_ms > 1
      ORDER BY learner_id FOR NO KEY UPDATE) AS locked
WHERE w.learner_id = locked.learner_id
""")


@cache
def _default() -> tuple[Thresholds, str]:
    return Thresholds(), Thresholds().digest()


def load(session: Session, given: Thresholds, *, effective_from: date, at: datetime) -> str:
    """Keep thresholds that hold from a day on; answers their digest. The same again is harmless."""
    row = {"digest": given.digest(), "effective_from": effective_from, "canonical": given.canonical().decode()}
    session.execute(insert(SignalThresholds).values(row | {"loaded_at": at}).on_conflict_do_nothing())
    return given.digest()


def in_force(session: Session, *, on: date) -> tuple[Thresholds, str]:
    """The thresholds of a day, and their digest: of those that began by then the latest, else MODEL's."""
    canonical = session.scalar(
        sa.select(SignalThresholds.canonical)
        .where(SignalThresholds.effective_from <= on)
        .order_by(SignalThresholds.effective_from.desc(), SignalThresholds.loaded_at.desc())
        .limit(1)
    )
    if canonical is None:
        return _default()
    given = Thresholds.read(msgspec.json.decode(canonical))
    return given, given.digest()


def flags_about(session: Session, sittings: Collection[UUID], given: Thresholds, *, now_ms: int) -> list[Flag]:
    """Everything odd about whoever these sittings belong to, and whoever was together with them."""
    devices, addresses, units, learners = gathering.places_of(session, sittings)
    own = gathering.sittings_of(session, learners, now_ms=now_ms)
    pairs = gathering.together(session, sittings, now_ms=now_ms)
    company = {*learners, *(pair.one for pair in pairs), *(pair.other for pair in pairs)}
    checks = gathering.checks_of(session, company, now_ms=now_ms)
    theirs = [check for check in checks if check.learner in learners]
    flags = [
        *rules.regular_beats(own, given),
        *rules.never_pauses(own, given),
        *rules.long_runs(own, given),
        *rules.nights(own, given),
        *group_rules.shared_devices(gathering.openings_on(session, devices, now_ms=now_ms), given),
        *group_rules.phase_locked(gathering.sittings_at(session, addresses, now_ms=now_ms), given),
        *group_rules.same_scripts(gathering.scripted_in(session, units, given.script_events, now_ms=now_ms), given),
        *rules.fast_answers(theirs, given),
        *rules.no_touch(own, given),
        *rules.late_share(own, given),
        *rules.takeovers(own, given),
        *group_rules.cameo(checks, pairs, given),
        *rules.delivery_shape(gathering.fetched_in(session, sittings), given),
        *rules.face_again(gathering.faces_of(session, learners, now_ms=now_ms), given),
        *rules.client_signs(gathering.clients_of(session, sittings), given),
    ]
    suspected = {learner for flag in flags for learner in flag.learners}
    learned = gathering.learned(session, suspected, checks, now_ms=now_ms)
    return [*flags, *rules.guessing(learned, suspected, given, now_ms=now_ms)]


def write(session: Session, flags: Iterable[Flag], digest: str, *, now: datetime) -> list[tuple[UUID, Weight]]:
    """Put flags into the ledger, one row a learner; answers whose were new, and how much each weighs."""
    given = [
        {
            "id": new_id(),
            "rule": flag.rule.value,
            "weight": WEIGHTS[flag.rule].value,
            "learner_id": learner,
            "key": flag.key,
            "sittings": "{" + ",".join(str(one) for one in flag.sittings) + "}",
            "from_ms": flag.from_ms,
            "to_ms": flag.to_ms,
            "evidence": flag.evidence,
        }
        for flag in flags
        for learner in flag.learners
    ]
    if not given:
        return []
    values = {"flags": msgspec.json.encode(given).decode(), "thresholds": digest, "now": now}
    return [(row.learner_id, Weight(row.weight)) for row in session.execute(_WRITE, values)]


def ask_sooner(session: Session, learners: Collection[UUID]) -> None:
    """Let the next presence check of these learners fall due as soon as anything waits for one (MODEL 3.1).

    An honest person answers one question more; credit is touched by the answer alone, as at any other check.
    """
    if learners:
        session.execute(_ASK_SOONER, {"learners": list(learners)})


def raise_flags(session: Session, sittings: Collection[UUID], *, now: datetime, on: date) -> int:
    """Look at these sittings, their reports folded already; answers how many flags are new."""
    given, digest = in_force(session, on=on)
    if (given, digest) == _default():
        load(session, given, effective_from=date(2026, 1, 1), at=now)
    new = write(session, flags_about(session, sittings, given, now_ms=to_ms(now)), digest, now=now)
    # Last, because it locks learners' rows until the caller commits.
    ask_sooner(session, {learner for learner, weight in new if weight is not Weight.LOW})
    return len(new)
