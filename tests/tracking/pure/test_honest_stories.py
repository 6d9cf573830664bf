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


def commands_of(story: Story) -> set[str]:
    """The commands that the story is made of; a seek beyond the beginning is a "peek"."""
    return {
        "peek" if command == "seek" and arguments["to"] else command
        for mishap in story.mishaps
        for _, command, arguments in mishap.steps
    }


def excused(story: Story) -> set[str]:
    """Reasons that something in the story brings about, and that cost time at most."""
    commands, found = commands_of(story), set()
    if any(value > 1 for name, value in story.phone if name in ("drift", "media")):
        # A fast clock dates its queue too early: the first report of a long one lacks up to some seconds.
        found |= {"OVER_BUDGET", "FORWARD_SEEK"}
    if "clock_back" in commands:  # a server that was stepped back doubts everybody for that long
        found |= {"OVER_BUDGET", "CLOCK_FAST", "FORWARD_SEEK"}
    if "peek" in commands:
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
    # Whoever peeked, or met a stepped clock, waits at what the server believes, with or without pacing.
    if beside and not commands_of(story) & {"peek", "clock_back"}:
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
