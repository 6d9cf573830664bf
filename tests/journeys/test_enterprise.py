"""From HR's roster to the inspector: a clerk trains an enterprise by pages alone, and a worker reads what is asked.

A clerk takes in a roster with every usual mistake, makes a programme and the rule for whoever is hired; days pass, a
reminder comes, then the training is overdue and posts have to be left; an inspector sees that, masked, and nothing
else. The worker's phone is 360 by 800, the desk 1280 by 800. A week passes by a clock of the product's own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.courses import page_units, teaching
from elearn.courses.centres import Audience, Centre
from elearn.courses.describing import Particulars
from elearn.courses.page_units import Page
from elearn.demo.browser import Phone, phone
from elearn.demo.example import open_sign_in, questions
from elearn.people import accounts, persons, registry, roles
from elearn.people.identity import Keys
from elearn.people.models import Role
from tests.builders_people import PASSWORD
from tests.journeys import ahead
from tests.journeys.ahead import Moved
from tests.journeys.dirty_roster import FLEXIBLE, Roster, a_dirty_roster
from tests.journeys.running import RunningProduct
from tests.journeys.school import School, a_running_school
from tests.journeys.turning import arrive, follow, press
from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("enterprise")]

DESK = {"width": 1280, "height": 800}
COURSE, PROGRAMME, RULE = "进场须知", "新员工进场教育", "新进人员先培训后上岗"
PAGE_MS = 180_000
DUE_DAYS = 7
SOON_S = 30
FILE_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def enterprise(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[School, Moved]]:
    with an_enterprise(tmp_path_factory.mktemp("enterprise")) as made:
        yield made


@contextmanager
def an_enterprise(place: Path) -> Iterator[tuple[School, Moved]]:
    """A running product with a clock to move, a course of pages for employees, and the enterprise's principal."""
    clocks: list[Moved] = []

    def with_a_clock(product: RunningProduct) -> None:
        clocks.append(ahead.moved(product, place / "clock"))

    with a_running_school(place, before=with_a_clock) as school:
        with school.database() as session:
            _offer_course(session, school)
            _appoint_principal(session, school)
            session.commit()
        yield school, clocks[0]


def _keys(school: School) -> Keys:
    return Keys(sealing=school.settings.sealing_key, index=school.settings.index_key)


def _offer_course(session: Session, school: School) -> None:
    institution, now = UUID(school.example.institution_id), datetime.now(UTC)
    manager = accounts.find_account(session, school.sign_in_of("manager").name, keys=_keys(school))
    assert manager is not None
    said = Particulars(centre=Centre.EMPLOYEES, audiences=frozenset({Audience.EMPLOYEE}))
    course = teaching.add_course(session, institution_id=institution, title=COURSE, summary="两页。", said=said, at=now)
    lesson = teaching.add_lesson(session, course_id=course.id, title=COURSE, acting=[institution])
    pages = [Page(title, "先看，再问，后动手。", None, PAGE_MS, manager.person_id, now) for title in ("进门", "干活")]
    asked = questions(len(pages) * PAGE_MS)
    page_units.register_pages(session, lesson.id, COURSE, pages, asked, at=now, published=True)


def _appoint_principal(session: Session, school: School) -> None:
    keys, now = _keys(school), datetime.now(UTC)
    clerk = accounts.find_account(session, school.sign_in_of("clerk").name, keys=keys)
    assert clerk is not None
    [place] = [one.organisation_id for one in roles.list_grants(session, clerk.id) if one.role is Role.ENTERPRISE_CLERK]
    staff = persons.add_staff(session, name="张敏", keys=keys, at=now)
    account = open_sign_in(session, school.example.sign_ins, staff.id, "principal", "principal", keys=keys, now=now)
    roles.grant_role(session, account, Role.PRINCIPAL, organisation_id=place, at=now)


