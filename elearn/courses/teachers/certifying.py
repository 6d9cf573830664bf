"""Certificates of teachers, stated in two halves by people of two sides. Nothing here commits.

As with what is stated about learners: neither a school nor an operator makes a teacher valid, or takes that away,
alone, and nobody says it of himself. Nothing is edited: what no longer holds is ended, in two halves again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.teachers.models import CertificateAnswer, TeacherCertificate, TeacherEntry, TeacherTerm
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.people import personal
from elearn.people.callers import Caller
from elearn.people.identity import Keys
from elearn.people.models import Organisation, Role
from elearn.people.permissions import may_see_region, scope_of
from elearn.people.sides import Side

MAX_NOTE = 2_000
MAX_PAPER = 100
MOST_COVERED = 100
PURPOSE = "teacher certificate"
"""What numbers are sealed for."""


class No(StrEnum):
    """Why somebody may not confirm."""

    OWN = "own"
    SAME_PERSON = "same_person"
    SAME_SIDE = "same_side"


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who acts, and in whose name."""

    person: UUID
    side: Side


@dataclass(frozen=True, slots=True)
class Paper:
    """What stands on a certificate."""

    kind: str
    number: str
    issued_by: str
    from_on: date
    to_on: date | None
    categories: Sequence[str] = ()
    works: Sequence[str] = ()


def why_not_confirm(about: UUID, first: Voice, second: Voice) -> No | None:
    """Pure: why this voice may not confirm what that one stated about a person; None: it may."""
    if second.person == about:
        return No.OWN
    if second.person == first.person:
        return No.SAME_PERSON
    return No.SAME_SIDE if second.side is first.side else None


def refusal(no: No) -> DomainError:
    made: dict[No, Callable[[], DomainError]] = {
        No.OWN: lambda: Forbidden("Nobody states anything about themselves here.", code=no.value),
        No.SAME_PERSON: lambda: Forbidden("Somebody else has to confirm what you stated.", code=no.value),
        No.SAME_SIDE: lambda: Forbidden(
            "The second person has to be of another side: institution, regulator or operator.", code=no.value
        ),
    }
    return made[no]()


def voices(session: Session, caller: Caller, teacher_id: UUID) -> list[Voice]:
    """In whose names the caller may speak of a teacher: of institutions that the teacher ever taught for. One query."""
    found = session.execute(
        sa.select(Organisation.id, Organisation.region)
        .join(TeacherTerm, TeacherTerm.institution_id == Organisation.id)
        .where(TeacherTerm.teacher_id == teacher_id)
        .distinct()
    ).all()
    sides = []
    if {row.id for row in found} & scope_of(caller, Role.INSTITUTION_MANAGER):
        sides.append(Side.INSTITUTION)
    if any(may_see_region(caller, row.region) for row in found):
        sides.append(Side.REGULATOR)
    if Role.OPERATOR in caller.roles:
        sides.append(Side.OPERATOR)
    return [Voice(caller.person_id, side) for side in sides]


def state(
    session: Session, teacher_id: UUID, paper: Paper, *, note: str = "", caller: Caller, keys: Keys, at: datetime
) -> TeacherCertificate:
    """The first half. Raises NotFound: the caller has no say; Forbidden `own`; Malformed `paper`, `number`, `issuer`,
    `dates`, `covers`, `note`; Erased.
    """
    entry, voice = _first(session, teacher_id, caller)
    words = in_words(note, needed=False)
    paper = checked(paper)
    made = TeacherCertificate(
        teacher_id=entry.id,
        kind=paper.kind,
        number_sealed=personal.seal(session, entry.person_id, keys, PURPOSE, paper.number),
        issued_by=paper.issued_by,
        from_on=paper.from_on,
        to_on=paper.to_on,
        categories=list(paper.categories),
        works=list(paper.works),
        note=words,
        by_id=voice.person,
        side=voice.side,
        at=at,
    )
    session.add(made)
    session.flush()
    return made


