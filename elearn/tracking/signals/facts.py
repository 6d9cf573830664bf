"""What the rules look at, and what they raise. Pure. Times are epoch milliseconds of server time unless named `cm`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID


class Rule(StrEnum):
    """MODEL 3.1's numbers."""

    REGULAR_BEATS = "R1"
    NEVER_PAUSES = "R2"
    LONG_RUNS = "R3"
    NIGHTS = "R4"
    SHARED_DEVICE = "R5"
    PHASE_LOCKED = "R6"
    SAME_SCRIPT = "R7"
    FAST_ANSWERS = "R8"
    NO_TOUCH = "R9"
    LATE_SHARE = "R10"
    TAKEOVERS = "R11"
    CAMEO = "R12"
    GUESSING = "R13"
    DELIVERY_SHAPE = "R14"
    FACE_AGAIN = "R15"
    CLIENT_SIGNS = "R16"


class Weight(StrEnum):
    """How much a flag says by itself: the other side of MODEL's false-positive risk."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


WEIGHTS = {
    Rule.REGULAR_BEATS: Weight.LOW,  # good Wi-Fi
    Rule.NEVER_PAUSES: Weight.HIGH,
    Rule.LONG_RUNS: Weight.LOW,  # shift workers: inform first
    Rule.NIGHTS: Weight.LOW,  # night shifts
    Rule.SHARED_DEVICE: Weight.MEDIUM,  # dormitories
    Rule.PHASE_LOCKED: Weight.MEDIUM,  # a class in one room
    Rule.SAME_SCRIPT: Weight.HIGH,
    Rule.FAST_ANSWERS: Weight.HIGH,
    Rule.NO_TOUCH: Weight.MEDIUM,  # a phone on a stand
    Rule.LATE_SHARE: Weight.MEDIUM,  # commuters
    Rule.TAKEOVERS: Weight.LOW,  # a bad hand-over between devices
    Rule.CAMEO: Weight.MEDIUM,  # classmates sitting together
    Rule.GUESSING: Weight.LOW,  # weak learners: never alone
    Rule.DELIVERY_SHAPE: Weight.MEDIUM,
    Rule.FACE_AGAIN: Weight.HIGH,
    Rule.CLIENT_SIGNS: Weight.LOW,  # VPNs
}


@dataclass(frozen=True, slots=True)
class Flag:
    """Something odd about one or several learners, and why it seems so.

    `key` names the occasion: the same occasion found again is the same flag.
    """

    rule: Rule
    learners: tuple[UUID, ...]
    from_ms: int
    to_ms: int
    key: str
    evidence: Mapping[str, Any]
    sittings: tuple[UUID, ...] = ()


class Beat(NamedTuple):
    """A heartbeat: when it was heard, and what the player's own clock said."""

    heard_ms: int
    cm_ms: int


@dataclass(frozen=True, slots=True)
class DayOf:
    """What a local day of one sitting holds, in milliseconds of media (`played_ms`: of playing time)."""

    played_ms: int = 0
    credited_ms: int = 0
    late_ms: int = 0
    night_ms: int = 0

    def plus(self, other: DayOf) -> DayOf:
        """Both together."""
        return DayOf(
            self.played_ms + other.played_ms,
            self.credited_ms + other.credited_ms,
            self.late_ms + other.late_ms,
            self.night_ms + other.night_ms,
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of server time, and how much of it was playing."""

    from_ms: int
    to_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class SittingFacts:
    """One sitting as its reports tell it."""

    id: UUID
    learner: UUID
    unit: UUID
    opened_ms: int
    last_ms: int
    heartbeat_ms: int = 15_000
    address: str | None = None
    touch: bool | None = None
    superseded_ms: int | None = None
    """When another player of the same learner took over; None when none did."""
    beats: tuple[Beat, ...] = ()
    media_ms: int = 0
    wall_ms: int = 0
    longest_run: Stretch | None = None
    untouched: Stretch | None = None
    events: tuple[tuple[str, int], ...] = ()
    """Pauses and seeks, each with its position in the media."""
    silences: tuple[tuple[int, int], ...] = ()
    """[from, to) of silences that late credit came after."""
    days: Mapping[date, DayOf] = field(default_factory=dict)


class Opening(NamedTuple):
    """Somebody opened a sitting on a device."""

    learner: UUID
    device: str
    at_ms: int


class CheckFacts(NamedTuple):
    """A presence check that was decided by an answer."""

    learner: UUID
    item: UUID
    put_ms: int
    decided_ms: int
    passed: bool
    tries: int

    @property
    def took_ms(self) -> int:
        return self.decided_ms - self.put_ms


class Together(NamedTuple):
    """Two learners who used one device or one address."""

    one: UUID
    other: UUID
    place: str


class Learned(NamedTuple):
    """A learner's final hours, and the checks behind them."""

    learner: UUID
    final_ms: int
    checks: int
    right_at_once: int
    month: str


class Fetched(NamedTuple):
    """The keys of one unit as one learner had them."""

    learner: UUID
    unit: UUID
    first_ms: int
    last_ms: int
    blocks: int
    of_blocks: int
    duration_ms: int
    licensed: bool


class Face(NamedTuple):
    """A picture of a learner against an earlier one: differing bits of 256, likeness of the two in permille."""

    learner: UUID
    check: UUID
    at_ms: int
    distance: int
    cosine_permille: int | None = None
    other_day: bool = False


class ClientSigns(NamedTuple):
    """What a sitting was opened with."""

    sitting: UUID
    learner: UUID
    opened_ms: int
    user_agent: str | None
    network: str | None
    webdriver: bool | None
    screen: tuple[int, int] | None
    zone: str | None
    home_zone: str
    """Where the enterprise is: the zone of the policy it is watched by."""
