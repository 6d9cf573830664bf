"""What came of a survey: counts by question, each split by employment kind; who answered by unit. Four to six queries.

Whose numbers stand apart is decided in `survey_rules`; nothing here ever reads who gave an anonymous answer, because
nothing says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.models import Organisation, Person
from elearn.training.plans import survey_rules
from elearn.training.plans.survey_models import Survey, SurveyAnswer, SurveyAsked, SurveyReply
from elearn.training.plans.survey_rules import MIXED, add_up

MOST_TEXTS = 1000


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of a group answered."""

    names: tuple[str, ...]
    """Of the kinds or units in it; several: too few to stand apart."""
    asked: int
    answered: int


@dataclass(frozen=True, slots=True)
class Results:
    asked: int
    answered: int
    shown: bool
    """Whether counts may be seen."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Employment kinds that stand apart, and those that stand together."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Answers by kind."""
    counts: Mapping[tuple[UUID, int], Mapping[str, int]] = field(default_factory=dict)
    """(question, option or place on the scale) -> kind -> answers."""
    texts: Mapping[UUID, Sequence[str]] = field(default_factory=dict)
    """What was said in own words, in the order of the alphabet."""
    kinds: tuple[Rate, ...] = ()
    units: tuple[Rate, ...] = ()

    def count(self, question_id: UUID, choice: int, group: tuple[str, ...] | None = None) -> int:
        """Of all, or of one group."""
        found = self.counts.get((question_id, choice), {})
        return sum(found.values()) if group is None else add_up(found, group)


def gather(session: Session, survey: Survey, *, on: date) -> Results:
    """All that may be seen of it on a day."""
    rows = session.execute(
        sa.select(SurveyAsked.kind, SurveyAsked.unit_id, Organisation.name, SurveyAsked.answered, sa.func.count())
        .join(Organisation, Organisation.id == SurveyAsked.unit_id)
        .where(SurveyAsked.survey_id == survey.id)
        .group_by(SurveyAsked.kind, SurveyAsked.unit_id, Organisation.name, SurveyAsked.answered)
    ).all()
    kinds: dict[str, list[int]] = {}
    units: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    for kind, unit_id, name, answered, many in rows:
        names[str(unit_id)] = name
        for sums, key in ((kinds, kind), (units, str(unit_id))):
            found = sums.setdefault(key, [0, 0])
            found[0] += many
            found[1] += many if answered else 0
    asked, answers = sum(one[0] for one in kinds.values()), sum(one[1] for one in kinds.values())
    standing = survey_rules.standing(survey.state, survey.ends_on, on)
    if not survey_rules.results_are_shown(standing, answers, anonymous=survey.anonymous):
        return Results(asked, answers, False)
    by_kind = sa.func.coalesce(SurveyAnswer.kind, MIXED)
    sizes = {
        row[0]: row[1]
        for row in session.execute(
            sa.select(by_kind, sa.func.count()).where(SurveyAnswer.survey_id == survey.id).group_by(by_kind)
        )
    }
    return Results(
        asked,
        answers,
        True,
        survey_rules.groups(sizes, anonymous=survey.anonymous),
        sizes,
        _counts(session, survey.id),
        _texts(session, survey.id),
        _rates(kinds, {one: one for one in kinds}, anonymous=survey.anonymous),
        _rates(units, names, anonymous=survey.anonymous),
    )


def named_answers(session: Session, survey: Survey) -> list[tuple[str, str, dict[UUID, SurveyReply]]]:
    """Of a survey that names who answers: name, kind, what was said to each question. Of an anonymous one nothing."""
    if survey.anonymous:
        return []
    rows = session.execute(
        sa.select(SurveyAnswer.id, Person.name, SurveyAnswer.kind, SurveyReply)
        .join(Person, Person.id == SurveyAnswer.person_id)
        .join(SurveyReply, SurveyReply.answer_id == SurveyAnswer.id)
        .where(SurveyAnswer.survey_id == survey.id)
        .order_by(Person.name, SurveyAnswer.id)
    )
    found: dict[UUID, tuple[str, str, dict[UUID, SurveyReply]]] = {}
    for answer_id, name, kind, reply in rows:
        found.setdefault(answer_id, (name, kind or MIXED, {}))[2][reply.question_id] = reply
    return list(found.values())


def _counts(session: Session, survey_id: UUID) -> dict[tuple[UUID, int], dict[str, int]]:
    each = (
        sa.select(
            SurveyReply.question_id,
            sa.func.unnest(SurveyReply.chosen).label("choice"),
            sa.func.coalesce(SurveyAnswer.kind, MIXED).label("kind"),
        )
        .join(SurveyAnswer, SurveyAnswer.id == SurveyReply.answer_id)
        .where(SurveyAnswer.survey_id == survey_id)
        .subquery()
    )
    columns = (each.c.question_id, each.c.choice, each.c.kind)
    rows = session.execute(sa.select(*columns, sa.func.count()).group_by(*columns))
    found: dict[tuple[UUID, int], dict[str, int]] = {}
    for question_id, choice, kind, many in rows:
        found.setdefault((question_id, choice), {})[kind] = many
    return found


def _texts(session: Session, survey_id: UUID) -> dict[UUID, list[str]]:
    rows = session.execute(
        sa.select(SurveyReply.question_id, SurveyReply.text)
        .join(SurveyAnswer, SurveyAnswer.id == SurveyReply.answer_id)
        .where(SurveyAnswer.survey_id == survey_id, SurveyReply.text != "")
        .order_by(SurveyReply.text)
        .limit(MOST_TEXTS)
    )
    found: dict[UUID, list[str]] = {}
    for question_id, text in rows:
        found.setdefault(question_id, []).append(text)
    return found


def _rates(sums: Mapping[str, Sequence[int]], names: Mapping[str, str], *, anonymous: bool) -> tuple[Rate, ...]:
    shown = survey_rules.groups({key: one[0] for key, one in sums.items()}, anonymous=anonymous)
    return tuple(
        Rate(tuple(names[key] for key in group), sum(sums[key][0] for key in group), sum(sums[key][1] for key in group))
        for group in shown
    )
