"""Two clerks of different employers try on each other every id that they can guess, on every page of people and units.

They know more than clerks ever do: the true ids of the other side's organisations, people, accounts, roles and links.
"""

from __future__ import annotations

from datetime import date
from itertools import product
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.people import callers, organisations
from elearn.people.models import (
    Account,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    Role,
    RoleGrant,
)
from elearn.people.offices import invitations
from tests import builders_people as people
from tests.builders_people import AT
from tests.conftest import scalar

PLACES = ("/people", "/organisations")
UNTOUCHED = (
    "organisation", "organisation_act", "role_grant", "invitation", "membership", "placement", "absence", "account",
    "person", "password_reset",
)  # fmt: skip


class Firm:
    """An employer with a workshop, a worker, a clerk, a principal and an open link; all of it carries its mark."""

    def __init__(self, session: Session, mark: str) -> None:
        self.mark = mark
        self.firm = self._unit(session, OrganisationLevel.ENTERPRISE, None)
        self.shop = self._unit(session, OrganisationLevel.WORKSHOP, self.firm)
        self.clerk = self._staff(session, Role.ENTERPRISE_CLERK)
        self.head = self._staff(session, Role.PRINCIPAL)
        self.worker = people.an_account(session, person=people.a_person(session, name=f"{mark}工人"))
        kind, first = EmploymentKind.FLEXIBLE, date(2026, 1, 1)
        organisations.join(
            session, self.worker.person_id, self.firm.id, kind, first, at=AT, unit_id=self.shop.id, post=f"{mark}岗"
        )
        self.link, self.token = invitations.invite(
            session, None, self.firm.id, Role.SAFETY_MANAGER, for_whom=f"{mark}某", days=30, at=AT
        )

    def _unit(self, session: Session, level: OrganisationLevel, above: Organisation | None) -> Organisation:
        return organisations.add_organisation(
            session, kind=OrganisationKind.ENTERPRISE, level=level, parent_id=above.id if above else None,
            name=f"{self.mark}{level.value}", at=AT,
        )  # fmt: skip

    def _staff(self, session: Session, role: Role) -> Account:
        person = people.a_person(session, name=f"{self.mark}{role.value}")
        return people.an_account(session, role, organisation_id=self.firm.id, person=person)

    def ids(self, session: Session) -> list[UUID]:
        """One of everything of it that has an id."""
        found = [self.firm.id, self.shop.id, self.link.id, self.worker.id, self.worker.person_id]
        found += session.scalars(
            sa.select(RoleGrant.id).where(RoleGrant.account_id == self.head.id, RoleGrant.role == Role.PRINCIPAL)
        )
        found += session.scalars(sa.select(Membership.id).where(Membership.organisation_id == self.firm.id))
        return found


@pytest.fixture
def firms(session: Session) -> tuple[Firm, Firm]:
    made = Firm(session, "金沙"), Firm(session, "澜沧")
    session.commit()
    return made


def untouched(session: Session) -> list[object]:
    return [scalar(session, f"SELECT sum(hashtext(t::text)) FROM elearn.{one} t") for one in UNTOUCHED]


def paths(app: Flask, own: UUID, guesses: list[UUID]) -> list[tuple[str, str]]:
    """(method, address): each page of people and units with each guess in each place, the clerk's own id beside it."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("elearn.") or not rule.rule.startswith(PLACES):
            continue
        names = sorted(rule.arguments)
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            if not names:
                found += [(method, f"{rule.rule}?organisation={guess}&unit={guess}") for guess in guesses]
            for at, guess in product(range(len(names)), guesses):
                values = {name: guess if index == at else own for index, name in enumerate(names)}
                if "act" in values:
                    values["act"] = "moved"  # type: ignore[assignment]
                found.append((method, app.url_map.bind("").build(rule.endpoint, values, method=method)))
                if len(names) > 1:
                    whole = dict.fromkeys(names, guess) | ({"act": "moved"} if "act" in names else {})
                    found.append((method, app.url_map.bind("").build(rule.endpoint, whole, method=method)))
    return sorted(set(found))


@pytest.mark.parametrize("who", ["clerk", "head"])
def test_neither_sees_or_changes_anything_of_the_other(
    app: Flask, session: Session, firms: tuple[Firm, Firm], who: str
) -> None:
    mine, theirs = firms
    browser = app.test_client()
    callers.forget_last_request()
    headers = people.signed_in(browser, session, getattr(mine, who)) | {"Accept": "text/html"}
    guesses = theirs.ids(session)
    # In a form each of their ids stands wherever a page of ours asks for one.
    form = {
        "organisation": str(theirs.firm.id), "unit": str(theirs.shop.id), "parent": str(theirs.shop.id),
        "account": str(theirs.worker.id), "role": "enterprise_clerk", "for_whom": "x", "days": "7", "name": "x",
        "level": "team", "on": "2026-07-01", "search": theirs.mark,
    }  # fmt: skip
    before = untouched(session)
    asked = paths(app, mine.firm.id, guesses)
    seen = []
    for method, path in asked:
        callers.forget_last_request()
        got = browser.open(path, method=method, headers=headers, data=form if method == "POST" else None)
        text = got.get_data().decode(errors="replace")
        if theirs.mark in text.replace(f'value="{theirs.mark}"', "") or got.status_code >= 500:
            seen.append((method, path, got.status_code))
    assert seen == []
    assert len(asked) > 150
    assert untouched(session) == before


def test_a_link_of_the_other_is_known_by_its_token_alone(
    app: Flask, session: Session, firms: tuple[Firm, Firm], client: FlaskClient
) -> None:
    mine, theirs = firms
    headers = people.signed_in(client, session, mine.clerk)

    def ask(path: str, **form: str) -> int:
        callers.forget_last_request()
        return client.post(path, headers=headers, data=form).status_code

    for guess in (theirs.link.id, theirs.link.token_hash.hex(), theirs.token[:-1], theirs.token.swapcase()):
        assert ask(f"/invited/{guess}") == 404
    for holder in (mine.firm.id, mine.shop.id, theirs.firm.id):
        assert ask(f"/organisations/{holder}/invitations/{theirs.link.id}/withdraw") == 404
    assert ask("/organisations/choose", organisation=str(theirs.shop.id)) == 404
    assert session.scalars(sa.select(RoleGrant.account_id).where(RoleGrant.organisation_id == theirs.firm.id)).all()
    assert ask(f"/invited/{theirs.token}") == 303, "who was given the whole link is whom it was given to"


def test_a_search_finds_nobody_of_the_other(app: Flask, session: Session, firms: tuple[Firm, Firm]) -> None:
    mine, theirs = firms
    browser = app.test_client()
    callers.forget_last_request()
    headers = people.signed_in(browser, session, mine.head)
    for path in (
        "/people?search=", "/organisations/choose?search=", f"/organisations/{mine.firm.id}/roles?search=",
        f"/organisations/{mine.shop.id}/move?search=", "/organisations/all?search=",
    ):  # fmt: skip
        callers.forget_last_request()
        page = browser.get(path + theirs.mark, headers=headers | {"Accept": "text/html"}).get_data(as_text=True)
        for word in ("工人", "enterprise", "workshop", "principal"):
            assert theirs.mark + word not in page, path
