"""Calls that all start at one moment, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """The calls' answers, in order. Raises what the first of them raised, once all are done."""
    gate = threading.Barrier(len(calls), timeout=60)

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        running = [pool.submit(run, call) for call in calls]
    return [each.result() for each in running]


def in_sessions(engine: sa.Engine, *works: Callable[[Session], Any]) -> list[Any]:
    """The same with a connection for each, which is open before it begins and committed when it is done."""

    def run(session: Session, work: Callable[[Session], Any]) -> Any:
        with session:  # what fails lets go of its locks: the others do not wait for it
            answer = work(session)
            session.commit()
        return answer

    sessions = [Session(engine) for _ in works]
    for session in sessions:
        session.execute(sa.text("SELECT 1"))
    return at_once(*(partial(run, session, work) for session, work in zip(sessions, works, strict=True)))
