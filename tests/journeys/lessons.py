"""Short lessons, really packaged and encrypted, without waiting for an encoder."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses import catalogue, teaching
from elearn.demo.example import questions
from elearn.settings import Settings
from media.manifest import read_keys, read_manifest
from media.package import package
from tests.media.sources import FAST, make, picture, tone


def package_short(place: Path, *, seconds: int) -> Path:
    """A lesson of `seconds` with moving pictures and a tone, packaged as every upload is; about a second of work."""
    source = make(place / f"source-{seconds}.mp4", *picture("320x180", seconds), *tone(seconds), *FAST)
    package(source, place / f"lesson-{seconds}")
    source.unlink()
    return place / f"lesson-{seconds}"


def offer_packaged(
    session: Session,
    settings: Settings,
    packaged: Path,
    *,
    course_id: UUID,
    title: str,
    acting: Collection[UUID],
    at: datetime,
) -> UUID:
    """Put a packaged lesson where lessons are served from, and offer it with the demonstration's questions."""
    manifest = read_manifest(packaged)
    place = settings.media_dir / manifest.content_hash
    if not place.exists():
        shutil.copytree(packaged, place)
    lesson = teaching.add_lesson(session, course_id=course_id, title=title, acting=acting)
    unit = catalogue.register_unit(
        session,
        lesson.id,
        title,
        manifest,
        read_keys(packaged, manifest),
        questions(manifest.duration_ms),
        sealing_key=settings.sealing_key,
        published_at=at,
    )
    return unit.id
