"""Many statements, by what they are about: the filters of xAPI Communication 2.1.3.

A filter can be met in several ways: by the statement's own columns, by what it is related to, and by either of these
of a statement that it refers to (`faces.py`). Each combination of ways is a branch of the query that consists of equal
signs only, so that an index answers it in order and it ends after a page; the branches are then merged. Nothing is
counted and nothing is skipped, so a page costs the same however many statements there are and however deep it lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import product
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.rules.relations import RelationKind
from elearn.tracking.lrs.statements.faces import MAX_STEPS
from elearn.tracking.lrs.statements.store import VOIDED, Kept, kept_of

EVERYTHING = Reads(all=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the statements must meet, all of it; None asks for nothing. Keys are those of `rules/keys.py`."""

    agent_key: UUID | None = None
    authority_id: UUID | None = None
    """The credential whose agent `agent_key` is. Only with `related_agents`: what came by it is found too."""
    related_agents: bool = False
    verb_key: UUID | None = None
    activity_key: UUID | None = None
    related_activities: bool = False
    registration: UUID | None = None
    since: datetime | None = None
    """Stored after this moment."""
    until: datetime | None = None
    """Stored at this moment or before."""
    ascending: bool = False
    """Oldest first; otherwise newest first."""
    limit: int
    after: tuple[datetime, UUID] | None = None
    """Stored moment and id of a statement: only what comes behind it in the order asked for."""
    reads: Reads = EVERYTHING


