"""What the pictures of rules, tests, sessions on site, teachers and the catalogue show (see screenshots.py)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID

import pictured_public
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses.models import Kind, Outline, OutlineItem, TrainingClass
from elearn.courses.papers import tests
from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.models import CourseTest
from elearn.courses.papers.tests import Policy
from elearn.courses.questions import bank
from elearn.courses.questions.kinds import (
    Blank,
    Content,
    Difficulty,
    Fill,
    Multiple,
    Option,
    Ordering,
    Single,
    TrueFalse,
)
from elearn.courses.requirements import service as requirements
from elearn.courses.teachers import assigning, certifying, registering
from elearn.courses.teachers.models import TeacherEntry
from elearn.courses.teachers.said import Paper, Profile
from elearn.credit_export import records
from elearn.demo.kept import Example, SignIn
from elearn.people import accounts, merging, organisations, persons, registry, roles
from elearn.people.callers import Caller, Grant
from elearn.people.identity import DocumentKind, Keys, resident_check_digit
from elearn.people.joining import coming as joining
from elearn.people.joining import links
from elearn.people.joining.models import JoiningLink
from elearn.people.models import EmploymentKind, Membership, Organisation, Role
from elearn.people.roster import drafts, looking
from elearn.people.roster.models import RosterDraft
from elearn.runtime import runtime
from elearn.settings import Settings
from elearn.tracking.attendance import codes, planning, presence, proposing
from elearn.tracking.attendance.models import AttendanceList, ClassSession
from elearn.tracking.attendance.rules import Act

QUESTIONS: tuple[Content, ...] = (
    Single(
        stem="配电箱前停电以后，下一步做什么？",
        options=tuple(map(Option, ("验电", "装设接地线", "悬挂标示牌", "开始检修"))),
        correct=0,
    ),
    Multiple(
        stem="发现有人触电，哪些做法是对的？",
        options=tuple(map(Option, ("先切断电源", "用干燥的木棒挑开电线", "直接用手拉开", "拨打 120"))),
        correct=(0, 1, 3),
    ),
    TrueFalse(stem="雨天可以在没有遮蔽的配电箱上带电作业。", correct=False),
    Fill(stem="检修前必须先____，再验电。", blanks=(Blank(texts=("停电", "断电")),)),
    Ordering(stem="把保证安全的技术措施排好次序。", lines=tuple(map(Option, ("停电", "验电", "接地", "挂牌")))),
)


TEST = "岗前安全培训结业测验"
PLACE = "实训楼 201"


def add(session: Session, settings: Settings, example: Example, *, now: datetime) -> None:
    """Rules, a bank with a test, a session that is over with its list, one that begins soon."""
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    institution = UUID(example.institution_id)
    requirements.load_shipped(session, by="pictures", at=now, today=registry.local_day(now))
    manager = _account(session, example, "manager", keys)
    teacher = _staff(session, example, "周教员", Role.TEACHER, institution, keys, now)
    _questions(
        session,
        institution,
        session.get_one(TrainingClass, UUID(example.class_id)),
        writer=manager,
        reviewer=teacher,
        now=now,
    )
    _sessions(session, settings, example, manager=manager, teacher=teacher, now=now)
    # With a last day the page of its archive tells until when it is kept.
    session.get_one(TrainingClass, UUID(example.class_id)).ends_on = registry.local_day(now + timedelta(days=30))
    _register(session, example, keys, manager=manager, teacher=teacher, now=now)
    _gate(session, settings, example, keys, now=now)
    _roster(session, example, keys, now)
    pictured_public.add(session, settings, example, now=now)


ROSTER = """云岭建设有限公司花名册,,,,,,,
姓名,身份证号码,手机,部门,班组,岗位,用工形式,入职日期
陈 建国,999998198503120011,139 0000 1001,生产部,甲班,电工,合同制,2026.3.1
刘洋,999998199107250025,13900001002,生产部,甲班,焊工,灵活用工,2026年4月12日
黄丽,999998198811030041,13900001003,生产部,乙班,起重工,劳务派遣,2026/5/6
马强,99999819790101003X,13900001004,后勤,,仓管,月结,5/6/26
林峰,1.10101E+17,13900001005,生产部,乙班,电工,合同制,2026-01-05
"""


def _roster(session: Session, example: Example, keys: Keys, now: datetime) -> None:
    """A roster that waits to be looked at: some rows are good, some are wrong."""
    clerk = _account(session, example, "clerk", keys)
    employer = session.scalars(
        sa.select(Organisation)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == UUID(example.worker_ids[0]), Organisation.level.is_not(None))
    ).first()
    assert employer is not None
    lines = []
    for line in ROSTER.splitlines():
        cells = line.split(",")
        if cells[1].startswith("999998") and cells[0] != "马强":
            cells[1] = cells[1][:17] + resident_check_digit(cells[1][:17])
        lines.append(",".join(cells))
    draft = drafts.ask(
        session, employer, name="花名册2026-07.csv", content="\n".join(lines).encode("gb18030"), categories={},
        by=clerk, keys=keys, at=now,
    )  # fmt: skip
    looking.read(session, draft.id, keys=keys, now=lambda: now)


def _gate(session: Session, settings: Settings, example: Example, keys: Keys, *, now: datetime) -> None:
    """A code at an enterprise's gate, somebody who came by it and waits, and somebody who is registered twice."""
    worker, clerk = UUID(example.worker_ids[0]), _account(session, example, "enterprise clerk", keys)
    [employer] = organisations.organisations_of(session, worker, on=registry.local_day(now))
    today = registry.local_day(now)
    link = links.make(
        session, employer, kind=EmploymentKind.FLEXIBLE, post="焊工", from_on=today,
        until_on=today + timedelta(days=29), most_uses=30, confirms=True, secret=settings.secret_key, by=clerk, at=now,
    )  # fmt: skip
    joining.register(
        session, links.token_of(link.id, settings.secret_key), name="孙强", document_kind=DocumentKind.PASSPORT,
        document_number="E12345678", account="sun.qiang", phone=None, password=secrets.token_urlsafe(12), keys=keys,
        at=now,
    )  # fmt: skip
    twin = persons.add_person(
        session, name="李明", document_kind=DocumentKind.PASSPORT, document_number="E87654321", keys=keys, at=now
    )
    organisations.join(session, twin.id, employer, EmploymentKind.FLEXIBLE, today, at=now)
    merging.propose(session, kept_id=worker, gone_id=twin.id, by=clerk, at=now)
    forgetful = persons.add_person(
        session, name="周磊", document_kind=DocumentKind.PASSPORT, document_number="E11223344", keys=keys, at=now
    )
    organisations.join(
        session, forgetful.id, employer, EmploymentKind.DISPATCHED, today, at=now, firm="金沙劳务派遣公司"
    )
    for number, name in enumerate(("高远", "何伟"), start=1):
        sent = persons.add_person(
            session, name=name, document_kind=DocumentKind.PASSPORT, document_number=f"E5566778{number}", keys=keys,
            at=now,
        )  # fmt: skip
        organisations.join(session, sent.id, employer, EmploymentKind.CONTRACTOR, today, at=now, firm="路桥一公司")
    accounts.open_account(session, forgetful.id, name="zhou.lei", password=secrets.token_urlsafe(12), keys=keys, at=now)


