"""Pure: signatures of Standard Webhooks 1.0 (standardwebhooks.com), symmetric: made here, checked by receivers.

A message has an id that stays the same in every attempt, and a time of the attempt. Both are signed with the body:
HMAC-SHA-256 over `id.time.body`, base64, as `v1,...` in `webhook-signature`. While a secret is being changed two
signatures stand there, with a space between, and one that holds is enough.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""
TOLERANCE_S = 300
"""How far a time may be off: what is older may be a message that somebody kept."""


class WebhookRefused(ValueError):
    """It is not from who it says, or not from now."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key inside a secret as it is shown (`whsec_` and base64). Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("A secret is whsec_ and base64.") from error
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"A secret has {SHORTEST} to {LONGEST} bytes.")
    return key


def sign(keys: Sequence[bytes], message_id: str, at_s: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each key."""
    signed = f"{message_id}.{at_s}.".encode() + body
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)


def headers(keys: Sequence[bytes], message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": sign(keys, message_id, at_s, body),
    }


def require(secret: str, given: Mapping[str, str], body: bytes, *, now_s: int) -> str:
    """The message's id, when it is signed with the secret and of now. Names of headers in small letters.

    Raises WebhookRefused.
    """
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 15):
        raise WebhookRefused("no id or no time")
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        raise WebhookRefused("not of now")
    right = sign([key_of(secret)], message_id, int(stamp), body).encode()
    found = [hmac.compare_digest(one.encode(), right) for one in given.get("webhook-signature", "").split(" ")]
    if not any(found):
        raise WebhookRefused("the signature does not hold")
    return message_id
