"""Many statements, by what they are about: the filters of xAPI Communication 2.1.3.

A filter can be met in several ways: by the statement's own columns, by what it is related to, and by either of these
of a statement that it refers to (`faces.py`). Each combination of ways is a branch of the query that consists of equal
signs only, so that an index answers it in order and it ends after a page; the branches are then merged. Nothing is
skipped, so a page costs the same however many statements there are and however deep it lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import product
from uuid import UUID

from sqlalchemy import Connection
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
        "authority": filters.authority_id if filters.related_agents else None,
        "verb": filters.verb_key,
        "activity": filters.activity_key,
        "registration": filters.registration,
        "since": filters.since,
        "until": filters.until,
        # One text, not a list: a list would be escaped element by element.
        "reads": None if filters.reads.all else "{" + ",".join(map(str, filters.reads.credentials)) + "}",
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    if filters.after is not None:
        given["after"], given["after_id"] = filters.after
    given["rows"] = filters.limit + 1
    given["rows_of_faces"] = (filters.limit + 1) * MAX_STEPS
    connection = session.connection()
    shape = Shape(
        frozenset(given),
        related_agents=filters.related_agents,
        related_activities=filters.related_activities,
        ascending=filters.ascending,
        many_readers=len(filters.reads.credentials) > 1,
    )
    connection.exec_driver_sql(_IN_ORDER)
    driver = _driver(connection, shape, given)
    found = [kept_of(row) for row in connection.exec_driver_sql(_query(shape, driver), given)]
    connection.exec_driver_sql(_AS_YOU_LIKE)
    return found


# A page must be read from an index in order. The planner would rather gather all that fits and sort it wherever it
# takes a key for a rare one; and it knows keys by their average, so for a busy one it gathers millions.
_IN_ORDER = """
SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_seqscan', 'off', true)
"""
_AS_YOU_LIKE = _IN_ORDER.replace("'off'", "'on'")


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a question: which parameters it has, so that one command serves all of a shape and is prepared once."""

    given: frozenset[str]
    related_agents: bool
    related_activities: bool
    ascending: bool
    many_readers: bool

    @property
    def filtered(self) -> bool:
        return not self.given.isdisjoint(("agent", "verb", "activity", "registration"))

    @property
    def order(self) -> str:
        return "stored_at, id" if self.ascending else "stored_at DESC, id DESC"

    @property
    def agent_kind(self) -> RelationKind:
        return RelationKind.AGENT_BROAD if self.related_agents else RelationKind.AGENT


ENOUGH = 1000
"""Of the keys of a question the one with fewest rows leads, and the others are looked up row by row. From so many rows
on one is as good as another."""


def _driver(connection: Connection, shape: Shape, given: dict[str, object]) -> str:
    """What leads through the rows: "agent", "activity", or "columns" (then PostgreSQL chooses among those).

    Only a related activity or agent beside something else needs a look at how many there are; a registration is one
    course of one learner, and a plain agent's rows are one person's.
    """
    related_activity = shape.related_activities and "activity" in given
    if "registration" in given:
        return "columns"
    if "agent" in given and not shape.related_agents:
        return "agent"
    ways = ["agent"] if "agent" in given else []
    if related_activity:
        ways.append("activity")
    if "verb" in given or ("activity" in given and not related_activity):
        ways.append("columns")
    if len(ways) < 2:
        return ways[0] if ways else "columns"
    counts = connection.exec_driver_sql(_counts(shape, tuple(ways)), given).one()
    return min(zip(counts, ways, strict=True), key=lambda one: one[0])[1]


@lru_cache(maxsize=256)
def _counts(shape: Shape, ways: tuple[str, ...]) -> str:
    """How many rows each of `ways` has, as far as ENOUGH."""

    def count(table: str, condition: str) -> str:
        conditions = " AND ".join((condition, *_moments(shape, "one")))
        return (
            f"(SELECT count(*) FROM (SELECT FROM elearn.{table} AS one WHERE {conditions} LIMIT {ENOUGH}) AS counted)"
        )

    related = "statement_relation", "key = %({})s AND kind = {:d} AND face_id IS NULL"
    columns = [count("statement", "verb_key = %(verb)s")] if "verb" in shape.given else []
    if "activity" in shape.given and not shape.related_activities:
        columns.append(count("statement", "activity_key = %(activity)s"))
    counts = {
        "agent": f"{count('statement', 'actor_key = %(agent)s')} + "
        + count(related[0], related[1].format("agent", shape.agent_kind)),
        "activity": count(related[0], related[1].format("activity", ACTIVITY)),
        "columns": f"least({', '.join(columns)})",
    }
    return f"SELECT {', '.join(counts[way] for way in ways)}"


