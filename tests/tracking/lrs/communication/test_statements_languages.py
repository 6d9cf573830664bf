"""Which entry of a language map the header Accept-Language picks (Communication 2.1.3, RFC 2616 section 14.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking.lrs.statements.languages import choose

TAGS = ("en", "en-GB", "en-US", "zh-CN", "zh-TW", "fr", "und", "de-CH-1996")


@pytest.mark.parametrize(
    ("tags", "header", "shown", "why"),
    [
        ("en-US en-GB", "en-GB", "en-GB", "the tag itself"),
        ("en en-GB", "en-GB", "en-GB", "a bare tag is not what was asked for (ADL XAPI-00172)"),
        ("en-US en-GB", "EN-gb", "en-GB", "case says nothing"),
        ("fr en-US", "en", "en-US", "a range is met by a tag that begins with it"),
        ("fr english", "en", "fr", "but only up to a hyphen"),
        ("en fr", "fr;q=0.4, en;q=0.8", "en", "the higher quality"),
        ("en fr", "fr, en", "fr", "of equals the one named first"),
        ("en-GB en-US", "en;q=0.5, en-US;q=0.9, en-GB;q=0.1", "en-US", "the longest range that is met decides"),
        ("en-GB en-US", "en, en-GB;q=0", "en-US", "quality zero is a refusal"),
        ("en-GB", "en-GB;q=0", "en-GB", "but one language there must be"),
        ("de fr", "fr;q=0, *", "de", "the star stands for all that is not named"),
        ("de fr", "fr;q=0.1, *;q=0.5", "de", "and has a quality like any other"),
        ("de fr", "en-GB, *;q=0", "de", "nothing is wanted: the first one"),
        ("de und", "en", "und", "nothing is wanted: the text of no language"),
        ("de fr", "fr;q=0", "de", "nothing is wanted: the first that was not refused"),
        ("de fr", "de;q=0", "fr", "nothing is wanted: the first that was not refused"),
        ("de en-US", "en-GB", "en-US", "who asks for British English reads American"),
        ("fr zh-CN", "zh-Hant-TW, fr;q=0.2", "fr", "before that, all that is met as it was asked"),
        ("ja zh", "zh-Hant-TW", "zh", "a range says less by dropping its parts one by one"),
        ("de fr", "", "de", "no header: the first"),
        ("de fr", "fr;q=x, ;;, =, q=1", "de", "what cannot be read is passed over"),
        ("de fr", "fr;q=7", "de", "and so is a quality above one"),
        ("de fr", "de;q=0.2;level=1, fr;level=1;q=0.3", "fr", "parameters that say nothing"),
    ],
)
def test_a_language_is_chosen(tags: str, header: str, shown: str, why: str) -> None:
    assert choose(tags.split(), header) == shown, why


@given(
    st.lists(st.sampled_from(TAGS), min_size=1, unique=True),
    st.lists(st.tuples(st.sampled_from((*TAGS, "*", "en-AU")), st.integers(0, 10)), max_size=6),
)
def test_one_of_the_map_is_always_chosen_and_none_that_was_refused_before_one_that_was_not(
    tags: list[str], wanted: list[tuple[str, int]]
) -> None:
    shown = choose(tags, ", ".join(f"{tag};q={quality / 10}" for tag, quality in wanted))
    assert shown in tags
    refused = {tag.lower() for tag, _ in wanted} - {tag.lower() for tag, quality in wanted if quality}
    named = {tag.lower() for tag, quality in wanted if quality}
    if any(tag.lower() in named for tag in tags):
        assert shown.lower() not in refused


@given(st.text(max_size=80))
def test_no_header_breaks_it(header: str) -> None:
    assert choose(["zh-CN", "en"], header) in ("zh-CN", "en")
