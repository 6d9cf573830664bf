"""Pages that cheat in a browser, and an honest one: each is a story that is told beside the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elearn.demo.browser import Phone, phone
from elearn.demo.example import questions
from elearn.demo.scripted_player import ScriptedPlayer, claim_of
from elearn.demo.transport import HttpTransport
from tests.journeys.bounds import Account, account_of, worth_ms
from tests.journeys.hidden_tab import Tab, a_tab
from tests.journeys.school import Learner, School
from tests.journeys.side_by_side import Story, seconds
from tests.journeys.test_cheats import CHEATS, FORGE, Overheard, forge
from tests.journeys.test_watching import WHOLE_MS, go_on, is_paused, press_pause

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route


PLAYED_S = 4
"""How long each hook has its way."""
ASKING = "#check-dialog[open][data-stage=asking]"
COVER = "[data-cover]:not([hidden])"

FASTER = """
    const times = 16;
    const timers = () => ['setTimeout', 'setInterval'].forEach((name) => {
        const real = window[name].bind(window);
        window[name] = (call, ms = 0, ...rest) => real(call, ms / times, ...rest);
    });
    const frames = () => {
        const real = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = (call) => real((at) => call(at * times));
    };
    const clock = () => {
        const real = performance.now.bind(performance), zero = real();
        performance.now = () => zero + (real() - zero) * times;
    };
    const date = () => {
        const Real = Date, zero = Real.now(), now = () => zero + (Real.now() - zero) * times;
        window.Date = class extends Real { constructor(...of) { of.length ? super(...of) : super(now()); } };
        window.Date.now = now;
    };
    const rate = () => {
        const media = HTMLMediaElement.prototype, {play} = media;
        const {get, set} = Object.getOwnPropertyDescriptor(media, 'playbackRate');
        window.realRate = () => get.call(document.querySelector('video'));
        Object.defineProperty(media, 'playbackRate', {get: () => 1, set: () => undefined});
        media.play = function () { set.call(this, times); return play.call(this); };
    };
"""


@dataclass(frozen=True, slots=True)
class Hook:
    """A script that runs before the page's own, and how to see in the page that it works."""

    script: str
    clock: str = "0"
    """A number that grows by 1,000 a second in an honest page; 0: none to look at."""


RATE_HOOK = "the prototype's rate is 16 and says 1"
HOOKS = {
    RATE_HOOK: Hook(f"{{ {FASTER} rate(); }}"),
    "timers and frames 16 times as fast": Hook(
        f"{{ {FASTER} timers(); frames(); window.ticks = 0; setInterval(() => {{ window.ticks += 1000; }}, 1000); }}",
        "window.ticks",
    ),
    "a calendar 16 times as fast": Hook(f"{{ {FASTER} date(); }}", "Date.now()"),
    "performance.now 16 times as fast, and the rate with it": Hook(
        f"{{ {FASTER} clock(); rate(); }}", "performance.now()"
    ),
}

CONSOLE = (
    "jumps ahead, four times a second",
    "a position that lies",
)
"""Those of CHEATS of which no hook above is a stronger kind."""

ALWAYS_VISIBLE = """{
    const hidden = Object.getOwnPropertyDescriptor(Document.prototype, 'hidden').get;
    window.reallyHidden = () => hidden.call(document);
    Object.defineProperty(Document.prototype, 'hidden', {get: () => false});
    Object.defineProperty(Document.prototype, 'visibilityState', {get: () => 'visible'});
    for (const name of ['visibilitychange', 'pagehide', 'blur', 'freeze'])
        window.addEventListener(name, (event) => event.stopImmediatePropagation(), true);
}"""
REALLY_HIDDEN = "window.reallyHidden ? window.reallyHidden() : document.hidden"


@dataclass(slots=True)
class Outcome:
    """What a story saw, and what the server has on its learner afterwards."""

    learner: Learner
    account: Account
    saw: dict[str, Any]


