"""From the phone to the exam system in a real phone-sized browser: an honest worker loses nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from elearn.demo.browser import Phone, phone
from elearn.demo.example import questions
from tests.journeys.school import SHORT_S, Learner, School
from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]

WHOLE_MS = SHORT_S * 1000


def start(school: School, handset: Phone, learner: Learner) -> None:
    """Sign in, open the short lesson, touch play."""
    handset.sign_in(school.base, learner.sign_in.name, learner.sign_in.password)
    handset.open_lesson(school.base, school.unit_id)
    handset.play()


def play_to(handset: Phone, seconds: float) -> None:
    handset.wait_until(lambda: handset.position_s() > seconds, f"second {seconds}", timeout_s=40)


def is_paused(handset: Phone) -> bool:
    return bool(handset.evaluate("document.querySelector('video').paused"))


PRESS_PAUSE = """() => {
  if (!document.querySelector("video").paused) document.querySelector(".controls [data-do=toggle]").click();
}"""
GO_ON = """() => {
  if (document.querySelector("video").paused && !document.querySelector("#check-dialog").open)
    document.querySelector(".controls [data-do=toggle]").click();
}"""
"""Both look and press in one step: a check that opened in between would cover the button."""


def press_pause(handset: Phone) -> None:
    """The button in the control bar, unless it stands already: a check pauses too, and may come at any moment."""
    handset.evaluate(PRESS_PAUSE)


def go_on(handset: Phone) -> None:
    """Play on, unless it plays already or a check is open, which comes first."""
    handset.evaluate(GO_ON)


def watch_to_the_end(school: School, handset: Phone, learner: Learner, *, whole_ms: int = WHOLE_MS) -> list[str]:
    """Watch on, answering each check as it comes, until all is final; answers what the phone said."""
    said = []
    while school.believed(learner)["final"] < whole_ms - 1000:
        handset.wait_for_check(timeout_s=whole_ms / 1000 + 60)
        said.append(handset.answer_check(questions(whole_ms)))
    return said


def require_whole_lesson_at_the_exam_system(school: School, learner: Learner, *, whole_ms: int = WHOLE_MS) -> int:
    """The exam system reads the lesson's length, give or take a second, and can check it; answers what it reads."""
    record = school.exam_record(learner)
    final = school.believed(learner)["final"]
    assert record["verified"], "the signature holds with the published keys"
    assert record["record"]["hours"]["online_theory_ms"] == final
    assert abs(final - whole_ms) <= 1000, final
    return final


def test_a_lesson_watched_at_normal_speed_reaches_the_exam_system_whole(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium) as handset:
        mistakes: list[str] = []
        handset.page.on("pageerror", lambda error: mistakes.append(str(error)))
        handset.page.on("console", lambda said: mistakes.append(said.text) if "Content Security" in said.text else None)
        start(school, handset, learner)
        assert handset.page.viewport_size == {"width": 360, "height": 800}
        said = watch_to_the_end(school, handset, learner)
        assert len(said) >= 2, "one check on the way and one at the end"
        handset.page.wait_for_selector("[data-cover]:not([hidden])")
        shown = handset.page.inner_text("[data-final]")
        assert re.search(rf"\b({SHORT_S - 1}|{SHORT_S})\b", shown), shown
        assert mistakes == []
    assert school.believed(learner)["pending"] == 0
    require_whole_lesson_at_the_exam_system(school, learner)


def test_two_wrong_answers_are_explained_and_cost_only_what_was_pending(school: School, chromium: Browser) -> None:
    learner = school.a_learner()

    def mark(first: int) -> None:
        """So many options from the top; no question has three or four right ones."""
        boxes = "document.querySelectorAll('[data-check=options] input')"
        handset.evaluate(f"{boxes}.forEach((box, place) => (box.checked = place < {first}))")
        handset.page.click("[data-check=go]")

    def told() -> str:
        return handset.page.inner_text("[data-check=says]")

    with phone(chromium, language="en") as handset:
        start(school, handset, learner)
        handset.wait_for_check(timeout_s=60)
        mark(4)
        handset.wait_until(lambda: "one more try" in told(), "the second try", timeout_s=10)
        mark(3)
        handset.page.wait_for_selector("#check-dialog[data-stage=told]")
        assert "go back to the last passed check" in told()
        assert school.believed(learner) == {"pending": 0, "final": 0}
        handset.page.click("[data-check=go]")
        handset.page.wait_for_selector("#check-dialog[open][data-stage=asking]")
        assert "Right" in handset.answer_check(questions(WHOLE_MS))
        # The player goes on by itself after a passed check.
        handset.wait_until(lambda: 1 < handset.position_s() < 8, "the lesson from its beginning", timeout_s=10)


