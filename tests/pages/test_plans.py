"""The yearly plan: written, approved by another person, changed with a reason, planned beside done."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import openpyxl
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.people import organisations, roles
from elearn.people.models import Account, EmploymentKind, Organisation, Role
from elearn.training.models import Assignment, Purpose, State
from elearn.training.plans import yearly as plans
from elearn.training.plans.models import PlanState, TrainingPlan, TrainingPlanLine
from elearn.training.plans.yearly import Progress
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind
from tests import builders_people as people
from tests.conftest import statements
from tests.pages.conftest import Browser
from tests.training.test_sending import a_programme, assigned

LINE: dict[str, object] = {
    "quarter": "3", "purpose": "yearly", "title": "全员安全再培训", "audience": "一车间全体", "hours": "20",
    "people": "120", "programme": "",
}  # fmt: skip


def staff(session: Session, role: Role, node: Organisation) -> Account:
    return people.an_account(session, role, organisation_id=node.id)


def states(session: Session) -> list[PlanState]:
    session.expire_all()
    return list(session.scalars(sa.select(TrainingPlan.state).order_by(TrainingPlan.version)))


def test_a_plan_is_written_approved_and_changed_with_a_reason(app: Flask, session: Session) -> None:
    enterprise, other = people.an_organisation(session), people.an_organisation(session, name="金沙矿业")
    own_programme, foreign = a_programme(session, enterprise), a_programme(session, other, "别家的")
    clerk_account, principal_account = (
        staff(session, Role.ENTERPRISE_CLERK, enterprise),
        staff(session, Role.PRINCIPAL, enterprise),
    )
    stranger_account = staff(session, Role.PRINCIPAL, other)
    session.commit()
    clerk, principal = Browser(app, session, clerk_account), Browser(app, session, principal_account)
    stranger = Browser(app, session, stranger_account)

    assert "No approved plan for this year" in clerk.page("/training/plans")
    assert clerk.post("/training/plans", {"year": "2031"}).status_code == 422
    assert principal.post("/training/plans", {}).status_code == 403
    assert clerk.post("/training/plans", {}).status_code == 303
    assert clerk.post("/training/plans", {}).status_code == 409, "one is being written"
    [plan] = session.scalars(sa.select(TrainingPlan))
    here = f"/training/plans/{plan.id}"
    assert clerk.post(f"{here}/submit").status_code == 422, "it is empty"
    for wrong, status in [
        ({"title": " "}, 422), ({"audience": "x" * 101}, 422), ({"hours": "0"}, 422), ({"hours": "zwei"}, 422),
        ({"people": "1000001"}, 422), ({"programme": str(foreign.id)}, 422), ({"programme": "no"}, 400),
        ({"quarter": "5"}, 400), ({"purpose": "fun"}, 400),
    ]:  # fmt: skip
        assert clerk.post(f"{here}/lines", {**LINE, **wrong}).status_code == status, wrong
    assert plans.lines(session, plan.id) == []
    assert clerk.post(f"{here}/lines", LINE).status_code == 303
    assert clerk.post(f"{here}/lines", {**LINE, "quarter": "4", "programme": str(own_programme.id)}).status_code == 303
    _first, second = plans.lines(session, plan.id)
    assert clerk.post(f"{here}/remove", {"line": str(second.id)}).status_code == 303
    assert clerk.post(f"{here}/remove", {"line": str(second.id)}).status_code == 404
    assert clerk.post(f"{here}/submit").status_code == 303
    assert clerk.post(f"{here}/lines", LINE).status_code == 409, "it waits"

    assert [one.kind for one in messages.newest(session, principal_account.person_id)[0]] == [Kind.PLAN_WAITING]
    assert clerk.post(f"{here}/decide", {"answer": "approve"}).status_code == 403
    assert stranger.post(f"{here}/decide", {"answer": "approve"}).status_code == 404
    assert stranger.get(here).status_code == stranger.get(f"{here}.xlsx").status_code == 404
    assert stranger.get(f"/training/plans?organisation={enterprise.id}").status_code == 404
    assert principal.post(f"{here}/decide", {"answer": "return", "note": ""}).status_code == 422
    assert principal.post(f"{here}/decide", {"answer": "return", "note": "四季度补应急演练"}).status_code == 303
    assert states(session) == [PlanState.RETURNED]
    assert "四季度补应急演练" in clerk.page("/messages")
    assert clerk.post("/training/plans", {}).status_code == 303, "what was returned says why itself"
    newer = session.scalars(sa.select(TrainingPlan).where(TrainingPlan.version == 2)).one()
    assert (newer.reason, len(plans.lines(session, newer.id))) == ("四季度补应急演练", 1)
    clerk.post(f"/training/plans/{newer.id}/submit")
    assert principal.post(f"/training/plans/{newer.id}/decide", {"answer": "approve"}).status_code == 303
    assert principal.post(f"/training/plans/{newer.id}/decide", {"answer": "approve"}).status_code == 409
    assert clerk.post("/training/plans", {"reason": ""}).status_code == 422
    assert clerk.post("/training/plans", {"reason": "新增危险工艺"}).status_code == 303
    third = session.scalars(sa.select(TrainingPlan).where(TrainingPlan.version == 3)).one()
    clerk.post(f"/training/plans/{third.id}/submit")
    roles.grant_role(
        session, clerk_account.id, Role.PRINCIPAL, organisation_id=enterprise.id, region=None, at=people.AT
    )
    session.commit()
    answer = clerk.post(f"/training/plans/{third.id}/decide", {"answer": "approve"})
    assert answer.status_code == 403, "nobody approves what they submitted"
    principal.post(f"/training/plans/{third.id}/decide", {"answer": "approve"})
    assert states(session) == [PlanState.RETURNED, PlanState.SUPERSEDED, PlanState.APPROVED]
    page = clerk.page("/training/plans")
    assert "Version 3, approved on Jul 1, 2026." in page
    assert "新增危险工艺" in page

    book = openpyxl.load_workbook(io.BytesIO(clerk.get(f"/training/plans/{third.id}.xlsx").data))
    assert [cell.value for cell in book.worksheets[0][2]][:6] == [
        3,
        "全员安全再培训",
        "一车间全体",
        "Yearly retraining",
        20,
        120,
    ]
    assert principal.get(f"/training/plans/{third.id}.pdf").data.startswith(b"%PDF")


def test_what_is_done_is_counted_by_quarter_and_by_who_stood_there(session: Session) -> None:
    enterprise, other = people.an_organisation(session), people.an_organisation(session, name="金沙矿业")
    programme = a_programme(session, enterprise)

    def done(node: Organisation, due: date, at: datetime | None) -> Assignment:
        worker = people.an_account(session)
        organisations.join(session, worker.person_id, node.id, EmploymentKind.FLEXIBLE, date(2025, 1, 1), at=people.AT)
        made = assigned(session, programme, worker, due=due, assigned_on=date(2025, 12, 1))
        if at is not None:
            made.state, made.done_at = State.DONE, at
        session.flush()
        return made

    done(enterprise, date(2026, 9, 30), datetime(2026, 9, 30, 15, 59, tzinfo=UTC))  # 23:59 in China
    done(enterprise, date(2026, 9, 30), datetime(2026, 9, 30, 16, 0, tzinfo=UTC))  # October there
    done(enterprise, date(2026, 9, 30), None)
    done(enterprise, date(2026, 12, 31), datetime(2025, 12, 31, 15, 0, tzinfo=UTC))  # the year before
    done(other, date(2026, 9, 30), datetime(2026, 9, 1, tzinfo=UTC))
    done(enterprise, date(2026, 9, 30), None).state = State.WITHDRAWN
    plan = plans.begin(session, enterprise.id, 2026, reason="", by=people.a_person(session).id, at=people.AT)
    rows = [
        plans.add_line(session, plan.id, plans.Item(quarter, "x", "y", purpose, named, 8, 10), usable={programme.id})
        for quarter, purpose, named in [
            (3, Purpose.YEARLY, programme.id), (4, Purpose.YEARLY, None), (3, Purpose.CAMPAIGN, None),
        ]
    ]  # fmt: skip
    with statements(session) as sent:
        found = plans.progress(session, enterprise.id, 2026, rows)
    assert [found[one.id] for one in rows] == [Progress(3, 1, 2), Progress(1, 1, 2), Progress(0, 0, 0)]
    assert len(sent) == 2
    assert isinstance(rows[0], TrainingPlanLine)
