"""The example that pictures are taken of: the demonstration, further courses, a draft, people, some watching."""

import io
import secrets
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import msgspec
import openpyxl
import pictured
import pictured_enterprise
from flask import Flask
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.courses import catalogue, classes, page_drafts, teaching
from elearn.courses.models import Course, Kind, Lesson
from elearn.courses.pool import QuestionDraft, windows
from elearn.courses.upload_models import Upload, UploadState
from elearn.credit_export import records
from elearn.credit_export.exam_system import packages, push_rules, push_targets, pushing, receivers
from elearn.credit_export.exam_system.desks import desk_for
from elearn.credit_export.exam_system.packages import Scope
from elearn.credit_export.paper import standing
from elearn.db import db
from elearn.demo import example as demo
from elearn.demo.kept import Example, SignIn
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people import accounts, callers, persons, registry, roles
from elearn.people.identity import Keys
from elearn.people.models import Account, Role
from elearn.settings import Settings
from elearn.tracking.lrs.access import credentials
from elearn.tracking.signals import reviews
from media.manifest import Block, Manifest, read_manifest
from tests.builders_people import signed_in
from tests.builders_tracking import Over
from tests.hours import credit_all

APPEAL = "11月22日下午我一直在看第一课，手机没有锁屏，请核对 1:30 以后的部分。"
ON_ITS_WAY = "吊装作业（准备中）"

RIGHT = {one.stem: [one.options[place] for place in one.correct] for one in demo.questions(1000)}


class MovedClock:
    """The real clock, moved: a scripted learner's minutes pass at once."""

    def __init__(self) -> None:
        self.moved = timedelta(hours=-26)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved

    def advance(self, ms: int) -> None:
        self.moved += timedelta(milliseconds=ms)


def player(app: Flask, clock: MovedClock, person_id: UUID) -> ScriptedPlayer:
    client = app.test_client()
    callers.forget_last_request()  # another browser than the one before
    account = db.session.query(Account).filter_by(person_id=person_id).one()
    return ScriptedPlayer(Over(client), signed_in(client, db.session(), account), wait=clock.advance)


def confirm(one: ScriptedPlayer) -> None:
    """Answer the check; the demonstration's questions are known."""
    check = one.ask_check()
    told = one.answer(check, RIGHT[check["stem"]])
    assert told["outcome"] == "passed", told


def fail(one: ScriptedPlayer) -> None:
    """Answer the check wrongly, twice."""
    check = one.ask_check()
    texts = [option["text"] for option in check["options"]]
    wrong = [some for some in (texts, texts[:1], texts[1:2]) if set(some) != set(RIGHT[check["stem"]])]
    told = [one.answer(check, some) for some in wrong[:2]]
    assert told[-1]["outcome"] == "failed", told


