"""How the browser measures reading, run by node: only in front of somebody, only up to the end of the page."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.pages.test_assets import hook

FRONTEND = Path(__file__).parents[2] / "frontend"
RUN = """
const { ReadingTime } = await import(process.argv[1]);
const stories = JSON.parse(process.argv[2]);
const told = stories.map((moves) => {
  let now = 1000;
  const time = new ReadingTime(() => now, 300000);
  const said = [];
  for (const [move, ...facts] of moves) {
    if (move === "wait") now += facts[0];
    else if (move === "at") said.push(time.at);
    else if (move === "take") said.push(Object.values(time.take()));
    else if (move === "idle") said.push(time.isIdle);
    else time[move](...facts);
  }
  return said;
});
console.log(JSON.stringify(told));
"""
STORIES: list[tuple[str, list[list[Any]], list[Any]]] = [
    ("it stands until it starts", [["open", 0, 60_000], ["wait", 5_000], ["at"]], [0]),
    (
        "what was read is taken once",
        [["open", 0, 60_000], ["start"], ["wait", 15_200], ["take"], ["wait", 800], ["take"], ["take"]],
        [[0, 15_200, 15_200, 15_200], [15_200, 16_000, 800, 16_000], [16_000, 16_000, 0, 16_000]],
    ),
    (
        "a page ends where it ends",
        [["open", 50_000, 60_000], ["start"], ["wait", 60_000], ["take"]],
        [[50_000, 60_000, 10_000, 60_000]],
    ),
    (
        "time that it stood is not read",
        [
            ["open", 0, 60_000],
            ["start"],
            ["wait", 1_000],
            ["stop"],
            ["wait", 9_000],
            ["start"],
            ["wait", 500],
            ["take"],
        ],
        [[0, 1_500, 1_500, 10_500]],
    ),
    (
        "five minutes after the last touch it stops",
        [["open", 0, 900_000], ["start"], ["wait", 20_000], ["touch"], ["wait", 310_000], ["idle"], ["take"]],
        [True, [0, 320_000, 320_000, 310_000]],
    ),
    (
        "the touch that wakes it brings nothing back",
        [["open", 0, 900_000], ["start"], ["wait", 400_000], ["touch"], ["idle"], ["wait", 1_000], ["take"]],
        [False, [0, 301_000, 301_000, 1_000]],
    ),
    (
        "turning the page is a touch",
        [["open", 0, 10_000], ["wait", 299_000], ["open", 10_000, 20_000], ["wait", 2_000], ["idle"]],
        [False],
    ),
    (
        "parts of a millisecond are kept for the next report",
        [["open", 0, 60_000], ["start"], ["wait", 10.7], ["take"], ["wait", 10.7], ["take"]],
        [[0, 10, 10, 10], [10, 21, 11, 21]],
    ),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What each story says, in order."""
    node, _npm = hook.find_node()
    out = tmp_path_factory.mktemp("reading") / "reading_time.mjs"
    esbuild = hook._module("esbuild", "bin/esbuild")
    command = [
        node,
        esbuild,
        "src/reading_time.ts",
        "--bundle",
        "--format=esm",
        f"--outfile={out}",
        "--log-level=error",
    ]
    subprocess.run(command, cwd=FRONTEND, check=True)
    moves = json.dumps([each for _rule, each, _said in STORIES])
    ran = subprocess.run(
        [node, "--input-type=module", "-e", RUN, "--", str(out), moves], capture_output=True, text=True, check=True
    )
    answers: list[Any] = json.loads(ran.stdout)
    return answers


@pytest.mark.parametrize("number", range(len(STORIES)), ids=[rule for rule, _moves, _said in STORIES])
def test_what_of_time_is_read(told: list[Any], number: int) -> None:
    assert told[number] == STORIES[number][2]
