"""How publishing stands, as an operator sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.credit_export.ledger import doors
from elearn.credit_export.ledger.standing import (
    Part,
    Standing,
    all_standings,
    read_standing,
    write_standing,
)
from elearn.credit_export.ledger.trouble import command, of_log, state_of, troubles
from elearn.db import db
from elearn.people.models import Role
from tests.builders_people import an_account, signed_in
from tests.conftest import ManualClock
from tests.credit_export.ledger.publishing.an_office import TWO, Office, an_office

NOW = datetime(2026, 7, 1, tzinfo=UTC)
OK = Part()
AWAY, REFUSES = OK.worse("away", "nobody is there", NOW), OK.worse("refuses", "another history", NOW)


@pytest.mark.parametrize(
    ("sentence", "standing", "state", "sentences"),
    [
        ("nothing is known yet", Standing(), "ok", []),
        ("the signer is away", Standing(signer=AWAY), "waits", ["nobody is there"]),
        ("the signer refuses", Standing(signer=REFUSES), "alarm", ["another history"]),
        ("the quorum is not met", Standing(witnesses={"exam": AWAY}, quorum=False), "waits", ["nobody is there"]),
        ("a witness is away, the quorum is met", Standing(witnesses={"exam": AWAY}), "ok", ["nobody is there"]),
        ("a witness knows another history", Standing(witnesses={"exam": REFUSES}), "alarm", ["another history"]),
        ("leaves were changed", Standing(alarm="look"), "alarm", ["look"]),
    ],
)
def test_what_a_state_means(sentence: str, standing: Standing, state: str, sentences: list[str]) -> None:
    found = of_log(standing, NOW)
    assert (state_of(found), [one.detail for one in found]) == (state, sentences), sentence


def test_a_part_that_stays_away_keeps_since_when() -> None:
    part, moment = OK, NOW
    for _ in range(20):
        part = part.worse("away", "nobody is there", moment)
        assert not part.may_be_asked(moment)
        moment += timedelta(minutes=1)
        assert part.may_be_asked(moment)
    assert (part.since, part.tries) == (NOW, 20)
    assert part.ok(moment, size=3).since == moment
    assert part.worse("refuses", "another history", moment).since == moment


def test_a_clock_put_back_by_a_year_makes_nobody_wait_for_a_year() -> None:
    assert AWAY.may_be_asked(NOW - timedelta(days=365))


def test_what_was_written_is_read_and_damage_is_nothing_known(tmp_path: Path) -> None:
    standing = Standing(origin="a/ledger/2026", published=3, signer=AWAY, witnesses={"exam": REFUSES})
    write_standing(tmp_path / "2026", standing)
    assert read_standing(tmp_path / "2026") == standing
    write_standing(tmp_path / "2025", Standing(signer=AWAY))
    assert state_of(troubles(tmp_path, NOW)) == "alarm"
    (tmp_path / "2026" / "standing.json").write_text("{")
    assert read_standing(tmp_path / "2026") == Standing()
    assert state_of(troubles(tmp_path, NOW)) == "waits"
    assert state_of(troubles(tmp_path / "nowhere", NOW)) == "ok"


def test_a_log_that_was_ended_by_beginning_another_is_not_waited_for(tmp_path: Path) -> None:
    for name, alarm in (("2025", ""), ("2026", "restored"), ("2026-2", ""), ("2026-10", "the newest"), ("x", "no log")):
        write_standing(tmp_path / name, Standing(origin=name, alarm=alarm))
    assert [one.origin for one in all_standings(tmp_path)] == ["2025", "2026-10"]
    write_standing(tmp_path / "2026-10", Standing(origin="2026-10"))
    assert state_of(troubles(tmp_path, NOW)) == "ok"


@pytest.fixture
def office(app: Flask, session: Session, tmp_path: Path) -> Office:
    made = an_office(session, tmp_path, witnesses=TWO)
    app.extensions["elearn"].kept[doors.DESK] = made.desk
    made.append(3)
    made.published()
    return made


def test_health_says_that_hours_wait_and_turns_nobody_away(own_app: Flask, clock: ManualClock, tmp_path: Path) -> None:
    with own_app.app_context():
        office = an_office(db.session(), tmp_path, witnesses=TWO)
        own_app.extensions["elearn"].kept[doors.DESK] = office.desk

        def told() -> tuple[int, str]:
            clock.now = office.now
            answer = own_app.test_client().get("/healthz")
            assert answer.json is not None
            assert "nobody is there" not in answer.text, "codes for anybody, details for operators"
            return answer.status_code, answer.json["ledger"]

        assert told() == (200, "ok")
        office.witnesses[0].away = True
        office.append(3)
        assert office.publish() is None
        assert told() == (200, "waits")
        office.witnesses[0].away = False
        office.published(after=timedelta(minutes=1))
        assert told() == (200, "ok")
        note = str(office.files.checkpoint()).replace("\n3\n", "\n4\n")
        (office.files.directory / "checkpoint").write_text(note)
        assert office.publish(after=timedelta(minutes=1)) is None
        assert told() == (200, "alarm")


def test_an_operator_reads_who_is_waited_for(
    office: Office, client: FlaskClient, session: Session, clock: ManualClock
) -> None:
    account = an_account(session, Role.OPERATOR)
    session.commit()
    signed_in(client, session, account)
    page = client.get("/receivers?lang=en", headers={"Accept": "text/html"}).text
    assert "Hours wait" not in page
    office.witnesses[0].away = True
    office.append(3)
    office.publish(after=timedelta(minutes=1))
    clock.now = office.now
    page = client.get("/receivers?lang=en", headers={"Accept": "text/html"}).text
    assert "Hours wait for the signer or for a witness of the log." in page
    assert "The witness exam of the log 2026 does not answer since" in page
    assert "The witness exam does not cosign" in page
    g.pop("elearn_language", None)
    assert "日志 2026 的见证方 exam" in client.get("/receivers?lang=zh", headers={"Accept": "text/html"}).text


def test_the_command_says_it_too(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEARN_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    asked = CliRunner().invoke(command)
    assert (asked.exit_code, asked.output) == (0, f"{office.origin}: ok, 3 leaves published\n")
    office.signer.away = True
    office.append(3)
    office.publish(after=timedelta(minutes=1))
    asked = CliRunner().invoke(command)
    assert asked.exit_code == 1
    assert asked.output.startswith(f"{office.origin}: ")
    assert "signer_away: The signer of the log 2026 does not answer since 2026-07-01" in asked.output
    assert "nobody is there" in asked.output