def _register(session: Session, example: Example, keys: Keys, *, manager: UUID, teacher: UUID, now: datetime) -> None:
    """Two teachers: one with a certificate that runs out soon, one whose certificate waits for a second person."""
    institution, on = UUID(example.institution_id), registry.local_day(now)
    held = session.get_one(TrainingClass, UUID(example.class_id))
    outline = session.get_one(Outline, held.outline_id)
    institution_says = _caller(manager, Role.INSTITUTION_MANAGER, institution)
    platform_says = _caller(_account(session, example, "operator", keys), Role.OPERATOR)
    other = persons.add_staff(session, name="郑师傅", keys=keys, at=now).id
    for person, work, days, confirmed in ((teacher, "电工作业", 45, True), (other, "高处作业", 900, False)):
        made = registering.register(session, person, Profile(works=[work]), by=manager, may_level=False, at=now)
        registering.join(
            session, made, institution, full_time=confirmed, from_on=on - timedelta(days=400), acting=[institution],
            by=manager, at=now,
        )  # fmt: skip
        paper = Paper(
            "安全培训教师岗位证书", f"AQ-2023-{days:04}", "省应急管理厅", on - timedelta(days=1000),
            on + timedelta(days=days), [outline.category or outline.code], [work],
        )  # fmt: skip
        stated = certifying.state(session, made, paper, caller=institution_says, keys=keys, at=now)
        if confirmed:
            certifying.answer(session, stated.id, confirm=True, note="", caller=platform_says, at=now)
        assigning.assign(
            session, held.id, made, kind=Kind.THEORY, from_on=max(held.starts_on, on - timedelta(days=10)),
            acting=[institution], by=manager, at=now,
        )  # fmt: skip


