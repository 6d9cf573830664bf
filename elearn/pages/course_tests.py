"""A learner's tests: what there is to take, the test itself, its result, the wrong-question book.

The page of a running test is made by a script (frontend/src/coursetest.ts) from the JSON in `test-config`, which holds
nothing of what is right (courses.questions.showing).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import to_ms, utcnow
from elearn.courses.papers import attempts, standing, wrong_book
from elearn.courses.papers.models import CourseTest, TestBlueprint
from elearn.courses.questions.kinds import Case, Content, Fill, Multiple, Ordering, Single, TrueFalse
from elearn.db import db
from elearn.errors import Conflict, Malformed, TooMany
from elearn.locale import gettext as _
from elearn.pages import forms, frame, test_texts
from elearn.pages.forms import Form
from elearn.people import csrf
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/tests", "my_tests", my_tests)
    bp.add_url_rule("/tests/<uuid:test_id>/begin", "begin_test", begin_test, methods=["POST"])
    bp.add_url_rule("/tests/attempts/<uuid:attempt_id>", "test_attempt", test_attempt)
    bp.add_url_rule("/tests/wrong", "wrong_list", wrong_list)
    bp.add_url_rule("/tests/wrong/<uuid:question_id>", "wrong_one", wrong_one, methods=["GET", "POST"])


@web.allow(SIGNED_IN)
def my_tests() -> ResponseReturnValue:
    """Tests of the courses of one's classes, and mock exams."""
    found = standing.tests_for(db.session(), current_person_id(), at=utcnow())
    return render_template("elearn/tests.html", tests=found)


@web.allow(SIGNED_IN)
def begin_test(test_id: UUID) -> ResponseReturnValue:
    """Begin, or go on with what is open."""
    try:
        attempt = attempts.begin(db.session(), test_id, current_person_id(), at=utcnow())
    except TooMany as error:
        db.session.commit()  # a try that ran out of time was closed on the way
        frame.say(forms.said(error), "warn")
        return redirect(url_for("elearn.pages.my_tests"), 303)
    except Conflict:
        db.session.rollback()
        frame.say(_("This test cannot be drawn up just now. Please tell your training institution."), "bad")
        return redirect(url_for("elearn.pages.my_tests"), 303)
    db.session.commit()
    return redirect(url_for("elearn.pages.test_attempt", attempt_id=attempt.id), 303)


@web.allow(SIGNED_IN)
def test_attempt(attempt_id: UUID) -> ResponseReturnValue:
    """The test while it is open, its result afterwards."""
    session, now = db.session(), utcnow()
    attempt = attempts.own_attempt(session, attempt_id, current_person_id(), at=now)
    session.commit()  # time may have run out
    test = session.get_one(CourseTest, attempt.test_id)
    image_url = test_texts.image_url(test.institution_id)
    if attempt.closed_at is not None:
        result = attempts.result(session, attempt, at=now)
        return render_template(
            "elearn/test_result.html",
            result=result,
            opens_in_s=max(0, int((result.opens_at - now).total_seconds())),
            percent=attempt.score_milli * 100 // attempt.max_milli if attempt.score_milli is not None else 0,
            wrong=[one for one in result.marked if one.mark_milli < one.points_milli],
            texts=test_texts,
            image_url=image_url,
        )
    used = session.get_one(TestBlueprint, attempt.blueprint_id)
    questions, saved = attempts.open_paper(session, attempt, image_url)
    config = {
        "attempt": str(attempt.id),
        "csrf": csrf.token(),
        "now_ms": to_ms(now),
        "deadline_ms": to_ms(attempt.deadline_at),
        "grace_ms": used.grace_s * 1000,
        "questions": questions,
        "saved": saved,
        "urls": {
            "save": url_for("elearn.tests.save_answers", attempt_id=attempt.id),
            "submit": url_for("elearn.tests.submit", attempt_id=attempt.id),
            "result": url_for("elearn.pages.test_attempt", attempt_id=attempt.id),
        },
        "texts": _texts(),
    }
    return render_template("elearn/test_attempt.html", test=test, config=config)


