"""The crash matrix: a run that dies at any step leaves what the next one needs; no leaf twice, no hour without one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.notes import SignatureLine
from elearn.credit_export.ledger.signer import AsksSigner, OtherSize, Wanted
from elearn.db import db
from tests.conftest import scalar
from tests.credit_export.ledger.log.school import NOW, Sums, a_learner, differences, leaves, sums


class Killed(Exception):
    """The process ends here."""


@dataclasses.dataclass
class DyingSigner:
    """Ends us before it is asked, or after it has signed."""

    signer: AsksSigner
    before: bool

    def vkey(self, origin: str) -> str:
        return self.signer.vkey(origin)

    def sign(self, wanted: Wanted) -> SignatureLine | OtherSize:
        if not self.before:
            self.signer.sign(wanted)
        raise Killed


@contextmanager
def dying(session: Session, name: str, holds: Callable[[Session], bool]) -> Iterator[None]:
    """Ends us at the first commit of this kind (`before_commit`, `after_commit`) at which `holds` is true."""

    def end(of: Session) -> None:
        if holds(of):
            raise Killed

    event.listen(session, name, end)
    try:
        yield
    finally:
        event.remove(session, name, end)


def stands(query: str) -> Callable[[Session], bool]:
    """Does the transaction, or the database after it, hold such a row?"""
    return lambda session: bool(session.connection().execute(sa.text(f"SELECT EXISTS ({query})")).scalar())


CLOSING = "SELECT FROM elearn.evidence_closing WHERE batch > (SELECT coalesce(max(batch), -1) FROM elearn.ledger_leaf)"
LEAVES = "SELECT FROM elearn.ledger_leaf WHERE index >= (SELECT max(size) FROM elearn.ledger_checkpoint)"
CHECKPOINT = """SELECT FROM elearn.ledger_checkpoint c WHERE size > coalesce(
                (SELECT max(entered_to) FROM elearn.ledger_mark), 0)"""
ENTRIES = "SELECT FROM elearn.hours_entry WHERE amount_ms = 30000"

STEPS = [
    ("before the closing of the minute is committed", "before_commit", CLOSING),
    ("after the minute is closed, before a leaf", "after_commit", CLOSING),
    ("before the leaves are committed", "before_commit", LEAVES),
    ("after the leaves are committed, before anything is published", "after_commit", LEAVES),
    ("before the signer is asked", "signer", "before"),
    ("after it signed, before we know", "signer", "after"),
    ("after it signed, before the checkpoint is committed", "before_commit", CHECKPOINT),
    ("after the checkpoint is committed, before its file and any entry", "after_commit", CHECKPOINT),
    ("before entries and records are committed", "before_commit", ENTRIES),
    ("after entries and records are committed", "after_commit", ENTRIES),
]


def died(session: Session, house: House, kind: str, what: str) -> bool:
    """One run that ends at this step; False when it never came there."""
    try:
        if kind == "signer":
            desk = dataclasses.replace(house.desk, signer=DyingSigner(house.desk.signer, before=what == "before"))
            advance(session, now=NOW + timedelta(minutes=1), house=dataclasses.replace(house, desk=desk))
        else:
            with dying(session, kind, stands(what) if kind == "before_commit" else stood(what)):
                advance(session, now=NOW + timedelta(minutes=1), house=house)
    except Killed:
        return True
    return False


def stood(query: str) -> Callable[[Session], bool]:
    """After a commit the session may not be asked: a connection of its own looks."""

    def look(session: Session) -> bool:
        with session.get_bind().engine.connect() as connection:
            return bool(connection.execute(sa.text(f"SELECT EXISTS ({query})")).scalar())

    return look


@pytest.mark.parametrize(("step", "kind", "what"), STEPS, ids=[step for step, _kind, _what in STEPS])
@pytest.mark.parametrize("times", [1, 3])
def test_a_run_killed_at_this_step_is_followed_by_another(
    own_app: Flask, own_house: House, step: str, kind: str, what: str, times: int
) -> None:
    with own_app.app_context():
        learner = a_learner(db.session())
        person = learner.person.id
        advance(db.session(), now=NOW, house=own_house)
        voided = learner.watch(ms=30_000)
        learner.watch(ms=5_000)
        db.session.commit()
        learner.void(voided)
        db.session.commit()
    for _ in range(times):
        with own_app.app_context():
            came = died(db.session(), own_house, kind, what)
            assert came or _ > 0, step
            db.session().close()
        with own_app.app_context():
            whole_or_nothing(db.session(), person)
    with own_app.app_context():
        session = db.session()
        advance(session, now=NOW + timedelta(minutes=2), house=own_house)
        assert sums(session, person) == Sums(65_000, 65_000, 65_000)
        assert leaves(session).count("credit") == 3
        before = leaves(session, "raw")
        advance(session, now=NOW + timedelta(minutes=3), house=own_house)
        assert leaves(session, "raw") == before
        assert differences(session, own_house) == []


def whole_or_nothing(session: Session, person: UUID) -> None:
    """Whatever died: no hour without a checkpoint over its leaf, and no record of other hours than are entered."""
    assert (
        scalar(
            session,
            """SELECT count(*) FROM elearn.hours_entry e WHERE e.leaf_index >= (
                   SELECT coalesce(max(size), 0) FROM elearn.ledger_checkpoint c WHERE c.origin = e.leaf_origin)""",
        )
        == 0
    )
    told = scalar(
        session,
        """SELECT (hours ->> 'online_theory_ms')::bigint FROM elearn.eligibility_record
           WHERE person_id = :person ORDER BY version DESC LIMIT 1""",
        person=person,
    )
    assert told == sums(session, person).entries
