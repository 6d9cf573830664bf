"""`elearn check`: one command says whether ledgers, assignments and figures agree, and ends with the worst of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from sqlalchemy.orm import Session

from elearn import serving
from elearn.cli import cli
from elearn.credit_export.ledger import publishing
from elearn.training import assigning
from elearn.training.figures.counted import UnitFigure
from elearn.training.models import Assignment, Occasion, ProgrammeTally
from tests.builders_credit import Learner
from tests.builders_training import AT, HOUR_MS, a_works
from tests.conftest import ManualClock


@pytest.fixture
def learner(app: Flask, session: Session, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Learner:
    """Who has something to learn. The command runs in the application of the test, and there is no log."""

    @contextmanager
    def here() -> Iterator[Flask]:
        yield app

    monkeypatch.setattr(serving, "application", here)
    monkeypatch.setattr(publishing, "desk_of", lambda _settings: None)
    clock.now = AT
    works = a_works(session)
    programme = works.programme()
    works.rule(Occasion.HIRE, [programme])
    member = works.hire()
    assigning.catch_up(session, now=AT)
    return works.learner(member, programme)


def told() -> tuple[int, str]:
    said = CliRunner().invoke(cli, ["check"])
    return said.exit_code, said.output


def test_all_agree_after_it_brought_up_to_date_what_follows(session: Session, learner: Learner) -> None:
    assert session.scalars(sa.select(UnitFigure)).all() == [], "nobody is counted yet"
    whole = "ledger: 0 differences\nassignments: 0 differences\nfigures: 0 differences\n"
    assert told() == (0, whole)
    assert session.scalars(sa.select(UnitFigure)).all() != []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (sa.update(Assignment).values(credited_ms=1), "says 1 ms, the ledger 0 ms"),
        (sa.update(ProgrammeTally).values(done=9), "says 1 not done and 9 done, its assignments 1 and 0"),
        (sa.update(UnitFigure).where(UnitFigure.people > 0).values(people=7), "(7, "),
    ],
    ids=["assignments", "programmes", "figures"],
)
def test_whichever_differs_is_named_and_the_status_says_so(
    session: Session, learner: Learner, wrong: sa.Executable, named: str
) -> None:
    assert told()[0] == 0
    session.execute(wrong)
    session.commit()
    status, said = told()
    assert (status, named in said) == (1, True), said
    assert said.count("differences\n") == 3, "the rest is checked too"


def test_time_that_no_statement_of_the_player_backs_is_named_first(session: Session, learner: Learner) -> None:
    learner.watch(ms=HOUR_MS)
    session.commit()
    status, said = told()
    assert status == 1
    assert "ledger: 0 differences" not in said
    assert "figures: 0 differences" in said
