"""How publishing stands, for an operator to see: who does not answer, since when, and what must be done.

A small file beside the public ones, written by whoever publishes; `trouble.py` says what it means to `/healthz`, a page
and a command. Nothing rests on it but when somebody who was away is asked again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from elearn.clock import MILLISECOND, from_ms, to_ms
from elearn.credit_export.ledger.files import write_whole
from elearn.credit_export.ledger.naming import NAME, year_and_series

FILE = "standing.json"
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=1)


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """The signer, or one witness."""

    state: str = "ok"
    """ok | away (it is asked again) | refuses (somebody must look)."""
    detail: str = ""
    since_ms: int = 0
    """When this state began."""
    tries: int = 0
    """How often in a row it was not ok."""
    again_ms: int = 0
    """Not asked before."""
    size: int = 0
    """How many leaves it has signed."""

    def ok(self, now: datetime, *, size: int) -> Part:
        return Part(since_ms=self.since_ms if self.state == "ok" else to_ms(now), size=size)

    def worse(self, state: str, detail: str, now: datetime) -> Part:
        """Not ok: asked again after a while that doubles."""
        again = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self.tries, 10))
        since_ms = self.since_ms if self.state == state else to_ms(now)
        return Part(state, detail, since_ms, self.tries + 1, to_ms(again), self.size)

    def may_be_asked(self, now: datetime) -> bool:
        """A clock that was put back does not make it wait for longer than it should."""
        return not 0 < self.again_ms - to_ms(now) <= LONGEST_WAIT // MILLISECOND

    @property
    def since(self) -> datetime:
        return from_ms(self.since_ms)


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of one log."""

    origin: str = ""
    published: int = 0
    """Leaves below the newest published checkpoint."""
    published_ms: int = 0
    """When its newest cosignatures were made."""
    alarm: str = ""
    """What an operator has to do before anything is published."""
    signer: Part = Part()
    witnesses: dict[str, Part] = {}
    quorum: bool = True
    """Whether the last checkpoint that was signed found its witnesses."""
    waiting_ms: int = 0
    """Since when leaves wait to be published; 0: none do."""


_read = msgspec.json.Decoder(Standing).decode


def read_standing(directory: Path) -> Standing:
    """Of the log whose files are there; of one that nothing is known of, an empty one."""
    try:
        return _read((directory / FILE).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return Standing()


def write_standing(directory: Path, standing: Standing) -> None:
    if read_standing(directory) != standing:
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(directory / FILE, msgspec.json.format(msgspec.json.encode(standing)) + b"\n")


def all_standings(ledger_dir: Path) -> list[Standing]:
    """Of the log of each year, the oldest first; one that an operator ended by beginning another is not looked at."""
    newest: dict[int, tuple[int, Path]] = {}
    for file in ledger_dir.glob(f"*/{FILE}"):
        if NAME.fullmatch(file.parent.name):
            year, series = year_and_series(file.parent.name)
            newest[year] = max(newest.get(year, (0, file)), (series, file))
    return [read_standing(file.parent) for _, (_, file) in sorted(newest.items())]
