"""Pure: what the headers of resumable uploads say (tus.io protocol 1.0.0, read section by section).

Core, and the extensions Creation, Checksum, Termination and Expiration. Deferred lengths, concatenation and bodies in
the creating request are not offered, and not announced.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from elearn.errors import Malformed, NotTaken, Stale

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,termination,expiration"
PIECES = "application/offset+octet-stream"
DIGESTS: Mapping[str, Any] = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
"""Algorithms of the Checksum extension; a server must know SHA-1."""
MAX_METADATA = 8_000
MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Checksum:
    algorithm: str
    digest: bytes

    def fits(self, data: bytes) -> bool:
        found: bytes = DIGESTS[self.algorithm](data).digest()
        return found == self.digest


def require_version(said: str | None) -> None:
    """ "Protocol", Tus-Resumable: raises Stale (412) unless the client speaks our version."""
    if said != VERSION:
        raise Stale("This client speaks another version of the upload protocol.", code="tus_version")


def count(name: str, said: str | None) -> int:
    """Upload-Offset and Upload-Length: a non-negative integer. Raises Malformed."""
    text = (said or "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise Malformed("%(name)s must be a whole number.", code="tus_header", name=name)
    return int(text)


def metadata(said: str | None) -> dict[str, str]:
    """Upload-Metadata: `key base64, key base64`, where a value may be missing. Raises Malformed.

    Keys are not empty, without spaces and commas, and unique. What is no UTF-8 is told with replacement signs: it is
    only ever shown.
    """
    found: dict[str, str] = {}
    if said is None or not said.strip():
        return found
    if len(said) > MAX_METADATA:
        raise Malformed("Upload-Metadata cannot be read.", code="tus_header")
    for pair in said.split(","):
        key, _, value = pair.strip().partition(" ")
        if not key or not key.isascii() or key in found:
            raise Malformed("Upload-Metadata cannot be read.", code="tus_header")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise Malformed("Upload-Metadata cannot be read.", code="tus_header") from error
    return found


def checksum(said: str | None) -> Checksum | None:
    """Upload-Checksum: `algorithm base64`; None without one. Raises Malformed (400: also for an unknown algorithm)."""
    if said is None:
        return None
    algorithm, _, value = said.strip().partition(" ")
    if algorithm not in DIGESTS:
        raise Malformed("This checksum is not known here; use sha1 or sha256.", code="tus_checksum")
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("Upload-Checksum cannot be read.", code="tus_checksum") from error
    if len(digest) != DIGESTS[algorithm]().digest_size:
        raise Malformed("Upload-Checksum cannot be read.", code="tus_checksum")
    return Checksum(algorithm, digest)


def require_pieces(content_type: str | None) -> None:
    """Core, PATCH: raises NotTaken (415) unless the body is announced as a piece of a file."""
    if (content_type or "").split(";")[0].strip().lower() != PIECES:
        raise NotTaken("A piece of a file comes as application/offset+octet-stream.", code="tus_type")


def expires(at: datetime) -> str:
    """Upload-Expires: RFC 9110, 5.6.7."""
    return format_datetime(at, usegmt=True)
