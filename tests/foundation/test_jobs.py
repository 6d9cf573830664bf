"""A job commits with the rows it is about, survives its worker, and leaves no trace of a rolled-back caller."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from elearn import jobs
from elearn.db import db

done: list[str] = []


@jobs.task("tests.note")
def note(text: str) -> None:
    done.append(text)


def waiting(app: Flask) -> int:
    with app.app_context(), db.engine.connect() as connection:
        found = connection.execute(
            sa.text("SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE task_name = 'tests.note'")
        )
        return int(found.scalar_one())


def test_a_job_deferred_in_a_transaction_that_rolls_back_never_was(own_app: Flask) -> None:
    with own_app.app_context():
        jobs.defer(db.session(), "tests.note", text="never")
        db.session.rollback()
    assert waiting(own_app) == 0


def test_a_committed_job_runs_and_is_gone(own_app: Flask) -> None:
    with own_app.app_context():
        jobs.defer(db.session(), "tests.note", text="once")
        db.session.commit()
    assert waiting(own_app) == 1
    jobs.work(own_app, until_done=True)
    assert done[-1] == "once"
    assert waiting(own_app) == 0
