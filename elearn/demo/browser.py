"""A worker's phone: headless Chromium at 360x800, driven as a person would use it.

Playwright comes with the development tools and Chromium from the system; where one is missing `find_chromium`
says so and the walk falls back to a scripted client, naming it as such.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elearn.courses.pool import QuestionDraft

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=document-user-activation-required",
    "--mute-audio",
]
PHONE = {"width": 360, "height": 800}


def find_chromium() -> str | None:
    """The browser's path, when both it and Playwright are here."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return None
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def phone(browser: Browser, *, language: str = "zh-CN", size: dict[str, int] = PHONE) -> Iterator[Phone]:
    """A fresh phone: its own cookies, storage and device key."""
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        device_scale_factor=2,
        is_mobile=size["width"] < 600,
        has_touch=size["width"] < 600,
        locale=language,
        ignore_https_errors=True,
    )
    try:
        yield Phone(context.new_page())
    finally:
        context.close()


_WHAT_IS_SHOWN = """
(() => {
  const video = document.querySelector("video") ?? {};
  const shown = [...document.querySelectorAll("[data-player] *")].filter(
    (one) => one.children.length === 0 && one.textContent.trim() && one.checkVisibility(),
  );
  return JSON.stringify({
    position: video.currentTime, duration: video.duration, paused: video.paused, ended: video.ended,
    ready: video.readyState, online: navigator.onLine,
    text: shown.map((one) => one.textContent.trim()).join(" | ").slice(0, 900),
  });
})()
"""


@dataclass(slots=True)
class Phone:
    page: Page

    def sign_in(self, base: str, name: str, password: str) -> None:
        self.page.goto(f"{base}/signin")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", password)
        self.page.press("input[name=password]", "Enter")
        self.page.wait_for_url(lambda url: "/signin" not in url)

    def open_lesson(self, base: str, unit_id: str) -> None:
        self.page.goto(f"{base}/learn/{unit_id}")
        self.page.wait_for_selector("[data-player][data-ready=true]")

    def play(self) -> None:
        """Touch the big play button; answers when the picture moves."""
        self.page.click(".stage-play")
        self.wait_until(lambda: self.position_s() > 0.2, "the picture to move", timeout_s=30)

    def wait_until(self, holds: Callable[[], bool], what: str, *, timeout_s: float) -> None:
        """Ask again and again; Playwright's own way evaluates text in the page, which our pages forbid (CSP).

        A TimeoutError tells what the page shows instead.
        """
        until = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > until:
                raise TimeoutError(f"waited {timeout_s:.0f} s for {what}; the page: {self.evaluate(_WHAT_IS_SHOWN)}")
            self.page.wait_for_timeout(200)

    def position_s(self) -> float:
        return float(self.page.evaluate("document.querySelector('video').currentTime"))

    def asks(self) -> bool:
        """Whether a check stands on the screen and waits for its answer."""
        return self.page.is_visible("#check-dialog[open][data-stage=asking]")

    def wait_for_check(self, *, timeout_s: float) -> None:
        """Wait until the player asks whether somebody is there."""
        self.wait_until(self.asks, "a check", timeout_s=timeout_s)

    def answer_check(self, questions: Sequence[QuestionDraft], *, right: bool = True) -> str:
        """Read the question, mark what is right (or everything), send; answers what the phone says then."""
        stem = self.page.inner_text("[data-check=stem]")
        asked = next(question for question in questions if question.stem == stem)
        wanted = {asked.options[place] for place in asked.correct} if right else set(asked.options)
        for label in self.page.query_selector_all("[data-check=options] label"):
            if label.inner_text().strip() in wanted:
                label.click()
        self.page.click("[data-check=go]")
        self.page.wait_for_selector("#check-dialog[data-stage=told]", timeout=15_000)
        said = self.page.inner_text("[data-check=says]")
        self.page.click("[data-check=go]")
        return said

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)
