"""A worker who uses no pointer: a whole lesson and its test by keyboard alone, and what a screen reader tells of it.

Nothing here touches, clicks or fills in: keys are pressed. At every stop the focus can be seen, and what has it has a
name (tests/journeys/screen_reader.py). The lesson is short, so checks come soon; the worker's phone has a keyboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import sqlalchemy as sa

from elearn.courses import classes, subtitles, teaching
from elearn.courses.models import Kind as ItemKind
from elearn.courses.papers import tests
from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.models import TestAttempt
from elearn.courses.papers.tests import Policy
from elearn.courses.questions import bank
from elearn.courses.questions.kinds import Difficulty, Kind
from elearn.demo.browser import phone
from elearn.people.models import Account
from elearn.people.registry import local_day
from tests.journeys import keyboard_lesson as learn
from tests.journeys import keyboard_pages as pages
from tests.journeys.lessons import offer_packaged, package_short
from tests.journeys.school import Learner, School
from tests.journeys.screen_reader import reading
from tests.journeys.test_reading import a_lesson_of_pages

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("flexible")]

CAPTIONS = "WEBVTT\n\n00:00.000 --> 00:22.000\n先验电，后作业。\n".encode()


@dataclass(frozen=True, slots=True)
class Offered:
    """A lesson with captions, and a worker in a class with it and its test."""

    learner: Learner
    unit_id: UUID


def offer(school: School, packaged: Path) -> Offered:
    """A programme of its own beside the school's, so that other journeys' learners owe nothing of it."""
    learner, now, institution = school.a_learner(), datetime.now(UTC), UUID(school.example.institution_id)
    acting = [institution]
    with school.database() as session:
        people = {
            name: session.scalars(sa.select(Account.person_id).where(Account.name == name)).one()
            for name in ("manager", "operator")
        }
        outline = teaching.add_outline(
            session, code="keys-24", name="无障碍岗前培训", region="CN", version="1", effective_from=local_day(now),
            items=[teaching.NewItem("general", "安全生产基础知识", ItemKind.THEORY, 24)],
        )  # fmt: skip
        (item,) = teaching.items_of(session, outline.id)
        course = teaching.add_course(
            session, institution_id=institution, title=pages.COURSE, summary="", outline_item_id=item.id, at=now
        )
        unit_id = offer_packaged(
            session, school.settings, packaged, course_id=course.id, title=pages.LESSON, acting=acting, at=now
        )
        for language in ("zh", "en"):
            subtitles.add(session, unit_id, language, CAPTIONS, acting=acting, by=people["manager"], at=now)
        for content in pages.ASKED:
            made = bank.add_question(
                session, institution_id=institution, outline_item_id=item.id, content=content,
                difficulty=Difficulty.EASY, by=people["manager"], at=now,
            )  # fmt: skip
            bank.review(session, made.id, acting=acting, by=people["operator"], at=now)
        test = tests.add_test(session, institution_id=institution, title=pages.TEST, at=now, course_id=course.id)
        kinds = (Kind.SINGLE, Kind.MULTIPLE, Kind.TRUE_FALSE, Kind.FILL, Kind.ORDERING, Kind.CASE)
        sections = [Section(1, 10_000 if kind is Kind.SINGLE else 18_000, kind=kind) for kind in kinds]
        blueprint = tests.add_blueprint(
            session, test.id, sections, Policy(wait_s=0), acting=acting, by=people["manager"], at=now
        )
        tests.publish(session, blueprint.id, acting=acting, at=now)
        held = classes.open_class(
            session, institution_id=institution, outline_id=outline.id, class_no="KEYS-01", title="无障碍一班",
            starts_on=local_day(now), at=now,
        )  # fmt: skip
        classes.file_class(session, held.id, filing_no="备案-KEYS-01", filed_at=now, acting=acting, at=now)
        classes.enrol(session, held.id, [learner.person_id], acting=acting, at=now)
        session.commit()
        return Offered(learner, unit_id)


def test_a_worker_without_a_pointer_studies_a_lesson_and_takes_its_test(
    school: School, chromium: Browser, tmp_path: Path
) -> None:
    offered = offer(school, package_short(tmp_path, seconds=learn.LESSON_S))
    with phone(chromium) as handset:
        reader = reading(handset.page)
        pages.sign_in(school, reader, offered.learner)
        pages.find_the_lesson(handset.page, reader)
        learn.look_at_the_lesson(handset.page, reader)
        learn.play_and_seek(handset, reader)
        learn.use_the_menus(handset, reader)
        school.player(offered.learner).open(offered.unit_id)
        learn.come_back_from_another_device(handset, reader)
        learn.answer_the_first_check(handset, reader)
        learn.confirm_unasked(handset, reader)
        learn.finish(school, handset, reader, offered.learner)
        pages.begin_the_test(handset.page, reader)
        pages.answer_everything(handset.page, reader)
        pages.hand_in(handset.page, reader)
        pages.go_over_to_english(handset.page, reader)
        require_told_in_order(reader.transcript)
    assert school.believed(offered.learner)["pending"] == 0
    with school.database() as session:
        mine = sa.select(TestAttempt).where(TestAttempt.person_id == offered.learner.person_id)
        assert session.scalars(mine).one().passed


def test_a_worker_without_a_pointer_reads_a_lesson_of_pages(school: School, chromium: Browser) -> None:
    learner, lengths_ms = school.a_learner(), (4_000, 4_000)
    whole_ms = sum(lengths_ms)
    unit_id = a_lesson_of_pages(school, learner, lengths_ms)
    with phone(chromium) as handset:
        reader = reading(handset.page)
        pages.sign_in(school, reader, learner)
        handset.open_lesson(school.base, unit_id)
        learn.read_pages(handset, reader, count=len(lengths_ms), whole_ms=whole_ms)
        while school.believed(learner)["final"] < whole_ms:
            handset.wait_for_check(timeout_s=40)
            learn.answer(handset, reader, whole_ms=whole_ms)
            reader.press("Enter")
        reader.becomes("link", "返回课程")
        around = reader.at("[data-cover]")  # told as the focus comes into it
        assert (around.role, around.name) == ("group", "本课已学完")
        assert "8 秒" in around.description, around
        assert [said for said in reader.transcript if "本页已计入" in said], reader.transcript
    assert school.believed(learner) == {"pending": 0, "final": whole_ms}


TOLD = (
    learn.WAITING, "您跳过了一段", "字幕：中文", "字幕：English", "已在另一台设备上继续", learn.WAITING, "回答正确",
    "回答正确", "回答正确", "本课已学完", "已保存", "位，共 3 位", "已保存", "正在交卷",
)  # fmt: skip


def require_told_in_order(transcript: list[str]) -> None:
    rest = iter(transcript)
    missing = [wanted for wanted in TOLD if not any(wanted in said for said in rest)]
    assert missing == [], transcript
    assert not [said for said in transcript if "正在保存" in said], "what lasts a moment is not spoken"
