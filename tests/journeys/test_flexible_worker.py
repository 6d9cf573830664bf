"""A flexible worker's first day: a poster's code, an account, a first lesson in the metro, a test, and what is missing.

Everything on the phone is done as a thumb does it, in 360 by 800; the clerk confirms at a desk. By services come only
what others did before: the institution's course, its class and its test, and the clerk's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import classes, teaching
from elearn.courses.models import Kind as ItemKind
from elearn.courses.papers import tests
from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.tests import Policy
from elearn.courses.questions import bank
from elearn.courses.questions.kinds import Content, Difficulty, Option, Single, TrueFalse
from elearn.demo.browser import Phone, phone
from elearn.demo.kept import SignIn
from elearn.people.consents import may_see_elsewhere
from elearn.people.joining import links
from elearn.people.models import Account, EmploymentKind, Membership, Role, RoleGrant
from elearn.people.registry import local_day
from tests.builders_people import PASSWORD, a_resident_id
from tests.journeys import programme_pages as do
from tests.journeys.lessons import offer_packaged, package_short
from tests.journeys.school import Learner, School
from tests.journeys.test_attendance import code_on
from tests.journeys.test_offline import download, network
from tests.journeys.test_watching import play_to, watch_to_the_end
from tests.journeys.turning import follow, press
from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("flexible")]

DESK = {"width": 1280, "height": 800}
LESSON_S = 12
LOGIN, NAME = "ma.chao", "马超"
QUESTIONS: tuple[Content, ...] = (
    Single(
        stem="验电前先做什么？",
        options=tuple(map(Option, (do.RIGHT[0], "直接验电", "合上开关"))),
        correct=0,
    ),
    TrueFalse(stem="手还湿着，可以操作开关。", correct=False),
)


@dataclass(frozen=True, slots=True)
class Offered:
    """What the institution and the clerk have ready for whoever comes."""

    class_id: UUID
    unit_id: str
    link_id: UUID


@pytest.fixture(scope="module")
def offered(school: School, tmp_path_factory: pytest.TempPathFactory) -> Offered:
    return offer(school, package_short(tmp_path_factory.mktemp("metro"), seconds=LESSON_S))


def offer(school: School, packaged: Path) -> Offered:
    """A programme of its own beside the school's, so that other journeys' learners owe nothing of it."""
    now, institution = datetime.now(UTC), UUID(school.example.institution_id)
    acting = [institution]
    with school.database() as session:
        outline = teaching.add_outline(
            session, code="metro-24", name="快递员岗前安全培训", region="CN", version="1",
            effective_from=local_day(now),
            items=[teaching.NewItem("general", "安全生产基础知识", ItemKind.THEORY, 24)],
        )  # fmt: skip
        (item,) = teaching.items_of(session, outline.id)
        course = teaching.add_course(
            session, institution_id=institution, title="路上安全", summary="骑行、装卸、充电。",
            outline_item_id=item.id,
            at=now,
        )  # fmt: skip
        unit_id = offer_packaged(
            session, school.settings, packaged, course_id=course.id, title="第一课：出发之前", acting=acting, at=now
        )
        _course_test(session, institution, course.id, item.id, by=_person(session, "manager"), at=now)
        held = classes.open_class(
            session, institution_id=institution, outline_id=outline.id, class_no="METRO-01", title="快递员一班",
            starts_on=local_day(now), at=now,
        )  # fmt: skip
        classes.file_class(session, held.id, filing_no="备案-METRO-01", filed_at=now, acting=acting, at=now)
        link = links.make(
            session, _enterprise(session), kind=EmploymentKind.FLEXIBLE, post="快递员", from_on=local_day(now),
            until_on=local_day(now + timedelta(days=7)), most_uses=20, confirms=True,
            secret=school.settings.secret_key, by=_person(session, "clerk"), at=now,
        )  # fmt: skip
        session.commit()
        return Offered(held.id, str(unit_id), link.id)


def _course_test(
    session: Session, institution: UUID, course_id: UUID, item_id: UUID, *, by: UUID, at: datetime
) -> None:
    reviewer = _person(session, "operator")
    for content in QUESTIONS:
        made = bank.add_question(
            session, institution_id=institution, outline_item_id=item_id, content=content, difficulty=Difficulty.EASY,
            by=by, at=at,
        )  # fmt: skip
        bank.review(session, made.id, acting=[institution], by=reviewer, at=at)
    test = tests.add_test(session, institution_id=institution, title="路上安全课程测试", at=at, course_id=course_id)
    blueprint = tests.add_blueprint(
        session, test.id, [Section(2, 50_000)], Policy(wait_s=0), acting=[institution], by=by, at=at
    )
    tests.publish(session, blueprint.id, acting=[institution], at=at)


def _person(session: Session, login: str) -> UUID:
    return session.scalars(sa.select(Account.person_id).where(Account.name == login)).one()


def _enterprise(session: Session) -> UUID:
    found = session.scalars(sa.select(RoleGrant.organisation_id).where(RoleGrant.role == Role.ENTERPRISE_CLERK)).one()
    assert found is not None
    return found


def test_a_flexible_worker_joins_by_a_code_learns_in_the_metro_and_reads_what_is_still_missing(
    school: School, offered: Offered, chromium: Browser
) -> None:
    base, clerk = school.base, school.sign_in_of("clerk")
    with phone(chromium, size=DESK) as desk, phone(chromium) as handset:
        handset.page.on("dialog", lambda dialog: dialog.accept())
        desk.sign_in(base, clerk.name, clerk.password)
        desk.page.goto(f"{base}/people/joining/{offered.link_id}/poster")
        join(handset, f"{base}{code_on(desk)}", a_resident_id())
        assert handset.page.url == f"{base}/"
        assert "等待" in handset.page.inner_text(".notice")
        confirm(desk, f"{base}/people/joining/{offered.link_id}")
        learner = taken_in(school, offered)
        learn_in_the_metro(school, offered, handset, learner)
        assert "100 分" in do.take_test(handset, base)
        read_what_is_missing(school, handset, learner)


def join(handset: Phone, address: str, document: str) -> None:
    """Open the code, be told who will see what, register. Nothing is joined before that is agreed to."""
    page = handset.page
    page.goto(address)
    said = page.inner_text("main")
    assert "灵活用工 · 快递员" in said
    assert "您是否还在别的单位工作" in said.partition("它看不到什么")[2], "what the employer will not see"
    page.click("summary:has-text('我是新来的')")
    for field, value in (("name", NAME), ("document_number", document), ("account", LOGIN), ("password", PASSWORD)):
        page.fill(f"#{field}", value)
    press(page, "/new")
    assert page.is_visible("#agree-error"), page.inner_text("main")
    page.fill("#password", PASSWORD)
    page.check("details input[name=agree]")
    assert not page.is_checked("details input[name=elsewhere]"), "hours of elsewhere are a choice of one's own"
    press(page, "/new")


def confirm(desk: Phone, address: str) -> None:
    """The clerk compares name and document, and takes the worker in."""
    page = desk.page
    page.goto(address)
    row = page.locator("tbody tr", has_text=NAME)
    with page.expect_navigation():
        row.locator("button[value=accept]").click()
    assert page.locator("tbody tr", has_text=NAME).locator("button").count() == 0


def taken_in(school: School, offered: Offered) -> Learner:
    """A flexible member without consent to hours of elsewhere; the institution enrols whom the employer sends."""
    with school.database() as session:
        person_id = _person(session, LOGIN)
        member = session.scalars(sa.select(Membership).where(Membership.person_id == person_id)).one()
        assert member.kind is EmploymentKind.FLEXIBLE
        assert may_see_elsewhere(session, member.organisation_id, {person_id}) == set()
        acting = [UUID(school.example.institution_id)]
        classes.enrol(session, offered.class_id, [person_id], acting=acting, at=datetime.now(UTC))
        session.commit()
        return Learner(person_id, SignIn("learner", LOGIN, PASSWORD), "")


def learn_in_the_metro(school: School, offered: Offered, handset: Phone, learner: Learner) -> None:
    """Home says the one next thing; the network goes in the middle of it and comes back, and no second is lost."""
    page = handset.page
    page.goto(f"{school.base}/")
    assert page.locator(".hero").count() == 1
    assert "第一课：出发之前" in page.inner_text(".hero")
    follow(page, "a.hero-go")
    page.wait_for_selector("[data-player][data-ready=true]")
    assert page.url.endswith(f"/learn/{offered.unit_id}")
    download(handset)
    handset.play()
    play_to(handset, 2)
    network(handset, on=False)
    play_to(handset, 4)
    page.wait_for_selector("[data-network]:not([hidden]), #check-dialog[open]")
    network(handset, on=True)
    watch_to_the_end(school, handset, learner, whole_ms=LESSON_S * 1000)
    believed = school.believed(learner)
    assert abs(believed["final"] - LESSON_S * 1000) <= 1000, believed
    assert believed["pending"] == 0
    assert school.refusals(learner) == set()


def read_what_is_missing(school: School, handset: Phone, learner: Learner) -> None:
    """Hours as the ledger has them, and in plain words what the exam still asks for and where it is to be had."""
    page = handset.page
    wait_for(
        lambda: school.credited_ms(learner) == school.believed(learner)["final"],
        seconds=school.credited_s,
        what="the hours of the lesson",
    )
    page.goto(f"{school.base}/hours")
    assert page.inner_text(".figure b >> nth=0") == shown_as(school.believed(learner)["final"])
    assert page.locator("article .reasons li").all_inner_texts() == MISSING
    assert "尚未达到" in page.inner_text("article .badge >> nth=0")
    assert "您学习的内容全部计入" in page.inner_text("main"), "nothing of the metro was refused"
    follow(page, "article a:has-text('我的资格记录')")
    assert page.inner_text("h1") == "我的资格记录"
    assert page.inner_text(".page-head .badge") == "已生成", (
        "the record is there, and is told to nobody before it is granted"
    )
    page.goto(f"{school.base}/")
    assert page.locator(".still li").all_inner_texts() == MISSING, page.inner_text("body")
    page.goto(f"{school.base}/messages")
    assert "云岭建设" in page.inner_text("main"), "the worker is told who took them in"


MISSING = ["还差 7.2 学时面授理论", "还差 16.8 学时理论，可以在这里学"]
"""Of 24 hours 30 % in the classroom; a few seconds of one make no tenth of an hour."""


def shown_as(ms: int) -> str:
    return f"{ms // 1000} 秒"
