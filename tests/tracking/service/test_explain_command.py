"""`elearn tracking explain SITTING`: what it prints, and how it ends."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking.commands import tracking
from tests.builders_refusals import play_good_and_bad
from tests.builders_tracking import Watchable, a_watchable


def run(*words: str) -> Result:
    return CliRunner().invoke(tracking, ["explain", *words])


@pytest.fixture
def lesson(session: Session) -> Watchable:
    return a_watchable(session, duration_ms=120_000)


@pytest.fixture
def sid(player: ScriptedPlayer) -> str:
    return play_good_and_bad(player)


def test_a_sitting_is_printed_as_a_table_and_ends_well(sid: str) -> None:
    done = run(sid)
    assert done.exit_code == 0, done.output
    said = done.output
    assert f"sitting   {sid}" in said
    assert "credited  0:30.000, of it final 0:15.000, taken back 0:15.000" in said
    assert "reports   3 decided, 1 kept as evidence only, 0 off the chain" in said
    table = [line.split() for line in said.splitlines() if line[:1].isdigit()]
    assert [(row[0], row[-4], row[-3], row[-2], row[-1]) for row in table if row[-1] == "agrees"] == [
        ("1", "-", "intact", "holds", "agrees"),
        ("2", "-", "intact", "holds", "agrees"),
        ("3", "PRESENCE_REQUIRED", "intact", "holds", "agrees"),
    ]
    assert [row[0] for row in table if "BAD_SIGNATURE" in row] == ["3"]
    assert "2: 0:15.000-0:30.000 PRESENCE_FAILED at" in said
    assert "block 0  0:00.000-0:30.000" in said
    assert "rate_max_permille = 1000" in said
    assert said.endswith("the replay agrees\n")


def test_a_machine_reads_it_as_json(sid: str) -> None:
    whole = json.loads(run(sid, "--json").output)
    assert whole["agrees"] is True
    assert whole["sitting"]["id"] == sid
    assert [one["rules"] for one in whole["reports"]] == [[], [], ["PRESENCE_REQUIRED"], ["BAD_SIGNATURE"]]
    assert whole["reports"][0]["claim"]["b_ms"] == 15_000
    assert whole["reports"][0]["believed"][0]["state"] == "final"
    assert [one["outcome"] for one in whole["checks"]] == ["passed", "failed"]
    assert whole["ledger_differences"] == []


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_replay_that_disagrees_ends_with_1(sid: str, session: Session, form: tuple[str, ...]) -> None:
    session.execute(sa.text("ALTER TABLE elearn.report DISABLE TRIGGER USER"))  # as an insider would
    session.execute(sa.text("UPDATE elearn.report SET credited = '[[0, 99, \"2026-07-01\", false]]' WHERE seq = 1"))
    done = run(sid, *form)
    assert done.exit_code == 1
    if form:
        assert json.loads(done.output)["agrees"] is False
    else:
        assert "DISAGREES  1: replay believes [[0, 15000, " in done.output
        assert done.output.endswith("the replay DISAGREES with what is kept\n")


@pytest.mark.parametrize("words", [(str(uuid4()),), (str(UUID(int=0)), "--json"), ("no-uuid",)])
def test_an_unknown_sitting_ends_with_2(session: Session, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert not done.stdout


def test_a_sitting_without_a_report_is_explained_too(player: ScriptedPlayer) -> None:
    done = run(player.sid)
    assert done.exit_code == 0
    assert "ended     - (open)" in done.output
