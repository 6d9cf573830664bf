"""A lesson to watch and a player to watch it with: say only what matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.courses import catalogue, classes, page_units, teaching
from elearn.courses.models import Kind
from elearn.courses.page_images import Image
from elearn.courses.pool import QuestionDraft
from elearn.db import db
from elearn.demo.scripted_player import Answer, ScriptedPlayer
from elearn.people import callers
from elearn.people.models import Account
from media.manifest import Block, Manifest
from tests.builders_people import an_account, an_institution, signed_in
from tests.conftest import ManualClock

AT = datetime(2026, 6, 20, 2, 0, tzinfo=UTC)
SEALING_KEY = b"e" * 32
RIGHT = ("right one", "right two")
WRONG = ("wrong one",)
_count = iter(range(1, 1_000_000))


@dataclass(frozen=True, slots=True)
class Watchable:
    """A unit of a filed class and somebody enrolled in it."""

    unit_id: UUID
    class_id: UUID
    course_id: UUID
    institution_id: UUID
    outline_id: UUID
    learner_id: UUID


def a_manifest(duration_ms: int, block_ms: int = 30_000) -> Manifest:
    """What packaging would have measured; no files stand behind it."""
    edges = [*range(0, duration_ms, block_ms), duration_ms]
    blocks = tuple(Block(index, *edge) for index, edge in enumerate(pairwise(edges)))
    return Manifest(
        version=1,
        duration_ms=duration_ms,
        start_offset_ms=0,
        width=640,
        height=360,
        blocks=blocks,
        renditions=(),
        audio=None,
        poster="poster.jpg",
        sprite="sprite.jpg",
        sprite_vtt="sprite.vtt",
        content_hash=f"{next(_count):064x}",
        files={},
        source_sha256="0" * 64,
    )


def some_questions(duration_ms: int, *, every_ms: int = 30_000) -> list[QuestionDraft]:
    """One question a stretch; the right options are RIGHT, whatever it asks."""
    return [
        QuestionDraft(
            start, min(start + every_ms, duration_ms), f"What was said at {start}?", (*RIGHT, *WRONG, "x"), (0, 1)
        )
        for start in range(0, duration_ms, every_ms)
    ]


def a_unit(
    session: Session,
    course_id: UUID,
    institution_id: UUID,
    *,
    duration_ms: int = 90_000,
    block_ms: int = 30_000,
    manifest: Manifest | None = None,
) -> UUID:
    """A published unit of a course, with a question for every 30 s; `manifest` when files matter."""
    manifest = manifest or a_manifest(duration_ms, block_ms)
    lesson = teaching.add_lesson(session, course_id=course_id, title="系挂安全带", acting=[institution_id])
    unit = catalogue.register_unit(
        session,
        lesson.id,
        lesson.title,
        manifest,
        [bytes([index % 256]) * 16 for index in range(len(manifest.blocks))],
        some_questions(manifest.duration_ms),
        sealing_key=SEALING_KEY,
        published_at=AT,
    )
    return unit.id


def some_pages(*credit_ms: int, reviewed_by: UUID, image: Image | None = None) -> list[page_units.Page]:
    """A page for each credit time."""
    return [
        page_units.Page(f"第{number}页", f"**要点** {number}", image, each_ms, reviewed_by, AT)
        for number, each_ms in enumerate(credit_ms, 1)
    ]


def a_readable(
    session: Session, *credit_ms: int, learner_id: UUID | None = None, image: Image | None = None
) -> Watchable:
    """A lesson of pages with these credit times, with a question for every 30 s, and a learner in its class."""
    place = a_watchable(session, learner_id=learner_id)
    lesson = teaching.add_lesson(session, course_id=place.course_id, title="临边防护", acting=[place.institution_id])
    unit = page_units.register_pages(
        session,
        lesson.id,
        lesson.title,
        some_pages(*credit_ms, reviewed_by=place.learner_id, image=image),
        some_questions(sum(credit_ms)),
        at=AT,
        published=True,
    )
    session.flush()
    return replace(place, unit_id=unit.id)


def a_watchable(
    session: Session,
    *,
    duration_ms: int = 90_000,
    block_ms: int = 30_000,
    learner_id: UUID | None = None,
    filed: bool = True,
) -> Watchable:
    """A lesson of `duration_ms`, and a learner (a new one by default) enrolled in a class that holds it."""
    number = next(_count)
    institution_id = an_institution(session).id
    outline = teaching.add_outline(
        session,
        code=f"T-{number}",
        name="高处作业",
        region="CN",
        version="1",
        effective_from=date(2026, 1, 1),
        items=[teaching.NewItem("1", "安全带", Kind.THEORY, 8)],
    )
    item = teaching.items_of(session, outline.id)[0]
    course = teaching.add_course(
        session, institution_id=institution_id, title="高处作业安全", at=AT, outline_item_id=item.id
    )
    unit_id = a_unit(session, course.id, institution_id, duration_ms=duration_ms, block_ms=block_ms)
    training_class = classes.open_class(
        session,
        institution_id=institution_id,
        outline_id=outline.id,
        class_no=f"C-{number}",
        title="六月班",
        starts_on=date(2026, 6, 1),
        at=AT,
    )
    if filed:
        classes.file_class(session, training_class.id, filing_no="F-1", filed_at=AT, acting=[institution_id], at=AT)
    learner_id = learner_id or an_account(session).person_id
    classes.enrol(session, training_class.id, [learner_id], acting=[institution_id], at=AT)
    session.flush()
    return Watchable(unit_id, training_class.id, course.id, institution_id, outline.id, learner_id)


@dataclass(frozen=True, slots=True)
class Over:
    """Flask's test client as a transport of the scripted player."""

    client: FlaskClient

    def __call__(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer:
        response = self.client.open(path, method=method, headers=dict(headers), data=body)
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers}, response.get_data())


def a_player(app: Flask, session: Session, learner_id: UUID, *, block_ms: int = 30_000) -> ScriptedPlayer:
    """A signed-in learner's browser on the application's clock, which a test must own."""
    client = app.test_client()
    callers.forget_last_request()  # another browser than the one before
    account = session.scalars(sa.select(Account).where(Account.person_id == learner_id)).one()
    clock = app.extensions["elearn"].clock
    assert isinstance(clock, ManualClock)
    player = ScriptedPlayer(Over(client), signed_in(client, session, account), wait=clock.advance)
    player.block_ms = block_ms
    return player


def an_open_player(app: Flask) -> ScriptedPlayer:
    """Somebody who has just opened a lesson of 90 s in an application with a database of its own."""
    with app.app_context():
        session = db.session()
        lesson = a_watchable(session)
        session.commit()
        player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert player.have_key()
    return player


def again_later(app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable, ms: int) -> ScriptedPlayer:
    """The same browser after so long: signed in anew, and the lesson opened anew."""
    player.wait(ms)
    later = a_player(app, session, lesson.learner_id)
    later.device = player.device
    later.open(lesson.unit_id)
    return later


def pass_check(player: ScriptedPlayer) -> dict[str, Any]:
    """Ask for the check and answer it right."""
    return player.answer(player.ask_check(), RIGHT)


def fail_check(player: ScriptedPlayer) -> dict[str, Any]:
    """Ask for the check and answer it wrong, twice and differently."""
    check = player.ask_check()
    player.answer(check, WRONG)
    return player.answer(check, [RIGHT[0]])
