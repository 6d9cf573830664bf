"""Receipts over the door: each once, the same answer to the same one again, whatever became of the record."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system import deliveries
from elearn.credit_export.exam_system.delivery import Event, fold
from elearn.credit_export.exam_system.push_rules import Away
from elearn.credit_export.lifecycle import State, Why
from elearn.credit_export.models import EligibilityRecord
from tests.conftest import scalar
from tests.credit_export.exam_system.conftest import CODE, Exam, MakeExam, Office, states_of


def headers_of(client: FlaskClient, exam: Exam, scope: str | None = None) -> dict[str, str]:
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    answer = client.post("/exam/v1/token", data=form, auth=(exam.who.client_id, exam.who.secret))
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def a_receipt(record: EligibilityRecord, **changes: Any) -> dict[str, Any]:
    given = {"receipt_id": "R-1", "record_id": str(record.id), "version": record.version, "outcome": "accepted"}
    return given | changes


def send(client: FlaskClient, exam: Exam, *receipts: dict[str, Any]) -> Any:
    return client.post("/exam/v1/receipts", json={"receipts": list(receipts)}, headers=headers_of(client, exam))


@pytest.fixture
def record(office: Office) -> EligibilityRecord:
    return office.record(State.GRANTED)


def test_a_decision_is_taken_and_stands_in_both_ledgers(
    client: FlaskClient, session: Session, exam: Exam, record: EligibilityRecord
) -> None:
    answer = send(client, exam, a_receipt(record, outcome="rejected", code="PHOTO_MISSING", detail="没有照片"))
    assert answer.status_code == 200
    assert answer.json["receipts"] == [
        {
            "receipt_id": "R-1",
            "record_id": str(record.id),
            "version": 1,
            "answer": "taken",
            "status": 200,
            "record_status": "granted",
            "delivery": "rejected",
        }
    ]
    (event,) = deliveries.history(session, exam.receiver.id, record.id)
    assert (event.event, event.way, event.code, event.detail) == ("reject", "pull", "PHOTO_MISSING", "没有照片")


def test_the_same_receipt_again_is_answered_the_same_whatever_happened_meanwhile(
    client: FlaskClient, session: Session, office: Office, exam: Exam, record: EligibilityRecord
) -> None:
    first = send(client, exam, a_receipt(record)).json
    office.step(record, State.REVOKED, Why.FORGED_DATA)
    exam.push()
    assert send(client, exam, a_receipt(record)).json == first
    assert send(client, exam, a_receipt(record), a_receipt(record)).json["receipts"] == first["receipts"] * 2
    assert scalar(session, "SELECT count(*) FROM elearn.receipt") == 1


def test_a_number_that_was_given_to_another_receipt_is_a_conflict(
    client: FlaskClient, session: Session, exam: Exam, record: EligibilityRecord
) -> None:
    send(client, exam, a_receipt(record))
    (answer,) = send(client, exam, a_receipt(record, outcome="rejected", code="NO")).json["receipts"]
    assert (answer["answer"], answer["status"]) == ("conflict", 409)
    assert states_of(session, exam, record.id) == ["accepted"]


@pytest.mark.parametrize(
    ("what", "changes", "answer", "status"),
    [
        ("a record that nobody knows", {"record_id": str(uuid4())}, "unknown_record", 404),
        ("another version of it", {"version": 2}, "other_version", 409),
        ("a withdrawal that there was none of", {"outcome": "withdrawn"}, "not_withdrawn", 409),
    ],
)
def test_a_receipt_that_fits_nothing_is_told_so_and_the_others_are_taken(
    client: FlaskClient,
    session: Session,
    exam: Exam,
    record: EligibilityRecord,
    what: str,
    changes: dict[str, Any],
    answer: str,
    status: int,
) -> None:
    wrong, good = send(client, exam, a_receipt(record, receipt_id="R-0", **changes), a_receipt(record)).json["receipts"]
    assert (wrong["answer"], wrong["status"], good["answer"]) == (answer, status, "taken"), what
    assert send(client, exam, a_receipt(record, receipt_id="R-0", **changes)).json["receipts"] == [wrong]


def test_a_record_of_another_outline_is_as_unknown_as_none(
    client: FlaskClient, session: Session, exam: Exam, make_exam: MakeExam, record: EligibilityRecord
) -> None:
    make_exam(name="It is this one's")
    session.execute(
        sa.text("UPDATE elearn.receiver_outline SET outline_code = 'else' WHERE receiver_id = :r"),
        {"r": exam.receiver.id},
    )
    (answer,) = send(client, exam, a_receipt(record)).json["receipts"]
    assert answer["answer"] == "unknown_record"
    assert CODE not in str(answer)


def test_a_receipt_for_a_revoked_record_is_kept_and_the_answer_says_that_it_no_longer_holds(
    client: FlaskClient, session: Session, office: Office, exam: Exam, record: EligibilityRecord
) -> None:
    exam.push()
    office.step(record, State.REVOKED, Why.FORGED_DATA)
    exam.push()
    (answer,) = send(client, exam, a_receipt(record)).json["receipts"]
    assert (answer["answer"], answer["record_status"], answer["delivery"]) == ("taken", "revoked", "withdrawn")
    assert scalar(session, "SELECT count(*) FROM elearn.receipt") == 1


def test_a_withdrawal_is_confirmed_by_a_receipt(
    client: FlaskClient, session: Session, office: Office, exam: Exam, record: EligibilityRecord
) -> None:
    exam.push()
    office.step(record, State.REVOKED, Why.FORGED_DATA)
    exam.answer = lambda message: Away("the answer is lost")
    exam.push()
    assert states_of(session, exam, record.id) == ["withdrawal_failed"]
    (answer,) = send(client, exam, a_receipt(record, outcome="withdrawn")).json["receipts"]
    assert (answer["answer"], answer["delivery"]) == ("taken", "withdrawn")


@pytest.mark.parametrize("decided", [True, False])
def test_who_only_pulls_says_that_it_knows_of_a_withdrawal_too(
    client: FlaskClient, session: Session, office: Office, exam: Exam, record: EligibilityRecord, decided: bool
) -> None:
    if decided:
        send(client, exam, a_receipt(record))
    office.step(record, State.REVOKED, Why.FORGED_DATA)
    (answer,) = send(client, exam, a_receipt(record, receipt_id="R-2", outcome="withdrawn")).json["receipts"]
    assert (answer["answer"], answer["delivery"]) == ("taken", "withdrawn")


def test_two_receivers_decide_each_for_itself(
    client: FlaskClient, session: Session, make_exam: MakeExam, record: EligibilityRecord
) -> None:
    one, other = make_exam(name="One"), make_exam(name="Other")
    send(client, one, a_receipt(record))
    send(client, other, a_receipt(record, outcome="rejected", code="NOT_OURS"))
    assert states_of(session, one, record.id) == ["accepted"]
    assert states_of(session, other, record.id) == ["rejected"]


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "rejected"},
        {"outcome": "rejected", "code": "no code"},
        {"outcome": "maybe"},
        {"version": 0},
        {"version": "1"},
        {"record_id": "no id"},
        {"receipt_id": ""},
        {"receipt_id": "x" * 101},
        {"detail": "x" * 1001},
        {"more": 1},
    ],
)
def test_what_is_no_receipt_is_refused_as_a_whole(
    client: FlaskClient, session: Session, exam: Exam, record: EligibilityRecord, changes: dict[str, Any]
) -> None:
    answer = send(client, exam, a_receipt(record), a_receipt(record, **({"receipt_id": "R-2"} | changes)))
    assert (answer.status_code, answer.json["error"]) == (400, "malformed")
    assert scalar(session, "SELECT count(*) FROM elearn.receipt") == 0


def test_a_token_without_the_scope_gives_no_receipt(client: FlaskClient, exam: Exam, record: EligibilityRecord) -> None:
    headers = headers_of(client, exam, "changes.read")
    answer = client.post("/exam/v1/receipts", json={"receipts": [a_receipt(record)]}, headers=headers)
    assert answer.status_code == 403


def test_who_gave_which_receipts_is_written_down(
    client: FlaskClient, session: Session, exam: Exam, record: EligibilityRecord
) -> None:
    send(client, exam, a_receipt(record), a_receipt(record, receipt_id="R-2", record_id=str(uuid4())))
    kept = scalar(session, "SELECT records FROM elearn.exam_query WHERE door = 'receipts'")
    assert [str(one) for one in kept] == [str(record.id)]  # type: ignore[attr-defined]


def test_the_ledgers_say_what_the_rules_say(session: Session, office: Office, exam: Exam) -> None:
    """A state that stands in a row is the fold of the events up to it."""
    record = office.record(State.GRANTED)
    exam.push()
    office.step(record, State.REVOKED, Why.FORGED_DATA)
    exam.push()
    events = deliveries.history(session, exam.receiver.id, record.id)
    for count in range(1, len(events) + 1):
        folded = fold(Event(one.event) for one in events[:count])
        assert folded is not None
        assert folded.value == events[count - 1].state
    assert [one.step for one in events] == list(range(1, len(events) + 1))
