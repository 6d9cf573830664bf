"""What a leaf of the log costs from a final row to the database: amortised over batches, and with a long log behind it.

    python -m bench.ledger_log [--leaves 20000]

Final rows are written as watching writes them, so many for each of a few hundred learners; then the log moves on batch
by batch. Told apart: appending (the limit), publishing over it (tiles, signature), entering hours with their records.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench import processor
from bench.figures import Figure, say
from elearn import create_app, embedded, schema
from elearn.clock import utcnow
from elearn.credit_export.ledger import evidence, publishing
from elearn.credit_export.ledger.advancing import House, enter
from elearn.credit_export.ledger.appending import alone
from elearn.credit_export.ledger.crediting import Logs, append_batch
from elearn.credit_export.ledger.publishing import Desk
from elearn.credit_export.ledger.signer import LocalSigner
from elearn.db import db
from elearn.settings import Settings
from tests.builders_credit import Learner, a_learner_with_hours, an_outline
from tests.builders_people import a_resident_id

LIMIT_US = 250.0
LEAVES = 20_000
LEARNERS = 200
BATCHES = 10

FINALS = sa.text("""
INSERT INTO elearn.watched_span (id, kind, learner_id, unit_id, class_id, start_ms, end_ms, "on", late, check_id,
                                 settles, policy, heard_at)
SELECT gen_random_uuid(), 'final', w.learner_id, w.unit_id, w.class_id, 100000 + n * 1000, 101000 + n * 1000, w."on",
       false, w.check_id, w.settles, w.policy, w.heard_at + n * interval '1 second'
FROM elearn.watched_span w CROSS JOIN generate_series(CAST(:begin AS int), CAST(:end AS int)) AS n
WHERE w.kind = 'final' AND w.id = ANY (:firsts)
""")


def firsts(session: Session, learners: int) -> list[UUID]:
    """One final row of so many people; answers them."""
    an_outline(session, code="bench-log")
    made: list[Learner] = [
        a_learner_with_hours(session, ms=60_000, outline="bench-log", document_number=a_resident_id(serial=number))
        for number in range(learners)
    ]
    session.commit()
    people = [one.person.id for one in made]
    return list(
        session.scalars(
            sa.text("SELECT id FROM elearn.watched_span WHERE kind = 'final' AND learner_id = ANY (:people)"),
            {"people": people},
        )
    )


@dataclasses.dataclass(slots=True)
class Took:
    """Seconds and leaves of some batches."""

    seconds: float = 0.0
    leaves: int = 0

    @property
    def us(self) -> float:
        return self.seconds / self.leaves * 1e6


def spent_s(session: Session) -> float:
    """Processor time of this process and of the backends that work for it."""
    backends = session.scalars(sa.text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).all()
    session.commit()
    return time.process_time() + sum(processor.spent_s(pid) for pid in backends)


def append_one(session: Session, house: House, now: datetime) -> tuple[float, int]:
    """Close and append one batch; seconds of processor time, ours and the database's, from the lock to the commit."""
    began = spent_s(session)
    assert alone(session)
    evidence.close_batch(session, now=now, minute_ms=0)
    session.commit()
    assert alone(session)
    closing = evidence.unproved(session)
    assert closing is not None
    assert evidence.is_whole(session, closing)
    batch, origin = evidence.batch_of(session, closing), house.origin(now)
    leaves = append_batch(session, origin, batch, now=now, sealing_key=house.sealing_key, logs=Logs((origin,)))
    session.commit()
    return spent_s(session) - began, leaves


def measure(place: Path, leaves: int) -> Iterator[Figure]:
    settings = Settings.from_env({"ELEARN_DATA_DIR": str(place / "data")})
    with embedded.services(settings.data_dir) as running:
        schema.upgrade(running.database_url)
        app = create_app(dataclasses.replace(settings, database_url=running.database_url, redis_url=running.redis_url))
        with app.app_context():
            session = db.session()
            desk = Desk(place / "files", LocalSigner(place / "signer"), every=timedelta(0))
            house = House(settings.public_url, desk, settings.sealing_key, 0)
            rows, now = firsts(session, LEARNERS), utcnow()
            append_one(session, house, now)
            each = leaves // LEARNERS // BATCHES
            halves = [Took(), Took()]
            for batch in range(BATCHES):
                session.execute(FINALS, {"begin": batch * each, "end": (batch + 1) * each - 1, "firsts": rows})
                session.commit()
                seconds, written = append_one(session, house, now + timedelta(minutes=batch + 1))
                half = halves[batch >= BATCHES // 2]
                half.seconds += seconds
                half.leaves += written
            whole = Took(halves[0].seconds + halves[1].seconds, halves[0].leaves + halves[1].leaves)
            yield Figure(
                "append a leaf",
                whole.us / LIMIT_US,
                1.0,
                f"{whole.us:.0f} us of {LIMIT_US:.0f}, processor time with PostgreSQL's, {whole.leaves} leaves",
            )
            yield Figure(
                "a log that has grown",
                halves[1].us / halves[0].us,
                1.5,
                f"{halves[1].us:.0f} us a leaf in its second half, {halves[0].us:.0f} us in its first",
            )
            began = spent_s(session)
            publishing.publish(session, house.origin(now), now=now + timedelta(hours=1), desk=desk)
            published_us = (spent_s(session) - began) / whole.leaves * 1e6
            yield Figure("publish a leaf", published_us / LIMIT_US, None, f"{published_us:.0f} us, one checkpoint")
            began = spent_s(session)
            persons = enter(session, now=now + timedelta(hours=1))
            entered_us = (spent_s(session) - began) / whole.leaves * 1e6
            yield Figure(
                "enter the hours of a leaf", entered_us / LIMIT_US, None,
                f"{entered_us:.0f} us with the records of {len(persons)} people",
            )  # fmt: skip
            db.session.remove()
            db.engine.dispose()
        app.extensions["elearn"].redis.close()


def run(leaves: int = LEAVES) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="elearn-bench-") as place:
        yield from measure(Path(place), leaves)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=LEAVES)
    return say(run(parser.parse_args().leaves))


if __name__ == "__main__":
    sys.exit(main())
