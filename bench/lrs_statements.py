"""The statements of the record store's bench: as a lesson's player sends them, in a thousand kinds.

200 learners and 5 verbs make 1,000 pairs; what is asked for is one pair, so that 50 of it are there from 50,000
statements on. Every statement describes its activity and names the course it belongs to.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import uuid4

LEARNERS = 200
ACTIVITIES = 100
VERBS = ("initialized", "played", "paused", "progressed", "completed")
ID = "00000000-0000-4000-8000-000000000000"
"""Where each statement's own id goes."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A statement's text on both sides of its id."""

    head: bytes
    tail: bytes

    def text(self) -> bytes:
        return self.head + str(uuid4()).encode() + self.tail


def agent(learner: int) -> dict[str, object]:
    return {"objectType": "Agent", "account": {"homePage": "https://school.example", "name": f"w-{learner:05d}"}}


def verb(name: str) -> str:
    return f"https://w3id.org/xapi/video/verbs/{name}"


def texts() -> list[str]:
    """One of each pair of learner and verb, about some activity; `ID` is its id."""
    chance = random.Random(4)
    return [_text(learner, name, chance) for learner in range(LEARNERS) for name in VERBS]


def _text(learner: int, name: str, chance: random.Random) -> str:
    unit = chance.randrange(ACTIVITIES)
    seconds = chance.randrange(100_000, 900_000) / 1000
    video = "https://w3id.org/xapi/video"
    said = {
        "id": ID,
        "actor": agent(learner),
        "verb": {"id": verb(name), "display": {"en-US": name, "zh-CN": "学习"}},
        "object": {
            "objectType": "Activity",
            "id": f"https://school.example/units/{unit:03d}",
            "definition": {
                "type": f"{video}/activity-type/video",
                "name": {"en-US": f"Working at height, part {unit:03d}", "zh-CN": f"高处作业 第{unit:03d}课"},
            },
        },
        "result": {"duration": f"PT{seconds:.3f}S", "extensions": {f"{video}/extensions/time": seconds}},
        "context": {
            "registration": str(uuid4()),
            "platform": "elearn",
            "language": "zh-CN",
            "contextActivities": {"category": [{"id": video}], "parent": [{"id": "https://school.example/courses/7"}]},
            "extensions": {f"{video}/extensions/session-id": str(uuid4()), f"{video}/extensions/length": 900.0},
        },
        "timestamp": f"2026-11-{1 + learner % 20:02d}T08:00:00.{chance.randrange(1000):03d}Z",
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def kinds() -> list[Kind]:
    return [Kind(*text.encode().split(ID.encode())) for text in texts()]


def bodies(batch: int) -> Iterator[bytes]:
    """Bodies of POST requests without end: a statement each, or an array of `batch`."""
    made, chance = kinds(), random.Random()
    while True:
        if batch == 1:
            yield chance.choice(made).text()
        else:
            yield b"[" + b",".join(kind.text() for kind in chance.choices(made, k=batch)) + b"]"


def questions() -> Iterator[str]:
    """Query strings without end: the newest 50 of one learner and one verb."""
    chance = random.Random()
    while True:
        who = json.dumps(agent(chance.randrange(LEARNERS)), separators=(",", ":"))
        yield urlencode({"agent": who, "verb": verb(chance.choice(VERBS)), "limit": 50})
