"""The statements of `keeping.py`: what is counted, written once for a few people, for a few nodes and for everybody.

`_MEMBERS` and `_CELLS` say from the ledger what a member adds; `_sums` adds members up, one row a node, period, purpose
and kind. The job puts the first into tables and adds the second to the nodes above; the check does both at once.
"""

from __future__ import annotations

from typing import Final

from elearn.training.certificates.qualified import ASKS, FITS, LEAVES, STANDS, VALID

ADDED: Final = ("assigned", "done", "overdue", "barred", "required_ms", "credited_ms")
"""Of a cell, in its order."""
HELD: Final = ("asked", "holding", "certificates", "expiring", "unqualified")
"""Of a member, in its order."""
MEASURES: Final = ("people", "trained", *ADDED, *HELD)
"""Of a node, in its order."""
EXPIRES_DAYS: Final = 90

# --- what changed -----------------------------------------------------------------------------------------------------

TAKE_MARKS: Final = """
DELETE FROM elearn.figure_mark WHERE id IN (SELECT id FROM elearn.figure_mark ORDER BY id LIMIT :at_once)
RETURNING person_id
"""
TAKE_ROLLS: Final = "DELETE FROM elearn.figure_roll RETURNING unit_id"
MARK_EVERYBODY: Final = """
INSERT INTO elearn.figure_mark (person_id)
SELECT DISTINCT m.person_id FROM elearn.membership m
JOIN elearn.organisation o ON o.id = m.organisation_id WHERE o.kind = 'enterprise'
"""
MARK_BOUNDARIES: Final = f"""
INSERT INTO elearn.figure_mark (person_id)
SELECT person_id FROM elearn.membership WHERE from_on > :first AND from_on <= :last
UNION SELECT person_id FROM elearn.membership WHERE to_on >= :first AND to_on < :last
UNION SELECT m.person_id FROM elearn.placement p JOIN elearn.membership m ON m.id = p.membership_id
      WHERE p.from_on > :first AND p.from_on <= :last
UNION SELECT m.person_id FROM elearn.placement p JOIN elearn.membership m ON m.id = p.membership_id
      WHERE p.to_on >= :first AND p.to_on < :last
UNION SELECT person_id FROM elearn.assignment
      WHERE due_on >= :first AND due_on < :last AND state IN ('waiting', 'open')
UNION SELECT person_id FROM elearn.worker_certificate WHERE from_on > :first AND from_on <= :last
UNION SELECT person_id FROM elearn.worker_certificate WHERE holds_to >= :first AND holds_to < :last
UNION SELECT person_id FROM elearn.worker_certificate
      WHERE holds_to > CAST(:first AS date) + {EXPIRES_DAYS} AND holds_to <= CAST(:last AS date) + {EXPIRES_DAYS}
UNION SELECT person_id FROM elearn.worker_certificate WHERE ended_on > :first AND ended_on <= :last
UNION SELECT person_id FROM elearn.figure_member WHERE certificate_by >= :first AND certificate_by < :last
"""
MARK_ASKED: Final = """
INSERT INTO elearn.figure_mark (person_id)
SELECT m.person_id FROM elearn.placement p
JOIN elearn.membership m ON m.id = p.membership_id
JOIN elearn.organisation o ON o.id = m.organisation_id
JOIN unnest(CAST(:categories AS text[]), CAST(:regions AS text[])) k (category, region)
    ON k.category = p.category AND k.region = coalesce(o.region, '')
WHERE p.to_on IS NULL OR p.to_on >= :today
"""
"""Whoever stands at posts that ask for something else than they did."""

# --- what a member adds -----------------------------------------------------------------------------------------------

