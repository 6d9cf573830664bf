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
from elearn.tracking.lrs.statements.store import VOIDED, Kept, Place, kept_of

EVERYTHING = Reads(all=True)
MAX_PAGE_BYTES = 10_000_000
"""Of statements in one answer, unless a single one has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the statements must meet, all of it; None asks for nothing. Keys are those of `rules/keys.py`."""

    agent_key: UUID | None = None
    authority_id: UUID | None = None
    """The credential whose agent `agent_key` is. Only with `related_agents`: what came by it is found too.

    What sittings sent has none, and is not found by the platform's own account: where it is most of all rows that
    question is as good as no filter, and to answer it in order where it is few would take an index more, written with
    each heartbeat and used by nothing else. Its learners, units and verbs find it."""
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
    after: Place | None = None
    """Of a statement: only what comes behind it in the order asked for."""
    reads: Reads = EVERYTHING
    most_bytes: int = MAX_PAGE_BYTES
    """Of all their texts together: the one that goes over it is the last. Statements may be of megabytes each."""


def search(session: Session, filters: Filters) -> list[Kept]:
    """What meets `filters`, voided statements left out, each once, in order of (stored_at, id).

    One more than `limit` where there are more, so that the caller knows, unless they are longer than `most_bytes`.
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
    given["bytes"] = filters.most_bytes
    given["rows_of_faces"] = (filters.limit + 1) * MAX_STEPS
    shape = Shape(
        frozenset(given),
        related_agents=filters.related_agents,
        related_activities=filters.related_activities,
        ascending=filters.ascending,
    )
    connection = session.connection()
    connection.exec_driver_sql(_IN_ORDER)
    leads = _leads(connection, shape, given)
    found = [kept_of(row) for row in connection.exec_driver_sql(_query(shape, leads), given).all()]
    connection.exec_driver_sql(_AS_YOU_LIKE)
    return found


# A page must be read from an index in order. The planner would rather gather all that fits and sort it wherever it
# takes a key for a rare one; and it knows keys by their average, so for a busy one it gathers millions. As the command
# leaves it no choice, a plan made once is as good as one made for these values, and takes no time.
_IN_ORDER = """
SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)
"""
_AS_YOU_LIKE = _IN_ORDER.replace("'off'", "'on'").replace("'force_generic_plan'", "'auto'")


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a question: which parameters it has, so that one command serves all of a shape and is prepared once."""

    given: frozenset[str]
    related_agents: bool
    related_activities: bool
    ascending: bool

    @property
    def filtered(self) -> bool:
        return not self.given.isdisjoint(("agent", "verb", "activity", "registration"))

    @property
    def order(self) -> str:
        return "stored_at, id" if self.ascending else "stored_at DESC, id DESC"

    @property
    def agent_kind(self) -> RelationKind:
        return RelationKind.AGENT_BROAD if self.related_agents else RelationKind.AGENT


Way = str
"""How a filter is met: "agent column", "agent relation", "agent authority", "activity column", "activity relation",
"verb", "registration", "reader" (the credential by which it came)."""
Ways = tuple[Way, ...]

COLUMNS = {
    "agent column": "actor_key",
    "agent authority": "authority_id",
    "activity column": "activity_key",
    "verb": "verb_key",
    "registration": "registration",
}
ACTIVITY = RelationKind.ACTIVITY_BROAD
ENOUGH = 1000
"""Of the ways of a branch the one with fewest rows leads, and the others are looked up row by row. From so many rows on
one is as good as another."""


def _branches(shape: Shape) -> list[Ways]:
    """Every combination of ways to meet all filters."""
    filters: list[list[Way]] = []
    if "agent" in shape.given:
        ways = ["agent column", "agent relation", "agent authority"]
        filters.append(ways if "authority" in shape.given else ways[:2])
    if "activity" in shape.given:
        filters.append(["activity column", "activity relation"][: 1 + shape.related_activities])
    filters += [[name] for name in ("verb", "registration") if name in shape.given]
    if "reads" in shape.given:
        filters.append(["reader"])
    return list(product(*filters))


def _leads(connection: Connection, shape: Shape, given: dict[str, object]) -> tuple[Way | None, ...]:
    """Which way leads through the rows of each branch.

    A registration is one course of one learner and a plain agent's rows are one person's, so these lead without being
    counted. What else there is may be anything from one row to all of them.
    """
    branches = _branches(shape)
    if "registration" in shape.given:
        return ("registration",) * len(branches)
    if "agent" in shape.given and not shape.related_agents:
        return tuple(ways[0] for ways in branches)
    if len(branches[0]) < 2:
        return tuple(ways[0] if ways else None for ways in branches)
    counted = tuple(dict.fromkeys(way for ways in branches for way in ways))
    row = connection.exec_driver_sql(_counts(shape, counted), given).one()
    counts = dict(zip(counted, row, strict=True))
    return tuple(min(ways, key=counts.__getitem__) for ways in branches)


@lru_cache(maxsize=256)
def _counts(shape: Shape, ways: Ways) -> str:
    """How many rows there are each way, as far as ENOUGH."""
    counts = []
    for way in ways:
        table = "statement_relation" if way.endswith("relation") else "statement"
        which = "one.authority_id = reader.id" if way == "reader" else _lead(shape, way, "one")
        rows = (
            f"SELECT FROM elearn.{table} AS one WHERE {' AND '.join((which, *_moments(shape, 'one')))} LIMIT {ENOUGH}"
        )
        if way == "reader":
            rows = f"SELECT FROM {_READERS} CROSS JOIN LATERAL ({rows}) AS each LIMIT {ENOUGH}"
        counts.append(f"(SELECT count(*) FROM ({rows}) AS counted)")
    return f"SELECT {', '.join(counts)}"


