"""A session on site in a real browser: the projector shows a code, phones read it from its pixels, the list fills."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import av
import pytest
import sqlalchemy as sa
import zxingcpp
from flask import Flask
from werkzeug.serving import make_server

from elearn.db import db
from elearn.demo.browser import Phone, phone
from elearn.people.models import Account, Person
from elearn.tracking.attendance.models import AttendedSpan
from tests.builders_people import PASSWORD, an_account
from tests.conftest import ManualClock
from tests.journeys.turning import follow
from tests.tracking.attendance.school import School, a_school, at

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def code_on(screen: Phone) -> str:
    """The path that the code leads to, read from a picture of the whole screen: its parts are replaced every while."""
    screen.page.wait_for_selector(".roll-code svg")
    read: list[str] = []

    def is_read() -> bool:
        read[:] = codes_in(screen.page.screenshot())
        return len(read) == 1

    screen.wait_until(is_read, "a code that can be read", timeout_s=6)
    return urlsplit(read[0]).path


def codes_in(picture: bytes) -> list[str]:
    with av.open(io.BytesIO(picture), "r") as opened:
        frame = next(opened.decode(video=0)).reformat(format="gray")
        plane = frame.planes[0]
        pixels = memoryview(bytes(plane)).cast("B", shape=(frame.height, plane.line_size))
    return [found.text for found in zxingcpp.read_barcodes(pixels)]


def sign_in(handset: Phone, base: str, account: Account) -> None:
    handset.sign_in(base, str(account.name), PASSWORD)


def test_a_class_meets_two_phones_scan_the_screen_and_a_second_manager_confirms(
    own_app: Flask, clock: ManualClock, chromium: Browser
) -> None:
    clock.now = at("08:00")
    with own_app.app_context():
        session = db.session()
        school: School = a_school(session, learners=2)
        learners = [an_account(session, person=session.get_one(Person, one)) for one in school.learners]
        held = school.plan()
        session.commit()
        for account in (school.teacher, school.second, *learners):
            session.refresh(account)
        path = f"/sessions/{held.id}"
    wide = {"width": 1280, "height": 800}
    with (
        served(own_app) as base,
        phone(chromium, size=wide, language="zh-CN") as screen,
        phone(chromium, language="zh-CN") as ada,
        phone(chromium, language="en-US") as bob,
        phone(chromium, language="en-US") as second,
    ):
        clock.now = at("08:50")
        for handset, account in ((screen, school.teacher), (ada, learners[0]), (bob, learners[1])):
            sign_in(handset, base, account)
        screen.page.goto(f"{base}{path}/screen")
        first = code_on(screen)
        for handset, word in ((ada, "我到了"), (bob, "I am here")):
            handset.page.goto(f"{base}{first}")
            handset.page.get_by_role("button", name=word).click()
            handset.page.wait_for_selector(".notice.good")
        screen.wait_until(lambda: screen.page.locator(".is-here").count() == 2, "two names", timeout_s=6)
        clock.advance(30_000)
        screen.wait_until(lambda: code_on(screen) != first, "another code", timeout_s=6)
        bob.page.goto(f"{base}{first}")
        assert "no longer shown" in bob.page.inner_text("main"), "a picture of the screen is worth nothing now"
        clock.now = at("10:35")
        screen.page.goto(f"{base}{path}/screen")
        ada.page.goto(f"{base}{code_on(screen)}")
        ada.page.get_by_role("button", name="我要离开").click()
        ada.page.wait_for_url(f"**/here/{held.id}")
        screen.page.goto(f"{base}{path}")
        screen.page.get_by_role("button", name="提交名单").click()
        screen.page.wait_for_selector(".notice.good")
        sign_in(second, base, school.second)
        second.page.goto(f"{base}/attendance")
        follow(second.page, "tbody a")
        assert "Checked in and never out" in second.page.inner_text("main")
        second.page.get_by_role("button", name="Confirm").click()
        second.page.wait_for_selector(".notice.good")
    with own_app.app_context():
        counted = db.session().scalars(sa.select(AttendedSpan)).all()
        assert [one.person_id for one in counted] == [learners[0].person_id]
