"""A statement in the formats `ids` and `canonical` (xAPI Communication 2.1.3). Pure.

Both change nothing but actors, verbs and activities, at the places where a statement and its SubStatement have
them; all else (results, extensions, attachments) stays exactly as it came. `exact` is `answers.py` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from elearn.tracking.lrs.rules.activities import COMPONENT_LISTS
from elearn.tracking.lrs.rules.actors import IDENTIFIERS
from elearn.tracking.lrs.rules.keys import key_of
from elearn.tracking.lrs.statements.answers import Members, members_of, raw_of
from elearn.tracking.lrs.statements.languages import choose

Change = Callable[[Members], Members]

KEPT_OF_ACTORS = IDENTIFIERS | {"objectType"}


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of each actor, verb and activity."""

    actor: Change
    verb: Change
    activity: Change


def ids(statement: Members) -> Members:
    """Only what identifies agents, groups, verbs and activities; of an anonymous group, its members' identifiers."""
    return _changed(statement, _ONLY_IDS)


def canonical(statement: Members, definitions: Mapping[str, Mapping[str, Any]], accept_language: str) -> Members:
    """Activities with the definitions that the store holds for them, language maps with one language each.

    `definitions` by `key_of` the activity's id; an activity that is not there keeps the definition it came with.
    """

    def verb(members: Members) -> Members:
        return _one_language(members, ("display",), accept_language)

    def activity(members: Members) -> Members:
        merged = definitions.get(key_of(_text(members["id"])))
        if merged is None and "definition" not in members:
            return members
        definition = members_of(members["definition"]) if merged is None else _as_members(merged)
        return members | {"definition": raw_of(_one_language_each(definition, accept_language))}

    return _changed(statement, Changes(_same, verb, activity))


def activity_keys(statement: Members) -> set[str]:
    """`key_of` the ids of all activities of a statement: what `canonical` needs definitions for."""
    found: set[str] = set()

    def note(members: Members) -> Members:
        found.add(key_of(_text(members["id"])))
        return members

    _changed(statement, Changes(_same, _same, note))
    return found


def _same(members: Members) -> Members:
    return members


def _only_id(members: Members) -> Members:
    """Of a verb or an activity. (ADL's suite counts: `objectType` of an activity is not kept.)"""
    return {"id": members["id"]}


def _only_identifier(actor: Members) -> Members:
    kept = {name: value for name, value in actor.items() if name in KEPT_OF_ACTORS}
    if "member" in actor and kept.keys().isdisjoint(IDENTIFIERS):  # an anonymous group is nothing but its members
        members = msgspec.json.decode(actor["member"], type=list[Members])
        kept["member"] = raw_of([_only_identifier(one) for one in members])
    return kept


_ONLY_IDS = Changes(_only_identifier, _only_id, _only_id)


def _changed(statement: Members, changes: Changes) -> Members:
    """A statement or SubStatement with `changes` made."""
    made = dict(statement)
    made["actor"] = _with(made["actor"], changes.actor)
    made["verb"] = _with(made["verb"], changes.verb)
    thing = members_of(made["object"])
    kind = _text(thing["objectType"]) if "objectType" in thing else "Activity"
    if kind == "Activity":
        made["object"] = raw_of(changes.activity(thing))
    elif kind in ("Agent", "Group"):
        made["object"] = raw_of(changes.actor(thing))
    elif kind == "SubStatement":
        made["object"] = raw_of(_changed(thing, changes))
    if "context" in made:
        made["context"] = raw_of(_changed_context(members_of(made["context"]), changes))
    return made


def _changed_context(context: Members, changes: Changes) -> Members:
    for name in ("instructor", "team"):
        if name in context:
            context[name] = _with(context[name], changes.actor)
    for name, one in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in context:
            related = msgspec.json.decode(context[name], type=list[Members])
            context[name] = raw_of([each | {one: _with(each[one], changes.actor)} for each in related])
    if "contextActivities" in context:
        kinds = msgspec.json.decode(context["contextActivities"], type=dict[str, list[Members]])
        changed = {name: [changes.activity(one) for one in activities] for name, activities in kinds.items()}
        context["contextActivities"] = raw_of(changed)
    return context


def _one_language_each(definition: Members, accept_language: str) -> Members:
    """A definition with one language in its name, its description and those of its interaction components."""
    made = _one_language(definition, ("name", "description"), accept_language)
    for name in made.keys() & COMPONENT_LISTS:
        components = msgspec.json.decode(made[name], type=list[Members])
        made[name] = raw_of([_one_language(one, ("description",), accept_language) for one in components])
    return made


def _one_language(members: Members, names: tuple[str, ...], accept_language: str) -> Members:
    made = dict(members)
    for name in names:
        if name in made:
            texts = members_of(made[name])
            if len(texts) > 1:
                tag = choose(texts, accept_language)
                made[name] = raw_of({tag: texts[tag]})
    return made


def _with(value: msgspec.Raw, change: Change) -> msgspec.Raw:
    if change is _same:
        return value
    return raw_of(change(members_of(value)))


def _as_members(definition: Mapping[str, Any]) -> Members:
    return {name: raw_of(value) for name, value in definition.items()}


def _text(value: msgspec.Raw) -> str:
    return msgspec.json.decode(value, type=str)
