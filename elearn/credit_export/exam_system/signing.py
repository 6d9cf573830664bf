"""Signatures a receiver checks for itself: JWS compact (RFC 7515) with Ed25519 (RFC 9864), key set published."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
TYPE = "elearn-eligibility+jws"
PAGE_TYPE = "elearn-page+jws"


@dataclass(frozen=True, slots=True)
class Signer:
    key: OKPKey
    kid: str

    @classmethod
    def from_seed(cls, seed: bytes) -> Signer:
        """`seed` is the 32-byte private key of RFC 8032; the key id is its RFC 7638 thumbprint."""
        pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        key = OKPKey.import_key(pem)
        return cls(key, key.thumbprint())

    def sign(self, payload: dict[str, Any], *, kind: str = TYPE) -> str:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        return self.sign_bytes(body, kind=kind)

    def sign_bytes(self, body: bytes, *, kind: str) -> str:
        header = {"alg": ALGORITHM, "typ": kind, "kid": self.kid}
        return str(jws.serialize_compact(header, body, self.key, algorithms=[ALGORITHM]))

    def sign_page(self, body: bytes, claims: dict[str, Any]) -> str:
        """A signature over a page: JWS compact whose claims name its SHA-256, in hex, as `sha256`.

        A page itself is larger than libraries let a JWS be (joserfc: 129,536 bytes).
        """
        return self.sign({**claims, "sha256": hashlib.sha256(body).hexdigest()}, kind=PAGE_TYPE)

    def key_set(self) -> dict[str, Any]:
        """JWK Set (RFC 7517) with the public key only."""
        public = self.key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}]}
