"""Signed statements (Data 2.6): an attachment that is a JWS over the statement as it was before it was signed.

A signature that names a certificate is verified by it; without one only its form and what it signs can be judged,
which is what Data 2.6 asks: to catch mistakes. Who signed, and whether that certificate deserves trust, is for those
who read the statement. Nothing is ever fetched (`x5u`, `jku`).

The compact form is read here, because the JOSE library at hand refuses headers above 512 bytes (one certificate is
longer) and keys below 2,048 bits (the specification's own example has 1,024); `cryptography` verifies.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from elearn.tracking.lrs.rules.check import Checked, check_statement
from elearn.tracking.lrs.rules.comparing import equivalent
from elearn.tracking.lrs.rules.reading import BadStatement

USAGE = "http://adlnet.gov/expapi/attachments/signature"
CLAUSE = "Data 2.6"
ALGORITHMS: dict[str, hashes.HashAlgorithm] = {
    "RS256": hashes.SHA256(),
    "RS384": hashes.SHA384(),
    "RS512": hashes.SHA512(),
}
LARGEST_KEY_BITS = 8192
"""A verification's time grows with the square of this: 0.1 ms here."""

_COMPACT = re.compile(rb"([\w\-]+)\.([\w\-]+)\.([\w\-]+)", re.ASCII)


def verify(batch: Sequence[Checked], parts: Mapping[str, bytes], *, several: bool = False) -> None:
    """Judge every signature in `batch`; `parts` are the data that came with it, by hash in lower case.

    `several`: whether places are told within a batch. Raises BadStatement. A SubStatement is no statement and
    cannot be signed: what its attachments are called means nothing here.
    """
    for number, checked in enumerate(batch):
        for index, one in enumerate(checked.statement.get("attachments", ())):
            if one["usageType"] == USAGE:
                where = f"{f'/{number}' if several else ''}/attachments/{index}"
                _verify(checked, index, parts.get(one["sha2"].lower()), where)


def _verify(checked: Checked, index: int, data: bytes | None, where: str) -> None:
    attachment = checked.statement["attachments"][index]
    if attachment["contentType"].lower() != "application/octet-stream":
        raise BadStatement(f"{where}/contentType", "of a signature must be application/octet-stream", CLAUSE)
    if data is None:
        raise BadStatement(where, "is a signature, whose data must come with the statement", CLAUSE)
    compact = _COMPACT.fullmatch(data)
    if compact is None:
        raise BadStatement(where, "must be a JWS in compact serialization", f"{CLAUSE}, RFC 7515")
    try:
        protected, payload, signature = (_base64url(segment) for segment in compact.groups())
        header = msgspec.json.decode(protected, type=dict[str, Any])
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadStatement(where, "is a JWS whose header cannot be read", f"{CLAUSE}, RFC 7515") from error
    algorithm = header.get("alg")
    if type(algorithm) is not str or algorithm not in ALGORITHMS:
        raise BadStatement(where, "must be signed by RS256, RS384 or RS512", CLAUSE)
    if "crit" in header:
        raise BadStatement(
            where, "is a JWS with extensions that this store does not know", f"{CLAUSE}, RFC 7515 4.1.11"
        )
    if "x5c" in header:
        signed = data[: compact.end(2)]
        try:
            _key_of(header["x5c"], where).verify(signature, signed, PKCS1v15(), ALGORITHMS[algorithm])
        except InvalidSignature as error:
            why = "holds a signature that its certificate does not verify"
            raise BadStatement(where, why, f"{CLAUSE}, RFC 7515 4.1.6") from error
    _same_statement(checked, index, payload, where)


def _base64url(segment: bytes) -> bytes:
    return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))


def _key_of(chain: Any, where: str) -> RSAPublicKey:
    """The key of the first certificate of an x5c header (RFC 7515 4.1.6). Raises BadStatement."""
    try:
        if type(chain) is not list or not chain or not all(type(one) is str for one in chain):
            raise ValueError("no list of certificates")
        key = x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True)).public_key()
        if not isinstance(key, RSAPublicKey) or key.key_size > LARGEST_KEY_BITS:
            raise ValueError("not a key for these signatures")
    except (ValueError, UnsupportedAlgorithm) as error:
        why = "holds a certificate (x5c) that cannot be read, or whose key is not RSA of 8192 bits at most"
        raise BadStatement(where, why, f"{CLAUSE}, RFC 7515 4.1.6") from error
    return key


def _same_statement(checked: Checked, index: int, payload: bytes, where: str) -> None:
    """The payload must be the statement without this signature, by the rules of comparison (Data 2.3.1).

    Of other signatures the payload holds those that were there when this one was made; no attachments are as good
    as an empty list.
    """
    try:
        signed = check_statement(payload, checked.version)
    except BadStatement as error:
        raise BadStatement(where, "signs a payload that is not a statement", f"{CLAUSE}, {error.clause}") from error
    statement, before = checked.statement, signed.statement
    earlier = before.get("attachments", [])
    rest = [
        one
        for number, one in enumerate(statement["attachments"])
        if number != index and (one["usageType"] != USAGE or one in earlier)
    ]
    same_id = "id" not in before or "id" not in statement or signed.id == checked.id
    if not same_id or not equivalent(statement | {"attachments": rest}, before | {"attachments": earlier}):
        raise BadStatement(where, "signs another statement than this one", f"{CLAUSE}, Data 2.3.1")
