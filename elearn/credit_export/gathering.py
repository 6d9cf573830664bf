"""What judgements are made from: hours, classes, identity and the rules of the day, of many persons in a few queries.

Rules are chosen by where the class's institution is and by the category that its outline names (`dated_rules.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from math import lcm
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.papers.standing import course_tests
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import EVERYWHERE, CreditRules, Training
from elearn.credit_export import teachers_valid
from elearn.credit_export.dated_rules import Aim, Chosen, daily_cap, rules_on
from elearn.credit_export.eligibility import Category, Facts, Rules
from elearn.credit_export.findings.shown import NOTHING_SHOWN, shown_by
from elearn.credit_export.hours import Amount, Kind, Modality, Tally, tally
from elearn.people.permissions import significant
from elearn.people.registry import local_day

CASES = """
WITH {capping} required AS (
    SELECT outline_id, coalesce(sum(required_hours) FILTER (WHERE kind = 'theory'), 0)::bigint AS theory,
           coalesce(sum(required_hours) FILTER (WHERE kind = 'practice'), 0)::bigint AS practice
    FROM elearn.outline_item GROUP BY outline_id
), cosigned AS (
    SELECT origin, max(size) AS size FROM elearn.ledger_checkpoint WHERE witnessed GROUP BY origin
), lessons AS (
    SELECT e.person_id, f.outline_id, e.modality, e.kind, least(sum(e.amount_ms), max(u.duration_ms)) AS ms,
           bool_and(coalesce(e.leaf_index < c.size, false)) AS witnessed, sum({over}) AS over_ms
    FROM {entries} e
    JOIN elearn.training_class f ON f.id = e.class_id
    JOIN elearn.outline_item i ON i.id = e.outline_item_id AND i.outline_id = f.outline_id
    LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
    LEFT JOIN elearn.unit u ON u.id = w.unit_id
    LEFT JOIN cosigned c ON c.origin = e.leaf_origin
    WHERE e.person_id = ANY (:persons) AND f.filed_at <= e.learned_at
    GROUP BY e.person_id, f.outline_id, e.modality, e.kind, u.lesson_id
), hours AS (
    SELECT person_id, outline_id, bool_and(witnessed) AS witnessed, sum(over_ms)::bigint AS over_daily_ms,
           sum(ms) FILTER (WHERE modality = 'online' AND kind = 'theory')::bigint AS online_theory,
           sum(ms) FILTER (WHERE modality = 'online' AND kind = 'practice')::bigint AS online_practice,
           sum(ms) FILTER (WHERE modality = 'offline' AND kind = 'theory')::bigint AS offline_theory,
           sum(ms) FILTER (WHERE modality = 'offline' AND kind = 'practice')::bigint AS offline_practice
    FROM lessons GROUP BY person_id, outline_id
), held AS (
    SELECT n.person_id, k.outline_id, coalesce(bool_or(k.filed_at <= :now), false) AS filed,
           (array_agg(k.id ORDER BY (k.filed_at IS NOT NULL) DESC, n.enrolled_at DESC))[1] AS class_id
    FROM elearn.enrolment n
    JOIN elearn.training_class k ON k.id = n.class_id
    WHERE n.person_id = ANY (:persons) AND (CAST(:outline AS uuid) IS NULL OR k.outline_id = :outline)
    GROUP BY n.person_id, k.outline_id
)
SELECT h.person_id, h.outline_id, h.filed, h.class_id, o.code, o.version, o.effective_from, o.effective_to,
       o.category, o.training, i.region, coalesce(s.over_daily_ms, 0) AS over_daily_ms,
       coalesce(r.theory, 0) AS required_theory, coalesce(r.practice, 0) AS required_practice,
       p.document_index IS NOT NULL AS identified, coalesce(s.witnessed, false) AS witnessed,
       coalesce(s.online_theory, 0) AS online_theory, coalesce(s.online_practice, 0) AS online_practice,
       coalesce(s.offline_theory, 0) AS offline_theory, coalesce(s.offline_practice, 0) AS offline_practice
