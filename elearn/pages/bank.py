"""The question bank of an institution: list, write, review by a second person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import teaching
from elearn.courses.models import Enrolment, TrainingClass
from elearn.courses.questions import bank, notation
from elearn.courses.questions.bank import State
from elearn.courses.questions.formats import Format
from elearn.courses.questions.kinds import Content, Difficulty, Kind, images_of, kind_of
from elearn.courses.questions.models import BankVersion
from elearn.db import db
from elearn.errors import Conflict, DomainError, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import assets, forms, frame, test_texts
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN, TEACHER
from elearn.people.registry import local_day

MAX_FORM_BYTES = 10_000_000
"""A question with a picture."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teaching/questions", "bank_list", bank_list)
    bp.add_url_rule("/teaching/questions/new", "bank_new", bank_new, methods=["GET", "POST"])
    bp.add_url_rule("/teaching/questions/review", "bank_review_many", bank_review_many, methods=["POST"])
    bp.add_url_rule("/teaching/questions/<uuid:version_id>", "bank_question", bank_question)
    bp.add_url_rule("/teaching/questions/<uuid:version_id>/edit", "bank_edit", bank_edit, methods=["GET", "POST"])
    bp.add_url_rule("/teaching/questions/<uuid:version_id>/review", "bank_review", bank_review, methods=["POST"])
    bp.add_url_rule("/teaching/questions/<uuid:version_id>/look", "bank_look", bank_look, methods=["POST"])
    bp.add_url_rule("/teaching/questions/<uuid:version_id>/retire", "bank_retire", bank_retire, methods=["POST"])
    bp.add_url_rule("/questions/images/<uuid:institution_id>/<name>", "bank_image", bank_image)


