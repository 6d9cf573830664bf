"""What a phone loads for a page that it sees for the first time: all that stands in it, in bytes as they travel."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from urllib.parse import urljoin

import pytest

from elearn.people.models import Account
from tests.pages.conftest import Browser, World

Opens = Callable[[Account | None], Browser]

LINKED = re.compile(r'<(?:link rel="(?:stylesheet|icon|manifest|apple-touch-icon)"|script)[^>]*?(?:href|src)="([^"]+)"')
IMPORTED = re.compile(r'(?:from|import)"(\./[\w.-]+\.js)"')
MOST_BYTES, MOST_REQUESTS = 100_000, 20
LESSON_BYTES = 60_000


def loaded(browser: Browser, page: str) -> dict[str, int]:
    """Address -> bytes, of the page and of everything that it asks for before anything is pressed.

    A page itself is counted as a proxy would pack it; what the build packed, as the server sends it.
    """
    answer = browser.get(page)
    assert answer.status_code == 200, page
    found = {page: len(gzip.compress(answer.data, 6))}
    waiting = LINKED.findall(answer.text)
    while waiting:
        address = waiting.pop()
        if address in found:
            continue
        part = browser.client.get(address.replace("&amp;", "&"), headers={"Accept-Encoding": "gzip"})
        assert part.status_code == 200, address
        found[address] = len(part.data)
        if address.split("?")[0].endswith(".js"):
            text = gzip.decompress(part.data).decode() if part.headers.get("Content-Encoding") else part.text
            waiting += [urljoin(address, one) for one in IMPORTED.findall(text)]
        part.close()
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_first_load_of_a_learners_pages_is_small(language: str, world: World, browser: Opens) -> None:
    phone = browser(world.worker)
    phone.client.set_cookie("lang", language)
    for page in ("/", "/learn", f"/courses/{world.course.id}", f"/learn/{world.unit.id}", "/hours", "/me"):
        found = loaded(phone, page)
        names = {address.rsplit("/", 1)[-1].split("?")[0] for address in found}
        assert {"app.css", "pages.js", "icon.svg"} <= names
        assert not [name for name in names if name.startswith(("hls.", "htmx.", "decrypt-", "browser-"))], page
        assert sum(found.values()) < MOST_BYTES, (page, found)
        assert len(found) <= MOST_REQUESTS, (page, found)
        if page.startswith("/learn/"):
            assert sum(found.values()) < LESSON_BYTES, found


def test_a_browser_that_unpacks_nothing_gets_plain_files(world: World, browser: Opens) -> None:
    phone = browser(world.worker)
    address = next(one for one in LINKED.findall(phone.get("/").text) if "pages.js" in one)
    with phone.client.get(address) as plain, phone.client.get(address, headers={"Accept-Encoding": "gzip"}) as packed:
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(packed.data) == plain.data
        assert plain.mimetype == packed.mimetype == "text/javascript"
        assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
        assert packed.cache_control.immutable
