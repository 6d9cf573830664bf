"""Final spans become hours, each once, behind a checkpoint, and nobody changes an entry afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.credit_export.ledger_check import SENTENCES
from elearn.credit_export.models import EligibilityRecord, HoursEntry
from elearn.db import LedgerViolation
from tests.builders_credit import LEARNED_AT, Learner, a_learner_with_hours, an_outline
from tests.conftest import scalar
from tests.hours import credit_all

NOW = LEARNED_AT + timedelta(hours=1)


@pytest.fixture
def learner(session: Session) -> Learner:
    an_outline(session, code="demo-outline")
    return a_learner_with_hours(session, ms=90_000, outline="demo-outline")


def total(session: Session) -> object:
    return scalar(session, "SELECT coalesce(sum(amount_ms), 0)::bigint FROM elearn.hours_entry")


def broken(session: Session) -> list[str]:
    return [sentence for sentence, query in SENTENCES.items() if session.execute(sa.text(query)).first()]


def test_running_the_crediting_twice_credits_once(session: Session, learner: Learner) -> None:
    assert credit_all(session, now=NOW).persons == {learner.person.id}
    assert credit_all(session, now=NOW).persons == set()
    assert total(session) == 90_000
    assert broken(session) == []


def test_a_span_taken_back_takes_its_hours_back(session: Session, learner: Learner) -> None:
    voided = learner.watch(ms=30_000)
    credit_all(session, now=NOW)
    learner.void(voided)
    credit_all(session, now=NOW)
    credit_all(session, now=NOW)
    assert total(session) == 90_000
    assert broken(session) == []


def test_what_is_watched_later_is_credited_later(session: Session, learner: Learner) -> None:
    credit_all(session, now=NOW)
    learner.watch(ms=15_000, heard_at=NOW)
    assert total(session) == 90_000
    assert credit_all(session, now=NOW).persons == {learner.person.id}
    assert total(session) == 105_000


def test_an_unchanged_judgement_writes_no_new_version(session: Session, learner: Learner) -> None:
    learner.record()
    learner.record()
    assert session.scalars(sa.select(EligibilityRecord.version)).all() == [1]


@pytest.mark.parametrize("table", ["hours_entry", "eligibility_record"])
def test_the_database_refuses_what_the_orm_never_sees(session: Session, learner: Learner, table: str) -> None:
    learner.record()
    for statement in (
        f"UPDATE elearn.{table} SET id = id",
        f"DELETE FROM elearn.{table}",
        f"TRUNCATE elearn.{table} CASCADE",
    ):
        with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
            session.execute(sa.text(statement))


def test_the_orm_refuses_to_change_an_entry(session: Session, learner: Learner) -> None:
    credit_all(session, now=NOW)
    session.scalars(sa.select(HoursEntry)).one().amount_ms = 1
    with pytest.raises(LedgerViolation):
        session.flush()


def test_the_orm_refuses_to_delete_an_entry(session: Session, learner: Learner) -> None:
    credit_all(session, now=NOW)
    session.delete(session.scalars(sa.select(HoursEntry)).one())
    with pytest.raises(LedgerViolation):
        session.flush()


TAMPERING = [
    ("an entry grows", "UPDATE elearn.hours_entry SET amount_ms = amount_ms + 1"),
    ("an entry moves to another day", "UPDATE elearn.hours_entry SET earned_on = earned_on + 1"),
    ("an entry is removed", "DELETE FROM elearn.hours_entry"),
    ("an entry forgets its leaf", "UPDATE elearn.hours_entry SET leaf_origin = NULL, leaf_index = NULL"),
    ("a record says more", """UPDATE elearn.eligibility_record
                              SET hours = jsonb_set(hours, '{online_theory_ms}', '99999999')"""),
    ("a version is skipped", "UPDATE elearn.eligibility_record SET version = version + 1"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "statement"), TAMPERING)
def test_what_is_changed_with_triggers_off_is_found_by_the_check(
    session: Session, learner: Learner, what: str, statement: str
) -> None:
    learner.record()
    assert broken(session) == []
    for table in ("hours_entry", "eligibility_record"):
        session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))
    session.execute(sa.text(statement))
    assert broken(session), what
