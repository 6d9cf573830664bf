"""States, acts and reasons of records in plain words."""

from __future__ import annotations

from typing import Any

from elearn.credit_export.hours import RuleSet, as_text, named, shown_tenths
from elearn.credit_export.lifecycle import Act, GrantRule, No, Office, State, Why
from elearn.credit_export.record_reading import Listed
from elearn.locale import gettext as _


def state_text(state: State) -> str:
    return {
        State.COMPUTED: _("computed"),
        State.SUBMITTED: _("submitted"),
        State.INSTITUTION_CHECKED: _("checked by the institution"),
        State.REGULATOR_VERIFIED: _("verified by the regulator"),
        State.GRANTED: _("granted"),
        State.SUSPENDED: _("suspended"),
        State.REVOKED: _("revoked"),
        State.SUPERSEDED: _("superseded"),
    }[state]


def state_tone(state: State) -> str:
    """The colour of a badge: nothing is told by colour alone."""
    return {State.GRANTED: "good", State.SUSPENDED: "warn", State.REVOKED: "bad"}.get(state, "")


def own_text(state: State, *, eligible: bool) -> str:
    """What a state means for the learner."""
    if state is State.COMPUTED and not eligible:
        return _("Something is still missing. When it is there, your institution submits the record.")
    return {
        State.COMPUTED: _("All is there. Your institution submits the record."),
        State.SUBMITTED: _("Your institution checks the record."),
        State.INSTITUTION_CHECKED: _(
            "Your institution has checked it. The regulator verifies it where the region asks."
        ),
        State.REGULATOR_VERIFIED: _("The regulator has verified it. It is about to be granted."),
        State.GRANTED: _("You may sit the exam. A failed exam takes nothing away: the record stays as it is."),
        State.SUSPENDED: _("For now you may not sit the exam. Your hours stay; the reason stands below."),
        State.REVOKED: _("This admission was taken back by two people. The reason stands below."),
        State.SUPERSEDED: _("A newer version takes its place."),
    }[state]


def act_text(act: Act) -> str:
    """What somebody did."""
    return {
        Act.COMPUTE: _("wrote this version"),
        Act.SUBMIT: _("submitted"),
        Act.RETURN: _("sent it back"),
        Act.CHECK: _("checked for the institution"),
        Act.VERIFY: _("verified for the regulator"),
        Act.GRANT: _("granted"),
        Act.SUSPEND: _("suspended"),
        Act.RESUME: _("ended the suspension"),
        Act.REVOKE: _("revoked"),
        Act.CORRECT: _("corrected: a new version begins"),
        Act.SUPERSEDE: _("superseded it by a newer version"),
    }[act]


def button_text(act: Act) -> str:
    """What a button does."""
    return {
        Act.SUBMIT: _("Submit"),
        Act.RETURN: _("Send back"),
        Act.CHECK: _("Checked: pass on"),
        Act.VERIFY: _("Verify"),
        Act.GRANT: _("Grant"),
        Act.SUSPEND: _("Suspend"),
        Act.RESUME: _("End the suspension"),
        Act.REVOKE: _("Revoke"),
        Act.CORRECT: _("Correct: look at it anew"),
    }[act]


def office_text(office: Office) -> str:
    return {
        Office.CLERK: _("Institution"),
        Office.MANAGER: _("Institution"),
        Office.OFFICER: _("Regulator"),
        Office.OPERATOR: _("Operator"),
    }[office]


def why_text(code: str) -> str:
    """A reason code in words; nothing of one that says only that all is in order."""
    return {
        Why.IN_ORDER: "",
        Why.FIRST: _("first version"),
        Why.HOURS_CHANGED: _("the hours changed"),
        Why.RULES_CHANGED: _("other rules are in force"),
        Why.CLASS_CHANGED: _("class, identity or witnessing changed"),
        Why.DATA_WRONG: _("data are wrong"),
        Why.HOURS_DOUBTED: _("the hours are in doubt"),
        Why.HOURS_VOIDED: _("hours were taken back"),
        Why.FORGED_DATA: _("data were forged"),
        Why.IDENTITY_UNVERIFIED: _("identity is not verified"),
        Why.CLASS_NOT_FILED: _("the class was not filed"),
        Why.TEACHER_INVALID: _("a teacher had no valid certificate"),
        Why.COURSE_TEST_MISSING: _("a course test is missing"),
        Why.PREREQ_UNMET: _("a prerequisite is not met"),
        Why.BLACKLISTED: _("on a blacklist"),
        Why.INSTITUTION_SUSPENDED: _("the institution is suspended"),
        Why.UNDER_REVIEW: _("under review"),
        Why.BASIS_CHANGED: _("what it rests on changed"),
        Why.BLACKLIST_ENDED: _("no longer on the blacklist"),
        Why.DESPITE_HOLD: _("granted although something holds it back"),
        Why.REVIEW_ENDED: _("the review has ended"),
        Why.GRANTED_IN_ERROR: _("granted in error"),
        Why.TAKEN_IN_ERROR: _("taken away in error"),
    }[Why(code)]


