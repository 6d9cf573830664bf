"""Background work on the same PostgreSQL, by procrastinate.

A job commits together with the rows it is about: `defer` inserts it on the caller's own connection. A task is
a plain function with keyword arguments that JSON can carry; it runs inside an application context, in a thread
of `elearn worker`, commits for itself, and may run twice without harm: a worker that dies leaves its job, and
`retry_stalled` hands it to the next one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import procrastinate
import sqlalchemy as sa
from flask import Flask
from procrastinate.jobs import DeleteJobCondition
from sqlalchemy.orm import Session

from elearn.runtime import runtime

logger = logging.getLogger(__name__)

tasks = procrastinate.Blueprint()
"""Every task of the product; unbound until a worker takes it."""

Task = TypeVar("Task", bound=Callable[..., None])

REPORTS_EVERY_S = 5
STALLED_AFTER_S = 15
"""A worker that has not reported for so long is taken for dead."""


def task(name: str, *, queue: str = "default", every: str | None = None, retries: int = 5) -> Callable[[Task], Task]:
    """Register a function as the job `name`. `every` is a cron line, with seconds as an optional sixth field."""

    def register(function: Task) -> Task:
        @tasks.task(
            name=name,
            queue=queue,
            pass_context=True,
            queueing_lock=name if every else None,
            retry=procrastinate.RetryStrategy(max_attempts=retries, exponential_wait=2),
        )
        def run(context: procrastinate.JobContext, /, timestamp: int | None = None, **arguments: Any) -> None:
            app: Flask = context.additional_context["flask"]
            with app.app_context():
                function(**arguments)

        if every:
            # A tick that finds the same job still waiting is dropped by the queueing lock.
            tasks.periodic(cron=every)(cast(Any, run))
        return function

    return register


def defer(
    session: Session,
    name: str,
    *,
    queue: str = "default",
    lock: str | None = None,
    priority: int = 0,
    **arguments: Any,
) -> int:
    """Queue the job `name` in the caller's transaction; answers its number. Jobs of one `lock` run in turn; of those
    that wait, a higher `priority` goes first.
    """
    row = session.execute(
        sa.text(
            "SELECT (procrastinate.procrastinate_defer_jobs_v1(ARRAY["
            "ROW(:queue, :name, :priority, :lock, NULL, CAST(:arguments AS jsonb), NULL)"
            "::procrastinate.procrastinate_job_to_defer_v1]))[1]"
        ),
        {
            "queue": queue,
            "name": name,
            "lock": lock,
            "priority": priority,
            "arguments": json.dumps(arguments),
        },
    )
    return int(row.scalar_one())


@tasks.periodic(cron="* * * * * */5")
@tasks.task(name="jobs.retry_stalled", queue="default", pass_context=True, queueing_lock="jobs.retry_stalled")
async def retry_stalled(context: procrastinate.JobContext, timestamp: int) -> None:
    """Give the jobs of workers that died to the next worker."""
    manager = context.app.job_manager
    stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S)
    for job in stalled:
        logger.warning("job of a dead worker goes on", extra={"job": job.id, "task": job.task_name})
        await manager.retry_job(job)


def worker_app(app: Flask) -> procrastinate.App:
    """The procrastinate application that works for `app`."""
    with app.app_context():
        url = runtime().settings.database_url or ""
    connector = procrastinate.PsycopgConnector(
        conninfo=url.replace("postgresql+psycopg://", "postgresql://", 1),
        kwargs={"options": "-csearch_path=procrastinate,elearn,public -ctimezone=UTC"},
        max_size=4,
    )
    made = procrastinate.App(connector=connector)
    made.add_tasks_from(tasks, namespace="")
    return made


def work(app: Flask, *, until_done: bool = False, concurrency: int = 2) -> None:
    """Run jobs: for ever, or with `until_done` until none is left to do."""
    made = worker_app(app)
    with made.open():
        made.run_worker(
            concurrency=concurrency,
            wait=not until_done,
            listen_notify=not until_done,
            fetch_job_polling_interval=2.0,
            additional_context={"flask": app},
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=not until_done,
            update_heartbeat_interval=REPORTS_EVERY_S,
            stalled_worker_timeout=STALLED_AFTER_S,
        )
