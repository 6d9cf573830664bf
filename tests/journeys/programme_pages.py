"""What people of an institution do on its pages, an act each. `page` belongs to who does it; all pages are Chinese."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from elearn.courses.pool import QuestionDraft
from elearn.demo.browser import Phone
from tests.journeys.programme import OUTLINE_NAME, Learner
from tests.journeys.turning import arrive, follow, id_in, press

if TYPE_CHECKING:
    from playwright.sync_api import Page


def choose_item(page: Page) -> None:
    """The one item of our outline, among those of all outlines."""
    value = page.locator(f"#item optgroup[label^='{OUTLINE_NAME}'] option").first.get_attribute("value")
    page.select_option("#item", value)


# --- the class ----------------------------------------------------------------------------------------------------


CLASS_NO, PLACE = "DY-2026-01", "实训楼 201"


def open_class(page: Page, base: str) -> str:
    page.goto(f"{base}/teaching/classes")
    follow(page, "a[href*='/teaching/classes/new']")
    page.select_option("#outline", label=f"{OUTLINE_NAME} (1)")
    page.fill("#title", "低压电工初训一班")
    page.fill("#class_no", CLASS_NO)
    page.fill("#ends_on", page.input_value("#starts_on"))
    page.fill("#place", PLACE)
    press(page, "/teaching/classes/new")
    return id_in(page)


def enrol(page: Page, learners: Iterable[Learner]) -> None:
    page.fill("#people", "\n".join(f"{one.name} {one.document}" for one in learners))
    press(page, "/enrol")


def enter_teacher(page: Page, base: str) -> None:
    """Whoever holds the sessions stands in the register of the institution."""
    page.goto(f"{base}/teachers")
    follow(page, "a[href*='/teachers/new']")
    page.select_option("#person", label="孙老师")
    press(page, "/teachers/new")


def plan_class(page: Page, base: str, class_id: str, begins: datetime) -> None:
    """All of it on site, by the teacher who was entered."""
    page.goto(f"{base}/teaching/classes/{class_id}")
    follow(page, "nav a[href$='/teachers'].button")
    page.select_option("#teacher", label="孙老师")
    press(page, "/teachers")
    page.goto(f"{base}/teaching/classes/{class_id}")
    follow(page, "a[href$='/plan']")
    page.fill("#hours", "1")
    page.select_option("#modality", "offline")
    page.fill("#begins", begins.strftime("%H:%M"))
    page.fill("#ends", (begins + timedelta(minutes=5)).strftime("%H:%M"))
    press(page, "/plan")


def take_steps(page: Page, base: str, class_id: str, *acts: str) -> None:
    """Of the class, one after the other, on its page."""
    page.goto(f"{base}/teaching/classes/{class_id}")
    for act in acts:
        press(page, f"/step/{act}")


def plan_session(page: Page, base: str, class_id: str, begins: datetime, ends: datetime) -> str:
    """A session on site; its times are typed to the second, so that nobody has to wait for a whole minute."""
    page.goto(f"{base}/teaching/classes/{class_id}")
    follow(page, "a[href$='/sessions']")
    page.select_option("#item", index=1)
    page.select_option("#teacher", label="孙老师")
    page.fill("#place", PLACE)
    page.fill("#on", begins.date().isoformat())
    page.fill("#begins", begins.time().isoformat())
    page.fill("#ends", ends.time().isoformat())
    press(page, "/sessions")
    follow(page, "main a[href*='/sessions/']:not([href$='/sessions'])")
    return id_in(page)


# --- the course ---------------------------------------------------------------------------------------------------


def make_course(page: Page, base: str) -> str:
    page.goto(f"{base}/teaching")
    follow(page, "a[href*='/teaching/courses/new']")
    page.fill("#title", "低压电工安全技术")
    choose_item(page)
    page.fill("#summary", "停电、验电、挂牌上锁：先做什么，后做什么。")
    press(page, "/teaching/courses/new")
    return id_in(page)


def begin_video(page: Page, video: Path) -> str:
    """Add a lesson and send its video; answers the lesson's id while the video is being prepared."""
    page.fill("input[name=title]", "停电与验电")
    press(page, "/lessons")
    lesson_id = id_in(page)
    preparing = page.get_attribute("form[data-upload]", "data-packaging")
    page.set_input_files("#video", video)
    page.click("form[data-upload] button")
    page.wait_for_selector(f"[data-says]:has-text('{preparing}'), #pool", timeout=60_000)
    return lesson_id


def open_lesson(page: Page, base: str, lesson_id: str) -> None:
    page.goto(f"{base}/teaching/lessons/{lesson_id}")


def add_check_questions(page: Page, asked: Iterable[QuestionDraft]) -> None:
    """All at once, as text."""
    page.click("#add-many summary >> nth=0")
    length = page.input_value("#add-one input[name=to]")
    page.fill("#add-many textarea", "\n\n".join(_as_text(one, length) for one in asked))
    press(page, "/questions")


def _as_text(one: QuestionDraft, length: str) -> str:
    lines = [f"{'*' if place in one.correct else '-'} {text}" for place, text in enumerate(one.options)]
    return "\n".join([f"0:00-{length} {one.stem}", *lines])