@web.allow(TEACHER)
def bank_list() -> ResponseReturnValue:
    """Questions by state, kind, item and words; several drafts may be reviewed at once."""
    organisation, all_own = frame.own_organisations(*frame.TEACHES)
    today = local_day(utcnow())
    asked = Form.asked()
    state, kind = asked.word("state", State), asked.word("kind", Kind)
    page, item, unit, search = frame.page_number(), asked.id("item"), asked.id("unit"), asked["search"]
    lines, total = bank.listed(
        db.session(),
        organisation.id,
        today=today,
        state=state,
        kind=kind,
        outline_item_id=item,
        unit_id=unit,
        search=search,
        page=page,
    )

    def address(**more: Any) -> str:
        return url_for(
            "elearn.pages.bank_list",
            organisation=organisation.id,
            kind=kind,
            item=item,
            unit=unit,
            search=search or None,
            **more,
        )

    return render_template(
        "elearn/bank.html",
        organisation=organisation,
        organisations=all_own,
        lines=lines,
        total=total,
        counts=bank.counts(db.session(), organisation.id, today=today),
        state=state,
        kind=kind,
        item=item,
        unit=unit,
        search=search,
        texts=test_texts,
        me=current_person_id(),
        outlines=teaching.outlines_on(db.session(), today),
        formats=Format,
        page=page,
        pages=-(-total // bank.PAGE),
        state_url=lambda one: address(state=one),
        page_url=lambda number: address(state=state, page=number),
    )


def _typed(form: Form, institution_id: UUID, before: Content | None) -> tuple[Content, Difficulty]:
    """The question in a form. Raises Malformed."""
    kind, difficulty = form.word("kind", Kind), form.word("difficulty", Difficulty)
    if kind is None or difficulty is None:
        raise Malformed("This page is out of date. Load it again and repeat.")
    image = form["image"] or None
    sent = request.files.get("picture")
    if sent is not None and sent.filename:
        image = bank.keep_image(db.session(), institution_id, sent.read(), at=utcnow())
    elif form["no_picture"]:
        image = None
    content = notation.read(
        kind,
        form["stem"],
        form["answers"],
        explanation=form["explanation"],
        image=image,
        pictures=() if before is None else tuple(images_of(before)),
    )
    return content, difficulty


def _write(
    form: Form,
    institution_id: UUID,
    write: Callable[[Content, Difficulty], BankVersion],
    before: Content | None = None,
) -> ResponseReturnValue | None:
    """Write what was typed and lead to it. None: `form` says what is wrong."""
    try:
        made = write(*_typed(form, institution_id, before))
    except DomainError as error:
        forms.undo_first()
        form.blame(error, {"page_image": "picture", "bad_question": "stem"}, "answers")
        return None
    db.session.commit()
    frame.say(_("The question is written. A second person reviews it before it is asked."))
    return redirect(url_for("elearn.pages.bank_question", version_id=made.id), 303)


def _empty() -> Form:
    """What the address of a new question says already: its kind, its item, the lesson that it is about."""
    asked = Form.asked()
    return Form({"kind": asked["kind"] or Kind.SINGLE.value, "item": asked["item"], "unit": asked["unit"]})


@web.takes_up_to(lambda: MAX_FORM_BYTES)
@web.allow(TEACHER)
def bank_new() -> ResponseReturnValue:
    """Write a question; a second person reviews it."""
    organisation, all_own = frame.own_organisations(*frame.TEACHES)
    now = utcnow()
    form = Form.sent() if request.method == "POST" else _empty()
    if request.method == "POST":
        form.need("stem", "answers", "item")
        if not form.errors:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.bank_list", organisation=organisation.id), 303)

            def write(content: Content, difficulty: Difficulty) -> BankVersion:
                item = form.id("item")
                assert item is not None
                return bank.add_question(
                    db.session(),
                    institution_id=organisation.id,
                    outline_item_id=item,
                    content=content,
                    difficulty=difficulty,
                    by=current_person_id(),
                    at=now,
                    unit_id=form.id("unit"),
                )

            done = _write(form, organisation.id, write)
            if done is not None:
                return done
    page = render_template(
        "elearn/bank_edit.html",
        form=form,
        line=None,
        organisation=organisation,
        organisations=all_own,
        outlines=teaching.outlines_on(db.session(), local_day(now)),
        units=_units(organisation.id, form),
        texts=test_texts,
    )
    return page, 422 if form.errors else 200


def _units(institution_id: UUID, form: Form) -> list[tuple[UUID, str]]:
    """The lessons that a question may be said to be about: the newest, and the one that is chosen."""
    return bank.units(db.session(), institution_id, chosen=form.id("unit"))


@web.allow(TEACHER)
def bank_question(version_id: UUID) -> ResponseReturnValue:
    """One version: what it asks, what is right, who wrote and who reviewed it."""
    today = local_day(utcnow())
    line = bank.line_of(db.session(), version_id, acting=frame.acting(*frame.TEACHES), today=today)
    versions = db.session.scalars(
        sa.select(BankVersion).where(BankVersion.question_id == line.question.id).order_by(BankVersion.version.desc())
    ).all()
    frame.here(url_for("elearn.pages.bank_question", version_id=version_id))
    return render_template(
        "elearn/bank_question.html",
        line=line,
        content=line.content,
        versions=versions,
        texts=test_texts,
        me=current_person_id(),
        image_url=test_texts.image_url(line.question.institution_id),
        state_of=lambda version: bank.state_of(version, today),
    )


@web.takes_up_to(lambda: MAX_FORM_BYTES)
@web.allow(TEACHER)
def bank_edit(version_id: UUID) -> ResponseReturnValue:
    """Write it anew; of a reviewed question a new version is made."""
    acting, now = frame.acting(*frame.TEACHES), utcnow()
    line = bank.line_of(db.session(), version_id, acting=acting, today=local_day(now))
    content = line.content
    if not notation.keeps(content):
        raise Conflict(
            "This question holds what a form cannot show, and would lose it: export it, change the file, import it.",
            code="not_typed",
        )
    form = Form.sent()
    if request.method == "GET":
        form = Form(
            {
                "kind": kind_of(content).value,
                "difficulty": line.version.difficulty.value,
                "stem": content.stem,
                "answers": notation.written(content),
                "explanation": content.explanation,
                "image": content.image or "",
                "unit": str(line.question.unit_id or ""),
            }
        )
    else:
        form.need("stem", "answers")
        if not form.errors:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.bank_question", version_id=version_id), 303)

            def change(content: Content, difficulty: Difficulty) -> BankVersion:
                made = bank.change(
                    db.session(), version_id, content, difficulty, acting=acting, by=current_person_id(), at=now
                )
                if "unit" in form.values:
                    bank.set_unit(db.session(), version_id, form.id("unit"), acting=acting)
                return made

            done = _write(form, line.question.institution_id, change, content)
            if done is not None:
                return done
    page = render_template(
        "elearn/bank_edit.html",
        form=form,
        line=line,
        organisation=None,
        organisations=[],
        outlines=[],
        units=_units(line.question.institution_id, form),
        pictures=[(notation.code_of(one), one) for one in dict.fromkeys(images_of(content)) if one != content.image],
        texts=test_texts,
        image_url=test_texts.image_url(line.question.institution_id),
    )
    return page, 422 if form.errors else 200


@web.allow(TEACHER)
def bank_review(version_id: UUID) -> ResponseReturnValue:
    """A second person finds it right."""
    return _act(version_id, bank.review, _("Reviewed: it is asked from now on."))


@web.allow(TEACHER)
def bank_look(version_id: UUID) -> ResponseReturnValue:
    """The yearly look found nothing to change."""
    return _act(version_id, bank.look_again, _("Looked at again: due in a year."))


@web.allow(TEACHER)
def bank_retire(version_id: UUID) -> ResponseReturnValue:
    """Draw it no more."""
    return _act(version_id, bank.retire, _("It is asked no more."))


def _act(version_id: UUID, action: Callable[..., BankVersion], done: str) -> ResponseReturnValue:
    acting = frame.acting(*frame.TEACHES)
    bank.own_version(db.session(), version_id, acting)
    if forms.is_first():
        try:
            action(db.session(), version_id, acting=acting, by=current_person_id(), at=utcnow())
        except DomainError as error:
            db.session.rollback()
            frame.say(forms.said(error), "bad")
        else:
            db.session.commit()
            frame.say(done)
    return redirect(url_for("elearn.pages.bank_question", version_id=version_id), 303)


@web.allow(TEACHER)
def bank_review_many() -> ResponseReturnValue:
    """Review the ticked drafts: all of them or none."""
    form, acting, now = Form.sent(), frame.acting(*frame.TEACHES), utcnow()
    organisation, _all = frame.own_organisations(*frame.TEACHES)
    back = redirect(url_for("elearn.pages.bank_list", organisation=organisation.id, state=State.DRAFT), 303)
    ids = form.ids("version")[: bank.PAGE]
    if not ids:
        frame.say(_("Tick the questions that you have read."), "warn")
    elif forms.is_first():
        try:
            for version_id in sorted(ids):
                bank.review(db.session(), version_id, acting=acting, by=current_person_id(), at=now)
        except DomainError as error:
            db.session.rollback()
            forms.undo_first()
            frame.say(forms.said(error), "bad")
        else:
            db.session.commit()
            frame.say(_("%(count)s questions are reviewed and asked from now on.", count=len(ids)))
    return back


@web.allow(SIGNED_IN)
def bank_image(institution_id: UUID, name: str) -> ResponseReturnValue:
    """A picture of a question, for those who write there and those who learn there."""
    person_id = current_person_id()
    if institution_id not in frame.acting(*frame.TEACHES):
        learns = db.session.execute(
            sa.select(Enrolment.id)
            .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
            .where(TrainingClass.institution_id == institution_id, Enrolment.person_id == person_id)
            .limit(1)
        ).one_or_none()
        if learns is None:
            raise NotFound("There is nothing at this address.")
    found = bank.images(db.session(), institution_id, [name]).get(name)
    if found is None:
        raise NotFound("There is nothing at this address.")
    media_type, data = found
    headers = {"Cache-Control": f"private, max-age={assets.YEAR_S}, immutable"}
    return Response(data, headers=headers, content_type=media_type)
