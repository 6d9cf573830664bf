"""A learner takes a test on a phone whose network comes and goes, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import sqlalchemy as sa

from elearn.courses.models import OutlineItem, TrainingClass
from elearn.courses.papers import tests
from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.models import TestAttempt
from elearn.courses.papers.tests import Policy
from elearn.courses.questions import bank
from elearn.courses.questions.kinds import Blank, Content, Difficulty, Fill, Kind, Option, Ordering, Single, TrueFalse
from elearn.demo.browser import phone
from tests.journeys.school import Learner, School
from tests.journeys.turning import arrive, press

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]

QUESTIONS: list[Content] = [
    Single(
        stem="验电前先做什么？",
        options=(Option("在有电的设备上试验电器"), Option("擦干验电器"), Option("直接验电")),
        correct=0,
    ),
    TrueFalse(stem="湿手可以操作开关。", correct=False),
    Fill(stem="触电后应先____。", blanks=(Blank(texts=("切断电源", "断电")),)),
    Ordering(stem="按先后排列。", lines=(Option("断电"), Option("验电"), Option("挂牌上锁"))),
]


def a_mock_exam(school: School, writer: Learner, reviewer: Learner) -> UUID:
    """Four questions, written and reviewed, in the order above. A mock exam: it decides nothing for other journeys."""
    now = datetime.now(UTC)
    with school.database() as session:
        held = session.get_one(TrainingClass, UUID(school.example.class_id))
        item = session.scalars(sa.select(OutlineItem).where(OutlineItem.outline_id == held.outline_id)).first()
        assert item is not None
        acting = [held.institution_id]
        for content in QUESTIONS:
            made = bank.add_question(
                session,
                institution_id=held.institution_id,
                outline_item_id=item.id,
                content=content,
                difficulty=Difficulty.EASY,
                by=writer.person_id,
                at=now,
            )
            bank.review(session, made.id, acting=acting, by=reviewer.person_id, at=now)
        test = tests.add_test(
            session, institution_id=held.institution_id, title="模拟考试", at=now, outline_id=held.outline_id
        )
        kinds = (Kind.SINGLE, Kind.TRUE_FALSE, Kind.FILL, Kind.ORDERING)
        sections = [Section(1, 2500, kind=kind) for kind in kinds]
        chosen = tests.add_blueprint(
            session, test.id, sections, Policy(wait_s=0), acting=acting, by=writer.person_id, at=now
        )
        tests.publish(session, chosen.id, acting=acting, at=now)
        session.commit()
        return test.id


def says(page: Page, state: str) -> None:
    page.wait_for_selector(f"[data-says][data-state={state}]", timeout=40_000)


def go_on(page: Page) -> None:
    page.click("[data-next]")


def put_in_order(page: Page, wanted: list[str]) -> None:
    """By the buttons beside the lines, as a thumb does it; where they are shown in that order, by saying so."""
    for rank, text in enumerate(wanted):
        while text not in page.locator(".ordering > li:not(.keep)").nth(rank).inner_text():
            place = next(
                index
                for index, line in enumerate(page.locator(".ordering > li:not(.keep)").all_inner_texts())
                if text in line
            )
            page.click(f"[data-move=up-{place}]")
    if page.locator(".ordering .keep").count():
        page.click(".ordering .keep button")


def test_a_test_taken_on_a_phone_survives_a_lost_network_and_a_closed_page(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    test_id = a_mock_exam(school, school.a_learner(), school.a_learner())
    with phone(chromium) as handset:
        page = handset.page
        page.on("dialog", lambda dialog: dialog.accept())
        handset.sign_in(school.base, learner.sign_in.name, learner.sign_in.password)
        page.goto(f"{school.base}/tests")
        press(page, f"/tests/{test_id}/begin")
        page.wait_for_selector(".test .choice")
        address = page.url
        assert all(box["height"] >= 48 for one in page.locator(".choice").all() if (box := one.bounding_box()))
        page.click("text=在有电的设备上试验电器")
        says(page, "saved")
        page.reload()
        says(page, "saved")  # a page that opens with everything at the server says so, and waits for nothing

        page.context.set_offline(True)
        go_on(page)
        page.click(".choice >> nth=1")
        go_on(page)
        page.fill(".field input", "断电")
        says(page, "kept")
        page.close()

        page.context.set_offline(False)
        page = handset.page.context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(address)
        says(page, "saved")
        assert page.locator(".test-grid .is-done").count() == 3
        go_on(page)
        assert page.locator(".choice input >> nth=1").is_checked()
        go_on(page)
        assert page.input_value(".field input") == "断电"
        go_on(page)
        on_their_way: list[Route] = []
        page.route("**/answers", lambda route: on_their_way.append(route))
        put_in_order(page, ["断电", "验电", "挂牌上锁"])
        while not on_their_way:
            page.wait_for_timeout(50)
        # Handed in while the last answers are still on their way: both arrive.
        page.click("[data-submit]")
        on_their_way.pop().continue_()
        arrive(page, "[data-ended]", seconds=15)
        assert "10 分" in page.inner_text("main")
        assert page.evaluate("Object.keys(localStorage).filter((one) => one.startsWith('elearn-test')).length") == 0
    with school.database() as session:
        attempt = session.scalars(sa.select(TestAttempt).where(TestAttempt.person_id == learner.person_id)).one()
        assert (attempt.score_milli, attempt.passed) == (10_000, True)
