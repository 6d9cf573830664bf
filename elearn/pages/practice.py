"""What is practised on site, as a learner reads it before: no player, no sitting, no second of online time."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from elearn import web
from elearn.clock import utcnow
from elearn.courses import catalogue, page_text, page_units, teaching
from elearn.courses.catalogue import UnitFacts
from elearn.courses.models import UnitKind
from elearn.db import db
from elearn.errors import NotFound
from elearn.pages import frame
from elearn.people import registry
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/learn/<uuid:unit_id>/pictures/<int:index>", "page_picture", image)


def shown(session: Session, facts: UnitFacts) -> str:
    """The page of a practice; who may study it was asked."""
    return render_template(
        "elearn/practice.html",
        facts=facts,
        pages=[
            (one.index, one.title, page_text.as_html(one.text), one.has_image)
            for one in page_units.pages_of(session, facts.id)
        ],
    )


@web.allow(SIGNED_IN)
def image(unit_id: UUID, index: int) -> ResponseReturnValue:
    """A picture of a page: of any for its teachers, of a practice for who may study it. Else pictures come with
    sittings."""
    session = db.session()
    if index >= page_units.MAX_PAGES:
        raise NotFound("There is no such file.")
    practised = catalogue.unit_facts(session, unit_id).kind is UnitKind.PRACTICE
    if not practised or not catalogue.may_study(session, current_person_id(), unit_id, on=registry.local_day(utcnow())):
        teaching.own_unit(session, unit_id, frame.acting(*frame.TEACHES))
    kept = page_units.image(session, unit_id, index)
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(kept.data, mimetype=kept.type, headers=headers)