@lru_cache(maxsize=1024)
def _query(shape: Shape, driver: str) -> str:
    agents: list[str | None] = [None]
    if "agent" in shape.given:
        agents = ["column", "relation", *(["authority"] if "authority" in shape.given else [])]
    activities: list[str | None] = [None]
    if "activity" in shape.given:
        activities = ["column", *(["relation"] if shape.related_activities else [])]
    if shape.many_readers and not shape.filtered:
        branches = [_everything_of_readers(shape)]
    else:
        branches = [
            _branch(shape, driver, agent, activity, through_face=through_face)
            for through_face in ((False, True) if shape.filtered else (False,))
            for agent, activity in product(agents, activities)
        ]
    merged = " UNION ALL ".join(f"({branch})" for branch in branches)
    return f"""
        SELECT found.raw, found.stored_at, found.authority_id, found.version, found.sitting_id,
               sender.organisation_id, found.id, false
        FROM (SELECT DISTINCT ON (stored_at, id) * FROM ({merged}) AS every
              ORDER BY {shape.order} LIMIT %(rows)s) AS found
        LEFT JOIN elearn.lrs_credential AS sender ON sender.id = found.authority_id
        ORDER BY {_of("found", shape.order)}
    """


ACTIVITY = RelationKind.ACTIVITY_BROAD
_COLUMNS = "kept.stored_at, kept.id, kept.raw, kept.authority_id, kept.version, kept.sitting_id"


def _branch(shape: Shape, driver: str, agent: str | None, activity: str | None, *, through_face: bool) -> str:
    """One way to meet all filters: `agent` and `activity` say whether by a column, a relation, or the authority.

    The leading table is read in order; what belongs to its row is looked up in a subquery that cannot be drawn into
    it (LIMIT 1, OFFSET 0). As a plain join the planner would multiply how seldom equal moments and equal ids are,
    expect nothing, and read everything.
    """
    whose = "face" if through_face else "kept"
    related = {
        name: f"key = %({name})s AND kind = {kind:d}"
        for name, way, kind in (("agent", agent, shape.agent_kind), ("activity", activity, ACTIVITY))
        if way == "relation"
    }
    leads = related.pop(driver, None)
    conditions = [f"{whose}.{column} = %({name})s" for column, name in _columns(shape, agent, activity)]
    face = "by.face_id = face.target_id" if through_face else "by.face_id IS NULL"
    conditions += [
        f"EXISTS (SELECT FROM elearn.statement_relation AS by WHERE by.{how} AND {face} "
        f"AND by.stored_at = {whose}.stored_at AND by.id = {whose}.id OFFSET 0)"
        for how in related.values()
    ]
    lookups = [f"NOT {VOIDED}"]
    if "reads" in shape.given:
        conditions.append(f"{whose}.authority_id = ANY (%(reads)s::uuid[])")
        lookups.append("kept.authority_id = ANY (%(reads)s::uuid[])")
    if leads is not None:
        table, leader = "statement_relation", "by"
        inner = "elearn.statement AS kept"
        lead = [f"by.{leads}", f"by.face_id IS {'NOT ' if through_face else ''}NULL"]
        lookups += ["kept.stored_at = by.stored_at AND kept.id = by.id", *conditions]
        if through_face:
            inner += ", elearn.statement_face AS face"
            lookups.append("face.id = by.id AND face.target_id = by.face_id")
    elif through_face:
        table, leader, inner, lead = "statement_face", "face", "elearn.statement AS kept", conditions
        lookups.append("kept.stored_at = face.stored_at AND kept.id = face.id")
    else:
        table, leader, inner, lead = "statement", "kept", "", [*conditions, *lookups]
    if inner:
        inner = f"CROSS JOIN LATERAL (SELECT kept.* FROM {inner} WHERE {' AND '.join(lookups)} LIMIT 1) AS kept"
    return f"""
        SELECT {_COLUMNS} FROM elearn.{table} AS {leader} {inner}
        WHERE {" AND ".join([*lead, *_moments(shape, leader)])}
        ORDER BY {_of(leader, shape.order)} LIMIT %({"rows_of_faces" if through_face else "rows"})s
    """


def _columns(shape: Shape, agent: str | None, activity: str | None) -> Iterator[tuple[str, str]]:
    """Columns and the parameters that they must equal."""
    if "verb" in shape.given:
        yield "verb_key", "verb"
    if "registration" in shape.given:
        yield "registration", "registration"
    if agent == "column":
        yield "actor_key", "agent"
    if agent == "authority":
        yield "authority_id", "authority"
    if activity == "column":
        yield "activity_key", "activity"


def _everything_of_readers(shape: Shape) -> str:
    """All that came by one of several credentials: an index gives each one's in order, none gives all of theirs."""
    conditions = ["kept.authority_id = reader.id", f"NOT {VOIDED}", *_moments(shape, "kept")]
    return f"""
        SELECT page.* FROM unnest(%(reads)s::uuid[]) AS reader(id) CROSS JOIN LATERAL (
            SELECT {_COLUMNS} FROM elearn.statement AS kept WHERE {" AND ".join(conditions)}
            ORDER BY {_of("kept", shape.order)} LIMIT %(rows)s) AS page
    """


def _moments(shape: Shape, table: str) -> Iterator[str]:
    """Of the leading table. The plain moment beside the cursor is what leaves out months."""
    if "since" in shape.given:
        yield f"{table}.stored_at > %(since)s"
    if "until" in shape.given:
        yield f"{table}.stored_at <= %(until)s"
    if "after" in shape.given:
        sign = ">" if shape.ascending else "<"
        yield f"{table}.stored_at {sign}= %(after)s"
        yield f"({table}.stored_at, {table}.id) {sign} (%(after)s, %(after_id)s)"


def _of(table: str, order: str) -> str:
    return ", ".join(f"{table}.{column}" for column in order.split(", "))
