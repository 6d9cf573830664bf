"""What goes into a package for a receiver: which records, and what is said of each. The file itself is `package_files`.

Document numbers leave the house here. Each person's leaving is written down (`persons.reveal_documents`), the package
as an `ExamQuery` of the door `package`, and each record as sent in the receiver's deliveries.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import IO, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.credit_export import feed
from elearn.credit_export.exam_system import blocks, deliveries, package_files
from elearn.credit_export.exam_system.answers import Desk, mobiles_of, write_down
from elearn.credit_export.exam_system.deliveries import Happened, Way
from elearn.credit_export.exam_system.delivery import Event
from elearn.credit_export.exam_system.mapping import PERSONAL
from elearn.credit_export.exam_system.package_files import Facts, Made
from elearn.credit_export.exam_system.profiles import profile_of
from elearn.credit_export.hours import as_text
from elearn.credit_export.lifecycle import State
from elearn.credit_export.models import EligibilityRecord, EligibilityStep, ExamQuery
from elearn.db import new_id
from elearn.errors import NotFound
from elearn.people import persons
from elearn.people.identity import DocumentKind, gender_of
from elearn.people.models import Organisation, Person
from elearn.zone import LOCAL_ZONE

DOOR = "package"
AT_ONCE = 500
"""Records that are read, unsealed and written together."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which people a package is about; with neither bound, all of the receiver's outlines."""

    since: date | None = None
    """Whose record changed on this day (in China) or later."""
    class_id: UUID | None = None
    everyone: bool = False
    """Also those who were never admitted."""


# --- making -----------------------------------------------------------------------------------------------------------


def make(session: Session, desk: Desk, scope: Scope, into: IO[bytes], *, by: str) -> Made:
    """Write a package of the newest versions in `scope` into `into`; does not commit.

    `by` says who had it made. Only a commit makes the telling true: whoever calls commits before the file leaves.
    Raises NotFound: no such class of an outline of this receiver.
    """
    package_id = new_id()
    chosen = choose(session, desk.outlines, scope)
    facts = Facts(
        id=str(package_id),
        issuer=desk.issuer,
        receiver=desk.receiver.client_id,
        receiver_name=desk.receiver.name,
        made_at=desk.now,
        since=scope.since,
        class_no=_class_no(session, desk.outlines, scope.class_id),
    )
    rows = rows_of(session, chosen, desk, reason=f"{DOOR} {package_id}, {by}")
    made = package_files.write(
        into,
        profile_of(session, desk.receiver.id),
        facts,
        rows,
        desk.signer,
    )
    write_down(session, desk, door=DOOR, person_id=None, records=chosen)
    for some in _in_portions(chosen):
        sent = [Happened(record_id, Event.SEND, detail=facts.id) for record_id in some]
        deliveries.note(session, desk.receiver.id, sent, way=Way.PACKAGE, at=desk.now)
    return made


def choose(session: Session, outlines: frozenset[str], scope: Scope) -> list[UUID]:
    """The newest versions of whoever was ever admitted under these outlines (or of everyone), in the feed's order.

    Also what was suspended, revoked or changed since: a receiver that acted on it has to learn of it.
    """
    later = aliased(EligibilityRecord)
    other = aliased(EligibilityRecord)
    query = (
        sa.select(EligibilityRecord.id)
        .join(Outline, Outline.id == EligibilityRecord.outline_id)
        .where(Outline.code.in_(outlines))
        .where(~sa.exists().where(later.supersedes_id == EligibilityRecord.id))
        .order_by(EligibilityRecord.position)
    )
    if not scope.everyone:
        query = query.where(
            sa.exists().where(
                other.person_id == EligibilityRecord.person_id,
                other.outline_id == EligibilityRecord.outline_id,
                EligibilityStep.record_id == other.id,
                EligibilityStep.to_state == State.GRANTED.value,
            )
        )
    if scope.since is not None:
        begins = datetime.combine(scope.since, time(), LOCAL_ZONE)
        query = query.where(
            sa.exists().where(EligibilityStep.record_id == EligibilityRecord.id, EligibilityStep.at >= begins)
        )
    if scope.class_id is not None:
        query = query.where(
            sa.exists().where(
                Enrolment.person_id == EligibilityRecord.person_id,
                Enrolment.class_id == scope.class_id,
                TrainingClass.id == Enrolment.class_id,
                TrainingClass.outline_id == EligibilityRecord.outline_id,
            )
        )
    return list(session.scalars(query))


def class_named(session: Session, outlines: frozenset[str], wanted: str) -> UUID:
    """The class of that number (or id) under these outlines. Raises NotFound: none, or several."""
    query = (
        sa.select(TrainingClass.id)
        .join(Outline, Outline.id == TrainingClass.outline_id)
        .where(Outline.code.in_(outlines))
        .where(sa.or_(TrainingClass.class_no == wanted, sa.cast(TrainingClass.id, sa.Text) == wanted.lower()))
        .limit(2)
    )
    found = session.scalars(query).all()
    if len(found) > 1:
        raise NotFound("Several institutions have a class of this number: name it by its id.")
    if not found:
        raise NotFound("This exam system examines no class of this number.")
    return found[0]


def _class_no(session: Session, outlines: frozenset[str], class_id: UUID | None) -> str | None:
    if class_id is None:
        return None
    found = session.get_one(TrainingClass, class_named(session, outlines, str(class_id)))
    return found.class_no


# --- rows -------------------------------------------------------------------------------------------------------------


