"""Sheets of questions: what is taken, what is refused and by which row."""

from __future__ import annotations

import io
import time

import openpyxl
import pytest

from elearn.courses.questions.formats import xlsx
from elearn.courses.questions.kinds import Blank, Fill, TrueFalse


def a_sheet(*rows: dict[str, object], heading: tuple[str, ...] = xlsx.COLUMNS) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(heading)
    for row in rows:
        sheet.append([row.get(name) for name in heading])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


CHOOSE: dict[str, object] = {"题型": "单选", "题干": "先做什么？", "选项A": "断电", "选项B": "回家", "答案": "A"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"题型": "问答"}, "no kind of question called"),
        ({"题型": None}, "no kind of question called"),
        ({"题干": " "}, "A question needs a text"),
        ({"答案": None}, "The answer is missing"),
        ({"答案": "C"}, "names options by their letters"),
        ({"答案": "AB"}, "one right answer"),
        ({"选项B": None}, "2 to 10 options"),
        ({"选项A": None}, "empty option between others"),
        ({"选项B": "断电"}, "Two options are the same"),
        ({"难度": "很难"}, "The difficulty is"),
        ({"题型": "判断", "答案": "也许"}, "is 对 or 错"),
        ({"题型": "排序", "答案": "A"}, "names every option once"),
        ({"案例": "案例9"}, "has no row with its material"),
        ({"题型": "案例", "案例": None}, "needs a name"),
        ({"题型": "案例", "案例": "案例1"}, "A case has 1 to 20"),
        ({"图片": "x.png"}, "64 letters of its hash"),
        ({"用途": "取证考试"}, "never"),
        ({"用途": "Certificate Exam"}, "never"),
    ],
)
def test_a_bad_row_is_named_and_the_good_ones_are_still_looked_at(change: dict[str, object], sentence: str) -> None:
    reading = xlsx.read(a_sheet(CHOOSE, CHOOSE | change, CHOOSE | {"题型": "多选", "答案": "9"}))
    assert [one.line for one in reading.problems] == [3, 4]
    assert sentence in reading.problems[0].sentence


def test_cells_may_be_numbers_and_truth_values() -> None:
    rows: list[dict[str, object]] = [
        {"题型": "填空", "题干": "几伏？____", "答案": 36.0},
        {"题型": "判断", "题干": "湿手可以。", "答案": False},
        {"题型": "填空", "题干": "____到____", "答案": "3..4|三；断电"},
    ]
    reading = xlsx.read(a_sheet(*rows))
    assert reading.problems == []
    assert [one.content for one in reading.drafts] == [
        Fill(stem="几伏？____", blanks=(Blank(texts=("36",)),)),
        TrueFalse(stem="湿手可以。", correct=False),
        Fill(stem="____到____", blanks=(Blank(texts=("三",), ranges=(("3", "4"),)), Blank(texts=("断电",)))),
    ]


def test_columns_stand_in_any_order_and_missing_ones_are_named() -> None:
    backwards = tuple(reversed(xlsx.COLUMNS))
    assert len(xlsx.read(a_sheet(CHOOSE, heading=backwards)).drafts) == 1
    [problem] = xlsx.read(a_sheet(CHOOSE, heading=("题型", "题干"))).problems
    assert (problem.line, problem.facts) == (1, {"names": "答案"})
    assert [one.line for one in xlsx.read(a_sheet()).problems] == [1]


def test_ten_thousand_rows_with_every_third_bad_are_read_in_seconds() -> None:
    rows = [CHOOSE | {"题干": f"第{number}题", "答案": "Z" if number % 3 == 0 else "A"} for number in range(10_000)]
    book = xlsx.sheet([{name: str(text) for name, text in row.items()} for row in rows])
    began = time.perf_counter()
    reading = xlsx.read(book)
    assert time.perf_counter() - began < 30
    assert (len(reading.drafts), len(reading.problems)) == (6666, 3334)
    assert [one.line for one in reading.problems[:3]] == [2, 5, 8]