def test_moments_without_network_cost_nothing(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium) as handset:
        start(school, handset, learner)
        play_to(handset, 3)
        handset.page.context.set_offline(True)
        press_pause(handset)  # pausing reports, in vain for now
        handset.page.wait_for_selector("[data-network]:not([hidden])")
        handset.page.click(".controls [data-do=toggle]")
        play_to(handset, 7)
        before = school.believed(learner)["pending"]
        assert before < 6000, "the server heard nothing of the last seconds"
        handset.page.context.set_offline(False)
        wait_for(lambda: school.believed(learner)["pending"] > before, seconds=45, what="what was watched offline")
        watch_to_the_end(school, handset, learner)
    require_whole_lesson_at_the_exam_system(school, learner)


def test_a_check_that_cannot_be_fetched_stops_nobody_and_comes_with_the_network(
    school: School, chromium: Browser
) -> None:
    learner = school.a_learner()
    asked: list[Route] = []

    def break_the_connection(*, while_pressing_play: bool) -> None:
        """The lesson goes on, because it played or because play was pressed while nothing came."""
        handset.wait_until(lambda: bool(asked), "a question on its way", timeout_s=40)
        handset.wait_until(lambda: is_paused(handset), "the lesson to wait for it", timeout_s=5)
        stood = handset.position_s()
        if while_pressing_play:
            go_on(handset)
        asked.pop().abort("connectionrefused")
        handset.wait_until(lambda: handset.position_s() > stood + 0.5, "the lesson to go on", timeout_s=10)

    with phone(chromium) as handset:
        # Playwright writes on what it calls, which a method of a list does not bear.
        handset.page.route("**/sittings/*/checks", lambda route: asked.append(route))
        start(school, handset, learner)
        school.ask_after(learner, 3000)
        break_the_connection(while_pressing_play=False)
        press_pause(handset)  # pausing reports, and the answer says that a check is due
        break_the_connection(while_pressing_play=True)
        handset.page.unroute("**/sittings/*/checks")
        # An answer that gets nowhere: the same question comes again by itself.
        handset.page.route("**/checks/*", lambda route: route.abort("connectionrefused"))
        handset.wait_for_check(timeout_s=40)
        stem = handset.page.inner_text("[data-check=stem]")
        handset.page.click("[data-check=options] label")
        handset.page.click("[data-check=go]")
        handset.page.wait_for_selector("#check-dialog", state="hidden")
        handset.page.unroute("**/checks/*")
        handset.wait_for_check(timeout_s=20)
        assert handset.page.inner_text("[data-check=stem]") == stem
        watch_to_the_end(school, handset, learner)
    require_whole_lesson_at_the_exam_system(school, learner)


def test_a_page_that_dies_sends_what_it_owed_when_it_opens_again(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium) as handset:
        start(school, handset, learner)
        play_to(handset, 4)
        handset.page.context.set_offline(True)
        press_pause(handset)
        handset.page.wait_for_selector("[data-network]:not([hidden])")
        assert school.believed(learner)["pending"] < 1000, "no more than a stall at the start was told"
        handset.page.close(run_before_unload=False)
        handset.page.context.set_offline(False)
        again = Phone(handset.page.context.new_page())
        again.open_lesson(school.base, school.unit_id)
        wait_for(lambda: school.believed(learner)["pending"] >= 3500, seconds=30, what="the dead page's reports")


def test_the_newest_device_plays_and_the_older_one_says_so(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium, language="en") as older, phone(chromium) as newer:
        start(school, older, learner)
        play_to(older, 3)
        start(school, newer, learner)
        older.page.wait_for_selector("[data-cover]:not([hidden])", timeout=30_000)
        assert "another device" in older.page.inner_text("[data-cover-title]")
        assert is_paused(older)
        play_to(newer, 8)
        press_pause(newer)
        wait_for(lambda: school.believed(learner)["pending"] > 7000, seconds=20, what="the newer one's report")
        earned = school.believed(learner)["pending"]
        position_ms = newer.position_s() * 1000
        assert earned <= position_ms + 100, "no second counts for both"


def test_hiding_the_page_pauses_the_lesson_and_reports_at_once(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium) as handset:
        start(school, handset, learner)
        play_to(handset, 3)
        hide = """() => {
            Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }"""
        handset.page.evaluate(hide)
        handset.wait_until(lambda: is_paused(handset), "the pause", timeout_s=10)
        wait_for(lambda: school.believed(learner)["pending"] >= 2500, seconds=10, what="the report on hiding")


def test_the_lesson_page_names_no_secret_and_keeps_the_key_to_itself(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium) as handset:
        answers: list[Any] = []
        handset.page.on("response", lambda answer: answers.append(answer))
        start(school, handset, learner)
        keys = [one for one in answers if re.search(r"/keys/\d+$", one.url)]
        assert [one.status for one in keys] == [200]
        assert keys[0].headers["cache-control"] == "no-store"
        assert not handset.page.evaluate(
            """() => new Promise((done) => {
                const open = indexedDB.open('elearn-player');
                open.onsuccess = () => {
                    const ask = open.result.transaction('device').objectStore('device').get('pair');
                    ask.onsuccess = () => done(ask.result.privateKey.extractable);
                };
            })"""
        )
