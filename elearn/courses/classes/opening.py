"""A class is opened, and found again. `acting` are the organisations in whose name the caller acts."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.courses.classes.reading import require_planned
from elearn.courses.models import Outline, TrainingClass
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.identity import is_region

MAX_PLACE = 200


def open_class(
    session: Session,
    *,
    institution_id: UUID,
    outline_id: UUID,
    class_no: str,
    title: str,
    starts_on: date,
    at: datetime,
    ends_on: date | None = None,
    place: str = "",
    region: str | None = None,
) -> TrainingClass:
    """A new class. Until it is filed, what is learned in it is kept but never exported (RULES 4(b))."""
    if session.get(Outline, outline_id) is None:
        raise NotFound("There is no such outline.")
    if ends_on is not None and ends_on < starts_on:
        raise Malformed("A class ends after it starts.", code="bad_dates")
    number, name = " ".join(class_no.split()), " ".join(title.split())
    if not number or not name or len(number) > 100 or len(name) > 200 or has_control(number + name):
        raise Malformed("A class needs a number and a name.", code="bad_name")
    where, code = said_place(place, region)
    row = {
        "id": new_id(),
        "institution_id": institution_id,
        "outline_id": outline_id,
        "class_no": number,
        "title": name,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "place": where,
        "region": code,
        "created_at": at,
    }
    made = session.execute(insert(TrainingClass).values(row).on_conflict_do_nothing().returning(TrainingClass.id))
    if made.first() is None:
        raise Conflict("There is a class of this number already.", code="class_no_taken")
    return session.get_one(TrainingClass, row["id"])


def said_place(place: str, region: str | None) -> tuple[str, str | None]:
    """Where a class is: an address, and the region it lies in. Raises Malformed: too long, no text, or no region."""
    where, code = " ".join(place.split()), (region or "").strip()
    if len(where) > MAX_PLACE or has_control(where):
        raise Malformed("A place has at most 200 characters.", code="bad_place")
    if code and not is_region(code):
        raise Malformed("A region is six digits (GB/T 2260).", code="region_form")
    return where, code or None


def has_control(text: str) -> bool:
    """Whether something stands in it that nobody can read or print: control characters, marks that turn text around."""
    return any(unicodedata.category(letter) in ("Cc", "Cf") for letter in text)


def own_class(session: Session, class_id: UUID, acting: Collection[UUID], *, lock: bool = False) -> TrainingClass:
    """The class, when it is one of `acting`'s under an outline. Raises NotFound."""
    query = sa.select(TrainingClass).where(
        TrainingClass.id == class_id,
        TrainingClass.institution_id.in_(acting),
        TrainingClass.outline_id.is_not(None),
    )
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such class.")
    return found


def place_class(
    session: Session, class_id: UUID, *, place: str, region: str | None, acting: Collection[UUID]
) -> TrainingClass:
    """Say where it is taught. Raises Malformed, and Conflict `plan_stands`: it was submitted already."""
    found = own_class(session, class_id, acting, lock=True)
    require_planned(session, class_id)
    found.place, found.region = said_place(place, region)
    session.flush()
    return found
