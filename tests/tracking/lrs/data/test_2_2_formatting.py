"""xAPI Data 2.2, and 2.1: what is demanded of a statement's JSON, and that none of it is changed.

XAPI-00012 (parameters) and XAPI-00015 (UTF-8 on the wire) are tested at the door: `test_at_the_door.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking.lrs.rules.check import BadStatement, check_statement
from elearn.tracking.lrs.rules.text import MOST_DIGITS, MOST_LEVELS, decode
from tests.builders_lrs import a_statement, an_agent, an_attachment
from tests.tracking.lrs.data.judging import (
    ACTIVITY,
    GROUP,
    ID,
    REFERENCE,
    VERSIONS,
    Example,
    Rule,
    a_sub_statement,
    at,
    judge,
    judged,
    wrong,
)

WHOLE: Example = a_statement(
    id=ID,
    actor=GROUP | {"name": "G"},
    object=ACTIVITY
    | {
        "objectType": "Activity",
        "definition": {
            "name": {"en": "x"},
            "description": {"en": "x"},
            "type": "a:t",
            "moreInfo": "http://a/m",
            "interactionType": "choice",
            "correctResponsesPattern": ["a"],
            "choices": [{"id": "a", "description": {"en": "A"}}],
            "extensions": {"http://e/1": 1},
        },
    },
    result={
        "score": {"scaled": 0.5, "raw": 5, "min": 0, "max": 10},
        "success": True,
        "completion": True,
        "response": "a",
        "duration": "PT1S",
        "extensions": {"http://e/1": 1},
    },
    context={
        "registration": ID,
        "instructor": an_agent(name="T"),
        "team": GROUP,
        "contextActivities": {kind: [ACTIVITY] for kind in ("parent", "grouping", "category", "other")},
        "revision": "1",
        "platform": "p",
        "language": "en",
        "statement": REFERENCE,
        "extensions": {"http://e/1": 1},
    },
    timestamp="2026-11-22T03:00:00Z",
    stored="2026-11-22T03:00:00Z",
    authority=an_agent(),
    version="1.0.0",
    attachments=[an_attachment(b"x", description={"en": "x"}, fileUrl="http://a/f")],
)
"""Every property that both versions know."""


Place = tuple[Any, ...]


def _places(value: Any, where: Place = ()) -> list[Place]:
    """Every place in a statement but those inside extensions."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [((*where, key), one) for key, one in inner if not (where and where[-1] == "extensions")]
    return [place for path, one in below for place in (path, *_places(one, path))]


def _at(place: Place, value: Any) -> Any:
    """WHOLE with this value there."""
    made = json.loads(json.dumps(WHOLE))
    inside = made
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    return made


PLACES = _places(WHOLE)


def _texts(statement: Any, place: Place = ()) -> list[str]:
    """As a statement, and its parts as a SubStatement, unless what is at `place` is of whole statements alone."""
    if place[:1] in [("id",), ("stored",), ("authority",), ("version",)]:
        return [json.dumps(statement)]
    sub = {name: one for name, one in statement.items() if name not in ("id", "stored", "authority", "version")}
    return [json.dumps(statement), json.dumps(a_statement(object={"objectType": "SubStatement"} | sub))]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_statement_is_taken_with_every_property(version: str) -> None:
    for text in _texts(WHOLE):
        assert check_statement(text, version).raw == text
    assert len(PLACES) > 80


def _taken(statements: Iterable[tuple[Place, str]]) -> list[tuple[str, Place]]:
    """Which of these statements, each with the place that is wrong in it, are taken all the same."""
    found = []
    for place, text in statements:
        for version in VERSIONS:
            try:
                check_statement(text, version)
            except BadStatement:
                continue
            found.append((version, place))
    return found


def _value(place: Place) -> Any:
    inside: Any = WHOLE
    for step in place:
        inside = inside[step]
    return inside


def test_xapi_00001_null_is_refused_at_every_place_outside_extensions() -> None:
    statements = [(place, text) for place in PLACES for text in _texts(_at(place, None), place)]
    assert _taken(statements) == []


def test_xapi_00006_the_wrong_type_is_refused_at_every_place() -> None:
    statements = []
    for place in PLACES:
        kind: Any = type(_value(place))
        right = {int, float} if kind in (int, float) else {kind}
        if place[:2] == ("context", "contextActivities") and len(place) == 3:
            right = {list, dict}  # one activity is as good as a list
        others: list[Any] = ["1", 7, 1.5, True, [], {}]
        statements += [(place, json.dumps(_at(place, one))) for one in others if type(one) not in right]
    assert _taken(statements) == []


