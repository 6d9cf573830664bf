"""Statements that hold everything a statement may hold, and what becomes of one when something in it is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st

Path = tuple[str | int, ...]

AGENT = {"objectType": "Agent", "name": "A", "account": {"homePage": "https://a.example", "name": "w-1"}}
GROUP = {"objectType": "Group", "name": "G", "mbox": "mailto:g@a.example", "member": [AGENT, {"openid": "a:o"}]}
ANONYMOUS = {"objectType": "Group", "member": [{"mbox_sha1sum": "0" * 40}]}
CHOICE = {
    "name": {"en": "n", "zh-CN": "名"},
    "description": {"en": "d"},
    "type": "a:type",
    "moreInfo": "https://a.example/more",
    "interactionType": "choice",
    "correctResponsesPattern": ["one[,]two"],
    "choices": [{"id": "one", "description": {"en": "1"}}, {"id": "two"}],
    "extensions": {"a:e": [1, 1.50, {"b": None}]},
}
ACTIVITY = {"objectType": "Activity", "id": "a:activity", "definition": CHOICE}
ATTACHMENT = {
    "usageType": "a:usage",
    "display": {"en": "f"},
    "description": {"en": "f"},
    "contentType": "text/plain",
    "length": 5,
    "sha2": "a" * 64,
    "fileUrl": "https://a.example/f",
}
RESULT = {
    "score": {"scaled": 0.5, "raw": 5.0, "min": 0, "max": 10},
    "success": True,
    "completion": False,
    "response": "r",
    "duration": "PT1.25S",
    "extensions": {"a:e": 1e2},
}
CONTEXT = {
    "registration": "5f1c6a52-8d0e-4b7a-9c3f-0d6c2f1e7a11",
    "instructor": AGENT,
    "team": GROUP,
    "contextActivities": {"parent": [{"id": "a:p"}], "grouping": {"id": "a:g"}, "category": [], "other": [ACTIVITY]},
    "revision": "1",
    "platform": "p",
    "language": "zh-CN",
    "statement": {"objectType": "StatementRef", "id": "5f1c6a52-8d0e-4b7a-9c3f-0d6c2f1e7a12"},
    "extensions": {"a:e": {}},
}
TO_PEOPLE = {
    "contextAgents": [{"objectType": "contextAgent", "agent": AGENT, "relevantTypes": ["a:t"]}],
    "contextGroups": [{"objectType": "contextGroup", "group": GROUP}],
}
SAID = {
    "actor": AGENT,
    "verb": {"id": "a:verb", "display": {"en": "did"}},
    "result": RESULT,
    "context": CONTEXT,
    "timestamp": "2026-07-01T01:00:00.123Z",
    "attachments": [ATTACHMENT],
}
PLAIN_CONTEXT = {name: value for name, value in CONTEXT.items() if name not in ("revision", "platform")}
WHOLE: list[dict[str, Any]] = [
    {**SAID, "object": ACTIVITY, "version": "1.0.0", "authority": AGENT},
    {**SAID, "actor": GROUP, "object": {**SAID, "objectType": "SubStatement", "object": ACTIVITY},
     "context": PLAIN_CONTEXT},
    {**SAID, "actor": ANONYMOUS, "context": PLAIN_CONTEXT,
     "object": {"objectType": "StatementRef", "id": "5f1c6a52-8d0e-4b7a-9c3f-0d6c2f1e7a13"}},
    {**SAID, "object": GROUP, "context": {**PLAIN_CONTEXT, **TO_PEOPLE}},
]  # fmt: skip

ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**30, "", "a", "a:b", "\0", "\u2028", "0" * 40, "A" * 200, [], {}, [None], [[]],
    {"": 0}, {"id": "a:b"}, {"en": "x"}, {"objectType": "Agent"}, {"objectType": "SubStatement"}, AGENT, GROUP,
    {"objectType": "Group"}, ACTIVITY, "2026-01-01T00:00:00", "P1D", "5f1c6a52-8d0e-4b7a-9c3f-0d6c2f1e7a11",
    "5F1C6A52-8D0E-4B7A-9C3F-0D6C2F1E7A11", "mailto:a@b.example", "1.0.3", "2.0.0", "Agent", "Group", "Activity",
    "StatementRef", "choice", "http://adlnet.gov/expapi/verbs/voided",
]  # fmt: skip
NAMES = ["id", "objectType", "name", "mbox", "member", "actor", "object", "extensions", "stored", "version",
         "authority", "definition", "Id", "", "\0", "a:b", "en", "en-", "contextAgents", "__proto__"]  # fmt: skip

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
values = st.sampled_from(ODD).map(deepcopy) | json_values


@dataclass(frozen=True, slots=True)
class Doubled:
    """An object whose member `name` is written twice, the second time with another value."""

    members: dict[str, Any]
    name: str
    other: Any


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    yield at
    if isinstance(value, dict | list):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in members:
            yield from places(inner, (*at, name))


def look(value: Any, at: Path) -> Any:
    for name in at:
        value = value[name]
    return value


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    """A whole statement, without some of its members."""
    made = json.loads(json.dumps(draw(st.sampled_from(WHOLE))))
    needed = ("actor", "verb", "object")
    for name in draw(st.lists(st.sampled_from([name for name in made if name not in needed]), unique=True)):
        del made[name]
    return {"id": str(uuid4()), **made}


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The JSON text of a statement of which up to three places were dropped, doubled, replaced, extended or moved."""
    made = draw(statements())
    for _ in range(draw(st.integers(0, 3))):
        inner = [at for at in places(made) if at and not isinstance(look(made, at[:-1]), Doubled)]
        if not inner:
            break
        at = draw(st.sampled_from(inner))
        _change(draw, made, at)
    return write(made)


def _change(draw: st.DrawFn, made: Any, at: Path) -> None:
    whole, name = look(made, at[:-1]), at[-1]
    match draw(st.sampled_from(["drop", "double", "replace", "replace", "extend", "copy"])):
        case "drop":
            del whole[name]
        case "double" if isinstance(whole, dict) and len(at) > 1:
            look(made, at[:-2])[at[-2]] = Doubled(whole, str(name), draw(values | st.just(deepcopy(whole[name]))))
        case "double" if isinstance(whole, list):
            whole.append(deepcopy(whole[int(name)]))
        case "extend" if isinstance(whole[name], dict):
            whole[name][draw(st.sampled_from(NAMES) | st.text(max_size=3))] = draw(values)
        case "extend" if isinstance(whole[name], list):
            whole[name].append(draw(values))
        case "copy":
            source = draw(st.sampled_from([one for one in places(made) if one]))
            whole[name] = deepcopy(look(made, source))
        case _:
            whole[name] = draw(values)


def write(value: Any) -> str:
    """Its JSON, doubled members included."""
    if isinstance(value, Doubled):
        members = [*value.members.items(), (value.name, value.other)]
        return "{" + ",".join(f"{json.dumps(name)}:{write(inner)}" for name, inner in members) + "}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{write(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value)


def names_twice(text: str) -> bool:
    """Whether an object of this JSON names a member twice."""
    found = False

    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found |= len(dict(pairs)) != len(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=once)
    return found
