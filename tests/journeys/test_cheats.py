"""Every way to be faster than time that a browser's console offers, tried on the running product.

An honest second of playing is worth a second whatever else the page does; so each story ends by comparing what is
believed with the time that really passed, and forged claims end at exactly what was earned before.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from elearn.demo.browser import Phone, phone
from elearn.demo.example import questions
from tests.journeys.running import wait_for
from tests.journeys.school import Learner, School
from tests.journeys.test_watching import (
    WHOLE_MS,
    go_on,
    play_to,
    press_pause,
    require_whole_lesson_at_the_exam_system,
    start,
    watch_to_the_end,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("cheats")]

CHEATS = {
    "16 times the speed, set again whenever the page sets it back": """() => {
        const video = document.querySelector('video');
        setInterval(() => { video.playbackRate = 16; }, 1);
    }""",
    "16 times the speed behind the page's back": """() => {
        const video = document.querySelector('video');
        const rate = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'playbackRate');
        rate.set.call(video, 16);
        Object.defineProperty(video, 'playbackRate', {get: () => 1, set: () => undefined});
    }""",
    "jumps ahead, four times a second": """() => {
        const video = document.querySelector('video');
        setInterval(() => { video.currentTime += 3; }, 250);
    }""",
    "a position that lies": """() => {
        const video = document.querySelector('video');
        const real = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'currentTime');
        Object.defineProperty(video, 'currentTime',
            {get: () => Math.min(17.9, real.get.call(video) * 8), set: (to) => real.set.call(video, to)});
    }""",
    "a clock that runs 16 times as fast": """() => {
        const real = performance.now.bind(performance), zero = real();
        performance.now = () => zero + (real() - zero) * 16;
        const video = document.querySelector('video');
        setInterval(() => { video.playbackRate = 16; }, 1);
    }""",
}

FORGE = """async (claims) => {
    const read = (name, ask) => new Promise((done, fail) => {
        const open = indexedDB.open('elearn-player');
        open.onerror = () => fail(open.error);
        open.onsuccess = () => {
            const request = ask(open.result.transaction(name).objectStore(name));
            request.onsuccess = () => done(request.result);
        };
    });
    const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
        .replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=+$/, '');
    const sittings = await read('sitting', (store) => store.getAll());
    const {sid, token} = sittings[sittings.length - 1];
    const pair = await read('device', (store) => store.get('pair'));
    const headers = {'Content-Type': 'application/json', 'X-Sitting': token,
        'X-CSRFToken': document.querySelector('meta[name=csrf-token]').content};
    const state = await (await fetch(`/sittings/${sid}`, {headers})).json();
    const reports = [];
    for (const {statement} of claims) {
        const signed = await crypto.subtle.sign({name: 'ECDSA', hash: 'SHA-256'}, pair.privateKey,
            new TextEncoder().encode(`${sid}\\n${state.nonce}\\n${statement}`));
        reports.push({statement, sig: text(signed)});
    }
    const body = JSON.stringify({sid, sent_cm: claims[0].cm, nonce: state.nonce, reports});
    const answer = await fetch(`/sittings/${sid}/reports`, {method: 'POST', headers, body});
    return {status: answer.status, told: await answer.json()};
}"""
"""Signs what it is given with the page's own device key and sends it in the page's own sitting."""


@dataclass(slots=True)
class Trial:
    cheat: str
    learner: Learner
    handset: Phone
    began: float = 0.0
    positions: tuple[float, ...] = ()


def test_nothing_done_to_the_video_or_the_clock_earns_more_than_time(school: School, chromium: Browser) -> None:
    """All cheats at once, each with a learner of its own; in the end each page reports and is compared with time."""
    with ExitStack() as stack:
        trials = [
            Trial(cheat, school.a_learner(), stack.enter_context(phone(chromium, language="en"))) for cheat in CHEATS
        ]
        for trial in trials:
            # Before the lesson opens: nothing before this moment can have been earned.
            trial.began = time.monotonic()
            start(school, trial.handset, trial.learner)
            trial.handset.evaluate(CHEATS[trial.cheat])
        time.sleep(5)
        for trial in trials:
            trial.handset.evaluate("document.querySelector('video').pause()")  # pausing reports
        trials[-1].handset.page.wait_for_timeout(2000)
        for trial in trials:
            trial.handset.page.close(run_before_unload=False)
        for trial in trials:
            passed_ms = (time.monotonic() - trial.began) * 1000
            earned = school.believed(trial.learner)
            assert earned["final"] == 0, trial.cheat
            assert earned["pending"] <= passed_ms, trial.cheat


def test_a_learner_who_moves_the_position_is_brought_back_and_told_why(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium, language="en") as handset:
        start(school, handset, learner)
        play_to(handset, 2)
        press_pause(handset)
        handset.evaluate("void (document.querySelector('video').currentTime = 16)")
        handset.page.wait_for_selector("[data-notices] .notice")
        assert "jumped ahead" in handset.page.inner_text("[data-notices]")
        handset.wait_until(lambda: handset.position_s() < 5, "the way back", timeout_s=5)
        handset.evaluate("void (document.querySelector('video').playbackRate = 16)")
        handset.wait_until(
            lambda: handset.evaluate("document.querySelector('video').playbackRate") == 1, "normal speed", timeout_s=5
        )
        assert "Too fast" in handset.page.inner_text("[data-notices]")


@dataclass(frozen=True, slots=True)
class Forgery:
    """What was believed before and after, and what the page itself had sent first."""

    before: dict[str, int]
    after: dict[str, int]
    own: dict[str, Any]
    forged: str
    outcomes: set[str]


def forge_three_times(
    school: School, handset: Phone, learner: Learner, *, after_s: float, whole_ms: int = WHOLE_MS
) -> Forgery:
    """Watch for `after_s`, pause, then claim more from the console: the rest, in the page's own name."""
    opened: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    def overhear(asked: Any) -> None:
        if asked.url.endswith("/reports"):
            sent.append(asked.post_data_json)

    def listen(answer: Any) -> None:
        if answer.url.endswith("/sittings"):
            opened.append(answer.json())

    handset.page.on("request", overhear)
    handset.page.on("response", listen)
    start(school, handset, learner)
    play_to(handset, after_s)
    press_pause(handset)
    honest_ms = after_s * 1000 - 1000
    wait_for(lambda: school.believed(learner)["pending"] > honest_ms, seconds=10, what="the honest report")
    handset.page.wait_for_timeout(500)
    before = school.believed(learner)

    forger = school.player(learner)  # only makes statements; it never opens a sitting of its own
    forger.opened, forger.seq = opened[-1], 40
    outcomes: set[str] = set()
    at = before["pending"]
    for claim in (
        {"a": 0, "b": whole_ms, "play": whole_ms, "cm": 600_000},
        {"a": at, "b": whole_ms, "play": whole_ms - at, "cm": 900_000},
        {"a": at, "b": at + 900, "play": 900, "cm": 900_000, "prev": "0" * 64},
    ):
        statement = forger.make("heartbeat", **claim)
        told = handset.page.evaluate(FORGE, [{"statement": statement, "cm": claim["cm"]}])
        assert told["status"] == 200
        outcomes |= {result["outcome"] for result in told["told"]["results"]}
    return Forgery(before, school.believed(learner), sent[0], statement, outcomes)