def search(session: Session, filters: Filters) -> list[Kept]:
    """What meets `filters`, voided statements left out, each once, in order of (stored_at, id).

    One more than `limit` where there are more, so that the caller knows.
    """
    if not filters.reads.all and not filters.reads.credentials:
        return []
    parameters: dict[str, object] = {
        "agent": filters.agent_key,
        "authority": filters.authority_id,
        "verb": filters.verb_key,
        "activity": filters.activity_key,
        "registration": filters.registration,
        "since": filters.since,
        "until": filters.until,
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    if filters.after is not None:
        given["after"], given["after_id"] = filters.after
    if not filters.reads.all:
        # One text, not a list: a list would be escaped element by element.
        given["reads"] = "{" + ",".join(map(str, filters.reads.credentials)) + "}"
    given["rows"] = filters.limit + 1
    given["rows_of_faces"] = (filters.limit + 1) * MAX_STEPS
    query = _query(
        frozenset(given),
        related_agents=filters.related_agents,
        related_activities=filters.related_activities,
        ascending=filters.ascending,
        by_reader=len(filters.reads.credentials) > 1,
    )
    return [kept_of(row) for row in session.connection().exec_driver_sql(query, given)]


@lru_cache(maxsize=1024)
def _query(
    given: frozenset[str], *, related_agents: bool, related_activities: bool, ascending: bool, by_reader: bool
) -> str:
    """The command for these parameters; made once for each combination, so that the driver can prepare it."""
    order = "stored_at, id" if ascending else "stored_at DESC, id DESC"
    agents: list[str | None] = [None]
    if "agent" in given:
        agents = ["column", "relation", *(["authority"] if related_agents and "authority" in given else [])]
    activities: list[str | None] = [None]
    if "activity" in given:
        activities = ["column", *(["relation"] if related_activities else [])]
    filtered = not given.isdisjoint({"agent", "verb", "activity", "registration"})
    if by_reader and not filtered:
        branches = [_everything_of_readers(given, order, ascending)]
    else:
        kind = RelationKind.AGENT_BROAD if related_agents else RelationKind.AGENT
        branches = [
            _branch(given, agent, activity, kind, through_face=through_face, order=order, ascending=ascending)
            for through_face in ((False, True) if filtered else (False,))
            for agent, activity in product(agents, activities)
        ]
    merged = " UNION ALL ".join(f"({branch})" for branch in branches)
    return f"""
        SELECT found.raw, found.stored_at, found.authority_id, found.version, found.sitting_id,
               sender.organisation_id, found.id, false
        FROM (SELECT DISTINCT ON (stored_at, id) * FROM ({merged}) AS every
              ORDER BY {order} LIMIT %(rows)s) AS found
        LEFT JOIN elearn.lrs_credential AS sender ON sender.id = found.authority_id
        ORDER BY {", ".join(f"found.{column}" for column in order.split(", "))}
    """


_COLUMNS = "kept.stored_at, kept.id, kept.raw, kept.authority_id, kept.version, kept.sitting_id"


def _branch(
    given: frozenset[str],
    agent: str | None,
    activity: str | None,
    agent_kind: RelationKind,
    *,
    through_face: bool,
    order: str,
    ascending: bool,
) -> str:
    """One way to meet all filters: `agent` and `activity` say whether by a column, a relation, or the authority."""
    tables, conditions = ["elearn.statement AS kept"], [f"NOT {VOIDED}"]
    who = "kept"
    if through_face:
        who = "face"
        tables.append("elearn.statement_face AS face")
        conditions.append("face.stored_at = kept.stored_at AND face.id = kept.id")
        conditions += _moments(given, "face", ascending)
    for column, name in (("verb_key", "verb"), ("registration", "registration")):
        if name in given:
            conditions.append(f"{who}.{column} = %({name})s")
    for way, name, column, kind in (
        (agent, "agent", "actor_key", agent_kind),
        (activity, "activity", "activity_key", RelationKind.ACTIVITY_BROAD),
    ):
        if way == "column":
            conditions.append(f"{who}.{column} = %({name})s")
        elif way == "authority":
            conditions.append(f"{who}.authority_id = %(authority)s")
        elif way == "relation":
            face = f"by_{name}.face_id = face.target_id" if through_face else f"by_{name}.face_id IS NULL"
            tables.append(f"elearn.statement_relation AS by_{name}")
            conditions.append(f"by_{name}.key = %({name})s AND by_{name}.kind = {kind:d} AND {face}")
            conditions.append(f"by_{name}.stored_at = kept.stored_at AND by_{name}.id = kept.id")
            conditions += _moments(given, f"by_{name}", ascending)
    if "reads" in given:
        conditions += [f"{one}.authority_id = ANY (%(reads)s::uuid[])" for one in dict.fromkeys(("kept", who))]
    conditions += _moments(given, "kept", ascending)
    rows = "rows_of_faces" if through_face else "rows"
    return f"""
        SELECT {_COLUMNS} FROM {", ".join(tables)} WHERE {" AND ".join(conditions)}
        ORDER BY {", ".join(f"kept.{column}" for column in order.split(", "))} LIMIT %({rows})s
    """


def _everything_of_readers(given: frozenset[str], order: str, ascending: bool) -> str:
    """All that came by one of several credentials: an index gives each one's in order, none gives all of theirs."""
    conditions = ["kept.authority_id = reader.id", f"NOT {VOIDED}", *_moments(given, "kept", ascending)]
    return f"""
        SELECT page.* FROM unnest(%(reads)s::uuid[]) AS reader(id) CROSS JOIN LATERAL (
            SELECT {_COLUMNS} FROM elearn.statement AS kept WHERE {" AND ".join(conditions)}
            ORDER BY {", ".join(f"kept.{column}" for column in order.split(", "))} LIMIT %(rows)s) AS page
    """


def _moments(given: frozenset[str], table: str, ascending: bool) -> Iterator[str]:
    """Said of every table of a branch: each has its own index and its own months to leave out."""
    if "since" in given:
        yield f"{table}.stored_at > %(since)s"
    if "until" in given:
        yield f"{table}.stored_at <= %(until)s"
    if "after" in given:
        sign = ">" if ascending else "<"
        yield f"{table}.stored_at {sign}= %(after)s"
        yield f"({table}.stored_at, {table}.id) {sign} (%(after)s, %(after_id)s)"
