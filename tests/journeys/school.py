"""A running product with the demonstration's people, short lessons, and as many learners as journeys want."""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn import create_app, embedded, schema
from elearn.courses import catalogue, classes, teaching
from elearn.db import db
from elearn.demo.example import questions, set_up
from elearn.demo.kept import Example, SignIn
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.demo.transport import HttpTransport
from elearn.demo.walk import Walk
from elearn.people import accounts, persons
from elearn.people.identity import DocumentKind, Keys
from elearn.settings import Settings
from tests.builders_people import PASSWORD, a_resident_id
from tests.builders_tracking import a_manifest
from tests.journeys.lessons import offer_packaged, package_short
from tests.journeys.running import RunningProduct, running
from tests.waiting import wait_for

SHORT_S = 18
CREDITED_S = 40
"""The job looks every five seconds, and a worker that was killed comes back; beside this the minute of evidence."""
SCALE = 60
"""Checks fall due after 5 to 15 s instead of minutes, so a short lesson has one in it and one at its end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Learner:
    """Somebody enrolled in the demonstration's class, with a browser of their own."""

    person_id: UUID
    sign_in: SignIn
    document: str


@dataclasses.dataclass(slots=True)
class School:
    product: RunningProduct
    app: Flask
    settings: Settings
    example: Example
    packaged: Path
    """The short lesson as it was packaged."""
    unit_id: str
    """A lesson of SHORT_S that browsers can play."""
    long_unit_id: str
    """Five minutes in blocks of 30 s, without files: for players without a screen."""
    numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)

    @property
    def base(self) -> str:
        return self.product.base

    @property
    def credited_s(self) -> int:
        """How long what is final may wait for a checkpoint."""
        return CREDITED_S + 90 // self.settings.policy_scale

    @contextmanager
    def database(self) -> Iterator[Session]:
        """A session on the running product's database; what it does is not committed by itself.

        The engine is given up afterwards: the server behind it may be killed next.
        """
        with self.app.app_context():
            try:
                yield db.session()
            finally:
                db.session.remove()
                db.engine.dispose()

    def a_learner(self) -> Learner:
        now = datetime.now(UTC)
        name, document = f"learner{next(self.numbers)}", a_resident_id()
        keys = Keys(sealing=self.settings.sealing_key, index=self.settings.index_key)
        with self.database() as session:
            person = persons.add_person(
                session,
                name="学员",
                document_kind=DocumentKind.RESIDENT_ID,
                document_number=document,
                keys=keys,
                at=now,
            )
            accounts.open_account(session, person.id, name=name, password=PASSWORD, keys=keys, at=now)
            acting = [UUID(self.example.institution_id)]
            classes.enrol(session, UUID(self.example.class_id), [person.id], acting=acting, at=now)
            person_id = person.id
            session.commit()
        return Learner(person_id, SignIn("learner", name, PASSWORD), document)

    def sign_in_of(self, name: str) -> SignIn:
        return next(one for one in self.example.sign_ins if one.name == name)

    def player(self, learner: Learner, *, wait: Callable[[int], None] = lambda ms: None) -> ScriptedPlayer:
        """A player without a screen, signed in over HTTP. Time does not pass for it unless `wait` lets it."""
        transport = HttpTransport(self.base)
        headers = transport.sign_in(learner.sign_in.name, learner.sign_in.password)
        return ScriptedPlayer(transport, headers, wait=wait)

    def believed(self, learner: Learner) -> dict[str, int]:
        """Milliseconds that stand in the database now: `pending` and `final`."""
        query = sa.text(
            """SELECT state, coalesce(sum(upper(media) - lower(media)), 0)::bigint
               FROM elearn.believed_span WHERE learner_id = :learner GROUP BY 1"""
        )
        with self.database() as session:
            rows = session.execute(query, {"learner": learner.person_id}).all()
        return {"pending": 0, "final": 0} | {str(state): int(ms) for state, ms in rows}

    def ask_after(self, learner: Learner, ms: int) -> None:
        """A check falls due as soon as so much is pending: what is drawn at random may be anywhere in a lesson."""
        with self.database() as session:
            session.execute(
                sa.text("UPDATE elearn.learner_watch SET check_due_after_ms = :ms WHERE learner_id = :learner"),
                {"ms": ms, "learner": learner.person_id},
            )
            session.commit()

    def refusals(self, learner: Learner) -> set[str]:
        """The exact codes of what was refused, as auditors see them."""
        query = sa.text(
            """SELECT DISTINCT code FROM elearn.report r JOIN elearn.sitting s ON s.id = r.sitting_id
               CROSS JOIN LATERAL (
                 SELECT r.refused_as UNION ALL SELECT x ->> 2 FROM jsonb_array_elements(r.refused) x
               ) AS found(code)
               WHERE s.learner_id = :learner AND code IS NOT NULL"""
        )
        with self.database() as session:
            return set(session.execute(query, {"learner": learner.person_id}).scalars())

    def credited_ms(self, learner: Learner) -> int:
        """The learner's hours: what stands in a published checkpoint of the log."""
        query = sa.text("SELECT coalesce(sum(amount_ms), 0)::bigint FROM elearn.hours_entry WHERE person_id = :learner")
        with self.database() as session:
            return int(session.execute(query, {"learner": learner.person_id}).scalar_one())

    def exam_record(self, learner: Learner) -> dict[str, Any]:
        """What the exam system pulls about the learner, as soon as all that is final counts; `verified` says whether
        its signature holds."""
        wait_for(
            lambda: self.credited_ms(learner) == self.believed(learner)["final"],
            seconds=self.credited_s,
            what="a checkpoint over all that is final",
        )
        with self.database() as session:
            walk = Walk(self.base, lambda: HttpTransport(self.base), session, self.example, lambda text: None)
            return walk.ask_exam_door(learner.document)

    def require_sound_ledgers(self) -> None:
        """Everything right of the record store, recomputed by `elearn ledger check`, is what stands there.

        Hours follow a passed check by a job every few seconds, so a difference may stand for so long.
        """
        until = time.monotonic() + self.credited_s
        while True:
            try:
                assert "0 differences" in self.product.run("ledger", "check")
                return
            except AssertionError:
                if time.monotonic() > until:
                    raise
                time.sleep(1)


