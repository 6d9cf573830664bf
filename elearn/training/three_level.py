"""The three-level education (三级安全教育): each level is signed by the learner and by the level's signer.

Two different people, by hand on the screen or (the learner) by the lock of the own phone, under a statement of that
moment. Hours on site are what the signer states: they are shown as stated, and never counted as verified. When credit
is taken back from a level that was done, its signatures no longer hold (`Assignment.round`), and both stay to be read.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.archive import drawing
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people import personal
from elearn.people.identity import Keys
from elearn.people.signatures import base64url
from elearn.tracking.providers import webauthn
from elearn.tracking.providers.said import Assertion
from elearn.tracking.providers.webauthn import Site
from elearn.training import settling
from elearn.training.models import Assignment, LevelSignoff, Programme, Purpose, Side, State

FORMAT = "elearn-level/1"
PURPOSE = "level signature"
"""What the proofs are sealed for."""
HOUR_MS = 3_600_000
MAX_ON_SITE_MS = 100 * HOUR_MS
MAX_NOTE = 300
MOST_AT_ONCE = 200
LEVELS = (Purpose.THREE_LEVEL_FACTORY, Purpose.THREE_LEVEL_WORKSHOP, Purpose.THREE_LEVEL_TEAM)


@dataclass(frozen=True, slots=True)
class ToSign:
    """A level as it stands, and what a signature of this moment would say."""

    assignment: Assignment
    programme: Programme
    signed: Sequence[LevelSignoff]
    """Of the present round."""
    said: bytes
    digest: str

    def by(self, side: Side) -> LevelSignoff | None:
        return next((one for one in self.signed if one.side is side), None)

    @property
    def learned(self) -> bool:
        held = self.assignment
        return held.credited_ms >= held.required_ms and held.tests_passed

    @property
    def may_sign(self) -> bool:
        """What is left of it is signatures."""
        return self.assignment.state is State.OPEN and self.learned


def to_sign(session: Session, assignment_id: UUID, *, lock: bool = False) -> ToSign:
    """Raises NotFound: there is no such level. Whether the caller may see it is for the caller."""
    query = sa.select(Assignment).where(Assignment.id == assignment_id).execution_options(populate_existing=True)
    held = session.scalar(query.with_for_update() if lock else query)
    programme = session.get(Programme, held.programme_id) if held else None
    if held is None or programme is None or not programme.purpose.level:
        raise NotFound("There is no such level.")
    signed = session.scalars(
        sa.select(LevelSignoff)
        .where(LevelSignoff.assignment_id == held.id, LevelSignoff.round == held.round)
        .order_by(LevelSignoff.signed_at)
    ).all()
    said = _statement(held, programme)
    return ToSign(held, programme, signed, said, hashlib.sha256(said).hexdigest())


def learner_signs_by_hand(
    session: Session, assignment_id: UUID, person_id: UUID, *, digest: str, sent: bytes, keys: Keys, at: datetime
) -> LevelSignoff:
    """The learner's drawing. Signed already: that signature.

    Raises NotFound (another's level too); Conflict `not_learned`, `hours_changed`; Malformed `drawing`; Erased.
    """
    found = _of_learner(session, assignment_id, person_id)
    if (before := found.by(Side.LEARNER)) is not None:
        return before
    _require_open(found, digest)
    return _keep(session, found, Side.LEARNER, person_id, found.said, "drawing", drawing.drawn(sent), None, keys, at)


def learner_signs_by_key(
    session: Session,
    assignment_id: UUID,
    person_id: UUID,
    *,
    digest: str,
    assertion: Assertion,
    site: Site,
    keys: Keys,
    at: datetime,
) -> LevelSignoff:
    """The lock of the learner's own device, over the statement. Raises as by hand; Conflict `key`."""
    found = _of_learner(session, assignment_id, person_id)
    if (before := found.by(Side.LEARNER)) is not None:
        return before
    _require_open(found, digest)
    key = webauthn.answered_by(session, person_id, site, bytes.fromhex(found.digest), assertion, at=at)
    if key is None:
        raise Conflict("The key did not sign. Please try again, or sign by hand.", code="key")
    proof = {**msgspec.to_builtins(assertion), "key": base64url(key.attested), "rp_id": site.rp_id}
    written = json.dumps(proof, sort_keys=True).encode()
    return _keep(session, found, Side.LEARNER, person_id, found.said, "webauthn", written, key.id, keys, at)


def signer_signs(
    session: Session,
    assignment_ids: Sequence[UUID],
    by: UUID,
    *,
    on_site_ms: int,
    note: str,
    sent: bytes,
    keys: Keys,
    at: datetime,
) -> int:
    """The level's signer signs for several people at once, with one drawing; how many are new.

    Each gets a statement of its own. All of them, or none. The caller has looked whose they are.
    Raises NotFound; Malformed `drawing`, `on_site`, `note`, `nobody`; Forbidden `same_person`; Conflict `not_learned`.
    """
    if not 0 <= on_site_ms <= MAX_ON_SITE_MS:
        raise Malformed("Hours on site are 0 to 100.", code="on_site")
    words = " ".join(note.split())
    if len(words) > MAX_NOTE:
        raise Malformed("A note has at most 300 characters.", code="note")
    ids = sorted(set(assignment_ids))
    if not 0 < len(ids) <= MOST_AT_ONCE:
        raise Malformed("Choose at least one person, and at most 200.", code="nobody")
    picture, made = drawing.drawn(sent), 0
    for one in ids:
        found = to_sign(session, one, lock=True)
        if found.assignment.person_id == by:
            raise Forbidden("Somebody else signs for you: two people sign a level.", code="same_person")
        if found.by(Side.SIGNER) is None:
            _require_open(found, found.digest)
            said = _statement(found.assignment, found.programme, on_site_ms=on_site_ms, note=words)
            _keep(session, found, Side.SIGNER, by, said, "drawing", picture, None, keys, at, on_site_ms, words)
            made += 1
    return made


def _of_learner(session: Session, assignment_id: UUID, person_id: UUID) -> ToSign:
    found = to_sign(session, assignment_id, lock=True)
    if found.assignment.person_id != person_id:
        raise NotFound("There is no such level.")
    return found


def _require_open(found: ToSign, digest: str) -> None:
    if not found.may_sign:
        raise Conflict("It is signed once the time is credited and the test is passed.", code="not_learned")
    if digest != found.digest:
        raise Conflict("Your hours changed since you opened this page. Look at them again, then sign.",
                       code="hours_changed")  # fmt: skip


def _statement(held: Assignment, programme: Programme, *, on_site_ms: int | None = None, note: str = "") -> bytes:
    """RFC 8785 JSON; no name stands in it, only ids."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "assignment": str(held.id),
        "person": str(held.person_id),
        "programme": str(programme.id),
        "level": programme.purpose.value,
        "round": held.round,
        "required_ms": held.required_ms,
        "credited_ms": held.credited_ms,
        "tests_passed": held.tests_passed,
    }
    if on_site_ms is not None:
        said |= {"on_site_ms": on_site_ms, "note": note}
    return rfc8785.dumps(said)


def _keep(
    session: Session,
    found: ToSign,
    side: Side,
    by: UUID,
    said: bytes,
    method: str,
    proof: bytes,
    key_id: UUID | None,
    keys: Keys,
    at: datetime,
    on_site_ms: int | None = None,
    note: str = "",
) -> LevelSignoff:
    made = LevelSignoff(
        assignment_id=found.assignment.id,
        round=found.assignment.round,
        side=side,
        by_id=by,
        method=method,
        said=said.decode(),
        digest=hashlib.sha256(said).hexdigest(),
        proof_sealed=personal.seal(session, by, keys, PURPOSE, b64encode(proof).decode()),
        proof_sha256=hashlib.sha256(proof).hexdigest(),
        key_id=key_id,
        on_site_ms=on_site_ms,
        note=note,
        signed_at=at,
    )
    session.add(made)
    session.flush()
    settling.refresh(session, [found.assignment.id], now=at)
    return made
