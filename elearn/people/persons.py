"""Persons: adding, finding, showing, erasing.

A document number is sealed when it comes in and found by its blind index. Pages get `PersonFacts`, with the number
masked; the whole number leaves only through `reveal_document`, which records to whom.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Bundle, Session, aliased

from elearn.db import new_id
from elearn.errors import Conflict, NotFound
from elearn.people.by_phone.models import SharedPhone, SignInCode
from elearn.people.identity import (
    DocumentKind,
    Erased,
    Keys,
    Sealer,
    blind_index,
    born_on,
    check_document,
    mask_document,
)
from elearn.people.joining.models import Joining, State
from elearn.people.models import Account, BrowserSession, Device, Disclosure, OtherDocument, PasswordReset, Person
from elearn.people.registry import checked_name, local_day, unless_taken
from elearn.people.roster.models import RosterLine, StaffNumber

# Columns and not entities: hundreds are read at once, and this takes half as long.
_READ: Bundle[Any] = Bundle("person", *(getattr(Person, column.key) for column in Person.__table__.c))

DISCLOSE = sa.text("""
INSERT INTO elearn.disclosure (id, person_id, receiver, what, reason, disclosed_at)
SELECT one.id, one.person_id, :receiver, 'document number', :reason, :at
FROM unnest(CAST(:ids AS uuid[]), CAST(:people AS uuid[])) AS one (id, person_id)
""")


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What pages and other packages may know of a person."""

    id: UUID
    name: str
    document_kind: DocumentKind | None
    document_masked: str
    ref: str
    """The pseudonym: 128 bits, base64url; empty after erasure."""


def add_person(
    session: Session, *, name: str, document_kind: DocumentKind, document_number: str, keys: Keys, at: datetime
) -> Person:
    """A new person with a document. Raises Malformed; Conflict `already_registered` when the document is known."""
    number = check_document(document_kind, document_number, today=local_day(at))
    person = _new_person(name, keys, at)
    person.document_kind = document_kind
    person.document_sealed = Sealer(keys.sealing).seal(person.data_key, person.id, "document", number)
    person.document_index = blind_index(keys.index, document_kind, number)
    person.born_on = born_on(document_kind, number)
    with unless_taken(
        session, "uq_person_document_index", "This document is already registered.", "already_registered"
    ):
        session.add(person)
    return person


def add_staff(session: Session, *, name: str, keys: Keys, at: datetime) -> Person:
    """A new person without a document: who only works here gives no number (as little data as the task needs)."""
    person = _new_person(name, keys, at)
    session.add(person)
    session.flush()
    return person


def _new_person(name: str, keys: Keys, at: datetime) -> Person:
    sealer, person_id = Sealer(keys.sealing), new_id()
    data_key = sealer.new_data_key(person_id)
    return Person(
        id=person_id,
        name=checked_name(name),
        data_key=data_key,
        pseudonym=sealer.pseudonym(data_key, person_id),
        created_at=at,
    )


