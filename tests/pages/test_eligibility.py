"""Pages of records: staff and officers take steps on them, learners see their own; wrong input has an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from elearn.credit_export.lifecycle import Act, State
from elearn.people import persons
from elearn.people.models import Account, Role
from tests.builders_people import an_account
from tests.conftest import ManualClock
from tests.credit_export.records.an_office import NOW, Office, an_office
from tests.pages.conftest import Browser, text_of


class Desk:
    """Browsers of everybody who may decide about one record; each signs in when first asked for."""

    def __init__(self, office: Office, browser: Callable[[Account | None], Browser], session: Session) -> None:
        self.office, self.browser, self.session = office, browser, session

    def _of(self, role: Role, *, region: str | None = None) -> Browser:
        account = an_account(self.session, role, organisation_id=self.office.institution_id, region=region)
        self.session.commit()
        return self.browser(account)

    @cached_property
    def clerk(self) -> Browser:
        return self._of(Role.INSTITUTION_CLERK)

    @cached_property
    def second_clerk(self) -> Browser:
        return self._of(Role.INSTITUTION_CLERK)

    @cached_property
    def manager(self) -> Browser:
        return self._of(Role.INSTITUTION_MANAGER)

    @cached_property
    def officer(self) -> Browser:
        return self._of(Role.REGULATOR_OFFICER, region="530000")

    @cached_property
    def auditor(self) -> Browser:
        return self._of(Role.AUDITOR)

    @cached_property
    def learner(self) -> Browser:
        account = an_account(self.session, person=self.office.learner.person)
        self.session.commit()
        return self.browser(account)

    @property
    def page(self) -> str:
        return f"/eligibility/{self.office.record().id}"


NOBODYS = "7ea42850-d999-474e-a66a-8c3d81c0a6f9"


@pytest.fixture
def desk(browser: Callable[[Account | None], Browser], session: Session, clock: ManualClock) -> Desk:
    clock.now = NOW
    made = an_office(session)
    made.record()
    return Desk(made, browser, session)


def once_in(page: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_record_goes_over_the_pages_to_the_grant(desk: Desk) -> None:
    assert "To do 1" in desk.clerk.page("/eligibility")
    assert desk.clerk.post(f"{desk.page}/submit").status_code == 303
    assert "submitted" in desk.clerk.page(desk.page)
    assert "Somebody else has to take this step" in text_of(
        desk.clerk.get(desk.clerk.post(f"{desk.page}/check").location)
    )
    desk.second_clerk.post(f"{desk.page}/check")
    assert "To do 1" in desk.officer.page("/eligibility")
    desk.officer.post(f"{desk.page}/verify")
    assert desk.office.state() is State.GRANTED
    assert "Granted 1" in desk.auditor.page("/eligibility?show=granted")
    page = desk.auditor.page(desk.page)
    assert "verified for the regulator" in page
    assert "Revoke" not in page


def test_several_records_of_a_list_go_at_once_each_decided_on_its_own(desk: Desk) -> None:
    record_id = str(desk.office.record().id)
    sent = desk.clerk.post("/eligibility/steps", {"act": "submit", "records": [record_id, str(uuid4())]})
    told = desk.clerk.page(sent.location)
    assert "1 done: submitted." in told
    assert "1 not: There is no such record." in told
    assert desk.office.state() is State.SUBMITTED


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"act": "submit"}, 303),
        ({"act": "revoke", "records": "x"}, 400),
        ({"act": "revoke", "records": []}, 400),
        ({"act": "invented"}, 400),
        ({"act": "submit", "records": "no-id"}, 400),
        ({"act": "submit", "records": [str(uuid4()) for _ in range(31)]}, 400),
    ],
)
def test_a_list_that_no_page_of_ours_sends_is_refused(desk: Desk, form: dict[str, object], status: int) -> None:
    assert desk.clerk.post("/eligibility/steps", form).status_code == status
    assert desk.office.state() is State.COMPUTED


def test_the_same_form_sent_twice_acts_once_and_says_nothing_of_trouble(desk: Desk) -> None:
    mark: dict[str, object] = {"once": once_in(desk.clerk.get(desk.page).text)}
    desk.clerk.post(f"{desk.page}/submit", mark)
    again = desk.clerk.post(f"{desk.page}/submit", mark)
    assert again.status_code == 303
    assert "moved on" not in desk.clerk.page(again.location)


def test_two_people_of_two_sides_suspend_and_the_learner_reads_why(desk: Desk) -> None:
    desk.office.granted()
    desk.office.session.commit()
    reasons: dict[str, object] = {"reason": "UNDER_REVIEW", "note": "两门课同时在看"}
    assert desk.officer.post(f"{desk.page}/suspend", reasons).status_code == 303
    page = desk.officer.page(desk.page)
    assert "Proposed: Suspend" in page
    assert desk.office.state() is State.GRANTED
    action = re.search(r'action="([^"]*proposals[^"]*)"', desk.manager.get(desk.page).text)
    assert action is not None
    same = desk.officer.post(action[1], {"answer": "confirm"})
    assert "two people look" in desk.officer.page(same.location)
    desk.manager.post(action[1], {"answer": "confirm"})
    assert desk.office.state() is State.SUSPENDED
    outline = desk.office.record().outline_id
    assert "suspended" in desk.learner.page("/hours")
    own = desk.learner.page(f"/hours/{outline}")
    assert "两门课同时在看" in own
    assert "under review" in own


def test_an_objection_wants_words_and_is_kept(desk: Desk) -> None:
    desk.office.granted()
    desk.office.session.commit()
    desk.officer.post(f"{desk.page}/revoke", {"reason": "FORGED_DATA", "note": "stamp looks odd"})
    action = re.search(r'action="([^"]*proposals[^"]*)"', desk.manager.get(desk.page).text)
    assert action is not None
    wordless = desk.manager.post(action[1], {"answer": "object", "note": ""})
    assert wordless.status_code == 422
    assert "1 to 2000 characters" in text_of(wordless)
    desk.manager.post(action[1], {"answer": "object", "note": "it is ours"})
    page = desk.auditor.page(desk.page)
    assert "Proposed and not done" in page
    assert "it is ours" in page
    assert desk.office.state() is State.GRANTED


@pytest.mark.parametrize(
    ("what", "path", "form", "status"),
    [
        ("no words", "revoke", {"reason": "FORGED_DATA", "note": ""}, 422),
        ("too many", "revoke", {"reason": "FORGED_DATA", "note": "x" * 2001}, 422),
        ("no reason", "revoke", {"reason": "", "note": "x"}, 422),
        ("a reason of another act", "revoke", {"reason": "REVIEW_ENDED", "note": "x"}, 422),
        ("an act that is none", "consume", {}, 404),
        ("an act of the platform", "supersede", {"reason": "HOURS_CHANGED"}, 303),
        ("an answer that is none", f"proposals/{NOBODYS}", {"answer": "perhaps"}, 400),
        ("an answer to nothing", f"proposals/{NOBODYS}", {"answer": "confirm"}, 303),
    ],
)
def test_every_wrong_input_has_an_answer(
    desk: Desk, what: str, path: str, form: dict[str, object], status: int
) -> None:
    desk.office.granted()
    desk.office.session.commit()
    assert desk.officer.post(f"{desk.page}/{path}", form).status_code == status, what
    assert desk.office.state() is State.GRANTED


def test_a_record_that_changed_in_the_meantime_is_shown_and_not_acted_on(desk: Desk) -> None:
    seen = desk.page
    desk.office.earn(60_000)
    desk.office.session.commit()
    answer = desk.clerk.post(f"{seen}/submit")
    told = desk.clerk.page(answer.location)
    assert "changed in the meantime" in told
    assert "There is a newer version; this page shows it." in told
    assert desk.office.state() is State.COMPUTED


def test_whoever_has_no_say_finds_no_record(
    desk: Desk, session: Session, browser: Callable[[Account | None], Browser]
) -> None:
    far = an_account(session, Role.REGULATOR_OFFICER, region="440000")
    session.commit()
    stranger = browser(far)
    assert stranger.get(desk.page).status_code == 404
    assert stranger.post(f"{desk.page}/verify").status_code == 404
    assert "To do 0" in stranger.page("/eligibility")
    assert desk.learner.get(desk.page).status_code == 403
    assert desk.auditor.post(f"{desk.page}/submit").status_code == 403
    assert desk.clerk.get(f"/eligibility/{uuid4()}").status_code == 404
    assert desk.learner.get(f"/hours/{uuid4()}").status_code == 404
    assert desk.clerk.get(f"/hours/{desk.office.record().outline_id}").status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("show=everything", 404),
        ("outline=no-id", 400),
        (f"outline={NOBODYS}", 200),
        ("search=%00%25'", 200),
        ("page=99999999999999999999", 200),
        ("page=-1", 200),
        (f"search={'x' * 5000}", 200),
    ],
)
def test_a_list_is_narrowed_by_anything_that_is_typed(desk: Desk, query: str, status: int) -> None:
    assert desk.clerk.get(f"/eligibility?{query}").status_code == status


def test_a_list_finds_by_name_and_says_when_there_is_nobody(desk: Desk) -> None:
    name = desk.office.learner.person.name
    assert name in desk.clerk.page(f"/eligibility?search={name}")
    assert "Nobody of this name." in desk.clerk.page("/eligibility?search=nobody")
    assert Act.SUBMIT.value in desk.clerk.get("/eligibility").text


def test_the_learner_reads_what_the_state_means_and_no_name_of_staff(desk: Desk) -> None:
    desk.clerk.post(f"{desk.page}/submit")
    page = desk.learner.page(f"/hours/{desk.office.record().outline_id}")
    assert "Your institution checks the record." in page
    assert "张三 + " not in page


def test_what_was_sent_back_says_why_and_may_be_submitted_again(desk: Desk) -> None:
    desk.clerk.post(f"{desk.page}/submit")
    desk.second_clerk.post(f"{desk.page}/return", {"reason": "DATA_WRONG", "note": "证件照片不清"})
    page = desk.clerk.page(desk.page)
    assert "sent it back: data are wrong 证件照片不清" in page
    desk.clerk.post(f"{desk.page}/submit")
    assert desk.office.state() is State.SUBMITTED


def test_the_record_of_somebody_who_was_erased_is_still_there_and_names_nobody(desk: Desk, session: Session) -> None:
    page = desk.page
    name = desk.office.learner.person.name
    persons.erase_person(session, desk.office.learner.person.id, at=NOW)
    session.commit()
    for path in (page, "/eligibility?show=short", "/eligibility?show=under_way"):
        answer = desk.auditor.get(path)
        assert answer.status_code == 200
        assert name not in text_of(answer)
