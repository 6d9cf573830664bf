"""A course as one zip. Times and order are fixed, so that equal courses are equal files."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue, describing, teaching
from elearn.courses.models import Lesson, Outline, OutlineItem, Subtitle, Unit, UnitBlock, UnitKind, UnitPage
from elearn.courses.transfer import contents
from elearn.errors import Conflict
from media.manifest import KEYS_FILE, MANIFEST_FILE

EPOCH = (1980, 1, 1, 0, 0, 0)
CHUNK = 1 << 20


def export(
    session: Session,
    course_id: UUID,
    target: IO[bytes],
    *,
    acting: Collection[UUID],
    media_dir: Path,
    sealing_key: bytes,
) -> contents.Package:
    """Write the package of a course into `target`. Raises NotFound, Conflict (files of a lesson are not there)."""
    course = teaching.own_course(session, course_id, acting)
    made = _Making(session, media_dir, sealing_key)
    lessons = session.scalars(sa.select(Lesson).where(Lesson.course_id == course_id).order_by(Lesson.position)).all()
    codes = dict(
        session.execute(
            sa.select(OutlineItem.id, OutlineItem.code).where(
                OutlineItem.id.in_([one.outline_item_id for one in lessons if one.outline_item_id])
            )
        ).all()
    )
    said = describing.particulars_of(course)
    package = contents.Package(
        format="elearn-course",
        version=1,
        course=contents.Course(
            title=course.title,
            summary=course.summary,
            centre=said.centre,
            level=said.level,
            audiences=tuple(sorted(said.audiences)),
            industries=tuple(sorted(said.industries)),
            textbook=said.textbook,
            textbook_url=said.textbook_url,
            needs_review=said.needs_review,
        ),
        outline=_outline(session, course.outline_item_id),
        lessons=tuple(
            contents.Lesson(one.title, codes.get(one.outline_item_id) if one.outline_item_id else None, made.unit(one))
            for one in lessons
        ),
        files=made.files,
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(contents.INDEX), contents.encode(package))
        for name in sorted(made.sources):
            source = made.sources[name]
            if isinstance(source, bytes):
                archive.writestr(_entry(name), source)
                continue
            with source.open("rb") as file, archive.open(_entry(name), "w", force_zip64=True) as entry:
                while piece := file.read(CHUNK):
                    entry.write(piece)
    return package


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = 0o644 << 16
    return entry


def _outline(session: Session, item_id: UUID | None) -> contents.Outline | None:
    row = session.execute(
        sa.select(Outline.code, Outline.region, Outline.version, OutlineItem.code)
        .join(OutlineItem, OutlineItem.outline_id == Outline.id)
        .where(OutlineItem.id == item_id)
    ).one_or_none()
    return None if row is None else contents.Outline(*row)


class _Making:
    """The files of a package as they are found, each named by what it holds."""

    def __init__(self, session: Session, media_dir: Path, sealing_key: bytes) -> None:
        self.session, self.media_dir, self.sealing_key = session, media_dir, sealing_key
        self.files: dict[str, contents.File] = {}
        self.sources: dict[str, bytes | Path] = {}

    def unit(self, lesson: Lesson) -> contents.Unit | None:
        """The offered version of a lesson, else its newest draft."""
        unit = self.session.scalars(
            sa.select(Unit)
            .where(Unit.lesson_id == lesson.id, Unit.retired_at.is_(None))
            .order_by(Unit.published_at.is_(None), Unit.version.desc())
            .limit(1)
        ).one_or_none()
        if unit is None:
            return None
        video = unit.kind is UnitKind.VIDEO
        if video:
            self._media(unit.content_hash)
        return contents.Unit(
            title=unit.title,
            kind=unit.kind.value,
            content_hash=unit.content_hash,
            keys=tuple(key.hex() for key in catalogue.block_keys(self.session, unit.id, self.sealing_key)),
            pages=() if video else self._pages(unit),
            questions=tuple(
                contents.Question(one.from_ms, one.to_ms, one.stem, _four(one.options), one.correct)
                for one in catalogue.questions_about(self.session, unit.id)
            ),
            subtitles=self._subtitles(unit),
        )

    def _media(self, content_hash: str) -> None:
        place = self.media_dir / content_hash
        found = sorted(path for path in place.rglob("*") if path.is_file() and path.name != KEYS_FILE)
        if place / MANIFEST_FILE not in found:
            raise Conflict("The files of a lesson are not here; the course cannot be exported.", code="no_files")
        for path in found:
            self._add(f"media/{content_hash}/{path.relative_to(place).as_posix()}", path)

    def _pages(self, unit: Unit) -> tuple[contents.Page, ...]:
        rows = self.session.execute(
            sa.select(UnitPage, UnitPage.image, UnitBlock.end_ms - UnitBlock.start_ms)
            .join(UnitBlock, (UnitBlock.unit_id == UnitPage.unit_id) & (UnitBlock.index == UnitPage.index))
            .where(UnitPage.unit_id == unit.id)
            .order_by(UnitPage.index)
        )
        pages = []
        for page, image, credit_ms in rows:
            digest = None
            if image is not None:
                digest = sha256(image).hexdigest()
                self._add(f"images/{digest}", bytes(image))
            pages.append(contents.Page(page.title, page.text, credit_ms, digest, page.image_type))
        return tuple(pages)

    def _subtitles(self, unit: Unit) -> tuple[contents.Subtitles, ...]:
        rows = self.session.execute(
            sa.select(Subtitle.language, Subtitle.sha256, Subtitle.text)
            .where(Subtitle.unit_id == unit.id, Subtitle.withdrawn_at.is_(None))
            .order_by(Subtitle.language)
        )
        found = []
        for row in rows:
            self._add(f"subtitles/{row.sha256}.vtt", row.text.encode())
            found.append(contents.Subtitles(row.language, row.sha256))
        return tuple(found)

    def _add(self, name: str, source: bytes | Path) -> None:
        if name in self.files:
            return
        if isinstance(source, bytes):
            self.files[name] = contents.File(sha256(source).hexdigest(), len(source))
        else:
            with source.open("rb") as file:
                self.files[name] = contents.File(file_digest(file, "sha256").hexdigest(), source.stat().st_size)
        self.sources[name] = source


def _four(options: tuple[str, ...]) -> tuple[str, str, str, str]:
    first, second, third, fourth = options
    return first, second, third, fourth
