"""The words of archives, for the PDF and for pages: what is missing, how somebody stands, what a file holds."""

from __future__ import annotations

from elearn.credit_export.archive.missing import Gap, What
from elearn.credit_export.archive.statement import Standing
from elearn.credit_export.paper.sheets import Says


def gap_text(gap: Gap, _: Says) -> str:
    return {
        What.NO_PLAN: _("No plan of lessons is entered."),
        What.WITHOUT_LESSON_PLAN: _("Lessons of the plan without a lesson plan: %(count)s", count=gap.count),
        What.NOT_FILED: _("The class is not filed."),
        What.NO_LAST_DAY: _("The class has no last day: nobody can sign, and the time it is kept does not begin."),
        What.GOES_ON: _("The class goes on: learners sign from its last day on."),
        What.NOBODY: _("Nobody is in this class."),
        What.CHANGES_WAITING: _("Changes of the roster that wait for the second person: %(count)s", count=gap.count),
        What.SESSIONS_WITHOUT_LIST: _("Sessions on site that are over and have no list: %(count)s", count=gap.count),
        What.LISTS_WAITING: _("Lists of attendance that wait for the second person: %(count)s", count=gap.count),
        What.HOURS_ON_THEIR_WAY: _("Confirmed attendance on its way into the ledger: %(count)s", count=gap.count),
        What.TEACHERS: _("Questions about the teachers: %(count)s", count=gap.count),
        What.NOT_SIGNED: _("Learners who have not signed: %(count)s", count=gap.count),
        What.CHANGED: _("Learners whose hours or tests changed after they signed: %(count)s", count=gap.count),
        What.NOT_COMPLETED: _("The class is not closed as completed."),
    }[gap.what]


def standing_text(standing: str, _: Says) -> str:
    return {
        Standing.NOT_SIGNED: _("not signed"),
        Standing.SIGNED: _("signed"),
        Standing.CHANGED: _("changed since signed"),
    }[Standing(standing)]


def section_text(section: str, _: Says) -> str:
    return {
        "class": _("The class: plan, filing, outline, what is missing"),
        "units": _("Lesson plans: every version that was offered, with its digest"),
        "teachers": _("Teachers, and questions about them"),
        "roster": _("Roster and its changes"),
        "attendance": _("Attendance on site: sessions, lists, who confirmed"),
        "hours": _("Hours of each learner: sums and every entry with its leaf"),
        "tests": _("Course tests: papers, attempts, marks"),
        "evidence": _("Evidence: leaves with their roots, checkpoints of the log"),
        "signoffs": _("Signatures: what was signed, when, how"),
        "recordings": _("Register of recordings and photos, by hash"),
    }[section]
