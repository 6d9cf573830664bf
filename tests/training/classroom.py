"""A workshop that is taught on site: a programme without a video, who keeps it, who gives it, who must learn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses.models import Kind
from elearn.people import tree
from elearn.people.models import Account, EmploymentKind, Membership, Organisation, Person, Role
from elearn.tracking.attendance import codes, confirming, presence, proposing
from elearn.tracking.attendance.models import AttendanceList, ClassSession
from elearn.tracking.attendance.rules import Act
from elearn.training import assigning, classrooms, programmes, settling
from elearn.training.models import Assignment, Programme, Purpose
from tests import builders_people as people
from tests.builders_training import AT, HOUR_MS, Works, a_works
from tests.hours import credit_all
from tests.tracking.attendance.school import BEFORE, DAY, SECRET, at


@dataclass
class Classroom:
    """Planned by the clerk of the enterprise, given by a worker of the workshop, confirmed by its safety manager."""

    session: Session
    works: Works
    clerk: Account
    second: Account
    principal: Account
    giver: Person
    programme: Programme
    members: list[Membership] = field(default_factory=list)

    @property
    def unit(self) -> Organisation:
        return self.works.workshop

    @property
    def acting(self) -> frozenset[UUID]:
        return tree.below(self.session, [self.works.enterprise.id])

    def hire(
        self, kind: EmploymentKind = EmploymentKind.EMPLOYEE, *, unit: Organisation | None = None, open_: bool = True
    ) -> Membership:
        """Somebody of the team who must learn the programme."""
        made = self.works.hire(kind=kind, unit=unit)
        self.members.append(made)
        if open_:
            self.assign(made)
        return made

    def assign(self, member: Membership, *, programme: Programme | None = None, now: datetime = AT) -> Assignment:
        held = programme or self.programme
        asked = assigning.ByHand(held.id, [member.id])
        assigning.by_hand(self.session, asked, due_on=None, bars_post=False, now=now)
        return self.session.scalars(
            sa.select(Assignment).where(Assignment.membership_id == member.id, Assignment.programme_id == held.id)
        ).one()

    def asked(
        self, begins: str = "09:00", ends: str = "11:00", *, on: date = DAY, unit: Organisation | None = None,
        giver: UUID | None = None, programme: Programme | None = None, place: str = "车间A",
    ) -> classrooms.Asked:  # fmt: skip
        return classrooms.Asked(
            (programme or self.programme).id, (unit or self.unit).id, Kind.PRACTICE, giver or self.giver.id, place,
            at(begins, on), at(ends, on),
        )  # fmt: skip

    def plan(self, asked: classrooms.Asked | None = None, *, planned_at: datetime = BEFORE) -> ClassSession:
        return classrooms.plan(
            self.session, asked or self.asked(), by=self.clerk.person_id, acting=self.acting, at=planned_at
        )

    def scan(self, held: ClassSession, person_id: UUID, act: Act, now: datetime) -> None:
        code = codes.code(SECRET, held.id, codes.slot_of(to_ms(now)))
        opened = presence.open_code(self.session, held.id, code, person_id=person_id, secret=SECRET, now=now)
        presence.scan(self.session, held.id, act, opened.ticket, person_id=person_id, secret=SECRET, now=now)

    def attend(self, held: ClassSession, member: Membership) -> None:
        """From the beginning to the end."""
        self.scan(held, member.person_id, Act.IN, held.from_at)
        self.scan(held, member.person_id, Act.OUT, held.to_at)

    def propose(self, held: ClassSession, *, by: UUID | None = None) -> AttendanceList:
        return proposing.propose(
            self.session, held.id, by=by or self.giver.id, acting=self.acting, now=held.to_at + timedelta(hours=1)
        )

    def confirm(self, whole: AttendanceList, *, by: UUID | None = None) -> None:
        confirming.confirm(
            self.session, whole.id, by=by or self.second.person_id, acting=self.acting,
            now=whole.at + timedelta(hours=1),
        )  # fmt: skip

    def record(self, held: ClassSession, members: Sequence[Membership]) -> AttendanceList:
        for one in members:
            self.attend(held, one)
        whole = self.propose(held)
        self.confirm(whole)
        return whole

    def settle(self, *, days: int = 1) -> None:
        """What was confirmed is credited, and assignments follow it."""
        now = at("12:00") + timedelta(days=days)
        credit_all(self.session, now=now)
        settling.settle(self.session, now=now)
        self.session.expire_all()

    def assignment(self, member: Membership) -> Assignment:
        return self.session.scalars(sa.select(Assignment).where(Assignment.membership_id == member.id)).one()


def a_classroom(
    session: Session, *, workers: int = 1, required_ms: int = 2 * HOUR_MS, purpose: Purpose = Purpose.YEARLY
) -> Classroom:
    works = a_works(session)

    def staff(role: Role, node: Organisation) -> Account:
        return people.an_account(session, role, organisation_id=node.id)

    asked = programmes.Asked("车间安全教育", purpose, [], required_ms, 30, on_site=True)
    programme = programmes.add(session, works.enterprise.id, asked, by=people.a_person(session).id, at=AT)
    giver = session.get_one(Person, works.hire(unit=works.workshop, post="班长").person_id)
    made = Classroom(
        session, works, staff(Role.ENTERPRISE_CLERK, works.enterprise), staff(Role.SAFETY_MANAGER, works.workshop),
        staff(Role.PRINCIPAL, works.enterprise), giver, programme,
    )  # fmt: skip
    for _ in range(workers):
        made.hire()
    session.flush()
    return made
