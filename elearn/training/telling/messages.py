"""What a person is told in the application: a kind, and facts that the reader's language puts into words.

`tell` says each thing once: the same kind for the same cause again changes nothing, so whoever tells may run twice. The
facts name no other person: an organisation, a programme, days, numbers. Words are in `pages/message_texts.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.db import Base, Word, new_id, rows_changed
from elearn.errors import NotFound

PAGE = 30
MOST_COUNTED = 100
"""Unread messages are counted so far: `99+` is shown beyond."""


class Kind(StrEnum):
    """What somebody is told. `FACTS` says what each needs."""

    ASSIGNED = "assigned"
    """Training was assigned."""
    DUE = "due"
    """A day's summary of what is due, or late."""
    LEAVE_POST = "leave_post"
    """The post must be left until the training is done (先离岗再培训)."""
    DONE = "done"
    """An assigned training is done."""
    CERTIFICATE_EXPIRING = "certificate_expiring"
    """An own certificate runs out."""
    CERTIFICATES_EXPIRING = "certificates_expiring"
    """To who keeps the register: so many run out."""
    CERTIFICATE_DIFFERS = "certificate_differs"
    """An own certificate was looked up and is not as the register says."""
    NOT_QUALIFIED = "not_qualified"
    """The post must be left: the certificate it asks for is missing."""
    ASSESSMENT_DUE = "assessment_due"
    """A principal or manager is assessed until a day."""
    POSTS_WITHOUT = "posts_without"
    """To who keeps the people: so many newly lack the certificate their post asks for."""
    PLAN_WAITING = "plan_waiting"
    """To the principal: a yearly plan waits for approval."""
    PLAN_APPROVED = "plan_approved"
    PLAN_RETURNED = "plan_returned"
    SESSION = "session"
    """A session on site, at which one is expected."""
    SESSION_GIVEN = "session_given"
    """A session on site that one gives."""
    SESSION_CANCELLED = "session_cancelled"
    """It does not take place."""
    SURVEY = "survey"
    """A survey asks what training is needed."""
    APPRENTICESHIP_BEGUN = "apprenticeship_begun"
    APPRENTICESHIP_SIGN = "apprenticeship_sign"
    """Master and apprentice: it is time to sign."""
    JOIN_ASKED = "join_asked"
    """To a clerk: so many people ask to join."""
    JOINED = "joined"
    JOIN_REFUSED = "join_refused"
    LEFT = "left"
    """To a clerk: somebody left of their own accord."""
    ROSTER_DONE = "roster_done"
    """To who sent a roster: it was taken in."""
    ARCHIVE_READY = "archive_ready"
    """To who asked for an archive: it can be fetched."""
    INVITED = "invited"
    """By text message: how to sign in for the first time."""
    PASSWORD_SET = "password_set"
    """A new password was chosen by a code that went to the phone."""
    SENDING_FAILED = "sending_failed"
    """To who keeps the people: text messages or e-mails did not go out."""


FACTS: dict[Kind, frozenset[str]] = {
    Kind.ASSIGNED: frozenset({"programme", "left_ms", "due_on", "bars_post"}),
    Kind.DUE: frozenset({"lines", "more"}),
    Kind.LEAVE_POST: frozenset({"programme", "due_on"}),
    Kind.DONE: frozenset({"programme"}),
    Kind.CERTIFICATE_EXPIRING: frozenset({"title", "to_on"}),
    Kind.CERTIFICATES_EXPIRING: frozenset({"organisation", "count", "days"}),
    Kind.CERTIFICATE_DIFFERS: frozenset({"title", "organisation"}),
    Kind.NOT_QUALIFIED: frozenset({"organisation", "work", "work_en", "by_on"}),
    Kind.ASSESSMENT_DUE: frozenset({"organisation", "work", "work_en", "by_on"}),
    Kind.POSTS_WITHOUT: frozenset({"organisation", "count", "leave", "until"}),
    Kind.PLAN_WAITING: frozenset({"organisation", "year", "plan_id"}),
    Kind.PLAN_APPROVED: frozenset({"organisation", "year", "plan_id"}),
    Kind.PLAN_RETURNED: frozenset({"organisation", "year", "plan_id", "why"}),
    Kind.SESSION: frozenset({"title", "held_on", "begins", "ends", "place"}),
    Kind.SESSION_GIVEN: frozenset({"title", "held_on", "begins", "ends", "place"}),
    Kind.SESSION_CANCELLED: frozenset({"title", "held_on", "begins", "why"}),
    Kind.SURVEY: frozenset({"organisation", "title", "ends_on", "survey_id", "anonymous"}),
    Kind.APPRENTICESHIP_BEGUN: frozenset({"organisation", "from_on", "to_on", "apprenticeship_id"}),
    Kind.APPRENTICESHIP_SIGN: frozenset({"organisation", "to_on", "apprenticeship_id"}),
    Kind.JOIN_ASKED: frozenset({"organisation", "count"}),
    Kind.JOINED: frozenset({"organisation"}),
    Kind.JOIN_REFUSED: frozenset({"organisation"}),
    Kind.LEFT: frozenset({"organisation", "last_on"}),
    Kind.ROSTER_DONE: frozenset({"organisation", "taken", "left_out", "draft_id"}),
    Kind.ARCHIVE_READY: frozenset({"organisation"}),
    Kind.INVITED: frozenset({"organisation", "address", "name"}),
    Kind.PASSWORD_SET: frozenset({"set_on"}),
    Kind.SENDING_FAILED: frozenset({"organisation", "count"}),
}
"""Which facts the words of a kind need: texts, whole numbers (`_ms`), days as `2026-07-01` (`_on`), ids (`_id`).

`lines` of DUE: a list of {programme, left_ms, due_on, overdue, bars_post}, the most urgent first; `more`: how many
stand on no line. `by_on` of NOT_QUALIFIED: the day that is over, or empty where there was none.
"""


