"""Whether a document and a name belong together, asked of a service of the house's own choice; off unless set up.

Only the answer's one word is kept, dated, with what was asked of whom; the numbers themselves go out as a recorded
disclosure and come back in no form. An answer decides nothing: a clerk reads it beside the card.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn import jobs
from elearn.clock import to_ms, utcnow
from elearn.db import Base, Ledger, db, new_id
from elearn.errors import NotFound
from elearn.outgoing import NotUsable, OutOfOrder, Service
from elearn.people import personal, persons
from elearn.people.identity import DocumentKind, Erased, Keys
from elearn.runtime import runtime
from elearn.settings import Settings

AGAIN_AFTER = timedelta(minutes=25)
AGAIN_FOR = timedelta(days=7)
"""Since the first try: a service that stays away so long is asked about new people only."""
MOST_AGAIN = 200


class Result(StrEnum):
    MATCHES = "matches"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    """The service knows no such document, or does nothing with documents of this kind."""
    UNAVAILABLE = "unavailable"
    """It did not answer; it is asked again."""


class IdentityCheck(Ledger, Base):
    """A service was asked about a person once. Added and read only."""

    __tablename__ = "identity_check"
    __table_args__ = (
        sa.CheckConstraint("result IN ('matches', 'differs', 'unknown', 'unavailable')", name="result"),
        sa.Index(None, "person_id", "asked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    asked_at: Mapped[datetime]
    asked_of: Mapped[str]
    """The service's host."""
    what: Mapped[str]
    """Which data were compared: `name, resident_id`."""
    result: Mapped[str]
    """A `Result`."""


class Verifier(Protocol):
    """Somebody who can be asked. Two answers that differ on two days are both kept."""

    @property
    def host(self) -> str:
        """How records of disclosure call it."""

    def ask(self, check_id: UUID, at: datetime, kind: DocumentKind, number: str, name: str) -> Result:
        """Never raises for a service that is away: UNAVAILABLE."""


class Answer(msgspec.Struct):
    """What the gateway says; whatever else it says is not read."""

    result: str


_answers = msgspec.json.Decoder(Answer)


@dataclass(frozen=True, slots=True)
class Gateway:
    """POST {document_kind, document_number, name}, signed as Standard Webhooks; answers {"result": ...}."""

    service: Service

    @property
    def host(self) -> str:
        return self.service.host

    def ask(self, check_id: UUID, at: datetime, kind: DocumentKind, number: str, name: str) -> Result:
        body = {"document_kind": kind.value, "document_number": number, "name": name}
        try:
            said = _answers.decode(self.service.post(str(check_id), to_ms(at) // 1000, body)).result
        except NotUsable:
            return Result.UNKNOWN
        except (OutOfOrder, msgspec.DecodeError):
            return Result.UNAVAILABLE
        return Result(said) if said in ("matches", "differs", "unknown") else Result.UNAVAILABLE


def verifier_of(settings: Settings) -> Verifier | None:
    """None: nobody is asked."""
    if settings.identity_url is None:
        return None
    return Gateway(Service(settings.identity_url, settings.identity_secret))


def want(session: Session, person_id: UUID) -> None:
    """Have this person asked about once the caller's transaction is committed; nothing where nobody is asked."""
    if runtime().settings.identity_url is not None:
        jobs.defer(session, "people.verify_identity", lock=f"identity {person_id}", person=str(person_id))


def newest(session: Session, person_ids: Collection[UUID]) -> dict[UUID, IdentityCheck]:
    """The last answer about each of these: one query."""
    found = session.scalars(
        sa.select(IdentityCheck)
        .where(IdentityCheck.person_id.in_(list(person_ids)))
        .ext(distinct_on(IdentityCheck.person_id))
        .order_by(IdentityCheck.person_id, IdentityCheck.asked_at.desc(), IdentityCheck.id.desc())
    )
    return {one.person_id: one for one in found}


def verify(session: Session, person_id: UUID, verifier: Verifier, keys: Keys, *, at: datetime) -> Result | None:
    """Ask about a person who was not answered about yet; None: there is nothing to ask. Commits twice.

    That the data leave is on record before they do, and no lock or connection waits for somebody else's server.
    """
    last = newest(session, [person_id]).get(person_id)
    if last is not None and last.result != Result.UNAVAILABLE:
        return None
    reason = "check of identity"
    try:
        kind, number = persons.reveal_document(session, person_id, keys, receiver=verifier.host, reason=reason, at=at)
    except (NotFound, Erased):
        return None
    name = persons.get_person(session, person_id).name
    personal.record_disclosures(session, person_id, ["name"], receiver=verifier.host, reason=reason, at=at)
    session.commit()
    check_id = new_id()
    result = verifier.ask(check_id, at, kind, number, name)
    session.add(
        IdentityCheck(
            id=check_id,
            person_id=person_id,
            asked_at=at,
            asked_of=verifier.host,
            what=f"name, {kind.value}",
            result=result.value,
        )
    )
    session.commit()
    return result


@jobs.task("people.verify_identity")
def verify_identity(person: str) -> None:
    """Of somebody who joined."""
    settings = runtime().settings
    verifier = verifier_of(settings)
    if verifier is not None:
        keys = Keys(settings.sealing_key, settings.index_key)
        verify(db.session(), UUID(person), verifier, keys, at=utcnow())


@jobs.task("people.verify_again", every="*/30 * * * *")
def verify_again() -> None:
    """Those about whom the service did not answer."""
    if runtime().settings.identity_url is None:
        return
    session, now = db.session(), utcnow()
    for person_id in unanswered(session, at=now):
        want(session, person_id)
    session.commit()


def unanswered(session: Session, *, at: datetime) -> list[UUID]:
    """People whose every check was in vain, the last one a while ago, the first not too long: at most 200."""
    asked = sa.func.max(IdentityCheck.asked_at)
    rows = session.scalars(
        sa.select(IdentityCheck.person_id)
        .group_by(IdentityCheck.person_id)
        .having(
            sa.func.bool_and(IdentityCheck.result == Result.UNAVAILABLE.value),
            asked < at - AGAIN_AFTER,
            sa.func.min(IdentityCheck.asked_at) > at - AGAIN_FOR,
        )
        .order_by(asked)
        .limit(MOST_AGAIN)
    )
    return list(rows)