def test_xapi_00008_a_key_in_another_case_is_refused_at_every_place() -> None:
    statements = []
    for place in PLACES:
        if isinstance(place[-1], int) or place[-2:-1] in [("name",), ("description",), ("display",)]:
            continue  # lists have no keys, and those of language maps have no case
        if "extensions" in place[:-1]:
            continue
        statement = json.loads(json.dumps(WHOLE))
        inside = statement
        for step in place[:-1]:
            inside = inside[step]
        inside[place[-1][0].upper() + place[-1][1:]] = inside.pop(place[-1])
        statements.append((place, json.dumps(statement)))
    assert len(statements) > 60
    assert _taken(statements) == []


@judged(
    [
        *(
            Rule(f"{number} a statement has {name}", "2.2", (), (({name: None}, f"/{name}"),), inside=False)
            for number, name in (("XAPI-00003", "an actor"), ("XAPI-00004", "a verb"), ("XAPI-00005", "an object"))
            for name in (name.split()[1],)
        ),
        Rule(
            "XAPI-00007 a value without its form is refused, an empty one too",
            "2.4",
            (),
            (
                *wrong("/id", at("id"), "", "x"),
                *wrong("/actor/mbox", at("actor", "mbox"), "", "a@b"),
                *wrong("/verb/id", at("verb", "id"), "", "x"),
                *wrong("/object/id", at("object", "id"), "", "x"),
                *wrong("/timestamp", at("timestamp"), "", "x"),
                *wrong("/context/registration", at("context", "registration"), "", "x"),
            ),
        ),
        Rule(
            "XAPI-00009 a value of a fixed few is one of them to the letter",
            "2.4",
            (),
            (
                *wrong(
                    "/object/objectType", lambda one: {"object": ACTIVITY | {"objectType": one}}, "ACTIVITY", "activity"
                ),
                ({"actor": an_agent() | {"objectType": "agent"}}, "/actor/objectType"),
                ({"object": a_sub_statement() | {"objectType": "subStatement"}}, "/object/objectType"),
                (
                    {"object": ACTIVITY | {"definition": {"interactionType": "Choice"}}},
                    "/object/definition/interactionType",
                ),
            ),
        ),
        Rule(
            "XAPI-00010 what the specification does not name is refused",
            "2.2",
            (),
            (
                ({"dummy": 1}, "/dummy"),
                ({"": 1}, "/"),
                ({"objectType": "Statement"}, "/objectType"),
                ({"a/b~c": 1}, "/a~1b~0c"),
            ),
            inside=False,
        ),
        Rule(
            "XAPI-00011 an IRI or IRL has a scheme",
            "4.3",
            (),
            (
                *wrong("/verb/id", at("verb", "id"), "a.example/v", "//a.example/v"),
                *wrong(
                    "/object/definition/moreInfo",
                    lambda one: {"object": ACTIVITY | {"definition": {"moreInfo": one}}},
                    "a.example/m",
                ),
            ),
        ),
    ]
)
def test_what_a_statement_is_made_of(rule: Rule) -> None:
    judge(rule)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "7",
        '"x"',
        "{",
        "{}}",
        "{'a': 1}",
        '{"a": 1,}',
        "// x\n{}",
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 01}',
        '{"a": +1}',
        '{"a": .5}',
        '{"a": 1.}',
        '{"a": 0x1}',
        '{"a": "\t"}',
        '{"a": "\\x"}',
        "\ufeff{}",
        "{} {}",
    ],
)
def test_xapi_00014_what_is_no_json_object_is_refused(text: str, version: str) -> None:
    with pytest.raises(BadStatement):
        check_statement(text, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("text", [b"\xff\xfe", b'{"a": "\xed\xa0\x80"}', '{"a": "x"}'.encode("utf-16")])
def test_xapi_00015_what_is_not_utf_8_is_refused(text: bytes, version: str) -> None:
    with pytest.raises(BadStatement):
        check_statement(text, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800\\u0041", "\\udc00\\ud800"])
@pytest.mark.parametrize("digits", ["1", "9" * (MOST_DIGITS + 1)])
def test_half_a_character_is_refused_however_the_text_is_read(escape: str, digits: str, version: str) -> None:
    with pytest.raises(BadStatement):
        check_statement(_with_extension(f'["{escape}", {digits}]'), version)


HUGE = "9" * (MOST_DIGITS + 1)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_xapi_00014_what_is_no_number_is_refused_beside_a_huge_one_too(name: str) -> None:
    with pytest.raises(BadStatement, match="is not JSON"):
        check_statement(_with_extension(f"[{HUGE}, {name}]"))


def test_a_huge_number_is_taken_where_keys_are_counted_with_care() -> None:
    text = _with_extension(f'["\\u003a", {HUGE}]')
    assert check_statement(text).raw == text
    for twice in ('{"a": 1, "a": "\\u003a"}', '{"a": "x\\u003ax\\u003a", "a": ":"}'):
        with pytest.raises(BadStatement, match="twice"):
            check_statement(_with_extension(f"[{twice}, {HUGE}]"))


def test_xapi_00021_a_key_given_twice_is_refused_at_every_place() -> None:
    statements = []
    for place in PLACES:
        if isinstance(place[-1], int):
            continue  # lists have no keys
        marked, same = json.dumps(_at(place, "HERE")), json.dumps(_value(place))
        for spelled in (place[-1], f"\\u{ord(place[-1][0]):04x}{place[-1][1:]}"):
            statements.append((place, marked.replace('"HERE"', f'{same}, "{spelled}": {same}')))
    assert len(statements) > 120
    assert _taken(statements) == []


# What follows: nothing is changed, and no statement is refused for the values of an extension (Data 4.1).


def _with_extension(value: str) -> str:
    return json.dumps(a_statement(result={"extensions": {"http://e": "HERE"}})).replace('"HERE"', value)


NUMBERS = (
    *("0", "-0", "-0.0", "1.10", "1.0", "1E5", "1e+5", "1e-400", "1e400", "-1e400", "1e99999999999999999999"),
    *("0.1000000000000000055511151231257827", "12345678901234567890.5", "18446744073709551616", "-9223372036854775809"),
    *("9" * MOST_DIGITS, "9" * (MOST_DIGITS + 1), "-" + "9" * 100_000, "1." + "0" * 5000 + "1"),
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:24])
def test_xapi_00002_every_number_is_kept_as_it_was_written(number: str, version: str) -> None:
    text = _with_extension(number)
    checked = check_statement(text, version)
    assert checked.raw == text
    written = msgspec.json.encode(checked.statement["result"]["extensions"]["http://e"]).decode()
    assert written == {"-0": "0"}.get(number, number)


def test_a_definition_is_drawn_out_with_its_numbers_as_they_were_written() -> None:
    numbers = ", ".join(NUMBERS[2:])
    text = json.dumps(a_statement(object=ACTIVITY | {"definition": {"extensions": {"http://e": "HERE"}}}))
    (definition,) = check_statement(text.replace('"HERE"', f"[{numbers}]")).definitions
    assert definition == (ACTIVITY["id"], '{"extensions":{"http://e":[' + numbers.replace(", ", ",") + "]}}")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "value",
    [
        '"\\u0000"',
        '"\\ud83d\\ude00"',
        '"\\/\\b\\f"',
        '"\x7f\u2028\ufeff"',
        '{"": {"": null}}',
        '{"b": 1, "a": 2}',
        " [ 1 ,\n2 ] ",
        '"' + "x" * 1000000 + '"',
        "[" + ",".join("1" * 50000) + "]",
        '"\\u003a:"',
        '{"\\u003a": ":"}',
    ],
    ids=lambda value: value[:12],
)
def test_escapes_order_and_blanks_stay_as_they_came(value: str, version: str) -> None:
    text = _with_extension(value)
    assert check_statement(text, version).raw == text


def test_nesting_is_taken_to_a_depth_that_every_later_reader_can_follow() -> None:
    outside = 3  # the statement, its result, its extensions
    for open_, close in (("[", "]"), ('{"a":', "}")):
        for levels, taken in (
            (MOST_LEVELS - outside, True),
            (MOST_LEVELS - outside + 1, False),
            (900, False),
            (10**5, False),
        ):
            text = _with_extension(open_ * levels + "1" + close * levels)
            if taken:
                assert check_statement(text).raw == text
            else:
                with pytest.raises(BadStatement, match="nested too deep"):
                    check_statement(text)


def test_what_is_wide_is_not_deep() -> None:
    text = _with_extension("[" + ",".join(["[[]]"] * MOST_LEVELS) + "]")
    assert check_statement(text).raw == text


@given(
    st.lists(
        st.from_regex(r"(?!-0([^.eE]|$))-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
    )
)
def test_no_number_is_changed_by_reading_it(numbers: list[str]) -> None:
    text = f"[{','.join(numbers)}]"
    assert msgspec.json.encode(decode(text)).decode() == text
