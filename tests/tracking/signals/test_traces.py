"""A sitting's reports folded together: what goes on, what breaks off, and that pieces and whole come to the same."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.tracking.signals.facts import DayOf
from elearn.tracking.signals.traces import BEATS, Move, Trace, fold
from tests.tracking.signals.facts_of import MINUTE, SECOND, H, T

ZONE = "Asia/Shanghai"
ON = date(2026, 9, 21)


def moves(*claims: dict[str, Any]) -> Trace:
    """A trace of reports one heartbeat apart; each claim changes what an honest one would say."""
    trace, position = Trace(), 0
    for seq, claim in enumerate(claims, start=1):
        said: dict[str, Any] = {
            "seq": seq,
            "event": "heartbeat",
            "a_ms": position,
            "b_ms": position + H,
            "cm_ms": seq * H,
            "play_ms": H,
            "touches": None,
            "heard_ms": T + seq * H,
            "ended_ms": T + seq * H,
            "credited": ((H, ON, False),),
        }
        said |= claim
        position = said["b_ms"]
        fold(trace, Move(**said), ZONE)
    return trace


def test_playing_on_is_one_run() -> None:
    run = moves({}, {}, {}).longest_run
    assert run is not None
    assert (run.from_ms, run.to_ms, run.length_ms) == (T, T + 3 * H, 3 * H)


@pytest.mark.parametrize(
    ("what", "break_off"),
    [
        ("a pause of a minute", {"cm_ms": 3 * H + MINUTE, "heard_ms": T + 3 * H + MINUTE}),
        ("a jump in the media", {"a_ms": 5 * MINUTE, "b_ms": 5 * MINUTE + H}),
    ],
)
def test_a_run_breaks_off(what: str, break_off: dict[str, Any]) -> None:
    run = moves({}, {}, break_off).longest_run
    assert run is not None
    assert run.length_ms == 2 * H, what


def test_stillness_ends_with_a_touch_and_is_unknown_of_a_player_that_does_not_say() -> None:
    still = moves({"touches": 0}, {"touches": 0}, {"touches": 3}, {"touches": 0}).untouched
    assert still is not None
    assert still.length_ms == 2 * H
    assert moves({}, {}, {}).untouched is None


def test_wall_time_is_from_the_first_playing_to_the_last_report() -> None:
    trace = moves({}, {"cm_ms": 4 * H}, {"cm_ms": 5 * H})
    assert (trace.wall_ms, trace.media_ms) == (5 * H, 3 * H)


def test_credit_counts_on_the_day_it_was_given_and_by_night_when_it_was_played_by_night() -> None:
    night_ms = 1_789_923_600_000  # 2026-09-21 01:00 in China
    trace = moves({"ended_ms": night_ms, "credited": ((H, ON, True),)}, {})
    assert trace.days[ON] == DayOf(played_ms=2 * H, credited_ms=2 * H, late_ms=H, night_ms=H)


def test_a_silence_counts_when_late_credit_comes_after_it() -> None:
    long = 14 * MINUTE
    late = {"heard_ms": T + 2 * H + long, "credited": ((H, ON, True),)}
    assert moves({}, {}, late).silences == [(T + 2 * H, T + 2 * H + long)]
    assert moves({}, {}, late | {"credited": ((H, ON, False),)}).silences == []


def test_only_so_many_beats_are_kept() -> None:
    trace = moves(*[{}] * (BEATS + 30))
    assert len(trace.beats) == BEATS
    assert trace.beats[-1].cm_ms == (BEATS + 30) * H


def test_a_report_that_comes_again_changes_nothing() -> None:
    trace = moves({}, {})
    before = trace.as_json()
    fold(trace, Move(2, "pause", 0, 9, 9, 9, 9, T, T, ()), ZONE)
    fold(trace, Move(4, "pause", 0, 9, 9, 9, 9, T, T, ()), ZONE)
    assert trace.as_json() == before


some_moves = st.lists(
    st.fixed_dictionaries(
        {
            "event": st.sampled_from(["heartbeat", "pause", "seek", "play"]),
            "b_ms": st.integers(0, 10 * MINUTE),
            "play_ms": st.integers(-SECOND, 2 * H),
            "cm_ms": st.integers(0, 100 * H),
            "touches": st.none() | st.integers(0, 2),
            "heard_ms": st.integers(T, T + 100 * H),
        }
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(some_moves, st.integers(0, 30))
def test_folded_in_two_runs_of_the_job_it_comes_to_the_same(claims: list[dict[str, Any]], cut: int) -> None:
    whole, first = moves(*claims), Trace()
    position = 0
    for seq, claim in enumerate(claims, start=1):
        said: dict[str, Any] = {"a_ms": position, "ended_ms": T + seq * H, "credited": ((H, ON, False),)}
        fold(first, Move(**{"seq": seq, **said, **claim}), ZONE)
        position = claim["b_ms"]
        if seq == cut:
            first = Trace.read(first.seq, first.heard_ms, json.loads(json.dumps(first.as_json())))
    assert first.as_json() == whole.as_json()
