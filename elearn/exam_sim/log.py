"""The log of hours, looked at by this exam system's own monitor; and a witness of its own, in a process beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from elearn.credit_export.ledger.monitor.fetching import Unreachable
from elearn.credit_export.ledger.monitor.looking import watching
from elearn.credit_export.ledger.quorum import Trust
from elearn.starting import ending_with_us, running

STOP_S = 10


@dataclass(frozen=True, slots=True)
class LogWatch:
    """What is mirrored lies in `directory`; the checkpoint seen last is there, and the next one must extend it."""

    directory: Path
    url: str
    """Of the log, .../ledger/2026."""
    policy: Path | None = None
    """A tlog-policy file; without one the key that the log shows first is believed from then on."""

    def look(self) -> dict[str, Any]:
        """One round: `origin, size, checked, alarms` (sentences), or `trouble` when the log does not answer."""
        trust = Trust.read(self.policy.read_bytes()) if self.policy else None
        try:
            with watching(self.directory, self.url, trust) as monitor:
                found = monitor.look(now_s=int(time.time()))
        except Unreachable as error:
            return {"trouble": str(error)}
        return {
            "origin": found.origin,
            "size": found.size,
            "checked": found.checked,
            "alarms": [str(alarm) for alarm in found.alarms],
        }


@contextmanager
def witness_beside(directory: Path, listen: str) -> Iterator[None]:
    """`elearn witness serve` of a directory that has its key and logs already, while this lasts and no longer."""
    command = ending_with_us("witness", "serve", "--dir", str(directory), "--listen", listen)
    with running(command, stop_s=STOP_S, stdin=DEVNULL):
        yield
