"""What learners arranged so that they can be asked in other ways than by questions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, new_id


class SecurityKey(Base):
    """A WebAuthn credential of a person: a phone's own lock, or a key to plug in. Holds no image, only a public key."""

    __tablename__ = "security_key"
    __table_args__ = (
        sa.CheckConstraint("sign_count >= 0", name="count_not_negative"),
        sa.Index("uq_security_key_live", "credential_id", unique=True, postgresql_where=sa.text("removed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.person.id"), index=True)
    credential_id: Mapped[bytes]
    attested: Mapped[bytes]
    """Attested credential data (Web Authentication Level 3, section 6.5.2): id and COSE public key."""
    sign_count: Mapped[int]
    """The authenticator's counter at its last use; 0 for the many that keep none."""
    name: Mapped[str]
    """What its owner calls it."""
    added_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class FaceEnrolment(Base):
    """A learner's consent to face checks, and the image they compare with, sealed. No route ever gives it out."""

    __tablename__ = "face_enrolment"
    __table_args__ = (
        sa.CheckConstraint("(withdrawn_at IS NULL) = (image_sealed IS NOT NULL)", name="withdrawn_has_no_image"),
        sa.Index("uq_face_enrolment_live", "person_id", unique=True, postgresql_where=sa.text("withdrawn_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.person.id"))
    image_sealed: Mapped[bytes | None]
    """A JPEG under the person's own key: erasing the person erases it. None once consent is withdrawn."""
    consent: Mapped[str]
    """`sha256:` of the words agreed to."""
    consented_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class FacePrint(Base):
    """The dHash of an image a learner sent, sealed. The image itself is not kept."""

    __tablename__ = "face_print"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.face_enrolment.id"), index=True)
    print_sealed: Mapped[bytes]
    sent_at: Mapped[datetime]
    """When the check it answered was put."""
