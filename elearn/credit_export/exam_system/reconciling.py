"""Does a receiver hold what we believe it holds? Its own list against ours; what each side misses, line by line.

Its list is JSON, whole or a line each: `{"record_id", "version", "status", "outcome"?}`, where `status` is what it
holds the record for (`granted`, `withdrawn`, ...) and `outcome` its own decision (`accepted`, `rejected`), if it has
taken one. No personal data: record ids are enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from elearn.credit_export.exam_system.delivery import State as Delivery
from elearn.credit_export.exam_system.push_rules import ENDED
from elearn.credit_export.lifecycle import State

NOT_HELD = ENDED | {"withdrawn"}
"""As a receiver may say it: that it knows of a withdrawal too."""
HOLDS = frozenset({Delivery.ACKNOWLEDGED, Delivery.ACCEPTED, Delivery.REJECTED})
"""Deliveries of which we believe that the receiver has them."""


class Finding(StrEnum):
    MISSING_THERE = "missing_there"
    """We delivered it, or it can be read in the feed as granted; the receiver does not have it."""
    UNKNOWN_HERE = "unknown_here"
    """The receiver has a record that we do not know, or that is not of its outlines."""
    OTHER_VERSION = "other_version"
    """The same id with another version: one of the two was changed by hand."""
    STILL_HELD = "still_held"
    """It no longer holds here; the receiver still relies on it."""
    NOT_HELD = "not_held"
    """It is granted here; the receiver holds it for ended."""
    RECEIPT_MISSING = "receipt_missing"
    """The receiver has decided; its receipt never came."""
    RECEIPT_DIFFERS = "receipt_differs"
    """Its decision is another than its receipt said."""
    RECEIPT_UNKNOWN_THERE = "receipt_unknown_there"
    """We have a receipt; the receiver says that it has not decided."""


class ListRefused(ValueError):
    """It is no such list."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A version as it stands here, and with the receiver."""

    record_id: UUID
    version: int
    status: str
    """`lifecycle.State`."""
    delivery: Delivery | None
    receipt: str | None
    """The outcome of its newest receipt."""


@dataclass(frozen=True, slots=True)
class Theirs:
    record_id: UUID
    version: int
    status: str
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    finding: Finding
    record_id: UUID
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.finding.value}\t{self.record_id}\there: {self.ours}\tthere: {self.theirs}"


@dataclass(frozen=True, slots=True)
class Report:
    """A reconciliation: how many records each side has, and how they differ."""

    here: int
    there: int
    differences: list[Difference]


def read_list(text: str) -> list[Theirs]:
    """A receiver's list. Raises ListRefused, naming the entry; an empty file is no list (`[]` is one)."""
    if not text.strip():
        raise ListRefused("The file is empty.")
    try:
        whole = json.loads(text)
        entries = whole.get("records", [whole]) if isinstance(whole, dict) else whole
    except json.JSONDecodeError:
        try:
            entries = [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError as error:
            raise ListRefused("The list is not JSON, whole or a line each.") from error
    if not isinstance(entries, list):
        raise ListRefused("The list is not a list.")
    return [_entry(number, entry) for number, entry in enumerate(entries, 1)]


def _entry(number: int, entry: Any) -> Theirs:
    try:
        version, status, outcome = entry["version"], entry["status"], entry.get("outcome")
        if type(version) is not int or not isinstance(status, str) or not (outcome is None or isinstance(outcome, str)):
            raise TypeError
        return Theirs(UUID(entry["record_id"]), version, status, outcome)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ListRefused(f"Entry {number} is not a record with record_id, version and status.") from error


def compare(ours: Iterable[Ours], theirs: Sequence[Theirs]) -> list[Difference]:
    """All differences, in the order of the records here; then what only the receiver knows.

    An entry that stands twice in the receiver's list counts as it stood last.
    """
    there: Mapping[UUID, Theirs] = {one.record_id: one for one in theirs}
    found: list[Difference] = []
    known: set[UUID] = set()
    for one in ours:
        known.add(one.record_id)
        found += _differences(one, there.get(one.record_id))
    found += [
        Difference(Finding.UNKNOWN_HERE, one.record_id, "-", f"version {one.version}, {one.status}")
        for one in there.values()
        if one.record_id not in known
    ]
    return found


def _differences(ours: Ours, theirs: Theirs | None) -> list[Difference]:
    def differ(finding: Finding, here: str, there: str) -> Difference:
        return Difference(finding, ours.record_id, here, there)

    if theirs is None:
        told = ours.delivery in HOLDS or ours.receipt is not None
        if told or (ours.status == State.GRANTED and ours.delivery is not Delivery.REROUTED):
            stands = "not told" if ours.delivery is None else ours.delivery.value
            return [differ(Finding.MISSING_THERE, f"{ours.status}, {stands}", "-")]
        return []
    if theirs.version != ours.version:
        return [differ(Finding.OTHER_VERSION, str(ours.version), str(theirs.version))]
    found = []
    ended_here = ours.status in ENDED or ours.delivery is Delivery.REROUTED
    if ended_here and theirs.status not in NOT_HELD:
        found.append(differ(Finding.STILL_HELD, ours.status, theirs.status))
    elif ours.status == State.GRANTED and not ended_here and theirs.status in NOT_HELD:
        found.append(differ(Finding.NOT_HELD, ours.status, theirs.status))
    if theirs.outcome is not None and ours.receipt is None:
        found.append(differ(Finding.RECEIPT_MISSING, "-", theirs.outcome))
    elif theirs.outcome is None and ours.receipt is not None:
        found.append(differ(Finding.RECEIPT_UNKNOWN_THERE, ours.receipt, "-"))
    elif theirs.outcome != ours.receipt:
        found.append(differ(Finding.RECEIPT_DIFFERS, str(ours.receipt), str(theirs.outcome)))
    return found