class Message(Base):
    """One thing that one person was told."""

    __tablename__ = "message"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "kind", "cause"),
        sa.Index(None, "person_id", "created_at", "id"),
        sa.Index("ix_message_unread", "person_id", postgresql_where=sa.text("read_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    """In whose name; None: the house's."""
    kind: Mapped[Kind] = mapped_column(Word(Kind))
    cause: Mapped[str]
    """What it is about, an id or a day: with person and kind it is told once."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing to tell one person."""

    person_id: UUID
    kind: Kind
    cause: str
    facts: dict[str, Any] = field(default_factory=dict)
    organisation_id: UUID | None = None


TELL = sa.text("""
INSERT INTO elearn.message (id, person_id, organisation_id, kind, cause, facts, created_at)
SELECT one.id, one.person_id, one.organisation_id, one.kind, one.cause, one.facts, :at
FROM unnest(CAST(:ids AS uuid[]), CAST(:people AS uuid[]), CAST(:organisations AS uuid[]), CAST(:kinds AS text[]),
            CAST(:causes AS text[]), CAST(:facts AS jsonb[]))
     AS one (id, person_id, organisation_id, kind, cause, facts)
ORDER BY one.person_id, one.kind, one.cause
ON CONFLICT (person_id, kind, cause) DO NOTHING
""")
"""In one order, so that two tellers never wait for each other."""


def tell(session: Session, tellings: Iterable[Telling], *, at: datetime) -> int:
    """Tell all of these in one statement; answers how many were new.

    ValueError: the facts are not those of the kind, which is a programming error.
    """
    chosen = list(tellings)
    for one in chosen:
        if set(one.facts) != FACTS[one.kind]:
            raise ValueError(f"a message {one.kind.value} has the facts {sorted(FACTS[one.kind])}")
    if not chosen:
        return 0
    values = {
        "ids": [new_id() for _ in chosen],
        "people": [one.person_id for one in chosen],
        "organisations": [one.organisation_id for one in chosen],
        "kinds": [one.kind.value for one in chosen],
        "causes": [one.cause for one in chosen],
        "facts": [json.dumps(one.facts, ensure_ascii=False) for one in chosen],
        "at": at,
    }
    return rows_changed(session.execute(TELL, values))


def unread(session: Session, person_id: UUID) -> int:
    """How many this person has not read, at most MOST_COUNTED: one look into an index."""
    some = (
        sa.select(sa.literal(1))
        .where(Message.person_id == person_id, Message.read_at.is_(None))
        .limit(MOST_COUNTED)
        .subquery()
    )
    return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def newest(session: Session, person_id: UUID, *, page: int = 1, size: int = PAGE) -> tuple[Sequence[Message], bool]:
    """A page of a person's messages, the newest first, and whether there are older ones."""
    found = session.scalars(
        sa.select(Message)
        .where(Message.person_id == person_id)
        .order_by(Message.created_at.desc(), Message.id.desc())
        .limit(size + 1)
        .offset((max(1, page) - 1) * size)
    ).all()
    return found[:size], len(found) > size


def read(session: Session, person_id: UUID, message_id: UUID, *, at: datetime) -> Message:
    """The person reads one of their messages; when it was first read stays. Raises NotFound: it is another's."""
    found = session.scalar(sa.select(Message).where(Message.id == message_id, Message.person_id == person_id))
    if found is None:
        raise NotFound("There is no such message.")
    if found.read_at is None:
        found.read_at = at
        session.flush()
    return found


def read_all(session: Session, person_id: UUID, *, at: datetime) -> None:
    """All that this person was told up to now is read."""
    session.execute(
        sa.update(Message).where(Message.person_id == person_id, Message.read_at.is_(None)).values(read_at=at)
    )
