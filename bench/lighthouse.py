"""Lighthouse on a throttled phone, as a signed-in worker sees the product: home, a course, a lesson.

    python -m bench.lighthouse [--runs 5] [--demo DIRECTORY] [--keep DIRECTORY]

What is measured is `elearn demo` on its own `elearn serve`, once its lessons are packaged and its walk is gone;
`--demo` takes one that runs already. A worker signs in to a Chromium by the page's own form; Lighthouse then opens the
pages in it, with its own profile of a phone (simulated slow 4G, a processor slowed four times) and nothing cached. The
median of each score must be at least 95. Best practices, what was waited for, bytes and requests are told beside.

Lighthouse comes from npm by a lock file (`lighthouse_npm/`) on the first run and stays in var/; the product does not
need it. `--keep` leaves the reports, to read in a browser what was found.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.demonstration import demonstration
from bench.figures import Figure, say
from bench.servers import free_port, running, status_of, wait_for
from elearn.demo.browser import FLAGS, Phone, find_chromium
from elearn.demo.kept import Example, SignIn
from hatch_build import BuildError, find_node

ROOT = Path(__file__).parents[1]
WANTED = Path(__file__).with_name("lighthouse_npm")
CACHE = ROOT / "var" / "lighthouse"
OLDEST_NODE = 23
"""Lighthouse asks for 22.19; majors are compared."""

LANGUAGE = "zh-CN"
"""What most workers read; their lesson page is the larger one, as it carries the player's sentences."""
RUNS = 5
LEAST = 95
CATEGORIES = {"performance": LEAST, "accessibility": LEAST, "best-practices": None}
WAITED = {
    "first-contentful-paint": "FCP",
    "largest-contentful-paint": "LCP",
    "total-blocking-time": "TBT",
    "speed-index": "SI",
}
RUN_S = 180


class CannotMeasure(RuntimeError):
    """Lighthouse, Node or Chromium is not to be had here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Tools:
    node: str
    cli: Path
    chromium: str


@dataclass(frozen=True, slots=True)
class Report:
    """What one run found."""

    scores: dict[str, int]
    """Category -> 0 to 100."""
    failing: dict[str, tuple[str, ...]]
    """Category -> audits that took something off its score."""
    waited_ms: dict[str, float]
    shift: float
    bytes_: int
    requests: int
    pace: float
    """Lighthouse's own measure of the processor: what throttling assumes is about 1,000 and more."""

    @classmethod
    def read(cls, text: str) -> Report:
        """Raises RuntimeError when the page could not be measured."""
        told = json.loads(text)
        if "runtimeError" in told:
            raise RuntimeError(f"{told['requestedUrl']}: {told['runtimeError']['message']}")
        if told["finalDisplayedUrl"] != told["requestedUrl"]:
            raise RuntimeError(f"{told['requestedUrl']} led to {told['finalDisplayedUrl']}")
        audits, categories = told["audits"], told["categories"]
        if missing := [name for name in CATEGORIES if categories[name]["score"] is None]:
            raise RuntimeError(f"{told['requestedUrl']}: no score for {', '.join(missing)}")
        loaded = audits["network-requests"]["details"]["items"]
        return cls(
            scores={name: round(categories[name]["score"] * 100) for name in CATEGORIES},
            failing={name: tuple(_failing(categories[name], audits)) for name in CATEGORIES},
            waited_ms={name: float(audits[name]["numericValue"]) for name in WAITED},
            shift=float(audits["cumulative-layout-shift"]["numericValue"]),
            bytes_=sum(int(one.get("transferSize") or 0) for one in loaded),
            requests=len(loaded),
            pace=float(told["environment"]["benchmarkIndex"]),
        )


def _failing(category: dict[str, Any], audits: dict[str, Any]) -> Iterator[str]:
    for one in category["auditRefs"]:
        score = audits[one["id"]]["score"]
        if one["weight"] and score is not None and score < 1:
            yield one["id"]


# -- what it needs


def tools() -> Tools:
    """Raises CannotMeasure."""
    chromium = find_chromium()
    if chromium is None:
        raise CannotMeasure("Chromium or Playwright is missing: run `python -m tests.prepare`.")
    try:
        node, npm = find_node(OLDEST_NODE)
    except BuildError as problem:
        raise CannotMeasure(str(problem)) from problem
    return Tools(node, installed(node, npm), chromium)


def installed(node: str, npm: Sequence[str]) -> Path:
    """Lighthouse's program, fetched by the lock file unless a run before did. Raises CannotMeasure."""
    lock = hashlib.sha256((WANTED / "package-lock.json").read_bytes()).hexdigest()[:16]
    home = CACHE / lock
    program = home / "node_modules" / "lighthouse" / "cli" / "index.js"
    if program.is_file():
        return program
    CACHE.mkdir(parents=True, exist_ok=True)
    # Beside its place, then renamed: a run that was cut off leaves nothing that looks whole.
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=CACHE) as made:
        fresh = Path(made) / "fresh"
        shutil.copytree(WANTED, fresh)
        path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
        done = subprocess.run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=fresh,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = [line.strip() for line in done.stdout.splitlines() if line.startswith("npm error")][:4]
            raise CannotMeasure(f"npm could not fetch Lighthouse, its registry may be closed here: {' | '.join(said)}")
        shutil.rmtree(home, ignore_errors=True)
        fresh.rename(home)
    return program


