"""A security key in software: makes credentials and assertions byte by byte (Web Authentication Level 3, section 6)."""

from __future__ import annotations

import json
import os
import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor

ORIGIN = "http://localhost"
RP_ID = "localhost"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One phone's lock. Every value of an answer can be overridden, to say what no honest phone says."""

    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    counter: int = 0

    def create(
        self,
        challenge: str,
        *,
        origin: str = ORIGIN,
        rp_id: str = RP_ID,
        flags: int = PRESENT | VERIFIED | ATTESTED,
        kind: str = "webauthn.create",
        algorithm: int = -7,
    ) -> dict[str, str]:
        """What the browser sends after `navigator.credentials.create`."""
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: algorithm, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor.encode(cose)
        data = self._data(rp_id, flags, self.counter) + attested
        statement = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return {
            "client_data": base64url(_client_data(kind, challenge, origin, False)),
            "attestation": base64url(statement),
        }

    def answer(
        self,
        challenge: str,
        *,
        origin: str = ORIGIN,
        rp_id: str = RP_ID,
        flags: int = PRESENT | VERIFIED,
        kind: str = "webauthn.get",
        counter: int | None = None,
        cross_origin: bool = False,
        signer: EllipticCurvePrivateKey | None = None,
    ) -> dict[str, str]:
        """An assertion, as the player sends it."""
        if counter is None:
            self.counter += 1 if self.counter else 0
            counter = self.counter
        client_data = _client_data(kind, challenge, origin, cross_origin)
        data = self._data(rp_id, flags, counter)
        signature = (signer or self.key).sign(data + sha256(client_data).digest(), ECDSA(SHA256()))
        return {
            "id": base64url(self.credential_id),
            "client_data": base64url(client_data),
            "authenticator_data": base64url(data),
            "signature": base64url(signature),
        }

    @staticmethod
    def _data(rp_id: str, flags: int, counter: int) -> bytes:
        return sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, counter)


def _client_data(kind: str, challenge: str, origin: str, cross_origin: bool) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": cross_origin}).encode()
