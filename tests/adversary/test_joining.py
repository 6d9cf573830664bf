"""A stranger with a link, an employer that wants to see more, a clerk of another subtree: each tries what they can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.db import db, new_id
from elearn.people import accounts, callers, consents, organisations, passwords, tries
from elearn.people.consents import What
from elearn.people.joining import coming, links
from elearn.people.joining.models import Joining, JoiningLink
from elearn.people.merging import PersonMerge
from elearn.people.models import (
    Account,
    Consent,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    Role,
)
from tests.at_once import in_sessions
from tests.builders_people import (
    AT,
    KEYS,
    PASSWORD,
    a_person,
    a_phone,
    a_resident_id,
    an_account,
    an_institution,
    an_organisation,
    signed_in,
)
from tests.conftest import scalar

SECRET = b"s" * 32
"""As the settings of tests."""
JULY = date(2026, 7, 1)


def a_link(session: Session, unit_id: UUID, *, most_uses: int = 20, confirms: bool = True) -> str:
    made = links.make(
        session, unit_id, kind=EmploymentKind.FLEXIBLE, from_on=date(2026, 6, 20), until_on=date(2026, 7, 30),
        most_uses=most_uses, confirms=confirms, secret=SECRET, by=a_person(session).id, at=AT,
    )  # fmt: skip
    return links.token_of(made.id, SECRET)


@contextmanager
def as_somebody(app: Flask, session: Session, account: Account | None) -> Iterator[tuple[FlaskClient, dict[str, str]]]:
    callers.forget_last_request()
    client = app.test_client()
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    if account is None:
        page = client.get("/signin", headers=headers).text
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert found is not None
        yield client, headers | {"X-CSRFToken": found[1]}
    else:
        yield client, headers | signed_in(client, session, account)
    callers.forget_last_request()
    g.pop("elearn_language", None)


def typed(number: str, **more: str) -> dict[str, str]:
    return {
        "name": "张三", "document_kind": "resident_id", "document_number": number, "phone": "", "account": "one.more",
        "password": "another word 9", "agree": "yes", "elsewhere": "yes", **more,
    }  # fmt: skip


def test_a_stranger_with_a_link_takes_over_nobody_and_learns_of_nobody(app: Flask, session: Session) -> None:
    """Documents and phone numbers of people of another employer, with the right name and with a wrong one."""
    employer, elsewhere = an_organisation(session), an_organisation(session, name="金沙矿业")
    number, phone = a_resident_id(), a_phone()
    victim = a_person(session, name="张三", document_number=number)
    organisations.join(session, victim.id, elsewhere.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=AT)
    account = accounts.open_account(session, victim.id, phone=phone, password=PASSWORD, keys=KEYS, at=AT)
    without_account = a_resident_id()
    a_person(session, name="李四", document_number=without_account)
    token = a_link(session, employer.id, confirms=False)
    session.commit()
    kept = (account.password_hash, account.session_epoch)
    said = set()
    with as_somebody(app, session, None) as (client, headers):
        for form in (
            typed(number), typed(number, name="王五"), typed(without_account), typed(without_account, name="李四"),
            typed(a_resident_id(), phone=phone), typed(a_resident_id(), phone=phone, account=""),
        ):  # fmt: skip
            answer = client.post(f"/join/{token}/new", data=form, headers=headers)
            assert answer.status_code == 422
            found = re.search(r'role="alert"><p>([^<]+)', answer.text)
            assert found is not None
            said.add(found[1].strip())
            assert "金沙" not in answer.text
    assert said == {"Please sign in with your account."}, "one sentence, whatever is known"
    session.refresh(account)
    assert (account.password_hash, account.session_epoch) == kept
    assert passwords.verify(account.password_hash, PASSWORD)
    assert scalar(session, "SELECT count(*) FROM elearn.membership") == 1
    assert scalar(session, "SELECT count(*) FROM elearn.joining") == 0
    assert scalar(session, "SELECT count(*) FROM elearn.consent") == 0


def test_documents_are_not_tried_one_after_another_without_end(app: Flask, session: Session) -> None:
    token, number = a_link(session, an_organisation(session).id), a_resident_id()
    a_person(session, document_number=number)
    session.commit()
    with as_somebody(app, session, None) as (client, headers):
        codes = [
            client.post(f"/join/{token}/new", data=typed(number), headers=headers).status_code
            for _ in range(tries.MOST_PAIR + 1)
        ]
        other = client.post(f"/join/{token}/new", data=typed(a_resident_id()), headers=headers)
    assert codes == [422] * tries.MOST_PAIR + [429]
    assert other.status_code == 303, "somebody else in the same room is not kept out"


def test_a_forged_link_and_a_changed_one_open_nothing(app: Flask, session: Session) -> None:
    token = a_link(session, an_organisation(session).id)
    link_id = scalar(session, "SELECT id FROM elearn.joining_link")
    session.commit()
    with as_somebody(app, session, None) as (client, headers):
        for wrong in (token[:-1], token + "A", token.swapcase(), str(link_id), "x" * 5000, "..", "%00"):
            for method in ("GET", "POST"):
                for tail in ("", "/new"):
                    got = client.open(
                        f"/join/{wrong}{tail}", method=method, data=typed(a_resident_id()), headers=headers
                    )
                    assert got.status_code in (400, 404, 405), (wrong, method, tail, got.status_code)
    assert scalar(session, "SELECT count(*) FROM elearn.joining") == 0


def test_no_employer_sees_hours_elsewhere_by_its_own_doing(app: Flask, session: Session) -> None:
    """Consent is the worker's own, for this employer; neither its clerk nor the group above gives it for them."""
    group = organisations.add_organisation(
        session, kind=OrganisationKind.ENTERPRISE, level=OrganisationLevel.GROUP, name="集团", at=AT
    )
    mine = organisations.add_organisation(
        session, kind=OrganisationKind.ENTERPRISE, level=OrganisationLevel.ENTERPRISE, parent_id=group.id, name="甲",
        at=AT,
    )  # fmt: skip
    theirs = an_organisation(session, name="乙")
    worker = an_account(session)
    ours, other = (
        organisations.join(session, worker.person_id, one.id, EmploymentKind.FLEXIBLE, date(2026, 1, 1), at=AT)
        for one in (mine, theirs)
    )
    clerk = an_account(session, Role.ENTERPRISE_CLERK, organisation_id=group.id)
    session.commit()
    with as_somebody(app, session, clerk) as (client, headers):
        for membership in (ours, other):
            got = client.post(f"/me/employers/{membership.id}/hours", data={"given": "yes"}, headers=headers)
            assert got.status_code == 404
            assert client.post(f"/me/employers/{membership.id}/leave", headers=headers).status_code == 404
    assert session.scalar(sa.select(sa.func.count()).select_from(Consent)) == 0
    consents.say(session, worker.person_id, mine.id, What.HOURS_ELSEWHERE, given=True, words="", at=AT)
    assert consents.may_see_elsewhere(session, mine.id, [worker.person_id], on=JULY) == {worker.person_id}
    for nobody in (group.id, theirs.id):
        assert consents.may_see_elsewhere(session, nobody, [worker.person_id], on=JULY) == set()
    # The member's page of the one employer holds no word of the other.
    with as_somebody(app, session, clerk) as (client, headers):
        page = client.get(f"/people/{worker.person_id}", headers=headers).text
    assert "甲" in page
    assert "乙" not in page
    assert str(other.id) not in page
    assert str(theirs.id) not in page