@lru_cache(maxsize=1024)
def _query(shape: Shape, leads: tuple[Way | None, ...]) -> str:
    branches = [
        _branch(shape, ways, lead, through_face=through_face)
        for through_face in ((False, True) if shape.filtered else (False,))
        for ways, lead in zip(_branches(shape), leads, strict=True)
    ]
    merged = " UNION ALL ".join(f"({branch})" for branch in branches)
    return f"""
        SELECT shown.raw, shown.stored_at, shown.authority_id, shown.version, shown.sitting_id,
               sender.organisation_id, shown.id, false
        FROM (SELECT found.*, octet_length(found.raw) AS own,
                     sum(octet_length(found.raw)) OVER (ORDER BY {shape.order} ROWS UNBOUNDED PRECEDING) AS bytes
              FROM (SELECT DISTINCT ON (stored_at, id) * FROM ({merged}) AS every
                    ORDER BY {shape.order} LIMIT %(rows)s) AS found) AS shown
        LEFT JOIN elearn.lrs_credential AS sender ON sender.id = shown.authority_id
        WHERE shown.bytes - shown.own <= %(bytes)s
        ORDER BY {_of("shown", shape.order)}
    """


_SHOWN = "kept.stored_at, kept.id, kept.raw, kept.authority_id, kept.version, kept.sitting_id"
_READERS = "unnest(%(reads)s::uuid[]) AS reader(id)"


def _branch(shape: Shape, ways: Ways, lead: Way | None, *, through_face: bool) -> str:
    """The rows that meet all filters by `ways`.

    Those of `lead` are read in order. What belongs to such a row is looked up in subqueries that cannot be drawn into
    the whole (LIMIT 1, OFFSET 0): of a plain join the planner multiplies how seldom equal moments and equal ids are,
    expects nothing, and reads everything.
    """
    whose = "face" if through_face else "kept"
    if through_face and lead == "reader":
        lead = ways[0]  # references are few
    conditions = [_lead(shape, lead, whose)] if lead is not None and lead in COLUMNS else []
    for way in ways:
        if way in COLUMNS and way != lead:
            indexed = way in ("verb", "activity column") and lead == "agent column" and not through_face
            equal = f"{whose}.{COLUMNS[way]} = %({_parameter(way)})s"
            conditions.append(equal if indexed else f"({equal}) IS TRUE")  # so that no other index is chosen
        elif way.endswith("relation") and way != lead:
            face = "by.face_id = face.target_id" if through_face else "by.face_id IS NULL"
            conditions.append(
                f"EXISTS (SELECT FROM elearn.statement_relation AS by WHERE {_related(shape, way, 'by')} AND {face} "
                f"AND by.stored_at = {whose}.stored_at AND by.id = {whose}.id OFFSET 0)"
            )
    lookups = [f"NOT {VOIDED}"]
    if "reads" in shape.given:
        readable = "({}.authority_id = ANY (%(reads)s::uuid[])) IS TRUE"
        lookups += [readable.format(one) for one in dict.fromkeys(("kept", whose))]
    if lead == "reader":
        return _of_readers(shape, [*conditions, f"NOT {VOIDED}"])
    table, leader, inner = "statement", "kept", ""
    if lead is not None and lead.endswith("relation"):
        table, leader, inner = "statement_relation", "by", "elearn.statement AS kept"
        lookups += ["kept.stored_at = by.stored_at AND kept.id = by.id", *conditions]
        if through_face:
            inner += ", elearn.statement_face AS face"
            lookups.append("face.id = by.id AND face.target_id = by.face_id")
        conditions = [_lead(shape, lead, "by", through_face=through_face)]
    elif through_face:
        table, leader, inner = "statement_face", "face", "elearn.statement AS kept"
        lookups.append("kept.stored_at = face.stored_at AND kept.id = face.id")
    else:
        conditions += lookups
    if inner:
        inner = f"CROSS JOIN LATERAL (SELECT kept.* FROM {inner} WHERE {' AND '.join(lookups)} LIMIT 1) AS kept"
    return f"""
        SELECT {_SHOWN} FROM elearn.{table} AS {leader} {inner}
        WHERE {" AND ".join([*conditions, *_moments(shape, leader)])}
        ORDER BY {_of(leader, shape.order)} LIMIT %({"rows_of_faces" if through_face else "rows"})s
    """


def _parameter(way: Way) -> str:
    return "authority" if way == "agent authority" else way.split()[0]


def _related(shape: Shape, way: Way, table: str) -> str:
    kind = ACTIVITY if way == "activity relation" else shape.agent_kind
    return f"{table}.key = %({_parameter(way)})s AND {table}.kind = {kind:d}"


def _lead(shape: Shape, way: Way, table: str, *, through_face: bool = False) -> str:
    """What an index gives the rows of `way` by."""
    if way.endswith("relation"):
        return f"{_related(shape, way, table)} AND {table}.face_id IS {'NOT ' if through_face else ''}NULL"
    return f"{table}.{COLUMNS[way]} = %({_parameter(way)})s"


def _of_readers(shape: Shape, conditions: list[str]) -> str:
    """What came by one of several credentials: an index gives each one's in order, none gives all of theirs."""
    conditions = ["kept.authority_id = reader.id", *conditions, *_moments(shape, "kept")]
    return f"""
        SELECT page.* FROM {_READERS} CROSS JOIN LATERAL (
            SELECT {_SHOWN} FROM elearn.statement AS kept WHERE {" AND ".join(conditions)}
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