def _caller(person: UUID, role: Role, organisation: UUID | None = None) -> Caller:
    return Caller(person, person, "", False, (Grant(role, organisation, None),), None)


def _account(session: Session, example: Example, who: str, keys: Keys) -> UUID:
    name = next(one.name for one in example.sign_ins if who in one.who)
    found = accounts.find_account(session, name, keys=keys)
    if found is None:
        raise LookupError(name)
    return found.person_id


def _staff(
    session: Session, example: Example, name: str, role: Role, institution: UUID, keys: Keys, now: datetime
) -> UUID:
    person = persons.add_staff(session, name=name, keys=keys, at=now)
    password = "-".join(["teach", *(secrets.token_hex(2) for _ in range(2))])
    opened = accounts.open_account(session, person.id, name=role.value, password=password, keys=keys, at=now)
    roles.grant_role(session, opened.id, role, organisation_id=institution, at=now)
    example.sign_ins.append(SignIn(role.value, role.value, password))
    return person.id


def _questions(
    session: Session, institution: UUID, held: TrainingClass, *, writer: UUID, reviewer: UUID, now: datetime
) -> None:
    item = _theory(session, held.outline_id)
    for number, content in enumerate(QUESTIONS):
        made = bank.add_question(
            session,
            institution_id=institution,
            outline_item_id=item.id,
            content=content,
            difficulty=list(Difficulty)[number % len(Difficulty)],
            by=writer,
            at=now,
        )
        if number < len(QUESTIONS) - 1:  # the last waits for its reviewer
            bank.review(session, made.id, acting=[institution], by=reviewer, at=now)
    test = tests.add_test(
        session, institution_id=institution, title=TEST, at=now, course_id=None, outline_id=held.outline_id
    )
    sections = [Section(count=4, points_milli=25_000)]
    made_of = tests.add_blueprint(session, test.id, sections, Policy(), acting=[institution], by=writer, at=now)
    tests.publish(session, made_of.id, acting=[institution], at=now)


def _sessions(
    session: Session, settings: Settings, example: Example, *, manager: UUID, teacher: UUID, now: datetime
) -> None:
    held = session.get_one(TrainingClass, UUID(example.class_id))
    acting, length = [held.institution_id], timedelta(minutes=90)
    item = _theory(session, held.outline_id)

    def planned(from_at: datetime) -> ClassSession:
        if registry.local_day(from_at) != registry.local_day(from_at + length):
            from_at += timedelta(hours=2)
        return planning.plan(
            session, held.id, outline_item_id=item.id, teacher_id=teacher, place=PLACE, from_at=from_at,
            to_at=from_at + length, by=manager, acting=acting, at=from_at - timedelta(hours=1),
        )  # fmt: skip

    over = planned(now - timedelta(hours=25))
    secret = codes.secret_of(settings.secret_key)
    person = UUID(example.worker_ids[0])
    for act, at in ((Act.IN, over.from_at), (Act.OUT, over.to_at)):
        code = codes.code(secret, over.id, codes.slot_of(to_ms(at)))
        opened = presence.open_code(session, over.id, code, person_id=person, secret=secret, now=at)
        presence.scan(session, over.id, act, opened.ticket, person_id=person, secret=secret, now=at)
    proposing.propose(session, over.id, by=teacher, acting=acting, now=over.to_at + timedelta(minutes=30))
    planned(now + timedelta(minutes=20))


def _theory(session: Session, outline_id: UUID | None) -> OutlineItem:
    found = session.query(OutlineItem).filter_by(outline_id=outline_id, kind=Kind.THEORY).first()
    if found is None:
        raise LookupError(outline_id)
    return found


