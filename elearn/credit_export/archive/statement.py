"""What a learner signs at the end of a class: their hours and tests in it, as canonical JSON. Pure.

    {"format": "elearn-signoff/1", "class": {"id": ..., "class_no": ...}, "person": ...,
     "hours": [{"item": "T", "modality": "online", "kind": "theory", "ms": 1260000, "entries": 2}],
     "leaves": [{"origin": ..., "index": 17, "hash": "sha256:..."}],
     "tests": [{"id": ..., "title": ..., "number": 2, "score_milli": ..., "max_milli": ..., "passed": true, ...}]}

It is written in one way (RFC 8785), so that its SHA-256 names it. No name stands in it, only ids: it may be kept when
the person is erased. `leaves` are the last leaf of each log that the hours rest on, so one that was taken back and
credited anew is another statement also where the sums are the same. A signature holds while the statement of now is
the one that was signed; else it is signed again, and both stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import rfc8785

FORMAT = "elearn-signoff/1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger of hours, beside the leaf that it was made from."""

    person_id: UUID
    item: str | None
    """Code of the outline's item; None: under no item, so it counts for no outline."""
    modality: str
    kind: str
    ms: int
    """Below zero where it takes one back."""
    earned_on: date
    learned_at: datetime
    rules: str
    origin: str | None
    index: int | None
    hash: str | None
    """`sha256:...` of the leaf; these three are None on entries that are older than the log."""
    raw: str | None
    """The leaf itself."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A course test that somebody took in the class, and what came of it."""

    id: UUID
    person_id: UUID
    title: str
    number: int
    score_milli: int
    max_milli: int
    passed: bool
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Sum:
    """Hours of one item, modality and kind."""

    item: str | None
    modality: str
    kind: str
    ms: int
    entries: int


def sums(entries: Iterable[Entry]) -> list[Sum]:
    """The balance by item, modality and kind; in one order."""
    found: dict[tuple[str | None, str, str], tuple[int, int]] = {}
    for one in entries:
        ms, count = found.get(key := (one.item, one.modality, one.kind), (0, 0))
        found[key] = ms + one.ms, count + 1
    ordered = sorted(found.items(), key=lambda one: (one[0][0] or "", *one[0][1:]))
    return [Sum(*key, ms=ms, entries=count) for key, (ms, count) in ordered]


def heads(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The last leaf of each log among these entries."""
    last: dict[str, tuple[int, str | None]] = {}
    for one in entries:
        if one.origin is not None and one.index is not None and one.index >= last.get(one.origin, (-1, ""))[0]:
            last[one.origin] = one.index, one.hash
    return [{"origin": origin, "index": index, "hash": hash_} for origin, (index, hash_) in sorted(last.items())]


def statement(
    class_id: UUID, class_no: str, person_id: UUID, entries: Sequence[Entry], attempts: Sequence[Attempt]
) -> bytes:
    """The bytes that are signed. The same hours and tests give the same bytes."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "class": {"id": str(class_id), "class_no": class_no},
        "person": str(person_id),
        "hours": [
            {"item": one.item, "modality": one.modality, "kind": one.kind, "ms": one.ms, "entries": one.entries}
            for one in sums(entries)
        ],
        "leaves": heads(entries),
        "tests": [
            {
                "id": str(one.id), "title": one.title, "number": one.number, "score_milli": one.score_milli,
                "max_milli": one.max_milli, "passed": one.passed,
                "closed_at": one.closed_at.isoformat(timespec="milliseconds"),
            }
            for one in sorted(attempts, key=lambda one: (one.closed_at, one.id))
        ],
    }  # fmt: skip
    return rfc8785.dumps(said)


def digest(said: bytes) -> str:
    """What names a statement: SHA-256, hex."""
    return hashlib.sha256(said).hexdigest()


class Standing(StrEnum):
    """How a learner stands to the hours of a class."""

    NOT_SIGNED = "not_signed"
    SIGNED = "signed"
    CHANGED = "changed"
    """Signed, and changed since: to be signed again."""


def standing(now: str, signed: str | None) -> Standing:
    """`now` and `signed` are digests; the last one that was signed, None where there is none."""
    if signed is None:
        return Standing.NOT_SIGNED
    return Standing.SIGNED if signed == now else Standing.CHANGED