def right_answers(check: dict[str, Any], duration_ms: int) -> list[str]:
    """The texts of the right options of a check of these lessons."""
    asked = next(one for one in questions(duration_ms) if one.stem == check["stem"])
    return [asked.options[place] for place in asked.correct]


@contextmanager
def a_running_school(
    place: Path,
    *,
    seconds: int = SHORT_S,
    scale: int = SCALE,
    packaged: Path | None = None,
    before: Callable[[RunningProduct], None] = lambda product: None,
) -> Iterator[School]:
    """Set one up below `place` and serve it while this lasts; `packaged` is a lesson to take instead of making one,
    `before` is told of the product before anything is made."""
    data_dir = place / "data"
    product = RunningProduct(data_dir, policy_scale=scale, elearn=(sys.executable, "-m", "elearn"))
    before(product)
    packaged = packaged or package_short(place, seconds=seconds)
    settings = Settings.from_env(product.env)
    with embedded.services(data_dir) as services:
        settings = dataclasses.replace(settings, database_url=services.database_url, redis_url=services.redis_url)
        schema.upgrade(services.database_url)
        app = create_app(settings)
        with app.app_context():
            made = _fill(db.session(), settings, packaged, product, app)
            db.session.commit()
            db.session.remove()
            db.engine.dispose()
    with running(product):
        yield made
        app.extensions["elearn"].redis.close()


def _fill(session: Session, settings: Settings, packaged: Path, product: RunningProduct, app: Flask) -> School:
    now = datetime.now(UTC)
    example = set_up(session, settings, now=now)
    acting = [UUID(example.institution_id)]
    course_id = UUID(example.course_id)
    unit_id = offer_packaged(session, settings, packaged, course_id=course_id, title="短课", acting=acting, at=now)
    lesson = teaching.add_lesson(session, course_id=course_id, title="长课", acting=acting)
    manifest = a_manifest(300_000)
    long = catalogue.register_unit(
        session,
        lesson.id,
        lesson.title,
        manifest,
        [bytes([index]) * 16 for index in range(len(manifest.blocks))],
        questions(300_000),
        sealing_key=settings.sealing_key,
        published_at=now,
    )
    return School(product, app, settings, example, packaged, str(unit_id), str(long.id))
