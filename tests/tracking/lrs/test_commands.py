"""`elearn lrs key`: keys are made, listed and revoked from the command line; the nightly job makes months."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from sqlalchemy.orm import Session

from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.commands import lrs
from elearn.tracking.lrs.consistency import consistent_through
from elearn.tracking.lrs.jobs import make_months
from tests.builders_people import an_organisation


def test_a_key_is_made_listed_and_revoked(session: Session) -> None:
    run = CliRunner().invoke
    made = run(lrs, ["key", "create", "the partner school", "--scope", "statements/read"])
    assert made.exit_code == 0, made.output
    found = re.fullmatch(r"key     (\S+)\nsecret  (\S+)\n", made.output)
    assert found is not None
    key, secret = found.groups()
    assert not key.startswith("-"), "what begins with a dash is no word for a command, but an option"
    server_key = credentials.server_key()
    holder = credentials.authenticate(session, key, secret, server_key=server_key)
    assert holder is not None
    assert holder.scopes == {"statements/read"}
    listed = run(lrs, ["key", "list"]).output
    assert f"{key}\tlive\tstatements/read\t-\t1.0.3\tthe partner school" in listed
    assert secret not in listed
    assert run(lrs, ["key", "revoke", key]).exit_code == 0
    assert run(lrs, ["key", "revoke", key]).exit_code == 0
    assert credentials.authenticate(session, key, secret, server_key=server_key) is None
    assert f"{key}\trevoked" in run(lrs, ["key", "list"]).output
    assert run(lrs, ["key", "revoke", "nobody"]).exit_code != 0
    assert run(lrs, ["key", "create", "x", "--scope", "everything"]).exit_code != 0


def test_a_key_without_a_wish_may_write_and_read_its_own(session: Session) -> None:
    CliRunner().invoke(lrs, ["key", "create", "x"])
    assert set(credentials.everyone(session)[-1].scopes) == {"statements/write", "statements/read/mine"}


def test_a_key_may_be_for_an_organisation_and_for_clients_of_xapi_2(session: Session) -> None:
    school = an_organisation(session)
    run = CliRunner().invoke
    made = run(lrs, ["key", "create", "x", "--organisation", str(school.id), "--speaks", "2.0.0"])
    assert made.exit_code == 0, made.output
    assert f"\t{school.id}\t2.0.0\tx" in run(lrs, ["key", "list"]).output
    assert run(lrs, ["key", "create", "x", "--organisation", str(uuid4())]).exit_code != 0
    assert run(lrs, ["key", "create", "x", "--speaks", "0.95"]).exit_code != 0
    assert len(credentials.everyone(session)) == 1


def test_months_are_made_ahead_every_night(session: Session) -> None:
    make_months()
    months = sa.text(
        "SELECT count(*) FROM generate_series(0, 3) AS i WHERE to_regclass(to_char("
        "now() AT TIME ZONE 'UTC' + make_interval(months => i), '\"elearn.statement_\"YYYY_MM')) IS NOT NULL"
    )
    assert session.execute(months).scalar() == 4


def test_the_bound_of_consistency_waits_for_open_transactions(own_app: Flask) -> None:
    from elearn.db import db

    with own_app.app_context():
        with db.engine.connect() as writer:
            writer.execute(sa.text("SELECT pg_sleep(0.3)"))  # a transaction that is open for a while
            bound = consistent_through(db.session())
        db.session.rollback()
        now = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
        assert (now - bound).total_seconds() >= 1.3
        assert 1.0 <= (now - consistent_through(db.session())).total_seconds() < 1.3