def everything(session: Session) -> object:
    tables = ("joining", "joining_link", "membership", "placement", "person_merge", "employment_act")
    return [scalar(session, f"SELECT sum(hashtext(t::text)) FROM elearn.{table} t") for table in tables]


@pytest.mark.parametrize("role", [Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER, Role.PRINCIPAL, Role.INSTITUTION_MANAGER])
def test_a_clerk_of_another_subtree_finds_nothing_by_any_id(app: Flask, session: Session, role: Role) -> None:
    employer = an_organisation(session)
    aside: Organisation = (
        an_institution(session)
        if role is Role.INSTITUTION_MANAGER
        else organisations.add_organisation(
            session, kind=OrganisationKind.ENTERPRISE, level=OrganisationLevel.WORKSHOP, parent_id=employer.id,
            name="别的车间", at=AT,
        )
    )  # fmt: skip
    token = a_link(session, employer.id)
    worker = an_account(session, person=a_person(session, name="赵无名"))
    waits = coming.come(session, token, an_account(session).person_id, at=AT)
    membership = organisations.join(
        session, worker.person_id, employer.id, EmploymentKind.FLEXIBLE, date(2026, 1, 1), at=AT
    )
    merge = PersonMerge(
        kept_id=worker.person_id, gone_id=waits.person_id, proposed_by=a_person(session).id, proposed_at=AT,
        state="open",
    )  # fmt: skip
    session.add(merge)
    own = an_account(session, role, organisation_id=aside.id)
    session.commit()
    before, link, page = everything(session), f"/people/joining/{waits.link_id}", f"/people/{worker.person_id}"
    paths = [
        ("GET", link), ("GET", f"{link}/poster"), ("POST", f"{link}/withdraw"), ("POST", f"{link}/came/{waits.id}"),
        ("GET", f"/people/joining?organisation={employer.id}"),
        ("GET", f"/people/joining/new?organisation={employer.id}"),
        ("POST", f"/people/joining/{new_id()}/came/{waits.id}"), ("GET", page),
        ("GET", f"{page}/merge"), ("POST", f"{page}/merge"),
        ("POST", f"/people/merges/{merge.id}"), ("POST", f"/me/joining/{waits.id}/take-back"),
        ("GET", f"/me/employers/{membership.id}/leave"),
        *(("POST", f"{page}/employments/{membership.id}/{act}") for act in ("moved", "away", "ended")),
    ]  # fmt: skip
    form = {
        "answer": "accept",
        "on": "2026-07-01",
        "reason": "other",
        "unit": str(aside.id),
        "kept": str(worker.person_id),
    }
    with as_somebody(app, session, own) as (client, headers):
        for method, path in paths:
            got = client.open(path, method=method, data=form if method == "POST" else None, headers=headers)
            assert got.status_code in (403, 404), (method, path, got.status_code)
            assert "赵无名" not in got.text, path
    assert everything(session) == before


