"""Open Badges 3.0: completed hours as a credential that travels, and the list that says which no longer hold. Pure.

Sources: Open Badges 3.0 (AchievementCredential; section 8.2, JWT proof: `alg` RS256 at least, `kid` a URL of the key),
W3C Verifiable Credentials 2.0, W3C Bitstring Status List 1.0 (131,072 bits at least, gzip, multibase `u`).
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from joserfc import jws
from joserfc.jwk import OKPKey, RSAKey
from joserfc.jws import JWSAlgModel, JWSRegistry  # type: ignore[attr-defined]  # it is in its documentation

CREDENTIALS = "https://www.w3.org/ns/credentials/v2"
BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
SCHEMA = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
LIST_BITS = 131_072
"""Length of a status list: the least that the standard allows, so that one bit hides among many."""
LIST_LIVES = timedelta(minutes=5)
"""How long a copy of the status list may be used."""


class Algorithm(StrEnum):
    """What a badge is signed with: what every reader must know, and what is short."""

    RS256 = "RS256"
    EDDSA = "EdDSA"


class EdDSA(JWSAlgModel):
    """Ed25519 under its older name (RFC 8037): readers of badges do not know the newer one (RFC 9864) yet."""

    name = "EdDSA"
    description = "Ed25519"
    key_type = "OKP"

    def sign(self, msg: bytes, key: OKPKey) -> bytes:
        signed: bytes = key.get_op_key("sign").sign(msg)  # type: ignore[union-attr]
        return signed

    def verify(self, msg: bytes, sig: bytes, key: OKPKey) -> bool:
        try:
            key.get_op_key("verify").verify(sig, msg)  # type: ignore[union-attr]
        except InvalidSignature:
            return False
        return True


class _Registry(JWSRegistry):
    def __init__(self, algorithm: Algorithm) -> None:
        super().__init__(algorithms=[algorithm.value])
        self.algorithms = {**JWSRegistry.algorithms, "EdDSA": EdDSA()}


@dataclass(frozen=True, slots=True)
class BadgeKey:
    algorithm: Algorithm
    key: OKPKey | RSAKey

    @property
    def kid(self) -> str:
        return str(self.key.thumbprint())

    def public(self) -> dict[str, Any]:
        """The JWK (RFC 7517) that is published."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": self.algorithm.value}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One proof of the log: where it is, and how much it shows."""

    address: str
    counts_as: str
    total_ms: int


@dataclass(frozen=True, slots=True)
class Badge:
    """What a credential says."""

    issuer: str
    """Address of the platform."""
    issuer_name: str
    code: str
    """Of the proof."""
    subject: str
    """The holder's name in the log; it names nobody to who does not know."""
    holder: str
    made_at: datetime
    category_code: str
    category_name: str
    category_region: str
    outline_id: str
    outline_version: str
    hours: Sequence[tuple[str, str]]
    """(what, 学时 as text): by modality and kind, as credited."""
    total: str
    outcome: str
    rules: str
    began_at: datetime | None
    ended_at: datetime | None
    evidence: Sequence[Evidence]
    status_list: int
    status_index: int


def issuer_id(issuer: str) -> str:
    return f"{issuer}/proof/issuer"


def key_address(issuer: str, kid: str) -> str:
    return f"{issuer}/proof/keys/{kid}"


def list_address(issuer: str, number: int, algorithm: Algorithm) -> str:
    """A badge and its status list are signed by one key, so a reader needs no second one."""
    return f"{issuer}/proof/status/{number}/{algorithm.value}"


def profile(issuer: str, name: str) -> dict[str, Any]:
    return {"id": issuer_id(issuer), "type": ["Profile"], "name": name, "url": issuer}


