"""Watching that does not count, in each of the seven classes, and sittings in which some of it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking import policies
from elearn.tracking.policy import Policy
from elearn.tracking.verifier import RefusalClass
from tests.builders_tracking import Watchable, a_player, fail_check, pass_check


def jump_ahead(player: ScriptedPlayer) -> None:
    player.pass_time(15_000)
    player.make(a=60_000, b=75_000, play=15_000)
    player.flush()


def play_too_fast(player: ScriptedPlayer) -> None:
    player.have_key()
    player.pass_time(15_000)
    player.make(a=0, b=30_000, play=15_000)
    player.flush()


def play_after_a_takeover(player: ScriptedPlayer) -> None:
    player.play(15_000)
    other = replace(player, opened={}, state={}, queue=[], keys={})
    other.open(player.opened["unit"])
    player.pass_time(15_000)
    other.cm = player.cm
    player.make(a=15_000, b=30_000, play=15_000)
    player.flush()


def hide_the_page(player: ScriptedPlayer) -> None:
    player.have_key()
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000, hidden=9_000)
    player.flush()


def miss_a_check(player: ScriptedPlayer) -> None:
    player.play(15_000)
    fail_check(player)


def reach_the_day_s_limit(player: ScriptedPlayer) -> None:
    player.play(30_000)


def sign_with_another_key(player: ScriptedPlayer) -> None:
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000)
    deliver_forged(player)


def deliver_forged(player: ScriptedPlayer) -> None:
    """All that waits, under a signature that is not the device's; it goes on waiting."""
    forged = player.message()
    forged["reports"][0]["sig"] = "A" * 86
    player.deliver(forged)


CLASSES: dict[RefusalClass, tuple[Callable[[ScriptedPlayer], None], str]] = {
    RefusalClass.JUMPED_AHEAD: (jump_ahead, "FORWARD_SEEK"),
    RefusalClass.TOO_FAST: (play_too_fast, "RATE"),
    RefusalClass.PLAYING_ELSEWHERE: (play_after_a_takeover, "SUPERSEDED"),
    RefusalClass.HIDDEN: (hide_the_page, "HIDDEN"),
    RefusalClass.CHECK_MISSED: (miss_a_check, "PRESENCE_FAILED"),
    RefusalClass.LIMIT_REACHED: (reach_the_day_s_limit, "DAY_CAP"),
    RefusalClass.DEVICE_PROBLEM: (sign_with_another_key, "BAD_SIGNATURE"),
}
"""What brings a refusal of each class about, and the exact code that an auditor reads."""


def a_refusal(app: Flask, session: Session, lesson: Watchable, kind: RefusalClass) -> tuple[ScriptedPlayer, str]:
    """A player of the lesson to whom `kind` has just happened, and the auditor's code."""
    play, code = CLASSES[kind]
    if kind is RefusalClass.LIMIT_REACHED:
        policies.give(app, replace(Policy(), day_cap_ms=20_000))
    try:
        player = a_player(app, session, lesson.learner_id)
        player.open(lesson.unit_id)
        play(player)
    finally:
        policies.give(app, None)
    return player, code


def play_good_and_bad(player: ScriptedPlayer) -> str:
    """One report final, one taken back, one refused, and before that one forged; the sitting's id."""
    player.play(15_000)
    pass_check(player)
    player.play(15_000)
    fail_check(player)
    player.pass_time(15_000)
    player.make(a=60_000, b=75_000, play=15_000)
    deliver_forged(player)
    player.flush()
    return player.sid