def test_a_clerk_trains_an_enterprise_and_an_inspector_sees_who_is_late(
    enterprise: tuple[School, Moved], chromium: Browser
) -> None:
    school, clock = enterprise
    roster = a_dirty_roster(registry.local_day(datetime.now(UTC)))
    with phone(chromium, size=DESK) as desk, phone(chromium) as handset:
        sign_in(school, desk, "clerk")
        import_roster(school, desk, roster)
        first_sign_in(school, handset, roster.phone, slip_of(school, desk, FLEXIBLE))
        make_programme(school, desk)
        make_rule(school, desk, roster)
        read_what_is_asked(school, handset)

        clock.to(DUE_DAYS - 1)
        let_run(school, "training.remind")
        says_at_last(handset, f"{school.base}/messages", "待完成的培训")
        assert PROGRAMME in handset.page.inner_text("main li >> nth=0")

        clock.to(DUE_DAYS + 1)
        let_run(school, "training.remind", "figures.settle")
        says_at_last(handset, f"{school.base}/messages", "请先离岗，培训完成后再上岗")
        handset.page.goto(f"{school.base}/")
        assert PROGRAMME in handset.page.inner_text(".hero.urgent")
        sign_in(school, desk, "clerk")  # who works here is signed out after two hours
        lists_of(school, desk, roster)
        figures_of(school, desk)

    with phone(chromium, size=DESK) as boss, phone(chromium, size=DESK) as visitor:
        sign_in(school, boss, "principal")
        let_in(school, boss, visitor, roster)


def sign_in(school: School, who: Phone, name: str) -> None:
    known = school.sign_in_of(name)
    who.page.context.clear_cookies()
    who.sign_in(school.base, known.name, known.password)


def let_run(school: School, *names: str) -> None:
    """Have the worker do now what it does every hour or minute."""
    with school.database() as session:
        for name in names:
            jobs.defer(session, name)
        session.commit()


def says_at_last(who: Phone, address: str, text: str) -> None:
    """Look again until the page says so."""

    def says() -> bool:
        who.page.goto(address)
        return text in who.page.inner_text("main")

    wait_for(says, seconds=SOON_S, what=text)


# --- the roster -------------------------------------------------------------------------------------------------------


def import_roster(school: School, desk: Phone, roster: Roster) -> None:
    """Preview line by line, wrong rows back as a file, the good ones taken in by a job."""
    page = desk.page
    page.goto(f"{school.base}/people")
    follow(page, "main a[href*='/people/import']")
    page.set_input_files("#file", {"name": "花名册.xlsx", "mimeType": FILE_TYPE, "buffer": roster.content})
    with page.expect_navigation():
        page.click("form[enctype] button")
    arrive(page, "form[action$='/take']", seconds=SOON_S)
    assert numbers(desk) == {"新增": len(roster.new), "有误": len(roster.refused), "重复行": 1}
    shown = page.locator("tbody tr").all_inner_texts()
    for line, why in roster.refused.items():
        assert any(f"第 {line} 行" in text and why in text for text in shown), (line, shown)
    assert len(shown) == len(roster.refused)
    with page.expect_download() as coming:
        page.click("form a[href$='refused.xlsx']")
    book = openpyxl.load_workbook(io.BytesIO(Path(coming.value.path()).read_bytes()), read_only=True)
    _head, *rows = book.worksheets[0].iter_rows(values_only=True)
    assert {int(str(row[0])): roster.refused[int(str(row[0]))] in str(row[1]) for row in rows} == dict.fromkeys(
        roster.refused, True
    )
    press(page, "/take")
    arrive(page, "main a[href*='/people/slips']", seconds=SOON_S)
    assert numbers(desk)["新增"] == len(roster.new)
    page.goto(f"{school.base}/people")
    listed = page.inner_text("main table")
    assert all(name in listed for name in roster.new), listed


def numbers(desk: Phone) -> dict[str, int]:
    """What stands in the row of figures."""
    cards = desk.page.locator(".figures .card")
    pairs = (one.split("\n") for one in cards.all_inner_texts())
    return {words[-1]: int(words[0]) for words in pairs if words[-1] in ("新增", "有误", "重复行")}


def slip_of(school: School, desk: Phone, name: str) -> str:
    """The one-time password on somebody's slip."""
    page = desk.page
    page.goto(f"{school.base}/people/slips")
    press(page, "/people/slips")
    return page.inner_text(f".slip:has(h2:text-is('{name}')) .secret").strip()


def first_sign_in(school: School, handset: Phone, number: str, one_time: str) -> None:
    """With the own phone number and the slip, and then a password of one's own."""
    handset.sign_in(school.base, number, one_time)
    handset.page.fill("#new", PASSWORD)
    handset.page.fill("#again", PASSWORD)
    press(handset.page, "/password")
    assert "/password" not in handset.page.url


# --- training ---------------------------------------------------------------------------------------------------------


