"""Many questions at once: tables and text, taken whole or not at all, each bad row named by its line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.pool import QuestionDraft
from elearn.courses.reading import BadRows, decode, read_questions
from elearn.errors import Malformed

DURATION_MS = 600_000
SOUND = "0:00,4:30,先做什么？,断电,验电,挂牌,离开,ABC"
DRAFT = QuestionDraft(0, 270_000, "先做什么？", ("断电", "验电", "挂牌", "离开"), (0, 1, 2))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("a row", SOUND),
        ("a row under a heading", "from,to,question,A,B,C,D,answer\n" + SOUND),
        ("a Chinese heading", "开始,结束,题目,甲,乙,丙,丁,答案\n" + SOUND),
        ("empty lines between", "\n\n" + SOUND + "\n\n"),
        ("empty cells at the end, as spreadsheets write", SOUND + ",,"),
        ("cells pasted from a spreadsheet", SOUND.replace(",", "\t")),
        ("quoted cells", '"0:00","4:30","先做什么？","断电","验电","挂牌","离开","ABC"'),
        ("letters apart, in any order", SOUND[:-3] + '"c、a, B"'),
        ("times in seconds", SOUND.replace("4:30", "270")),
        ("times with hours and full-width colons", SOUND.replace("4:30", "0：04：30")),
        ("text", "0:00-4:30 先做什么？\n* 断电\n* 验电\n* 挂牌\n- 离开"),
        ("text with a wide dash", "0:00 ～ 4:30 先做什么？\n*断电\n*验电\n*挂牌\n-离开\n\n"),
    ],
)
def test_a_question_is_read_from(form: str, text: str) -> None:
    assert read_questions(text, DURATION_MS) == (DRAFT,), form


def test_text_with_commas_is_not_taken_for_a_table() -> None:
    text = "1:00-2:00 a, b, c, d, e, f, g, or h?\n* 1\n- 2\n- 3\n- 4\n\n2:00-3:00 Next?\n- 1\n- 2\n- 3\n* 4"
    assert [one.correct for one in read_questions(text, DURATION_MS)] == [(0,), (3,)]


@pytest.mark.parametrize(
    ("fault", "row"),
    [
        ("too few cells", "0:00,4:30,先做什么？,断电,验电,挂牌,AB"),
        ("too many cells", SOUND + ",x"),
        ("no time", SOUND.replace("4:30", "later")),
        ("sixty seconds", SOUND.replace("4:30", "4:60")),
        ("behind the end of the video", SOUND.replace("4:30", "10:01")),
        ("a letter that is no option", SOUND.replace("ABC", "E")),
        ("a letter twice", SOUND.replace("ABC", "AA")),
        ("no answer", SOUND.replace("ABC", "")),
        ("two options alike", SOUND.replace("验电", "断电")),
    ],
)
def test_bad_rows_are_named_by_line_and_nothing_is_taken(fault: str, row: str) -> None:
    with pytest.raises(BadRows) as refusal:
        read_questions("\n".join(["from,to,question,A,B,C,D,answer", SOUND, row, "", SOUND, row]), DURATION_MS)
    assert [problem.line for problem in refusal.value.problems] == [3, 6], fault


def test_a_row_that_goes_over_several_lines_is_named_by_its_first() -> None:
    text = SOUND + '\n0:00,bad,"two\nlines",a,b,c,d,A\n' + SOUND + "\n0:00,bad,x,a,b,c,d,A"
    with pytest.raises(BadRows) as refusal:
        read_questions(text, DURATION_MS)
    assert [problem.line for problem in refusal.value.problems] == [2, 5]


@pytest.mark.parametrize(
    "block",
    [
        "0:00-4:30 先做什么？\n* 断电\n- 验电\n- 挂牌",
        "先做什么？\n* 1\n- 2\n- 3\n- 4",
        "0:00-4:30 题\n* 1\n2\n- 3\n- 4",
    ],
)
def test_bad_blocks_of_text_are_named_by_their_first_line(block: str) -> None:
    good = "0:00-4:30 先做什么？\n* 断电\n- 验电\n- 挂牌\n- 离开"
    with pytest.raises(BadRows) as refusal:
        read_questions(f"{good}\n\n\n{block}\n\n{good}", DURATION_MS)
    assert [problem.line for problem in refusal.value.problems] == [8]


@pytest.mark.parametrize("text", ["", "\n \n", "from,to,question,A,B,C,D,answer\n"])
def test_text_without_questions_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_questions(text, DURATION_MS)


def test_more_than_two_thousand_at_once_are_refused() -> None:
    with pytest.raises(Malformed) as refusal:
        read_questions("\n".join([SOUND] * 2001), DURATION_MS)
    assert refusal.value.error_code == "too_many_rows"


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_our_words(text: str) -> None:
    with suppress(Malformed):
        assert read_questions(text, DURATION_MS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_tables_are_read_as_spreadsheets_save_them(encoding: str) -> None:
    assert read_questions(decode(SOUND.encode(encoding)), DURATION_MS) == (DRAFT,)


def test_a_file_that_is_not_text_is_refused() -> None:
    with pytest.raises(Malformed):
        decode(b"\x00\xff\xfe\x81\x00")
