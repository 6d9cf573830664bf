"""Joining an employer by a link: when it opens, who comes in, and what is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import accounts, organisations, persons, placements, tracing
from elearn.people.identity import DocumentKind
from elearn.people.joining import coming, links
from elearn.people.joining.models import Joining, JoiningLink, State
from elearn.people.joining.rules import Stands, Terms, stands
from elearn.people.models import (
    Account,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
)
from elearn.people.registry import local_day
from tests import builders_people as people
from tests.builders_people import AT, KEYS, PASSWORD

SECRET = b"s" * 32
TODAY = local_day(AT)
TERMS = Terms(from_on=date(2026, 6, 10), until_on=date(2026, 6, 20), most_uses=3, withdrawn=False, unit_open=True)


@pytest.mark.parametrize(
    ("terms", "today", "used", "wanted"),
    [
        (TERMS, date(2026, 6, 9), 0, Stands.NOT_YET),
        (TERMS, date(2026, 6, 10), 0, Stands.OPEN),
        (TERMS, date(2026, 6, 20), 2, Stands.OPEN),
        (TERMS, date(2026, 6, 20), 3, Stands.USED_UP),
        (TERMS, date(2026, 6, 21), 0, Stands.OVER),
        (TERMS, date(2026, 6, 21), 3, Stands.OVER),
        (replace(TERMS, withdrawn=True), date(2026, 6, 9), 0, Stands.WITHDRAWN),
        (replace(TERMS, withdrawn=True), date(2026, 6, 21), 3, Stands.WITHDRAWN),
        (replace(TERMS, unit_open=False), date(2026, 6, 10), 0, Stands.UNIT_CLOSED),
        (replace(TERMS, unit_open=False, withdrawn=True), date(2026, 6, 10), 0, Stands.WITHDRAWN),
    ],
)
def test_when_a_link_opens(terms: Terms, today: date, used: int, wanted: Stands) -> None:
    assert stands(terms, today=today, used=used) is wanted


def a_workshop(session: Session) -> Organisation:
    employer = people.an_organisation(session)
    return organisations.add_organisation(
        session, kind=OrganisationKind.ENTERPRISE, level=OrganisationLevel.WORKSHOP, parent_id=employer.id,
        name="焊接车间", at=AT,
    )  # fmt: skip


def a_link(
    session: Session, unit_id: UUID, *, most_uses: int = 5, confirms: bool = True, post: str = "焊工"
) -> JoiningLink:
    return links.make(
        session, unit_id, kind=EmploymentKind.FLEXIBLE, post=post, from_on=TODAY, until_on=TODAY + timedelta(days=9),
        most_uses=most_uses, confirms=confirms, secret=SECRET, by=people.a_person(session).id, at=AT,
    )  # fmt: skip


def token(link: JoiningLink) -> str:
    return links.token_of(link.id, SECRET)


def registers(
    session: Session, link: JoiningLink, number: str, *, name: str = "王五", phone: str | None = None
) -> Joining:
    _account, came = coming.register(
        session, token(link), name=name, document_kind=DocumentKind.RESIDENT_ID, document_number=number,
        account=None if phone else f"w-{number[:6]}{number[-4:]}", phone=phone, password=PASSWORD,
        keys=KEYS, at=AT,
    )  # fmt: skip
    return came


def test_a_link_leads_to_one_unit_of_one_employer_and_its_token_is_kept_by_nobody(session: Session) -> None:
    workshop = a_workshop(session)
    link = a_link(session, workshop.id)
    assert link.organisation_id == workshop.parent_id
    assert links.find(session, token(link)) is link
    assert links.find(session, token(link)[:-1]) is None
    assert links.find(session, "票") is None
    assert token(link).encode() not in link.token_hash
    assert links.poster_token(link, SECRET) == token(link)
    assert links.poster_token(link, b"t" * 32) is None, "the house changed its key: no poster, but the link still opens"
    for no in (people.an_institution(session).id, people.a_person(session).id):
        with pytest.raises(NotFound):
            a_link(session, no)
    for most_uses in (0, links.MOST_USES + 1):
        with pytest.raises(Malformed):
            a_link(session, workshop.id, most_uses=most_uses)


def test_who_comes_waits_for_the_clerk_and_then_belongs_to_it_from_the_day_of_coming(session: Session) -> None:
    workshop = a_workshop(session)
    link, worker = a_link(session, workshop.id), people.an_account(session)
    came = coming.come(session, token(link), worker.person_id, at=AT)
    assert came.state == State.WAITING
    assert coming.come(session, token(link), worker.person_id, at=AT) is came, "twice is once"
    assert coming.come(session, token(a_link(session, workshop.id)), worker.person_id, at=AT) is came
    assert organisations.organisations_of(session, worker.person_id, on=TODAY) == frozenset()
    later, clerk = AT + timedelta(days=2), people.a_person(session).id
    coming.decide(session, came.id, accept=True, by=clerk, at=later)
    stood = placements.placement_on(session, came.membership_id or workshop.id, TODAY)
    assert stood is not None
    assert (stood.unit_id, stood.post, stood.from_on) == (workshop.id, "焊工", TODAY)
    with pytest.raises(Conflict, match="decided already"):
        coming.decide(session, came.id, accept=False, by=clerk, at=later)
    with pytest.raises(Conflict) as refused:
        coming.come(session, token(link), worker.person_id, at=later)
    assert refused.value.error_code == "already_member"


def test_a_link_may_confirm_by_itself_and_takes_no_more_than_it_says(session: Session) -> None:
    link = a_link(session, a_workshop(session).id, most_uses=2, confirms=False)
    first = coming.come(session, token(link), people.an_account(session).person_id, at=AT)
    assert first.state == State.JOINED
    coming.come(session, token(link), people.an_account(session).person_id, at=AT)
    with pytest.raises(coming.Closed) as shut:
        coming.come(session, token(link), people.an_account(session).person_id, at=AT)
    assert shut.value.stands is Stands.USED_UP
    links.withdraw(session, link.id, by=people.a_person(session).id, at=AT)
    with pytest.raises(coming.Closed) as shut:
        coming.come(session, token(link), people.an_account(session).person_id, at=AT)
    assert shut.value.stands is Stands.WITHDRAWN
    assert session.get(Membership, first.membership_id) is not None, "who came already stays"


def test_a_refusal_frees_the_place_and_holds_for_this_link(session: Session) -> None:
    link = a_link(session, a_workshop(session).id, most_uses=1)
    refused, other = people.an_account(session).person_id, people.an_account(session).person_id
    came = coming.come(session, token(link), refused, at=AT)
    with pytest.raises(coming.Closed):
        coming.come(session, token(link), other, at=AT)
    coming.decide(session, came.id, accept=False, by=other, at=AT)
    with pytest.raises(Conflict) as again:
        coming.come(session, token(link), refused, at=AT)
    assert again.value.error_code == "refused_before"
    waits = coming.come(session, token(link), other, at=AT)
    with pytest.raises(NotFound):
        coming.take_back(session, waits.id, refused, at=AT)
    coming.take_back(session, waits.id, other, at=AT)
    assert waits.state == State.TAKEN_BACK
    assert coming.come(session, token(link), other, at=AT).state == State.WAITING, "one's own word is no refusal"


def test_whoever_is_known_signs_in_and_learns_nothing_more(session: Session) -> None:
    link, elsewhere = a_link(session, a_workshop(session).id), people.an_organisation(session, name="金沙")
    number, phone = people.a_resident_id(), people.a_phone()
    known = people.a_person(session, name="赵六", document_number=number)
    organisations.join(session, known.id, elsewhere.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=AT)
    accounts.open_account(session, known.id, phone=phone, password=PASSWORD, keys=KEYS, at=AT)
    before = tracing.traces(session, known.id)
    said = set()
    for attempt in (
        {"number": number},
        {"number": number, "name": "赵六"},
        {"number": people.a_resident_id(), "phone": phone},
    ):
        with pytest.raises(Conflict) as refused:
            registers(session, link, **attempt)
        said.add((refused.value.error_code, refused.value.detail))
    assert said == {("sign_in", "Please sign in with your account.")}
    assert tracing.traces(session, known.id) == before


def test_the_employer_by_whose_link_somebody_registered_brought_them(session: Session) -> None:
    link = a_link(session, a_workshop(session).id)
    came = registers(session, link, people.a_resident_id())
    coming.decide(session, came.id, accept=True, by=people.a_person(session).id, at=AT + timedelta(hours=3))
    account = session.scalars(sa.select(Account).where(Account.person_id == came.person_id)).one()
    assert organisations.organisations_that_brought(session, account, on=TODAY) == {link.organisation_id, link.unit_id}


def test_who_registered_and_was_never_taken_in_is_forgotten_and_the_document_is_free(session: Session) -> None:
    workshop, number = a_workshop(session), people.a_resident_id()
    link = a_link(session, workshop.id)
    gone, kept = registers(session, link, number), registers(session, link, people.a_resident_id())
    known = coming.come(session, token(link), people.an_account(session).person_id, at=AT)
    for came in (gone, kept, known):
        coming.decide(session, came.id, accept=False, by=people.a_person(session).id, at=AT)
    organisations.join(
        session, kept.person_id, workshop.parent_id or workshop.id, EmploymentKind.EMPLOYEE, TODAY, at=AT
    )
    assert coming.lapse(session, at=AT + timedelta(days=6)) == 0, "a mistake can still be put right"
    assert coming.lapse(session, at=AT + timedelta(days=8)) == 1
    assert coming.lapse(session, at=AT + timedelta(days=8)) == 0
    assert persons.get_person(session, gone.person_id).erased_at is not None
    for stays in (kept.person_id, known.person_id):
        assert persons.get_person(session, stays).erased_at is None
    assert persons.find_person(session, DocumentKind.RESIDENT_ID, number, KEYS) is None


def test_whom_no_clerk_answers_is_refused_by_time(session: Session) -> None:
    link = a_link(session, a_workshop(session).id)
    came = registers(session, link, people.a_resident_id())
    coming.lapse(session, at=AT + timedelta(days=29))
    session.refresh(came)
    assert came.state == State.WAITING
    end: datetime = AT + timedelta(days=31)
    coming.lapse(session, at=end)
    session.refresh(came)
    assert (came.state, came.decided_at, came.decided_by) == (State.REFUSED.value, end, None)
    persons.erase_person(session, came.person_id, at=end)
    waits = coming.come(session, token(link), people.an_account(session).person_id, at=AT)
    persons.erase_person(session, waits.person_id, at=end)
    session.refresh(waits)
    assert waits.state == State.TAKEN_BACK, "nobody waits who asked to be forgotten"
