"""The phone's own lock: WebAuthn with user verification (W3C Web Authentication Level 3, section 7.2).

A fingerprint or a face unlocks a key inside the device; only the key's signature over our challenge comes here.
`fido2` checks type, origin, challenge, relying party, flags and signature; the counter and whose key it is are ours.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import struct
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestationObject,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    RegistrationResponse,
    UserVerificationRequirement,
)
from msgspec import UNSET
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.signatures import base64url
from elearn.tracking.models import PresenceCheck
from elearn.tracking.providers.models import SecurityKey
from elearn.tracking.providers.provider import Asked, Challenge, Found, Provider, Try
from elearn.tracking.providers.said import Assertion, Said, other_kind, read_base64url

logger = logging.getLogger(__name__)

MOST_KEYS = 10
LONGEST_NAME = 60
ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA, RS256 (RFC 9053, RFC 8812): what phones and Windows make."""
UNREADABLE = (ValueError, KeyError, IndexError, TypeError, struct.error, RecursionError)
"""What the parsers (JSON, CBOR) raise for bytes that are not what they should be, nested without end too."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where keys are good for: the host of the public address, asked from that very origin."""

    rp_id: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> Site | None:
        """None where browsers offer no WebAuthn: at a bare address, or unencrypted beyond this machine."""
        parts = urlsplit(public_url)
        host = parts.hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if host and (parts.scheme == "https" or host == "localhost"):
                return cls(host, f"{parts.scheme}://{parts.netloc}".lower())
        return None

    def server(self) -> Fido2Server:
        return Fido2Server(
            PublicKeyCredentialRpEntity(name="elearn", id=self.rp_id),
            attestation=AttestationConveyancePreference.NONE,
            verify_origin=lambda origin: origin == self.origin,
        )


def _state(challenge: bytes) -> dict[str, Any]:
    """What `fido2` keeps between asking and answering; we keep the challenge ourselves."""
    return {"challenge": base64url(challenge), "user_verification": UserVerificationRequirement.REQUIRED}


@dataclass(frozen=True, slots=True)
class WebauthnProvider(Provider):
    """Asks for an assertion over a challenge that belongs to this check alone."""

    method: ClassVar[str] = "webauthn"
    site: Site
    secret: bytes = field(repr=False)

    def ready(self, session: Session, learner_id: UUID, unit_id: UUID) -> bool:
        return bool(keys_of(session, learner_id))

    def challenge(self, session: Session, asked: Asked) -> Challenge:
        return Challenge(kept={"challenge": base64url(self._challenge(asked.check_id))})

    def show(self, session: Session, check: PresenceCheck) -> dict[str, Any]:
        return {
            "challenge": (check.challenge or {})["challenge"],
            "rp_id": self.site.rp_id,
            "credentials": [base64url(key.credential_id) for key in keys_of(session, check.learner_id)],
        }

    def judge(self, session: Session, check: PresenceCheck, said: Said, found: Found | None) -> Try:
        """`kept` is a digest of the assertion. A right one moves the key's counter on."""
        if said.assertion is UNSET:
            raise other_kind()
        sent = _read(said.assertion).response
        kept = sha256(bytes(sent.client_data) + bytes(sent.authenticator_data) + sent.signature).hexdigest()
        challenge, at = self._challenge(check.id), from_ms(check.put_ms)
        key = answered_by(session, check.learner_id, self.site, challenge, said.assertion, at=at)
        return Try(key is not None, kept)

    def _challenge(self, check_id: UUID) -> bytes:
        return hmac.digest(self.secret, b"webauthn" + check_id.bytes, "sha256")


def _read(assertion: Assertion) -> AuthenticationResponse:
    """Raises Malformed."""
    try:
        return AuthenticationResponse(
            raw_id=read_base64url(assertion.id),
            response=AuthenticatorAssertionResponse(
                client_data=CollectedClientData(read_base64url(assertion.client_data)),
                authenticator_data=AuthenticatorData(read_base64url(assertion.authenticator_data)),
                signature=read_base64url(assertion.signature),
            ),
        )
    except UNREADABLE as error:
        raise Malformed("The answer of the security key cannot be read.", code="assertion") from error


