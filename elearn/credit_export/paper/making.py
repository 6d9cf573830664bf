"""Gathers what stands on a sheet: of one person, or of everybody in a class. Document numbers are masked.

What leaves on paper goes with its holder: nothing here tells a receiver anything, so nothing is a disclosure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.credit_export import feed, records
from elearn.credit_export.exam_system import blocks, packages
from elearn.credit_export.hours import as_text
from elearn.credit_export.lifecycle import State
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.paper import sheets, standing
from elearn.credit_export.paper.badges import Badge, Evidence
from elearn.credit_export.paper.models import TrainingProof
from elearn.credit_export.paper.standing import Shown
from elearn.errors import NotFound
from elearn.people import identity, persons
from elearn.people.identity import Keys
from elearn.people.models import Organisation, Person

LogProofs = Callable[[Session, UUID], Sequence[sheets.LogProof]]


@dataclass(frozen=True, slots=True)
class House:
    """What sheets need of the house."""

    keys: Keys
    issuer: str
    """Address of this platform: it signs, and its pages say how things stand."""
    log_proofs: LogProofs


def proof_address(issuer: str, code: str) -> str:
    return f"{issuer}/proof/{code}"


def proof_of(session: Session, person_id: UUID, outline_id: UUID, *, at: datetime) -> TrainingProof:
    """The proof of a person's newest version under an outline; does not commit. Raises NotFound: no record yet."""
    newest = records.newest_records(session, [person_id]).get((person_id, outline_id))
    if newest is None:
        raise NotFound("There is no record yet: hours appear a few seconds after a passed check.")
    return standing.make_proof(session, newest.id, at=at)


def proof_pdf(session: Session, shown: Shown, house: House, *, language: str, at: datetime) -> bytes:
    """The training proof of a version as PDF, with what the log says now."""
    return sheets.training_proof(gathered(session, shown, house, at=at), language)


def gathered(session: Session, shown: Shown, house: House, *, at: datetime) -> sheets.Proof:
    """What the sheet says; the hours are those of the version that the proof is about."""
    record = shown.record
    fields = packages.fields_of(session, [record])[record.id]
    facts = persons.person_facts(session, record.person_id, house.keys)
    return sheets.Proof(
        code=shown.proof.code,
        address=proof_address(house.issuer, shown.proof.code),
        issuer=house.issuer,
        made_at=at,
        name=facts.name,
        gender=identity.gender_of(facts.document_kind, facts.document_masked) if facts.document_kind else None,
        document_kind=facts.document_kind.value if facts.document_kind else None,
        document_masked=facts.document_masked,
        category=f"{fields['category_name']} · {fields['category_code']}",
        target=_target(fields),
        training_kind=blocks.target_of(record)["training_kind"],
        basis=fields["basis"],
        paper=fields["certificate"],
        employers=fields.get("employer") or [],
        class_no=fields["class_no"],
        filing_no=fields["filing_no"],
        institution=fields["institution"],
        class_from=_day(fields["class_from"]),
        class_to=_day(fields["class_to"]),
        record_id=str(record.id),
        version=record.version,
        check_code=fields["check_code"],
        hours=hours_of(record),
        outcome=record.outcome,
        reasons=record.reasons,
        state=State(fields["status"]),
        judged_on=record.judged_on,
        rules=record.rules,
        witnessed=record.witnessed,
        log=house.log_proofs(session, record.person_id),
    )


