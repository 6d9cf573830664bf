"""The player's arithmetic, run by node as browsers run it: what of a queue may be sent, and what is new in it."""

from __future__ import annotations

import json
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


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """frontend/src/room.ts as a module that node can load."""
    node, _npm = hook.find_node()
    out = tmp_path_factory.mktemp("rules") / "room.mjs"
    esbuild = hook._module("esbuild", "bin/esbuild")
    command = [node, esbuild, "src/room.ts", "--bundle", "--format=esm", f"--outfile={out}", "--log-level=error"]
    subprocess.run(command, cwd=FRONTEND, check=True)
    return out


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
    ("a complete lesson gains nothing more", [[20, 30]], standing(pending=[[0, 20]], complete=True), 20, (1, 10)),
]


def test_a_queue_is_cut_where_no_more_may_wait_for_a_check(rules: Path) -> None:
    node, _npm = hook.find_node()
    cases = [{"queue": queue, "state": state, "most": most} for _rule, queue, state, most, _wanted in TABLE]
    command = [node, "--input-type=module", "--eval", ASK, str(rules), json.dumps(cases)]
    answers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    told = {rule: tuple(answer) for (rule, *_), answer in zip(TABLE, answers, strict=True)}
    assert told == {rule: wanted for rule, *_, wanted in TABLE}
