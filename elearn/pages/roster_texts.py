"""Words of rosters: what is wrong with a cell, what a row would do. Built of words that stand in the catalogues."""

from __future__ import annotations

from elearn.locale import gettext as _
from elearn.people.roster.cells import Problem, Wrong
from elearn.people.roster.columns import PLAIN, Column
from elearn.people.roster.deciding import Change, Verdict

EMPLOYER = "单位"
"""How the column is called in what is taken out and in a group's form."""


def wrong_text(problem: Problem) -> str:
    """Why, and what to do about it."""
    facts = problem.facts
    texts = {
        Wrong.NO_NAME: _("The name is missing."),
        Wrong.NAME_FORM: _("This is not a name: a name has letters and no digits, as in the document."),
        Wrong.NO_DOCUMENT: _("The document number is missing."),
        Wrong.DOCUMENT_KIND: _("This kind of document is not known. Resident identity cards need none."),
        Wrong.DOCUMENT_FORM: _("The number does not have the form of this kind of document."),
        Wrong.DOCUMENT_LENGTH: _(
            "A resident identity number has 18 characters; this one has %(length)s.", length=facts.get("length", "")
        ),
        Wrong.DOCUMENT_BIRTH: _("The date of birth in the document number is no possible day."),
        Wrong.DOCUMENT_CHECK: _("The document number has a typing error: its check digit is wrong."),
        Wrong.DOCUMENT_LOST: _(
            "The spreadsheet program cut the document number off: format the column as text and enter it again."
        ),
        Wrong.DOCUMENT_OLD: _("15 digits: a number of the first generation, no longer valid. Enter the one with 18."),
        Wrong.DOCUMENT_MASKED: _("The document number is masked with stars. Enter the whole number."),
        Wrong.PHONE_FORM: _("This is not one phone number."),
        Wrong.STAFF_NUMBER_FORM: _("A staff number has at most 32 letters, digits and . _ - /."),
        Wrong.UNIT_FORM: _("The name of a unit has at most %(most)s characters.", most=facts.get("most", "")),
        Wrong.UNIT_DEPTH: _("At most %(most)s units lie below each other.", most=facts.get("most", "")),
        Wrong.POST_FORM: _("The name of a post has at most %(most)s characters.", most=facts.get("most", "")),
        Wrong.CATEGORY_UNKNOWN: _(
            "The category “%(said)s” is not in the catalogue of requirements.", said=facts.get("said", "")
        ),
        Wrong.FIRM_FORM: _("The name of a firm has at most %(most)s characters.", most=facts.get("most", "")),
        Wrong.EMPLOYMENT_UNKNOWN: _(
            "“%(said)s” is no way of being employed that is known: 正式, 劳务派遣, 灵活用工, 承包, 实习, 学徒.",
            said=facts.get("said", ""),
        ),
        Wrong.DATE_FORM: _(
            "“%(said)s” is not one clear day. Write it like 2026-01-05 or 2026年1月5日.", said=facts.get("said", "")
        ),
        Wrong.DATE_FAR: _("%(said)s is before 1950 or more than a year ahead.", said=facts.get("said", "")),
        Wrong.ENDS_BEFORE: _("The last day is before the first."),
        Wrong.BEFORE_BIRTH: _("The first day is before the date of birth in the document number."),
        Wrong.TWICE: _(
            "Line %(line)s has the same document with other content. That one is taken; keep one of the two.",
            line=facts.get("line", ""),
        ),
        Wrong.TWO_NAMES: _("The same document number stands at two names in this file. Check which one is right."),
        Wrong.NAME_DIFFERS: _("Name and document number do not belong together. Check both against the document."),
        Wrong.UNIT_UNKNOWN: _("There is no such unit, and none was to be made."),
        Wrong.UNIT_BELOW_TEAM: _("A team has no units below it. Check the way through the tree."),
        Wrong.NO_COMPANY: _("The enterprise is missing: its name, or its unified social credit code."),
        Wrong.COMPANY_UNKNOWN: _(
            "“%(said)s” is no enterprise of this group. Write its whole name, or its unified social credit code.",
            said=facts.get("said", ""),
        ),
        Wrong.COMPANY_TWICE: _(
            "Two enterprises of this group are called “%(said)s”. Write the unified social credit code.",
            said=facts.get("said", ""),
        ),
        Wrong.UNIT_EMPLOYER: _("This is an enterprise of its own: take its roster in there."),
        Wrong.BEFORE_PRESENT: _("The last day is before this person began here."),
    }
    return texts[problem.wrong]


