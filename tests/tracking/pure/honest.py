"""Honest people, drawn from a seed: what happens to a worker, a phone and a network while a lesson is watched.

A story is a list of mishaps. Each is a few commands of the corpus' vocabulary, times in whole ticks, relative to
one another; a later one begins when the one before is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from elearn.tracking.policy import Policy
from tests.tracking.pure.engine import Engine
from tests.tracking.pure.script import BLOCK_MS, Script

TICK_MS = 200
POLICY = Policy(block_ms=BLOCK_MS)
Step = tuple[float, str, dict[str, Any]]
"""Seconds after the step before, command, arguments."""


@dataclass(frozen=True)
class Mishap:
    """After `wait_s` of watching, these steps. "{c}" in arguments stands for the phone that is in use."""

    wait_s: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Story:
    """`phone` holds the arguments of every `open`: its clocks, its uplink, whether the lesson was downloaded."""

    phone: tuple[tuple[str, Any], ...] = ()
    duration_ms: int = 150_000
    start_s: int = 0
    mishaps: tuple[Mishap, ...] = ()


# -- drawing


def _ticks(random: Random, least_s: float, most_s: float) -> float:
    return random.randint(round(least_s * 5), round(most_s * 5)) / 5


def _away(leave: str, back: str, most_s: float = 400) -> Callable[[Random], tuple[Step, ...]]:
    return lambda random: ((0, leave, {}), (_ticks(random, 0.2, most_s), back, {}))


def _killed(random: Random) -> tuple[Step, ...]:
    """The battery is empty, often without a network; the queue goes out when the lesson is opened again."""
    down = random.random() < 0.5
    away: list[Step] = [(0, "net_down", {})] if down else []
    away += [(_ticks(random, 0, 40) if down else 0, "kill", {}), (_ticks(random, 1, 400), "net_up", {})]
    return (*away, (1, "open", {}), (0, "play", {}))


def _tunnels(random: Random) -> tuple[Step, ...]:
    steps: list[Step] = []
    for _ in range(random.randint(2, 4)):
        steps += [(_ticks(random, 1, 30), "net_down", {}), (_ticks(random, 1, 60), "net_up", {})]
    return tuple(steps)


def _other_phone(random: Random) -> tuple[Step, ...]:
    """The learner goes on on another phone; the first one hears of it and stops within a heartbeat."""
    return (
        (0, "switch", {}),
        (0, "play", {}),
        (_ticks(random, 0.2, 15), "pause", {"c": "{before}"}),
    )


def _jitter(random: Random) -> tuple[Step, ...]:
    """The uplink changes from report to report, so that later ones may overtake."""
    changes = [(_ticks(random, 5, 20), "lag", {"s": random.choice([0, 1, 4, 12, 20])}) for _ in range(4)]
    return (*changes, (0, "lag", {"s": 0}))


MISHAPS: Sequence[Callable[[Random], tuple[Step, ...]]] = [
    _away("pause", "play"),
    _away("hide", "show"),
    _away("suspend", "resume"),
    _away("net_down", "net_up"),
    _away("server_down", "server_up", 90),
    lambda random: ((0, "close", {}), (_ticks(random, 0.4, 400), "open", {}), (0, "play", {})),
    lambda _: ((0, "open", {}), (0, "play", {})),
    lambda random: ((0, "seek", {"to": random.choice([0, 5, 40])}),),
    lambda _: ((0, "rate", {"x": 0.5}),),
    lambda _: ((0, "rate", {"x": 1}),),
    lambda _: ((0, "download", {}),),
    lambda random: ((0, "clock_back", {"by": random.choice([1, 3])}),),
    _killed,
    _tunnels,
    _other_phone,
    _jitter,
]


def story_of(seed: int) -> Story:
    """The same story for the same seed, on every machine."""
    random = Random(seed)
    phone: dict[str, Any] = {}
    if random.random() < 0.4:
        phone["drift"] = random.choice([0.997, 0.999, 1.001, 1.003])
    if random.random() < 0.2:
        phone["media"] = random.choice([0.995, 1.005])
    if random.random() < 0.3:
        phone["outbox_lag"] = random.choice([2, 8, 25])
    if random.random() < 0.2:
        phone["dl"] = True
    duration_ms = 900_000 if random.random() < 0.15 else 150_000  # the long ones meet checks and the limit of pending
    most_s = duration_ms / 2_500
    mishaps = [Mishap(_ticks(random, 0.4, most_s), random.choice(MISHAPS)(random)) for _ in range(random.randint(0, 6))]
    # Midnight comes an hour or two minutes after the start, or not at all.
    start_s = random.choice([0, 0, 15 * 3_600 - 120, 14 * 3_600])
    return Story(tuple(phone.items()), duration_ms, start_s, _one_step_back(mishaps))


def _one_step_back(mishaps: Sequence[Mishap]) -> tuple[Mishap, ...]:
    """A server's clock is stepped back once at most: a second time would be no honest story of the server's."""
    stepped = [mishap for mishap in mishaps if mishap.steps[0][1] == "clock_back"]
    return tuple(mishap for mishap in mishaps if mishap not in stepped[1:])


# -- telling


class Telling(Script[Engine]):
    """A script with one command more: the uplink gets slower or faster."""

    def do_lag(self, s: float, c: str = "c") -> None:
        self.clients[c].lag_ms = round(s * 1_000)


def events_of(story: Story) -> tuple[list[list[Any]], float]:
    """The story in the corpus' vocabulary, and when its last step was. In the end whoever fell back behind what is
    believed goes there, as the real player does."""
    phone, phones, at_s = dict(story.phone), 1, 0.0
    name, before = "c", "c"
    events: list[list[Any]] = [[0, "open", {"c": name, **phone}], [0, "play", {"c": name}]]
    for mishap in story.mishaps:
        at_s += mishap.wait_s
        for after_s, command, arguments in mishap.steps:
            at_s = round(at_s + after_s, 1)
            told = dict(arguments)
            if command == "switch":
                before, name, phones = name, f"c{phones}", phones + 1
                command = "open"
            if command in ("server_down", "server_up", "clock_back", "net_up"):
                events.append([at_s, command, told])
                continue
            told["c"] = before if told.get("c") == "{before}" else name
            events.append([at_s, command, {**phone, **told} if command == "open" else told])
    at_s += 400
    return [*events, [at_s, "seek_frontier", {"c": name}], [at_s, "play", {"c": name}]], at_s


def tell(story: Story, *, paced: bool) -> Telling:
    """The script when the story is over and every check was passed."""
    events, last_s = events_of(story)
    script = Telling(
        Engine(POLICY, {"U": story.duration_ms}, paced=paced),
        POLICY,
        check="auto",
        start_ms=story.start_s * 1_000,
        until_ms=round(last_s * 1_000) + 2 * story.duration_ms + 60_000,
        tick_ms=TICK_MS,
        ask_every_ms=1_000,
    )
    script.run(events)
    return script
