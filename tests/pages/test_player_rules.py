"""The player's arithmetic, run by node as browsers run it: what of a queue may be sent, what is new in it, and how
far a lesson of either kind may run ahead of what the server has heard."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.pages.test_assets import hook

FRONTEND = Path(__file__).parents[2] / "frontend"
ASK = """
const { roomFor, freshMs } = await import(process.argv[1]);
const cases = JSON.parse(process.argv[2]);
const answers = cases.map(({ queue, state, most }) => {
  const reports = queue.map(([a, b]) => ({ a, b }));
  return [roomFor(reports, state, most), freshMs(reports, state)];
});
console.log(JSON.stringify(answers));
"""
ASK_LIMITS = """
const limits = await import(process.argv[1]);
const [rule, cases] = JSON.parse(process.argv[2]);
console.log(JSON.stringify(cases.map((facts) => limits[rule](...facts))));
"""


def module(name: str, place: Path) -> Path:
    """frontend/src/<name>.ts as a module that node can load."""
    node, _npm = hook.find_node()
    out = place / f"{name}.mjs"
    esbuild = hook._module("esbuild", "bin/esbuild")
    command = [node, esbuild, f"src/{name}.ts", "--bundle", "--format=esm", f"--outfile={out}", "--log-level=error"]
    subprocess.run(command, cwd=FRONTEND, check=True)
    return out


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return module("room", tmp_path_factory.mktemp("rules"))


def told_by_node(script: str, *facts: str) -> Any:
    node, _npm = hook.find_node()
    command = [node, "--input-type=module", "--eval", script, *facts]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def standing(*, pending: list[list[int]], final: list[list[int]] | None = None, **more: Any) -> dict[str, Any]:
    waits = sum(b - a for a, b in pending)
    return {"spans": {"pending": pending, "final": final or []}, "pending_ms": waits, "held": False, **more}


TABLE = [
    ("what fits goes", [[0, 10], [10, 20]], standing(pending=[]), 30, (2, 20)),
    (
        "a queue stops before the report that is too much",
        [[0, 10], [10, 20], [20, 30]],
        standing(pending=[]),
        25,
        (2, 30),
    ),
    ("exactly full is not too full", [[0, 10], [10, 20]], standing(pending=[]), 20, (2, 20)),
    ("what waits already takes room", [[20, 30], [30, 40]], standing(pending=[[0, 20]]), 30, (1, 20)),
    ("when it is full nothing goes", [[20, 30]], standing(pending=[[0, 20]]), 20, (0, 10)),
    ("a part that is believed needs no room", [[0, 20], [20, 30]], standing(pending=[[0, 20]]), 30, (2, 10)),
    ("final time needs none either", [[5, 15]], standing(pending=[], final=[[0, 10]]), 5, (1, 5)),
    ("a part that was played twice is new once", [[0, 10], [0, 10], [10, 20]], standing(pending=[]), 20, (3, 20)),
    ("a report without media always goes", [[20, 20], [20, 30]], standing(pending=[[0, 20]]), 20, (1, 10)),
    ("one that is larger than all goes alone", [[0, 40], [40, 50]], standing(pending=[]), 30, (1, 50)),
    ("other lessons wait too", [[0, 10]], standing(pending=[], pending_all_ms=25), 30, (0, 10)),
    ("while held all goes, as evidence", [[20, 30]], standing(pending=[[0, 20]], held=True), 20, (1, 10)),
    (
        "the last moments of a complete one wait too",
        [[20, 30]],
        standing(pending=[[0, 20]], complete=True),
        20,
        (0, 10),
    ),
]


def test_a_queue_is_cut_where_no_more_may_wait_for_a_check(rules: Path) -> None:
    cases = [{"queue": queue, "state": state, "most": most} for _rule, queue, state, most, _wanted in TABLE]
    answers = told_by_node(ASK, str(rules), json.dumps(cases))
    told = {rule: tuple(answer) for (rule, *_), answer in zip(TABLE, answers, strict=True)}
    assert told == {rule: wanted for rule, *_, wanted in TABLE}


AHEAD = [
    ("nothing waits", (900, 3600), 0, 0, 900),
    ("what waits is taken off", (900, 3600), 0, 300, 600),
    ("what came late today leaves less than one stretch may bring", (900, 3600), 3000, 100, 500),
    ("a day that is full leaves nothing", (900, 3600), 3600, 0, 0),
]
PIECES = [
    ("short enough for what may wait", (15_000, 900_000), False, 15_000),
    ("two thirds of what may wait", (15_000, 12_000), False, 8_000),
    ("a sixth of it without network", (15_000, 12_000), True, 2_000),
    ("never less than a second", (15_000, 1_200), True, 1_000),
]


OVER = [
    ("all of it is final", {"complete": True, "pending_ms": 0, "frontier_ms": 60_000}, False, True),
    ("what is final is not enough", {"complete": False, "pending_ms": 0, "frontier_ms": 60_000}, True, False),
    ("the last moments wait for a check", {"complete": True, "pending_ms": 1, "frontier_ms": 60_000}, True, False),
    ("the last moments are to come", {"complete": True, "pending_ms": 0, "frontier_ms": 59_499}, False, False),
    ("half a second is no moment", {"complete": True, "pending_ms": 0, "frontier_ms": 59_500}, False, True),
    ("the end came early", {"complete": True, "pending_ms": 0, "frontier_ms": 59_000}, True, True),
]


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return module("limits", tmp_path_factory.mktemp("limits"))


def test_a_lesson_runs_ahead_as_far_as_a_stretch_and_the_day_allow(limits: Path) -> None:
    cases = [
        ({"gap_max_ms": gap, "late_day_ms": day}, late, unheard) for _rule, (gap, day), late, unheard, _left in AHEAD
    ]
    told = told_by_node(ASK_LIMITS, str(limits), json.dumps(["allowanceMs", cases]))
    assert dict(zip([rule for rule, *_ in AHEAD], told, strict=True)) == {rule: left for rule, *_, left in AHEAD}


def test_a_lesson_tells_in_pieces_that_fit_into_what_may_wait(limits: Path) -> None:
    cases = [({"heartbeat_ms": beat, "pend_max_ms": most}, away) for _rule, (beat, most), away, _piece in PIECES]
    told = told_by_node(ASK_LIMITS, str(limits), json.dumps(["heartbeatMs", cases]))
    assert dict(zip([rule for rule, *_ in PIECES], told, strict=True)) == {rule: piece for rule, *_, piece in PIECES}


def test_a_lesson_is_over_when_its_last_moments_are_confirmed_too(limits: Path) -> None:
    cases = [(state, {"duration_ms": 60_000}, at_end) for _rule, state, at_end, _over in OVER]
    told = told_by_node(ASK_LIMITS, str(limits), json.dumps(["isOver", cases]))
    assert dict(zip([rule for rule, *_ in OVER], told, strict=True)) == {rule: over for rule, *_, over in OVER}


def test_no_lesson_has_limits_of_its_own() -> None:
    """Video and pages ask the same study; a second formula would drift from the first."""
    knowing = [
        path.name
        for path in sorted((FRONTEND / "src").glob("*.ts"))
        if re.search(r"late_day_ms|gap_max_ms", path.read_text(encoding="utf-8"))
    ]
    assert knowing == ["limits.ts", "protocol.ts"]
