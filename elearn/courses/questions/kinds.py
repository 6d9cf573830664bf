"""Pure: what a question may be. Six kinds, each with what is shown and what is right.

    single     one option of 2 to 10 is right
    multiple   any subset but the empty one is right
    truefalse  a statement that holds or not
    fill       one or more blanks, each with the texts (or the numbers from..to) that fill it
    ordering   2 to 10 lines, written in their right order
    case       a material and 1 to 20 questions about it, of the kinds above

An answer is what JSON carries: a place (single), places (multiple), true or false, texts (fill), places in the order
given (ordering), one answer for each part (case). None: not answered. Places are those of the stored question here;
what a learner sees is shuffled (`showing`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeAlias, cast

import msgspec

from elearn.errors import Malformed

MAX_STEM = 4000
MAX_OPTION = 1000
MAX_EXPLANATION = 4000
MOST_OPTIONS = 10
MOST_BLANKS = 10
MOST_PARTS = 20
MAX_TEXT_ANSWER = 500
MAX_NUMBER = 100
"""Characters of a number, and more than its digits before or after the point can be."""


class Kind(StrEnum):
    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUE_FALSE = "truefalse"
    FILL = "fill"
    ORDERING = "ordering"
    CASE = "case"


class Difficulty(StrEnum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class Option(msgspec.Struct, frozen=True, omit_defaults=True):
    text: str
    image: str | None = None
    """SHA-256 of a picture in the bank."""


class Blank(msgspec.Struct, frozen=True, omit_defaults=True):
    """What fills one blank: any of these texts, or any number within one of these ranges (decimal texts)."""

    texts: tuple[str, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()


class _Asked(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    stem: str
    image: str | None = None
    explanation: str = ""


class Single(_Asked, frozen=True, omit_defaults=True, kw_only=True, tag=Kind.SINGLE.value):
    options: tuple[Option, ...]
    correct: int


class Multiple(_Asked, frozen=True, omit_defaults=True, kw_only=True, tag=Kind.MULTIPLE.value):
    options: tuple[Option, ...]
    correct: tuple[int, ...]
    """Ascending places."""


class TrueFalse(_Asked, frozen=True, omit_defaults=True, kw_only=True, tag=Kind.TRUE_FALSE.value):
    correct: bool


class Fill(_Asked, frozen=True, omit_defaults=True, kw_only=True, tag=Kind.FILL.value):
    blanks: tuple[Blank, ...]


class Ordering(_Asked, frozen=True, omit_defaults=True, kw_only=True, tag=Kind.ORDERING.value):
    lines: tuple[Option, ...]


Simple: TypeAlias = Single | Multiple | TrueFalse | Fill | Ordering


class Case(_Asked, frozen=True, omit_defaults=True, kw_only=True, tag=Kind.CASE.value):
    parts: tuple[Simple, ...]


Content: TypeAlias = Single | Multiple | TrueFalse | Fill | Ordering | Case
Answer: TypeAlias = "int | bool | list[int] | list[str] | list[Answer] | None"

_decoder: msgspec.json.Decoder[Content] = msgspec.json.Decoder(Content)
_KINDS = {
    Single: Kind.SINGLE,
    Multiple: Kind.MULTIPLE,
    TrueFalse: Kind.TRUE_FALSE,
    Fill: Kind.FILL,
    Ordering: Kind.ORDERING,
    Case: Kind.CASE,
}


def kind_of(content: Content) -> Kind:
    return _KINDS[type(content)]


def as_json(content: Content) -> str:
    """The text that the database keeps."""
    return msgspec.json.encode(content, order="deterministic").decode()


def from_json(text: str | bytes) -> Content:
    """Raises Malformed."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Malformed("The question does not have the form that it needs.", code="bad_question") from error


def digest(content: Content) -> str:
    """SHA-256 of all that makes the question: the same question twice has it twice."""
    return hashlib.sha256(as_json(content).encode()).hexdigest()


def parts_of(content: Content) -> tuple[Simple, ...]:
    """The questions that are asked: those of a case, or the one itself."""
    return content.parts if isinstance(content, Case) else (content,)


def images_of(content: Content) -> Iterator[str]:
    """The hashes of all pictures a question shows."""
    for one in (content, *content.parts) if isinstance(content, Case) else (content,):
        if one.image:
            yield one.image
        for option in lines_of(one):
            if option.image:
                yield option.image


def lines_of(content: Content) -> tuple[Option, ...]:
    """The options, or the lines of an ordering question; none of the other kinds."""
    if isinstance(content, Single | Multiple):
        return content.options
    return content.lines if isinstance(content, Ordering) else ()


