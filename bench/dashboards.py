"""What a page of figures takes on the server: 95 of 100 requests, at a million people and ten million hour entries.

    python -m bench.dashboards [--people 1000000] [--entries 10] [--requests 400]

People stand in teams of a hundred below workshops, enterprises of 20,000 and one group; half of them on flexible
contracts. Each has two assignments out of four programmes, in eight quarters, and so many hour entries. All is
generated in bulk, with foreign keys, exclusion constraints and triggers away meanwhile, and counted by `rebuild`; the
figures of one enterprise are then compared with the ledger. A request is the whole of it: session, permissions,
queries, template. Beside the limit it is told what counting takes: everybody, and a thousand who changed.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from bench.figures import Figure, percentile_ms, say
from bench.watching import Place, a_place
from elearn.courses.models import TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.db import db, new_id
from elearn.people import callers
from elearn.people.models import OrganisationLevel, Role
from elearn.people.registry import local_day
from elearn.training.figures import keeping
from elearn.training.models import Programme, Purpose
from tests.builders_people import AT, a_person, an_account, an_organisation, signed_in

PEOPLE = 1_000_000
ENTRIES = 10
REQUESTS = 400
LIMIT_MS = 100.0
IN_TEAM, TEAMS_IN_SHOP, SHOPS_IN_ENTERPRISE = 100, 10, 20
FIRST_LETTERS = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗王李张刘陈杨黄赵吴周王李张刘陈欧司诸"
LETTERS = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志文海云龙波斌辉鹏飞宇浩然子轩雨欣思佳琪梦瑶嘉豪俊熙晨曦"
)
"""Of names, as often as in China: every eighth person is called 王."""
PURPOSES = (Purpose.YEARLY, Purpose.THREE_LEVEL_FACTORY, Purpose.TRANSFER, Purpose.CAMPAIGN)
CHANGED = 1_000
TRAINING = (
    "?", "/assignments?", "/assignments?show=late&", "/assignments?show=done&kind=flexible&", "/assignments?page=5&",
    "/assignments?purpose=yearly&show=done&", "/programmes?", "/sign?",
)  # fmt: skip
NAMES = ("王伟芳", "伟芳", "李强", "龘", "王")
A_PERSON_BYTES, AN_ENTRY_BYTES, SPARE_BYTES = 3_500, 900, 6_000_000_000
"""What one takes on the disk with its indexes, and what logs and sorting take beside; see `room`."""

TABLES = ("person", "membership", "placement", "assignment", "hours_entry")
CONSTRAINTS = """
SELECT conrelid::regclass::text, quote_ident(conname), contype::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype IN ('f', 'x') AND conrelid = ANY (CAST(:tables AS text[])::regclass[])
"""
NODES = """
INSERT INTO elearn.organisation (id, kind, level, parent_id, name, region, created_at)
SELECT gen_random_uuid(), 'enterprise', :level, p.id, p.name || ' ' || n, '530100', :at
FROM elearn.organisation p, generate_series(1, :each) n WHERE p.level = :above
"""
CROWD = """
CREATE TEMPORARY TABLE crowd ON COMMIT DROP AS
SELECT gen_random_uuid() AS person, gen_random_uuid() AS member, t.id AS team, e.above_id AS employer,
       (row_number() OVER ())::int AS n