def test_forged_statements_of_the_page_s_own_key_earn_nothing_and_honest_watching_goes_on(
    school: School, chromium: Browser
) -> None:
    learner = school.a_learner()
    with phone(chromium, language="en") as handset:
        made = forge_three_times(school, handset, learner, after_s=4)
        assert made.after == made.before
        assert made.outcomes <= {"refused", "waiting", "ignored"}

        # What the page itself had sent: again, with another statement in it, and to nobody's sitting.
        altered = made.own | {"reports": [{**made.own["reports"][0], "statement": made.forged}]}
        for message in (made.own, altered, {**made.own, "sid": "x"}):
            status = handset.page.evaluate(
                """async ([url, body]) => (await fetch(url, {method: 'POST', body: JSON.stringify(body), headers: {
                    'Content-Type': 'application/json',
                    'X-CSRFToken': document.querySelector('meta[name=csrf-token]').content}})).status""",
                [f"/sittings/{made.own['sid']}/reports", message],
            )
            assert status in (400, 401, 403, 409), "no token, or a message that proves nothing"
        assert school.believed(learner) == made.before

        go_on(handset)
        assert watch_to_the_end(school, handset, learner)
    require_whole_lesson_at_the_exam_system(school, learner)
    assert school.believed(learner)["final"] <= WHOLE_MS


def test_two_tabs_of_one_browser_earn_no_more_than_one(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    with phone(chromium, language="en") as first:
        began = time.monotonic()
        start(school, first, learner)
        play_to(first, 2)
        second = Phone(first.page.context.new_page())
        second.open_lesson(school.base, school.unit_id)
        second.play()
        first.page.wait_for_selector("[data-cover]:not([hidden])", timeout=30_000)
        assert "another device" in first.page.inner_text("[data-cover-title]")
        elsewhere = school.believed(learner)["pending"]
        # The older tab insists: it claims the rest from its console.
        told = first.page.evaluate(
            """async () => {
                const video = document.querySelector('video');
                video.currentTime = 0; video.play().catch(() => undefined);
                await new Promise((done) => setTimeout(done, 2500));
                video.pause(); return video.currentTime;
            }"""
        )
        assert told is not None
        play_to(second, elsewhere / 1000 + 1)
        press_pause(second)
        second.page.wait_for_timeout(1000)
        assert school.believed(learner)["pending"] <= (time.monotonic() - began) * 1000
        assert school.believed(learner)["pending"] <= second.position_s() * 1000 + 100
        watched = school.believed(learner)
        go_on(second)
        second.wait_for_check(timeout_s=40)
        second.answer_check(questions(WHOLE_MS))
        assert school.believed(learner)["final"] >= watched["pending"]
