"""Pure: how often a number may be told a code, how the code is made, and who is meant by the end of a document."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

DIGITS = 6
LIFE = timedelta(minutes=10)
"""Of a code; of what it proved, until the password is chosen."""
MOST_TRIES = 5
"""Of one code."""
MOST_AN_HOUR, MOST_A_DAY = 5, 12
"""Codes to one number: a crew that shares a phone comes in, and nobody is kept awake by messages."""
MOST_WRONG_A_DAY = 15
"""Wrong ends tried with the right code, over all codes of one number: who holds somebody's phone does not count the
document through.
"""
MOST_SET_A_DAY = 3
"""New passwords of one person."""
MOST_ADDRESS = 120
"""Codes asked from one address within the window of `tries`: a training room, a telephone company's gateway."""
TAIL = 6

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def wait_for_code(asked: Collection[datetime], now: datetime) -> timedelta | None:
    """How long this number has to wait for another code; None: it need not."""
    waits = []
    for most, within in ((MOST_AN_HOUR, HOUR), (MOST_A_DAY, DAY)):
        recent = sorted(one for one in asked if one > now - within)
        if len(recent) >= most:
            waits.append(recent[-most] + within - now)
    return max(waits, default=None)


def lock_of(phone_index: bytes) -> int:
    """The number of the lock by which requests about one phone number wait for each other."""
    return int.from_bytes(phone_index[:8], signed=True)


def code_of(secret: bytes, code_id: UUID) -> str:
    """The digits that belong to a row. A job that runs twice sends the same; who reads the table learns nothing."""
    digest = hmac.digest(secret, b"sign-in code" + code_id.bytes, "sha256")
    return f"{int.from_bytes(digest[:16]) % 10**DIGITS:0{DIGITS}}"


def code_fits(secret: bytes, code_id: UUID, typed: str) -> bool:
    """Spaces and full-width digits do not matter."""
    said = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", typed))
    return hmac.compare_digest(said.encode(), code_of(secret, code_id).encode())


def tail_of(typed: str) -> str:
    """The last six letters and digits of a document's number, in one form; who typed the whole number is right too."""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", typed)).upper()[-TAIL:]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom the number reaches."""

    account_id: UUID
    documents: tuple[str, ...]
    """Numbers in their normal form."""


def meant(candidates: Sequence[Candidate], typed: str) -> UUID | None:
    """The one of them whose document ends so; None: nobody, or nobody knows which."""
    tail = tail_of(typed)
    if len(tail) < min(TAIL, 5):  # the shortest passport number that is taken has five
        return None
    found = [one.account_id for one in candidates if any(number[-TAIL:] == tail for number in one.documents)]
    return found[0] if len(found) == 1 else None
