"""The rules about several learners at once: R5, R6, R7, R12 (MODEL 3.1). Pure.

Sharing a phone and sitting in one room are how workers study, so each of these asks for more than that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from uuid import UUID

from elearn.tracking.signals.arranged import ids, utc_day
from elearn.tracking.signals.facts import CheckFacts, Flag, Opening, Rule, SittingFacts, Together
from elearn.tracking.signals.thresholds import Thresholds


def shared_devices(openings: Iterable[Opening], given: Thresholds) -> list[Flag]:
    """R5: one device key that more people study with in a day than share a phone."""
    flags = []
    for device, several in groupby(sorted(openings, key=lambda o: (o.device, o.at_ms)), key=lambda o: o.device):
        own = list(several)
        for first in own:
            near = [o for o in own if first.at_ms <= o.at_ms < first.at_ms + given.device_window_ms]
            learners = tuple(sorted({o.learner for o in near}))
            if len(learners) >= given.device_learners:
                key = f"{device}:{utc_day(first.at_ms)}"
                evidence = {"device": device, "learners": len(learners), "openings": len(near)}
                flags.append(Flag(Rule.SHARED_DEVICE, learners, first.at_ms, near[-1].at_ms, key, evidence))
                break
    return flags


def phase_locked(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R6: many of one address who start together and whose heartbeats stay in step: one program, many accounts."""
    flags = []
    there = [one for one in sittings if one.address is not None and one.beats]
    for address, several in groupby(
        sorted(there, key=lambda o: (str(o.address), o.opened_ms)), key=lambda o: str(o.address)
    ):
        own = list(several)
        seen: set[UUID] = set()
        for first in own:
            near = [o for o in own if first.opened_ms <= o.opened_ms <= first.opened_ms + given.group_start_ms]
            group = _in_step([o for o in near if o.id not in seen], given)
            if len({one.learner for one in group}) < given.group:
                continue
            seen |= {one.id for one in group}
            learners = tuple(sorted({one.learner for one in group}))
            from_ms, to_ms = group[0].opened_ms, min(one.last_ms for one in group)
            evidence = {"learners": len(learners), "started_within_ms": group[-1].opened_ms - from_ms}
            key = f"{address[:12]}:{from_ms}"
            flags.append(Flag(Rule.PHASE_LOCKED, learners, from_ms, to_ms, key, evidence, ids(group)))
    return flags


def _in_step(near: Sequence[SittingFacts], given: Thresholds) -> list[SittingFacts]:
    """The largest part of `near` whose heartbeats fall together for as long as it takes."""
    largest: list[SittingFacts] = []
    for lead in near:
        group = [one for one in near if _same_phase(lead, one, given)]
        if len(group) > len(largest):
            largest = group
    return largest


def _same_phase(lead: SittingFacts, other: SittingFacts, given: Thresholds) -> bool:
    """Do the beats of the two fall within the phase for `group_for_ms` of the time that both have beats of?"""
    heartbeat_ms = lead.heartbeat_ms
    since, until = max(lead.beats[0][0], other.beats[0][0]), min(lead.beats[-1][0], other.beats[-1][0])
    pairs = zip(
        [beat.heard_ms for beat in lead.beats if since - heartbeat_ms < beat.heard_ms <= until + heartbeat_ms],
        [beat.heard_ms for beat in other.beats if since - heartbeat_ms < beat.heard_ms <= until + heartbeat_ms],
        strict=False,
    )
    begun_ms: int | None = None
    for one_ms, two_ms in pairs:
        off = (one_ms - two_ms) % heartbeat_ms
        if min(off, heartbeat_ms - off) > given.group_phase_ms:
            begun_ms = None
        elif begun_ms is None:
            begun_ms = one_ms
        elif one_ms - begun_ms >= given.group_for_ms:
            return True
    return False


def same_scripts(sittings: Iterable[SittingFacts], given: Thresholds) -> list[Flag]:
    """R7: several people who pause and seek at the same places of a lesson."""
    flags = []
    scripted = [one for one in sittings if len(one.events) >= given.script_events]
    for unit, several in groupby(sorted(scripted, key=lambda o: (o.unit, o.opened_ms)), key=lambda o: o.unit):
        left = list(several)
        while left:
            first = left[0]
            alike = [
                one
                for one in left
                if one.opened_ms - first.opened_ms < given.script_window_ms
                and _same_script(first.events, one.events, given.script_slack_ms)
            ]
            left = [one for one in left if one not in alike]
            learners = tuple(sorted({one.learner for one in alike}))
            if len(learners) >= given.script_learners:
                evidence = {"learners": len(learners), "events": [list(event) for event in first.events[:20]]}
                from_ms, to_ms = first.opened_ms, max(one.last_ms for one in alike)
                key = f"{unit}:{utc_day(first.opened_ms)}"
                flags.append(Flag(Rule.SAME_SCRIPT, learners, from_ms, to_ms, key, evidence, ids(alike)))
    return flags


def _same_script(one: Sequence[tuple[str, int]], other: Sequence[tuple[str, int]], slack_ms: int) -> bool:
    return len(one) == len(other) and all(
        a[0] == b[0] and abs(a[1] - b[1]) <= slack_ms for a, b in zip(one, other, strict=True)
    )


def cameo(checks: Iterable[CheckFacts], together: Iterable[Together], given: Thresholds) -> list[Flag]:
    """R12: one account answers soon after another has found out, again and again: answers harvested by a stand-in."""
    answered: dict[UUID, dict[UUID, list[int]]] = defaultdict(lambda: defaultdict(list))
    for check in checks:
        answered[check.learner][check.item].append(check.decided_ms)
    flags = []
    pairs = {(pair.one, pair.other): pair.place for pair in together}
    pairs |= {(pair.other, pair.one): pair.place for pair in together}
    for (first, second), place in sorted(pairs.items()):
        delays: list[tuple[int, int]] = []
        for item, times in answered[second].items():
            for at_ms in times:
                before = [found for found in answered[first].get(item, ()) if found < at_ms]
                if before:
                    delays.append((at_ms - max(before), at_ms))
        if first == second or len(delays) < given.cameo_items:
            continue
        ordered = sorted(delay for delay, _at in delays)
        percentile = ordered[min(len(ordered) - 1, len(ordered) * given.cameo_percentile // 100)]
        if percentile < given.cameo_ms:
            times_ms = [at for _delay, at in delays]
            evidence = {"items": len(delays), "percentile_ms": percentile, "place": place}
            key = f"{first}:{second}:{utc_day(max(times_ms))}"
            flags.append(Flag(Rule.CAMEO, (second, first), min(times_ms), max(times_ms), key, evidence))
    return flags
