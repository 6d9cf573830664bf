"""Tests that share something dear run in one process."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("place", ["a page [of two]", "me@home"])
def test_a_group_ends_the_name_by_which_tests_are_distributed(place: str, request: pytest.FixtureRequest) -> None:
    distributed = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith(f"[{place}]" + ("@together" if distributed else ""))