def end(
    session: Session, certificate_id: UUID, *, from_on: date, note: str, caller: Caller, at: datetime
) -> TeacherCertificate:
    """The first half of an end: from that day on the certificate no longer holds.

    Raises as `state`; Conflict `certificate_moved`: it never held, or its end was stated already.
    """
    ended = _known(session, certificate_id)
    _entry, voice = _first(session, ended.teacher_id, caller)
    words = in_words(note, needed=True)
    if from_on < ended.from_on:
        raise Malformed("It cannot end before it begins.", code="dates")
    _lock(session, ended.teacher_id)
    answer_ = session.get(CertificateAnswer, ended.id)
    later = (
        sa.select(TeacherCertificate.id)
        .outerjoin(CertificateAnswer, CertificateAnswer.certificate_id == TeacherCertificate.id)
        .where(TeacherCertificate.ends_id == ended.id, CertificateAnswer.confirmed.is_not(False))
    )
    if ended.ends_id is not None or answer_ is None or not answer_.confirmed or session.scalar(later.limit(1)):
        raise Conflict("This has changed in the meantime. Look at it again.", code="certificate_moved")
    made = TeacherCertificate(
        teacher_id=ended.teacher_id,
        from_on=from_on,
        categories=[],
        works=[],
        ends_id=ended.id,
        note=words,
        by_id=voice.person,
        side=voice.side,
        at=at,
    )
    session.add(made)
    session.flush()
    return made


def answer(
    session: Session, certificate_id: UUID, *, confirm: bool, note: str, caller: Caller, at: datetime
) -> CertificateAnswer:
    """The second half: confirm, or object (whoever stated it takes it back so).

    Raises NotFound; Malformed `note`; Forbidden of `why_not_confirm`; Conflict `certificate_moved`: it has its answer.
    """
    found = _known(session, certificate_id)
    entry = session.get_one(TeacherEntry, found.teacher_id)
    own = voices(session, caller, entry.id)
    if not own:
        raise NotFound("There is no such teacher.")
    first = Voice(found.by_id, found.side)
    refused = [why_not_confirm(entry.person_id, first, one) for one in own]
    takes_back = not confirm and caller.person_id == found.by_id
    if None not in refused and not takes_back:
        raise refusal(next(no for no in refused if no is not None))
    voice = first if takes_back else own[refused.index(None)]
    words = in_words(note, needed=not confirm)
    _lock(session, found.teacher_id)
    if session.get(CertificateAnswer, found.id) is not None:
        raise Conflict("This has changed in the meantime. Look at it again.", code="certificate_moved")
    made = CertificateAnswer(
        certificate_id=found.id, confirmed=confirm, by_id=voice.person, side=voice.side, note=words, at=at
    )
    session.add(made)
    session.flush()
    return made


def number_of(session: Session, person_id: UUID, sealed: bytes, keys: Keys) -> str:
    """The number of a certificate, all but its end masked. Raises Erased."""
    number = personal.open_sealed(session, person_id, keys, PURPOSE, sealed)[0]
    return number if len(number) <= 4 else "•" * (len(number) - 4) + number[-4:]


def checked(paper: Paper) -> Paper:
    """A certificate that can be one. Raises Malformed."""
    kind, issuer = " ".join(paper.kind.split()), " ".join(paper.issued_by.split())
    number = "".join(paper.number.split())
    if not 1 <= len(kind) <= MAX_PAPER or not kind.isprintable():
        raise Malformed("Please say what certificate it is, in 1 to 100 characters.", code="paper")
    if not 4 <= len(number) <= MAX_PAPER or not number.isprintable():
        raise Malformed("The number of a certificate has 4 to 100 characters.", code="number")
    if not 1 <= len(issuer) <= MAX_PAPER or not issuer.isprintable():
        raise Malformed("Please say who issued it, in 1 to 100 characters.", code="issuer")
    if paper.to_on is not None and paper.to_on < paper.from_on:
        raise Malformed("The last day is before the first.", code="dates")
    if not 1 <= len(paper.categories) + len(paper.works) <= MOST_COVERED:
        raise Malformed("Choose what the certificate is for.", code="covers")
    return Paper(kind, number, issuer, paper.from_on, paper.to_on, paper.categories, paper.works)


def in_words(note: str, *, needed: bool) -> str:
    """What somebody says beside an act. Raises Malformed `note`."""
    words = note.strip()
    if len(words) > MAX_NOTE or (needed and not words) or "\0" in words:  # PostgreSQL keeps no NUL
        raise Malformed("Please give your reasons in 1 to 2000 characters.", code="note")
    return words


def _first(session: Session, teacher_id: UUID, caller: Caller) -> tuple[TeacherEntry, Voice]:
    entry = session.get(TeacherEntry, teacher_id)
    own = voices(session, caller, teacher_id) if entry else []
    if entry is None or not own:
        raise NotFound("There is no such teacher.")
    if entry.person_id == caller.person_id:
        raise refusal(No.OWN)
    return entry, own[0]


def _known(session: Session, certificate_id: UUID) -> TeacherCertificate:
    found = session.get(TeacherCertificate, certificate_id)
    if found is None:
        raise NotFound("There is no such certificate.")
    return found


def _lock(session: Session, teacher_id: UUID) -> None:
    name = f"elearn teacher {teacher_id}"
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
