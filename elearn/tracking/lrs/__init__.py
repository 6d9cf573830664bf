"""The record store: xAPI statements, kept exactly as they were sent (xAPI 1.0.3 and 2.0, IEEE 9274.1.1).

In comes a statement's JSON text, by `/xapi/statements` or from a sitting; it lies in the store for good, whatever it
claims. Storing is not believing: what comes by `/xapi/` is never credited as watched (DESIGN 3.3).

Open first `doorway.py` (the door /xapi/, its errors and headers), then by what a client asks for:
- `statements/`  statements in and out;
- `documents/`   states and profiles: what clients keep beside their statements;
- `rules/`       what the specification demands of a statement, pure;
- `access/`      keys, secrets, scopes;
- `asking.py` how a request is read, `versions.py` which xAPI it speaks, `consistency.py` up to when all can be read;
- `models.py` the tables, `jobs.py` makes the months ahead, `commands.py` is `elearn lrs ...`.
"""

from __future__ import annotations

from flask import Blueprint, Flask


def install(app: Flask, whole: Blueprint) -> None:
    """Put the door on board and the job on the list."""
    from elearn.tracking.lrs import doorway, jobs  # noqa: F401 - the job is known once it is imported
    from elearn.tracking.lrs.documents import routes as _documents  # noqa: F401 - its views are known once imported
    from elearn.tracking.lrs.statements import routes  # noqa: F401 - its views are known once it is imported

    whole.register_blueprint(doorway.bp)
