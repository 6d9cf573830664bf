"""A learner's tests: the door that a phone talks to, results, the wrong-question book, a manager's blueprints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.models import CourseTest, TestAttempt, TestBlueprint
from elearn.courses.papers.tests import Policy
from elearn.courses.questions.kinds import Blank, Content, Fill, Single
from elearn.people.models import Account
from tests.builders_questions import (
    TestingSchool,
    a_statement,
    a_test,
    a_testing_school,
    asked,
    one_of_each,
    options,
)
from tests.conftest import ManualClock
from tests.pages.conftest import Browser, text_of

Browsers = Callable[[Account | None], Browser]
HOUR_MS = 3_600_000


@pytest.fixture
def school(session: Session) -> TestingSchool:
    made = a_testing_school(session)
    for content in one_of_each():
        asked(session, made, content)
    return made


def config_of(page: TestResponse) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="test-config">(.*?)</script>', page.text, re.DOTALL)
    assert found is not None
    read: dict[str, object] = json.loads(found[1])
    return read


def begin(visitor: Browser, test: CourseTest) -> str:
    """The address of the attempt."""
    answer = visitor.post(f"/tests/{test.id}/begin")
    assert answer.status_code == 303
    return answer.headers["Location"]


def send(visitor: Browser, address: str, what: str, body: object, status: int = 200) -> dict[str, object]:
    visitor._forget()
    answer = visitor.client.post(
        f"{address}/{what}",
        data=body if isinstance(body, bytes) else json.dumps(body),
        headers={"X-CSRFToken": visitor.token, "Content-Type": "application/json", "Accept-Language": "en"},
    )
    assert answer.status_code == status, answer.text
    read: dict[str, object] = answer.get_json()
    return read


def test_no_right_answer_reaches_the_browser_before_the_attempt_is_over(session: Session, browser: Browsers) -> None:
    """Marks that stand only in keys and explanations are in no byte of the page or of the door's answers."""
    school = a_testing_school(session)
    contents: list[Content] = [
        Fill(
            stem="填 ____", blanks=(Blank(texts=("RIGHTTEXT",), ranges=(("41.417", "42.419"),)),), explanation="WHY-1"
        ),
        Single(stem="选", options=options("甲", "乙"), correct=1, explanation="WHY-2"),
        a_statement("判断"),
    ]
    for content in contents:
        asked(session, school, content)
    test, _ = a_test(session, school, [Section(3, 1000)])
    session.commit()
    visitor = browser(school.learner)
    address = begin(visitor, test)
    page = visitor.get(address)
    saved = send(visitor, address, "answers", {"answers": [{"place": 0, "n": 1, "answer": None}]})
    seen = unescape(page.text) + json.dumps(saved)
    assert not re.search(r"RIGHTTEXT|41\.417|42\.419|WHY-|correct|explanation|seed|digest", seen)
    config = config_of(page)
    questions = config["questions"]
    assert isinstance(questions, list)
    assert {key for one in questions for key in one} == {"kind", "stem", "options", "blanks", "points_milli"}
    assert set(config) == {
        "attempt", "csrf", "now_ms", "deadline_ms", "grace_ms", "questions", "saved", "urls", "texts",
    }  # fmt: skip
    [attempt] = session.scalars(sa.select(TestAttempt)).all()
    assert attempt.seed.hex() not in seen
    assert str(attempt.versions[0]) not in seen