def shots(session: Session, example: Example) -> list[tuple[str, str | None, str]]:
    """Name, who, path."""
    on_site = session.query(ClassSession).where(ClassSession.unit_id.is_(None))
    over, coming = on_site.order_by(ClassSession.from_at).all()
    listed = session.query(AttendanceList).filter_by(session_id=over.id).one()
    held = session.get_one(TrainingClass, UUID(example.class_id))
    test = session.query(CourseTest).filter_by(title=TEST).one()
    someone = session.query(TeacherEntry).order_by(TeacherEntry.id).all()[-1]
    worker = example.worker_ids[0]
    record = next(iter(records.newest_records(session, [UUID(worker)]).values()))
    roster = session.query(RosterDraft).one()
    link = session.query(JoiningLink).one()
    merge = session.query(merging.PersonMerge).one()
    token = links.token_of(link.id, runtime().settings.secret_key)
    return [
        ("join", None, f"/join/{token}"),
        ("employments", "worker 王芳", "/me/employers"),
        ("joining-links", "clerk", "/people/joining"),
        ("joining-new", "clerk", "/people/joining/new"),
        ("joining-link", "clerk", f"/people/joining/{link.id}"),
        ("joining-poster", "clerk", f"/people/joining/{link.id}/poster"),
        ("member", "clerk", f"/people/{worker}"),
        ("merge-new", "clerk", f"/people/{merge.gone_id}/merge"),
        ("merges", "operator", f"/people/merges?about={merge.id}"),
        ("roster-import", "clerk", "/people/import"),
        ("roster", "clerk", f"/people/import/{roster.id}"),
        ("first-sign-in", "clerk", "/people/slips"),
        ("training", "clerk", "/training"),
        ("training-assignments", "clerk", "/training/assignments"),
        ("training-sign", "clerk", "/training/sign"),
        ("training-programmes", "clerk", "/training/programmes"),
        ("training-programme-new", "clerk", "/training/programmes/new"),
        ("training-rules", "clerk", "/training/rules"),
        ("training-rule-new", "clerk", "/training/rules/new"),
        ("my-training", "worker", "/my-training"),
        ("rules", "worker", "/rules"),
        ("rules-changed", "manager", "/rules?on=2026-06-01&than=2026-05-31"),
        ("why-not", "manager", f"/why-not?person={worker}&outline={held.outline_id}"),
        ("catalogue", "worker", "/catalogue"),
        ("catalogue-found", "manager", "/catalogue?words=触电"),
        ("bank", "manager", "/teaching/questions"),
        ("bank-new", "manager", "/teaching/questions/new"),
        ("bank-import", "manager", "/teaching/questions/import"),
        ("course-tests", "manager", "/teaching/tests"),
        ("course-test", "manager", f"/teaching/tests/{test.id}"),
        ("tests", "worker", "/tests"),
        ("sessions", "teacher", "/sessions"),
        ("session", "teacher", f"/sessions/{coming.id}"),
        ("session-screen", "teacher", f"/sessions/{coming.id}/screen"),
        ("class-sessions", "manager", f"/teaching/classes/{held.id}/sessions"),
        ("attendance", "manager", "/attendance"),
        ("attendance-list", "manager", f"/attendance/{listed.id}"),
        ("teachers", "manager", "/teachers"),
        ("teacher", "operator", f"/teachers/{someone.id}"),
        ("teacher-new", "manager", "/teachers/new"),
        ("teacher-warnings", "manager", "/teachers/warnings"),
        ("teacher-import", "manager", "/teachers/import"),
        ("class-teachers", "manager", f"/teaching/classes/{held.id}/teachers"),
        ("class-plan", "manager", f"/teaching/classes/{held.id}/plan"),
        ("class-notice", "manager", f"/teaching/classes/{held.id}/notice"),
        ("classes-of-region", "operator", "/classes?show=accepted"),
        ("archives", "manager", "/archives"),
        ("class-archive", "manager", f"/archives/{held.id}"),
        ("sign-hours", "worker", f"/hours/classes/{held.id}"),
        ("findings", "operator", "/findings"),
        ("finding-import", "operator", "/findings/import"),
        ("finding-new", "manager", f"/findings/new?record={record.id}"),
        ("reviews", "manager", "/teaching/reviews"),
        ("course-about", "manager", f"/teaching/courses/{example.course_id}/about"),
        ("log", "operator", "/log"),
        *pictured_public.shots(session),
    ]
