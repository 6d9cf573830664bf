"""The player's outbox, run by node against a server that takes only so much before a check.

What comes in beyond that is refused there and lost, so nothing of an honest queue may ever be.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.pages.test_assets import hook

FRONTEND = Path(__file__).parents[2] / "frontend"
MOST_MS = 15_000
ENTRY = """
export { Outbox } from "{src}/outbox";
export { Door } from "{src}/door";
export { Clock } from "{src}/clock";
export { openStore } from "{src}/store";
"""
RUN = """
const { Outbox, Door, Clock, openStore } = await import(process.argv[1]);
const [MOST, stories] = JSON.parse(process.argv[2]);
globalThis.window = { isSecureContext: true };
Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });

async function tell({ moves }) {
  const heard = { receipts: 0, full: 0, stuck: 0, waiting: 0, refused: 0 };
  const server = { pending: [], final: [], others: 0, reach: true, held: null, seq: 0, refuses: null };
  const sum = (spans) => spans.reduce((all, [a, b]) => all + b - a, 0);
  const state = () => ({
    frontier_ms: 0, spans: { pending: [...server.pending], final: [...server.final] },
    pending_ms: sum(server.pending), pending_all_ms: sum(server.pending) + server.others,
    final_ms: sum(server.final), held: false, check_due: false, nonce: "n", server_time_ms: 0, ended: null,
  });
  const answer = (status, body) => new Response(JSON.stringify(body), { status });
  globalThis.fetch = async (_url, { method, body }) => {
    if (server.slow) await server.slow;
    if (!server.reach) throw new TypeError("no network");
    if (server.refuses) return answer(server.refuses, { error: "not_signed_in", detail: "" });
    if (method !== "POST") return answer(200, state());
    const results = JSON.parse(body).reports.map(({ statement }) => {
      const { seq, a, b } = JSON.parse(statement).result.extensions["urn:elearn:xapi:report"];
      const granted = Math.max(0, Math.min(b - a, MOST - sum(server.pending) - server.others));
      if (seq > server.seq) {
        if (granted > 0) server.pending.push([a, a + granted]);
        if (granted < b - a) heard.refused += b - a - granted;
        server.seq = seq;
      }
      return { seq, id: "", outcome: "believed", class: null, credited_ms: granted, late: false };
    });
    return answer(200, { ...state(), acknowledged: server.seq, results });
  };
  const named = { sid: "s", token: "t" };
  const opening = { ...state(), ...named, actor: {}, activity: { id: "a" }, duration_ms: 600000, pend_max_ms: MOST };
  const anchor = { cm: 0, wall_ms: 0 };
  const kept = { ...named, nonce: "n", learner: "l", opening, state: opening, seq: 0, prev: null, played: [], anchor };
  const device = { thumbprint: "d", sign: async () => "sig" };
  const reenrol = async () => device;
  const store = await openStore();
  const post = { url: "/s", device, door: new Door("csrf"), store, clock: new Clock(), reenrol };
  const outbox = new Outbox(kept, post, {
    receipt: () => (heard.receipts += 1), waiting: () => (heard.waiting += 1),
    full: () => (heard.full += 1), stuck: () => (heard.stuck += 1),
  });
  let at = 0;
  let under_way = Promise.resolve();
  let release = () => undefined;
  const said = [];
  for (const [move, ...facts] of moves) {
    if (move === "play") {
      for (const ms of facts) {
        await outbox.add({ event: "heartbeat", a: at, b: at + ms, cm: at, play: ms, hidden: 0, rate: 1, touches: 0 });
        at += ms;
      }
    } else if (move === "send") await outbox.flush();
    else if (move === "network") server.reach = facts[0];
    else if (move === "refuses") server.refuses = facts[0];
    else if (move === "others") server.others = facts[0];
    else if (move === "check") {
      server.final.push(...server.pending.splice(0));
      server.others = 0;
      outbox.heard(state());
    } else if (move === "begin") {
      server.slow = new Promise((resolve) => (release = resolve));
      under_way = outbox.flush();
      await new Promise((resolve) => setTimeout(resolve, 20));
    } else if (move === "finish") {
      release();
      server.slow = undefined;
      await under_way;
    } else if (move === "stop") {
      outbox.stop();
      for (const name of ["receipts", "waiting", "full", "stuck"]) heard[name] = 0;
    } else if (move === "admits") said.push(outbox.admits(...facts));
  }
  const { waiting, ...told } = heard;
  outbox.stop();
  const word = told.receipts + told.full + told.stuck + waiting;
  const believed = sum(server.pending) + sum(server.final);
  return { ...told, word, believed, settled: outbox.settled, said };
}

