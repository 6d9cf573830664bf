"""Over HTTP: flag, case, two confirmations, void, hours fall, the exam system sees it, appeal, restored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.courses.models import Outline
from elearn.credit_export.exam_system.receivers import SCOPES, add_receiver
from elearn.credit_export.ledger_check import check_everything
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people.models import Account, Role
from elearn.tracking.signals import duties
from tests.builders_people import AT, a_person, an_account
from tests.builders_tracking import Watchable, a_player, a_watchable, pass_check
from tests.hours import credit_all
from tests.pages.conftest import Browser, text_of

WHY: dict[str, object] = {"reason": "Every check was answered before it can be read."}


@dataclass(slots=True)
class Office:
    """A learner who was flagged, the people around, and an exam system that reads along."""

    app: Flask
    session: Session
    there: Watchable
    player: ScriptedPlayer
    people: dict[str, Account]
    exam: dict[str, str]

    def browser(self, name: str) -> Browser:
        return Browser(self.app, self.session, self.people[name])

    def work(self) -> None:
        """What the worker does every few seconds and minutes."""
        self.player.wait(5_000)
        duties.look_at_the_active()
        credit_all(self.session)

    def told(self) -> list[int]:
        """The hours that the exam system's feed told of so far, in milliseconds."""
        told = self.app.test_client().get("/exam/v1/changes", headers=self.exam).json
        assert told is not None
        records = [one["record"] for one in told["changes"] if one["record"]["status"] == "computed"]
        return [one["hours"]["online_theory_ms"] for one in records]

    def open_case(self, name: str = "manager") -> str:
        """Open a case from the queue, as the page's form does; answers its address."""
        browser = self.browser(name)
        queue = browser.get("/review")
        answer = browser.post("/review/cases", fields(queue.text, "learner", "class"))
        assert answer.status_code == 303
        return answer.location

    def spans(self, case: str) -> list[str]:
        return values(self.browser("manager").get(case).text, "spans")

    def act(self, name: str, case: str, act: str, **form: Any) -> int:
        return self.browser(name).post(f"{case}/{act}", WHY | form).status_code

    def state(self, case: str) -> str:
        found = re.search(r'<span class="badge [^"]*">([^<]+)</span></header>', self.browser("auditor").get(case).text)
        assert found is not None
        return found[1]

    def void(self) -> str:
        case = self.open_case()
        assert self.act("manager", case, "propose", spans=self.spans(case)) == 303
        assert self.act("operator", case, "confirm") == 303
        self.work()
        return case

    def appeal(self, words: str = "I had heard the question before.") -> str:
        learner = self.browser("learner")
        answer = learner.post("/appeals/new", {"unit": str(self.there.unit_id), "statement": words})
        assert answer.status_code == 303, text_of(answer)
        queue = self.browser("second").get("/review?show=cases").text
        found = re.findall(r'href="(/review/cases/[^"]+)"', queue)
        return str(found[-1])


def values(page: str, name: str) -> list[str]:
    return [unescape(one) for one in re.findall(rf'name="{name}" value="([^"]*)"', page)]


def fields(page: str, *names: str) -> dict[str, object]:
    return {name: values(page, name)[0] for name in names}


@pytest.fixture
def office(app: Flask, session: Session, client: FlaskClient) -> Office:
    there = a_watchable(session)
    learner = an_account(session, person=a_person(session, name="李明"))
    from elearn.courses import classes

    classes.enrol(session, there.class_id, [learner.person_id], acting=[there.institution_id], at=AT)
    session.execute(
        sa.text("UPDATE elearn.organisation SET region = '530100' WHERE id = :id"), {"id": there.institution_id}
    )
    people = {
        "learner": learner,
        "manager": an_account(session, Role.INSTITUTION_MANAGER, organisation_id=there.institution_id),
        "colleague": an_account(session, Role.INSTITUTION_MANAGER, organisation_id=there.institution_id),
        "operator": an_account(session, Role.OPERATOR),
        "second": an_account(session, Role.OPERATOR),
        "officer": an_account(session, Role.REGULATOR_OFFICER, region="530000"),
        "clerk": an_account(session, Role.INSTITUTION_CLERK, organisation_id=there.institution_id),
        "auditor": an_account(session, Role.AUDITOR),
    }
    code = session.scalars(sa.select(Outline.code).where(Outline.id == there.outline_id)).one()
    receiver = add_receiver(session, name="Exam centre", outlines=[code], scopes=SCOPES, made_at=AT)
    session.commit()
    token = client.post(
        "/exam/v1/token", data={"grant_type": "client_credentials"}, auth=(receiver.client_id, receiver.secret)
    ).json
    assert token is not None
    player = a_player(app, session, learner.person_id)
    player.open(there.unit_id)
    player.play(60_000)
    pass_check(player)
    player.play(15_000)
    found = Office(app, session, there, player, people, {"Authorization": f"Bearer {token['access_token']}"})
    found.work()
    return found


