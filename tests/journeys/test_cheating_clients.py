"""Every cheat of MODEL 2.1 that a browser or a program can try, side by side on the running product.

They all run once, at the same time, each with a learner of its own; then each is asked what became of it. What a
learner may have at most is never a tolerance: `bounds.account_of` works it out from the server's own rows and
fails where a law of MODEL 1.3 is broken. An honest phone watches in the same minute and loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from elearn.demo.browser import Phone, phone
from elearn.demo.example import questions
from elearn.demo.scripted_player import ScriptedPlayer, claim_of
from elearn.demo.transport import HttpTransport
from tests.journeys import scripted_cheats
from tests.journeys.bounds import PEND_MAX_MS, Account, account_of, worth_ms
from tests.journeys.hidden_tab import Tab, a_tab
from tests.journeys.lessons import offer_packaged
from tests.journeys.school import Learner, School
from tests.journeys.side_by_side import Story, seconds, tell
from tests.journeys.test_cheats import CHEATS, FORGE, Overheard, forge
from tests.journeys.test_watching import WHOLE_MS, go_on, is_paused, press_pause

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("cheats")]

PLAYED_S = 4
"""How long each hook has its way."""
LIMIT_S = 90
AT_ONCE = 5
"""Pages at a time: more of them would only wait for each other."""
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
    """The tab is put behind another one after two seconds, for PLAYED_S."""
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
    """Between page and server somebody tells the page what it wants to hear, and swallows the checks."""
    all_is_well = {
        "frontier_ms": WHOLE_MS,
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
        else:
            press_pause(first)
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


# -- programs without a browser


def without_media(run: Run, players: list[ScriptedPlayer]) -> None:
    scripted_cheats.plays_without_media(players[0], run.school.long_unit_id, 8)


def without_answers(run: Run, players: list[ScriptedPlayer]) -> None:
    scripted_cheats.plays_without_answering(players[0], run.school.long_unit_id, PEND_MAX_MS // 1000 + 3)


def random_answers(run: Run, players: list[ScriptedPlayer]) -> dict[str, Any]:
    return scripted_cheats.answers_at_random(players[0], run.school.long_unit_id)


def anothers_answer(run: Run, players: list[ScriptedPlayer]) -> dict[str, Any]:
    return scripted_cheats.answers_with_anothers(players[0], players[1], run.school.long_unit_id)


def two_programs(run: Run, players: list[ScriptedPlayer]) -> None:
    player = players[0]
    other = ScriptedPlayer(player.send, player.headers, wait=player.wait, device=player.device)
    player.enrol()
    scripted_cheats.watches_two_lessons(player, other, (run.school.long_unit_id, run.school.unit_id), 8)


NO_MEDIA = "a program without media"
NO_ANSWERS = "a program with media that answers nothing"
GUESSES = "a program that answers at random"
ANOTHERS = "a program with somebody else's answer"
FRIEND = "the friend who answered"
TWO_PROGRAMS = "a program that watches two lessons"
TELLS_ANOTHERS = "a program with somebody else's reports"
SCRIPTED: dict[str, Callable[[Run, list[ScriptedPlayer]], Any]] = {
    NO_MEDIA: without_media,
    NO_ANSWERS: without_answers,
    GUESSES: random_answers,
    ANOTHERS: anothers_answer,
    TWO_PROGRAMS: two_programs,
}


def let_pass(run: Run) -> tuple[Callable[[float], None], Callable[[], None]]:
    """Waiting that delivers Playwright's events, and its end."""
    context = run.chromium.new_context()
    page = context.new_page()
    return lambda duration: page.wait_for_timeout(duration * 1000), context.close


