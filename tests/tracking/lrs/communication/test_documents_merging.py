"""Merging, alone: what a POST makes of two documents (xAPI Communication 2.2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.errors import Malformed
from elearn.tracking.lrs.documents.merging import Document, posted

JSON = "application/json"
KEYS = st.sampled_from(["a", "b", "é", "", "\u8bfe", "\0", '"', "a.b"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def written(value: Any) -> Document:
    return Document(json.dumps(value).encode(), JSON)


@settings(deadline=None)
@given(OBJECTS, OBJECTS)
def test_top_level_members_are_set_and_all_others_stay(there: dict[str, Any], sent: dict[str, Any]) -> None:
    made = json.loads(posted(written(there), written(sent)).content)
    assert made == there | sent
    assert list(made) == list(there | sent)


@settings(deadline=None)
@given(OBJECTS, OBJECTS)
def test_merging_again_changes_nothing(there: dict[str, Any], sent: dict[str, Any]) -> None:
    once = posted(written(there), written(sent))
    assert posted(once, written(sent)).content == once.content


def test_every_value_stays_as_its_client_wrote_it() -> None:
    there = Document(b'{"n": 1.50E+1, "big":123456789012345678901234567890, "s":"\\u00e9\\/", "o": { "x" :1 } }', JSON)
    made = posted(there, Document(b'{"m":0.10}', JSON + "; charset=utf-8"))
    parts = (b"1.50E+1", b"123456789012345678901234567890", b'"\\u00e9\\/"', b'{ "x" :1 }', b'"m":0.10')
    for part in parts:
        assert part in made.content
    assert made.content_type == JSON + "; charset=utf-8"


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON", "application/json ;charset=utf-8"])
def test_json_is_told_by_its_media_type_whatever_its_case_and_parameters(content_type: str) -> None:
    there = Document(b'{"a":1}', content_type)
    assert json.loads(posted(there, Document(b'{"b":2}', JSON)).content) == {"a": 1, "b": 2}


@pytest.mark.parametrize("content_type", ["", "text/json", "application/json+ld", "application/jsonx", "json"])
def test_other_types_are_not_merged(content_type: str) -> None:
    with pytest.raises(Malformed):
        posted(Document(b'{"a":1}', JSON), Document(b'{"b":2}', content_type))
    with pytest.raises(Malformed):
        posted(Document(b'{"a":1}', content_type), Document(b'{"b":2}', JSON))
