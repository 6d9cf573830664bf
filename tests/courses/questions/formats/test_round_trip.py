"""What goes out in a format comes in again as the same question."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.questions import formats, notation
from elearn.courses.questions.formats import Format
from elearn.courses.questions.formats.draft import Outgoing
from elearn.courses.questions.kinds import (
    Blank,
    Content,
    Difficulty,
    Fill,
    Kind,
    Multiple,
    Option,
    Ordering,
    Single,
    TrueFalse,
    kind_of,
    problem_of,
)
from tests.builders_questions import a_case, a_fill, a_multiple, a_single, an_ordering, options

# Two characters and a sign that each format has to escape somewhere.
TEXT = st.text("甲乙ab19 ~=#{}:\\<>&'\"|;*", min_size=1, max_size=12).map(lambda text: f"题{' '.join(text.split())}题")
CHOICES = st.lists(TEXT, min_size=2, max_size=5, unique=True)


@st.composite
def simple(draw: st.DrawFn) -> Content:
    stem, explanation = draw(TEXT), draw(TEXT)
    kind = draw(st.sampled_from(["single", "multiple", "truefalse", "fill", "ordering"]))
    if kind == "truefalse":
        return TrueFalse(stem=stem, correct=draw(st.booleans()), explanation=explanation)
    texts = draw(CHOICES)
    if kind == "fill":
        # What stands between texts in a sheet cannot be part of one.
        plain = tuple(dict.fromkeys(text.replace(";", "").replace("|", "") for text in texts))
        return Fill(stem=stem, blanks=(Blank(texts=plain),), explanation=explanation)
    if kind == "ordering":
        return Ordering(stem=stem, lines=options(*texts), explanation=explanation)
    if kind == "single":
        place = draw(st.integers(0, len(texts) - 1))
        return Single(stem=stem, options=options(*texts), correct=place, explanation=explanation)
    places = draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, unique=True))
    return Multiple(stem=stem, options=options(*texts), correct=tuple(sorted(places)), explanation=explanation)


def outgoing(*contents: Content) -> list[Outgoing]:
    return [Outgoing(f"q{place}", one, "T", Difficulty.HARD) for place, one in enumerate(contents)]


@given(simple(), st.sampled_from(Format))
def test_what_goes_out_comes_in_as_the_same_question(content: Content, format_: Format) -> None:
    assert problem_of(content) is None
    written = formats.write(format_, outgoing(content), {})
    if written.left_out:
        assert isinstance(content, Ordering)
        assert format_ is Format.GIFT
        return
    found, reading = formats.read("x", written.data)
    assert (found, reading.problems) == (format_, [])
    assert [one.content for one in reading.drafts] == [content]


@given(simple())
def test_what_is_typed_reads_as_it_was_written(content: Content) -> None:
    typed = notation.written(content)
    assert notation.read(kind_of(content), content.stem, typed, explanation=content.explanation) == content


def test_line_ends_of_a_browser_become_ours_and_what_no_database_takes_goes() -> None:
    typed = notation.read(Kind.SINGLE, "一\r\n二\0 ", "* 甲\0\r\n- 乙\r\n", explanation="因为\0")
    assert typed == Single(stem="一\n二", options=options("甲", "乙"), correct=0, explanation="因为")


def unpacked(data: bytes) -> bytes:
    """A text as it is; of an archive all that is in it."""
    if not data.startswith(b"PK"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return b"".join(package.read(name) for name in package.namelist())


@pytest.mark.parametrize(
    ("format_", "left_out"),
    [(Format.XLSX, []), (Format.QTI, ["q3"]), (Format.MOODLE, ["q4"]), (Format.GIFT, ["q2", "q3", "q4"])],
)
def test_what_a_format_cannot_say_is_left_out_and_named(format_: Format, left_out: list[str]) -> None:
    contents: list[Content] = [a_single(), a_multiple(), an_ordering(), a_fill(), a_case()]
    written = formats.write(format_, outgoing(*contents), {})
    assert list(written.left_out) == left_out
    assert all(name.encode() in unpacked(written.data) for name in left_out)
    _, reading = formats.read("x", written.data)
    assert [one.content for one in reading.drafts] == [
        one for place, one in enumerate(contents) if f"q{place}" not in left_out
    ]
    if format_ in (Format.XLSX, Format.QTI):
        assert {(one.item_code, one.difficulty) for one in reading.drafts} == {("T", Difficulty.HARD)}


def test_a_sheet_names_what_it_leaves_out_where_it_is_not_read_again() -> None:
    shown = Single(stem="图", options=(Option("甲", "a" * 64), Option("乙")), correct=0)
    written = formats.write(Format.XLSX, outgoing(a_single(), shown), {})
    assert written.left_out == ("q1",)
    assert b">q1<" in unpacked(written.data)
    assert len(formats.read("x", written.data)[1].drafts) == 1


@pytest.mark.parametrize("format_", [Format.MOODLE, Format.QTI])
def test_pictures_travel_along(format_: Format) -> None:
    data = b"\x89PNG a picture"
    question = Single(stem="图", image="a" * 64, options=options("甲", "乙"), correct=0)
    written = formats.write(format_, outgoing(question), {"a" * 64: ("image/png", data)})
    _, reading = formats.read("x", written.data)
    assert list(reading.images.values()) == [data]
    [draft] = reading.drafts
    assert draft.content.image in reading.images
