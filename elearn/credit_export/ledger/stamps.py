"""RFC 3161 time stamps over checkpoints: asking for one, and what one says. Pure.

The text that is stamped is a checkpoint's (three lines: log, size, root), without signatures, so that the stamp holds
for every set of cosignatures. It proves that the log was so large, with that root, at that time at the latest: with it
the clocks of operator and witnesses are bound by a third one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import rfc3161_client as rfc3161
from cryptography import x509

REPLY_BYTES_MAX = 65_536
ASKED, ANSWERED = "application/timestamp-query", "application/timestamp-reply"


class StampRefused(ValueError):
    """Not a time stamp over this text, or not of an authority that is believed."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the authority is sent."""

    body: bytes
    nonce: int
    text: bytes


def ask(text: bytes) -> Question:
    """A request for a stamp over this text by SHA-256, with a nonce, and the authority's certificate in the answer."""
    request = (
        rfc3161.TimestampRequestBuilder()
        .data(text)
        .hash_algorithm(rfc3161.HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    return Question(request.as_bytes(), request.nonce or 0, text)


def answered(question: Question, reply: bytes) -> datetime:
    """When the authority stamped it. Raises StampRefused.

    Whose signature it bears is for others to check: they know whom they believe.
    """
    stamp = _read(reply)
    _require_text(stamp, question.text)
    if stamp.tst_info.nonce != question.nonce:
        raise StampRefused("it answers another question")
    return _time(stamp)


def stamped(reply: bytes, text: bytes) -> datetime:
    """When somebody, whoever it was, stamped this text. Raises StampRefused."""
    stamp = _read(reply)
    _require_text(stamp, text)
    return _time(stamp)


def require(reply: bytes, text: bytes, believed: Sequence[x509.Certificate]) -> datetime:
    """When an authority under one of these roots stamped this text. Raises StampRefused."""
    stamp = _read(reply)
    _require_text(stamp, text)
    builder = rfc3161.VerifierBuilder(
        roots=[one for one in believed if one.issuer == one.subject],
        intermediates=[one for one in believed if one.issuer != one.subject],
    )
    try:
        builder.build().verify(stamp, hashlib.sha256(text).digest())
    except (rfc3161.VerificationError, ValueError, x509.InvalidVersion) as error:
        raise StampRefused(f"it is of no authority that is believed: {error}") from None
    return _time(stamp)


def read_roots(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file: roots, and what stands between them and an authority. Raises ValueError."""
    found = x509.load_pem_x509_certificates(path.read_bytes())
    if not any(one.issuer == one.subject for one in found):
        raise ValueError("no root certificate is among them")
    return found


def _read(reply: bytes) -> rfc3161.TimeStampResponse:
    if len(reply) > REPLY_BYTES_MAX:
        raise StampRefused("it is longer than any time stamp")
    try:
        stamp = rfc3161.decode_timestamp_response(reply)
        status = stamp.status
    except ValueError as error:
        raise StampRefused(f"it cannot be read as a time stamp: {error}") from None
    if status != rfc3161.PKIStatus.GRANTED:
        raise StampRefused(f"no stamp was granted (status {status}): {'; '.join(stamp.status_string)}"[:300])
    return stamp


def _require_text(stamp: rfc3161.TimeStampResponse, text: bytes) -> None:
    try:
        imprint = stamp.tst_info.message_imprint
        same = imprint.message == hashlib.sha256(text).digest()
    except ValueError as error:
        raise StampRefused(f"it cannot be read as a time stamp: {error}") from None
    if not same:
        raise StampRefused("it is over another text than this checkpoint")


def _time(stamp: rfc3161.TimeStampResponse) -> datetime:
    at = stamp.tst_info.gen_time
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
