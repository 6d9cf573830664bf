"""Tables of who must learn what by when: programmes, standing rules, assignments, signatures of levels.

An assignment is one person's duty of one membership: it never moves to another employer, and what happened is kept.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, Word, new_id, one_of
from elearn.training.words import Cycle as Cycle
from elearn.training.words import Occasion as Occasion
from elearn.training.words import Purpose as Purpose
from elearn.training.words import RunState as RunState
from elearn.training.words import Side as Side
from elearn.training.words import State as State

PERSON = "elearn.person.id"
ORGANISATION = "elearn.organisation.id"
PROGRAMME = "elearn.training_programme.id"
ASSIGNMENT = "elearn.assignment.id"
UNFINISHED = sa.text("state IN ('waiting', 'open')")


class Programme(Base):
    """What an enterprise trains its people in. Its class is never filed, so its hours never reach an exam system."""

    __tablename__ = "training_programme"
    __table_args__ = (
        one_of("purpose", Purpose, "purpose"),
        sa.CheckConstraint("required_ms >= 0", name="required_ms"),
        sa.CheckConstraint("due_days BETWEEN 0 AND 3650", name="due_days"),
        sa.Index(None, "organisation_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ORGANISATION))
    """The node that owns it: whoever stands there or below may be assigned."""
    title: Mapped[str]
    purpose: Mapped[Purpose] = mapped_column(Word(Purpose))
    class_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.training_class.id"), unique=True)
    required_ms: Mapped[int]
    """Credited time asked; 0: the tests alone, or the signatures."""
    due_days: Mapped[int]
    """From the day of assignment; a rule may say other."""
    closed_at: Mapped[datetime | None]
    created_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    created_at: Mapped[datetime]


class AssignRule(Base):
    """A standing rule: who learns which programmes, in order, on what occasion. Never changed; closed and made anew."""

    __tablename__ = "assign_rule"
    __table_args__ = (
        one_of("occasion", Occasion, "occasion"),
        one_of("cycle", Cycle, "cycle"),
        sa.CheckConstraint("(occasion = 'yearly') = (cycle IS NOT NULL)", name="cycle_of_its_occasion"),
        sa.CheckConstraint("occasion <> 'by_hand'", name="by_rule"),
        sa.CheckConstraint("cardinality(programme_ids) BETWEEN 1 AND 10", name="programmes"),
        sa.CheckConstraint("due_days BETWEEN 0 AND 3650", name="due_days"),
        sa.CheckConstraint("char_length(levels_reason) BETWEEN 1 AND 300", name="levels_reason"),
        sa.Index(None, "organisation_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ORGANISATION))
    """Whoever stands in this node or below it."""
    title: Mapped[str]
    occasion: Mapped[Occasion] = mapped_column(Word(Occasion))
    programme_ids: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid()))
    """In order: a later one opens when the earlier is done."""
    categories: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    """Of placements; empty: any."""
    posts: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    """Names of posts; empty: any."""
    kinds: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    """Words of `EmploymentKind`; empty: any."""
    due_days: Mapped[int | None]
    """From the occasion; None: what each programme says."""
    bars_post: Mapped[bool]
    """Not done in time, or by somebody new: away from the post until it is (先培训后上岗, 先离岗再培训)."""
    cycle: Mapped[Cycle | None] = mapped_column(Word(Cycle))
    from_on: Mapped[date]
    """Occasions of before this day are no matter of the rule; of a campaign: its day."""
    levels_reason: Mapped[str | None]
    """Why who is hired has one or two of the three levels here, in words of whoever made the rule."""
    closed_at: Mapped[datetime | None]
    created_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    created_at: Mapped[datetime]


class LawNote(Ledger, Base):
    """Whoever made a rule or a programme was told that it gives less than the law asks of a category, and made it."""

    __tablename__ = "law_note"
    __table_args__ = (
        sa.CheckConstraint("num_nonnulls(rule_id, programme_id) = 1", name="of_one"),
        sa.CheckConstraint("given_micro >= 0 AND given_micro < asked_hours * 1000000::bigint", name="short"),
        sa.CheckConstraint("training IN ('initial', 'yearly')", name="training"),
        sa.Index(None, "rule_id", postgresql_where=sa.text("rule_id IS NOT NULL")),
        sa.Index(None, "programme_id", postgresql_where=sa.text("programme_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rule_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.assign_rule.id"))
    programme_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PROGRAMME))
    training: Mapped[str]
    """`initial`: before the post; `yearly`."""
    category: Mapped[str]
    asked_hours: Mapped[int]
    """学时 that the law asks."""
    given_micro: Mapped[int] = mapped_column(sa.BigInteger)
    """Millionths of a 学时 that it gave."""
    clause: Mapped[str]
    rule_version: Mapped[str]
    """The row of the requirements that was used."""
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    at: Mapped[datetime]


class Assignment(Base):
    """One person must learn one programme. Overdue: its day has passed and it is waiting or open."""

    __tablename__ = "assignment"
    __table_args__ = (
        sa.UniqueConstraint("membership_id", "programme_id", "cause"),
        one_of("occasion", Occasion, "occasion"),
        one_of("state", State, "state"),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done_at"),
        sa.CheckConstraint("(state = 'waiting') <= (after_id IS NOT NULL)", name="waits_for_something"),
        sa.CheckConstraint("required_ms >= 0 AND credited_ms >= 0", name="ms"),
        sa.CheckConstraint("after_id <> id", name="after_another"),
        sa.Index(None, "person_id", "programme_id"),
        sa.Index(None, "organisation_id", "state", "due_on", "id"),
        sa.Index("ix_assignment_unfinished", "organisation_id", "due_on", "id", postgresql_where=UNFINISHED),
        sa.Index("ix_assignment_of_member_unfinished", "membership_id", postgresql_where=UNFINISHED),
        sa.Index(
            "ix_assignment_of_programme_unfinished",
            "programme_id",
            "organisation_id",
            "due_on",
            "id",
            postgresql_where=UNFINISHED,
        ),
        sa.Index(
            "ix_assignment_to_sign",
            "organisation_id",
            "due_on",
            "id",
            postgresql_where=sa.text("state = 'open' AND tests_passed AND credited_ms >= required_ms"),
        ),
        sa.Index(None, "programme_id", "organisation_id", "state", "due_on", "id"),
        sa.Index(None, "after_id", postgresql_where=sa.text("after_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    programme_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PROGRAMME))
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ORGANISATION))
    """The employer: the organisation of the membership."""
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.membership.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    rule_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.assign_rule.id"))
    occasion: Mapped[Occasion] = mapped_column(Word(Occasion))
    cause: Mapped[str]
    """The very occasion: `hire:2026-11-23`. Unique with membership and programme: running twice assigns once."""
    position: Mapped[int] = mapped_column(sa.SmallInteger)
    """1, 2, 3 in its chain."""
    after_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(ASSIGNMENT))
    state: Mapped[State] = mapped_column(Word(State))
    assigned_on: Mapped[date]
    due_on: Mapped[date]
    bars_post: Mapped[bool]
    required_ms: Mapped[int]
    credited_ms: Mapped[int] = mapped_column(default=0)
    """Of the hours ledger, in the programme's class, since `counts_from`; each lesson at most its length."""
    counts_from: Mapped[datetime | None]
    """None: all that was learned in the class. Otherwise what was learned earlier served an earlier assignment."""
    tests_passed: Mapped[bool] = mapped_column(default=False)
    """All tests of its courses; so also where there is none."""
    round: Mapped[int] = mapped_column(sa.SmallInteger, default=1)
    """Raised when credit was taken back from what was done: what was signed before no longer holds."""
    done_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class LevelSignoff(Ledger, Base):
    """Somebody signed that a level of the three-level education was given: the learner, and the level's signer."""

    __tablename__ = "level_signoff"
    __table_args__ = (
        sa.UniqueConstraint("assignment_id", "round", "side"),
        sa.UniqueConstraint("assignment_id", "round", "by_id", name="uq_level_signoff_two_people"),
        one_of("side", Side, "side"),
        sa.CheckConstraint("method IN ('drawing', 'webauthn')", name="method"),
        sa.CheckConstraint("(method = 'webauthn') = (key_id IS NOT NULL)", name="key_of_its_method"),
        sa.CheckConstraint("digest = encode(sha256(convert_to(said, 'UTF8')), 'hex')", name="digest"),
        sa.CheckConstraint("(side = 'signer') = (on_site_ms IS NOT NULL)", name="on_site_by_signer"),
        sa.CheckConstraint("on_site_ms BETWEEN 0 AND 360000000", name="on_site_ms"),
        sa.Index(None, "by_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    assignment_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ASSIGNMENT))
    round: Mapped[int] = mapped_column(sa.SmallInteger)
    side: Mapped[Side] = mapped_column(Word(Side))
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    method: Mapped[str]
    said: Mapped[str]
    """What was signed, RFC 8785 JSON; no name stands in it."""
    digest: Mapped[str]
    """SHA-256 of `said`, hex."""
    proof_sealed: Mapped[bytes] = mapped_column(deferred=True)
    """The drawing or the key's answer, under the signing person's own key."""
    proof_sha256: Mapped[str]
    key_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.security_key.id"))
    on_site_ms: Mapped[int | None]
    """What the signer states was taught on site. Stated, never verified."""
    note: Mapped[str]
    signed_at: Mapped[datetime]


class AssignRun(Base):
    """How far a job that assigns by a rule has come: what the page shows."""

    __tablename__ = "assign_run"
    __table_args__ = (one_of("state", RunState, "state"), sa.Index(None, "rule_id", "created_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rule_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.assign_rule.id"))
    state: Mapped[RunState] = mapped_column(Word(RunState))
    total: Mapped[int] = mapped_column(default=0)
    """Memberships to look at."""
    looked_at: Mapped[int] = mapped_column(default=0)
    assigned: Mapped[int] = mapped_column(default=0)
    """New assignments."""
    asked_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class AssignDue(Base):
    """A membership whose rules must be asked on this day: it changed (a trigger says so: 1970), or a date comes."""

    __tablename__ = "assign_due"
    __table_args__ = (sa.Index(None, "due_on"),)

    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.membership.id"), primary_key=True)
    due_on: Mapped[date] = mapped_column(primary_key=True)


class ProgrammeTally(Base):
    """What a change adds to how many of a programme are not done, and done: triggers write it, `tallies` reads it."""

    __tablename__ = "programme_tally"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    programme_id: Mapped[UUID] = mapped_column(index=True)
    unfinished: Mapped[int]
    done: Mapped[int]


class SettleMark(Base):
    """Up to where the hours of a log are in the assignments. It saves work, and may be lost."""

    __tablename__ = "training_settle_mark"

    origin: Mapped[str] = mapped_column(primary_key=True)
    settled_to: Mapped[int]
    """The first leaf that is not."""