FROM elearn.organisation t
JOIN elearn.organisation_tree e ON e.below_id = t.id AND e.depth = 2
CROSS JOIN generate_series(1, :in_team) WHERE t.level = 'team'
"""
FILL = (
    """
    INSERT INTO elearn.person (id, name, document_kind, document_index, created_at)
    SELECT person, substr(:first, 1 + n % length(:first), 1) || substr(:letters, 1 + (n * 7) % length(:letters), 1)
           || CASE WHEN n % 4 > 0 THEN substr(:letters, 1 + (n / 60 * 11) % length(:letters), 1) ELSE '' END,
           'resident_id', sha256(uuid_send(person)), :at FROM crowd
    """,
    """
    INSERT INTO elearn.membership (id, person_id, organisation_id, kind, from_on, created_at)
    SELECT member, person, employer, (ARRAY['employee', 'flexible', 'employee', 'flexible', 'contractor'])[1 + n % 5],
           date '2024-01-01', :at FROM crowd
    """,
    """
    INSERT INTO elearn.placement (id, membership_id, unit_id, post, category, from_on, created_at)
    SELECT gen_random_uuid(), member, team, 'post ' || n % 40, CASE WHEN n % 10 = 0 THEN 'so_lv_electric' END,
           date '2024-01-01', :at FROM crowd
    """,
    """
    INSERT INTO elearn.assignment (id, programme_id, organisation_id, membership_id, person_id, occasion, cause,
                                   position, state, assigned_on, due_on, bars_post, required_ms, credited_ms,
                                   tests_passed, round, done_at, created_at)
    SELECT gen_random_uuid(), (CAST(:programmes AS uuid[]))[1 + (c.n + k) % 4], c.employer, c.member, c.person,
           CASE WHEN k = 1 THEN 'hire' ELSE 'yearly' END, 'bench:' || k, 1, s.state,
           s.assigned_on, s.assigned_on + 30, (c.n + k) % 3 = 0, 3600000, 1800000, false, 1,
           CASE WHEN s.state = 'done' THEN CAST(:at AS timestamptz) END, :at
    FROM crowd c, generate_series(1, 2) k
    CROSS JOIN LATERAL (
        SELECT CASE WHEN (c.n + k) % 8 = 0 THEN 'open' ELSE 'done' END AS state,
               date '2024-07-02' + 91 * ((c.n + 3 * k) % 8) AS assigned_on
    ) s
    """,
    """
    INSERT INTO elearn.hours_entry (id, person_id, class_id, modality, kind, amount_ms, earned_on, learned_at,
                                    watched_span_id, rule_version, created_at)
    SELECT gen_random_uuid(), c.person, (CAST(:classes AS uuid[]))[1 + (c.n + 1 + k % 2) % 4], 'online', 'theory',
           60000 * (1 + (c.n + k) % 30), date '2024-07-02' + (c.n * 7 + k * 73) % 720, :at, gen_random_uuid(),
           'cn-aq8011-2023', :at
    FROM crowd c, generate_series(1, :entries) k
    """,
)


TALLIES = """
INSERT INTO elearn.programme_tally (programme_id, unfinished, done)
SELECT programme_id, count(*) FILTER (WHERE state IN ('waiting', 'open')), count(*) FILTER (WHERE state = 'done')
FROM elearn.assignment GROUP BY programme_id
"""
LETTERED = """
INSERT INTO elearn.member_letter (organisation_id, letter, name, membership_id)
SELECT m.organisation_id, letter, p.name, m.id
FROM elearn.membership m JOIN elearn.person p ON p.id = m.person_id CROSS JOIN elearn.letters_of(p.name) letter
ON CONFLICT DO NOTHING
"""
"""What triggers would have written."""
BEGUN = time.perf_counter()


def progress(said: str) -> None:
    """For whoever waits: figures go to standard output."""
    sys.stderr.write(f"    {time.perf_counter() - BEGUN:7.1f} s  {said}\n")
    sys.stderr.flush()


def room(people: int, entries: int) -> None:
    """Raises RuntimeError when the disk has no room for it: known before the hour that it takes."""
    wanted = people * (A_PERSON_BYTES + entries * AN_ENTRY_BYTES) + SPARE_BYTES
    free = shutil.disk_usage(tempfile.gettempdir()).free
    progress(f"it will take up to {wanted / 1e9:.0f} GB below {tempfile.gettempdir()}; {free / 1e9:.0f} GB are free")
    if free < wanted:
        raise RuntimeError("There is too little room on the disk.")


def fill(session: Session, people: int, entries: int) -> tuple[UUID, UUID]:
    """The tree, its programmes and its people; answers the group and one of its enterprises."""
    group = an_organisation(session, name="Group")
    group.level = OrganisationLevel.GROUP
    session.flush()
    enterprises = max(1, people // (IN_TEAM * TEAMS_IN_SHOP * SHOPS_IN_ENTERPRISE))
    for level, above, each in (
        ("enterprise", "group", enterprises),
        ("workshop", "enterprise", SHOPS_IN_ENTERPRISE),
        ("team", "workshop", TEAMS_IN_SHOP),
    ):
        session.execute(sa.text(NODES), {"level": level, "above": above, "each": each, "at": AT})
    by = a_person(session).id
    programmes = [_programme(session, group.id, one, by) for one in PURPOSES]
    session.commit()
    away = session.execute(sa.text(CONSTRAINTS), {"tables": [f"elearn.{one}" for one in TABLES]}).all()
    for table, name, _kind, _definition in away:
        session.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    for table in TABLES:
        session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))
    values = {
        "at": AT,
        "first": FIRST_LETTERS,
        "letters": LETTERS,
        "entries": entries,
        "programmes": [one.id for one in programmes],
        "classes": [one.class_id for one in programmes],
    }
    session.execute(sa.text(CROWD), {"in_team": IN_TEAM})
    for table, statement in zip(TABLES, FILL, strict=True):
        session.execute(sa.text(statement), values)
        progress(f"{table} filled")
    for table in TABLES:
        session.execute(sa.text(f"ALTER TABLE elearn.{table} ENABLE TRIGGER USER"))
    for table, name, kind, definition in away:
        if kind == "x":  # its index is how placements of a membership are found
            session.execute(sa.text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
    session.execute(sa.text(TALLIES))
    session.execute(sa.text(LETTERED))
    session.commit()
    progress("all is committed; VACUUM follows")
    tidy()
    first = session.scalars(
        sa.text("SELECT id FROM elearn.organisation WHERE level = 'enterprise' ORDER BY id LIMIT 1")
    ).one()
    return group.id, first


def _programme(session: Session, owner: UUID, purpose: Purpose, by: UUID) -> Programme:
    training = TrainingClass(
        outline_id=None, institution_id=owner, title=purpose.value, class_no=str(new_id()), starts_on=date(2024, 1, 1),
        ends_on=date(2030, 1, 1), created_at=AT,
    )  # fmt: skip
    session.add(training)
    session.flush()
    made = Programme(
        organisation_id=owner, title=purpose.value, purpose=purpose, class_id=training.id, required_ms=3_600_000,
        due_days=30, created_by=by, created_at=AT,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def tidy() -> None:
    """What autovacuum does within minutes."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM (ANALYZE)"))


