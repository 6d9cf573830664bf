"""What pictures show of an enterprise: its tree, training, certificates, a plan, a notice, figures, an inspection."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Kind
from elearn.demo.enterprise import set_up_enterprise
from elearn.demo.kept import Example
from elearn.pages import survey_texts
from elearn.people import accounts, registry
from elearn.people.identity import Keys
from elearn.people.models import Account, EmploymentKind, Membership, Organisation
from elearn.settings import Settings
from elearn.tracking.attendance.models import ClassSession
from elearn.training import assigning, classrooms
from elearn.training.archives import inspecting
from elearn.training.certificates import notices, register
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.notices import HowToReport
from elearn.training.certificates.rules import CertificateKind, Paper
from elearn.training.figures import keeping
from elearn.training.models import Assignment, AssignRule, AssignRun, Programme, Purpose
from elearn.training.plans import funds, survey_opening, surveys
from elearn.training.plans import yearly as plans
from elearn.training.plans.fund_rules import Rate, Tag
from elearn.training.plans.funds import Expense
from elearn.training.plans.models import TrainingPlan
from elearn.training.plans.survey_models import Survey, SurveyAsked
from elearn.training.plans.survey_rules import Reply, SurveyState
from elearn.training.plans.surveys import Asks
from elearn.training.plans.yearly import Item
from elearn.training.telling import meetings, reminders

TOKENS = "tokens.json"
"""Beside the example: links can be read once only, when they are made."""
LINES = (
    (1, "新工三级安全教育", "新进人员", Purpose.THREE_LEVEL_FACTORY, 24, 30),
    (2, "全员再培训", "全体从业人员", Purpose.YEARLY, 8, 120),
    (3, "高处作业专项", "架子班组", Purpose.CAMPAIGN, 4, 18),
    (4, "新设备操作", "仓储车间", Purpose.NEW_TECHNOLOGY, 6, 12),
)


def add(session: Session, settings: Settings, example: Example, kept: Path, *, now: datetime) -> None:
    """Make all of it; commits, as jobs do."""
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    hired = session.scalars(sa.select(Membership.created_at).where(Membership.person_id == UUID(example.worker_ids[0])))
    set_up_enterprise(session, settings, example, now=min(hired))  # its rule reaches who is hired from that day on
    enterprise, today = UUID(example.enterprise_id), registry.local_day(now)
    clerk, principal = (_account(session, name, keys).person_id for name in ("clerk", "principal"))
    session.commit()
    assigning.carry_out(session, session.scalars(sa.select(AssignRun.id)).one(), now=now)
    for number, (worker, days) in enumerate(zip(example.worker_ids, (60, 900), strict=True)):
        paper = Paper(
            CertificateKind.OPERATION, "so_scaffold" if number == 0 else "so_lv_electric", "操作证",
            f"T99000019900517{number:04}", "省应急管理厅", today - timedelta(days=1000), today + timedelta(days=days),
        )  # fmt: skip
        register.add(session, enterprise, UUID(worker), paper, keys=keys, by=clerk, at=now)
    plan = plans.begin(session, enterprise, today.year, reason="", by=clerk, at=now)
    for line in LINES:
        plans.add_line(session, plan.id, Item(*line[:4], None, *line[4:]), usable=())
    plans.submit(session, plan.id, by=clerk, at=now)
    plans.decide(session, plan.id, approve=True, note="", by=principal, at=now)
    _classroom(session, enterprise, clerk, example, now=now)
    _survey(session, enterprise, clerk, now=now)
    _fund(session, enterprise, clerk, now=now)
    notice = notices.publish(
        session, enterprise, HowToReport("安环部信箱或电话", "0871-99990000", "查实奖励 500 元"), by=clerk, at=now
    )
    _link, token = inspecting.make(
        session, enterprise, year=0, days=7, full_names=False, whom="县应急管理局 年度检查", by=principal, at=now
    )
    kept.with_name(TOKENS).write_text(json.dumps({"inspection": token, "notice": notice.token}))
    session.commit()
    reminders.remind(session, at=now)
    session.commit()
    while keeping.settle(session, now=now):
        session.commit()
    session.commit()


def shots(session: Session, example: Example, kept: Path) -> list[tuple[str, str | None, str]]:
    """Name, who, path."""
    links = json.loads(kept.with_name(TOKENS).read_text())
    node = f"/organisations/{example.enterprise_id}"
    board = f"/figures/{example.enterprise_id}"
    membership = session.scalars(
        sa.select(Membership.id).where(
            Membership.person_id == UUID(example.worker_ids[0]),
            Membership.organisation_id == UUID(example.enterprise_id),
        )
    ).one()
    plan = session.scalars(sa.select(TrainingPlan.id)).one()
    surveys_by_state = {one.state: one.id for one in session.scalars(sa.select(Survey))}
    programme, rule = (session.scalars(sa.select(one.id).order_by(one.id)).first() for one in (Programme, AssignRule))
    level = session.scalars(
        sa.select(Assignment.id)
        .join(Programme, Programme.id == Assignment.programme_id)
        .where(Assignment.person_id == UUID(example.worker_ids[0]), Programme.purpose == Purpose.THREE_LEVEL_FACTORY)
        .order_by(Assignment.id)
    ).first()
    meeting = session.scalars(
        sa.select(ClassSession.id).where(ClassSession.unit_id.is_not(None)).order_by(ClassSession.from_at).limit(1)
    ).one()
    paper = session.scalars(sa.select(WorkerCertificate.id).order_by(WorkerCertificate.id)).first()
    unit = session.scalars(
        sa.select(Organisation.id)
        .where(Organisation.parent_id == UUID(example.enterprise_id))
        .order_by(Organisation.id)
    ).first()
    return [
        ("design", "manager", "/design"),
        ("organisations-all", "operator", "/organisations/all"),
        ("organisation-unit-new", "clerk", f"{node}/units/new"),
        ("organisation-edit", "clerk", f"{node}/edit"),
        ("organisation-move", "clerk", f"/organisations/{unit}/move"),
        ("organisation-choose", "clerk", "/organisations/choose"),
        ("training-programme", "clerk", f"/training/programmes/{programme}"),
        ("training-sessions", "clerk", "/training/sessions"),
        ("training-session", "clerk", f"/sessions/{meeting}"),
        ("training-session-screen", "clerk", f"/sessions/{meeting}/screen"),
        ("training-sessions-import", "clerk", "/training/sessions/import"),
        ("training-rule", "clerk", f"/training/rules/{rule}"),
        ("sign-level", "worker", f"/my-training/{level}"),
        ("plans", "principal", "/training/plans"),
        ("surveys", "clerk", "/training/surveys"),
        ("survey-new", "clerk", "/training/surveys/new"),
        ("survey", "clerk", f"/training/surveys/{surveys_by_state[SurveyState.CLOSED]}"),
        ("survey-draft", "clerk", f"/training/surveys/{surveys_by_state[SurveyState.DRAFT]}"),
        ("survey-answering", "worker", f"/surveys/{surveys_by_state[SurveyState.OPEN]}"),
        ("funds", "clerk", "/training/funds"),
        ("firms", "clerk", "/training/firms"),
        ("firm", "clerk", "/training/firms/people?name=路桥一公司"),
        ("apprenticeships", "clerk", "/training/apprenticeships"),
        ("notice-desk", "clerk", "/training/notice"),
        ("certificate", "clerk", f"/training/certificates/{paper}"),
        ("certificate-import", "clerk", "/training/certificates/import"),
        ("email-reminders", "worker", "/messages/email"),
        ("organisation", "clerk", "/organisations"),
        ("organisation-roles", "principal", f"{node}/roles"),
        ("organisation-invite", "principal", f"{node}/invite"),
        ("organisation-history", "clerk", f"{node}/history"),
        ("training-member", "clerk", f"/training/members/{membership}"),
        ("certificates", "clerk", "/training/certificates"),
        ("certificates-missing", "clerk", "/training/certificates/missing"),
        ("certificate-new", "clerk", "/training/certificates/new"),
        ("own-certificates", "worker", "/certificates"),
        ("notice", None, f"/notice/{links['notice']}"),
        ("plan", "principal", f"/training/plans/{plan}"),
        ("apprenticeship-new", "clerk", "/training/apprenticeships/new"),
        ("reminders", "clerk", "/training/reminders"),
        ("messages", "worker", "/messages"),
        ("figures", "principal", board),
        ("figures-people", "principal", f"{board}/people?show=barred"),
        ("enterprise-archives", "principal", f"{board}/archives"),
        ("inspections", "principal", f"{board}/inspections"),
        ("inspection", None, f"/inspection/{links['inspection']}"),
        ("person-archive", "clerk", f"/people/archives/{membership}"),
    ]


def _classroom(session: Session, enterprise: UUID, clerk: UUID, example: Example, *, now: datetime) -> None:
    """A session on site that begins in ten minutes, and one of tomorrow, given by the second worker."""
    held = session.scalars(sa.select(Programme.id).where(Programme.purpose == Purpose.THREE_LEVEL_FACTORY)).one()
    for from_at in (now + timedelta(minutes=10), now + timedelta(days=1)):
        to_at = from_at + timedelta(minutes=90)
        if registry.local_day(from_at) != registry.local_day(to_at):
            from_at, to_at = from_at + timedelta(hours=2), to_at + timedelta(hours=2)
        asked = classrooms.Asked(
            held, enterprise, Kind.THEORY, UUID(example.worker_ids[1]), "一号楼培训室", from_at, to_at
        )
        made = classrooms.plan(session, asked, by=clerk, acting=[enterprise], at=now)
        meetings.tell(session, at=now, only=made.id)


def _survey(session: Session, enterprise: UUID, clerk: UUID, *, now: datetime) -> None:
    """One that is closed, with names; one that asks now, without; one that is being written."""
    year, today = registry.local_day(now).year, registry.local_day(now)
    for title, anonymous, state in (
        (f"{year + 1} 年培训需求调研", False, SurveyState.CLOSED),
        ("新设备培训需求", True, SurveyState.OPEN),
        ("班组安全活动需求", True, SurveyState.DRAFT),
    ):
        asks = Asks(year + 1, title, today + timedelta(days=14), (), anonymous)
        made = surveys.add(session, enterprise, asks, survey_texts.ready(), by=clerk, at=now)
        if state is SurveyState.DRAFT:
            continue
        survey_opening.open_up(session, made.id, at=now)
        if state is SurveyState.OPEN:
            continue
        topics, way, *_rest, words = surveys.questions(session, made.id)
        asked = session.scalars(sa.select(SurveyAsked.person_id).where(SurveyAsked.survey_id == made.id)).all()
        for number, person in enumerate(asked):
            replies = {topics.id: Reply((0, 2 + number % 5)), way.id: Reply((number % 2,))}
            if number == 0:
                replies[words.id] = Reply(text="希望多一些现场实操")
            surveys.answer(session, made.id, person, replies, number="", at=now)
        surveys.close(session, made.id, at=now)


def _fund(session: Session, enterprise: UUID, clerk: UUID, *, now: datetime) -> None:
    """Wages stated, three expenses out of two purses, one of them reversed."""
    today = registry.local_day(now)
    funds.state_wages(session, enterprise, today.year, 1_264_000_000, Rate.GENERAL, reason="", by=clerk, at=now)
    for fen, what, kind, tag in (
        (3_860_000, "高处作业专项培训授课费", EmploymentKind.EMPLOYEE, Tag.TRAINING_FUND),
        (1_200_000, "劳务派遣人员三级教育教材", EmploymentKind.DISPATCHED, Tag.TRAINING_FUND),
        (980_000, "班组长专项培训", None, Tag.INJURY_PREVENTION),
        (560_000, "重复登记的教材费", EmploymentKind.FLEXIBLE, Tag.TRAINING_FUND),
    ):
        expense = Expense(today, fen, what, kind, tag, f"No.{fen // 10_000:05}")
        line = funds.spend(session, enterprise, today.year, expense, programmes=(), by=clerk, at=now)
    funds.reverse(session, enterprise, line.id, reason="与上一笔重复", by=clerk, at=now)


def _account(session: Session, name: str, keys: Keys) -> Account:
    found = accounts.find_account(session, name, keys=keys)
    if found is None:
        raise LookupError(name)
    return found
