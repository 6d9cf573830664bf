"""An institution manager's pages for lessons of pages: write, see, review, make a version."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import page_drafts, page_images, page_text, teaching
from elearn.courses.models import Course, PageDraft, UnitKind
from elearn.db import db
from elearn.errors import Conflict, Malformed
from elearn.locale import gettext as _
from elearn.pages import forms, frame
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.models import Role
from elearn.people.permissions import MANAGER

MANAGES = Role.INSTITUTION_MANAGER
WHERE = {"page_title": "title", "page_text": "text", "page_credit": "credit"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teaching/lessons/<uuid:lesson_id>/pages", "teaching_pages", pages)
    bp.add_url_rule("/teaching/lessons/<uuid:lesson_id>/pages", "add_page", add, methods=["POST"])
    bp.add_url_rule("/teaching/lessons/<uuid:lesson_id>/pages/version", "make_version", version, methods=["POST"])
    bp.add_url_rule("/teaching/pages/<uuid:draft_id>", "teaching_page", page)
    bp.add_url_rule("/teaching/pages/<uuid:draft_id>", "change_page", change, methods=["POST"])
    bp.add_url_rule("/teaching/pages/<uuid:draft_id>/review", "review_page", review, methods=["POST"])
    bp.add_url_rule("/teaching/pages/<uuid:draft_id>/up", "move_page_up", move_up, methods=["POST"])
    bp.add_url_rule("/teaching/pages/<uuid:draft_id>/remove", "remove_page", remove, methods=["POST"])
    bp.add_url_rule("/teaching/pages/<uuid:draft_id>/image", "page_draft_image", image)
    bp.add_url_rule("/teaching/pages/<uuid:draft_id>/image", "send_page_image", send_image, methods=["POST"])
    bp.add_url_rule("/teaching/pages/<uuid:draft_id>/image/remove", "remove_image", remove_image, methods=["POST"])


@web.allow(MANAGER)
def pages(lesson_id: UUID) -> ResponseReturnValue:
    """All pages of a lesson in order, and a form for the next one."""
    return _list(lesson_id, Form())


def _list(lesson_id: UUID, form: Form) -> str:
    lesson = teaching.own_lesson(db.session(), lesson_id, frame.acting(MANAGES))
    frame.here(url_for("elearn.pages.teaching_pages", lesson_id=lesson_id))
    drafts = page_drafts.drafts_of(db.session(), lesson_id)
    return render_template(
        "elearn/teaching_pages.html",
        lesson=lesson,
        course=db.session().get_one(Course, lesson.course_id),
        drafts=drafts,
        reviewed=sum(one.reviewed_at is not None for one in drafts),
        whole_ms=sum(one.credit_ms for one in drafts),
        form=form,
        kinds=[
            (UnitKind.PAGES.value, _("Pages to read")),
            (UnitKind.CASE.value, _("A case with questions")),
            (UnitKind.PRACTICE.value, _("Practice on site")),
        ],
    )


@web.allow(MANAGER)
def add(lesson_id: UUID) -> ResponseReturnValue:
    """A new page at the end."""
    form = Form.sent()
    form.need("title")
    if not form.errors:
        if not forms.is_first():
            return redirect(url_for("elearn.pages.teaching_pages", lesson_id=lesson_id), 303)
        try:
            made = page_drafts.add(
                db.session(),
                lesson_id,
                title=form["title"],
                text=form["text"],
                acting=frame.acting(MANAGES),
                at=utcnow(),
            )
        except Malformed as error:
            forms.undo_first()
            form.blame(error, WHERE, "title")
        else:
            db.session.commit()
            return redirect(url_for("elearn.pages.teaching_page", draft_id=made.id), 303)
    return _list(lesson_id, form), 422


@web.allow(MANAGER)
def version(lesson_id: UUID) -> ResponseReturnValue:
    """Make a version of all pages; its questions come next, then it is published as a video is."""
    back = url_for("elearn.pages.teaching_pages", lesson_id=lesson_id)
    if not forms.is_first():
        return redirect(back, 303)
    form = Form.sent()
    kind, minutes = form["kind"] or UnitKind.PAGES.value, forms.whole(form["minutes"].strip(), 5)
    if kind not in {one.value for one in UnitKind if one.written}:
        raise Malformed("This page is out of date. Load it again and repeat.")
    if kind == UnitKind.PRACTICE and minutes is None:
        forms.undo_first()
        form.errors["minutes"] = _("Enter whole minutes.")
        return _list(lesson_id, form), 422
    try:
        unit = page_drafts.make_version(
            db.session(),
            lesson_id,
            kind=UnitKind(kind),
            on_site_ms=(minutes or 0) * 60_000 if kind == UnitKind.PRACTICE else 0,
            acting=frame.acting(MANAGES),
            at=utcnow(),
        )
    except (Conflict, Malformed) as error:
        forms.undo_first()
        db.session.rollback()
        if error.error_code == "practice_minutes":
            form.blame(error, {}, "minutes")
            return _list(lesson_id, form), 422
        frame.say_now(forms.said(error))
        return _list(lesson_id, form), 409
    unit_id = unit.id
    db.session.commit()
    if kind == UnitKind.PRACTICE:
        frame.say(_("The version is made. Now publish it."))
    else:
        frame.say(_("The version is made. Now enter its questions and publish it."))
    return redirect(url_for("elearn.pages.teaching_lesson", lesson_id=lesson_id, unit=unit_id), 303)


@web.allow(MANAGER)
def page(draft_id: UUID) -> ResponseReturnValue:
    """One page: how learners see it, its text, its picture, its review."""
    return _page(draft_id, Form(), Form())


def _page(draft_id: UUID, text: Form, credit: Form) -> str:
    draft = page_drafts.own_draft(db.session(), draft_id, frame.acting(MANAGES))
    if not text.values:
        text.values = {"title": draft.title, "text": draft.text}
    if not credit.values:
        credit.values = {"credit": str(draft.credit_ms // 1000)}
    proposed_ms = page_drafts.proposed_ms(draft)
    frame.here(url_for("elearn.pages.teaching_page", draft_id=draft_id))
    return render_template(
        "elearn/teaching_page.html",
        draft=draft,
        html=page_text.as_html(draft.text),
        text=text,
        credit=credit,
        proposed_s=proposed_ms // 1000,
        most_s=page_text.most_ms(proposed_ms) // 1000,
    )


@web.allow(MANAGER)
def change(draft_id: UUID) -> ResponseReturnValue:
    """Another title or text."""
    form = Form.sent()
    form.need("title")
    if not form.errors:
        try:
            page_drafts.change(
                db.session(),
                draft_id,
                title=form["title"],
                text=form["text"],
                acting=frame.acting(MANAGES),
                at=utcnow(),
            )
        except Malformed as error:
            form.blame(error, WHERE, "text")
        else:
            db.session.commit()
            frame.say(_("The page is kept. It is to be reviewed."))
            return _to(draft_id)
    return _page(draft_id, form, Form()), 422


@web.allow(MANAGER)
def review(draft_id: UUID) -> ResponseReturnValue:
    """Confirm the page and its credit time."""
    form = Form.sent()
    seconds = forms.whole(form["credit"].strip(), 6)
    if seconds is None:
        form.errors["credit"] = _("Enter whole seconds.")
        return _page(draft_id, Form(), form), 422
    try:
        draft = page_drafts.review(
            db.session(),
            draft_id,
            credit_ms=seconds * 1000,
            reviewer=current_person_id(),
            acting=frame.acting(MANAGES),
            at=utcnow(),
        )
    except Malformed as error:
        form.blame(error, WHERE, "credit")
        return _page(draft_id, Form(), form), 422
    return _back_to_list(draft, _("The page is reviewed."))


@web.allow(MANAGER)
def move_up(draft_id: UUID) -> ResponseReturnValue:
    """Change places with the page before."""
    draft = page_drafts.own_draft(db.session(), draft_id, frame.acting(MANAGES))
    page_drafts.move_up(db.session(), draft_id, acting=frame.acting(MANAGES))
    return _back_to_list(draft, None)


@web.allow(MANAGER)
def remove(draft_id: UUID) -> ResponseReturnValue:
    """Take the page out of what is being written."""
    draft = page_drafts.own_draft(db.session(), draft_id, frame.acting(MANAGES))
    page_drafts.remove(db.session(), draft_id, acting=frame.acting(MANAGES))
    return _back_to_list(draft, _("The page is taken out."))


@web.allow(MANAGER)
def image(draft_id: UUID) -> ResponseReturnValue:
    """The picture of a page that is being written."""
    kept = page_drafts.image_of(db.session(), draft_id, acting=frame.acting(MANAGES))
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(kept.data, mimetype=kept.type, headers=headers)


@web.allow(MANAGER)
def send_image(draft_id: UUID) -> ResponseReturnValue:
    """Take a picture: the request's body is the file itself."""
    # One more, so that our own words answer and not a closed connection.
    request.max_content_length = page_images.MAX_BYTES + 1
    page_drafts.own_draft(db.session(), draft_id, frame.acting(MANAGES))
    page_drafts.set_image(db.session(), draft_id, request.get_data(), acting=frame.acting(MANAGES), at=utcnow())
    db.session.commit()
    return "", 204


@web.allow(MANAGER)
def remove_image(draft_id: UUID) -> ResponseReturnValue:
    """The page without its picture."""
    page_drafts.set_image(db.session(), draft_id, None, acting=frame.acting(MANAGES), at=utcnow())
    db.session.commit()
    return _to(draft_id)


def _to(draft_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("elearn.pages.teaching_page", draft_id=draft_id), 303)


def _back_to_list(draft: PageDraft, said: str | None) -> ResponseReturnValue:
    lesson_id = draft.lesson_id
    db.session.commit()
    if said:
        frame.say(said)
    return redirect(url_for("elearn.pages.teaching_pages", lesson_id=lesson_id), 303)
