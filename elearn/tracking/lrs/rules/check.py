"""One statement's JSON text in, a `Checked` out: all that storing it needs. Pure; `rules.py` holds the rules.

The text is kept as it is; what is decoded from it only serves to judge and to find it again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec

from elearn.tracking.lrs.rules.forms import read_timestamp
from elearn.tracking.lrs.rules.keys import actor_key, key_of, lower_domain
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.rules.relations import Relations, definitions, refers_to, relations
from elearn.tracking.lrs.rules.whole import VOIDED, check_whole

__all__ = ["VOIDED", "BadStatement", "Checked", "actor_key", "check_statement", "key_of"]


@dataclass(slots=True)
class Checked:
    """A statement that keeps every rule."""

    id: UUID
    """The sender's, else a random one (version 4: stock clients refuse version 7)."""
    raw: str
    """Exactly the text that came."""
    statement: dict[str, Any] = field(repr=False)
    """The same, decoded. Not to be changed."""
    digest: bytes = field(repr=False)
    """SHA-256 of what counts when two statements are compared."""
    version: str
    """What an answer shows when the statement names no version."""
    verb: str
    activity: str | None
    """The object's id when the object is an activity."""
    verb_key: str
    actor_key: str | None
    """None for an anonymous group: each is distinct, even with the same members (Data 2.4.2.2)."""
    activity_key: str | None
    registration: str | None
    voids: str | None
    """The id of the statement this one takes back."""
    happened_at: datetime | None
    """The sender's `timestamp` in UTC, if there is one."""
    relations: Relations = ()
    """What else it is found by: key and RelationKind."""
    refers_to: str | None = None
    """The id of the statement that is its object."""
    definitions: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """IRI and definition (JSON) of the activities it defines."""


def check_statement(raw: str | bytes, version: str = "1.0.3") -> Checked:
    """Judge one statement by the rules of `version` (the request's, "1.0.x" or "2.0.x").

    Raises BadStatement (a Malformed) naming the property and the clause: also when the text is not JSON or not
    UTF-8, holds a key twice (of two equal keys each reader would believe another), or is nested too deep.
    """
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        decoded = msgspec.json.decode(text)
        _refuse_double_keys(text, decoded)
        second = version.startswith("2")
        statement = check_whole(decoded, second=second)
        digest = sha256(msgspec.json.encode(_comparable(statement), order="deterministic")).digest()
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BadStatement("", f"is not JSON: {error}", "Data 2.2") from error
    except RecursionError as error:
        raise BadStatement("", "is nested too deep", "Data 2.2") from error
    thing, verb = statement["object"], statement["verb"]["id"]
    actor = actor_key(statement["actor"])
    activity = thing["id"] if thing.get("objectType", "Activity") == "Activity" else None
    about = None if activity is None else key_of(activity)
    return Checked(
        id=UUID(statement["id"]) if "id" in statement else uuid4(),
        raw=text,
        statement=statement,
        digest=digest,
        version="2.0.0" if second else "1.0.0",
        verb=verb,
        activity=activity,
        verb_key=key_of(verb),
        actor_key=actor,
        activity_key=about,
        registration=statement.get("context", {}).get("registration"),
        voids=thing["id"] if verb == VOIDED else None,
        happened_at=read_timestamp(statement["timestamp"]) if "timestamp" in statement else None,
        relations=relations(statement, actor=actor, activity=about),
        refers_to=refers_to(statement),
        definitions=definitions(statement),
    )


def _refuse_double_keys(text: str, decoded: Any) -> None:
    """Raises BadStatement when an object of `text` names a key twice (Data 2.2).

    The decoder keeps the last of two and says nothing. But then its value, written again, has fewer colons than
    the text. Only where an escaped colon could hide that is the text read a second, slower time.
    """
    if text.count(":") == msgspec.json.encode(decoded).count(b":") and "\\u003" not in text:
        return

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise BadStatement(f".../{twice[:100]}", "is there twice in one object", "Data 2.2")
        return found

    json.loads(text, object_pairs_hook=once)


def _comparable(statement: dict[str, Any]) -> dict[str, Any]:
    """What of a statement counts in a comparison (Data 2.3.1), in one form.

    Left out: what an LRS assigns (id, authority, stored, version), a verb's display, activities' definitions.
    Made alike: moments in time, the order of a group's members, the case of what has none, and a single context
    activity with a list of one, as an LRS must answer it. All else differs when it is written differently.
    """
    left_out = ("id", "authority", "stored", "version")
    made = {name: value for name, value in statement.items() if name not in left_out}
    made["actor"] = _plain_actor(made["actor"])
    made["verb"] = made["verb"]["id"]
    made["object"] = _plain_object(made["object"])
    if "timestamp" in made:
        made["timestamp"] = read_timestamp(made["timestamp"])
    if "context" in made:
        made["context"] = _plain_context(made["context"])
    return made


def _plain_object(thing: dict[str, Any]) -> dict[str, Any]:
    kind = thing.get("objectType", "Activity")
    if kind == "Activity":
        return _plain_activity(thing)
    if kind == "StatementRef":
        return thing | {"id": thing["id"].lower()}
    return _comparable(thing) if kind == "SubStatement" else _plain_actor(thing)


def _plain_activity(activity: dict[str, Any]) -> dict[str, Any]:
    if "definition" not in activity:
        return activity
    return {name: value for name, value in activity.items() if name != "definition"}


def _plain_actor(actor: dict[str, Any]) -> dict[str, Any]:
    made = dict(actor)
    if "mbox" in made:
        made["mbox"] = lower_domain(made["mbox"])
    if "mbox_sha1sum" in made:
        made["mbox_sha1sum"] = made["mbox_sha1sum"].lower()
    if "member" in made:
        members: Sequence[dict[str, Any]] = [_plain_actor(member) for member in made["member"]]
        made["member"] = sorted(members, key=lambda one: msgspec.json.encode(one, order="deterministic"))
    return made


def _plain_context(context: dict[str, Any]) -> dict[str, Any]:
    made = dict(context)
    if "registration" in made:
        made["registration"] = made["registration"].lower()
    if "statement" in made:
        made["statement"] = _plain_object(made["statement"])
    for name in ("instructor", "team"):
        if name in made:
            made[name] = _plain_actor(made[name])
    for name, one in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in made:
            made[name] = [related | {one: _plain_actor(related[one])} for related in made[name]]
    if "contextActivities" in made:
        made["contextActivities"] = {
            name: [_plain_activity(one) for one in (value if type(value) is list else [value])]
            for name, value in made["contextActivities"].items()
        }
    return made
