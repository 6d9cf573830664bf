"""The links to what follows a page of statements (xAPI Data 2.5, `more`). Pure.

A link holds the whole question and the place where the page ended, so nothing is kept for it and it works for
ever: whoever follows it gets what comes after that place now, voided statements left out. It is signed, because a
place and a page's size are not for clients to make up, and it answers keys of the same organisation only. What a
key may see is decided anew each time.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec

from elearn.clock import EPOCH
from elearn.tracking.lrs.models import NIL
from elearn.tracking.lrs.statements.asked import FORMATS, MAX_PAGE, Asked
from elearn.tracking.lrs.statements.store import Place

FORM = 1
"""Of the token's layout: an older one must be read for ever."""
MAC_BYTES = 16
_MICROSECOND = timedelta(microseconds=1)
_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")


class _Token(msgspec.Struct, array_like=True, frozen=True):
    form: int
    place_us: int
    place_id: UUID
    limit: int
    style: int
    """The format's number, and 4 with attachments, 8 ascending, 16 related_agents, 32 related_activities."""
    agent: UUID | None = None
    verb: UUID | None = None
    activity: UUID | None = None
    registration: UUID | None = None
    authority: UUID | None = None
    since_us: int | None = None
    until_us: int | None = None


def write(asked: Asked, place: Place, *, organisation_id: UUID | None, key: bytes) -> str:
    """The token of the page after `place` (the last statement that was shown); under 250 characters."""
    style = FORMATS.index(asked.form) | asked.attachments << 2 | asked.ascending << 3
    token = _Token(
        form=FORM,
        place_us=_us(place[0]),
        place_id=place[1],
        limit=asked.limit,
        style=style | asked.related_agents << 4 | asked.related_activities << 5,
        agent=asked.agent_key,
        verb=asked.verb_key,
        activity=asked.activity_key,
        registration=asked.registration,
        authority=asked.authority_id,
        since_us=None if asked.since is None else _us(asked.since),
        until_us=None if asked.until is None else _us(asked.until),
    )
    body = _encoder.encode(token)
    return urlsafe_b64encode(_mac(body, organisation_id, key) + body).rstrip(b"=").decode()


def read(text: str, *, organisation_id: UUID | None, key: bytes) -> Asked | None:
    """The question of `write`, to be asked from its place on; None when no such link was given to these."""
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (NotBase64, ValueError):
        return None
    mac, body = data[:MAC_BYTES], data[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(body, organisation_id, key)):
        return None
    token = msgspec.msgpack.decode(body, type=_Token)
    return Asked(
        form=FORMATS[token.style & 3],
        attachments=bool(token.style & 4),
        ascending=bool(token.style & 8),
        related_agents=bool(token.style & 16),
        related_activities=bool(token.style & 32),
        agent_key=token.agent,
        verb_key=token.verb,
        activity_key=token.activity,
        registration=token.registration,
        authority_id=token.authority,
        since=None if token.since_us is None else _moment(token.since_us),
        until=None if token.until_us is None else _moment(token.until_us),
        limit=min(token.limit, MAX_PAGE),
        after=(_moment(token.place_us), token.place_id),
    )


def _mac(body: bytes, organisation_id: UUID | None, key: bytes) -> bytes:
    return blake2b((organisation_id or NIL).bytes + body, key=key, digest_size=MAC_BYTES, person=b"xapi more").digest()


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


def _moment(us: int) -> datetime:
    return (EPOCH + us * _MICROSECOND).astimezone(UTC)