def credential(badge: Badge, algorithm: Algorithm) -> dict[str, Any]:
    """The credential as JSON."""
    issuer, results = badge.issuer, list(enumerate(badge.hours))
    address, of_list = f"{issuer}/proof/{badge.code}", list_address(issuer, badge.status_list, algorithm)
    achievement = f"urn:uuid:{badge.outline_id}"
    subject: dict[str, Any] = {
        "id": f"urn:elearn:subject:{badge.subject}",
        "type": ["AchievementSubject"],
        "identifier": [
            {"type": "IdentityObject", "hashed": False, "identityHash": badge.holder, "identityType": "name"}
        ],
        "creditsEarned": float(badge.total),
        "achievement": {
            "id": achievement,
            "type": ["Achievement"],
            "achievementType": "CertificateOfCompletion",
            "name": badge.category_name,
            "description": f"Training hours under the outline {badge.category_code}, {badge.outline_version}",
            "humanCode": badge.category_code,
            "version": badge.outline_version,
            "inLanguage": "zh",
            "criteria": {
                "narrative": f"Hours (学时) credited by {badge.rules}; each moment once, behind a passed check."
            },
            "resultDescription": [
                {
                    "id": f"{achievement}#{number}",
                    "type": ["ResultDescription"],
                    "name": what,
                    "resultType": "Result",
                }
                for number, (what, _hours) in results
            ],
        },
        "result": [
            {"type": ["Result"], "resultDescription": f"{achievement}#{number}", "value": hours}
            for number, (_what, hours) in results
        ],
        "narrative": badge.outcome,
    }
    for name, at in (("activityStartDate", badge.began_at), ("activityEndDate", badge.ended_at)):
        if at is not None:
            subject[name] = _moment(at)
    made: dict[str, Any] = {
        "@context": [CREDENTIALS, BADGES],
        "id": f"{address}/credential",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": f"{badge.category_name}: {badge.total} 学时",
        "issuer": profile(issuer, badge.issuer_name),
        "validFrom": _moment(badge.made_at),
        "credentialSubject": subject,
        "credentialStatus": {
            "id": f"{of_list}#{badge.status_index}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(badge.status_index),
            "statusListCredential": of_list,
        },
        "credentialSchema": [{"id": SCHEMA, "type": "1EdTechJsonSchemaValidator2019"}],
        "evidence": [
            {"id": address, "type": ["Evidence"], "name": "How the record stands now"},
            *(
                {
                    "id": one.address,
                    "type": ["Evidence"],
                    "name": f"Proof of the log: {one.counts_as}",
                    "narrative": f"The log's newest entry of this kind: {one.total_ms} ms in all, with its tlog-proof.",
                }
                for one in badge.evidence
            ),
        ],
    }  # fmt: skip
    return made


def badge_jwt(badge: Badge, key: BadgeKey) -> str:
    """The credential as JWT: its members beside the registered claims (Open Badges 3.0, 8.2.4)."""
    made = credential(badge, key.algorithm)
    claims = {
        **made,
        "iss": made["issuer"]["id"],
        "jti": made["id"],
        "nbf": int(badge.made_at.timestamp()),
        "sub": made["credentialSubject"]["id"],
    }
    return _signed(claims, key, badge.issuer, "JWT")


def status_list(issuer: str, number: int, bits: Iterable[int], key: BadgeKey, *, at: datetime) -> str:
    """A BitstringStatusListCredential as JWT: the bits that are set no longer hold."""
    address = list_address(issuer, number, key.algorithm)
    claims = {
        "@context": [CREDENTIALS],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer_id(issuer),
        "validFrom": _moment(at),
        "validUntil": _moment(at + 12 * LIST_LIVES),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encoded(bits),
            "ttl": int(LIST_LIVES.total_seconds() * 1000),
        },
        "iss": issuer_id(issuer),
        "sub": f"{address}#list",
        "nbf": int(at.timestamp()),
        "exp": int((at + 12 * LIST_LIVES).timestamp()),
    }
    return _signed(claims, key, issuer, "vc+jwt")


def encoded(bits: Iterable[int]) -> str:
    """Bit 0 is the highest of the first byte; gzip; base64url without padding, behind `u`."""
    whole = bytearray(LIST_BITS // 8)
    for bit in bits:
        whole[bit // 8] |= 0x80 >> bit % 8
    packed = gzip.compress(bytes(whole), mtime=0)
    return "u" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _signed(claims: dict[str, Any], key: BadgeKey, issuer: str, kind: str) -> str:
    header = {"alg": key.algorithm.value, "typ": kind, "kid": key_address(issuer, key.kid)}
    body = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return str(jws.serialize_compact(header, body, key.key, registry=_Registry(key.algorithm)))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
