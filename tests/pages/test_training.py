"""An enterprise's training over HTTP: programmes, rules, assignments, signatures, the learner's own; nobody else's."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.people.models import Account, Membership, Person, Role
from elearn.training import assigning, settling, three_level
from elearn.training.models import Assignment, AssignRule, AssignRun, LevelSignoff, Occasion, Programme, Purpose, State
from tests import builders_people as people
from tests.builders_training import HOUR_MS, Works, a_works
from tests.conftest import ManualClock
from tests.credit_export.archive.school import a_drawing
from tests.hours import credit_all
from tests.pages.conftest import Browser, text_of

Opens = Callable[[Account | None], Browser]
Sent = dict[str, object]
DRAWING = base64.urlsafe_b64encode(a_drawing()).decode().rstrip("=")


@dataclass
class Desk:
    works: Works
    clerk: Account
    principal: Account
    workshop_clerk: Account
    other: Account
    """A clerk of another enterprise."""


@pytest.fixture
def desk(session: Session) -> Desk:
    works, elsewhere = a_works(session), a_works(session)

    def staff(role: Role, node: UUID) -> Account:
        return people.an_account(session, role, organisation_id=node)

    return Desk(
        works,
        staff(Role.ENTERPRISE_CLERK, works.enterprise.id),
        staff(Role.PRINCIPAL, works.enterprise.id),
        staff(Role.SAFETY_MANAGER, works.workshop.id),
        staff(Role.ENTERPRISE_CLERK, elsewhere.enterprise.id),
    )


def only(session: Session, membership: Membership) -> Assignment:
    session.expire_all()
    return session.scalars(sa.select(Assignment).where(Assignment.membership_id == membership.id)).one()


def test_a_clerk_makes_a_programme_and_a_rule_and_sees_who_is_late(
    session: Session, desk: Desk, browser: Opens, clock: ManualClock
) -> None:
    works, clerk = desk.works, browser(desk.clerk)
    course, _unit = works.course(title="班组安全")
    today = clock.now.date()
    member = works.hire(from_on=today, post="电工")
    assert "Begin with a programme" in clerk.page("/training")
    good: Sent = {
        "title": "入厂教育", "purpose": "campaign", "courses": [str(course.id)], "required": "1", "due_days": "30",
    }  # fmt: skip
    bad: list[tuple[Sent, str]] = [
        ({"title": " "}, "Please fill this in"),
        ({"title": "长" * 101}, "1 to 100 characters"),
        ({"purpose": "x"}, "Please fill this in"),
        ({"courses": []}, "at least one course"),
        ({"courses": [str(new_id())]}, "not offered to enterprises"),
        ({"required": "1.5"}, "More time is asked"),
        ({"required": "-1"}, "a number from 0"),
        ({"due_days": "9999"}, "a number from 0"),
    ]
    for wrong, said in bad:
        answer = clerk.post("/training/programmes/new", good | wrong)
        assert answer.status_code == 422, wrong
        assert said in text_of(answer), wrong
    assert session.scalars(sa.select(Programme)).all() == []
    assert clerk.post("/training/programmes/new", good | {"courses": ["x"]}).status_code == 400
    made = clerk.post("/training/programmes/new", good)
    assert made.status_code == 303
    programme = session.scalars(sa.select(Programme)).one()
    assert (programme.required_ms, programme.organisation_id) == (HOUR_MS, works.enterprise.id)
    assert "班组安全" in clerk.page(made.location)

    rule: Sent = {"title": "新人", "occasion": "hire", "from_on": "2026-06-01", "programme-1": str(programme.id),
            "bars_post": "1", "posts": "电工，焊工"}  # fmt: skip
    bad = [
        ({"occasion": ""}, "Please fill this in"),
        ({"from_on": "yesterday"}, "A date has the form"),
        ({"programme-1": ""}, "one to ten programmes"),
        ({"programme-1": str(new_id())}, "one to ten programmes"),
        ({"occasion": "yearly"}, "calendar or the anniversary"),
        ({"due_days": "x"}, "a number from 0"),
        ({"occasion": "by_hand"}, "Choose an occasion"),
    ]
    for wrong, said in bad:
        answer = clerk.post("/training/rules/new", rule | wrong)
        assert answer.status_code == 422, wrong
        assert said in text_of(answer), wrong
    assert session.scalars(sa.select(AssignRule)).all() == []
    made = clerk.post("/training/rules/new", rule)
    assert made.status_code == 303
    assert "waits for its turn" in clerk.page(made.location)
    run = session.scalars(sa.select(AssignRun)).one()
    assigning.carry_out(session, run.id, now=clock.now)
    assert "1 newly assigned" in clerk.page(made.location)
    assert session.get_one(AssignRule, run.rule_id).posts == ["电工", "焊工"]
    assert clerk.post(f"{made.location}/run").status_code == 303

    held = only(session, member)
    name = session.get_one(Person, member.person_id).name
    assert (held.due_on, held.bars_post) == (today + timedelta(days=30), True)
    for show, there in [("open", True), ("leave", True), ("late", False), ("done", False), ("nonsense", True)]:
        assert (name in clerk.page(f"/training/assignments?show={show}")) is there, show
    clock.advance(31 * 24 * HOUR_MS)
    clerk = browser(desk.clerk)
    assert name in clerk.page("/training")
    for query, there in [
        ("show=late", True), (f"unit={works.team.id}", True), ("kind=flexible", False), ("purpose=yearly", False),
        ("name=%E6%97%A0", False), (f"programme={programme.id}", True), ("kind=no&unit=no&programme=no", True),
    ]:  # fmt: skip
        assert (name in clerk.page(f"/training/assignments?{query}")) is there, query
    sheet = clerk.get("/training/assignments.xlsx?show=late")
    [head, row] = openpyxl.load_workbook(io.BytesIO(sheet.data)).worksheets[0].iter_rows(values_only=True)
    assert (head[0], row[0], row[4], row[9]) == ("Name", name, "入厂教育", "yes")
    assert "入厂教育" in browser(desk.principal).page(f"/training/members/{member.id}")
    assert clerk.post(f"/training/assignments/{held.id}/withdraw").status_code == 303
    assert only(session, member).state is State.WITHDRAWN
    assert "done or withdrawn already" in text_of(
        clerk.get(clerk.post(f"/training/assignments/{held.id}/withdraw").location)
    )
    assert clerk.post(f"/training/rules/{run.rule_id}/close").status_code == 303
    assert clerk.post(f"/training/rules/{run.rule_id}/run").status_code == 409
    assert clerk.post(f"/training/programmes/{programme.id}/close").status_code == 303
    assert "closed" in clerk.page(f"/training/programmes/{programme.id}")


def test_a_member_is_assigned_by_hand(session: Session, desk: Desk, browser: Opens, clock: ManualClock) -> None:
    works, clerk = desk.works, browser(desk.clerk)
    member, programme = works.hire(), works.programme()
    where = f"/training/members/{member.id}"
    day = clock.now.date()
    bad: list[tuple[Sent, int]] = [
        ({"programme": ""}, 422), ({"programme": "x"}, 400), ({"programme": str(new_id())}, 404),
        ({"programme": str(programme.id), "due_on": (day - timedelta(days=1)).isoformat()}, 422),
    ]  # fmt: skip
    for wrong, status in bad:
        assert clerk.post(where, wrong).status_code == status, wrong
    good: Sent = {"programme": str(programme.id), "due_on": (day + timedelta(days=3)).isoformat(), "bars_post": "1"}
    assert clerk.post(where, good).status_code == 303
    held = only(session, member)
    assert (held.occasion, held.due_on, held.bars_post) == (Occasion.BY_HAND, day + timedelta(days=3), True)
    assert "under way already" in text_of(clerk.get(clerk.post(where, good).location))
    assert only(session, member).id == held.id
    learner = people.an_account(session, person=works.learner(member, programme).person)
    seen = browser(learner).page("/my-training")
    assert programme.title in seen
    assert "Still 1 h" in seen


def test_nobody_of_another_enterprise_or_beside_the_tree_sees_anything(
    session: Session, desk: Desk, browser: Opens, clock: ManualClock
) -> None:
    works = desk.works
    member, beside = works.hire(), works.hire(unit=works.enterprise)
    programme, level = works.programme(), works.programme(Purpose.THREE_LEVEL_TEAM)
    rule = works.rule(Occasion.CAMPAIGN, [programme, level], from_on=date(2026, 6, 20))
    run = assigning.run(session, rule.id, by=None, at=clock.now)
    assigning.carry_out(session, run.id, now=clock.now)
    mine, theirs = (
        session.scalars(sa.select(Assignment).where(Assignment.membership_id == one.id, Assignment.position == 2)).one()
        for one in (member, beside)
    )
    other, low, principal = browser(desk.other), browser(desk.workshop_clerk), browser(desk.principal)
    reads = [
        f"/training/members/{member.id}", f"/training/members/{member.id}/card.pdf",
        f"/training/programmes/{programme.id}", f"/training/rules/{rule.id}",
        f"/training?organisation={works.enterprise.id}", f"/training/assignments?organisation={works.enterprise.id}",
        f"/training/assignments?unit={works.team.id}", f"/training/assignments.xlsx?organisation={works.team.id}",
        f"/training/sign?organisation={works.team.id}", f"/my-training/{mine.id}", f"/my-training/{member.id}/card.pdf",
    ]  # fmt: skip
    writes: list[tuple[str, dict[str, object]]] = [
        (f"/training/assignments/{mine.id}/withdraw", {}),
        (f"/training/members/{member.id}", {"programme": str(programme.id)}),
        (f"/training/programmes/{programme.id}/close", {}),
        (f"/training/rules/{rule.id}/run", {}),
        (f"/training/rules/{rule.id}/close", {}),
        ("/training/sign", {"who": str(mine.id), "drawing": DRAWING}),
        (f"/my-training/{mine.id}", {"digest": "0" * 64, "drawing": DRAWING}),
        ("/training/programmes/new", {"organisation": str(works.enterprise.id), "title": "x"}),
    ]
    for path in reads:
        assert other.get(path).status_code == 404, path
    for path, form in writes:
        assert other.post(path, form).status_code == 404, path
    assert low.get(f"/training/members/{beside.id}").status_code == 404, "beside its tree"
    assert low.post(f"/training/assignments/{theirs.id}/withdraw").status_code == 404
    assert low.get(f"/training/programmes/{programme.id}").status_code == 200, "what lies above is read"
    assert low.post(f"/training/programmes/{programme.id}/close").status_code == 404
    assert low.post(f"/training/rules/{rule.id}/run").status_code == 404
    people_there = low.page("/training/assignments")
    assert works.learner(member, programme).person.name in people_there
    assert works.learner(beside, programme).person.name not in people_there
    for path, form in writes[:6]:
        assert principal.post(path, form).status_code in (403, 404), "who reads changes nothing"
    assert {one.state for one in session.scalars(sa.select(Assignment))} == {State.OPEN, State.WAITING}


def test_two_people_sign_a_level_and_the_card_says_so(
    session: Session, desk: Desk, browser: Opens, clock: ManualClock
) -> None:
    works = desk.works
    levels = works.three_levels()
    works.rule(Occasion.HIRE, levels)
    member = works.hire(from_on=clock.now.date())
    assigning.catch_up(session, now=clock.now)
    watching = works.learner(member, levels[0])
    learner = people.an_account(session, person=watching.person)
    mine, clerk = browser(learner), browser(desk.workshop_clerk)
    first = session.scalars(sa.select(Assignment).where(Assignment.programme_id == levels[0].id)).one()
    page = f"/my-training/{first.id}"
    assert "Not yet to be signed" in mine.page(page)
    assert "Test no test" in mine.page(page), "what there is not is not passed either"
    digest = three_level.to_sign(session, first.id).digest
    assert mine.post(page, {"digest": digest, "drawing": DRAWING}).status_code == 303
    assert session.scalars(sa.select(LevelSignoff)).all() == [], "nothing is learned yet"
    watching.watch(ms=HOUR_MS)
    credit_all(session, now=clock.now)
    settling.settle(session, now=clock.now)
    session.expire_all()
    assert first.state is State.OPEN, "two people have to sign"
    assert "Sign that you learned it" in mine.page("/my-training")
    assert mine.post(page, {"digest": digest, "drawing": DRAWING}).status_code == 303
    assert session.scalars(sa.select(LevelSignoff)).all() == [], "the hours changed since"
    digest = three_level.to_sign(session, first.id).digest
    assert mine.post(page, {"digest": digest, "drawing": ""}).status_code == 422
    assert mine.post(page, {"digest": digest, "drawing": "AAAA"}).status_code == 422
    assert mine.post(page, {"digest": digest, "drawing": DRAWING}).status_code == 303
    session.expire_all()
    assert first.state is State.OPEN
    assert watching.person.name in clerk.page("/training/sign")
    asked: Sent = {"who": [str(first.id)], "drawing": DRAWING, "on_site": "4.5", "note": "车间"}
    bad: list[tuple[Sent, str]] = [
        ({"who": []}, "at least one person"),
        ({"drawing": ""}, "sign with your finger"),
        ({"on_site": "101"}, "0 to 100"),
        ({"on_site": "4.55"}, "one place after the point"),
        ({"note": "长" * 301}, "at most 300"),
    ]
    for wrong, said in bad:
        answer = clerk.post("/training/sign", asked | wrong)
        assert answer.status_code == 422, wrong
        assert said in text_of(answer), wrong
    both = people.an_account(session, Role.SAFETY_MANAGER, organisation_id=works.team.id)
    own = works.hire(person_id=both.person_id, from_on=clock.now.date())
    assigning.catch_up(session, now=clock.now)
    theirs = session.scalars(
        sa.select(Assignment).where(Assignment.membership_id == own.id, Assignment.position == 1)
    ).one()
    session.execute(sa.update(Assignment).where(Assignment.id == theirs.id).values(credited_ms=HOUR_MS))
    assert "Somebody else signs for you" in text_of(
        browser(both).post("/training/sign", asked | {"who": [str(theirs.id), str(first.id)]})
    )
    assert len(session.scalars(sa.select(LevelSignoff)).all()) == 1, "all of them, or none"
    assert clerk.post("/training/sign", asked).status_code == 303
    assert session.get_one(Assignment, first.id, populate_existing=True).state is State.DONE
    second = session.scalars(
        sa.select(Assignment).where(Assignment.membership_id == member.id, Assignment.position == 2)
    ).one()
    assert second.state is State.OPEN
    assert "on site, as stated: 4 h 30 min" in mine.page(page)
    for reader, path in (
        (mine, f"/my-training/{member.id}/card.pdf"),
        (clerk, f"/training/members/{member.id}/card.pdf"),
    ):
        card = reader.get(path)
        assert (card.status_code, card.mimetype, card.data[:5]) == (200, "application/pdf", b"%PDF-")
