"""A class's plan is written while the class is planned: a line is an outline item, a day, hours, online or on site."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, time
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.classes.models import PlanLine
from elearn.courses.classes.opening import own_class, said_place
from elearn.courses.classes.reading import require_planned
from elearn.courses.classes.rules import Modality
from elearn.courses.models import Kind, Outline, OutlineItem, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Mode
from elearn.errors import Conflict, Malformed
from elearn.people.models import Organisation

MOST_LINES = 400
MOST_HOURS = 24
MINUTES_ON_SITE = 45
"""The least that a 学时 on site has, where no row says otherwise (AQ 8011-2023)."""


def add_line(
    session: Session,
    class_id: UUID,
    *,
    taught_on: date,
    outline_item_id: UUID,
    modality: Modality,
    hours: int,
    from_time: time | None = None,
    to_time: time | None = None,
    place: str = "",
    acting: Collection[UUID],
) -> PlanLine:
    """One more line. Practice is only on site (AQ 8011-2023), and what is on site has a time.

    Raises NotFound: no such class; Malformed `plan_item`, `plan_day`, `plan_hours`, `plan_times`, `plan_online`,
    `plan_short_hours` (学时 shorter than they may be); Conflict `plan_stands`: it was submitted already.
    """
    held = own_class(session, class_id, acting, lock=True)
    require_planned(session, class_id)
    item = session.get(OutlineItem, outline_item_id)
    if item is None or item.outline_id != held.outline_id:
        raise Malformed("Choose an item of the outline of this class.", code="plan_item")
    if taught_on < held.starts_on or (held.ends_on is not None and taught_on > held.ends_on):
        raise Malformed("This day is not between the first and the last day of the class.", code="plan_day")
    if not 1 <= hours <= MOST_HOURS:
        raise Malformed("A line of a plan has 1 to 24 hours.", code="plan_hours")
    if (from_time is None) != (to_time is None):
        raise Malformed("Say from when to when, or neither.", code="plan_times")
    if from_time is not None and to_time is not None and from_time >= to_time:
        raise Malformed("A lesson ends after it begins.", code="plan_times")
    if modality is Modality.ONLINE and item.kind is Kind.PRACTICE:
        raise Malformed("Practice is taught on site only.", code="plan_online")
    if modality is Modality.OFFLINE and from_time is None:
        raise Malformed("What is taught on site has a time.", code="plan_times")
    if modality is Modality.OFFLINE and from_time is not None and to_time is not None:
        minutes = _minutes(session, held, taught_on)
        if _minute(to_time) - _minute(from_time) < hours * minutes:
            raise Malformed(
                "So many hours do not fit into this time: an hour on site has at least %(minutes)s minutes.",
                code="plan_short_hours",
                minutes=minutes,
            )
    count = session.scalar(sa.select(sa.func.count()).select_from(PlanLine).where(PlanLine.class_id == class_id))
    if (count or 0) >= MOST_LINES:
        raise Conflict("A plan has at most 400 lines.", code="plan_full")
    where, _region = said_place(place, None)
    line = PlanLine(
        class_id=class_id,
        taught_on=taught_on,
        from_time=from_time,
        to_time=to_time,
        outline_item_id=outline_item_id,
        modality=modality,
        hours=hours,
        place=where,
    )
    session.add(line)
    session.flush()
    return line


def _minutes(session: Session, held: TrainingClass, on: date) -> int:
    """How long a 学时 on site is there, that day."""
    region = session.get_one(Organisation, held.institution_id).region
    category = session.get_one(Outline, held.outline_id).category
    catalogue = requirements.catalogue(session)
    known = catalogue.category(category, region, on) if category else None
    found = catalogue.class_hour(Mode.OFFLINE, known[0].group if known else None, region, on)
    return int(found.row.minutes) if found else MINUTES_ON_SITE


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def remove_line(session: Session, class_id: UUID, line_id: UUID, *, acting: Collection[UUID]) -> None:
    """Take a line out; one that is gone already changes nothing. Raises NotFound, Conflict `plan_stands`."""
    own_class(session, class_id, acting, lock=True)
    require_planned(session, class_id)
    session.execute(sa.delete(PlanLine).where(PlanLine.id == line_id, PlanLine.class_id == class_id))


def items_of(session: Session, outline_id: UUID | None) -> list[OutlineItem]:
    """The items of an outline, in their order; of none (an internal class) none."""
    return list(
        session.scalars(
            sa.select(OutlineItem)
            .where(OutlineItem.outline_id == outline_id)
            .order_by(OutlineItem.position, OutlineItem.id)
        )
    )
