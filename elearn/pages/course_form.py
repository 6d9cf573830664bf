"""What a manager says of a course: the fields of the two forms that make and change one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses import describing
from elearn.courses.centres import (
    AUDIENCES,
    CENTRES,
    CREDITS,
    INDUSTRIES,
    LEVELS,
    POLICIES,
    Audience,
    Centre,
    Industry,
    Level,
)
from elearn.courses.describing import Particulars
from elearn.courses.models import Course
from elearn.errors import DomainError, Malformed
from elearn.locale import gettext as _
from elearn.pages.forms import Form

Word = TypeVar("Word", bound=StrEnum)

FIELDS = {
    "audience": "audiences",
    "textbook": "textbook",
    "textbook_url": "textbook_url",
    "teacher": "teacher",
    "centre": "centre",
    "needs_review": "needs_review",
}
"""Code of a refusal -> the field beside which it is said."""


def filled(course: Course) -> Form:
    """The form as it stands for a course."""
    said = describing.particulars_of(course)
    values = {
        "title": course.title,
        "summary": course.summary,
        "centre": said.centre.value,
        "level": said.level.value if said.level else "",
        "teacher": str(said.teacher_id or ""),
        "textbook": said.textbook,
        "textbook_url": said.textbook_url,
        "needs_review": "yes" if said.needs_review else "",
    }
    lists = {"audiences": list(course.audiences), "industries": list(course.industries)}
    return Form(values, lists)


def particulars(form: Form) -> Particulars:
    """What was chosen. Raises Malformed: a value that no page of ours offers."""
    return Particulars(
        centre=_word(Centre, form["centre"]) or Centre.POSTS,
        level=_word(Level, form["level"]),
        audiences=frozenset(_words(Audience, form.all("audiences"))),
        industries=frozenset(_words(Industry, form.all("industries"))),
        teacher_id=form.id("teacher"),
        textbook=form["textbook"],
        textbook_url=form["textbook_url"],
        needs_review=form["needs_review"] == "yes",
    )


def blame(form: Form, error: DomainError) -> None:
    """Put a refusal beside the field it is about."""
    form.blame(error, FIELDS, "title")


def choices(session: Session, institution_id: UUID) -> dict[str, object]:
    """What the form offers, told in the caller's language."""
    return {
        "centres": [(centre.value, _(CENTRES[centre]), _(CREDITS[POLICIES[centre].credit])) for centre in Centre],
        "levels": told(LEVELS),
        "audiences": told(AUDIENCES),
        "industries": told(INDUSTRIES),
        "teachers": [(str(person_id), name) for person_id, name in describing.teachers_of(session, institution_id)],
    }


def told(words: Mapping[Word, str]) -> list[tuple[str, str]]:
    """Each word of a vocabulary with what it is called in the caller's language."""
    return [(one.value, _(text)) for one, text in words.items()]


def _word(words: type[Word], text: str) -> Word | None:
    found = _words(words, [text] if text else [])
    return found[0] if found else None


def _words(words: type[Word], texts: Iterable[str]) -> list[Word]:
    try:
        return [words(text) for text in texts]
    except ValueError as error:
        raise Malformed("This page is out of date. Load it again and repeat.") from error