def learn_birthdays(session: Session, keys: Keys, *, most: int) -> int:
    """Note on which day people were born whose document says it and of whom nobody has noted it: those of before.

    Answers how many; at most so many at once. Resident identity cards only: each of them says it, so none is looked
    at twice.
    """
    found = session.scalars(
        sa.select(Person)
        .where(
            Person.born_on.is_(None),
            Person.document_sealed.is_not(None),
            Person.document_kind == DocumentKind.RESIDENT_ID,
        )
        .order_by(Person.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    for person in found:
        person.born_on = born_on(DocumentKind.RESIDENT_ID, _document(person, keys))
    session.flush()
    return len(found)


def find_person(session: Session, kind: DocumentKind, number: str, keys: Keys) -> Person | None:
    """The person with this document, the first or another one. Raises Malformed for a number that cannot be one."""
    index = blind_index(keys.index, kind, check_document(kind, number))
    return by_documents(session, [index]).get(index)


def documents() -> sa.Subquery:
    """(document_index, person_id) of everybody's documents, for joining."""
    other = sa.select(OtherDocument.document_index, OtherDocument.person_id)
    whose = aliased(Person)  # else a query that asks about a person would take this one for it
    first = sa.select(whose.document_index, whose.id.label("person_id")).where(whose.document_index.is_not(None))
    return sa.union_all(first, other).subquery("documents")


def by_documents(session: Session, indexes: Collection[bytes]) -> dict[bytes, Person]:
    """Whose these documents are, by blind index: one query. A person may stand there twice."""
    known = documents()
    rows = session.execute(
        sa.select(known.c.document_index, Person)
        .join(Person, Person.id == known.c.person_id)
        .where(known.c.document_index.in_(list(indexes)))
    )
    return {row[0]: row[1] for row in rows}


def other_documents(session: Session, person_id: UUID, keys: Keys) -> list[tuple[DocumentKind, str]]:
    """Kind and masked number of the documents that somebody has beside the first one, the earlier noted first."""
    person, sealer = get_person(session, person_id), Sealer(keys.sealing)
    rows = session.scalars(
        sa.select(OtherDocument)
        .where(OtherDocument.person_id == person_id)
        .order_by(OtherDocument.noted_at, OtherDocument.document_index)
    )
    return [
        (one.document_kind, mask_document(sealer.open(person.data_key, person_id, "document", one.document_sealed)))
        for one in rows
    ]


def hand_documents_over(session: Session, gone_id: UUID, kept_id: UUID, keys: Keys, *, at: datetime) -> None:
    """The duplicate's documents find the person who stays from now on, sealed under that person's key.

    Both rows are locked by the caller; the duplicate is erased afterwards. Who stays without a document gets one.
    """
    gone, kept, sealer = get_person(session, gone_id), get_person(session, kept_id), Sealer(keys.sealing)
    others = session.scalars(
        sa.select(OtherDocument)
        .where(OtherDocument.person_id == gone_id)
        .order_by(OtherDocument.noted_at, OtherDocument.document_index)
    ).all()
    found = [(one.document_kind, one.document_index, one.document_sealed) for one in others]
    if gone.document_kind is not None and gone.document_index is not None and gone.document_sealed is not None:
        found.insert(0, (gone.document_kind, gone.document_index, gone.document_sealed))
    session.execute(sa.delete(OtherDocument).where(OtherDocument.person_id == gone_id))
    gone.document_index = None
    session.flush()
    for kind, index, sealed in found:
        number = sealer.open(gone.data_key, gone_id, "document", sealed)
        resealed = sealer.seal(kept.data_key, kept_id, "document", number)
        kept.born_on = kept.born_on or born_on(kind, number)
        if kept.document_index is None:
            kept.document_kind, kept.document_index, kept.document_sealed = kind, index, resealed
        else:
            session.add(
                OtherDocument(
                    document_index=index,
                    person_id=kept_id,
                    document_kind=kind,
                    document_sealed=resealed,
                    noted_at=at,
                )
            )
        session.flush()


def take_in(
    session: Session, *, name: str, document_kind: DocumentKind, document_number: str, keys: Keys, at: datetime
) -> Person:
    """The person with this document, added when new: an employer who takes somebody on brings no second person.

    Raises Conflict `name_differs` when the document is known under another name.
    """
    found = find_person(session, document_kind, document_number, keys)
    if found is None:
        return add_person(
            session, name=name, document_kind=document_kind, document_number=document_number, keys=keys, at=at
        )
    if found.name != checked_name(name):
        raise Conflict("This document is registered under another name. Please check both.", code="name_differs")
    return found


def person_facts(session: Session, person_id: UUID, keys: Keys) -> PersonFacts:
    """Raises NotFound. After erasure the name and number are empty."""
    person = get_person(session, person_id)
    masked = ""
    if person.document_sealed is not None:
        masked = mask_document(_document(person, keys))
    return PersonFacts(person.id, person.name, person.document_kind, masked, person.pseudonym or "")


def reveal_document(
    session: Session, person_id: UUID, keys: Keys, *, receiver: str, reason: str, at: datetime
) -> tuple[DocumentKind, str]:
    """The whole document number, for a receiver's own package and nothing else; the disclosure is recorded.

    Raises NotFound: no such person, or no document. Erased.
    """
    person = get_person(session, person_id)
    if person.data_key is None:
        raise Erased("This person's data was erased.")
    if person.document_sealed is None or person.document_kind is None:
        raise NotFound("This person has no document on record.")
    number = _document(person, keys)
    session.add(
        Disclosure(person_id=person_id, receiver=receiver, what="document number", reason=reason, disclosed_at=at)
    )
    session.flush()
    return person.document_kind, number


def reveal_documents(
    session: Session, person_ids: Collection[UUID], keys: Keys, *, receiver: str, reason: str, at: datetime
) -> dict[UUID, tuple[Person, DocumentKind, str]]:
    """The same for many persons in two statements; who has no document, or was erased, is left out.

    The persons are for reading only.
    """
    found = {
        person.id: (person, person.document_kind, _document(person, keys))
        for (person,) in session.execute(sa.select(_READ).where(Person.id.in_(list(person_ids))))
        if person.data_key is not None and person.document_sealed is not None and person.document_kind is not None
    }
    # A page of a feed tells of hundreds: one statement with two arrays takes a tenth of as many rows of values.
    session.execute(
        DISCLOSE,
        {"ids": [new_id() for _ in found], "people": list(found), "receiver": receiver, "reason": reason, "at": at},
    )
    return found


def pseudonym(session: Session, person_id: UUID) -> str:
    """The name that statements and the log carry: 22 characters of base64url. Raises NotFound, Erased."""
    found = get_person(session, person_id).pseudonym
    if found is None:
        raise Erased("This person's data was erased.")
    return found


def person_by_pseudonym(session: Session, name: str) -> UUID | None:
    """Whose pseudonym this is."""
    return session.scalar(sa.select(Person.id).where(Person.pseudonym == name))


def erase_person(session: Session, person_id: UUID, *, at: datetime) -> None:
    """Forget who this is: the key goes and with it all that was sealed; the account closes. Ledgers keep sums."""
    person = get_person(session, person_id, lock=True)
    # Rosters that wait to be looked at find people by the index, which goes below.
    known = documents()
    own = sa.select(known.c.document_index).where(known.c.person_id == person_id)
    session.execute(sa.delete(RosterLine).where(RosterLine.document_index.in_(own)))
    session.execute(sa.delete(OtherDocument).where(OtherDocument.person_id == person_id))
    session.execute(sa.delete(StaffNumber).where(StaffNumber.person_id == person_id))
    person.name = ""
    person.data_key = person.document_sealed = person.document_index = person.document_kind = person.pseudonym = None
    person.born_on = None
    person.erased_at = person.erased_at or at
    account = session.scalar(sa.select(Account).where(Account.person_id == person_id))
    if account is not None:
        account.name = account.phone_sealed = account.phone_index = account.password_hash = None
        account.session_epoch += 1
        account.closed_at = account.closed_at or at
        for table in (BrowserSession, PasswordReset, SharedPhone, SignInCode):
            session.execute(sa.delete(table).where(table.account_id == account.id))
    session.execute(sa.delete(Device).where(Device.person_id == person_id))
    session.execute(
        sa.update(Joining)
        .where(Joining.person_id == person_id, Joining.state == State.WAITING.value)
        .values(state=State.TAKEN_BACK.value, decided_at=at)
    )
    session.flush()


def get_person(session: Session, person_id: UUID, *, lock: bool = False) -> Person:
    person = session.get(Person, person_id, with_for_update=lock)
    if person is None:
        raise NotFound("There is no such person.")
    return person


def _document(person: Person, keys: Keys) -> str:
    assert person.document_sealed is not None
    return Sealer(keys.sealing).open(person.data_key, person.id, "document", person.document_sealed)
