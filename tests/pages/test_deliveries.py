"""An operator's page of one exam system: pushes, dead letters, reconciliation, giving a record to another one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system import deliveries
from elearn.credit_export.exam_system.push_rules import Refused
from elearn.credit_export.exam_system.receivers import SCOPES, add_receiver
from elearn.credit_export.lifecycle import State
from tests.credit_export.exam_system.conftest import AT, CODE, Exam, MakeExam, Office, exam, make_exam, office
from tests.pages.conftest import Browser, World, text_of

__all__ = ["exam", "make_exam", "office"]

Open = Callable[..., Browser]


def listed(*records: dict[str, object]) -> dict[str, object]:
    return {"list": (io.BytesIO(json.dumps(list(records)).encode()), "list.json")}


def test_where_a_receiver_is_pushed_to_is_set_and_its_secret_shown_once(
    browser: Open, world: World, session: Session, office: Office, exam: Exam
) -> None:
    fresh = add_receiver(session, name="Fresh", outlines=[CODE], scopes=SCOPES, made_at=AT)
    session.commit()
    desk = browser(world.operator)
    assert "Nothing is pushed to it." in desk.page(f"/receivers/{fresh.client_id}")
    where = f"/receivers/{fresh.client_id}/push"
    assert desk.post(where, {"url": "http://exam.example/hook", "takes": "granted"}).status_code == 422
    shown = desk.post(where, {"url": "https://exam.example/hook", "takes": "granted"})
    assert shown.status_code == 200
    assert "whsec_" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    page = desk.page(f"/receivers/{fresh.client_id}")
    assert "https://exam.example/hook" in page
    assert "whsec_" not in page
    assert desk.post(where, {"url": "https://exam.example/other", "takes": "everything"}).status_code == 303
    assert "Every step" in desk.page(f"/receivers/{fresh.client_id}")


def test_a_dead_letter_says_why_and_is_sent_again(
    browser: Open, world: World, session: Session, office: Office, exam: Exam
) -> None:
    exam.answer = lambda message: Refused("422 photo is missing", 422)
    record = office.record(State.GRANTED)
    exam.push()
    desk = browser(world.operator)
    page = desk.page(f"/receivers/{exam.who.client_id}")
    assert "422 photo is missing" in page
    assert str(record.id) in page
    assert desk.post(f"/receivers/{exam.who.client_id}/push/again").status_code == 303
    assert "422 photo is missing" not in desk.page(f"/receivers/{exam.who.client_id}")
    states = deliveries.states(session, exam.receiver.id, [record.id])
    assert states == {record.id: "queued"}


def test_pushes_are_paused_and_resumed(browser: Open, world: World, exam: Exam) -> None:
    desk = browser(world.operator)
    where = f"/receivers/{exam.who.client_id}/push/state"
    desk.post(where, {"state": "paused"})
    assert "Paused: nothing is sent." in desk.page(f"/receivers/{exam.who.client_id}")
    desk.post(where, {"state": "active"})
    assert "Paused: nothing is sent." not in desk.page(f"/receivers/{exam.who.client_id}")


def test_its_own_list_is_compared_with_ours(browser: Open, world: World, office: Office, exam: Exam) -> None:
    record = office.record(State.GRANTED)
    exam.push()
    desk = browser(world.operator)
    where = f"/receivers/{exam.who.client_id}/reconcile"
    assert "The exam system does not have it." in text_of(desk.post(where, listed()))
    entry = {"record_id": str(record.id), "version": 1, "status": "granted", "outcome": None}
    assert "No differences: 1 records here, 1 there." in text_of(desk.post(where, listed(entry)))
    wrong = desk.post(where, {"list": (io.BytesIO(b"no list"), "list.json")})
    assert wrong.status_code == 422
    assert "Choose the file that the exam system has made" in wrong.text


def test_a_record_s_way_is_shown_and_it_is_given_to_another(
    browser: Open, world: World, session: Session, office: Office, exam: Exam, make_exam: MakeExam
) -> None:
    other = make_exam(name="Other centre")
    record = office.record(State.GRANTED)
    exam.push()
    desk = browser(world.operator)
    where = f"/receivers/{exam.who.client_id}/records/{record.id}"
    assert "Arrived" in desk.page(where)
    assert desk.post(where, {"to": "exam-nobody"}).status_code == 422
    assert desk.post(where, {"to": other.who.client_id}).status_code == 303
    assert "Given to another" in desk.page(where)


def test_an_auditor_looks_and_changes_nothing(
    browser: Open, world: World, session: Session, office: Office, exam: Exam, make_exam: MakeExam
) -> None:
    other = make_exam(name="Other centre")
    record = office.record(State.GRANTED)
    exam.push()
    auditor = browser(world.auditor)
    base = f"/receivers/{exam.who.client_id}"
    assert "Push to it" not in auditor.page(base)
    assert "Pause" not in auditor.page(base)
    ways: tuple[tuple[str, dict[str, object]], ...] = (
        ("/push", {"url": "https://exam.example/hook", "takes": "granted"}),
        ("/push/state", {"state": "paused"}),
        ("/push/again", {}),
        ("/reconcile", {}),
        (f"/records/{record.id}", {"to": other.who.client_id}),
    )
    for path, fields in ways:
        assert auditor.post(base + path, fields).status_code == 403
    assert deliveries.states(session, exam.receiver.id, [record.id]) == {record.id: "acknowledged"}


@pytest.mark.parametrize("who", ["manager", "clerk", "worker"])
def test_others_see_nothing_of_it(browser: Open, world: World, exam: Exam, who: str) -> None:
    one = browser(world.account(who))
    assert one.get(f"/receivers/{exam.who.client_id}").status_code == 403


def test_names_and_numbers_of_people_do_not_stand_there(
    browser: Open, world: World, office: Office, exam: Exam
) -> None:
    office.record(State.GRANTED)
    exam.push()
    assert "张三" not in browser(world.operator).page(f"/receivers/{exam.who.client_id}")
