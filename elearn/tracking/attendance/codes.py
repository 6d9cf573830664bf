"""The code on the teacher's screen: another one every ten seconds, made of the session, the time and our secret. Pure.

A phone that opens it in time gets a ticket of its own, so that its owner can read the page before pressing the button;
the ticket is bound to the person, so passing it on is worth nothing. Whoever passes a picture of the screen on has
twenty seconds; the teacher's list, where everybody's name appears, is against that.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from uuid import UUID

SLOT_MS = 10_000
"""A code is shown so long."""
SLOTS_TAKEN = 2
"""The one that is shown, and the one before: a phone needs a moment."""
TICKET_MS = 120_000
"""How long somebody who opened the code in time may look at the page before pressing."""
MAC_BYTES = 12
LONGEST = 60


def secret_of(secret_key: bytes) -> bytes:
    """The key of the codes, of the installation's secret."""
    return hmac.digest(secret_key, b"elearn attendance codes v1", hashlib.sha256)


def slot_of(now_ms: int) -> int:
    """Number of the ten seconds that are running."""
    return now_ms // SLOT_MS


def code(secret: bytes, session_id: UUID, slot: int) -> str:
    """`{slot}.{mac}`: what the screen shows for these ten seconds."""
    return f"{slot}.{_mac(secret, b'code', session_id.bytes, str(slot).encode())}"


def opened(secret: bytes, session_id: UUID, text: str, now_ms: int) -> int | None:
    """The slot of a code that is taken now; None: of another session, made up, or too old."""
    slot = _number(text)
    if slot is None or not hmac.compare_digest(code(secret, session_id, slot), text):
        return None
    return slot if 0 <= slot_of(now_ms) - slot < SLOTS_TAKEN else None


def ticket(secret: bytes, session_id: UUID, person_id: UUID, slot: int) -> str:
    """That this person's phone opened the code of `slot` while it was shown."""
    return f"{slot}.{_mac(secret, b'ticket', session_id.bytes, person_id.bytes, str(slot).encode())}"


def redeemed(secret: bytes, session_id: UUID, person_id: UUID, text: str, now_ms: int) -> int | None:
    """The slot of a ticket that still holds for this person; None for any other."""
    slot = _number(text)
    if slot is None or not hmac.compare_digest(ticket(secret, session_id, person_id, slot), text):
        return None
    return slot if 0 <= now_ms - slot * SLOT_MS < TICKET_MS else None


def _number(text: str) -> int | None:
    number, dot, _mac_text = text.partition(".")
    if not dot or len(text) > LONGEST or not (text.isascii() and number.isdecimal()):
        return None
    return int(number)


def _mac(secret: bytes, *parts: bytes) -> str:
    digest = hmac.digest(secret, b"\0".join(parts), hashlib.sha256)[:MAC_BYTES]
    return urlsafe_b64encode(digest).decode()
