"""Pure: the question pool of a unit. May a question be asked, does a pool cover a unit.

A presence check asks about the last minutes watched, so publishing needs a pool that covers every five minutes
of the unit (DESIGN 3.6). A question has four options of which any subset but the empty one is right: fifteen
possible answers (MODEL 3.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from elearn.errors import Malformed

WINDOW_MS = 5 * 60_000
TAIL_MS = 60_000
"""A rest shorter than this at the end belongs to the five minutes before it."""
OPTIONS = 4
MAX_STEM = 500
MAX_OPTION = 200


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """A question about [from_ms, to_ms). `correct` holds places in `options`, 0 to 3."""

    from_ms: int
    to_ms: int
    stem: str
    options: tuple[str, ...]
    correct: tuple[int, ...]


class About(Protocol):
    """Whatever is about a stretch of media: a draft, a question's facts."""

    @property
    def from_ms(self) -> int: ...

    @property
    def to_ms(self) -> int: ...


def windows(duration_ms: int) -> tuple[tuple[int, int], ...]:
    """The stretches of five minutes that make up a unit; the last one is 1 to 6 minutes, or the whole unit."""
    count = max(1, (duration_ms + WINDOW_MS - TAIL_MS) // WINDOW_MS)
    ends = [*(WINDOW_MS * number for number in range(1, count)), duration_ms]
    return tuple(zip([0, *ends], ends, strict=False))


def uncovered(duration_ms: int, questions: Iterable[About]) -> tuple[tuple[int, int], ...]:
    """The windows about which nothing can be asked when they have just been watched.

    A question can be asked from where its stretch ends, so it covers the window that holds its last moment. One
    about more than a window's length says nothing of the last minutes and covers none.
    """
    asked_at = [one.to_ms for one in questions if one.to_ms - one.from_ms <= WINDOW_MS + TAIL_MS]
    return tuple(
        (start, end) for start, end in windows(duration_ms) if not any(start < moment <= end for moment in asked_at)
    )


def problem_of(draft: QuestionDraft, duration_ms: int) -> str | None:
    """Why this question cannot be asked about a unit of that length: a sentence (message id), or None."""
    texts = [option.strip() for option in draft.options]
    if not draft.stem.strip() or len(draft.stem) > MAX_STEM:
        return "The question needs a text of at most 500 characters."
    if len(texts) != OPTIONS or not all(texts) or any(len(text) > MAX_OPTION for text in texts):
        return "A question has exactly four options, each of 1 to 200 characters."
    if len(set(texts)) != OPTIONS:
        return "Two options are the same."
    if not draft.correct or len(set(draft.correct)) != len(draft.correct) or not set(draft.correct) <= {0, 1, 2, 3}:
        return "At least one of the four options must be right."
    if not 0 <= draft.from_ms < draft.to_ms <= duration_ms:
        return "The question must be about a part of the video."
    return None


def require_sound(draft: QuestionDraft, duration_ms: int) -> None:
    """Raises Malformed when `problem_of` finds something."""
    problem = problem_of(draft, duration_ms)
    if problem is not None:
        raise Malformed(problem, code="bad_question")