def fill(app: Flask, settings: Settings, clock: MovedClock, kept: Path) -> Example:
    """The demonstration, a second course, a draft, people of an enterprise, and some watching."""
    session, now = db.session(), clock()
    example = demo.set_up(session, settings, now=now)
    acting = [UUID(example.institution_id)]
    institution = UUID(example.institution_id)
    course_id = UUID(example.course_id)
    draft = teaching.add_lesson(session, course_id=course_id, title="大雾中的作业安全（12 分钟）", acting=acting)
    more = [
        ("高处作业：安全带与防坠落", "检查、佩戴、挂点：三步都对才算系好。", ["安全带的检查", "挂点的选择"]),
        ("临时用电与触电急救", "停电、验电、接地；发现触电先断电。", []),
    ]
    outline, items = teaching.outlines_on(session, registry.local_day(now))[0]
    for title, summary, lessons in more:
        made = teaching.add_course(
            session, institution_id=institution, title=title, summary=summary, outline_item_id=items[0].id, at=now
        )
        for lesson in lessons:
            added = teaching.add_lesson(session, course_id=made.id, title=lesson, acting=acting)
            example.lesson_ids.append(str(added.id))
    other = teaching.add_outline(
        session,
        code="demo-electric",
        name="低压电工作业（演示）",
        region="CN",
        version="demo-1",
        effective_from=outline.effective_from,
        items=[
            teaching.NewItem("T", "安全技术理论", Kind.THEORY, 88),
            teaching.NewItem("P", "实际操作", Kind.PRACTICE, 60),
        ],
    )
    classes.open_class(
        session,
        institution_id=institution,
        outline_id=other.id,
        class_no="2026-DY-07",
        title="低压电工初训 7 班",
        starts_on=registry.local_day(now),
        at=now,
    )
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    auditor = persons.add_staff(session, name="审计员", keys=keys, at=now)
    password = "-".join(["audit", *(secrets.token_hex(2) for _ in range(2))])
    opened = accounts.open_account(session, auditor.id, name="auditor", password=password, keys=keys, at=now)
    roles.grant_role(session, opened.id, Role.AUDITOR, at=now)
    example.sign_ins.append(SignIn("auditor", "auditor", password))
    first_video = demo.send_video(session, settings, UUID(example.lesson_ids[0]), seconds=90, now=now)
    session.commit()
    jobs.work(app, until_done=True)
    unit = demo.published(session, institution, first_video, now=clock())
    assert unit is not None
    example.unit_ids.append(str(unit.id))
    manifest = read_manifest(settings.media_dir / unit.content_hash)
    for lesson_id, seconds in zip(example.lesson_ids[1:], (240, 500, 420), strict=True):
        made_of = as_if(manifest, seconds * 1000)
        pool = demo.questions(made_of.duration_ms) + [
            QuestionDraft(start, end, one.stem, one.options, one.correct)
            for start, end in windows(made_of.duration_ms)
            for one in demo.questions(1000)[:2]
        ]
        unit_id = register(session, settings, UUID(lesson_id), made_of, pool, clock(), published=True)
        example.unit_ids.append(str(unit_id))
    made_of = as_if(manifest, 730_000)
    pool = [
        QuestionDraft(start, end, one.stem, one.options, one.correct)
        for (start, end), one in zip(
            ((0, 120_000), (120_000, 290_000), (600_000, 700_000)), demo.questions(1000), strict=False
        )
    ]
    register(session, settings, draft.id, made_of, pool, clock(), published=False)
    session.commit()
    worker = UUID(example.worker_ids[0])
    first = player(app, clock, worker)
    first.open(example.unit_ids[0])
    while first.position_ms < first.opened["duration_ms"] or first.state["check_due"]:
        first.play(90_000)
        if first.state["check_due"]:
            confirm(first)
    first.close()
    clock.moved = timedelta(minutes=-40)
    a_rough_lesson(player(app, clock, worker), example.unit_ids[2])
    second = player(app, clock, worker)
    second.open(example.unit_ids[1])
    second.play(60_000)
    if not second.state["check_due"]:
        begin = second.position_ms
        second.pass_time(15_000)
        second.make(a=begin + 60_000, b=begin + 75_000, play=15_000)
        second.flush()
        second.play(25_000)
    second.close()
    credit_all(session, now=clock())
    reviews.appeal(session, worker, UUID(example.unit_ids[2]), APPEAL, at=clock())
    a_video_on_its_way(session, acting[0], now=clock())
    a_lesson_of_pages(session, acting[0], reviewer=auditor.id, now=clock())
    session.commit()
    a_proof_and_a_receipt_file(session, example, kept.with_name(RECEIPT), now=clock())
    keys_of_the_record_store(session, acting[0], now=clock())
    pushes_to_the_exam_system(session, settings, example, now=clock())
    pictured.add(session, settings, example, now=clock())
    session.commit()
    pictured_enterprise.add(session, settings, example, kept, now=clock())
    example.save(kept)
    return example


RECEIPT = "receipt.xlsx"
"""Beside the example: what an exam system sent back."""


