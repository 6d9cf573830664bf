"""Every night: who may not work at their post, or is to be assessed until a day, is told; and who keeps the people.

    may not work     the first night, and every week from then on
    has a day        90, 60 and 30 days before it

Both also go to the phone of whoever can be reached. Keepers of a unit are told how many are new in it, not again what
they were told. Whom it may concern is read from the figures; what is told of them is looked up as it is now, some
thousand people at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements.service import catalogue
from elearn.people.registry import local_day
from elearn.training.certificates import qualified
from elearn.training.certificates.posts import AGAIN, LEAVE, Posts, warning
from elearn.training.certificates.qualified import Missing
from elearn.training.certificates.rules import STAGES
from elearn.training.keepers import keepers
from elearn.training.law import Law
from elearn.training.telling import messages, phones
from elearn.training.telling.messages import Kind, Message, Telling
from elearn.training.telling.sending import Channel

AT_ONCE = 2_000
CONCERNED = sa.text("""
SELECT DISTINCT person_id FROM elearn.figure_member WHERE unqualified OR certificate_by <= :until ORDER BY person_id
""")


def warn(session: Session, *, at: datetime, channels: Collection[Channel] = ()) -> int:
    """Tell them, in the application and by `channels`; answers how many messages were new. Does not commit."""
    on = local_day(at)
    posts = Posts(Law(catalogue(session)), on)
    people = session.scalars(CONCERNED, {"until": on + timedelta(days=STAGES[-1])}).all()
    told, new = 0, list[Missing]()
    for start in range(0, len(people), AT_ONCE):
        tellings, first = _of_page(session, people[start : start + AT_ONCE], posts, on)
        new += first
        told += messages.tell(session, tellings, at=at)
        phones.ring(session, channels, tellings, at=at)
    return told + messages.tell(session, _to_keepers(session, new, on), at=at)


def said_of(one: Missing, posts: Posts, on: date) -> tuple[Kind, dict[str, Any]]:
    """The message about somebody's post: its kind and its facts."""
    work, work_en = posts.named(one.category)
    by_on = one.by_on.isoformat() if one.by_on else ""
    facts = {"organisation": one.organisation, "work": work, "work_en": work_en, "by_on": by_on}
    return Kind.NOT_QUALIFIED if one.leaves(on) else Kind.ASSESSMENT_DUE, facts


def _of_page(session: Session, people: Sequence[UUID], posts: Posts, on: date) -> tuple[list[Telling], list[Missing]]:
    """What these are told today, and those of them who were not told it before."""
    before = _told(session, people)
    tellings, new = list[Telling](), list[Missing]()
    for one in qualified.of_people(session, people, on=on):
        step = warning(one.by_on, on)
        about = f"{one.membership_id}:{one.category}:{one.by_on or '-'}:{step}"
        last = before.get((one.person_id, about))
        if step is None or (last is not None and (step != LEAVE or on - last < AGAIN)):
            continue
        kind, facts = said_of(one, posts, on)
        tellings.append(Telling(one.person_id, kind, f"{about}:{on}", facts, one.organisation_id))
        if last is None or on - last > 2 * AGAIN:  # told before, and qualified since
            new.append(one)
    return tellings, new


def _told(session: Session, people: Sequence[UUID]) -> dict[tuple[UUID, str], date]:
    """Person and what it was about -> the day on which they were told last."""
    rows = session.execute(
        sa.select(Message.person_id, Message.cause).where(
            Message.person_id.in_(people), Message.kind.in_([Kind.NOT_QUALIFIED, Kind.ASSESSMENT_DUE])
        )
    )
    found: dict[tuple[UUID, str], date] = {}
    for person_id, cause in rows:
        about, _, day = cause.rpartition(":")
        key, told_on = (person_id, about), date.fromisoformat(day)
        found[key] = max(told_on, found.get(key, told_on))
    return found


def _to_keepers(session: Session, new: Sequence[Missing], on: date) -> Iterator[Telling]:
    """One message for each keeper and employer, about those who stand in units that they keep."""
    who = keepers(session, {one.unit_id for one in new})
    counts: dict[tuple[UUID, UUID], dict[str, Any]] = {}
    for one in new:
        for keeper in who.get(one.unit_id, ()):
            empty = {"organisation": one.organisation, "count": 0, "leave": 0, "until": 0}
            facts = counts.setdefault((keeper, one.organisation_id), empty)
            facts["count"] += 1
            facts["leave" if one.leaves(on) else "until"] += 1
    for (keeper, organisation_id), facts in counts.items():
        yield Telling(keeper, Kind.POSTS_WITHOUT, f"{organisation_id}:{on}", facts, organisation_id)
