"""Proofs that were made, each under a random code, and how their record stands now.

A proof is about one version of a record. Its page never says more than is true now: when a newer version took its
place, or the admission was suspended or revoked, it says that, and what the newest version says.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline, TrainingClass
from elearn.credit_export import feed
from elearn.credit_export.lifecycle import Life, State
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.paper.badges import LIST_BITS
from elearn.credit_export.paper.models import TrainingProof
from elearn.people.models import Organisation, Person

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 letters and digits that nobody mixes up when reading aloud."""
CODE = re.compile(f"[{ALPHABET}]{{26}}")


class Now(StrEnum):
    """What is true of a proof when somebody looks."""

    VALID = "valid"
    SUPERSEDED = "superseded"
    """A newer version says what is true; it is shown too."""
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Shown:
    """A proof, the version it is about, and the newest one."""

    proof: TrainingProof
    record: EligibilityRecord
    newest: EligibilityRecord
    life: Life
    """Of the newest version."""
    person: Person
    outline: Outline
    held: TrainingClass | None
    institution: Organisation | None

    @property
    def now(self) -> Now:
        ended = {State.REVOKED: Now.REVOKED, State.SUSPENDED: Now.SUSPENDED}.get(self.life.state)
        if ended is not None:
            return ended
        return Now.VALID if self.newest.id == self.record.id else Now.SUPERSEDED

    @property
    def erased(self) -> bool:
        return self.person.erased_at is not None

    @property
    def admitted(self) -> bool:
        """Whether the newest version lets its holder sit the exam."""
        return self.life.state is State.GRANTED


def make_proof(session: Session, record_id: UUID, *, at: datetime) -> TrainingProof:
    """The proof of a version, made when there is none yet; does not commit."""
    # Two at once would both look and both write; one lock, because bits of a list are drawn from one set.
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('elearn training proof'))"))
    found = session.scalar(sa.select(TrainingProof).where(TrainingProof.record_id == record_id))
    if found is not None:
        return found
    number = last_list(session)
    # A list is left half empty, so a random free bit is found at once.
    if (session.scalar(_in_list(number)) or 0) >= LIST_BITS // 2:
        number += 1
    index = secrets.randbelow(LIST_BITS)
    while session.scalar(_in_list(number).where(TrainingProof.status_index == index)):
        index = secrets.randbelow(LIST_BITS)
    proof = TrainingProof(
        code="".join(secrets.choice(ALPHABET) for _ in range(26)),
        record_id=record_id,
        status_list=number,
        status_index=index,
        made_at=at,
    )
    session.add(proof)
    session.flush()
    return proof


def last_list(session: Session) -> int:
    """The status list that new proofs go into, or the last full one; 0 is the first."""
    return session.scalar(sa.select(sa.func.max(TrainingProof.status_list))) or 0


def _in_list(number: int) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(TrainingProof).where(TrainingProof.status_list == number)


def look_up(session: Session, code: str) -> Shown | None:
    """The proof under `code` and how it stands; None when there is none. Two queries."""
    if not CODE.fullmatch(code):
        return None
    row = session.execute(
        sa.select(TrainingProof, EligibilityRecord, Person, Outline)
        .join(EligibilityRecord, EligibilityRecord.id == TrainingProof.record_id)
        .join(Person, Person.id == EligibilityRecord.person_id)
        .join(Outline, Outline.id == EligibilityRecord.outline_id)
        .where(TrainingProof.code == code)
    ).one_or_none()
    if row is None:
        return None
    record = row.EligibilityRecord
    newest, held, institution = session.execute(
        sa.select(EligibilityRecord, TrainingClass, Organisation)
        .outerjoin(TrainingClass, TrainingClass.id == EligibilityRecord.class_id)
        .outerjoin(Organisation, Organisation.id == TrainingClass.institution_id)
        .where(EligibilityRecord.person_id == record.person_id, EligibilityRecord.outline_id == record.outline_id)
        .order_by(EligibilityRecord.version.desc())
        .limit(1)
    ).one()
    life = feed.lives(session, [newest.id]).get(newest.id) or Life(State(newest.status))
    return Shown(row.TrainingProof, record, newest, life, row.Person, row.Outline, held, institution)


ENDED = sa.text("""
SELECT p.status_index
FROM elearn.training_proof p
JOIN elearn.eligibility_record r ON r.id = p.record_id
LEFT JOIN LATERAL (
    SELECT s.to_state FROM elearn.eligibility_step s WHERE s.record_id = r.id ORDER BY s.number DESC LIMIT 1
) stands ON true
LEFT JOIN LATERAL (
    SELECT s.to_state FROM elearn.eligibility_record n JOIN elearn.eligibility_step s ON s.record_id = n.id
    WHERE n.person_id = r.person_id AND n.outline_id = r.outline_id
    ORDER BY n.version DESC, s.number DESC LIMIT 1
) newest ON true
JOIN elearn.person h ON h.id = r.person_id
WHERE p.status_list = :number
  AND (coalesce(stands.to_state, r.status) = 'superseded' OR newest.to_state IN ('suspended', 'revoked')
       OR h.erased_at IS NOT NULL)
""")


def ended_bits(session: Session, number: int) -> list[int] | None:
    """The bits of a status list whose proof is not valid now; None when there is no such list."""
    if not 0 <= number <= last_list(session):
        return None
    return list(session.scalars(ENDED, {"number": number}))


def masked_name(name: str) -> str:
    """What strangers may see: the family name of a Chinese name, else the first letter."""
    return name[:1] + "*" * min(3, max(1, len(name) - 1)) if name else ""
