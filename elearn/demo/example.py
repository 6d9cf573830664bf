"""The people and things of the demonstration, made through the same services that pages use.

One institution teaches a filed class, one enterprise sends two workers (one of them flexible), one exam system
receives. Sign-ins are drawn at random for each data directory and kept beside it, so that a demonstration on a
shared network has no known passwords; a second start finds everything there.
"""

from __future__ import annotations

import secrets
import shutil
from datetime import date, datetime
from importlib.resources import as_file, files
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import classes, teaching, uploads
from elearn.courses.models import Kind, Unit
from elearn.courses.pool import QuestionDraft
from elearn.courses.upload_models import Upload, UploadState
from elearn.credit_export.exam_system import receivers
from elearn.db import new_id
from elearn.demo.kept import Example, SignIn
from elearn.people import accounts, organisations, persons, registry, roles
from elearn.people.identity import DocumentKind, Keys, resident_check_digit
from elearn.people.models import EmploymentKind, OrganisationKind, Role
from elearn.settings import Settings
from media import ffmpeg

OUTLINE = "demo-general-24"
OUTLINE_NAME = "其他从业人员岗前安全培训（演示）"
SHORT_S = 90
LONGER_S = 240


def set_up(session: Session, settings: Settings, *, now: datetime) -> Example:
    """Make everything but the videos; flushes, does not commit."""
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    sign_ins: list[SignIn] = []
    today = registry.local_day(now)

    def account(person_id: UUID, who: str, name: str) -> UUID:
        return open_sign_in(session, sign_ins, person_id, who, name, keys=keys, now=now)

    institution = organisations.add_organisation(
        session, kind=OrganisationKind.INSTITUTION, name="滇池安全培训中心（演示）", region="530100", at=now
    )
    enterprise = organisations.add_organisation(
        session, kind=OrganisationKind.ENTERPRISE, name="云岭建设有限公司（演示）", region="530100", at=now
    )
    workers, documents = [], []
    for name, login, kind in (
        ("李明", "worker1", EmploymentKind.EMPLOYEE),
        ("王芳", "worker2", EmploymentKind.FLEXIBLE),
    ):
        number = _nobodys_document(born=date(1990, 5, 17))
        person = persons.add_person(
            session, name=name, document_kind=DocumentKind.RESIDENT_ID, document_number=number, keys=keys, at=now
        )
        account(person.id, f"worker {name}", login)
        organisations.join(session, person.id, enterprise.id, kind, today, at=now)
        workers.append(person.id)
        documents.append(number)
    for who, name, login, role, place in (
        ("institution manager", "赵老师", "manager", Role.INSTITUTION_MANAGER, institution.id),
        ("enterprise clerk", "陈静", "clerk", Role.ENTERPRISE_CLERK, enterprise.id),
    ):
        staff = persons.add_staff(session, name=name, keys=keys, at=now)
        granted = account(staff.id, who, login)
        roles.grant_role(session, granted, role, organisation_id=place, at=now)
    operator = persons.add_staff(session, name="平台运营", keys=keys, at=now)
    roles.grant_role(session, account(operator.id, "platform operator", "operator"), Role.OPERATOR, at=now)

    outline = teaching.add_outline(
        session,
        code=OUTLINE,
        name=OUTLINE_NAME,
        region="CN",
        version="demo-1",
        effective_from=date(2024, 7, 1),
        items=[teaching.NewItem("general", "安全生产基础知识", Kind.THEORY, 24)],
    )
    (item,) = teaching.items_of(session, outline.id)
    course = teaching.add_course(
        session,
        institution_id=institution.id,
        title="高处作业：天气与能见度",
        summary="看云、看雾、看风：什么时候必须停止高处作业。",
        outline_item_id=item.id,
        at=now,
    )
    acting = [institution.id]
    lessons = [
        teaching.add_lesson(session, course_id=course.id, title=title, acting=acting)
        for title in ("云海与能见度（90 秒）", "山区天气观察（4 分钟）")
    ]
    held = classes.open_class(
        session,
        institution_id=institution.id,
        outline_id=outline.id,
        class_no="DEMO-2026-01",
        title="岗前安全培训演示班",
        starts_on=today,
        at=now,
    )
    classes.file_class(session, held.id, filing_no="备案-DEMO-001", filed_at=now, acting=acting, at=now)
    classes.enrol(session, held.id, workers, acting=acting, at=now)
    receiver = receivers.add_receiver(
        session, name="考试系统（演示）", outlines=[OUTLINE], scopes=receivers.SCOPES, made_at=now
    )
    return Example(
        sign_ins=sign_ins,
        worker_ids=[str(one) for one in workers],
        worker_documents=documents,
        institution_id=str(institution.id),
        class_id=str(held.id),
        course_id=str(course.id),
        lesson_ids=[str(lesson.id) for lesson in lessons],
        client_id=receiver.client_id,
        client_secret=receiver.secret,
        unit_ids=[],
    )


