"""When two statements are the same (xAPI Data 2.3.1). Pure; takes decoded statements that keep the rules."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from elearn.tracking.lrs.rules.forms import cut_duration, read_timestamp
from elearn.tracking.lrs.rules.keys import lower_domain

_ASSIGNED = ("id", "authority", "stored", "version")


def digest_of(statement: dict[str, Any]) -> bytes:
    """SHA-256 of what counts in a comparison."""
    return sha256(msgspec.json.encode(_comparable(statement), order="deterministic")).digest()


def equivalent(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two statements are the same, whatever their ids.

    A `timestamp` that only one of them has may have been set by an LRS and does not count.
    """
    if ("timestamp" in one) != ("timestamp" in other):
        one, other = ({k: v for k, v in each.items() if k != "timestamp"} for each in (one, other))
    return digest_of(one) == digest_of(other)


def _comparable(statement: dict[str, Any]) -> dict[str, Any]:
    """What of a statement counts, in one form.

    Left out: what an LRS assigns (id, authority, stored, version), a verb's display, activities' definitions.
    Made alike: moments in time, the order of a group's members, the case of what has none, a single context
    activity with a list of one, as an LRS must answer it, and durations from 0.01 seconds down (Data 4.6). All else
    differs when it is written differently: 60 seconds from a minute, 1.10 from 1.1.
    """
    made = {name: value for name, value in statement.items() if name not in _ASSIGNED}
    made["actor"] = _plain_actor(made["actor"])
    made["verb"] = made["verb"]["id"]
    made["object"] = _plain_object(made["object"])
    if "timestamp" in made:
        made["timestamp"] = read_timestamp(made["timestamp"])
    if "result" in made and "duration" in made["result"]:
        made["result"] = made["result"] | {"duration": cut_duration(made["result"]["duration"])}
    if "context" in made:
        made["context"] = _plain_context(made["context"])
    if "attachments" in made:
        made["attachments"] = [_plain_attachment(one) for one in made["attachments"]]
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
        members = [_plain_actor(member) for member in made["member"]]
        made["member"] = sorted(members, key=lambda one: msgspec.json.encode(one, order="deterministic"))
    return made


def _plain_context(context: dict[str, Any]) -> dict[str, Any]:
    made = dict(context)
    for name in ("registration", "language"):
        if name in made:
            made[name] = made[name].lower()
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


def _plain_attachment(attachment: dict[str, Any]) -> dict[str, Any]:
    """Hashes, media types and language tags mean the same in either case (RFC 2045 5.1, RFC 5646 2.1.1)."""
    kind, mark, parameters = attachment["contentType"].partition(";")
    made = attachment | {"sha2": attachment["sha2"].lower(), "contentType": kind.lower() + mark + parameters}
    for name in ("display", "description"):
        if name in made:
            made[name] = {tag.lower(): text for tag, text in made[name].items()}
    return made
