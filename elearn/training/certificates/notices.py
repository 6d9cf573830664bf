"""The public notice of an enterprise (企业信息公开, B17): who holds which certificate, and how to report.

The law asks enterprises to publish names, posts, issuers and validity of certificates, and how, by which telephone and
for which reward somebody reports. Names are masked (张*), no document number and no certificate number stands there.
Whoever has the link or the code on the wall reads it, until the enterprise closes it; opened again it has another link.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.db import Base, new_id
from elearn.errors import Malformed, NotFound
from elearn.people.dated import holds_on
from elearn.people.models import Membership, Organisation, OrganisationTree, Person, Placement
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.reading import holds
from elearn.training.certificates.rules import CertificateKind

MAX_FIELD = 200
PUBLISHED = (CertificateKind.OPERATION, CertificateKind.ASSESSMENT, CertificateKind.EQUIPMENT)
PAGE = 200
TOKEN_BYTES = 16


class PublicNotice(Base):
    """One link of an enterprise's notice, open from one moment to another; one at a time."""

    __tablename__ = "public_notice"
    __table_args__ = (
        sa.Index(
            "uq_public_notice_open", "organisation_id", unique=True, postgresql_where=sa.text("closed_at IS NULL")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    token: Mapped[str] = mapped_column(unique=True)
    """128 random bits in base64url: it stands on walls, so it is no secret of ours, only not to be guessed."""
    report_how: Mapped[str]
    """举报方式"""
    report_phone: Mapped[str]
    report_reward: Mapped[str]
    opened_by: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class HowToReport:
    how: str
    phone: str
    reward: str


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A certificate as strangers see it; the name is masked by who shows it."""

    name: str
    post: str
    title: str
    kind: CertificateKind
    issuer: str
    holds_to: date | None


def open_notice(session: Session, organisation_id: UUID) -> PublicNotice | None:
    """The enterprise's notice that is open."""
    return session.scalar(
        sa.select(PublicNotice).where(PublicNotice.organisation_id == organisation_id, PublicNotice.closed_at.is_(None))
    )


def publish(session: Session, organisation_id: UUID, report: HowToReport, *, by: UUID, at: datetime) -> PublicNotice:
    """Open the notice, or say anew how to report on the one that is open. Raises Malformed `report_phone`, `report`."""
    said = [" ".join(text.split()) for text in (report.how, report.phone, report.reward)]
    if any(len(text) > MAX_FIELD or not text.isprintable() for text in said):
        raise Malformed("Each field has at most 200 characters.", code="report")
    how, phone, reward = said
    if not phone:
        raise Malformed("A notice says by which telephone somebody reports.", code="report_phone")
    session.execute(sa.select(Organisation.id).where(Organisation.id == organisation_id).with_for_update())
    found = open_notice(session, organisation_id)
    if found is None:
        found = PublicNotice(
            organisation_id=organisation_id,
            token=secrets.token_urlsafe(TOKEN_BYTES),
            report_how=how,
            report_phone=phone,
            report_reward=reward,
            opened_by=by,
            opened_at=at,
            closed_at=None,
        )
        session.add(found)
    else:
        found.report_how, found.report_phone, found.report_reward = how, phone, reward
    session.flush()
    return found


def close(session: Session, organisation_id: UUID, *, at: datetime) -> None:
    """Its link leads nowhere from now on. Raises NotFound: none is open."""
    found = open_notice(session, organisation_id)
    if found is None:
        raise NotFound("There is no such notice.")
    found.closed_at = at
    session.flush()


def by_token(session: Session, token: str) -> tuple[PublicNotice, str] | None:
    """The open notice of a link, with its enterprise's name."""
    row = session.execute(
        sa.select(PublicNotice, Organisation.name)
        .join(Organisation, Organisation.id == PublicNotice.organisation_id)
        .where(PublicNotice.token == token, PublicNotice.closed_at.is_(None))
    ).first()
    return None if row is None else (row[0], row[1])


def lines(
    session: Session, organisation_id: UUID, *, on: date, page: int = 1, size: int = PAGE
) -> tuple[Sequence[NoticeLine], bool]:
    """Valid certificates of whoever stands at a post of the enterprise today, and whether there are more pages."""
    rows = session.execute(
        sa.select(
            Person.name, Placement.post, WorkerCertificate.title, WorkerCertificate.kind, WorkerCertificate.issuer,
            WorkerCertificate.holds_to,
        )
        .select_from(WorkerCertificate)
        .join(Person, Person.id == WorkerCertificate.person_id)
        .join(
            Membership,
            sa.and_(
                Membership.person_id == WorkerCertificate.person_id,
                Membership.organisation_id == WorkerCertificate.organisation_id,
            ),
        )
        .join(Placement, Placement.membership_id == Membership.id)
        .join(OrganisationTree, OrganisationTree.below_id == Placement.unit_id)
        .where(
            OrganisationTree.above_id == organisation_id,
            WorkerCertificate.organisation_id == organisation_id,
            WorkerCertificate.kind.in_(list(PUBLISHED)),
            holds(on),
            holds_on(Placement, on),
            holds_on(Membership, on),
        )
        .order_by(WorkerCertificate.kind, WorkerCertificate.title, Person.name, WorkerCertificate.id)
        .limit(size + 1)
        .offset((max(1, page) - 1) * size)
    ).all()  # fmt: skip
    return [NoticeLine(*row) for row in rows[:size]], len(rows) > size
