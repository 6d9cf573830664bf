"""An institution's tests: of courses, and mock exams; their blueprints, what the bank lacks, a look at a paper."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import teaching
from elearn.courses.models import Course
from elearn.courses.papers import blueprint, tests
from elearn.courses.papers.blueprint import Section, Unfilled
from elearn.courses.papers.models import CourseTest, TestBlueprint
from elearn.courses.papers.tests import Policy
from elearn.courses.questions.kinds import Difficulty, Kind, from_json
from elearn.courses.questions.marking import Partial
from elearn.courses.questions.models import BankVersion
from elearn.db import db
from elearn.errors import DomainError, Malformed
from elearn.locale import gettext as _
from elearn.pages import forms, frame, test_texts
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.models import Role
from elearn.people.permissions import MANAGER
from elearn.people.registry import local_day

MANAGES = Role.INSTITUTION_MANAGER
SHOWN_VERSIONS = 10
COLUMNS = ("item", "kind", "difficulty", "count", "points")
EMPTY_ROWS = 3
MOST_ROWS = 60
MAX_SEED = 64


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teaching/tests", "test_list", test_list, methods=["GET", "POST"])
    bp.add_url_rule("/teaching/tests/<uuid:test_id>", "test_desk", test_desk, methods=["GET", "POST"])
    bp.add_url_rule("/teaching/tests/<uuid:test_id>/retire", "test_retire", test_retire, methods=["POST"])
    bp.add_url_rule("/teaching/blueprints/<uuid:blueprint_id>/publish", "test_publish", publish, methods=["POST"])
    bp.add_url_rule("/teaching/blueprints/<uuid:blueprint_id>/paper", "test_paper", paper)


@web.allow(MANAGER)
def test_list() -> ResponseReturnValue:
    """All tests of an institution, and a form for another one."""
    organisation, all_own = frame.own_organisations(MANAGES)
    now = utcnow()
    form = Form()
    if request.method == "POST":
        form = Form.sent()
        form.need("title")
        if not form["course"] and not form["outline"]:
            form.errors["course"] = _("Choose a course, or an outline for a mock exam.")
        if not form.errors:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.test_list", organisation=organisation.id), 303)
            try:
                made = tests.add_test(
                    db.session(),
                    institution_id=organisation.id,
                    title=form["title"],
                    at=now,
                    course_id=form.id("course"),
                    outline_id=form.id("outline"),
                )
            except DomainError as error:
                forms.undo_first()
                form.blame(error, {"bad_name": "title"}, "course")
            else:
                db.session.commit()
                return redirect(url_for("elearn.pages.test_desk", test_id=made.id), 303)
    frame.here(url_for("elearn.pages.test_list", organisation=organisation.id))
    courses = db.session.execute(
        sa.select(Course.id, Course.title)
        .where(Course.institution_id == organisation.id, Course.outline_item_id.is_not(None))
        .where(~sa.exists().where(CourseTest.course_id == Course.id, CourseTest.retired_at.is_(None)))
        .order_by(Course.title)
        .limit(1000)
    ).all()
    page = render_template(
        "elearn/test_list.html",
        form=form,
        organisation=organisation,
        organisations=all_own,
        lines=tests.tests_of(db.session(), organisation.id),
        courses=[tuple(row) for row in courses],
        outlines=[
            (one.id, f"{one.name} {one.version}") for one, _items in teaching.outlines_on(db.session(), local_day(now))
        ],
    )
    return page, 422 if form.errors else 200


@web.allow(MANAGER)
def test_desk(test_id: UUID) -> ResponseReturnValue:
    """A test with its blueprints; a POST makes the next version of them."""
    test = tests.own_test(db.session(), test_id, frame.acting(MANAGES))
    form = Form()
    if request.method == "POST":
        form = Form.sent()
        try:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.test_desk", test_id=test_id), 303)
            tests.add_blueprint(
                db.session(),
                test_id,
                _sections(form),
                _policy(form),
                acting=frame.acting(MANAGES),
                by=current_person_id(),
                at=utcnow(),
            )
        except DomainError as error:
            db.session.rollback()
            forms.undo_first()
            where = {"bad_duration": "minutes", "bad_grace": "grace", "bad_wait": "wait", "bad_pass_mark": "pass"}
            form.blame(error, where, "sections")
        else:
            db.session.commit()
            frame.say(_("The blueprint is made. Publish it when the bank can fill it."))
            return redirect(url_for("elearn.pages.test_desk", test_id=test_id), 303)
    return _desk_page(test, form), 422 if form.errors else 200


def _desk_page(test: CourseTest, form: Form) -> str:
    session = db.session()
    versions = tests.blueprints_of(session, test.id)
    bank = tests.candidates(session, test, at=utcnow())
    standing = []
    for one in versions[:SHOWN_VERSIONS]:
        sections = tests.sections_of(one)
        drawn = blueprint.draw(sections, bank, b"look") if one.retired_at is None else None
        lacks = {lack.section: lack for lack in drawn.lacks} if isinstance(drawn, Unfilled) else {}
        standing.append((one, sections, lacks))
    frame.here(url_for("elearn.pages.test_desk", test_id=test.id))
    return render_template(
        "elearn/test_desk.html",
        test=test,
        form=form,
        standing=standing,
        rows=_typed_rows(form) if form.values else _rows_of(versions[0] if versions else None),
        policy=versions[0] if versions else Policy(),
        items=[(str(item.id), f"{item.code} {item.name}") for item in teaching.items_of(session, test.outline_id)],
        texts=test_texts,
        partials=[(one.value, text) for one, text in test_texts.partials().items()],
    )


def _rows_of(newest: TestBlueprint | None) -> list[dict[str, str]]:
    """The rows of the form: those of the newest version, and a few empty ones."""
    found = [
        {
            "item": one.item or "",
            "kind": one.kind.value if one.kind else "",
            "difficulty": one.difficulty.value if one.difficulty else "",
            "count": str(one.count),
            "points": test_texts.points(one.points_milli),
        }
        for one in (tests.sections_of(newest) if newest else [])
    ]
    return found + [dict.fromkeys(COLUMNS, "") for _number in range(EMPTY_ROWS)]


def _typed_rows(form: Form) -> list[dict[str, str]]:
    columns = [form.all(name) for name in COLUMNS]
    return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns, strict=False)][:MOST_ROWS]


def _sections(form: Form) -> list[Section]:
    """Raises Malformed."""
    found = []
    for row in _typed_rows(form):
        if not row["count"].strip():
            continue
        try:
            found.append(
                Section(
                    count=_whole(row["count"]),
                    points_milli=_milli(row["points"] or "1"),
                    item=str(UUID(row["item"])) if row["item"] else None,
                    kind=Kind(row["kind"]) if row["kind"] else None,
                    difficulty=Difficulty(row["difficulty"]) if row["difficulty"] else None,
                )
            )
        except ValueError as error:
            raise Malformed("Counts are whole numbers; points have at most three decimals.", code="bad_rows") from error
    return found


def _whole(text: str) -> int:
    number = forms.whole(text.strip(), 6)
    if number is None:
        raise ValueError(text)
    return number


def _milli(text: str) -> int:
    """Points as typed, `2` or `1.5`, in milli-points."""
    whole, _dot, rest = text.strip().partition(".")
    if len(rest) > 3:
        raise ValueError(text)
    return _whole(whole or "0") * 1000 + (_whole(rest.ljust(3, "0")) if rest else 0)


def _policy(form: Form) -> Policy:
    """Raises Malformed."""
    try:
        return Policy(
            duration_s=_whole(form["minutes"]) * 60,
            grace_s=_whole(form["grace"]),
            wait_s=_whole(form["wait"]) * 60,
            pass_percent=_whole(form["pass"]),
            partial=Partial(form["partial"]),
            shows_answers=bool(form["shows_answers"]),
        )
    except ValueError as error:
        raise Malformed("Please give whole numbers.", code="bad_policy") from error


@web.allow(MANAGER)
def publish(blueprint_id: UUID) -> ResponseReturnValue:
    """Offer this version to learners."""
    acting = frame.acting(MANAGES)
    chosen, test = tests.own_blueprint(db.session(), blueprint_id, acting)
    if forms.is_first():
        try:
            tests.publish(db.session(), chosen.id, acting=acting, at=utcnow())
        except DomainError as error:
            db.session.rollback()
            frame.say(forms.said(error), "bad")
        else:
            db.session.commit()
            frame.say(_("Learners take this version from now on."))
    return redirect(url_for("elearn.pages.test_desk", test_id=test.id), 303)


@web.allow(MANAGER)
def test_retire(test_id: UUID) -> ResponseReturnValue:
    """Ask this test no more."""
    test = tests.own_test(db.session(), test_id, frame.acting(MANAGES))
    if forms.is_first():
        tests.retire(db.session(), test_id, acting=frame.acting(MANAGES), at=utcnow())
        db.session.commit()
        frame.say(_("The test is asked no more."))
    return redirect(url_for("elearn.pages.test_list", organisation=test.institution_id), 303)


@web.allow(MANAGER)
def paper(blueprint_id: UUID) -> ResponseReturnValue:
    """The paper that a seed draws now; the same seed draws the same paper again."""
    chosen, test = tests.own_blueprint(db.session(), blueprint_id, frame.acting(MANAGES))
    seed = request.args.get("seed", "1")[:MAX_SEED]
    drawn = tests.preview(db.session(), chosen, test, seed.encode(), at=utcnow())
    contents = {
        str(id_): from_json(text)
        for id_, text in db.session.execute(
            sa.select(BankVersion.id, BankVersion.content).where(
                BankVersion.id.in_([UUID(one.version) for one in drawn.questions])
            )
        )
    }
    return render_template(
        "elearn/test_paper.html",
        test=test,
        chosen=chosen,
        seed=seed,
        questions=[(one, contents[one.version]) for one in drawn.questions],
        drawn=drawn,
        texts=test_texts,
        image_url=test_texts.image_url(test.institution_id),
    )
