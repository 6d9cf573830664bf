"""The operator's page of the log: who signs and cosigns, and who does not, since when and where."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from elearn.clock import to_ms
from elearn.credit_export.ledger import doors
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.standing import Part, Standing, write_standing
from elearn.credit_export.ledger.witness.keys import make_key
from elearn.people.models import Account
from tests.pages.conftest import Browser, World

SINCE = datetime(2026, 7, 1, 3, 4, tzinfo=UTC)
ORIGIN = "hours.example/ledger/2026"
OK = Part().ok(SINCE, size=42)


def a_policy(place: Path, *, quorum: str) -> Trust:
    lines = [
        f"witness {name} {make_key(place / name, f'{name}.example/witness').verifier.vkey} https://{name}.example"
        for name in ("exam", "regulator")
    ]
    return Trust.read("".join(f"{line}\n" for line in [*lines, "group both all exam regulator", f"quorum {quorum}"]))


@pytest.fixture
def shows(
    app: Flask, world: World, browser: Callable[[Account | None], Browser], tmp_path: Path
) -> Iterator[Callable[..., str]]:
    def page(standing: Standing | None, *, quorum: str = "both", language: str = "en") -> str:
        kept = app.extensions["elearn"].kept
        trust = a_policy(tmp_path / "keys", quorum=quorum)
        kept[doors.DESK] = dataclasses.replace(kept[doors.DESK], ledger_dir=tmp_path / "logs", trust=trust)
        if standing is not None:
            write_standing(tmp_path / "logs" / "2026", standing)
        answer = browser(world.operator).get(f"/log?lang={language}")
        assert answer.status_code == 200
        return answer.text

    before = app.extensions["elearn"].kept[doors.DESK]
    yield page
    app.extensions["elearn"].kept[doors.DESK] = before


def test_a_log_that_is_well_shows_its_size_its_witnesses_and_its_public_files(shows: Callable[..., str]) -> None:
    page = shows(Standing(ORIGIN, 42, to_ms(SINCE), signer=OK, witnesses={"exam": OK, "regulator": OK}))
    assert ORIGIN in page
    assert "2 of 2: exam, regulator" in page
    assert page.count("https://regulator.example") == 1
    assert page.count('<span class="badge good">well</span>') == 4, "the log, the signer, two witnesses"
    assert 'href="/ledger/2026/checkpoint"' in page


def test_it_says_which_witness_is_away_and_what_it_was_answered(shows: Callable[..., str]) -> None:
    away = OK.worse("away", "connection <refused>", SINCE)
    page = shows(Standing(ORIGIN, 42, signer=OK, witnesses={"exam": away, "regulator": OK}, quorum=False))
    assert "does not answer; is asked again" in page
    assert "connection &lt;refused&gt;" in page
    assert page.index("exam</th>") < page.index("connection &lt;refused&gt;") < page.index("regulator</th>")
    assert '<span class="badge warn">waits</span>' in page


def test_a_contradiction_is_an_alarm_in_full(shows: Callable[..., str]) -> None:
    refuses = OK.worse("refuses", "knows another history", SINCE)
    page = shows(Standing(ORIGIN, 42, alarm="Restore a newer backup.", witnesses={"exam": refuses}))
    assert "Restore a newer backup." in page
    assert "refuses: somebody has to look" in page
    assert "not asked yet" in page, "the regulator, whom the policy names since"


@pytest.mark.parametrize(
    ("quorum", "words"),
    [
        ("none", "none: records say that their hours are not witnessed"),
        ("exam", "<dd>exam</dd>"),
        ("both", "2 of 2: exam, regulator"),
    ],
)
def test_it_says_whom_it_takes(quorum: str, words: str, shows: Callable[..., str]) -> None:
    assert words in shows(Standing(ORIGIN, 1), quorum=quorum)


def test_before_the_first_hours_there_is_no_log(shows: Callable[..., str]) -> None:
    assert "No log yet" in shows(None)
    assert "尚无日志" in shows(None, language="zh")
