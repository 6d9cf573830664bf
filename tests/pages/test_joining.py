"""A flexible worker joins by a poster, sees who sees what, and leaves; a clerk moves, sends away, brings back, ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people import consents, organisations
from elearn.people.joining.models import Joining, JoiningLink, State
from elearn.people.models import (
    Account,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    Placement,
    Role,
)
from elearn.training.telling.messages import Kind, Message
from tests import builders_people as people
from tests.conftest import ManualClock
from tests.pages.conftest import Browser, World, text_of, token_in

Open = Callable[[Account | None], Browser]
PASSWORD = "correct horse 7"


@pytest.fixture
def workshop(session: Session, world: World) -> Organisation:
    made = organisations.add_organisation(
        session,
        kind=OrganisationKind.ENTERPRISE,
        level=OrganisationLevel.WORKSHOP,
        parent_id=world.enterprise.id,
        name="焊接车间",
        at=people.AT,
    )
    session.commit()
    return made


def makes_link(clerk: Browser, world: World, unit: Organisation, **different: object) -> str:
    """The path that the poster leads to."""
    form = {
        "organisation": str(world.enterprise.id), "unit": str(unit.id), "kind": "flexible", "post": "焊工",
        "category": "", "from_on": "2026-07-01", "until_on": "2026-07-30", "most_uses": "3", "confirms": "clerk",
        **different,
    }  # fmt: skip
    answer = clerk.post("/people/joining/new", form)
    assert answer.status_code == 303, text_of(answer)
    poster = clerk.get(answer.location)
    assert "<svg" in poster.text
    found = re.search(r"http://localhost(/join/[\w-]{22})", text_of(poster))
    assert found is not None
    return found[1]


def a_stranger(browser: Open, path: str) -> Browser:
    """Nobody is signed in; the page's own token is at hand."""
    fresh = browser(None)
    fresh.token = token_in(fresh.get(path))
    return fresh


def registration(**different: str) -> dict[str, object]:
    return {
        "name": "钱七", "document_kind": "resident_id", "document_number": people.a_resident_id(), "phone": "",
        "account": "qian.qi", "password": PASSWORD, "agree": "yes", **different,
    }  # fmt: skip


def test_a_worker_registers_at_the_gate_is_confirmed_and_decides_what_is_seen(
    world: World, session: Session, browser: Open, workshop: Organisation
) -> None:
    clerk = browser(world.clerk)
    assert "No code yet" in clerk.page("/people/joining")
    path = makes_link(clerk, world, workshop)
    worker = a_stranger(browser, path)
    page = worker.page(path)
    for sentence in (
        "Join 云岭建设有限公司",
        "云岭建设有限公司 / 焊接车间",
        "焊工",
        "whether you work for anybody else",
    ):
        assert sentence in page

    bad = {
        "name": ({"name": ""}, "Please fill this in."),
        "number": ({"document_number": "11010519491231002"}, "does not have the form"),
        "digit": ({"document_number": "110105194912310021"}, "its check digit is wrong"),
        "sign-in": ({"account": "", "phone": ""}, "A phone number or an account name is needed"),
        "phone": ({"account": "", "phone": "123"}, "This is not a phone number."),
        "account": ({"account": "1"}, "An account name has 3 to 64"),
        "password": ({"password": "12345678"}, "easy to guess"),
        "agreement": ({"agree": ""}, "tick the box"),
        "taken": ({"account": "li.ming"}, "taken"),
    }
    persons_before = session.scalar(sa.text("SELECT count(*) FROM elearn.person"))
    for name, (wrong, sentence) in bad.items():
        answer = worker.post(f"{path}/new", registration(**wrong))
        assert answer.status_code == 422, name
        assert sentence in text_of(answer), name
        assert PASSWORD not in answer.text, name
    assert session.scalar(sa.text("SELECT count(*) FROM elearn.person")) == persons_before, "nothing half done"

    answer = worker.post(f"{path}/new", registration())
    assert (answer.status_code, answer.location) == (303, "/")
    assert "has to confirm you now" in worker.page("/")
    assert "waits for a clerk" in worker.page("/me/employers")
    assert session.scalar(sa.select(Message.facts).where(Message.kind == Kind.JOIN_ASKED)) == {
        "organisation": "云岭建设有限公司",
        "count": 1,
    }
    came = session.scalars(sa.select(Joining)).one()
    link = f"/people/joining/{came.link_id}"
    listed = clerk.page(link)
    assert "钱七 registered here" in listed
    assert "waits for you" in listed
    assert re.search(r"\d{3}\*{13}\w{2}", listed), "masked"
    assert clerk.post(f"{link}/came/{came.id}", {"answer": "perhaps"}).status_code == 400
    assert clerk.post(f"{link}/came/{came.id}", {"answer": "accept"}).status_code == 303
    assert "belongs to you" in clerk.page(link)
    assert "decided already" in text_of(
        clerk.client.get(clerk.post(f"{link}/came/{came.id}", {"answer": "refuse"}).location)
    )
    told = session.scalars(sa.select(Message).where(Message.person_id == came.person_id)).one()
    assert told.kind is Kind.JOINED

    own = worker.page("/me/employers")
    assert "云岭建设有限公司 / 焊接车间 · 焊工" in own
    assert "not: hours that you earned elsewhere" in own
    allow = f"/me/employers/{came.membership_id}/hours"
    enterprise = world.enterprise.id
    worker.token = token_in(worker.get("/me/employers"))
    today = date(2026, 7, 1)
    for given, seen in (("yes", {came.person_id}), ("yes", {came.person_id}), ("no", set())):
        assert worker.post(allow, {"given": given}).status_code == 303
        assert consents.may_see_elsewhere(session, enterprise, [came.person_id], on=today) == seen
    assert worker.post(allow, {"given": ""}).status_code == 400
    assert "Leave 云岭建设有限公司?" in worker.page(f"/me/employers/{came.membership_id}/leave")
    assert worker.post(f"/me/employers/{came.membership_id}/leave").status_code == 303
    assert "Today is your last day there." in worker.page("/me/employers")
    assert worker.post(f"/me/employers/{came.membership_id}/leave").status_code == 404, "once"
    left = session.scalars(sa.select(Message).where(Message.kind == Kind.LEFT)).one()
    assert left.person_id == world.clerk.person_id
    assert "Left of their own accord" in clerk.page(f"/people/{came.person_id}")


