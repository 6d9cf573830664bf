"""Hours for tests, by the whole way they go in the product: evidence, leaves, a signed checkpoint, entries, records.

What a running product does by its jobs in a minute is done at once here, with a signer in this process.
"""

from __future__ import annotations

import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.credit_export.ledger.advancing import Advanced, House, advance
from elearn.credit_export.ledger.publishing import Desk
from elearn.credit_export.ledger.signer import LocalSigner
from elearn.runtime import runtime

_places: dict[tuple[str, str], tempfile.TemporaryDirectory[str]] = {}
"""Files of the log and its signer: of one database, and of one test where tests share a database and roll it back."""


def a_house(place: Path, *, minute_ms: int = 0) -> House:
    """This application's log, published below `place`, which is a directory of the test's own."""
    desk = Desk(place / "files", LocalSigner(place / "signer"), every=timedelta(0))
    settings = runtime().settings
    return House(settings.public_url, desk, settings.sealing_key, minute_ms, runtime().url_prefix)


def log_place(session: Session) -> Path:
    """Where `credit_all` keeps the log of this test."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    key = (str(session.get_bind().engine.url), test)
    if key not in _places:
        _places[key] = tempfile.TemporaryDirectory(prefix="log")
    return Path(_places[key].name)


def credit_all(session: Session, *, now: datetime | None = None) -> Advanced:
    """All that is final counts; commits. Twice at one moment does nothing more."""
    return advance(session, now=now or utcnow(), house=a_house(log_place(session)))
