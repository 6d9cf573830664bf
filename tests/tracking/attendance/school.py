"""A filed class with a teacher, two managers and learners, and sessions on site: say only what matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses.models import Kind, Outline, OutlineItem, TrainingClass
from elearn.people.models import Account, Role
from elearn.tracking.attendance import codes, confirming, files, planning, presence, proposing
from elearn.tracking.attendance.models import AttendanceList, ClassSession
from elearn.tracking.attendance.rules import Act
from tests import builders_courses as courses
from tests import builders_people as people

SECRET = codes.secret_of(b"s" * 32)
"""Of the tests' settings."""
DAY = date(2026, 7, 1)
PHOTO = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
BEFORE = datetime(2026, 6, 25, 2, 0, tzinfo=UTC)
"""When sessions are planned, unless said otherwise."""


def at(clock: str, on: date = DAY) -> datetime:
    """A time of day in China."""
    hours, minutes = (int(part) for part in clock.split(":"))
    return datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(hours=hours - 8, minutes=minutes)


@dataclass
class School:
    """Everybody's person ids; `acting` is the institution."""

    session: Session
    institution_id: UUID
    outline: Outline
    held: TrainingClass
    teacher: Account
    manager: Account
    second: Account
    learners: list[UUID] = field(default_factory=list)

    @property
    def acting(self) -> list[UUID]:
        return [self.institution_id]

    def item(self, kind: Kind = Kind.THEORY) -> OutlineItem:
        return self.session.scalars(
            sa.select(OutlineItem).where(OutlineItem.outline_id == self.outline.id, OutlineItem.kind == kind)
        ).one()

    def plan(
        self,
        begins: str = "09:00",
        ends: str = "10:30",
        *,
        on: date = DAY,
        kind: Kind = Kind.THEORY,
        planned_at: datetime = BEFORE,
        class_id: UUID | None = None,
    ) -> ClassSession:
        return planning.plan(
            self.session, class_id or self.held.id, outline_item_id=self.item(kind).id,
            teacher_id=self.teacher.person_id, place="实训楼 201", from_at=at(begins, on), to_at=at(ends, on),
            by=self.manager.person_id, acting=self.acting, at=planned_at,
        )  # fmt: skip

    def scan(self, held: ClassSession, person_id: UUID, act: Act, now: datetime) -> None:
        """By the code that the screen shows at that moment."""
        code = codes.code(SECRET, held.id, codes.slot_of(to_ms(now)))
        opened = presence.open_code(self.session, held.id, code, person_id=person_id, secret=SECRET, now=now)
        presence.scan(self.session, held.id, act, opened.ticket, person_id=person_id, secret=SECRET, now=now)

    def attend(
        self, held: ClassSession, person_id: UUID, begins: datetime | None = None, ends: datetime | None = None
    ) -> None:
        """In and out by the code, at the session's bounds unless said otherwise."""
        self.scan(held, person_id, Act.IN, begins or held.from_at)
        self.scan(held, person_id, Act.OUT, ends or held.to_at)

    def mark(
        self, held: ClassSession, person_id: UUID, span: tuple[str, str] | None, *, now: datetime | None = None,
        on: date = DAY,
    ) -> None:  # fmt: skip
        presence.mark(
            self.session, held.id, person_id, present=(at(span[0], on), at(span[1], on)) if span else None,
            reason="手机没电", by=self.teacher.person_id, acting=[], keys=people.KEYS, at=now or held.to_at,
        )  # fmt: skip

    def propose(self, held: ClassSession, *, now: datetime | None = None, by: Account | None = None) -> AttendanceList:
        return proposing.propose(
            self.session, held.id, by=(by or self.teacher).person_id, acting=self.acting,
            now=now or held.to_at + timedelta(hours=1),
        )  # fmt: skip

    def confirm(self, whole: AttendanceList, *, now: datetime | None = None, by: Account | None = None) -> None:
        confirming.confirm(
            self.session, whole.id, by=(by or self.second).person_id, acting=self.acting,
            now=now or whole.at + timedelta(hours=1),
        )  # fmt: skip

    def send_back(self, whole: AttendanceList) -> None:
        confirming.refuse(
            self.session, whole.id, by=self.second.person_id, acting=self.acting, now=whole.at, note="请核对"
        )

    def cancel(self, held: ClassSession) -> None:
        planning.cancel(self.session, held.id, reason="停电", by=self.manager.person_id, acting=self.acting, at=BEFORE)

    def attach(self, held: ClassSession, content: bytes = PHOTO) -> None:
        files.attach(
            self.session, held.id, name="签到表.png", content=content, by=self.teacher.person_id, acting=self.acting,
            at=held.to_at,
        )  # fmt: skip

    def record(self, held: ClassSession, *person_ids: UUID) -> AttendanceList:
        """Everybody was there from the beginning to the end, and two people say so."""
        for one in person_ids:
            self.attend(held, one)
        whole = self.propose(held)
        self.confirm(whole)
        return whole

    def void(self, held: ClassSession, line_ids: Sequence[UUID], *, now: datetime) -> AttendanceList:
        """Proposed by the manager; nobody has confirmed it yet."""
        return proposing.propose_void(
            self.session, held.id, line_ids, reason="名单有误", by=self.manager.person_id, acting=self.acting, now=now
        )


def a_school(session: Session, *, learners: int = 1, filed_at: datetime | None = courses.AT) -> School:
    institution = people.an_institution(session)
    outline = courses.an_outline(session)
    held = courses.a_class(session, institution.id, outline, filed_at=filed_at)

    def staff(role: Role) -> Account:
        return people.an_account(session, role, organisation_id=institution.id)

    school = School(
        session, institution.id, outline, held, staff(Role.TEACHER), staff(Role.INSTITUTION_MANAGER),
        staff(Role.INSTITUTION_MANAGER),
    )  # fmt: skip
    for _ in range(learners):
        school.learners.append(people.a_person(session).id)
        courses.enrolled(session, held, school.learners[-1])
    session.flush()
    return school
