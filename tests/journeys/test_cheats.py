"""Ways to be faster than time that a browser's console offers, and how the page answers a learner who tries one.

What they earn is asked in `test_cheating_clients.py`, where all of them run side by side, and at full length by
`make soak`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from elearn.demo.browser import Phone, phone
from tests.journeys.school import Learner, School
from tests.journeys.test_watching import WHOLE_MS, play_to, press_pause, start
from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Response

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

FORGE = """async ([{sid, token}, claims]) => {
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
"""Signs what it is given with the page's own device key and sends it in a sitting that the page has opened."""


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


@dataclass(slots=True)
class Overheard:
    """What a page says and hears on the network: sittings it opened, messages of reports it sent, and their answers."""

    opened: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)

    @classmethod
    def on(cls, page: Page) -> Overheard:
        heard = cls()

        def asked(one: Request) -> None:
            if one.url.endswith("/reports"):
                heard.sent.append(json.loads(one.post_data or ""))

        def answered(one: Response) -> None:
            if one.url.endswith("/sittings"):
                heard.opened.append(one.json())
            elif one.url.endswith("/reports"):
                heard.answered.append(one.status)

        page.on("request", asked)
        page.on("response", answered)
        return heard


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
    heard = Overheard.on(handset.page)
    start(school, handset, learner)
    play_to(handset, after_s)
    press_pause(handset)
    honest_ms = after_s * 1000 - 1000
    wait_for(lambda: school.believed(learner)["pending"] > honest_ms, seconds=10, what="the honest report")
    handset.page.wait_for_timeout(500)
    return forge(school, handset, learner, heard, whole_ms=whole_ms)


def forge(school: School, handset: Phone, learner: Learner, heard: Overheard, *, whole_ms: int = WHOLE_MS) -> Forgery:
    """Three claims that the page never made, signed by its own key and sent in the sitting it opened last."""
    before = school.believed(learner)
    forger = school.player(learner)  # only makes statements; it never opens a sitting of its own
    forger.opened, forger.seq = heard.opened[-1], 40
    outcomes: set[str] = set()
    at = before["pending"]
    for claim in (
        {"a": 0, "b": whole_ms, "play": whole_ms, "cm": 600_000},
        {"a": at, "b": whole_ms, "play": whole_ms - at, "cm": 900_000},
        {"a": at, "b": at + 900, "play": 900, "cm": 900_000, "prev": "0" * 64},
    ):
        statement = forger.make("heartbeat", **claim)
        told = handset.page.evaluate(FORGE, [heard.opened[-1], [{"statement": statement, "cm": claim["cm"]}]])
        assert told["status"] == 200
        outcomes |= {result["outcome"] for result in told["told"]["results"]}
    return Forgery(before, school.believed(learner), heard.sent[0], statement, outcomes)