def test_hours_are_taken_back_by_two_and_given_back_by_a_third(office: Office) -> None:
    assert office.told() == [60_000]
    queue = office.browser("manager").page("/review")
    assert "李明" in queue
    assert "Checks answered too fast" in queue

    case = office.open_case()
    page = text_of(office.browser("manager").get(case))
    assert "Answered after 0.0 s: before the question can be read." in page
    assert "named by a signal" in page

    assert office.act("manager", case, "propose", spans=office.spans(case)) == 303
    office.work()
    assert office.told() == [60_000]
    assert office.state(case) == "waits for a second person"

    assert office.act("officer", case, "confirm") == 303
    assert office.state(case) == "hours taken back"
    office.work()
    assert office.told() == [60_000, 0]
    assert check_everything(office.session) == []

    told = office.browser("learner").page(f"/appeals/new?unit={office.there.unit_id}")
    assert str(WHY["reason"]) in told
    appeal = office.appeal()
    assert "A person looks into it" in office.browser("learner").page("/appeals")
    assert office.act("second", appeal, "uphold", reason="The recording of the class shows it.") == 303
    office.work()
    assert office.told() == [60_000, 0, 60_000]
    answer = office.browser("learner").page("/appeals")
    assert "upheld: hours given back" in answer
    assert "The recording of the class shows it." in answer
    assert check_everything(office.session) == []


def test_flags_and_cases_alone_change_nothing(office: Office) -> None:
    case = office.open_case()
    office.work()
    assert office.act("operator", case, "dismiss") == 303
    office.work()
    assert office.told() == [60_000]
    assert office.state(case) == "nothing in it"
    assert "Nothing odd" in office.browser("manager").page("/review")


@pytest.mark.parametrize(
    ("who", "what", "status"),
    [
        ("manager", "one person twice", 403),
        ("colleague", "two of one side", 403),
        ("learner", "the learner", 403),
        ("clerk", "a clerk", 403),
        ("auditor", "an auditor", 403),
    ],
)
def test_who_may_not_confirm_does_not(office: Office, who: str, what: str, status: int) -> None:
    case = office.open_case()
    office.act("manager", case, "propose", spans=office.spans(case))
    assert office.act(who, case, "confirm") == status, what
    office.work()
    assert office.told() == [60_000]
    assert office.state(case) == "waits for a second person"


@pytest.mark.parametrize("who", ["learner", "clerk", "auditor"])
@pytest.mark.parametrize("act", ["propose", "object", "dismiss"])
def test_others_do_nothing_in_a_case(office: Office, who: str, act: str) -> None:
    case = office.open_case()
    assert office.act(who, case, act, spans=office.spans(case)) == 403
    assert office.state(case) == "to be decided"


def test_a_learner_who_also_works_for_the_operator_does_not_decide_about_own_hours(office: Office) -> None:
    from elearn.people import roles

    roles.grant_role(office.session, office.people["learner"].id, Role.OPERATOR, at=AT)
    office.session.commit()
    case = office.open_case()
    office.act("manager", case, "propose", spans=office.spans(case))
    assert office.act("learner", case, "confirm") == 403
    assert office.act("learner", case, "object") == 403


@pytest.mark.parametrize(("who", "status"), [("manager", 403), ("operator", 403), ("learner", 403), ("colleague", 303)])
def test_an_appeal_is_answered_by_somebody_who_had_no_part_in_it(office: Office, who: str, status: int) -> None:
    office.void()
    appeal = office.appeal()
    assert office.act(who, appeal, "uphold") == status
    office.work()
    assert office.told() == ([60_000, 0, 60_000] if status == 303 else [60_000, 0])


def test_without_reasons_nothing_happens_and_the_page_says_so(office: Office) -> None:
    case = office.open_case()
    browser = office.browser("manager")
    answer = browser.post(f"{case}/propose", WHY | {"reason": " ", "spans": office.spans(case)})
    assert answer.status_code == 422
    assert "Please give your reasons" in text_of(answer)
    answer = browser.post(f"{case}/propose", WHY)
    assert answer.status_code == 422
    assert "Choose the hours" in text_of(answer)
    assert office.state(case) == "to be decided"


@pytest.mark.parametrize("path", ["propose", "nonsense"])
def test_broken_forms_are_refused(office: Office, path: str) -> None:
    case = office.open_case()
    assert office.act("manager", case, path, spans=["x"]) == (400 if path == "propose" else 404)
    assert office.browser("manager").post("/review/cases", {"learner": ""}).status_code == 400
    assert office.browser("manager").get("/review?show=everything").status_code == 404


def test_the_same_step_twice_is_told_that_the_case_moved_on(office: Office) -> None:
    case = office.void()
    assert office.act("second", case, "confirm") == 303
    assert "moved on" in office.browser("second").page(case) or office.state(case) == "hours taken back"
    office.work()
    assert office.told() == [60_000, 0]


def test_an_appeal_needs_words_and_comes_once(office: Office) -> None:
    learner, unit = office.browser("learner"), str(office.there.unit_id)
    answer = learner.post("/appeals/new", {"unit": unit, "statement": "  "})
    assert answer.status_code == 422
    assert "1 to 2000" in text_of(answer)
    office.appeal()
    again = learner.post("/appeals/new", {"unit": unit, "statement": "And?"})
    assert "waits for its answer" in text_of(again)
    assert office.browser("clerk").get(f"/appeals/new?unit={unit}").status_code == 404


def test_an_officer_of_another_region_sees_nothing(office: Office) -> None:
    case = office.open_case()
    office.people["stranger"] = an_account(office.session, Role.REGULATOR_OFFICER, region="110000")
    office.session.commit()
    stranger = office.browser("stranger")
    assert "Nothing odd" in stranger.page("/review")
    assert stranger.get(case).status_code == 404
    assert office.act("stranger", case, "dismiss") == 404


def test_a_learners_page_shows_no_evidence_to_learn_from(office: Office) -> None:
    office.void()
    office.appeal()
    learner = office.browser("learner")
    assert learner.get("/review").status_code == 403
    for path in ("/appeals", f"/appeals/new?unit={office.there.unit_id}"):
        page = learner.page(path)
        assert "0.0 s" not in page
        assert "R8" not in page
