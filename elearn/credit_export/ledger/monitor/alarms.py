"""What a monitor has to say, and the file that keeps it."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Code(StrEnum):
    """What kind of wrong it is; stable, for machines."""

    # Of the log as a whole
    SIGNATURE = "SIGNATURE"
    """The checkpoint is not signed by the log."""
    QUORUM = "QUORUM"
    """It is not cosigned as the policy asks."""
    STALE = "STALE"
    """Its cosignatures are older than allowed."""
    OLDER = "OLDER"
    """A smaller tree is shown than was shown before."""
    FORKED = "FORKED"
    """Two signed checkpoints contradict each other."""
    HIDDEN = "HIDDEN"
    """Somebody else was shown a larger tree."""
    ORIGIN = "ORIGIN"
    """Another log than the one that was mirrored, or one whose name has no year."""
    # Of its files
    WITHHELD = "WITHHELD"
    """A file that a signed checkpoint needs is not there."""
    TILE = "TILE"
    """A file does not lead to the root that was signed."""
    ENTRY = "ENTRY"
    """The entry that is served is not the leaf that was signed."""
    CHANGED = "CHANGED"
    """A file that was mirrored has another content now."""
    # Of a leaf by itself
    FORM = "FORM"
    """It is not a leaf as leaves are written."""
    KIND = "KIND"
    """It is of no known kind."""
    OFFICERS = "OFFICERS"
    """Not two different people, or one of them is the person whose hours they are."""
    MS = "MS"
    """More time than its span or attendance is long."""
    # Of a person's chain
    SEQUENCE = "SEQUENCE"
    """A number is missing or there twice."""
    PREV = "PREV"
    """It does not name the leaf before it."""
    TOTAL = "TOTAL"
    """The running total is not the sum."""
    OVERLAP = "OVERLAP"
    """The same seconds again. They are counted once."""
    DAY = "DAY"
    """More than a day has, or a day that had not come."""
    VOID = "VOID"
    """It takes back what is not there to be taken back."""
    # Of what a leaf names
    UNIT = "UNIT"
    """A unit that no leaf before described, or described in two ways."""
    DURATION = "DURATION"
    """A span beyond the end of the unit."""
    POLICY = "POLICY"
    """Rules that no leaf before named."""
    EVIDENCE = "EVIDENCE"
    """No evidence before it that covers its end."""
    MINUTES = "MINUTES"
    """Evidence goes back, overlaps or repeats itself."""
    KEY = "KEY"
    """A change of the log's key that the old key did not sign."""
    # Of time
    ORDER = "ORDER"
    """Older than the leaf before it."""
    CLOCK = "CLOCK"
    """Witnesses saw the log at other times than the leaf says."""
    STAMP = "STAMP"
    """A time stamp over another text, or of no authority that is believed."""
    YEAR = "YEAR"
    """Another year than the log's."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that does not fit. `leaf` is the text that caused it: a leaf, or what the log signed."""

    code: Code
    sentence: str
    index: int | None = None
    leaf: str = ""

    @property
    def key(self) -> str:
        """The same alarm again is the same alarm."""
        return hashlib.sha256("\x00".join((self.code, self.sentence, str(self.index), self.leaf)).encode()).hexdigest()

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps({"alarm": self.code, **{k: v for k, v in asdict(self).items() if k != "code"}})

    def __str__(self) -> str:
        where = "" if self.index is None else f" leaf {self.index}"
        return f"{self.code}{where}: {self.sentence}" + "".join(f"\n    {line}" for line in self.leaf.splitlines())


LISTED_MAX = 10_000
"""Alarms of one code that are listed; then one more says that there are others. A hostile log fills no disk."""


class AlarmBook:
    """All alarms there ever were, in one file that only grows."""

    def __init__(self, path: Path) -> None:
        """A last line that a crash cut off is taken away: what it told is found again."""
        self._path = path
        self._known: dict[str, Alarm] = {}
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            with path.open("r+b") as file:
                file.truncate(len(whole))
        for text in whole.splitlines():
            kept = json.loads(text)
            alarm = Alarm(Code(kept["alarm"]), kept["sentence"], kept["index"], kept["leaf"])
            self._known[alarm.key] = alarm
        self._listed = Counter(alarm.code for alarm in self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    def all(self) -> list[Alarm]:
        """In the order they came."""
        return list(self._known.values())

    def add(self, alarms: Iterable[Alarm]) -> list[Alarm]:
        """Those that are new; they are on disk before this returns."""
        new: dict[str, Alarm] = {}
        for alarm in alarms:
            listed = alarm if self._listed[alarm.code] < LISTED_MAX else Alarm(alarm.code, "and others of this kind")
            if listed.key not in self._known and listed.key not in new:
                new[listed.key] = listed
                self._listed[listed.code] += 1
        if new:
            with self._path.open("ab") as file:
                file.write("".join(f"{alarm.line()}\n" for alarm in new.values()).encode())
                file.flush()
                os.fsync(file.fileno())
            self._known |= new
        return list(new.values())