def test_a_phone_saves_loses_the_network_comes_back_and_hands_in(
    session: Session, school: TestingSchool, browser: Browsers, clock: ManualClock
) -> None:
    test, _ = a_test(session, school, [Section(6, 1000)])
    session.commit()
    visitor = browser(school.learner)
    assert "结业测验" in visitor.page("/tests")
    address = begin(visitor, test)
    assert begin(visitor, test) == address
    config = config_of(visitor.get(address))
    questions = config["questions"]
    assert isinstance(questions, list)
    place = next(index for index, one in enumerate(questions) if one["kind"] == "fill")
    given = {"answers": [{"place": place, "n": 7, "answer": ["断电", "36"]}]}
    assert send(visitor, address, "answers", given)["kept"] == {str(place): 7}
    assert send(visitor, address, "answers", given)["kept"] == {str(place): 7}
    # The page comes again, on another phone: what was saved stands in it.
    again = config_of(browser(school.learner).get(address))
    assert again["saved"] == [{"place": place, "n": 7, "answer": ["断电", "36"]}]
    done = send(visitor, address, "submit", {"answers": []})
    assert done == {"closed": True, "result": address}
    assert send(visitor, address, "submit", {"answers": [{"place": place, "n": 9, "answer": None}]}) == done
    assert send(visitor, address, "answers", given, 409)["error"] == "attempt_closed"
    result = visitor.page(address)
    assert "1 of 6 points" in result
    assert "in 10 min" in result
    assert "断电" not in result
    visitor.post(f"/tests/{test.id}/begin")
    assert "The next try may begin in 10 min." in visitor.page("/tests")
    clock.advance(600_000)
    later = visitor.page(address)
    assert later.count("You answered") == 5


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "does not have the form"),
        ({}, "does not have the form"),
        ({"answers": [{"place": "0", "n": 1}]}, "does not have the form"),
        ({"answers": [{"place": 0, "n": 1, "answer": 1, "correct": 1}]}, "does not have the form"),
        ({"answers": [{"place": 99, "n": 1, "answer": 1}]}, "not an answer to that question"),
        ({"answers": [{"place": 0, "n": 0, "answer": None}]}, "not an answer to that question"),
        ({"answers": [{"place": 0, "n": 1, "answer": {"a": 1}}]}, "not an answer to that question"),
        ({"answers": [{"place": 0, "n": 1, "answer": 10**30}]}, "not"),
    ],
)
@pytest.mark.parametrize("what", ["answers", "submit"])
def test_a_malformed_message_is_refused_and_keeps_nothing(
    what: str, body: object, said: str, session: Session, school: TestingSchool, browser: Browsers
) -> None:
    test, _ = a_test(session, school, [Section(6, 1000)])
    session.commit()
    visitor = browser(school.learner)
    address = begin(visitor, test)
    assert said in str(send(visitor, address, what, body, 400)["detail"])
    assert config_of(visitor.get(address))["saved"] == []


def test_time_runs_out_by_the_servers_clock(
    session: Session, school: TestingSchool, browser: Browsers, clock: ManualClock
) -> None:
    test, _ = a_test(session, school, [Section(6, 1000)])
    session.commit()
    visitor = browser(school.learner)
    address = begin(visitor, test)
    clock.advance(HOUR_MS + 31_000)
    assert send(visitor, address, "answers", {"answers": []}, 409)["error"] == "attempt_closed"
    assert "Time ran out" in visitor.page(address)


def test_whoever_is_not_concerned_finds_nothing(session: Session, school: TestingSchool, browser: Browsers) -> None:
    other = a_testing_school(session)
    test, _ = a_test(session, school)
    session.commit()
    owner, stranger = browser(school.learner), browser(other.learner)
    address = begin(owner, test)
    assert stranger.post(f"/tests/{test.id}/begin").status_code == 404
    assert stranger.get(address).status_code == 404
    assert send(stranger, address, "answers", {"answers": []}, 404)["error"] == "not_found"
    assert send(stranger, address, "submit", {"answers": []}, 404)["error"] == "not_found"
    assert browser(other.writer).get(f"/teaching/tests/{test.id}").status_code == 404
    assert browser(school.learner).get(f"/teaching/tests/{test.id}").status_code == 403
    assert browser(None).get("/tests").status_code == 303


