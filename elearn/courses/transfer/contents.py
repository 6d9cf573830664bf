"""Pure: what a package says of its course (`course.json`), typed strictly."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from elearn.courses.centres import Audience, Centre, Industry, Level

VERSION = 1
INDEX = "course.json"
NAME = re.compile(
    r"media/[0-9a-f]{64}/(?:manifest\.json|public/[0-9A-Za-z_-]+(?:\.[0-9a-z]+)?(?:/[0-9A-Za-z_-]+(?:\.[0-9a-z]+)?)*)"
    r"|images/[0-9a-f]{64}|subtitles/[0-9a-f]{64}\.vtt"
)
"""Every name a package may hold beside `course.json`; none leads anywhere else."""

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not known is not passed over."""


class File(Strict, frozen=True):
    sha256: Sha256
    bytes: Count


class Question(Strict, frozen=True):
    from_ms: Count
    to_ms: Count
    stem: str
    options: tuple[str, str, str, str]
    correct: tuple[int, ...]


class Page(Strict, frozen=True):
    title: str
    text: str
    credit_ms: Count
    image: Sha256 | None
    image_type: str | None


class Subtitles(Strict, frozen=True):
    language: str
    sha256: Sha256


class Unit(Strict, frozen=True):
    """The version that travels: the offered one, else the newest draft. It arrives as a draft."""

    title: Line
    kind: Literal["video", "pages", "case", "practice"]
    content_hash: Sha256
    keys: tuple[Key, ...]
    """Of the blocks of a video: who holds the package holds the lesson."""
    pages: tuple[Page, ...]
    questions: tuple[Question, ...]
    subtitles: tuple[Subtitles, ...]


class Lesson(Strict, frozen=True):
    title: Line
    item: str | None
    """Code in the outline, when another than the course's."""
    unit: Unit | None


class Outline(Strict, frozen=True):
    """Which item of which outline it teaches; an installation that has it not makes a course without."""

    code: str
    region: str
    version: str
    item: str


class Course(Strict, frozen=True):
    title: Line
    summary: Annotated[str, msgspec.Meta(max_length=5000)]
    centre: Centre
    level: Level | None
    audiences: tuple[Audience, ...]
    industries: tuple[Industry, ...]
    textbook: str
    textbook_url: str
    needs_review: bool


class Package(Strict, frozen=True):
    format: Literal["elearn-course"]
    version: Literal[1]
    course: Course
    outline: Outline | None
    lessons: Annotated[tuple[Lesson, ...], msgspec.Meta(max_length=500)]
    files: Annotated[dict[str, File], msgspec.Meta(max_length=100_000)]


def encode(package: Package) -> bytes:
    """The same package is the same bytes."""
    return msgspec.json.format(msgspec.json.encode(package, order="deterministic"), indent=1) + b"\n"
