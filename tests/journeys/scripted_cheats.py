"""Programs that pretend to watch: real clients over HTTP, in real time, without a player (MODEL 2.1).

Each takes a signed-in player without a screen and does what such a tool does; what it earns is asked of the server
afterwards (`bounds.account_of`). What they return is what the server told them, where a test wants to know.
"""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

from elearn.demo.scripted_player import ScriptedPlayer, claim_of
from tests.journeys.school import right_answers

STEP_MS = 1_000
SUBSETS = [set(chosen) for size in range(1, 5) for chosen in combinations(range(4), size)]


def claim_a_second(player: ScriptedPlayer) -> dict[str, Any]:
    """Let a second pass and claim it, wherever the server says watching has got to; answers what it was told."""
    player.pass_time(STEP_MS)
    if player.position_ms > player.state["frontier_ms"] + player.opened["delta_ms"]:
        player.position_ms = player.state["frontier_ms"]
    begin = player.position_ms
    player.position_ms = min(begin + STEP_MS, player.opened["duration_ms"])
    player.make(a=begin, b=player.position_ms, play=STEP_MS)
    return player.flush()


def ask_every_key(player: ScriptedPlayer) -> None:
    """All of the lesson's keys that the server gives now."""
    for index in range(-(-player.opened["duration_ms"] // player.block_ms)):
        if index not in player.keys:
            got = player.ask_key(index)
            assert got.status in (200, 425), got
            if got.status == 200:
                player.keys[index] = got.body


def watch(player: ScriptedPlayer, unit_id: str, seconds: int) -> None:
    """What an honest player without a screen does: a key, then second after second."""
    player.open(unit_id)
    assert player.have_key()
    for _ in range(seconds):
        claim_a_second(player)


def plays_without_media(player: ScriptedPlayer, unit_id: str, seconds: int) -> None:
    """The heartbeats of somebody who watches, and no key was ever asked for."""
    player.open(unit_id)
    for _ in range(seconds):
        claim_a_second(player)
    refused = player.call("POST", player.at("/checks"), {})
    assert (refused.status, refused.json()["error"]) == (409, "nothing_pending")


def plays_without_answering(player: ScriptedPlayer, unit_id: str, seconds: int) -> None:
    """Takes every key it can get, reports in real time, and never asks for the check."""
    player.open(unit_id)
    ask_every_key(player)
    for number in range(seconds):
        if number % 5 == 4:
            ask_every_key(player)
        claim_a_second(player)
    ask_every_key(player)
    assert player.state["check_due"]


def answers_at_random(player: ScriptedPlayer, unit_id: str) -> dict[str, Any]:
    """Guesses at every check, two different subsets each, until no more are put; answers the last refusal."""
    guessing = random.Random(player.device.thumbprint)  # any will do: the options are shuffled by a secret
    watch(player, unit_id, 2)
    for _ in range(60):
        if not player.state["held"]:
            claim_a_second(player)
        got = player.call("POST", player.at("/checks"), {})
        if got.status != 201:
            told: dict[str, Any] = got.json()
            claim_a_second(player)  # it plays on, to no avail
            return told | {"status": got.status}
        check = got.json()["check"]
        for guess in guessing.sample(SUBSETS, 2):
            told = player.call("POST", player.at(f"/checks/{check['id']}"), {"answer": sorted(guess)}).json()
            player.look()
            if told["outcome"] != "try_again":
                break
    raise AssertionError("sixty checks, and nobody said stop")


def answers_with_anothers(player: ScriptedPlayer, friend: ScriptedPlayer, unit_id: str) -> dict[str, Any]:
    """Uses the answered check of a friend, then the numbers of the friend's answer; answers what each try said."""
    watch(friend, unit_id, 2)
    solved = friend.ask_check()
    right = [
        one["id"] for one in solved["options"] if one["text"] in right_answers(solved, friend.opened["duration_ms"])
    ]
    passed = friend.call("POST", friend.at(f"/checks/{solved['id']}"), {"answer": right}).json()
    # The friend's own old answer, sent again for what was watched since.
    claim_a_second(friend)
    again = friend.call("POST", friend.at(f"/checks/{solved['id']}"), {"answer": right}).json()

    watch(player, unit_id, 2)
    own = player.ask_check()
    there = player.call(
        "POST", friend.at(f"/checks/{solved['id']}"), {"answer": right}, X_Sitting=friend.opened["token"]
    )
    here = player.call("POST", player.at(f"/checks/{solved['id']}"), {"answer": right})
    before = player.look()["final_ms"]
    tried = player.call("POST", player.at(f"/checks/{own['id']}"), {"answer": right}).json()
    return {
        "friend": passed["outcome"],
        "again": (again["outcome"], again["final_ms"] - passed["final_ms"], again["pending_ms"]),
        "there": there.status,
        "here": here.status,
        "before": before,
        "tried": tried["outcome"],
    }


def watches_two_lessons(player: ScriptedPlayer, other: ScriptedPlayer, unit_ids: tuple[str, str], seconds: int) -> None:
    """One account in two programs, a lesson each: both open again every second and claim it, the later one has it."""
    pair = [(player, unit_ids[0]), (other, unit_ids[1])]
    for number in range(seconds):
        for one, unit_id in pair if number % 2 else reversed(pair):
            one.open(unit_id)
            one.ask_key(0)  # 403 when the other one took over meanwhile
        player.pass_time(STEP_MS)
        other.cm += STEP_MS  # the same second
        for one, _ in pair:
            one.make(a=one.position_ms, b=one.position_ms + STEP_MS, play=STEP_MS)
            one.flush()


def says_it_again(player: ScriptedPlayer, messages: list[dict[str, Any]], unit_id: str) -> set[tuple[int, str]]:
    """Somebody else's recorded reports, told as one's own: as they are, with one's own number, and signed anew.

    The player has its media and its time, so that whatever is taken over could be believed. Answers each status,
    with the error or the outcomes.
    """
    player.open(unit_id)
    assert player.have_key()
    player.pass_time(3 * STEP_MS)
    heard: set[tuple[int, str]] = set()
    for number, recorded in enumerate(messages):
        statements = [report["statement"] for report in recorded["reports"]]
        own = player.message(statements, sent_cm=claim_of(statements[-1])["cm"])
        renumbered = recorded | {"sid": player.sid}
        as_they_are = [recorded, renumbered, renumbered | {"nonce": player.look()["nonce"]}]
        # One and the same statement is kept as evidence once, with the first reason.
        for message in [own] if number % 2 else as_they_are:
            answer = player.call("POST", player.at("/reports"), message)
            told = answer.json()
            heard |= {(answer.status, one) for one in [told.get("error")] if one}
            heard |= {(answer.status, result["outcome"]) for result in told.get("results", ())}
    return heard
