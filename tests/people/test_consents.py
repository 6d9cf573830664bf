"""What a person lets an employer see of hours from elsewhere."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.people import consents, organisations
from elearn.people.consents import What
from elearn.people.models import Consent, EmploymentKind
from elearn.zone import LOCAL_ZONE
from tests import builders_people as people
from tests.builders_people import AT
from tests.conftest import scalar

FIRST = date(2026, 6, 1)


def at(day: int, hour: int = 9) -> datetime:
    """In June, in China."""
    return datetime(2026, 6, 1, hour, tzinfo=LOCAL_ZONE) + timedelta(days=day - 1)


def joined(session: Session, person_id: UUID, employer_id: UUID, on: date = FIRST) -> None:
    organisations.join(session, person_id, employer_id, EmploymentKind.FLEXIBLE, on, at=AT)


def says(session: Session, person_id: UUID, employer_id: UUID, yes: bool, when: datetime) -> bool:
    return consents.say(session, person_id, employer_id, What.HOURS_ELSEWHERE, given=yes, words="?", at=when)


def sees(session: Session, employer_id: UUID, person_id: UUID, day: int) -> bool:
    on = at(day).date()
    return consents.may_see_elsewhere(session, employer_id, [person_id], on=on) == {person_id}


def test_only_the_employer_that_was_told_so_sees_it_and_only_while_it_holds(session: Session) -> None:
    first, second = people.an_organisation(session), people.an_organisation(session, name="金沙")
    worker, other = people.a_person(session).id, people.a_person(session).id
    for employer in (first, second):
        for one in (worker, other):
            joined(session, one, employer.id)
    assert not sees(session, first.id, worker, 5), "nobody asked: no"
    assert not says(session, worker, first.id, False, at(5)), "a no where nothing was agreed changes nothing"
    assert says(session, worker, first.id, True, at(5))
    assert not says(session, worker, first.id, True, at(5, 10)), "said already"
    assert sees(session, first.id, worker, 5)
    assert not sees(session, first.id, worker, 4), "not for the days before"
    assert not sees(session, second.id, worker, 5), "the other employer was told nothing"
    assert not sees(session, first.id, other, 5), "nor of anybody else"
    assert says(session, worker, first.id, False, at(5, 11))
    assert not sees(session, first.id, worker, 5), "taken back on the same day, at once"
    assert says(session, worker, first.id, True, at(6))
    assert consents.may_see_elsewhere(session, first.id, [worker, other], on=at(6).date()) == {worker}
    assert consents.may_see_elsewhere(session, first.id, [], on=at(6).date()) == set()


def test_consent_ends_with_the_membership_in_which_it_was_given(session: Session) -> None:
    employer, worker = people.an_organisation(session), people.a_person(session).id
    assert says(session, worker, employer.id, True, at(1)), "may be said before the clerk takes the person in"
    assert not sees(session, employer.id, worker, 1), "who does not belong to it is not seen"
    joined(session, worker, employer.id, date(2026, 6, 2))
    assert sees(session, employer.id, worker, 2)
    organisations.leave(session, worker, employer.id, date(2026, 6, 10))
    assert sees(session, employer.id, worker, 10), "the last day is one of them"
    assert not sees(session, employer.id, worker, 11)
    joined(session, worker, employer.id, date(2026, 6, 12))
    assert not sees(session, employer.id, worker, 12), "who comes back is asked again"
    assert says(session, worker, employer.id, True, at(12)), "so the same word is a new one"
    assert sees(session, employer.id, worker, 12)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.booleans(), max_size=6))
def test_the_last_word_counts_whatever_was_said_before(session: Session, words: list[bool]) -> None:
    employer, worker = people.an_organisation(session), people.a_person(session).id
    joined(session, worker, employer.id)
    for number, word in enumerate(words):
        says(session, worker, employer.id, word, at(3) + timedelta(minutes=number))
    assert sees(session, employer.id, worker, 3) is bool(words and words[-1])


def test_nobody_consents_for_somebody_else_and_no_word_is_changed(session: Session) -> None:
    employer, worker, other = people.an_organisation(session), people.a_person(session), people.a_person(session)
    forged = Consent(
        person_id=worker.id, organisation_id=employer.id, what="hours_elsewhere", given=True, wording="", at=AT,
        by_id=other.id,
    )  # fmt: skip
    session.add(forged)
    with pytest.raises(IntegrityError, match="by_oneself"):
        session.flush()
    session.rollback()
    says(session, people.a_person(session).id, people.an_organisation(session).id, True, at(1))
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(sa.update(Consent).values(given=False))
    kept = scalar(session, "SELECT wording FROM elearn.consent")
    assert str(kept).startswith("sha256:")
