"""An employer's register of its people's certificates: entered, reviewed, looked up, ended. Nothing here commits.

Each employer keeps its own: what a worker's other employer entered is not even confirmed to exist. Whether a paper is
what it says is looked up by hand where its issuer says so (cx.mem.gov.cn), and who looked when stays (RULES B18); no
program of ours asks that site.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Group
from elearn.courses.requirements.service import catalogue
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people import personal
from elearn.people.identity import Keys
from elearn.people.models import Membership, Organisation
from elearn.people.registry import local_day
from elearn.training.certificates.models import WorkerCertificate, WorkerCertificateCheck
from elearn.training.certificates.rules import CertificateKind, CheckState, Life, Paper, Regime, checked, life
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling

PURPOSE = "worker certificate"
"""What numbers are sealed for."""
MAX_NOTE = 500
GROUPS = {CertificateKind.OPERATION: Group.SPECIAL_OPERATION, CertificateKind.ASSESSMENT: Group.MANAGER}
"""Kinds whose life the dated rules say; of the others the paper does."""


def regimes(held: Catalogue, kind: CertificateKind, region: str | None) -> Callable[[date], Regime | None]:
    """What the rules of a day say of this kind there."""
    group = GROUPS.get(kind)

    def on(day: date) -> Regime | None:
        found = None if group is None else held.certificate(group, region, day)
        if found is None:
            return None
        review = found.row.review
        return Regime(found.row.validity_months, None if review is None else review.every_months)

    return on


def add(
    session: Session, organisation_id: UUID, person_id: UUID, paper: Paper, *, keys: Keys, by: UUID, at: datetime
) -> WorkerCertificate:
    """Enter a certificate of somebody who works for this employer, or did.

    Raises NotFound: they never worked there; Conflict `known`: the register has it; Malformed; Erased.
    """
    paper = checked(paper, today=local_day(at))
    belongs = sa.select(Membership.id).where(
        Membership.person_id == person_id, Membership.organisation_id == organisation_id
    )
    if session.scalar(belongs.limit(1)) is None:
        raise NotFound("This person does not belong to the organisation.")
    _lock(session, person_id)
    if known(session, organisation_id, person_id, paper, keys):
        raise Conflict("The register has this certificate already.", code="known")
    held = _life(session, organisation_id, paper)
    made = WorkerCertificate(
        person_id=person_id,
        organisation_id=organisation_id,
        kind=paper.kind,
        category=paper.category,
        title=paper.title,
        number_sealed=personal.seal(session, person_id, keys, PURPOSE, paper.number),
        issuer=paper.issuer,
        from_on=paper.from_on,
        to_on=paper.to_on,
        reviewed_on=paper.reviewed_on,
        holds_to=held.holds_to,
        ends_by=held.ends_by,
        scan_sha256=paper.scan_sha256,
        check_state=CheckState.UNCHECKED,
        ended_on=None,
        ended_why="",
        created_by=by,
        created_at=at,
    )
    session.add(made)
    session.flush()
    return made


def known(session: Session, organisation_id: UUID, person_id: UUID, paper: Paper, keys: Keys) -> bool:
    """Whether the register has this very certificate. A person's several of special operations share one number, and
    a renewed one keeps it: what it is for and its first day tell them apart. Raises Erased.
    """
    sealed = session.scalars(
        sa.select(WorkerCertificate.number_sealed).where(
            WorkerCertificate.person_id == person_id,
            WorkerCertificate.organisation_id == organisation_id,
            WorkerCertificate.kind == paper.kind,
            WorkerCertificate.title == paper.title,
            WorkerCertificate.from_on == paper.from_on,
            WorkerCertificate.ended_on.is_(None),
        )
    ).all()
    return paper.number in personal.open_sealed(session, person_id, keys, PURPOSE, *sealed)


def review(session: Session, certificate_id: UUID, reviewed_on: date, *, at: datetime) -> None:
    """A review (复审) was passed. Raises Malformed `reviewed_on`, Conflict `ended`, NotFound."""
    row = _open(session, certificate_id)
    if not row.from_on < reviewed_on <= local_day(at):
        raise Malformed("A review lies after the first day, and not after today.", code="reviewed_on")
    row.reviewed_on = max(reviewed_on, row.reviewed_on or reviewed_on)
    settle(session, row)


def settle(session: Session, row: WorkerCertificate) -> bool:
    """Until when it holds, by the rules as they are loaded now; whether that is another day than it was."""
    paper = Paper(row.kind, row.category, row.title, "", row.issuer, row.from_on, row.to_on, row.reviewed_on)
    found = _life(session, row.organisation_id, paper)
    changed = (row.holds_to, row.ends_by) != (found.holds_to, found.ends_by)
    row.holds_to, row.ends_by = found.holds_to, found.ends_by
    session.flush()
    return changed


def check(session: Session, certificate_id: UUID, *, agrees: bool, note: str, by: UUID, at: datetime) -> None:
    """Somebody looked it up with its issuer; when it differs, its holder is told.

    Raises Malformed `note`, Forbidden `own`, Conflict `ended`, NotFound.
    """
    row = _open(session, certificate_id)
    words = _words(note, needed=not agrees)
    if row.person_id == by:
        raise Forbidden("Nobody looks up their own certificate.", code="own")
    made = WorkerCertificateCheck(certificate_id=row.id, agrees=agrees, note=words, by_id=by, at=at)
    session.add(made)
    row.check_state = CheckState.AGREES if agrees else CheckState.DIFFERS
    session.flush()
    if not agrees:
        name = session.scalar(sa.select(Organisation.name).where(Organisation.id == row.organisation_id)) or ""
        facts = {"title": row.title, "organisation": name}
        said = Telling(row.person_id, Kind.CERTIFICATE_DIFFERS, str(made.id), facts, row.organisation_id)
        messages.tell(session, [said], at=at)


def end(session: Session, certificate_id: UUID, *, on: date, why: str, at: datetime) -> None:
    """From this day on it does not hold: withdrawn, given back, or entered by mistake.

    Raises Malformed `note`, `ended_on`: before its first day, or in the future; Conflict `ended`; NotFound.
    """
    row = _open(session, certificate_id)
    words = _words(why, needed=True)
    if not row.from_on <= on <= local_day(at):
        raise Malformed("It ends between its first day and today.", code="ended_on")
    row.ended_on, row.ended_why = on, words
    session.flush()


def _open(session: Session, certificate_id: UUID) -> WorkerCertificate:
    row = session.get(WorkerCertificate, certificate_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such certificate.")
    if row.ended_on is not None:
        raise Conflict("This certificate was ended already.", code="ended")
    return row


def _lock(session: Session, person_id: UUID) -> None:
    """Two who enter the same certificate at once wait for each other."""
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"certificates of {person_id}"))))


def _life(session: Session, organisation_id: UUID, paper: Paper) -> Life:
    region = session.scalar(sa.select(Organisation.region).where(Organisation.id == organisation_id))
    return life(paper.from_on, paper.to_on, paper.reviewed_on, regimes(catalogue(session), paper.kind, region))


def _words(note: str, *, needed: bool) -> str:
    words = note.strip()
    if len(words) > MAX_NOTE or (needed and not words) or "\0" in words:
        raise Malformed("Please give your reasons in 1 to 500 characters.", code="note")
    return words