def test_whoever_has_an_account_joins_with_one_press_and_refusing_hours_costs_nothing(
    world: World, session: Session, browser: Open, workshop: Organisation, clock: ManualClock
) -> None:
    clerk = browser(world.other_clerk)
    answer = clerk.get("/people/joining/new")
    assert answer.status_code == 200
    path = makes_link(browser(world.clerk), world, workshop, confirms="link", most_uses="1")
    worker = browser(world.stranger)
    assert "You are signed in as" in worker.page(path)
    assert worker.post(path).status_code == 422, "not without having read what is seen"
    assert worker.post(path, {"agree": "yes"}).status_code == 303
    made = session.scalars(sa.select(Membership).where(Membership.person_id == world.stranger.person_id)).one()
    assert made.kind is EmploymentKind.FLEXIBLE
    assert consents.who_sees_elsewhere(session, world.stranger.person_id, on=date(2026, 7, 1)) == set()
    again = worker.post(path, {"agree": "yes"})
    assert again.location == "/me/employers", "belongs to it already"
    other = browser(world.operator)
    assert "As many people as this link is for" in other.page(path, 410)
    session.execute(sa.update(JoiningLink).values(most_uses=9))
    session.commit()
    link_id = session.scalars(sa.select(JoiningLink.id)).one()
    keeper = browser(world.clerk)
    assert keeper.post(f"/people/joining/{link_id}/withdraw").status_code == 303
    assert "withdrawn" in keeper.page(f"/people/joining/{link_id}")
    assert keeper.get(f"/people/joining/{link_id}/poster").status_code == 404
    assert "Your employer has withdrawn this link." in browser(None).page(path, 410)
    assert other.post(path, {"agree": "yes"}).status_code == 410
    assert "no link of ours" in browser(None).page("/join/AAAAAAAAAAAAAAAAAAAAAA", 404)
    assert browser(None).get("/join/AAAAAAAAAAAAAAAAAAAAAA").headers["Referrer-Policy"] == "no-referrer"
    later = makes_link(keeper, world, workshop, from_on="2026-07-03")
    assert "opens later" in browser(None).page(later, 410)
    clock.advance(40 * 86_400_000)
    assert "time of this link is over" in browser(None).page(later, 410)


def test_a_code_is_made_only_with_what_it_needs(world: World, browser: Open, workshop: Organisation) -> None:
    clerk = browser(world.clerk)
    base = {
        "organisation": str(world.enterprise.id), "unit": str(workshop.id), "kind": "flexible", "post": "",
        "category": "", "from_on": "2026-07-01", "until_on": "2026-07-30", "most_uses": "3",
    }  # fmt: skip
    for wrong, status, sentence in (
        ({"unit": ""}, 422, "Please fill this in."),
        ({"until_on": "2026-06-30"}, 422, "at least a day"),
        ({"until_on": "soon"}, 422, "A date has the form"),
        ({"most_uses": "0"}, 422, "1 to 20000 people"),
        ({"most_uses": "many"}, 422, "whole number"),
        ({"post": "x" * 101}, 422, "at most 100 characters"),
        ({"kind": "trainee"}, 422, "Nobody joins an enterprise in this way."),
        ({"kind": "owner"}, 400, "out of date"),
        ({"category": "no_such"}, 400, "out of date"),
        ({"unit": str(world.other_enterprise.id)}, 404, "does not exist"),
        ({"unit": "x"}, 400, "out of date"),
        ({"organisation": str(world.other_enterprise.id)}, 404, "no such organisation"),
    ):
        answer = clerk.post("/people/joining/new", {**base, **wrong})
        assert answer.status_code == status, wrong
        assert sentence in text_of(answer), wrong
    assert "No code yet" in clerk.page("/people/joining")


