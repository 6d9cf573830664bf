"""Which xAPI a request speaks, by its header X-Experience-API-Version (Communication 3.3)."""

from __future__ import annotations

import re
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.tracking.lrs.rules.reading import BadStatement

HEADER = "X-Experience-API-Version"
LATEST_1 = "1.0.3"
LATEST_2 = "2.0.0"
SPOKEN = ("1.0.0", "1.0.1", "1.0.2", LATEST_1, LATEST_2)
_FORM = re.compile(r"([12])\.0(?:\.[0-9]{1,6})?")

_LAST_WRITTEN = """
SELECT version FROM elearn.statement WHERE authority_id = %(credential)s::uuid ORDER BY stored_at DESC LIMIT 1
"""


class BadHeader(BadStatement):
    """A header breaks the specification: which one, why, and which clause."""

    code = "bad_header"

    def __init__(self, header: str, why: str, clause: str, *, code: str | None = None) -> None:
        super().__init__(header, why, clause)
        self.own_code = code
        self.detail = "The header %(where)s breaks xAPI %(clause)s: %(why)s"


def answered(asked: str | None) -> str:
    """The version an answer names: the latest patch of what was asked for. "1.0" means 1.0.0.

    Raises BadHeader, code `version`: no header, or a version this store does not speak.
    """
    match = _FORM.fullmatch(asked or "")
    if match is None:
        raise BadHeader(HEADER, "must be 1.0.x or 2.0.x", "Communication 3.3", code="version")
    return LATEST_1 if match[1] == "1" else LATEST_2


def last_written(session: Session, credential_id: UUID) -> str:
    """What a client speaks that does not say so: the version of the last statement that came by its credential.

    Only the answer to a refused request needs it: every answer names a version (Communication 3.3), and which one
    is right cannot be read from a request without the header. A client that wrote nothing is taken for 1.0.3.
    """
    row = session.connection().exec_driver_sql(_LAST_WRITTEN, {"credential": credential_id}).one_or_none()
    return LATEST_2 if row is not None and str(row[0]).startswith("2") else LATEST_1