def _texts() -> dict[str, str]:
    """What the script says."""
    return {
        "question": _("Question {at} of {whole}"),
        "points": _("{points} points"),
        "true": _("true"),
        "false": _("false"),
        "single": _("One answer is right."),
        "multiple": _("One or more answers are right."),
        "fill": _("Fill in the blanks."),
        "ordering": _("Put the lines in their right order."),
        "truefalse": _("Is it so?"),
        "case": _("Read the case, then answer its questions."),
        "blank": _("Blank {at}"),
        "up": _("Up: {line}"),
        "down": _("Down: {line}"),
        "moved": _("{line}: place {at} of {whole}"),
        "keep": _("This order is right"),
        "picture": _("Picture of the question"),
        "saving": _("Saving ..."),
        "saved": _("Saved."),
        "kept": _("No network: your answers are kept on this phone and sent when it is back. Keep this page open."),
        "unkept": _("No network, and this browser keeps nothing: do not close this page."),
        "signin": _("You were signed out. Sign in again in another tab, then come back: your answers are kept here."),
        "submit": _("Hand in"),
        "sure": _("{count} questions are not answered yet. Hand in all the same?"),
        "sure_all": _("All questions are answered. Hand in now?"),
        "handing": _("Handing in ..."),
        "over": _("Time is up. Handing in ..."),
        "late": _("The network did not come back in time. What was saved before counts."),
        "left": _("{minutes} min left"),
        "answered": _("answered"),
        "open": _("not answered yet"),
    }


@web.allow(SIGNED_IN)
def wrong_list() -> ResponseReturnValue:
    """The wrong-question book."""
    page = frame.page_number()
    try:
        found, total = wrong_book.entries(db.session(), current_person_id(), at=utcnow(), page=page)
    except Conflict as error:
        frame.say(forms.said(error), "warn")
        return redirect(url_for("elearn.pages.my_tests"), 303)
    return render_template(
        "elearn/wrong_book.html",
        entries=found,
        page=page,
        pages=-(-total // wrong_book.PAGE),
        page_url=lambda number: url_for("elearn.pages.wrong_list", page=number),
    )


@web.allow(SIGNED_IN)
def wrong_one(question_id: UUID) -> ResponseReturnValue:
    """Practise one question of the book; a right answer takes it out."""
    session, person_id, now = db.session(), current_person_id(), utcnow()
    entry = wrong_book.entry(session, person_id, question_id, at=now)
    image_url = test_texts.image_url(entry.institution_id)
    question = wrong_book.shown(entry, image_url)
    practised = None
    problem = ""
    if request.method == "POST":
        try:
            raw = _raw(entry.content, Form.sent(), "a")
            practised = wrong_book.practise(session, person_id, question_id, raw, at=now)
        except Malformed as error:
            problem = forms.said(error)
        else:
            session.commit()
    frame.here(url_for("elearn.pages.wrong_list"))
    page = render_template(
        "elearn/wrong_one.html",
        entry=entry,
        question=question,
        practised=practised,
        problem=problem,
        content=entry.content,
        texts=test_texts,
        image_url=image_url,
    )
    return page, 422 if problem else 200


def _raw(content: Content, form: Form, name: str) -> Any:
    """An answer out of the fields of a form: `a`, of the parts of a case `a-0`, `a-1`. Raises Malformed."""
    if isinstance(content, Case):
        return [_raw(part, form, f"{name}-{place}") for place, part in enumerate(content.parts)]
    if isinstance(content, Fill):
        return form.all(name)
    if isinstance(content, TrueFalse):
        return {"true": True, "false": False}.get(form[name])
    try:
        places = [int(text) for text in form.all(name) if len(text) < 4 and text]
    except ValueError as error:
        raise Malformed("This is not an answer to that question.", code="bad_answer") from error
    if isinstance(content, Single):
        return places[0] if places else None
    if isinstance(content, Multiple):
        return places
    assert isinstance(content, Ordering)
    # Each line has a field with its rank: line -> rank becomes rank -> line.
    if sorted(places) != list(range(1, len(content.lines) + 1)):
        raise Malformed("Give each line a rank of its own, from 1.", code="bad_answer")
    return [places.index(rank) for rank in range(1, len(places) + 1)]
