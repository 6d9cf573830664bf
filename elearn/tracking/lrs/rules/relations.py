"""Whom and what a statement is about beyond its own actor and object: what `agent`, `related_agents` and
`related_activities` also find it by (xAPI Communication 2.1.3), what it refers to and what it defines. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from elearn.tracking.lrs.rules.keys import actor_key, key_of
from elearn.tracking.lrs.rules.text import encode


class RelationKind(IntEnum):
    """Each filter asks for one kind only, so that an index gives its rows in order."""

    AGENT = 1
    """By `agent`: the object when it is an actor, and members of groups that are actor or object."""
    AGENT_BROAD = 2
    """By `agent` with `related_agents`: those again, and instructor, team, context agents and groups, the same of a
    SubStatement with its actor and object, and the members of all these groups. (Not the authority: it is a column.)"""
    ACTIVITY_BROAD = 3
    """By `activity` with `related_activities`: context activities, and those and the object of a SubStatement."""


# Plain numbers: an enum is hashed in Python, and these are for each relation of each statement.
_AGENT, _AGENT_BROAD, _ACTIVITY_BROAD = map(int, RelationKind)

Relations = tuple[tuple[str, int], ...]


def relations(statement: dict[str, Any], *, actor: str | None, activity: str | None) -> Relations:
    """Key (hexadecimal) and kind of all that a sound statement is about, each pair once, in order.

    Left out is what the statement's own columns say: the keys of its actor and of the activity that is its object.
    """
    thing, context = statement["object"], statement.get("context")
    found: dict[tuple[str, int], None] = {}
    for one in (statement["actor"], *_object_actor(thing)) if "member" in statement["actor"] else _object_actor(thing):
        for key in _keys(one):
            found[key, _AGENT] = found[key, _AGENT_BROAD] = None
    if context is not None:
        _from_context(context, found)
    if thing.get("objectType") == "SubStatement":
        inner = thing["object"]
        for one in (thing["actor"], *_object_actor(inner)):
            for key in _keys(one):
                found[key, _AGENT_BROAD] = None
        if inner.get("objectType", "Activity") == "Activity":
            found[key_of(inner["id"]), _ACTIVITY_BROAD] = None
        if "context" in thing:
            _from_context(thing["context"], found)
    return tuple((key, kind) for key, kind in found if key != (activity if kind == _ACTIVITY_BROAD else actor))


def refers_to(statement: dict[str, Any]) -> str | None:
    """The id of the statement that is this one's object. A StatementRef anywhere else refers to nothing."""
    thing: dict[str, Any] = statement["object"]
    return thing["id"] if thing.get("objectType") == "StatementRef" else None


def definitions(statement: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """IRI and definition (JSON) of each activity that is defined anywhere in the statement, in its order."""
    return tuple(
        (activity["id"], encode(activity["definition"]))
        for activity in _activities(statement)
        if "definition" in activity
    )


def _from_context(context: dict[str, Any], found: dict[tuple[str, int], None]) -> None:
    for actor in _context_actors(context):
        for key in _keys(actor):
            found[key, _AGENT_BROAD] = None
    for activity in _context_activities(context):
        found[key_of(activity["id"]), _ACTIVITY_BROAD] = None


def _object_actor(thing: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return (thing,) if thing.get("objectType") in ("Agent", "Group") else ()


def _context_actors(context: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("instructor", "team"):
        if name in context:
            yield context[name]
    for related in context.get("contextAgents", ()):
        yield related["agent"]
    for related in context.get("contextGroups", ()):
        yield related["group"]


def _context_activities(context: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for value in context.get("contextActivities", {}).values():
        yield from value if type(value) is list else (value,)


def _activities(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    thing = statement["object"]
    kind = thing.get("objectType", "Activity")
    if kind == "Activity":
        yield thing
    elif kind == "SubStatement":
        yield from _activities(thing)
    if "context" in statement:
        yield from _context_activities(statement["context"])


def _keys(actor: dict[str, Any]) -> Iterator[str]:
    """Of an actor and of its members; an anonymous group has only members' keys."""
    own = actor_key(actor)
    if own is not None:
        yield own
    for member in actor.get("member", ()):
        yield from _keys(member)
