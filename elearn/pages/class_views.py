"""Who sees which class, and what stands above every page of one: its name, state and parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from flask import render_template

from elearn.clock import utcnow
from elearn.courses.classes import steps
from elearn.courses.classes.region import class_rule
from elearn.courses.classes.rules import Actor, ClassRule, Office
from elearn.courses.classes.steps import Standing
from elearn.courses.models import TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.credit_export import class_conditions
from elearn.db import db
from elearn.errors import NotFound
from elearn.pages import class_texts, frame
from elearn.people.callers import require_caller
from elearn.people.models import Organisation, Role
from elearn.people.registry import local_day

STAFF = (Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER)
READS_ALL = frozenset({Role.OPERATOR, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Seen:
    """A class that the reader may see, and as what the reader may act on it."""

    held: TrainingClass
    institution: Organisation
    actors: list[Actor]

    @property
    def staff(self) -> bool:
        return any(one.office is not Office.OFFICER for one in self.actors)

    @property
    def manages(self) -> bool:
        return any(one.office is Office.MANAGER for one in self.actors)

    @property
    def officer(self) -> bool:
        return any(one.office is Office.OFFICER for one in self.actors)


def seen(class_id: UUID) -> Seen:
    """Raises NotFound: there is none, or it is none of the reader's."""
    row = db.session.execute(
        sa.select(TrainingClass, Organisation)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .where(TrainingClass.id == class_id)
    ).one_or_none()
    if row is not None:
        actors = steps.offices_of(require_caller(), row[1])
        if actors or require_caller().roles & READS_ALL:
            return Seen(row[0], row[1], actors)
    raise NotFound("There is no such class.")


def of_staff(class_id: UUID) -> Seen:
    """A class that the reader's institution holds. Raises NotFound."""
    found = seen(class_id)
    if not found.staff:
        raise NotFound("There is no such class.")
    return found


def acting() -> frozenset[UUID]:
    return frame.acting(*STAFF)


def standing(class_id: UUID, *, now: datetime | None = None) -> Standing:
    """Where it stands, with every condition asked."""
    at = now or utcnow()
    session = db.session()
    return steps.standing(session, class_id, class_conditions.outside(session, class_id, local_day(at)), now=at)


def rule_of(held: TrainingClass, now: datetime) -> ClassRule:
    """What the region asks of this class today."""
    region = db.session().get_one(Organisation, held.institution_id).region
    return class_rule(requirements.catalogue(db.session()), region, local_day(now))


def page(template: str, part: str, found: Seen, facts: Standing, **wanted: object) -> str:
    """A page of a class; `part` names its tab."""
    return render_template(
        template,
        part=part,
        held=found.held,
        institution=found.institution,
        outline=facts.outline,
        facts=facts,
        stands=facts.stands,
        staff=found.staff,
        manages=found.manages,
        keeps_archive=found.manages or found.officer or Role.AUDITOR in require_caller().roles,
        texts=class_texts,
        **wanted,
    )
