"""The canonical definition of an activity, read at a bounded cost (xAPI Communication 2.5, 2.1.3 format=canonical).

What statements say of an activity is only ever added (`activity_definition`). A job folds what was added since the
last time into one more row, `merged`, so that a reader has a few rows to fold however often an activity is defined.
Folding twice changes nothing (`folding.py`), so neither does the job's failing, running twice, or standing still:
then readers fold more, up to `MOST_ROWS` of the newest.

An organisation's credential redefines for its own readers only; what a credential of the whole platform or a sitting
says holds for all. So there is a fold for each organisation, one for what came by none, and one of all, for whoever
reads all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from elearn.clock import EPOCH, utcnow
from elearn.db import db
from elearn.jobs import task
from elearn.tracking.lrs.consistency import consistent_through
from elearn.tracking.lrs.models import NIL
from elearn.tracking.lrs.things import folding

logger = logging.getLogger(__name__)

FOLD_FROM = 20
"""More than so many rows since the last fold, and the job folds."""
MOST_ROWS = 200
"""Of one activity that a reader folds."""
AT_ONCE = 5_000
"""Rows of one activity that the job takes in one step."""
LOOK_BACK = timedelta(hours=2)
"""How far back the frequent job looks for activities that were defined; the nightly one looks at all."""

# A scope is an organisation (the nil one too), or all of them. Two ways of saying which rows are a scope's, because
# only an equality, or a plain IS NULL, is looked up in an index: folds of a scope, and all that is read in it.
_SCOPES = {
    "all": ("organisation_id IS NULL", "(NOT merged OR organisation_id IS NULL)"),
    "one": ("organisation_id = %s", "organisation_id = %s"),
}

# The rows of each activity in each scope, newest first: those since the last fold of that scope, it included.
_ROWS = """
SELECT asked.key, kept.definition, kept.stored_at, kept.digest, kept.merged
FROM json_array_elements_text(%(keys)s::json) AS asked(key)
CROSS JOIN json_array_elements_text(%(scopes)s::json) AS reading(scope)
CROSS JOIN LATERAL (
    SELECT max(stored_at) AS at FROM elearn.activity_definition
    WHERE activity_key = asked.key::uuid AND merged AND FOLDS
) AS last
CROSS JOIN LATERAL (
    SELECT definition, stored_at, digest, merged FROM elearn.activity_definition
    WHERE activity_key = asked.key::uuid AND stored_at >= coalesce(last.at, '-infinity') AND READ
    ORDER BY stored_at DESC LIMIT %(most)s
) AS kept
"""

# Which scopes of which activities have more to fold than a reader should: counted since each scope's last fold.
_DUE = """
SELECT defined.activity_key, defined.organisation_id FROM (
    SELECT DISTINCT activity_key, SCOPE AS organisation_id FROM elearn.activity_definition
    WHERE NOT merged AND stored_at >= %(since)s
) AS defined
CROSS JOIN LATERAL (
    SELECT max(stored_at) AS at FROM elearn.activity_definition
    WHERE activity_key = defined.activity_key AND merged AND FOLDS
) AS last
CROSS JOIN LATERAL (
    SELECT count(*) AS rows FROM (
        SELECT FROM elearn.activity_definition
        WHERE activity_key = defined.activity_key AND NOT merged AND READ
          AND stored_at > coalesce(last.at, '-infinity') AND stored_at <= %(through)s
        LIMIT %(more)s
    ) AS newer
) AS waiting
WHERE waiting.rows >= %(more)s
"""

_NEXT = """
SELECT iri, definition, stored_at, digest, merged FROM elearn.activity_definition
WHERE activity_key = %(key)s AND READ AND stored_at <= %(through)s AND stored_at >= coalesce((
    SELECT max(stored_at) FROM elearn.activity_definition WHERE activity_key = %(key)s AND merged AND FOLDS
), '-infinity')
ORDER BY stored_at LIMIT %(most)s
"""

_KEEP = """
INSERT INTO elearn.activity_definition
    (activity_key, iri, definition, digest, stored_at, statement_id, merged, organisation_id)
