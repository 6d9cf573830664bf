"""WHO: persons, their accounts, organisations, and what ties them together.

A person is one human being for life; an employer is a dated relation, not an owner, so hours survive a change
of employer. Personal data is sealed under a key of the person's own (`identity.py`): deleting that key erases it.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id
from elearn.people.identity import DocumentKind


class Role(StrEnum):
    """What somebody may do; `permissions.py` says where each reaches (DESIGN 5)."""

    LEARNER = "learner"
    ENTERPRISE_CLERK = "enterprise_clerk"
    SAFETY_MANAGER = "safety_manager"
    PRINCIPAL = "principal"
    INSTITUTION_CLERK = "institution_clerk"
    TEACHER = "teacher"
    INSTITUTION_MANAGER = "institution_manager"
    REGULATOR_OFFICER = "regulator_officer"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class OrganisationKind(StrEnum):
    ENTERPRISE = "enterprise"
    INSTITUTION = "institution"


class OrganisationLevel(StrEnum):
    """Where an enterprise's node stands in its tree, from the top; an institution has none.

    A group or an enterprise employs people (it is a legal entity); they are placed in its workshops and teams.
    """

    GROUP = "group"
    ENTERPRISE = "enterprise"
    WORKSHOP = "workshop"
    TEAM = "team"


EMPLOYERS = frozenset({OrganisationLevel.GROUP, OrganisationLevel.ENTERPRISE})


class EmploymentKind(StrEnum):
    """How a person belongs to an organisation."""

    EMPLOYEE = "employee"
    """By a contract of their own (正式)."""
    DISPATCHED = "dispatched"
    """Sent by a labour agency (劳务派遣)."""
    FLEXIBLE = "flexible"
    """Several employers at once are usual."""
    CONTRACTOR = "contractor"
    """Works there for a firm that took the work over (承包)."""
    INTERN = "intern"
    """Sent by a school (实习)."""
    APPRENTICE = "apprentice"
    """Learns the trade beside an experienced worker (学徒)."""
    TRAINEE = "trainee"
    """Learns at an institution without working there."""


def _word(kind: type[StrEnum]) -> sa.Enum:
    """A column that holds one word of `kind` as text."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        validate_strings=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


class Person(Base):
    """A human being. Everything that says who it is goes with `data_key`."""

    __tablename__ = "person"
    __table_args__ = (
        sa.Index(None, "name", "id"),
        sa.Index("ix_person_letters", sa.text("string_to_array(lower(name), NULL::text)"), postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    """Empty after erasure."""
    document_kind: Mapped[DocumentKind | None] = mapped_column(_word(DocumentKind))
    """None for staff who never gave a document; they cannot earn hours that export."""
    document_sealed: Mapped[bytes | None]
    document_index: Mapped[bytes | None] = mapped_column(unique=True)
    """Keyed blind index of kind and number: one person for one document."""
    born_on: Mapped[date | None]
    """As the document's number says it, where it does: age decides every night, and the number stays sealed."""
    data_key: Mapped[bytes | None]
    """The person's own key, wrapped under the sealing key. None: erased."""
    pseudonym: Mapped[str | None] = mapped_column(unique=True)
    """128 bits in base64url, made from the data key: the name that statements carry."""
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class OtherDocument(Base):
    """Another document of somebody: a merged duplicate had it. It finds the person like the first one.

    That none is also somebody's first one, a trigger holds.
    """

    __tablename__ = "other_document"

    document_index: Mapped[bytes] = mapped_column(primary_key=True)
    """As in `Person`."""
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), index=True)
    document_kind: Mapped[DocumentKind] = mapped_column(_word(DocumentKind))
    document_sealed: Mapped[bytes]
    """Under the key of the person who stayed."""
    noted_at: Mapped[datetime]


