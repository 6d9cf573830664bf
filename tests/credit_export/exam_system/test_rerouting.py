"""A matter goes to another receiver: the one is told that it no longer has it, the other that it has."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system import pushing, rerouting
from elearn.credit_export.exam_system.push_rules import Away, Taken
from elearn.credit_export.lifecycle import State
from elearn.errors import Conflict, NotFound
from tests.credit_export.exam_system.conftest import AT, Exam, MakeExam, Office, states_of


@pytest.fixture
def other(session: Session, make_exam: MakeExam) -> Exam:
    """Another receiver of the same outline, that begins after everything there is: only what is given to it arrives."""
    made = make_exam(name="Other centre")
    made.target.position = 1_000_000
    session.commit()
    return made


def reroute(session: Session, record_id: UUID, exam: Exam, other: Exam) -> None:
    rerouting.reroute(session, record_id, away_from=exam.who.client_id, to=other.who.client_id, at=exam.now)


def test_who_has_it_is_sent_a_notice_and_the_other_the_record(
    session: Session, office: Office, exam: Exam, other: Exam
) -> None:
    record = office.record(State.GRANTED)
    exam.push()
    reroute(session, record.id, exam, other)
    exam.push()
    other.push()
    assert exam.told() == [("granted", 1, "granted"), ("withdrawn", 1, "granted")]
    assert exam.heard[1]["data"]["withdrawal"] == {"reason": "REROUTED"}
    assert other.told() == [("granted", 1, "granted")]
    assert states_of(session, exam, record.id) == ["rerouted"]
    assert states_of(session, other, record.id) == ["acknowledged"]


def test_what_follows_goes_to_the_other_only(session: Session, office: Office, exam: Exam, other: Exam) -> None:
    first = office.record(State.GRANTED)
    exam.push()
    reroute(session, first.id, exam, other)
    exam.push()
    exam.heard.clear()
    other.target.position = exam.target.position
    office.record(State.GRANTED, before=first)
    exam.push()
    other.push()
    assert exam.told() == []
    assert [version for _, version, _ in other.told()] == [1, 1, 2]


def test_what_has_not_gone_out_does_not_go_out_any_more(
    session: Session, office: Office, exam: Exam, other: Exam
) -> None:
    record = office.record(State.GRANTED)
    pushing.gather(session, exam.receiver.id, at=AT)
    reroute(session, record.id, exam, other)
    exam.push()
    assert exam.told() == []


def test_what_was_tried_may_have_arrived_and_is_taken_back(
    session: Session, office: Office, exam: Exam, other: Exam
) -> None:
    record = office.record(State.GRANTED)
    exam.answer = lambda message: Away("the answer is lost")
    exam.push()
    reroute(session, record.id, exam, other)
    exam.answer = lambda message: Taken()
    exam.push(after=timedelta(minutes=1))
    assert exam.told() == [("granted", 1, "granted"), ("withdrawn", 1, "granted")]


def test_what_cannot_be_given_away(session: Session, office: Office, exam: Exam, other: Exam) -> None:
    record = office.record(State.GRANTED)
    with pytest.raises(Conflict):
        reroute(session, record.id, exam, other)  # it was told nothing yet
    exam.push()
    with pytest.raises(NotFound):
        reroute(session, record.id, exam, exam)
    with pytest.raises(NotFound):
        reroute(session, uuid4(), exam, other)
    session.execute(
        sa.text("UPDATE elearn.receiver_outline SET outline_code = 'else' WHERE receiver_id = :id"),
        {"id": other.receiver.id},
    )
    with pytest.raises(NotFound):
        reroute(session, record.id, exam, other)
    session.execute(sa.text("UPDATE elearn.receiver_outline SET outline_code = 'demo-outline'"))
    reroute(session, record.id, exam, other)
    with pytest.raises(Conflict):
        reroute(session, record.id, exam, other)
