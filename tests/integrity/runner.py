"""The command: starts services, tells every case in worker processes, prints a line for each."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import sqlalchemy as sa
import yaml
from sqlalchemy.orm import Session

from elearn import create_app, embedded, schema
from elearn.db import engine_options
from elearn.tracking.ledger_check import check_ledger
from tests.conftest import ManualClock, settings_for
from tests.integrity import corpus
from tests.integrity.corpus import Case
from tests.integrity.school import School
from tests.integrity.story import tell

_school: School | None = None
"""The worker process' own."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all passed, 1 any failed, 2 no such file or case."""
    parser = argparse.ArgumentParser(prog="python -m tests.integrity", description=__doc__)
    parser.add_argument("file", type=Path, help="a corpus in the vocabulary of tests/integrity/cases.yaml")
    parser.add_argument("--case", metavar="ID", help="tell only this case")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    given = parser.parse_args(arguments)
    if not given.file.is_file():
        parser.error(f"no such file: {given.file}")
    try:
        cases, others = corpus.read(given.file)
    except (yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        parser.error(f"{given.file} is no corpus: {type(error).__name__}: {error}")
    if given.case is not None:
        cases = [case for case in cases if case.id == given.case]
        others = [other for other in others if str(other["id"]) == given.case]
        if not cases and not others:
            parser.error(f"no case {given.case} in {given.file}")
    outcomes: Counter[bool] = Counter()
    for passed, told in _tell_all(cases, max(1, min(given.jobs, len(cases)))):
        outcomes[passed] += 1
        _say(told)
    for other in others:
        _say(f"skip {other['id']!s:<5}  kind {other['kind']}: not about watching")
    _say(f"{outcomes[True]} passed, {outcomes[False]} failed")
    return 1 if outcomes[False] else 0


def _tell_all(cases: Sequence[Case], jobs: int) -> Iterator[tuple[bool, str]]:
    """(passed, line) of each case in order, then of whatever does not add up afterwards.

    Each process has an application and a database of its own.
    """
    if not cases:
        return
    with _services() as services:
        schema.upgrade(services.create_database("template"))
        context = multiprocessing.get_context("spawn")
        places: SimpleQueue[tuple[str, str]] = context.SimpleQueue()
        urls = [services.create_database(f"corpus_{number}", template="template") for number in range(jobs)]
        for url in urls:
            places.put((url, services.redis_url))
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(places,)) as workers:
            yield from workers.map(_tell, cases)
        for difference in itertools.chain.from_iterable(map(_differences, urls)):
            yield False, f"FAIL ledger check: {difference}"


@contextmanager
def _services() -> Iterator[embedded.Services]:
    with (
        tempfile.TemporaryDirectory(prefix="elearn-corpus-") as directory,
        embedded.services(Path(directory), durable=False) as services,
    ):
        yield services


def _begin(places: SimpleQueue[tuple[str, str]]) -> None:
    """Set this process up: the application, and a school on it."""
    global _school
    database_url, redis_url = places.get()
    app = create_app(settings_for(database_url, redis_url, Path(tempfile.gettempdir())), clock=ManualClock())
    app.testing = True
    _school = School(app)


def _tell(case: Case) -> tuple[bool, str]:
    assert _school is not None
    if misread := corpus.misread(case):
        return False, f"FAIL {case.id:<5}  could not be read: {'; '.join(misread)}"
    try:
        got = tell(case, _school)
    except Exception as error:  # a story that cannot be told to its end has failed; the next one may still be told
        return False, f"FAIL {case.id:<5}  could not be told: {type(error).__name__}: {error}"
    found = corpus.faults(case, got)
    return not found, corpus.line(case, got, found)


def _differences(database_url: str) -> list[str]:
    """What cannot be added up again of all that was told on one database."""
    engine = sa.create_engine(database_url, **engine_options())
    try:
        with Session(engine) as session:
            return [str(one) for one in check_ledger(session)]
    finally:
        engine.dispose()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a command
