"""Everybody can use the pages: nothing in them violates WCAG 2.2 A or AA, nor what axe calls best practice, as far as
axe can tell, also in the sun.

A real Chromium shows what the application answers in this process; no server stands between. axe comes from npm with
what builds the pages and is in nothing that is shipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses.models import Course, Outline, TrainingClass
from elearn.courses.papers import attempts
from elearn.demo.browser import PHONE, phone
from elearn.pages import assets, display
from elearn.people.identity import Keys
from elearn.people.models import Organisation, Role
from elearn.people.registry import local_day
from elearn.people.roster import drafts, looking
from elearn.training import assigning
from elearn.training.models import Purpose
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling
from tests import builders_courses as courses
from tests.architecture.two_sides import Side, a_side
from tests.builders_questions import TestingSchool, a_multiple, a_single, a_test, asked
from tests.builders_training import Works
from tests.conftest import ManualClock
from tests.pages.conftest import Browser as Client

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("accessible")]

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (levels) => (await axe.run(document, {runOnly: levels, resultTypes: ["violations"]})).violations.flatMap(
  (found) => found.nodes.map((node) => `${found.id} at ${node.target.join(" ")}: ${node.failureSummary}`))"""
DESK = {"width": 1280, "height": 800}
HERE = "http://localhost"


@dataclass
class World:
    """One group and one institution with a bit of everything that pages show."""

    app: Flask
    session: Session
    side: Side
    attempt_id: object
    roster_id: object

    def client(self, role: Role | None) -> Client:
        return Client(self.app, self.session, self.side.accounts[role] if role else None)

    def pages(self, role: Role | None) -> list[str]:
        """What somebody of this role opens day by day."""
        ids = self.side.ids
        return {
            None: ["/signin", "/public", "/nowhere", "/offline"],
            Role.LEARNER: [
                "/", "/learn", f"/courses/{ids['course']}", f"/learn/{ids['unit']}",
                f"/tests/attempts/{self.attempt_id}", "/tests", "/hours", "/messages", "/me", "/my-training",
            ],
            Role.ENTERPRISE_CLERK: [
                "/", "/people", f"/people/{ids['person']}", "/people/import", f"/people/import/{self.roster_id}",
                "/organisations", "/training", "/training/rules/new", "/figures",
            ],
            Role.INSTITUTION_MANAGER: [
                "/teaching", f"/teaching/courses/{ids['course']}", f"/teaching/classes/{ids['training_class']}",
                "/teaching/questions", "/eligibility", "/publicity/new", "/design",
            ],
        }[role]  # fmt: skip


@pytest.fixture
def world(app: Flask, session: Session, clock: ManualClock) -> World:
    side, now = a_side(session, "云岭", "530100"), clock()
    learner, clerk = side.accounts[Role.LEARNER].person_id, side.accounts[Role.ENTERPRISE_CLERK].person_id
    enterprise = session.get_one(Organisation, side.ids["organisation"])
    institution = session.get_one(Organisation, side.ids["institution"])
    works = Works(session, enterprise, enterprise, enterprise, enterprise, institution)
    training = works.programme(Purpose.YEARLY)
    assigning.by_hand(
        session, assigning.ByHand(training.id, [side.ids["membership"]]), due_on=local_day(now), bars_post=True, now=now
    )
    outline = session.get_one(Outline, side.ids["outline"])
    school = TestingSchool(
        institution, outline, courses.theory_of(session, outline), session.get_one(Course, side.ids["course"]),
        session.get_one(TrainingClass, side.ids["training_class"]), side.accounts[Role.INSTITUTION_MANAGER],
        side.accounts[Role.TEACHER], side.accounts[Role.LEARNER],
    )  # fmt: skip
    for content in (a_single(), a_multiple()):
        asked(session, school, content)
    test, _blueprint = a_test(session, school)
    attempt = attempts.begin(session, test.id, learner, at=now)
    facts = {"programme": training.title, "left_ms": 3_600_000, "due_on": "2026-07-01", "bars_post": True}
    messages.tell(session, [Telling(learner, Kind.ASSIGNED, "1", facts, enterprise.id)], at=now - timedelta(hours=1))
    settings = app.extensions["elearn"].settings
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    draft = drafts.ask(
        session,
        enterprise,
        name="花名册.csv",
        content=ROSTER.encode("gb18030"),
        categories={},
        by=clerk,
        keys=keys,
        at=now,
    )
    looking.read(session, draft.id, keys=keys, now=lambda: now)
    session.commit()
    return World(app, session, side, attempt.id, draft.id)


