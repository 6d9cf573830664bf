"""A column of a batch as one parameter: what PostgreSQL reads of it is what was written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from elearn.arrays import Array, binaries, integers, moments, texts, uuids

ID = UUID("0189d6f6-9c1e-7f3a-8a8e-112233445566")
EARLY = datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
LATE = datetime(2026, 11, 22, 8, 0, 0, 1, tzinfo=timezone(timedelta(hours=8)))

CASES: dict[str, tuple[Callable[..., Array], Sequence[object], str, list[object]]] = {
    "ids with hyphens, without, and none": (uuids, [str(ID), ID.hex.upper(), None], "uuid", [ID, ID, None]),
    "texts of any script, also none at all": (texts, ["", "高处作业 😀", '{"a":"\\u0000"}'], "text", []),
    "octets": (binaries, [b"", b"\x00\xff"], "bytea", []),
    "moments before and after 2000, in any zone": (moments, [EARLY, LATE, None], "timestamptz", []),
    "whole numbers": (integers, [0, -1, 2**31 - 1], "integer", []),
    "nothing": (integers, [], "integer", []),
}


@pytest.mark.parametrize("case", CASES)
def test_postgresql_reads_what_was_written(case: str, session: Session) -> None:
    make, values, kind, read = CASES[case]
    asked = f"SELECT %(values)s::{kind}[]"  # of the table above
    found = session.connection().exec_driver_sql(asked, {"values": make(values)}).scalar_one()
    assert found == (read or list(values))


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
def test_a_number_that_is_no_integer_there_is_refused_here(number: int) -> None:
    with pytest.raises(OverflowError):
        integers([number])
