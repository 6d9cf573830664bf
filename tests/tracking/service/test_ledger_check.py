"""Adding everything up again finds what was changed behind our back, and the database refuses most of it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import LedgerViolation
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.models import WatchedSpan
from tests.builders_tracking import a_player, a_watchable, pass_check


@pytest.fixture
def watched(app: Flask, session: Session) -> Session:
    """One minute watched: half of it final, half pending; one report refused."""
    lesson = a_watchable(session, duration_ms=90_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(30_000)
    pass_check(player)
    player.make(a=80_000, b=85_000, play=5_000)
    player.flush()
    player.play(30_000)
    session.commit()
    return session


def test_an_honest_ledger_has_no_differences(watched: Session) -> None:
    assert check_ledger(watched) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE elearn.believed_span SET media = int8range(0, 29000) WHERE state = 'final'", "believed_span"),
        ("DELETE FROM elearn.believed_span WHERE state = 'final'", "believed_span"),
        ("UPDATE elearn.unit_watch SET frontier_ms = 90000", "unit_watch"),
        ("UPDATE elearn.learner_watch SET pending_ms = 0", "learner_watch.pending_ms"),
        ("UPDATE elearn.day_use SET used_ms = used_ms - 1", "day_use"),
        ("UPDATE elearn.presence_check SET outcome = 'failed'", "final row"),
        ("UPDATE elearn.watched_span SET end_ms = end_ms + 5000 WHERE kind = 'final'", "final row"),
        ("UPDATE elearn.watched_span SET end_ms = end_ms - 5000 WHERE kind = 'pending'", "pending row"),
        ("UPDATE elearn.report SET credited = '[[0, 99, \"2026-07-01\", false]]' WHERE seq = 1", "verdict"),
        ("UPDATE elearn.report SET refused = '[]' WHERE refused <> '[]'", "verdict"),
        ("UPDATE elearn.report SET tau_ms = tau_ms - 9000 WHERE seq = 2", "verdict"),
        (
            "UPDATE elearn.report SET seen = jsonb_set(seen, '{sitting,3}', '30000') WHERE seq = 2",
            "sitting seen by a verdict",
        ),
        ("DELETE FROM elearn.report WHERE seq = 1", "pending row"),
    ],
)
def test_what_was_changed_behind_our_back_is_named(watched: Session, change: str, found: str) -> None:
    for table in ("watched_span", "report"):
        watched.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))  # as an insider would
    watched.execute(sa.text(change))
    assert found in {difference.what for difference in check_ledger(watched)}


@pytest.mark.parametrize("table", ["watched_span", "report", "delivery", "watch_policy"])
def test_the_database_refuses_what_the_orm_never_sees(watched: Session, table: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        watched.execute(sa.text(f"DELETE FROM elearn.{table}"))


def test_the_orm_refuses_to_change_a_row_of_the_ledger(watched: Session) -> None:
    row = watched.scalars(sa.select(WatchedSpan).limit(1)).one()
    row.end_ms += 1
    with pytest.raises(LedgerViolation):
        watched.flush()
    watched.rollback()


def test_the_database_believes_no_moment_twice(watched: Session) -> None:
    with pytest.raises(IntegrityError, match="ex_believed_span_once"):
        watched.execute(
            sa.text(
                "INSERT INTO elearn.believed_span SELECT w.id, b.learner_id, b.unit_id, 'pending', int8range(10, 20) "
                "FROM elearn.believed_span b, elearn.watched_span w WHERE b.state = 'final' AND w.kind = 'pending' "
                "AND NOT EXISTS (SELECT FROM elearn.believed_span x WHERE x.watched_span_id = w.id) LIMIT 1"
            )
        )
