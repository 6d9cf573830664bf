"""What it takes to assign training to everybody of an enterprise, and to keep it so.

    python -m bench.assigning [--people 20000]

A rule of three levels for so many people newly hired, in teams of twenty below workshops: the job as it runs, from
"everybody in the tree" to assignments, enrolments and messages, committed page by page (20,000 people under 10 s).
Beside it: the same rule run again, which must assign nothing; the minute's job when a hundred of them moved, and when
nothing happened; and settling when a thousand of them have new hours in the ledger, page by page.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.figures import Figure, say
from bench.watching import a_place
from elearn.db import db
from elearn.training import assigning, settling
from elearn.training.models import Occasion, Purpose
from tests.builders_training import AT, TODAY, Works, a_works

PEOPLE = 20_000
IN_TEAM = 20
LIMIT_S = 10.0
MINUTE_S = 1.0

FILL = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
SELECT n, gen_random_uuid() AS person, gen_random_uuid() AS membership, (n - 1) / :in_team AS team
FROM generate_series(1, :people) n;
CREATE TEMPORARY TABLE teams ON COMMIT DROP AS
SELECT team, gen_random_uuid() AS id FROM (SELECT DISTINCT team FROM made) t;
INSERT INTO elearn.organisation (id, kind, level, parent_id, name, created_at)
SELECT id, 'enterprise', 'team', :workshop, 'team ' || team, :at FROM teams;
INSERT INTO elearn.person (id, name, created_at) SELECT person, 'worker ' || n, :at FROM made;
INSERT INTO elearn.membership (id, person_id, organisation_id, kind, from_on, created_at)
SELECT membership, person, :enterprise, 'employee', :today, :at FROM made;
INSERT INTO elearn.placement (id, membership_id, unit_id, post, category, from_on, created_at)
SELECT gen_random_uuid(), membership, t.id, '', NULL, :today, :at FROM made JOIN teams t USING (team)
"""


def fill(session: Session, works: Works, people: int) -> None:
    values = {
        "people": people, "in_team": IN_TEAM, "workshop": works.workshop.id, "enterprise": works.enterprise.id,
        "today": TODAY, "at": AT,
    }  # fmt: skip
    for statement in FILL.split(";"):
        session.execute(sa.text(statement), {name: one for name, one in values.items() if f":{name}" in statement})
    session.commit()
    session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(sa.text("ANALYZE"))
    session.commit()


def run(people: int = PEOPLE) -> Iterator[Figure]:
    with a_place() as place, place.app.app_context():
        session = db.session()
        works = a_works(session)
        levels = works.three_levels()
        fill(session, works, people)
        rule = works.rule(Occasion.HIRE, levels, bars_post=True)
        session.commit()

        def job() -> tuple[float, int]:
            progress = assigning.run(session, rule.id, by=None, at=AT)
            session.commit()
            began = time.perf_counter()
            assigned = assigning.carry_out(session, progress.id, now=AT)
            return time.perf_counter() - began, assigned

        took, assigned = job()
        if assigned != 3 * people:
            raise RuntimeError(f"{assigned} assignments of {people} people")
        yield Figure(
            f"assigning three levels to {people} people",
            took / LIMIT_S,
            1.0 if people <= PEOPLE else None,
            f"{took:.1f} s of {LIMIT_S:.0f} s, {assigned} assignments, {people / took:.0f} people a second",
        )
        took, assigned = job()
        if assigned:
            raise RuntimeError("running twice assigned twice")
        yield Figure("the same again, which assigns nothing", took / LIMIT_S, 1.0, f"{took:.1f} s")
        assigning.catch_up(session, now=AT)

        works.rule(Occasion.TRANSFER, [works.programme(Purpose.TRANSFER)], from_on=date(2026, 1, 1))
        session.execute(
            sa.text("""UPDATE elearn.placement SET to_on = :today WHERE membership_id IN (
                       SELECT id FROM elearn.membership ORDER BY id LIMIT 100)"""),
            {"today": TODAY},
        )
        session.execute(
            sa.text("""INSERT INTO elearn.placement (id, membership_id, unit_id, post, from_on, created_at)
                       SELECT gen_random_uuid(), membership_id, unit_id, '电工', :next, :at FROM elearn.placement
                       WHERE to_on = :today"""),
            {"next": TODAY + timedelta(days=1), "today": TODAY, "at": AT},
        )
        session.commit()
        began = time.perf_counter()
        looked_at, assigned = assigning.catch_up(session, now=AT)
        took = time.perf_counter() - began
        if (looked_at, assigned) != (100, 100):
            raise RuntimeError(f"looked at {looked_at}, assigned {assigned}")
        yield Figure(f"a minute in which 100 of {people} moved", took / MINUTE_S, 1.0, f"{took * 1000:.0f} ms")
        began = time.perf_counter()
        assigning.catch_up(session, now=AT)
        settling.settle(session, now=AT)
        took = time.perf_counter() - began
        yield Figure(f"a minute in which nothing happened to {people}", took / MINUTE_S, 1.0, f"{took * 1000:.0f} ms")
        some = list(session.scalars(sa.text("SELECT id FROM elearn.assignment WHERE state = 'open' LIMIT 1000")))
        began = time.perf_counter()
        settling.refresh(session, some, now=AT)
        session.commit()
        took = time.perf_counter() - began
        yield Figure("adding up 1000 assignments anew", took / MINUTE_S, 1.0, f"{took * 1000:.0f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=PEOPLE)
    return say(run(parser.parse_args().people))


if __name__ == "__main__":
    raise SystemExit(main())
