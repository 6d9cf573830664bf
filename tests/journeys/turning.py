"""From one page to the next, as a test goes there: done only when the next page is whole.

Playwright's click comes back when the next page has begun, and may do so before. What reads without waiting (`count`,
`all_inner_texts`, `content`, `url`) would then read an empty page or the last one, on a slow machine now and then.
`tests/architecture/test_journeys.py` holds every journey to this.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def follow(page: Page, link: str) -> None:
    """Touch this link, given as a CSS selector."""
    with page.expect_navigation():
        page.click(link)


def press(page: Page, action: str, button: str = "button") -> None:
    """Touch the button of the form whose address ends so."""
    with page.expect_navigation():
        page.click(f"form[action$='{action}'] {button}")


def arrive(page: Page, sign: str, *, seconds: float) -> None:
    """Wait for a page that turns itself, known by this selector: one that shows a job's progress, say."""
    page.wait_for_selector(sign, timeout=seconds * 1000)
    page.wait_for_load_state()


def id_in(page: Page) -> str:
    """The id at the end of the page's address."""
    found = re.search(r"([0-9a-f-]{36})(?:[?#].*)?$", page.url)
    assert found is not None, page.url
    return found[1]
