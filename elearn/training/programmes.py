"""What an enterprise trains its people in: made from the catalogue, closed again; and its standing rules.

A programme brings its own class, without an outline: nobody files it, so its hours are the learner's and the
employer's and never an exam's. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import ClassCourse, Course, TrainingClass
from elearn.db import among, new_id
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import tree
from elearn.people.models import EmploymentKind, Organisation
from elearn.people.registry import local_day
from elearn.training import lawful_rules, settling, tallies
from elearn.training.models import Assignment, AssignRule, Cycle, Occasion, Programme, Purpose, State

MAX_TITLE = 100
MAX_COURSES = 50
MAX_STEPS = 10
MAX_DAYS = 3650
MOST_MS = 1_000 * 3_600_000
"""Asked of a programme that is taught on site."""
MAX_WORDS = 50
MAX_REASON = 300
LEVELS = tuple(one for one in Purpose if one.level)

OFFERED = sa.text("""
SELECT c.id, c.title, i.name AS institution, count(l.id) AS lessons, sum(u.duration_ms)::bigint AS duration_ms,
       EXISTS (SELECT FROM elearn.course_test t JOIN elearn.test_blueprint b ON b.test_id = t.id
               WHERE t.course_id = c.id AND t.purpose = 'course' AND t.retired_at IS NULL
                 AND b.published_at IS NOT NULL AND b.retired_at IS NULL) AS tested,
       EXISTS (SELECT FROM elearn.class_course o JOIN elearn.training_programme p ON p.class_id = o.class_id
               WHERE o.course_id = c.id AND p.organisation_id = ANY (:line) AND p.closed_at IS NULL) AS in_use
FROM elearn.course c
JOIN elearn.organisation i ON i.id = c.institution_id
JOIN elearn.lesson l ON l.course_id = c.id
JOIN elearn.unit u ON u.lesson_id = l.id AND u.published_at IS NOT NULL AND u.retired_at IS NULL
                  AND u.kind <> 'practice'
WHERE (c.centre IN ('employees', 'officials') OR c.centre = 'simulation' AND c.institution_id = :node)
  AND (CAST(:ids AS uuid[]) IS NULL OR c.id = ANY (:ids))
  AND (:words = '' OR strpos(lower(c.title), lower(:words)) > 0)