def problem_of(content: Content) -> str | None:
    """Why this cannot be asked: a sentence (message id), or None."""
    if not content.stem.strip() or len(content.stem) > MAX_STEM:
        return "A question needs a text of at most 4000 characters."
    if len(content.explanation) > MAX_EXPLANATION:
        return "An explanation has at most 4000 characters."
    if isinstance(content, Case):
        if not 1 <= len(content.parts) <= MOST_PARTS:
            return "A case has 1 to 20 questions."
        return next((problem for part in content.parts if (problem := problem_of(part))), None)
    if isinstance(content, Single | Multiple):
        return _problem_of_lines(content.options) or _problem_of_key(content)
    if isinstance(content, Ordering):
        return _problem_of_lines(content.lines)
    return _problem_of_blanks(content.blanks) if isinstance(content, Fill) else None


def _problem_of_lines(lines: Sequence[Option]) -> str | None:
    if not 2 <= len(lines) <= MOST_OPTIONS:
        return "A question has 2 to 10 options."
    if any((not one.text.strip() and not one.image) or len(one.text) > MAX_OPTION for one in lines):
        return "An option has 1 to 1000 characters, or a picture."
    if len({(one.text.strip(), one.image) for one in lines}) != len(lines):
        return "Two options are the same."
    return None


def _problem_of_key(content: Single | Multiple) -> str | None:
    places = (content.correct,) if isinstance(content, Single) else content.correct
    if not places:
        return "At least one option must be right."
    if list(places) != sorted(set(places)) or not set(places) <= set(range(len(content.options))):
        return "The answer names an option that does not exist."
    return None


def _problem_of_blanks(blanks: Sequence[Blank]) -> str | None:
    if not 1 <= len(blanks) <= MOST_BLANKS:
        return "A question has 1 to 10 blanks."
    for blank in blanks:
        if not blank.texts and not blank.ranges:
            return "Each blank needs at least one right text."
        if any(not text.strip() or len(text) > MAX_TEXT_ANSWER for text in blank.texts):
            return "The text of a blank has 1 to 500 characters."
        for low, high in blank.ranges:
            first, last = number(low), number(high)
            if first is None or last is None or first > last:
                return "A range of numbers goes from a number to one that is not smaller."
    return None


def number(text: str) -> Decimal | None:
    """The number that somebody wrote, or None; full-width digits and a decimal comma are taken.

    None also when it is longer than anybody writes: `1e999999999` would be written out as a gigabyte of zeros.
    """
    clean = text.strip().replace("，", ".").replace(",", ".").replace("．", ".").replace("－", "-")
    if len(clean) > MAX_NUMBER:
        return None
    try:
        found = Decimal(clean)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < MAX_NUMBER else None


def require_answer(content: Content, raw: object) -> Answer:
    """`raw`, when it has the form of an answer to `content`; None stands for no answer. Raises Malformed."""
    if not _fits(content, raw):
        raise Malformed("This is not an answer to that question.", code="bad_answer")
    return cast(Answer, raw)


def _fits(content: Content, raw: object) -> bool:
    if raw is None:
        return True
    if isinstance(content, TrueFalse):
        return isinstance(raw, bool)
    if isinstance(content, Single):
        return _is_place(raw, len(content.options))
    if not isinstance(raw, list):
        return False
    if isinstance(content, Multiple):
        return _are_places(raw, len(content.options))
    if isinstance(content, Ordering):
        return _are_places(raw, len(content.lines)) and len(raw) == len(content.lines)
    if isinstance(content, Fill):
        good = all(isinstance(one, str) and len(one) <= MAX_TEXT_ANSWER and "\0" not in one for one in raw)
        return good and len(raw) == len(content.blanks)
    return len(raw) == len(content.parts) and all(
        _fits(part, one) for part, one in zip(content.parts, raw, strict=True)
    )


def _is_place(raw: object, count: int) -> bool:
    return isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < count


def _are_places(raw: Sequence[object], count: int) -> bool:
    return all(_is_place(one, count) for one in raw) and len(set(raw)) == len(raw)


def with_images(content: Content, names: Mapping[str, str]) -> Content:
    """The same question with other hashes of its pictures."""

    def option(one: Option) -> Option:
        return msgspec.structs.replace(one, image=names.get(one.image, one.image)) if one.image else one

    def simple(one: Simple) -> Simple:
        image = names.get(one.image, one.image) if one.image else None
        if isinstance(one, Single | Multiple):
            return msgspec.structs.replace(one, image=image, options=tuple(option(each) for each in one.options))
        if isinstance(one, Ordering):
            return msgspec.structs.replace(one, image=image, lines=tuple(option(each) for each in one.lines))
        return msgspec.structs.replace(one, image=image)

    if isinstance(content, Case):
        image = names.get(content.image, content.image) if content.image else None
        return msgspec.structs.replace(content, image=image, parts=tuple(simple(part) for part in content.parts))
    return simple(content)