@dataclass(slots=True)
class Run:
    """Where the stories happen. `saw` collects by name what a story wants to tell its test."""

    school: School
    chromium: Browser
    second_unit_id: str
    began_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    learners: dict[str, Learner] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    saw: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    broken: dict[str, Exception] = field(default_factory=dict)

    def outcome(self, name: str) -> Outcome:
        if name in self.broken:
            raise self.broken[name]
        return Outcome(self.learners[name], self.accounts[name], self.saw[name])

    def settle(self, name: str) -> None:
        """Ask the server for the account of a story that has just ended. AssertionError: a law does not hold."""
        account = self.accounts[name] = account_of(self.school, self.learners[name])
        assert self.began_ms <= account.windows[0].opened_ms, "the server's clock is this machine's"
        assert account.windows[-1].ended_ms <= time.time() * 1000

    def open(self, handset: Phone, name: str, unit_id: str | None = None) -> Story:
        """The lesson, by somebody signed in; until the picture moves."""
        page, base = handset.page, self.school.base
        page.context.add_cookies(
            [{"name": key, "value": value, "url": base} for key, value in self.cookies[name].items()]
        )
        page.goto(f"{base}/learn/{unit_id or self.school.unit_id}", wait_until="commit")
        yield lambda: page.is_visible("[data-player][data-ready=true]")
        page.evaluate("document.querySelector('.stage-play').click()")
        # Not where it is: a fast one may have been to the end and back.
        moved = "document.querySelector('video').played.length > 0"
        yield lambda: handset.evaluate(moved) or page.is_visible(ASKING)


def until_reported(heard: Overheard) -> Story:
    """Pausing reports; here until the server has answered, in whatever time a busy machine takes."""
    yield seconds(1)
    enough = seconds(10)
    yield lambda: len(heard.answered) >= len(heard.sent) > 0 or enough()


def rates(measure: Callable[[], float]) -> Iterator[float]:
    """Twice: nothing yet, then how many times as fast as time `measure` grew since."""
    before, at = measure(), time.monotonic()
    yield 0
    yield (measure() - before) / 1000 / (time.monotonic() - at)


# -- the stories


def an_honest_phone(run: Run, name: str, saw: dict[str, Any]) -> Story:
    with phone(run.chromium, language="en") as handset:
        yield from run.open(handset, name)
        saw["size"] = handset.page.viewport_size
        saw["checks"] = 0
        while run.school.believed(run.learners[name])["final"] < WHOLE_MS - 1000:
            yield lambda: handset.page.is_visible(ASKING)
            handset.answer_check(questions(WHOLE_MS))
            saw["checks"] += 1


def a_console_cheat(run: Run, name: str, saw: dict[str, Any]) -> Story:
    with phone(run.chromium, language="en") as handset:
        heard = Overheard.on(handset.page)
        yield from run.open(handset, name)
        handset.evaluate(CHEATS[name])
        yield seconds(PLAYED_S)
        handset.evaluate("document.querySelector('video').pause()")
        yield from until_reported(heard)


def a_hooked_page(run: Run, name: str, saw: dict[str, Any]) -> Story:
    hook = HOOKS[name]
    with phone(run.chromium, language="en") as handset:
        heard = Overheard.on(handset.page)
        handset.page.add_init_script(hook.script)
        yield from run.open(handset, name)
        measuring = rates(lambda: float(handset.evaluate(hook.clock)))
        next(measuring)
        yield seconds(0.7)
        saw["times"] = next(measuring)
        yield seconds(PLAYED_S - 0.7)
        saw["position_ms"] = handset.position_s() * 1000
        saw["real_rate"] = handset.evaluate("window.realRate ? window.realRate() : 1")
        handset.evaluate("document.querySelector('video').pause()")
        yield from until_reported(heard)


