"""What a receiver is told about a record, and the writing down of every telling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline, TrainingClass
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.hours import AQ8011_2023, as_text, shown_tenths
from elearn.credit_export.models import EligibilityRecord, ExamQuery, Receiver, ReceiverOutline
from elearn.people import persons
from elearn.people.identity import DocumentKind, Keys
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


def answer(session: Session, records: Sequence[EligibilityRecord], desk: Desk, *, door: str) -> list[dict[str, Any]]:
    """`[{"record", "jws"}]`, in the order given. Document numbers leave the house here, so that is written down.

    A fixed number of queries, however many records.
    """
    revealed = persons.reveal_documents(
        session,
        {record.person_id for record in records},
        desk.keys,
        receiver=desk.receiver.client_id,
        reason=door,
        at=desk.now,
    )
    outlines = {
        outline.id: outline
        for outline in session.scalars(sa.select(Outline).where(Outline.id.in_({r.outline_id for r in records})))
    }
    classes = {
        row.TrainingClass.id: row
        for row in session.execute(
            sa.select(TrainingClass, Organisation.name.label("institution"))
            .join(Organisation, Organisation.id == TrainingClass.institution_id)
            .where(TrainingClass.id.in_({r.class_id for r in records if r.class_id}))
        )
    }
    told = []
    for record in records:
        data = as_data(record, outlines[record.outline_id], classes.get(record.class_id))
        data["person"] = who_it_is(revealed.get(record.person_id))
        claims = {"iss": desk.issuer, "aud": desk.receiver.client_id, "iat": int(desk.now.timestamp())}
        told.append({"record": data, "jws": desk.signer.sign({**claims, "record": data})})
    return told


def who_it_is(revealed: tuple[Person, DocumentKind, str] | None) -> dict[str, Any]:
    """Who the record is about; nobody any more when the person was erased."""
    if revealed is None:
        return {"document_kind": None, "document_number": None, "name": None}
    person, kind, number = revealed
    return {"document_kind": kind.value, "document_number": number, "name": person.name}


def as_data(record: EligibilityRecord, outline: Outline, held: Any) -> dict[str, Any]:
    """The record as RULES 4(c) names its parts, without the person."""
    hours = dict(record.hours)
    hours["online_theory"] = as_text(shown_tenths(hours["online_theory_ms"], AQ8011_2023.online_hour_ms))
    hours["offline_theory"] = as_text(shown_tenths(hours["offline_theory_ms"], AQ8011_2023.offline_hour_ms))
    hours["offline_practice"] = as_text(shown_tenths(hours["offline_practice_ms"], AQ8011_2023.offline_hour_ms))
    return {
        "record_id": str(record.id),
        "version": record.version,
        "supersedes": str(record.supersedes_id) if record.supersedes_id else None,
        "status": record.status,
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
            "class_no": held.TrainingClass.class_no,
            "filing_no": held.TrainingClass.filing_no,
            "institution": held.institution,
        },
        "hours": hours,
        "rules": record.rules,
        "judged_on": record.judged_on.isoformat(),
        "computed_at": record.computed_at.isoformat(timespec="milliseconds"),
        # No witness cosigns on one machine by default, and a record never claims more than it has (DESIGN 2).
        "witnessed": False,
    }


def write_down(session: Session, desk: Desk, *, door: str, person_id: UUID | None, records: Sequence[UUID]) -> None:
    """Every question of a receiver is kept, also one that got no answer."""
    session.add(
        ExamQuery(
            receiver_id=desk.receiver.id, asked_at=desk.now, door=door, person_id=person_id, records=list(records)
        )
    )
    session.flush()
