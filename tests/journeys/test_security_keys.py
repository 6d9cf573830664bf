"""Confirming by the phone's own lock, in a real browser with a virtual authenticator (CDP, domain WebAuthn)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from elearn.demo.browser import Phone, phone
from elearn.demo.example import questions
from tests.journeys.school import SHORT_S, School
from tests.journeys.test_watching import go_on, press_pause

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]

LOCK = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def allow_security_keys(school: School, place: Path) -> None:
    """Questions stay the first way, so the other journeys of this school go on as before."""
    today = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date()
    catalogue = place / "rules.yaml"
    values = "values: {presence_methods: [question, webauthn]}"
    catalogue.write_text(f"rules:\n  - region: everywhere\n    from: {today}\n    {values}\n")
    school.product.run("tracking", "policy", "load", str(catalogue))


def give_lock(handset: Phone) -> tuple[CDPSession, str]:
    cdp = handset.page.context.new_cdp_session(handset.page)
    cdp.send("WebAuthn.enable")
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": LOCK})
    return cdp, made["authenticatorId"]


CONFIRM = """() => {
  if (!document.querySelector("#check-dialog").open) document.querySelector("[data-do=confirm]").click();
}"""


def ask_for_the_check(handset: Phone) -> None:
    """Pause and press "confirm now", as somebody does who is about to leave; on a slow machine it may come first."""
    press_pause(handset)
    handset.page.wait_for_selector("[data-do=confirm]:not([hidden])", timeout=20_000)
    handset.evaluate(CONFIRM)
    handset.wait_for_check(timeout_s=20)


def say_by_keyboard(handset: Phone, selector: str) -> None:
    handset.page.focus(selector)
    handset.page.keyboard.press("Enter")


def watch_on(handset: Phone, seconds: float) -> None:
    start_s = handset.position_s()
    handset.wait_until(lambda: handset.position_s() > start_s + seconds, f"{seconds} s more", timeout_s=40)


def test_a_worker_confirms_with_the_phones_lock_and_goes_back_to_a_question_when_it_fails(
    school: School, chromium: Browser, tmp_path: Path
) -> None:
    allow_security_keys(school, tmp_path)
    learner = school.a_learner()
    with phone(chromium) as handset:
        page = handset.page
        cdp, lock = give_lock(handset)
        handset.sign_in(school.base, learner.sign_in.name, learner.sign_in.password)
        page.goto(f"{school.base}/me/keys")
        page.fill("#key-name", "王工的手机")
        page.click("form[data-add-key] button")
        page.wait_for_selector("text=王工的手机 >> visible=true", timeout=15_000)

        handset.open_lesson(school.base, school.unit_id)
        handset.play()
        watch_on(handset, 3)
        ask_for_the_check(handset)
        assert page.get_attribute("#check-dialog", "data-kind") == "question"
        say_by_keyboard(handset, "[data-check=ways] button[value=webauthn]")
        page.wait_for_selector("#check-dialog[data-kind=webauthn]")
        assert page.evaluate("document.activeElement.dataset.check") == "go", "the keyboard is where it goes on"
        wide = page.evaluate(
            "document.querySelector('#check-dialog').scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, "fits on a small phone"
        page.keyboard.press("Enter")
        page.wait_for_selector("#check-dialog[data-stage=told]", timeout=15_000)
        first_ms = school.believed(learner)
        assert first_ms["final"] > 2_000
        assert first_ms["pending"] == 0
        page.click("[data-check=go]")

        # Somebody else's finger: the lock says no, no try is used, and a question still gets the time confirmed.
        cdp.send("WebAuthn.setUserVerified", {"authenticatorId": lock, "isUserVerified": False})
        go_on(handset)
        watch_on(handset, 3)
        ask_for_the_check(handset)
        page.click("[data-check=ways] button[value=webauthn]")
        page.wait_for_selector("#check-dialog[data-kind=webauthn]")
        page.click("[data-check=go]")
        page.wait_for_selector("[data-check=says]:not(:empty)", timeout=70_000)
        assert page.get_attribute("#check-dialog", "data-stage") == "asking"
        page.click("[data-check=ways] button[value=question]")
        page.wait_for_selector("#check-dialog[data-kind=question]")
        handset.answer_check(questions(SHORT_S * 1000))
        assert school.believed(learner)["final"] > first_ms["final"] + 2_000
        assert school.believed(learner)["pending"] == 0
    school.require_sound_ledgers()
