"""FROM WHAT WAS WATCHED TO WHAT THE EXAM MAY RELY ON.

In come final watched spans (`tracking`), out goes an eligibility record that an exam system can check for itself.

    watched_span ─► ledger/ ─► credit.py ─► hours_entry ─► hours.py + eligibility.py ─► records.py ─► exam_system/
    (final)         a leaf,    each leaf    the ledger     pure: what counts,           a version     doors, tokens,
                    published  once                        judge(...)                   per change    signatures

A version lives (`lifecycle.py`, pure): people take its steps (`steps.py`), each a line of the change feed (`feed.py`).

Open first `eligibility.py`: the question all of this answers. Nothing to the left calls in here: the job
`ledger.advance` asks every few seconds what is not in the log yet and which published leaves have no entry, so running
it twice credits once. Words: *final* is behind a passed check; *credited* stands in a published checkpoint of the log.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint, Flask


BY_IMPORT = (
    "recomputing",
    "exam_system.profiles",
    "exam_system.push_jobs",
    "findings.models",
    "ledger.advancing",
    "archive.making",
    "exam_system.evidence_door",
    "ledger.stamping",
)
"""Modules whose jobs and tables are known once they are imported."""


def install(app: Flask, whole: Blueprint) -> None:
    """Put the exam system's doors and the crediting job on board."""
    from elearn.credit_export.exam_system import routes
    from elearn.credit_export.ledger import doors
    from elearn.credit_export.paper import routes as paper

    for module in BY_IMPORT:
        import_module(f"{__name__}.{module}")
    routes.install(app, whole)
    paper.install(app, whole)
    doors.install(app, whole)