@pytest.fixture(scope="module")
def run(school: School, chromium: Browser) -> Run:
    """All of it, once."""
    made = Run(school, chromium, second_unit_id=a_second_lesson(school))
    names = [*BROWSER, *SCRIPTED, FRIEND, TELLS_ANOTHERS]
    made.learners = {name: school.a_learner() for name in names}
    made.saw = {name: {} for name in names}
    with ThreadPoolExecutor(len(SCRIPTED) + 1) as pool:
        signed_in = dict(zip(names, pool.map(lambda name: a_player(made, name), names), strict=True))
        made.cookies = {name: player.send.cookies for name, player in signed_in.items()}  # type: ignore[attr-defined]
        pages = {name: settled(made, name, story(made, name, made.saw[name])) for name, story in BROWSER.items()}
        programs = {name: program(made, name, pool, signed_in) for name in [*SCRIPTED, TELLS_ANOTHERS]}
        wait, done = let_pass(made)
        made.broken = tell(pages, beside=programs, at_once=AT_ONCE, let_pass=wait, limit_s=LIMIT_S)
        done()
    return made


def settled(run: Run, name: str, story: Story) -> Story:
    """The story, and at its end what became of it: before a check that it left open runs out."""
    yield from story
    run.settle(name)


def program(run: Run, name: str, pool: ThreadPoolExecutor, players: dict[str, ScriptedPlayer]) -> Story:
    """A program without a browser runs in a thread of its own."""
    if name == TELLS_ANOTHERS:
        yield lambda: "messages" in run.saw[REPLAYED]
        told = scripted_cheats.says_it_again
        running: Future[Any] = pool.submit(told, players[name], run.saw[REPLAYED]["messages"], run.school.unit_id)
    else:
        friends = [players[FRIEND]] if name == ANOTHERS else []
        running = pool.submit(SCRIPTED[name], run, [players[name], *friends])
    yield running.done
    run.saw[name]["told"] = running.result()
    run.settle(name)
    if name == ANOTHERS:
        run.settle(FRIEND)


def a_player(run: Run, name: str) -> ScriptedPlayer:
    return run.school.player(run.learners[name], wait=lambda ms: time.sleep(ms / 1000))


def a_second_lesson(school: School) -> str:
    """The short lesson once more, as another unit."""
    with school.database() as session:
        course_id, acting = UUID(school.example.course_id), [UUID(school.example.institution_id)]
        (packaged,) = (place for place in school.settings.media_dir.iterdir() if (place / "manifest.json").exists())
        unit_id = offer_packaged(
            session,
            school.settings,
            packaged,
            course_id=course_id,
            title="另一课",
            acting=acting,
            at=datetime.now(UTC),
        )
        session.commit()
    return str(unit_id)


# -- what became of them


@dataclass(frozen=True, slots=True)
class Expected:
    """Codes that must be stored, codes that may be, and what waits for a check where that is known beforehand."""

    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    pending_ms: int | None = None


def codes(*names: str) -> frozenset[str]:
    return frozenset(names)


NO_ROOM = codes("PRESENCE_REQUIRED")
"""On a machine so busy that a page played on until no more could wait for a check."""
FAST = codes("RATE", "OVER_BUDGET", "FORWARD_SEEK", "CLOCK_FAST")
NEVER_FINAL = {
    # An honest player that is lied to keeps back what cannot wait for a check, so not even a refusal is certain.
    RATE_HOOK: Expected(may=FAST),
    "timers and frames 16 times as fast": Expected(),  # real playing by a busier page: worth what an honest one's is
    "a calendar 16 times as fast": Expected(),  # the calendar is no input (I8)
    "performance.now 16 times as fast, and the rate with it": Expected(codes("CLOCK_FAST"), FAST),
    "jumps ahead, four times a second": Expected(may=FAST),
    "a position that lies": Expected(may=FAST),
    OVERRIDDEN: Expected(),  # nothing exposes it (T14), and nothing makes it final
    HIDDEN: Expected(),
    REWRITTEN: Expected(codes("PRESENCE_REQUIRED"), pending_ms=PEND_MAX_MS),
    REPLAYED: Expected(),
    TWO_TABS: Expected(codes("SUPERSEDED"), codes("FORK")),
    TWO_LESSONS: Expected(codes("SUPERSEDED"), codes("FORK")),
    NO_MEDIA: Expected(codes("NOT_DELIVERED"), pending_ms=0),
    NO_ANSWERS: Expected(codes("PRESENCE_REQUIRED"), pending_ms=PEND_MAX_MS),
    TWO_PROGRAMS: Expected(codes("SUPERSEDED")),
    TELLS_ANOTHERS: Expected(codes("BAD_TOKEN", "BAD_SIGNATURE"), pending_ms=0),
}
"""Without a check answered right nothing is final; with the laws of `bounds` the rest is possible playing."""


