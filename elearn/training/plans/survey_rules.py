"""Surveys of training needs: what may be asked, what is an answer, whose numbers may be shown apart. Pure.

An anonymous survey shows no group of fewer than five, and none that could be had by taking what is shown from the
whole: groups that are too small are shown together, with the smallest of the others where they are still too few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from elearn.errors import Malformed

LEAST = 5
"""People in a group of an anonymous survey that is shown."""
SCALE = (1, 2, 3, 4, 5)
MAX_TITLE = 100
MAX_OPTION = 60
MAX_REPLY = 500
MOST_OPTIONS = 30
MOST_QUESTIONS = 20
LONGEST = timedelta(days=180)
MIXED = ""
"""The group of those whose kind is not shown apart."""


class QuestionKind(StrEnum):
    ONE = "one"
    """One of the options."""
    SEVERAL = "several"
    SCALE = "scale"
    """From 1 to 5."""
    TEXT = "text"
    """In own words."""

    @property
    def chooses(self) -> bool:
        return self in (QuestionKind.ONE, QuestionKind.SEVERAL)


class SurveyState(StrEnum):
    DRAFT = "draft"
    OPENING = "opening"
    """Thousands are written down one page after the other; nobody is told yet, and nobody answers."""
    OPEN = "open"
    CLOSED = "closed"


class Wrong(StrEnum):
    """What is wrong with the reply to one question."""

    NOT_OFFERED = "not_offered"
    """No page of ours sends it."""
    ONLY_ONE = "only_one"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Question:
    """A question as somebody writes it, or as one of the ready-made ones says it (by a word)."""

    kind: QuestionKind
    title: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody said to one question: numbers of options from 0 or a place on the scale, or words."""

    chosen: tuple[int, ...] = ()
    text: str = ""

    @property
    def said(self) -> bool:
        return bool(self.chosen or self.text)


def checked(kind: QuestionKind, title: str, options: Iterable[str]) -> Question:
    """The question in its one form. Raises Malformed `title`, `options`."""
    words = _line(title)
    if not 1 <= len(words) <= MAX_TITLE or not words.isprintable():
        raise Malformed("A question has 1 to 100 characters.", code="title")
    if not kind.chooses:
        return Question(kind, words)
    found = tuple(dict.fromkeys(filter(None, map(_line, options))))
    if not 2 <= len(found) <= MOST_OPTIONS or any(len(one) > MAX_OPTION or not one.isprintable() for one in found):
        raise Malformed("Give 2 to 30 different answers to choose from, each of at most 60 characters.", code="options")
    return Question(kind, words, found)


def check_days(year: int, ends_on: date | None, today: date) -> date:
    """The last day to answer. Raises Malformed `year`, `ends_on`."""
    if year not in (today.year, today.year + 1):
        raise Malformed("A survey is for this year's plan or the next one's.", code="year")
    if ends_on is None or not today <= ends_on <= today + LONGEST:
        raise Malformed("The last day is from today on, and within half a year.", code="ends_on")
    return ends_on


def standing(state: SurveyState, ends_on: date, today: date) -> SurveyState:
    """How it stands on a day: after its last day an open one takes no answers any more."""
    return SurveyState.CLOSED if state is SurveyState.OPEN and today > ends_on else state


def read(question: Question, sent: Sequence[str]) -> Reply | Wrong:
    """One reply out of what the form sent; an empty one is a reply that says nothing."""
    given = [one.strip() for one in sent if one.strip()]
    match question.kind:
        case QuestionKind.TEXT:
            words = " ".join(" ".join(given).split())
            if any(not letter.isprintable() for letter in words):
                return Wrong.NOT_OFFERED
            return Wrong.TOO_LONG if len(words) > MAX_REPLY else Reply(text=words)
        case QuestionKind.SCALE:
            offered = {str(place): place for place in SCALE}
        case _:
            offered = {str(number): number for number in range(len(question.options))}
    if any(one not in offered for one in given):
        return Wrong.NOT_OFFERED
    chosen = tuple(sorted({offered[one] for one in given}))
    if len(chosen) > 1 and question.kind is not QuestionKind.SEVERAL:
        return Wrong.ONLY_ONE
    return Reply(chosen)


def kept_kind(kind: str, asked: Mapping[str, int], *, anonymous: bool) -> str | None:
    """The employment kind that an answer carries: none where so few of it were asked that it would name somebody."""
    return None if anonymous and asked.get(kind, 0) < LEAST else kind


def results_are_shown(state: SurveyState, answers: int, *, anonymous: bool) -> bool:
    """Whether anybody sees counts: of an anonymous survey once it is over, so that nobody sees what one more answer
    changed, and never of fewer than five."""
    if state in (SurveyState.DRAFT, SurveyState.OPENING):
        return False
    return not anonymous or (state is SurveyState.CLOSED and answers >= LEAST)


def groups(sizes: Mapping[str, int], *, anonymous: bool) -> tuple[tuple[str, ...], ...]:
    """Which groups are shown apart, the largest first; several in one: they are shown together.

    What is `MIXED` already is never taken apart. One group alone is the whole.
    """
    there = {name: size for name, size in sizes.items() if size > 0}
    by_size = sorted(there, key=lambda name: (-there[name], name))
    least = LEAST if anonymous else 1
    apart = [name for name in by_size if name != MIXED and there[name] >= least]
    together = [name for name in by_size if name not in apart]
    while together and apart and sum(there[name] for name in together) < least:
        together.insert(0, apart.pop())
    return (*((name,) for name in apart), *((tuple(together),) if together else ()))


def add_up(counts: Mapping[str, int], together: Collection[str]) -> int:
    """Of a group."""
    return sum(counts.get(name, 0) for name in together)


def _line(text: str) -> str:
    return " ".join(text.split())