def pages(session: Session, group: UUID) -> dict[str, list[str]]:
    """Addresses by kind of page: nodes of every level, each as it opens and as somebody may narrow it down."""
    boards, lists, training, named = [], [], [], []  # type: tuple[list[str], list[str], list[str], list[str]]
    for level in ("group", "enterprise", "workshop", "team"):
        asked = sa.text("SELECT id FROM elearn.organisation WHERE level = :level ORDER BY id LIMIT 10")
        for place, unit in enumerate(session.scalars(asked, {"level": level}).all()):
            query = ("", "?period=2026", "?period=20254&kind=flexible", "?purpose=yearly", "?kind=employee&page=2")
            boards.append(f"/figures/{unit}{query[place % len(query)]}")
            lists += [f"/figures/{unit}/people?show={show}" for show in ("overdue", "barred", "untrained", "all")]
            lists += [f"/figures/{unit}/people?show=overdue&kind={kind}" for kind in ("flexible", "intern")]
            training += [f"/training{one}organisation={unit}" for one in TRAINING]
            named += [f"/people?organisation={unit}&search={one}" for one in NAMES]
            named += [f"/training/assignments?organisation={unit}&name={one}" for one in NAMES]
    boards += [f"/figures/{group}{one}" for one in ("?period=2026", "?purpose=yearly&kind=flexible", "?period=20263")]
    return {"boards": boards, "lists of people": lists, "training": training, "found by name": named}


