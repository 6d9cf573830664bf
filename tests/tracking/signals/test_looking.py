"""From what players really reported to flags in the ledger: each occasion once, in pieces as in one go; no credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.credit_export.ledger_check import check_everything
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.errors import Malformed
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.models import UnitWatch
from elearn.tracking.signals import duties, flagging, folding
from elearn.tracking.signals.commands import thresholds
from elearn.tracking.signals.facts import Flag, Rule, Weight
from elearn.tracking.signals.models import Signal, SittingTrace
from elearn.tracking.signals.thresholds import Thresholds
from tests.builders_people import an_account
from tests.builders_tracking import Watchable, a_player, a_watchable, pass_check
from tests.conftest import ManualClock, statements
from tests.hours import credit_all

CREDIT = ("watched_span", "believed_span", "unit_watch", "learner_watch", "day_use", "report", "presence_check")


@pytest.fixture
def there(session: Session) -> Watchable:
    return a_watchable(session, duration_ms=90_000)


def look(app: Flask, session: Session) -> int:
    with app.test_request_context():
        return sum(duties.look(session))


def signals(session: Session) -> list[tuple[str, Any]]:
    rows = session.execute(sa.select(Signal.rule, Signal.learner_id).order_by(Signal.rule, Signal.learner_id))
    return [(row.rule, row.learner_id) for row in rows]


def another(session: Session, there: Watchable) -> Any:
    """One more learner of the same class."""
    from elearn.courses import classes
    from tests.builders_tracking import AT

    learner_id = an_account(session).person_id
    classes.enrol(session, there.class_id, [learner_id], acting=[there.institution_id], at=AT)
    return learner_id


def watch(app: Flask, session: Session, there: Watchable, learner_id: Any, **client: Any) -> ScriptedPlayer:
    player = a_player(app, session, learner_id)
    player.open(there.unit_id)
    player.play(40_000)
    return player


def state_of_credit(session: Session) -> dict[str, list[Any]]:
    """All rows of the tables that credit rests on, but for when the next check falls due."""
    return {
        table: list(
            session.scalars(
                sa.text(f"SELECT (to_jsonb(t) - 'check_due_after_ms')::text FROM elearn.{table} t ORDER BY 1")
            )
        )
        for table in CREDIT
    }


def test_three_learners_on_one_phone_are_flagged_and_two_are_not(
    app: Flask, session: Session, there: Watchable, clock: ManualClock
) -> None:
    phone = watch(app, session, there, there.learner_id).device
    others = [another(session, there) for _ in range(2)]
    for count, learner_id in enumerate(others, start=2):
        player = a_player(app, session, learner_id)
        player.device = phone
        player.enrol()
        player.open(there.unit_id)
        player.play(30_000)
        look(app, session)
        flagged = {learner for rule, learner in signals(session) if rule == "R5"}
        assert flagged == (set() if count == 2 else {there.learner_id, *others})
    kept = session.scalars(sa.select(Signal).where(Signal.rule == "R5")).first()
    assert kept is not None
    assert kept.class_id == there.class_id
    assert kept.thresholds == Thresholds().digest()
    assert kept.evidence["learners"] == 3


def test_looking_twice_flags_an_occasion_once(app: Flask, session: Session, there: Watchable) -> None:
    driven(app, session, there)
    assert look(app, session) == 1
    assert look(app, session) == 0
    session.execute(sa.text("DELETE FROM elearn.signal_mark"))
    assert look(app, session) == 0
    assert signals(session) == [("R16", there.learner_id)]


def driven(app: Flask, session: Session, there: Watchable) -> ScriptedPlayer:
    """A player in a browser that says that a program drives it."""
    player = a_player(app, session, there.learner_id)
    player.enrol()
    sent = {"unit": str(there.unit_id), "device": player.device.thumbprint, "cm": player.cm, "player": "hls.js"}
    got = player.call("POST", "/sittings", sent | {"client": {"webdriver": True}})
    player.opened = player.state = got.json()
    player.play(30_000)
    return player


def test_an_honest_lesson_raises_nothing(app: Flask, session: Session, there: Watchable, clock: ManualClock) -> None:
    player = watch(app, session, there, there.learner_id)
    check = player.ask_check()
    player.pass_time(9_000)
    player.answer(check, ("right one", "right two"))
    player.play(60_000)
    assert look(app, session) == 0


def test_answering_before_anybody_could_read_is_flagged(app: Flask, session: Session, there: Watchable) -> None:
    player = watch(app, session, there, there.learner_id)
    assert pass_check(player)["outcome"] == "passed"
    player.play(15_000)
    look(app, session)
    assert ("R8", there.learner_id) in signals(session)


def test_looking_changes_nothing_that_credit_rests_on(app: Flask, session: Session, there: Watchable) -> None:
    player = driven(app, session, there)
    pass_check(player)
    player.play(30_000)
    before = state_of_credit(session)
    assert look(app, session) > 0
    assert state_of_credit(session) == before
    assert check_ledger(session) == []


def test_whoever_is_flagged_is_asked_sooner_and_somebody_honest_is_not(
    app: Flask, session: Session, there: Watchable
) -> None:
    player = watch(app, session, there, there.learner_id)
    assert player.state["check_due"] is False
    look(app, session)
    assert player.look()["check_due"] is False
    flag = Flag(Rule.SAME_SCRIPT, (there.learner_id,), 0, 1, "x", {"events": []})
    for flags, due in (([replace(flag, rule=Rule.LONG_RUNS)], False), ([flag], True)):
        new = flagging.write(session, flags, "d", now=ManualClock().now)
        flagging.ask_sooner(session, {learner for learner, weight in new if weight is not Weight.LOW})
        assert player.look()["check_due"] is due
    assert player.state["pending_ms"] == 40_000


some_flags = st.lists(
    st.builds(
        Flag,
        rule=st.sampled_from(Rule),
        learners=st.just(()),
        from_ms=st.integers(0, 2**45),
        to_ms=st.integers(0, 2**45),
        key=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
        evidence=st.dictionaries(st.sampled_from("abc"), st.integers()),
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flags=some_flags)
def test_no_flags_whatsoever_change_credit(app: Flask, session: Session, there: Watchable, flags: list[Flag]) -> None:
    if session.get(UnitWatch, (there.learner_id, there.unit_id)) is None:
        pass_check(watch(app, session, there, there.learner_id))
        credit_all(session, now=ManualClock().now)
    before, hours = state_of_credit(session), credit_all(session, now=ManualClock().now).persons
    new = flagging.write(
        session, [replace(flag, learners=(there.learner_id,)) for flag in flags], "d", now=ManualClock().now
    )
    flagging.ask_sooner(session, {learner for learner, _weight in new})
    assert state_of_credit(session) == before
    assert credit_all(session, now=ManualClock().now).persons == hours == set()
    assert check_everything(session) == []


def test_thresholds_are_loaded_by_command(app: Flask, session: Session, tmp_path: Path) -> None:
    file = tmp_path / "thresholds.yaml"
    file.write_text("nights: 4\ndatacentres: [203.0.113.0/24]\n", encoding="utf-8")
    runner = app.test_cli_runner()
    loaded = runner.invoke(thresholds, ["load", str(file), "--from", "2026-12-01"])
    assert loaded.exit_code == 0, loaded.output
    shown = runner.invoke(thresholds, ["show", "--on", "2026-12-01"]).output
    assert "* nights: 4" in shown
    assert "* datacentres: ['203.0.113.0/24']" in shown
    assert "  nights: 3" in runner.invoke(thresholds, ["show", "--on", "2026-11-30"]).output
    assert isinstance(runner.invoke(thresholds, ["load", str(file), "--from", "2020-01-01"]).exception, Malformed)
    file.write_text("nightz: 4", encoding="utf-8")
    assert isinstance(runner.invoke(thresholds, ["load", str(file)]).exception, Malformed)


def test_a_threshold_named_twice_is_refused_and_not_silently_the_later_one(
    app: Flask, session: Session, tmp_path: Path
) -> None:
    file = tmp_path / "thresholds.yaml"
    file.write_text("nights: 4\nnights: 40\n", encoding="utf-8")
    refused = app.test_cli_runner().invoke(thresholds, ["load", str(file)]).exception
    assert isinstance(refused, Malformed)
    assert "nights twice" in str(refused)


def test_a_sitting_looked_at_in_pieces_leaves_the_trace_of_one_looked_at_in_one_go(
    app: Flask, session: Session, there: Watchable
) -> None:
    player = a_player(app, session, there.learner_id)
    player.open(there.unit_id)
    for _ in range(3):
        player.play(15_000)
        look(app, session)
    pieces = session.scalars(sa.select(SittingTrace)).one().trace
    session.execute(sa.delete(SittingTrace))
    assert folding.fold_reports(session, [UUID(player.sid)]) == 3
    assert session.scalars(sa.select(SittingTrace)).one().trace == pieces


def test_ten_learners_cost_as_many_queries_as_one(
    app: Flask, session: Session, there: Watchable, clock: ManualClock
) -> None:
    counts = []
    for learners in (1, 9):
        for _ in range(learners):
            watch(app, session, there, another(session, there))
        with statements(session) as sent:
            look(app, session)
        counts.append(len([one for one in sent if not one.startswith(("SAVEPOINT", "RELEASE"))]))
        clock.advance(7_200_000)
    assert counts[1] <= counts[0]


def test_thresholds_are_dated(app: Flask, session: Session) -> None:
    at = ManualClock().now
    strict = Thresholds.read({"nights": 2})
    flagging.load(session, strict, effective_from=date(2026, 8, 1), at=at)
    assert flagging.in_force(session, on=date(2026, 7, 31))[0] == Thresholds()
    assert flagging.in_force(session, on=date(2026, 8, 1))[0] == strict
    assert flagging.load(session, strict, effective_from=date(2026, 8, 1), at=at) == strict.digest()


def test_flags_are_never_changed(app: Flask, session: Session, there: Watchable) -> None:
    driven(app, session, there)
    look(app, session)
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(sa.update(Signal).values(rule="R1"))


def test_the_mark_looks_back_a_little() -> None:
    from elearn.db import new_id

    newest = new_id()
    assert duties.just_before(newest, timedelta(0)) <= newest
    back = duties.just_before(newest, timedelta(minutes=10))
    assert (newest.int >> 80) - (back.int >> 80) == 600_000
