"""The log moves on: a minute is closed, its leaves are appended, a checkpoint is published, hours are entered.

Each step commits and leaves what the next one needs, so whoever dies in between is followed by another run, and two
runs at once do everything once: appending and entering hold a lock, publishing has its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import from_ms, utcnow
from elearn.credit_export import credit, records
from elearn.credit_export.ledger import evidence, publishing
from elearn.credit_export.ledger.appending import alone
from elearn.credit_export.ledger.crediting import Logs, append_batch
from elearn.credit_export.ledger.naming import origin_of, year_and_series
from elearn.credit_export.ledger.publishing import Desk, Published
from elearn.credit_export.ledger.trouble import note_run
from elearn.db import db
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.settings import Settings

logger = logging.getLogger(__name__)

JOB = "ledger.advance"
PATIENCE_S = 2.0
"""How long a run waits for transactions that were under way when a minute was closed; the next run looks again."""
LOOK_AGAIN_S = 0.05
MOST_TOLD = 500
"""Letters of what a run failed with."""

ORIGINS = sa.text("""
WITH RECURSIVE logs (origin) AS (
    SELECT min(origin) FROM elearn.ledger_leaf
    UNION ALL
    SELECT (SELECT min(l.origin) FROM elearn.ledger_leaf l WHERE l.origin > logs.origin) FROM logs
    WHERE logs.origin IS NOT NULL
)
SELECT origin FROM logs WHERE origin IS NOT NULL
""")
"""The few logs there are, each found by the index."""


@dataclass(frozen=True, slots=True)
class House:
    """What the log of one installation needs to know of it."""

    public_url: str
    desk: Desk
    sealing_key: bytes = field(repr=False)
    minute_ms: int = 60_000
    url_prefix: str = ""
    series: int = 1

    @classmethod
    def of(cls, settings: Settings, *, url_prefix: str = "", desk: Desk | None = None) -> House:
        """As the settings say. Raises TrustRefused when the policy of witnesses cannot be read."""
        return cls(
            settings.public_url,
            desk or publishing.desk_of(settings),
            settings.sealing_key,
            settings.ledger_minute_ms,
            url_prefix,
            settings.ledger_series,
        )

    def origin(self, at: datetime) -> str:
        """The log that is written at this time: the year is the regulator's."""
        return origin_of(self.public_url, self.url_prefix, local_day(at).year, self.series)


@dataclass(frozen=True, slots=True)
class Advanced:
    """What one run did."""

    leaves: int = 0
    published: tuple[Published, ...] = ()
    persons: frozenset[UUID] = frozenset()
    """Whose hours changed."""


def advance(session: Session, *, now: datetime, house: House) -> Advanced:
    """Move the log on as far as it goes. Commits after each step, and first what the caller has done.

    What others are waited for (a transaction under way, the signer, witnesses) is left to the next run.
    """
    session.commit()
    _close(session, now, house)
    leaves = _append(session, now, house)
    published = []
    for origin in logs_of(session, house.origin(now)).written:
        done = publishing.publish(session, origin, now=now, desk=house.desk)
        if done is not None:
            published.append(done)
    return Advanced(leaves, tuple(published), frozenset(enter(session, now=now)))


def enter(session: Session, *, now: datetime) -> set[UUID]:
    """Hours of every leaf that is credited and not entered yet, and the records they change; answers whose.

    Entries and records of some leaves are committed together: a run that dies leaves no entry without its record.
    """
    changed: set[UUID] = set()
    origins = all_logs(session)
    for origin in origins:
        while alone(session):
            window = credit.next_window(session, origin)
            if window is None:
                break
            at = credit.next_moment(session, origins, now)
            persons = credit.enter_hours(session, window, now=at)
            records.record_people(session, sorted(persons), now=at)
            credit.mark_entered(session, window)
            session.commit()
            changed |= persons
        session.rollback()
    return changed


def all_logs(session: Session) -> Sequence[str]:
    return session.scalars(ORIGINS).all()


def logs_of(session: Session, current: str) -> Logs:
    """The logs that may still grow, of each year the newest that an operator began, and those that were given up."""
    known = all_logs(session)
    newest: dict[str, tuple[int, str]] = {}
    for origin in {*known, current}:
        place, _, name = origin.rpartition("/")
        year, series = year_and_series(name)
        one = (series, origin)
        newest[f"{place}/{year}"] = max(one, newest.get(f"{place}/{year}", one))
    written = sorted(origin for _, origin in newest.values())
    return Logs(written, [origin for origin in known if origin not in written])


def _close(session: Session, now: datetime, house: House) -> None:
    if alone(session):
        evidence.close_batch(session, now=now, minute_ms=house.minute_ms)
    session.commit()


def _append(session: Session, now: datetime, house: House) -> int:
    """Leaves of every closed batch, one transaction each; answers how many."""
    leaves = 0
    until = time.monotonic() + PATIENCE_S
    while alone(session):
        closing = evidence.unproved(session)
        if closing is None:
            break
        if not evidence.is_whole(session, closing):
            session.commit()
            if time.monotonic() > until:
                return leaves
            time.sleep(LOOK_AGAIN_S)
            continue
        batch = evidence.batch_of(session, closing)
        origin = house.origin(max(now, from_ms(batch.to_ms)))
        logs = logs_of(session, origin)
        leaves += append_batch(session, origin, batch, now=now, sealing_key=house.sealing_key, logs=logs)
        session.commit()
    session.rollback()
    return leaves


def noted(session: Session, *, now: datetime, house: House) -> Advanced:
    """`advance`, and how it ended is written down where `/healthz` finds it; what it raises is raised all the same."""
    directory = house.desk.ledger_dir
    try:
        done = advance(session, now=now, house=house)
        oldest = evidence.unproved(session)
    except Exception as error:
        note_run(directory, now=now, failed=f"{type(error).__name__}: {error}"[:MOST_TOLD])
        raise
    note_run(directory, now=now, evidence_ms=oldest.to_ms if oldest is not None else 0)
    session.rollback()  # nothing is left to write
    return done


@jobs.task(JOB, every="* * * * * */5")
def advance_the_log() -> None:
    """Every few seconds: what became final stands in the log, and what stands in a published checkpoint counts."""
    parts = runtime()
    house = House.of(parts.settings, url_prefix=parts.url_prefix)
    done = noted(db.session(), now=utcnow(), house=house)
    if done.leaves or done.published or done.persons:
        logger.info(
            "the log moved on",
            extra={"leaves": done.leaves, "checkpoints": len(done.published), "persons": len(done.persons)},
        )
