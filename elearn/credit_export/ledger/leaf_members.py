"""The values that leaves are made of: how each stands in JSON, and what is not taken. Pure.

Each is a type with its rule. A rule's `read` takes what JSON holds, and raises ValueError or TypeError for anything
that is not written in the one way; its `write` is the way back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, NamedTuple

from elearn.credit_export.ledger.notes import Verifier
from elearn.credit_export.ledger.plain_text import base64_bytes

KINDS = ("theory", "practice")
INTEGER_MAX = (1 << 53) - 1
"""RFC 8785 knows no larger one."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_VISIBLE = re.compile(r"[!-~]{1,200}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.(?!000)[0-9]{3})?Z\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def _same(value: Any) -> Any:
    return value


class Rule(NamedTuple):
    """One kind of value."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any] = _same


def _or_none(rule: Rule) -> Rule:
    return Rule(
        lambda value: None if value is None else rule.read(value),
        lambda value: None if value is None else rule.write(value),
    )


def digest(hash_: bytes) -> str:
    """How leaves write a SHA-256."""
    return f"sha256:{hash_.hex()}"


def digest_bytes(text: str) -> bytes:
    """The hash that a leaf names; raises ValueError.

    The published vectors have the hash of the leaf before in base64, which is taken here and never written.
    """
    if _DIGEST.match(text):
        return bytes.fromhex(text.removeprefix("sha256:"))
    data = base64_bytes(text)
    if len(data) != 32:
        raise ValueError("a hash has 32 bytes")
    return data


def write_time(at: datetime) -> str:
    """UTC, to the second, or to the millisecond when it has any."""
    if at.utcoffset() is None or at.microsecond % 1_000:
        raise ValueError("a time knows its zone and is of whole milliseconds")
    precision = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _whole(least: int) -> Rule:
    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= INTEGER_MAX:
            raise ValueError(f"not a whole number from {least}")
        return value

    return Rule(read)


def _matching(pattern: str) -> Rule:
    compiled = re.compile(f"(?:{pattern})\\Z")

    def read(value: Any) -> str:
        if not compiled.match(value):
            raise ValueError("not text of this form")
        return str(value)

    return Rule(read)


_URN = _matching("urn:[a-z0-9][a-z0-9-]{0,31}:[!-~]{1,200}")


def _read_stretch(value: Any) -> tuple[int, int]:
    a, b = value
    if type(value) is not list or not type(a) is type(b) is int or not 0 <= a < b <= INTEGER_MAX:
        raise ValueError("not a stretch [a, b)")
    return a, b


def _read_two(value: Any) -> tuple[str, str]:
    one, other = value
    if type(value) is not list or one == other or not (_VISIBLE.match(one) and _VISIBLE.match(other)):
        raise ValueError("not two people")
    return one, other


def _read_time(value: Any) -> datetime:
    if not _TIME.match(value):
        raise ValueError("not a time in UTC")
    return datetime.fromisoformat(value)


def _read_day(value: Any) -> date:
    if not _DAY.match(value):
        raise ValueError("not a day")
    return date.fromisoformat(value)


def _read_link(value: Any) -> str:
    digest_bytes(value)
    return str(value)


def _read_vkey(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return Verifier.from_vkey(value).vkey


def _read_signature(value: Any) -> str:
    if not base64_bytes(value):
        raise ValueError("no signature")
    return str(value)


Count = Annotated[int, _whole(0)]
Positive = Annotated[int, _whole(1)]
Digest = Annotated[str, _matching("sha256:[0-9a-f]{64}")]
Link = Annotated[str | None, _or_none(Rule(_read_link))]
"""Digest of the leaf before in the chain of the subject; None in the first."""
Subject = Annotated[str, _matching("[A-Za-z0-9_-]{21}[AQgw]")]
"""16 bytes in base64url without padding."""
Urn = Annotated[str, _URN]
UrnOrNone = Annotated[str | None, _or_none(_URN)]
Kind = Annotated[str, _matching("|".join(KINDS))]
Code = Annotated[str, _matching("[A-Za-z0-9_.-]{1,64}")]
Time = Annotated[datetime, Rule(_read_time, write_time)]
Day = Annotated[date, Rule(_read_day, date.isoformat)]
Stretch = Annotated[tuple[int, int], Rule(_read_stretch, list)]
"""Media [a, b), whole milliseconds."""
TwoPeople = Annotated[tuple[str, str], Rule(_read_two, list)]
"""Two different names of people, without spaces; pseudonyms, for the log has no personal data."""
Vkey = Annotated[str, Rule(_read_vkey)]
Signature = Annotated[str, Rule(_read_signature)]
