"""Classes in plain words: where they stand, their steps, and each condition before acceptance with what to do."""

from __future__ import annotations

from datetime import date

from elearn.courses.classes.rules import Act, Change, Gate, Modality, No, Office, State, Unmet
from elearn.courses.models import Kind
from elearn.courses.requirements.rows import ClassReview
from elearn.locale import gettext as _
from elearn.pages import shown

MOST_NAMED = 8


def state_text(state: State) -> str:
    return {
        State.PLANNED: _("planned"),
        State.SUBMITTED: _("submitted"),
        State.INSTITUTION_CHECKED: _("checked by the institution"),
        State.ACCEPTED: _("accepted"),
        State.RUNNING: _("running"),
        State.COMPLETED: _("completed"),
    }[state]


def state_tone(state: State) -> str:
    return {State.PLANNED: "warn", State.SUBMITTED: "", State.INSTITUTION_CHECKED: ""}.get(state, "good")


def act_text(act: Act) -> str:
    """What somebody did."""
    return {
        Act.SUBMIT: _("Submitted"),
        Act.CHECK: _("Checked"),
        Act.ACCEPT: _("The class was accepted"),
        Act.RETURN: _("Sent back"),
        Act.RECEIPT: _("Receipt of the filing recorded"),
        Act.BEGIN: _("Begun"),
        Act.COMPLETE: _("Completed"),
    }[act]


def button_text(act: Act) -> str:
    return {
        Act.SUBMIT: _("Submit the class"),
        Act.CHECK: _("Checked: pass it on"),
        Act.ACCEPT: _("Accept the class"),
        Act.RETURN: _("Send it back"),
        Act.RECEIPT: _("Record the receipt"),
        Act.BEGIN: _("Begin the class"),
        Act.COMPLETE: _("Complete the class"),
    }[act]


def office_text(office: Office | None) -> str:
    return {
        None: "",
        Office.CLERK: _("institution's clerk"),
        Office.MANAGER: _("institution's manager"),
        Office.OFFICER: _("regulator's officer"),
    }[office]


def modality_text(modality: Modality) -> str:
    return {Modality.ONLINE: _("online"), Modality.OFFLINE: _("on site")}[modality]


def kind_text(kind: Kind) -> str:
    return {Kind.THEORY: _("theory"), Kind.PRACTICE: _("practice")}[kind]


def change_text(change: Change) -> str:
    return {Change.JOIN: _("joins"), Change.LEAVE: _("leaves")}[change]


def review_text(review: ClassReview) -> str:
    """Who accepts a class here."""
    return {
        ClassReview.RECEIPT: _("The regulator takes filings elsewhere; its receipt is recorded here."),
        ClassReview.INSTITUTION: _("A second person of the institution accepts it."),
        ClassReview.REGULATOR: _("The region's officer accepts it."),
    }[review]


def gate_text(gate: Gate) -> str:
    """Why the class cannot be accepted as it is."""
    return {
        Gate.ROSTER_EMPTY: _("Nobody is on the roster."),
        Gate.PLAN_EMPTY: _("There is no plan: say what is taught on which day."),
        Gate.PLACE_MISSING: _("The plan has lessons on site, and the class has no place."),
        Gate.LATE: _("It is reported after its first lesson began. This region takes reports only before."),
        Gate.PLAN_SHORT: _("The plan has fewer hours than the outline asks."),
        Gate.OFFLINE_SHARE_LOW: _("The plan has too little theory on site: nobody in it could become eligible."),
        Gate.TEACHER_MISSING: _("Some days of the plan have no teacher."),
        Gate.TEACHER_INVALID: _("A teacher is not valid on a day of the class."),
        Gate.INSTITUTION_SUSPENDED: _("The institution is suspended."),
        Gate.PERSON_LISTED: _("Somebody on the roster is on the blacklist."),
    }[gate]


def about_text(unmet: Unmet) -> str:
    """The days, items or names that it is about; the first few of many."""
    said = [_day(one) for one in unmet.about[:MOST_NAMED]]
    return _(", ").join(said) + (" …" if len(unmet.about) > MOST_NAMED else "")


def _day(text: str) -> str:
    try:
        return shown.day(date.fromisoformat(text))
    except ValueError:
        return text


def no_text(no: No) -> str:
    """What a reader is told who might expect a button; empty where nobody would."""
    return {
        No.SAME_PERSON: _("Somebody else has to take the next step: two people look."),
        No.LEARNS_THERE: _("You are on the roster of this class: somebody else decides."),
        No.UNMET: _("The next step waits for the conditions above."),
        No.NOT_BEGUN: _("The class begins on its first day."),
        No.NOT_OVER: _("The class is completed on its last day or later."),
    }.get(no, "")