# -- measuring


@contextmanager
def signed_in_browser(where: Path, chromium: str, base: str, who: SignIn) -> Iterator[int]:
    """The port at which a Chromium with a profile of its own takes orders; the worker is signed in there."""
    from playwright.sync_api import sync_playwright

    port = free_port()
    flags = [
        *FLAGS, "--headless=new", f"--remote-debugging-port={port}", f"--user-data-dir={where / 'profile'}",
        f"--accept-lang={LANGUAGE}",
    ]  # fmt: skip
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    log = where / "chromium.log"
    with running([chromium, *flags, "about:blank"], os.environ, log) as process:
        wait_for(lambda: status_of(port, "/json/version") == 200, "Chromium", process, log)
        with sync_playwright() as playwright:
            opened = playwright.chromium.connect_over_cdp(f"http://localhost:{port}")
            page = opened.contexts[0].new_page()
            Phone(page).sign_in(base, who.name, who.password)
            page.close()
            opened.close()  # we only let go of it: it goes on
        yield port


def report(tools: Tools, port: int, url: str, to: Path) -> Report:
    """One run. Raises RuntimeError when the page could not be measured."""
    command = [
        tools.node, str(tools.cli), url, f"--port={port}", "--quiet", "--no-enable-error-reporting",
        f"--only-categories={','.join(CATEGORIES)}", "--output=json", "--output=html", f"--output-path={to}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_S)
    made = to.with_name(f"{to.name}.report.json")
    if not made.is_file():
        raise RuntimeError(f"{url}: Lighthouse ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return Report.read(made.read_text(encoding="utf-8"))


def figures(page: str, reports: Sequence[Report]) -> Iterator[Figure]:
    """A line for each category, and what was waited for: medians."""
    for category, least in CATEGORIES.items():
        scores = sorted(one.scores[category] for one in reports)
        median = statistics.median(scores)
        failing = sorted({audit for one in reports for audit in one.failing[category]})
        yield Figure(
            f"{LEAST} / Lighthouse {category} of {page}",
            LEAST / median if median else float("inf"),
            None if least is None else 1.0,
            f"median {median:.0f} of {', '.join(map(str, scores))}" + (f"; {', '.join(failing)}" if failing else ""),
        )
    waited = {word: statistics.median(one.waited_ms[name] for one in reports) for name, word in WAITED.items()}
    yield Figure(
        f"told: {page} on a throttled phone, LCP in s",
        waited["LCP"] / 1000,
        None,
        ", ".join(f"{word} {ms:.0f} ms" for word, ms in waited.items())
        + f", CLS {statistics.median(one.shift for one in reports):.3f}; "
        f"{statistics.median(one.bytes_ for one in reports):.0f} bytes in "
        f"{statistics.median(one.requests for one in reports):.0f} requests; pace of the machine "
        f"{statistics.median(one.pace for one in reports):.0f}, load {os.getloadavg()[0]:.1f}",
    )


def of(example: Example, runs: int = RUNS, keep: Path | None = None) -> Iterator[Figure]:
    """All figures of a demonstration that runs; what cannot be measured here is a limit that does not hold."""
    try:
        needed = tools()
    except CannotMeasure as problem:
        yield Figure("Lighthouse", float("inf"), 1.0, f"not measured: {problem}")
        return
    pages = {"home": "/", "course": f"/courses/{example.course_id}", "lesson": f"/learn/{example.unit_ids[0]}"}
    with tempfile.TemporaryDirectory(prefix="bench-lighthouse-") as where:
        kept = keep or Path(where) / "reports"
        kept.mkdir(parents=True, exist_ok=True)
        with signed_in_browser(Path(where), needed.chromium, example.base, example.sign_ins[0]) as port:
            for page, path in pages.items():
                found = [report(needed, port, example.base + path, kept / f"{page}-{one}") for one in range(runs)]
                yield from figures(page, found)


def run(runs: int = RUNS, keep: Path | None = None) -> Iterator[Figure]:
    """All figures, of a demonstration of their own."""
    with tempfile.TemporaryDirectory(prefix="bench-demo-") as where:
        os.chmod(where, 0o755)  # the database's user must be able to pass through
        with demonstration(Path(where) / "data", free_port()) as demo:
            yield from of(demo.example(), runs, keep)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="of each page")
    parser.add_argument("--demo", type=Path, help="the data directory of a demonstration that runs")
    parser.add_argument("--keep", type=Path, help="where reports stay, as JSON and to look at")
    given = parser.parse_args()
    if given.demo is None:
        return say(run(given.runs, given.keep))
    example = Example.load(given.demo / "demo.json")
    if example is None:
        parser.error(f"no demonstration was set up in {given.demo}")
    return say(of(example, given.runs, given.keep))


if __name__ == "__main__":
    raise SystemExit(main())
