"""What the simulator believes and answers, against the product's real doors."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system import standing
from elearn.credit_export.exam_system.reconciling import compare, read_list
from elearn.credit_export.lifecycle import State, Why
from elearn.exam_sim.client import Answer, Forged, Unreachable
from elearn.webhooks import WebhookRefused
from tests.credit_export.exam_system.conftest import states_of
from tests.exam_sim.conftest import Office, Sim


def test_it_pulls_what_is_granted_decides_and_its_receipt_is_taken(session: Session, office: Office, sim: Sim) -> None:
    record = office.record(State.GRANTED)
    assert sim.simulator.pull() == 2
    assert sim.simulator.send_receipts() == 1
    assert sim.listed == [(1, "granted", "accepted")]
    assert sim.receipts[0]["answered"]["answer"] == "taken"
    assert states_of(session, sim.exam, record.id) == ["accepted"]
    assert (sim.simulator.pull(), sim.simulator.send_receipts()) == (0, 0)


def test_it_rejects_by_plan_and_accepts_when_it_thinks_again(session: Session, office: Office, sim: Sim) -> None:
    sim.plan(decisions=[{"do": "reject", "code": "PHOTO_MISSING", "detail": "没有照片"}])
    record = office.record(State.GRANTED)
    sim.push()
    sim.simulator.send_receipts()
    assert states_of(session, sim.exam, record.id) == ["rejected"]
    assert sim.simulator.decide_again(str(record.id))
    sim.simulator.send_receipts()
    assert states_of(session, sim.exam, record.id) == ["accepted"]
    assert sim.listed == [(1, "granted", "accepted")]


def test_a_push_that_comes_twice_is_one_decision(office: Office, sim: Sim) -> None:
    office.record(State.GRANTED)
    sim.push(times=3)
    assert sim.simulator.beliefs.messages()[0][2] == 3
    assert sim.new == [True, False, False]
    assert len(sim.receipts) == 1


def test_what_it_kept_though_its_answer_was_lost_is_one_decision(session: Session, office: Office, sim: Sim) -> None:
    record = office.record(State.GRANTED)
    sim.push(answer=False)
    sim.simulator.send_receipts()
    sim.exam.now += timedelta(minutes=5)
    sim.push()
    assert len(sim.receipts) == 1
    assert states_of(session, sim.exam, record.id) == ["accepted"]


def test_receipts_sent_twice_late_and_newest_first_come_to_the_same(session: Session, office: Office, sim: Sim) -> None:
    sim.plan(receipts={"times": 2, "after_s": 60, "newest_first": True})
    records = [office.record(State.GRANTED).id for _ in range(3)]
    sim.push()
    assert sim.simulator.send_receipts() == 0
    sim.exam.now += timedelta(seconds=60)
    assert [sim.simulator.send_receipts() for _ in range(3)] == [3, 3, 0]
    assert states_of(session, sim.exam, *records) == ["accepted"] * 3


def test_what_comes_late_does_not_undo_what_is_newer(office: Office, sim: Sim) -> None:
    record = office.record(State.GRANTED)
    late: list[tuple[dict[str, str], bytes]] = []
    sim.exam.post = lambda target, headers, body: late.append((headers, body)) or sim.take(target, headers, body)  # type: ignore[method-assign,func-returns-value]
    sim.exam.push()
    office.step(record, State.REVOKED, Why.FORGED_DATA)
    sim.exam.push()
    assert sim.listed == [(1, "withdrawn", "accepted")]
    sim.simulator.beliefs._base.execute("DELETE FROM message")
    (headers, body), _ = late
    assert sim.simulator.hear({name.lower(): value for name, value in headers.items()}, body)
    assert sim.listed == [(1, "withdrawn", "accepted")]


@pytest.mark.parametrize("pushed", [True, False])
def test_of_what_is_withdrawn_it_says_that_it_knows(session: Session, office: Office, sim: Sim, pushed: bool) -> None:
    record = office.record(State.GRANTED)
    hear = sim.push if pushed else sim.simulator.pull
    hear()
    office.step(record, State.REVOKED, Why.FORGED_DATA)
    hear()
    sim.simulator.send_receipts()
    assert [one["outcome"] for one in sim.receipts] == ["accepted", "withdrawn"]
    assert {one["answered"]["answer"] for one in sim.receipts} == {"taken"}
    assert states_of(session, sim.exam, record.id) == ["withdrawn"]


def test_a_reconciliation_finds_nothing_when_all_went_well_and_what_is_missing_when_not(
    session: Session, office: Office, sim: Sim
) -> None:
    first = office.record(State.GRANTED)
    office.record(State.GRANTED, before=first)
    revoked = office.record(State.GRANTED)
    sim.push()
    office.step(revoked, State.REVOKED, Why.FORGED_DATA)
    sim.push()
    sim.simulator.send_receipts()

    def found() -> list[str]:
        theirs = read_list(json.dumps({"records": sim.simulator.listed()}))
        return [one.finding.value for one in compare(standing.of_receiver(session, sim.exam.receiver.id), theirs)]

    assert found() == []
    sim.simulator.beliefs._base.execute("DELETE FROM record WHERE record_id = ?", (str(revoked.id),))
    missed = office.record(State.GRANTED)
    assert found() == ["missing_there", "missing_there"]
    sim.simulator.pull()
    assert found() == ["receipt_missing"], missed.id


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another record in the page", lambda a: dataclasses.replace(a, body=a.body.replace(b"granted", b"revoked"))),
        ("no signature", lambda a: dataclasses.replace(a, headers={})),
    ],
)
def test_a_page_that_was_changed_on_the_way_is_not_believed(
    office: Office, sim: Sim, what: str, change: object
) -> None:
    office.record(State.GRANTED)
    sim.doors.change = lambda path, answer: change(answer) if "changes" in path else answer  # type: ignore[operator]
    with pytest.raises(Forged):
        sim.simulator.pull()
    assert sim.listed == []


def test_a_page_of_another_cursor_is_not_believed(office: Office, sim: Sim) -> None:
    """An old page, well signed, shown again to hide what came after it."""
    office.record(State.GRANTED)
    pages: list[Answer] = []

    def keep(path: str, answer: Answer) -> Answer:
        if "changes" in path:
            pages.append(answer)
            return pages[0]
        return answer

    sim.doors.change = keep
    sim.simulator.pull()
    with pytest.raises(Forged):
        sim.simulator.pull()


def test_a_push_with_another_secret_is_not_heard(office: Office, sim: Sim) -> None:
    office.record(State.GRANTED)
    with pytest.raises(WebhookRefused):
        sim.simulator.hear({"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,"}, b"{}")
    sim.simulator._secret = lambda: ""
    with pytest.raises(Unreachable):
        sim.simulator.hear({}, b"{}")


def test_it_asks_about_one_person(office: Office, sim: Sim) -> None:
    person = {"document_kind": "resident_id", "document_number": "110101199003070134"}
    told = sim.simulator.client.check({"person": person, "category": office.outline.code})
    assert told["error"] in ("no_record", "malformed")


def test_trouble_is_shown_and_passes(office: Office, sim: Sim) -> None:
    office.record(State.GRANTED)
    sim.doors.change = lambda path, answer: dataclasses.replace(answer, headers={})
    sim.simulator.look()
    assert sim.simulator.state()["trouble"].startswith("Forged")
    sim.doors.change = lambda path, answer: answer
    sim.simulator.look()
    assert sim.simulator.state()["trouble"] == ""
