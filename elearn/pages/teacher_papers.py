"""Certificates of teachers: one person states one, somebody of another side confirms it, and again when it ends."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.teachers import certifying, reading
from elearn.courses.teachers.reading import CertificateLine, TeacherLine
from elearn.courses.teachers.said import Paper
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import frame, members
from elearn.pages.forms import Form
from elearn.pages.teachers import page_of, taken, teacher_page, visible
from elearn.people.callers import require_caller
from elearn.people.permissions import MANAGER, OPERATOR, REGULATOR
from elearn.people.registry import local_day

FIELDS = {
    "paper": "paper", "number": "number", "issuer": "issued_by", "dates": "valid_to", "covers": "covers",
    "note": "note",
}  # fmt: skip
"""Code of an error -> the field it is about."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teachers/<uuid:teacher_id>/certificates", "teacher_certify", teacher_certify, methods=["POST"])
    bp.add_url_rule(
        "/teachers/certificates/<uuid:certificate_id>/answer", "certificate_answer", certificate_answer,
        methods=["POST"],
    )  # fmt: skip
    bp.add_url_rule(
        "/teachers/certificates/<uuid:certificate_id>/end", "certificate_end", certificate_end, methods=["POST"]
    )


@web.allow(MANAGER, REGULATOR, OPERATOR)
def teacher_certify(teacher_id: UUID) -> ResponseReturnValue:
    """State that a teacher holds a certificate."""
    line, form, session = visible(teacher_id), Form.sent(), db.session()
    form.need("paper", "number", "issued_by", "valid_from")
    begins, ends = form.day("valid_from"), form.day("valid_to")
    offered = reading.coverable(session, local_day(utcnow()))
    works, categories = form.all("covers_work"), form.all("covers_category")
    if set(works) - set(offered.works) or set(categories) - dict(offered.categories).keys():
        raise Malformed("This page is out of date. Load it again and repeat.")
    if not works and not categories:
        form.errors["covers"] = _("Choose what the certificate is for.")
    if form.errors or begins is None:
        frame.here(page_of(line.id))
        return teacher_page(line, form, opened="certificate"), 422
    paper = Paper(form["paper"], form["number"], form["issued_by"], begins, ends, categories, works)

    def take() -> str:
        certifying.state(
            session, line.id, paper, note=form["note"], caller=require_caller(), keys=members.keys(), at=utcnow()
        )
        return page_of(line.id)

    done = _("It waits for somebody of another side.")
    return taken(take, form, lambda: teacher_page(line, form, opened="certificate"), page_of(line.id), done, FIELDS)


@web.allow(MANAGER, REGULATOR, OPERATOR)
def certificate_answer(certificate_id: UUID) -> ResponseReturnValue:
    """Confirm, or object; whoever stated it takes it back by objecting."""
    form, session = Form.sent(), db.session()
    if form["answer"] not in ("confirm", "object"):
        raise Malformed("This page is out of date. Load it again and repeat.")
    line, found = _visible(certificate_id)

    def take() -> str:
        certifying.answer(
            session, found.id, confirm=form["answer"] == "confirm", note=form["note"], caller=require_caller(),
            at=utcnow(),
        )  # fmt: skip
        return page_of(line.id)

    again = str(certificate_id)
    return taken(
        take, form, lambda: teacher_page(line, form, opened=again), page_of(line.id), _("Written down."), FIELDS
    )


@web.allow(MANAGER, REGULATOR, OPERATOR)
def certificate_end(certificate_id: UUID) -> ResponseReturnValue:
    """State that a certificate no longer holds from a day on."""
    form, session = Form.sent(), db.session()
    line, found = _visible(certificate_id)
    from_on, again = form.day("ends_on") or local_day(utcnow()), str(certificate_id)
    if form.errors:
        frame.here(page_of(line.id))
        return teacher_page(line, form, opened=again), 422

    def take() -> str:
        certifying.end(session, found.id, from_on=from_on, note=form["note"], caller=require_caller(), at=utcnow())
        return page_of(line.id)

    done, fields = _("It waits for somebody of another side."), FIELDS | {"dates": "ends_on"}
    return taken(take, form, lambda: teacher_page(line, form, opened=again), page_of(line.id), done, fields)


def _visible(certificate_id: UUID) -> tuple[TeacherLine, CertificateLine]:
    """Raises NotFound: there is none, or its teacher is none of the reader's."""
    found = reading.certificate(db.session(), certificate_id)
    if found is None:
        raise NotFound("There is no such certificate.")
    return visible(found.teacher_id), found
