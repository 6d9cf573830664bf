"""Flags, sides, acts and states in plain words: what was seen, and how an honest person may come to look like that."""

from __future__ import annotations

from typing import Any

from elearn.clock import from_ms
from elearn.locale import gettext as _
from elearn.pages import shown
from elearn.tracking.signals.decisions import Act, No, Side, State
from elearn.tracking.signals.facts import Rule, Weight
from elearn.tracking.signals.reading import SignalLine


def rule_text(rule: str) -> str:
    """What a rule is about, in a few words."""
    return {
        Rule.REGULAR_BEATS: _("Reports as regular as a machine's"),
        Rule.NEVER_PAUSES: _("Hours without a single pause"),
        Rule.LONG_RUNS: _("Very long study"),
        Rule.NIGHTS: _("Study night after night"),
        Rule.SHARED_DEVICE: _("Many learners on one device"),
        Rule.PHASE_LOCKED: _("Several learners in step"),
        Rule.SAME_SCRIPT: _("The same pauses as others"),
        Rule.FAST_ANSWERS: _("Checks answered too fast or too evenly"),
        Rule.NO_TOUCH: _("A phone that nobody touched"),
        Rule.LATE_SHARE: _("Much reported afterwards"),
        Rule.TAKEOVERS: _("Players taking over from one another"),
        Rule.CAMEO: _("Answers soon after somebody else's"),
        Rule.GUESSING: _("Full hours, guessed answers"),
        Rule.DELIVERY_SHAPE: _("A whole lesson fetched at once"),
        Rule.FACE_AGAIN: _("A picture seen before"),
        Rule.CLIENT_SIGNS: _("A browser that does not fit"),
    }[Rule(rule)]


def weight_text(weight: str) -> str:
    """How much a flag says by itself."""
    return {
        Weight.HIGH: _("weighs much"),
        Weight.MEDIUM: _("weighs something"),
        Weight.LOW: _("weighs little"),
    }[Weight(weight)]


def evidence_text(line: SignalLine) -> str:
    """What was measured."""
    seen = line.evidence
    match Rule(line.rule):
        case Rule.REGULAR_BEATS:
            return _(
                "%(beats)s reports in a row came at intervals that differ by %(spread)s ms, "
                "on a line that wavers by %(jitter)s ms.",
                beats=seen["beats"],
                spread=seen["spread_ms"],
                jitter=seen["jitter_ms"],
            )
        case Rule.NEVER_PAUSES:
            return _(
                "%(media)s of lessons took %(wall)s.",
                media=shown.length(seen["media_ms"]),
                wall=shown.length(seen["wall_ms"]),
            )
        case Rule.LONG_RUNS if "run_ms" in seen:
            return _("%(length)s at one stretch.", length=shown.length(seen["run_ms"]))
        case Rule.LONG_RUNS:
            return _("%(length)s on %(day)s.", length=shown.length(seen["played_ms"]), day=seen["on"])
        case Rule.NIGHTS:
            return _("Between 01:00 and 05:00 on %(nights)s nights running.", nights=seen["nights"])
        case Rule.SHARED_DEVICE:
            return _("%(learners)s learners studied with one device within a day.", learners=seen["learners"])
        case Rule.PHASE_LOCKED:
            return _(
                "%(learners)s learners at one address started within %(seconds)s s "
                "and reported in step for 20 minutes.",
                learners=seen["learners"],
                seconds=seen["started_within_ms"] // 1000,
            )
        case Rule.SAME_SCRIPT:
            return _(
                "%(learners)s learners paused or jumped at the same places: %(places)s.",
                learners=seen["learners"],
                places=", ".join(shown.clock_text(at) for _event, at in seen["events"]),
            )
        case Rule.FAST_ANSWERS if "spread_ms" in seen:
            return _("Answered after %(times)s s, again and again.", times=_seconds(seen["took_ms"]))
        case Rule.FAST_ANSWERS:
            return _("Answered after %(times)s s: before the question can be read.", times=_seconds(seen["took_ms"]))
        case Rule.NO_TOUCH:
            return _("Played for %(length)s untouched.", length=shown.length(seen["untouched_ms"]))
        case Rule.LATE_SHARE if "late_ms" in seen:
            return _(
                "%(late)s of %(whole)s on %(day)s were reported afterwards.",
                late=shown.length(seen["late_ms"]),
                whole=shown.length(seen["credited_ms"]),
                day=seen["on"],
            )
        case Rule.LATE_SHARE:
            return _("Silent %(count)s times for just as long as is allowed.", count=len(seen["silences_ms"]))
        case Rule.TAKEOVERS:
            return _("%(count)s times within an hour.", count=seen["takeovers"])
        case Rule.CAMEO:
            return _(
                "%(items)s questions answered within %(length)s after another account of the same device or address.",
                items=seen["items"],
                length=shown.length(seen["percentile_ms"]),
            )
        case Rule.GUESSING:
            return _(
                "Of %(checks)s checks %(right)s were right at once.", checks=seen["checks"], right=seen["right_at_once"]
            )
        case Rule.DELIVERY_SHAPE:
            return _(
                "All keys of a lesson of %(whole)s within %(length)s, without a download.",
                whole=shown.length(seen["duration_ms"]),
                length=shown.length(seen["within_ms"]),
            )
        case Rule.FACE_AGAIN:
            return _("It differs from an earlier one by %(bits)s of 256 bits.", bits=seen["distance"])
        case Rule.CLIENT_SIGNS:
            return " · ".join(_sign(sign, seen) for sign in seen["signs"])


