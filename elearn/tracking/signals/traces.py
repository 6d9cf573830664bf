"""A sitting's reports folded into what the rules look at: each report once, whenever it comes. Pure.

The fold is what keeps the background job cheap: a sitting of ten thousand reports is read once, in pieces, and what
stays of it has a fixed size. It may be thrown away and folded again from the reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from elearn.tracking.signals.facts import Beat, DayOf, Stretch

BEATS = 120
"""Half an hour of heartbeats: R6 asks for twenty minutes, R1 for forty beats."""
EVENTS = 60
SILENCES = 40
SILENCE_MS = 600_000
JOINT_MS = 2_000
"""Playing that goes on after so short a stop, at the same place, is the same run."""
NIGHT = range(1, 5)
SCRIPT = frozenset({"pause", "seek"})


class Move(NamedTuple):
    """One decided report: what it claimed, when it was heard, and what was believed of it."""

    seq: int
    event: str
    a_ms: int
    b_ms: int
    cm_ms: int
    play_ms: int
    touches: int | None
    heard_ms: int
    ended_ms: int
    """When its playing ended by the server's clock (MODEL 1.2, `e` before it is clamped)."""
    credited: tuple[tuple[int, date, bool], ...]
    """(milliseconds, local day, late) of each piece."""


@dataclass(slots=True)
class Trace:
    """What a sitting has left so far. `run` and `still` are the stretches that go on."""

    seq: int = 0
    heard_ms: int = 0
    beats: list[Beat] = field(default_factory=list)
    media_ms: int = 0
    first_cm_ms: int | None = None
    last_cm_ms: int = 0
    run: Stretch | None = None
    run_at_ms: int = 0
    """Where in the media the run has got to."""
    run_cm_ms: int = 0
    longest_run: Stretch | None = None
    still: Stretch | None = None
    untouched: Stretch | None = None
    events: list[tuple[str, int]] = field(default_factory=list)
    silences: list[tuple[int, int]] = field(default_factory=list)
    days: dict[date, DayOf] = field(default_factory=dict)

    @property
    def wall_ms(self) -> int:
        """From the first moment of playing to the last report, by the player's monotonic clock."""
        return 0 if self.first_cm_ms is None else max(0, self.last_cm_ms - self.first_cm_ms)

    def as_json(self) -> dict[str, Any]:
        """The trace as JSON values."""
        return {
            "beats": self.beats,
            "media_ms": self.media_ms,
            "cm": [self.first_cm_ms, self.last_cm_ms],
            "run": _row(self.run),
            "run_at": [self.run_at_ms, self.run_cm_ms],
            "longest_run": _row(self.longest_run),
            "still": _row(self.still),
            "untouched": _row(self.untouched),
            "events": self.events,
            "silences": self.silences,
            "days": {
                on.isoformat(): [day.played_ms, day.credited_ms, day.late_ms, day.night_ms]
                for on, day in self.days.items()
            },
        }

    @classmethod
    def read(cls, seq: int, heard_ms: int, kept: Mapping[str, Any]) -> Trace:
        """The trace that `as_json` wrote."""
        return cls(
            seq=seq,
            heard_ms=heard_ms,
            beats=[Beat(*beat) for beat in kept["beats"]],
            media_ms=kept["media_ms"],
            first_cm_ms=kept["cm"][0],
            last_cm_ms=kept["cm"][1],
            run=_stretch(kept["run"]),
            run_at_ms=kept["run_at"][0],
            run_cm_ms=kept["run_at"][1],
            longest_run=_stretch(kept["longest_run"]),
            still=_stretch(kept["still"]),
            untouched=_stretch(kept["untouched"]),
            events=[(event, at) for event, at in kept["events"]],
            silences=[(since, to) for since, to in kept["silences"]],
            days={date.fromisoformat(on): DayOf(*numbers) for on, numbers in kept["days"].items()},
        )


def fold(trace: Trace, move: Move, zone: str) -> None:
    """Take one report more into the trace. One that is not the next in order changes nothing."""
    if move.seq != trace.seq + 1:
        return
    late = any(piece[2] for piece in move.credited)
    if late and trace.heard_ms and move.heard_ms - trace.heard_ms >= SILENCE_MS and len(trace.silences) < SILENCES:
        trace.silences.append((trace.heard_ms, move.heard_ms))
    trace.seq, trace.heard_ms = move.seq, move.heard_ms
    if move.event == "heartbeat":
        trace.beats = [*trace.beats[1 - BEATS :], Beat(move.heard_ms, move.cm_ms)]
    if move.event in SCRIPT and len(trace.events) < EVENTS:
        trace.events.append((move.event, move.b_ms))
    if move.play_ms > 0:
        if trace.first_cm_ms is None:
            trace.first_cm_ms = move.cm_ms - move.play_ms
        trace.media_ms += max(0, move.b_ms - move.a_ms)
    trace.last_cm_ms = move.cm_ms
    _run(trace, move)
    _stillness(trace, move)
    _count(trace, move, zone)


def _run(trace: Trace, move: Move) -> None:
    if move.play_ms <= 0:
        return
    before = trace.run
    if (
        before is not None
        and abs(move.a_ms - trace.run_at_ms) <= JOINT_MS
        and move.cm_ms - move.play_ms - trace.run_cm_ms <= JOINT_MS
    ):
        trace.run = Stretch(before.from_ms, move.ended_ms, before.length_ms + move.play_ms)
    else:
        trace.run = Stretch(move.ended_ms - move.play_ms, move.ended_ms, move.play_ms)
    trace.run_at_ms, trace.run_cm_ms = move.b_ms, move.cm_ms
    trace.longest_run = _longer(trace.longest_run, trace.run)


def _stillness(trace: Trace, move: Move) -> None:
    """A player that does not say how often it was touched is never still: nothing is known of it."""
    if move.touches is None or move.touches > 0:
        trace.still = None
        return
    before = trace.still
    since_ms = before.from_ms if before else move.ended_ms - max(0, move.play_ms)
    trace.still = Stretch(since_ms, move.ended_ms, (before.length_ms if before else 0) + max(0, move.play_ms))
    trace.untouched = _longer(trace.untouched, trace.still)


def _count(trace: Trace, move: Move, zone: str) -> None:
    at = datetime.fromtimestamp(move.ended_ms // 1_000, UTC).astimezone(ZoneInfo(zone))
    credited: dict[date, list[int]] = {}
    for length_ms, on, late in move.credited:
        sums = credited.setdefault(on, [0, 0])
        sums[0] += length_ms
        sums[1] += length_ms if late else 0
    if move.play_ms > 0:
        trace.days[at.date()] = trace.days.get(at.date(), DayOf()).plus(DayOf(played_ms=move.play_ms))
    for on, (credited_ms, late_ms) in credited.items():
        night_ms = credited_ms if at.hour in NIGHT else 0
        trace.days[on] = trace.days.get(on, DayOf()).plus(DayOf(0, credited_ms, late_ms, night_ms))


def _longer(one: Stretch | None, other: Stretch) -> Stretch:
    return other if one is None or other.length_ms > one.length_ms else one


def _row(stretch: Stretch | None) -> list[int] | None:
    return None if stretch is None else [stretch.from_ms, stretch.to_ms, stretch.length_ms]


def _stretch(row: list[int] | None) -> Stretch | None:
    return None if row is None else Stretch(*row)
