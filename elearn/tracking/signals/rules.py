"""R1 to R16 but for those about several learners (`group_rules.py`): each a function from facts to flags. Pure.

A flag says that something is odd, names the occasion, and carries the numbers that a person needs to judge it.
None of them is a proof, and none changes credit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import groupby, pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from elearn.tracking.signals.arranged import by_learner, days, deviation_ms, ids, utc_day, windows
from elearn.tracking.signals.facts import CheckFacts, ClientSigns, Face, Fetched, Flag, Learned, Rule, SittingFacts
from elearn.tracking.signals.thresholds import Thresholds

ONE_DAY = timedelta(days=1)
PHONE = re.compile(r"iPhone|Android.*\bMobile\b")
HEADLESS = re.compile(r"Headless|PhantomJS|Electron/|python-|curl/|Go-http", re.IGNORECASE)


def regular_beats(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R1: gaps between heartbeats alike beyond what a browser's timer does, on a line that never wavers."""
    flags = []
    for one in sittings:
        for window in windows(one.beats, given.beats + 1):
            gaps = [after.cm_ms - before.cm_ms for before, after in pairwise(window)]
            delays = [beat.heard_ms - beat.cm_ms for beat in window]
            spread, jitter = deviation_ms(gaps), deviation_ms(delays)
            if spread * 1_000 < given.beat_sd_permille * one.heartbeat_ms and jitter < given.beat_jitter_ms:
                evidence = {"beats": len(gaps), "spread_ms": spread, "jitter_ms": jitter}
                flags.append(_about(Rule.REGULAR_BEATS, one, window[0].heard_ms, window[-1].heard_ms, evidence))
                break
    return flags