const told = [];
for (const story of stories) told.push(await tell(story));
console.log(JSON.stringify(told));
"""

PLAYED = [5_000] * 8
STORIES: list[tuple[str, list[list[Any]], dict[str, Any]]] = [
    (
        "a queue longer than may wait goes up to the brim, and the check is asked for",
        [["play", *PLAYED], ["send"]],
        {"refused": 0, "believed": 15_000, "full": 1, "settled": False},
    ),
    (
        "after each check the next part goes, until all is believed",
        [["play", *PLAYED], ["send"], ["check"], ["send"], ["check"], ["send"]],
        {"refused": 0, "believed": 40_000, "full": 2, "settled": True},
    ),
    (
        "what other lessons sent meanwhile is asked before a queue goes that waited for the network",
        [["network", False], ["play", *PLAYED[:3]], ["send"], ["others", 12_000], ["network", True], ["send"]],
        {"refused": 0, "believed": 0, "full": 1, "settled": False},
    ),
    (
        "and all of it goes behind the check",
        [
            ["network", False],
            ["play", *PLAYED[:3]],
            ["send"],
            ["others", 12_000],
            ["network", True],
            ["send"],
            ["check"],
            ["send"],
        ],
        {"refused": 0, "believed": 15_000, "full": 1, "settled": True},
    ),
    (
        "the answer that comes after a sitting was left is no word about the next one",
        [["play", 5_000], ["begin"], ["stop"], ["finish"]],
        {"believed": 5_000, "word": 0, "settled": True},
    ),
    (
        "nor is what goes wrong there",
        [["play", 5_000], ["refuses", 401], ["begin"], ["stop"], ["finish"]],
        {"word": 0, "settled": False},
    ),
    (
        "a left sitting sends no second message",
        [["play", *[1] * 100], ["begin"], ["stop"], ["finish"]],
        {"believed": 64, "word": 0, "settled": False},
    ),
    (
        "who studies on is told that it cannot be sent",
        [["play", 5_000], ["refuses", 401], ["send"]],
        {"stuck": 1, "settled": False},
    ),
    (
        "the last moments are admitted as long as they may wait too",
        [
            ["play", 10_000],
            ["admits", 10_000, 15_000],
            ["admits", 10_000, 15_001],
            ["send"],
            ["admits", 10_000, 15_000],
            ["admits", 10_000, 15_001],
        ],
        {"said": [True, False, True, False], "refused": 0},
    ),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What came of each story, in order."""
    node, _npm = hook.find_node()
    place = tmp_path_factory.mktemp("sending")
    entry, out = place / "entry.ts", place / "sending.mjs"
    entry.write_text(ENTRY.replace("{src}", str(FRONTEND / "src")), encoding="utf-8")
    esbuild = hook._module("esbuild", "bin/esbuild")
    command = [node, esbuild, str(entry), "--bundle", "--format=esm", f"--outfile={out}", "--log-level=error"]
    subprocess.run(command, cwd=FRONTEND, check=True)
    moves = json.dumps([MOST_MS, [{"moves": moves} for _rule, moves, _wanted in STORIES]])
    ran = subprocess.run(
        [node, "--input-type=module", "--eval", RUN, "--", str(out), moves], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    answers: list[dict[str, Any]] = json.loads(ran.stdout)
    return answers


@pytest.mark.parametrize("number", range(len(STORIES)), ids=[rule for rule, *_ in STORIES])
def test_an_outbox_loses_nothing_and_speaks_only_for_the_sitting_that_is_studied(
    told: list[dict[str, Any]], number: int
) -> None:
    wanted = STORIES[number][2]
    assert {name: told[number][name] for name in wanted} == wanted
