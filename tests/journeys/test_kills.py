"""`kill -9` of every part while somebody watches: it goes on, and no acknowledged second is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from elearn.demo.browser import Phone, phone
from elearn.demo.example import questions
from elearn.demo.scripted_player import Answer, ScriptedPlayer
from tests.journeys.running import Part, kill
from tests.journeys.school import SHORT_S, Learner, School, a_running_school, right_answers
from tests.journeys.test_watching import (
    go_on,
    press_pause,
    require_whole_lesson_at_the_exam_system,
    start,
    watch_to_the_end,
)
from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.xdist_group("kills")]


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """One of its own: others would not like what happens to it."""
    with a_running_school(tmp_path_factory.mktemp("killed")) as made:
        yield made


CALM_S = 6.0
"""granian takes a web process that dies within 5.5 s of being started again for a crash loop, and ends."""


def has_part(school: School, part: Part) -> bool:
    return bool(school.product.parts()[part])


def parts_are_back(school: School, part: Part, killed: list[int]) -> bool:
    """As many processes of that kind as before, none of them an old one, and all of it healthy."""
    now = school.product.parts()[part]
    return len(now) == len(killed) and not set(now) & set(killed) and school.product.is_healthy()


def play_on_to(handset: Phone, seconds: float) -> None:
    """Play to this second; a check may come on the way, and is answered."""
    while True:
        handset.wait_until(lambda: handset.asks() or handset.position_s() > seconds, f"second {seconds}", timeout_s=40)
        if not handset.asks():
            return
        handset.answer_check(questions(SHORT_S * 1000))
        go_on(handset)


def kill_each_part_while_watching(school: School, handset: Phone, learner: Learner, *, every_s: float) -> int:
    """Start the lesson and kill one part after the other, the server with all of it last.

    Answers the most milliseconds that the server ever acknowledged to this player. AssertionError when one of them
    is not in the database after a restart.
    """
    heard: list[dict[str, Any]] = []

    def listen(answer: Any) -> None:
        if answer.url.endswith("/reports") and answer.status == 200:
            heard.append(answer.json())

    def acknowledged_ms() -> int:
        return max((told["pending_ms"] + told["final_ms"] for told in heard), default=0)

    handset.page.on("response", listen)
    start(school, handset, learner)
    for number, part in enumerate((Part.POSTGRES, Part.VALKEY, Part.WORKER, Part.SIGNER, Part.WEB), start=1):
        play_on_to(handset, every_s * number)
        press_pause(handset)
        wait_for_report(handset, acknowledged_ms)
        # What was killed before may have taken this part along, which is then being started again.
        wait_for(partial(has_part, school, part), seconds=20, what=f"{part}")
        before, killed = acknowledged_ms(), school.product.parts()[part]
        kill(killed)
        go_on(handset)  # the player does not wait for anybody
        wait_for(partial(parts_are_back, school, part, killed), seconds=40, what=f"{part} to come back")
        assert sum(school.believed(learner).values()) >= before > 0, part
    # Everything at once, as when the power goes: then somebody starts the server again.
    before = acknowledged_ms()
    school.product.kill()
    school.product.start()
    assert sum(school.believed(learner).values()) >= before
    return acknowledged_ms()


@pytest.mark.browser
def test_every_part_is_killed_while_somebody_watches_and_no_acknowledged_second_is_lost(
    school: School, chromium: Browser
) -> None:
    learner = school.a_learner()
    with phone(chromium) as handset:
        acknowledged = kill_each_part_while_watching(school, handset, learner, every_s=2)
        watch_to_the_end(school, handset, learner)
    require_whole_lesson_at_the_exam_system(school, learner)
    assert sum(school.believed(learner).values()) >= acknowledged
    school.require_sound_ledgers()


def wait_for_report(handset: Phone, acknowledged_ms: Callable[[], int]) -> None:
    """Until the server has answered for what was just played."""
    handset.wait_until(
        lambda: acknowledged_ms() >= handset.position_s() * 1000 - 500, "the report's answer", timeout_s=30
    )


def test_database_and_web_processes_killed_together_come_back_together(school: School) -> None:
    """A web process that starts while the database recovers waits for it, instead of ending the server."""
    killed = school.product.parts()
    kill(killed[Part.POSTGRES] + killed[Part.WEB])
    wait_for(lambda: parts_are_back(school, Part.WEB, killed[Part.WEB]), seconds=40, what="both")


def test_a_web_process_killed_again_and_again_does_not_end_the_server(school: School) -> None:
    """granian gives up when a process that it has just replaced ends again; `elearn serve` does not."""
    for _ in range(2):
        web = school.product.parts()[Part.WEB]
        kill(web)
        wait_for(partial(parts_are_back, school, Part.WEB, web), seconds=40, what="the web processes")
    wait_for(school.product.is_healthy, seconds=40, what="the server")


def test_a_report_stored_before_the_server_died_counts_once_when_it_is_sent_again(school: School) -> None:
    """The answer never came: the player cannot know whether it was stored, so it sends the same again."""
    time.sleep(CALM_S)
    learner = school.a_learner()
    player = school.player(learner)
    player.open(school.unit_id)
    assert player.have_key()
    time.sleep(1)
    player.pass_time(1000)
    plain, lost = player.send, []

    def loses_answers(method: str, path: str, **more: Any) -> Answer:
        answer = plain(method, path, **more)
        if path.endswith("/reports"):
            lost.append(answer)
            web = school.product.parts()[Part.WEB]
            kill(web)
            raise ConnectionResetError("the server died between storing and answering")
        return answer

    player.make(a=0, b=900, play=900)
    message = player.message()
    player.send = loses_answers
    with pytest.raises(ConnectionResetError):
        player.deliver(message)
    stored = sum(school.believed(learner).values())
    assert (lost[0].status, stored) == (200, lost[0].json()["pending_ms"])
    wait_for(school.product.is_healthy, seconds=30, what="the next web processes")
    player.send = plain
    again = player.deliver(message)
    assert [one["outcome"] for one in again["results"]] == ["ignored"]
    assert again["acknowledged"] == 1
    assert sum(school.believed(learner).values()) == stored > 0
    finish(player)


def finish(player: ScriptedPlayer) -> None:
    """What was pending becomes final after all of this, too."""
    check = player.ask_check()
    told = player.answer(check, right_answers(check, player.opened["duration_ms"]))
    assert told["outcome"] == "passed"
    assert told["final_ms"] > 0
