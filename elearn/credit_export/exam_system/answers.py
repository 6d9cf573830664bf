"""What a receiver is told about a record, and the writing down of every telling.

Three ways tell with the same words (`as_data`): the answer about one person, a page of the feed, a push. An answer
about one person and a push carry a signature of their own; a page of the feed is signed as a whole (`routes.changes`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline, TrainingClass
from elearn.credit_export import feed
from elearn.credit_export.exam_system import blocks
from elearn.credit_export.exam_system.receivers import MOBILE
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.hours import as_text
from elearn.credit_export.lifecycle import Life
from elearn.credit_export.models import EligibilityRecord, ExamQuery, Receiver, ReceiverOutline
from elearn.people import personal, persons
from elearn.people.identity import DocumentKind, Keys, gender_of
from elearn.people.models import Organisation, Person


@dataclass(frozen=True, slots=True)
class Desk:
    """All that answering needs: who asks, when, and the keys of the house."""

    receiver: Receiver
    outlines: frozenset[str]
    """Codes of the outlines this receiver examines."""
    keys: Keys
    signer: Signer
    issuer: str
    now: datetime


def outlines_of(session: Session, receiver_id: UUID) -> frozenset[str]:
    codes = sa.select(ReceiverOutline.outline_code).where(ReceiverOutline.receiver_id == receiver_id)
    return frozenset(session.scalars(codes))


@dataclass(frozen=True, slots=True)
class Telling:
    """A version as it stands, or stood after a step of its life."""

    record: EligibilityRecord
    life: Life
    reason: str
    """Of the step that brought it there (`lifecycle.Why`)."""

    @classmethod
    def of_change(cls, change: feed.Change) -> Telling:
        return cls(change.record, change.life, change.reason)


def now_of(session: Session, record: EligibilityRecord) -> Telling:
    """How a version stands now."""
    last = feed.last_steps(session, [record.id])[record.id]
    return Telling(record, feed.life_of(last), last.reason)


def told(session: Session, tellings: Sequence[Telling], desk: Desk, *, door: str) -> list[dict[str, Any]]:
    """The records as data, in the order given. Document numbers leave the house here, so that is written down.

    A fixed number of queries, however many records.
    """
    revealed = persons.reveal_documents(
        session,
        {one.record.person_id for one in tellings},
        desk.keys,
        receiver=desk.receiver.client_id,
        reason=door,
        at=desk.now,
    )
    outlines = {
        row.id: row
        for row in session.execute(
            sa.select(Outline.id, Outline.code, Outline.name, Outline.region, Outline.version).where(
                Outline.id.in_({one.record.outline_id for one in tellings})
            )
        )
    }
    classes = {
        row.id: row
        for row in session.execute(
            sa.select(
                TrainingClass.id,
                TrainingClass.class_no,
                TrainingClass.filing_no,
                Organisation.name.label("institution"),
            )
            .join(Organisation, Organisation.id == TrainingClass.institution_id)
            .where(TrainingClass.id.in_({one.record.class_id for one in tellings if one.record.class_id}))
        )
    }
    mobiles = mobiles_of(session, set(revealed), desk, reason=door)
    people = {person_id: who_it_is(found, mobiles.get(person_id)) for person_id, found in revealed.items()}
    papers = blocks.papers_of(
        session,
        [one.record for one in tellings],
        desk.keys,
        receiver=desk.receiver.client_id,
        reason=door,
        at=desk.now,
    )
    found = []
    for one in tellings:
        held = classes.get(one.record.class_id) if one.record.class_id else None
        data = as_data(one, outlines[one.record.outline_id], held, papers)
        data["person"] = people.get(one.record.person_id) or who_it_is(None)
        found.append(data)
    return found


def signed(data: dict[str, Any], desk: Desk, *, at: datetime) -> str:
    """A record's own signature: JWS compact, claims `iss, aud, iat, record`."""
    claims = {"iss": desk.issuer, "aud": desk.receiver.client_id, "iat": int(at.timestamp())}
    return desk.signer.sign({**claims, "record": data})


def mobiles_of(session: Session, person_ids: Collection[UUID], desk: Desk, *, reason: str) -> dict[UUID, str]:
    """Phone numbers for a receiver that was given them (scope `mobile.read`), for nobody else; that is written down."""
    if MOBILE not in desk.receiver.scopes:
        return {}
    return personal.reveal_phones(
        session, person_ids, desk.keys, receiver=desk.receiver.client_id, reason=reason, at=desk.now
    )


def who_it_is(revealed: tuple[Person, DocumentKind, str] | None, mobile: str | None = None) -> dict[str, Any]:
    """Who the record is about; nobody any more when the person was erased.

    The gender is what a number says (GB 11643), so of a passport or a permit it is not known. Pictures are kept
    nowhere in this platform, so none can be named.
    """
    if revealed is None:
        return dict.fromkeys(PERSON)
    person, kind, number = revealed
    known = (kind.value, number, person.name, gender_of(kind, number), mobile, None)
    return dict(zip(PERSON, known, strict=True))


PERSON = ("document_kind", "document_number", "name", "gender", "mobile", "photo_ref")

BLOCKS = ("training", "uncredited_ms", "checks", "evidence")
"""Of `record_facts`, as they were when the version was written; null in versions that are older than these."""


def as_data(one: Telling, outline: Any, held: Any, papers: blocks.Papers) -> dict[str, Any]:
    """The record as RULES 4(c) names its parts, without the person. `outline` and `held` (class): their columns."""
    record, life = one.record, one.life
    tenths = blocks.credited_tenths(record.hours, record.rules)
    return {
        "record_id": str(record.id),
        "version": record.version,
        "supersedes": str(record.supersedes_id) if record.supersedes_id else None,
        "status": life.state.value,
        "status_reason": one.reason,
        "granted_at": life.granted_at.isoformat(timespec="milliseconds") if life.granted_at else None,
        "granted_by": None if life.granted_at is None else "platform" if life.granted_by is None else "person",
        "expires_on": life.expires_on.isoformat() if life.expires_on else None,
        "outcome": record.outcome,
        "reasons": list(record.reasons),
        "category": {
            "code": outline.code,
            "name": outline.name,
            "region": outline.region,
            "outline_version": outline.version,
        },
        "class": held
        and {
            "class_no": held.class_no,
            "filing_no": held.filing_no,
            "institution": held.institution,
        },
        "hours": {**record.hours, **{name: as_text(amount) for name, amount in tenths.items()}},
        "target": blocks.target_of(record),
        "employers": blocks.employers_of(record),
        "basis": blocks.basis_told(record, papers),
        **{block: record.facts.get(block) for block in BLOCKS},
        "rule_set_id": blocks.rule_set_of(record),
        "rules": record.rules,
        "judged_on": record.judged_on.isoformat(),
        "computed_at": record.computed_at.isoformat(timespec="milliseconds"),
        "witnessed": record.witnessed,
    }


def write_down(session: Session, desk: Desk, *, door: str, person_id: UUID | None, records: Sequence[UUID]) -> None:
    """Every question of a receiver is kept, also one that got no answer."""
    session.add(
        ExamQuery(
            receiver_id=desk.receiver.id, asked_at=desk.now, door=door, person_id=person_id, records=list(records)
        )
    )
    session.flush()