@pytest.mark.parametrize("name", NEVER_FINAL)
def test_a_cheat_is_believed_what_it_really_played_and_nothing_of_it_is_final(run: Run, name: str) -> None:
    account, expected = run.outcome(name).account, NEVER_FINAL[name]
    assert (account.final_ms, account.exam_ms) == (0, 0)
    assert expected.must <= account.codes <= expected.must | expected.may | NO_ROOM, account
    assert account.reversed_ms == {}
    if expected.pending_ms is not None:
        assert account.pending_ms == expected.pending_ms


def test_an_honest_phone_beside_all_of_them_loses_nothing(run: Run) -> None:
    honest = run.outcome(HONEST)
    assert honest.saw["size"] == {"width": 360, "height": 800}
    assert honest.saw["checks"] == 2
    assert WHOLE_MS - 1000 <= honest.account.final_ms == honest.account.exam_ms <= WHOLE_MS
    assert (honest.account.pending_ms, honest.account.reversed_ms) == (0, {})
    # The last seconds are played out before a check, where they may find no room to wait; they are played again.
    assert honest.account.codes <= {"PRESENCE_REQUIRED"}


@pytest.mark.parametrize("name", [name for name, hook in HOOKS.items() if hook.clock != "0"])
def test_the_hooks_really_are_as_fast_as_they_say(run: Run, name: str) -> None:
    assert run.outcome(name).saw["times"] > 10


def test_a_rate_that_says_one_is_sixteen(run: Run) -> None:
    hooked = run.outcome(RATE_HOOK)
    assert hooked.saw["real_rate"] == 16
    assert hooked.account.credited_ms <= worth_ms(hooked.account.window_ms)


@pytest.mark.parametrize("name", ["timers and frames 16 times as fast", "a calendar 16 times as fast"])
def test_a_hook_that_leaves_the_media_alone_earns_what_was_played_of_it(run: Run, name: str) -> None:
    hooked = run.outcome(name)
    assert 0 < hooked.account.credited_ms <= hooked.saw["position_ms"] + 500


def test_a_page_that_is_really_hidden_pauses_unless_it_is_overridden(run: Run) -> None:
    honest, overridden = run.outcome(HIDDEN), run.outcome(OVERRIDDEN)
    assert honest.saw["hidden"]
    assert overridden.saw["hidden"]
    assert honest.saw["played_hidden_s"] == 0
    assert honest.account.pending_ms >= 1500, "what was seen before counts"
    assert overridden.saw["played_hidden_s"] > PLAYED_S / 2


def test_a_page_that_is_told_what_it_wants_to_hear_has_a_full_lesson_and_nothing_final(run: Run) -> None:
    rewritten = run.outcome(REWRITTEN)
    assert not rewritten.saw["asked"]
    assert rewritten.account.checks == []
    assert rewritten.account.refused_ms["PRESENCE_REQUIRED"] >= WHOLE_MS - PEND_MAX_MS - 500


def test_reports_sent_again_change_nothing_for_their_own_learner(run: Run) -> None:
    replayed = run.outcome(REPLAYED)
    assert len(replayed.saw["messages"]) >= 2
    assert replayed.saw["again"] == {(200, "ignored")}
    assert replayed.saw["after"] == replayed.saw["before"]


def test_reports_of_somebody_else_earn_nothing_however_they_are_dressed(run: Run) -> None:
    told = run.outcome(TELLS_ANOTHERS)
    assert told.saw["told"] == {(403, "bad_token"), (409, "stale_nonce"), (200, "refused")}
    assert (told.account.credited_ms, sum(told.account.refused_ms.values())) == (0, 0)
    assert told.account.blocks, "its own media was there: the reports were refused for what they are"