def a_hidden_page(run: Run, name: str, saw: dict[str, Any]) -> Story:
    """The tab is put behind another one after two seconds, for PLAYED_S, or until it has played half of that."""
    with a_tab(run.chromium, run.cookies[name], run.school.base) as tab:
        if name == OVERRIDDEN:
            tab.before_every_page(ALWAYS_VISIBLE)
        tab.go(f"{run.school.base}/learn/{run.school.unit_id}")
        yield lambda: tab.evaluate("!!document.querySelector('[data-player][data-ready=true]')")
        tab.evaluate("document.querySelector('.stage-play').click()")
        yield lambda: position_s(tab) > 2
        tab.hide()
        yield lambda: tab.evaluate(REALLY_HIDDEN)
        before_s = position_s(tab)
        if name == OVERRIDDEN:  # on a busy machine its media may come late
            yield lambda: position_s(tab) - before_s > PLAYED_S / 2
        else:
            yield seconds(PLAYED_S)
        saw["hidden"] = tab.evaluate(REALLY_HIDDEN)
        saw["played_hidden_s"] = position_s(tab) - before_s
        if name == OVERRIDDEN:
            tab.evaluate("document.querySelector('video').pause()")
            yield seconds(1.5)


def position_s(tab: Tab) -> float:
    return float(tab.evaluate("document.querySelector('video').currentTime"))


OVERRIDDEN = "a page that says it is visible while it is not"
HIDDEN = "an honest page that is hidden"
REWRITTEN = "answers rewritten, the check removed"
REPLAYED = "its own reports sent again"
FORGED = "forged statements of the page's own key"
TWO_TABS = "two tabs of one browser"
TWO_LESSONS = "two lessons at once"
HONEST = "an honest phone"


def a_rewriting_page(run: Run, name: str, saw: dict[str, Any]) -> Story:
    """Between page and server somebody tells the page what it wants to hear, and swallows the checks.

    But for the last second: a page that is told of those too has nothing left to play, and stops.
    """
    all_is_well = {
        "frontier_ms": WHOLE_MS - 1000,
        "pending_ms": 0,
        "final_ms": WHOLE_MS,
        "spans": {"pending": [], "final": [[0, WHOLE_MS]]},
        "complete": True,
        "held": False,
        "check_due": False,
    }

    def rewrite(route: Route) -> None:
        if "/checks" in route.request.url:
            saw["swallowed"] += 1
            route.fulfill(status=409, json={"error": "nothing_pending", "detail": ""})
            return
        answer = route.fetch()
        told = answer.json()
        if route.request.url.endswith("/sittings"):
            route.fulfill(response=answer, json=told | all_is_well | {"frontier_ms": 0})
            return
        believed = {"outcome": "believed", "class": None}
        results = [result | believed for result in told.get("results", ())]
        route.fulfill(response=answer, json=told | all_is_well | ({"results": results} if results else {}))

    def is_state(url: str) -> bool:
        rest = url.partition("/sittings")[2]
        return "/sittings" in url and not rest.endswith(".m3u8") and "/keys/" not in rest

    saw["swallowed"] = 0
    with phone(run.chromium, language="en") as handset:
        handset.page.route(is_state, rewrite)
        yield from run.open(handset, name)
        yield lambda: handset.evaluate("document.querySelector('video').ended")
        yield seconds(1.5)
        saw["asked"] = handset.page.is_visible(ASKING)
        handset.page.unroute(is_state)


def a_replaying_page(run: Run, name: str, saw: dict[str, Any]) -> Story:
    """Its own messages again: to the byte, and signed anew over the newest nonce. Then to a friend's sitting."""
    with phone(run.chromium, language="en") as handset:
        page, heard = handset.page, Overheard.on(handset.page)
        yield from run.open(handset, name)
        yield lambda: handset.position_s() > 3
        press_pause(handset)
        yield seconds(1)
        messages = list(heard.sent)
        saw["before"] = run.school.believed(run.learners[name])
        again = """async ([{sid, token}, message]) => {
            const csrf = document.querySelector('meta[name=csrf-token]').content;
            const headers = {'Content-Type': 'application/json', 'X-Sitting': token, 'X-CSRFToken': csrf};
            const body = JSON.stringify(message);
            const answer = await fetch(`/sittings/${sid}/reports`, {method: 'POST', body, headers});
            return {status: answer.status, told: await answer.json()};
        }"""
        answers = [page.evaluate(again, [heard.opened[-1], message]) for message in messages * 2]
        for message in messages:
            claims = [{"statement": one["statement"], "cm": message["sent_cm"]} for one in message["reports"]]
            answers.append(page.evaluate(FORGE, [heard.opened[-1], claims]))
        saw["again"] = {(one["status"], result["outcome"]) for one in answers for result in one["told"]["results"]}
        saw["after"] = run.school.believed(run.learners[name])
        saw["messages"] = messages


