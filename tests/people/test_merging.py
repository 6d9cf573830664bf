"""One human being who is registered twice: what merges, what is refused, and that two people decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people import merging, organisations, persons, placements, tracing
from elearn.people.merging import Facts, Hindrance, PersonMerge
from elearn.people.models import EmploymentKind, Membership, Person, Role
from tests import builders_people as people
from tests.builders_people import AT, KEYS

TODAY = date(2026, 6, 20)
FREE = Facts(same=False, gone=False, staff=False, tables=frozenset({"account", "membership"}), enrolled=False)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (FREE, []),
        (Facts(False, False, False, merging.HARMLESS, False), []),
        (Facts(True, False, False, frozenset(), False), [Hindrance.SAME]),
        (Facts(False, True, False, frozenset(), False), [Hindrance.GONE]),
        (Facts(False, False, True, frozenset(), False), [Hindrance.STAFF]),
        (Facts(False, False, False, frozenset({"account", "hours_entry"}), False), [Hindrance.LEARNED]),
        (Facts(False, False, False, frozenset({"a_table_of_tomorrow"}), False), [Hindrance.LEARNED]),
        (Facts(False, False, False, frozenset(), True), [Hindrance.ENROLLED]),
        (Facts(True, True, True, frozenset({"finding"}), True), list(Hindrance)),
    ],
)
def test_what_hinders_a_merge(facts: Facts, wanted: list[Hindrance]) -> None:
    assert merging.hindrances(facts) == wanted


def joined(session: Session, person: Person, employer_id: UUID, first: date = date(2026, 1, 5)) -> Membership:
    return organisations.join(session, person.id, employer_id, EmploymentKind.FLEXIBLE, first, post="焊工", at=AT)


def test_employments_go_over_with_their_days_and_the_duplicate_is_forgotten(session: Session) -> None:
    both, only = people.an_organisation(session), people.an_organisation(session, name="金沙")
    kept, gone = people.a_person(session, name="李明"), people.a_person(session, name="LI MING")
    people.an_account(session, person=gone)
    stays = joined(session, kept, both.id)
    doubled, moved = joined(session, gone, both.id), joined(session, gone, only.id, date(2026, 2, 1))
    placements.move(session, moved.id, unit_id=only.id, post="电工", category=None, from_on=date(2026, 3, 1), at=AT)
    placements.go_away(session, moved.id, date(2026, 6, 1), at=AT)
    clerk, operator = people.a_person(session).id, people.a_person(session).id
    merge = merging.propose(session, kept_id=kept.id, gone_id=gone.id, by=clerk, at=AT)
    with pytest.raises(Conflict, match="proposed already"):
        merging.propose(session, kept_id=kept.id, gone_id=gone.id, by=operator, at=AT)
    with pytest.raises(Forbidden, match="Somebody else"):
        merging.confirm(session, merge.id, enrolled=False, by=clerk, at=AT)
    for one in (kept.id, gone.id):
        with pytest.raises(Forbidden, match="themselves"):
            merging.confirm(session, merge.id, enrolled=False, by=one, at=AT)
    merging.confirm(session, merge.id, enrolled=False, by=operator, at=AT)

    assert persons.person_facts(session, gone.id, KEYS).name == ""
    assert persons.person_facts(session, kept.id, KEYS).name == "李明"
    assert (doubled.to_on, moved.to_on, stays.to_on) == (TODAY, TODAY, None)
    assert organisations.organisations_of(session, kept.id, on=TODAY + timedelta(days=1)) == {both.id, only.id}
    assert organisations.organisations_of(session, gone.id, on=TODAY + timedelta(days=1)) == frozenset()
    new = session.scalars(
        sa.select(Membership).where(Membership.person_id == kept.id, Membership.organisation_id == only.id)
    ).one()
    assert (new.kind, new.from_on) == (EmploymentKind.FLEXIBLE, date(2026, 2, 1))
    held = [placements.placement_on(session, new.id, on) for on in (date(2026, 2, 28), date(2026, 3, 1))]
    assert [one.post if one else "" for one in held] == ["焊工", "电工"]
    placements.come_back(session, new.id, date(2026, 6, 25))
    with pytest.raises(Conflict, match="decided already"):
        merging.refuse(session, merge.id, by=operator, at=AT)


def holds_a_role(session: Session, gone: Person) -> bool:
    people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=people.an_organisation(session).id, person=gone)
    return False


def forgotten(session: Session, gone: Person) -> bool:
    persons.erase_person(session, gone.id, at=AT)
    return False


def in_a_class(session: Session, gone: Person) -> bool:
    return True


@pytest.mark.parametrize("hinders", [holds_a_role, forgotten, in_a_class])
def test_what_hinders_leaves_both_as_they_are(session: Session, hinders: Callable[[Session, Person], bool]) -> None:
    kept, gone = people.a_person(session), people.a_person(session)
    membership = joined(session, gone, people.an_organisation(session).id)
    merge = merging.propose(session, kept_id=kept.id, gone_id=gone.id, by=people.a_person(session).id, at=AT)
    enrolled = hinders(session, gone)
    before = tracing.traces(session, kept.id)
    with pytest.raises(Conflict) as refused:
        merging.confirm(session, merge.id, enrolled=enrolled, by=people.a_person(session).id, at=AT)
    assert refused.value.error_code == "hindered"
    assert (membership.to_on, merge.state) == (None, "open")
    assert tracing.traces(session, kept.id) == before


def test_a_proposal_is_about_two_people_and_never_about_oneself(session: Session) -> None:
    one, other = people.a_person(session).id, people.a_person(session).id
    with pytest.raises(Malformed):
        merging.propose(session, kept_id=one, gone_id=one, by=other, at=AT)
    with pytest.raises(Forbidden):
        merging.propose(session, kept_id=one, gone_id=other, by=one, at=AT)
    with pytest.raises(NotFound):
        merging.propose(session, kept_id=one, gone_id=people.an_organisation(session).id, by=other, at=AT)
    by = people.a_person(session).id
    merge = merging.propose(session, kept_id=one, gone_id=other, by=by, at=AT)
    assert merging.refuse(session, merge.id, by=by, at=AT).state == "taken_back"
    again = merging.propose(session, kept_id=one, gone_id=other, by=by, at=AT)
    assert merging.refuse(session, again.id, by=people.a_person(session).id, at=AT).state == "refused"
    session.add(
        PersonMerge(
            kept_id=one, gone_id=other, proposed_by=by, proposed_at=AT, state="done", answered_by=by, answered_at=AT,
        )
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="second_person"):
        session.flush()


def test_every_table_that_is_called_harmless_is_one_that_speaks_of_people(session: Session) -> None:
    speaking = {str(table) for table, _column in session.execute(tracing.REFERENCES)}
    assert speaking >= merging.HARMLESS
    assert not merging.HARMLESS & {"hours_entry", "eligibility_record", "learner_watch", "attendance_mark", "finding"}
