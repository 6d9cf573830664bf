"""An institution manager's pages: courses, lessons, videos, question pools, publishing."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import describing, page_text, page_units, reading, teaching, uploads
from elearn.courses.centres import CENTRES, Centre
from elearn.courses.delivery import media_url
from elearn.courses.models import Question, Unit
from elearn.courses.pool import QuestionDraft
from elearn.courses.routes import largest_video
from elearn.courses.teaching import PAGE, PoolTooThin
from elearn.db import db, new_id
from elearn.errors import Conflict, DomainError, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import course_form, forms, frame, lessons
from elearn.pages.forms import Form
from elearn.people.models import Role
from elearn.people.permissions import MANAGER
from elearn.people.registry import local_day
from elearn.runtime import runtime

MANAGES = Role.INSTITUTION_MANAGER
LETTERS = reading.LETTERS


def largest_form() -> int:
    """In bytes: a video, and the little that a form adds to it."""
    return largest_video() + 100_000


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teaching", "teaching_courses", courses)
    bp.add_url_rule("/teaching/courses/new", "new_course", new_course, methods=["GET", "POST"])
    bp.add_url_rule("/teaching/courses/<uuid:course_id>", "teaching_course", course)
    bp.add_url_rule("/teaching/courses/<uuid:course_id>/about", "course_about", about, methods=["GET", "POST"])
    bp.add_url_rule("/teaching/courses/<uuid:course_id>/lessons", "new_lesson", new_lesson, methods=["POST"])
    bp.add_url_rule("/teaching/lessons/<uuid:lesson_id>", "teaching_lesson", lesson)
    bp.add_url_rule("/teaching/lessons/<uuid:lesson_id>/video", "send_video_form", send_video, methods=["POST"])
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/question", "add_question", add_question, methods=["POST"])
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/questions", "add_questions", add_questions, methods=["POST"])
    bp.add_url_rule(
        "/teaching/units/questions/<uuid:question_id>/retire", "retire_question", retire_question, methods=["POST"]
    )
    bp.add_url_rule("/teaching/uploads/<uuid:upload_id>/again", "try_again", try_again, methods=["POST"])
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/publish", "publish_unit", publish, methods=["POST"])
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/retire", "retire_unit", retire, methods=["POST"])


@web.allow(MANAGER)
def courses() -> ResponseReturnValue:
    """An institution's courses, found by words of their title."""
    organisation, all_own = frame.own_organisations(MANAGES)
    page, search = frame.page_number(), request.args.get("search", "")[:100]
    found, total = teaching.courses_of(db.session(), organisation.id, page=page, search=search)
    return render_template(
        "elearn/teaching.html",
        organisation=organisation,
        organisations=all_own,
        courses=found,
        total=total,
        search=search,
        page=page,
        pages=-(-total // PAGE),
        page_url=lambda number: url_for(
            "elearn.pages.teaching_courses", organisation=organisation.id, search=search or None, page=number
        ),
    )


@web.allow(MANAGER)
def new_course() -> ResponseReturnValue:
    """A course for one item of an outline in force, or of the public centre for none."""
    organisation, all_own = frame.own_organisations(MANAGES)
    now = utcnow()
    if request.method == "POST":
        form = Form.sent()
        said = course_form.particulars(form)
        # What is opened to everybody teaches no item of an outline: nothing of it counts anywhere.
        form.need("title", *(() if said.centre is Centre.PUBLIC else ("item",)))
        if not form.errors:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.teaching_courses", organisation=organisation.id), 303)
            try:
                made = teaching.add_course(
                    db.session(),
                    institution_id=organisation.id,
                    title=form["title"],
                    summary=form["summary"][:2000],
                    outline_item_id=form.id("item"),
                    said=said,
                    at=now,
                )
            except (Malformed, NotFound) as error:
                db.session.rollback()
                forms.undo_first()
                course_form.blame(form, error)
            else:
                db.session.commit()
                frame.say(_("The course is made. Now add its lessons."))
                return redirect(url_for("elearn.pages.teaching_course", course_id=made.id), 303)
    else:
        # One person alone cannot review their own work.
        several = len(describing.teachers_of(db.session(), organisation.id)) > 1
        form = Form({"centre": Centre.POSTS.value, "needs_review": "yes" if several else ""})
    page = render_template(
        "elearn/course_new.html",
        form=form,
        offers=course_form.choices(db.session(), organisation.id),
        organisation=organisation,
        organisations=all_own,
        outlines=teaching.outlines_on(db.session(), local_day(now)),
    )
    return page, 422 if form.errors else 200


@web.allow(MANAGER)
def about(course_id: UUID) -> ResponseReturnValue:
    """Say anew what a course is."""
    made = teaching.own_course(db.session(), course_id, frame.acting(MANAGES))
    form = course_form.filled(made)
    if request.method == "POST":
        form = Form.sent()
        form.need("title")
        said = course_form.particulars(form)
        if not form.errors:
            try:
                teaching.change_course(
                    db.session(),
                    course_id,
                    title=form["title"],
                    summary=form["summary"][:2000],
                    said=said,
                    acting=frame.acting(MANAGES),
                )
            except (Malformed, NotFound, Conflict) as error:
                db.session.rollback()
                course_form.blame(form, error)
            else:
                db.session.commit()
                frame.say(_("Saved."))
                return redirect(url_for("elearn.pages.teaching_course", course_id=course_id), 303)
    made = teaching.own_course(db.session(), course_id, frame.acting(MANAGES))
    offers = course_form.choices(db.session(), made.institution_id)
    page = render_template("elearn/course_about.html", course=made, form=form, offers=offers)
    return page, 422 if form.errors else 200


@web.allow(MANAGER)
def course(course_id: UUID) -> ResponseReturnValue:
    """A course with its lessons in order."""
    return _course_page(course_id, Form())


def _course_page(course_id: UUID, form: Form) -> str:
    view = teaching.course_view(db.session(), course_id, acting=frame.acting(MANAGES))
    frame.here(url_for("elearn.pages.teaching_course", course_id=course_id))
    items = teaching.items_of(db.session(), view.outline.id) if view.outline else ()
    return render_template(
        "elearn/teaching_course.html",
        view=view,
        form=form,
        items=[(one.id, f"{one.code} {one.name}") for one in items],
        centre=_(CENTRES[view.course.centre]),
        running=lessons.RUNNING,
    )


@web.allow(MANAGER)
def new_lesson(course_id: UUID) -> ResponseReturnValue:
    """Add a lesson at the end and go to it."""
    form = Form.sent()
    back = url_for("elearn.pages.teaching_course", course_id=course_id)
    teaching.own_course(db.session(), course_id, frame.acting(MANAGES))
    form.need("title")
    if not form.errors:
        if not forms.is_first():
            return redirect(back, 303)
        try:
            made = teaching.add_lesson(
                db.session(),
                course_id=course_id,
                title=form["title"],
                acting=frame.acting(MANAGES),
                outline_item_id=form.id("item"),
            )
        except Malformed as error:
            forms.undo_first()
            form.blame(error, {"item": "item"}, "title")
        else:
            db.session.commit()
            frame.say(_("The lesson is made. Now send its video."))
            return redirect(url_for("elearn.pages.teaching_lesson", lesson_id=made.id), 303)
    return _course_page(course_id, form), 422


@web.allow(MANAGER)
def lesson(lesson_id: UUID) -> ResponseReturnValue:
    """Video, questions, coverage and publishing of one lesson; `?unit=` looks at an older version."""
    wanted = Form({"unit": request.args.get("unit", "")}).id("unit")
    return _lesson_page(lesson_id, wanted)


def _lesson_page(
    lesson_id: UUID,
    unit_id: UUID | None,
    *,
    one: Form | None = None,
    many: Form | None = None,
    problems: tuple[reading.RowProblem, ...] = (),
) -> str:
    desk = lessons.lesson_desk(db.session(), lesson_id, acting=frame.acting(MANAGES), unit_id=unit_id)
    frame.here(url_for("elearn.pages.teaching_lesson", lesson_id=lesson_id, unit=unit_id))
    problem = uploads.problem_text(desk.upload) if desk.upload else None
    return render_template(
        "elearn/teaching_lesson.html",
        desk=desk,
        poster=media_url(desk.unit.content_hash, "poster.jpg") if desk.unit else None,
        pages=_pages_of(desk.unit),
        upload_problem=_(problem) if problem else None,
        may_try_again=desk.upload is not None and desk.upload.error_code in uploads.TRY_AGAIN,
        one=one or Form(),
        many=many or Form(),
        problems=[(each.line, _(each.sentence)) for each in problems],
        letters=LETTERS,
    )


@web.takes_up_to(largest_form)
@web.allow(MANAGER)
def send_video(lesson_id: UUID) -> ResponseReturnValue:
    """Take a video from a browser without scripts: whole, in a form."""
    teaching.own_lesson(db.session(), lesson_id, frame.acting(MANAGES))
    back = redirect(url_for("elearn.pages.teaching_lesson", lesson_id=lesson_id), 303)
    file = request.files.get("video")
    if file is None or not file.filename:
        frame.say(_("Please choose a file."), "bad")
        return back
    upload_id = new_id()
    target = uploads.source_path(runtime().settings.data_dir, upload_id)
    try:
        size = uploads.store(file.stream, target, announced=None, limit=largest_video())
        uploads.register(
            db.session(), upload_id=upload_id, lesson_id=lesson_id, file_name=file.filename, size_bytes=size,
            at=utcnow(),
        )  # fmt: skip
        db.session.commit()
    except DomainError as error:
        frame.say(forms.said(error), "bad")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return back


def _pages_of(unit: Unit | None) -> list[tuple[str, str]]:
    """Title and HTML of each page, of a version that is made of pages."""
    if unit is None or not unit.kind.written:
        return []
    return [(one.title, page_text.as_html(one.text)) for one in page_units.pages_of(db.session(), unit.id)]


def _to_lesson(lesson_id: UUID, unit_id: UUID, anchor: str | None = None) -> ResponseReturnValue:
    return redirect(url_for("elearn.pages.teaching_lesson", lesson_id=lesson_id, unit=unit_id, _anchor=anchor), 303)


@web.allow(MANAGER)
def add_question(unit_id: UUID) -> ResponseReturnValue:
    """Put one question into the pool."""
    form = Form.sent()
    unit = teaching.own_unit(db.session(), unit_id, frame.acting(MANAGES))
    form.need("stem", *(f"option_{letter}" for letter in LETTERS))
    if not form.all("correct"):
        form.errors["correct"] = _("Mark at least one right option.")
    from_ms, to_ms = form.clock("from"), form.clock("to")
    if not form.errors:
        draft = QuestionDraft(
            from_ms,
            to_ms,
            form["stem"].strip(),
            tuple(form[f"option_{letter}"].strip() for letter in LETTERS),
            tuple(sorted(LETTERS.index(one) for one in set(form.all("correct")) if one in LETTERS)),
        )
        if not forms.is_first():
            return _to_lesson(unit.lesson_id, unit_id, "pool")
        try:
            teaching.add_question(db.session(), unit_id, draft, acting=frame.acting(MANAGES), at=utcnow())
        except Malformed as error:
            forms.undo_first()
            form.errors["form"] = forms.said(error)
        else:
            db.session.commit()
            frame.say(_("The question is in the pool."))
            return _to_lesson(unit.lesson_id, unit_id, "pool")
    return _lesson_page(unit.lesson_id, unit_id, one=form), 422


@web.allow(MANAGER)
def add_questions(unit_id: UUID) -> ResponseReturnValue:
    """Put many questions into the pool, from pasted text or a file: all of them or none."""
    form = Form.sent()
    unit = teaching.own_unit(db.session(), unit_id, frame.acting(MANAGES))
    file = request.files.get("file")
    problems: tuple[reading.RowProblem, ...] = ()
    try:
        text = reading.decode(file.read()) if file is not None and file.filename else form["text"]
        form.values = {**form.values, "text": text}
        if not forms.is_first():
            return _to_lesson(unit.lesson_id, unit_id, "pool")
        count = teaching.add_many_questions(db.session(), unit_id, text, acting=frame.acting(MANAGES), at=utcnow())
    except reading.BadRows as error:
        forms.undo_first()
        problems = error.problems
        form.errors["text"] = _("No question was taken. Please put these lines right:")
    except Malformed as error:
        forms.undo_first()
        form.blame(error, {}, "text")
    else:
        db.session.commit()
        frame.say(_("%(count)s questions are in the pool.", count=count))
        return _to_lesson(unit.lesson_id, unit_id, "pool")
    return _lesson_page(unit.lesson_id, unit_id, many=form, problems=problems), 422


def _lesson_of_question(question_id: UUID) -> tuple[UUID, UUID]:
    """(lesson, unit) of a question that the caller may change. Raises NotFound."""
    question = db.session.get(Question, question_id)
    if question is None:
        raise NotFound("There is no such question.")
    unit = teaching.own_unit(db.session(), question.unit_id, frame.acting(MANAGES))
    return unit.lesson_id, unit.id


@web.allow(MANAGER)
def retire_question(question_id: UUID) -> ResponseReturnValue:
    """Ask it no more; refused when an offered lesson needs it."""
    lesson_id, unit_id = _lesson_of_question(question_id)
    return _act(
        lesson_id,
        unit_id,
        lambda: teaching.retire_question(db.session(), question_id, acting=frame.acting(MANAGES), at=utcnow()),
        _("The question is asked no more."),
        "pool",
    )


@web.allow(MANAGER)
def try_again(upload_id: UUID) -> ResponseReturnValue:
    """Prepare a video once more from the file that was kept."""
    upload = uploads.own_upload(db.session(), upload_id, frame.acting(MANAGES))
    if forms.is_first():
        uploads.again(db.session(), upload_id, acting=frame.acting(MANAGES), at=utcnow())
        db.session.commit()
    return redirect(url_for("elearn.pages.teaching_lesson", lesson_id=upload.lesson_id), 303)


@web.allow(MANAGER)
def publish(unit_id: UUID) -> ResponseReturnValue:
    """Offer this version to learners."""
    unit = teaching.own_unit(db.session(), unit_id, frame.acting(MANAGES))
    return _act(
        unit.lesson_id,
        unit_id,
        lambda: teaching.publish(db.session(), unit_id, acting=frame.acting(MANAGES), at=utcnow()),
        _("The lesson is published."),
    )


@web.allow(MANAGER)
def retire(unit_id: UUID) -> ResponseReturnValue:
    """Offer this version no more."""
    unit = teaching.own_unit(db.session(), unit_id, frame.acting(MANAGES))
    return _act(
        unit.lesson_id,
        unit_id,
        lambda: teaching.retire(db.session(), unit_id, acting=frame.acting(MANAGES), at=utcnow()),
        _("The lesson is offered no more. Hours earned from it stay."),
    )


def _act(
    lesson_id: UUID, unit_id: UUID, action: Callable[[], object], done: str, anchor: str | None = None
) -> ResponseReturnValue:
    """Do it, or say on the lesson page why not."""
    try:
        action()
    except Conflict as error:
        db.session.rollback()
        frame.say_now(_pool_problem(error))
        return _lesson_page(lesson_id, unit_id), 409
    db.session.commit()
    frame.say(done)
    return _to_lesson(lesson_id, unit_id, anchor)


def _pool_problem(error: DomainError) -> str:
    if isinstance(error, PoolTooThin):
        return _("%(why)s Enter at least one question about each.", why=forms.said(error))
    return forms.said(error)
