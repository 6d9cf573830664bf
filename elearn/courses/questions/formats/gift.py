"""Pure: GIFT, the plain text in which Moodle's users write questions.

Read: single and multiple choice, true or false, short answers, numbers (with tolerance or range), a missing word,
comments, categories, escapes, general feedback. What weighs less than all in a single choice or a short answer is
taken as wrong: a question of this bank has no half-right options. Written: what GIFT can say; an ordering question, a
case, several blanks and pictures are left out and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from elearn.courses.questions.formats.draft import (
    FOR_CERTIFICATE,
    BadItem,
    Draft,
    OtherKind,
    Outgoing,
    Reading,
    Written,
    says_certificate,
    tidy,
)
from elearn.courses.questions.formats.html_text import plain
from elearn.courses.questions.kinds import (
    Blank,
    Content,
    Fill,
    Multiple,
    Option,
    Simple,
    Single,
    TrueFalse,
    images_of,
    number,
)

BLANK = "____"
TRUE, FALSE = {"T", "TRUE"}, {"F", "FALSE"}
FORMAT = re.compile(r"^\[(html|moodle|plain|markdown)\]\s*", re.IGNORECASE)
WEIGHT = re.compile(r"^%(-?\d+(?:\.\d+)?)%")
SPECIAL = "~=#{}:"
HIDDEN = {sign: chr(0xE000 + place) for place, sign in enumerate(SPECIAL + "\\n")}
"""Escaped signs stand as private letters while the text is taken apart."""


def read(text: str) -> Reading:
    """All questions of a text; problems name lines."""
    reading = Reading()
    for line, block, marks in _blocks(text):
        if any(says_certificate(mark) for mark in marks):
            reading.bad(line, FOR_CERTIFICATE)
            continue
        try:
            reading.take(Draft(line, _question(block)))
        except BadItem as bad:
            reading.caught(line, bad)
    return reading


def _blocks(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """(first line, text without comments, category and comments) of each question."""
    category = ""
    block: list[str] = []
    marks: list[str] = []
    begin = 0
    for number_, line in enumerate([*text.replace("\r\n", "\n").lstrip("\ufeff").split("\n"), ""], start=1):
        bare = line.strip()
        if bare.startswith("//"):
            marks.append(bare)
        elif bare.upper().startswith("$CATEGORY:"):
            category = bare[len("$CATEGORY:") :]
        elif bare:
            begin = begin or number_
            block.append(line)
        else:
            if block:
                yield begin, "\n".join(block), [category, *marks]
            block, marks, begin = [], [], 0


def _question(block: str) -> Content:
    text = _hidden(block).strip()
    name = re.match(r"^::(.*?)::", text, re.DOTALL)
    if name is not None:
        text = text[name.end() :].strip()
    opened, closed = text.find("{"), text.rfind("}")
    if opened < 0 and closed < 0:
        raise BadItem("A question needs its answers in braces: { ... }.")
    if opened < 0 or closed < opened:
        raise BadItem("A brace is not closed, or never opened.")
    html = (found := FORMAT.match(text)) is not None and found[1].lower() == "html"
    before, inside, after = text[:opened], text[opened + 1 : closed].strip(), text[closed + 1 :].strip()
    inside, _, general = inside.partition("####")
    stem = _text(before, html=html)
    if any(sign.isalnum() for sign in after):
        stem = f"{stem} {BLANK} {_text(after, html=html)}"
    return _content(stem, inside.strip(), _text(general, html=html))


def _content(stem: str, inside: str, explanation: str) -> Content:
    if not inside:
        raise OtherKind("essay")
    said = re.split(r"#", inside, maxsplit=1)[0].strip().upper()
    if said in TRUE | FALSE:
        return TrueFalse(stem=stem, correct=said in TRUE, explanation=explanation)
    if inside.startswith("#"):
        return Fill(stem=stem, blanks=(Blank(ranges=tuple(_ranges(inside[1:].strip()))),), explanation=explanation)
    answers = list(_answers(inside))
    if not answers:
        # One right text needs no sign before it.
        return Fill(stem=stem, blanks=(Blank(texts=(_text(inside.partition("#")[0]),)),), explanation=explanation)
    if all(mark == "=" for mark, _, _ in answers):
        if all("->" in text for _, _, text in answers):
            raise OtherKind("matching")
        texts = tuple(text for _, weight, text in answers if weight is None or weight == 100)
        return Fill(stem=stem, blanks=(Blank(texts=texts),), explanation=explanation)
    return _choice(stem, answers, explanation)


def _choice(stem: str, answers: list[tuple[str, Decimal | None, str]], explanation: str) -> Simple:
    options = tuple(Option(text) for _, _, text in answers)
    full = [place for place, (mark, _, _) in enumerate(answers) if mark == "="]
    if full:
        if len(full) > 1:
            raise BadItem("A single choice has one right answer; several have weights like ~%50%.")
        return Single(stem=stem, options=options, correct=full[0], explanation=explanation)
    right = tuple(place for place, (_, weight, _) in enumerate(answers) if weight is not None and weight > 0)
    return Multiple(stem=stem, options=options, correct=right, explanation=explanation)


def _answers(inside: str) -> Iterator[tuple[str, Decimal | None, str]]:
    """(= or ~, weight in percent, text) of each answer; feedback is dropped."""
    for found in re.finditer(r"([=~])([^=~]*)", inside, re.DOTALL):
        text = found[2].partition("#")[0].strip()
        weight = WEIGHT.match(text)
        if weight is not None:
            text = text[weight.end() :].strip()
        yield found[1], Decimal(weight[1]) if weight else None, _text(text)


def _ranges(inside: str) -> Iterator[tuple[str, str]]:
    """`1822`, `1822:2`, `1820..1824`, or several of them after `=`; those of less than 100 % are left out."""
    parts = [inside] if not inside.startswith("=") else [one for one in inside.split("=") if one.strip()]
    for part in parts:
        text = _shown(part.partition("#")[0]).strip().rstrip("~").strip()
        weight = WEIGHT.match(text)
        if weight is not None:
            if Decimal(weight[1]) != 100:
                continue
            text = text[weight.end() :]
        yield number_range(text)


def number_range(text: str) -> tuple[str, str]:
    """A number with its tolerance (`3.14:0.01`) or a range (`3..4`) as lowest and highest. Raises BadItem."""
    low, dots, high = text.partition("..")
    if dots:
        first, last = number(low), number(high)
    else:
        middle, _, tolerance = text.partition(":")
        value, width = number(middle), number(tolerance or "0")
        first = None if value is None or width is None else value - abs(width)
        last = None if value is None or width is None else value + abs(width)
    if first is None or last is None:
        raise BadItem("%(text)s is not a number, or not a range of numbers.", text=text.strip()[:40] or "-")
    return format(first, "f"), format(last, "f")


def _hidden(text: str) -> str:
    return re.sub(r"\\([~=#{}:n\\])", lambda found: HIDDEN[found[1]], text)


def _shown(text: str) -> str:
    for sign, letter in HIDDEN.items():
        text = text.replace(letter, "\n" if sign == "n" else sign)
    return text


def _text(text: str, *, html: bool = False) -> str:
    found = FORMAT.match(text.strip())
    if found is not None:
        html = found[1].lower() == "html"
        text = text.strip()[found.end() :]
    text = _shown(re.sub(r"[ \t]*\n[ \t]*", " ", text.strip()))
    return plain(text) if html else tidy(text)


def write(questions: Sequence[Outgoing]) -> Written:
    """A GIFT text; `left_out` names what it cannot say."""
    blocks, left_out = [], []
    for one in questions:
        body = _body(one.content)
        if body is None or next(images_of(one.content), None) is not None:
            left_out.append(one.name)
            continue
        explanation = f"####{_escaped(one.content.explanation)}" if one.content.explanation else ""
        blocks.append(f"::{one.name}::{_escaped(one.content.stem)}{{{body}{explanation}}}\n")
    if left_out:
        blocks.append("// Not in this file, because GIFT cannot say them: " + " ".join(left_out) + "\n")
    return Written("\n".join(blocks).encode(), tuple(left_out))


def _body(content: Content) -> str | None:
    if isinstance(content, TrueFalse):
        return "T" if content.correct else "F"
    if isinstance(content, Single):
        return "\n" + "".join(
            f"  {'=' if place == content.correct else '~'}{_escaped(option.text)}\n"
            for place, option in enumerate(content.options)
        )
    if isinstance(content, Multiple):
        weight = share_percent(len(content.correct))
        return "\n" + "".join(
            f"  ~%{weight if place in content.correct else '-100'}%{_escaped(option.text)}\n"
            for place, option in enumerate(content.options)
        )
    if isinstance(content, Fill) and len(content.blanks) == 1:
        blank = content.blanks[0]
        if blank.texts and not blank.ranges:
            return "".join(f"={_escaped(text)} " for text in blank.texts)
        if blank.ranges and not blank.texts:
            return "#" + "".join(f"={low}..{high} " for low, high in blank.ranges)
    return None


def share_percent(count: int) -> str:
    """The weight of one of so many right options, as Moodle writes it: 50, 33.33333."""
    return format((Decimal(100) / count).quantize(Decimal("0.00001")).normalize(), "f")


def _escaped(text: str) -> str:
    return re.sub(r"([~=#{}:\\])", r"\\\1", text).replace("\n", "\\n")
