"""`/healthz`: may a load balancer send people here?

The database must answer. Redis may be lost at any moment (DESIGN 3.2), and hours may wait for the signer or a witness
of the log; both are told, but do not turn people away.
"""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from elearn.clock import utcnow
from elearn.credit_export.ledger import stamp_standing, trouble
from elearn.credit_export.ledger.doors import desk
from elearn.db import db
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.web import allow


def install(whole: Blueprint) -> None:
    whole.add_url_rule("/healthz", "healthz", healthz)


@allow(ANYBODY)
def healthz() -> ResponseReturnValue:
    """200 while the database answers, else 503; each part says `ok` or `down`, the log `ok`, `waits` or `alarm` with
    the codes of what is wrong (`ledger/trouble.py`), its time stamps `off`, `ok`, `away` or `alarm`.

    Codes and nothing more: what the programs saw may name hosts and paths, and anybody may ask.
    """
    database = _database()
    # Our clock is the database's.
    found = trouble.troubles(desk().ledger_dir, utcnow()) if database == "ok" else []
    parts: dict[str, object] = {
        "database": database,
        "redis": _redis(),
        "ledger": trouble.state_of(found) if database == "ok" else "unknown",
        "ledger_why": sorted({one.code for one in found}),
        "stamps": stamp_standing.state_of(desk().ledger_dir, runtime().settings.ledger_tsa),
    }
    up = parts["database"] == "ok"
    answer = jsonify(status="ok" if up else "down", **parts)
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if up else 503


def _database() -> str:
    try:
        with db.engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except SQLAlchemyError:
        return "down"
    return "ok"


def _redis() -> str:
    try:
        runtime().redis.ping()
    except RedisError:
        return "down"
    return "ok"
