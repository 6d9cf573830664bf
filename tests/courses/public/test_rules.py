"""Why a course may not be opened, and what a notice or a campaign must say: tables of the rules."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from elearn.courses.centres import Centre
from elearn.courses.public import rules
from elearn.courses.public.rules import NotOpen, PostKind, PostState, Standing
from elearn.errors import Malformed
from tests.builders_courses import AT
from tests.builders_public import TODAY, said

MAY = Standing(centre=Centre.PUBLIC, has_item=False, in_class=False, shared=False, offers_video=True)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        *(({"centre": one}, NotOpen.CENTRE) for one in Centre if one is not Centre.PUBLIC),
        ({"has_item": True}, NotOpen.ITEM),
        ({"in_class": True}, NotOpen.IN_CLASS),
        ({"shared": True}, NotOpen.SHARED),
        ({"offers_video": False}, NotOpen.NO_VIDEO),
    ],
)
def test_only_what_can_never_be_credited_is_opened(change: dict[str, Any], why: NotOpen | None) -> None:
    assert rules.why_not_open(dataclasses.replace(MAY, **change)) is why


def test_every_reason_has_a_sentence() -> None:
    assert set(rules.WHY_NOT) == set(NotOpen)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "长" * 101}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"text": "\r\n "}, "text"),
        ({"text": "字" * 5001}, "text"),
        ({"issuer": ""}, "issuer"),
        ({"issuer": "\x07"}, "issuer"),
        ({"language": "fr"}, "language"),
        ({"from_on": None}, "from_on"),
        ({"until_on": None}, "until_on"),
        ({"until_on": TODAY - timedelta(days=1)}, "until_on"),
        ({"from_on": TODAY + timedelta(days=2), "until_on": TODAY + timedelta(days=1)}, "until_on"),
        ({"from_on": TODAY - timedelta(days=40), "until_on": TODAY - timedelta(days=1)}, "until_on"),
        ({"until_on": TODAY + timedelta(days=367)}, "until_on"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as refused:
        rules.checked(said(**change), today=TODAY)
    assert refused.value.error_code == field


def test_a_notice_needs_no_last_day_and_what_was_typed_is_tidied() -> None:
    found = rules.checked(
        said(PostKind.NOTICE, title="  停 电\n通知 ", text="甲\r\n乙\n", until_on=None), today=TODAY + timedelta(days=9)
    )
    assert (found.title, found.text, found.until_on) == ("停 电 通知", "甲\n乙", None)


def test_where_a_post_stands() -> None:
    assert rules.state_of(None, None) is PostState.DRAFT
    assert rules.state_of(AT, None) is PostState.PUBLISHED
    assert rules.state_of(AT, AT) is rules.state_of(None, AT) is PostState.WITHDRAWN
