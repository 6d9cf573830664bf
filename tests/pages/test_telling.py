"""What who listens is told of the time that counts: never every few seconds, and not over the lesson's own voice."""

from __future__ import annotations

import json
from pathlib import Path

from tests.pages.test_player_rules import module, told_by_node

ASK = """
const { Telling } = await import(process.argv[1]);
console.log(JSON.stringify(JSON.parse(process.argv[2]).map((moments) => {
  const telling = new Telling();
  return moments.map(([final_ms, pending_ms, speaking]) => telling.of({ final_ms, pending_ms }, 60_000, speaking));
})));
"""
MINUTE = 60_000
SAID = "{} final, {} waiting for a check, 1 min 0 s left to study"
TABLE: list[tuple[str, list[tuple[int, int, bool]], list[str | None]]] = [
    ("what stands on the page when it comes is not said", [(0, 30_000, False)], [None]),
    (
        "a pause says what came in meanwhile",
        [(0, 0, False), (0, 30_000, False)],
        [None, SAID.format("0 s", "30 s")],
    ),
    ("the same twice is said once", [(0, 0, False), (0, 30_000, False), (0, 30_400, False)], [None, "said", None]),
    ("while the lesson speaks it is not interrupted", [(0, 0, False), (0, 290_000, True)], [None, None]),
    (
        "but at each five minutes",
        [(0, 0, False), (0, 5 * MINUTE, True), (0, 6 * MINUTE, True), (6 * MINUTE, 4 * MINUTE, True)],
        [None, SAID.format("0 s", "5 min 0 s"), None, SAID.format("6 min 0 s", "4 min 0 s")],
    ),
    (
        "what was confirmed is news though the sum is the same",
        [(0, 30_000, False), (30_000, 0, False)],
        [None, SAID.format("30 s", "0 s")],
    ),
    ("what a failed check took back is news", [(0, 30_000, False), (0, 0, False)], [None, "said"]),
]


def test_the_time_that_counts_is_told_when_nothing_else_speaks(tmp_path: Path) -> None:
    told = told_by_node(ASK, str(module("telling", tmp_path)), json.dumps([moments for _rule, moments, _told in TABLE]))
    for (rule, _moments, wanted), said in zip(TABLE, told, strict=True):
        assert [
            "said" if one == "said" and heard else heard for one, heard in zip(wanted, said, strict=True)
        ] == wanted, rule
