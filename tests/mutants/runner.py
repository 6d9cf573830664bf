"""The command: breaks one rule at a time in a scratch copy of the tree and asks the narrow tests."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.mutation import SUITES, Mutation
from tests.mutants.mutations import MUTATIONS

ROOT = Path(__file__).parents[2]
TREE = ("elearn", "media", "migrations", "tests", "pyproject.toml")
PATIENCE_S = 600
_FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (?:\S*/)?(\S+?\.py(?:::\S.*?)?)(?: - .*)?$", re.MULTILINE)
_IMPORTED = "import elearn, pathlib, sys; sys.exit(pathlib.Path(elearn.__file__).parents[1] != pathlib.Path.cwd())"


@dataclass(frozen=True)
class Ran:
    """How a suite ended: the first test that failed, or None when all passed."""

    failed: str | None
    said: str


def mutated(text: str, mutation: Mutation) -> str:
    """The file's text with the rule broken. Raises ValueError unless the old text stands there exactly once."""
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.file}: {text.count(mutation.old)} times, not once: {mutation.old!r}")
    return text.replace(mutation.old, mutation.new)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 every mutation was caught by each of its suites, 1 any survived, 2 nothing to do."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", metavar="WORD", default="", help="mutations whose rule or file holds WORD")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="scratch copies (default: one a core)")
    given = parser.parse_args(arguments)
    chosen = [one for one in MUTATIONS if given.only in f"{one.file} {one.rule}"]
    if not chosen:
        parser.error(f"no mutation holds {given.only!r}")
    began, survivors = time.monotonic(), 0
    with _copies(max(1, given.jobs)) as places, ThreadPoolExecutor(given.jobs) as threads:
        suites = sorted({suite for one in chosen for suite in one.suites})
        for suite, ran in zip(suites, threads.map(lambda suite: _run(places, suite), suites), strict=True):
            if ran.failed is not None:
                _say(f"the suite {suite!r} fails without any mutation: {ran.failed}\n{ran.said}")
                return 1
        for mutation, (caught, line) in zip(chosen, threads.map(lambda one: _try(places, one), chosen), strict=True):
            survivors += not caught
            _say(f"{mutation.file.removeprefix('elearn/'):<24} {mutation.rule}: {line}")
    seconds = time.monotonic() - began
    _say(f"{len(chosen) - survivors} caught, {survivors} SURVIVED ({seconds:.0f} s)")
    return 1 if survivors else 0


@contextmanager
def _copies(number: int) -> Iterator[SimpleQueue[Path]]:
    """Scratch copies of the tree, to be taken and given back."""
    with tempfile.TemporaryDirectory(prefix="elearn-mutants-") as where:
        places: SimpleQueue[Path] = SimpleQueue()
        Path(where).chmod(0o755)  # the database's user must be able to pass through
        for each in range(number):
            place = Path(where) / str(each)
            place.mkdir()
            for name in TREE:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / name, place / name)
            subprocess.run([sys.executable, "-c", _IMPORTED], cwd=place, check=True)  # the copy, not the original
            places.put(place)
        yield places


def _try(places: SimpleQueue[Path], mutation: Mutation) -> tuple[bool, str]:
    """(caught by each suite, what to say)."""
    told, caught = [], True
    for suite in mutation.suites:
        ran = _run(places, suite, mutation)
        caught = caught and ran.failed is not None
        told.append(f"SURVIVED {suite}" if ran.failed is None else f"caught by {ran.failed}")
    return caught, "; ".join(told)


def _run(places: SimpleQueue[Path], suite: str, mutation: Mutation | None = None) -> Ran:
    """One suite in a scratch copy, until its first failure."""
    place = places.get()
    try:
        original = None
        if mutation is not None:
            path = place / mutation.file
            original = path.read_text(encoding="utf-8")
            path.write_text(mutated(original, mutation), encoding="utf-8")
        try:
            return _pytest(place, suite)
        finally:
            if mutation is not None and original is not None:
                (place / mutation.file).write_text(original, encoding="utf-8")
    finally:
        places.put(place)


def _pytest(place: Path, suite: str) -> Ran:
    """A suite that does not end is caught too: so is a rule whose loss makes the code turn for ever."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *SUITES[suite]]
    try:
        ran = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return Ran("not ending in time", "")
    if ran.returncode == 0:
        return Ran(None, ran.stdout)
    first = _FIRST_FAILURE.search(ran.stdout)
    return Ran(first.group(1) if first else f"exit status {ran.returncode}", ran.stdout + ran.stderr)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a command
