"""A video over a bad line: the network goes, the page is loaded again, and a whole lesson comes of it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elearn.demo.browser import phone
from tests.journeys.school import School
from tests.journeys.test_teaching import DESK, a_new_lesson, sign_in
from tests.media.sources import FAST, make, picture, tone

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Request

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("teaching")]

PADDING = 24_000_000
"""Bytes that no decoder reads (ISO 14496-12, 8.1.2: a free box), so that a short video is long in sending."""
LINE_BYTES_S = 12_000_000


def test_a_video_sent_over_a_network_that_breaks_becomes_a_lesson(
    school: School, chromium: Browser, tmp_path: Path
) -> None:
    video = make(tmp_path / "long.mp4", *picture("320x180", 3), *tone(3), *FAST)
    with video.open("ab") as file:
        file.write(struct.pack(">I4s", PADDING, b"free") + bytes(PADDING - 8))
    size = video.stat().st_size
    with phone(chromium, language="en", size=DESK) as desk:
        sign_in(school, desk, "manager")
        a_new_lesson(school, desk, "Over a bad line")
        pieces: list[Request] = []
        desk.page.on("request", lambda request: pieces.append(request) if request.method == "PATCH" else None)
        line = desk.page.context.new_cdp_session(desk.page)
        line.send("Network.enable")

        def let(up: int, *, offline: bool = False) -> None:
            conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": up}
            line.send("Network.emulateNetworkConditions", conditions)

        def sent_percent() -> int:
            said = desk.page.inner_text("[data-says]")
            return int(said.split()[-2]) if said.startswith("Sending") and said.endswith("%") else -1

        let(LINE_BYTES_S)
        desk.page.set_input_files("#video", video)
        desk.page.click("form[data-upload] button")
        desk.wait_until(lambda: sent_percent() > 40, "the first pieces", timeout_s=20)
        let(0, offline=True)
        desk.page.wait_for_timeout(1500)
        assert desk.page.get_attribute("form[data-upload]", "data-state") != "failed"
        let(LINE_BYTES_S)
        desk.wait_until(lambda: len(pieces) > 2 and sent_percent() > 55, "going on by itself", timeout_s=20)

        desk.page.reload()
        assert "long.mp4 was not sent whole" in desk.page.inner_text("[data-says]")
        let(-1)
        desk.page.set_input_files("#video", video)
        before = len(pieces)
        desk.page.click("form[data-upload] button")
        desk.wait_until(lambda: desk.page.is_visible("#pool"), "the packaged video", timeout_s=60)
        offsets = [int(request.headers["upload-offset"]) for request in pieces[before:]]
        assert offsets, "the rest was sent"
        assert min(offsets) >= size // 3, "what had arrived was not sent again"
        assert desk.page.inner_text("header .badge") == "Draft"
