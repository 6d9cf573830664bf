"""Pure: what an answer is worth, in thousandths of a point (milli-points), whole numbers only.

Nothing is worth less than 0 or more than the question's points; only a right answer is worth all of them. What a
partly right answer is worth, the test's policy says:

    NONE    nothing
    SHARE   multiple: no wrong option may be chosen, then the share of the right ones (错选不得分，漏选按比例给分);
            fill: the share of blanks filled rightly; ordering: the share of lines in their right place

The parts of a case share its points evenly, the remainder of the division goes to the first ones, a thousandth each.
Shares are rounded down.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from enum import StrEnum
from typing import cast

from elearn.courses.questions.kinds import (
    Answer,
    Blank,
    Case,
    Content,
    Fill,
    Multiple,
    Ordering,
    Simple,
    Single,
    TrueFalse,
    number,
)


class Partial(StrEnum):
    NONE = "none"
    SHARE = "share"


def mark(content: Content, answer: Answer, full_milli: int, partial: Partial) -> int:
    """Milli-points of `answer`; it has the form that `kinds.require_answer` asks for."""
    if answer is None:
        return 0
    if isinstance(content, Case):
        answers = cast(list[Answer], answer)
        shares = divided(full_milli, len(content.parts))
        return sum(
            mark(part, one, share, partial) for part, one, share in zip(content.parts, answers, shares, strict=True)
        )
    right, of = _right(content, answer)
    if right == of:
        return full_milli
    return 0 if partial is Partial.NONE else full_milli * right // of


def divided(full_milli: int, count: int) -> list[int]:
    """`full_milli` in `count` parts that differ by one at most and sum up to it."""
    whole, rest = divmod(full_milli, count)
    return [whole + (1 if place < rest else 0) for place in range(count)]


def _right(content: Simple, answer: Answer) -> tuple[int, int]:
    """(how much is right, of how much)."""
    if isinstance(content, TrueFalse | Single):
        return (1 if answer == content.correct else 0), 1
    assert isinstance(answer, list)
    if isinstance(content, Multiple):
        chosen, right = set(answer), set(content.correct)
        return (len(chosen) if chosen <= right else 0), len(right)
    if isinstance(content, Ordering):
        return sum(place == given for place, given in enumerate(answer)), len(content.lines)
    return sum(_fills(str(text), blank) for text, blank in zip(answer, content.blanks, strict=True)), len(
        content.blanks
    )


def _fills(text: str, blank: Blank) -> bool:
    """Case, width (ＡＢＣ and ABC) and spaces do not matter: on a phone they come as the keyboard likes."""
    said = _plain(text)  # empty fills nothing: no blank has an empty text (`kinds`)
    if any(said == _plain(one) for one in blank.texts):
        return True
    value = number(unicodedata.normalize("NFKC", text))
    if value is None:
        return False
    return any(_within(low, value, high) for low, high in blank.ranges)


def _within(low: str, value: Decimal, high: str) -> bool:
    first, last = number(low), number(high)
    return first is not None and last is not None and first <= value <= last


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def right_answer(content: Content) -> Answer:
    """An answer that is worth all points."""
    if isinstance(content, Case):
        return [right_answer(part) for part in content.parts]
    if isinstance(content, Multiple):
        return list(content.correct)
    if isinstance(content, Ordering):
        return list(range(len(content.lines)))
    if isinstance(content, Fill):
        return [_one_text(blank) for blank in content.blanks]
    return content.correct


def _one_text(blank: Blank) -> str:
    return blank.texts[0] if blank.texts else blank.ranges[0][0]
