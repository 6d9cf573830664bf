"""Several publishers of one log: whoever is first, there is one history, and nobody raises a false alarm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from elearn.credit_export.ledger.models import LedgerLeaf
from elearn.credit_export.ledger.publishing import _Attempt, publish
from elearn.credit_export.ledger.signer import Wanted
from elearn.credit_export.ledger.trouble import of_log
from elearn.db import db
from tests.at_once import at_once
from tests.credit_export.ledger.publishing.an_office import MINUTE, NOW, TWO, NearSigner, Office, an_office, leaves

IDLE = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND state = 'idle in transaction' AND query NOT LIKE '%advisory%'"""


def test_leaves_are_committed_before_anybody_is_asked_to_sign_them(own_app: Flask, tmp_path: Path) -> None:
    """A signature over leaves that are rolled back would stop the log for ever."""
    with own_app.app_context():
        office = an_office(db.session(), tmp_path)
        seen = []

        class Looks(NearSigner):
            def sign(self, wanted: Wanted) -> Any:
                with db.engine.connect() as other:
                    seen.append(other.execute(sa.text("SELECT count(*) FROM elearn.ledger_leaf")).scalar())
                    seen.append(other.execute(sa.text(IDLE)).scalar())
                return super().sign(wanted)

        office.session.execute(sa.insert(LedgerLeaf), leaves(office.origin, 0, 3))
        office.desk = replace(office.desk, signer=Looks(office.signer.directory))
        assert office.published().size == 3
        assert seen == [3, 0], "committed, and no transaction open meanwhile"


def test_two_publishers_at_once_publish_one_log(own_app: Flask, tmp_path: Path) -> None:
    with own_app.app_context():
        office = an_office(db.session(), tmp_path, witnesses=TWO)

        def publisher() -> None:
            with own_app.app_context():
                for _ in range(8):
                    publish(db.session(), office.origin, now=NOW, desk=office.desk)

        def appender() -> None:
            with own_app.app_context():
                session = db.session()
                for turn in range(20):
                    session.execute(sa.insert(LedgerLeaf), leaves(office.origin, turn * 30, 30))
                    session.commit()

        at_once(publisher, publisher, publisher, appender)
        office.publish(after=MINUTE)
        assert office.size == office.leaves() == 600
        office.require_sound()
        assert office.level == "ok"


def test_two_publishers_who_do_not_see_each_other_still_publish_one_log(own_app: Flask, tmp_path: Path) -> None:
    """The lock may be lost with its connection: then the signer decides, and files are the same whoever writes them."""
    with own_app.app_context():
        office = an_office(db.session(), tmp_path)

        def publisher() -> None:
            with own_app.app_context():
                for turn in range(8):
                    _Attempt(db.session(), office.origin, NOW + turn * MINUTE, office.desk).go()
                    db.session.rollback()

        def appender() -> None:
            with own_app.app_context():
                session = db.session()
                for turn in range(20):
                    session.execute(sa.insert(LedgerLeaf), leaves(office.origin, turn * 30, 30))
                    session.commit()

        at_once(publisher, publisher, publisher, appender)
        for _ in range(2):
            office.publish(after=60 * MINUTE)
        assert office.size == office.leaves() == 600
        office.require_sound()
        assert office.standing.alarm == ""


def test_a_publisher_that_is_overtaken_raises_no_alarm(office: Office) -> None:
    """It lost its lock, and others have had more leaves signed: its tree is smaller now, but nothing was restored."""
    office.append(10)
    desk = office.desk

    class Overtaken(NearSigner):
        def sign(self, wanted: Wanted) -> Any:
            office.append(5)
            assert _Attempt(office.session, office.origin, office.now, desk).go()
            return super().sign(wanted)

    slow = replace(desk, signer=Overtaken(office.signer.directory))
    attempt = _Attempt(office.session, office.origin, office.now, slow)
    assert attempt.go() is None
    assert of_log(attempt.standing, office.now) == []
    assert office.size == 15
    office.require_sound()