def no_text(no: No) -> str:
    """Why the reader may not take a step that somebody will."""
    return {
        No.OWN_RECORD: _("This is your own record: others decide about it."),
        No.SAME_PERSON: _("You took a step before this one: somebody else has to take it."),
        No.SAME_SIDE: _("Your side proposed it: somebody of another side has to confirm."),
        No.NOT_VERIFIED: _("The regulator of this region has to verify it first."),
        No.PLATFORMS: _("The platform takes this step by itself."),
        No.HELD: _("Something holds it back. This region lets nobody grant it meanwhile."),
        No.NOT_GRANTED: _("The hours changed while it was suspended: it can be corrected, not resumed."),
    }.get(no, "")


def reason_text(reason: str) -> str:
    """Why somebody is not eligible, in few words, for who works with it."""
    return {
        "HOURS_THEORY_SHORT": _("theory short"),
        "HOURS_PRACTICE_SHORT": _("practice short"),
        "OFFLINE_SHARE_LOW": _("too little theory on site"),
        "CLASS_NOT_FILED": _("class not filed"),
        "IDENTITY_UNVERIFIED": _("no document on record"),
        "OUTLINE_NOT_IN_FORCE": _("outline not in force"),
        "TEACHER_INVALID": _("a teacher had no valid certificate"),
        "COURSE_TEST_MISSING": _("a course test is missing"),
        "PREREQ_AGE": _("age not shown"),
        "PREREQ_EDUCATION": _("education not shown"),
        "PREREQ_HEALTH": _("health certificate not shown"),
        "PREREQ_RETRAINING": _("has to be trained again"),
        "INSTITUTION_SUSPENDED": _("the institution is suspended"),
        "UNDER_REVIEW": _("under review"),
        "NO_RECORD": _("not enrolled"),
        "BLACKLISTED": _("on a blacklist"),
    }.get(reason, reason)


def list_text(name: Listed) -> str:
    return {
        Listed.FOR_YOU: _("To do"),
        Listed.SHORT: _("Not yet"),
        Listed.UNDER_WAY: _("Under way"),
        Listed.GRANTED: _("Granted"),
        Listed.STOPPED: _("Suspended or revoked"),
    }[name]


def rule_text(rule: GrantRule) -> str:
    """What a region asks, in a sentence."""
    parts = [
        _("the platform submits") if rule.submits_by_itself else _("the institution submits"),
        _("another person checks"),
        *([_("the regulator verifies")] if rule.regulator_verifies else []),
        _("the platform grants") if rule.grants_by_itself else _("a further person grants"),
        *([_("an officer may grant what is held back")] if rule.grants_while_held else []),
    ]
    return _(", ").join(parts)


def employment_text(kind: str) -> str:
    """How somebody belongs to an employer: in the record's words, or in those of older versions."""
    return {
        "regular": _("Employee"),
        "employee": _("Employee"),
        "dispatched": _("Dispatched worker"),
        "flexible": _("Flexible employment"),
        "contractor": _("Contractor"),
        "intern": _("Trainee"),
        "trainee": _("Trainee"),
    }.get(kind, kind)


def kind_text(modality: str, kind: str) -> str:
    where = _("online") if modality == "online" else _("on site")
    return f"{_('Practice') if kind == 'practice' else _('Theory')} · {where}"


def hours_table(hours: dict[str, Any], rules: str) -> list[tuple[str, int, str]]:
    """(what, milliseconds, 学时) of a record, in its own rule set; practice only where there is or must be any."""
    kinds = [("online", "theory"), ("offline", "theory")]
    if hours["required_practice"] or hours["offline_practice_ms"]:
        kinds.append(("offline", "practice"))
    found = []
    for modality, kind in kinds:
        ms = hours[f"{modality}_{kind}_ms"]
        found.append((kind_text(modality, kind), ms, _hours(ms, named(rules), online=modality == "online")))
    return found


def _hours(ms: int, rules: RuleSet, *, online: bool) -> str:
    return as_text(shown_tenths(ms, rules.online_hour_ms if online else rules.offline_hour_ms))
