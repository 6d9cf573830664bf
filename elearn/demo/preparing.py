"""What the demonstration does once its first page is there: its people, its neighbours, its lessons, and the walk.

Each start does what is missing, also where an older version of this program set up, or a start was cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from elearn import create_app
from elearn.courses.models import Unit
from elearn.db import db
from elearn.demo import admission
from elearn.demo.enterprise import set_up_enterprise
from elearn.demo.example import LONGER_S, SHORT_S, published, send_video, sent, set_up
from elearn.demo.kept import Example
from elearn.demo.neighbours import ExamSystem, Neighbours
from elearn.demo.told import Told
from elearn.demo.transport import HttpTransport, trusting
from elearn.demo.waiting import wait_until
from elearn.demo.walk import Walk
from elearn.settings import Settings

PACKAGING_S = 600


@contextmanager
def prepared(
    settings: Settings, neighbours: Neighbours, kept: Path, *, certificate: Path | None, walk_only: bool
) -> Iterator[bool]:
    """All of it, with the neighbours running while this lasts; False when the walk was gone and did not hold."""
    with create_app(settings).app_context():
        example = _set_up(settings, neighbours, kept)
        _say_sign_ins(example)
        with neighbours.running(example.client_id, example.client_secret, certificate=certificate) as exam:
            click.echo(f"witnesses: exam (beside the exam system) and regulator; exam system at {exam.url}")
            held = _walk_once(settings, neighbours, exam, example, kept)
            if not walk_only and len(example.unit_ids) < len(example.lesson_ids):
                unit = _packaged(settings, example.institution_id, example.lesson_ids[1], LONGER_S)
                example.unit_ids.append(str(unit.id))
                db.session.commit()
                example.save(kept)
            yield held


def _set_up(settings: Settings, neighbours: Neighbours, kept: Path) -> Example:
    """Everything but the lessons; and where to push to this time."""
    session, now = db.session(), datetime.now(UTC)
    example = Example.load(kept) or set_up(session, settings, now=now)
    example.base = neighbours.base
    admission.set_up_admission(session, settings, example, now=now)
    set_up_enterprise(session, settings, example, now=now)
    secret = admission.push_to(session, settings, example, f"{neighbours.exam_url}/push", now=now)
    if secret is not None:
        neighbours.tell_push_secret(secret)
    session.commit()
    example.save(kept)
    return example


def _walk_once(settings: Settings, neighbours: Neighbours, exam: ExamSystem, example: Example, kept: Path) -> bool:
    """Package and publish the short lesson and walk it, unless a start before did."""
    if example.small_unit_id:
        return True
    session, base = db.session(), neighbours.base
    unit = _packaged(settings, example.small_institution_id, example.small_lesson_id, SHORT_S)
    example.small_unit_id = str(unit.id)
    if not example.unit_ids:
        lesson_id = UUID(example.lesson_ids[0])
        again = admission.offer_again(session, settings, unit, lesson_id, now=datetime.now(UTC))
        example.unit_ids.append(str(again.id))
    session.commit()
    example.save(kept)
    walk = Walk(base, lambda: HttpTransport(base, context=trusting(base)), session, example, click.echo)
    held = walk.go(Told(walk, neighbours, exam).go)
    session.rollback()
    return held


def _packaged(settings: Settings, institution_id: str, lesson_id: str, seconds: int) -> Unit:
    """The recording as a lesson of so many seconds; flushes its publication, does not commit it.

    What an earlier start sent and did not see packaged is not sent again: its job goes on, or begins anew.
    """
    session = db.session()
    upload_id = sent(session, UUID(lesson_id)) or send_video(
        session, settings, UUID(lesson_id), seconds=seconds, now=datetime.now(UTC)
    )
    session.commit()

    def look() -> Unit | None:
        session.rollback()
        return published(session, UUID(institution_id), upload_id, now=datetime.now(UTC))

    unit = wait_until(look, seconds=PACKAGING_S, every_s=0.5)
    if unit is None:
        raise RuntimeError(f"packaging did not end within {PACKAGING_S} s")
    click.echo(f"packaged and published: {unit.duration_ms / 1000:.2f} s as encrypted HLS")
    return unit


def _say_sign_ins(example: Example) -> None:
    click.echo("sign-ins:")
    for one in example.sign_ins:
        click.echo(f"  {one.name:<10} {one.password:<12} {one.who}")
    click.echo(f"exam receiver: client {example.client_id}, secret in demo.json; doors described at")
    click.echo(f"  {example.base}/exam/v1/openapi.json")
