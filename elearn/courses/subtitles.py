"""Subtitles of a video: one language, one version that is shown; a better text is the next version.

They are versioned beside the unit and not part of its content hash: that hash names what was watched and how long it
is, which hours rest on, and a corrected letter must not make a new lesson of it. What was shown when can still be told:
versions are kept, each with its hash, its maker and its time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue, teaching, unit_states, webvtt
from elearn.courses.models import Subtitle, Unit, UnitKind
from elearn.db import new_id
from elearn.errors import Malformed, NotFound

LANGUAGES = {
    "zh": "中文",
    "en": "English",
    "zh-Hant": "繁體中文",
    "bo": "བོད་སྐད",
    "ug": "ئۇيغۇرچە",
    "mn": "Монгол",
    "ii": "ꆈꌠꉙ",
}
"""BCP 47 -> its own name; those of the people who work here."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The subtitles of a unit in one language."""

    id: UUID
    language: str
    label: str
    version: int
    cues: int
    sha256: str
    made_at: datetime


def add(
    session: Session, unit_id: UUID, language: str, data: bytes, *, acting: Collection[UUID], by: UUID, at: datetime
) -> Subtitle:
    """Show these from now on in place of the version before; the same text again changes nothing.

    Raises webvtt.BadSubtitles, Malformed (another language, a unit of pages), NotFound, Conflict (in review).
    """
    unit = teaching.own_unit(session, unit_id, acting, lock=True)
    unit_states.require_changeable(session, unit)
    cues = read(unit, language, data)
    return keep(session, unit, language, cues, by=by, at=at)


def read(unit: Unit, language: str, data: bytes) -> tuple[webvtt.Cue, ...]:
    """The cues for a unit. Raises webvtt.BadSubtitles, Malformed."""
    if language not in LANGUAGES:
        raise Malformed("Choose the language of the subtitles.", code="language")
    if unit.kind is not UnitKind.VIDEO:
        raise Malformed("Only a video has subtitles.", code="kind")
    return webvtt.read(data, duration_ms=unit.duration_ms)


def keep(
    session: Session, unit: Unit, language: str, cues: tuple[webvtt.Cue, ...], *, by: UUID, at: datetime
) -> Subtitle:
    """The next version of a unit's subtitles in a language; the caller has locked the unit."""
    text = webvtt.write(cues)
    digest = sha256(text.encode()).hexdigest()
    before = session.scalars(
        sa.select(Subtitle)
        .where(Subtitle.unit_id == unit.id, Subtitle.language == language)
        .order_by(Subtitle.version.desc())
    ).first()
    if before is not None and before.withdrawn_at is None:
        if before.sha256 == digest:
            return before
        before.withdrawn_at = at
        session.flush()
    made = Subtitle(
        id=new_id(),
        unit_id=unit.id,
        language=language,
        version=1 if before is None else before.version + 1,
        text=text,
        words=webvtt.words(cues),
        cues=len(cues),
        sha256=digest,
        made_by=by,
        made_at=at,
    )
    session.add(made)
    session.flush()
    return made


def withdraw(session: Session, subtitle_id: UUID, *, acting: Collection[UUID], at: datetime) -> UUID:
    """Show them no more; answers the unit. Raises NotFound, Conflict (in review)."""
    found = session.get(Subtitle, subtitle_id)
    if found is None:
        raise NotFound("There are no such subtitles.")
    unit = teaching.own_unit(session, found.unit_id, acting, lock=True)
    unit_states.require_changeable(session, unit)
    if found.withdrawn_at is None:
        found.withdrawn_at = at
        session.flush()
    return unit.id


def shown(session: Session, unit_id: UUID, *, first: str = "zh") -> list[Shown]:
    """What the player offers, the language `first` before the others."""
    return shown_of(session, [unit_id], first=first).get(unit_id, [])


def shown_of(session: Session, unit_ids: Collection[UUID], *, first: str = "zh") -> dict[UUID, list[Shown]]:
    """The same of several units: one query."""
    found: dict[UUID, list[Shown]] = {}
    for row in session.execute(
        sa.select(
            Subtitle.id, Subtitle.language, Subtitle.version, Subtitle.cues, Subtitle.sha256, Subtitle.made_at,
            Subtitle.unit_id,
        )
        .where(Subtitle.unit_id.in_(unit_ids), Subtitle.withdrawn_at.is_(None))
        .order_by((Subtitle.language == first).desc(), Subtitle.language)
    ):  # fmt: skip
        label = LANGUAGES.get(row.language, row.language)
        line = Shown(row.id, row.language, label, row.version, row.cues, row.sha256, row.made_at)
        found.setdefault(row.unit_id, []).append(line)
    return found


def file_for(session: Session, subtitle_id: UUID, person_id: UUID, teaches: Collection[UUID]) -> tuple[str, str]:
    """(WebVTT, ETag) for whoever may study the unit, or teaches it. Raises NotFound."""
    found = session.get(Subtitle, subtitle_id)
    if found is None:
        raise NotFound("There is no such file.")
    facts = catalogue.unit_facts(session, found.unit_id)
    if facts.institution_id not in teaches and catalogue.may_study(session, person_id, found.unit_id) is None:
        raise NotFound("There is no such file.")
    return written(session, found)


def written(session: Session, found: Subtitle) -> tuple[str, str]:
    """(WebVTT, ETag), its times where the player's clock has them."""
    facts = catalogue.unit_facts(session, found.unit_id)
    if facts.start_offset_ms == 0:
        return found.text, found.sha256
    cues = webvtt.read(found.text.encode(), duration_ms=facts.duration_ms)
    return webvtt.write(cues, shift_ms=facts.start_offset_ms), found.sha256
