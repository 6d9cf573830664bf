"""Certificates of teachers, stated in two halves by people of two sides. Nothing here commits.

As with what is stated about learners: neither a school nor an operator makes a teacher valid, or takes that away,
alone, and nobody says it of himself. Nothing is edited: what no longer holds is ended, in two halves again.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.teachers.models import CertificateAnswer, TeacherCertificate, TeacherEntry, TeacherTerm
from elearn.courses.teachers.said import Paper, checked, in_words
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import personal
from elearn.people.callers import Caller
from elearn.people.identity import Keys
from elearn.people.models import Organisation, Role
from elearn.people.permissions import voices_in
from elearn.people.sides import No, Voice, refusal, why_not_second

PURPOSE = "teacher certificate"
"""What numbers are sealed for."""


def voices(session: Session, caller: Caller, teacher_id: UUID) -> list[Voice]:
    """In whose names the caller may speak of a teacher: of institutions that the teacher ever taught for. One query."""
    found = session.execute(
        sa.select(Organisation.id, Organisation.region)
        .join(TeacherTerm, TeacherTerm.institution_id == Organisation.id)
        .where(TeacherTerm.teacher_id == teacher_id)
        .distinct()
    ).all()
    return voices_in(caller, [(row.id, row.region) for row in found], Role.INSTITUTION_MANAGER)


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

    Raises NotFound; Malformed `note`; Forbidden of `why_not_second`; Conflict `certificate_moved`: it has its answer.
    """
    found = _known(session, certificate_id)
    entry = session.get_one(TeacherEntry, found.teacher_id)
    own = voices(session, caller, entry.id)
    if not own:
        raise NotFound("There is no such teacher.")
    first = Voice(found.by_id, found.side)
    refused = [why_not_second(entry.person_id, first, one) for one in own]
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
    number = _opened(session, person_id, sealed, keys)
    return number if len(number) <= 4 else "•" * (len(number) - 4) + number[-4:]


def same_number(session: Session, person_id: UUID, sealed: bytes, number: str, keys: Keys) -> bool:
    """Whether this is the number that was sealed. Raises Erased."""
    return _opened(session, person_id, sealed, keys) == number


def _opened(session: Session, person_id: UUID, sealed: bytes, keys: Keys) -> str:
    return personal.open_sealed(session, person_id, keys, PURPOSE, sealed)[0]


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
