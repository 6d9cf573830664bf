"""Signatures a receiver checks for itself: JWS compact (RFC 7515) with Ed25519 (RFC 9864), key set published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
TYPE = "elearn-eligibility+jws"
CHANGES_TYPE = "elearn-changes+jws"


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

    def sign(self, payload: dict[str, Any]) -> str:
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self.kid}
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        return str(jws.serialize_compact(header, body, self.key, algorithms=[ALGORITHM]))

    def sign_detached(self, body: bytes) -> str:
        """A signature over a page's very bytes, which do not stand in it (RFC 7515, appendix F): `header..signature`.

        To check it, put base64url(body) between the dots.
        """
        header = {"alg": ALGORITHM, "typ": CHANGES_TYPE, "kid": self.kid}
        whole = str(jws.serialize_compact(header, body, self.key, algorithms=[ALGORITHM]))
        head, _, signature = whole.split(".")
        return f"{head}..{signature}"

    def key_set(self) -> dict[str, Any]:
        """JWK Set (RFC 7517) with the public key only."""
        public = self.key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}]}