_MEMBERS: Final = f"""
SELECT m.id AS membership_id, m.person_id, p.unit_id, m.kind, k.category IS NOT NULL AS asked,
       k.category IS NOT NULL AND coalesce(c.fits, false) AS holding, c.certificates, c.expiring,
       k.category IS NOT NULL AND NOT coalesce(c.fits, false) AND {LEAVES} AS unqualified,
       CASE WHEN NOT coalesce(c.fits, false) THEN due.by_on END AS certificate_by
FROM {STANDS} {ASKS}
CROSS JOIN LATERAL (
    SELECT count(*) AS certificates, count(*) FILTER (WHERE w.holds_to <= CAST(:today AS date) + {EXPIRES_DAYS})
               AS expiring, bool_or({FITS}) AS fits
    FROM elearn.worker_certificate w WHERE {VALID}
) c
WHERE m.from_on <= :today AND (m.to_on IS NULL OR m.to_on >= :today) AND {{which}}
"""
_CELLS: Final = """
SELECT membership_id, quarter, purpose, sum(assigned)::bigint AS assigned, sum(done)::bigint AS done,
       sum(overdue)::bigint AS overdue, sum(barred)::bigint AS barred, sum(required_ms)::bigint AS required_ms,
       sum(credited_ms)::bigint AS credited_ms
FROM (
    SELECT a.membership_id, (extract(year FROM a.assigned_on) * 10 + extract(quarter FROM a.assigned_on))::bigint
               AS quarter, g.purpose, 1 AS assigned, (a.state = 'done')::int AS done,
           (a.state <> 'done' AND a.due_on < :today)::int AS overdue,
           (a.state <> 'done' AND a.bars_post AND (a.due_on < :today OR a.occasion = 'hire'))::int AS barred,
           a.required_ms, 0 AS credited_ms
    FROM {members} f
    JOIN elearn.assignment a ON a.membership_id = f.membership_id
    JOIN elearn.training_programme g ON g.id = a.programme_id
    WHERE a.state <> 'withdrawn' AND {which}
    UNION ALL
    SELECT x.membership_id, (extract(year FROM h.earned_on) * 10 + extract(quarter FROM h.earned_on))::bigint,
           x.purpose, 0, 0, 0, 0, 0, h.amount_ms
    FROM (
        SELECT DISTINCT f.membership_id, f.person_id, g.class_id, g.purpose
        FROM {members} f
        JOIN elearn.assignment a ON a.membership_id = f.membership_id
        JOIN elearn.training_programme g ON g.id = a.programme_id
        WHERE {which}
    ) x
    JOIN elearn.hours_entry h ON h.person_id = x.person_id AND h.class_id = x.class_id
) counted
GROUP BY membership_id, quarter, purpose
"""


def put_members(which: str) -> str:
    """Into `figure_member`; `which`: a condition on memberships `m`."""
    columns = f"membership_id, person_id, unit_id, kind, {', '.join(HELD)}, certificate_by"
    return f"INSERT INTO elearn.figure_member ({columns})" + _MEMBERS.format(which=which)


def put_cells(which: str) -> str:
    """Into `figure_cell`; `which`: a condition on the members `f` that are there."""
    return f"INSERT INTO elearn.figure_cell (membership_id, quarter, purpose, {', '.join(ADDED)})" + (
        _CELLS.format(members="elearn.figure_member", which=which)
    )


TAKE_OFF: Final = (
    """
    DELETE FROM elearn.figure_cell
    WHERE membership_id IN (SELECT membership_id FROM elearn.figure_member WHERE person_id = ANY(:people))
    """,
    "DELETE FROM elearn.figure_member WHERE person_id = ANY(:people)",
)
EMPTY: Final = (
    "DELETE FROM elearn.figure_mark",
    "DELETE FROM elearn.figure_roll",
    "DELETE FROM elearn.figure_cell",
    "DELETE FROM elearn.figure_member",
    "DELETE FROM elearn.unit_figure",
)
SLICES: Final = """
SELECT array_agg(unit_id), sum(many)::bigint FROM (
    SELECT unit_id, count(*) AS many, (sum(count(*)) OVER (ORDER BY unit_id) - 1)::bigint / :size AS slice
    FROM elearn.figure_member GROUP BY unit_id
) each GROUP BY slice ORDER BY slice
"""
"""Units with about so many people in them together."""
ANALYZE: Final = "ANALYZE elearn.figure_member, elearn.figure_cell"

# --- what nodes add up to ---------------------------------------------------------------------------------------------


