"""What the monitor remembers of the leaves it has read: of each person the end of the chain and what counts.

    DIR/audit/state          the facts of the whole log, and how much of the two files below belongs to them
    DIR/audit/subjects-N     records of persons, the newest of each is the one that holds
    DIR/audit/evidence-N     root and end of each evidence leaf

The files only grow and `state` is replaced last, so a crash at any moment leaves the memory of the batch before. In
main memory are one small entry per person and per evidence leaf, and the persons of the batch under way.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import IO

import msgspec

from elearn.credit_export.ledger.files import write_whole

FORM = 1
RECORD = struct.Struct(">16sI")
EVIDENCE = struct.Struct(">32sq")
COMPACT_BYTES = 64 << 20
"""Files of persons smaller than this are not written anew."""


class Attended(msgspec.Struct, array_like=True):
    """Hours attended, epoch milliseconds."""

    index: int
    from_ms: int
    to_ms: int
    ms: int


class Person(msgspec.Struct, array_like=True):
    """One chain. Times in whole milliseconds; what counts as one is `online/theory` and so on."""

    n: int = 0
    prev: bytes = b""
    stated: dict[str, int] = {}
    """The totals its leaves state."""
    counted: dict[str, int] = {}
    """The totals by our own count, each second once."""
    spans: dict[int, list[int]] = {}
    """Number of the unit -> what was credited: begin, end, begin, end ... in order, apart from each other."""
    days: dict[int, int] = {}
    """Day (ordinal) -> credited on it."""
    leaves: list[int] = []
    """Indexes of credit and attend leaves."""
    voided: list[int] = []
    short: dict[int, int] = {}
    """Leaf -> what it counts, where that is less than it says."""
    attended: list[Attended] = []


class UnitFacts(msgspec.Struct, array_like=True, frozen=True):
    """What a unit leaf said: a number of ours, duration, kind, and the digest of all it said but when."""

    number: int
    ms: int
    kind: str
    said: bytes


class Facts(msgspec.Struct):
    """Of the log as a whole."""

    form: int = FORM
    position: int = 0
    """Leaves below this were read."""
    last_at_ms: int = -(1 << 62)
    last_evidence: bytes = b""
    last_evidence_to_ms: int = -(1 << 62)
    key: str = ""
    """The log's newest key by its key leaves."""
    units: dict[str, UnitFacts] = {}
    policies: set[str] = set()
    seen_size: int = 0
    """The newest checkpoint all of whose leaves were read, and when it was last cosigned (0: by nobody)."""
    seen_ms: int = 0
    generation: int = 0
    persons_bytes: int = 0
    evidence_bytes: int = 0


_pack, _read_facts = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Facts).decode
_read_person = msgspec.msgpack.Decoder(Person).decode


class Memory:
    """Facts and persons, on disk under `directory`."""

    def __init__(self, directory: Path) -> None:
        """What another version left, or is not whole, is dropped: all can be read again from the mirror."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.facts = self._kept_facts()
        self._persons = self._open("subjects", self.facts.persons_bytes)
        self._evidence = self._open("evidence", self.facts.evidence_bytes)
        self._places: dict[bytes, tuple[int, int]] = {}
        self._live_bytes = 0
        self._index()
        self.evidence: dict[bytes, int] = dict(EVIDENCE.iter_unpack(self._evidence.read(self.facts.evidence_bytes)))
        """Root of each evidence leaf -> its end, epoch milliseconds."""
        self._new_evidence: list[bytes] = []
        self._open_persons: dict[bytes, Person] = {}

    def person(self, sub: bytes) -> Person:
        """To be changed in place; `save` writes it."""
        known = self._open_persons.get(sub)
        if known is None:
            place = self._places.get(sub)
            known = _read_person(os.pread(self._persons.fileno(), place[1], place[0])) if place else Person()
            self._open_persons[sub] = known
        return known

    def subs(self) -> list[bytes]:
        """Everybody there is, as of the last `save`."""
        return list(self._places)

    def add_evidence(self, root: bytes, to_ms: int) -> None:
        self.evidence[root] = to_ms
        self._new_evidence.append(EVIDENCE.pack(root, to_ms))

    def save(self) -> None:
        """All that changed is on disk, or the memory is as it was before."""
        self._append_persons(self._open_persons)
        self._open_persons = {}
        self._evidence.seek(self.facts.evidence_bytes)
        self._evidence.write(b"".join(self._new_evidence))
        self.facts.evidence_bytes = self._evidence.tell()
        self._new_evidence = []
        _sync(self._evidence)
        if self.facts.persons_bytes > max(COMPACT_BYTES, 4 * self._live_bytes):
            self._compact()
        else:
            _sync(self._persons)
        self._write_facts()

    def close(self) -> None:
        self._persons.close()
        self._evidence.close()

    def _write_facts(self) -> None:
        write_whole(self._directory / "state", _pack(self.facts))

    def _kept_facts(self) -> Facts:
        path = self._directory / "state"
        try:
            facts = _read_facts(path.read_bytes())
        except (FileNotFoundError, msgspec.DecodeError):
            return Facts()
        lengths = {f"subjects-{facts.generation}": facts.persons_bytes, "evidence-0": facts.evidence_bytes}
        paths = {self._directory / name: length for name, length in lengths.items()}
        whole = all(path.exists() and path.stat().st_size >= length for path, length in paths.items())
        return facts if facts.form == FORM and whole else Facts()

    def _open(self, name: str, length: int) -> IO[bytes]:
        """At its end there may be what no `state` knows of: it is cut off."""
        path = self._directory / f"{name}-{self.facts.generation if name == 'subjects' else 0}"
        file = path.open("r+b" if path.exists() else "w+b")
        file.truncate(length)
        return file

    def _index(self) -> None:
        self._persons.seek(0)
        at = 0
        while at < self.facts.persons_bytes:
            sub, length = RECORD.unpack(os.pread(self._persons.fileno(), RECORD.size, at))
            self._place(sub, at + RECORD.size, length)
            at += RECORD.size + length

    def _place(self, sub: bytes, at: int, length: int) -> None:
        before = self._places.get(sub)
        self._live_bytes += length - (before[1] if before else 0)
        self._places[sub] = (at, length)

    def _append_persons(self, persons: dict[bytes, Person]) -> None:
        at = self.facts.persons_bytes
        parts: list[bytes] = []
        for sub, person in persons.items():
            data = _pack(person)
            parts += (RECORD.pack(sub, len(data)), data)
            self._place(sub, at + RECORD.size, len(data))
            at += RECORD.size + len(data)
        self._persons.seek(self.facts.persons_bytes)
        self._persons.write(b"".join(parts))
        self._persons.flush()
        self.facts.persons_bytes = at

    def _compact(self) -> None:
        """The newest record of each person, in a new file; the old one goes when `state` knows the new one."""
        old, old_path = self._persons, self._directory / f"subjects-{self.facts.generation}"
        self.facts.generation += 1
        fresh = (self._directory / f"subjects-{self.facts.generation}").open("w+b")
        at = 0
        for sub, (begin, length) in self._places.items():
            fresh.write(RECORD.pack(sub, length) + os.pread(old.fileno(), length, begin))
            self._places[sub] = (at + RECORD.size, length)
            at += RECORD.size + length
        _sync(fresh)
        self._persons, self.facts.persons_bytes = fresh, at
        self._write_facts()
        old.close()
        old_path.unlink()


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
