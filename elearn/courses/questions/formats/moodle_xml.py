"""Pure: Moodle XML, with pictures that stand in the file.

Read: multichoice, truefalse, shortanswer, numerical, multianswer (cloze: blanks, or a case when it holds choices),
ordering. Written: the same; a case is left out and named, as are several blanks with numbers and texts mixed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape
from urllib.parse import quote, unquote

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
from elearn.courses.questions.formats.gift import BLANK, number_range, share_percent
from elearn.courses.questions.formats.html_text import read_html
from elearn.courses.questions.formats.safe_xml import Node
from elearn.courses.questions.kinds import (
    Blank,
    Case,
    Content,
    Fill,
    Multiple,
    Option,
    Ordering,
    Simple,
    Single,
    TrueFalse,
    number,
)

FILES = "@@PLUGINFILE@@/"
ONE_PICTURE = "A text of a question shows one picture at most."


def read(root: Node) -> Reading:
    """All questions of a quiz. Raises TooManyQuestions."""
    reading = Reading()
    if root.tag != "quiz":
        reading.bad(root.line, "This is no Moodle XML: its outer element is not quiz.")
        return reading
    category = ""
    for node in root.all("question"):
        if node.get("type") == "category":
            category = (found.text if (found := node.first("category")) else "").strip()
            continue
        tags = [tag.text for group in node.all("tags") for tag in group.all("tag")]
        name = found.text if (found := node.first("name")) else ""
        if any(says_certificate(mark) for mark in [category, name, *tags]):
            reading.bad(node.line, FOR_CERTIFICATE)
            continue
        try:
            reading.take(Draft(node.line, _question(node, reading)))
        except BadItem as bad:
            reading.caught(node.line, bad)
    return reading


def _question(node: Node, reading: Reading) -> Content:
    kind = node.get("type")
    stem, image = _rich(node.first("questiontext"), reading)
    explanation, _ = _rich(node.first("generalfeedback"), reading, pictures=False)
    if kind == "multichoice":
        return _multichoice(node, reading, stem, image, explanation)
    if kind == "truefalse":
        right = next((one for one in node.all("answer") if _fraction(one) > 0), None)
        if right is None:
            raise BadItem("At least one option must be right.")
        said = _value(right).lower()
        if said not in ("true", "false"):
            raise BadItem("The answer of a statement is true or false.", right.line)
        return TrueFalse(stem=stem, image=image, correct=said == "true", explanation=explanation)
    if kind == "shortanswer":
        texts = tuple(_short(one) for one in node.all("answer") if _fraction(one) >= 100)
        return Fill(stem=stem, image=image, blanks=(Blank(texts=texts),), explanation=explanation)
    if kind == "numerical":
        ranges = tuple(_tolerated(one) for one in node.all("answer") if _fraction(one) >= 100)
        return Fill(stem=stem, image=image, blanks=(Blank(ranges=ranges),), explanation=explanation)
    if kind in ("cloze", "multianswer"):
        return _cloze(stem, image, explanation)
    if kind == "ordering":
        lines = tuple(_option(one, reading) for one in node.all("answer"))
        return Ordering(stem=stem, image=image, lines=lines, explanation=explanation)
    raise OtherKind(kind or "?")


def _multichoice(node: Node, reading: Reading, stem: str, image: str | None, explanation: str) -> Simple:
    answers = node.all("answer")
    options = tuple(_option(one, reading) for one in answers)
    weights = [_fraction(one) for one in answers]
    single = node.first("single")
    if single is not None and single.text.strip().lower() in ("false", "0"):
        right = tuple(place for place, weight in enumerate(weights) if weight > 0)
        return Multiple(stem=stem, image=image, options=options, correct=right, explanation=explanation)
    full = [place for place, weight in enumerate(weights) if weight >= 100]
    if len(full) != 1:
        raise BadItem("A single choice has exactly one answer that is worth 100 percent.")
    return Single(stem=stem, image=image, options=options, correct=full[0], explanation=explanation)


def _fraction(node: Node) -> Decimal:
    found = number(node.get("fraction") or "0")
    if found is None:
        raise BadItem("The weight of an answer is a number from -100 to 100.", node.line)
    return found


def _value(node: Node) -> str:
    found = node.first("text")
    return tidy(found.text if found else node.text)


def _short(node: Node) -> str:
    text = _value(node)
    if re.search(r"(?<!\\)\*", text):
        raise BadItem("An answer with * stands for many texts; write out those that are right.", node.line)
    return text.replace("\\*", "*")


def _tolerated(node: Node) -> tuple[str, str]:
    tolerance = node.first("tolerance")
    text = _value(node)
    return number_range(text if ".." in text else f"{text}:{tolerance.text.strip() if tolerance else '0'}")


def _option(node: Node, reading: Reading) -> Option:
    text, image = _rich(node, reading)
    return Option(text, image)


def _rich(node: Node | None, reading: Reading, *, pictures: bool = True) -> tuple[str, str | None]:
    """(text, picture) of an element with `text` and files."""
    if node is None:
        return "", None
    raw = _value(node)
    if node.get("format") in ("plain_text", "markdown"):
        return raw, None
    text, addresses = read_html(raw)
    if not addresses or not pictures:
        return text, None
    if len(addresses) > 1:
        raise BadItem(ONE_PICTURE, node.line)
    address = addresses[0]
    if address.startswith("data:") and ";base64," in address:
        return text, reading.keep_image(_decoded(address.partition(",")[2], node.line))
    wanted = unquote(address.removeprefix(FILES)).lstrip("/")
    for file in node.all("file"):
        path = (file.get("path").strip("/") + "/" + file.get("name")).lstrip("/")
        if wanted in (path, file.get("name")):
            return text, reading.keep_image(_decoded(file.text, file.line))
    raise BadItem("The picture %(name)s is not in the file.", node.line, name=address[:80])


def _decoded(text: str, line: int) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadItem("The picture cannot be read.", line) from error


# --- cloze ------------------------------------------------------------------------------------------------------------

GAP = re.compile(r"\{\s*\d*\s*:\s*([A-Z_]+)\s*:((?:\\.|[^}\\])*)\}", re.DOTALL)
TEXTS = {"SHORTANSWER", "SA", "MW", "SHORTANSWER_C", "SAC", "MWC"}
NUMBERS = {"NUMERICAL", "NM"}
CHOICES = ("MULTICHOICE", "MC")
MANY = ("MULTIRESPONSE", "MR")
"""Beginnings: letters behind them say how the choices are laid out."""


def _cloze(text: str, image: str | None, explanation: str) -> Content:
    gaps = [(found[1], list(_gap_answers(found[2]))) for found in GAP.finditer(text)]
    if not gaps:
        raise BadItem("This text has no gap that can be read.")
    if all(kind in TEXTS | NUMBERS for kind, _ in gaps):
        stem = tidy(GAP.sub(BLANK, text))
        return Fill(stem=stem, image=image, blanks=tuple(_blank(*gap) for gap in gaps), explanation=explanation)
    counted = iter(range(1, len(gaps) + 1))
    stem = tidy(GAP.sub(lambda _found: f"({next(counted)}){BLANK}", text))
    parts = tuple(_gap(place, *gap) for place, gap in enumerate(gaps, start=1))
    return Case(stem=stem, image=image, parts=parts, explanation=explanation)


def _gap_answers(body: str) -> Iterator[tuple[Decimal, str]]:
    """(weight, text) of each answer of a gap."""
    for part in re.split(r"(?<!\\)~", body):
        found = re.match(r"\s*(?:(=)|%(-?\d+(?:\.\d+)?)%)?\s*(.*)", re.split(r"(?<!\\)#", part)[0], re.DOTALL)
        assert found is not None
        text = re.sub(r"\\(.)", r"\1", found[3]).strip()
        if text:
            yield Decimal(100) if found[1] else Decimal(found[2] or 0), text


def _blank(kind: str, answers: list[tuple[Decimal, str]]) -> Blank:
    right = [text for weight, text in answers if weight >= 100]
    if kind in NUMBERS:
        return Blank(ranges=tuple(number_range(text) for text in right))
    return Blank(texts=tuple(right))


def _gap(place: int, kind: str, answers: list[tuple[Decimal, str]]) -> Simple:
    stem, options = f"({place})", tuple(Option(text) for _, text in answers)
    if kind.startswith(MANY):
        right = tuple(index for index, (weight, _) in enumerate(answers) if weight > 0)
        return Multiple(stem=stem, options=options, correct=right)
    if kind.startswith(CHOICES):
        full = [index for index, (weight, _) in enumerate(answers) if weight >= 100]
        if len(full) != 1:
            raise BadItem("A single choice has exactly one answer that is worth 100 percent.")
        return Single(stem=stem, options=options, correct=full[0])
    if kind in TEXTS | NUMBERS:
        return Fill(stem=stem, blanks=(_blank(kind, answers),))
    raise OtherKind(kind)


# --- writing ----------------------------------------------------------------------------------------------------------


def write(questions: Sequence[Outgoing], images: dict[str, tuple[str, bytes]]) -> Written:
    """A quiz; `images`: hash -> (media type, bytes). `left_out` names what Moodle XML cannot say."""
    parts, left_out = [], []
    for one in questions:
        body = _element(one, images)
        if body is None:
            left_out.append(one.name)
        else:
            parts.append(body)
    note = f"<!-- Not in this file: {' '.join(left_out)} -->\n" if left_out else ""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n{note}{"".join(parts)}</quiz>\n'
    return Written(text.encode(), tuple(left_out))


def _element(one: Outgoing, images: dict[str, tuple[str, bytes]]) -> str | None:
    content = one.content
    if isinstance(content, Case):
        return None
    stem, extra, kind = content.stem, "", ""
    if isinstance(content, Single | Multiple):
        kind = "multichoice"
        right = {content.correct} if isinstance(content, Single) else set(content.correct)
        share = share_percent(len(right))
        extra = f"<single>{'true' if isinstance(content, Single) else 'false'}</single>" + "".join(
            _rich_element("answer", option.text, option.image, images, fraction=share if place in right else wrong)
            for wrong in ["0" if isinstance(content, Single) else "-100"]
            for place, option in enumerate(content.options)
        )
    elif isinstance(content, TrueFalse):
        kind = "truefalse"
        extra = "".join(
            f'<answer fraction="{100 if said is content.correct else 0}" format="plain_text">'
            f"<text>{str(said).lower()}</text></answer>"
            for said in (True, False)
        )
    elif isinstance(content, Ordering):
        kind = "ordering"
        extra = "".join(
            _rich_element("answer", line.text, line.image, images, fraction=f"{place}.0000000")
            for place, line in enumerate(content.lines, start=1)
        )
    elif len(content.blanks) > 1:
        found = _written_gaps(content)
        if found is None:
            return None
        kind, stem = "cloze", found
    elif content.blanks[0].texts and not content.blanks[0].ranges:
        kind = "shortanswer"
        starred = [text.replace("*", r"\*") for text in content.blanks[0].texts]
        extra = "<usecase>0</usecase>" + "".join(
            f'<answer fraction="100" format="plain_text"><text>{escape(text)}</text></answer>' for text in starred
        )
    elif content.blanks[0].ranges and not content.blanks[0].texts:
        kind = "numerical"
        extra = "".join(_written_range(low, high) for low, high in content.blanks[0].ranges)
    else:
        return None
    return (
        f'<question type="{kind}"><name><text>{escape(one.name)}</text></name>'
        f"{_rich_element('questiontext', stem, content.image, images)}"
        f"{_rich_element('generalfeedback', content.explanation, None, images)}{extra}</question>\n"
    )


def _written_range(low: str, high: str) -> str:
    first, last = Decimal(low), Decimal(high)
    middle, width = (first + last) / 2, (last - first) / 2
    return (
        f'<answer fraction="100" format="plain_text"><text>{middle:f}</text><tolerance>{width:f}</tolerance></answer>'
    )


def _written_gaps(content: Fill) -> str | None:
    """The stem with its gaps, in order; None when they cannot stand in it."""
    if content.stem.count(BLANK) != len(content.blanks):
        return None
    parts = content.stem.split(BLANK)
    found = parts[0]
    for blank, after in zip(content.blanks, parts[1:], strict=True):
        if bool(blank.texts) == bool(blank.ranges):
            return None
        if blank.texts:
            gap = "{1:SHORTANSWER:" + "~".join("=" + _escaped_gap(text) for text in blank.texts) + "}"
        else:
            gap = "{1:NUMERICAL:" + "~".join(f"={low}..{high}" for low, high in blank.ranges) + "}"
        found += gap + after
    return found


def _escaped_gap(text: str) -> str:
    return re.sub(r"([}#~/\"\\=])", r"\\\1", text)


def _rich_element(
    tag: str, text: str, image: str | None, images: dict[str, tuple[str, bytes]], **attributes: str
) -> str:
    html = "<br>".join(escape(line) for line in text.split("\n"))
    file = ""
    if image is not None and image in images:
        kind, data = images[image]
        name = f"{image[:16]}.{'png' if kind == 'image/png' else 'jpg'}"
        html += f'<img src="{FILES}{quote(name)}" alt="">'
        file = f'<file name="{name}" path="/" encoding="base64">{base64.b64encode(data).decode()}</file>'
    given = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f'<{tag}{given} format="html"><text>{escape(html, quote=False)}</text>{file}</{tag}>'