def column_text(column: Column) -> str:
    return {
        Column.NAME: _("Name"),
        Column.NUMBER: _("Document number"),
        Column.DOCUMENT: _("Kind of document"),
        Column.PHONE: _("Phone number"),
        Column.STAFF_NUMBER: _("Staff number"),
        Column.COMPANY: _("Employer"),
        Column.PATH: _("Unit"),
        Column.DEPARTMENT: _("Unit"),
        Column.WORKSHOP: _("Unit"),
        Column.TEAM: _("Unit"),
        Column.POST: _("Post"),
        Column.CATEGORY: _("Category"),
        Column.EMPLOYMENT: _("Employment"),
        Column.FIRM: _("Sent by"),
        Column.FROM_ON: _("Day of joining"),
        Column.TO_ON: _("Day of leaving"),
    }[column]


def problem_text(problem: Problem) -> str:
    """Where, and why."""
    return _("%(where)s: %(why)s", where=column_text(problem.column), why=wrong_text(problem))


def verdict_text(verdict: str) -> str:
    return {
        Verdict.NEW: _("New"),
        Verdict.CHANGED: _("Changed"),
        Verdict.LEAVES: _("Leave"),
        Verdict.UNCHANGED: _("Unchanged"),
        Verdict.GONE: _("Left before"),
        Verdict.DUPLICATE: _("Twice the same"),
        Verdict.REFUSED: _("Wrong rows"),
    }[Verdict(verdict)]


def change_text(change: str) -> str:
    return {
        Change.EMPLOYMENT: _("Employment"),
        Change.FIRM: _("Sent by"),
        Change.UNIT: _("Unit"),
        Change.POST: _("Post"),
        Change.CATEGORY: _("Category"),
        Change.PHONE: _("Phone number"),
        Change.STAFF_NUMBER: _("Staff number"),
        Change.END: _("Day of leaving"),
    }[Change(change)]


def state_text(state: str) -> str:
    return {
        "reading": _("Being read"),
        "unreadable": _("Cannot be read"),
        "ready": _("To be looked at"),
        "taking": _("Being taken in"),
        "done": _("Taken in"),
        "forgotten": _("Deleted"),
    }[state]


def notes(*, of_group: bool = False) -> list[tuple[str, str]]:
    """What the columns of the empty form may hold; a group's says whose each row is."""
    company = (EMPLOYER, _("The enterprise's whole name, or its unified social credit code. Needed."))
    texts = {
        Column.NAME: _("As in the document. Needed."),
        Column.DOCUMENT: _("Empty: resident identity card. Also 港澳通行证, 台胞证, 外国人永久居留身份证, 护照."),
        Column.NUMBER: _("Needed. Format the column as text, or the spreadsheet program cuts the number off."),
        Column.PHONE: _("Signs the person in. Without one the staff number does."),
        Column.STAFF_NUMBER: _("Your own number of the person."),
        Column.PATH: _("From the enterprise downwards, like 生产部/一车间/甲班. Or three columns: 部门, 车间, 班组."),
        Column.POST: _("As you call it."),
        Column.CATEGORY: _("A category of the requirements, like 低压电工作业. It says what must be learned."),
        Column.EMPLOYMENT: _("正式, 劳务派遣, 灵活用工, 承包, 实习 or 学徒. Empty for somebody new: 正式."),
        Column.FIRM: _("The firm that sent them: the contractor, or the agency that dispatched them."),
        Column.FROM_ON: _("Like 2026-01-05 or 2026年1月5日. Empty for somebody new: today."),
        Column.TO_ON: _("The last day of who leaves or has left. Empty for who stays."),
    }
    rest = [(name, texts[column]) for column, name in PLAIN.items()]
    return [company, *rest] if of_group else rest