def open_sign_in(
    session: Session, sign_ins: list[SignIn], person_id: UUID, who: str, name: str, *, keys: Keys, now: datetime
) -> UUID:
    """An account with a drawn password, added to `sign_ins`; answers its id."""
    # Words a person can type on a phone; 31**8 of them, and tries are limited.
    password = "-".join("".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in "xy")
    made = accounts.open_account(session, person_id, name=name, password=password, keys=keys, at=now)
    sign_ins.append(SignIn(who, name, password))
    return made.id


def send_video(session: Session, settings: Settings, lesson_id: UUID, *, seconds: int, now: datetime) -> UUID:
    """Loop the demonstration's recording to `seconds` and queue it for packaging, as an upload does."""
    upload_id = new_id()
    target = uploads.source_path(settings.data_dir, upload_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    with as_file(files("elearn.demo") / "assets" / "lesson-source.mp4") as recording:
        looped = target.with_suffix(".mp4")
        ffmpeg.loop_to(recording, seconds, looped)
        shutil.move(looped, target)
    uploads.register(
        session,
        upload_id=upload_id,
        lesson_id=lesson_id,
        file_name=f"lesson-{seconds}s.mp4",
        size_bytes=target.stat().st_size,
        at=now,
    )
    return upload_id


def sent(session: Session, lesson_id: UUID) -> UUID | None:
    """The newest upload to the lesson that has not failed: done, or with a job that does it."""
    query = sa.select(Upload.id).where(Upload.lesson_id == lesson_id, Upload.state != UploadState.FAILED)
    return session.scalars(query.order_by(Upload.created_at.desc()).limit(1)).first()


def published(session: Session, institution_id: UUID, upload_id: UUID, *, now: datetime) -> Unit | None:
    """None while the job still packages; then the questions are entered and the unit is published, once."""
    upload = session.get_one(Upload, upload_id)
    if upload.state is UploadState.FAILED:
        raise RuntimeError(f"packaging failed: {upload.error_code}")
    if upload.state is not UploadState.DONE or upload.unit_id is None:
        return None
    acting = [institution_id]
    unit = teaching.own_unit(session, upload.unit_id, acting)
    if unit.published_at is None:
        for question in questions(unit.duration_ms):
            teaching.add_question(session, unit.id, question, acting=acting, at=now)
        teaching.publish(session, unit.id, acting=acting, at=now)
    return unit


def questions(duration_ms: int) -> list[QuestionDraft]:
    """Questions about what the recording shows, for every part of it."""
    whole = (0, duration_ms)
    return [
        QuestionDraft(
            *whole,
            stem="画面中，云雾处在什么位置？",
            options=("在山峰之间的低处", "完全遮住了所有山顶", "只在画面最上方", "画面中没有云雾"),
            correct=(0,),
        ),
        QuestionDraft(
            *whole,
            stem="看到这样的云海，高处作业前应当做什么？",
            options=("确认能见度", "查看天气预报和风力", "关闭所有通讯设备", "取消安全带检查"),
            correct=(0, 1),
        ),
        QuestionDraft(
            *whole,
            stem="画面里能看到哪些景物？",
            options=("连绵的山峰", "流动的云", "一座正在施工的塔吊", "海上的货轮"),
            correct=(0, 1),
        ),
        QuestionDraft(
            *whole,
            stem="能见度突然变差时，哪种做法是正确的？",
            options=("加快速度完成作业", "停止作业并撤到安全处", "独自留在高处等待", "解开安全绳以便移动"),
            correct=(1,),
        ),
    ]


def _nobodys_document(*, born: date) -> str:
    """A well-formed resident number of nobody: no region begins with 99."""
    first = f"99{secrets.randbelow(10_000):04}{born:%Y%m%d}{secrets.randbelow(1000):03}"
    return first + resident_check_digit(first)
