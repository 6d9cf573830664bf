"""What is known of an agent: a Person (xAPI Communication 2.4).

Two agents are never joined into one person here: who they are outside of their statements is not this store's to
tell (`people` knows, and says it to whom it may). So a person has the identifier that was asked for, and the names
that the agent went by in statements.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.orm import Session

from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.rules.check import actor_key

IDENTIFIERS = ("account", "mbox", "mbox_sha1sum", "openid")
LOOKED_AT = 100
"""Of the agent's statements, the newest: a name that was given up long ago need not be found."""
MOST_BYTES = 16_000
"""Of a statement that is looked at; what an actor is called does not need more."""
MOST_NAMES = 20

_LATEST = """
SELECT raw FROM (
    SELECT raw, authority_id, stored_at FROM elearn.statement
    WHERE actor_key = %(key)s::uuid ORDER BY stored_at DESC LIMIT %(most)s
) AS kept
WHERE (%(all)s OR authority_id = ANY(%(credentials)s::uuid[])) AND octet_length(raw) <= %(bytes)s
ORDER BY stored_at DESC
"""


class _Actor(msgspec.Struct):
    name: str | None = None


class _Statement(msgspec.Struct):
    actor: _Actor


_statements = msgspec.json.Decoder(_Statement)


def person(session: Session, agent: dict[str, Any], reads: Reads) -> dict[str, Any]:
    """The Person of `agent` (which keeps the rules), with names from statements that `reads` may see, newest first."""
    asked = [agent["name"]] if "name" in agent else []
    names = list(dict.fromkeys([*asked, *_names(session, agent, reads)]))[:MOST_NAMES]
    made: dict[str, Any] = {"objectType": "Person"}
    if names:
        made["name"] = names
    return made | {kind: [agent[kind]] for kind in IDENTIFIERS if kind in agent}


def _names(session: Session, agent: dict[str, Any], reads: Reads) -> list[str]:
    if not reads.all and not reads.credentials:
        return []
    rows = session.connection().exec_driver_sql(
        _LATEST,
        {
            "key": actor_key(agent),
            "most": LOOKED_AT,
            "all": reads.all,
            "credentials": list(reads.credentials),
            "bytes": MOST_BYTES,
        },
    )
    found = (_statements.decode(raw).actor.name for (raw,) in rows)
    return [name for name in found if name is not None]