def test_a_clerk_moves_sends_away_brings_back_and_ends_each_with_its_day_and_reason(
    world: World, session: Session, browser: Open, workshop: Organisation
) -> None:
    clerk, person_id = browser(world.clerk), world.worker.person_id
    page = f"/people/{person_id}"
    assert "李明" in clerk.page(page)
    membership = session.scalars(
        sa.select(Membership).where(
            Membership.person_id == person_id, Membership.organisation_id == world.enterprise.id
        )
    ).one()
    act = f"{page}/employments/{membership.id}"
    move = {"unit": str(workshop.id), "post": "焊工", "category": "", "on": "2026-06-01", "reason": "work"}
    for path, form, status, sentence in (
        ("moved", {**move, "on": ""}, 422, "Please fill this in."),
        ("moved", {**move, "on": "2025-01-01"}, 422, "before the present post"),
        ("moved", {**move, "unit": ""}, 422, "Please choose a unit."),
        ("moved", {**move, "unit": str(world.other_enterprise.id)}, 422, "does not exist"),
        ("moved", {**move, "post": "x" * 101}, 422, "at most 100 characters"),
        ("moved", {**move, "reason": "dismissed"}, 400, "out of date"),
        ("moved", {**move, "category": "no_such"}, 422, "out of date"),
        ("back", {"on": "2026-06-03"}, 422, "not away"),
        ("ended", {"on": "2025-01-01", "reason": "resigned"}, 422, "before the first"),
        ("left", {"on": "2026-06-03"}, 404, "does not exist, or you may not"),
    ):
        answer = clerk.post(f"{act}/{path}", {**form})
        assert answer.status_code == status, (path, form)
        assert sentence in text_of(answer), (path, form)
    for path, form in (
        ("moved", move),
        ("moved", {**move, "on": "2026-06-05"}),
        ("away", {"on": "2026-06-10", "reason": "leave"}),
        ("back", {"on": "2026-06-20"}),
        ("away", {"on": "2026-06-25", "reason": "stoppage"}),
        ("back", {"on": "2026-06-28"}),
        ("ended", {"on": "2026-07-01", "reason": "resigned"}),
    ):
        assert clerk.post(f"{act}/{path}", {**form}).status_code == 303, (path, form)
    said = clerk.page(page)
    for line in (
        "云岭建设有限公司 / 焊接车间 · 焊工 Jun 1, 2026 – Jul 1, 2026",
        "Another post, Jun 1, 2026: The work asks for it",
        "Away from the post, Jun 10, 2026: On leave",
        "Employment ended, Jul 1, 2026: Resigned",
    ):
        assert line in said, line
    assert said.count("Another post, ") == 1, "the same place again is no act"
    places = session.scalars(sa.select(Placement).where(Placement.membership_id == membership.id)).all()
    assert {one.to_on for one in places} == {date(2026, 5, 31), date(2026, 7, 1)}


def test_a_principal_reads_and_a_clerk_of_a_workshop_reaches_only_it(
    world: World, session: Session, browser: Open, workshop: Organisation
) -> None:
    principal = browser(people.an_account(session, Role.PRINCIPAL, organisation_id=world.enterprise.id))
    below = browser(people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=workshop.id))
    session.commit()
    path = makes_link(browser(world.clerk), world, world.enterprise)
    link_id: UUID = session.scalars(sa.select(JoiningLink.id)).one()
    link = f"/people/joining/{link_id}"
    assert "Poster" not in principal.page(link)
    assert principal.post(f"{link}/withdraw").status_code == 403
    assert principal.get(f"{link}/poster").status_code == 403
    assert "End the employment" not in principal.page(f"/people/{world.worker.person_id}")
    for address in (link, f"{link}/poster", f"/people/{world.worker.person_id}"):
        assert below.get(address).status_code == 404, address
    assert str(link_id) not in below.get("/people/joining").text
    assert path
    assert session.scalars(sa.select(Joining).where(Joining.state == State.JOINED.value)).all() == []