def make_programme(school: School, desk: Phone) -> None:
    page = desk.page
    page.goto(f"{school.base}/training")
    follow(page, "main a[href*='/training/programmes/new']")
    page.fill("#title", PROGRAMME)
    page.select_option("#purpose", "other")
    page.fill("#required", "0.1")
    page.fill("#due_days", str(DUE_DAYS))
    page.check(f"label:has-text('{COURSE}') input")
    with page.expect_navigation():
        page.click("form.form-page button")
    assert PROGRAMME in page.inner_text("h1")


def make_rule(school: School, desk: Phone, roster: Roster) -> None:
    """It assigns by a job, whose progress the page shows: to those hired today, and once."""
    page = desk.page
    page.goto(f"{school.base}/training/rules/new")
    page.fill("#title", RULE)
    page.select_option("#occasion", "hire")
    page.select_option("#programme-1", index=1)
    page.check("input[name=bars_post]")
    with page.expect_navigation():
        page.click("form.form-page button")
    hired = len(roster.hired_today) + len(school.example.worker_ids)
    arrive(page, f"main:has-text('新分配 {hired} 项')", seconds=SOON_S)
    page.goto(f"{school.base}/training/assignments?show=late")
    assert page.locator("tbody tr").count() == 0, "nobody is late on the first day"


def read_what_is_asked(school: School, handset: Phone) -> None:
    """The one next thing on the worker's phone, and its message."""
    page = handset.page
    page.goto(f"{school.base}/")
    assert page.locator(".hero").count() == 1
    said = page.inner_text(".hero")
    assert "上岗之前" in said, said
    assert PROGRAMME in said
    let_run(school, "training.remind")
    says_at_last(handset, f"{school.base}/messages", f"新的培训：{PROGRAMME}")
    assert "6 分钟" in page.inner_text("main"), "how long it takes"


def lists_of(school: School, desk: Phone, roster: Roster) -> None:
    """Overdue, and must leave the post: those hired today, nobody else."""
    page = desk.page
    for show in ("late", "leave"):
        page.goto(f"{school.base}/training/assignments?show={show}")
        listed = page.locator("tbody th").all_inner_texts()
        assert set(roster.hired_today) <= set(listed), listed
        assert not set(listed) & (set(roster.new) - set(roster.hired_today))
        assert page.locator("tbody tr:has-text('须离岗')").count() == len(listed)


def figures_of(school: School, desk: Phone) -> None:
    """The figures say what the lists say, as soon as they were counted."""
    page = desk.page
    page.goto(f"{school.base}/training/assignments?show=late")
    late = page.locator("tbody tr").count()

    def agree() -> bool:
        page.goto(f"{school.base}/figures")
        cards = [page.locator(f".numbers .card:has(dt:text-is('{name}')) b") for name in ("逾期", "须离岗")]
        return [card.inner_text() for card in cards] == [str(late)] * 2

    wait_for(agree, seconds=SOON_S, what="the figures of who must leave the post")


# --- the inspector ----------------------------------------------------------------------------------------------------


def let_in(school: School, boss: Phone, visitor: Phone, roster: Roster) -> None:
    """A link shows figures and masked names; nothing else opens with it, and withdrawn it opens nothing."""
    page, seen = boss.page, visitor.page
    page.goto(f"{school.base}/figures")
    figures = page.url
    follow(page, "main a[href$='/inspections']")
    page.fill("#whom", "应急管理局 专项检查")
    press(page, "/inspections")
    address = page.inner_text(".secret").strip()
    assert address.startswith(f"{school.base}/inspection/")

    seen.goto(address)
    assert "须离岗" in seen.inner_text("main")
    follow(seen, "nav a[href*='show=overdue']")
    names = seen.locator("tbody th").all_inner_texts()
    assert {f"{name[:1]}*" for name in roster.hired_today} <= set(names), names
    whole = seen.content()
    assert not [name for name in roster.new if name in whole]
    for path in (figures, f"{school.base}/people", f"{school.base}/training", f"{school.base}/messages"):
        seen.goto(path)
        assert "/signin" in seen.url, path
    elsewhere = seen.goto(f"{address}/{school.example.institution_id}")
    assert elsewhere is not None
    assert elsewhere.status == 404

    page.goto(figures + "/inspections")
    press(page, "/withdraw")
    gone = seen.goto(address)
    assert gone is not None
    assert gone.status == 404
    assert "须离岗" not in seen.inner_text("main")
