"""Numbers as people type them: read in one way, or known to be none."""

from __future__ import annotations

import pytest

from elearn.pages import forms


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("007", 7), ("999", 999),
        ("1000", None), ("", None), ("-1", None), ("+1", None), ("1.0", None), (" 1", None), ("1e2", None),
        ("１２", None), ("٣", None), ("²", None), ("9" * 5_000, None),
    ],
)  # fmt: skip
def test_a_whole_number_has_so_many_digits_and_nothing_else(text: str, number: int | None) -> None:
    assert forms.whole(text, 3) == number


@pytest.mark.parametrize(
    ("text", "tenths"),
    [("4", 40), ("4.5", 45), ("4.", 40), ("999.9", 9_999), ("1000", None), (".5", None), ("4.55", None), ("4,5", None),
     ("4.-", None), ("４.5", None)],
)  # fmt: skip
def test_a_number_may_have_one_place_after_the_point_where_tenths_are_asked(text: str, tenths: int | None) -> None:
    assert forms.tenths(text, 3) == tenths
