"""Relations that hold from one day to another, both included: memberships, placements, absences."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from elearn.people.models import Absence, Membership, Placement


def holds_on(relation: type[Membership] | type[Placement] | type[Absence], on: date) -> sa.ColumnElement[bool]:
    """Whether it holds on a day; one without a last day goes on."""
    return sa.and_(relation.from_on <= on, sa.or_(relation.to_on.is_(None), relation.to_on >= on))
