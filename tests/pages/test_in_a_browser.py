"""What takes its time, and what happens without network, in a real browser that loads pages from the application here.

A button that was pressed says so and takes no second press; a page whose network drops says of when it is and keeps
what was typed; a form that came back wrong has its reader at the first wrong field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from elearn.demo import browser as browsers
from elearn.people.models import Account
from tests.pages.conftest import Browser, World

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages in a browser")]
Opens = Callable[[Account | None], Browser]
HOUSE = "http://pages.test"
"""No secure context: nothing is kept on this device."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    path = browsers.find_chromium()
    assert path is not None, "no Chromium here: run python -m tests.prepare"
    with browsers.chromium(path) as opened:
        yield opened


class Window:
    """A page of somebody who is signed in. A form that is sent is swallowed (204) until the test lets forms through."""

    def __init__(self, page: Page, reader: Browser) -> None:
        self.page, self.reader = page, reader
        self.sent: list[str] = []
        self.lets_through = False
        page.route("**/*", self._answer)

    def _answer(self, route: Route) -> None:
        posted = route.request.method == "POST"
        if posted:
            self.sent.append(route.request.url)
        if posted and not self.lets_through:
            route.fulfill(status=204)
        else:
            self._through(route)

    def _through(self, route: Route) -> None:
        asked, parts = route.request, urlsplit(route.request.url)
        headers = {name: asked.headers[name] for name in ("accept", "content-type") if name in asked.headers}
        with self.reader.client.open(
            f"{parts.path}?{parts.query}",
            method=asked.method,
            data=asked.post_data_buffer,
            headers={**headers, "Accept-Language": "en", "Origin": "http://localhost"},
        ) as answer:
            given = {name: value for name, value in answer.headers.items() if name.lower() != "set-cookie"}
            route.fulfill(status=answer.status_code, headers=given, body=answer.get_data())


@pytest.fixture
def window(chromium: Chromium, world: World, browser: Opens) -> Iterator[Window]:
    with chromium.new_context(locale="en-GB", viewport={"width": 360, "height": 800}) as context:
        context.set_default_timeout(10_000)
        found = Window(context.new_page(), browser(world.clerk))
        found.page.goto(f"{HOUSE}/people/new")
        yield found


def test_a_button_says_that_it_was_pressed_and_takes_no_second_press(window: Window) -> None:
    page, button = window.page, window.page.locator("main form button.button")
    page.fill("#name", "王芳")
    button.dblclick()
    page.wait_for_selector("form[aria-busy=true] button[disabled]")
    assert button.inner_text() == "One moment …"
    page.keyboard.press("Enter")
    page.locator("#name").press("Enter")
    assert len(window.sent) == 1


def test_a_form_that_came_back_has_its_reader_at_the_first_wrong_field(window: Window) -> None:
    page, window.lets_through = window.page, True
    page.fill("#name", "王芳")
    page.locator("main form button.button").click()
    page.wait_for_selector(".summary")
    assert page.input_value("#name") == "王芳"
    wrong = page.locator(".summary a").first.get_attribute("href")
    assert wrong is not None
    assert page.evaluate("document.activeElement.id") == wrong.removeprefix("#")
    last = page.locator(".summary a").last
    last.click()
    assert page.evaluate("location.hash") == last.get_attribute("href")


def test_without_network_a_page_says_of_when_it_is_and_keeps_what_was_typed(window: Window) -> None:
    page, bar = window.page, window.page.locator("[data-away]")
    assert bar.is_hidden()
    page.fill("#name", "王芳")
    page.context.set_offline(True)
    page.wait_for_selector("[data-away]:not([hidden])")
    assert re.fullmatch(r"No network. What you see is as of \d\d:\d\d.", bar.inner_text())
    page.locator("main form button.button").click()
    page.wait_for_selector("[data-away]:has-text('nothing was sent')")
    assert window.sent == []
    assert page.input_value("#name") == "王芳"
    assert page.locator("main form button.button").is_enabled()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits a phone"
    page.context.set_offline(False)
    page.wait_for_selector("[data-away]", state="hidden")


def test_a_file_that_is_asked_for_is_said_to_come(window: Window) -> None:
    page = window.page
    page.goto(f"{HOUSE}/training/certificates/import")
    page.evaluate("document.addEventListener('click', (e) => e.target.closest('a[download]') && e.preventDefault())")
    link = page.locator("a[download]").first
    page.evaluate("document.querySelector('a[download]').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    assert link.count() == 1
    assert page.locator(".toast").inner_text() == "The file is being made. It comes as a download."