def test_forged_statements_of_the_page_s_own_key_earn_nothing_and_honest_watching_goes_on(run: Run) -> None:
    forged = run.outcome(FORGED)
    made = forged.saw["forgery"]
    assert made.before == made.after == forged.saw["after"]
    assert made.outcomes <= {"refused", "waiting", "ignored"}
    assert forged.saw["statuses"] <= {400, 401, 403, 409}, "no token, or a message that proves nothing"
    assert "Right" in forged.saw["said"]
    assert made.before["pending"] <= forged.account.final_ms == forged.account.exam_ms


@pytest.mark.parametrize("name", [TWO_TABS, TWO_LESSONS])
def test_the_older_of_two_pages_is_worth_what_it_played_before_the_newer_one(run: Run, name: str) -> None:
    both = run.outcome(name)
    assert both.saw["cover"] == "Continued on another device"
    assert both.saw["claimed"]["ended"] == "playing_elsewhere"
    *older, newest = both.account.windows  # a page that waited too long for its opening asks again: one more window
    assert (older[0].unit_id == newest.unit_id) == (name == TWO_TABS)
    for one in older:
        assert one.credited_ms() <= worth_ms(one.ended_ms - one.opened_ms)
    assert both.account.refused_ms["SUPERSEDED"] > 0


def test_two_programs_that_claim_two_lessons_at_once_share_the_time_of_one(run: Run) -> None:
    account = run.outcome(TWO_PROGRAMS).account
    assert len(account.windows) == 16
    assert account.credited_ms + account.refused_ms["SUPERSEDED"] == 16_000
    assert account.pending_ms == account.credited_ms <= worth_ms(account.window_ms)


def test_a_program_in_real_time_without_media_earns_nothing(run: Run) -> None:
    account = run.outcome(NO_MEDIA).account
    assert (account.credited_ms, account.blocks) == (0, {})
    assert account.refused_ms == {"NOT_DELIVERED": 8_000}


def test_a_program_that_answers_nothing_has_as_much_waiting_as_may_and_the_keys_up_to_there(run: Run) -> None:
    account = run.outcome(NO_ANSWERS).account
    assert account.refused_ms == {"PRESENCE_REQUIRED": 3_000}
    assert account.blocks == {UUID(run.school.long_unit_id): {0, 1}}, "the next block begins at 60 s, beyond the lead"


def test_three_wrong_guesses_end_the_day_of_a_program_that_answers_at_random(run: Run) -> None:
    guesses = run.outcome(GUESSES)
    told, account = guesses.saw["told"], guesses.account
    assert (told["status"], told["error"]) == (409, "checks_locked")
    assert account.failed == 3
    assert account.final_ms == account.exam_ms, "only what stood behind a guess that happened to be right"
    assert (account.pending_ms, account.codes) == (0, {"PRESENCE_FAILED", "PRESENCE_REQUIRED"})


def test_an_answered_check_of_a_friend_is_no_answer_to_one_s_own(run: Run) -> None:
    told, account = run.outcome(ANOTHERS).saw["told"], run.outcome(ANOTHERS).account
    assert (told["there"], told["here"], told["before"]) == (403, 404, 0)
    # The numbers of the friend's options mean others here: right by chance in one of fifteen cases, and then it is.
    (check,) = account.checks
    assert (told["tried"] == "passed") == check.was_answered_right
    assert (account.final_ms, account.pending_ms) == ((2000, 0) if check.was_answered_right else (0, 2000))
    friend = run.outcome(FRIEND).account
    assert told["again"] == ("passed", 0, 1000), "an old answer, sent again, settles nothing that came later"
    assert (friend.final_ms, friend.exam_ms, friend.pending_ms) == (2000, 2000, 1000)


def test_every_ledger_still_adds_up(run: Run) -> None:
    run.school.require_sound_ledgers()
