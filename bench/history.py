"""Does a heartbeat cost more when much lies behind it? Two slopes, of processor time, ours and PostgreSQL's.

    python -m bench.history [--reports 10000] [--lessons 10000]

Reports 9,901 to 10,000 of a sitting against reports 1 to 100 of another one, in turns; and
heartbeats of a learner with 10 earlier lessons against those of one with 10,000, in turns. Earlier lessons are one
lesson really watched and confirmed, copied row by row in bulk.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.figures import Figure, say
from bench.watching import Place, Spent, Watcher, a_place, a_watcher, ask, postgres_beside
from elearn.db import db
from tests.builders_tracking import a_unit, pass_check

SLOPE_LIMIT = 1.2
MEASURED = 100
TOGETHER = 32
PIECE_MS = 1_000
HEARTBEAT_MS = 15_000
LESSON_MS = 20 * 60_000
CONFIRM_MS = 10 * 60_000
FEW = 10


# -- one long sitting


def deliver_all(place: Place, watcher: Watcher) -> None:
    """Every block was handed out: what keys cost is not the question here."""
    with place.app.app_context():
        session = db.session()
        session.execute(
            sa.text(
                "INSERT INTO elearn.delivery (learner_id, unit_id, block, sitting_id, given_ms) "
                "SELECT :learner, :unit, index, :sitting, 0 FROM elearn.unit_block WHERE unit_id = :unit"
            ),
            {
                "learner": watcher.lesson.learner_id,
                "unit": watcher.lesson.unit_id,
                "sitting": watcher.player.sid,
            },
        )
        session.commit()


def go_on(place: Place, watcher: Watcher, spent: Spent, pieces: int, piece_ms: int) -> None:
    """One heartbeat, `pieces` reports in it; a check is passed when it falls due, or much waits for one."""
    place.clock.advance(pieces * piece_ms)
    watcher.learn(ask(place.app, spent, watcher.door, watcher.heartbeat(pieces, piece_ms), watcher.headers))
    if watcher.player.state["check_due"] or watcher.player.state["pending_ms"] > CONFIRM_MS:
        watcher.player.pass_time(1)
        pass_check(watcher.player)


def along_a_sitting(place: Place, reports: int) -> Iterator[Figure]:
    """The last reports of a long sitting and the first of a new one, in turns: the machine is equally busy for both."""
    old = a_watcher(place, duration_ms=(reports + MEASURED) * PIECE_MS)
    deliver_all(place, old)
    while old.player.seq < reports - MEASURED:
        go_on(place, old, Spent(), min(TOGETHER, reports - MEASURED - old.player.seq), PIECE_MS)
    if old.player.state["pending_ms"]:
        pass_check(old.player)
    tidy(place)
    warm, new = (a_watcher(place, duration_ms=LESSON_MS) for _ in range(2))
    for watcher in (warm, new):
        deliver_all(place, watcher)
    for _ in range(10):  # every path often enough, on somebody else's sitting
        go_on(place, warm, Spent(), 1, PIECE_MS)
    last, first = in_turns(place, (old, new), MEASURED, PIECE_MS)
    yield slope(f"reports {reports - MEASURED + 1} to {reports} of a sitting / 1 to {MEASURED}", last, first)


def tidy(place: Place) -> None:
    """What autovacuum does within minutes; three hours of watching are played here in less than one."""
    with place.app.app_context(), db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM (ANALYZE)"))


def in_turns(place: Place, two: tuple[Watcher, Watcher], times: int, piece_ms: int) -> tuple[Spent, Spent]:
    """What so many heartbeats of one report cost each of two learners, taken in turns of ten."""
    spent = Spent(), Spent()
    for _ in range(times // 10):
        for watcher, one in zip(two, spent, strict=True):
            with postgres_beside(place, one):
                for _ in range(10):
                    go_on(place, watcher, one, 1, piece_ms)
    return spent


def slope(name: str, much: Spent, little: Spent) -> Figure:
    return Figure(
        name,
        much.whole_ms / little.whole_ms,
        SLOPE_LIMIT,
        f"{much.cpu_ms:.2f} + {much.postgres_ms:.2f} ms of ours and PostgreSQL's CPU / "
        f"{little.cpu_ms:.2f} + {little.postgres_ms:.2f} ms; "
        f"by the clock {much.wall_ms:.2f} ms / {little.wall_ms:.2f} ms",
    )


# -- many lessons

NEW_IDS = """
CREATE TEMPORARY TABLE earlier ON COMMIT DROP AS
SELECT n, gen_random_uuid() AS lesson, gen_random_uuid() AS unit, gen_random_uuid() AS sitting,
    gen_random_uuid() AS "check", gen_random_uuid() AS pending, gen_random_uuid() AS final,
    gen_random_uuid() AS report, gen_random_uuid() AS statement