VALUES (%(key)s, %(iri)s, %(definition)s, %(digest)s, %(stored_at)s, NULL, true, %(scope)s)
"""


def canonical(
    session: Session, keys: Iterable[str], *, organisation_id: UUID | None = None
) -> dict[str, dict[str, object]]:
    """The definition of each activity that has one, by its key (`key_of` its id), as `folding.shown` makes it.

    `organisation_id` is the reader's: it sees what came by its own credentials and by those of the whole platform.
    None reads all.
    """
    scopes = ["all"] if organisation_id is None else [str(organisation_id), str(NIL)]
    asked = sorted(set(keys))
    if not asked:
        return {}
    command = scoped(_ROWS, "reading.scope::uuid", every=organisation_id is None)
    facts = {"keys": _json(asked), "scopes": _json(scopes), "most": MOST_ROWS}
    rows = session.connection().exec_driver_sql(command, facts)
    folds: dict[str, list[folding.Fold]] = {}
    for key, definition, stored_at, digest, merged in rows:
        folds.setdefault(key, []).append(_fold_of(definition, stored_at, digest, merged=merged))
    return {key: folding.shown(folding.fold(some)) for key, some in folds.items()}


@task("lrs.fold_definitions", every="*/3 * * * *")
def fold_definitions() -> None:
    """Every three minutes: what was said of one activity more than `FOLD_FROM` times becomes one row."""
    fold_due(db.session(), since=utcnow() - LOOK_BACK)


@task("lrs.fold_all_definitions", every="47 3 * * *")
def fold_all_definitions() -> None:
    """Each night: also those that gathered slowly, or while no worker ran."""
    fold_due(db.session(), since=EPOCH)


def fold_due(session: Session, *, since: datetime) -> int:
    """Fold what is due of the activities defined since; answers how many rows were made. Commits each.

    Only what all can read by now is folded: no row comes to lie before a fold that has not seen it.
    """
    through = consistent_through(session)
    facts = {"since": since, "through": through, "more": FOLD_FROM + 1}
    due = [
        row
        for command in (
            scoped(_DUE.replace("SCOPE", "organisation_id"), "defined.organisation_id", every=False),
            scoped(_DUE.replace("SCOPE", "NULL::uuid"), "", every=True),
        )
        for row in session.connection().exec_driver_sql(command, facts)
    ]
    made = 0
    for key, scope in due:
        while fold_once(session, key, scope, through=through):
            session.commit()
            made += 1
    if made:
        logger.info("definitions folded", extra={"rows": made})
    return made


def fold_once(session: Session, key: UUID, scope: UUID | None, *, through: datetime) -> bool:
    """Fold the oldest `AT_ONCE` rows of this activity that no fold of this scope has; False when there are too few."""
    facts = {"key": key, "scope": scope, "through": through, "most": AT_ONCE}
    rows = session.connection().exec_driver_sql(scoped(_NEXT, "%(scope)s::uuid", every=scope is None), facts).all()
    last = max((row.stored_at for row in rows if row.merged), default=EPOCH)
    if sum(not row.merged for row in rows if row.stored_at > last) <= FOLD_FROM:
        return False
    folded = folding.fold(_fold_of(row.definition, row.stored_at, row.digest, merged=row.merged) for row in rows)
    text = folding.written(folded)
    session.connection().exec_driver_sql(
        _KEEP,
        {
            "key": key,
            "scope": scope,
            "iri": rows[-1].iri,
            "definition": text,
            "digest": blake2b(text.encode(), digest_size=16).digest(),
            "stored_at": rows[-1].stored_at,
        },
    )
    return True


def scoped(command: str, scope: str, *, every: bool) -> str:
    """`command` over the rows of one scope, which the SQL `scope` names, or over all."""
    folds, read = (part.replace("%s", scope) for part in _SCOPES["all" if every else "one"])
    return command.replace("FOLDS", folds).replace("READ", read)


def _fold_of(definition: str, stored_at: datetime, digest: bytes, *, merged: bool) -> folding.Fold:
    if merged:
        return folding.read(definition)
    at_us = (stored_at - EPOCH) // timedelta(microseconds=1)
    return folding.said(definition, at_us=at_us, source=digest.hex())


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()
