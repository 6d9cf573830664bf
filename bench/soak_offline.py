"""Honest workers in a bad network, at full length: each of them ends with the whole lesson.

Six phones watch a lesson of thirteen minutes side by side under the policy as it is in production: one without any
trouble, one ten minutes without network with the lesson downloaded, one in a tunnel every three minutes, one whose tab
is killed, one that goes on upon another device; and while all of them watch the server is stopped and started again.
`tests/journeys/test_offline.py` walks the same ways in seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elearn.demo import browser
from elearn.demo.browser import Phone
from elearn.demo.example import questions
from tests.journeys.school import Learner, School
from tests.journeys.side_by_side import Story, seconds, tell
from tests.journeys.test_offline import download, kill, network, open_it
from tests.journeys.test_watching import go_on, require_whole_lesson_at_the_exam_system, start

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LESSON_S = 780
LIMIT_S = 2 * LESSON_S
OFFLINE_S = (60, 660)
TUNNEL_EVERY_S, TUNNEL_S = 180, 60
RESTART_AFTER_S = 420


@dataclass(slots=True)
class Watching:
    """One worker, the phone in hand, and what happened on the way."""

    school: School
    learner: Learner
    handset: Phone
    checks: int = 0
    notes: list[str] = field(default_factory=list)

    def check_open(self) -> bool:
        return self.handset.page.is_visible("#check-dialog[open][data-stage=asking]")

    def is_done(self) -> bool:
        return self.school.believed(self.learner)["final"] >= LESSON_S * 1000 - 1000

    def answer(self) -> None:
        self.handset.answer_check(questions(LESSON_S * 1000))
        self.checks += 1

    def until(self, holds: Callable[[], bool]) -> Story:
        """Watch on, answering what is asked, until something holds."""
        while True:
            yield lambda: holds() or self.check_open()
            if not self.check_open():
                return
            self.answer()

    def to(self, position_s: float) -> Story:
        return self.until(lambda: self.handset.position_s() >= position_s)

    def to_the_end(self) -> Story:
        """Until all of it is final; a player that stands still for a while is touched again, as people do."""
        while not self.is_done():
            yield from self.until(seconds(20))
            if not self.is_done():
                self.touch()

    def touch(self) -> None:
        """Do what the page offers: the button of what covers the picture, or play on."""
        page, button = self.handset.page, "[data-cover]:not([hidden]) [data-cover-action]"
        if page.is_visible(button):
            self.notes.append(f"pressed: {page.inner_text(button)}")
            page.click(button)
        elif not page.is_visible("[data-cover]:not([hidden])"):
            go_on(self.handset)

    def shows(self) -> str:
        """What somebody would see who looked over the worker's shoulder."""
        media = "(v => [v.currentTime, v.paused, v.readyState])(document.querySelector('video'))"
        text = " ".join(self.handset.page.inner_text("main").split())
        return f"{self.handset.evaluate(media)}; {text[:400]}; believed: {self.school.believed(self.learner)}"


def either(*holds: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: any(one() for one in holds)


def untroubled(worker: Watching) -> Story:
    start(worker.school, worker.handset, worker.learner)
    yield from worker.to_the_end()


def ten_minutes_without_network(worker: Watching) -> Story:
    handset, (leaves_s, returns_s) = worker.handset, OFFLINE_S
    open_it(worker.school, handset, worker.learner)
    download(handset)
    handset.play()
    yield from worker.to(leaves_s)
    network(handset, on=False)
    yield from worker.to(returns_s)
    heard = sum(worker.school.believed(worker.learner).values())
    worker.notes.append(f"the server had heard {heard / 1000:.0f} s when the network came back")
    network(handset, on=True)
    yield from worker.to_the_end()


def a_tunnel_every_three_minutes(worker: Watching) -> Story:
    start(worker.school, worker.handset, worker.learner)
    tunnels = 0
    while not worker.is_done():
        yield from worker.until(either(seconds(TUNNEL_EVERY_S), worker.is_done))
        if worker.is_done():
            break
        network(worker.handset, on=False)
        tunnels += 1
        yield seconds(TUNNEL_S)
        network(worker.handset, on=True)
        yield seconds(5)
        if not worker.check_open():
            worker.touch()
    worker.notes.append(f"{tunnels} tunnels of {TUNNEL_S} s")


def a_killed_tab(worker: Watching) -> Story:
    start(worker.school, worker.handset, worker.learner)
    yield from worker.to(250)
    worker.handset = kill(worker.handset)
    worker.handset.open_lesson(worker.school.base, worker.school.unit_id)
    worker.handset.play()
    worker.notes.append(f"went on at {worker.handset.position_s():.0f} s")
    yield from worker.to_the_end()


def another_device(worker: Watching, other: Phone) -> Story:
    start(worker.school, worker.handset, worker.learner)
    yield from worker.to(390)
    first, worker.handset = worker.handset, other
    start(worker.school, worker.handset, worker.learner)
    worker.notes.append(f"the second device went on at {worker.handset.position_s():.0f} s")
    yield from worker.to_the_end()
    first.page.close()


def restart(school: School) -> Story:
    yield seconds(RESTART_AFTER_S)
    school.product.stop()
    school.product.start()


def bad_networks(say: Callable[[str, bool, str], None], school: School, opened: Browser) -> None:
    """Tell all the stories and say of each worker what came of it. `school` offers a lesson of LESSON_S."""
    with ExitStack() as stack:

        def worker() -> Watching:
            return Watching(school, school.a_learner(), stack.enter_context(browser.phone(opened, language="en")))

        workers = {name: worker() for name in ("untroubled", "10 min offline", "tunnels", "killed tab", "two devices")}
        second = stack.enter_context(browser.phone(opened, language="en"))
        stories = {
            "untroubled": untroubled(workers["untroubled"]),
            "10 min offline": ten_minutes_without_network(workers["10 min offline"]),
            "tunnels": a_tunnel_every_three_minutes(workers["tunnels"]),
            "killed tab": a_killed_tab(workers["killed tab"]),
            "two devices": another_device(workers["two devices"], second),
        }
        clock = stack.enter_context(browser.phone(opened)).page
        began = time.monotonic()
        broken = tell(
            stories,
            beside={"the server is restarted": restart(school)},
            at_once=len(stories),
            let_pass=lambda duration: clock.wait_for_timeout(duration * 1000),
            limit_s=LIMIT_S,
        )
        took_s = time.monotonic() - began
        for name, error in broken.items():
            page = f"; the page shows {workers[name].shows()}" if name in workers else ""
            say(name, False, f"broke off: {error!r}{page}")
        for name, one in workers.items():
            if name not in broken:
                say(name, *_came_of(one))
        say("all of them", not broken, f"side by side in {took_s:.0f} s, the server restarted once on the way")


def _came_of(worker: Watching) -> tuple[bool, str]:
    read = require_whole_lesson_at_the_exam_system(worker.school, worker.learner, whole_ms=LESSON_S * 1000)
    codes = ", ".join(sorted(worker.school.refusals(worker.learner))) or "nothing"
    told = [f"the exam system reads {read / 1000:.3f} s of {LESSON_S}", f"{worker.checks} checks", f"refused: {codes}"]
    return abs(read - LESSON_S * 1000) <= 1000, "; ".join([*told, *worker.notes])
