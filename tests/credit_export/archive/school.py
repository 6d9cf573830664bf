"""A class that has everything an archive tells of: hours online and on site, a photo, a test, and its last day."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from uuid import UUID

import av
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import TrainingClass
from elearn.credit_export.archive import making, signing
from elearn.credit_export.archive.making import House
from elearn.credit_export.archive.models import HoursSignature
from elearn.credit_export.archive.verifying import VerifiedArchive, verify
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.models import HoursEntry
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_credit import Learner
from tests.hours import credit_all
from tests.tracking.attendance.school import DAY, School, a_school, at

LAST_DAY = date(2026, 7, 10)
NOW = datetime(2026, 7, 10, 4, 0, tzinfo=UTC)
"""Noon of the class's last day."""
ONLINE_MS, ON_SITE_MS = 240_000, 5_400_000
SIGNER = Signer.from_seed(b"k" * 32)
HOUSE = House(people.KEYS, SIGNER, "http://localhost")


@dataclass
class Archived:
    """The class, its learners with accounts, and who runs it."""

    session: Session
    school: School
    learners: list[UUID]
    watching: list[Learner]

    @property
    def held(self) -> TrainingClass:
        return self.school.held

    def sign(self, who: int = 0, *, now: datetime = NOW, sent: bytes | None = None) -> HoursSignature:
        person = self.learners[who]
        digest = signing.to_sign(self.session, self.held.id, person, now=now).had.digest
        drawn = a_drawing() if sent is None else sent
        return signing.sign_by_hand(
            self.session, self.held.id, person, digest=digest, sent=drawn, keys=people.KEYS, at=now
        )

    def made(self, *, now: datetime = NOW) -> bytes:
        _archive, made = making.make(self.session, self.held.id, HOUSE, now=now)
        return made.content

    def verified(self, content: bytes | None = None) -> VerifiedArchive:
        return verify(io.BytesIO(self.made() if content is None else content), thumbprint=SIGNER.kid)

    def ledger(self) -> dict[UUID, int]:
        """What the ledger itself says, by person: by another way than the archive."""
        rows = self.session.execute(
            sa.select(HoursEntry.person_id, sa.func.sum(HoursEntry.amount_ms))
            .where(HoursEntry.class_id == self.held.id)
            .group_by(HoursEntry.person_id)
        )
        return {person: int(ms) for person, ms in rows}


def an_archived_class(session: Session, *, learners: int = 2) -> Archived:
    """Everybody watched four minutes and was there for an hour and a half; all of it stands in the log."""
    school = a_school(session, learners=0)
    school.held.ends_on = LAST_DAY
    course = courses.a_course(session, school.institution_id, outline=school.outline)
    unit = courses.a_unit(session, courses.a_lesson(session, course), duration_ms=300_000)
    persons = [people.a_person(session, name=name) for name in ("李明", "王芳", "赵磊")[:learners]]
    watching = []
    for person in persons:
        courses.enrolled(session, school.held, person.id)
        learner = Learner(session, person, school.held.id, unit.id)
        learner.watch(ms=ONLINE_MS, heard_at=at("08:00"))
        watching.append(learner)
    held = school.plan(on=DAY)
    school.attach(held)
    school.record(held, *(one.id for one in persons))
    session.flush()
    credit_all(session, now=at("20:00"))
    return Archived(session, school, [one.id for one in persons], watching)


def a_drawing(strokes: Sequence[tuple[int, int, int, int]] = ((40, 30, 520, 200), (60, 190, 500, 60)), *,
              size: tuple[int, int] = (600, 240), alpha: bool = False) -> bytes:  # fmt: skip
    """A PNG with straight strokes, eight pixels wide: black on white, or on nothing."""
    width, height = size
    depth = 4 if alpha else 3
    paper = bytearray((b"\0\0\0\0" if alpha else b"\xff\xff\xff") * (width * height))
    ink = b"\0\0\0\xff"[:depth] if alpha else b"\0\0\0"
    for x1, y1, x2, y2 in strokes:
        steps = max(abs(x2 - x1), abs(y2 - y1), 1)
        for step in range(steps + 1):
            x, y = x1 + (x2 - x1) * step // steps, y1 + (y2 - y1) * step // steps
            for row in range(max(0, y - 4), min(height, y + 4)):
                start, end = max(0, x - 4), min(width, x + 4)
                paper[(row * width + start) * depth : (row * width + end) * depth] = ink * (end - start)
    frame = av.VideoFrame(width, height, "rgba" if alpha else "rgb24")
    plane = frame.planes[0]
    if plane.line_size == width * depth:
        plane.update(bytes(paper))
    else:
        line = width * depth
        rows = [bytes(paper[y * line : (y + 1) * line]).ljust(plane.line_size, b"\0") for y in range(height)]
        plane.update(b"".join(rows))
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt, encoder.time_base = frame.format.name, Fraction(1, 25)
    return b"".join(bytes(one) for one in [*encoder.encode(frame), *encoder.encode(None)])
