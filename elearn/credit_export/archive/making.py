"""An archive is made: while somebody waits, or by a job where the class is large. Each that leaves is written down.

A copy that a job made lies sealed for a day, and goes at once when somebody in it is erased. Nothing else is kept: the
same state makes the same file again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from elearn import jobs, sealing
from elearn.clock import utcnow
from elearn.courses.classes import lesson_plans
from elearn.courses.models import Enrolment
from elearn.credit_export.archive import gathering, reading, writing
from elearn.credit_export.archive.models import ArchiveTaken, PreparedArchive
from elearn.credit_export.exam_system import desks
from elearn.credit_export.exam_system.signing import Signer
from elearn.db import db, new_id
from elearn.errors import NotFound
from elearn.people.identity import Keys
from elearn.people.models import Disclosure
from elearn.people.registry import local_day
from elearn.runtime import runtime

logger = logging.getLogger(__name__)

AT_ONCE = 60
"""Enrolments of a class whose archive is made while somebody waits: two seconds."""
LIES = timedelta(days=1)
GIVEN_UP = timedelta(hours=1)
"""What a job has not made by then it never will."""
WHAT = "class archive: name, masked document number, attendance, hours, tests, signature"


@dataclass(frozen=True, slots=True)
class House:
    """What making an archive needs of the house."""

    keys: Keys
    signer: Signer
    issuer: str

    @classmethod
    def here(cls) -> House:
        parts = runtime()
        return cls(desks.keys(), desks.signer(), parts.settings.public_url + parts.url_prefix)


@dataclass(frozen=True, slots=True)
class Taken:
    """An archive that may leave once this is committed."""

    name: str
    content: bytes
    people: int


def is_large(session: Session, class_id: UUID) -> bool:
    """Whether a job has to make it."""
    count = sa.select(sa.func.count()).select_from(Enrolment).where(Enrolment.class_id == class_id)
    return session.scalars(count).one() > AT_ONCE


def make(session: Session, class_id: UUID, house: House, *, now: datetime) -> tuple[gathering.Archive, writing.Made]:
    """The archive of a class as it is now. Raises NotFound."""
    archive = gathering.gathered(session, class_id, keys=house.keys, now=now)
    named = {one["sha256"] for one in archive.sections["class"]["lesson_plans"]}
    plans = lesson_plans.contents(session, class_id, named)
    return archive, writing.written(archive, plans, house.signer, issuer=house.issuer)


def take(session: Session, class_id: UUID, house: House, *, by: UUID | None, to: str, now: datetime) -> Taken:
    """Make it and write down that it leaves: whose data, to whom. Commit before it does. Raises NotFound."""
    archive, made = make(session, class_id, house, now=now)
    people = list(archive.people)
    _write_down(session, class_id, people, made.manifest_sha256, by=by, to=to, now=now)
    return Taken(_file_name(archive.class_no), made.content, len(people))


def _write_down(
    session: Session, class_id: UUID, people: list[UUID], manifest: str, *, by: UUID | None, to: str, now: datetime
) -> None:
    taken = ArchiveTaken(id=new_id(), class_id=class_id, by_id=by, manifest=manifest, people=len(people), at=now)
    reason = f"archive {taken.id} of class {class_id}"
    session.add(taken)
    session.add_all(
        Disclosure(person_id=one, receiver=to, what=WHAT, reason=reason, disclosed_at=now) for one in people
    )
    session.flush()


def _file_name(class_no: str) -> str:
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in class_no
    )
    return f"archive-{plain}.zip"


# --- large ones -------------------------------------------------------------------------------------------------------


def ask_for(session: Session, class_id: UUID, *, by: UUID, now: datetime) -> PreparedArchive:
    """Have a job make it; while one is waiting that one is it. Does not commit."""
    reading.held_class(session, class_id)
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:of))"), {"of": f"archive {class_id}"})
    waiting = session.scalars(
        sa.select(PreparedArchive).where(PreparedArchive.class_id == class_id, PreparedArchive.state == "waiting")
    ).one_or_none()
    if waiting is not None and now - waiting.asked_at < GIVEN_UP:
        return waiting
    if waiting is not None:
        waiting.state = "failed"
        session.flush()
    made = PreparedArchive(id=new_id(), class_id=class_id, state="waiting", asked_by=by, asked_at=now)
    session.add(made)
    session.flush()
    jobs.defer(session, "archive.make", archive_id=str(made.id))
    return made


def newest_prepared(session: Session, class_id: UUID) -> PreparedArchive | None:
    return session.scalars(
        sa.select(PreparedArchive)
        .where(PreparedArchive.class_id == class_id)
        .order_by(PreparedArchive.asked_at.desc(), PreparedArchive.id.desc())
        .limit(1)
    ).one_or_none()


@jobs.task("archive.make", retries=3)
def make_prepared(*, archive_id: str) -> None:
    """The job: make one and seal it. A second run finds it made."""
    session, house, now = db.session(), House.here(), utcnow()
    row = session.get(PreparedArchive, UUID(archive_id), with_for_update=True)
    if row is None or row.state != "waiting":
        return
    _archive, made = make(session, row.class_id, house, now=now)
    row.content_sealed = sealing.seal(made.content, house.keys.sealing, _bound(row.id))
    row.sha256, row.expires_at, row.state = made.manifest_sha256, now + LIES, "ready"
    session.commit()


def take_prepared(session: Session, class_id: UUID, house: House, *, by: UUID | None, to: str, now: datetime) -> Taken:
    """The copy that a job made last, written down as leaving. Raises NotFound: none is ready."""
    row = session.scalars(
        sa.select(PreparedArchive)
        .options(undefer(PreparedArchive.content_sealed))
        .where(PreparedArchive.class_id == class_id, PreparedArchive.state == "ready")
        .where(PreparedArchive.expires_at > now)
        .order_by(PreparedArchive.asked_at.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.content_sealed is None:
        raise NotFound("No copy is ready: have one made.")
    content = sealing.unseal(row.content_sealed, house.keys.sealing, _bound(row.id))
    people = sorted(set(session.scalars(sa.select(Enrolment.person_id).where(Enrolment.class_id == class_id))))
    _write_down(session, class_id, people, row.sha256 or "", by=by, to=to, now=now)
    return Taken(_file_name(reading.held_class(session, class_id).training.class_no), content, len(people))


def _bound(archive_id: UUID) -> bytes:
    return b"prepared archive:" + archive_id.bytes


@jobs.task("archive.daily", every="17 3 * * *")
def daily() -> None:
    """Copies whose day is over go; of classes that nothing asks to be kept any longer it is said how many there are."""
    session, now = db.session(), utcnow()
    session.execute(
        sa.update(PreparedArchive)
        .where(PreparedArchive.state == "ready", PreparedArchive.expires_at <= now)
        .values(state="gone", content_sealed=None, sha256=None, expires_at=None)
    )
    over = reading.due(session, sa.true(), on=local_day(now))
    session.commit()
    if over:
        classes = [str(held.training.id) for held, _clock in over]
        logger.info("classes need not be kept any longer", extra={"count": len(classes), "classes": classes[:100]})
