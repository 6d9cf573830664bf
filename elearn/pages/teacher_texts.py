"""The register of teachers in plain words: levels, what is wrong with the teachers of a class, certificates."""

from __future__ import annotations

from elearn.courses.centres import INDUSTRIES, Industry
from elearn.courses.models import Kind
from elearn.courses.teachers.reading import CertificateLine
from elearn.courses.teachers.rules import Level, Problem, ProblemKind
from elearn.courses.teachers.sheets import Wrong
from elearn.locale import gettext as _
from elearn.pages import shown
from elearn.pages.finding_texts import no_text, side_text

__all__ = [
    "industries", "kind_text", "level_text", "no_text", "problem_text", "side_text", "state_text", "state_tone",
    "wrong_text",
]  # fmt: skip


def level_text(level: Level) -> str:
    return {
        Level.INSTITUTION: _("the institution's own"),
        Level.PREFECTURE: _("prefecture's register"),
        Level.PROVINCE: _("provincial register"),
    }[level]


def industries(chosen: tuple[Industry, ...]) -> str:
    return _(", ").join(_(INDUSTRIES[one]) for one in chosen) or _("every industry")


def kind_text(kind: Kind | None) -> str:
    return {None: _("theory and practice"), Kind.THEORY: _("theory"), Kind.PRACTICE: _("practice")}[kind]


def problem_text(problem: Problem) -> str:
    """What is wrong, and since when."""
    on = shown.day(problem.on)
    return {
        ProblemKind.NO_TEACHER: _("Nobody is entered who teaches all kinds of hours that the outline asks for."),
        ProblemKind.NOT_ENTERED: _("Taught on site on %(on)s without being a teacher of the class.", on=on),
        ProblemKind.NOT_OF_INSTITUTION: _("Does not teach for this institution on %(on)s.", on=on),
        ProblemKind.NO_CERTIFICATE: _("No certificate is on record."),
        ProblemKind.NOT_CONFIRMED: _("The certificate waits for a second person."),
        ProblemKind.EXPIRED: _("No certificate is valid on %(on)s.", on=on),
        ProblemKind.NOT_COVERED: _("No certificate that is valid on %(on)s is for this work.", on=on),
        ProblemKind.HOURS_SHORT: _("Too few hours of their own training in the year before."),
    }[problem.kind]


def state_text(line: CertificateLine, *, holds: bool) -> str:
    if line.confirmed is None:
        return _("waits for a second person")
    if not line.confirmed:
        return _("not confirmed")
    return _("valid") if holds else _("not valid today")


def state_tone(line: CertificateLine, *, holds: bool) -> str:
    """The colour of its badge."""
    return "warn" if line.confirmed is None else "good" if holds else ""


def wrong_text(wrong: Wrong) -> str:
    """What is wrong with a row of a register."""
    return {
        Wrong.NO_NAME: _("The name is missing."),
        Wrong.NO_NUMBER: _("The document number is missing."),
        Wrong.BAD_KIND: _("No kind of document that is known."),
        Wrong.BAD_NUMBER: _("The document number cannot be right."),
        Wrong.OTHER_NAME: _("This document is registered under another name. Please check both."),
        Wrong.BAD_INDUSTRY: _("No industry of this name."),
        Wrong.BAD_WORK: _("A kind of work has 1 to 60 characters, and there are at most 30."),
        Wrong.BAD_DAY: _("A date cannot be read. Write 2026-07-01."),
        Wrong.BAD_TERM: _("Full time or part time: write 专职 or 兼职."),
        Wrong.ENDS_BEFORE: _("It ends before it begins."),
        Wrong.NO_PAPER: _("Of a certificate its name, number, issuer, first day and what it is for are needed."),
        Wrong.BAD_COVER: _("No kind of work or category of this name is known."),
        Wrong.TEACHES_ALREADY: _("This teacher teaches for this institution already in these days."),
        Wrong.OWN: _("Nobody states anything about themselves here."),
    }[wrong]