def _sums(*, members: str, cells: str, which: str, above: str) -> str:
    """One row a node, period, purpose and kind. A cell counts in its quarter, its year and over all, for its purpose
    and over all; people and certificates once. Over all, who must leave the post counts once whatever the reasons are:
    a certificate that is missing belongs to no period and no purpose."""
    of_person = ", ".join(f"sum({one})::bigint AS {one}" for one in ADDED if one != "barred")
    of_unit = ", ".join(f"sum({one})::bigint AS {one}" for one in ADDED)
    held = ", ".join(f"sum({one}::int)::bigint AS {one}" for one in HELD)
    all_ = ", ".join(f"sum(u.{one})::bigint AS {one}" for one in MEASURES)
    unqualified = "sum(unqualified::int)::bigint"
    none_added = ", ".join(unqualified if one == "barred" else "0::bigint" for one in ADDED)
    none_held = ", ".join("0" for _ in HELD)
    return f"""
    SELECT t.above_id AS unit_id, u.period, u.purpose, u.kind, {all_}
    FROM (
        SELECT unit_id, 0::bigint AS period, '' AS purpose, kind, count(*) AS people, 0::bigint AS trained,
               {none_added}, {held}
        FROM {members} f WHERE {which} GROUP BY unit_id, kind
        UNION ALL
        SELECT unit_id, period, purpose, kind, 0, sum((done > 0)::int)::bigint, {of_unit}, {none_held}
        FROM (
            SELECT f.membership_id, f.unit_id, f.kind, p.period, w.purpose, {of_person},
                   (sum(barred) > 0 AND NOT (f.unqualified AND p.period = 0 AND w.purpose = ''))::int::bigint AS barred
            FROM {members} f JOIN {cells} c ON c.membership_id = f.membership_id
            CROSS JOIN LATERAL (VALUES (0::bigint), (c.quarter / 10), (c.quarter)) p (period)
            CROSS JOIN LATERAL (VALUES (''), (c.purpose)) w (purpose)
            WHERE {which} GROUP BY f.membership_id, f.unit_id, f.kind, f.unqualified, p.period, w.purpose
        ) each GROUP BY unit_id, period, purpose, kind
    ) u ({_COLUMNS})
    JOIN elearn.organisation_tree t ON t.below_id = u.unit_id
    WHERE {above} GROUP BY t.above_id, u.period, u.purpose, u.kind
    """


_COLUMNS: Final = "unit_id, period, purpose, kind, " + ", ".join(MEASURES)


def add(*, members: str = "TRUE", above: str = "TRUE") -> str:
    """Put what members `f` add on the nodes `t.above_id`, or take it off (`:sign` -1)."""
    signed = ", ".join(f":sign * {one}" for one in MEASURES)
    changed = ", ".join(f"{one} = elearn.unit_figure.{one} + excluded.{one}" for one in MEASURES)
    sums = _sums(members="elearn.figure_member", cells="elearn.figure_cell", which=members, above=above)
    return f"""
    INSERT INTO elearn.unit_figure ({_COLUMNS}, computed_at)
    SELECT unit_id, period, purpose, kind, {signed}, :now FROM ({sums}) s
    ON CONFLICT (unit_id, period, purpose, kind)
    DO UPDATE SET {changed}, computed_at = greatest(elearn.unit_figure.computed_at, excluded.computed_at)
    """


def compare(below: bool) -> str:
    """Rows that stand and that the ledger says, where they differ. A row of zeros is as good as none."""
    within = "(SELECT below_id FROM elearn.organisation_tree WHERE above_id = :below)"
    # Whoever stands in a node below counts there and above; nobody else is asked about.
    members = f"({_MEMBERS.format(which=f'p.unit_id IN {within}' if below else 'TRUE')})"
    cells = f"({_CELLS.format(members=members, which='TRUE')})"
    sums = _sums(members=members, cells=cells, which="TRUE", above=f"t.above_id IN {within}" if below else "TRUE")
    stands = f"SELECT {_COLUMNS} FROM elearn.unit_figure" + (f" WHERE unit_id IN {within}" if below else "")
    keys = ", ".join(f"coalesce(a.{one}, b.{one})" for one in ("unit_id", "period", "purpose", "kind"))
    sides = ", ".join(f"coalesce({side}.{one}, 0)" for side in ("a", "b") for one in MEASURES)
    same = " AND ".join(f"coalesce(a.{one}, 0) = coalesce(b.{one}, 0)" for one in MEASURES)
    return f"""
    SELECT {keys}, {sides} FROM ({stands}) a
    FULL JOIN ({sums}) b USING (unit_id, period, purpose, kind) WHERE NOT ({same})
    ORDER BY 1, 2, 3, 4
    """
