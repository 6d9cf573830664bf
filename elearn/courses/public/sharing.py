"""The same packaged video in two courses has the same keys, so it is never both open to everybody and credited.

The database refuses it whatever program asks (migration 0066, which has the same rule as functions); here it is said
to people before.
"""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Unit
from elearn.courses.public.rules import NotOpen, refusal
from elearn.errors import Conflict

SHARED = sa.text("""
SELECT EXISTS (
    SELECT FROM elearn.unit u JOIN elearn.lesson l ON l.id = u.lesson_id
    JOIN elearn.unit v ON v.content_hash = u.content_hash AND v.published_at IS NOT NULL
    JOIN elearn.lesson m ON m.id = v.lesson_id
    WHERE l.course_id = :course AND m.course_id <> :course AND elearn.may_be_credited(m.course_id))
""")
"""A video of this course is published in one that may be credited; retired there is published once."""

MEETS = sa.text("""
SELECT elearn.may_be_credited(l.course_id) AND coalesce(bool_or(elearn.was_opened(m.course_id)), false) AS known,
       elearn.was_opened(l.course_id) AND coalesce(bool_or(
           v.published_at IS NOT NULL AND elearn.may_be_credited(m.course_id)), false) AS credited
FROM elearn.lesson l
LEFT JOIN elearn.unit v ON v.content_hash = :hash AND v.id <> :unit
LEFT JOIN elearn.lesson m ON m.id = v.lesson_id
WHERE l.id = :lesson GROUP BY l.course_id
""")


def is_shared(session: Session, course_id: UUID) -> bool:
    """Whether a video of the course stands in another one whose time may count."""
    return bool(session.execute(SHARED, {"course": course_id}).scalar_one())


def require_apart(session: Session, unit: Unit) -> None:
    """Before a unit is published. Raises Conflict: its keys are known, or it is credited elsewhere and not here."""
    found = session.execute(MEETS, {"hash": unit.content_hash, "unit": unit.id, "lesson": unit.lesson_id}).one()
    if found.known:
        raise Conflict(
            "This video was open to everybody, so watching it can no longer count. Send the video anew.",
            code="keys_known",
        )
    if found.credited:
        raise refusal(NotOpen.SHARED)
