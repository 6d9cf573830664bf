"""The sitting's token: proof, without a look at the database, of who opened which sitting on which device."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer

from elearn.errors import Forbidden

LIFETIME_MS = 12 * 3_600_000
"""How long a sitting may stay open. What was played before it ended is taken later too (MODEL 1.2, LATE_AGE)."""


@dataclass(frozen=True, slots=True)
class Token:
    sitting_id: UUID
    learner_id: UUID
    unit_id: UUID
    device: str | None
    """The key that signs its reports; None: a browser that cannot sign."""
    taken_until_ms: int
    """From then on even a late report would not count, by the sitting's rules (LATE_AGE after its end)."""


class Tokens:
    """Makes and reads tokens with one secret key."""

    def __init__(self, secret_key: bytes) -> None:
        self._serializer = URLSafeSerializer(
            secret_key, salt="elearn sitting", signer_kwargs={"digest_method": sha256, "key_derivation": "hmac"}
        )

    def write(self, token: Token) -> str:
        parts = [token.sitting_id.hex, token.learner_id.hex, token.unit_id.hex, token.device, token.taken_until_ms]
        written: str | bytes = self._serializer.dumps(parts)
        return written.decode() if isinstance(written, bytes) else written

    def read(self, text: str | None, *, now_ms: int) -> Token:
        """Raises Forbidden: no token, not ours, or so old that even a late report would not count."""
        try:
            sitting, learner, unit, device, taken_until_ms = self._serializer.loads(text or "")
        except BadSignature as error:
            raise Forbidden("This sitting's token does not hold.", code="bad_token") from error
        if now_ms > taken_until_ms:
            raise Forbidden("This sitting is too old.", code="bad_token")
        return Token(UUID(sitting), UUID(learner), UUID(unit), device, taken_until_ms)