class Account(Base):
    """How a person signs in: by name or phone number, with a password."""

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), unique=True)
    name: Mapped[str | None] = mapped_column(unique=True)
    """Normalised (NFKC, case folded); None after erasure."""
    phone_sealed: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    """Argon2id in PHC form. None: only a one-time password opens it."""
    must_change: Mapped[bool] = mapped_column(default=False)
    """Signed in by a one-time password: may do nothing but choose a password."""
    session_epoch: Mapped[int] = mapped_column(default=0)
    """A session of an older epoch has ended: raising it signs out everywhere."""
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Organisation(Base):
    """An enterprise whose people must learn, a part of one, or an institution that teaches."""

    __tablename__ = "organisation"
    __table_args__ = (
        sa.CheckConstraint(
            "CASE WHEN kind = 'enterprise' THEN level IS NOT NULL"
            " AND level IN ('group', 'enterprise', 'workshop', 'team') ELSE level IS NULL END",
            name="level",
        ),
        sa.CheckConstraint(
            "CASE WHEN level IN ('workshop', 'team') THEN parent_id IS NOT NULL"
            " ELSE kind = 'enterprise' OR parent_id IS NULL END",
            name="parent",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[OrganisationKind] = mapped_column(_word(OrganisationKind))
    level: Mapped[OrganisationLevel | None] = mapped_column(_word(OrganisationLevel))
    parent_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.organisation.id"), index=True)
    name: Mapped[str]
    credit_code: Mapped[str | None] = mapped_column(unique=True)
    """Unified social credit code (GB 32100-2015); some early real ones fail its check digit."""
    region: Mapped[str | None]
    """GB/T 2260, six digits."""
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class OrganisationTree(Base):
    """Which nodes lie below which, each also below itself. A trigger keeps it by `parent_id`: read it only."""

    __tablename__ = "organisation_tree"
    __table_args__ = (sa.Index(None, "below_id", "depth"),)

    above_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"), primary_key=True)
    below_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"), primary_key=True)
    depth: Mapped[int] = mapped_column(sa.SmallInteger)
    """0: the node itself."""


class Membership(Base):
    """A person belonged to an organisation from one day to another, both included."""

    __tablename__ = "membership"
    __table_args__ = (
        sa.CheckConstraint("to_on IS NULL OR to_on >= from_on", name="ends_after_start"),
        ExcludeConstraint(
            (sa.column("person_id"), "="),
            (sa.column("organisation_id"), "="),
            (sa.text("daterange(from_on, to_on, '[]')"), "&&"),
            name="ex_membership_once_at_a_time",
            using="gist",
        ),
        sa.CheckConstraint("length(firm) <= 100", name="firm"),
        sa.Index("ix_membership_firm", "organisation_id", "firm", postgresql_where=sa.text("firm <> ''")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), index=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"), index=True)
    kind: Mapped[EmploymentKind] = mapped_column(_word(EmploymentKind))
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    """The last day; None while it goes on."""
    firm: Mapped[str] = mapped_column(default="", server_default="")
    """Who sent them: the contractor's firm, the agency that dispatched them; empty: nobody, or nobody has said."""
    created_at: Mapped[datetime]


class Placement(Base):
    """Where in the employer's tree a member stands and at what post, from one day to another: one at a time."""

    __tablename__ = "placement"
    __table_args__ = (
        sa.CheckConstraint("to_on IS NULL OR to_on >= from_on", name="ends_after_start"),
        ExcludeConstraint(
            (sa.column("membership_id"), "="),
            (sa.text("daterange(from_on, to_on, '[]')"), "&&"),
            name="ex_placement_once_at_a_time",
            using="gist",
        ),
        sa.Index(None, "unit_id", "to_on"),
        sa.Index("ix_placement_category", "category", "unit_id", postgresql_where=sa.text("category IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.membership.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    """The employer itself or a node below it: a trigger holds that."""
    post: Mapped[str]
    """As the employer calls it; empty: nobody has said."""
    category: Mapped[str | None]
    """An id of the requirements catalogue that says what the post must learn: `so_lv_electric`."""
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    """The last day; None while it goes on."""
    created_at: Mapped[datetime]


class Absence(Base):
    """A member was away from the post (离岗) from one day to another, both included."""

    __tablename__ = "absence"
    __table_args__ = (
        sa.CheckConstraint("to_on IS NULL OR to_on >= from_on", name="ends_after_start"),
        ExcludeConstraint(
            (sa.column("membership_id"), "="),
            (sa.text("daterange(from_on, to_on, '[]')"), "&&"),
            name="ex_absence_once_at_a_time",
            using="gist",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.membership.id"))
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    """None: still away."""
    created_at: Mapped[datetime]


class RoleGrant(Base):
    """An account holds a role, in an organisation or a region where the role asks for one."""

    __tablename__ = "role_grant"
    __table_args__ = (
        sa.Index(
            "uq_role_grant_live",
            "account_id",
            "role",
            "organisation_id",
            "region",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=sa.text("revoked_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.account.id"))
    role: Mapped[Role] = mapped_column(_word(Role))
    organisation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.organisation.id"), index=True)
    region: Mapped[str | None]
    """GB/T 2260; `530000` reaches all that begins with 53."""
    granted_at: Mapped[datetime]
    granted_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.account.id"))
    """None: from the command line."""
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.account.id"))


class BrowserSession(Base):
    """One sign-in on one browser. The cookie names it; ended here, a copied cookie is worth nothing."""

    __tablename__ = "browser_session"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.account.id"), index=True)
    epoch: Mapped[int]
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    idle_ms: Mapped[int]
    """Ends after so long without a request."""
    ended_at: Mapped[datetime | None]


class PasswordReset(Base):
    """A one-time password that somebody issued for an account. The row stays: it is the record of it."""

    __tablename__ = "password_reset"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.account.id"), index=True)
    issued_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.account.id"))
    """None: from the command line."""
    organisation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    """The organisation whose clerk issued it."""
    password_hash: Mapped[str]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    """A newer one took its place, or the password was changed."""


class SignInTry(Base):
    """Counts tries to sign in while Redis is away; a row is worth nothing once its window is over."""

    __tablename__ = "sign_in_try"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of what is counted, so that no name or address stands here."""
    window: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tries: Mapped[int]


class Device(Base):
    """A phone's keys, the signing one (ES256) enrolled at sign-in; it ties each report to a device (MODEL T10, T13)."""

    __tablename__ = "device"
    __table_args__ = (sa.UniqueConstraint("person_id", "thumbprint"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    thumbprint: Mapped[str] = mapped_column(index=True)
    """RFC 7638 over SHA-256, base64url. Two persons may share a phone."""
    jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """crv, kty, x, y and nothing else."""
    agreement_jwk: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The same of the key that downloads are sealed to, set once; None: this device downloads nothing."""
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Disclosure(Ledger, Base):
    """Personal data left this system: to whom, what, when (DESIGN 3.14). Added and read only."""

    __tablename__ = "disclosure"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), index=True)
    receiver: Mapped[str]
    what: Mapped[str]
    """Which data, in words: `document number`."""
    reason: Mapped[str]
    """Under which delivery or order."""
    disclosed_at: Mapped[datetime]


class Consent(Ledger, Base):
    """A person agreed that an organisation may see something of theirs, or took that back. The newest row holds.

    Separate from everything else that is agreed to (PIPL, articles 14, 15 and 23): refusing it costs nothing.
    """

    __tablename__ = "consent"
    __table_args__ = (
        sa.CheckConstraint("what IN ('hours_elsewhere')", name="what"),
        sa.CheckConstraint("by_id = person_id", name="by_oneself"),
        sa.Index(None, "person_id", "organisation_id", "at"),
        sa.Index(None, "organisation_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    what: Mapped[str]
    """`consents.What`."""
    given: Mapped[bool]
    """False: refused, or taken back."""
    wording: Mapped[str]
    """`sha256:` of the words that stood there."""
    at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    """Nobody consents for somebody else."""
