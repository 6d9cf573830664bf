"""What is read of the register: a person's own, who looked one up. A unit's list is in `listed.py`, who lacks one in
`qualified.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.models import Organisation, Person
from elearn.training.certificates.models import WorkerCertificate, WorkerCertificateCheck
from elearn.training.certificates.rules import CheckState, Standing, standing

PAGE = 50


class Show(StrEnum):
    """Which certificates of a unit."""

    ALL = "all"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    UNCHECKED = "unchecked"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Line:
    """A certificate, with whose it is and where they stand."""

    row: WorkerCertificate
    name: str
    unit: str
    post: str
    standing: Standing


def holds(on: date) -> sa.ColumnElement[bool]:
    """A certificate holds on a day."""
    return sa.and_(
        WorkerCertificate.from_on <= on,
        sa.or_(WorkerCertificate.holds_to.is_(None), WorkerCertificate.holds_to >= on),
        sa.or_(WorkerCertificate.ended_on.is_(None), WorkerCertificate.ended_on > on),
        WorkerCertificate.check_state != CheckState.DIFFERS,
    )


def standing_of(row: WorkerCertificate, on: date) -> Standing:
    return standing(row.from_on, row.holds_to, row.ends_by, row.check_state, row.ended_on, on)


def of_person(session: Session, person_id: UUID, *, on: date) -> list[tuple[WorkerCertificate, str, Standing]]:
    """A person's own, with the employer whose register each is in; those that hold first."""
    rows = session.execute(
        sa.select(WorkerCertificate, Organisation.name)
        .join(Organisation, Organisation.id == WorkerCertificate.organisation_id)
        .where(WorkerCertificate.person_id == person_id)
        .order_by(
            WorkerCertificate.ended_on.is_not(None), WorkerCertificate.holds_to.desc().nulls_first(),
            WorkerCertificate.id,
        )
    )  # fmt: skip
    return [(row, name, standing_of(row, on)) for row, name in rows]


def checks(session: Session, certificate_id: UUID) -> Sequence[tuple[bool, str, datetime, str]]:
    """Who looked it up when: agrees, note, at, by whose name; the newest first."""
    rows = session.execute(
        sa.select(WorkerCertificateCheck.agrees, WorkerCertificateCheck.note, WorkerCertificateCheck.at, Person.name)
        .join(Person, Person.id == WorkerCertificateCheck.by_id)
        .where(WorkerCertificateCheck.certificate_id == certificate_id)
        .order_by(WorkerCertificateCheck.at.desc(), WorkerCertificateCheck.id.desc())
    )
    return [(agrees, note, at, name) for agrees, note, at, name in rows]
