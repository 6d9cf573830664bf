"""What is wrong with the log: codes with facts, a sentence in both languages for each, and nothing of the inside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn import locale
from elearn.clock import to_ms
from elearn.credit_export.ledger import advancing, doors
from elearn.credit_export.ledger.advancing import House
from elearn.credit_export.ledger.standing import Part, Standing, write_standing
from elearn.credit_export.ledger.trouble import (
    SENTENCES,
    Code,
    Level,
    Running,
    note_run,
    of_job,
    of_log,
    read_running,
    state_of,
    troubles,
)
from tests.conftest import ManualClock
from tests.credit_export.ledger.publishing.an_office import TWO, an_office

NOW = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=20)
AWAY = Part().worse("away", "Connection refused: /run/elearn/signer.sock", EARLIER)
REFUSES = Part().worse("refuses", "another history", EARLIER)
MS = to_ms(EARLIER)

LOGS = [
    ("all is well", {}, [], Level.OK),
    ("the signer is away", {"signer": AWAY}, ["signer_away"], Level.WAITS),
    ("the signer refuses", {"signer": REFUSES}, ["signer_refuses"], Level.ALARM),
    ("a witness is down, the others are enough", {"witnesses": {"exam": AWAY}}, ["witness_away"], Level.OK),
    ("a witness is down and waited for", {"witnesses": {"exam": AWAY}, "quorum": False}, ["witness_away"], Level.WAITS),
    ("a witness refuses", {"witnesses": {"exam": REFUSES}}, ["witness_refuses"], Level.ALARM),
    ("leaves were changed", {"alarm": "look"}, ["log_contradicts"], Level.ALARM),
    ("leaves wait for a moment", {"waiting_ms": to_ms(NOW) - 299_999}, [], Level.OK),
    ("leaves wait for too long", {"waiting_ms": to_ms(NOW) - 300_001}, ["publishing_late"], Level.ALARM),
    ("no quorum, and nobody is away any more", {"quorum": False}, ["publishing_late"], Level.WAITS),
    ("for three days a witness is down", {"witnesses": {"exam": AWAY}, "quorum": False, "waiting_ms": MS},
     ["publishing_late", "witness_away"], Level.ALARM),
]  # fmt: skip


@pytest.mark.parametrize(("what", "standing", "codes", "level"), LOGS, ids=[row[0] for row in LOGS])
def test_what_is_wrong_with_a_log(what: str, standing: Mapping[str, object], codes: list[str], level: Level) -> None:
    found = of_log(Standing(origin="a.example/ledger/2026", **standing), NOW)  # type: ignore[arg-type]
    assert sorted(one.code for one in found) == codes, what
    assert state_of(found) is level
    assert all(one.log == "2026" for one in found)


JOBS = [
    ("nothing is known of any run", Running(), []),
    ("it ran a moment ago", Running(ran_ms=to_ms(NOW) - 60_000), []),
    ("it has not run for a while", Running(ran_ms=to_ms(NOW) - 180_001), ["job_silent"]),
    ("it fails each time", Running(ran_ms=to_ms(NOW), appending=REFUSES), ["appending_fails"]),
    ("a minute has no leaf yet", Running(ran_ms=to_ms(NOW), evidence_ms=to_ms(NOW) - 600_000), []),
    ("nor for too long", Running(ran_ms=to_ms(NOW), evidence_ms=to_ms(NOW) - 600_001), ["evidence_late"]),
]


@pytest.mark.parametrize(("what", "running", "codes"), JOBS, ids=[row[0] for row in JOBS])
def test_what_is_wrong_with_the_job(what: str, running: Running, codes: list[str]) -> None:
    found = of_job(running, NOW)
    assert [one.code for one in found] == codes, what
    assert state_of(found) is (Level.ALARM if codes else Level.OK)


def test_every_code_has_a_sentence_in_both_languages() -> None:
    chinese = locale.catalogue("zh")
    assert set(SENTENCES) == set(Code)
    assert [code for code, sentence in SENTENCES.items() if sentence not in chinese] == []


def test_a_run_is_written_down_at_most_every_half_minute_and_at_once_when_it_changes(tmp_path: Path) -> None:
    note_run(tmp_path, now=NOW)
    note_run(tmp_path, now=NOW + timedelta(seconds=29))
    assert read_running(tmp_path).ran_ms == to_ms(NOW)
    note_run(tmp_path, now=NOW + timedelta(seconds=29), failed="no room")
    assert read_running(tmp_path).appending.detail == "no room"
    note_run(tmp_path, now=NOW + timedelta(minutes=5), failed="no room")
    assert read_running(tmp_path).appending.since == NOW + timedelta(seconds=29), "since when it fails"
    note_run(tmp_path, now=NOW + timedelta(minutes=6))
    assert read_running(tmp_path).appending == Part(since_ms=to_ms(NOW + timedelta(minutes=6)))
    (tmp_path / "running.json").write_text("{")
    assert troubles(tmp_path, NOW) == []


def test_a_job_that_fails_says_so_and_fails_all_the_same(session: Session, tmp_path: Path) -> None:
    office = an_office(session, tmp_path)
    house = House("https://a.example", office.desk, b"s" * 32)
    advancing.noted(session, now=NOW, house=house)
    assert read_running(office.desk.ledger_dir).ran_ms == to_ms(NOW)
    session.execute(sa.text("ALTER TABLE elearn.evidence_closing RENAME TO gone"))
    session.flush()
    with pytest.raises(sa.exc.ProgrammingError):
        advancing.noted(session, now=NOW, house=house)
    session.rollback()
    (one,) = [found for found in troubles(office.desk.ledger_dir, NOW) if found.code is Code.APPENDING_FAILS]
    assert one.detail.startswith("ProgrammingError")


def test_anybody_is_told_codes_and_nothing_of_the_inside(own_app: Flask, clock: ManualClock, tmp_path: Path) -> None:
    clock.now = NOW
    with own_app.app_context():
        from elearn.db import db

        office = an_office(db.session(), tmp_path, witnesses=TWO)
        own_app.extensions["elearn"].kept[doors.DESK] = office.desk
    directory = office.desk.ledger_dir
    write_standing(directory / "2026", Standing(origin="a.example/ledger/2026", signer=AWAY, waiting_ms=MS))
    note_run(directory, now=EARLIER, failed="OSError: /var/lib/elearn is full")
    answer = own_app.test_client().get("/healthz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["ledger"], answer.json["ledger_why"]) == (
        "alarm",
        ["appending_fails", "job_silent", "publishing_late", "signer_away"],
    )
    for inner in ("/run", "/var", "refused", "a.example"):
        assert inner not in answer.text
