"""What the store answers for a statement: the sender's own text, with what an LRS must set put in. Pure.

Only whole members of the outermost object are added or taken out, so numbers, escapes and the order of keys in
what was sent stay as they were (xAPI Data 2.2). One rewriting is demanded: each of `contextActivities` is
answered as an array, even if it came as a single activity (Data 2.4.6.2).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from elearn.tracking.lrs.rules.forms import show_timestamp
from elearn.tracking.lrs.statements.store import Kept

Members = dict[str, msgspec.Raw]

PLATFORM = "elearn"
"""The account name under which this platform itself stands for what its sittings sent."""


def shown(kept: Kept, *, home_page: str) -> bytes:
    """The statement's JSON: as sent, with id, stored, authority, and version and timestamp where it has none."""
    members = _members(kept.raw)
    stored = _json(show_timestamp(kept.stored_at))
    if '"contextActivities"' in kept.raw:
        _list_context_activities(members)
    members["stored"] = stored
    members["authority"] = _json(authority(kept.authority_id, home_page=home_page))
    members.setdefault("id", _json(str(kept.id)))
    members.setdefault("timestamp", stored)
    members.setdefault("version", _json(kept.version))
    return msgspec.json.encode(members)


def authority(credential_id: UUID | None, *, home_page: str) -> dict[str, Any]:
    """The agent that stands for a credential (Data 2.4.9)."""
    name = PLATFORM if credential_id is None else str(credential_id)
    return {"objectType": "Agent", "account": {"homePage": home_page, "name": name}}


def _list_context_activities(members: Members) -> None:
    """In a statement and in the SubStatement it may hold."""
    if "context" in members:
        context = _members(members["context"])
        if "contextActivities" in context:
            kinds = _members(context["contextActivities"])
            for name, value in kinds.items():
                if not bytes(value).lstrip().startswith(b"["):
                    kinds[name] = msgspec.Raw(b"[" + bytes(value) + b"]")
            context["contextActivities"] = _raw(kinds)
        members["context"] = _raw(context)
    if "object" in members:
        thing = _members(members["object"])
        if "context" in thing:
            _list_context_activities(thing)
            members["object"] = _raw(thing)


def _members(text: str | msgspec.Raw) -> Members:
    return msgspec.json.decode(text, type=Members)


def _raw(members: Members) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(members))


def _json(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
