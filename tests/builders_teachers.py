"""Teachers for tests: say only what matters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses.models import Kind
from elearn.courses.teachers import assigning, certifying, registering
from elearn.courses.teachers.models import ClassTeacherEntry, TeacherCertificate
from elearn.courses.teachers.said import Paper, Profile
from elearn.db import new_id
from elearn.people.callers import Caller, Grant
from elearn.people.models import Role
from tests.builders_people import AT, KEYS, a_person

YEAR_BEGINS = date(2026, 1, 1)


def a_caller(session: Session, role: Role, *, organisation_id: UUID | None = None, region: str | None = None) -> Caller:
    """Somebody who holds a role; no account stands behind it, so no password has to be hashed."""
    grant = Grant(role, organisation_id, region)
    return Caller(new_id(), a_person(session).id, "", must_change=False, grants=(grant,), browser_session_id=None)


def a_teacher(
    session: Session,
    institution_id: UUID,
    *,
    person_id: UUID | None = None,
    name: str = "王老师",
    from_on: date = YEAR_BEGINS,
    to_on: date | None = None,
) -> UUID:
    """Somebody in the register who teaches for the institution."""
    who = person_id or a_person(session, name=name).id
    by = a_person(session).id
    teacher_id = registering.register(session, who, Profile(works=["电工作业"]), by=by, may_level=False, at=AT)
    registering.join(
        session, teacher_id, institution_id, full_time=True, from_on=from_on, to_on=to_on,
        acting=[institution_id], by=by, at=AT,
    )  # fmt: skip
    return teacher_id


def a_paper(
    *,
    from_on: date = YEAR_BEGINS,
    to_on: date | None = date(2028, 12, 31),
    works: Sequence[str] = (),
    categories: Sequence[str] = ("short",),
) -> Paper:
    return Paper("安全培训教师岗位证书", "AQ-2026-0815", "云南省应急管理厅", from_on, to_on, categories, works)


def certified(
    session: Session, teacher_id: UUID, institution_id: UUID, paper: Paper | None = None, *, confirmed: bool = True
) -> TeacherCertificate:
    """A certificate that the institution states and an operator confirms."""
    manager = a_caller(session, Role.INSTITUTION_MANAGER, organisation_id=institution_id)
    made = certifying.state(session, teacher_id, paper or a_paper(), caller=manager, keys=KEYS, at=AT)
    if confirmed:
        certifying.answer(session, made.id, confirm=True, note="", caller=a_caller(session, Role.OPERATOR), at=AT)
    return made


def assigned(
    session: Session,
    class_id: UUID,
    teacher_id: UUID,
    institution_id: UUID,
    *,
    kind: Kind | None = None,
    from_on: date,
    to_on: date | None = None,
) -> ClassTeacherEntry:
    return assigning.assign(
        session, class_id, teacher_id, kind=kind, from_on=from_on, to_on=to_on, acting=[institution_id],
        by=a_person(session).id, at=AT,
    )  # fmt: skip
