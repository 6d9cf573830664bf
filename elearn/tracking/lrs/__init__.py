"""The record store: xAPI statements, kept exactly as they were sent (xAPI 1.0.3 and 2.0, IEEE 9274.1.1).

In comes a statement's JSON text, by `/xapi/statements` or from a sitting; it lies in the store for good, whatever it
claims. Storing is not believing: what comes by `/xapi/` is never credited as watched (DESIGN 3.3).

Open first `check.py` (`check_statement`: text in, `Checked` or a `BadStatement` out), then `store.py` (`insert`,
`get`: one round trip each). Then
- `rules.py`, `actors.py`, `activities.py`, `reading.py`, `forms.py`  the specification's rules, pure;
- `routes.py`       the door `/xapi/`; `versions.py` which xAPI a request speaks; `answers.py` what is shown;
- `credentials.py`  keys, secrets, scopes; `commands.py` makes and revokes them;
- `consistency.py`  up to when all statements can be read;
- `models.py`       the tables; `jobs.py` makes the months ahead.
"""

from __future__ import annotations

from flask import Blueprint, Flask


def install(app: Flask, whole: Blueprint) -> None:
    """Put the door on board and the job on the list."""
    from elearn.tracking.lrs import jobs, routes  # noqa: F401 - the job is known once it is imported

    whole.register_blueprint(routes.bp)
