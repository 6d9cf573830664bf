"""Two groups with an enterprise and an institution each, workshops below one, and rows of all that an address names.

What pages show is made by the services; what is only named by its id is a row of the table with its columns filled by
their types, and whatever it refers to made first. Everything of a side carries the side's mark in its texts, its people
the side's digits in their telephone numbers.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from elearn.courses.models import Outline, OutlineItem, Question
from elearn.db import Base, UtcDateTime, Word, new_id
from elearn.people import organisations
from elearn.people.models import Account, EmploymentKind, Membership, OrganisationKind, OrganisationLevel, Role
from elearn.people.offices import invitations
from elearn.tracking import policies
from elearn.tracking.policy import Policy
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_people import AT

HOUR = timedelta(hours=1)
EVERYWHERE = frozenset({Role.OPERATOR, Role.AUDITOR})
OVER_UNITS = (Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER, Role.PRINCIPAL)
INSTITUTION = frozenset({Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER, Role.TEACHER})


@dataclass
class Side:
    """One group and one institution (or one workshop of it), their people, and an id for each table."""

    mark: str
    """Stands in all of its texts."""
    digits: str = ""
    """What the telephone numbers of its people begin with."""
    ids: dict[str, Any] = field(default_factory=dict)
    """By table."""
    accounts: dict[Role, Account] = field(default_factory=dict)
    invitation: str = ""
    """The token of an open one."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What nobody else's page may hold."""
        return tuple(filter(None, (self.mark, self.digits)))

    def of(self, table: str, session: Session) -> Any:
        """The id of this side's row in the table; made now when there is none."""
        if table not in self.ids:
            self.ids[table] = self._row(Base.metadata.tables[f"elearn.{table}"], session)
        return self.ids[table]

    def _row(self, table: sa.Table, session: Session) -> Any:
        values = {column.name: self._value(column, session) for column in table.c if self._is_needed(column)}
        values |= CHECKED[table.name](self) if table.name in CHECKED else {}
        made = session.execute(sa.insert(table).values(values).returning(next(iter(table.primary_key.columns))))
        return made.scalar_one()

    @staticmethod
    def _is_needed(column: sa.Column[Any]) -> bool:
        return not column.nullable and column.default is None and column.server_default is None

    def _value(self, column: sa.Column[Any], session: Session) -> object:
        for key in column.foreign_keys:
            target = key.column.table.name
            if target == "organisation":
                return self.ids["institution" if column.name == "institution_id" else "organisation"]
            return self.of(target, session)
        if column.name == "institution_id":
            return self.ids["institution"]
        kind = column.type
        if isinstance(kind, sa.Enum):
            return kind.enums[0] if kind.enum_class is None else next(iter(kind.enum_class))
        if isinstance(kind, Word):
            return next(iter(kind.words))
        for types, made in MADE:
            if isinstance(kind, types):
                return made(self)
        raise LookupError(f"{column} is of a type that is not known here: {kind!r}")


SHARED = (
    "outline", "outline_item", "course", "lesson", "unit", "training_class", "planned_class", "question",
    "watch_policy", "subtitle", "course_test", "test_blueprint", "class_lesson_plan", "eligibility_record",
    "eligibility_proposal",
)  # fmt: skip
"""What a school has: a workshop's people learn by the rows of the enterprise's."""
CHECKED: dict[str, Callable[[Side], dict[str, object]]] = {
    # What the checks of a table ask of columns beyond their types.
    "apprenticeship": lambda side: {"ended_why": "", "master_id": side.accounts[Role.TEACHER].person_id},
    "assign_rule": lambda side: {"programme_ids": [new_id()]},
    "assignment": lambda side: {"state": "open", "position": 0},
    "attendance_list": lambda side: {"act": "record"},
    "class_lesson_plan": lambda side: {
        "content": b"x", "sha256": hashlib.sha256(b"x").hexdigest(), "media_type": "application/pdf"
    },
    "class_plan_line": lambda side: {"class_id": side.ids["planned_class"]},
    "class_session": lambda side: {
        "kind": "theory", "from_at": AT + HOUR, "to_at": AT + 2 * HOUR, "outline_item_id": side.ids["outline_item"],
    },
    "course_test": lambda side: {"course_id": side.ids["course"]},
    "eligibility_record": lambda side: {"position": secrets.randbits(40)},
    "enterprise_archive": lambda side: {"state": "waiting", "year": 2026},
    "finding": lambda side: {
        "kind": "institution_suspended", "organisation_id": side.ids["institution"], "side": "operator"
    },
    "inspector_link": lambda side: {"expires_at": AT + HOUR, "year": 0},
    "message": lambda side: {
        "kind": "assigned", "facts": {"programme": side.mark, "left_ms": 1, "due_on": None, "bars_post": False}
    },
    "joining": lambda side: {"state": "waiting"},
    "person_merge": lambda side: {"state": "open", "gone_id": side.accounts[Role.TEACHER].person_id},
    "presence_check": lambda side: {"method": "question", "question_id": side.ids["question"], "tries": []},
    "review_case": lambda side: {"kind": "flags"},
    "public_post": lambda side: {"organisation_id": side.ids["institution"], "language": "zh"},
    "role_grant": lambda side: {
        # Of somebody who has that role anyway: nobody who asks is more by it.
        "role": Role.SAFETY_MANAGER, "organisation_id": side.ids["organisation"],
        "account_id": side.accounts[Role.SAFETY_MANAGER].id, "revoked_at": AT,
    },
    "roster_draft": lambda side: {"state": "done"},
    "subtitle": lambda side: {"language": "zh"},
    "test_blueprint": lambda side: {"duration_s": 600},
    "training_programme": lambda side: {"class_id": side.ids["programme_class"]},
    "training_fund_line": lambda side: {"year": 2026, "reason": ""},
    "training_plan": lambda side: {"year": 2026},
    "training_survey": lambda side: {"year": 2026},
    "training_survey_question": lambda side: {"kind": "text"},
    "teacher_certificate": lambda side: {
        "works": [side.mark], "kind": side.mark, "number_sealed": b"x", "issued_by": side.mark
    },
}  # fmt: skip
MADE: tuple[tuple[Any, Callable[[Side], object]], ...] = (
    (sa.ARRAY, lambda side: []),
    (JSONB, lambda side: {}),
    (sa.Boolean, lambda side: False),
    ((sa.Integer, sa.Numeric), lambda side: 1),
    (sa.Uuid, lambda side: new_id()),
    (sa.LargeBinary, lambda side: secrets.token_bytes(32)),
    ((UtcDateTime, sa.DateTime), lambda side: AT),
    (sa.Date, lambda side: date(2026, 6, 1)),
    ((sa.Text, sa.String), lambda side: f"{side.mark}{secrets.token_hex(4)}"),
)


