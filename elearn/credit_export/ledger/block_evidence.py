"""The raw evidence of one credited block, as an authority is given it: the JSON of docs/ledger.md. Pure.

A row stands there as it was hashed (`evidence.py`), with the proof that it is in the tree of its minute. Names,
document numbers, telephone numbers and faces are in none of it. What there is of a person: their id here, the key that
ties that id to `sub` in the log, their devices' public keys, and statements under their pseudonym.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from elearn.credit_export.ledger.plain_text import base64_text

SUB_BYTES = 16
LARGEST_BYTES = 64_000_000
"""No block has evidence of more."""

Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Place = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A row of evidence: leaf `at` of the tree of its minute; leaf 0 is the root of the evidence before."""

    at: Place
    row: str
    proof: list[Hash]


class Minute(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is shown of the rows of one evidence leaf."""

    root: Hash
    size: Place
    """Leaves of its tree: `count` of the evidence leaf, and one."""
    leaf: Place | None
    """Where that leaf is in this log; None: in another one, and `links` lead there."""
    rows: list[Row]


class Link(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """That the evidence of `root` goes on from that of `before`: leaf 0 of its tree."""

    root: Hash
    size: Place
    before: Hash
    proof: list[Hash]


class Links(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The way from an evidence leaf of this log back to minutes that an earlier log has."""

    leaf: Place
    steps: list[Link]


class Whose(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`sub` is HMAC-SHA-256 of the id's 16 bytes under `key`, cut to 16 bytes."""

    id: UUID
    key: Hash


class Device(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The P-256 key that signs the reports of a sitting (RFC 7517); null: its sitting was opened without one."""

    sitting: UUID
    x: str | None
    y: str | None


class PartOfUnit(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What one media key opens, or one page."""

    index: Place
    start_ms: Place
    end_ms: Place


class BlockEvidence(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The answer of `GET /exam/v1/evidence/<log>/<index>`."""

    v: Literal[1]
    log: str
    index: Place
    leaf: str
    state: Literal["given", "erased", "gone"]
    """erased: the person is forgotten, so nobody can say any more whose this was, nor try the devices' signatures.
    gone: it is older than `kept_days`, and no longer there."""
    kept_days: Place
    """How long evidence is kept, by the settings; 0: for good."""
    person: Whose | None
    devices: list[Device]
    parts: list[PartOfUnit]
    policies: dict[str, str]
    """Digest -> the rules, as the digest was made of them."""
    minutes: list[Minute]
    links: Links | None
    statements: dict[str, str]
    """Id -> the statement's exact text."""
    of: list[UUID]
    """Reports whose media make the block; the others stand before them in the chain of their sitting."""


write = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(BlockEvidence).decode


def read(data: bytes) -> BlockEvidence:
    """Raises ValueError for what does not have this form."""
    return _read(data)


def sub_of(person_id: UUID, key: bytes) -> str:
    """What the log calls a person: HMAC-SHA-256 of the person's id under the person's key, cut to 128 bits: base64url
    without padding. Nobody finds a second id with a key that makes the same name."""
    digest = hmac.digest(key, person_id.bytes, hashlib.sha256)[:SUB_BYTES]
    return base64_text(digest).rstrip("=").replace("+", "-").replace("/", "_")