def a_proof_and_a_receipt_file(session: Session, example: Example, to: Path, *, now: datetime) -> None:
    """A proof of the first worker's hours; a package, and its sheet as people filled it in."""
    worker = UUID(example.worker_ids[0])
    (record,) = records.newest_records(session, [worker]).values()
    standing.make_proof(session, record.id, at=now)
    receiver = receivers.find_receiver(session, example.client_id)
    assert receiver is not None
    out = io.BytesIO()
    packages.make(session, desk_for(session, receiver), Scope(everyone=True), out, by="pictures")
    with zipfile.ZipFile(out) as package:
        book = openpyxl.load_workbook(io.BytesIO(package.read("records.xlsx")))
    sheet = book.worksheets[0]
    headers, first = [cell.value for cell in sheet[1]], [cell.value for cell in sheet[2]]
    filled: list[dict[object, str | int]] = [
        {"受理结果": "退回", "退回代码": "A01", "退回原因": "照片不清"},
        {"受理结果": "受理", "姓名": "李四", "实修学时": 24},
        {"受理结果": "受理", "记录编号": str(UUID(int=7))},
    ]
    for row, changes in enumerate(filled, start=2):
        for column, (header, value) in enumerate(zip(headers, first, strict=True), start=1):
            sheet.cell(row, column).value = changes.get(header, value)
    book.save(to)


def pushes_to_the_exam_system(session: Session, settings: Settings, example: Example, *, now: datetime) -> None:
    """All there is, pushed: the first was refused, the rest taken."""
    receiver = receivers.find_receiver(session, example.client_id)
    assert receiver is not None
    url, sealing = "https://exam.example/push", settings.sealing_key
    push_targets.set_target(
        session, example.client_id, url=url, sealing_key=sealing, at=now, takes=push_rules.Takes.EVERYTHING
    )
    answers: list[push_rules.Answer] = [push_rules.Taken(), push_rules.Refused('422 {"error": "照片缺失"}', 422)]
    pushing.push(
        session,
        receiver.id,
        pushing.Means(
            now=lambda: now,
            desk=desk_for,
            sealing_key=sealing,
            post=lambda target, headers, body: answers.pop() if len(answers) > 1 else answers[0],
        ),
    )


def keys_of_the_record_store(session: Session, institution_id: UUID, *, now: datetime) -> None:
    """One of a simulator, one of another store, and one that was taken back."""
    server_key = credentials.server_key()
    for label, scopes, organisation_id, speaks in (
        ("塔吊模拟机", ("statements/write", "statements/read/mine"), institution_id, "2.0.0"),
        ("省级数据中心", ("all/read",), None, "1.0.3"),
        ("旧的题库程序", ("statements/write", "state"), institution_id, "1.0.3"),
    ):
        made, _secret = credentials.create(
            session,
            label=label,
            scopes=scopes,
            organisation_id=organisation_id,
            at=now,
            server_key=server_key,
            speaks=speaks,
        )
    credentials.revoke(session, made.key, at=now)


READ = "雨天怎样检查安全带"
PAGES = (
    (
        "先看织带",
        "雨后的织带**先晾干再检查**。\n\n- 有没有割口、烧痕、起毛\n- 缝线是否整齐，有没有断线\n- 摸起来发硬的，要停用",
    ),
    ("再看金属件", "| 部位 | 怎样算好 |\n|---|---|\n| 挂钩 | 闭锁自如，没有锈点 |\n| 调节扣 | 拉紧后不滑动 |"),
    ("最后试挂", "> 挂点要能承受坠落的冲击。\n\n在离地不高的地方试挂一次，**慢慢**把体重压上去。"),
)


