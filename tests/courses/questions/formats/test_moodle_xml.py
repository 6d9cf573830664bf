"""Moodle XML: what is taken, what is refused and by which line."""

from __future__ import annotations

import base64

import pytest

from elearn.courses.questions.formats import moodle_xml
from elearn.courses.questions.formats.safe_xml import parse
from elearn.courses.questions.kinds import Blank, Case, Content, Fill, Multiple, Ordering, Single
from tests.builders_questions import options


def quiz(kind: str, stem: str, body: str) -> bytes:
    return (
        '<?xml version="1.0"?>\n<quiz>\n'
        '<question type="category"><category><text>$course$/甲</text></category></question>\n'
        f'<question type="{kind}"><name><text>n</text></name>'
        f'<questiontext format="html"><text><![CDATA[{stem}]]></text></questiontext>{body}</question>\n</quiz>'
    ).encode()


def answer(text: str, fraction: object, more: str = "") -> str:
    return f'<answer fraction="{fraction}"><text>{text}</text>{more}</answer>'


MOODLE: list[tuple[str, bytes, Content]] = [
    (
        "several right ones by their weights",
        quiz(
            "multichoice",
            "<p>哪些？</p>",
            "<single>false</single>" + answer("甲", 50) + answer("乙", -100) + answer("丙", 50),
        ),
        Multiple(stem="哪些？", options=options("甲", "乙", "丙"), correct=(0, 2)),
    ),
    (
        "a single choice without saying so",
        quiz("multichoice", "哪个？", answer("甲", 0) + answer("乙", "100.0")),
        Single(stem="哪个？", options=options("甲", "乙"), correct=1),
    ),
    (
        "numbers with tolerance",
        quiz("numerical", "几伏？", answer("36", 100, "<tolerance>0.5</tolerance>") + answer("40", 50)),
        Fill(stem="几伏？", blanks=(Blank(ranges=(("35.5", "36.5"),)),)),
    ),
    (
        "a text with gaps",
        quiz("cloze", "先{1:SHORTANSWER:=断电~%50%停}，{1:NM:=36:1}伏", ""),
        Fill(stem="先____，____伏", blanks=(Blank(texts=("断电",)), Blank(ranges=(("35", "37"),)))),
    ),
    (
        "gaps with choices are a case",
        quiz("cloze", "{1:MC:甲~=乙}和{1:SA:=丙}", ""),
        Case(
            stem="(1)____和(2)____",
            parts=(
                Single(stem="(1)", options=options("甲", "乙"), correct=1),
                Fill(stem="(2)", blanks=(Blank(texts=("丙",)),)),
            ),
        ),
    ),
    (
        "lines in their order",
        quiz("ordering", "排序", answer("断电", "1.0") + answer("验电", "2.0")),
        Ordering(stem="排序", lines=options("断电", "验电")),
    ),
]


@pytest.mark.parametrize(("rule", "data", "content"), MOODLE, ids=[row[0] for row in MOODLE])
def test_moodle_xml_says(rule: str, data: bytes, content: Content) -> None:
    reading = moodle_xml.read(parse(data))
    assert reading.problems == []
    assert [one.content for one in reading.drafts] == [content]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (quiz("essay", "写", ""), "no questions of the kind"),
        (quiz("multichoice", "x", answer("甲", 50) + answer("乙", 50)), "exactly one answer that is worth 100"),
        (quiz("multichoice", "x", answer("甲", "viel") + answer("乙", 50)), "is a number from -100 to 100"),
        (quiz("truefalse", "x", answer("true", "NaN")), "is a number from -100 to 100"),
        (quiz("truefalse", "x", answer("maybe", 100)), "is true or false"),
        (quiz("shortanswer", "x", answer("断*", 100)), "stands for many texts"),
        (quiz("shortanswer", "x", answer("断", 50)), "Each blank needs"),
        (quiz("numerical", "x", answer("zero", 100)), "is not a number"),
        (quiz("cloze", "nothing {1:MULTICHOICE}", ""), "no gap that can be read"),
        (
            quiz("multichoice", '<img src="@@PLUGINFILE@@/x.png">', answer("甲", 100) + answer("乙", 0)),
            "is not in the file",
        ),
        (quiz("truefalse", "<img src=a><img src=b>", answer("true", 100)), "one picture at most"),
        (quiz("truefalse", "x", answer("true", 100) + "<tags><tag><text>取证考试</text></tag></tags>"), "never"),
        (b"<items/>", "no Moodle XML"),
    ],
)
def test_bad_moodle_xml_is_refused_by_its_line(data: bytes, sentence: str) -> None:
    reading = moodle_xml.read(parse(data))
    [problem] = reading.problems
    assert sentence in problem.sentence
    assert problem.line == (4 if data.startswith(b"<?xml") else 1)
    assert reading.drafts == []


def test_a_picture_in_a_moodle_quiz_is_found_by_its_path() -> None:
    file = f'<file name="牌.png" path="/" encoding="base64">{base64.b64encode(b"PNG").decode()}</file>'
    data = quiz("truefalse", '<img src="@@PLUGINFILE@@/%E7%89%8C.png">是警示牌', answer("true", 100)).replace(
        b"</questiontext>", file.encode() + b"</questiontext>"
    )
    reading = moodle_xml.read(parse(data))
    assert (reading.problems, list(reading.images.values())) == ([], [b"PNG"])
