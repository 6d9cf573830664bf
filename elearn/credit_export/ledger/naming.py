"""Pure: what a log is called. A log is whole in itself: each year has its own, and the old ones freeze."""

from __future__ import annotations

import re
from pathlib import Path

NAME = re.compile(r"([0-9]{4})(?:-([1-9][0-9]?))?")
"""`2026`, and `2026-2` for the log that an operator began when the first one could not go on."""


def log_name(year: int, series: int = 1) -> str:
    return f"{year:04}" if series == 1 else f"{year:04}-{series}"


def base_of(public_url: str, url_prefix: str = "") -> str:
    """Where the logs are, without the scheme: `hours.example/training/ledger`."""
    return f"{public_url.partition('://')[2].rstrip('/')}{url_prefix.rstrip('/')}/ledger"


def origin_of(public_url: str, url_prefix: str, year: int, series: int = 1) -> str:
    """The log's origin line (C2SP tlog-tiles): its address without the scheme. `year` is the regulator's."""
    return f"{base_of(public_url, url_prefix)}/{log_name(year, series)}"


def year_and_series(name: str) -> tuple[int, int]:
    """What `log_name` made the name of. Raises ValueError when no log is called that."""
    found = NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is not the name of a log")
    return int(found[1]), int(found[2] or 1)


def directory_of(ledger_dir: Path, origin: str) -> Path:
    """Where the public files of a log are. Raises ValueError for an origin that `origin_of` did not make."""
    name = origin.rpartition("/")[2]
    if not NAME.fullmatch(name):
        raise ValueError(f"{origin} does not end with the name of a log")
    return ledger_dir / name