def _seconds(times_ms: list[int]) -> str:
    return ", ".join(f"{ms / 1000:.1f}" for ms in times_ms[:12])


def _sign(sign: str, seen: dict[str, Any]) -> str:
    return {
        "webdriver": _("it says that a program drives it"),
        "headless": _("it is one that programs use"),
        "desktop_screen": _("a phone with a desktop's screen"),
        "datacentre": _("it comes from a hosting company's network"),
        "far_zone": _("its clock is set to %(zone)s", zone=seen.get("zone") or "?"),
    }[sign]


def innocent_text(rule: str) -> str:
    """How somebody honest comes to be flagged; whoever decides must have read it."""
    return {
        Rule.REGULAR_BEATS: _("Good Wi-Fi can look like this."),
        Rule.NEVER_PAUSES: _("Rare among people."),
        Rule.LONG_RUNS: _("People on shifts study when they can: ask first."),
        Rule.NIGHTS: _("People on night shifts study at night."),
        Rule.SHARED_DEVICE: _("A dormitory may share a phone: ask whether it is declared."),
        Rule.PHASE_LOCKED: _("A class in one room may start on a word."),
        Rule.SAME_SCRIPT: _("Hardly by chance."),
        Rule.FAST_ANSWERS: _("Hardly by chance."),
        Rule.NO_TOUCH: _("The phone may stand on a stand."),
        Rule.LATE_SHARE: _("Commuters lose the network every day."),
        Rule.TAKEOVERS: _("Changing between two devices can go wrong."),
        Rule.CAMEO: _("Classmates may sit together."),
        Rule.GUESSING: _("Some people learn slowly. Never by itself."),
        Rule.DELIVERY_SHAPE: _("Rare without a program."),
        Rule.FACE_AGAIN: _("Photographs of two moments differ more."),
        Rule.CLIENT_SIGNS: _("A VPN, a trip or an unusual phone can look like this."),
    }[Rule(rule)]


def when_text(line: SignalLine) -> str:
    """From when to when."""
    since, until = shown.moment(from_ms(line.from_ms)), shown.moment(from_ms(line.to_ms))
    return since if since == until else f"{since} – {until}"


def state_text(state: State, kind: str) -> str:
    """Where a case stands."""
    return {
        State.OPEN: _("waits for an answer") if kind == "appeal" else _("to be decided"),
        State.PROPOSED: _("waits for a second person"),
        State.VOIDED: _("hours taken back"),
        State.DISMISSED: _("nothing in it"),
        State.UPHELD: _("upheld: hours given back"),
        State.REJECTED: _("answered: it stays as it is"),
    }[state]


def act_text(act: Act) -> str:
    """What somebody did."""
    return {
        Act.PROPOSE: _("proposed to take hours back"),
        Act.CONFIRM: _("confirmed"),
        Act.OBJECT: _("objected"),
        Act.DISMISS: _("found nothing in it"),
        Act.UPHOLD: _("upheld the appeal"),
        Act.REJECT: _("answered the appeal"),
    }[act]


def side_text(side: str) -> str:
    """In whose name."""
    return {
        Side.INSTITUTION: _("for the institution"),
        Side.REGULATOR: _("for the regulator"),
        Side.OPERATOR: _("for the operator"),
    }[Side(side)]


def no_text(no: No) -> str:
    """Why the reader may not do it."""
    return {
        No.OWN_CASE: _("Nobody decides about their own hours."),
        No.WRONG_STATE: _("This case has moved on. Look at it again."),
        No.SAME_PERSON: _("Somebody else has to confirm what you proposed."),
        No.SAME_SIDE: _("The second person has to be of another side: institution, regulator or operator."),
        No.WAS_AMONG_THEM: _("Somebody who had no part in taking these hours back has to answer."),
        No.NOTHING_TO_RESTORE: _("Nothing was taken back here by people, so there is nothing to give back."),
    }[no]