def a_lesson_of_pages(session: Session, institution_id: UUID, *, reviewer: UUID, now: datetime) -> None:
    """A published version of pages, and its drafts, the last of them changed since."""
    acting = [institution_id]
    course = session.query(Course).filter_by(institution_id=institution_id).order_by(Course.id).first()
    assert course is not None
    lesson = teaching.add_lesson(session, course_id=course.id, title=READ, acting=acting)
    drafts = [
        page_drafts.add(session, lesson.id, title=title, text=text, acting=acting, at=now) for title, text in PAGES
    ]
    for draft in drafts:
        credit_ms = page_drafts.proposed_ms(draft)
        page_drafts.review(session, draft.id, credit_ms=credit_ms, reviewer=reviewer, acting=acting, at=now)
    unit = page_drafts.make_version(session, lesson.id, acting=acting, at=now)
    for start, end in windows(unit.duration_ms):
        for one in demo.questions(1000)[:2]:
            question = QuestionDraft(start, end, one.stem, one.options, one.correct)
            teaching.add_question(session, unit.id, question, acting=acting, at=now)
    teaching.publish(session, unit.id, acting=acting, at=now)
    last = drafts[-1]
    page_drafts.change(
        session, last.id, title=last.title, text=last.text + "\n\n试挂以后再看一遍缝线。", acting=acting, at=now
    )


def a_video_on_its_way(session: Session, institution_id: UUID, *, now: datetime) -> None:
    """A lesson whose video is being prepared, and stays so: no job stands behind it."""
    course = session.query(Course).filter_by(institution_id=institution_id).order_by(Course.id.desc()).first()
    assert course is not None
    lesson = teaching.add_lesson(session, course_id=course.id, title=ON_ITS_WAY, acting=[institution_id])
    session.add(
        Upload(
            lesson_id=lesson.id,
            file_name="吊装作业-第一讲.mp4",
            size_bytes=734_003_200,
            state=UploadState.PACKAGING,
            stage="encode",
            progress_permille=430,
            error_facts={},
            created_at=now,
            updated_at=now,
        )
    )


def a_rough_lesson(one: ScriptedPlayer, unit_id: str) -> None:
    """Everything that can go wrong in one lesson, so that its account has something to explain."""
    one.open(unit_id)
    while one.position_ms < 90_000 or one.state["check_due"]:
        one.play(30_000)
        if one.state["check_due"]:
            confirm(one)
    if one.state["pending_ms"]:
        confirm(one)
    one.play(45_000)
    fail(one)
    one.position_ms = one.state["frontier_ms"]
    confirm(one)
    begin = one.position_ms
    one.pass_time(15_000)
    one.make("hide", a=begin, b=begin + 15_000, play=15_000, hidden=12_000)
    one.flush()
    one.pass_time(15_000)
    one.make("seek", a=begin + 200_000, b=begin + 215_000, play=15_000)
    one.flush()
    one.have_key()
    one.pass_time(15_000)
    one.make(a=begin, b=begin + 29_000, play=15_000)
    forged = one.message()
    forged["reports"][0]["sig"] = "A" * 86
    one.deliver(forged)
    one.flush()
    one.play(30_000)
    one.close()


def as_if(manifest: Manifest, duration_ms: int) -> Manifest:
    """The same pictures with another length: only 90 seconds are really encoded."""
    edges = [*range(0, duration_ms, 30_000), duration_ms]
    blocks = tuple(Block(index, *edge) for index, edge in enumerate(pairwise(edges)))
    return msgspec.structs.replace(manifest, duration_ms=duration_ms, blocks=blocks)


def register(
    session: Session,
    settings: Settings,
    lesson_id: UUID,
    manifest: Manifest,
    pool: list[QuestionDraft],
    at: datetime,
    *,
    published: bool,
) -> UUID:
    lesson = session.get_one(Lesson, lesson_id)
    return catalogue.register_unit(
        session,
        lesson_id,
        lesson.title,
        manifest,
        [bytes(16)] * len(manifest.blocks),
        pool,
        sealing_key=settings.sealing_key,
        created_at=at,
        published_at=at if published else None,
    ).id
