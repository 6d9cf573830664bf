"""Face checks by a service of the house's choice, with the rules of MODEL 2.2 on our side. Never a policy's only way.

The enrolled image is sealed and leaves only to that service, never to a client. What the learner must do (read
digits, turn) is drawn only when the camera runs. A picture that is nearly one we had before is a replay.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar
from uuid import UUID

import msgspec
import sqlalchemy as sa
from msgspec import UNSET
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound
from elearn.outgoing import NotUsable, OutOfOrder, Service
from elearn.people import personal
from elearn.people.identity import Keys
from elearn.tracking.models import PresenceCheck
from elearn.tracking.providers.models import FaceEnrolment, FacePrint
from elearn.tracking.providers.pictures import NEAR, dhash, distance
from elearn.tracking.providers.provider import Asked, Challenge, Found, Provider, Try
from elearn.tracking.providers.said import Said, image, other_kind

TASK_MS = 20_000
"""How long after it was drawn a task may be answered: too short to have a picture made elsewhere."""
CONSENT = (
    "I agree that pictures of my face are compared with the one I enrol, by the face service of this platform, to "
    "confirm that I am learning. Other ways to confirm stay open to me. I can withdraw at any time; the enrolled "
    "picture is then deleted."
)


class _Verdict(msgspec.Struct):
    """What the service answers."""

    same_person: bool
    did_task: bool


_verdicts = msgspec.json.Decoder(_Verdict)


@dataclass(frozen=True, slots=True)
class FaceProvider(Provider):
    """Asks the service `POST {enrolled, images, task}`; it answers `{same_person, did_task}`."""

    method: ClassVar[str] = "face"
    service: Service
    keys: Keys

    def ready(self, session: Session, learner_id: UUID, unit_id: UUID) -> bool:
        return enrolment_of(session, learner_id) is not None

    def challenge(self, session: Session, asked: Asked) -> Challenge:
        return Challenge(kept={"tasks": [], "looks": []})

    def show(self, session: Session, check: PresenceCheck) -> dict[str, Any]:
        return {"task_ms": TASK_MS}

    def ask_now(self, check: PresenceCheck, *, now_ms: int) -> dict[str, Any]:
        """The task of the present try; asked again it is the same, so nobody picks an easy one."""
        kept = dict(check.challenge or {})
        if len(kept["tasks"]) <= len(check.tries):
            task: dict[str, Any] = (
                {"do": "read", "digits": f"{secrets.randbelow(10_000):04}"}
                if secrets.randbelow(2)
                else {"do": "turn", "to": secrets.choice(["left", "right"])}
            )
            kept["tasks"] = [*kept["tasks"], task | {"at_ms": now_ms}]
            check.challenge = kept
        task = kept["tasks"][-1]
        return {name: value for name, value in task.items() if name != "at_ms"}

    def look(self, session: Session, check: PresenceCheck, said: Said) -> Callable[[], Found] | None:
        """Raises Malformed: no pictures, or no task was drawn for this try. The disclosure is recorded."""
        images = _images(said)
        if check.tries and check.tries[-1] == _digest(images):
            return None
        tasks = (check.challenge or {})["tasks"]
        if len(tasks) <= len(check.tries):
            raise Malformed("The camera's task was not asked for.", code="no_task")
        enrolment = enrolment_of(session, check.learner_id)
        if enrolment is None or enrolment.image_sealed is None:
            raise Conflict("Face checks were switched off.", code="not_enrolled_face")
        nearest = _nearest(session, self.keys, enrolment, images, before=from_ms(check.put_ms))
        if nearest <= NEAR:
            return lambda: {"nearest": nearest}
        [enrolled] = personal.open_sealed(session, check.learner_id, self.keys, "face", enrolment.image_sealed)
        personal.record_disclosures(
            session,
            check.learner_id,
            ["enrolled face picture", "face pictures"],
            receiver=self.service.host,
            reason=f"face check {check.id}",
            at=from_ms(check.put_ms),
        )
        task = {name: value for name, value in tasks[-1].items() if name != "at_ms"}
        body = {"enrolled": enrolled, "images": [b64encode(one).decode() for one in images], "task": task}
        message_id, at_s = f"{check.id}.{len(check.tries)}", tasks[-1]["at_ms"] // 1000

        def ask() -> Found:
            try:
                verdict = _verdicts.decode(self.service.post(message_id, at_s, body))
            except NotUsable as error:
                # Pictures come from the learner. If one that the service cannot read made it "out of order", a
                # question would stand in for whoever has no face to show.
                raise Malformed("The picture cannot be read.", code="image") from error
            except msgspec.DecodeError as error:
                raise OutOfOrder("A service this needs is out of order at the moment.") from error
            return {"nearest": nearest, "same_person": verdict.same_person, "did_task": verdict.did_task}

        return ask

    def judge(self, session: Session, check: PresenceCheck, said: Said, found: Found | None) -> Try:
        """`kept` is a digest of the pictures. Their dHashes stay, sealed; what was found stays with the check."""
        images = _images(said)
        kept = _digest(images)
        if found is None:  # the try before, sent again
            return Try(False, kept)
        enrolment = enrolment_of(session, check.learner_id)
        if enrolment is not None:
            _remember(session, self.keys, enrolment, images, from_ms(check.put_ms))
        challenge = dict(check.challenge or {})
        late = found["at_ms"] - challenge["tasks"][-1]["at_ms"] > TASK_MS
        challenge["looks"] = [*challenge["looks"], found | {"late": late}]
        check.challenge = challenge
        near = found["nearest"] <= NEAR
        return Try(not near and not late and found["same_person"] and found["did_task"], kept)


def _images(said: Said) -> list[bytes]:
    if said.images is UNSET:
        raise other_kind()
    return [image(one) for one in said.images]


def _digest(images: list[bytes]) -> str:
    return sha256(b"".join(images)).hexdigest()


def _nearest(session: Session, keys: Keys, enrolment: FaceEnrolment, images: list[bytes], *, before: datetime) -> int:
    """How far the nearest of `images` is from the nearest picture we had of this person, in bits; 256 without any.

    Pictures of checks that were put `before` this one: who tries again at once rightly looks the same.
    """
    assert enrolment.image_sealed is not None  # a live one
    person_id = enrolment.person_id
    [enrolled] = personal.open_sealed(session, person_id, keys, "face", enrolment.image_sealed)
    earlier = {dhash(b64decode(enrolled))}
    prints = session.scalars(
        sa.select(FacePrint.print_sealed)
        .join(FaceEnrolment, FaceEnrolment.id == FacePrint.enrolment_id)
        .where(FaceEnrolment.person_id == person_id, FacePrint.sent_at < before)
    ).all()
    earlier |= {int(one, 16) for one in personal.open_sealed(session, person_id, keys, "face print", *prints)}
    return min(distance(dhash(one), known) for one in images for known in earlier)


def _remember(session: Session, keys: Keys, enrolment: FaceEnrolment, images: list[bytes], at: datetime) -> None:
    for one in images:
        sealed = personal.seal(session, enrolment.person_id, keys, "face print", f"{dhash(one):064x}")
        session.add(FacePrint(id=new_id(), enrolment_id=enrolment.id, print_sealed=sealed, sent_at=at))
    session.flush()


# -- consent


def enrolment_of(session: Session, person_id: UUID) -> FaceEnrolment | None:
    """The live one."""
    return session.scalars(
        sa.select(FaceEnrolment).where(FaceEnrolment.person_id == person_id, FaceEnrolment.withdrawn_at.is_(None))
    ).one_or_none()


def enrol(session: Session, person_id: UUID, picture: bytes, *, words: str, keys: Keys, at: datetime) -> FaceEnrolment:
    """Keep the picture to compare with, agreed to in exactly these `words` (CONSENT, or its translation).

    Raises Malformed: no words, or no picture; Conflict: enrolled already (withdraw first).
    """
    if not words.strip():
        raise Malformed("Face checks need your explicit consent.", code="consent")
    if enrolment_of(session, person_id) is not None:
        raise Conflict("A picture is enrolled already. Withdraw it first.", code="face_enrolled")
    dhash(picture)
    enrolment = FaceEnrolment(
        person_id=person_id,
        image_sealed=personal.seal(session, person_id, keys, "face", b64encode(picture).decode()),
        consent="sha256:" + sha256(words.encode()).hexdigest(),
        consented_at=at,
    )
    session.add(enrolment)
    session.flush()
    return enrolment


def withdraw_consent(session: Session, person_id: UUID, *, at: datetime) -> None:
    """Delete the picture; that there was consent, and until when, stays. Raises NotFound."""
    enrolment = enrolment_of(session, person_id)
    if enrolment is None:
        raise NotFound("No picture is enrolled.")
    enrolment.image_sealed, enrolment.withdrawn_at = None, at
    session.flush()
