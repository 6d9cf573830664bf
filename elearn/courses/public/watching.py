"""What anybody may watch: the courses that are open now, and the one question before every playlist and key.

Nothing here writes. Whoever watches is not asked who they are, so nothing can be kept about it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue, subtitles
from elearn.courses.models import Subtitle
from elearn.errors import NotFound
from media.errors import BadManifest
from media.manifest import Manifest

OFFERED = "u.kind = 'video' AND u.published_at IS NOT NULL AND u.retired_at IS NULL"
OPEN = "o.opened_at IS NOT NULL AND o.ended_at IS NULL"

IS_OPEN = sa.text(f"""
SELECT EXISTS (
    SELECT FROM elearn.unit u JOIN elearn.lesson l ON l.id = u.lesson_id
    JOIN elearn.course_opening o ON o.course_id = l.course_id AND {OPEN}
    WHERE u.id = :unit AND {OFFERED} AND NOT elearn.may_be_credited(l.course_id)
      AND NOT EXISTS (
          SELECT FROM elearn.unit v JOIN elearn.lesson m ON m.id = v.lesson_id
          WHERE v.content_hash = u.content_hash AND v.published_at IS NOT NULL
            AND elearn.may_be_credited(m.course_id)))
""")
"""Open, offered, and still credited nowhere: the guards of the database keep that, and the door asks again."""

LINES = """
SELECT c.id, c.title, c.summary, g.name AS institution, o.film, n.lessons, n.duration_ms, n.poster
FROM elearn.course_opening o
JOIN elearn.course c ON c.id = o.course_id
JOIN elearn.organisation g ON g.id = c.institution_id
JOIN LATERAL (
    SELECT count(*) AS lessons, sum(u.duration_ms)::bigint AS duration_ms,
           (array_agg(u.content_hash ORDER BY l.position))[1] AS poster
    FROM elearn.lesson l JOIN elearn.unit u ON u.lesson_id = l.id AND {OFFERED}
    WHERE l.course_id = c.id) n ON n.lessons > 0
WHERE {OPEN} AND {which}
"""

LESSONS = sa.text(f"""
SELECT u.id AS unit_id, l.title, u.duration_ms, u.content_hash
FROM elearn.lesson l JOIN elearn.unit u ON u.lesson_id = l.id AND {OFFERED}
WHERE l.course_id = :course ORDER BY l.position
""")

PAGE = 24


@dataclass(frozen=True, slots=True)
class Line:
    """An open course in a list."""

    id: UUID
    title: str
    summary: str
    institution: str
    film: bool
    lessons: int
    duration_ms: int
    poster: str
    """The content hash under which its picture lies."""


@dataclass(frozen=True, slots=True)
class Film:
    """A video of an open course."""

    unit_id: UUID
    title: str
    duration_ms: int
    content_hash: str


def courses(session: Session, *, film: bool, page: int = 1, size: int = PAGE) -> tuple[list[Line], bool]:
    """Open courses, or warning films, the newest first, and whether there are more: one query."""
    order = " ORDER BY o.opened_at DESC, o.id DESC LIMIT :most OFFSET :after"
    rows = session.execute(
        sa.text(LINES.format(OFFERED=OFFERED, OPEN=OPEN, which="o.film = :film") + order),
        {"film": film, "most": size + 1, "after": (max(1, page) - 1) * size},
    ).all()
    return [Line(*row) for row in rows[:size]], len(rows) > size


def courses_named(session: Session, ids: Collection[UUID]) -> dict[UUID, Line]:
    """Those of these courses that are open."""
    if not ids:
        return {}
    which = sa.text(LINES.format(OFFERED=OFFERED, OPEN=OPEN, which="c.id = ANY (:ids)"))
    return {row.id: Line(*row) for row in session.execute(which, {"ids": list(ids)})}


def course(session: Session, course_id: UUID) -> tuple[Line, list[Film]]:
    """An open course with its videos in order. Raises NotFound: closed, or never open."""
    line = courses_named(session, [course_id]).get(course_id)
    if line is None:
        raise NotFound("This course is not open to everybody.")
    return line, [Film(*row) for row in session.execute(LESSONS, {"course": course_id})]


def require_open(session: Session, unit_id: UUID) -> None:
    """Raises NotFound unless anybody may watch this unit now."""
    if not session.execute(IS_OPEN, {"unit": unit_id}).scalar_one():
        raise NotFound("There is no such file.")


def key_of(session: Session, unit_id: UUID, index: int, sealing_key: bytes) -> bytes:
    """The key of one block of an open unit. Raises NotFound."""
    require_open(session, unit_id)
    return catalogue.block_key(session, unit_id, index, sealing_key)


def manifest_of(session: Session, unit_id: UUID, media_dir: Path) -> Manifest:
    """The manifest of an open unit. Raises NotFound."""
    require_open(session, unit_id)
    try:
        return catalogue.manifest(catalogue.unit_facts(session, unit_id), media_dir)
    except BadManifest as error:
        raise NotFound("There is no such file.") from error


def subtitles_of(session: Session, subtitle_id: UUID) -> tuple[str, str]:
    """(WebVTT, ETag) of subtitles that are shown with an open unit. Raises NotFound."""
    found = session.get(Subtitle, subtitle_id)
    if found is None or found.withdrawn_at is not None:
        raise NotFound("There is no such file.")
    require_open(session, found.unit_id)
    return subtitles.written(session, found)
