"""The one next thing in words that a worker understands, with the one place that it leads to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import url_for

from elearn.locale import gettext as _
from elearn.pages import attendance_texts, shown
from elearn.pages.next_thing import Left, Lesson, Meeting, Next, Step


@dataclass(frozen=True, slots=True)
class Said:
    """What stands on the start page."""

    eyebrow: str
    title: str
    text: str
    label: str
    """Of the button."""
    url: str
    note: str = ""
    tone: str = "go"
    """go; urgent: it runs out or keeps from work; done."""


def say(one: Next, *, in_a_class: bool, still: Sequence[str] = ()) -> Said:
    """`in_a_class`: whether there is any class; who is in none is told that somebody else must act.

    `still`: what is missing for an exam all the same, in sentences; who has nothing left to do here is not told that
    all is done.
    """
    if one.step is Step.DONE and still:
        return _done_here(still)
    return _WORDS[one.step](one) if one.step is not Step.NOTHING else _nothing(in_a_class)


def _study_url(unit_id: UUID | None) -> str:
    return url_for("elearn.pages.lesson", unit_id=unit_id) if unit_id else url_for("elearn.pages.my_learning")


def _answer(one: Next) -> Said:
    assert one.question is not None
    return Said(
        _("A question is waiting"),
        _("Answer it now"),
        _("If nobody answers it in time, what you studied since the last check has to be studied again."),
        _("Answer"),
        _study_url(one.question.unit_id),
        note=_("There is time until %(when)s.", when=attendance_texts.clock(one.question.until)),
        tone="urgent",
    )


def _finish_test(one: Next) -> Said:
    assert one.test is not None
    return Said(
        _("Your test is running"),
        one.test.title,
        _("Its time goes on. What you have answered is saved."),
        _("Go on with the test"),
        url_for("elearn.pages.test_attempt", attempt_id=one.test.attempt_id),
        tone="urgent",
    )


def _make_up(one: Next) -> Said:
    where = one.waiting or one.lesson
    return Said(
        _("A check was missed"),
        where.title if where else _("Pass a check first"),
        _("Nothing new counts until you pass one check: one question about what you studied."),
        _("Take the check"),
        _study_url(where.unit_id if where else None),
        note=_("It lapses on %(when)s.", when=shown.moment(one.waiting.lapses_at)) if one.waiting else "",
        tone="urgent",
    )


def _confirm(one: Next) -> Said:
    assert one.waiting is not None
    return Said(
        _("Waiting for a check"),
        one.waiting.title,
        _(
            "%(time)s is not confirmed yet. One question about what you studied makes it count.",
            time=shown.length(one.pending_ms),
        ),
        _("Confirm now"),
        _study_url(one.waiting.unit_id),
        note=_("It lapses on %(when)s.", when=shown.moment(one.waiting.lapses_at)),
        tone="urgent",
    )


def _assigned(one: Next) -> Said:
    assert one.assignment is not None
    due = shown.day(one.assignment.due_on)
    match one.step:
        case Step.LEAVE_POST if one.assignment.new_hire:
            eyebrow = _("Before you begin to work: overdue since %(when)s", when=due) if one.late else ""
            eyebrow = eyebrow or _("Before you begin to work")
            text = _("First finish this training, then go to your post.")
        case Step.LEAVE_POST:
            eyebrow = _("Overdue since %(when)s: not to your post before this", when=due)
            text = _("Until this training is done you may not work at your post. Tell your foreman.")
        case Step.OVERDUE:
            eyebrow, text = _("Overdue since %(when)s", when=due), _("Your employer waits for this training.")
        case _:
            eyebrow, text = _("Due on %(when)s", when=due), _("Your employer assigned this training to you.")
    if one.assignment.left is Left.SIGNATURE:
        text = _("You have learned all of it. Your signature is left.")
        label, url = _("Look and sign"), url_for("elearn.pages.sign_level", assignment_id=one.assignment.id)
    elif one.lesson is not None:
        label = _("Go on studying") if one.lesson.begun else _("Begin")
        url = _study_url(one.lesson.unit_id)
    elif one.test is not None:
        label, url = _("To the test"), url_for("elearn.pages.my_tests")
    else:
        label, url = _("Look at it"), url_for("elearn.pages.my_training")
    left = _("%(left)s left", left=shown.length(one.assignment.left_ms)) if one.assignment.left_ms else ""
    lesson = one.lesson.title if one.lesson else ""
    note = " · ".join(filter(None, [lesson, left]))
    tone = "go" if one.step is Step.ASSIGNED else "urgent"
    return Said(eyebrow, one.assignment.title, text, label, url, note=note, tone=tone)


def _study(one: Next) -> Said:
    assert one.lesson is not None
    go_on = one.step is Step.GO_ON
    return Said(
        _("Go on here") if go_on else _("Next lesson"),
        one.lesson.title,
        one.lesson.course,
        _("Go on studying") if go_on else _("Begin"),
        _study_url(one.lesson.unit_id),
        note=_left(one.lesson),
    )


def _left(lesson: Lesson) -> str:
    length = shown.length(lesson.left_ms)
    return _("%(left)s left", left=length) if lesson.begun else length


def _test(one: Next) -> Said:
    assert one.test is not None
    return Said(
        _("A test to take"),
        one.test.title,
        _("You have studied every lesson of this course. Only with its test is the course done."),
        _("To the test"),
        url_for("elearn.pages.my_tests"),
    )


def _sign(one: Next) -> Said:
    assert one.unsigned is not None
    return Said(
        _("Your signature, please"),
        one.unsigned.title,
        _("The class is over: look at your hours and sign them"),
        _("Look and sign"),
        url_for("elearn.pages.sign_hours", class_id=one.unsigned.class_id),
    )


def _attend(one: Next) -> Said:
    assert one.meeting is not None
    today = one.step is Step.ATTEND_TODAY
    return Said(
        _("Today on site") if today else _("Next on site"),
        one.meeting.title,
        _("Scan the code on the teacher's screen when you come, and again when you leave."),
        _("Where and when"),
        url_for("elearn.pages.my_learning", _anchor="on-site"),
        note=when_and_where(one.meeting),
        tone="urgent" if today else "go",
    )


def when_and_where(one: Meeting) -> str:
    """`Nov 23, 2026 09:00–11:00 · Room 2`."""
    hours = f"{attendance_texts.clock(one.from_at)}–{attendance_texts.clock(one.to_at)}"
    return f"{shown.day(one.from_at)} {hours} · {one.place}"


def _wait(one: Next) -> Said:
    assert one.assignment is not None
    return Said(
        _("Waiting for others"),
        one.assignment.title,
        _("Your part is done. Before you go to your post, your employer has to sign or confirm it: ask your foreman."),
        _("Look at it"),
        url_for("elearn.pages.my_training"),
        tone="done",
    )


def _done(one: Next) -> Said:
    return Said(
        _("All done"),
        _("You have done everything there is. Well done!"),
        _("When there is something new to learn, it stands here."),
        _("My hours"),
        url_for("elearn.pages.my_hours"),
        tone="done",
    )


def _done_here(still: Sequence[str]) -> Said:
    return Said(
        _("Done here"),
        _("What you can learn here is done"),
        _("Until the exam: %(first)s.", first=still[0]),
        _("My hours"),
        url_for("elearn.pages.my_hours"),
    )


def _nothing(in_a_class: bool) -> Said:
    if in_a_class:
        text = _("No lesson is offered in your class yet. Your training institution adds them; look again later.")
        return Said("", _("Nothing to do yet"), text, _("Look at the courses"), url_for("elearn.pages.catalogue"))
    text = _("Your employer or training institution enrols you. Until then there is nothing you have to do.")
    return Said("", _("You are in no class yet"), text, _("Look at the courses"), url_for("elearn.pages.catalogue"))


_WORDS: dict[Step, Callable[[Next], Said]] = {
    Step.ANSWER: _answer,
    Step.FINISH_TEST: _finish_test,
    Step.MAKE_UP: _make_up,
    Step.CONFIRM: _confirm,
    Step.LEAVE_POST: _assigned,
    Step.OVERDUE: _assigned,
    Step.ATTEND_TODAY: _attend,
    Step.ASSIGNED: _assigned,
    Step.GO_ON: _study,
    Step.BEGIN: _study,
    Step.TEST: _test,
    Step.SIGN: _sign,
    Step.ATTEND: _attend,
    Step.WAIT: _wait,
    Step.DONE: _done,
}
