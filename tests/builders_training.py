"""Enterprises that train, for tests: a tree with people in it, courses for employees, programmes, rules."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses import teaching
from elearn.courses.centres import Centre
from elearn.courses.models import Course, Unit
from elearn.people import organisations, placements
from elearn.people.models import EmploymentKind, Membership, Organisation, OrganisationKind, OrganisationLevel, Person
from elearn.training import programmes
from elearn.training.models import AssignRule, Occasion, Programme, Purpose
from tests import builders_courses as courses
from tests.builders_credit import Learner
from tests.builders_people import a_person, an_institution

AT = datetime(2026, 6, 20, 2, 0, tzinfo=UTC)
TODAY = date(2026, 6, 20)
HOUR_MS = 3_600_000

_numbers = itertools.count(1)


@dataclass(slots=True)
class Works:
    """An enterprise of a group, with a workshop and a team, and a school whose courses are for employees."""

    session: Session
    group: Organisation
    enterprise: Organisation
    workshop: Organisation
    team: Organisation
    school: Organisation
    units: dict[UUID, Unit] = field(default_factory=dict)
    """The one lesson of each programme."""

    def hire(
        self,
        *,
        unit: Organisation | None = None,
        from_on: date = TODAY,
        kind: EmploymentKind = EmploymentKind.EMPLOYEE,
        post: str = "",
        category: str | None = None,
        employer: Organisation | None = None,
        person_id: UUID | None = None,
    ) -> Membership:
        who = person_id or a_person(self.session, name=f"工人{next(_numbers)}").id
        made = organisations.join(self.session, who, (employer or self.enterprise).id, kind, from_on, at=AT)
        placements.move(
            self.session, made.id, unit_id=(unit or self.team).id, post=post, category=category, from_on=from_on, at=AT
        )
        return made

    def course(self, *, ms: int = HOUR_MS, centre: Centre = Centre.EMPLOYEES, title: str = "") -> tuple[Course, Unit]:
        """A course of the school with one published lesson."""
        made = teaching.add_course(
            self.session, institution_id=self.school.id, title=title or f"安全教育{next(_numbers)}", at=AT,
        )  # fmt: skip
        made.centre = centre
        self.session.flush()
        unit = courses.a_unit(
            self.session, courses.a_lesson(self.session, made), duration_ms=ms, questions=[courses.a_question(0, ms)]
        )
        return made, unit

    def programme(
        self,
        purpose: Purpose = Purpose.OTHER,
        *,
        node: Organisation | None = None,
        required_ms: int = HOUR_MS,
        due_days: int = 30,
        course: tuple[Course, Unit] | None = None,
    ) -> Programme:
        """A programme of one lesson of an hour."""
        held, unit = course or self.course()
        asked = programmes.Asked(f"培训{next(_numbers)}", purpose, [held.id], required_ms, due_days)
        made = programmes.add(self.session, (node or self.enterprise).id, asked, by=a_person(self.session).id, at=AT)
        self.units[made.id] = unit
        return made

    def three_levels(self) -> list[Programme]:
        levels = (Purpose.THREE_LEVEL_FACTORY, Purpose.THREE_LEVEL_WORKSHOP, Purpose.THREE_LEVEL_TEAM)
        return [self.programme(one) for one in levels]

    def rule(
        self,
        occasion: Occasion,
        held: Sequence[Programme],
        *,
        node: Organisation | None = None,
        from_on: date = date(2026, 1, 1),
        **said: Any,
    ) -> AssignRule:
        asked = programmes.AskedRule(f"规则{next(_numbers)}", occasion, [one.id for one in held], from_on, **said)
        return programmes.add_rule(
            self.session, (node or self.enterprise).id, asked, by=a_person(self.session).id, at=AT
        )

    def learner(self, member: Membership, programme: Programme) -> Learner:
        """Who watches the lesson of a programme in its class: `watch`, then `tests.hours.credit_all`."""
        person = self.session.get_one(Person, member.person_id)
        return Learner(self.session, person, programme.class_id, self.units[programme.id].id)


def a_works(session: Session, *, region: str | None = None) -> Works:
    def node(level: OrganisationLevel, parent: Organisation | None) -> Organisation:
        made = organisations.add_organisation(
            session,
            kind=OrganisationKind.ENTERPRISE,
            level=level,
            parent_id=parent.id if parent else None,
            name=f"{level.value}-{next(_numbers)}",
            at=AT,
        )
        made.region = region
        session.flush()
        return made

    group = node(OrganisationLevel.GROUP, None)
    enterprise = node(OrganisationLevel.ENTERPRISE, group)
    workshop = node(OrganisationLevel.WORKSHOP, enterprise)
    team = node(OrganisationLevel.TEAM, workshop)
    return Works(session, group, enterprise, workshop, team, an_institution(session, name=f"学校{next(_numbers)}"))
