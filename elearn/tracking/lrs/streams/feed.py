"""Statements page by page, in the order they were stored; nobody's is missed, however late it is committed.

A page costs the same wherever it lies: it is read along one index, from the cursor on, and ends at a number of rows
or of bytes. It holds no lock and needs no transaction to stay open between pages.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.clock import EPOCH
from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.statements.store import VOIDED, Kept, kept_of

Place = tuple[datetime, UUID]
"""Where a statement stands in the order: its `stored` and its id."""

MAX_PAGE = 1000
MAX_PAGE_BYTES = 8_000_000
"""Of statements as they were sent; the first of a page may alone be larger."""

_MICROSECOND = timedelta(microseconds=1)

# The first condition says nothing that the second does not; but by it whole months are left out.
_AFTER = "kept.stored_at >= %(stored_at)s AND (kept.stored_at, kept.id) > (%(stored_at)s, %(id)s) AND"
_ROWS = """
SELECT kept.stored_at, kept.id, octet_length(kept.raw) AS size FROM elearn.statement AS kept
WHERE AFTER kept.stored_at <= %(through)s
ORDER BY kept.stored_at, kept.id LIMIT %(limit)s + 1
"""
# One index scan for each credential: a filter behind the order's index would read all that others sent.
_ROWS_OF = """
SELECT one.* FROM unnest(%(credentials)s::uuid[]) AS credential(id), LATERAL (
    SELECT kept.stored_at, kept.id, octet_length(kept.raw) AS size FROM elearn.statement AS kept
    WHERE kept.authority_id = credential.id AND AFTER kept.stored_at <= %(through)s
    ORDER BY kept.stored_at, kept.id LIMIT %(limit)s + 1
) AS one
ORDER BY one.stored_at, one.id LIMIT %(limit)s + 1
"""
# Texts are fetched for the rows that fit only: octet_length reads no more than the head of a large one.
_PAGE = """
WITH found AS MATERIALIZED (ROWS), counted AS (
    SELECT stored_at, id, row_number() OVER ordered AS number, count(*) OVER () AS all_found,
           sum(size) OVER ordered - size AS before_it
    FROM found WINDOW ordered AS (ORDER BY stored_at, id)
)
SELECT kept.raw, kept.stored_at, kept.authority_id, kept.version, kept.sitting_id,
       sender.organisation_id, kept.id, VOIDED, counted.all_found
FROM counted
JOIN elearn.statement AS kept ON kept.stored_at = counted.stored_at AND kept.id = counted.id
LEFT JOIN elearn.lrs_credential AS sender ON sender.id = kept.authority_id
WHERE counted.number <= %(limit)s AND (counted.number = 1 OR counted.before_it < %(most_bytes)s)
ORDER BY kept.stored_at, kept.id
""".replace("VOIDED", VOIDED)


@dataclass(frozen=True, slots=True)
class Page:
    """What comes after a place."""

    statements: list[Kept]
    place: Place | None
    """Of the last one, else where the page began."""
    more: bool
    """Whether the next page holds anything already."""


def page(
    session: Session,
    after: Place | None,
    *,
    through: datetime,
    reads: Reads,
    limit: int = MAX_PAGE,
    most_bytes: int = MAX_PAGE_BYTES,
) -> Page:
    """The statements stored after the place `after` (None: from the oldest on), up to the moment `through`.

    `through` must be one up to which all can be read (`consistent_through`): only then is nothing missed. Voided and
    voiding ones are there. A page without statements keeps its place.
    """
    rows = (_ROWS if reads.all else _ROWS_OF).replace("AFTER", "" if after is None else _AFTER)
    found = session.connection().exec_driver_sql(
        _PAGE.replace("ROWS", rows),
        {
            "stored_at": None if after is None else after[0],
            "id": None if after is None else after[1],
            "through": through,
            "credentials": list(reads.credentials),
            "limit": limit,
            "most_bytes": most_bytes,
        },
    )
    statements: list[Kept] = []
    there = 0
    for *columns, all_found in found:
        statements.append(kept_of(columns))
        there = all_found
    place = (statements[-1].stored_at, statements[-1].id) if statements else after
    return Page(statements, place, more=there > len(statements))


def may_have_attachments(kept: Kept) -> bool:
    """False only when the statement names none: then nothing has to be looked up."""
    return '"attachments"' in kept.raw or "\\u" in kept.raw  # an escape may spell that name


def write_cursor(place: Place | None) -> str:
    """32 characters that name a place, "" for the beginning. Not signed: it opens nothing, keys decide what is seen."""
    if place is None:
        return ""
    us = (place[0] - EPOCH) // _MICROSECOND
    return urlsafe_b64encode(us.to_bytes(8, "big") + place[1].bytes).decode()


def read_cursor(text: str) -> Place | None:
    """The place of `write_cursor`. Raises ValueError: `text` is no cursor of ours."""
    if not text:
        return None
    try:
        data = urlsafe_b64decode(text.encode("ascii"))
    except (NotBase64, UnicodeEncodeError) as error:
        raise ValueError("not base64") from error
    if len(data) != 24 or urlsafe_b64encode(data).decode() != text:
        raise ValueError("not a place")
    try:
        return EPOCH + int.from_bytes(data[:8], "big") * _MICROSECOND, UUID(bytes=data[8:])
    except OverflowError as error:
        raise ValueError("not a time") from error
