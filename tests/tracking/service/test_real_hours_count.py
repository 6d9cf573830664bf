"""Hours in real time, end to end: from a lesson played faster to what an exam system is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.credit_export import ledger_check as hours_check
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking import policies, watched
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.models import WatchedSpan
from elearn.tracking.policy import Policy
from tests.builders_credit import decided_by_two
from tests.builders_tracking import Watchable, a_player, a_watchable, fail_check, pass_check
from tests.conftest import scalar
from tests.hours import credit_all

FAST = replace(Policy(), rate_max_permille=1_250)
REAL = replace(FAST, real_hours=True)


@pytest.fixture(autouse=True)
def _rules_again(app: Flask) -> Iterator[None]:
    yield
    policies.give(app, None)


def watching(app: Flask, session: Session, policy: Policy) -> tuple[Watchable, ScriptedPlayer]:
    policies.give(app, policy)
    lesson = a_watchable(session, duration_ms=90_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    return lesson, player


def told_to_exam_systems(session: Session, lesson: Watchable) -> int:
    """Milliseconds of online theory in the newest record of the learner."""
    credit_all(session)
    found = scalar(
        session,
        "SELECT (hours ->> 'online_theory_ms')::bigint FROM elearn.eligibility_record WHERE person_id = :person "
        "ORDER BY version DESC LIMIT 1",
        person=lesson.learner_id,
    )
    return int(str(found))


def nothing_disagrees(session: Session) -> None:
    assert check_ledger(session) == []
    assert hours_check.check_everything(session) == []


@pytest.mark.parametrize(
    ("rule", "policy", "rate", "hours_ms"),
    [
        ("media counts", FAST, 1.25, 90_000),
        ("real time counts", REAL, 1.25, 72_000),
        ("real time is the media's at rate 1.0", REAL, 1.0, 90_000),
        ("at a rate of 1.0 for all the flag means nothing", replace(Policy(), real_hours=True), 1.0, 90_000),
    ],
)
def test_the_exam_system_is_told_what_counts(
    app: Flask, session: Session, rule: str, policy: Policy, rate: float, hours_ms: int
) -> None:
    lesson, player = watching(app, session, policy)
    began = utcnow()
    told = player.play(90_000, rate=rate)
    took_ms = (utcnow() - began).total_seconds() * 1_000
    assert (told["pending_ms"], told["frontier_ms"]) == (90_000, 90_000), "what was watched is media in any case"
    assert pass_check(player)["complete"], rule
    earned_ms = told_to_exam_systems(session, lesson)
    assert earned_ms == hours_ms <= (took_ms if policy.counts_real_time else 90_000), rule
    assert sum(watched.final_ms_by_item(session, lesson.learner_id).values()) == earned_ms
    assert scalar(session, "SELECT sum(used_ms) FROM elearn.day_use") == earned_ms
    nothing_disagrees(session)


def test_a_failed_check_takes_back_media_and_hours_alike(app: Flask, session: Session) -> None:
    _lesson, player = watching(app, session, REAL)
    player.play(24_000, rate=1.25)
    fail_check(player)
    rows = (
        "SELECT json_agg(json_build_array(kind, end_ms - start_ms, excess_ms) ORDER BY kind) FROM elearn.watched_span"
    )
    pieces = [(18_750, 3_750), (11_250, 2_250)]
    assert scalar(session, rows) == [[kind, *piece] for kind in ("pending", "reversal") for piece in pieces]
    nothing_disagrees(session)


def test_final_time_worth_nothing_is_no_entry_of_hours(app: Flask, session: Session) -> None:
    """Media of the budget's carry, claimed in no real time at all: watched as the rate allows, but no hours."""
    lesson, player = watching(app, session, REAL)
    player.have_key()
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000)
    player.flush()
    pass_check(player)
    earned = told_to_exam_systems(session, lesson)
    player.cm += 2_000
    player.make(a=15_000, b=17_000, play=2_000)
    assert player.flush()["results"][0]["credited_ms"] == 2_000
    pass_check(player)
    assert told_to_exam_systems(session, lesson) == earned == 15_000
    nothing_disagrees(session)


def test_hours_taken_back_are_the_hours_that_were_given(app: Flask, session: Session) -> None:
    lesson, player = watching(app, session, REAL)
    player.play(90_000, rate=1.25)
    pass_check(player)
    assert told_to_exam_systems(session, lesson) == 72_000
    columns = 'learner_id, unit_id, class_id, start_ms, end_ms, "on", late, excess_ms, policy, heard_at'
    session.execute(
        sa.text(
            f"INSERT INTO elearn.watched_span (id, kind, settles, reverses_id, reason, {columns}) "
            f"SELECT gen_random_uuid(), 'reversal', '{{}}', id, 'VOIDED', {columns} "
            "FROM elearn.watched_span WHERE kind = 'final'"
        )
    )
    for reversal in session.scalars(sa.select(WatchedSpan).where(WatchedSpan.kind == "reversal")):
        decided_by_two(session, reversal, at=utcnow())
    assert told_to_exam_systems(session, lesson) == 0
    assert sum(watched.final_ms_by_item(session, lesson.learner_id).values()) == 0


def test_a_sum_that_was_tampered_with_is_found(app: Flask, session: Session) -> None:
    """What the ledger says a span is worth is compared with the verdict taken again."""
    _lesson, player = watching(app, session, REAL)
    player.play(12_000, rate=1.25)
    session.execute(sa.text("ALTER TABLE elearn.watched_span DISABLE TRIGGER append_only_rows"))
    session.execute(sa.text("UPDATE elearn.watched_span SET excess_ms = 0"))
    assert {one.what for one in check_ledger(session)} >= {"pending row", "day_use"}


def test_real_time_that_a_report_left_over_is_there_for_the_next_message(app: Flask, session: Session) -> None:
    """A report that was long under way, and the next on its heels: together they are worth the time of both."""
    _lesson, player = watching(app, session, REAL)
    player.have_key()
    player.wait(18_000)
    for number in (1, 2):
        player.cm += 12_000
        player.make(a=number * 15_000 - 15_000, b=number * 15_000, play=12_000)
        player.wait(6_000 * (number - 1))
        player.flush()
    assert scalar(session, "SELECT sum(used_ms) FROM elearn.day_use") == 24_000
    nothing_disagrees(session)
