"""Which xAPI a request speaks, by its header X-Experience-API-Version (Communication 3.3)."""

from __future__ import annotations

import re

from elearn.errors import Malformed

HEADER = "X-Experience-API-Version"
LATEST_1 = "1.0.3"
LATEST_2 = "2.0.0"
SPOKEN = ("1.0.0", "1.0.1", "1.0.2", LATEST_1, LATEST_2)
_FORM = re.compile(r"(1|2)\.0(?:\.\d{1,6})?")


def answered(asked: str | None) -> str:
    """The version an answer names: the latest patch of what was asked for.

    Raises Malformed: no header, or a version this store does not speak.
    """
    match = _FORM.fullmatch(asked or "")
    if match is None:
        raise Malformed(
            "The header X-Experience-API-Version must be 1.0.x or 2.0.x (xAPI Communication 3.3).", code="version"
        )
    return LATEST_1 if match[1] == "1" else LATEST_2
