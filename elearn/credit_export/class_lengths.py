"""How long a 学时 is in a class: by the rules of a day, where its institution is, for what its outline trains."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Training
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.hours import RuleSet
from elearn.people.models import Organisation


def lengths_of(session: Session, class_ids: Collection[UUID], *, on: date) -> dict[UUID, RuleSet]:
    """The rule set of each of these classes on a day. One query, and one choice for each kind of class."""
    if not class_ids:
        return {}
    rows = session.execute(
        sa.select(TrainingClass.id, Outline.category, Outline.training, Organisation.region)
        .join(Outline, Outline.id == TrainingClass.outline_id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .where(TrainingClass.id.in_(class_ids))
    ).all()
    catalogue = requirements.catalogue(session)
    chosen = {
        aim: rules_on(catalogue, Aim(aim[0], Training(aim[1]), aim[2], 0, 0), on).rules.hours
        for aim in {(row.category, row.training, row.region) for row in rows}
    }
    return {row.id: chosen[row.category, row.training, row.region] for row in rows}
