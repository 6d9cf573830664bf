"""Words for kinds, states and answers of questions, in the caller's language."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast
from uuid import UUID

from flask import url_for

from elearn.courses.questions.bank import State
from elearn.courses.questions.kinds import (
    Answer,
    Case,
    Content,
    Difficulty,
    Fill,
    Kind,
    Multiple,
    Ordering,
    Single,
    TrueFalse,
)
from elearn.courses.questions.marking import Partial
from elearn.locale import gettext as _


def kinds() -> dict[Kind, str]:
    return {
        Kind.SINGLE: _("Single choice"),
        Kind.MULTIPLE: _("Multiple choice"),
        Kind.TRUE_FALSE: _("True or false"),
        Kind.FILL: _("Fill in"),
        Kind.ORDERING: _("Put in order"),
        Kind.CASE: _("Case"),
    }


def difficulties() -> dict[Difficulty, str]:
    return {Difficulty.EASY: _("Easy"), Difficulty.MEDIUM: _("Medium"), Difficulty.HARD: _("Hard")}


def kind_choices() -> list[tuple[str, str]]:
    return [(kind.value, text) for kind, text in kinds().items()]


def difficulty_choices() -> list[tuple[str, str]]:
    """The middle first: it is what most questions are."""
    found = difficulties()
    return [(one.value, found[one]) for one in (Difficulty.MEDIUM, Difficulty.EASY, Difficulty.HARD)]


def states() -> dict[State, str]:
    return {
        State.DRAFT: _("Waits for review"),
        State.REVIEWED: _("Reviewed"),
        State.DUE: _("Yearly look due"),
        State.RETIRED: _("Retired"),
    }


def partials() -> dict[Partial, str]:
    return {
        Partial.NONE: _("Only a wholly right answer counts"),
        Partial.SHARE: _("Partly right counts by its share; a wrong option counts nothing"),
    }


def points(milli: int) -> str:
    """Points as people read them: 2, 2.5, 0.333."""
    whole, rest = divmod(milli, 1000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)


def image_url(institution_id: UUID) -> Callable[[str], str]:
    """Where a picture of that institution's bank is."""
    return lambda name: url_for("elearn.pages.bank_image", institution_id=institution_id, name=name)


def said(content: Content, answer: Answer) -> list[str]:
    """An answer in words, a line for each part of it."""
    if answer is None:
        return [_("not answered")]
    if isinstance(content, TrueFalse):
        return [_("true") if answer else _("false")]
    if isinstance(content, Single):
        assert isinstance(answer, int)
        return [content.options[answer].text or _("picture %(number)s", number=answer + 1)]
    assert isinstance(answer, list)
    if isinstance(content, Multiple):
        chosen = [content.options[place] for place in answer if isinstance(place, int)]
        return [one.text or _("a picture") for one in chosen] or [_("not answered")]
    if isinstance(content, Ordering):
        places = [place for place in answer if isinstance(place, int)]
        return [f"{rank}. {content.lines[place].text}" for rank, place in enumerate(places, start=1)]
    if isinstance(content, Fill):
        return [str(text) or "—" for text in answer]
    assert isinstance(content, Case)
    return [
        f"({rank}) {'；'.join(said(part, one))}"
        for rank, (part, one) in enumerate(zip(content.parts, cast(list[Answer], answer), strict=True), start=1)
    ]
