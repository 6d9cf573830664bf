"""The log that the product writes, watched by the monitor: every honest thing it may hold raises no alarm."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.monitor.alarms import Alarm
from elearn.credit_export.ledger.monitor.looking import watching
from elearn.credit_export.ledger.naming import directory_of
from elearn.credit_export.ledger.notes import read_note
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.witness.keeping import add_log, origin_hash
from elearn.credit_export.ledger.witness.keys import make_key
from elearn.credit_export.ledger.witnesses import HttpWitness
from elearn.people import persons
from tests.credit_export.ledger.a_log import served
from tests.credit_export.ledger.log.school import NOW, a_learner
from tests.credit_export.ledger.witness.processes import running
from tests.hours import a_house

MINUTE = timedelta(minutes=1)


def watch(house: House, origin: str, place: Path, now: datetime) -> tuple[list[Alarm], list[dict[str, int]]]:
    """Alarms, and what each person has."""
    with (
        served(directory_of(house.desk.ledger_dir, origin)) as serving,
        watching(place / origin.replace("/", "-"), serving.url, None) as monitor,
    ):
        found = monitor.look(now_s=int(now.timestamp()))
        assert found.checked == found.size > 0
        return found.alarms, sorted((one.counted for one in monitor.totals()), key=str)


def test_credits_voids_and_years_of_our_own_log_raise_no_alarm(app: Flask, session: Session, tmp_path: Path) -> None:
    house = a_house(tmp_path / "log")
    ada, bob = a_learner(session), a_learner(session)
    span = ada.watch(ms=30_000)
    advance(session, now=NOW, house=house)
    alarms, sums = watch(house, house.origin(NOW), tmp_path, NOW)
    assert (alarms, sums) == ([], [{"online/theory": 60_000}, {"online/theory": 90_000}])
    ada.void(span)
    bob.void(bob.watch(ms=10_000))
    bob.watch(ms=5_000)
    advance(session, now=NOW + MINUTE, house=house)
    alarms, sums = watch(house, house.origin(NOW), tmp_path, NOW + MINUTE)
    assert (alarms, sums) == ([], [{"online/theory": 60_000}, {"online/theory": 65_000}])
    later = ada.watch(ms=7_000)
    advance(session, now=datetime(2026, 12, 31, 15, 59, tzinfo=UTC), house=house)
    new_year = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)  # midnight in China
    ada.void(later)
    ada.watch(ms=9_000)
    persons.erase_person(session, bob.person.id, at=new_year)
    advance(session, now=new_year, house=house)
    old = watch(house, house.origin(NOW), tmp_path, new_year)
    assert old == ([], [{"online/theory": 60_000}, {"online/theory": 65_000}])
    assert watch(house, house.origin(new_year), tmp_path, new_year) == ([], [{"online/theory": 9_000}])


def test_a_clock_that_goes_back_raises_no_alarm(app: Flask, session: Session, tmp_path: Path) -> None:
    house = dataclasses.replace(a_house(tmp_path / "log"), minute_ms=60_000)
    learner = a_learner(session)
    for moment in (NOW, NOW - timedelta(hours=1), NOW - timedelta(minutes=59), NOW - timedelta(hours=2), NOW + MINUTE):
        learner.watch(ms=1_000, heard_at=moment)
        advance(session, now=moment, house=house)
        assert watch(house, house.origin(NOW), tmp_path, NOW + MINUTE)[0] == []


def test_what_two_witnesses_cosigned_over_http_is_believed_by_a_monitor_that_demands_both(
    app: Flask, session: Session, tmp_path: Path
) -> None:
    """The product, an exam authority's and a regulator's witness, a monitor: each with keys and files of its own."""
    alone = a_house(tmp_path / "log")
    places = {name: tmp_path / name for name in ("exam", "regulator")}
    keys = {
        "exam": make_key(places["exam"], "exam.example/witness"),
        "regulator": make_key(places["regulator"], "regulator.example/witness", "ml-dsa-44"),
    }
    now = datetime.now(UTC).replace(microsecond=0)
    log_key = alone.desk.signer.vkey(alone.origin(now))
    for place in places.values():
        add_log(place, log_key)
    lines = [f"log {log_key}", *(f"witness {name} {key.verifier.vkey}" for name, key in keys.items())]
    trust = Trust.read("\n".join([*lines, "group both all exam regulator", "quorum both", ""]))
    learner = a_learner(session)
    with running(places["exam"]) as exam, running(places["regulator"]) as regulator:
        ports = {"exam": exam.port, "regulator": regulator.port}
        asked = [HttpWitness(name, f"http://127.0.0.1:{port}") for name, port in ports.items()]
        house = dataclasses.replace(alone, desk=dataclasses.replace(alone.desk, witnesses=asked, trust=trust))
        advance(session, now=now, house=house)
        learner.watch(ms=5_000)
        advance(session, now=now + MINUTE, house=house)
        shown = regulator.ask("GET", f"/{origin_hash(house.origin(now))}/checkpoint").body
    with (
        served(directory_of(house.desk.ledger_dir, house.origin(now))) as serving,
        watching(tmp_path / "monitor", serving.url, trust, max_age_s=600) as monitor,
    ):
        found = monitor.look(now_s=int(datetime.now(UTC).timestamp()), compare=[read_note(shown)])
        assert (found.alarms, found.checked) == ([], 6)
