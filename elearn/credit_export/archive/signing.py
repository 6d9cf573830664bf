"""A learner signs what a class has of them: by hand on the screen, or by the lock of their own phone. Nothing commits.

Both bind to the statement of that moment (`statement.py`): the drawing by standing beside it in one row, the key by
signing its SHA-256. What the page showed is named by its digest, so nobody signs what they did not see. A typed name
is no signature, and nothing here takes one.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, OutlineItem
from elearn.credit_export.archive import drawing, reading
from elearn.credit_export.archive.models import HoursSignature
from elearn.credit_export.archive.reading import Had, Held
from elearn.credit_export.archive.statement import Standing
from elearn.errors import Conflict, NotFound
from elearn.people import personal
from elearn.people.identity import Keys
from elearn.people.registry import local_day
from elearn.people.signatures import base64url
from elearn.tracking.providers import webauthn
from elearn.tracking.providers.said import Assertion
from elearn.tracking.providers.webauthn import Site

PURPOSE = "hours signature"
"""What the proofs are sealed for."""


class Method(StrEnum):
    DRAWING = "drawing"
    WEBAUTHN = "webauthn"


@dataclass(frozen=True, slots=True)
class ToSign:
    """What a learner sees before signing, and how they stand to it."""

    held: Held
    had: Had
    standing: Standing
    last: HoursSignature | None
    may_sign: bool
    """The class's last day has come, and this is not signed yet."""


def to_sign(session: Session, class_id: UUID, person_id: UUID, *, now: datetime) -> ToSign:
    """Raises NotFound: no such class, or the person is not in it now."""
    if person_id not in reading.present(session, class_id):
        raise NotFound("There is no such class.")
    held = reading.held_class(session, class_id)
    has = reading.had(session, held, [person_id])
    last = reading.last_signatures(session, class_id, [person_id])
    stands = reading.standings(has, last)[person_id]
    may = stands is not Standing.SIGNED and held.over(local_day(now))
    return ToSign(held, has[person_id], stands, last.get(person_id), may)


def sign_by_hand(
    session: Session, class_id: UUID, person_id: UUID, *, digest: str, sent: bytes, keys: Keys, at: datetime
) -> HoursSignature:
    """Keep a drawing under the statement `digest`. The same statement again is the signature that is there.

    Raises NotFound; Conflict `class_not_over`, `hours_changed`; Malformed `drawing`; Erased.
    """
    found = _locked(session, class_id, person_id, digest, at)
    if isinstance(found, HoursSignature):
        return found
    return _kept(session, found, person_id, Method.DRAWING, drawing.drawn(sent), None, keys, at)


def sign_by_key(
    session: Session,
    class_id: UUID,
    person_id: UUID,
    *,
    digest: str,
    assertion: Assertion,
    site: Site,
    keys: Keys,
    at: datetime,
) -> HoursSignature:
    """Keep what a key of the person answered to the statement. Raises as `sign_by_hand`; Conflict `key`."""
    found = _locked(session, class_id, person_id, digest, at)
    if isinstance(found, HoursSignature):
        return found
    challenge = bytes.fromhex(found.had.digest)
    key = webauthn.answered_by(session, person_id, site, challenge, assertion, at=at)
    if key is None:
        raise Conflict("The key did not sign. Please try again, or sign by hand.", code="key")
    # With the public key as it was registered: whoever verifies an archive needs nothing else.
    proof = {**msgspec.to_builtins(assertion), "key": base64url(key.attested), "rp_id": site.rp_id}
    written = json.dumps(proof, sort_keys=True).encode()
    return _kept(session, found, person_id, Method.WEBAUTHN, written, key.id, keys, at)


def _locked(session: Session, class_id: UUID, person_id: UUID, digest: str, at: datetime) -> ToSign | HoursSignature:
    """What is to be signed, when it may be; one at a time of each person in a class."""
    session.execute(
        sa.select(Enrolment.id)
        .where(Enrolment.class_id == class_id, Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None))
        .with_for_update()
    )
    found = to_sign(session, class_id, person_id, now=at)
    if found.last is not None and found.standing is Standing.SIGNED and found.last.digest == digest:
        return found.last
    if not found.held.over(local_day(at)):
        raise Conflict("The class goes on: it is signed from its last day on.", code="class_not_over")
    if digest != found.had.digest:
        raise Conflict("Your hours changed since you opened this page. Look at them again, then sign.",
                       code="hours_changed")  # fmt: skip
    return found


def _kept(
    session: Session,
    found: ToSign,
    person_id: UUID,
    method: Method,
    proof: bytes,
    key_id: UUID | None,
    keys: Keys,
    at: datetime,
) -> HoursSignature:
    made = HoursSignature(
        class_id=found.held.training.id,
        person_id=person_id,
        number=found.last.number + 1 if found.last else 1,
        method=method.value,
        said=found.had.said.decode(),
        digest=found.had.digest,
        proof_sealed=personal.seal(session, person_id, keys, PURPOSE, b64encode(proof).decode()),
        proof_sha256=hashlib.sha256(proof).hexdigest(),
        key_id=key_id,
        signed_at=at,
    )
    session.add(made)
    session.flush()
    return made


def proofs(session: Session, signatures: Iterable[HoursSignature], keys: Keys) -> dict[UUID, bytes]:
    """Drawings and answers of keys in the clear, by signature; without those of who was erased. One query."""
    kept = list(signatures)
    opened = personal.open_many(session, keys, PURPOSE, [(one.person_id, one.proof_sealed) for one in kept])
    return {one.id: b64decode(text) for one, text in zip(kept, opened, strict=True) if text is not None}


def item_names(session: Session, held: Held) -> dict[str, str]:
    """The items of the class's outline: code -> name."""
    items = sa.select(OutlineItem).where(OutlineItem.outline_id == held.outline.id)
    return {one.code: one.name for one in session.scalars(items)}
