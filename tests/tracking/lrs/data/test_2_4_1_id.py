"""xAPI Data 2.4.1, 4.4; IEEE 9274.1.1 4.2.4.2: a statement's id, and UUIDs wherever they are."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from elearn.tracking.lrs.rules.check import check_statement
from tests.builders_lrs import a_statement
from tests.tracking.lrs.data.judging import ID, REFERENCE, VERSIONS, Example, Rule, judge, judged

LONG = ID + "7"
LETTER = "g" + ID[1:]
NO_DASHES = ID.replace("-", "")
FORMS: tuple[tuple[str, tuple[Any, ...], tuple[Any, ...]], ...] = (
    (
        "XAPI-00029 in its standard form",
        (ID, ID.upper()),
        (NO_DASHES, f"{{{ID}}}", f"urn:uuid:{ID}", "", f" {ID}", ID.replace("-", "‐"), f"{ID}\n"),
    ),
    (
        "XAPI-00030 by RFC 4122, of any version and variant",
        (
            "00000000-0000-0000-0000-000000000000",
            "12345678-1234-5678-1234-567812345678",
            "01890a5d-ac96-774b-bcce-b302099a8057",
        ),
        (LONG, LETTER, ID[:-1]),
    ),
    ("XAPI-00028 a string", (), (12345, {"key": "x"}, [ID], True)),
)


def uuids(what: str, clause: str, place: str, make: Any, *, inside: bool = True) -> list[Rule]:
    return [
        Rule(
            f"{form}: {what}",
            clause,
            tuple(make(one) for one in takes),
            tuple((make(one), place) for one in refuses),
            inside=inside,
        )
        for form, takes, refuses in FORMS
    ]


def _context(**what: Any) -> Example:
    return {"context": what}


@judged(uuids("XAPI-00027 a statement's id", "2.4.1", "/id", lambda one: {"id": one}, inside=False))
def test_an_id_is_a_uuid(rule: Rule) -> None:
    judge(rule)


@judged(
    uuids("XAPI-00072 a reference's id", "2.4.4.3", "/object/id", lambda one: {"object": {**REFERENCE, "id": one}})
    + uuids("XAPI-00087 a registration", "2.4.6.1", "/context/registration", lambda one: _context(registration=one))
    + uuids(
        "XAPI-00092 the id of a context's statement",
        "2.4.6",
        "/context/statement/id",
        lambda one: _context(statement={**REFERENCE, "id": one}),
    )
)
def test_every_other_uuid_has_the_same_form(rule: Rule) -> None:
    judge(rule)


@pytest.mark.parametrize("version", VERSIONS)
def test_xapi_00026_a_statement_without_an_id_is_given_one(version: str) -> None:
    text = json.dumps(a_statement(id=None))
    first, second = check_statement(text, version), check_statement(text, version)
    assert first.id != second.id
    assert (first.id.version, first.id.variant) == (4, UUID(ID).variant)
