"""What a person lets an organisation see beyond what belongs to the two: asked apart, given and taken back at once.

The newest word counts, and it counts as long as the membership goes on in which it was said: whoever leaves and comes
back is asked again (PIPL, articles 14 to 16 and 23: separate, informed, as easy to take back as to give, and refusing
costs nothing). Rows are added only: who may have seen what on which day stays to be proved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn import zone
from elearn.clock import utcnow
from elearn.db import among
from elearn.people.models import Consent, Membership
from elearn.people.registry import local_day


class What(StrEnum):
    """What may be seen."""

    HOURS_ELSEWHERE = "hours_elsewhere"
    """Hours that were earned with other employers and at training institutions."""


def say(
    session: Session, person_id: UUID, organisation_id: UUID, what: What, *, given: bool, words: str, at: datetime
) -> bool:
    """The person agrees, or does not; whether that changes anything. `words` are those that stood beside the box.

    The same again adds no row, unless it was said in a membership that has ended since.
    """
    of_both = (Consent.person_id == person_id) & (Consent.organisation_id == organisation_id)
    if given == (session.execute(_agreed(of_both, what, local_day(at))).first() is not None):
        return False
    session.add(
        Consent(
            person_id=person_id,
            organisation_id=organisation_id,
            what=what.value,
            given=given,
            wording="sha256:" + hashlib.sha256(words.encode()).hexdigest(),
            at=at,
            by_id=person_id,
        )
    )
    session.flush()
    return True


def may_see_elsewhere(
    session: Session, organisation_id: UUID, person_ids: Collection[UUID], *, on: date | None = None
) -> set[UUID]:
    """Those of these members who let their employer see hours that they earned elsewhere: one query.

    `organisation_id` is the employer, not a unit of it, and not what lies above: another legal entity asks for itself.
    Nobody who does not belong to it on that day (today unless said) is among them.
    """
    chosen = sa.and_(
        Consent.organisation_id == organisation_id,
        among(Consent.person_id, person_ids),
    )
    return {person_id for person_id, _organisation in _members_agreed(session, chosen, on)}


def who_sees_elsewhere(session: Session, person_id: UUID, *, on: date | None = None) -> set[UUID]:
    """Which of their employers this person lets see it."""
    return {
        organisation_id for _person, organisation_id in _members_agreed(session, Consent.person_id == person_id, on)
    }


def _members_agreed(session: Session, chosen: sa.ColumnElement[bool], on: date | None) -> Sequence[sa.Row[UUID, UUID]]:
    day = on or local_day(utcnow())
    belongs = sa.select(Membership.person_id, Membership.organisation_id).where(
        Membership.from_on <= day, sa.or_(Membership.to_on.is_(None), Membership.to_on >= day)
    )
    agreed = _agreed(chosen, What.HOURS_ELSEWHERE, day).subquery()
    return session.execute(
        belongs.join(
            agreed,
            (agreed.c.person_id == Membership.person_id) & (agreed.c.organisation_id == Membership.organisation_id),
        )
    ).all()


def _agreed(chosen: sa.ColumnElement[bool], what: What, on: date) -> sa.Select[UUID, UUID]:
    """(Person, organisation) whose newest word is yes, said after every membership there that was over on that day."""
    said_on = sa.cast(sa.func.timezone(zone.NAME, Consent.at), sa.Date)
    over = sa.exists().where(
        Membership.person_id == Consent.person_id,
        Membership.organisation_id == Consent.organisation_id,
        Membership.to_on < on,
        Membership.to_on >= said_on,
    )
    newest = (
        sa.select(Consent.person_id, Consent.organisation_id, Consent.given, over.label("over"))
        .where(chosen, Consent.what == what.value, said_on <= on)
        .ext(distinct_on(Consent.person_id, Consent.organisation_id))
        .order_by(Consent.person_id, Consent.organisation_id, Consent.at.desc(), Consent.id.desc())
        .subquery()
    )
    return sa.select(newest.c.person_id, newest.c.organisation_id).where(newest.c.given, ~newest.c.over)
