"""Tables of surveys of training needs (培训需求调研, A20): questions, who was asked, what was answered.

An anonymous survey's answers name nobody: who has answered stands in one table, what was answered in another, and no
column leads from one to the other. What remains are the database's own traces (the order in which rows were written),
which only who holds its files can read.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Word, new_id, one_of
from elearn.training.models import ORGANISATION, PERSON
from elearn.training.plans.survey_rules import Question, QuestionKind, SurveyState

SURVEY = "elearn.training_survey.id"


class Survey(Base):
    """What a unit asks its people before it plans a year."""

    __tablename__ = "training_survey"
    __table_args__ = (
        one_of("state", SurveyState, "state"),
        sa.UniqueConstraint("id", "anonymous"),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name="year"),
        sa.CheckConstraint("(state = 'draft') = (opened_at IS NULL)", name="opened"),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        sa.Index(None, "organisation_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ORGANISATION))
    """Whoever stands in this node or below it on the day it opens is asked."""
    year: Mapped[int] = mapped_column(sa.SmallInteger)
    """Whose plan it is for."""
    title: Mapped[str]
    ends_on: Mapped[date]
    """The last day to answer."""
    kinds: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    """Words of `EmploymentKind`; empty: any."""
    anonymous: Mapped[bool]
    state: Mapped[SurveyState] = mapped_column(Word(SurveyState))
    created_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    """When somebody opened it: whoever stood there on that day is asked."""
    to_ask: Mapped[int | None]
    """How many that are, as a job asks them."""
    closed_at: Mapped[datetime | None]


class SurveyQuestion(Base):
    """A question; never changed once the survey is open."""

    __tablename__ = "training_survey_question"
    __table_args__ = (
        sa.UniqueConstraint("survey_id", "position"),
        one_of("kind", QuestionKind, "kind"),
        sa.CheckConstraint(
            "cardinality(options) BETWEEN 2 AND 30 = (kind IN ('one', 'several'))"
            " AND (kind IN ('one', 'several') OR cardinality(options) = 0)",
            name="options",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    survey_id: Mapped[UUID] = mapped_column(sa.ForeignKey(SURVEY))
    position: Mapped[int] = mapped_column(sa.SmallInteger)
    kind: Mapped[QuestionKind] = mapped_column(Word(QuestionKind))
    title: Mapped[str]
    """Own words, or a word of the ready-made questions, which each reader reads in their language."""
    options: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))

    @property
    def question(self) -> Question:
        return Question(self.kind, self.title, tuple(self.options))


class SurveyAsked(Base):
    """Somebody was asked, where they stood then, and whether they answered. Not when, and not what."""

    __tablename__ = "training_survey_asked"
    __table_args__ = (sa.Index(None, "person_id"),)

    survey_id: Mapped[UUID] = mapped_column(sa.ForeignKey(SURVEY), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON), primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ORGANISATION))
    kind: Mapped[str]
    """Of employment, that day."""
    answered: Mapped[bool]


class SurveyAnswer(Base):
    """One person's answer: named, or known again only by the browser that gave it. Its id says nothing of the time."""

    __tablename__ = "training_survey_answer"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["survey_id", "anonymous"], ["elearn.training_survey.id", "elearn.training_survey.anonymous"]
        ),
        sa.UniqueConstraint("survey_id", "person_id"),
        sa.UniqueConstraint("survey_id", "mark"),
        sa.CheckConstraint("anonymous = (person_id IS NULL) AND anonymous = (mark IS NOT NULL)", name="nobody"),
        sa.Index(None, "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    survey_id: Mapped[UUID]
    anonymous: Mapped[bool]
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    mark: Mapped[bytes | None]
    """SHA-256 over the survey, the person, and a number that only their browser keeps."""
    kind: Mapped[str | None]
    """Of employment; None where so few were asked that it would name somebody."""


class SurveyReply(Base):
    """What an answer says to one question."""

    __tablename__ = "training_survey_reply"

    answer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.training_survey_answer.id"), primary_key=True)
    question_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.training_survey_question.id"), primary_key=True)
    chosen: Mapped[list[int]] = mapped_column(ARRAY(sa.SmallInteger))
    text: Mapped[str]
    """Empty after its author is erased."""
