"""A course from a package: all of it, as drafts, or nothing.

Everything is looked at before anything is kept. Media is unpacked beside where it will be served from; then the rows
are written, and only when they stand are the directories renamed to their hashes, right before the caller commits.
What a crash leaves is swept as after an upload.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue, page_units, subtitles, teaching
from elearn.courses.describing import Particulars
from elearn.courses.models import Course, Lesson, Outline, OutlineItem, Unit, UnitKind
from elearn.courses.packaging import MAKING
from elearn.courses.transfer import contents, reading
from elearn.courses.transfer.reading import BadPackage, Opened, Video
from elearn.db import new_id
from elearn.errors import DomainError
from media.manifest import MANIFEST_FILE, PUBLIC, find_damage


@dataclass(frozen=True, slots=True)
class Imported:
    """The course that was made, and the directories that were placed for it (to take away when committing fails)."""

    course: Course
    lessons: int
    outline_known: bool
    """False: its outline is not here, so it teaches no item of one."""
    placed: tuple[Path, ...]


def import_course(
    session: Session,
    file: IO[bytes],
    *,
    institution_id: UUID,
    by: UUID,
    media_dir: Path,
    sealing_key: bytes,
    at: datetime,
) -> Imported:
    """Make a course of drafts from a package. Raises BadPackage saying which part and why; then nothing was kept."""
    room = media_dir / MAKING / str(new_id())
    placed: list[Path] = []
    try:
        with reading.opened(file) as package:
            videos = _unpacked(package, room)
            made, lessons, known = _Writing(session, package, videos, institution_id, by, sealing_key, at).course()
            for content_hash, video in videos.items():
                final = media_dir / content_hash
                if not final.exists():
                    os.rename(room / content_hash, final)
                    placed.append(final)
                elif find_damage(final, video.manifest):
                    raise BadPackage("%(part)s is here already, and damaged.", content_hash)
    except BaseException:
        take_away(placed)
        raise
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return Imported(made, lessons, known, tuple(placed))


def take_away(placed: Iterable[Path]) -> None:
    """The directories of an import that was not committed."""
    for place in placed:
        shutil.rmtree(place, ignore_errors=True)


def _unpacked(package: Opened, room: Path) -> dict[str, Video]:
    """Each video of the package by its hash: looked at, unpacked, and opened by its keys."""
    found: dict[str, Video] = {}
    used = {contents.INDEX}
    for lesson in package.package.lessons:
        unit = lesson.unit
        if unit is None:
            continue
        used |= {f"subtitles/{one.sha256}.vtt" for one in unit.subtitles}
        used |= {f"images/{page.image}" for page in unit.pages if page.image}
        if unit.kind != "video":
            continue
        video = reading.video(package, unit)
        place = f"media/{unit.content_hash}"
        used |= {f"{place}/{MANIFEST_FILE}", *(f"{place}/{PUBLIC}/{name}" for name in video.manifest.files)}
        if unit.content_hash not in found:
            target = room / unit.content_hash
            for name in video.manifest.files:
                package.unpack(f"{place}/{PUBLIC}/{name}", target / PUBLIC / name)
            (target / MANIFEST_FILE).write_bytes(video.manifest_raw)
            found[unit.content_hash] = video
        reading.require_keys_fit(video, room / unit.content_hash / PUBLIC)
    for name in sorted(set(package.package.files) - used):
        raise BadPackage("%(part)s belongs to no lesson of the package.", name)
    return found


@dataclass(slots=True)
class _Writing:
    """The rows of one import."""

    session: Session
    package: Opened
    videos: dict[str, Video]
    institution_id: UUID
    by: UUID
    sealing_key: bytes
    at: datetime

    def course(self) -> tuple[Course, int, bool]:
        said = self.package.package
        items = self._items(said.outline)
        item_id = items.get(said.outline.item) if said.outline else None
        try:
            course = teaching.add_course(
                self.session,
                institution_id=self.institution_id,
                title=said.course.title,
                summary=said.course.summary,
                outline_item_id=item_id,
                said=Particulars(
                    centre=said.course.centre,
                    level=said.course.level,
                    audiences=frozenset(said.course.audiences),
                    industries=frozenset(said.course.industries),
                    textbook=said.course.textbook,
                    textbook_url=said.course.textbook_url,
                    needs_review=said.course.needs_review,
                ),
                at=self.at,
            )
            for one in said.lessons:
                lesson = teaching.add_lesson(
                    self.session,
                    course_id=course.id,
                    title=one.title,
                    acting=[self.institution_id],
                    outline_item_id=items.get(one.item) if one.item and item_id else None,
                )
                if one.unit is not None:
                    self._unit(lesson, one.unit)
        except BadPackage:
            raise
        except DomainError as error:
            raise BadPackage("The course cannot be made: %(part)s", str(error)) from error
        return course, len(said.lessons), said.outline is None or item_id is not None

    def _unit(self, lesson: Lesson, unit: contents.Unit) -> None:
        if unit.kind != "video":
            self._pages(lesson, unit)
            return
        video = self.videos[unit.content_hash]
        made = catalogue.register_unit(
            self.session,
            lesson.id,
            unit.title,
            video.manifest,
            video.keys,
            reading.questions(unit, video.manifest.duration_ms),
            sealing_key=self.sealing_key,
            created_at=self.at,
        )
        for one in unit.subtitles:
            cues = reading.cues(self.package, one, made.duration_ms)
            kept = subtitles.keep(self.session, made, one.language, cues, by=self.by, at=self.at)
            if kept.sha256 != one.sha256:
                raise BadPackage("%(part)s is not written as this program writes it.", f"subtitles/{one.sha256}.vtt")

    def _pages(self, lesson: Lesson, unit: contents.Unit) -> None:
        pages = [
            page_units.Page(page.title, page.text, image, page.credit_ms, self.by, self.at)
            for page, image in reading.pages(self.package, unit)
        ]
        drafts = reading.questions(unit, sum(page.credit_ms for page in pages))
        made: Unit = page_units.register_pages(
            self.session, lesson.id, unit.title, pages, drafts, at=self.at, kind=UnitKind(unit.kind)
        )
        if made.content_hash != unit.content_hash:
            raise BadPackage("%(part)s: its pages are not those of its hash.", unit.title)

    def _items(self, outline: contents.Outline | None) -> dict[str, UUID]:
        """Code -> item of the outline that the package names, when it is here."""
        if outline is None:
            return {}
        rows = self.session.execute(
            sa.select(OutlineItem.code, OutlineItem.id)
            .join(Outline, Outline.id == OutlineItem.outline_id)
            .where(Outline.code == outline.code, Outline.region == outline.region, Outline.version == outline.version)
        )
        return {row.code: row.id for row in rows}