def rows_of(session: Session, record_ids: Sequence[UUID], desk: Desk, *, reason: str) -> Iterator[dict[str, Any]]:
    """What a package says of each record, in the order given, read in portions; the documents' leaving is recorded."""
    for start, some in enumerate(_in_portions(record_ids)):
        found = {
            one.id: one for one in session.scalars(sa.select(EligibilityRecord).where(EligibilityRecord.id.in_(some)))
        }
        people = persons.reveal_documents(
            session,
            {one.person_id for one in found.values()},
            desk.keys,
            receiver=desk.receiver.client_id,
            reason=reason,
            at=desk.now,
        )
        mobiles = mobiles_of(session, set(people), desk, reason=reason)
        papers = blocks.papers_of(
            session, found.values(), desk.keys, receiver=desk.receiver.client_id, reason=reason, at=desk.now
        )
        told = fields_of(session, list(found.values()))
        for number, record_id in enumerate(some, start=start * AT_ONCE + 1):
            record = found[record_id]
            who = who_it_is(people.get(record.person_id), mobiles.get(record.person_id))
            certificate = blocks.basis_told(record, papers).get("number")
            yield {"number": number, **told[record_id], **who, "certificate_number": certificate}


def fields_of(session: Session, records: Sequence[EligibilityRecord]) -> dict[UUID, dict[str, Any]]:
    """Record id -> its fields without the person's, in a fixed number of queries."""
    outlines = {
        one.id: one
        for one in session.scalars(sa.select(Outline).where(Outline.id.in_({one.outline_id for one in records})))
    }
    classes = {
        held.id: (held, institution)
        for held, institution in session.execute(
            sa.select(TrainingClass, Organisation.name)
            .join(Organisation, Organisation.id == TrainingClass.institution_id)
            .where(TrainingClass.id.in_({one.class_id for one in records if one.class_id}))
        )
    }
    lives = feed.lives(session, [one.id for one in records])
    told = {}
    for record in records:
        held, institution = classes.get(record.class_id, (None, None)) if record.class_id else (None, None)
        outline, hours = outlines[record.outline_id], record.hours
        target, basis = blocks.target_of(record), blocks.basis_told(record, {})
        tenths = blocks.credited_tenths(hours, record.rules)
        fields: dict[str, Any] = {
            "record_id": str(record.id),
            "version": record.version,
            "supersedes": str(record.supersedes_id) if record.supersedes_id else None,
            "status": lives[record.id].state.value if record.id in lives else record.status,
            "outcome": record.outcome,
            "reasons": list(record.reasons),
            "judged_on": record.judged_on.isoformat(),
            "rules": record.rules,
            "witnessed": record.witnessed,
            "category_code": outline.code,
            "category_name": outline.name,
            "category_region": outline.region,
            "outline_version": outline.version,
            **{name: target[name] for name in ("qualification", "trade", "item_code", "catalogue_version")},
            "item": target["item"] or outline.name,
            "training_type": target["training_type_code"],
            "rule_set_id": blocks.rule_set_of(record),
            "basis": basis["kind"],
            "certificate": basis.get("paper"),
            **_employment(blocks.employers_of(record)),
            "institution": institution,
            "class_no": held.class_no if held else None,
            "filing_no": held.filing_no if held else None,
            "class_from": held.starts_on.isoformat() if held else None,
            "class_to": held.ends_on.isoformat() if held and held.ends_on else None,
            "required_theory": hours["required_theory"],
            "required_practice": hours["required_practice"],
            "required_total": hours["required_theory"] + hours["required_practice"],
            **{name: as_text(amount) for name, amount in tenths.items()},
            "credited_total": as_text(sum(tenths.values())),
            **{f"{name}_ms": hours[f"{name}_ms"] for name in tenths},
        }
        told[record.id] = fields | {"check_code": check_code(fields)}
    return told


def _employment(employers: Sequence[Mapping[str, Any]] | None) -> dict[str, list[str]]:
    """Nothing of a version that kept none; of somebody without an employer the word for that."""
    if employers is None:
        return {}
    return {
        "employer": [str(one["name"]) for one in employers],
        "employer_code": [str(one["credit_code"] or "") for one in employers],
        "employment_type": [str(one["employment_type"]) for one in employers] or ["none"],
    }


STEADY = (
    "record_id", "version", "outcome", "reasons", "judged_on", "rules", "witnessed", "category_code",
    "outline_version", "required_theory", "required_practice", "online_theory_ms", "offline_theory_ms",
    "offline_practice_ms",
)  # fmt: skip
"""What never changes of one version. Nothing about the person: a code over a few unknown digits tells them."""


def check_code(fields: Mapping[str, Any]) -> str:
    """Eight characters by which people compare a row on paper with the same row elsewhere: 40 bits of SHA-256."""
    said = json.dumps([fields[name] for name in STEADY], ensure_ascii=False, separators=(",", ":"))
    code = base64.b32encode(hashlib.sha256(said.encode()).digest()[:5]).decode()
    return f"{code[:4]}-{code[4:]}"


def who_it_is(revealed: tuple[Person, DocumentKind, str] | None, mobile: str | None = None) -> dict[str, Any]:
    """The personal fields; empty when the person was erased."""
    if revealed is None:
        return dict.fromkeys(PERSONAL - {"certificate_number"})
    person, kind, number = revealed
    return {
        "mobile": mobile,
        "document_kind": kind.value,
        "document_number": number,
        "name": person.name,
        "gender": gender_of(kind, number),
    }


def made_packages(session: Session, receiver_id: UUID, *, limit: int = 20) -> list[tuple[datetime, int]]:
    """When packages were made for a receiver, and of how many records, newest first."""
    rows = session.execute(
        sa.select(ExamQuery.asked_at, sa.func.cardinality(ExamQuery.records))
        .where(ExamQuery.receiver_id == receiver_id, ExamQuery.door == DOOR)
        .order_by(ExamQuery.asked_at.desc())
        .limit(limit)
    )
    return [(at, int(count)) for at, count in rows]


def _in_portions(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
