"""A class on pages: planned, submitted and checked by two people, accepted by the officer; answers to wrong forms."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.courses import classes
from elearn.courses.classes import lesson_plans, plan
from elearn.courses.classes.models import ClassStep, LessonPlan, PlanLine, RosterChange
from elearn.courses.classes.rules import State
from elearn.courses.models import Enrolment, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.people.models import Account, Role
from elearn.people.registry import local_day
from tests import builders_people as people
from tests.builders_teachers import a_paper, a_teacher, assigned, certified
from tests.conftest import ManualClock, statements
from tests.pages.conftest import Browser, World, text_of

Opens = Callable[[Account | None], Browser]
RULES = """catalogue: elearn-requirements
version: "1"
credit_rules:
  - {id: classes, class_review: regulator, late_report: refused, roster_changes: two_people, region: "530000",
     effective_from: 2026-01-01, confirmed: true}
"""


@dataclass
class Desk:
    """A class that is being planned, and everybody who has a say."""

    held: TrainingClass
    manager: Browser
    clerk: Browser
    officer: Browser
    learner: Account
    item: str

    @property
    def path(self) -> str:
        return f"/teaching/classes/{self.held.id}"

    def a_line(self, **changes: object) -> dict[str, object]:
        return {
            "item": self.item, "taught_on": self.held.starts_on.isoformat(), "hours": "16", "modality": "offline",
            "begins": "08:00", "ends": "20:00", "place": "",
        } | changes  # fmt: skip


@pytest.fixture
def desk(world: World, browser: Opens, session: Session, clock: ManualClock) -> Desk:
    at = clock.now
    world.institution.region = "530100"
    found = requirements.plan(session, RULES, unconfirmed=False, today=local_day(at))
    requirements.apply(session, found, file_name="rules.yaml", by="me", at=at)
    acting = [world.institution.id]
    begins = local_day(at) + timedelta(days=7)
    held = classes.open_class(
        session, institution_id=acting[0], outline_id=world.outline.id, class_no="B-1", title="焊工一班",
        starts_on=begins, at=at,
    )  # fmt: skip
    teacher = a_teacher(session, acting[0])
    certified(session, teacher, acting[0], a_paper(categories=[world.outline.category or world.outline.code]))
    assigned(session, held.id, teacher, acting[0], from_on=begins)
    classes.enrol(session, held.id, [world.worker.person_id], acting=acting, at=at)
    clerk = people.an_account(session, Role.INSTITUTION_CLERK, organisation_id=acting[0])
    officer = people.an_account(session, Role.REGULATOR_OFFICER, region="530000")
    session.commit()
    items = plan.items_of(session, held.outline_id)
    return Desk(held, browser(world.manager), browser(clerk), browser(officer), world.worker, str(items[0].id))


def planned_wholly(desk: Desk, session: Session) -> None:
    """The whole plan, on pages."""
    for item in plan.items_of(session, desk.held.outline_id):
        left = item.required_hours
        while left > 0:
            line = desk.a_line(item=str(item.id), hours=str(min(16, left)))
            assert desk.manager.post(f"{desk.path}/plan", line).status_code == 303
            left -= 16
    placed = desk.manager.post(f"{desk.path}/place", {"place": "实训楼", "region": "530102"})
    assert placed.status_code == 303


def accepted(desk: Desk, session: Session) -> None:
    planned_wholly(desk, session)
    for who, act in ((desk.clerk, "submit"), (desk.manager, "check"), (desk.officer, "accept")):
        assert who.post(f"{desk.path}/step/{act}", {"filing_no": "BA-1"}).status_code == 303


def test_a_class_goes_from_its_plan_to_the_officers_acceptance(desk: Desk, session: Session) -> None:
    page = desk.manager.page(desk.path)
    for said in ("There is no plan", "Conditions that are not met", "The region's officer accepts it."):
        assert said in page
    planned_wholly(desk, session)
    assert "实训楼 530102" in desk.manager.page(f"{desk.path}/notice")
    assert "All conditions are met" in desk.clerk.page(desk.path)
    assert desk.clerk.post(f"{desk.path}/step/submit").status_code == 303
    assert "焊工一班" not in desk.officer.page("/classes")
    assert "焊工一班" in desk.officer.page("/classes?show=coming")
    refused = desk.clerk.post(f"{desk.path}/step/check")
    assert (refused.status_code, "two people look" in desk.clerk.page(refused.location)) == (303, True)
    assert desk.manager.post(f"{desk.path}/step/check").status_code == 303
    assert "焊工一班" in desk.officer.page("/classes")
    unnamed = desk.officer.post(f"{desk.path}/step/accept", {"filing_no": ""})
    assert (unnamed.status_code, "A filing has a number." in text_of(unnamed)) == (422, True)
    assert desk.officer.post(f"{desk.path}/step/accept", {"filing_no": "BA-1"}).status_code == 303
    session.refresh(desk.held)
    assert (desk.held.filing_no, classes.state_of(session, desk.held.id)) == ("BA-1", State.ACCEPTED)
    notice = desk.officer.page(f"{desk.path}/notice")
    for said in ("李明", "BA-1", "王老师", "As accepted on"):
        assert said in notice
    assert "焊工一班" in desk.officer.page("/classes?show=accepted")


def test_an_officer_sends_a_class_back_with_words(desk: Desk, session: Session) -> None:
    planned_wholly(desk, session)
    desk.clerk.post(f"{desk.path}/step/submit")
    desk.manager.post(f"{desk.path}/step/check")
    silent = desk.officer.post(f"{desk.path}/step/return", {"note": " "})
    assert (silent.status_code, "Give a reason" in text_of(silent)) == (422, True)
    assert desk.officer.post(f"{desk.path}/step/return", {"note": "场地不符"}).status_code == 303
    page = desk.manager.page(desk.path)
    assert "场地不符" in page
    assert "planned" in page


def test_after_acceptance_the_roster_changes_with_a_reason_and_two_people(desk: Desk, session: Session) -> None:
    accepted(desk, session)
    leave: dict[str, object] = {"person": str(desk.learner.person_id)}
    unsaid = desk.manager.post(f"{desk.path}/withdraw", dict(leave))
    assert (unsaid.status_code, "Give a reason" in text_of(unsaid)) == (422, True)
    assert desk.manager.post(f"{desk.path}/withdraw", leave | {"reason": "病假"}).status_code == 303
    wanted = session.scalars(sa.select(RosterChange).where(RosterChange.class_id == desk.held.id)).one()
    here = sa.select(sa.func.count()).where(Enrolment.class_id == desk.held.id, Enrolment.withdrawn_at.is_(None))
    assert session.scalar(here) == 1
    answer = f"{desk.path}/changes/{wanted.id}"
    own = desk.manager.post(answer, {"answer": "confirm"})
    assert "two people look" in desk.manager.page(own.location)
    assert "病假" in desk.clerk.page(desk.path)
    mute = desk.clerk.post(answer, {"answer": "object"})
    assert (mute.status_code, "Give a reason" in text_of(mute)) == (422, True)
    assert desk.clerk.post(answer, {"answer": "maybe"}).status_code == 400
    assert desk.clerk.post(answer, {"answer": "confirm"}).status_code == 303
    assert session.scalar(here) == 0
    assert "李明" in desk.officer.page(f"{desk.path}/notice"), "what was accepted stays, the change stands below it"


WRONG_LINES: list[tuple[dict[str, object], str]] = [
    ({"hours": ""}, "Please fill this in."),
    ({"hours": "x"}, "1 to 24 hours"),
    ({"hours": "٣"}, "1 to 24 hours"),
    ({"hours": "25"}, "1 to 24 hours"),
    ({"taught_on": "tomorrow"}, "A date has the form"),
    ({"taught_on": "2020-01-01"}, "between the first and the last day"),
    ({"begins": "nine"}, "A time has the form"),
    ({"ends": ""}, "or neither"),
    ({"begins": "", "ends": ""}, "has a time"),
    ({"begins": "21:00"}, "ends after it begins"),
    ({"begins": "08:01"}, "an hour on site has at least 45 minutes"),
    ({"place": "x" * 201}, "at most 200 characters"),
]


def test_a_wrong_line_of_a_plan_says_what_is_wrong(desk: Desk, session: Session) -> None:
    for changes, said in WRONG_LINES:
        answer = desk.manager.post(f"{desk.path}/plan", desk.a_line(**changes))
        assert (answer.status_code, said in text_of(answer)) == (422, True), changes
    assert session.scalars(sa.select(PlanLine)).all() == []


def test_a_wrong_place_and_a_form_of_no_page_are_refused(desk: Desk, session: Session) -> None:
    for form, said in (
        ({"place": "", "region": ""}, "Please fill this in."),
        ({"place": "楼", "region": "昆明"}, "six digits"),
    ):
        answer = desk.manager.post(f"{desk.path}/place", dict(form))
        assert (answer.status_code, said in text_of(answer)) == (422, True)
    assert desk.manager.post(f"{desk.path}/plan", desk.a_line(modality="by post")).status_code == 400
    assert desk.manager.post(f"{desk.path}/plan", desk.a_line(item="x")).status_code == 400
    for act in ("receipt", "explode"):
        assert desk.manager.post(f"{desk.path}/step/{act}").status_code == 404
    assert session.scalars(sa.select(ClassStep).where(ClassStep.class_id == desk.held.id)).all() == []


def test_where_the_officer_reviews_a_receipt_files_nothing(desk: Desk, session: Session, clock: ManualClock) -> None:
    today = local_day(clock.now).isoformat()
    answer = desk.manager.post(f"{desk.path}/filing", {"filing_no": "X", "filed_on": today})
    assert (answer.status_code, "reviewed on this platform" in desk.manager.page(desk.path)) == (303, True)
    session.refresh(desk.held)
    assert desk.held.filed_at is None


def test_another_regions_officer_finds_no_such_class(desk: Desk, browser: Opens, session: Session) -> None:
    stranger = people.an_account(session, Role.REGULATOR_OFFICER, region="510000")
    session.commit()
    elsewhere = browser(stranger)
    for path in (desk.path, f"{desk.path}/plan", f"{desk.path}/notice"):
        assert elsewhere.get(path).status_code == 404
    assert elsewhere.post(f"{desk.path}/step/accept", {"filing_no": "1"}).status_code == 404
    assert "焊工一班" not in elsewhere.page("/classes?show=coming")
    assert desk.officer.post(f"{desk.path}/plan", desk.a_line()).status_code == 403


def test_the_page_in_chinese_names_the_conditions(desk: Desk) -> None:
    page = desk.manager.client.get(desk.path, headers={"Accept": "text/html", "Accept-Language": "zh"}).text
    assert "没有计划：请填写哪一天教什么。" in page


def test_a_longer_roster_and_plan_need_no_more_queries(desk: Desk, session: Session) -> None:
    def asked(path: str) -> int:
        session.expire_all()
        with statements(session) as seen:
            desk.manager.page(path)
        return len(seen)

    paths = [desk.path, f"{desk.path}/plan", f"{desk.path}/notice"]
    for path in paths:
        asked(path)
    before = [asked(path) for path in paths]
    for number in range(3):
        person = people.a_person(session, name=f"学员{number}")
        classes.enrol(session, desk.held.id, [person.id], acting=[desk.held.institution_id], at=people.AT)
        desk.manager.post(f"{desk.path}/plan", desk.a_line())
        assert sent(desk, b"%PDF-1.7 " + bytes([number])).status_code == 303
    assert [asked(path) for path in paths] == before


# --- lesson plans -----------------------------------------------------------------------------------------------------


def sent(
    desk: Desk, content: bytes, name: str = "教案.pdf", line: str = "", *, who: Browser | None = None
) -> TestResponse:
    form: dict[str, object] = {"line": line, "file": (io.BytesIO(content), name)}
    return (who or desk.manager).post(f"{desk.path}/lesson-plans", form)


WRONG_FILES = [
    (b"", "a.pdf", "This file is empty."),
    (b"%PDF-" + b"x" * (lesson_plans.LARGEST_BYTES - 4), "a.pdf", "has at most 10 MB"),
    (b"MZ program", "a.pdf", "is a PDF, DOCX, DOC or PPTX file"),
    (b"%PDF-1.7", "a.exe", "is a PDF, DOCX, DOC or PPTX file"),
    (b"%PDF-1.7", "", "Choose a file."),
]


def test_a_wrong_lesson_plan_says_what_is_wrong(desk: Desk, session: Session) -> None:
    for content, name, said in WRONG_FILES:
        answer = sent(desk, content, name)
        assert (answer.status_code, said in text_of(answer)) == (422, True), said
    other = sent(desk, b"%PDF-1.7", line=str(desk.held.id))
    assert (other.status_code, "Choose a line of this plan." in text_of(other)) == (422, True)
    assert sent(desk, b"%PDF-1.7", line="x").status_code == 400
    assert sent(desk, b"%PDF-" + b"x" * (lesson_plans.LARGEST_BYTES + 100_000)).status_code == 413
    assert session.scalars(sa.select(LessonPlan)).all() == []


def test_a_lesson_plan_is_sent_before_acceptance_and_after_and_the_older_one_stays(
    desk: Desk, session: Session, browser: Opens, world: World
) -> None:
    desk.manager.post(f"{desk.path}/plan", desk.a_line(hours="1"))
    line = session.scalars(sa.select(PlanLine)).one()
    assert "Lessons of the plan without a lesson plan: 1" in desk.manager.page(f"{desk.path}/plan")
    assert sent(desk, b"%PDF-1.7 old", "../旧.pdf", str(line.id)).status_code == 303
    desk.manager.post(f"{desk.path}/plan/{line.id}/remove")
    accepted(desk, session)
    for content in (b"%PDF-1.7 whole", b"%PDF-1.7 newer", b"%PDF-1.7 newer"):
        assert sent(desk, content).status_code == 303
    rows = session.scalars(sa.select(LessonPlan).order_by(LessonPlan.number)).all()
    assert [(one.number, one.name, one.line_id) for one in rows] == [
        (1, "旧.pdf", line.id), (2, "教案.pdf", None), (3, "教案.pdf", None),
    ]  # fmt: skip
    page = desk.officer.page(f"{desk.path}/plan")
    assert (page.count("replaced"), "旧.pdf" in page, "Line of the plan" in page) == (1, True, False)
    answer = desk.officer.get(f"{desk.path}/lesson-plans/{rows[0].id}")
    assert answer.data == b"%PDF-1.7 old"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    address = f"{desk.path}/lesson-plans/{rows[0].id}"
    for who, status in ((world.account("other_manager"), 404), (world.worker, 403)):
        assert browser(who).get(address).status_code == status
        assert sent(desk, b"%PDF-1.7", who=browser(who)).status_code == status
    assert sent(desk, b"%PDF-1.7", who=desk.clerk).status_code == 403, "the manager answers for them"
    assert sent(desk, b"%PDF-1.7", who=desk.officer).status_code == 403
    assert desk.manager.get(f"/teaching/classes/{world.held.id}/lesson-plans/{rows[0].id}").status_code == 404


def test_a_class_is_full_of_lesson_plans_at_its_most(
    desk: Desk, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lesson_plans, "MOST_BYTES", 20)
    assert sent(desk, b"%PDF-1.7 first").status_code == 303
    answer = sent(desk, b"%PDF-1.7 second")
    assert (answer.status_code, "of 100 MB together" in text_of(answer)) == (422, True)
    assert session.scalars(sa.select(LessonPlan.number)).all() == [1]
