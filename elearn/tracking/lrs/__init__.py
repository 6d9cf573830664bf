"""The record store: xAPI statements, kept exactly as they were sent (xAPI 1.0.3 and 2.0, IEEE 9274.1.1).

In comes a statement's JSON text, by `/xapi/statements` or from a sitting; it lies in the store for good, whatever it
claims. Storing is not believing: what comes by `/xapi/` is never credited as watched (DESIGN 3.3).

Open first `doorway.py` (the door /xapi/, its errors and headers; requests inside forms are `alternate.py`'s), then by
what a client asks for:
- `statements/`  statements in and out;
- `documents/`   states and profiles: what clients keep beside their statements;
- `things/`      activities and agents: what all statements together say of them;
- `streams/`     everything in the order of storing: a feed, on to other stores, to and from files;
- `rules/`       what the specification demands of a statement, pure;
- `access/`      keys, secrets, scopes, tokens, limits;
- `asking.py` how a request is read, `versions.py` which xAPI it speaks, `tags.py` what names an answer's content,
  `consistency.py` up to when all can be read;
- `openapi.py` the description of all of it for tools, `schemas.py` what travels in it;
- `models.py` the tables, `jobs.py` makes the months ahead, `commands.py` is `elearn lrs ...`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint, Flask


BY_IMPORT = ("jobs", "documents.routes", "statements.routes", "streams.jobs", "streams.routes", "things.routes")
"""Modules whose views and jobs are known once they are imported."""


def install(app: Flask, whole: Blueprint) -> None:
    """Put the door on board and the job on the list."""
    from elearn.tracking.lrs import doorway
    from elearn.tracking.lrs.access import tokens

    for module in BY_IMPORT:
        import_module(f"{__name__}.{module}")
    tokens.install(app)
    whole.register_blueprint(doorway.bp)