def a_side(session: Session, mark: str, region: str, digits: str = "") -> Side:
    """Its organisations, its people, and a class with a course whose lesson can be watched."""
    side = Side(mark, digits)

    def unit(level: OrganisationLevel, parent: UUID | None) -> UUID:
        return organisations.add_organisation(
            session, kind=OrganisationKind.ENTERPRISE, level=level, parent_id=parent, name=f"{mark}{level.value}",
            region=region, at=AT,
        ).id  # fmt: skip

    group = unit(OrganisationLevel.GROUP, None)
    side.ids["organisation"] = unit(OrganisationLevel.ENTERPRISE, group)
    unit(OrganisationLevel.TEAM, unit(OrganisationLevel.WORKSHOP, side.ids["organisation"]))
    institution = organisations.add_organisation(
        session, kind=OrganisationKind.INSTITUTION, name=f"{mark}机构", region=region, at=AT
    )
    side.ids["institution"] = institution.id
    _staffed(session, side, Role, region)
    learner = side.accounts[Role.LEARNER]
    member = organisations.join(
        session, learner.person_id, side.ids["organisation"], EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=AT
    )
    outline = courses.an_outline(session)
    course = courses.a_course(session, institution.id, outline=outline, title=f"{mark}课程")
    lesson = courses.a_lesson(session, course, title=f"{mark}课")
    version = courses.a_unit(session, lesson)
    held = courses.a_class(session, institution.id, outline)
    held.title = f"{mark}班"
    courses.enrolled(session, held, learner.person_id)
    for planned in ("planned_class", "programme_class"):
        side.ids[planned] = courses.a_class(session, institution.id, outline, filed_at=None).id
    item = session.scalars(sa.select(OutlineItem.id).where(OutlineItem.outline_id == outline.id).limit(1)).one()
    question = session.scalars(sa.select(Question.id).where(Question.unit_id == version.id).limit(1)).one()
    side.ids |= {
        "person": learner.person_id, "account": learner.id, "membership": member.id, "outline": outline.id,
        "course": course.id, "lesson": lesson.id, "unit": version.id, "training_class": held.id, "question": question,
        "outline_item": item,
    }  # fmt: skip
    policy = Policy()
    policies.keep(session, policy, policy.digest())
    side.ids["watch_policy"] = policy.digest()
    made, side.invitation = invitations.invite(
        session, None, side.ids["organisation"], Role.PRINCIPAL, for_whom=f"{mark}先生", days=30, at=AT
    )
    side.ids["invitation"] = made.id
    assert isinstance(member, Membership)
    return side


def a_workshop(session: Session, above: Side, mark: str, digits: str = "") -> Side:
    """A workshop of the enterprise of `above`: its own people and rows; the school is that of `above`."""
    side = Side(mark, digits)
    side.ids["institution"] = above.ids["institution"]
    side.ids["organisation"] = organisations.add_organisation(
        session, kind=OrganisationKind.ENTERPRISE, level=OrganisationLevel.WORKSHOP,
        parent_id=above.ids["organisation"], name=f"{mark}workshop", at=AT,
    ).id  # fmt: skip
    _staffed(session, side, (Role.LEARNER, *OVER_UNITS, Role.TEACHER))
    learner = side.accounts[Role.LEARNER]
    member = organisations.join(
        session, learner.person_id, above.ids["organisation"], EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=AT,
        unit_id=side.ids["organisation"], post=f"{mark}岗",
    )  # fmt: skip
    side.ids |= {"person": learner.person_id, "account": learner.id, "membership": member.id}
    for shared in SHARED:
        side.ids[shared] = above.of(shared, session)
    outline = session.get_one(Outline, side.ids["outline"])
    side.ids["programme_class"] = courses.a_class(session, side.ids["institution"], outline, filed_at=None).id
    made, side.invitation = invitations.invite(
        session, None, side.ids["organisation"], Role.PRINCIPAL, for_whom=f"{mark}先生", days=30, at=AT
    )
    side.ids["invitation"] = made.id
    return side


def _staffed(session: Session, side: Side, roles: Iterable[Role], region: str = "530000") -> None:
    for number, role in enumerate(roles):
        place = side.ids["institution" if role in INSTITUTION else "organisation"]
        side.accounts[role] = people.an_account(
            session, role, organisation_id=place, region=region[:2] + "0000",
            person=people.a_person(session, name=f"{side.mark}{role.value}"),
            phone=f"{side.digits}{number:03}" if side.digits else None,
        )  # fmt: skip
