"""An organisation's page: its tree, its units, its offices, links that let in staff, and for whom somebody acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.people import callers, organisations, placements
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
from elearn.people.offices.models import Invitation, OrganisationAct
from elearn.people.roles import grant_role
from tests import builders_people as people
from tests.conftest import ManualClock, statements
from tests.pages.conftest import Browser, World, text_of, token_in

GROUP, ENTERPRISE, WORKSHOP, TEAM = OrganisationLevel
At = Callable[[Account | None], Browser]


def a_unit(session: Session, level: OrganisationLevel, name: str, parent: Organisation | None = None) -> Organisation:
    return organisations.add_organisation(
        session,
        kind=OrganisationKind.ENTERPRISE,
        level=level,
        parent_id=parent.id if parent else None,
        name=name,
        at=people.AT,
    )


def the_unit(session: Session, name: str) -> Organisation:
    return session.scalars(sa.select(Organisation).where(Organisation.name == name)).one()


def staff(session: Session, role: Role, at: Organisation, name: str) -> Account:
    person = people.a_person(session, name=name)
    return people.an_account(session, role, organisation_id=at.id, person=person)


def stands(session: Session, employer: Organisation, unit: Organisation, name: str) -> Account:
    account = people.an_account(session, person=people.a_person(session, name=name))
    kind, first = EmploymentKind.EMPLOYEE, date(2026, 1, 1)
    organisations.join(session, account.person_id, employer.id, kind, first, at=people.AT, unit_id=unit.id, post="焊工")
    return account


def test_an_operator_opens_an_enterprise_and_its_clerk_builds_the_tree(
    world: World, browser: At, session: Session
) -> None:
    operator = browser(world.operator)
    assert "云岭建设有限公司" in operator.page("/organisations/all?search=云岭")
    wrong = operator.post("/organisations/new", {"level": "enterprise", "name": " ", "region": "53"})
    assert (wrong.status_code, "Please fill this in" in wrong.text) == (422, True)
    for form, sentence in (
        ({"level": "enterprise", "name": "哀牢山矿业", "region": "53"}, "six digits"),
        ({"level": "enterprise", "name": "哀牢山矿业", "credit_code": "123"}, "18 letters and digits"),
    ):
        wrong = operator.post("/organisations/new", form)
        assert wrong.status_code == 422
        assert sentence in text_of(wrong)
    assert operator.post("/organisations/new", {"level": "team", "name": "x"}).status_code == 400
    asked = {
        "level": "enterprise",
        "name": "哀牢山矿业",
        "region": "532500",
        "credit_code": "91310115MA1H8R7C6D",
    }
    made = operator.post("/organisations/new", asked)
    mine = the_unit(session, "哀牢山矿业")
    assert made.location.endswith(str(mine.id))
    assert "check character does not hold" in operator.page(made.location), "warned, not refused"
    assert "already registered" in text_of(operator.post("/organisations/new", asked))

    clerk = browser(staff(session, Role.ENTERPRISE_CLERK, mine, "施文"))
    assert "No units yet" in clerk.page("/organisations")
    at = f"/organisations/{mine.id}"
    for level, name in (("workshop", "选矿车间"), ("enterprise", "哀牢山运输")):
        assert clerk.post(f"{at}/units/new", {"level": level, "name": name}).status_code == 303
    shop = the_unit(session, "选矿车间")
    assert clerk.post(f"/organisations/{shop.id}/units/new", {"level": "team", "name": "破碎一班"}).status_code == 303
    assert clerk.post(f"/organisations/{shop.id}/units/new", {"level": "enterprise", "name": "x"}).status_code == 400
    stands(session, mine, the_unit(session, "破碎一班"), "李四")
    session.commit()
    seen = clerk.page("/organisations")
    assert "选矿车间 Workshop 1 people 破碎一班 Team 1 people" in seen
    assert "哀牢山运输 Enterprise 0 people" in seen
    renamed = clerk.post(f"/organisations/{shop.id}/edit", {"name": "选矿一车间", "region": "", "credit_code": ""})
    assert renamed.status_code == 303
    assert clerk.post(f"/organisations/{shop.id}/edit", {"name": "选矿一车间", "region": "9"}).status_code == 422

    history = clerk.page(f"{at}/history")
    for sentence in ("Name: 选矿车间 → 选矿一车间", "Opened as 破碎一班", "施文 was given the role Enterprise clerk"):
        assert sentence in history


def test_units_move_inside_their_employer_and_close_when_nobody_stands_there(
    world: World, browser: At, session: Session
) -> None:
    group = a_unit(session, GROUP, "金沙集团")
    one, two = a_unit(session, ENTERPRISE, "金沙一公司", group), a_unit(session, ENTERPRISE, "金沙二公司", group)
    shop, team = a_unit(session, WORKSHOP, "一车间", one), None
    team = a_unit(session, TEAM, "一班", shop)
    other_shop = a_unit(session, WORKSHOP, "二车间", one)
    worker = stands(session, one, team, "李四")
    clerk = browser(staff(session, Role.ENTERPRISE_CLERK, group, "施文"))
    below = browser(staff(session, Role.ENTERPRISE_CLERK, shop, "毛毛"))
    session.commit()

    def move(unit: Organisation, to: Organisation, who: Browser = clerk) -> tuple[int, str]:
        got = who.post(f"/organisations/{unit.id}/move", {"parent": str(to.id)})
        return got.status_code, text_of(got)

    def close(unit: Organisation, who: Browser = clerk) -> str:
        got = who.post(f"/organisations/{unit.id}/close")
        assert got.status_code == 303
        return who.page(got.location)

    offered = clerk.page(f"/organisations/{team.id}/move")
    assert "金沙集团 › 金沙一公司 › 二车间" in offered
    status, said = move(shop, two)
    assert (status, "stays with that employer" in said) == (422, True)
    assert move(team, other_shop)[0] == 303
    assert move(team, shop)[0] == 303
    status, said = move(shop, team)
    assert status == 422
    status, said = move(one, two)
    assert status == 303, "a legal entity takes its people along"
    status, said = move(two, one)
    assert (status, "below itself" in said) == (422, True)
    assert move(one, group)[0] == 303
    for unit, to in ((shop, other_shop), (team, world.other_enterprise)):
        assert move(unit, to, below)[0] == 404, "nobody moves their own node, or to where they keep nothing"
    assert below.post(f"/organisations/{shop.id}/close").status_code == 404
    assert clerk.post(f"/organisations/{group.id}/close").status_code == 404, "a top is closed by an operator"

    assert "open units below" in close(shop)
    assert "People are placed there" in close(team)
    membership = session.scalars(sa.select(Membership).where(Membership.person_id == worker.person_id)).one()
    placements.move(
        session, membership.id, unit_id=other_shop.id, post="", category=None, from_on=date(2026, 6, 1), at=people.AT
    )
    assert "一班 is closed." in close(team)
    assert move(shop, two)[0] == 422, "somebody stood there once"
    assert clerk.post(f"/organisations/{team.id}/edit", {"name": "新名"}).status_code == 422
    with pytest.raises(sa.exc.IntegrityError, match="closed unit"), session.begin_nested():
        session.execute(
            sa.text("UPDATE elearn.placement SET unit_id = :unit WHERE to_on IS NULL AND membership_id = :one"),
            {"unit": team.id, "one": membership.id},
        )


def test_a_large_tree_is_one_query_and_leaves_levels_off_from_below(
    world: World, browser: At, session: Session
) -> None:
    shops = [a_unit(session, WORKSHOP, f"车间{number:02}", world.enterprise) for number in range(20)]
    for number in range(400):
        a_unit(session, TEAM, f"班{number:03}", shops[number % 20])
    session.commit()
    clerk = browser(world.clerk)
    with statements(session) as sent:
        page = clerk.page("/organisations")
    assert "20 units below" in page
    assert "班001" not in page
    assert sum("organisation_tree" in one for one in sent) <= 5
    assert "班001" in clerk.page(f"/organisations/{shops[1].id}")


def test_the_organisation_one_acts_for_is_chosen_kept_and_never_anybody_elses(
    world: World, browser: At, session: Session
) -> None:
    shop = a_unit(session, WORKSHOP, "一车间", world.enterprise)
    second = a_unit(session, ENTERPRISE, "洱源水泥")
    grant_role(session, world.clerk.id, Role.SAFETY_MANAGER, organisation_id=second.id, at=people.AT)
    grant_role(session, world.clerk.id, Role.INSTITUTION_MANAGER, organisation_id=world.institution.id, at=people.AT)
    session.commit()
    clerk = browser(world.clerk)
    assert "You act for 云岭建设有限公司 change" in clerk.page("/people")
    offered = clerk.page("/organisations/choose?next=/people")
    assert "洱源水泥" in offered
    assert "一车间" not in offered
    assert "云岭建设有限公司 › 一车间" in clerk.page("/organisations/choose?search=车间")

    got = clerk.post("/organisations/choose", {"organisation": str(shop.id), "next": "/people"})
    assert got.location == "/people"
    assert "You act for 云岭建设有限公司 › 一车间 change" in clerk.page("/people")
    assert "一车间" in clerk.page("/people/new")
    assert "滇池安全培训中心" in clerk.page("/teaching"), "a page of institutions falls back to one"
    assert "洱源水泥" in clerk.page(f"/people?organisation={second.id}")
    assert "一车间" in clerk.page("/people"), "looking at another one chooses nothing"
    for wanted in (world.other_enterprise.id, "", "x", UUID(int=0)):
        clerk.page(f"/people?organisation={wanted}", 404)
        assert clerk.post("/organisations/choose", {"organisation": str(wanted)}).status_code in (400, 404)
    assert "一车间" in clerk.page("/people")
    clerk.post("/organisations/choose", {"organisation": str(second.id), "next": "https://evil.example/"})
    session.execute(sa.update(RoleGrant).where(RoleGrant.organisation_id == second.id).values(revoked_at=people.AT))
    assert "云岭建设有限公司" in clerk.page("/people"), "a role that is gone is no choice any more"


def test_roles_are_given_and_withdrawn_by_those_who_may(world: World, browser: At, session: Session) -> None:
    shop = a_unit(session, WORKSHOP, "一车间", world.enterprise)
    head = staff(session, Role.PRINCIPAL, world.enterprise, "施文")
    worker = stands(session, world.enterprise, shop, "段正")
    stranger = world.stranger
    session.commit()
    principal, clerk, shopclerk = browser(head), browser(world.clerk), browser(worker)
    at, below = f"/organisations/{world.enterprise.id}/roles", f"/organisations/{shop.id}/roles"

    def give(who: Browser, where: str, account: Account, role: Role) -> int:
        return who.post(f"{where}/give", {"account": str(account.id), "role": role.value}).status_code

    assert "段正" in principal.page(f"{at}?search=段")
    assert "Nobody of this name" in principal.page(f"{at}?search=李明明")
    assert give(principal, at, stranger, Role.SAFETY_MANAGER) == 404, "somebody of elsewhere comes by a link"
    assert give(principal, at, worker, Role.INSTITUTION_MANAGER) == 400
    assert give(clerk, at, worker, Role.ENTERPRISE_CLERK) == 403, "a clerk gives roles below only"
    assert give(clerk, below, worker, Role.PRINCIPAL) == 403
    assert give(clerk, below, worker, Role.ENTERPRISE_CLERK) == 303
    again = clerk.post(f"{below}/give", {"account": str(worker.id), "role": "enterprise_clerk"})
    assert "holds this role already" in clerk.page(again.location)
    assert "段正 Enterprise clerk 一车间" in principal.page(at)
    shopclerk.page(below)
    shopclerk.page(at, 404)
    assert "Invite by a link" not in shopclerk.page(below)

    grants = {one.account_id: one for one in session.scalars(sa.select(RoleGrant).where(RoleGrant.role != "learner"))}

    def take(who: Browser, where: str, account: Account) -> str:
        got = who.post(f"{where}/{grants[account.id].id}/take")
        return who.page(got.location) if got.status_code == 303 else str(got.status_code)

    assert take(clerk, at, head) != "404"
    assert "You may not give or take" in take(clerk, at, head)
    assert "last one who may give roles" in take(principal, at, head)
    assert take(principal, below, head) == "404", "a grant above is none of this unit"
    assert take(browser(world.other_clerk), f"/organisations/{world.other_enterprise.id}/roles", worker) == "404"
    assert "is withdrawn" in take(principal, at, worker)
    shopclerk.page(below, 403)
    assert "段正 no longer holds the role Enterprise clerk" in principal.page(
        f"/organisations/{world.enterprise.id}/history"
    )
    second = staff(session, Role.PRINCIPAL, world.enterprise, "和顺")
    session.commit()
    callers.forget_last_request()
    grants = {one.account_id: one for one in session.scalars(sa.select(RoleGrant).where(RoleGrant.role != "learner"))}
    assert second.id in grants
    gone = principal.post(f"{at}/{grants[head.id].id}/take")
    assert gone.location == "/", "who gave up their own sees nothing of it any more"


def an_invitation(who: Browser, organisation: Organisation, role: Role, **form: object) -> str:
    got = who.post(
        f"/organisations/{organisation.id}/invite", {"role": role.value, "for_whom": "安全科小段", "days": "7", **form}
    )
    assert got.status_code == 200, text_of(got)
    assert got.headers["Cache-Control"] == "no-store"
    found = re.search(r'value="http://localhost(/invited/[\w-]+)"', got.text)
    assert found is not None
    return found[1]


NEW = {"name": "段誉", "account": "duan.yu", "password": "Cangshan-2026", "again": "Cangshan-2026"}


def test_an_operator_invites_the_first_clerk_who_opens_an_account_by_the_link(
    world: World, browser: At, session: Session, clock: ManualClock
) -> None:
    enterprise = a_unit(session, ENTERPRISE, "洱源水泥")
    session.commit()
    operator = browser(world.operator)
    link = an_invitation(operator, enterprise, Role.ENTERPRISE_CLERK)
    assert session.scalars(sa.select(Invitation)).one().token_hash not in link.encode()
    roles_page = operator.page(f"/organisations/{enterprise.id}/roles")
    assert "安全科小段 Enterprise clerk 洱源水泥" in roles_page
    nobody = browser(None)
    page = nobody.page(link)
    assert "洱源水泥" in page
    assert "Enterprise clerk" in page
    found = re.search(r'name="csrf_token" value="([^"]+)"', nobody.get(link).text)
    assert found
    token = {"csrf_token": found[1]}
    for change, sentence in (
        ({"again": "x"}, "not the same"),
        ({"account": "", "phone": ""}, "phone number or an account name"),
        ({"name": " "}, "Please fill this in"),
        ({"password": "12345678", "again": "12345678"}, "easy to guess"),
        ({"account": "1"}, "An account name has"),
        ({"account": "", "phone": "12"}, "phone"),
        ({"account": world.worker.name}, "taken"),
    ):
        wrong = nobody.post(link, {**NEW, **change, **token})
        assert wrong.status_code in (409, 422), change
        assert sentence in text_of(wrong), change
    assert nobody.post(link, NEW).status_code == 403, "no token, no act"
    done = nobody.post(link, {**NEW, **token})
    assert (done.status_code, done.location) == (303, "/")
    assert "You act for 洱源水泥" in nobody.page("/organisations")
    account = session.scalars(sa.select(Account).where(Account.name == "duan.yu")).one()
    grant = session.scalars(
        sa.select(RoleGrant).where(RoleGrant.account_id == account.id, RoleGrant.role == Role.ENTERPRISE_CLERK)
    ).one()
    assert (grant.organisation_id, grant.granted_by) == (enterprise.id, world.operator.id)
    kept = session.scalars(sa.select(Invitation)).one()
    assert (kept.for_whom, kept.used_by) == ("", account.id), "the grant says who came"
    assert "used already" in browser(None).page(link, 410)
    assert "段誉" in operator.page(f"/organisations/{enterprise.id}/roles")


def test_links_that_open_nothing_say_why(
    world: World, browser: At, session: Session, clock: ManualClock, client: FlaskClient
) -> None:
    head = staff(session, Role.PRINCIPAL, world.enterprise, "施文")
    session.commit()
    principal, invitee = browser(head), browser(world.stranger)
    at = f"/organisations/{world.enterprise.id}"
    assert principal.post(f"{at}/invite", {"role": "safety_manager", "for_whom": "", "days": "7"}).status_code == 422
    assert principal.post(f"{at}/invite", {"role": "safety_manager", "for_whom": "a", "days": "9"}).status_code == 400
    assert principal.post(f"{at}/invite", {"role": "operator", "for_whom": "a", "days": "7"}).status_code == 422
    assert browser(world.clerk).get(f"{at}/invite").status_code == 404

    withdrawn, orphaned, late, twice = (
        an_invitation(principal, world.enterprise, Role.SAFETY_MANAGER, once=f"number-{number}-of-a-form")
        for number in range(4)
    )
    first = session.scalars(sa.select(Invitation).order_by(Invitation.made_at, Invitation.id)).first()
    assert first is not None
    elsewhere = browser(world.other_clerk)
    foreign = f"/organisations/{world.other_enterprise.id}/invitations/{first.id}/withdraw"
    assert elsewhere.post(foreign).status_code == 404
    assert principal.post(f"{at}/invitations/{first.id}/withdraw").status_code == 303
    assert "was withdrawn" in invitee.page(withdrawn, 410)
    for forged in ("/invited/x", "/invited/" + "A" * 43, withdrawn[:-1]):
        assert "no invitation of ours" in invitee.page(forged, 404)
    again = an_invitation(principal, world.enterprise, Role.SAFETY_MANAGER, once="number-9-of-a-form")
    assert invitee.post(twice).location == "/"
    callers.forget_last_request()
    invitee.token = token_in(invitee.get(again))  # who came to hold a role has a new session
    assert "holds this role already" in text_of(invitee.post(again))
    assert "You are signed in as" in invitee.page(again), "and it stays open for somebody else"
    clock.now += timedelta(days=8)
    assert "has run out" in browser(None).page(late, 410)
    clock.now -= timedelta(days=8)
    session.execute(sa.update(RoleGrant).where(RoleGrant.account_id == head.id).values(revoked_at=people.AT))
    assert "was withdrawn" in browser(None).page(orphaned, 410), "no link outlives its maker's role"
    assert session.scalar(sa.select(sa.func.count()).select_from(OrganisationAct)) == 0
