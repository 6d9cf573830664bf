"""A course out as one file, and in again: for managers."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Generator
from uuid import UUID

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import teaching
from elearn.courses.transfer import exporting, importing
from elearn.courses.transfer.reading import MAX_TOTAL, BadPackage
from elearn.db import db
from elearn.errors import Conflict
from elearn.locale import gettext as _
from elearn.pages import forms, frame
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.models import Role
from elearn.people.permissions import MANAGER
from elearn.runtime import runtime

MANAGES = Role.INSTITUTION_MANAGER
LIMIT_KEY = "ELEARN_PACKAGE_BYTES"
"""Key of the application's config: the largest package taken, in bytes; default what one may hold unpacked."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teaching/courses/<uuid:course_id>/package", "export_course", export_course, methods=["POST"])
    bp.add_url_rule("/teaching/packages/new", "import_course", import_course, methods=["GET", "POST"])


def largest_package() -> int:
    return int(current_app.config.get(LIMIT_KEY, MAX_TOTAL))


@web.allow(MANAGER)
def export_course(course_id: UUID) -> ResponseReturnValue:
    """The course as a file; whoever has it has the lessons, so it is asked for by a form and never cached."""
    course = teaching.own_course(db.session(), course_id, frame.acting(MANAGES))
    pieces = _package(course_id)
    try:
        first = next(pieces)
    except Conflict as error:
        frame.say(forms.said(error), "bad")
        return redirect(url_for("elearn.pages.teaching_course", course_id=course_id), 303)
    name = re.sub(r"[^\w-]+", "-", course.title).strip("-")[:80] or "course"
    response = Response(itertools.chain([first], pieces), content_type="application/zip")
    response.call_on_close(pieces.close)
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.zip")
    response.headers["Cache-Control"] = "no-store"
    return response


def _package(course_id: UUID) -> Generator[bytes]:
    """The package piece by piece, whole on the disk before the first: what is wrong is said before an answer begins."""
    settings = runtime().settings
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.data_dir) as file:
        exporting.export(
            db.session(),
            course_id,
            file,
            acting=frame.acting(MANAGES),
            media_dir=settings.media_dir,
            sealing_key=settings.sealing_key,
        )
        file.seek(0)
        while piece := file.read(exporting.CHUNK):
            yield piece


@web.takes_up_to(largest_package)
@web.allow(MANAGER)
def import_course() -> ResponseReturnValue:
    """A course of drafts from a package, or the reason why not."""
    organisation, all_own = frame.own_organisations(MANAGES)
    form = Form()
    if request.method == "POST":
        form = Form.sent()
        file = request.files.get("file")
        if file is None or not file.filename:
            form.errors["file"] = _("Please choose a file.")
        elif not forms.is_first():
            return redirect(url_for("elearn.pages.teaching_courses", organisation=organisation.id), 303)
        else:
            settings = runtime().settings
            try:
                made = importing.import_course(
                    db.session(),
                    file.stream,
                    institution_id=organisation.id,
                    by=current_person_id(),
                    media_dir=settings.media_dir,
                    sealing_key=settings.sealing_key,
                    at=utcnow(),
                )
            except BadPackage as error:
                db.session.rollback()
                forms.undo_first()
                form.errors["file"] = forms.said(error)
            else:
                course_id = made.course.id
                _commit(made)
                frame.say(_("The course is here: %(count)s lessons, all as drafts.", count=made.lessons))
                if not made.outline_known:
                    frame.say(_("Its outline is not known here, so it teaches no item of one."), "warn")
                return redirect(url_for("elearn.pages.teaching_course", course_id=course_id), 303)
        organisation, all_own = frame.own_organisations(MANAGES)
    page = render_template("elearn/course_import.html", form=form, organisation=organisation, organisations=all_own)
    return page, 422 if form.errors else 200


def _commit(made: importing.Imported) -> None:
    try:
        db.session.commit()
    except BaseException:
        importing.take_away(made.placed)
        raise