def never_pauses(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R2: hours of watching that took exactly as long as the media, nobody ever stopping or thinking at a check."""
    flags = []
    for learner, own in by_learner(sittings):
        wall_ms, media_ms = sum(one.wall_ms for one in own), sum(one.media_ms for one in own)
        if media_ms >= given.nonstop_ms and abs(wall_ms - media_ms) * 1_000 <= given.nonstop_ratio_permille * media_ms:
            evidence = {"wall_ms": wall_ms, "media_ms": media_ms, "sittings": len(own)}
            from_ms, to_ms = min(one.opened_ms for one in own), max(one.last_ms for one in own)
            flags.append(Flag(Rule.NEVER_PAUSES, (learner,), from_ms, to_ms, utc_day(to_ms), evidence, ids(own)))
    return flags


def long_runs(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R3: hours without a pause, or more of a day than anybody attends to."""
    flags = []
    for learner, own in by_learner(sittings):
        for one in own:
            run = one.longest_run
            if run is not None and run.length_ms > given.run_ms:
                how_long = {"run_ms": run.length_ms}
                key = f"run:{one.id}:{run.from_ms}"
                flags.append(Flag(Rule.LONG_RUNS, (learner,), run.from_ms, run.to_ms, key, how_long, (one.id,)))
        for on, day, there in days(own):
            if day.played_ms > given.day_ms:
                from_ms, to_ms = min(one.opened_ms for one in there), max(one.last_ms for one in there)
                evidence = {"on": on.isoformat(), "played_ms": day.played_ms}
                flags.append(Flag(Rule.LONG_RUNS, (learner,), from_ms, to_ms, f"day:{on}", evidence, ids(there)))
    return flags


def nights(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R4: credit between 01:00 and 05:00 on several nights running."""
    flags = []
    for learner, own in by_learner(sittings):
        run: list[tuple[int, int, int, list[SittingFacts]]] = []
        before = None
        for on, day, there in days(own):
            if day.night_ms < given.night_ms:
                continue
            if before is None or on - before != ONE_DAY:
                run = []
            before = on
            run.append((day.night_ms, min(o.opened_ms for o in there), max(o.last_ms for o in there), there))
            if len(run) >= given.nights:
                evidence = {"nights": len(run), "last_on": on.isoformat(), "night_ms": [ms for ms, *_rest in run]}
                whose = ids([one for *_numbers, some in run for one in some])
                flags.append(Flag(Rule.NIGHTS, (learner,), run[0][1], run[-1][2], f"{on}", evidence, whose))
    return flags


def fast_answers(checks: Iterable[CheckFacts], given: Thresholds) -> list[Flag]:
    """R8: checks answered before anybody could read them, or always after the same time."""
    flags = []
    passed = sorted((c for c in checks if c.passed and c.tries == 1), key=lambda c: (c.learner, c.decided_ms))
    for learner, several in groupby(passed, key=lambda c: c.learner):
        own = list(several)
        for on, fast in groupby((c for c in own if c.took_ms < given.answer_ms), key=lambda c: utc_day(c.decided_ms)):
            quick = list(fast)
            evidence: dict[str, Any] = {"took_ms": [c.took_ms for c in quick]}
            key = f"fast:{on}"
            flags.append(Flag(Rule.FAST_ANSWERS, (learner,), quick[0].put_ms, quick[-1].decided_ms, key, evidence))
        for window in windows(own, given.answers):
            spread = deviation_ms([c.took_ms for c in window])
            if spread < given.answer_sd_ms:
                evidence = {"took_ms": [c.took_ms for c in window], "spread_ms": spread}
                key = f"even:{utc_day(window[-1].decided_ms)}"
                flags.append(
                    Flag(Rule.FAST_ANSWERS, (learner,), window[0].put_ms, window[-1].decided_ms, key, evidence)
                )
                break
    return flags


def no_touch(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R9: a phone that plays and that nobody touches, checks included."""
    flags = []
    for one in sittings:
        still = one.untouched
        if one.touch and still is not None and still.length_ms >= given.untouched_ms:
            key = f"{one.id}:{still.from_ms}"
            evidence = {"untouched_ms": still.length_ms}
            flags.append(Flag(Rule.NO_TOUCH, (one.learner,), still.from_ms, still.to_ms, key, evidence, (one.id,)))
    return flags


def late_share(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R10: much of a day's credit told afterwards, or silences that use up what a gap may bring in."""
    flags = []
    for learner, own in by_learner(sittings):
        for on, day, there in days(own):
            if (
                day.credited_ms >= given.late_of_ms
                and day.late_ms * 1_000 > given.late_share_permille * day.credited_ms
            ):
                from_ms, to_ms = min(o.opened_ms for o in there), max(o.last_ms for o in there)
                evidence = {"on": on.isoformat(), "late_ms": day.late_ms, "credited_ms": day.credited_ms}
                flags.append(Flag(Rule.LATE_SHARE, (learner,), from_ms, to_ms, f"share:{on}", evidence, ids(there)))
        full = sorted(
            (silence, one.id)
            for one in own
            for silence in one.silences
            if given.gap_from_ms <= silence[1] - silence[0] <= given.gap_to_ms
        )
        if len(full) >= given.gaps:
            from_ms, to_ms = full[0][0][0], full[-1][0][1]
            evidence = {"silences_ms": [to - since for (since, to), _id in full]}
            where = tuple(sorted({sitting for _silence, sitting in full}))
            flags.append(Flag(Rule.LATE_SHARE, (learner,), from_ms, to_ms, f"gaps:{utc_day(to_ms)}", evidence, where))
    return flags


def takeovers(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R11: players that keep taking the learner from one another."""
    flags = []
    for learner, own in by_learner(sittings):
        taken = sorted((one.superseded_ms, one.id) for one in own if one.superseded_ms is not None)
        for window in windows(taken, given.takeovers + 1):
            from_ms, to_ms = window[0][0], window[-1][0]
            if to_ms - from_ms < given.takeover_window_ms:
                evidence = {"takeovers": len(window), "within_ms": to_ms - from_ms}
                where = tuple(sorted(sitting for _at, sitting in window))
                flags.append(Flag(Rule.TAKEOVERS, (learner,), from_ms, to_ms, utc_day(from_ms), evidence, where))
                break
    return flags


def guessing(learned: Iterable[Learned], suspected: Collection[UUID], given: Thresholds, *, now_ms: int) -> list[Flag]:
    """R13: full hours, and first answers hardly better than guessed. Never alone: only beside another flag."""
    return [
        Flag(
            Rule.GUESSING,
            (one.learner,),
            now_ms,
            now_ms,
            one.month,
            {"final_ms": one.final_ms, "checks": one.checks, "right_at_once": one.right_at_once},
        )
        for one in learned
        if one.learner in suspected
        and one.final_ms >= given.guess_hours_ms
        and one.checks >= given.guess_checks
        and one.right_at_once * 1_000 <= given.guess_permille * one.checks
    ]


def delivery_shape(fetched: Iterable[Fetched], given: Thresholds) -> list[Flag]:
    """R14: a whole lesson's keys in a moment, without a download. (Renditions are static files: nobody sees which.)"""
    return [
        Flag(
            Rule.DELIVERY_SHAPE,
            (one.learner,),
            one.first_ms,
            one.last_ms,
            str(one.unit),
            {"within_ms": one.last_ms - one.first_ms, "duration_ms": one.duration_ms, "keys": one.blocks},
        )
        for one in fetched
        if not one.licensed
        and one.blocks == one.of_blocks
        and one.duration_ms >= given.fetched_of_ms
        and (one.last_ms - one.first_ms) * 1_000 < given.fetched_permille * one.duration_ms
    ]


def face_again(faces: Iterable[Face], given: Thresholds) -> list[Flag]:
    """R15: a picture so like an earlier one that no second moment is likely to have made it."""
    flags = []
    for one in faces:
        likeness = one.cosine_permille if one.other_day else None
        if one.distance <= given.face_bits or (likeness is not None and likeness > given.face_cosine_permille):
            evidence = {"distance": one.distance, "cosine_permille": one.cosine_permille}
            flags.append(Flag(Rule.FACE_AGAIN, (one.learner,), one.at_ms, one.at_ms, str(one.check), evidence))
    return flags


def client_signs(clients: Iterable[ClientSigns], given: Thresholds) -> list[Flag]:
    """R16: a browser that says it is driven, or whose parts do not fit together or do not fit the place."""
    hosting = [ip_network(network) for network in given.datacentres]
    flags = []
    for one in clients:
        agent = one.user_agent or ""
        signs = []
        if one.webdriver:
            signs.append("webdriver")
        if HEADLESS.search(agent):
            signs.append("headless")
        if PHONE.search(agent) and one.screen is not None and max(one.screen) >= given.desktop_pixels:
            signs.append("desktop_screen")
        if one.network is not None and any(_lies_in(one.network, network) for network in hosting):
            signs.append("datacentre")
        if one.zone is not None and _apart_ms(one.zone, one.home_zone, one.opened_ms) > given.zone_ms:
            signs.append("far_zone")
        if signs:
            evidence = {"signs": signs, "user_agent": agent[:120], "screen": one.screen, "zone": one.zone}
            key = f"{'+'.join(signs)}:{utc_day(one.opened_ms)}"
            at_ms = one.opened_ms
            flags.append(Flag(Rule.CLIENT_SIGNS, (one.learner,), at_ms, at_ms, key, evidence, (one.sitting,)))
    return flags


def _about(rule: Rule, one: SittingFacts, from_ms: int, to_ms: int, evidence: dict[str, Any]) -> Flag:
    return Flag(rule, (one.learner,), from_ms, to_ms, str(one.id), evidence, (one.id,))


def _lies_in(network: str, whole: IPv4Network | IPv6Network) -> bool:
    inner = ip_network(network)
    # An address of the other version lies in no network.
    return inner.prefixlen >= whole.prefixlen and inner.network_address in whole


def _apart_ms(zone: str, home: str, at_ms: int) -> int:
    """How far two zones' clocks stand apart; 0 for a zone that nobody knows."""
    at = datetime.fromtimestamp(at_ms // 1_000, UTC)
    try:
        offsets = [at.astimezone(ZoneInfo(name)).utcoffset() for name in (zone, home)]
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return 0
    one, other = (offset or timedelta(0) for offset in offsets)
    return abs(one - other) // timedelta(milliseconds=1)
