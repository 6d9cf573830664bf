"""A film on the public pages in a real browser: it plays for somebody who never signed in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo import browser as browsers
from elearn.settings import Settings
from elearn.tracking.models import Delivery, Sitting
from tests import builders_people as people
from tests.builders_courses import AT
from tests.builders_public import a_public_course, opened
from tests.journeys.lessons import offer_packaged, package_short
from tests.journeys.test_accessible import AXE, LEVELS, RUN

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages in a browser")]
HOUSE = "http://public.test"


def _problems(page: Page) -> list[str]:
    """What axe finds in the page."""
    page.evaluate(AXE.read_text("utf-8"))
    found: list[str] = page.evaluate(RUN, LEVELS)
    return found


def test_an_open_film_plays_without_signing_in(
    app: Flask, session: Session, settings: Settings, tmp_path: Path
) -> None:
    school = people.an_institution(session).id
    course = a_public_course(session, school, title="一根没断电的线")
    unit_id = offer_packaged(
        session, settings, package_short(tmp_path, seconds=3), course_id=course.id, title="影片", acting=[school], at=AT
    )
    opened(session, course, film=True)
    session.commit()
    client, asked = app.test_client(), []

    def answer(route: Route) -> None:
        parts = urlsplit(route.request.url)
        headers = {name: route.request.headers[name] for name in ("accept", "range") if name in route.request.headers}
        asked.append(parts.path)
        with client.open(f"{parts.path}?{parts.query}", headers={**headers, "Accept-Language": "en"}) as given:
            told = {name: value for name, value in given.headers.items() if name.lower() != "set-cookie"}
            route.fulfill(status=given.status_code, headers=told, body=given.get_data())

    path = browsers.find_chromium()
    assert path is not None, "no Chromium here: run python -m tests.prepare"
    with browsers.chromium(path) as chromium, chromium.new_context(viewport={"width": 360, "height": 800}) as context:
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.route("**/*", answer)
        page.goto(f"{HOUSE}/public")
        problems = _problems(page)
        page.get_by_text("一根没断电的线").click()
        page.wait_for_url(f"**/public/courses/{course.id}")
        assert not [one for one in asked if "m3u8" in one or "keys" in one], "nothing is fetched before it is asked for"
        problems += _problems(page)
        page.get_by_role("button", name="Play: 影片").click()
        for _ in range(100):
            if page.locator("video[data-film]").evaluate("one => one.currentTime") > 0.3:
                break
            page.wait_for_timeout(50)
        else:
            pytest.fail(f"it does not play: {asked}")
    assert problems == []
    assert f"/public/units/{unit_id}/keys/0" in asked
    for table in (Sitting, Delivery):
        assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0