GROUP BY c.id, i.id ORDER BY c.title, c.id LIMIT :most
""")
"""What may stand in a programme: the trigger of `class_course` says so, and here is how it is found."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A course of the catalogue that may stand in a programme. `in_use`: in an open one of the same tree already."""

    id: UUID
    title: str
    institution: str
    lessons: int
    duration_ms: int
    tested: bool
    in_use: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form says of a new programme."""

    title: str
    purpose: Purpose
    course_ids: Sequence[UUID]
    required_ms: int
    due_days: int
    on_site: bool = False
    """Taught in sessions too: it may ask more time than its courses are long, and have none."""


@dataclass(frozen=True, slots=True)
class AskedRule:
    """What a form says of a new rule."""

    title: str
    occasion: Occasion
    programme_ids: Sequence[UUID]
    from_on: date
    categories: Sequence[str] = ()
    posts: Sequence[str] = ()
    kinds: Sequence[EmploymentKind] = ()
    due_days: int | None = None
    bars_post: bool = False
    cycle: Cycle | None = None
    levels_reason: str = ""
    """Why not all three levels, where who is hired learns one or two of them."""


def offers(session: Session, node_id: UUID, *, words: str = "", most: int = 200) -> list[Offer]:
    """Courses that a programme of this node may hold, by title."""
    return _offers(session, node_id, None, words.strip(), most)


def add(session: Session, node_id: UUID, asked: Asked, *, by: UUID, at: datetime) -> Programme:
    """A new programme of this node, with its class. By itself short of the law: that is kept (`lawful_rules.note`).

    Raises Malformed `title`, `courses` (one is not offered to enterprises, or none was chosen), `required`: more than
    its courses are long; `nothing`: no time, no test and no signatures are asked; `due_days`.
    """
    title = _title(asked.title)
    if not 0 <= asked.due_days <= MAX_DAYS:
        raise Malformed("The days to do it are 0 to 3650.", code="due_days")
    ids = list(dict.fromkeys(asked.course_ids))
    if len(ids) > MAX_COURSES:
        raise Malformed("A programme has at most 50 courses.", code="courses")
    found = {one.id: one for one in _offers(session, node_id, ids, "", MAX_COURSES)} if ids else {}
    if len(found) != len(ids):
        raise Malformed("One of these courses is not offered to enterprises.", code="courses")
    if not ids and not (asked.purpose.level or asked.on_site):
        raise Malformed("Choose at least one course.", code="courses")
    longest_ms = MOST_MS if asked.on_site else sum(one.duration_ms for one in found.values())
    if not 0 <= asked.required_ms <= longest_ms:
        raise Malformed("More time is asked than these courses are long.", code="required")
    if not (asked.required_ms or asked.purpose.level or any(one.tested for one in found.values())):
        raise Malformed(
            "It asks for nothing, and would be done at once: ask for hours, or choose a course with a test.",
            code="nothing",
        )
    held = TrainingClass(
        id=new_id(), institution_id=node_id, outline_id=None, class_no="", title=title, starts_on=local_day(at),
        ends_on=None, place="", region=None, created_at=at,
    )  # fmt: skip
    held.class_no = f"P-{str(held.id)[-12:]}"
    session.add(held)
    session.flush()
    session.add_all(
        ClassCourse(class_id=held.id, course_id=one, position=position) for position, one in enumerate(ids, start=1)
    )
    session.flush()
    made = Programme(
        organisation_id=node_id, title=title, purpose=asked.purpose, class_id=held.id, required_ms=asked.required_ms,
        due_days=asked.due_days, closed_at=None, created_by=by, created_at=at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    node = session.get_one(Organisation, node_id)
    lawful_rules.note(
        session, lawful_rules.by_itself(session, node_id, node.region, made, on=local_day(at)), by=by, at=at,
        programme_id=made.id,
    )  # fmt: skip
    return made


def close(session: Session, programme_id: UUID, *, at: datetime) -> int:
    """It is assigned no more, and what is not done is withdrawn; how many. What was earned stays. Twice is once."""
    found = session.scalar(sa.select(Programme).where(Programme.id == programme_id).with_for_update())
    if found is None:
        raise NotFound("There is no such programme.")
    if found.closed_at is not None:
        return 0
    found.closed_at = at
    session.flush()
    open_ones = session.scalars(
        sa.select(Assignment.id).where(
            Assignment.programme_id == programme_id, Assignment.state.in_([State.WAITING, State.OPEN])
        )
    ).all()
    return settling.withdraw(session, open_ones, now=at) if open_ones else 0


def add_rule(session: Session, node_id: UUID, asked: AskedRule, *, by: UUID, at: datetime) -> AssignRule:
    """A new standing rule of this node. Short of the law for somebody whom it finds today: that is kept.

    Raises Malformed `title`, `programmes`, `due_days`, `cycle`, `occasion`, `levels_reason`: who is hired would have
    one or two of the three levels, and nobody says why; Conflict `levels`: they do not stand in the order factory,
    workshop, team.
    """
    if asked.occasion is Occasion.BY_HAND:
        raise Malformed("Choose an occasion.", code="occasion")
    if (asked.occasion is Occasion.YEARLY) != (asked.cycle is not None):
        raise Malformed("Yearly training begins with the calendar or the anniversary.", code="cycle")
    if asked.due_days is not None and not 0 <= asked.due_days <= MAX_DAYS:
        raise Malformed("The days to do it are 0 to 3650.", code="due_days")
    programmes = _programmes(session, node_id, asked.programme_ids)
    levels = [one.purpose for one in programmes if one.purpose.level]
    if levels != [one for one in Purpose if one in levels]:
        raise Conflict("The three levels follow each other: factory, workshop, team.", code="levels")
    lacking = asked.occasion is Occasion.HIRE and 0 < len(levels) < len(LEVELS)
    reason = " ".join(asked.levels_reason.split())
    if lacking and not 0 < len(reason) <= MAX_REASON:
        raise Malformed(
            "Who is hired has all three levels. Add the others, or say in 1 to 300 characters why not.",
            code="levels_reason",
        )
    made = AssignRule(
        organisation_id=node_id,
        title=_title(asked.title),
        occasion=asked.occasion,
        programme_ids=[one.id for one in programmes],
        categories=_words(asked.categories),
        posts=_words(asked.posts),
        kinds=sorted({one.value for one in asked.kinds}),
        due_days=asked.due_days,
        bars_post=asked.bars_post,
        cycle=asked.cycle,
        from_on=asked.from_on,
        levels_reason=reason if lacking else None,
        closed_at=None,
        created_by=by,
        created_at=at,
    )
    session.add(made)
    session.flush()
    node = session.get_one(Organisation, node_id)
    compared = lawful_rules.of_rule(session, made, node.region, on=local_day(at))
    lawful_rules.note(session, compared, by=by, at=at, rule_id=made.id)
    return made


def close_rule(session: Session, rule_id: UUID, *, at: datetime) -> AssignRule:
    """It assigns nothing more; what it assigned stays. Raises NotFound."""
    found = session.scalar(sa.select(AssignRule).where(AssignRule.id == rule_id).with_for_update())
    if found is None:
        raise NotFound("There is no such rule.")
    if found.closed_at is None:
        found.closed_at = at
        session.flush()
    return found


def usable(session: Session, node_id: UUID) -> list[Programme]:
    """Open programmes that rules of this node may name: its own, and those of what lies above it."""
    line = [one.id for one in tree.above(session, node_id)]
    return list(
        session.scalars(
            sa.select(Programme)
            .where(Programme.organisation_id.in_(line), Programme.closed_at.is_(None))
            .order_by(Programme.title, Programme.id)
        )
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A programme as a list shows it, with the assignments of one's own tree."""

    programme: Programme
    organisation: str
    courses: int
    open: int
    done: int
    overdue: int


