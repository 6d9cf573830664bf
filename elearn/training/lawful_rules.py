"""What rules and programmes give, against the hours that the law asks: gathered here, judged in `law_hours`.

A rule is compared for each category of people that it finds today, together with the rules that hold beside it. Less
than the law asks is told to whoever makes it, never refused, and what was told is kept. What asks for nothing is
another matter: `programmes` refuses it, and what was there before shows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Category, Training
from elearn.db import among
from elearn.training import law_hours
from elearn.training.law_hours import LEADING, STAFF, Gives, Judgement, LawAsks, Learned, Verdict
from elearn.training.models import AssignRule, LawNote, Occasion, Programme, Purpose

ASKED_OF = (Training.INITIAL, Training.YEARLY)
MOST_NODES = 50
"""Nodes whose rules are compared for one list; the pages of the others' rules compare each its own."""

WITH_RULES = sa.text("""
SELECT o.id, o.region FROM elearn.organisation o
WHERE o.id = ANY (:ids) AND EXISTS (
    SELECT FROM elearn.assign_rule r
    WHERE r.organisation_id = o.id AND r.closed_at IS NULL AND r.occasion = ANY (:occasions)
)
ORDER BY array_position(CAST(:first AS uuid[]), o.id), o.id LIMIT :most
""")
STANDING = sa.text("""
WITH used AS MATERIALIZED (
    -- Most categories stand nowhere: a tree of ten thousand units is not searched for those.
    SELECT c.id FROM unnest(CAST(:categories AS text[])) AS c (id)
    WHERE EXISTS (SELECT FROM elearn.placement p WHERE p.category = c.id)
)
SELECT n.id AS node_id, c.id AS category
FROM unnest(CAST(:nodes AS uuid[])) AS n (id), used c
WHERE EXISTS (
    SELECT FROM elearn.placement p JOIN elearn.organisation_tree t ON t.below_id = p.unit_id AND t.above_id = n.id
    WHERE p.category = c.id AND (p.to_on IS NULL OR p.to_on >= :on)
)
""")
RULES = sa.text("""
SELECT t.below_id AS node_id, r.id, r.organisation_id, r.occasion, r.programme_ids, r.categories, r.posts, r.kinds
FROM elearn.organisation_tree t JOIN elearn.assign_rule r ON r.organisation_id = t.above_id AND r.closed_at IS NULL
WHERE t.below_id = ANY (:nodes) AND r.occasion = ANY (:occasions)
ORDER BY r.id
""")
ASK = sa.text("""
SELECT g.id, g.required_ms, least(g.required_ms, coalesce((
    SELECT sum(u.duration_ms) FROM elearn.class_course c JOIN elearn.lesson l ON l.course_id = c.course_id
    JOIN elearn.unit u ON u.lesson_id = l.id AND u.published_at IS NOT NULL AND u.retired_at IS NULL
                      AND u.kind <> 'practice'
    WHERE c.class_id = g.class_id
), 0))::bigint AS online_ms
FROM elearn.training_programme g WHERE g.id = ANY (:ids) AND g.closed_at IS NULL
""")
NOTHING = sa.text("""
SELECT g.id FROM elearn.training_programme g
WHERE g.id = ANY (:ids) AND g.required_ms = 0 AND g.purpose NOT LIKE 'three_level_%' AND NOT EXISTS (
    SELECT FROM elearn.class_course c
    JOIN elearn.course_test t ON t.course_id = c.course_id AND t.purpose = 'course' AND t.retired_at IS NULL
    JOIN elearn.test_blueprint b ON b.test_id = t.id AND b.published_at IS NOT NULL AND b.retired_at IS NULL
    WHERE c.class_id = g.class_id
)
""")
NOTED = sa.text("""
SELECT p.name, n.at FROM elearn.law_note n JOIN elearn.person p ON p.id = n.by_id
WHERE n.rule_id = :rule OR n.programme_id = :programme ORDER BY n.at, n.id LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Compared:
    """What a category of people is asked to learn, against what the law asks of it."""

    category: str
    asked: LawAsks
    judgement: Judgement

    @property
    def short(self) -> bool:
        return self.judgement.verdict is Verdict.SHORT


@dataclass(frozen=True, slots=True)
class Noted:
    """Who was told, and when."""

    name: str
    at: datetime


def of_rules(session: Session, nodes: Mapping[UUID, str | None], *, on: date) -> dict[UUID, list[Compared]]:
    """The open rules of these nodes (with the region of each), compared for each category that they reach today.

    Left out: rules of other occasions than those that the law counts hours for.
    """
    if not nodes:
        return {}
    categories = _categories(session, nodes, on)
    every = sorted({id for some in categories.values() for id in some})
    standing: dict[UUID, set[str]] = defaultdict(set)
    for row in session.execute(STANDING, {"nodes": list(nodes), "categories": every, "on": on}):
        standing[row.node_id].add(row.category)
    lines: dict[UUID, list[Gives]] = defaultdict(list)
    own: list[tuple[UUID, Gives]] = []
    for row, gives in _gives(session, nodes):
        lines[row.node_id].append(gives)
        if row.organisation_id == row.node_id:
            own.append((row.node_id, gives))
    catalogue, found = requirements.catalogue(session), dict[UUID, list[Compared]]()
    for node, rule in own:
        known = categories[node]
        reached = [id for id in known if id in (rule.categories or standing[node])]
        found[rule.id] = [
            Compared(id, asked, law_hours.judge(law_hours.given(rule, id, lines[node], leads=known[id]), asked))
            for id in reached
            if known[id] >= rule.leading
            for asked in [law_hours.asks(catalogue, id, nodes[node], on, rule.training)]
        ]
    return found


def nodes_with_rules(session: Session, first: Sequence[UUID], others: Collection[UUID]) -> dict[UUID, str | None]:
    """Nodes whose rules a list compares, with their regions: those of `first` before all others, not more than a list
    can afford."""
    values = {
        "ids": list({*first, *others}),
        "first": list(first),
        "occasions": [one.value for one in law_hours.OF_OCCASION],
        "most": MOST_NODES,
    }
    return {row.id: row.region for row in session.execute(WITH_RULES, values)}


def short_rules(session: Session, line: Sequence[UUID], own: Collection[UUID], *, on: date) -> set[UUID]:
    """The open rules of these nodes that give some category less than the law asks."""
    nodes = nodes_with_rules(session, line, own)
    return {id for id, some in of_rules(session, nodes, on=on).items() if any(one.short for one in some)}


def short_programmes(
    session: Session, ids: Collection[UUID], line: Sequence[UUID], own: Collection[UUID], *, on: date
) -> set[UUID]:
    """Those of these programmes that stand in such a rule, or in none and were short by themselves when made."""
    rows = session.execute(
        sa.select(AssignRule.id, AssignRule.programme_ids).where(
            among(AssignRule.organisation_id, {*line, *own}), AssignRule.closed_at.is_(None)
        )
    ).all()
    short = short_rules(session, line, own, on=on) if rows else set()
    assigned = {one for row in rows for one in row.programme_ids}
    return set(ids) & (
        {one for row in rows if row.id in short for one in row.programme_ids}
        | (programmes_noted(session, ids) - assigned)
    )


def by_itself(session: Session, node_id: UUID, region: str | None, programme: Programme, *, on: date) -> list[Compared]:
    """A programme that no rule assigns yet, alone, for the categories that stand in a node; none of the three levels:
    they are compared together, by the rule that puts them in order."""
    training = law_hours.OF_PURPOSE.get(programme.purpose)
    if training is None or programme.purpose.level:
        return []
    known = _categories(session, {node_id: region}, on)[node_id]
    values = {"nodes": [node_id], "categories": sorted(known), "on": on}
    gives = _asks_for(session, [programme.id]).get(programme.id, Learned())
    catalogue, found = requirements.catalogue(session), []
    for row in session.execute(STANDING, values):
        if known[row.category] >= (programme.purpose is Purpose.APPOINTMENT):
            asked = law_hours.asks(catalogue, row.category, region, on, training)
            found.append(Compared(row.category, asked, law_hours.judge(gives, asked)))
    return sorted(found, key=lambda one: one.category)


def asking_nothing(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of these programmes that are done as soon as they are assigned: no time, no test, no signatures."""
    return set(session.scalars(NOTHING, {"ids": list(ids)}))


def note(
    session: Session, compared: Sequence[Compared], *, by: UUID, at: datetime, rule_id: UUID | None = None,
    programme_id: UUID | None = None,
) -> list[LawNote]:  # fmt: skip
    """Keep that whoever makes it is told that it is short of the law, and for whom."""
    made = [
        LawNote(
            rule_id=rule_id, programme_id=programme_id, training=one.asked.training.value, category=one.category,
            asked_hours=one.asked.hours, given_micro=one.judgement.has, clause=one.asked.clause,
            rule_version=one.asked.rule, by_id=by, at=at,
        )
        for one in compared if one.short
    ]  # fmt: skip
    session.add_all(made)
    session.flush()
    return made


def noted(session: Session, *, rule_id: UUID | None = None, programme_id: UUID | None = None) -> Noted | None:
    """What was kept when a rule or a programme was made: that its maker was told; None: there was nothing to tell."""
    row = session.execute(NOTED, {"rule": rule_id, "programme": programme_id}).one_or_none()
    return None if row is None else Noted(row.name, row.at)


def programmes_noted(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of these programmes that were by themselves short of the law when they were made."""
    return set(session.scalars(sa.select(LawNote.programme_id).where(LawNote.programme_id.in_(list(ids))).distinct()))


def _categories(session: Session, nodes: Mapping[UUID, str | None], on: date) -> dict[UUID, dict[str, bool]]:
    """By node: the categories of staff that are in force there, and whether each is a principal's or a manager's."""
    catalogue = requirements.catalogue(session)
    by_region = {
        region: {
            one.row.id: one.row.group in LEADING
            for one in catalogue.on("categories", region, on)
            if isinstance(one.row, Category) and one.row.group in STAFF
        }
        for region in set(nodes.values())
    }
    return {node: by_region[region] for node, region in nodes.items()}


def _gives(session: Session, nodes: Collection[UUID]) -> list[tuple[Any, Gives]]:
    """The open rules that hold at each of these nodes: its own and those of what lies above it."""
    occasions = [one.value for one in law_hours.OF_OCCASION]
    rows = session.execute(RULES, {"nodes": list(nodes), "occasions": occasions}).all()
    asked = _asks_for(session, {one for row in rows for one in row.programme_ids})
    return [
        (
            row,
            Gives(
                row.id,
                law_hours.OF_OCCASION[Occasion(row.occasion)],
                {one: asked[one] for one in row.programme_ids if one in asked},
                row.categories,
                row.posts,
                row.kinds,
                leading=row.occasion == Occasion.APPOINTMENT,
            ),
        )
        for row in rows
    ]


def _asks_for(session: Session, ids: Collection[UUID]) -> dict[UUID, Learned]:
    """What each open programme asks: online as far as its courses reach, the rest on site."""
    return {
        row.id: Learned(row.online_ms, row.required_ms - row.online_ms)
        for row in session.execute(ASK, {"ids": list(ids)})
    }


def of_rule(session: Session, rule: AssignRule, region: str | None, *, on: date) -> list[Compared]:
    """One open rule."""
    return of_rules(session, {rule.organisation_id: region}, on=on).get(rule.id, [])
