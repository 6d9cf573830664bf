"""Pure: the answers of a question as people type them into one field, and back.

single, multiple   * switch off        a star before each right option, a dash before a wrong one
                   - go home
truefalse          对                   or 错, true, false
fill               断电|切断电源          a line for each blank, | between texts that are both right, 3..4 for numbers
ordering           the lines in their right order
case               [单选] its text       each question begins with its kind in brackets; an empty line ends it
                   * ...
                   - ...
"""

from __future__ import annotations

import re

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
    kind_of,
)
from elearn.errors import Malformed

OPENED = re.compile(r"^[\[【]\s*(\S+?)\s*[\]】]\s*(.+)$")


def read(kind: Kind, stem: str, answers: str, *, explanation: str = "", image: str | None = None) -> Content:
    """The question. Raises Malformed: the answers do not have the form of that kind."""
    stem, explanation = tidy(stem), tidy(explanation)
    lines = [line.strip() for line in tidy(answers).split("\n")]
    try:
        if kind is Kind.CASE:
            parts = tuple(_part(block) for block in _blocks(lines))
            return Case(stem=stem, image=image, explanation=explanation, parts=parts)
        return _simple(kind, stem, [one for one in lines if one], explanation, image)
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


def _part(block: list[str]) -> Simple:
    opened = OPENED.match(block[0])
    kind = KINDS.get(opened[1].lower()) if opened else None
    if opened is None or kind is None or kind is Kind.CASE:
        raise BadItem("Each question of a case begins with its kind in brackets, for example [单选].")
    return _simple(kind, opened[2], block[1:], "", None)


def _simple(kind: Kind, stem: str, lines: list[str], explanation: str, image: str | None) -> Simple:
    if kind is Kind.TRUE_FALSE:
        said = " ".join(lines).lower()
        if said not in YES | NO:
            raise BadItem("The answer of a statement is 对 or 错.")
        return TrueFalse(stem=stem, image=image, correct=said in YES, explanation=explanation)
    if kind is Kind.FILL:
        blanks = tuple(blank_of(line) for line in lines)
        return Fill(stem=stem, image=image, blanks=blanks, explanation=explanation)
    if kind is Kind.ORDERING:
        options = tuple(Option(line) for line in lines)
        return Ordering(stem=stem, image=image, lines=options, explanation=explanation)
    if not all(line[0] in "*-＊－" and line[1:].strip() for line in lines):
        raise BadItem("Each option is a line that begins with * (right) or - (wrong).")
    options = tuple(Option(line[1:].strip()) for line in lines)
    right = tuple(place for place, line in enumerate(lines) if line[0] in "*＊")
    if kind is Kind.MULTIPLE:
        return Multiple(stem=stem, image=image, options=options, correct=right, explanation=explanation)
    if len(right) != 1:
        raise BadItem("A single choice has one right answer.")
    return Single(stem=stem, image=image, options=options, correct=right[0], explanation=explanation)


def written(content: Content) -> str:
    """The answers as text. Pictures of options cannot be typed and are left out."""
    if isinstance(content, Case):
        return "\n\n".join(f"[{NAMES[kind_of(part)]}] {part.stem}\n{written(part)}" for part in content.parts)
    if isinstance(content, TrueFalse):
        return "对" if content.correct else "错"
    if isinstance(content, Fill):
        return "\n".join(typed_blank(blank) for blank in content.blanks)
    if isinstance(content, Ordering):
        return "\n".join(line.text for line in content.lines)
    right = {content.correct} if isinstance(content, Single) else set(content.correct)
    return "\n".join(f"{'*' if place in right else '-'} {option.text}" for place, option in enumerate(content.options))
