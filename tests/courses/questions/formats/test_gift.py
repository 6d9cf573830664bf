"""GIFT: what is taken, what is refused and by which line."""

from __future__ import annotations

import pytest

from elearn.courses.questions.formats import gift
from elearn.courses.questions.kinds import Blank, Content, Fill, Multiple, Single, TrueFalse
from tests.builders_questions import options


def read_gift(text: str) -> Content:
    reading = gift.read(text)
    assert reading.problems == []
    [draft] = reading.drafts
    return draft.content


GIFT: list[tuple[str, Content]] = [
    ("地球是圆的。{T}", TrueFalse(stem="地球是圆的。", correct=True)),
    ("::名::地球是平的。{FALSE#不对#对}", TrueFalse(stem="地球是平的。", correct=False)),
    ("几月？{~一 =二#对 ~三}", Single(stem="几月？", options=options("一", "二", "三"), correct=1)),
    ("哪些？{~%50%甲 ~%50%乙 ~%-100%丙}", Multiple(stem="哪些？", options=options("甲", "乙", "丙"), correct=(0, 1))),
    ("哪些？{~%100%甲 ~乙}", Multiple(stem="哪些？", options=options("甲", "乙"), correct=(0,))),
    ("谁？{=甲 =%50%乙 =丙}", Fill(stem="谁？", blanks=(Blank(texts=("甲", "丙")),))),
    ("谁？{甲}", Fill(stem="谁？", blanks=(Blank(texts=("甲",)),))),
    ("何年？{#1822:2}", Fill(stem="何年？", blanks=(Blank(ranges=(("1820", "1824"),)),))),
    ("多少？{#3.141..3.142}", Fill(stem="多少？", blanks=(Blank(ranges=(("3.141", "3.142"),)),))),
    ("多少？{#=1:0 =%50%2:1}", Fill(stem="多少？", blanks=(Blank(ranges=(("1", "1"),)),))),
    ("先{~验电 =断电}后作业", Single(stem="先 ____ 后作业", options=options("验电", "断电"), correct=1)),
    ("1 \\= 1？{T####因为 \\{一\\}}", TrueFalse(stem="1 = 1？", correct=True, explanation="因为 {一}")),
    ("[html]<b>断电</b>&amp;验电{T}", TrueFalse(stem="断电&验电", correct=True)),
    ("咖啡？{~a -> b =c -> d}", Single(stem="咖啡？", options=options("a -> b", "c -> d"), correct=1)),
]


@pytest.mark.parametrize(("text", "content"), GIFT, ids=[text for text, _ in GIFT])
def test_gift_says(text: str, content: Content) -> None:
    assert read_gift(text) == content


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("没有答案", "needs its answers in braces"),
        ("没有关{=a", "A brace is not closed"),
        ("反了}=a{", "A brace is not closed"),
        ("两个？{=a =b ~c}", "A single choice has one right answer"),
        ("数？{#abc}", "is not a number"),
        ("数？{#1..1e999999999}", "is not a number"),
        ("数？{#1:1e999999999}", "is not a number"),
        ("作文？{}", "no questions of the kind"),
        ("配对？{=a->b =c->d}", "no questions of the kind"),
        ("都错？{~a ~b}", "At least one option"),
        ("一样？{=a ~a}", "Two options are the same"),
        ("$CATEGORY: 国家题库/电工\n\n题{T}", "never"),
        ("// [tag:certificate-exam]\n题{T}", "never"),
    ],
)
def test_bad_gift_is_refused_by_its_line(text: str, sentence: str) -> None:
    reading = gift.read(f"好题{{T}}\n\n{text}")
    assert [(sentence in one.sentence) for one in reading.problems] == [True]
    assert reading.problems[0].line >= 3