def test_of_five_who_press_at_once_a_link_for_two_takes_two(own_app: Flask) -> None:
    with own_app.app_context():
        session = db.session()
        token = a_link(session, an_organisation(session).id, most_uses=2, confirms=False)
        workers = [an_account(session).person_id for _ in range(5)]
        session.commit()
        engine = db.engine

        def comes(one: UUID, session: Session) -> str:
            try:
                return coming.come(session, token, one, at=AT).state
            except coming.Closed as shut:
                session.rollback()
                return shut.stands.value

        answers = in_sessions(engine, *(partial(comes, one) for one in workers))
        assert sorted(answers) == ["joined", "joined", "used_up", "used_up", "used_up"]
        assert session.scalar(sa.select(sa.func.count()).select_from(Membership)) == 2
        assert session.scalars(sa.select(JoiningLink.most_uses)).one() == 2
        assert session.scalar(sa.select(sa.func.count()).select_from(Joining)) == 2


def test_the_clerk_who_took_somebody_in_by_a_link_takes_over_no_account_that_was_there_before(
    app: Flask, session: Session
) -> None:
    """One press on a poster gives an employer a member, and never that member's account."""
    employer = an_organisation(session)
    clerk = an_account(session, Role.ENTERPRISE_CLERK, organisation_id=employer.id)
    worker = an_account(session)
    coming.come(session, a_link(session, employer.id, confirms=False), worker.person_id, at=AT.replace(hour=3))
    session.commit()
    with as_somebody(app, session, clerk) as (client, headers):
        path = f"/people/{worker.person_id}/reset"
        assert client.get(path, headers=headers).status_code == 404
        assert client.post(path, headers=headers).status_code == 404
    session.refresh(worker)
    assert worker.password_hash is not None
