"""What this package knows of a class before it is accepted: its institution, the people on its roster, online shares.

Asked from above `courses.classes`, whose rules say what becomes of it.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.classes.rules import Outside
from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.findings import reading
from elearn.credit_export.findings.rules import Kind
from elearn.people.models import Organisation, Person


def outside(session: Session, class_id: UUID, on: date) -> Outside:
    """Whether the institution is suspended that day, who on the roster is listed, how much theory may be online.

    Raises NoResultFound. Five queries, however long the roster is.
    """
    held = session.get_one(TrainingClass, class_id)
    outline = session.get_one(Outline, held.outline_id)
    institution = session.get_one(Organisation, held.institution_id)
    rows = session.execute(
        sa.select(Person.id, Person.name)
        .join(Enrolment, Enrolment.person_id == Person.id)
        .where(Enrolment.class_id == class_id, Enrolment.withdrawn_at.is_(None))
    )
    people = {row.id: row.name for row in rows}
    listed = [
        people[person_id]
        for person_id, held_ in reading.of_persons(session, people, on).items()
        if any(one.kind is Kind.BLACKLISTED for one in held_)
    ]
    aim = Aim(outline.category, outline.training, institution.region, 0, 0)
    chosen = rules_on(requirements.catalogue(session), aim, on)
    return Outside(
        suspended=class_id in reading.suspended_classes(session, [class_id], on),
        listed=tuple(sorted(listed)),
        online_percent=chosen.rules.hours.online_theory_percent,
    )
