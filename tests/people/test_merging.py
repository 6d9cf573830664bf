"""One human being who is registered twice: what merges, what is refused, and that two people decide."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people import merging, organisations, persons, placements, tracing
from elearn.people.identity import DocumentKind
from elearn.people.merging import Facts, Hindrance, PersonMerge
from elearn.people.models import EmploymentKind, Membership, OtherDocument, Person, Role
from elearn.people.roster import drafts, looking, taking
from tests import builders_people as people
from tests.builders_people import AT, KEYS
from tests.conftest import scalar
from tests.people.roster.sheets import text
from tests.waiting import wait_for

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
        merging.confirm(session, merge.id, enrolled=False, keys=KEYS, by=clerk, at=AT)
    for one in (kept.id, gone.id):
        with pytest.raises(Forbidden, match="themselves"):
            merging.confirm(session, merge.id, enrolled=False, keys=KEYS, by=one, at=AT)
    merging.confirm(session, merge.id, enrolled=False, keys=KEYS, by=operator, at=AT)

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
        merging.confirm(session, merge.id, enrolled=enrolled, keys=KEYS, by=people.a_person(session).id, at=AT)
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


# --- documents --------------------------------------------------------------------------------------------------------


def a_passport_holder(session: Session, number: str, name: str = "LI MING") -> Person:
    return persons.add_person(
        session, name=name, document_kind=DocumentKind.PASSPORT, document_number=number, keys=KEYS, at=AT
    )


def merged(session: Session, kept: Person, gone: Person, at: datetime = AT) -> None:
    clerk, operator = people.a_person(session).id, people.a_person(session).id
    merge = merging.propose(session, kept_id=kept.id, gone_id=gone.id, by=clerk, at=at)
    merging.confirm(session, merge.id, enrolled=False, keys=KEYS, by=operator, at=at)


def found(session: Session, kind: DocumentKind, number: str) -> UUID | None:
    person = persons.find_person(session, kind, number, KEYS)
    return None if person is None else person.id


RESIDENT, PASSPORT = DocumentKind.RESIDENT_ID, DocumentKind.PASSPORT


def test_both_documents_find_the_one_who_stays_and_nobody_else_gets_one_of_them(session: Session) -> None:
    number = people.a_resident_id()
    kept, gone = a_passport_holder(session, "E12345678"), people.a_person(session, name="李明", document_number=number)
    third = a_passport_holder(session, "E99999999")
    merged(session, kept, gone)
    merged(session, kept, third, at=AT + timedelta(days=1))
    for kind, each in ((PASSPORT, "E12345678"), (RESIDENT, number), (PASSPORT, "E99999999")):
        assert found(session, kind, each) == kept.id
        with pytest.raises(Conflict, match="already registered"):
            persons.add_person(session, name="X", document_kind=kind, document_number=each, keys=KEYS, at=AT)
    assert kept.born_on == date(1990, 1, 1), "the identity card says it, the passport did not"
    masked = persons.other_documents(session, kept.id, KEYS)
    assert [kind for kind, _number in masked] == [RESIDENT, PASSPORT]
    assert all("*" in each for _kind, each in masked)
    assert (persons.person_facts(session, kept.id, KEYS).document_kind, gone.document_sealed) == (PASSPORT, None)
    # Who is merged away later takes them along.
    last = people.a_person(session, name="李明")
    merged(session, last, kept)
    assert {found(session, PASSPORT, one) for one in ("E12345678", "E99999999")} == {last.id}
    assert found(session, RESIDENT, number) == last.id
    persons.erase_person(session, last.id, at=AT)
    assert found(session, RESIDENT, number) is None
    assert scalar(session, "SELECT count(*) FROM elearn.other_document") == 0
    assert people.a_person(session, document_number=number).id != last.id, "free again"


def test_who_had_no_document_has_the_duplicate_s(session: Session) -> None:
    number = people.a_resident_id()
    kept = persons.add_staff(session, name="李明", keys=KEYS, at=AT)
    merged(session, kept, people.a_person(session, name="李明", document_number=number))
    assert (found(session, RESIDENT, number), kept.document_kind) == (kept.id, RESIDENT)
    assert persons.other_documents(session, kept.id, KEYS) == []
    _kind, whole = persons.reveal_document(session, kept.id, KEYS, receiver="r", reason="t", at=AT)
    assert whole == number


def test_the_database_refuses_a_document_of_two_people_whichever_came_second(session: Session) -> None:
    one, other = people.a_person(session), people.a_person(session)
    row = OtherDocument(
        document_index=b"i" * 32, person_id=one.id, document_kind=PASSPORT, document_sealed=b"", noted_at=AT
    )
    session.add(row)
    session.flush()
    taken = other.document_index
    change = sa.update(Person).where(Person.id == other.id).values(document_index=b"i" * 32)
    moved = sa.update(OtherDocument).values(document_index=taken)
    for statement in (change, moved):
        nested = session.begin_nested()
        with pytest.raises(IntegrityError, match="uq_person_document_index"):
            session.execute(statement)
        nested.rollback()


def test_who_registers_the_duplicate_s_document_while_it_is_merged_is_told_that_it_is_known(own_app: Flask) -> None:
    number = people.a_resident_id()
    with own_app.app_context():
        session = db.session()
        kept, gone = a_passport_holder(session, "E12345678"), people.a_person(session, document_number=number)
        clerk, operator = people.a_person(session).id, people.a_person(session).id
        merge_id = merging.propose(session, kept_id=kept.id, gone_id=gone.id, by=clerk, at=AT).id
        kept_id = kept.id
        session.commit()
        merging.confirm(session, merge_id, enrolled=False, keys=KEYS, by=operator, at=AT)

        def register() -> str:
            with own_app.app_context():
                try:
                    people.a_person(db.session(), document_number=number)
                    db.session.commit()
                except Conflict as error:
                    return error.error_code
                return "registered"

        def waits() -> bool:
            # A connection of its own: what a transaction sees of the others stands still.
            with db.engine.connect() as beside:
                asked = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                return bool(beside.execute(asked).scalar_one())

        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(register)
            try:
                wait_for(waits, what="the other one, for the row that this merge has emptied")
            finally:
                session.commit()
            assert answer.result(timeout=20) == "already_registered"
        assert found(session, RESIDENT, number) == kept_id


def test_a_roster_finds_a_person_by_either_document_and_takes_one_row_of_two(session: Session) -> None:
    number, employer = people.a_resident_id(), people.an_organisation(session)
    kept = a_passport_holder(session, "E12345678", "李明")
    joined(session, kept, employer.id)
    merged(session, kept, people.a_person(session, name="李明", document_number=number))
    clerk = people.a_person(session).id
    header = ("姓名", "证件类型", "证件号码", "岗位")

    def take(*rows: tuple[str, ...]) -> dict[str, int]:
        content = text(rows, header=header)
        draft = drafts.ask(session, employer, name="", content=content, categories={}, by=clerk, keys=KEYS, at=AT)
        looking.read(session, draft.id, keys=KEYS, now=lambda: AT)
        assert drafts.own_draft(session, draft.id).missing == 0
        forecast = dict(drafts.own_draft(session, draft.id).counts)
        taking.confirm(session, draft.id, taking.Wishes(), by=clerk, at=AT)
        taking.take(session, draft.id, keys=KEYS, now=lambda: AT)
        result = drafts.own_draft(session, draft.id).result
        assert {name: count for name, count in forecast.items() if count} == result
        return result

    assert take(("李明", "", number, "焊工")) == {"unchanged": 1}
    assert take(("李明", "护照", "E12345678", "焊工")) == {"unchanged": 1}
    assert take(("李明", "护照", "E12345678", "电工"), ("李明", "", number, "叉车")) == {
        "changed": 1, "change:post": 1, "refused": 1,
    }  # fmt: skip