FROM generate_series(1, :lessons) AS n
"""
COPIES: list[tuple[str, str, dict[str, str]]] = [
    # table, which row is copied, what differs in the copies
    (
        "lesson",
        "id = (SELECT lesson_id FROM elearn.unit WHERE id = :unit)",
        {"id": "e.lesson", "position": "100 + e.n"},
    ),
    ("unit", "id = :unit", {"id": "e.unit", "lesson_id": "e.lesson"}),
    ("sitting", "unit_id = :unit AND learner_id = :learner", {"id": "e.sitting", "unit_id": "e.unit"}),
    ("unit_watch", "unit_id = :unit AND learner_id = :learner", {"unit_id": "e.unit"}),
    ("delivery", "unit_id = :unit AND learner_id = :learner", {"unit_id": "e.unit", "sitting_id": "e.sitting"}),
    (
        "report",
        "sitting_id = (SELECT id FROM elearn.sitting WHERE unit_id = :unit AND learner_id = :learner)",
        {"id": "e.report", "sitting_id": "e.sitting", "statement_id": "e.statement"},
    ),
    (
        "presence_check",
        "unit_id = :unit AND learner_id = :learner",
        {"id": 'e."check"', "unit_id": "e.unit", "sitting_id": "e.sitting"},
    ),
    (
        "watched_span",
        "unit_id = :unit AND learner_id = :learner AND kind = 'pending'",
        {"id": "e.pending", "unit_id": "e.unit", "sitting_id": "e.sitting", "statement_id": "e.statement"},
    ),
    (
        "watched_span",
        "unit_id = :unit AND learner_id = :learner AND kind = 'final'",
        {"id": "e.final", "unit_id": "e.unit", "check_id": 'e."check"', "settles": "ARRAY[e.pending]"},
    ),
    (
        "believed_span",
        "unit_id = :unit AND learner_id = :learner",
        {"watched_span_id": "e.final", "unit_id": "e.unit"},
    ),
]
DAYS = """
INSERT INTO elearn.day_use (learner_id, "on", used_ms, late_ms)
SELECT :learner, date '2020-01-01' + n, 15000, 0 FROM generate_series(1, :lessons / 8) AS n
"""


def columns(session: Session, table: str) -> list[str]:
    found = session.scalars(
        sa.text(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'elearn' AND table_name = :table"
        ),
        {"table": table},
    )
    return sorted(found)


def copy_lesson(session: Session, watcher: Watcher, lessons: int) -> None:
    """The one lesson the learner has watched, so many times more."""
    whose = {"unit": watcher.lesson.unit_id, "learner": watcher.lesson.learner_id, "lessons": lessons}
    session.execute(sa.text(NEW_IDS), whose)
    for table, which, differs in COPIES:
        names = columns(session, table)
        into = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(differs.get(name, f't."{name}"') for name in names)
        source = f"SELECT * FROM elearn.{table} WHERE {which}"
        session.execute(
            sa.text(f"INSERT INTO elearn.{table} ({into}) SELECT {values} FROM earlier e, ({source}) t"), whose
        )
    session.execute(sa.text(DAYS), whose)


def with_earlier(place: Place, lessons: int) -> Watcher:
    """A learner who has watched and confirmed so many lessons, and has another one open."""
    watcher = a_watcher(place, duration_ms=HEARTBEAT_MS)
    deliver_all(place, watcher)
    go_on(place, watcher, Spent(), 1, HEARTBEAT_MS)
    watcher.player.close()
    if not watcher.player.state["complete"]:
        raise RuntimeError(f"the lesson to copy is not complete: {watcher.player.state}")
    lesson = watcher.lesson
    with place.app.app_context():
        session = db.session()
        copy_lesson(session, watcher, lessons - 1)
        unit_id = a_unit(session, lesson.course_id, lesson.institution_id, duration_ms=LESSON_MS)
        session.commit()
    tidy(place)
    watcher.player.open(unit_id)
    now = replace(watcher, lesson=replace(lesson, unit_id=unit_id))
    deliver_all(place, now)
    return now


def along_a_life(place: Place, lessons: int) -> Iterator[Figure]:
    few, many = with_earlier(place, FEW), with_earlier(place, lessons)
    in_turns(place, (many, few), 10, HEARTBEAT_MS)
    much, little = in_turns(place, (many, few), 60, HEARTBEAT_MS)
    yield slope(f"heartbeat after {lessons} earlier lessons / after {FEW}", much, little)


def run(*, reports: int = 10_000, lessons: int = 10_000) -> Iterator[Figure]:
    """Both slopes, on services of its own."""
    with a_place() as place:
        yield from along_a_sitting(place, reports)
        yield from along_a_life(place, lessons)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--lessons", type=int, default=10_000)
    asked = parser.parse_args()
    return say(run(reports=asked.reports, lessons=asked.lessons))


if __name__ == "__main__":
    raise SystemExit(main())