def answered_by(
    session: Session, person_id: UUID, site: Site, challenge: bytes, assertion: Assertion, *, at: datetime
) -> SecurityKey | None:
    """The person's key that answered `challenge` with its user verified; its counter is moved on. None: none did.

    Raises Malformed: it cannot be read.
    """
    response = _read(assertion)
    sent = response.response
    mine = {key.credential_id: key for key in keys_of(session, person_id)}
    known = [AttestedCredentialData(key.attested) for key in mine.values()]
    try:
        site.server().authenticate_complete(_state(challenge), known, response)
        if sent.client_data.cross_origin:
            raise ValueError("asked from inside another site's page")
        key = mine[response.raw_id]
        count = sent.authenticator_data.counter
        if (count or key.sign_count) and count <= key.sign_count:
            # Section 6.1.1: two holders of one private key. Whichever of them this is, it proves nothing.
            raise ValueError("the counter did not move on")
    except ValueError as error:
        logger.info("assertion refused", extra={"person": str(person_id), "why": str(error)})
        return None
    key.sign_count, key.used_at = count, at
    return key


# -- a person's own keys


def keys_of(session: Session, person_id: UUID) -> list[SecurityKey]:
    """The live ones, oldest first."""
    return list(
        session.scalars(
            sa.select(SecurityKey)
            .where(SecurityKey.person_id == person_id, SecurityKey.removed_at.is_(None))
            .order_by(SecurityKey.added_at, SecurityKey.id)
        )
    )


def creation_options(
    session: Session, person_id: UUID, site: Site, *, pseudonym: str, shown_as: str, challenge: bytes
) -> dict[str, Any]:
    """What `navigator.credentials.create` is called with; bytes as base64url. The key learns no name but `shown_as`."""
    return {
        "rp": {"id": site.rp_id, "name": "elearn"},
        "user": {"id": base64url(pseudonym.encode()), "name": shown_as, "displayName": shown_as},
        "challenge": base64url(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": one} for one in ALGORITHMS],
        "excludeCredentials": [
            {"type": "public-key", "id": base64url(key.credential_id)} for key in keys_of(session, person_id)
        ],
        "authenticatorSelection": {"userVerification": "required", "residentKey": "discouraged"},
        "attestation": "none",
        "timeout": 120_000,
    }


def add_key(
    session: Session,
    person_id: UUID,
    site: Site,
    *,
    challenge: bytes,
    client_data: str,
    attestation: str,
    name: str,
    at: datetime,
) -> SecurityKey:
    """Take a new key that answered `challenge` with its user verified.

    Raises Malformed: unreadable, or not an answer to this; Conflict: known already, or one too many.
    """
    name = " ".join(name.split())[:LONGEST_NAME] or "1"
    try:
        response = RegistrationResponse(
            raw_id=b"",
            response=AuthenticatorAttestationResponse(
                client_data=CollectedClientData(read_base64url(client_data)),
                attestation_object=AttestationObject(read_base64url(attestation)),
            ),
        )
        data = site.server().register_complete(_state(challenge), response)
        credential = data.credential_data
        if (
            credential is None
            or credential.public_key.get(3) not in ALGORITHMS
            or response.response.client_data.cross_origin
        ):
            raise ValueError("a key of a kind that was not asked for")
    except UNREADABLE as error:
        raise Malformed("The security key did not answer as asked. Please try again.", code="registration") from error
    live = keys_of(session, person_id)
    if len(live) >= MOST_KEYS:
        raise Conflict("So many keys are enough. Remove one first.", code="too_many_keys")
    key = SecurityKey(
        person_id=person_id,
        credential_id=credential.credential_id,
        attested=bytes(credential),
        sign_count=data.counter,
        name=name,
        added_at=at,
    )
    try:
        with session.begin_nested():
            session.add(key)
            session.flush()
    except IntegrityError as error:
        raise Conflict("This security key is known already.", code="key_known") from error
    return key


def remove_key(session: Session, person_id: UUID, key_id: UUID, *, at: datetime) -> None:
    """It answers no check any more. Raises NotFound: not a live key of this person."""
    key = session.get(SecurityKey, key_id)
    if key is None or key.person_id != person_id or key.removed_at is not None:
        raise NotFound("There is no such key.")
    key.removed_at = at
    session.flush()
