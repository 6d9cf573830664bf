"""In whose name somebody acts, where two people of two sides decide together (DESIGN 5). Pure."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """In whose name somebody acts."""

    INSTITUTION = "institution"
    REGULATOR = "regulator"
    OPERATOR = "operator"
