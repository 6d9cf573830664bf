"""Every cheat of MODEL 2.1 that a browser or a program can try, side by side on the running product.

They all run once, at the same time, each with a learner of its own; then each is asked what became of it. What a
learner may have at most is never a tolerance: `bounds.account_of` works it out from the server's own rows and
fails where a law of MODEL 1.3 is broken. An honest phone watches in the same minute and loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from elearn.demo.scripted_player import ScriptedPlayer
from tests.journeys import scripted_cheats
from tests.journeys.bounds import PEND_MAX_MS, worth_ms
from tests.journeys.cheating_pages import (
    BROWSER,
    FORGED,
    HIDDEN,
    HONEST,
    HOOKS,
    OVERRIDDEN,
    PLAYED_S,
    RATE_HOOK,
    REPLAYED,
    REWRITTEN,
    TWO_LESSONS,
    TWO_TABS,
    Run,
)
from tests.journeys.lessons import offer_packaged
from tests.journeys.school import School
from tests.journeys.side_by_side import Story, tell
from tests.journeys.test_watching import WHOLE_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("cheats")]

LIMIT_S = 90
AT_ONCE = 5
"""Pages at a time: more of them would only wait for each other."""


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
        unit_id = offer_packaged(
            session,
            school.settings,
            school.packaged,
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
    # Where nothing more could wait for a check, that is the reason, and no other is asked for.
    assert expected.must <= account.codes or account.codes & NO_ROOM, account
    assert account.codes <= expected.must | expected.may | NO_ROOM, account
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
    assert both.account.refused_ms.keys() & {"SUPERSEDED", *NO_ROOM}


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
