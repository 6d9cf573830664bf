"""Pure: the answers of a question as people type them into one field, and back.

single, multiple   * switch off        a star before each right option, a dash before a wrong one
                   - go home
truefalse          对                   or 错, true, false
fill               断电|切断电源          a line for each blank, | between texts that are both right, 3..4 for numbers
ordering           the lines in their right order
case               [单选] its text       each question begins with its kind in brackets; an empty line ends it
                   * ...
                   - ...
                   解析：why           its explanation, a line for each of its lines

A picture of an option, or of a question of a case, is a code behind its text: `* this one [图 1a2b3c4d]`. Pictures come
with imports; here one that the question has may be kept, moved or taken away.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from elearn.courses.questions.formats.draft import BadItem, tidy
from elearn.courses.questions.formats.xlsx import KINDS, NAMES, NO, YES, blank_of, typed_blank
from elearn.courses.questions.kinds import (
    Case,
    Content,
    Fill,
    Kind,
    Multiple,
    Option,
    Ordering,
    Simple,
    Single,
    TrueFalse,
    images_of,
    kind_of,
)
from elearn.errors import Malformed

OPENED = re.compile(r"^[\[【]\s*(\S+?)\s*[\]】]\s*(.+)$")


PICTURED = re.compile(r"^(.*?)\s*[\[【]\s*(?:图|picture)\s+([0-9a-f]{8})\s*[\]】]$", re.IGNORECASE)
EXPLAINED = re.compile(r"^(?:解析|explanation)\s*[:：]\s?(.*)$", re.IGNORECASE)


def code_of(image: str) -> str:
    """What stands for a picture: the beginning of its hash."""
    return image[:8]


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Those that the question has, by code."""

    known: dict[str, str]

    def option(self, line: str) -> Option:
        return Option(*self.split(line))

    def split(self, text: str) -> tuple[str, str | None]:
        """The text, and the picture behind it. Raises BadItem."""
        found = PICTURED.match(text)
        if found is None:
            return text, None
        image = self.known.get(found[2].lower())
        if image is None:
            raise BadItem("The question has no picture %(picture)s.", picture=found[2])
        return found[1], image


def read(
    kind: Kind,
    stem: str,
    answers: str,
    *,
    explanation: str = "",
    image: str | None = None,
    pictures: Collection[str] = (),
) -> Content:
    """The question. `pictures`: hashes of those that codes may name.

    Raises Malformed: the answers do not have the form of that kind.
    """
    stem, explanation = tidy(stem), tidy(explanation)
    known = _Pictures({code_of(one): one for one in pictures})
    lines = [line.strip() for line in tidy(answers).split("\n")]
    try:
        if kind is Kind.CASE:
            parts = tuple(_part(block, known) for block in _blocks(lines))
            return Case(stem=stem, image=image, explanation=explanation, parts=parts)
        return _simple(kind, stem, [one for one in lines if one], explanation, image, known)
    except BadItem as bad:
        raise Malformed(bad.sentence, code="bad_answers", **bad.facts) from bad


def _blocks(lines: list[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _part(block: list[str], known: _Pictures) -> Simple:
    opened = OPENED.match(block[0])
    kind = KINDS.get(opened[1].lower()) if opened else None
    if opened is None or kind is None or kind is Kind.CASE:
        raise BadItem("Each question of a case begins with its kind in brackets, for example [单选].")
    stem, image = known.split(opened[2])
    explained = [found[1] for line in block[1:] if (found := EXPLAINED.match(line))]
    rest = [line for line in block[1:] if not EXPLAINED.match(line)]
    return _simple(kind, stem, rest, "\n".join(explained), image, known)


def _simple(kind: Kind, stem: str, lines: list[str], explanation: str, image: str | None, known: _Pictures) -> Simple:
    if kind is Kind.TRUE_FALSE:
        said = " ".join(lines).lower()
        if said not in YES | NO:
            raise BadItem("The answer of a statement is 对 or 错.")
        return TrueFalse(stem=stem, image=image, correct=said in YES, explanation=explanation)
    if kind is Kind.FILL:
        blanks = tuple(blank_of(line) for line in lines)
        return Fill(stem=stem, image=image, blanks=blanks, explanation=explanation)
    if kind is Kind.ORDERING:
        options = tuple(known.option(line) for line in lines)
        return Ordering(stem=stem, image=image, lines=options, explanation=explanation)
    if not all(line[0] in "*-＊－" and line[1:].strip() for line in lines):
        raise BadItem("Each option is a line that begins with * (right) or - (wrong).")
    options = tuple(known.option(line[1:].strip()) for line in lines)
    right = tuple(place for place, line in enumerate(lines) if line[0] in "*＊")
    if kind is Kind.MULTIPLE:
        return Multiple(stem=stem, image=image, options=options, correct=right, explanation=explanation)
    if len(right) != 1:
        raise BadItem("A single choice has one right answer.")
    return Single(stem=stem, image=image, options=options, correct=right[0], explanation=explanation)


def written(content: Content) -> str:
    """The answers as text; `keeps` says whether reading it gives the question again."""
    if isinstance(content, Case):
        return "\n\n".join(_written_part(part) for part in content.parts)
    if isinstance(content, TrueFalse):
        return "对" if content.correct else "错"
    if isinstance(content, Fill):
        return "\n".join(typed_blank(blank) for blank in content.blanks)
    if isinstance(content, Ordering):
        return "\n".join(_with(line.text, line.image) for line in content.lines)
    right = {content.correct} if isinstance(content, Single) else set(content.correct)
    return "\n".join(
        f"{'*' if place in right else '-'} {_with(option.text, option.image)}"
        for place, option in enumerate(content.options)
    )


def _written_part(part: Simple) -> str:
    lines = [f"[{NAMES[kind_of(part)]}] {_with(part.stem, part.image)}", written(part)]
    lines += [f"解析：{line}" for line in part.explanation.split("\n")] if part.explanation else []
    return "\n".join(lines)


def _with(text: str, image: str | None) -> str:
    return text if image is None else f"{text} [图 {code_of(image)}]".strip()


def keeps(content: Content) -> bool:
    """Whether a form that shows `written` loses nothing: an imported question may hold lines within lines."""
    try:
        again = read(
            kind_of(content),
            content.stem,
            written(content),
            explanation=content.explanation,
            image=content.image,
            pictures=tuple(images_of(content)),
        )
    except Malformed:
        return False
    return again == content
