"""What is measured by hand, and now and then, still runs: each of these benches on a handful of rows, for no figure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = {
    "heartbeat": (["--learners", "2", "--heartbeats", "2"], "p99 / median at 32 connections"),
    "history": (["--reports", "200", "--lessons", "50"], "earlier lessons"),
    "packages": (["--rows", "20"], "receipt file of 20 rows"),
    "exam_feed": (["--records", "200"], "each record signed too"),
    "eligibility": (["--persons", "200", "--entries", "2"], "200"),
    "course_tests": (["--learners", "5", "--rows", "50"], "5 learners hand in"),
    "dashboards": (["--people", "2000", "--entries", "1", "--requests", "5"], "found by name"),
}
"""Arguments, and words of its last figures."""


@pytest.mark.parametrize("name", SMALL)
def test_a_bench_measures_to_its_end(name: str) -> None:
    words, figure = SMALL[name]
    ran = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr, ran.stderr[-2000:]
    assert ran.returncode in (0, 1), "1: a limit that so few rows cannot keep"
    assert figure in ran.stdout, ran.stdout