FROM held h
JOIN elearn.person p ON p.id = h.person_id
JOIN elearn.outline o ON o.id = h.outline_id
LEFT JOIN elearn.training_class k ON k.id = h.class_id
LEFT JOIN elearn.organisation i ON i.id = k.institution_id
LEFT JOIN required r ON r.outline_id = h.outline_id
LEFT JOIN hours s ON s.person_id = h.person_id AND s.outline_id = h.outline_id
ORDER BY h.person_id, h.outline_id
"""

CAPPING = """
places AS (
    SELECT place, most FROM unnest(CAST(:places AS text[]), CAST(:most AS bigint[])) AS p(place, most)
), classes AS MATERIALIZED (
    SELECT k.id, k.filed_at,
           (SELECT p.most FROM places p WHERE starts_with(coalesce(o.region, ''), p.place)
            ORDER BY length(p.place) DESC LIMIT 1) AS most
    FROM elearn.training_class k JOIN elearn.organisation o ON o.id = k.institution_id
    WHERE k.id IN (SELECT class_id FROM elearn.hours_entry WHERE person_id = ANY (:persons))
), running AS (
    SELECT e.*, q.most, u.each,
           sum(e.amount_ms * u.each) OVER (PARTITION BY e.person_id, e.earned_on ORDER BY e.learned_at, e.id
                                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM elearn.hours_entry e
    JOIN (VALUES ('online', CAST(:online AS bigint)), ('offline', CAST(:offline AS bigint))) AS u (modality, each)
      ON u.modality = e.modality
    JOIN classes q ON q.id = e.class_id AND q.filed_at <= e.learned_at
    WHERE e.person_id = ANY (:persons) AND e.reverses_id IS NULL
      AND NOT EXISTS (SELECT FROM elearn.hours_entry r WHERE r.reverses_id = e.id)
), capped AS (
    SELECT person_id, class_id, outline_item_id, modality, kind, learned_at, watched_span_id, leaf_origin, leaf_index,
           amount_ms AS earned_ms,
           CASE WHEN most IS NULL THEN amount_ms
                ELSE least(amount_ms, floor(greatest(0, most - coalesce(before, 0)) / each))::bigint END AS amount_ms
    FROM running
),
"""
"""The hours of one day, in the order of learning, up to what a region lets count; taken back ones are not there.

`each` makes milliseconds of both modalities comparable: a 学时 of either is as much, and `most` is in that unit.
"""
ALL_CASES = sa.text(CASES.format(capping="", entries="elearn.hours_entry", over="0"))
CAPPED_CASES = sa.text(CASES.format(capping=CAPPING, entries="capped", over="e.earned_ms - e.amount_ms"))

ADMITTED = sa.text("""
SELECT r.person_id, r.outline_id, min((s.granted_at AT TIME ZONE 'Asia/Shanghai')::date) AS admitted_on
FROM elearn.eligibility_record r JOIN elearn.eligibility_step s ON s.record_id = r.id
WHERE r.person_id = ANY (:persons) AND s.granted_at IS NOT NULL
GROUP BY r.person_id, r.outline_id
""")

ADMITTED_THEN = sa.text("""
SELECT w.person_id, w.outline_id, w.at
FROM unnest(CAST(:persons AS uuid[]), CAST(:outlines AS uuid[]), CAST(:moments AS timestamptz[]))
     AS w (person_id, outline_id, at)
JOIN LATERAL (
    SELECT s.to_state, s.granted_at, s.expires_on
    FROM elearn.eligibility_record r JOIN elearn.eligibility_step s ON s.record_id = r.id
    WHERE r.person_id = w.person_id AND r.outline_id = w.outline_id AND s.at < w.at
    ORDER BY s.position DESC LIMIT 1
) AS last ON last.granted_at IS NOT NULL AND last.to_state IN ('granted', 'suspended')
WHERE last.expires_on IS NULL OR (w.at AT TIME ZONE 'Asia/Shanghai')::date <= last.expires_on
""")
"""Who held an admission under an outline at a moment: also one that was suspended then, as it may be given back."""


@dataclass(frozen=True, slots=True)
class Case:
    """One person under one outline: all that `judge` asks, and where it came from."""

    person_id: UUID
    outline_id: UUID
    category: Category
    facts: Facts
    hours: Tally
    class_id: UUID | None
    on: date
    """The day whose rules were asked."""
    rules: Rules
    aim: Aim
    witnessed: bool = False
    """There are hours, and the leaf of each stands in a checkpoint that a witness cosigned."""
    over_daily_ms: int = 0
    """Learned beyond what may count on one day, where the region sets a limit."""


@dataclass(slots=True)
class _Choosing:
    """The rules of each outline in each region on one day: a few outlines, many persons."""

    catalogue: Catalogue
    on: date
    kept: dict[tuple[UUID, str | None], tuple[Aim, Chosen, Category]] = field(default_factory=dict)

    def of(self, row: sa.Row[tuple[object, ...]]) -> tuple[Aim, Chosen, Category]:
        key = (row.outline_id, row.region)
        if key not in self.kept:
            aim = Aim(row.category, Training(row.training), row.region, row.required_theory, row.required_practice)
            chosen = rules_on(self.catalogue, aim, self.on)
            asks = (chosen.required_theory, chosen.required_practice)
            self.kept[key] = (aim, chosen, Category(row.code, row.version, *asks, row.effective_from, row.effective_to))
        return self.kept[key]


def gather_many(
    session: Session,
    person_ids: Iterable[UUID],
    *,
    now: datetime,
    outline_id: UUID | None = None,
    on: date | None = None,
) -> list[Case]:
    """The cases of these persons: one for each outline of a class they were ever enrolled in. A few queries.

    `on`: the day whose rules are asked, today when left out; hours and facts are those of now. A lesson is worth its
    longest version at most: who watches a corrected one again has not learned twice.
    """
    people, day = list(person_ids), on or local_day(now)
    choosing = _Choosing(requirements.catalogue(session), day)
    values: dict[str, object] = {"persons": people, "outline": outline_id, "now": now}
    limits = _limits(choosing.catalogue, day)
    rows = session.execute(CAPPED_CASES if limits else ALL_CASES, values | limits).all()
    found = [(row, *choosing.of(row)) for row in rows]
    tests = _tests_passed(session, people, {row.outline_id for row in rows})
    lines = [(row.person_id, row.outline_id, row.class_id) for row in rows]
    teachers = teachers_valid.of_cases(session, choosing.catalogue, lines, on=day, today=local_day(now))
    # Asked for where it matters only: an outline that is over, of people who are not to be trained again.
    over = {
        row.person_id
        for row, _aim, chosen, category in found
        if not chosen.rules.retraining_after_failure and category.in_force_to is not None and category.in_force_to < day
    }
    admitted = {
        (row.person_id, row.outline_id): row.admitted_on
        for row in (session.execute(ADMITTED, {"persons": list(over)}) if over else ())
    }
    # The same: of whom rules ask something beside training, or who may have to be trained again.
    asked = {row.person_id for row, _aim, chosen, _category in found if asks_to_be_shown(chosen.rules)}
    shown = shown_by(session, asked, day) if asked else {}
    return [
        Case(
            person_id=row.person_id,
            outline_id=row.outline_id,
            category=category,
            facts=shown.get(row.person_id, NOTHING_SHOWN).added_to(
                Facts(
                    enrolled=True,
                    class_filed=row.filed,
                    identified=row.identified,
                    course_tests=tests[row.person_id, row.outline_id],
                    teachers_valid=teachers.get((row.person_id, row.outline_id)),
                    admitted_on=admitted.get((row.person_id, row.outline_id)),
                ),
                row.code,
            ),
            hours=tally(
                (
                    Amount(Modality.ONLINE, Kind.THEORY, row.online_theory),
                    Amount(Modality.ONLINE, Kind.PRACTICE, row.online_practice),
                    Amount(Modality.OFFLINE, Kind.THEORY, row.offline_theory),
                    Amount(Modality.OFFLINE, Kind.PRACTICE, row.offline_practice),
                )
            ),
            class_id=row.class_id,
            on=day,
            rules=chosen.rules,
            aim=aim,
            witnessed=row.witnessed,
            over_daily_ms=row.over_daily_ms,
        )
        for row, aim, chosen, category in found
    ]


def asks_to_be_shown(rules: Rules) -> bool:
    """Whether what two people state about a person (`findings/shown.py`) can change a judgement by these rules."""
    return bool(rules.prerequisites) or rules.retraining_after_failure


def _tests_passed(
    session: Session, person_ids: Collection[UUID], outline_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], bool | None]:
    """(person, outline) -> whether the course tests that bind the person are passed; None: no test does.

    A test does not bind whoever held an admission under its outline when it was first offered: nobody loses one by
    somebody publishing a test.
    """
    found = course_tests(session, person_ids, outline_ids)
    missing = [(person, outline, since) for (person, outline), one in found.items() for since in one.missing_since]
    spared: dict[tuple[UUID, UUID], set[datetime]] = defaultdict(set)
    if missing:
        persons, outlines, moments = map(list, zip(*missing, strict=True))
        asked = {"persons": persons, "outlines": outlines, "moments": moments}
        for row in session.execute(ADMITTED_THEN, asked):
            spared[row.person_id, row.outline_id].add(row.at)
    return {line: one.passed(spared=spared.get(line, ())) for line, one in found.items()}


def gather(
    session: Session, person_id: UUID, *, now: datetime, outline_id: UUID | None = None, on: date | None = None
) -> list[Case]:
    """The cases of one person."""
    return gather_many(session, [person_id], now=now, outline_id=outline_id, on=on)


def _limits(catalogue: Catalogue, on: date) -> dict[str, object]:
    """What `CAPPED_CASES` asks beside persons: nothing when no region limits a day.

    Hours of different length share one day: both are counted in the least common multiple of the country's lengths.
    """
    rows = [one.row for one in catalogue.everywhere("credit_rules", on) if isinstance(one.row, CreditRules)]
    regions = {row.region for row in rows if row.daily_cap_hours is not None}
    if not regions:
        return {}
    country = rules_on(catalogue, Aim(None, Training.INITIAL, None, 0, 0), on).rules.hours
    whole = lcm(country.online_hour_ms, country.offline_hour_ms)
    caps = {region: daily_cap(catalogue, region, on) for region in regions}
    return {
        "places": ["" if region == EVERYWHERE else significant(region) for region in caps],
        "most": [None if cap is None else cap * whole for cap in caps.values()],
        "online": whole // country.online_hour_ms,
        "offline": whole // country.offline_hour_ms,
    }