def class_list(session: Session, class_id: UUID, house: House, *, at: datetime) -> sheets.ClassList:
    """Everybody who is in the class now, by name, with the newest version of each."""
    asked = (
        sa.select(TrainingClass, Outline, Organisation)
        .join(Outline, Outline.id == TrainingClass.outline_id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .where(TrainingClass.id == class_id)
    )
    held, outline, institution = session.execute(asked).one()
    people = session.scalars(
        sa.select(Person)
        .join(Enrolment, Enrolment.person_id == Person.id)
        .where(Enrolment.class_id == class_id, Enrolment.withdrawn_at.is_(None))
        .order_by(Person.name, Person.id)
    ).all()
    newest = {
        person_id: record
        for (person_id, outline_id), record in records.newest_records(session, [one.id for one in people]).items()
        if outline_id == outline.id
    }
    fields = packages.fields_of(session, list(newest.values()))
    lives = feed.lives(session, [record.id for record in newest.values()])
    lines = []
    for person in people:
        facts = persons.person_facts(session, person.id, house.keys)  # the person is at hand: no query
        record = newest.get(person.id)
        lines.append(
            sheets.ListLine(
                name=facts.name,
                document_masked=facts.document_masked,
                hours=hours_of(record) if record else None,
                outcome=record.outcome if record else None,
                reasons=record.reasons if record else [],
                state=lives[record.id].state if record and record.id in lives else None,
                check_code=fields[record.id]["check_code"] if record else "",
            )
        )
    return sheets.ClassList(
        issuer=house.issuer,
        institution=institution.name,
        class_no=held.class_no,
        title=held.title,
        filing_no=held.filing_no,
        category=f"{outline.name} · {outline.code}",
        made_at=at,
        lines=lines,
    )


def hours_of(record: EligibilityRecord) -> sheets.Hours:
    names = ("online_theory", "offline_theory", "offline_practice")
    tenths = blocks.credited_tenths(record.hours, record.rules)
    online, theory, practice = (record.hours[f"{name}_ms"] for name in names)
    return sheets.Hours((online, theory, practice), (tenths[names[0]], tenths[names[1]], tenths[names[2]]))


def total_text(record: EligibilityRecord) -> str:
    """All credited 学时 of a version, as its sheet says it."""
    return as_text(sum(blocks.credited_tenths(record.hours, record.rules).values()))


def hours_data(record: EligibilityRecord) -> dict[str, str]:
    """The same for programs: 学时 as text."""
    tenths = blocks.credited_tenths(record.hours, record.rules)
    return {name: as_text(amount) for name, amount in tenths.items()} | {"total": total_text(record)}


def facts_of(session: Session, shown: Shown) -> dict[str, Any]:
    """What a package would say of the version that a proof is about, without the person."""
    return packages.fields_of(session, [shown.record])[shown.record.id]


LEARNED = sa.text("""
SELECT min(e.learned_at) AS began, max(e.learned_at) AS ended
FROM elearn.hours_entry e JOIN elearn.training_class k ON k.id = e.class_id
WHERE e.person_id = :person AND k.outline_id = :outline AND e.learned_at <= :until
""")


def badge_of(session: Session, shown: Shown, house: House, *, issuer_name: str) -> Badge:
    """What a badge says of the version that a proof is about."""
    record, outline = shown.record, shown.outline
    values = {"person": record.person_id, "outline": outline.id, "until": record.computed_at}
    learned = session.execute(LEARNED, values).one()
    log = house.log_proofs(session, record.person_id)
    _ = sheets.speaker("zh")
    tenths, basis = hours_of(record).tenths, blocks.basis_told(record, {})
    return Badge(
        issuer=house.issuer,
        issuer_name=issuer_name,
        code=shown.proof.code,
        subject=log[0].subject if log else persons.pseudonym(session, record.person_id),
        holder=shown.person.name,
        made_at=shown.proof.made_at,
        category_code=outline.code,
        category_name=outline.name,
        category_region=outline.region,
        outline_id=str(outline.id),
        outline_version=outline.version,
        hours=[(name, as_text(amount)) for name, amount in zip(sheets.kinds(_), tenths, strict=True)],
        total=total_text(record),
        outcome=f"{sheets.outcome_text(record.outcome, _)} ({sheets.basis_text(basis['kind'], basis.get('paper'), _)})",
        rules=record.rules,
        began_at=learned.began,
        ended_at=learned.ended,
        evidence=[
            Evidence(f"{house.issuer}/ledger/{one.log_name}/proof/{one.leaf_hash}", one.counts_as, one.total_ms)
            for one in log
        ],
        status_list=shown.proof.status_list,
        status_index=shown.proof.status_index,
    )


def _target(fields: dict[str, Any]) -> str | None:
    """资格类型 · 作业类别 · 操作项目, as the receiver's columns say them."""
    if fields["qualification"] is None:
        return None
    return f"{fields['qualification']} · {fields['trade']} · {fields['item']} ({fields['item_code']})"


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