def submit_for_review(page: Page) -> None:
    follow(page, "a[href*='/preview']")
    press(page, "/submit")


def approve_lesson(page: Page, base: str) -> None:
    """The second person finds what waits, and publishes it."""
    page.goto(f"{base}/teaching/reviews")
    follow(page, "ol.steps a")
    press(page, "/approve")


# --- the course test ----------------------------------------------------------------------------------------------

GIFT = """::q1:: 验电前先做什么？ {=确认验电器完好 ~直接验电 ~合上开关}

::q2:: 湿手可以操作开关。 {FALSE}
"""
RIGHT = ("确认验电器完好", "错")


def import_questions(page: Page, base: str, place: Path) -> None:
    file = place / "questions.gift"
    file.write_text(GIFT, encoding="utf-8")
    page.goto(f"{base}/teaching/questions")
    follow(page, "a[href*='/teaching/questions/import']")
    value = page.locator("#outline option", has_text=OUTLINE_NAME).get_attribute("value")
    page.select_option("#outline", value)
    choose_item(page)
    page.set_input_files("#file", file)
    page.check("input[name=usage][value=course]")
    with page.expect_navigation():
        page.click("form[enctype] button")


def review_questions(page: Page, base: str) -> None:
    page.goto(f"{base}/teaching/questions?state=draft")
    for box in page.locator("input[name=version]").all():
        box.check()
    press(page, "/review")


def make_course_test(page: Page, base: str) -> str:
    """Two questions, whichever the bank has; no wait between tries."""
    page.goto(f"{base}/teaching/tests")
    page.fill("#title", "低压电工课程测试")
    page.select_option("#course", label="低压电工安全技术")
    with page.expect_navigation():
        page.click("form.card button")
    test_id = id_in(page)
    page.fill("input[name=count] >> nth=0", "2")
    page.fill("input[name=points] >> nth=0", "50")
    page.fill("#wait", "0")
    with page.expect_navigation():
        page.click("form.card[method=post] button")
    press(page, "/publish")
    return test_id


def take_test(handset: Phone, base: str) -> str:
    """On the phone; answers what it says at the end."""
    page = handset.page
    page.goto(f"{base}/tests")
    press(page, "/begin")
    page.wait_for_selector(".test .choice")
    for place in range(2):
        if place:
            page.click("[data-next]")
        page.click(", ".join(f".choice:has-text('{text}')" for text in RIGHT))
        page.wait_for_selector("[data-says][data-state=saved]", timeout=15_000)
    page.click("[data-submit]")
    arrive(page, "[data-ended]", seconds=15)
    return page.inner_text("main")


# --- attendance, certificates, questions about a person -----------------------------------------------------------


def propose_list(page: Page, base: str, session_id: str) -> None:
    page.goto(f"{base}/sessions/{session_id}")
    press(page, "/list")


def confirm_list(page: Page, base: str) -> None:
    """The second person finds what waits."""
    page.goto(f"{base}/attendance")
    follow(page, "tbody a")
    press(page, "/answer", "button[value=confirm]")


CERTIFICATE, NUMBER = "低压电工 职业技能等级证书 四级", "S000000990100260001"


def state_certificate(page: Page, base: str, learner: Learner) -> None:
    """On the page of the learner's record, which lacks hours."""
    page.goto(f"{base}/eligibility?show=short&search={learner.name}")
    follow(page, f"tbody a:has-text('{learner.name}')")
    follow(page, "a[href*='/findings/new']")
    page.check("input[name=kind][value=skill_certificate]")
    page.fill("#paper", CERTIFICATE)
    page.fill("#number", NUMBER)
    page.fill("#note", "看过证书原件，并在官网核对。")
    press(page, "/findings/new")


def confirm_certificate(page: Page, base: str) -> None:
    """Somebody of another side finds what waits."""
    page.goto(f"{base}/findings")
    follow(page, "tbody a")
    press(page, "/answer", "button[value=confirm]")


def ask_why_not(page: Page, base: str, learner: Learner) -> str:
    """What the page answers about somebody today."""
    page.goto(f"{base}/why-not?search={learner.name}")
    follow(page, "ul.steps a")
    page.select_option("#outline", index=1)
    with page.expect_navigation():
        page.click("form.card button")
    return page.inner_text("main")


# --- the end of the class -----------------------------------------------------------------------------------------


def sign_hours(handset: Phone, base: str) -> None:
    """With a finger, on the last day of the class."""
    page = handset.page
    page.goto(f"{base}/")
    follow(page, "a[href*='/hours/classes/']")
    field = page.locator("canvas[data-field]")
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + 30 + 28 * step, box["y"] + box["height"] * (0.3 if step % 2 else 0.7), steps=4)
    page.mouse.up()
    with page.expect_navigation():
        page.click("form[data-sign-hand] button:not([type=button])")


def take_archive(page: Page, base: str, class_id: str, place: Path) -> Path:
    """What one downloads on the archive's page, to which the class leads."""
    page.goto(f"{base}/teaching/classes/{class_id}")
    follow(page, "nav a[href*='/archives/']")
    with page.expect_download() as began:
        page.click("a[href$='/archive.zip']")
    file = place / began.value.suggested_filename
    began.value.save_as(file)
    return file
