"""The catalogue: courses that are offered, or an institution's own, by words, centre, grade and industry.

Chinese is written without spaces, so words are looked for as signs: the database keeps each text's signs and pairs of
signs in an inverted index (`elearn.search_words`, migration 0026), a search asks for the pairs of its words, and what
the index proposes is compared letter by letter. So a search finds exactly the texts that hold its words, whatever the
language and however short the word. Trigrams cannot: most Chinese words are two signs (bench/catalogue.py measures).

A page goes on after the last line of the one before it, never by a count, so it costs the same at the end of the list.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms, to_ms
from elearn.courses.centres import Audience, Centre, Industry, Level
from elearn.courses.models import COURSE_WORDS, PAGE_WORDS
from elearn.errors import Malformed, NotFound

AT_ONCE = 24
MAX_WORDS = 6
"""More words than these are looked for together as if they were not there: nobody types them."""
LONGEST = 40
"""Signs of one word."""

OFFERED = "u.published_at IS NOT NULL AND u.retired_at IS NULL"

LINES = """
SELECT c.id, c.title, c.summary, c.centre, c.level, c.audiences, c.industries, g.name AS institution,
       o.name AS outline, i.name AS item, i.required_hours, coalesce(n.lessons, 0) AS lessons,
       coalesce(n.duration_ms, 0)::bigint AS duration_ms, n.poster, p.rank, p.created_at
FROM page p
JOIN elearn.course c ON c.id = p.id
JOIN elearn.organisation g ON g.id = c.institution_id
LEFT JOIN elearn.outline_item i ON i.id = c.outline_item_id
LEFT JOIN elearn.outline o ON o.id = i.outline_id
LEFT JOIN LATERAL (
    SELECT count(*) AS lessons, sum(u.duration_ms) FILTER (WHERE u.kind <> 'practice') AS duration_ms,
           (array_agg(u.content_hash ORDER BY l.position) FILTER (WHERE u.kind = 'video'))[1] AS poster
    FROM elearn.lesson l JOIN elearn.unit u ON u.lesson_id = l.id AND {OFFERED}
    WHERE l.course_id = c.id) n ON true
ORDER BY p.rank DESC, p.created_at DESC, p.id DESC
""".replace("{OFFERED}", OFFERED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; nothing named means every course that is offered."""

    words: str = ""
    centre: Centre | None = None
    level: Level | None = None
    audience: Audience | None = None
    industry: Industry | None = None
    """A course of no industry in particular is of each."""
    own: frozenset[UUID] | None = None
    """Only courses of these institutions, drafts too; None: whatever is offered."""


@dataclass(frozen=True, slots=True)
class Line:
    """A course in the catalogue."""

    id: UUID
    title: str
    summary: str
    centre: Centre
    level: Level | None
    audiences: tuple[Audience, ...]
    industries: tuple[Industry, ...]
    institution: str
    outline: str | None
    item: str | None
    required_hours: int | None
    lessons: int
    """Offered ones; so is `duration_ms`."""
    duration_ms: int
    poster: str | None
    """Content hash of the first video, for its picture."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of the catalogue."""

    lines: tuple[Line, ...]
    after: str | None
    """What to ask on with; None: this was the end."""


@dataclass(frozen=True, slots=True)
class OfferedLesson:
    title: str
    item: str | None
    kind: str
    duration_ms: int
    unit_id: UUID


@dataclass(frozen=True, slots=True)
class Card:
    """A course as whoever found it sees it."""

    line: Line
    textbook: str
    textbook_url: str | None
    teacher: str | None
    lessons: tuple[OfferedLesson, ...]
    enrolled: bool
    """The reader is in a class in which this course is studied."""


@dataclass(slots=True)
class _Query:
    """Conditions with the values they name."""

    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, condition: str, **values: object) -> None:
        self.conditions.append(condition)
        self.values |= values


