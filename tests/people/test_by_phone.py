"""In by a code to the phone: limits, who is meant, what is kept, and a gateway that is slow or away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, TooMany
from elearn.outgoing import OutOfOrder, Service
from elearn.people import passwords, persons, signin
from elearn.people.by_phone import asking, proving, reaching, rules, sending
from elearn.people.by_phone.models import SharedPhone, SignInCode
from elearn.people.by_phone.rules import Candidate
from elearn.people.identity import Sealer, blind_index, check_phone
from elearn.people.models import Account, Disclosure, Person, Role
from elearn.people.roles import grant_role
from tests import builders_people as people
from tests.builders_people import AT, KEYS, PASSWORD
from tests.tracking.presence.services import SECRET, FakeService, a_service

HOUSE = b"s" * 32
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def service() -> Iterator[FakeService]:
    with a_service() as fake:
        yield fake


@pytest.fixture
def gateway(service: FakeService) -> FakeService:
    service.reply = lambda body: (200, {})
    service.heard.clear()
    return service


@pytest.mark.parametrize(
    ("minutes_ago", "wait"),
    [
        ([], None),
        ([1, 2, 3, 4], None),
        ([1, 2, 3, 4, 59], 1),
        ([1, 2, 3, 4, 60], None),
        ([61] * 11, None),
        ([61] * 12, 23 * 60 - 1),
        ([24 * 60] * 12, None),
        ([1, 1, 1, 1, 1, *[100] * 7], 24 * 60 - 100),
    ],
)
def test_how_long_a_number_waits_for_another_code(minutes_ago: list[int], wait: int | None) -> None:
    found = rules.wait_for_code([AT - one * MINUTE for one in minutes_ago], AT)
    assert found == (None if wait is None else wait * MINUTE)


FIRST, SECOND = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("documents", "typed", "wanted"),
    [
        ({FIRST: ["99999919900101001X"]}, "01001X", FIRST),
        ({FIRST: ["99999919900101001X"]}, " 01 001x ", FIRST),
        ({FIRST: ["99999919900101001X"]}, "０１００１Ｘ", FIRST),
        ({FIRST: ["99999919900101001X"]}, "99999919900101001X", FIRST),
        ({FIRST: ["99999919900101001X"]}, "1001X", None),
        ({FIRST: ["99999919900101001X"]}, "", None),
        ({FIRST: ["99999919900101001X"]}, "010010", None),
        ({FIRST: ["AB123"]}, "ab123", FIRST),
        ({FIRST: ["AB123"]}, "b123", None),
        ({FIRST: []}, "", None),
        ({FIRST: ["99999919900101001X"], SECOND: ["999999199001020021"]}, "020021", SECOND),
        ({FIRST: ["99999919900101001X", "E12345678"]}, "345678", FIRST),
        ({FIRST: ["11111119900101001X"], SECOND: ["99999919900101001X"]}, "01001X", None),
        ({}, "01001X", None),
    ],
)
def test_who_is_meant_by_the_end_of_a_document(documents: dict[UUID, list[str]], typed: str, wanted: UUID) -> None:
    found = rules.meant([Candidate(one, tuple(numbers)) for one, numbers in documents.items()], typed)
    assert found == wanted


@pytest.mark.parametrize("typed", ["{}", " {} ", "{0:.3} {1}"])
def test_a_code_fits_however_it_is_spaced(typed: str) -> None:
    code = rules.code_of(HOUSE, FIRST)
    assert rules.code_fits(HOUSE, FIRST, typed.format(code, code[3:]))
    assert not rules.code_fits(HOUSE, SECOND, code)
    assert not rules.code_fits(b"o" * 32, FIRST, code)
    assert not rules.code_fits(HOUSE, FIRST, code[:-1])
    assert not rules.code_fits(HOUSE, FIRST, "")


# --- the service ------------------------------------------------------------------------------------------------------


def a_worker(
    session: Session, *, phone: str | None = None, password: str | None = None, person: Person | None = None
) -> Account:
    """Of a roster: an account that nobody has opened, unless a password is said."""
    account = people.an_account(session, person=person, phone=phone or people.a_phone(), password=password)
    if password is None:
        account.password_hash = None
    session.flush()
    return account


def tail_of(session: Session, account: Account) -> str:
    person = persons.get_person(session, account.person_id)
    assert person.document_sealed is not None
    return Sealer(KEYS.sealing).open(person.data_key, person.id, "document", person.document_sealed)[-6:]


def ask(session: Session, phone: str, *, at: datetime = AT, address: str = "192.0.2.1") -> UUID:
    return asking.ask(session, phone, language="en", address=address, keys=KEYS, tries=signin.counted_tries(), at=at)


def send(session: Session, code_id: UUID, gateway: FakeService, *, at: datetime = AT, timeout_s: float = 5) -> None:
    service = Service(gateway.url, SECRET, timeout_s)
    sending.send(session, code_id, service, language="en", secret=HOUSE, keys=KEYS, now=lambda: at)


def prove(session: Session, code_id: UUID, tail: str, *, code: str = "", at: datetime = AT) -> proving.Tried:
    right = code or rules.code_of(HOUSE, code_id)
    return proving.prove(session, code_id, right, tail, secret=HOUSE, keys=KEYS, at=at)


def test_the_phone_hears_a_code_that_stands_nowhere(session: Session, gateway: FakeService) -> None:
    phone = people.a_phone()
    account = a_worker(session, phone=phone)
    code_id = ask(session, phone)
    send(session, code_id, gateway)
    [heard] = gateway.heard
    assert (heard["to"], heard["code"]) == (f"+86{phone}", rules.code_of(HOUSE, code_id))
    assert heard["code"] in heard["text"]
    assert "Give it to nobody" in heard["text"]
    assert gateway.signed()
    row = session.execute(sa.text("SELECT * FROM elearn.sign_in_code")).one()
    jobs_row = session.execute(sa.text("SELECT args, priority FROM procrastinate.procrastinate_jobs")).one()
    assert heard["code"] not in str(row) + str(jobs_row)
    assert phone not in str(row) + str(jobs_row)
    told = session.scalars(sa.select(Disclosure).where(Disclosure.person_id == account.person_id)).one()
    assert (told.receiver, told.what) == ("127.0.0.1", "phone number")
    send(session, code_id, gateway)
    assert len(gateway.heard) == 1, "a job that runs twice sends once"


def test_an_unknown_number_makes_the_same_row_and_job_and_no_message(session: Session, gateway: FakeService) -> None:
    known, unknown = people.a_phone(), people.a_phone()
    a_worker(session, phone=known)
    ids = [ask(session, known), ask(session, unknown)]
    rows = session.execute(sa.text("SELECT tries, sent_at, expires_at, account_id FROM elearn.sign_in_code")).all()
    assert len(set(rows)) == 1
    names = session.scalars(sa.text("SELECT task_name FROM procrastinate.procrastinate_jobs")).all()
    assert list(names) == [asking.SEND] * 2
    send(session, ids[1], gateway)
    assert gateway.heard == []
    assert prove(session, ids[1], "123456", code="000000") == prove(session, ids[0], "123456", code="abc")
    assert not prove(session, ids[1], "123456").fits, "even the right code opens nothing"


@pytest.mark.parametrize("who", ["closed", "erased", "staff", "no document"])
def test_whom_no_code_lets_in(session: Session, gateway: FakeService, who: str) -> None:
    phone = people.a_phone()
    person = persons.add_staff(session, name="李", keys=KEYS, at=AT) if who == "no document" else None
    account = a_worker(session, phone=phone, person=person)
    tail = "" if person else tail_of(session, account)
    if who == "closed":
        account.closed_at = AT
    elif who == "erased":
        persons.erase_person(session, account.person_id, at=AT)
    elif who == "staff":
        enterprise = people.an_organisation(session)
        grant_role(session, account.id, Role.ENTERPRISE_CLERK, organisation_id=enterprise.id, at=AT)
    session.flush()
    code_id = ask(session, phone)
    if who != "no document":
        send(session, code_id, gateway)
        assert gateway.heard == []
    assert not prove(session, code_id, tail).fits


def test_people_who_share_a_phone_are_told_apart(session: Session, gateway: FakeService) -> None:
    phone = people.a_phone()
    father, son = a_worker(session, phone=phone), a_worker(session)
    number = check_phone(phone)
    son_person = persons.get_person(session, son.person_id)
    session.add(
        SharedPhone(
            account_id=son.id,
            phone_index=blind_index(KEYS.index, "phone", number),
            phone_sealed=Sealer(KEYS.sealing).seal(son_person.data_key, son_person.id, "phone", number),
            noted_at=AT,
        )
    )
    session.flush()
    for account in (father, son):
        code_id = ask(session, phone)
        assert prove(session, code_id, tail_of(session, account)).fits
        assert proving.proved(session, code_id, at=AT).account_id == account.id
    other_id = ask(session, phone)
    assert not prove(session, other_id, "000000").fits
    persons.erase_person(session, son.person_id, at=AT)
    assert [one.account_id for one in reaching.behind(session, blind_index(KEYS.index, "phone", number))] == [father.id]


def test_a_code_has_few_tries_and_a_short_life(session: Session) -> None:
    phone = people.a_phone()
    account = a_worker(session, phone=phone)
    tail = tail_of(session, account)
    code_id = ask(session, phone)
    for left in (4, 3, 2, 1, 0):
        assert prove(session, code_id, tail, code="000000") == proving.Tried(False, left)
    with pytest.raises(Conflict, match="hold any more"):
        prove(session, code_id, tail)
    late = ask(session, phone)
    with pytest.raises(Conflict):
        prove(session, late, tail, at=AT + rules.LIFE)
    assert prove(session, late, tail, at=AT + rules.LIFE - MINUTE).fits
    with pytest.raises(Conflict):
        prove(session, late, tail)
    with pytest.raises(Conflict):
        proving.proved(session, late, at=AT + 2 * rules.LIFE - MINUTE)
    with pytest.raises(Conflict):
        prove(session, UUID(int=9), tail)


def test_who_holds_the_phone_does_not_count_the_document_through(session: Session) -> None:
    phone = people.a_phone()
    account = a_worker(session, phone=phone)
    for guess in range(rules.MOST_WRONG_A_DAY // rules.MOST_TRIES):
        code_id = ask(session, phone)
        for number in range(rules.MOST_TRIES):
            assert not prove(session, code_id, f"{guess}{number:05}").fits
    last = ask(session, phone)
    with pytest.raises(TooMany, match="clerk"):
        prove(session, last, tail_of(session, account))
    # Who has not the phone shuts nobody out by guessing codes.
    other = people.a_phone()
    another = a_worker(session, phone=other)
    for _ in range(4):
        code_id = ask(session, other)
        for _ in range(rules.MOST_TRIES):
            prove(session, code_id, "000000", code="999999")
    assert prove(session, ask(session, other), tail_of(session, another)).fits


def test_codes_are_limited_by_number_and_by_address(session: Session) -> None:
    for phone in (people.a_phone(), people.a_phone()):
        if phone.endswith("2"):
            a_worker(session, phone=phone)
        for number in range(rules.MOST_AN_HOUR):
            ask(session, phone, address=f"192.0.2.{number}")
        with pytest.raises(TooMany, match="Too many codes") as refused:
            ask(session, phone, address="192.0.2.99")
        assert refused.value.retry_after_s == 3600
    for _ in range(rules.MOST_ADDRESS):
        ask(session, people.a_phone(), address="198.51.100.1")
    with pytest.raises(TooMany, match="Too many requests"):
        ask(session, people.a_phone(), address="198.51.100.1")
    with pytest.raises(Malformed, match="not a phone number"):
        ask(session, "12345")


def test_a_password_once_and_every_other_browser_is_out(session: Session, app: Any) -> None:
    phone = people.a_phone()
    account = a_worker(session, phone=phone, password=PASSWORD)
    tail, epoch = tail_of(session, account), account.session_epoch
    issued = signin.issue_reset(session, None, account.id, at=AT)
    assert issued
    code_id = ask(session, phone)
    prove(session, code_id, tail)
    assert proving.proved(session, code_id, at=AT).was_first
    with app.test_request_context():
        with pytest.raises(Malformed, match="easy to guess"):
            proving.finish(session, code_id, "password1", at=AT)
        caller, first = proving.finish(session, code_id, "quiet tunnel 9", at=AT)
        assert (caller.id, first, caller.must_change) == (account.id, True, False)
        assert account.session_epoch == epoch + 2
        assert passwords.verify(account.password_hash, "quiet tunnel 9")
        with pytest.raises(Conflict):
            proving.finish(session, code_id, "other tunnel 9", at=AT)
        # Proved, and somebody else was faster: it is proved again.
        first_id, second_id = ask(session, phone), ask(session, phone)
        prove(session, first_id, tail)
        prove(session, second_id, tail)
        assert proving.finish(session, first_id, "loud tunnel 10", at=AT)[1] is False
        with pytest.raises(Conflict):
            proving.finish(session, second_id, "third tunnel 11", at=AT)
        third_id = ask(session, phone, at=AT + 2 * rules.HOUR)
        prove(session, third_id, tail, at=AT + 2 * rules.HOUR)
        proving.finish(session, third_id, "third tunnel 11", at=AT + 2 * rules.HOUR)
        fourth_id = ask(session, phone, at=AT + 3 * rules.HOUR)
        prove(session, fourth_id, tail, at=AT + 3 * rules.HOUR)
        with pytest.raises(TooMany, match="new passwords"):
            proving.finish(session, fourth_id, "fourth tunnel 12", at=AT + 3 * rules.HOUR)


@pytest.mark.parametrize("reply", [(500, {}), (302, {}), (0, {})])
def test_a_gateway_that_is_away_is_asked_again_with_the_same_code(
    session: Session, gateway: FakeService, reply: tuple[int, dict[str, Any]]
) -> None:
    phone = people.a_phone()
    a_worker(session, phone=phone)
    code_id = ask(session, phone)
    gateway.reply = lambda body: reply
    with pytest.raises(OutOfOrder):
        send(session, code_id, gateway)
    gateway.reply = lambda body: (200, {})
    send(session, code_id, gateway)
    assert len({one["code"] for one in gateway.heard}) == 1
    assert {one["webhook-id"] for one in gateway.headers[-len(gateway.heard) :]} == {str(code_id)}
    old = ask(session, phone)
    send(session, old, gateway, at=AT + rules.LIFE)
    assert len(gateway.heard) == 2, "a code that holds no more is not sent"


def test_a_gateway_that_refuses_is_left_alone(session: Session, gateway: FakeService) -> None:
    phone = people.a_phone()
    a_worker(session, phone=phone)
    gateway.reply = lambda body: (422, {})
    send(session, ask(session, phone), gateway)
    assert len(gateway.heard) == 1


def test_what_nobody_used_is_forgotten_and_the_record_stays(session: Session, app: Any) -> None:
    phone = people.a_phone()
    account = a_worker(session, phone=phone)
    used, unused = ask(session, phone), ask(session, phone)
    prove(session, used, tail_of(session, account))
    with app.test_request_context():
        proving.finish(session, used, "quiet tunnel 9", at=AT)
    asking.forget_old(session, at=AT + asking.KEPT + MINUTE)
    session.expire_all()
    assert session.scalars(sa.select(SignInCode.id)).all() == [used]
    assert unused != used
    persons.erase_person(session, account.person_id, at=AT)
    assert session.scalars(sa.select(SignInCode.id)).all() == []