ROSTER = """姓名,身份证号码,手机,部门,岗位,用工形式,入职日期
陈建国,999998198503120011,13900001001,生产部,电工,合同制,2026.3.1
马强,99999819790101003X,13900001004,后勤,仓管,月结,5/6/26
"""


@contextmanager
def shown(chromium: Browser, client: Client, *, language: str, size: dict[str, int]) -> Iterator[Page]:
    """A page whose every request this process answers, as whoever is signed in there."""

    def answer(route: Route) -> None:
        asked, address = route.request, urlsplit(route.request.url)
        headers = {name: value for name, value in asked.headers.items() if name != "cookie"}
        with client.client.open(
            address.path, query_string=address.query, method=asked.method, headers=headers, data=asked.post_data_buffer,
            follow_redirects=True,  # a browser that is answered so asks for the next address itself, of a server
        ) as got:  # fmt: skip
            told = {name: value for name, value in got.headers.items() if name not in ("Set-Cookie", "Content-Length")}
            route.fulfill(status=got.status_code, headers=told, body=got.get_data())

    with phone(chromium, language=language, size=size) as handset:
        handset.page.context.route("**/*", answer)
        handset.page.add_init_script(path=AXE)
        yield handset.page


def violations(page: Page, path: str) -> list[str]:
    answered = page.goto(f"{HERE}{path}")
    assert answered is not None
    assert answered.status == (404 if path == "/nowhere" else 200), path
    found: Any = page.evaluate(RUN, LEVELS)
    return [f"{path}: {one}" for one in found]


LOOKS = [
    ("zh-CN", PHONE, "auto", "light", (None, Role.LEARNER, Role.ENTERPRISE_CLERK, Role.INSTITUTION_MANAGER)),
    ("en", DESK, "auto", "dark", (Role.ENTERPRISE_CLERK,)),
    ("zh-CN", PHONE, "sun", "dark", (Role.LEARNER,)),
]
"""Language, size, what the person chose of colours, what the device has, and whose pages."""


@pytest.mark.parametrize(("language", "size", "theme", "device", "roles"), LOOKS)
def test_pages_violate_nothing_that_axe_can_find(
    language: str, size: dict[str, int], theme: str, device: str, roles: tuple[Role | None, ...], world: World,
    chromium: Browser,
) -> None:  # fmt: skip
    found = []
    for role in roles:
        client = world.client(role)
        client.client.set_cookie(display.THEME_COOKIE, theme)
        with shown(chromium, client, language=language, size=size) as page:
            page.emulate_media(color_scheme="dark" if device == "dark" else "light")
            for path in world.pages(role):
                found += violations(page, path)
    assert found == []


def test_no_table_has_a_header_that_says_nothing() -> None:
    """It would be announced at every cell below; a column of buttons has an empty cell at its head, `<td></td>`."""
    templates = list((Path(assets.__file__).parent / "templates" / "elearn").glob("*.html"))
    assert len(templates) > 100
    silent = re.compile(r"<th\b[^>]*>\s*</th>")
    assert [one.name for one in templates if silent.search(one.read_text(encoding="utf-8"))] == []


def test_what_looks_for_violations_is_not_shipped() -> None:
    assert "Deque Systems" in AXE.read_text(encoding="utf-8")
    shipped = [one for one in (assets.STATIC / "build").iterdir() if one.suffix != ".gz"]
    assert len(shipped) > 10
    assert [one.name for one in shipped if b"Deque Systems" in one.read_bytes()] == []