def words_of(text: str) -> list[str]:
    """Pure: the words of a search, folded as the database folds: wide letters narrow, capitals small."""
    found = unicodedata.normalize("NFKC", text).lower().split()
    return list(dict.fromkeys(word[:LONGEST] for word in found))[:MAX_WORDS]


def keys_of(word: str) -> list[str]:
    """Pure: what the index is asked for about a word: its pairs of signs, or its only sign."""
    return [word] if len(word) == 1 else sorted({word[at : at + 2] for at in range(len(word) - 1)})


def find(session: Session, wanted: Wanted, *, after: str | None = None, at_once: int = AT_ONCE) -> Found:
    """One page, courses whose titles hold all words first, then the newest: one query. Raises Malformed (`after`)."""
    words = words_of(wanted.words)
    query = _Query(values={"limit": at_once + 1})
    _filter(query, wanted)
    for number, word in enumerate(words):
        query.add(
            f"c.id IN ({_holding(number, word, offered=wanted.own is None)})",
            **{f"keys{number}": keys_of(word), f"like{number}": _like(word)},
        )
    in_title = " AND ".join(f"elearn.folded(c.title) LIKE :like{number}" for number in range(len(words)))
    rank = f"({in_title or 'true'})::int"
    if after is not None:
        query.add(f"({rank}, c.created_at, c.id) < (:rank, :at, :id)", **_opened(after))
    page = f"""
        WITH page AS (
            SELECT c.id, c.created_at, {rank} AS rank FROM elearn.course c
            WHERE {" AND ".join(query.conditions) or "true"}
            ORDER BY 3 DESC, c.created_at DESC, c.id DESC LIMIT :limit)"""
    rows = session.execute(sa.text(page + LINES), query.values).all()
    more = len(rows) > at_once
    last = rows[at_once - 1] if more else None
    return Found(
        tuple(_line(row) for row in rows[:at_once]),
        _closed(last.rank, last.created_at, last.id) if last is not None else None,
    )


def card(session: Session, course_id: UUID, *, person_id: UUID, own: Collection[UUID] = ()) -> Card:
    """An offered course, or one of `own`, with its lessons: two queries. Raises NotFound."""
    values: dict[str, Any] = {"id": course_id, "own": list(own), "person": person_id}
    row = session.execute(
        sa.text(
            f"""
            WITH page AS (SELECT id, created_at, 1 AS rank FROM elearn.course WHERE id = :id)
            SELECT x.*, c.textbook, c.textbook_url, t.name AS teacher, c.institution_id = ANY (:own) AS mine,
                   EXISTS (SELECT FROM elearn.enrolment e
                           JOIN elearn.training_class k ON k.id = e.class_id AND k.institution_id = c.institution_id
                           JOIN elearn.outline_item ci ON ci.id = c.outline_item_id AND ci.outline_id = k.outline_id
                           WHERE e.person_id = :person AND e.withdrawn_at IS NULL)
                   OR EXISTS (SELECT FROM elearn.class_course o JOIN elearn.enrolment e ON e.class_id = o.class_id
                              WHERE o.course_id = c.id AND e.person_id = :person AND e.withdrawn_at IS NULL) AS enrolled
            FROM ({LINES}) x JOIN elearn.course c ON c.id = x.id
            LEFT JOIN elearn.person t ON t.id = c.teacher_id AND t.erased_at IS NULL
            """
        ),
        values,
    ).one_or_none()
    if row is None or not (row.lessons or row.mine):
        raise NotFound("There is no such course.")
    lessons = session.execute(
        sa.text(
            f"""
            SELECT l.title, i.name AS item, u.kind, u.duration_ms, u.id AS unit_id
            FROM elearn.lesson l JOIN elearn.unit u ON u.lesson_id = l.id AND {OFFERED}
            LEFT JOIN elearn.outline_item i ON i.id = l.outline_item_id
            WHERE l.course_id = :id ORDER BY l.position
            """
        ),
        {"id": course_id},
    )
    return Card(
        _line(row),
        row.textbook,
        row.textbook_url,
        row.teacher or None,
        tuple(OfferedLesson(**each._mapping) for each in lessons),
        row.enrolled,
    )