def lines(session: Session, nodes: Collection[UUID], *, today: date, only: UUID | None = None) -> list[Line]:
    """The programmes of these nodes, or one of them, open ones first, the newest first: three queries.

    What is assigned and done is read from tallies: nobody's history is counted.
    """
    courses = (
        sa.select(sa.func.count()).where(ClassCourse.class_id == Programme.class_id).correlate(Programme)
    ).scalar_subquery()
    rows = session.execute(
        sa.select(Programme, Organisation.name, courses)
        .join(Organisation, Organisation.id == Programme.organisation_id)
        .where(among(Programme.organisation_id, nodes), Programme.id == only if only else sa.true())
        .order_by(Programme.closed_at.is_not(None), Programme.created_at.desc(), Programme.id)
    ).all()
    counted = tallies.of_programmes(session, [programme.id for programme, _name, _courses in rows], today=today)
    found = []
    for programme, name, many in rows:
        tally = counted.get(programme.id, tallies.Tally())
        found.append(Line(programme, name, many, tally.unfinished, tally.done, tally.late))
    return found


def courses_of(session: Session, programme: Programme) -> list[tuple[UUID, str]]:
    """The courses of a programme, in order."""
    return [
        (row.id, row.title)
        for row in session.execute(
            sa.select(Course.id, Course.title)
            .join(ClassCourse, ClassCourse.course_id == Course.id)
            .where(ClassCourse.class_id == programme.class_id)
            .order_by(ClassCourse.position)
        )
    ]


def _offers(session: Session, node_id: UUID, ids: list[UUID] | None, words: str, most: int) -> list[Offer]:
    line = [one.id for one in tree.above(session, node_id)]
    values = {"node": node_id, "line": line, "ids": ids, "words": words, "most": most}
    return [Offer(**row._mapping) for row in session.execute(OFFERED, values)]


def _programmes(session: Session, node_id: UUID, ids: Sequence[UUID]) -> list[Programme]:
    known = {one.id: one for one in usable(session, node_id)}
    chosen = list(dict.fromkeys(ids))
    if not chosen or len(chosen) > MAX_STEPS or any(one not in known for one in chosen):
        raise Malformed("Choose one to ten programmes of this organisation.", code="programmes")
    return [known[one] for one in chosen]


def _title(said: str) -> str:
    title = " ".join(said.split())
    if not title or len(title) > MAX_TITLE:
        raise Malformed("A title has 1 to 100 characters.", code="title")
    return title


def _words(said: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(" ".join(one.split()) for one in said if one.strip()))
    if len(found) > MAX_WORDS or any(len(one) > MAX_TITLE for one in found):
        raise Malformed("At most 50 posts and categories, of at most 100 characters each.", code="posts")
    return found
