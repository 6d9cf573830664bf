"""Questions of the certificate exam never enter (教考分离): their marks are known, whatever a text speaks of."""

from __future__ import annotations

import pytest

from elearn.courses.questions import formats
from elearn.courses.questions.formats import gift, xlsx
from elearn.courses.questions.formats.draft import FOR_CERTIFICATE, says_certificate


@pytest.mark.parametrize(
    ("mark", "meant"),
    [
        ("取证考试", True),
        ("电工国家题库2026", True),
        ("Certification Exam", True),
        ("licensing-exam", True),
        ("课程测验", False),
        ("模拟考试", False),
        ("职业资格考试辅导", False),
        ("practice", False),
        ("", False),
        (None, False),
    ],
)
def test_a_mark_of_the_certificate_exam_is_known(mark: str | None, meant: bool) -> None:
    assert says_certificate(mark) is meant


def test_a_file_whose_name_says_certificate_exam_is_refused() -> None:
    _, reading = formats.read("低压电工取证考试题.xlsx", xlsx.template())
    assert [one.sentence for one in reading.problems] == [FOR_CERTIFICATE]


def test_a_question_may_speak_of_the_certificate_exam() -> None:
    assert gift.read("取证考试前要复习吗？{T}").problems == []
