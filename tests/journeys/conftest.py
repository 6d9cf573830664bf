"""One running school for all journeys of a test process, and a browser that is never a pretended one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from elearn.demo import browser
from tests.journeys.school import School, a_running_school

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="package")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """It ends with the last journey of the process: a product that nobody uses still looks for jobs."""
    with a_running_school(tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser. Its absence is a failure: `python -m tests.prepare` installs one or says how.

    For one module at a time, because Playwright's event loop would be in the way of other tests' own.
    """
    path = browser.find_chromium()
    assert path is not None, "no Chromium here: run python -m tests.prepare"
    with browser.chromium(path) as opened:
        yield opened
