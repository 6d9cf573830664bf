"""Every numbered requirement of xAPI Data has its test."""

from __future__ import annotations

import re
from pathlib import Path

WITHDRAWN = {95}
"""XAPI-00095 (contextActivities that are empty) was taken out of the specification's tests in 2017."""


def test_every_requirement_of_xapi_data_is_named_by_a_test() -> None:
    """XAPI-00001 to XAPI-00124, and XAPI-00332, which the specification has in Data 2.4.10."""
    tested: set[int] = set()
    for path in Path(__file__).parent.parent.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        tested |= {int(number) for number in re.findall(r"(?i)xapi[-_](\d{5})", text)}
        for first, last in re.findall(r"xapi_(\d{5})_to_(\d{5})", text):
            tested |= set(range(int(first), int(last) + 1))
    assert {*range(1, 125), 332} - WITHDRAWN - tested == set()
