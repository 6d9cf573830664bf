"""R1-R16 as a table: for each rule somebody who trips it, and honest people it leaves alone (MODEL 1.6, 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from elearn.tracking.signals import group_rules, rules
from elearn.tracking.signals.facts import (
    WEIGHTS,
    ClientSigns,
    DayOf,
    Face,
    Fetched,
    Flag,
    Learned,
    Opening,
    Rule,
    Stretch,
    Together,
)
from elearn.tracking.signals.thresholds import Thresholds
from tests.tracking.signals.facts_of import DAY, HOUR, MINUTE, SECOND, T, a_check, a_sitting, beats, who

GIVEN = Thresholds()
ON = date(2026, 9, 21)
JITTER = (0, 130, 20, 260, 45)
"""Milliseconds of a mobile network."""


def regular(**facts: Any) -> list[Flag]:
    return rules.regular_beats([a_sitting(beats=beats(60, **facts))], GIVEN)


def nonstop(wall: int, media: int) -> list[Flag]:
    return rules.never_pauses([a_sitting(wall_ms=wall, media_ms=media)], GIVEN)


def run(length: int) -> list[Flag]:
    return rules.long_runs([a_sitting(longest_run=Stretch(T, T + length, length))], GIVEN)


def a_day(played: int, parts: int = 2) -> list[Flag]:
    sittings = [a_sitting(number=i, days={ON: DayOf(played_ms=played // parts)}) for i in range(parts)]
    return rules.long_runs(sittings, GIVEN)


def awake(*days: int, ms: int = HOUR) -> list[Flag]:
    sittings = [a_sitting(number=i, days={date(2026, 9, i): DayOf(night_ms=ms, credited_ms=ms)}) for i in days]
    return rules.nights(sittings, GIVEN)


def sharing(*opened: tuple[int, int]) -> list[Flag]:
    return group_rules.shared_devices([Opening(who(learner), "phone", T + at) for learner, at in opened], GIVEN)


def room(
    offsets: tuple[int, ...], *, count: int = 90, address: str = "room", pause_after: bool = False, slip: bool = False
) -> list[Flag]:
    """Learners of one address who start `offsets` apart; `pause_after`: each stops for a check, as long as it takes;
    `slip`: in the middle, one beat of each comes when it comes."""
    sittings = []
    for learner, offset in enumerate(offsets, start=1):
        own = beats(count, start=offset)
        if pause_after:
            stop = 3_700 * learner
            own = own[: 20 + 7 * learner] + tuple(
                beat._replace(heard_ms=beat.heard_ms + stop) for beat in own[20 + 7 * learner :]
            )
        if slip:
            middle = own[count // 2]
            own = (
                *own[: count // 2],
                middle._replace(heard_ms=middle.heard_ms + 1_500 * learner),
                *own[count // 2 + 1 :],
            )
        sittings.append(a_sitting(learner, opened=offset, address=address, beats=own))
    return group_rules.phase_locked(sittings, GIVEN)


def scripts(*events: tuple[int, ...], within: int = HOUR, unit: int = 77) -> list[Flag]:
    sittings = [
        a_sitting(
            learner, opened=within * learner // 3, unit=who(unit), events=tuple(("pause", at * SECOND) for at in places)
        )
        for learner, places in enumerate(events, start=1)
    ]
    return group_rules.same_scripts(sittings, GIVEN)


def answers(*took: int, passed: bool = True, tries: int = 1) -> list[Flag]:
    checks = [a_check(put=i * 10 * MINUTE, took=ms, passed=passed, tries=tries) for i, ms in enumerate(took)]
    return rules.fast_answers(checks, GIVEN)


def still(ms: int, touch: bool | None = True) -> list[Flag]:
    return rules.no_touch([a_sitting(touch=touch, untouched=Stretch(T, T + ms, ms))], GIVEN)


def late(late_ms: int, credited: int) -> list[Flag]:
    return rules.late_share([a_sitting(days={ON: DayOf(credited_ms=credited, late_ms=late_ms)})], GIVEN)


def silent(*lengths: int) -> list[Flag]:
    return rules.late_share(
        [a_sitting(silences=tuple((T + i * HOUR, T + i * HOUR + n) for i, n in enumerate(lengths)))], GIVEN
    )


def taken(*at: int) -> list[Flag]:
    return rules.takeovers([a_sitting(number=i, superseded_ms=T + ms) for i, ms in enumerate(at)], GIVEN)


def harvest(delay: int, items: int = 12, *, same_place: bool = True) -> list[Flag]:
    first = [a_check(1, item, put=item * 10 * MINUTE) for item in range(items)]
    second = [a_check(2, item, put=item * 10 * MINUTE + delay) for item in range(items)]
    together = [Together(who(1), who(2), "device")] if same_place else []
    return group_rules.cameo([*first, *second], together, GIVEN)


def learned(right: int, checks: int = 40, *, hours: int = 10, suspected: bool = True) -> list[Flag]:
    one = Learned(who(1), hours * HOUR, checks, right, "2026-09")
    return rules.guessing([one], {who(1)} if suspected else set(), GIVEN, now_ms=T)


def fetched(within: int, *, blocks: int = 40, licensed: bool = False, duration: int = 20 * MINUTE) -> list[Flag]:
    return rules.delivery_shape([Fetched(who(1), who(77), T, T + within, blocks, 40, duration, licensed)], GIVEN)


def face(distance: int, cosine: int | None = None, *, other_day: bool = True) -> list[Flag]:
    return rules.face_again([Face(who(1), who(5), T, distance, cosine, other_day)], GIVEN)


PHONE = "Mozilla/5.0 (Linux; Android 13; M2101) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36"
DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120 Safari/537.36"


def client(given: Thresholds = GIVEN, **facts: Any) -> list[Flag]:
    honest = ClientSigns(
        who(9), who(1), T, PHONE, "203.0.113.0/24", False, (360, 800), "Asia/Shanghai", "Asia/Shanghai"
    )
    return rules.client_signs([honest._replace(**facts)], given)


TABLE: list[tuple[Rule, str, bool, Callable[[], list[Flag]]]] = [
    (
        Rule.REGULAR_BEATS,
        "a program that sleeps exactly, beside the server",
        True,
        lambda: regular(drift=(0, 3), delay=(0, 4)),
    ),
    (Rule.REGULAR_BEATS, "a browser on good Wi-Fi", False, lambda: regular(drift=(0, 4), delay=(3, 60, 12))),
    (Rule.REGULAR_BEATS, "a phone whose timer is throttled", False, lambda: regular(drift=(0, 300, 700, 40))),
    (
        Rule.REGULAR_BEATS,
        "too few beats to say",
        False,
        lambda: rules.regular_beats([a_sitting(beats=beats(40))], GIVEN),
    ),
    (Rule.NEVER_PAUSES, "ten hours in ten hours", True, lambda: nonstop(10 * HOUR + 60 * SECOND, 10 * HOUR)),
    (
        Rule.NEVER_PAUSES,
        "ten hours with sixty checks, each read",
        False,
        lambda: nonstop(10 * HOUR + 10 * MINUTE, 10 * HOUR),
    ),
    (Rule.NEVER_PAUSES, "a lesson at one go", False, lambda: nonstop(HOUR, HOUR)),
    (Rule.LONG_RUNS, "four hours at one stretch", True, lambda: run(4 * HOUR)),
    (Rule.LONG_RUNS, "checks stop everybody every quarter of an hour", False, lambda: run(15 * MINUTE)),
    (Rule.LONG_RUNS, "eleven hours in a day, on two phones", True, lambda: a_day(11 * HOUR)),
    (Rule.LONG_RUNS, "a whole working day", False, lambda: a_day(8 * HOUR)),
    (Rule.NIGHTS, "three nights running", True, lambda: awake(1, 2, 3)),
    (Rule.NIGHTS, "every other night", False, lambda: awake(1, 3, 5, 7)),
    (Rule.NIGHTS, "the end of a late lesson, three times", False, lambda: awake(1, 2, 3, ms=5 * MINUTE)),
    (Rule.SHARED_DEVICE, "a shop with one phone", True, lambda: sharing((1, 0), (2, HOUR), (3, 5 * HOUR))),
    (Rule.SHARED_DEVICE, "H34: two workers share one phone", False, lambda: sharing((1, 0), (2, HOUR), (1, 2 * HOUR))),
    (Rule.SHARED_DEVICE, "a phone handed on from day to day", False, lambda: sharing((1, 0), (2, DAY), (3, 2 * DAY))),
    (Rule.PHASE_LOCKED, "five accounts of one program", True, lambda: room((0, 100, 200, 300, 400))),
    (
        Rule.PHASE_LOCKED,
        "H35: five workers in one room start within 4 s",
        False,
        lambda: room((0, 1_000, 2_000, 3_000, 4_000)),
    ),
    (
        Rule.PHASE_LOCKED,
        "H35, started on a word, each with checks of their own",
        False,
        lambda: room((0, 90, 180, 270, 360), pause_after=True),
    ),
    (Rule.PHASE_LOCKED, "four in step", False, lambda: room((0, 100, 200, 300))),
    (
        Rule.PHASE_LOCKED,
        "in step for a quarter of an hour, till the first check",
        False,
        lambda: room((0, 100, 200, 300, 400), count=60),
    ),
    (
        Rule.SAME_SCRIPT,
        "three accounts pause at the same places",
        True,
        lambda: scripts((10, 70, 200, 310), (10, 71, 200, 310), (11, 70, 200, 309)),
    ),
    (
        Rule.SAME_SCRIPT,
        "people who pause where they like",
        False,
        lambda: scripts((10, 70, 200, 310), (15, 90, 200, 310), (31, 60, 150, 300)),
    ),
    (
        Rule.PHASE_LOCKED,
        "in step twice for ten minutes",
        False,
        lambda: room((0, 100, 200, 300, 400), slip=True),
    ),
    (Rule.SAME_SCRIPT, "two of them", False, lambda: scripts((10, 70, 200, 310), (10, 70, 200, 310))),
    (
        Rule.SAME_SCRIPT,
        "a lesson whose end everybody pauses at",
        False,
        lambda: scripts((600,), (600,), (600,), (600,)),
    ),
    (
        Rule.SAME_SCRIPT,
        "the same places on different days",
        False,
        lambda: scripts((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4), within=9 * DAY),
    ),
    (Rule.FAST_ANSWERS, "answered before it could be read", True, lambda: answers(400)),
    (Rule.FAST_ANSWERS, "always after five seconds", True, lambda: answers(*[5_000, 5_080, 5_010] * 3)),
    (Rule.FAST_ANSWERS, "somebody quick", False, lambda: answers(*[2_100, 3_900, 2_700, 6_000] * 3)),
    (Rule.FAST_ANSWERS, "a wrong tap", False, lambda: answers(400, passed=False)),
    (Rule.NO_TOUCH, "forty minutes and nobody there", True, lambda: still(40 * MINUTE)),
    (Rule.NO_TOUCH, "a phone on a stand, touched at each check", False, lambda: still(16 * MINUTE)),
    (Rule.NO_TOUCH, "a desktop without a touch screen", False, lambda: still(40 * MINUTE, touch=False)),
    (Rule.NO_TOUCH, "a player that does not say", False, lambda: still(40 * MINUTE, touch=None)),
    (Rule.LATE_SHARE, "half of four hours told afterwards", True, lambda: late(2 * HOUR, 4 * HOUR)),
    (
        Rule.LATE_SHARE,
        "H04: ten minutes without network in a short lesson",
        False,
        lambda: late(10 * MINUTE, 20 * MINUTE),
    ),
    (Rule.LATE_SHARE, "a commuter with a tunnel every day", False, lambda: late(20 * MINUTE, 2 * HOUR)),
    (Rule.LATE_SHARE, "three silences as long as a gap may be", True, lambda: silent(890_000, 895_000, 870_000)),
    (Rule.LATE_SHARE, "a lift, a tunnel and a dead phone", False, lambda: silent(600_000, 890_000, 5_000_000)),
    (Rule.TAKEOVERS, "seven in half an hour", True, lambda: taken(*range(0, 35 * MINUTE, 5 * MINUTE))),
    (Rule.TAKEOVERS, "H10: phone, tablet, and back", False, lambda: taken(0, 20 * MINUTE, 40 * MINUTE)),
    (Rule.LATE_SHARE, "three tunnels of ten minutes", False, lambda: silent(600_000, 600_000, 600_000)),
    (Rule.GUESSING, "a quarter of an hour so far", False, lambda: learned(4, hours=0)),
    (Rule.TAKEOVERS, "seven in a day", False, lambda: taken(*range(0, 7 * HOUR, HOUR))),
    (Rule.CAMEO, "a stand-in finds out, the account answers a minute later", True, lambda: harvest(MINUTE)),
    (Rule.CAMEO, "H34: the second worker comes to the lesson an hour later", False, lambda: harvest(HOUR)),
    (Rule.CAMEO, "classmates, now and then the same question", False, lambda: harvest(MINUTE, items=6)),
    (Rule.CAMEO, "two strangers", False, lambda: harvest(MINUTE, same_place=False)),
    (Rule.GUESSING, "hours full, answers guessed, another flag", True, lambda: learned(4)),
    (Rule.GUESSING, "a weak learner, nothing else odd", False, lambda: learned(4, suspected=False)),
    (Rule.GUESSING, "half of them right at once", False, lambda: learned(20)),
    (Rule.GUESSING, "a bad first day", False, lambda: learned(0, checks=4)),
    (Rule.DELIVERY_SHAPE, "twenty minutes of keys in one", True, lambda: fetched(MINUTE)),
    (Rule.DELIVERY_SHAPE, "downloaded for offline study", False, lambda: fetched(MINUTE, licensed=True)),
    (Rule.DELIVERY_SHAPE, "played through", False, lambda: fetched(19 * MINUTE)),
    (Rule.DELIVERY_SHAPE, "a first look", False, lambda: fetched(SECOND, blocks=2)),
    (Rule.DELIVERY_SHAPE, "a lesson of a minute", False, lambda: fetched(SECOND, duration=MINUTE)),
    (Rule.FACE_AGAIN, "the picture of yesterday", True, lambda: face(14)),
    (Rule.FACE_AGAIN, "an embedding that did not change overnight", True, lambda: face(90, 998)),
    (Rule.FACE_AGAIN, "the same person, another moment", False, lambda: face(34, 970)),
    (Rule.FACE_AGAIN, "alike, a minute apart", False, lambda: face(60, 998, other_day=False)),
    (Rule.CLIENT_SIGNS, "a browser that says it is driven", True, lambda: client(webdriver=True)),
    (Rule.CLIENT_SIGNS, "a headless browser", True, lambda: client(user_agent="HeadlessChrome/120")),
    (Rule.CLIENT_SIGNS, "a phone with a desktop's screen", True, lambda: client(screen=(1_920, 1_080))),
    (Rule.CLIENT_SIGNS, "a phone nine hours away", True, lambda: client(zone="America/Sao_Paulo")),
    (
        Rule.CLIENT_SIGNS,
        "a hosting company's network",
        True,
        lambda: client(Thresholds(datacentres=("203.0.112.0/22",))),
    ),
    (Rule.CLIENT_SIGNS, "a cheap phone", False, lambda: client()),
    (Rule.CLIENT_SIGNS, "a foldable, open", False, lambda: client(screen=(829, 690))),
    (Rule.CLIENT_SIGNS, "a desktop in the office", False, lambda: client(user_agent=DESKTOP, screen=(1_920, 1_080))),
    (Rule.CLIENT_SIGNS, "a phone still set to the zone next door", False, lambda: client(zone="Asia/Bangkok")),
    (Rule.CLIENT_SIGNS, "a zone nobody knows", False, lambda: client(zone="Mars/Base")),
    (
        Rule.CLIENT_SIGNS,
        "a player that says nothing",
        False,
        lambda: client(webdriver=None, screen=None, zone=None, user_agent=None),
    ),
]


@pytest.mark.parametrize(
    ("rule", "odd", "found"),
    [pytest.param(rule, odd, found, id=f"{rule}: {who_it_is}") for rule, who_it_is, odd, found in TABLE],
)
def test_a_rule_flags_whom_it_is_for_and_leaves_the_honest_alone(
    rule: Rule, odd: bool, found: Callable[[], list[Flag]]
) -> None:
    flags = found()
    assert {flag.rule for flag in flags} == ({rule} if odd else set())
    assert all(flag.evidence and flag.learners and flag.from_ms <= flag.to_ms for flag in flags)


def test_every_rule_has_somebody_who_trips_it_somebody_who_does_not_and_a_weight() -> None:
    assert {(rule, odd) for rule, _who, odd, _found in TABLE} == {(rule, odd) for rule in Rule for odd in (True, False)}
    assert set(WEIGHTS) == set(Rule)


def test_a_group_is_found_among_others_who_started_with_it() -> None:
    flags = room((0, 100, 200, 300, 400, 6_000, 7_000))
    assert [flag.learners for flag in flags] == [tuple(who(n) for n in range(1, 6))]


def test_nobody_is_flagged_for_an_address_that_is_not_known() -> None:
    sittings = [a_sitting(n, opened=n, beats=beats(90, start=n)) for n in range(1, 7)]
    assert group_rules.phase_locked(sittings, GIVEN) == []


def test_the_same_facts_in_any_order_raise_the_same_flags() -> None:
    openings = [Opening(who(learner), "phone", T + learner * HOUR) for learner in range(1, 5)]
    assert group_rules.shared_devices(openings, GIVEN) == group_rules.shared_devices(openings[::-1], GIVEN)


def test_one_learner_alone_is_never_two() -> None:
    one = a_sitting(1, opened=0, address="room", beats=beats(90))
    flags = group_rules.phase_locked([replace(one, id=who(n)) for n in range(6)], GIVEN)
    assert flags == []


@pytest.mark.parametrize(
    "values", [{"nights": 0}, {"nope": 3}, {"nights": 2.5}, {"nights": True}, {"datacentres": ["x"]}]
)
def test_thresholds_that_make_no_sense_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"thresholds|network"):
        Thresholds.read(values)


def test_other_thresholds_have_another_digest() -> None:
    assert Thresholds.read({"nights": 5}).digest() != Thresholds().digest()
    assert Thresholds.read({}) == Thresholds()
