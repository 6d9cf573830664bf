"""Tests that share something dear run in one process."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from tests.lanes import Lanes


@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("place", ["a page [of two]", "me@home"])
def test_a_group_ends_the_name_by_which_tests_are_distributed(place: str, request: pytest.FixtureRequest) -> None:
    distributed = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith(f"[{place}]" + ("@together" if distributed else ""))


@dataclass(eq=False)
class Process:
    """A test process as the scheduler sees it; it answers at once."""

    was_given: list[int] = field(default_factory=list)
    shutting_down: bool = False
    gateway: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(id="one of three"))

    def send_runtest_some(self, places: list[int]) -> None:
        self.was_given += places

    def shutdown(self) -> None:
        self.shutting_down = True


def test_journeys_run_in_two_lanes_from_the_first_moment_and_files_whole_beside_them(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = [
        *(f"a/test_many.py::test_it[{number}]" for number in range(4)),
        "b/test_slow.py::test_one@browser",
        "a/test_few.py::test_it",
        *(f"{name}/test_slow.py::test_it@{name}" for name in ("kills", "wheel")),
        "b/test_slow.py::test_other@browser",
        "c/test_last.py::test_it",
    ]
    names = [test.rpartition("@")[2].partition("::")[0] for test in tests]
    monkeypatch.setattr(pytestconfig.option, "loadscopereorder", True)
    monkeypatch.setattr(pytestconfig.option, "tx", ["popen"] * 3)
    lanes, processes = Lanes(pytestconfig, None), [Process() for _ in range(3)]
    for process in processes:
        lanes.add_node(process)
    for process in processes:
        lanes.add_node_collection(process, tests)
    lanes.schedule()
    begun = [[names[place] for place in process.was_given] for process in processes]
    assert begun[:2] == [["browser", "browser", "wheel"], ["kills", "a/test_few.py"]]
    assert begun[2] == ["a/test_many.py"] * 4
    while not all(process.shutting_down for process in processes):
        for process in processes:
            for place in process.was_given:
                if not lanes.assigned_work[process][names[place]][tests[place]]:
                    lanes.mark_test_complete(process, place)
    given = [place for process in processes for place in process.was_given]
    assert sorted(given) == list(range(len(tests)))
