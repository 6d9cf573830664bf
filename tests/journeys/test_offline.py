"""A lesson taken along: played where there is no network, and every honest minute of it counts in the end."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from elearn.demo.browser import Phone, phone
from elearn.demo.example import questions
from tests.journeys.lessons import offer_packaged, package_short
from tests.journeys.school import SHORT_S, Learner, School
from tests.journeys.test_watching import go_on, is_paused, play_to, press_pause, start, watch_to_the_end
from tests.journeys.turning import follow
from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]

WHOLE_MS = SHORT_S * 1000
BRIEF_S = 6
LOOK = "document.querySelector('[data-offline]').dataset.look"


@pytest.fixture(scope="module")
def brief(school: School, tmp_path_factory: pytest.TempPathFactory) -> School:
    """The school with a lesson of BRIEF_S in place of the short one, for what does not need a full one."""
    packaged = package_short(tmp_path_factory.mktemp("brief"), seconds=BRIEF_S)
    with school.database() as session:
        unit_id = offer_packaged(
            session,
            school.settings,
            packaged,
            course_id=UUID(school.example.course_id),
            title="小课",
            acting=[UUID(school.example.institution_id)],
            at=datetime.now(UTC),
        )
        session.commit()
    return dataclasses.replace(school, unit_id=str(unit_id))


def open_it(school: School, handset: Phone, learner: Learner) -> None:
    handset.sign_in(school.base, learner.sign_in.name, learner.sign_in.password)
    handset.open_lesson(school.base, school.unit_id)


def download(handset: Phone) -> None:
    handset.page.click("[data-do=download]")
    handset.wait_until(lambda: handset.evaluate(LOOK) == "whole", "the download", timeout_s=30)


def network(handset: Phone, *, on: bool) -> None:
    handset.page.context.set_offline(not on)


def kill(handset: Phone) -> Phone:
    """The page dies without a word; another one of the same browser follows."""
    context = handset.page.context
    handset.page.close(run_before_unload=False)
    return Phone(context.new_page())


def require_whole_lesson(school: School, learner: Learner, whole_ms: int) -> None:
    believed = school.believed(learner)
    assert abs(believed["final"] - whole_ms) <= 1000, believed
    assert believed["pending"] == 0


def test_a_downloaded_lesson_is_watched_without_network_also_after_the_page_was_killed(
    school: School, chromium: Browser
) -> None:
    learner = school.a_learner()
    with phone(chromium, language="en") as handset:
        open_it(school, handset, learner)
        download(handset)
        handset.play()
        play_to(handset, 2)
        network(handset, on=False)
        play_to(handset, 7)
        again = kill(handset)
        again.page.goto(f"{school.base}/hours")
        follow(again.page, "[data-shelf] a")  # what is on the phone, instead of a page that is not
        again.page.wait_for_selector("[data-player][data-ready=true]")
        again.play()
        assert 4 < again.position_s() < 9, "where the dead page stopped"
        play_to(again, SHORT_S - 1)
        again.wait_until(lambda: is_paused(again), "the end", timeout_s=10)
        assert "No network" in again.page.inner_text("[data-network]")
        # A page that dies has its network back for a moment (the browser switches it off by the page): its last words.
        assert school.believed(learner)["pending"] < 9000, "the server heard nothing of what the second page played"
        network(again, on=True)
        said = watch_to_the_end(school, again, learner)
        assert len(said) >= 2, "more was watched than may wait for one check: the queue came in parts"
    require_whole_lesson(school, learner, WHOLE_MS)
    assert school.refusals(learner) == set()


def test_a_broken_off_download_goes_on_with_what_is_missing(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium) as handset:
        arrived: list[str] = []

        def tunnel_after_two(route: Route) -> None:
            # The player, too, loads segments: by other means than the download.
            if route.request.resource_type == "fetch" and len(arrived) >= 2:
                return route.abort("internetdisconnected")
            if route.request.resource_type == "fetch":
                arrived.append(route.request.url)
            return route.continue_()

        open_it(school, handset, learner)
        handset.page.context.route("**/*.m4s", tunnel_after_two)
        handset.page.click("[data-do=download]")
        handset.wait_until(lambda: handset.evaluate(LOOK) == "part", "half of it", timeout_s=20)
        handset.page.context.unroute("**/*.m4s")
        again = kill(handset)
        again.open_lesson(school.base, school.unit_id)
        assert again.evaluate(LOOK) == "part", "another page knows what is here"
        fetched: list[str] = []
        again.page.on("request", lambda sent: fetched.append(sent.url) if sent.resource_type == "fetch" else None)
        download(again)
        rest = {url for url in fetched if url.endswith(".m4s")}
        assert rest
        assert not rest & set(arrived), "nothing was fetched twice"
        network(again, on=False)
        again.play()


def test_a_lesson_plays_from_the_device_as_soon_as_all_of_it_is_there(brief: School, chromium: Browser) -> None:
    """A page that opened it as a stream must not find out in the tunnel that it still is one."""
    learner = brief.a_learner()
    with phone(chromium) as handset:

        def only_downloads(route: Route) -> None:
            return route.continue_() if route.request.resource_type == "fetch" else route.abort("internetdisconnected")

        handset.page.context.route("**/*.m4s", only_downloads)
        open_it(brief, handset, learner)
        download(handset)
        handset.page.context.unroute("**/*.m4s")
        network(handset, on=False)
        handset.play()
        play_to(handset, 3)


def test_an_expired_licence_does_not_play_and_is_renewed_with_the_network(brief: School, chromium: Browser) -> None:
    learner = brief.a_learner()
    with phone(chromium, language="en") as handset:
        open_it(brief, handset, learner)
        download(handset)
        handset.play()
        network(handset, on=False)
        later = kill(handset)
        later.page.add_init_script("{ const now = Date.now; Date.now = () => now() + 8 * 86_400_000; }")
        later.open_lesson(brief.base, brief.unit_id)
        assert later.evaluate(LOOK) == "old"
        later.page.click(".stage-play")
        later.page.wait_for_selector("[data-cover]:not([hidden])")
        assert "too old" in later.page.inner_text("[data-cover-title]")
        assert later.position_s() == 0
        network(later, on=True)
        later.page.click("[data-cover-action]")
        later.wait_until(lambda: later.evaluate(LOOK) == "whole", "a new licence", timeout_s=10)


def test_switching_devices_and_back_keeps_what_the_first_one_played_without_network(
    brief: School, chromium: Browser
) -> None:
    learner = brief.a_learner()
    with phone(chromium, language="en") as taken, phone(chromium) as other:
        open_it(brief, taken, learner)
        download(taken)
        taken.play()
        network(taken, on=False)
        play_to(taken, 3)
        press_pause(taken)
        start(brief, other, learner)
        assert other.position_s() < 2, "the server heard nothing of the first device's three seconds"
        network(taken, on=True)
        taken.page.wait_for_selector("[data-cover]:not([hidden])")
        assert "another device" in taken.page.inner_text("[data-cover-title]")
        wait_for(lambda: brief.believed(learner)["pending"] >= 2500, seconds=20, what="what was watched offline")
        taken.page.click("[data-cover-action]")
        watch_to_the_end(brief, taken, learner, whole_ms=BRIEF_S * 1000)
    require_whole_lesson(brief, learner, BRIEF_S * 1000)


def test_a_tunnel_every_few_seconds_costs_nothing_when_streaming(brief: School, chromium: Browser) -> None:
    learner = brief.a_learner()
    with phone(chromium) as handset:
        start(brief, handset, learner)
        for second in (1, 3):
            play_to(handset, second)
            network(handset, on=False)
            play_to(handset, second + 1)
            network(handset, on=True)
            if handset.page.is_visible("#check-dialog[open]"):
                handset.answer_check(questions(BRIEF_S * 1000))
            go_on(handset)
        watch_to_the_end(brief, handset, learner, whole_ms=BRIEF_S * 1000)
    require_whole_lesson(brief, learner, BRIEF_S * 1000)


def test_without_webcrypto_the_page_says_what_to_do(brief: School, chromium: Browser) -> None:
    learner = brief.a_learner()
    with phone(chromium, language="en") as handset:
        handset.page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
        open_it(brief, handset, learner)
        assert "cannot open" in handset.page.inner_text("[data-cover-title]")
        assert not handset.page.is_visible("[data-offline]"), "and nothing is offered that needs it"


def test_signing_out_leaves_nothing_of_a_download_behind(brief: School, chromium: Browser) -> None:
    learner = brief.a_learner()
    with phone(chromium) as handset:
        open_it(brief, handset, learner)
        download(handset)
        handset.page.goto(f"{brief.base}/me")
        handset.page.click("main [data-signs-out] button")
        handset.page.wait_for_url("**/signin")
        left = """async () => {
            const open = indexedDB.open('elearn-player');
            const db = await new Promise((done) => (open.onsuccess = () => done(open.result)));
            const ask = db.transaction('licence').objectStore('licence').count();
            const kept = await new Promise((done) => (ask.onsuccess = () => done(ask.result)));
            return [await caches.keys(), kept];
        }"""
        assert handset.evaluate(left) == [[], 0]
