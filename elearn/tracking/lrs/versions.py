"""Which xAPI a request speaks, by its header X-Experience-API-Version (Communication 3.3)."""

from __future__ import annotations

import re

from elearn.tracking.lrs.rules.reading import BadStatement

HEADER = "X-Experience-API-Version"
LATEST_1 = "1.0.3"
LATEST_2 = "2.0.0"
LATEST = (LATEST_1, LATEST_2)
"""What an answer may name, and what a client speaks that does not say so."""
SPOKEN = ("1.0.0", "1.0.1", "1.0.2", *LATEST)
_FORM = re.compile(r"([12])\.0(?:\.[0-9]{1,6})?")


class BadHeader(BadStatement):
    """A header breaks the specification: which one, why, and which clause."""

    code = "bad_header"

    def __init__(self, header: str, why: str, clause: str, *, code: str | None = None) -> None:
        super().__init__(header, why, clause)
        self.own_code = code
        self.detail = "The header %(where)s breaks xAPI %(clause)s: %(why)s"


def is_second(version: str) -> bool:
    """Whether `version` (a statement's, a request's; perhaps empty) is one of xAPI 2."""
    return version.startswith("2")


def answered(asked: str | None) -> str:
    """The version an answer names: the latest patch of what was asked for. "1.0" means 1.0.0.

    Raises BadHeader, code `version`: no header, or a version this store does not speak.
    """
    match = _FORM.fullmatch(asked or "")
    if match is None:
        raise BadHeader(HEADER, "must be 1.0.x or 2.0.x", "Communication 3.3", code="version")
    return LATEST_1 if match[1] == "1" else LATEST_2
