"""Tables of the register of certificates: each employer keeps its own of the people who work for it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, Word, new_id, one_of
from elearn.training.certificates.rules import CertificateKind, CheckState, EndsBy

PERSON = "elearn.person.id"
ORGANISATION = "elearn.organisation.id"


class WorkerCertificate(Base):
    """A person's certificate in an employer's register.

    It holds on a day when `from_on <= day <= holds_to` (None: no end), `ended_on` is None or after it, and
    `check_state` is not `differs`.
    """

    __tablename__ = "worker_certificate"
    __table_args__ = (
        one_of("kind", CertificateKind, "kind"),
        one_of("check_state", CheckState, "check_state"),
        one_of("ends_by", EndsBy, "ends_by"),
        sa.CheckConstraint("to_on >= from_on", name="dates"),
        sa.CheckConstraint("(holds_to IS NULL) = (ends_by IS NULL)", name="why_it_ends"),
        sa.CheckConstraint("(ended_on IS NULL) = (ended_why = '')", name="ends_with_words"),
        sa.CheckConstraint("scan_sha256 ~ '^[0-9a-f]{64}$'", name="scan"),
        sa.Index(None, "person_id"),
        sa.Index(None, "organisation_id", "holds_to"),
        sa.Index(
            "ix_worker_certificate_listed", "organisation_id", sa.text("coalesce(holds_to, 'infinity'::date)"), "id"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ORGANISATION))
    """The employer whose register it is."""
    kind: Mapped[CertificateKind] = mapped_column(Word(CertificateKind))
    category: Mapped[str | None]
    """An id of the requirements catalogue, as posts name it; None: it is for none of them."""
    title: Mapped[str]
    """What it is for, as it says: `低压电工作业`."""
    number_sealed: Mapped[bytes]
    """Under the person's own key: of special operations it holds the document's number."""
    issuer: Mapped[str]
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    """The last day as the paper says it."""
    reviewed_on: Mapped[date | None]
    """The newest review (复审) that is recorded."""
    holds_to: Mapped[date | None]
    """The last day by the rules of each day; a job computes it again when rules are loaded."""
    ends_by: Mapped[EndsBy | None] = mapped_column(Word(EndsBy))
    scan_sha256: Mapped[str | None]
    """Of the scan that the employer keeps; no picture is kept here."""
    check_state: Mapped[CheckState] = mapped_column(Word(CheckState), default=CheckState.UNCHECKED)
    """What the newest check says."""
    ended_on: Mapped[date | None]
    """The first day on which it no longer held: withdrawn, given back, entered by mistake."""
    ended_why: Mapped[str] = mapped_column(default="")
    created_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    created_at: Mapped[datetime]


class WorkerCertificateCheck(Ledger, Base):
    """Somebody looked a certificate up with who issued it (证件真伪核对), and what came of it."""

    __tablename__ = "worker_certificate_check"
    __table_args__ = (
        sa.CheckConstraint("agrees OR length(btrim(note)) > 0", name="differs_with_words"),
        sa.Index(None, "certificate_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    certificate_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.worker_certificate.id"))
    agrees: Mapped[bool]
    note: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    at: Mapped[datetime]
