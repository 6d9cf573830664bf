"""Honest people finish: random stories end with the whole lesson and wait for keys no longer than without pacing."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elearn.tracking.policy import Policy
from tests.tracking.pure.engine import Engine
from tests.tracking.pure.script import BLOCK_MS, Script, ms

D_S = 150
POLICY = Policy(block_ms=BLOCK_MS)

away = st.floats(1, 400).map(lambda seconds: round(seconds, 1))
habits = st.one_of(
    away.map(lambda s: [(0, "pause", {}), (s, "play", {})]),
    away.map(lambda s: [(0, "hide", {}), (s, "show", {})]),
    away.map(lambda s: [(0, "suspend", {}), (s, "resume", {})]),
    away.map(lambda s: [(0, "net_down", {}), (s, "net_up", {})]),
    away.map(lambda s: [(0, "close", {}), (s, "open", {}), (0, "play", {})]),
    st.just([(0, "open", {}), (0, "play", {})]),
    st.just([(0, "seek", {"to": 0})]),
    st.just([(0, "rate", {"x": 0.5})]),
    st.just([(0, "rate", {"x": 1})]),
)
stories = st.lists(st.tuples(st.floats(0.5, 60).map(lambda seconds: round(seconds, 1)), habits), max_size=6)
players = st.fixed_dictionaries(
    {},
    optional={
        "outbox_lag": st.sampled_from([0, 2, 8, 25]),
        "drift": st.sampled_from([0.997, 1.003]),
        "dl": st.just(True),
    },
)


def play(story: list[Any], player: dict[str, Any], *, paced: bool) -> tuple[int, int, Script[Engine]]:
    """(final milliseconds, milliseconds waited for media, the script) of one telling."""
    events: list[list[Any]] = [[0, "open", player], [0, "play", {}]]
    at_s = 0.0
    for wait_s, habit in story:
        at_s += wait_s
        for more_s, command, args in habit:
            at_s = round(at_s + more_s, 1)
            events.append([at_s, command, player | args if command == "open" else args])
    # At the end whoever fell back behind what is believed goes there, as the real player does.
    events += [[at_s + 400, "seek_frontier", {}], [at_s + 400, "play", {}]]
    until_ms = ms(at_s + 400 + 2 * D_S + 60)
    script = Script(Engine(POLICY, {"U": ms(D_S)}, paced=paced), POLICY, check="auto", until_ms=until_ms)
    engine = script.run(events)
    return sum(p.span.length_ms for p in engine.final), script.stalled_ms, script


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(stories, players)
def test_an_honest_story_ends_with_the_whole_lesson(story: list[Any], player: dict[str, Any]) -> None:
    final_ms, waited_ms, script = play(story, player, paced=True)
    assert final_ms >= ms(D_S) - 1_000, dict(script.server.reasons)
    # A fast client clock dates its queue a little too early: the first report of it may lack some milliseconds.
    allowed = {"ALREADY_CREDITED", "SUPERSEDED"} | ({"OVER_BUDGET"} if player.get("drift", 1) > 1 else set())
    assert set(script.server.reasons) <= allowed
    _, waited_without_pacing_ms, _ = play(story, player, paced=False)
    assert waited_ms <= waited_without_pacing_ms + 1_000
