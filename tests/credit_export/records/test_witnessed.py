"""A record says `witnessed` when a witness has cosigned all of its hours, and not a moment before."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export import records
from elearn.credit_export.models import EligibilityRecord
from tests.builders_credit import Learner, a_learner_with_hours, an_outline
from tests.conftest import ManualClock
from tests.credit_export.records.an_office import NOW
from tests.hours import credit_all


@pytest.fixture
def learner(session: Session, clock: ManualClock) -> Learner:
    clock.now = NOW
    an_outline(session, code="demo-outline")
    made = a_learner_with_hours(session, ms=90_000, outline="demo-outline")
    credit_all(session, now=NOW)
    return made


def cosigned(session: Session) -> None:
    """As if a witness had signed every checkpoint there is."""
    session.execute(sa.text("ALTER TABLE elearn.ledger_checkpoint DISABLE TRIGGER USER"))
    session.execute(sa.text("UPDATE elearn.ledger_checkpoint SET witnessed = true"))
    session.execute(sa.text("ALTER TABLE elearn.ledger_checkpoint ENABLE TRIGGER USER"))


def newest(session: Session, learner: Learner) -> EligibilityRecord:
    records.record_person(session, learner.person.id, now=NOW)
    (found,) = records.newest_records(session, [learner.person.id]).values()
    return found


def test_without_a_witness_no_record_says_so(session: Session, learner: Learner) -> None:
    assert newest(session, learner).witnessed is False


def test_a_witness_who_signs_later_makes_a_new_version_with_the_same_hours(session: Session, learner: Learner) -> None:
    before = newest(session, learner)
    cosigned(session)
    after = newest(session, learner)
    assert (after.witnessed, after.version, after.hours) == (True, before.version + 1, before.hours)


def test_one_hour_that_nobody_cosigned_is_enough_to_say_no(session: Session, learner: Learner) -> None:
    cosigned(session)
    assert newest(session, learner).witnessed
    learner.watch(ms=30_000)
    credit_all(session, now=NOW)
    assert newest(session, learner).witnessed is False


def test_the_head_a_record_keeps_is_the_newest_leaf_of_its_hours(session: Session, learner: Learner) -> None:
    head = newest(session, learner).facts["evidence"]["head"]
    leaf = session.execute(
        sa.text("SELECT origin, index, encode(hash, 'hex') AS hash FROM elearn.ledger_leaf WHERE kind = 'credit'")
    ).one()
    assert head == {"origin": leaf.origin, "index": leaf.index, "hash": f"sha256:{leaf.hash}"}


def test_who_has_no_hours_has_none_that_were_witnessed(session: Session, learner: Learner) -> None:
    from elearn.courses import classes
    from elearn.courses.models import TrainingClass
    from tests.builders_people import a_person

    cosigned(session)
    held = session.get_one(TrainingClass, learner.class_id)
    person = a_person(session)
    classes.enrol(session, held.id, [person.id], acting=[held.institution_id], at=NOW)
    (record,) = records.record_person(session, person.id, now=NOW)
    assert record.witnessed is False
    assert record.facts["evidence"] == {"entries": 0, "head": None}
