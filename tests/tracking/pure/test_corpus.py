"""Every watching case of the corpus, on the pure core alone: what MODEL promises, before any HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from elearn.tracking.presence import is_complete
from elearn.tracking.spans import total_ms
from tests.tracking.pure.engine import Engine
from tests.tracking.pure.script import Script, ms, policy_of

CORPUS = yaml.safe_load((Path(__file__).parents[2] / "integrity" / "cases.yaml").read_text(encoding="utf-8"))
CASES = [case for case in CORPUS["cases"] if case["kind"] != "ledger"]
REFUSING = [case for case in CASES if case["expected"].get("reasons")]

EXACT_TOLERANCE_S = 0.3
"""`expected.seconds` is the reference model's figure; our player ticks in tenths of a second."""

PREEMPTED = {"A09": {"RATE"}, "A13": {"FORWARD_SEEK"}, "H30": {"FORWARD_SEEK"}}
"""Reasons that do not occur with paced keys, because the media is never there to be played (MODEL 1.8)."""


def test_the_corpus_is_whole() -> None:
    kinds = [case["kind"] for case in CORPUS["cases"]]
    assert (kinds.count("attack"), kinds.count("honest"), kinds.count("ledger")) == (45, 29, 11)


@pytest.mark.parametrize("case", CASES, ids=[f"{c['id']}-{c['title']}" for c in CASES])
def test_the_core_meets_the_corpus(case: dict[str, Any]) -> None:
    check(case, paced=True, preempted=PREEMPTED.get(case["id"], set()))


@pytest.mark.parametrize("case", REFUSING, ids=[f"{c['id']}-{c['title']}" for c in REFUSING])
def test_the_verifier_alone_meets_the_corpus_with_every_key_given_away(case: dict[str, Any]) -> None:
    check(case, paced=False, preempted=set())


def check(case: dict[str, Any], *, paced: bool, preempted: set[str]) -> None:
    """Play the case; compare seconds, reasons but the `preempted` ones, completion and days."""
    policy = policy_of({**CORPUS["policy_default"], **case.get("policy", {})})
    units = {name: ms(seconds) for name, seconds in case["units"].items()}
    script = Script(
        Engine(policy, units, paced=paced),
        policy,
        check=case["presence"],
        start_ms=ms(case.get("start", 0)),
        until_ms=ms(case["until"]),
    )
    engine = script.run(case["events"])

    expected = case["expected"]
    mine = [p for p in engine.final if case.get("learner") in (None, p.learner)]
    final_s = sum(p.span.length_ms for p in mine) / 1_000
    assert expected["accept"]["min_s"] <= final_s <= expected["accept"]["max_s"], dict(engine.reasons)
    if expected["op"] == "==":
        assert final_s == pytest.approx(expected["seconds"], abs=max(EXACT_TOLERANCE_S, case.get("tol", 0)))
    else:
        assert final_s <= expected["seconds"]

    missing = {reason for reason in expected.get("reasons", ()) if not engine.reasons[reason]}
    assert missing == preempted, dict(engine.reasons)
    if "complete" in expected:
        covered_ms = total_ms(p.span for p in mine)
        assert is_complete(covered_ms, units["U"], policy) is expected["complete"]
    if "days" in expected:
        days = sorted({p.on for p in mine})
        by_day = [sum(p.span.length_ms for p in mine if p.on == day) / 1_000 for day in days]
        assert by_day == pytest.approx(expected["days"], abs=1)