def _filter(query: _Query, wanted: Wanted) -> None:
    if wanted.own is None:
        query.add(
            f"EXISTS (SELECT FROM elearn.lesson l JOIN elearn.unit u ON u.lesson_id = l.id AND {OFFERED} "
            "WHERE l.course_id = c.id)"
        )
    else:
        query.add("c.institution_id = ANY (:own)", own=list(wanted.own))
    if wanted.centre is not None:
        query.add("c.centre = :centre", centre=wanted.centre.value)
    if wanted.level is not None:
        query.add("c.level = :level", level=wanted.level.value)
    if wanted.audience is not None:
        query.add("CAST(:audience AS text) = ANY (c.audiences)", audience=wanted.audience.value)
    if wanted.industry is not None:
        query.add(
            "(c.industries = '{}' OR CAST(:industry AS text) = ANY (c.industries))", industry=wanted.industry.value
        )


def held(text: str, number: int, word: str) -> str:
    """The condition that an SQL expression holds a word, given as `:keys<number>` and `:like<number>`.

    The index knows each sign and pair exactly; of a longer word it knows only that all pairs are there somewhere.
    """
    by_index = f"elearn.search_words({text}) @> CAST(:keys{number} AS text[])"
    return by_index if len(word) <= 2 else f"{by_index} AND elearn.folded({text}) LIKE :like{number}"


def _holding(number: int, word: str, *, offered: bool) -> str:
    """The courses that hold a word: in what they say of themselves, in titles of lessons, on pages, in subtitles."""
    of_lesson = f"JOIN elearn.unit u ON u.lesson_id = l.id AND {OFFERED}" if offered else ""
    return f"""
        SELECT id FROM elearn.course WHERE {held(COURSE_WORDS, number, word)}
        UNION SELECT l.course_id FROM elearn.lesson l {of_lesson} WHERE {held("l.title", number, word)}
        UNION SELECT l.course_id
        FROM (SELECT unit_id FROM elearn.unit_page WHERE {held(PAGE_WORDS, number, word)}) g
        JOIN elearn.unit u ON u.id = g.unit_id AND {OFFERED}
        JOIN elearn.lesson l ON l.id = u.lesson_id
        UNION SELECT l.course_id
        FROM (SELECT unit_id FROM elearn.subtitle WHERE withdrawn_at IS NULL AND {held("words", number, word)}) s
        JOIN elearn.unit u ON u.id = s.unit_id AND {OFFERED}
        JOIN elearn.lesson l ON l.id = u.lesson_id"""


def _like(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _line(row: Any) -> Line:
    return Line(
        id=row.id,
        title=row.title,
        summary=row.summary,
        centre=Centre(row.centre),
        level=None if row.level is None else Level(row.level),
        audiences=tuple(Audience(one) for one in row.audiences),
        industries=tuple(Industry(one) for one in row.industries),
        institution=row.institution,
        outline=row.outline,
        item=row.item,
        required_hours=row.required_hours,
        lessons=row.lessons,
        duration_ms=row.duration_ms,
        poster=row.poster,
    )


def _closed(rank: int, at: datetime, id_: UUID) -> str:
    """A place in the list as text for an address. Microseconds: two courses may be made in one millisecond."""
    told = msgspec.json.encode([rank, to_ms(at), at.microsecond % 1000, id_.hex])
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def _opened(after: str) -> dict[str, object]:
    try:
        raw = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4))
        rank, ms, us, hex_ = msgspec.json.decode(raw, type=tuple[int, int, int, str])
        at = from_ms(ms)
        return {"rank": rank, "at": at.replace(microsecond=at.microsecond + us), "id": UUID(hex_)}
    except (binascii.Error, msgspec.MsgspecError, ValueError, OverflowError, UnicodeError) as error:
        raise Malformed("This page is out of date. Load it again and repeat.", code="after") from error
