"""Words of training: purposes, occasions, states, and by which clause an occasion asks."""

from __future__ import annotations

from flask import current_app

from elearn.locale import gettext as _
from elearn.locale import language
from elearn.training import law_words
from elearn.training.figures.board_tables import purposes
from elearn.training.law import Law
from elearn.training.law_hours import LawAsks, Verdict
from elearn.training.lawful import LawLine
from elearn.training.lawful_rules import Compared
from elearn.training.models import Cycle, Occasion, Purpose, RunState, State
from elearn.training.reading import Line, Show


def purpose_text(purpose: Purpose) -> str:
    return purposes(_)[purpose.value]


def purpose_choices() -> list[tuple[str, str]]:
    return [(one.value, purpose_text(one)) for one in Purpose]


def occasion_text(occasion: Occasion) -> str:
    return {
        Occasion.HIRE: _("Somebody is hired"),
        Occasion.TRANSFER: _("Somebody changes unit or post"),
        Occasion.BACK: _("Somebody is back after long"),
        Occasion.APPOINTMENT: _("A principal or manager is appointed"),
        Occasion.YEARLY: _("Every year"),
        Occasion.CONTRACTOR_ENTRY: _("A contractor's worker comes in"),
        Occasion.NEW_TECHNOLOGY: _("New technology on a day"),
        Occasion.CAMPAIGN: _("A campaign on a day"),
        Occasion.BY_HAND: _("Assigned by hand"),
    }[occasion]


def occasion_choices() -> list[tuple[str, str]]:
    return [(one.value, occasion_text(one)) for one in Occasion if one is not Occasion.BY_HAND]


def clause_text(occasion: Occasion) -> str:
    """What the rules of the field call it; clauses are quoted as they stand."""
    return {
        Occasion.HIRE: Law.three_level,
        Occasion.TRANSFER: "令3 第十七条",
        Occasion.BACK: "令3 第十七条; 浙江 第十四条",
        Occasion.APPOINTMENT: "安全生产法 第二十七条",
        Occasion.YEARLY: Law.yearly,
        Occasion.CONTRACTOR_ENTRY: Law.contractor,
        Occasion.NEW_TECHNOLOGY: Law.new_technology,
        Occasion.CAMPAIGN: Law.campaign,
        Occasion.BY_HAND: "",
    }[occasion]


def cycle_text(cycle: Cycle) -> str:
    return _("with the calendar year") if cycle is Cycle.CALENDAR else _("with the anniversary of being hired")


def cycle_choices() -> list[tuple[str, str]]:
    return [(one.value, cycle_text(one)) for one in Cycle]


def state_text(line: Line) -> str:
    """How an assignment stands, in two words."""
    if line.waits_for_signature:
        return _("Waits for signatures")
    return {
        State.WAITING: _("Comes later"),
        State.OPEN: _("Under way"),
        State.DONE: _("Done"),
        State.WITHDRAWN: _("Withdrawn"),
    }[line.state]


def test_text(tested: bool, passed: bool) -> str:
    """What became of the tests of a programme, which may have none."""
    if not tested:
        return _("no test")
    return _("passed") if passed else _("not passed")


def state_tone(line: Line) -> str:
    return {State.DONE: "good", State.OPEN: "warn" if line.waits_for_signature else ""}.get(line.state, "")


def show_text(show: Show) -> str:
    return {
        Show.ALL: _("All"),
        Show.LATE: _("Overdue"),
        Show.LEAVE: _("Must leave the post"),
        Show.SIGN: _("Waits for signatures"),
        Show.UNFINISHED: _("Not done"),
        Show.OPEN: _("Under way"),
        Show.WAITING: _("Comes later"),
        Show.DONE: _("Done"),
        Show.WITHDRAWN: _("Withdrawn"),
    }[show]


def run_text(state: RunState) -> str:
    return {
        RunState.WAITING: _("waits for its turn"),
        RunState.RUNNING: _("under way"),
        RunState.DONE: _("done"),
        RunState.FAILED: _("failed"),
    }[state]


def show_word(show: str) -> str:
    return show_text(Show(show))


def show_hint(show: str) -> str:
    return {
        Show.LEAVE: _("Not trained in time, newly hired, or without the certificate the post asks for."),
        Show.LATE: _("The day has passed."),
        Show.SIGN: _("Learned, and not signed by both."),
        Show.UNFINISHED: _("Under way, overdue or coming later."),
        Show.DONE: _("Credited, tested, and signed where that is asked."),
    }[Show(show)]


def category_text(asked: LawAsks) -> str:
    """What the category is called."""
    return asked.name if language() == "zh" else asked.name_en


def law_when(line: LawLine) -> str:
    return law_words.when_text(line.training, _)


def law_text(line: LawLine) -> str:
    """`18 of 24 class hours (令3 第十三条)`."""
    return law_words.hours_text(line.judgement.has, line.asked.hours, line.asked.clause, _)


def law_badge(line: LawLine) -> tuple[str, str]:
    """The word of the judgement, and its tone."""
    tone = {Verdict.ENOUGH: "good", Verdict.SHORT: "warn", Verdict.UNKNOWN: ""}[line.judgement.verdict]
    return law_words.verdict_text(line.judgement.verdict, line.judgement.short, _), tone


def short_texts(compared: list[Compared]) -> list[str]:
    """What is said of each category that is given less than the law asks."""
    return [
        law_words.short_text(category_text(one.asked), one.judgement.has, one.asked.hours or 0, one.asked.clause, _)
        for one in compared if one.short
    ]  # fmt: skip


def enough_texts(compared: list[Compared]) -> list[str]:
    """The categories that are given what the law asks."""
    return [category_text(one.asked) for one in compared if one.judgement.verdict is Verdict.ENOUGH]


def tabs() -> list[tuple[str, str]]:
    """Views of training with their names, those that are there."""
    found = [
        ("training", _("Where it stands")),
        ("training_assignments", _("Assignments")),
        ("training_sign", _("To be signed")),
        ("training_programmes", _("Programmes")),
        ("training_sessions", _("Training on site")),
        ("training_rules", _("Rules that assign")),
        ("training_plans", _("Plans")),
        ("survey_list", _("Surveys")),
        ("training_funds", _("Training fund")),
        ("apprenticeship_list", _("Apprenticeships")),
        ("certificate_register", _("Certificates")),
        ("reminder_list", _("Reminders")),
    ]
    known = current_app.view_functions
    return [(view, name) for view, name in found if f"elearn.pages.{view}" in known]
