"""Old WebViews, WeChat, private windows: what they lack is taken away. Watching works, or it is said why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elearn.demo.browser import Phone, phone
from tests.journeys.school import School

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]

NO_DATABASE = "Object.defineProperty(window, 'indexedDB', {value: undefined});"
NO_COMFORT = """
for (const [of, names] of [
  [Navigator.prototype, ['serviceWorker', 'wakeLock', 'storage', 'locks', 'mediaSession', 'connection', 'sendBeacon']],
  [Element.prototype, ['requestFullscreen']],
  [HTMLDialogElement.prototype, ['showModal']],
  [Crypto.prototype, ['randomUUID']],
  [window, ['structuredClone', 'caches', 'PointerEvent', 'requestIdleCallback', 'BroadcastChannel']],
]) for (const name of names) { delete of[name]; if (of[name]) Object.defineProperty(of, name, {value: undefined}); }
"""
WORKS = [
    ("a private window without a database", NO_DATABASE, "Storage is off"),
    ("an old WebView without what is only comfort", NO_COMFORT, ""),
    ("both at once", NO_DATABASE + NO_COMFORT, "Storage is off"),
]
FORGET_THE_WORKER = """
navigator.serviceWorker.ready.then(() => navigator.serviceWorker.getRegistrations())
  .then((all) => Promise.all(all.map((one) => one.unregister())))
"""
NO_PLAYER = "for (const name of ['MediaSource', 'ManagedMediaSource', 'WebKitMediaSource']) delete window[name];"
SAYS = [
    ("plain http", "Object.defineProperty(window, 'isSecureContext', {value: false})", "secure connection (https)"),
    ("no keys", "Object.defineProperty(crypto, 'subtle', {value: undefined})", "needs a newer browser"),
    ("no player", f"{NO_PLAYER} HTMLMediaElement.prototype.canPlayType = () => ''", "needs a newer browser"),
]


def test_watching_works_without_what_old_browsers_lack_or_it_is_said_why_not(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    broken: list[str] = []
    with phone(chromium, language="en") as first:
        context = first.page.context
        first.sign_in(school.base, learner.sign_in.name, learner.sign_in.password)

        def without(script: str) -> Phone:
            page = context.new_page()
            page.add_init_script(script)
            page.on("pageerror", lambda error: broken.append(str(error)))
            return Phone(page)

        # The worker of this browser would fetch for the page, where no test can come between.
        first.page.evaluate(FORGET_THE_WORKER)
        handset = without(NO_COMFORT)
        handset.page.route("**/hls.light-*.js*", lambda route: route.abort("internetdisconnected"))
        handset.open_lesson(school.base, school.unit_id)
        handset.page.click(".stage-play")
        handset.page.wait_for_selector("[data-cover]:not([hidden])")
        assert "too weak to load the player" in handset.page.inner_text("[data-cover-text]")
        for case, script, noticed in WORKS:
            handset = without(script)
            handset.open_lesson(school.base, school.unit_id)
            assert noticed in handset.page.inner_text("[data-notices]"), case
            assert not handset.page.is_visible("[data-offline]"), f"{case}: nothing is offered that cannot be kept"
            watch_a_moment(handset, case)
            handset.page.goto(f"{school.base}/downloads")
            handset.page.wait_for_selector("[data-shelf-empty]:has-text('keeps no lessons')")
            handset.page.close()
        for case, script, said in SAYS:
            handset = without(script)
            handset.page.goto(f"{school.base}/learn/{school.unit_id}")
            handset.page.wait_for_selector("[data-cover]:not([hidden])")
            assert said in handset.page.inner_text("[data-cover-text]"), case
            handset.page.close()
    assert broken == []
    assert school.believed(learner)["pending"] > 0, "what was watched arrived, also from a browser that keeps nothing"


def watch_a_moment(handset: Phone, case: str) -> None:
    """Play, see the picture move, pause."""
    began = handset.position_s()
    handset.page.click(".stage-play")
    handset.wait_until(lambda: handset.position_s() > began + 0.2, case, timeout_s=20)
    handset.page.click(".controls [data-do=toggle]")
    paused = "document.querySelector('video').paused"
    handset.wait_until(lambda: bool(handset.evaluate(paused)), f"{case}: a pause", timeout_s=5)
