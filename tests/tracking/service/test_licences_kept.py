"""A licence once given stays as it was: in the ledger, in the database, in a backup."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn import backup, embedded
from elearn.db import db
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking.ledger_check import check_ledger
from tests.backup.tables import rows_of
from tests.builders_tracking import Watchable, a_player, a_watchable


@pytest.fixture
def lesson(session: Session) -> Watchable:
    """25 minutes: 50 blocks."""
    return a_watchable(session, duration_ms=25 * 60_000)


@pytest.fixture
def downloaded(session: Session, player: ScriptedPlayer) -> Session:
    player.download()
    session.commit()
    return session


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM elearn.delivery WHERE block = 7",
        "UPDATE elearn.delivery SET given_ms = given_ms + 1 WHERE block = 7",
        "UPDATE elearn.licence SET expires_ms = expires_ms + 1",
        "UPDATE elearn.licence SET device = 'another'",
        "UPDATE elearn.licence SET issued_ms = issued_ms - 1, expires_ms = expires_ms - 1",
        "UPDATE elearn.sitting SET ended_ms = opened_ms - 1, ended_reason = 'closed'",
    ],
)
def test_a_licence_changed_behind_our_back_is_named(downloaded: Session, change: str) -> None:
    for table in ("licence", "delivery"):
        downloaded.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))  # as an insider would
    assert check_ledger(downloaded) == []
    downloaded.execute(sa.text(change))
    assert [difference.what for difference in check_ledger(downloaded)] == ["licence"]


def test_the_database_refuses_to_change_a_licence(downloaded: Session) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        downloaded.execute(sa.text("UPDATE elearn.licence SET expires_ms = expires_ms + 1"))


def test_a_backup_brings_licences_and_agreement_keys_back(
    own_app: Flask, services: embedded.Services, tmp_path: Path
) -> None:
    with own_app.app_context():
        session = db.session()
        lesson = a_watchable(session)
        session.commit()
        player = a_player(own_app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.download()
    settings = own_app.extensions["elearn"].settings
    settings.media_dir.mkdir(parents=True, exist_ok=True)
    backup.backup(settings.database_url, settings.media_dir, None, tmp_path / "file")
    url = services.create_database(f"licences_back_{id(player)}")
    backup.restore(tmp_path / "file", url, tmp_path / "media")
    before, after = rows_of(settings.database_url), rows_of(url)
    assert after == before
    assert [len(before[table]) for table in ("licence", "device", "delivery")] == [1, 1, 3]
