"""Lessons to take along: all keys of a unit at once, sealed to one device and recorded (MODEL 1.8, `licence`).

A licence has no pace, since there is nobody to ask for keys where there is no network. What it may earn is bounded as
ever by the budget of real time, the late rules and presence checks; so it is given while held or at the day's cap too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from joserfc import jwe
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session

from elearn.courses import catalogue
from elearn.courses.models import UnitKind
from elearn.db import new_id
from elearn.errors import Conflict, Forbidden, NotFound
from elearn.people import devices
from elearn.people.signatures import base64url
from elearn.tracking import pacing
from elearn.tracking.models import Licence
from elearn.tracking.policy import Policy
from elearn.tracking.standing import Locked

ALG, ENC = "ECDH-ES+A256KW", "A256GCM"

_DELIVER_ALL = """
INSERT INTO elearn.delivery (learner_id, unit_id, block, sitting_id, given_ms)
SELECT :learner_id, unit_id, index, :sitting_id, :given_ms FROM elearn.unit_block WHERE unit_id = :unit_id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Granted:
    """A licence that holds, and whom it is sealed to."""

    id: UUID
    unit_id: UUID
    issued_ms: int
    expires_ms: int
    agreement_jwk: Mapping[str, str]


def grant(session: Session, locked: Locked, policy: Policy) -> Granted:
    """Let the sitting's device have the whole unit: the licence is recorded, and every block counts as delivered.

    While one is fresh it is given again. Raises Forbidden: the sitting is over (`playing_elsewhere`, `closed`,
    `expired`), `no_download` by the policy or without a device, `not_enrolled` any more, `bad_signature`: the device
    was revoked; Conflict `no_agreement_key`: it has no key to seal to.
    """
    newest = session.execute(
        sa.select(Licence.id, Licence.issued_ms, Licence.expires_ms)
        .where(
            Licence.learner_id == locked.learner_id,
            Licence.unit_id == locked.unit_id,
            Licence.device == locked.device,
        )
        .order_by(Licence.expires_ms.desc())
        .limit(1)
    ).one_or_none()
    decision = pacing.licence_decision(
        tau_ms=locked.tau_ms,
        ended_ms=locked.ended_ms,
        newest_expires_ms=None if newest is None else newest.expires_ms,
        policy=policy,
    )
    match decision:
        case pacing.Forbidden():
            raise Forbidden("This sitting is over.", code=locked.ended_reason)
        case pacing.NoDownloads():
            raise Forbidden("Lessons cannot be downloaded here.", code="no_download")
        case pacing.Given(new):
            if catalogue.unit_facts(session, locked.unit_id).kind is not UnitKind.VIDEO:
                # Pages are shown one by one, each from a moment that only the server can tell (DESIGN 3.6a).
                raise Forbidden("Lessons cannot be downloaded here.", code="no_download")
            agreement_jwk = _agreement_key(session, locked)
            if catalogue.may_study(session, locked.learner_id, locked.unit_id, on=policy.day(locked.tau_ms)) is None:
                # Blocks come one by one to whoever began; a week of the whole lesson is for who may still begin.
                raise Forbidden("You are not enrolled in a class with this lesson.", code="not_enrolled")
            if newest is not None and not new:
                return Granted(newest.id, locked.unit_id, newest.issued_ms, newest.expires_ms, agreement_jwk)
            return _record(session, locked, policy, agreement_jwk)


def seal(granted: Granted, keys: Sequence[bytes]) -> dict[str, Any]:
    """The licence as the player gets it; only the device's private agreement key opens `jwe` (RFC 7516, compact)."""
    payload = {
        "unit": str(granted.unit_id),
        "licence": str(granted.id),
        "expires_ms": granted.expires_ms,
        "keys": [base64url(key) for key in keys],
    }
    recipient = ECKey.import_key(dict(granted.agreement_jwk))
    header = {"alg": ALG, "enc": ENC, "kid": recipient.thumbprint()}
    return {
        "id": str(granted.id),
        "unit": str(granted.unit_id),
        "issued_ms": granted.issued_ms,
        "expires_ms": granted.expires_ms,
        "jwe": jwe.encrypt_compact(header, msgspec.json.encode(payload), recipient, algorithms=[ALG, ENC]),
    }


def _record(session: Session, locked: Locked, policy: Policy, agreement_jwk: Mapping[str, str]) -> Granted:
    granted = Granted(new_id(), locked.unit_id, locked.tau_ms, locked.tau_ms + policy.licence_ms, agreement_jwk)
    session.execute(
        sa.insert(Licence).values(
            id=granted.id,
            learner_id=locked.learner_id,
            unit_id=locked.unit_id,
            device=locked.device,
            agreement=ECKey.import_key(dict(agreement_jwk)).thumbprint(),
            sitting_id=locked.sitting_id,
            issued_ms=granted.issued_ms,
            expires_ms=granted.expires_ms,
            policy=locked.policy,
        )
    )
    whose = {"learner_id": locked.learner_id, "unit_id": locked.unit_id, "sitting_id": locked.sitting_id}
    session.execute(sa.text(_DELIVER_ALL), {**whose, "given_ms": locked.tau_ms})
    return granted


def _agreement_key(session: Session, locked: Locked) -> Mapping[str, str]:
    """The key of the sitting's device to seal to. Raises Forbidden, Conflict."""
    if locked.device is None:  # a browser that cannot sign cannot keep a key to seal to either
        raise Forbidden("Lessons cannot be downloaded here.", code="no_download")
    try:
        jwk = devices.agreement_key(session, locked.learner_id, locked.device)
    except NotFound as error:
        raise Forbidden("This device is not enrolled.", code="bad_signature") from error
    if jwk is None:
        raise Conflict("This device brought no key for downloads.", code="no_agreement_key")
    return jwk
