"""What the store answers for a statement: the sender's own text, with what an LRS must set put in. Pure.

Only whole members of the outermost object are added or taken out, so numbers, escapes and the order of keys in
what was sent stay as they were (xAPI Data 2.2). One rewriting is demanded: each of `contextActivities` is
answered as an array, even if it came as a single activity (Data 2.4.6.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from elearn.tracking.lrs.rules.forms import show_timestamp
from elearn.tracking.lrs.statements.store import Kept

Members = dict[str, msgspec.Raw]
"""A JSON object whose values are still the exact text that came."""

_SINGLE = re.compile(r'"(?:parent|grouping|category|other)"\s*:\s*\{')
"""In the text of every statement that has a context activity without an array, and of a few others."""

PLATFORM = "elearn"
"""The account name under which this platform itself stands for what its sittings sent."""


def shown(kept: Kept, *, home_page: str) -> bytes:
    """The statement's JSON in the format `exact`."""
    return msgspec.json.encode(completed(kept, home_page=home_page))


def completed(kept: Kept, *, home_page: str) -> Members:
    """A statement's members: as sent, with id, stored, authority, and version and timestamp where it has none."""
    members = members_of(kept.raw)
    stored = raw_of(show_timestamp(kept.stored_at))
    if _SINGLE.search(kept.raw) or "\\u00" in kept.raw:  # an escape may spell such a name
        _list_context_activities(members)
    members["stored"] = stored
    members["authority"] = _authority_text(kept.authority_id, home_page)
    if "id" not in members:
        members["id"] = raw_of(str(kept.id))
    if "timestamp" not in members:
        members["timestamp"] = stored
    if "version" not in members:
        members["version"] = raw_of(kept.version)
    return members


def result(statements: Iterable[bytes], more: str) -> bytes:
    """A StatementResult (Data 2.5). `more`: the relative IRL of what follows, or ""."""
    return b'{"statements":[' + b",".join(statements) + b'],"more":' + msgspec.json.encode(more) + b"}"


def authority(credential_id: UUID | None, *, home_page: str) -> dict[str, Any]:
    """The agent that stands for a credential (Data 2.4.9)."""
    name = PLATFORM if credential_id is None else str(credential_id)
    return {"objectType": "Agent", "account": {"homePage": home_page, "name": name}}


def credential_of(agent: dict[str, Any], *, home_page: str) -> UUID | None:
    """The credential that `agent` stands for, if it does for one: the other way round of `authority`."""
    account = agent.get("account", {})
    if account.get("homePage") != home_page:
        return None
    try:
        credential_id = UUID(account["name"])
    except ValueError:
        return None
    return credential_id if str(credential_id) == account["name"] else None


def members_of(text: str | msgspec.Raw) -> Members:
    return msgspec.json.decode(text, type=Members)


def raw_of(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


@lru_cache(maxsize=1024)
def _authority_text(credential_id: UUID | None, home_page: str) -> msgspec.Raw:
    return raw_of(authority(credential_id, home_page=home_page))


def _list_context_activities(members: Members) -> bool:
    """In a statement and in the SubStatement it may hold. Answers whether anything had to be written anew."""
    changed = False
    if "context" in members:
        context = members_of(members["context"])
        if "contextActivities" in context:
            kinds = members_of(context["contextActivities"])
            single = [name for name, value in kinds.items() if not bytes(value).startswith(b"[")]
            if single:
                kinds |= {name: msgspec.Raw(b"[" + bytes(kinds[name]) + b"]") for name in single}
                context["contextActivities"] = raw_of(kinds)
                members["context"] = raw_of(context)
                changed = True
    if "object" in members:
        thing = members_of(members["object"])
        if "context" in thing and _list_context_activities(thing):
            members["object"] = raw_of(thing)
            changed = True
    return changed