def a_forging_page(run: Run, name: str, saw: dict[str, Any]) -> Story:
    """Claims of the page's own key that the page never made; then it watches on as if nothing had been."""
    learner = run.learners[name]
    with phone(run.chromium, language="en") as handset:
        heard = Overheard.on(handset.page)
        yield from run.open(handset, name)
        yield lambda: handset.position_s() > 2
        press_pause(handset)
        yield lambda: run.school.believed(learner)["pending"] > 1500
        yield seconds(0.5)
        made = saw["forgery"] = forge(run.school, handset, learner, heard)
        # What the page itself had sent: again, with another statement in it, and to nobody's sitting; without a token.
        altered = made.own | {"reports": [{**made.own["reports"][0], "statement": made.forged}]}
        post = """async ([url, body]) => (await fetch(url, {method: 'POST', body: JSON.stringify(body), headers: {
            'Content-Type': 'application/json',
            'X-CSRFToken': document.querySelector('meta[name=csrf-token]').content}})).status"""
        url = f"/sittings/{made.own['sid']}/reports"
        messages = (made.own, altered, {**made.own, "sid": "x"})
        saw["statuses"] = {handset.page.evaluate(post, [url, message]) for message in messages}
        saw["after"] = run.school.believed(learner)
        go_on(handset)
        yield lambda: handset.page.is_visible(ASKING)
        saw["said"] = handset.answer_check(questions(WHOLE_MS))


def two_pages(run: Run, name: str, saw: dict[str, Any]) -> Story:
    """A second tab takes over, with the same lesson or another; the first claims on, by its own key, and plays on."""
    with phone(run.chromium, language="en") as first:
        heard = Overheard.on(first.page)
        yield from run.open(first, name)
        yield lambda: first.position_s() > 2
        second = Phone(first.page.context.new_page())
        newer = Overheard.on(second.page)
        yield from run.open(second, name, run.second_unit_id if name == TWO_LESSONS else None)
        # The first page has played on, and does not know yet. In its own name, as much as a report can hold.
        last = claim_of(heard.sent[-1]["reports"][-1]["statement"])
        forger = ScriptedPlayer(HttpTransport(run.school.base), {}, opened=heard.opened[0], seq=last["seq"])
        cm = int(first.evaluate("performance.now()"))
        play = cm - last["cm"] + 1000
        statement = forger.make(a=last["b"], b=min(WHOLE_MS, last["b"] + worth_ms(play) + 1000), play=play, cm=cm)
        saw["claimed"] = first.page.evaluate(FORGE, [heard.opened[0], [{"statement": statement, "cm": cm}]])["told"]
        if is_paused(first):
            first.page.evaluate("void document.querySelector('video').play()")
        else:  # not by the button: it may have become one that plays, which would take the lesson back
            first.page.evaluate("document.querySelector('video').pause()")
        yield lambda: first.page.is_visible(COVER)
        saw["cover"] = first.page.inner_text("[data-cover-title]")
        yield lambda: second.position_s() > 4 or second.page.is_visible(ASKING)
        if not is_paused(second):
            press_pause(second)
        yield from until_reported(newer)


BROWSER: dict[str, Callable[[Run, str, dict[str, Any]], Story]] = {
    HONEST: an_honest_phone,
    REWRITTEN: a_rewriting_page,
    FORGED: a_forging_page,
    TWO_TABS: two_pages,
    TWO_LESSONS: two_pages,
    REPLAYED: a_replaying_page,
    OVERRIDDEN: a_hidden_page,
    HIDDEN: a_hidden_page,
    **dict.fromkeys(HOOKS, a_hooked_page),
    **dict.fromkeys(CONSOLE, a_console_cheat),
}
"""The longest first."""