def test_the_book_is_practised_question_by_question(session: Session, browser: Browsers, clock: ManualClock) -> None:
    school = a_testing_school(session)
    for content in one_of_each():
        asked(session, school, content)
    test, _ = a_test(session, school, [Section(6, 1000)], policy=Policy(wait_s=0, shows_answers=True))
    session.commit()
    visitor = browser(school.learner)
    address = begin(visitor, test)
    assert visitor.get("/tests/wrong").status_code == 303
    send(visitor, address, "submit", {"answers": []})
    page = visitor.get("/tests/wrong")
    links = re.findall(r'href="(/tests/wrong/[0-9a-f-]{36})"', page.text)
    assert len(links) == 6
    for link in links:
        form = visitor.get(link).text
        fields = re.findall(r'name="(a[-0-9]*)"', form)
        assert fields, link
    pages = {link: visitor.get(link).text for link in links}
    statement = next(link for link, text in pages.items() if 'value="false"' in text and "<ol" not in text)
    ordering = next(link for link, text in pages.items() if 'class="rank"' in text)
    assert "a rank of its own" in text_of(visitor.post(ordering, {"a": ["1", "1", "2"]}))
    chosen = next(link for link, text in pages.items() if 'type="checkbox"' in text and "<ol" not in text)
    assert visitor.post(chosen, {"a": ["0", "x"]}).status_code == 422
    assert visitor.post(chosen, {"a": ["9"]}).status_code == 422
    assert "Not right yet" in text_of(visitor.post(statement, {"a": "false"}))
    assert "Right" in text_of(visitor.post(statement, {"a": "true"}))
    assert len(re.findall(r'href="/tests/wrong/[0-9a-f-]{36}"', visitor.get("/tests/wrong").text)) == 5
    assert visitor.get(statement).status_code == 404


ROWS: dict[str, object] = {
    "item": ["", ""], "kind": ["single", ""], "difficulty": ["", ""], "count": ["1", "2"], "points": ["2.5", "1"],
    "minutes": "30", "pass": "60", "wait": "10", "grace": "30", "partial": "share",
}  # fmt: skip


def test_a_manager_makes_a_test_and_publishes_what_the_bank_can_fill(
    session: Session, school: TestingSchool, browser: Browsers
) -> None:
    session.commit()
    manager = browser(school.writer)
    made = manager.post("/teaching/tests", {"title": "结业", "course": str(school.course.id)})
    assert made.status_code == 303
    address = made.headers["Location"]
    assert manager.post(address, ROWS).status_code == 303
    [draft] = session.scalars(sa.select(TestBlueprint)).all()
    assert [section["points_milli"] for section in draft.sections] == [2500, 1000]
    assert "The blueprint is made." in manager.page(address)
    paper = manager.page(f"/teaching/blueprints/{draft.id}/paper?seed=7")
    assert "4.5 points" in paper
    assert paper == manager.page(f"/teaching/blueprints/{draft.id}/paper?seed=7")
    manager.post(f"/teaching/blueprints/{draft.id}/publish")
    assert "Published" in manager.page("/teaching/tests")
    assert manager.post(address, ROWS | {"count": ["1", "90"]}).status_code == 303
    desk = manager.get(address)
    assert "the bank has 5" in text_of(desk)
    newer = session.scalars(sa.select(TestBlueprint).where(TestBlueprint.version == 2)).one()
    manager.post(f"/teaching/blueprints/{newer.id}/publish")
    assert "too few questions for the sections 2: 5/90" in manager.page(address)
    assert manager.get(f"/teaching/blueprints/{newer.id}/paper").status_code == 409
    again = manager.post("/teaching/tests", {"title": "又一个", "course": str(school.course.id)})
    assert (again.status_code, "has a test already" in text_of(again)) == (422, True)
    manager.post(f"{address}/retire")
    assert "结业" not in manager.page("/teaching/tests")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": ["", ""]}, "1 to 40 sections"),
        ({"count": ["x", ""]}, "Counts are whole numbers"),
        ({"count": ["-1", ""]}, "Counts are whole numbers"),
        ({"count": ["301", ""]}, "1 to 300 questions"),
        ({"points": ["0", "1"]}, "more than 0"),
        ({"points": ["1.2345", "1"]}, "at most three decimals"),
        ({"kind": ["essay", ""]}, "Counts are whole numbers"),
        ({"minutes": "0"}, "1 minute to 10 hours"),
        ({"minutes": "viel"}, "whole numbers"),
        ({"pass": "101"}, "1 to 100 percent"),
        ({"wait": "99999"}, "at most 30 days"),
        ({"grace": "601"}, "at most 600 seconds"),
        ({"item": ["00000000-0000-0000-0000-000000000000", ""]}, "no such item"),
    ],
)
def test_a_blueprint_that_cannot_be_says_why(
    change: dict[str, object], said: str, session: Session, school: TestingSchool, browser: Browsers
) -> None:
    test, _ = a_test(session, school)
    session.commit()
    answer = browser(school.writer).post(f"/teaching/tests/{test.id}", {**ROWS, **change})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert session.scalar(sa.select(sa.func.count()).select_from(TestBlueprint)) == 1
