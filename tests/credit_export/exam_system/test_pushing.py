"""Pushes to a receiver's server, from the feed to what is recorded; the server is in the test's hands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from sqlalchemy.orm import Session

from elearn import webhooks
from elearn.credit_export.exam_system import deliveries, push_targets, pushing
from elearn.credit_export.exam_system.push_rules import Answer, Away, Broken, Refused, Taken, Takes
from elearn.credit_export.lifecycle import State, Why
from elearn.errors import Malformed, NotFound
from tests.conftest import scalar
from tests.credit_export.exam_system.builders import known_keys
from tests.credit_export.exam_system.conftest import AT, HOOK, SEALING_KEY, Exam, MakeExam, Office, states_of

SOON = timedelta(seconds=20)


def test_a_grant_is_pushed_once_signed_and_acknowledged(session: Session, office: Office, exam: Exam) -> None:
    record = office.record(State.GRANTED)
    exam.push()
    exam.push()
    assert exam.told() == [("granted", 1, "granted")]
    data = exam.heard[0]["data"]
    assert data["record"]["record_id"] == str(record.id)
    assert data["record"]["person"]["name"] == "张三"
    claims = jws.deserialize_compact(data["jws"], known_keys(), algorithms=["Ed25519"]).payload
    assert str(record.id).encode() in (claims or b"")
    assert exam.heard[0]["key"] == f'"{record.id}:1:{data["cursor"]}:change"'
    assert states_of(session, exam, record.id) == ["acknowledged"]
    assert [event.event for event in deliveries.history(session, exam.receiver.id, record.id)] == [
        "queue",
        "send",
        "acknowledge",
    ]


def test_what_leads_to_a_grant_is_told_only_to_who_takes_everything(office: Office, make_exam: MakeExam) -> None:
    some, all_ = make_exam(), make_exam(takes=Takes.EVERYTHING, name="All")
    office.record(State.SUBMITTED)
    some.push()
    all_.push()
    assert some.told() == []
    assert all_.told() == [("computed", 1, "computed"), ("submitted", 1, "submitted")]


def test_document_numbers_that_go_out_are_written_down_before_they_do(
    session: Session, office: Office, exam: Exam
) -> None:
    def while_sending(message: dict[str, Any]) -> Answer:
        count = scalar(session, "SELECT count(*) FROM elearn.disclosure WHERE reason = 'push'")
        assert count == 1
        return Taken()

    exam.answer = while_sending
    office.record(State.GRANTED)
    exam.push()
    assert len(exam.heard) == 1


def test_a_receiver_that_is_away_gets_it_later_and_under_the_same_id(
    session: Session, office: Office, exam: Exam
) -> None:
    exam.answer = lambda message: Away("refused")
    record = office.record(State.GRANTED)
    exam.push()
    assert states_of(session, exam, record.id) == ["failed"]
    assert exam.target.attempts == 1
    exam.push(after=timedelta(seconds=1))
    assert len(exam.heard) == 1, "it is not asked again at once"
    exam.answer = lambda message: Taken()
    exam.push(after=SOON)
    assert len(exam.heard) == 2
    assert exam.heard[0]["id"] == exam.heard[1]["id"]
    assert exam.heard[0]["key"] == exam.heard[1]["key"]
    assert states_of(session, exam, record.id) == ["acknowledged"]
    assert (exam.target.attempts, exam.target.last_error) == (0, None)


@pytest.mark.parametrize("answer", [Away("refused"), Broken("no answer: TimeoutError"), Away("503", 503)])
def test_a_receiver_down_for_three_days_loses_nothing(
    session: Session, office: Office, exam: Exam, answer: Answer
) -> None:
    exam.answer = lambda message: answer
    records = [office.record(State.GRANTED).id for _ in range(5)]
    for _ in range(80):
        exam.push(after=timedelta(hours=1))
    assert exam.now - AT > timedelta(days=3)
    exam.answer = lambda message: Taken()
    exam.heard.clear()
    exam.push(after=timedelta(hours=1))
    exam.push(after=SOON)
    assert sorted(one["data"]["record"]["record_id"] for one in exam.heard) == sorted(map(str, records))
    assert states_of(session, exam, *records) == ["acknowledged"] * 5


def test_an_answer_that_is_lost_is_a_repetition_under_the_same_id(session: Session, office: Office, exam: Exam) -> None:
    lost: list[Answer] = [Broken("no answer: TimeoutError"), Taken()]
    exam.answer = lambda message: lost.pop(0)
    record = office.record(State.GRANTED)
    exam.push()
    exam.push(after=SOON)
    assert len({one["id"] for one in exam.heard}) == 1
    assert len(exam.heard) == 2
    assert states_of(session, exam, record.id) == ["acknowledged"]


def test_what_is_refused_is_a_dead_letter_until_an_operator_sends_it_again(
    session: Session, office: Office, exam: Exam
) -> None:
    exam.answer = lambda message: Refused("422 what is this", 422)
    record = office.record(State.GRANTED)
    exam.push()
    exam.push(after=timedelta(days=1))
    assert len(exam.heard) == 1
    assert states_of(session, exam, record.id) == ["dead"]
    (dead,) = push_targets.messages(session, exam.receiver.id, "dead")
    assert dead.last_error == "422 what is this"
    exam.answer = lambda message: Taken()
    assert push_targets.resend(session, exam.receiver.id, dead.id, at=exam.now) == 1
    exam.push()
    assert exam.heard[0]["id"] == exam.heard[1]["id"]
    assert states_of(session, exam, record.id) == ["acknowledged"]


def test_what_a_receiver_breaks_at_for_five_days_is_a_dead_letter_and_others_go_on(
    session: Session, office: Office, exam: Exam
) -> None:
    poison = office.record(State.GRANTED)

    def answer(message: dict[str, Any]) -> Answer:
        return Broken("500", 500) if message["data"]["record"]["record_id"] == str(poison.id) else Taken()

    exam.answer = answer
    for hour in range(6 * 24):
        good = office.record(State.GRANTED) if hour % 24 == 0 else None
        exam.push(after=timedelta(hours=1))
        if good is not None:
            assert states_of(session, exam, good.id) == ["acknowledged"], hour
    assert states_of(session, exam, poison.id) == ["dead"]


def test_what_was_told_and_is_revoked_is_withdrawn(session: Session, office: Office, exam: Exam) -> None:
    record = office.record(State.GRANTED)
    exam.push()
    office.step(record, State.REVOKED, Why.HOURS_VOIDED)
    exam.push()
    assert exam.told() == [("granted", 1, "granted"), ("withdrawn", 1, "revoked")]
    assert exam.heard[1]["data"]["withdrawal"] == {"reason": "HOURS_VOIDED"}
    assert states_of(session, exam, record.id) == ["withdrawn"]


def test_what_was_granted_and_revoked_while_it_was_away_arrives_in_order(office: Office, exam: Exam) -> None:
    exam.answer = lambda message: Away("refused")
    record = office.record(State.GRANTED)
    exam.push()
    office.step(record, State.REVOKED, Why.FORGED_DATA)
    exam.answer = lambda message: Taken()
    exam.heard.clear()
    exam.push(after=SOON)
    exam.push(after=SOON)
    # The first message says what was true at its place in the feed.
    assert exam.told() == [("granted", 1, "granted"), ("withdrawn", 1, "revoked")]


def test_a_correction_withdraws_the_old_version_and_tells_the_new_one(office: Office, exam: Exam) -> None:
    first = office.record(State.GRANTED)
    exam.push()
    office.record(State.GRANTED, before=first)
    exam.push()
    assert exam.told() == [("granted", 1, "granted"), ("withdrawn", 1, "superseded"), ("granted", 2, "granted")]
    assert exam.heard[2]["data"]["record"]["supersedes"] == str(first.id)


def test_a_suspended_record_that_is_granted_again_is_told_again(session: Session, office: Office, exam: Exam) -> None:
    record = office.record(State.GRANTED)
    for state, why in ((State.SUSPENDED, Why.UNDER_REVIEW), (State.GRANTED, Why.REVIEW_ENDED)):
        office.step(record, state, why)
    exam.push()
    assert [kind for kind, _, _ in exam.told()] == ["granted", "withdrawn", "granted"]
    assert states_of(session, exam, record.id) == ["acknowledged"]


def test_a_job_that_died_before_it_recorded_the_answer_sends_the_same_message_again(
    session: Session, office: Office, exam: Exam
) -> None:
    record = office.record(State.GRANTED)

    def die(message: dict[str, Any]) -> Answer:
        raise KeyboardInterrupt

    exam.answer = die
    with pytest.raises(KeyboardInterrupt):
        exam.push()
    session.rollback()
    assert states_of(session, exam, record.id) == ["sent"]
    exam.answer = lambda message: Taken()
    exam.push()
    assert exam.heard[0]["id"] == exam.heard[1]["id"]
    assert states_of(session, exam, record.id) == ["acknowledged"]


def test_a_gathering_that_runs_twice_puts_each_change_into_the_outbox_once(
    session: Session, office: Office, exam: Exam
) -> None:
    office.record(State.GRANTED)
    pushing.gather(session, exam.receiver.id, at=AT)
    exam.target.position = 0
    pushing.gather(session, exam.receiver.id, at=AT)
    assert scalar(session, "SELECT count(*) FROM elearn.push_message") == 1


def test_one_that_is_gone_is_paused_and_goes_on_where_it_stood(session: Session, office: Office, exam: Exam) -> None:
    exam.answer = lambda message: Away("410", 410, gone=True)
    office.record(State.GRANTED)
    exam.push()
    exam.push(after=timedelta(days=1))
    assert (exam.target.state, len(exam.heard)) == ("paused", 1)
    exam.answer = lambda message: Taken()
    push_targets.resume(exam.target, at=exam.now)
    exam.push()
    assert len(exam.heard) == 2


def test_a_receiver_is_in_one_job_s_hands_and_only_when_there_is_something(
    session: Session, office: Office, exam: Exam
) -> None:
    assert pushing.claim_due(session, at=AT) == []
    office.record(State.GRANTED)
    assert pushing.claim_due(session, at=AT) == [exam.receiver.id]
    assert pushing.claim_due(session, at=AT) == []
    exam.push()
    assert pushing.claim_due(session, at=AT) == []


def test_a_revoked_receiver_is_pushed_nothing(session: Session, office: Office, exam: Exam) -> None:
    office.record(State.GRANTED)
    exam.receiver.revoked_at = AT
    session.flush()
    assert pushing.claim_due(session, at=AT) == []
    exam.push()
    assert exam.heard == []


def test_a_new_secret_signs_beside_the_old_one_for_a_day(session: Session, office: Office, exam: Exam) -> None:
    new = push_targets.new_secret(session, exam.who.client_id, sealing_key=SEALING_KEY, at=AT)
    office.record(State.GRANTED)
    exam.push()  # its server still has the old one
    assert len(exam.heard) == 1
    keys = push_targets.keys_of(exam.target, SEALING_KEY, at=AT + push_targets.SIGNS_ALONG)
    assert keys == [webhooks.key_of(new)]


def test_a_secret_does_not_stand_in_the_database(session: Session, exam: Exam) -> None:
    rows = str(scalar(session, "SELECT json_agg(t)::text FROM elearn.push_target t"))
    assert exam.secret not in rows
    assert webhooks.key_of(exam.secret).hex() not in rows


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://exam.example/hook", False),
        ("ftp://exam.example/hook", True),
        ("https://user:secret@exam.example/hook", True),
        ("https://", True),
        ("https://exam.example/#hook", True),
    ],
)
def test_an_address_that_may_not_be_pushed_to_is_refused(session: Session, exam: Exam, url: str, private: bool) -> None:
    with pytest.raises(Malformed):
        push_targets.set_target(session, exam.who.client_id, url=url, sealing_key=SEALING_KEY, at=AT, private=private)


def test_a_receiver_that_nobody_knows_is_not_pushed_to(session: Session) -> None:
    with pytest.raises(NotFound):
        push_targets.set_target(session, "exam-nobody", url=HOOK, sealing_key=SEALING_KEY, at=AT)
