"""Honest people finish: 1,500 random stories with outages, kills, jitter, drift and downloads; each ends with the
whole lesson. A quarter of them is told without pacing too: keys at the pace of watching make nobody wait longer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from elearn.tracking.presence import is_complete
from elearn.tracking.spans import total_ms
from tests.tracking.pure.honest import POLICY, Story, story_of, tell
from tests.tracking.pure.seeds import batches, named, shortest

STORIES = 1_500
HARMLESS = {"ALREADY_CREDITED", "SUPERSEDED", "DUPLICATE"}
STANDING_STILL = {"FORWARD_SEEK", "CLOCK_FAST"}
"""Where these are excused the player waits at what the server believes, with or without pacing."""


def excused(story: Story) -> set[str]:
    """Reasons that something in the story brings about, and that cost time at most."""
    found: set[str] = set()
    if any(value > 1 for name, value in story.phone if name in ("drift", "media")):
        found |= {"OVER_BUDGET"}  # a fast clock dates its queue too early: its first report may lack milliseconds
    for mishap in story.mishaps:
        for _, command, arguments in mishap.steps:
            if command == "clock_back":  # a server that was stepped back doubts everybody for that long
                found |= {"OVER_BUDGET", "CLOCK_FAST", "FORWARD_SEEK"}
            if command == "seek" and arguments["to"]:
                found |= {"FORWARD_SEEK"}
    return found


def loss(story: Story, *, beside: bool) -> str | None:
    """What an honest learner lost, or waited for. `beside`: compare with the same story without pacing."""
    script, kind = tell(story, paced=True), excused(story)
    engine = script.server
    mine = [piece.span for piece in engine.final]
    final_ms = total_ms(mine)
    missing_ms = story.duration_ms - final_ms
    if not is_complete(final_ms, story.duration_ms, POLICY) or (missing_ms > 1_000 and "CLOCK_FAST" not in kind):
        return f"{final_ms} ms of {story.duration_ms} are final: {dict(engine.reasons)}"
    unkind = set(engine.reasons) - HARMLESS - kind
    if unkind:
        return f"reasons this honest story should not meet: {sorted(unkind)}"
    if beside and not kind & STANDING_STILL:
        without_ms = tell(story, paced=False).stalled_ms
        if script.stalled_ms > without_ms + 1_000:
            return f"waited {script.stalled_ms} ms for media, without pacing {without_ms} ms"
    return None


@pytest.mark.parametrize("seeds", batches(STORIES, 150), ids=named)
def test_an_honest_story_ends_with_the_whole_lesson(seeds: range) -> None:
    for seed in seeds:
        story = story_of(seed)
        lost = loss(story, beside=seed % 4 == 0)
        if lost is not None:
            pytest.fail(f"seed {seed}: {lost}\nshortest: {minimised(story)!r}")


def minimised(story: Story) -> Story:
    """The story with the fewest of its mishaps that still costs an honest learner something."""
    mishaps = shortest(story.mishaps, lambda some: loss(replace(story, mishaps=tuple(some)), beside=True) is not None)
    return replace(story, mishaps=mishaps)


def test_stories_are_about_what_happens_to_people() -> None:
    told: Counter[str] = Counter()
    for seed in range(300):
        story = story_of(seed)
        told.update(step[1] for mishap in story.mishaps for step in mishap.steps)
        told.update(name for name, _ in story.phone)
    rare = {name: times for name, times in told.items() if times < 20}
    assert not rare
    assert {"net_down", "kill", "lag", "drift", "dl", "download", "server_down", "switch", "clock_back"} <= set(told)
