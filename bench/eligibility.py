"""What it takes to judge everybody afresh: processor time of ours and of PostgreSQL together.

    python -m bench.eligibility [--persons 100000] [--entries 12]

So many people of one outline, each with so many entries of hours, all recorded once; then all are judged again, as
the nightly job does it: nothing is new, so nothing is written. The first time, which writes a record with its facts
and its first step for everybody, is told beside it. All of it by the catalogue of requirements that travels with the
program. And one judgement alone: the rules of its day chosen and asked, no database.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench import processor
from bench.figures import Figure, say
from bench.watching import Place, Spent, a_place, postgres_beside
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.choosing import Catalogue, Loaded
from elearn.courses.requirements.reading import read
from elearn.courses.requirements.rows import Training
from elearn.credit_export import recomputing
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.eligibility import Candidate, Category, Facts, judge
from elearn.credit_export.hours import Tally
from elearn.db import db
from tests.builders_credit import LEARNED_AT, a_learner_with_hours, an_outline

PERSONS = 100_000
ENTRIES = 12
LIMIT_S = 60.0
JUDGE_LIMIT_MS = 1.0
JUDGEMENTS = 20_000
NOW = LEARNED_AT + timedelta(days=1)

FOREIGN_KEYS = """
SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
WHERE contype = 'f' AND conrelid IN ('elearn.watched_span'::regclass, 'elearn.hours_entry'::regclass)
"""
PEOPLE = """
CREATE TEMPORARY TABLE crowd ON COMMIT DROP AS SELECT gen_random_uuid() AS person FROM generate_series(1, :persons);
"""
COPIES = (
    """
    INSERT INTO elearn.person (id, name, document_kind, document_index, created_at)
    SELECT c.person, 'Somebody', 'resident_id', sha256(uuid_send(c.person)), :now FROM crowd c
    """,
    """
    INSERT INTO elearn.learner_watch (learner_id, tau_ms, held, pending_ms, check_count, check_due_after_ms)
    SELECT c.person, 0, false, 0, 0, 0 FROM crowd c
    """,
    """
    INSERT INTO elearn.enrolment (id, class_id, person_id, enrolled_at)
    SELECT gen_random_uuid(), :class, c.person, :now FROM crowd c
    """,
    """
    CREATE TEMPORARY TABLE final ON COMMIT DROP AS
    SELECT gen_random_uuid() AS id, c.person, n FROM crowd c, generate_series(1, :entries) AS n
    """,
    """
    INSERT INTO elearn.watched_span (id, kind, learner_id, unit_id, class_id, start_ms, end_ms, "on", late, excess_ms,
                                     check_id, settles, policy, heard_at)
    SELECT f.id, 'final', f.person, w.unit_id, w.class_id, (f.n - 1) * 60000, f.n * 60000, w."on", w.late, 0,
           w.check_id, w.settles, w.policy, w.heard_at
    FROM final f, elearn.watched_span w WHERE w.kind = 'final' AND w.learner_id = :person
    """,
    """
    INSERT INTO elearn.hours_entry (id, person_id, class_id, outline_item_id, modality, kind, amount_ms, earned_on,
                                    learned_at, watched_span_id, rule_version, created_at)
    SELECT gen_random_uuid(), f.person, :class,
           (SELECT i.id FROM elearn.outline_item i JOIN elearn.training_class k ON k.outline_id = i.outline_id
            WHERE k.id = :class),
           'online', 'theory', 60000, date '2026-06-30', :now, f.id, 'cn-aq8011-2023', :now
    FROM final f
    """,
)


def fill(session: Session, persons: int, entries: int) -> None:
    """One learner by the builders, then everybody in bulk."""
    an_outline(session, code="bench")
    learner = a_learner_with_hours(session, ms=60_000, outline="bench")
    values = {
        "persons": persons,
        "entries": entries,
        "now": LEARNED_AT,
        "class": learner.class_id,
        "person": learner.person.id,
    }
    # Millions of rows that are right by their making: their foreign keys need not be looked up one by one.
    for table, name in session.execute(sa.text(FOREIGN_KEYS)).all():
        session.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    for statement in (PEOPLE, *COPIES):
        session.execute(sa.text(statement), values)
    session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM (ANALYZE)"))


def judged(place: Place, persons: int) -> tuple[Spent, int]:
    """Judge everybody once; answers what it took, and how many versions were written. Raises RuntimeError."""
    spent = Spent(requests=1)
    session = db.session()
    with postgres_beside(place, spent):
        began, wall = processor.spent_s(os.getpid()), time.perf_counter()
        found, written = recomputing.recompute(session, recomputing.everybody(session), now=NOW)
        spent.cpu_s, spent.wall_s = processor.spent_s(os.getpid()) - began, time.perf_counter() - wall
    if found != persons + 1:  # the builders' learner is one more
        raise RuntimeError(f"{found} of {persons + 1} persons were judged")
    return spent, written


def one_judgement() -> Figure:
    """Choosing the rules of a category, a region and a day, and asking them; regions, days and hours change."""
    rows = read(requirements.shipped()).rows
    catalogue = Catalogue([Loaded(number, section, row) for number, (section, row) in enumerate(rows, start=1)])
    days = [date(2026, 5, 20), date(2026, 7, 1)]
    regions = [None, "530100", "620100", "330100"]
    somebody, facts = Candidate(UUID(int=1)), Facts(True, True)
    began = time.perf_counter()
    for number in range(JUDGEMENTS):
        on = days[number % 2]
        aim = Aim("so_lv_electric", Training.INITIAL, regions[number % 4], 88, 60)
        chosen = rules_on(catalogue, aim, on)
        asked = Category("bench", "1", chosen.required_theory, chosen.required_practice, date(2024, 7, 1))
        judge(somebody, asked, on, Tally(number * 7_000, number * 5_000, number * 9_000), facts, rules=chosen.rules)
    each_ms = (time.perf_counter() - began) * 1000 / JUDGEMENTS
    return Figure(
        "one judgement by dated rules, ms",
        each_ms,
        JUDGE_LIMIT_MS,
        f"{each_ms * 1000:.0f} µs with its rules chosen afresh among {len(rows)} rows",
    )


def run(persons: int = PERSONS, entries: int = ENTRIES) -> Iterator[Figure]:
    yield one_judgement()
    limit_s = LIMIT_S * persons / PERSONS
    with a_place() as place, place.app.app_context():
        requirements.load_shipped(db.session(), by="bench", at=LEARNED_AT, today=LEARNED_AT.date())
        fill(db.session(), persons, entries)
        first, written = judged(place, persons)
        again, none = judged(place, persons)
        if (written, none) != (persons + 1, 0):
            raise RuntimeError(f"{written} and then {none} records were written")
    for name, spent, limit in (
        (f"{persons} judgements recomputed", again, 1.0),
        (f"{persons} first records written", first, None),
    ):
        whole_s = spent.cpu_s + spent.postgres_s
        yield Figure(
            name,
            whole_s / limit_s,
            limit,
            f"{whole_s:.1f} s of {limit_s:.0f} s CPU ({spent.cpu_s:.1f} ours, {spent.postgres_s:.1f} PostgreSQL's), "
            f"{spent.wall_s:.1f} s by the clock; {entries} entries each",
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    given = parser.parse_args()
    return say(run(given.persons, given.entries))


if __name__ == "__main__":
    raise SystemExit(main())
