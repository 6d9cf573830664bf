"""Pages of what two people state: a whole story, every wrong form, both languages, nobody sees another's."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.findings.models import Finding
from elearn.credit_export.lifecycle import State
from elearn.people.models import Account, Role
from elearn.tracking.signals.models import ReviewCase
from tests.builders_people import an_account
from tests.conftest import ManualClock
from tests.credit_export.records.an_office import NOW, an_office, take_back
from tests.pages.conftest import Browser, text_of
from tests.pages.test_eligibility import NOBODYS, Desk, once_in

CERTIFICATE: dict[str, object] = {
    "kind": "skill_certificate",
    "paper": "电工 三级", "number": "S000123456789", "from_on": "2026-07-01", "note": "原件",
}  # fmt: skip


def short_of_hours(browser: Callable[[Account | None], Browser], session: Session) -> Desk:
    """A desk about somebody who was never on site."""
    office = an_office(session)
    assert office.on_site is not None
    take_back(session, office.on_site)
    office.record()
    return Desk(office, browser, session)


@pytest.fixture
def desk(browser: Callable[[Account | None], Browser], session: Session, clock: ManualClock) -> Desk:
    clock.now = NOW
    return short_of_hours(browser, session)


def operator(desk: Desk) -> Browser:
    account = an_account(desk.session, Role.OPERATOR)
    desk.session.commit()
    return desk.browser(account)


def stated(desk: Desk, by: Browser | None = None, **more: object) -> str:
    """The address of what a clerk stated."""
    form = CERTIFICATE | {"record": str(desk.office.record().id)} | more
    answer = (by or desk.clerk).post("/findings/new", form)
    assert answer.status_code == 303, text_of(answer)
    return str(answer.location)


def test_a_certificate_goes_over_the_pages_and_excuses_from_training(desk: Desk) -> None:
    assert "State something" in desk.clerk.page(desk.page)
    assert "Holds a skill certificate" in desk.clerk.page(f"/findings/new?record={desk.office.record().id}")
    address = stated(desk)
    page = desk.clerk.page(address)
    assert "It waits for somebody of another side." in page
    assert "•••••••••6789" in page
    assert "S000123456789" not in page
    assert "You stated it: somebody else has to confirm." in page
    assert "Wait for a second person 1" in desk.officer.page("/findings")
    sent = desk.officer.post(f"{address}/answer", {"answer": "confirm", "note": ""})
    assert "holds" in desk.officer.page(sent.location)
    record = desk.office.record()
    assert record.outcome == "eligible_exempt"
    assert "skill certificate: 电工 三级" in desk.auditor.page(f"/eligibility/{record.id}")
    assert "Answered 1" in desk.auditor.page("/findings?show=answered")


SHOWN = [
    ("a diploma", {"kind": "education", "level": "college"}, "Education level college"),
    ("a health certificate", {"kind": "health_certificate", "to_on": "2027-06-30"}, "Until Jun 30, 2027"),
    ("training anew", {"kind": "train_again"}, "Has to be trained again"),
]


@pytest.mark.parametrize(("what", "form", "said"), SHOWN, ids=[row[0] for row in SHOWN])
def test_what_is_asked_beside_training_goes_over_the_same_pages(
    desk: Desk, what: str, form: dict[str, object], said: str
) -> None:
    address = stated(desk, None, **form)
    assert said in desk.officer.page(address), what
    sent = desk.officer.post(f"{address}/answer", {"answer": "confirm", "note": ""})
    assert "holds" in desk.officer.page(sent.location)
    assert desk.session.scalar(sa.select(Finding.outline_code)) == ("short" if "train_again" in form.values() else None)


def test_a_day_of_birth_is_asked_for_where_no_document_says_it(desk: Desk) -> None:
    new = f"/findings/new?record={desk.office.record().id}"
    assert "Day of birth" not in desk.clerk.page(new)
    desk.office.learner.person.born_on = None
    desk.session.commit()
    assert "Day of birth" in desk.clerk.page(new)
    form = CERTIFICATE | {"kind": "born_on", "record": str(desk.office.record().id)}
    assert "Please fill this in." in text_of(desk.clerk.post("/findings/new", form | {"from_on": ""}))
    assert "no possible day of birth" in text_of(desk.clerk.post("/findings/new", form | {"from_on": "2030-01-01"}))
    assert "Day of birth Mar 8, 1990" in desk.clerk.page(stated(desk, kind="born_on", from_on="1990-03-08"))


def test_ending_it_takes_two_people_too(desk: Desk) -> None:
    address = stated(desk)
    desk.officer.post(f"{address}/answer", {"answer": "confirm"})
    end = desk.officer.post(f"{address}/end", {"from_on": "2026-07-02", "note": "过期"})
    assert end.status_code == 303
    page = desk.officer.page(end.location)
    assert "No longer: Holds a skill certificate" in page
    assert "waits for a second person" in desk.officer.page(address)
    assert operator(desk).post(f"{end.location}/answer", {"answer": "confirm"}).status_code == 303
    assert desk.office.record().outcome == "eligible_exempt", "from tomorrow on"


WRONG = [
    ("no paper", {"paper": ""}, 422, "Please fill this in."),
    ("no number", {"number": " "}, 422, "Please fill this in."),
    ("a number too short", {"number": "1"}, 422, "4 to 100 characters"),
    ("no words", {"note": "  "}, 422, "1 to 2000 characters"),
    ("words of another world", {"note": "a\0b"}, 422, "1 to 2000 characters"),
    ("a day that is none", {"from_on": "soon"}, 422, "A date has the form"),
    ("a last day before the first", {"to_on": "2026-06-30"}, 422, "The last day is before the first."),
    ("a diploma of nothing", {"kind": "education"}, 422, "Please say which education"),
    ("a diploma of something else", {"kind": "education", "level": "wizard"}, 400, "out of date"),
    ("health for ever", {"kind": "health_certificate"}, 422, "A health certificate has a last day."),
    ("a kind that is none", {"kind": "invented"}, 400, "out of date"),
    ("a kind of other people's office", {"kind": "blacklisted"}, 400, "out of date"),
    ("a record that is no id", {"record": "x"}, 400, "out of date"),
    ("a record of nobody", {"record": NOBODYS}, 404, "no such record"),
    ("no record", {"record": ""}, 404, "nothing at this address"),
]


@pytest.mark.parametrize(("what", "form", "status", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_form_has_an_answer_and_nothing_is_half_done(
    desk: Desk, what: str, form: dict[str, object], status: int, said: str
) -> None:
    sent = desk.clerk.post("/findings/new", CERTIFICATE | {"record": str(desk.office.record().id)} | form)
    assert sent.status_code == status, what
    assert said in text_of(sent)
    assert desk.session.scalar(sa.select(sa.func.count()).select_from(Finding)) == 0


def test_wrong_answers_are_said_and_nothing_is_decided(desk: Desk) -> None:
    address = stated(desk)
    assert desk.officer.post(f"{address}/answer", {"answer": "perhaps"}).status_code == 400
    assert desk.officer.post(f"{address}/answer", {"answer": "object", "note": ""}).status_code == 422
    same = desk.clerk.post(f"{address}/answer", {"answer": "confirm"})
    assert "Somebody else has to confirm what you stated." in desk.clerk.page(same.location)
    assert desk.officer.post(f"/findings/{uuid4()}/answer", {"answer": "confirm"}).status_code == 404
    early = desk.officer.post(f"{address}/end", {"from_on": "2026-07-02", "note": "x"})
    assert "has changed in the meantime" in desk.officer.page(early.location)
    assert desk.officer.post(f"{address}/end", {"from_on": "1", "note": "x"}).status_code == 422
    assert desk.officer.get("/findings?show=invented").status_code == 404


def test_the_same_form_sent_twice_states_it_once(desk: Desk) -> None:
    record_id = str(desk.office.record().id)
    mark = {"once": once_in(desk.clerk.get(f"/findings/new?record={record_id}").text)}
    for _ in range(2):
        assert desk.clerk.post("/findings/new", CERTIFICATE | {"record": record_id} | mark).status_code == 303
    assert desk.session.scalar(sa.select(sa.func.count()).select_from(Finding)) == 1


def test_an_institution_is_suspended_by_an_officer_and_an_operator(desk: Desk) -> None:
    form: dict[str, object] = {"kind": "institution_suspended", "from_on": "", "note": "整改"}
    assert desk.clerk.get("/findings/new").status_code == 404
    assert "Please fill this in." in text_of(desk.officer.post("/findings/new", form))
    sent = desk.officer.post("/findings/new", form | {"institution": str(desk.office.institution_id)})
    assert sent.status_code == 303
    assert desk.manager.get(sent.location).status_code == 404, "an institution has no say in it"
    operator(desk).post(f"{sent.location}/answer", {"answer": "confirm"})
    assert "the institution is suspended" in desk.officer.page(desk.page)
    assert "Your institution is suspended" in desk.learner.page(f"/hours/{desk.office.record().outline_id}")


def test_learners_and_strangers_see_no_findings(desk: Desk, browser: Callable[[Account | None], Browser]) -> None:
    address = stated(desk)
    assert desk.learner.get("/findings").status_code == 403
    assert desk.learner.get(address).status_code == 403
    account = an_account(
        desk.session, Role.INSTITUTION_MANAGER, organisation_id=desk.office.stranger.grants[0].organisation_id
    )
    desk.session.commit()
    stranger = browser(account)
    assert stranger.get(address).status_code == 404
    assert "Wait for a second person 0" in stranger.page("/findings")
    assert desk.auditor.get(address).status_code == 200
    assert desk.auditor.post(f"{address}/answer", {"answer": "confirm"}).status_code == 403


def test_officer_and_learner_read_what_holds_a_record_back(
    browser: Callable[[Account | None], Browser], session: Session, clock: ManualClock
) -> None:
    clock.now = NOW
    office = an_office(session)
    desk = Desk(office, browser, session)
    session.add(
        ReviewCase(
            kind="flags",
            learner_id=office.learner.person.id,
            class_id=office.learner.class_id,
            opened_by=office.officer.person_id,
            opened_at=NOW,
        )
    )
    session.flush()
    office.granted()
    session.commit()
    assert office.state() is State.REGULATOR_VERIFIED
    assert "Held back: a case of review or an appeal" in desk.officer.page(desk.page)
    page = desk.officer.page(desk.page)
    assert "This region lets nobody grant it meanwhile." in page
    learner = desk.learner.page(f"/hours/{office.record().outline_id}")
    assert "Your hours are being looked at" in learner


def test_the_pages_speak_chinese(desk: Desk) -> None:
    address = stated(desk)
    for path, said in (
        ("/findings", "双人认定"),
        (address, "等待第二人确认"),
        (f"/findings/new?record={desk.office.record().id}", "持有职业技能等级证书"),
    ):
        page = desk.officer.page(f"{path}{'&' if '?' in path else '?'}lang=zh")
        assert said in page
