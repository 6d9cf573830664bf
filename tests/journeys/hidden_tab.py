"""A tab that can really be hidden. Playwright keeps every page of its own visible, whatever lies before it.

The tab lives in a browser context that Playwright does not know, driven by the same DevTools connection: a tab put
before it hides it as on a phone, `visibilitychange` and all.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elearn.demo.browser import PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession

ANSWER_S = 15


@dataclass(slots=True)
class Tab:
    """One tab, phone-sized; `evaluate` acts as by the learner's own touch."""

    browser: CDPSession
    context_id: str
    session_id: str
    answers: dict[int, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def before_every_page(self, script: str) -> None:
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def evaluate(self, expression: str) -> Any:
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def hide(self) -> None:
        """Another tab comes before it."""
        cover = self.browser.send("Target.createTarget", {"url": "about:blank", "browserContextId": self.context_id})
        self.browser.send("Target.activateTarget", {"targetId": cover["targetId"]})

    def call(self, method: str, **params: Any) -> Any:
        number = next(self.numbers)
        message = json.dumps({"id": number, "method": method, "params": params})
        self.browser.send("Target.sendMessageToTarget", {"sessionId": self.session_id, "message": message})
        until = time.monotonic() + ANSWER_S
        while number not in self.answers:
            assert time.monotonic() < until, f"no answer to {method}"
            self.browser.send("Browser.getVersion")  # lets the answer in
        answer = self.answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    def hear(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if event["sessionId"] == self.session_id and "id" in message:
            self.answers[message["id"]] = message


@contextmanager
def a_tab(browser: Browser, cookies: dict[str, str], base: str) -> Iterator[Tab]:
    """A tab of a fresh phone that holds `cookies` of the server at `base`; nothing is open in it yet."""
    session = browser.new_browser_cdp_session()
    context_id = session.send("Target.createBrowserContext")["browserContextId"]
    stored = [{"name": name, "value": value, "url": base} for name, value in cookies.items()]
    session.send("Storage.setCookies", {"cookies": stored, "browserContextId": context_id})
    try:
        opened = {"url": "about:blank", "browserContextId": context_id}
        target_id = session.send("Target.createTarget", opened)["targetId"]
        attached = session.send("Target.attachToTarget", {"targetId": target_id, "flatten": False})
        tab = Tab(session, context_id, attached["sessionId"])
        session.on("Target.receivedMessageFromTarget", lambda event: tab.hear(event))
        tab.call("Page.enable")
        tab.call("Emulation.setDeviceMetricsOverride", **PHONE, deviceScaleFactor=2, mobile=True)
        yield tab
    finally:
        session.send("Target.disposeBrowserContext", {"browserContextId": context_id})
        session.detach()
