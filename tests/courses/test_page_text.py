"""What a page may say, how it is shown, and how long reading it takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses import page_text
from elearn.courses.page_text import as_html, checked, most_ms, proposed_ms, require_credit
from elearn.errors import Malformed

ELEMENTS = {
    "p",
    "br",
    "ul",
    "ol",
    "li",
    "strong",
    "em",
    "hr",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
ELEMENTS |= {"h3", "h4", "h5", "h6"}


def test_headings_stand_below_the_title_of_the_page() -> None:
    assert as_html("# 一\n## 二\n###### 六") == "<h3>一</h3>\n<h4>二</h4>\n<h6>六</h6>\n"


def test_a_table_brings_no_styles_along() -> None:
    assert "style" not in as_html("| a | b |\n|:--|--:|\n| 1 | 2 |")


@pytest.mark.parametrize(
    "said",
    [
        "<script>alert(1)</script>",
        "[go](javascript:alert(1))",
        "![x](https://elsewhere.example/pixel.png)",
        "<https://elsewhere.example>",
        '<b onmouseover="x">',
        "`code` ~~~\n<img src=x>",
        "[a]: javascript:x\n\n[a]",
    ],
)
def test_what_could_act_in_a_page_is_shown_as_it_was_typed(said: str) -> None:
    shown = as_html(said)
    assert re.search(r"<(script|img|a|b)\b", shown) is None
    assert "&lt;" in shown or "[" in shown


@given(st.text(alphabet="<>&\"'`[]()!#*-_|:= \n\\abcd1.安\t~x/", max_size=200))
def test_no_text_makes_other_elements_than_these_nor_attributes(text: str) -> None:
    for name, rest in re.findall(r"</?([a-zA-Z0-9]+)([^>]*)>", as_html(text)):
        assert name in ELEMENTS
        assert re.fullmatch(r'( start="\d+")?', rest), rest


@pytest.mark.parametrize(
    ("rule", "text", "image", "seconds"),
    [
        ("the shortest page", "短", False, 10),
        ("250 characters are a minute", "安" * 248, False, 60),
        ("150 words are a minute", " ".join(["safety"] * 145), False, 60),
        ("a picture takes its time", "短", True, 25),
        ("never more than half an hour", "安" * 20_000, True, 1800),
    ],
)
def test_how_long_reading_takes(rule: str, text: str, image: bool, seconds: int) -> None:
    assert proposed_ms("题目", text, image=image) == seconds * 1000, rule


@pytest.mark.parametrize(
    ("credit_s", "proposed_s", "taken"),
    [
        (9, 60, False),
        (10, 60, True),
        (120, 60, True),
        (121, 60, False),
        (60, 10, True),
        (61, 10, False),
        (1801, 1800, False),
    ],
)
def test_a_reviewer_gives_at_most_twice_what_reading_takes(credit_s: int, proposed_s: int, taken: bool) -> None:
    if taken:
        require_credit(credit_s * 1000, proposed_s * 1000)
    else:
        with pytest.raises(Malformed, match="credit time"):
            require_credit(credit_s * 1000, proposed_s * 1000)
    assert most_ms(proposed_s * 1000) <= page_text.LONGEST_MS


def test_titles_are_one_line_and_texts_have_an_end() -> None:
    assert checked(" 第一\n 节 ", "a\r\nb\n") == ("第一 节", "a\nb")
    for title, text in (("", "x"), ("题" * 201, "x"), ("题", "字" * 20_001)):
        with pytest.raises(Malformed):
            checked(title, text)
