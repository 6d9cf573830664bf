"""Persons, organisations, memberships, roles: what goes in, what can be found, what may be shown, what is forgotten."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import LedgerViolation
from elearn.errors import Conflict, DomainError, Malformed, NotFound
from elearn.people import accounts, devices, organisations, persons, registry, roles
from elearn.people.callers import caller_of
from elearn.people.identity import DocumentKind, Erased
from elearn.people.models import Account, Disclosure, EmploymentKind, OrganisationKind, Person, Role, RoleGrant
from tests.builders_people import (
    AT,
    KEYS,
    a_person,
    a_phone,
    a_resident_id,
    an_account,
    an_institution,
    an_organisation,
)
from tests.people.test_devices import a_jwk

RESIDENT = DocumentKind.RESIDENT_ID


def raw(session: Session, table: str) -> str:
    """Everything that stands in a table, as text and as hex."""
    rows = session.execute(sa.text(f"SELECT t::text FROM elearn.{table} t")).scalars()
    return "\n".join(rows)


# --- persons ---------------------------------------------------------------------------------------------------------


def test_a_document_number_is_found_but_stands_nowhere(session: Session) -> None:
    number = a_resident_id()
    person = a_person(session, document_number=number)
    assert persons.find_person(session, RESIDENT, f" {number.lower()}", KEYS) is person
    assert persons.find_person(session, DocumentKind.PASSPORT, number, KEYS) is None
    assert persons.find_person(session, RESIDENT, a_resident_id(), KEYS) is None
    stored = raw(session, "person")
    assert number not in stored
    assert number.encode().hex() not in stored


def test_what_others_may_know_is_masked(session: Session) -> None:
    number = a_resident_id()
    person = a_person(session, name=" 张  三 ", document_number=number)
    facts = persons.person_facts(session, person.id, KEYS)
    assert (facts.name, facts.document_kind) == ("张 三", RESIDENT)
    assert facts.document_masked == number[:3] + "*" * 13 + number[-2:]
    assert facts.ref == persons.pseudonym(session, person.id)
    assert persons.person_by_pseudonym(session, facts.ref) == person.id


def test_one_document_is_one_person(session: Session) -> None:
    number = a_resident_id()
    first = a_person(session, document_number=number)
    with pytest.raises(Conflict) as refused:
        a_person(session, document_number=number)
    assert refused.value.error_code == "already_registered"
    assert number not in str(refused.value)
    assert session.get(Person, first.id) is not None, "the rest of the transaction stands"


def test_an_employer_who_takes_somebody_on_brings_no_second_person(session: Session) -> None:
    number = a_resident_id()
    kept = a_person(session, name="张三", document_number=number)

    def take_in(name: str, document_number: str) -> Person:
        return persons.take_in(
            session, name=name, document_kind=RESIDENT, document_number=document_number, keys=KEYS, at=AT
        )

    assert take_in("张三", number) is kept
    assert take_in("张三", a_resident_id()) is not kept
    with pytest.raises(Conflict, match="another name"):
        take_in("李四", number)


def test_a_whole_number_leaves_only_with_a_record_of_it(session: Session) -> None:
    number = a_resident_id()
    person = a_person(session, document_number=number)
    revealed = persons.reveal_document(session, person.id, KEYS, receiver="exam.example", reason="package 7", at=AT)
    assert revealed == (RESIDENT, number)
    record = session.scalars(sa.select(Disclosure)).one()
    assert (record.person_id, record.receiver, record.what, record.reason, record.disclosed_at) == (
        person.id,
        "exam.example",
        "document number",
        "package 7",
        AT,
    )
    assert number not in raw(session, "disclosure")


def test_the_orm_refuses_to_change_a_disclosure(session: Session) -> None:
    person = a_person(session)
    persons.reveal_document(session, person.id, KEYS, receiver="exam.example", reason="package 7", at=AT)
    session.scalars(sa.select(Disclosure)).one().receiver = "nobody"
    with pytest.raises(LedgerViolation):
        session.flush()


@pytest.mark.parametrize(
    "change",
    ["UPDATE elearn.disclosure SET receiver = 'nobody'", "DELETE FROM elearn.disclosure", "TRUNCATE elearn.disclosure"],
)
def test_the_database_refuses_what_the_orm_never_sees(session: Session, change: str) -> None:
    person = a_person(session)
    persons.reveal_document(session, person.id, KEYS, receiver="exam.example", reason="package 7", at=AT)
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(sa.text(change))


def test_staff_give_no_document(session: Session) -> None:
    person = persons.add_staff(session, name="王主任", keys=KEYS, at=AT)
    facts = persons.person_facts(session, person.id, KEYS)
    assert (facts.document_kind, facts.document_masked) == (None, "")
    with pytest.raises(NotFound, match="no document"):
        persons.reveal_document(session, person.id, KEYS, receiver="x", reason="y", at=AT)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "张\u200b三", "a\x00b"])
def test_a_name_that_nobody_can_have_is_refused(session: Session, name: str) -> None:
    with pytest.raises(Malformed):
        a_person(session, name=name)


def test_an_erased_person_is_forgotten(session: Session) -> None:
    number, phone = a_resident_id(), a_phone()
    person = a_person(session, name="忘川", document_number=number)
    account = an_account(session, person=person, name="forget.me", phone=phone)
    ref = persons.pseudonym(session, person.id)
    devices.enrol(session, person.id, a_jwk(), at=AT)
    persons.reveal_document(session, person.id, KEYS, receiver="exam.example", reason="package 7", at=AT)

    persons.erase_person(session, person.id, at=AT)

    facts = persons.person_facts(session, person.id, KEYS)
    assert (facts.name, facts.document_kind, facts.document_masked, facts.ref) == ("", None, "", "")
    assert persons.find_person(session, RESIDENT, number, KEYS) is None
    assert accounts.find_account(session, phone, keys=KEYS) is None
    assert accounts.find_account(session, "forget.me", keys=KEYS) is None
    assert persons.person_by_pseudonym(session, ref) is None
    assert caller_of(session, account.id) is None
    everything = "".join(raw(session, table) for table in ("person", "account", "device"))
    assert not any(word in everything for word in ("忘川", "forget.me", ref))
    for ask in (
        lambda: persons.pseudonym(session, person.id),
        lambda: persons.reveal_document(session, person.id, KEYS, receiver="x", reason="y", at=AT),
    ):
        with pytest.raises(Erased):
            ask()
    assert session.scalar(sa.select(sa.func.count()).select_from(Disclosure)) == 1, "what left stays on record"
    a_person(session, document_number=number)  # and may come back as somebody new


# --- accounts --------------------------------------------------------------------------------------------------------


def test_a_phone_number_is_sealed(session: Session) -> None:
    phone = a_phone()
    account = an_account(session, phone=phone)
    stored = raw(session, "account")
    assert phone not in stored
    assert phone.encode().hex() not in stored
    assert accounts.phone_masked(session, account.id, KEYS) == "*" * 10 + phone[-4:]
    assert accounts.phone_masked(session, an_account(session).id, KEYS) == ""


@pytest.mark.parametrize("taken", ["name", "phone", "person"])
def test_an_account_name_a_phone_and_a_person_have_one_account(session: Session, taken: str) -> None:
    phone = a_phone()
    first = an_account(session, name="wang", phone=phone)
    person = session.get(Person, first.person_id) if taken == "person" else a_person(session)
    assert person is not None
    with pytest.raises(Conflict) as refused:
        an_account(
            session,
            person=person,
            name="WANG" if taken == "name" else "another",
            phone=f"+86{phone}" if taken == "phone" else None,
        )
    assert refused.value.error_code == "account_taken"


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Zhang.San", "zhang.san"),
        ("张三", None),
        ("张三丰", "张三丰"),
        ("ab", None),
        ("123456", None),
        ("a b c", None),
        ("worker@site-7_b", "worker@site-7_b"),
        ("x" * 65, None),
    ],
)
def test_what_an_account_may_be_called(name: str, normal: str | None) -> None:
    if normal is None:
        with pytest.raises(Malformed):
            accounts.account_name(name)
    else:
        assert accounts.account_name(name) == normal


def test_an_account_that_nobody_could_sign_in_to_is_refused(session: Session) -> None:
    with pytest.raises(Malformed, match="name or a phone"):
        accounts.open_account(session, a_person(session).id, keys=KEYS, at=AT)


def test_a_password_that_is_ones_own_phone_number_is_refused(session: Session) -> None:
    phone = a_phone()
    with pytest.raises(Malformed, match="easy to guess"):
        an_account(session, phone=phone, password=phone)


# --- organisations ---------------------------------------------------------------------------------------------------


def test_a_credit_code_is_registered_once_and_a_doubtful_one_only_warned_about(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    def add(code: str) -> str | None:
        return organisations.add_organisation(
            session, kind=OrganisationKind.ENTERPRISE, name="某公司", credit_code=code, region="530100", at=AT
        ).credit_code

    assert add("91350100m000100y43") == "91350100M000100Y43"
    assert not caplog.records
    assert add("91310115MA1H8R7C6D") == "91310115MA1H8R7C6D"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    with pytest.raises(Conflict, match="credit code"):
        add("91350100M000100Y43")


@pytest.mark.parametrize("region", ["53", "5301000", "053010", "yunnan", "５３０１００"])
def test_a_region_is_six_digits(session: Session, region: str) -> None:
    with pytest.raises(Malformed, match="six digits"):
        organisations.add_organisation(session, kind=OrganisationKind.INSTITUTION, name="某校", region=region, at=AT)


@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        pytest.param(("2026-01-01", "2026-03-31"), ("2026-04-01", None), True, id="comes back the day after the last"),
        pytest.param(("2026-01-01", "2026-03-31"), ("2026-03-31", None), False, id="not on the last day"),
        pytest.param(("2026-01-01", None), ("2027-01-01", None), False, id="not while it goes on"),
        pytest.param(("2026-06-01", None), ("2026-01-01", "2026-05-31"), True, id="an earlier time"),
    ],
)
def test_a_person_belongs_to_an_organisation_once_at_a_time(
    session: Session, first: tuple[str, str | None], second: tuple[str, str | None], fits: bool
) -> None:
    person, company = a_person(session), an_organisation(session)

    def join(days: tuple[str, str | None], organisation_id: UUID) -> None:
        organisations.join(
            session,
            person.id,
            organisation_id,
            EmploymentKind.FLEXIBLE,
            date.fromisoformat(days[0]),
            at=AT,
            to_on=date.fromisoformat(days[1]) if days[1] else None,
        )

    join(first, company.id)
    join(first, an_organisation(session).id)  # several employers at once are usual
    if fits:
        join(second, company.id)
    else:
        with pytest.raises(Conflict) as refused:
            join(second, company.id)
        assert refused.value.error_code == "already_member"


def test_leaving_ends_with_the_last_day(session: Session) -> None:
    person, company = a_person(session), an_organisation(session)
    organisations.join(session, person.id, company.id, EmploymentKind.EMPLOYEE, date(2026, 2, 1), at=AT)
    with pytest.raises(Malformed):
        organisations.leave(session, person.id, company.id, date(2026, 1, 31))
    organisations.leave(session, person.id, company.id, date(2026, 3, 31))
    for day, belongs in (("2026-01-31", 0), ("2026-02-01", 1), ("2026-03-31", 1), ("2026-04-01", 0)):
        assert len(organisations.organisations_of(session, person.id, on=date.fromisoformat(day))) == belongs
        assert len(organisations.members(session, company.id, on=date.fromisoformat(day))) == belongs
    with pytest.raises(NotFound):
        organisations.leave(session, person.id, company.id, date(2026, 4, 1))


def test_members_are_listed_by_name_with_their_accounts(session: Session) -> None:
    company = an_organisation(session)
    account = an_account(session, person=a_person(session, name="B"))
    without = a_person(session, name="A")
    for person_id in (account.person_id, without.id):
        organisations.join(session, person_id, company.id, EmploymentKind.DISPATCHED, date(2026, 1, 1), at=AT)
    listed = organisations.members(session, company.id, on=date(2026, 5, 1))
    assert [(one.name, one.account_id, one.kind) for one in listed] == [
        ("A", None, EmploymentKind.DISPATCHED),
        ("B", account.id, EmploymentKind.DISPATCHED),
    ]


def test_a_day_in_china_begins_at_16_utc() -> None:
    assert registry.local_day(datetime(2026, 6, 30, 15, 59, tzinfo=UTC)) == date(2026, 6, 30)
    assert registry.local_day(datetime(2026, 6, 30, 16, 0, tzinfo=UTC)) == date(2026, 7, 1)


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "with_organisation", "region", "taken"),
    [
        pytest.param(Role.ENTERPRISE_CLERK, True, None, True, id="a clerk of an organisation"),
        pytest.param(Role.ENTERPRISE_CLERK, False, None, False, id="no clerk of everything"),
        pytest.param(Role.INSTITUTION_MANAGER, True, "530000", False, id="no manager of a region"),
        pytest.param(Role.REGULATOR_OFFICER, False, "530000", True, id="an officer of a region"),
        pytest.param(Role.REGULATOR_OFFICER, False, None, False, id="no officer of everything"),
        pytest.param(Role.REGULATOR_OFFICER, False, "Yunnan", False, id="no officer of a name"),
        pytest.param(Role.OPERATOR, False, None, True, id="the operator of the platform"),
        pytest.param(Role.OPERATOR, True, None, False, id="no operator of an organisation"),
    ],
)
def test_a_grant_names_what_the_role_reaches(
    session: Session, role: Role, with_organisation: bool, region: str | None, taken: bool
) -> None:
    account, place = an_account(session), an_institution(session)
    organisation_id = place.id if with_organisation else None

    def grant() -> RoleGrant:
        return roles.grant_role(session, account.id, role, organisation_id=organisation_id, region=region, at=AT)

    if taken:
        grant()
        caller = caller_of(session, account.id)
        assert caller is not None
        assert caller.roles == {Role.LEARNER, role}
        with pytest.raises(Conflict):
            grant()
    else:
        with pytest.raises(Malformed):
            grant()


def test_a_revoked_role_is_gone_and_stays_on_record(session: Session) -> None:
    account, place = an_account(session), an_institution(session)
    by = an_account(session)
    for _ in range(2):  # granted, revoked, and granted again
        roles.grant_role(session, account.id, Role.TEACHER, organisation_id=place.id, at=AT, by=by.id)
        roles.revoke_role(session, account.id, Role.TEACHER, organisation_id=place.id, at=AT, by=by.id)
    caller = caller_of(session, account.id)
    assert caller is not None
    assert caller.roles == {Role.LEARNER}
    rows = session.scalars(sa.select(RoleGrant).where(RoleGrant.role == Role.TEACHER)).all()
    assert [(row.granted_by, row.revoked_by, row.revoked_at) for row in rows] == [(by.id, by.id, AT)] * 2
    with pytest.raises(NotFound):
        roles.revoke_role(session, account.id, Role.TEACHER, organisation_id=place.id, at=AT)


def test_what_does_not_exist_is_said_so(session: Session) -> None:
    nobody = UUID(int=5)
    person = a_person(session)
    for ask in (
        lambda: persons.person_facts(session, nobody, KEYS),
        lambda: accounts.open_account(session, nobody, name="ghost", keys=KEYS, at=AT),
        lambda: organisations.join(session, person.id, nobody, EmploymentKind.TRAINEE, date(2026, 1, 1), at=AT),
        lambda: roles.grant_role(session, nobody, Role.OPERATOR, at=AT),
        lambda: accounts.phone_masked(session, nobody, KEYS),
    ):
        with pytest.raises(DomainError) as refused:
            ask()
        assert isinstance(refused.value, NotFound)
    assert session.scalar(sa.select(sa.func.count()).select_from(Account)) == 0
