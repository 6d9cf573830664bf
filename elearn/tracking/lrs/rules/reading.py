"""How a statement's parts are read: the one error, and the simple values, each at its place. Pure.

Each function takes a decoded JSON value, `where` it stands (a JSON pointer, RFC 6901) and the clause that asks
for it, and raises BadStatement when it is something else. Nulls need no rule of their own: no property takes one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from elearn.errors import Malformed
from elearn.tracking.lrs.rules.forms import is_iri, is_language, is_uuid


class BadStatement(Malformed):
    """A statement breaks the specification: which property (JSON pointer), why, and which clause says so."""

    code = "bad_statement"

    def __init__(self, where: str, why: str, clause: str) -> None:
        super().__init__(
            "The statement breaks xAPI %(clause)s at %(where)s: %(why)s", where=where or "/", why=why, clause=clause
        )
        self.where = where or "/"
        self.why = why
        self.clause = clause


def an_object(value: Any, allowed: frozenset[str], where: str, clause: str) -> dict[str, Any]:
    """`value` when it is a JSON object of allowed properties only (Data 2.2)."""
    if type(value) is not dict:
        raise BadStatement(where, "must be an object", clause)
    if not value.keys() <= allowed:
        extra = min(value.keys() - allowed)
        raise BadStatement(f"{where}/{_escape(extra)}", "is not a property of this object", f"Data 2.2, {clause}")
    return value


def _escape(key: str) -> str:
    return key[:100].replace("~", "~0").replace("/", "~1")


def a_list(value: Any, where: str, clause: str) -> list[Any]:
    if type(value) is not list:
        raise BadStatement(where, "must be an array", clause)
    return value


def a_text(value: Any, where: str, clause: str) -> None:
    if type(value) is not str:
        raise BadStatement(where, "must be a string", clause)


def a_number(value: Any, where: str, clause: str) -> int | float:
    """The number to compare by; what no machine word holds is endless, which IEEE 754 allows (Data 2.2)."""
    if type(value) is int or type(value) is float:
        return value
    if type(value) is not msgspec.Raw:
        raise BadStatement(where, "must be a number", clause)
    return float(bytes(value))


def an_iri(value: Any, where: str, clause: str) -> None:
    if not is_iri(value):
        raise BadStatement(where, "must be an IRI with a scheme", f"{clause}, Data 4.3")


def a_uuid(value: Any, where: str, clause: str) -> None:
    if not is_uuid(value):
        raise BadStatement(where, "must be a UUID in its standard form", f"{clause}, Data 4.4")


def a_language_map(value: Any, where: str, clause: str) -> None:
    if type(value) is not dict:
        raise BadStatement(where, "must be a language map", f"{clause}, Data 4.2")
    for tag, text in value.items():
        if not is_language(tag):
            raise BadStatement(f"{where}/{_escape(tag)}", "must be an RFC 5646 language tag", f"{clause}, Data 4.2")
        if type(text) is not str:
            raise BadStatement(f"{where}/{_escape(tag)}", "must be a string", f"{clause}, Data 4.2")


def extension_map(value: Any, where: str) -> None:
    if type(value) is not dict:
        raise BadStatement(where, "must be an object", "Data 4.1")
    for key in value:
        if not is_iri(key):
            raise BadStatement(f"{where}/{_escape(key)}", "must be an IRI with a scheme", "Data 4.1, Data 4.3")
