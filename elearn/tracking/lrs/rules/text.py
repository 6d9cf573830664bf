"""A statement's JSON text read so that nothing of it is changed or guessed. Pure.

Numbers keep the form they came in: a decimal fraction or an exponent is a `msgspec.Raw` of its own text (1.10 is not
1.1, 1e400 is not refused), a whole number is an int. Data 4.1: no statement may be refused for what an extension
holds, so here only that is refused which is no JSON, which two readers would read differently, or which is nested so
deep that a later reader would fail.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec

from elearn.tracking.lrs.rules.reading import BadStatement

MOST_LEVELS = 400
"""Objects and lists in one another. Python's decoders give up short of 1,000, less what their callers stand on."""
MOST_DIGITS = 4300
"""Of an int: Python's limit, because more take quadratic time to read."""

_decoder = msgspec.json.Decoder(float_hook=msgspec.Raw)


def decode(text: str) -> Any:
    """The value of `text`. Raises BadStatement, msgspec.MsgspecError, UnicodeError or RecursionError."""
    try:
        value = _decoder.decode(text)
    except msgspec.ValidationError:  # a whole number of too many digits: nothing else is invalid to it
        value = json.loads(text, parse_int=_whole_number, parse_float=msgspec.Raw, parse_constant=_refuse_constant)
    if text.count("{") + text.count("[") > MOST_LEVELS and _levels(value) > MOST_LEVELS:
        raise BadStatement("", "is nested too deep", "Data 2.2")
    _refuse_double_keys(text, value)
    return value


def encode(value: object) -> str:
    """`value` as JSON text: a `msgspec.Raw` as it came, so what `decode` read says the same again."""
    return msgspec.json.encode(value).decode()


def _whole_number(digits: str) -> int | msgspec.Raw:
    return int(digits) if len(digits) <= MOST_DIGITS else msgspec.Raw(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise BadStatement("", f"is not JSON: {name} is no number", "Data 2.2")


def _levels(value: Any) -> int:
    levels, layer = 0, [value]
    while layer := [one for one in layer if type(one) is dict or type(one) is list]:
        levels += 1
        layer = [inner for one in layer for inner in (one.values() if type(one) is dict else one)]
    return levels


def _refuse_double_keys(text: str, decoded: Any) -> None:
    """Raises BadStatement when an object of `text` names a key twice (Data 2.2).

    The decoder keeps the last of two and says nothing. But then its value, written again, has fewer colons than
    the text. Only where an escaped colon could hide that is the text read a second, slower time.
    """
    if text.count(":") == msgspec.json.encode(decoded).count(b":") and "\\u003" not in text:
        return

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise BadStatement(f".../{twice[:100]}", "is there twice in one object", "Data 2.2")
        return found

    json.loads(text, object_pairs_hook=once, parse_int=_whole_number)
