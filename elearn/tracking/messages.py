"""What the player sends through the sitting's door, read and checked for form (docs/player-protocol.md). Pure.

A message that cannot be read is refused as a whole. What its reports claim is not judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import UNSET, Meta, Struct, UnsetType, field

from elearn.errors import Malformed
from elearn.people.signatures import signature_holds, unbase64url
from elearn.tracking.lrs.rules.check import Checked, check_statement
from elearn.tracking.verifier import Report

MAX_REPORTS = 64
MAX_BODY_BYTES = 256 * 1024
REPORT = "urn:elearn:xapi:report"
SESSION_ID = "https://w3id.org/xapi/video/extensions/session-id"

Milliseconds = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A claim may be nonsense (the verifier says so), but it fits the column that keeps it."""
ScreenPixels = Annotated[int, Meta(ge=0, le=100_000)]


class SentReport(Struct, forbid_unknown_fields=True):
    statement: str
    sig: str | None
    """Base64url; null only in a sitting that was opened without a device key."""


class Message(Struct, forbid_unknown_fields=True):
    """The body of `POST /sittings/<sid>/reports`."""

    sid: str
    sent_cm: Milliseconds
    nonce: Annotated[str, Meta(max_length=64)]
    reports: Annotated[list[SentReport], Meta(max_length=MAX_REPORTS)]


class ClientFacts(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a player says of the browser it runs in. Evidence for people to look at; nothing is decided by it."""

    touch: bool | UnsetType = UNSET
    """Has it a touch screen?"""
    webdriver: bool | UnsetType = UNSET
    """Does it say itself that a program drives it (WebDriver, section 4)?"""
    screen: tuple[ScreenPixels, ScreenPixels] | UnsetType = UNSET
    """Width and height in CSS pixels."""
    zone: Annotated[str, Meta(pattern="^[A-Za-z0-9_+/-]{1,64}$")] | UnsetType = UNSET
    """Its time zone by the IANA's name."""


class OpenRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /sittings`."""

    unit: UUID
    device: Annotated[str, Meta(max_length=64)] | None
    """Thumbprint of the key that will sign; null from a browser that has no WebCrypto."""
    cm: Milliseconds
    player: Annotated[str, Meta(max_length=64)]
    client: ClientFacts | None = None


class Nothing(Struct, forbid_unknown_fields=True):
    """An empty object."""


class _Claim(Struct):
    seq: Annotated[int, Meta(ge=1, le=2**31)]
    a: Milliseconds
    b: Milliseconds
    cm: Milliseconds
    play: Milliseconds
    hidden: Milliseconds
    prev: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None
    event: Annotated[str, Meta(max_length=32)]
    touches: Annotated[int, Meta(ge=0, le=2**31)] | None = None
    """Touches and keys since the report before: evidence, no part of any decision."""
    idle: Milliseconds | None = None
    """Since the learner last touched anything: of pages (`page_rules`)."""


class _ResultExtensions(Struct):
    report: _Claim = field(name=REPORT)


class _Result(Struct):
    extensions: _ResultExtensions


class _ContextExtensions(Struct):
    session_id: str = field(name=SESSION_ID)


class _Context(Struct):
    extensions: _ContextExtensions


class _Statement(Struct):
    id: UUID
    result: _Result
    context: _Context


_statements = msgspec.json.Decoder(_Statement)


@dataclass(frozen=True, slots=True)
class Arrived:
    """One report as it came: the exact statement, what it claims, and whether it is signed as its sitting is."""

    checked: Checked
    statement_id: UUID
    raw: str
    sha256: bytes
    prev: bytes | None
    sig: bytes | None
    signed_as_opened: bool
    """By the device of its sitting; or not at all, where the sitting was opened without one."""
    session_id: str
    report: Report


def claim_in(statement: str | bytes, sent_cm_ms: int) -> tuple[Report, _Statement]:
    """What the statement claims. Raises Malformed when it holds no report."""
    try:
        read = _statements.decode(statement)
    except msgspec.MsgspecError as error:
        raise Malformed("The statement is not a report: %(why)s", why=str(error)) from error
    claim = read.result.extensions.report
    return Report(claim.seq, claim.a, claim.b, claim.cm, claim.play, sent_cm_ms, claim.hidden, claim.idle), read


def read_reports(message: Message, key: EllipticCurvePublicKey | None) -> Sequence[Arrived]:
    """The reports of a message, each with its signature tried; `key` is None where the sitting has no device.

    Raises Malformed: a statement is no report.
    """
    arrived: list[Arrived] = []
    for sent in message.reports:
        checked = check_statement(sent.statement)
        report, read = claim_in(sent.statement, message.sent_cm)
        prev = read.result.extensions.report.prev
        # Empty for what is not base64url, which no signature is.
        sig = None if sent.sig is None else unbase64url(sent.sig) or b""
        if key is None or sig is None:
            as_opened = key is None and sig is None
        else:
            as_opened = signature_holds(key, sig, signed_bytes(message.sid, message.nonce, sent.statement))
        arrived.append(
            Arrived(
                checked=checked,
                statement_id=read.id,
                raw=sent.statement,
                sha256=sha256(sent.statement.encode()).digest(),
                prev=None if prev is None else bytes.fromhex(prev),
                sig=sig,
                signed_as_opened=as_opened,
                session_id=read.context.extensions.session_id,
                report=report,
            )
        )
    return arrived


def signed_bytes(sid: str, nonce: str, statement: str) -> bytes:
    """What the device signs: the sitting, the server's nonce and the statement's bytes, a line each."""
    return f"{sid}\n{nonce}\n{statement}".encode()
