"""Apprenticeships over HTTP: begun by the employer, noted by the two, signed by both, each once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses.requirements import service
from elearn.errors import Forbidden
from elearn.people import organisations
from elearn.people.models import Account, EmploymentKind, Membership, Organisation, Person, Role
from elearn.training.apprentices import records as apprenticeships
from elearn.training.apprentices.models import Apprenticeship, Part
from elearn.training.certificates import register
from elearn.training.certificates.rules import CertificateKind, Paper
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind
from tests import builders_people as people
from tests.conftest import ManualClock
from tests.pages.conftest import Browser

TODAY = date(2026, 7, 1)


def a_worker(session: Session, node: Organisation, name: str) -> tuple[Account, str]:
    number = people.a_resident_id()
    account = people.an_account(session, person=people.a_person(session, name=name, document_number=number))
    organisations.join(session, account.person_id, node.id, EmploymentKind.APPRENTICE, date(2026, 6, 1), at=people.AT)
    return account, number


def test_two_people_work_side_by_side_and_both_sign(app: Flask, session: Session, clock: ManualClock) -> None:
    service.load_shipped(session, by="test", at=people.AT, today=TODAY, unconfirmed=True)
    enterprise, other = people.an_organisation(session), people.an_organisation(session, name="金沙矿业")
    (young, young_number), (old, old_number) = (
        a_worker(session, enterprise, "小徐"),
        a_worker(session, enterprise, "老郑"),
    )
    (elsewhere, elsewhere_number) = a_worker(session, other, "外人")
    clerk_account = people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=enterprise.id)
    stranger = Browser(app, session, people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=other.id))
    clerk = Browser(app, session, clerk_account)
    form: dict[str, object] = {
        "apprentice": "小徐", "apprentice_number": young_number, "master": "老郑", "master_number": old_number,
        "trade": "低压电工", "category": "so_lv_electric", "from_on": "2026-07-01", "to_on": "2026-08-31",
        "by_duty": "yes",
    }  # fmt: skip
    for wrong, status, sentence in [
        ({"trade": ""}, 422, "Please fill this in."),
        ({"to_on": "2026-06-30"}, 422, "The last day is after the first"),
        ({"to_on": "2026-08-30"}, 422, "The rules ask for 2 months at least."),
        ({"master": "小徐", "master_number": young_number}, 422, "Nobody is their own master."),
        ({"master": "外人", "master_number": elsewhere_number}, 422, "Nobody of this name and document works here."),
        ({"apprentice_number": "x"}, 422, "does not have the form"),
        ({"category": "so_nothing"}, 400, "This page is out of date."),
        ({}, 422, "The master holds no valid certificate of this special operation."),
    ]:  # fmt: skip
        answer = clerk.post("/training/apprenticeships/new", {**form, **wrong})
        assert answer.status_code == status, wrong
        assert sentence in answer.text, wrong
    assert session.scalars(sa.select(Apprenticeship)).all() == []
    paper = Paper(
        CertificateKind.OPERATION,
        "so_lv_electric",
        "低压电工作业",
        f"T{old_number}",
        "云南省应急管理厅",
        date(2025, 1, 1),
    )
    held = register.add(
        session, enterprise.id, old.person_id, paper, keys=people.KEYS, by=clerk_account.person_id, at=people.AT
    )
    session.commit()
    answer = clerk.post("/training/apprenticeships/new", form)
    assert answer.status_code == 303
    here = answer.headers["Location"]
    assert clerk.post("/training/apprenticeships/new", form).status_code == 409, "one at a time"
    [row] = session.scalars(sa.select(Apprenticeship))
    assert row.rule.startswith("categories/apprentice_practice@CN")
    for account in (young, old):
        assert [one.kind for one in messages.newest(session, account.person_id)[0]] == [Kind.APPRENTICESHIP_BEGUN]

    learner, master = Browser(app, session, young), Browser(app, session, old)
    assert "低压电工" in learner.page("/apprenticeships")
    assert stranger.get(here).status_code == stranger.post(f"{here}/end", {"why": "x"}).status_code == 404
    assert Browser(app, session, elsewhere).get(here).status_code == 404
    assert "小徐" not in stranger.page("/training/apprenticeships")
    assert clerk.post(f"{here}/note", {"week": "1", "text": "我替他写"}).status_code == 404, "nobody writes for them"
    assert clerk.post(f"{here}/sign").status_code == 404, "nobody signs for them"
    assert learner.post(f"{here}/note", {"week": "2", "text": "太早"}).status_code == 422
    assert learner.post(f"{here}/note", {"week": "1", "text": " "}).status_code == 422
    assert learner.post(f"{here}/note", {"week": "x", "text": "y"}).status_code == 400
    early = learner.post(f"{here}/sign")
    assert early.status_code == 409
    assert "It can be signed from the day after its last one." in early.text
    clock.now = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
    learner, master = Browser(app, session, young), Browser(app, session, old)
    clerk = Browser(app, session, clerk_account)
    assert apprenticeships.ask_to_sign(session, at=clock.now) == 2
    assert apprenticeships.ask_to_sign(session, at=clock.now) == 0
    assert learner.post(f"{here}/sign").status_code == 409, "nothing was written"
    assert learner.post(f"{here}/note", {"week": "1", "text": "跟师傅学停电验电"}).status_code == 303
    assert learner.post(f"{here}/note", {"week": "1", "text": "再写一次"}).status_code == 409
    assert master.post(f"{here}/note", {"week": "1", "text": "能独立挂接地线"}).status_code == 303
    page = master.page(here)
    assert "跟师傅学停电验电 小徐" in page
    assert "Without a note: week 2, 3, 4, 5, 6, 7, 8, 9" in page
    assert "8 weeks have no note." in page
    assert learner.post(f"{here}/sign", {"text": "学会了"}).status_code == 303
    assert learner.post(f"{here}/sign").status_code == 409
    held.ended_on, held.ended_why = date(2026, 8, 1), "撤销"
    session.commit()
    with pytest.raises(Forbidden, match="did not hold on the last day"):
        apprenticeships.sign(session, row.id, "", by=old.person_id, at=clock.now)
    held.ended_on, held.ended_why = None, ""
    session.commit()
    assert row.done_at is None
    assert master.post(f"{here}/sign").status_code == 303
    assert row.done_at == clock.now
    assert set(apprenticeships.signatures(session, row.id)) == set(Part)
    assert clerk.post(f"{here}/end", {"why": "太晚"}).status_code == 409
    assert "signed by both" in clerk.page("/training/apprenticeships")


def test_one_that_is_broken_off_is_over(session: Session) -> None:
    enterprise = people.an_organisation(session)
    (young, _a), (old, _b) = a_worker(session, enterprise, "小徐"), a_worker(session, enterprise, "老郑")
    [membership] = session.scalars(sa.select(Membership).where(Membership.person_id == young.person_id))
    asked = apprenticeships.Begun(membership.id, old.person_id, "钳工", None, TODAY, TODAY + timedelta(days=20), False)
    at = datetime(2026, 7, 10, tzinfo=UTC)
    row = apprenticeships.begin(session, enterprise.id, asked, by=people.a_person(session).id, at=at)
    assert [apprenticeships.week_of(row, TODAY + timedelta(days=days)) for days in (0, 6, 7, 20, 99)] == [1, 1, 2, 3, 3]
    apprenticeships.break_off(session, row.id, on=TODAY, why="离职", at=at)
    again = apprenticeships.begin(session, enterprise.id, asked, by=people.a_person(session).id, at=at)
    assert again.id != row.id
    assert session.get_one(Person, old.person_id).name == "老郑"
