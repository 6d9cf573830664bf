"""The words of attendance: stages, why a stretch or a row is not taken, where times are from."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from elearn.clock import from_ms, utcnow
from elearn.credit_export.class_lengths import lengths_of
from elearn.credit_export.hours import RuleSet, as_text, shown_tenths
from elearn.db import db
from elearn.locale import gettext as _
from elearn.pages import shown
from elearn.pages.shown import ZONE
from elearn.people.registry import local_day
from elearn.tracking.attendance import importing
from elearn.tracking.attendance.reading import Stage
from elearn.tracking.attendance.rules import How, Refusal
from elearn.tracking.attendance.sheets import Problem


def lengths(class_id: UUID) -> RuleSet | None:
    """How long a 学时 of a class is today; None: an enterprise's own training, which counts by the clock."""
    return lengths_of(db.session(), [class_id], on=local_day(utcnow())).get(class_id)


def class_hours(ms: int, lengths: RuleSet | None) -> str:
    """Class hours (学时) of time on site by the rules of its class, in tenths, rounded down once; else by the clock."""
    return shown.length(ms) if lengths is None else as_text(shown_tenths(ms, lengths.offline_hour_ms))


def kind_text(kind: str) -> str:
    return _("Practice") if kind == "practice" else _("Theory")


def stage_text(stage: Stage) -> str:
    return {
        Stage.CANCELLED: _("Cancelled"),
        Stage.PLANNED: _("Planned"),
        Stage.RUNNING: _("Going on"),
        Stage.OVER: _("No list yet"),
        Stage.WAITING: _("To be confirmed"),
        Stage.CONFIRMED: _("Confirmed"),
        Stage.REFUSED: _("Sent back"),
        Stage.TAKEN_BACK: _("Taken back"),
    }[stage]


def stage_tone(stage: Stage) -> str:
    return {
        Stage.CONFIRMED: "good", Stage.RUNNING: "good", Stage.WAITING: "warn", Stage.OVER: "warn",
        Stage.REFUSED: "bad", Stage.TAKEN_BACK: "bad",
    }.get(stage, "")  # fmt: skip


def how_text(how: str) -> str:
    return {
        How.CODE: _("code on the screen"),
        How.TEACHER: _("teacher's list"),
        How.SHEET: _("spreadsheet"),
    }[How(how)]


def refusal_text(code: str) -> str:
    """Why a stretch adds nothing."""
    return {
        Refusal.CANCELLED: _("The session was cancelled."),
        Refusal.OUTSIDE_CLASS: _("The class had not begun, or was over."),
        Refusal.OUTSIDE_SESSION: _("That time lies outside the session."),
        Refusal.NOT_OVER: _("The session is not over."),
        Refusal.TOO_OLD: _("The session is longer ago than a list may be late (30 days)."),
        Refusal.NOT_ENROLLED: _("Not in the class at that time."),
        Refusal.TEACHES_IT: _("Teaches the session or proposes the list."),
        Refusal.NO_CHECK_OUT: _("Checked in and never out: mark until when they were there."),
        Refusal.STUDIED_ONLINE: _("Studied a lesson online at that time: nobody is in two places."),
        Refusal.ELSEWHERE: _("Was in another session at that time, or is recorded already."),
        Refusal.DAY_FULL: _("The day's limit was reached, all employers and online together."),
    }[Refusal(code)]


def problem_text(code: str) -> str:
    """What is wrong with a row of a spreadsheet."""
    if code in list(Refusal):
        return refusal_text(code)
    return {
        Problem.NO_NAME: _("The name is missing."),
        Problem.NO_NUMBER: _("The document number is missing."),
        Problem.BAD_KIND: _("No kind of document that is known."),
        Problem.BAD_DAY: _("The date cannot be read. Write 2026-07-01."),
        Problem.BAD_TIME: _("A time cannot be read. Write 09:00."),
        Problem.ENDS_BEFORE: _("It ends before it begins."),
        Problem.NOT_ON_SITE: _("Time online is never entered by hand, and practice is never online."),
        importing.UNKNOWN_PERSON: _("Nobody with this name and document is registered."),
        importing.NO_SESSION: _("No session of this class was planned for that time."),
        importing.TWICE: _("This person stands in two rows of one session."),
        importing.LIST_WAITING: _("A list of that session waits for the second person."),
    }[code]


def clock(at: datetime) -> str:
    """A time of day in China: `09:30`."""
    return at.astimezone(ZONE).strftime("%H:%M")


def clock_ms(at_ms: int) -> str:
    return clock(from_ms(at_ms))
