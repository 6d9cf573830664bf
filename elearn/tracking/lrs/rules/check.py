"""One statement's JSON text in, a `Checked` out: all that storing it needs. Pure; `whole.py` holds the rules.

The text is kept as it is; what is decoded from it only serves to judge and to find it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from elearn.tracking.lrs.rules.comparing import digest_of, equivalent
from elearn.tracking.lrs.rules.forms import read_timestamp
from elearn.tracking.lrs.rules.keys import actor_key, key_of
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.rules.relations import Relations, definitions, refers_to, relations
from elearn.tracking.lrs.rules.text import decode
from elearn.tracking.lrs.rules.whole import VOIDED, check_whole

__all__ = ["VOIDED", "BadStatement", "Checked", "actor_key", "check_statement", "equivalent", "key_of"]


@dataclass(slots=True)
class Checked:
    """A statement that keeps every rule."""

    id: UUID
    """The sender's, else a random one (version 4: stock clients refuse version 7)."""
    raw: str
    """Exactly the text that came."""
    statement: dict[str, Any] = field(repr=False)
    """The same, decoded: fractions and exponents are `msgspec.Raw` (see text.py). Not to be changed."""
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
        decoded = decode(text)
        second = version.startswith("2")
        statement = check_whole(decoded, second=second)
        digest = digest_of(statement)
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
