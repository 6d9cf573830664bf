"""What modules of people share: China's calendar day, the one form of a name and of a region, rows that are taken."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed
from elearn.people.identity import is_region
from elearn.zone import LOCAL_ZONE

__all__ = ["LOCAL_ZONE", "checked_name", "checked_region", "local_day", "unless_taken"]


def local_day(moment: datetime) -> date:
    """The calendar day in China; dates of membership are such days."""
    return moment.astimezone(LOCAL_ZONE).date()


def checked_name(name: str) -> str:
    normal = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(normal) <= 100 or any(unicodedata.category(letter) in ("Cc", "Cf") for letter in normal):
        raise Malformed("A name has 1 to 100 characters.", code="name_form")
    return normal


def checked_region(region: str | None) -> str | None:
    if region is not None and not is_region(region):
        raise Malformed("A region is six digits (GB/T 2260).", code="region_form")
    return region


@contextmanager
def unless_taken(session: Session, constraint: str, detail: str, code: str) -> Iterator[None]:
    """A row that breaks `constraint` is a Conflict, and only that row is undone."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        if constraint in str(error.orig):
            raise Conflict(detail, code=code) from None  # the driver's message holds the values
        raise
