"""In whose name somebody acts in a session on site: an institution's manager, a keeper of an enterprise's unit, or the
member who gives it. Another enterprise's, and another unit's, is not even confirmed to exist."""

from __future__ import annotations

from uuid import UUID

from flask import url_for

from elearn.clock import utcnow
from elearn.courses.models import TrainingClass
from elearn.db import db
from elearn.locale import gettext as _
from elearn.pages import frame
from elearn.people import tree
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import Role
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF, TEACHER
from elearn.people.registry import local_day
from elearn.tracking.attendance import files, planning, reading
from elearn.tracking.attendance.models import AttendanceFile, ClassSession
from elearn.training import classrooms

MANAGES = Role.INSTITUTION_MANAGER
READS = tuple(ENTERPRISE.roles)
"""Of an enterprise: who sees its sessions, and may be the second person."""
KEEPS = tuple(ENTERPRISE_STAFF.roles)
"""Who plans and cancels them, marks, and proposes lists, as whoever gives one does."""


def own_session(session_id: UUID) -> ClassSession:
    """A session of the caller's institution or enterprise, or that the caller gives. Raises NotFound."""
    session = db.session()
    held = session.get(ClassSession, session_id)
    teacher = current_person_id() if held is not None and gives(held) else None
    return planning.own_session(session, session_id, acting_in(session_id, *READS), teacher=teacher)


def gives(held: ClassSession) -> bool:
    """Whether the caller gives it and still may: a teacher by role, or somebody who works at the enterprise today."""
    caller = require_caller()
    if held.teacher_id != caller.person_id:
        return False
    if held.unit_id is None:
        return bool(caller.roles & TEACHER.roles)
    employer = tree.employer_of(db.session(), held.unit_id)
    return employer is not None and bool(
        planning.placed(db.session(), employer.id, [caller.person_id], on=local_day(utcnow()))
    )


def own_file(file_id: UUID) -> AttendanceFile:
    """A file of the caller's institution or unit, or of a session that the caller gives. Raises NotFound."""
    session = db.session()
    file = session.get(AttendanceFile, file_id)
    held = session.get(ClassSession, file.session_id) if file and file.session_id else None
    teacher = current_person_id() if held is not None and gives(held) else None
    return files.own_file(session, file_id, houses_of(file_id, *READS), teacher=teacher)


def acting_in(session_id: UUID, *roles: Role) -> frozenset[UUID]:
    """In whose names the caller acts in a session: as a manager of institutions, or in its unit by one of `roles`."""
    held = db.session().get(ClassSession, session_id)
    if held is None or held.unit_id is None:
        return frame.acting(MANAGES)
    return frozenset({held.unit_id}) if frame.acts_in(held.unit_id, *(roles or KEEPS)) else frozenset()


def houses_of(file_id: UUID, *roles: Role) -> frozenset[UUID]:
    """In whose names the caller acts with a file: as `acting_in`."""
    file = db.session().get(AttendanceFile, file_id)
    if file is None or file.unit_id is None:
        return frame.acting(MANAGES)
    return frozenset({file.unit_id}) if frame.acts_in(file.unit_id, *roles) else frozenset()


def manages(held: ClassSession) -> bool:
    """Whether the caller keeps the sessions of the institution, or of the unit, whose session this is."""
    if held.unit_id is not None:
        return frame.acts_in(held.unit_id, *KEEPS)
    return db.session().get_one(TrainingClass, held.class_id).institution_id in frame.acting(MANAGES)


def seats(held: ClassSession) -> list[reading.Seat]:
    """Who is expected in a session, and who came."""
    session = db.session()
    return reading.seats(session, held, None if held.unit_id is None else classrooms.invited(session, held))


def back_from(held: ClassSession) -> tuple[str, str]:
    """Where the sessions are among which the caller found this one: address, name."""
    if held.unit_id is not None and frame.acts_in(held.unit_id, *READS):
        return url_for("elearn.pages.training_sessions", organisation=held.unit_id), _("Training on site")
    if held.unit_id is None and manages(held):
        title = db.session().get_one(TrainingClass, held.class_id).title
        return url_for("elearn.pages.class_sessions", class_id=held.class_id), title
    return url_for("elearn.pages.my_sessions"), _("On site")