def taken_s(client: FlaskClient, addresses: list[str], requests: int) -> list[tuple[float, str]]:
    """What so many requests took, and of which address; in turns. Raises RuntimeError unless each is answered."""
    took = []
    for number in range(-len(addresses), requests):  # each once before: plans and templates are ready
        callers.forget_last_request()
        begun = time.perf_counter()
        answer = client.get(addresses[number % len(addresses)])
        spent = time.perf_counter() - begun
        if answer.status_code != 200:
            raise RuntimeError(f"{addresses[number % len(addresses)]}: {answer.status_code}")
        if number >= 0:
            took.append((spent, addresses[number % len(addresses)]))
    return took


def timed(session: Session, act: Callable[[], object]) -> float:
    """Until it is committed."""
    begun = time.perf_counter()
    act()
    session.commit()
    return time.perf_counter() - begun


def _mark(session: Session, many: int) -> None:
    session.execute(
        sa.text("INSERT INTO elearn.figure_mark (person_id) SELECT person_id FROM elearn.figure_member LIMIT :many"),
        {"many": many},
    )
    session.commit()


def measured(place: Place, people: int, entries: int, requests: int) -> Iterator[Figure]:
    session, now = db.session(), place.clock()
    room(people, entries)
    requirements.load_shipped(session, by="bench", at=AT, today=AT.date())
    begun = time.perf_counter()
    group, enterprise = fill(session, people, entries)
    generated_s = time.perf_counter() - begun
    counted_s = timed(session, lambda: keeping.rebuild(session, now=now, tell=progress))
    tidy()
    size = session.scalars(sa.text("SELECT pg_database_size(current_database())")).one()
    yield Figure(
        f"counting {people} people afresh, minutes", counted_s / 60, None,
        f"{counted_s:.0f} s for {people * entries} hour entries; generated in {generated_s:.0f} s, {size / 1e9:.1f} GB",
    )  # fmt: skip
    progress("one enterprise is compared with the ledger")
    wrong = keeping.check(session, today=local_day(now), below=enterprise)
    if wrong:
        raise RuntimeError(f"{len(wrong)} figures differ from the ledger: {wrong[:2]}")
    _mark(session, CHANGED)
    settled_s = timed(session, lambda: keeping.settle(session, now=now, at_once=CHANGED))
    yield Figure(
        f"following {CHANGED} people who changed, s", settled_s, None, f"{settled_s * 1000 / CHANGED:.2f} ms each"
    )
    account = an_account(session, Role.PRINCIPAL, organisation_id=group)
    session.commit()
    client = place.app.test_client()
    signed_in(client, session, account)
    session.expunge_all()
    gc.collect()
    gc.freeze()  # as `elearn serve` does: what is loaded for good is not looked through again (200 ms)
    for kind, addresses in pages(session, group).items():
        progress(f"{kind}: {len(addresses)} addresses once, then {requests} requests")
        each = taken_s(client, addresses, requests)
        took, (slowest_s, slowest) = [spent for spent, _address in each], max(each)
        p95, median = percentile_ms(took, 95), percentile_ms(took, 50)
        yield Figure(
            f"{kind}, p95 of server time / {LIMIT_MS:.0f} ms", p95 / LIMIT_MS, 1.0,
            f"p95 {p95:.1f} ms, median {median:.1f} ms, of {len(addresses)} addresses; "
            f"slowest {slowest_s * 1000:.1f} ms: {slowest}",
        )  # fmt: skip
    paper_s = timed(session, lambda: client.get(f"/figures/{group}/figures.xlsx"))
    yield Figure("the group's workbook, s", paper_s, None, "made while somebody waits")


def run(people: int = PEOPLE, entries: int = ENTRIES, requests: int = REQUESTS) -> Iterator[Figure]:
    with a_place() as place, place.app.app_context():
        yield from measured(place, people, entries, requests)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    given = parser.parse_args()
    return say(run(given.people, given.entries, given.requests))


if __name__ == "__main__":
    raise SystemExit(main())
