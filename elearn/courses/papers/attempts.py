"""A learner's attempt: begun once, saved as the phone can, submitted once, closed by the server's clock.

    begin ─► save, save, save ─► submit ─► marks, passed or not, wrong-question book
                                 └ time is up: what was saved by then counts (`close_overdue`)

The attempt's row is locked before anything is decided about it, so two tabs do what one would. What the browser gets
(`open_paper`) holds nothing of what is right; see `questions.showing`. Nothing here commits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.courses.papers import standing, tests, timing, wrong_book
from elearn.courses.papers.blueprint import Paper, Unfilled
from elearn.courses.papers.models import CourseTest, Ending, TestAnswer, TestAttempt, TestBlueprint, is_offered
from elearn.courses.questions import marking, showing
from elearn.courses.questions.kinds import Answer, Content, from_json, require_answer
from elearn.courses.questions.models import BankVersion
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound, TooMany
from elearn.runtime import runtime

KEPT_QUESTIONS = 20_000


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer as the phone sends it: which question, its own count, and the answer in places as shown."""

    place: int
    n: int
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Marked:
    """One question of a closed attempt, for its result page."""

    place: int
    content: Content
    answer: Answer
    mark_milli: int
    points_milli: int
    right: Answer
    """What would have been right; None unless the policy shows it."""


@dataclass(frozen=True, slots=True)
class Result:
    attempt: TestAttempt
    test: CourseTest
    blueprint: TestBlueprint
    opens_at: datetime
    """From then on the next try may begin and `marked` is filled."""
    marked: tuple[Marked, ...]


class Closed(Conflict):
    """The attempt is over: its result is what there is."""

    code = "attempt_closed"


def begin(session: Session, test_id: UUID, person_id: UUID, *, at: datetime) -> TestAttempt:
    """The attempt that is open, else a new one with a paper of its own.

    Raises NotFound (no such test for this person today), TooMany (the wait after the last try), tests.CannotFill.
    """
    test = may_take(session, test_id, person_id, at=at)
    last = session.scalars(_newest(test_id, person_id)).one_or_none()
    if last is not None and last.closed_at is None:
        last = _expired(session, last.id, person_id, at)
        if last.closed_at is None:
            return last
    chosen = _offered(session, test_id)
    if last is not None:
        _require_waited(session, last, at)
    seed = os.urandom(32)
    paper = tests.preview(session, chosen, test, seed, at=at)
    made = session.execute(
        insert(TestAttempt)
        .values(
            id=new_id(),
            test_id=test_id,
            blueprint_id=chosen.id,
            person_id=person_id,
            number=(last.number if last else 0) + 1,
            seed=seed,
            bank_digest=paper.bank_digest,
            versions=[UUID(one.version) for one in paper.questions],
            points_milli=[one.points_milli for one in paper.questions],
            max_milli=paper.max_milli,
            started_at=at,
            deadline_at=at + timedelta(seconds=chosen.duration_s),
        )
        # A second tab was faster: its attempt is the one.
        .on_conflict_do_nothing()
        .returning(TestAttempt.id)
    ).scalar_one_or_none()
    if made is None:
        return session.scalars(_newest(test_id, person_id)).one()
    return session.get_one(TestAttempt, made)


def _newest(test_id: UUID, person_id: UUID) -> sa.Select[TestAttempt]:
    return (
        sa.select(TestAttempt)
        .where(TestAttempt.test_id == test_id, TestAttempt.person_id == person_id)
        .order_by(TestAttempt.number.desc())
        .limit(1)
    )


def may_take(session: Session, test_id: UUID, person_id: UUID, *, at: datetime) -> CourseTest:
    """The test, when somebody may take it today: enrolled in a class of its institution and outline that runs.

    Raises NotFound.
    """
    found = session.scalars(
        sa.select(CourseTest).where(CourseTest.id == test_id, standing.may_be_taken_by(person_id, at))
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such test.")
    return found


def _offered(session: Session, test_id: UUID) -> TestBlueprint:
    found = session.scalars(
        sa.select(TestBlueprint).where(TestBlueprint.test_id == test_id, is_offered())
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such test.")
    return found


def _require_waited(session: Session, last: TestAttempt, at: datetime) -> None:
    used = session.get_one(TestBlueprint, last.blueprint_id)
    assert last.closed_at is not None
    opens = timing.opens_at(last.closed_at, used.wait_s)
    if at < opens:
        wait_s = -(-(opens - at) // timedelta(seconds=1))
        raise TooMany(
            "The next try may begin in %(minutes)s min.",
            retry_after_s=wait_s,
            code="wait",
            minutes=str(-(-wait_s // 60)),
        )


def save(
    session: Session, attempt_id: UUID, person_id: UUID, given: Sequence[Given], *, at: datetime
) -> dict[int, int]:
    """Keep answers; which count of each question is kept now. The same message again changes nothing.

    Raises NotFound, Malformed (nothing is kept), Closed (time is up or it was submitted; commit: that is recorded).
    """
    attempt = _locked(session, attempt_id, person_id)
    if _close_if_late(session, attempt, at):
        raise Closed("This attempt is over.")
    _keep(session, attempt, given, at)
    return dict(
        session.execute(sa.select(TestAnswer.place, TestAnswer.n).where(TestAnswer.attempt_id == attempt_id)).all()
    )


def submit(session: Session, attempt_id: UUID, person_id: UUID, given: Sequence[Given], *, at: datetime) -> TestAttempt:
    """Hand in, with what was not saved yet. Handing in what is over already changes nothing.

    Raises NotFound, Malformed.
    """
    attempt = _locked(session, attempt_id, person_id)
    if not _close_if_late(session, attempt, at):
        _keep(session, attempt, given, at)
        _close(session, attempt, Ending.SUBMITTED, at)
    return attempt


def _locked(session: Session, attempt_id: UUID, person_id: UUID) -> TestAttempt:
    found = session.scalars(
        sa.select(TestAttempt)
        .where(TestAttempt.id == attempt_id, TestAttempt.person_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such attempt.")
    return found


def _close_if_late(session: Session, attempt: TestAttempt, at: datetime) -> bool:
    """Whether it is over; what ran out is closed as it stood at its deadline."""
    if attempt.closed_at is not None:
        return True
    used = session.get_one(TestBlueprint, attempt.blueprint_id)
    if timing.in_time(at, attempt.deadline_at, used.grace_s):
        return False
    _close(session, attempt, Ending.TIME_UP, attempt.deadline_at)
    return True


def _keep(session: Session, attempt: TestAttempt, given: Sequence[Given], at: datetime) -> None:
    """Each newer answer in place of an older one, by the phone's count."""
    if not given:
        return
    contents = _contents(session, attempt)
    newest: dict[int, Given] = {}
    for one in given:
        if not 0 <= one.place < len(contents) or not 0 < one.n < 1 << 53:
            raise Malformed("This is not an answer to that question.", code="bad_answer")
        if one.place not in newest or newest[one.place].n < one.n:
            newest[one.place] = one
    rows = []
    for place, one in newest.items():
        name = str(attempt.versions[place])
        answer = require_answer(contents[place], one.answer)
        stored = showing.stored_answer(contents[place], answer, attempt.seed, name)
        rows.append(
            {
                "attempt_id": attempt.id,
                "place": place,
                "n": one.n,
                "answer": msgspec.json.encode(stored).decode(),
                "saved_at": at,
            }
        )
    command = insert(TestAnswer)
    session.execute(
        command.values(rows).on_conflict_do_update(
            index_elements=["attempt_id", "place"],
            set_={"n": command.excluded.n, "answer": command.excluded.answer, "saved_at": command.excluded.saved_at},
            where=TestAnswer.n < command.excluded.n,
        )
    )


def _close(session: Session, attempt: TestAttempt, ending: Ending, at: datetime) -> None:
    """Mark it. `at` is when it ended, for the wait."""
    used = session.get_one(TestBlueprint, attempt.blueprint_id)
    contents, answers = _contents(session, attempt), _answers(session, attempt)
    marks = [
        marking.mark(content, answers.get(place), points, used.partial)
        for place, (content, points) in enumerate(zip(contents, attempt.points_milli, strict=True))
    ]
    attempt.marks_milli, attempt.score_milli = marks, sum(marks)
    attempt.passed = timing.passes(attempt.score_milli, attempt.max_milli, used.pass_percent)
    attempt.closed_at, attempt.ending = at, ending
    session.flush()
    wrong_book.note(session, attempt, used)


def _expired(session: Session, attempt_id: UUID, person_id: UUID, at: datetime) -> TestAttempt:
    """The attempt, closed if its time is up."""
    attempt = _locked(session, attempt_id, person_id)
    _close_if_late(session, attempt, at)
    return attempt


def close_overdue(session: Session, *, at: datetime, limit: int = 200) -> int:
    """Close what ran out of time and whose phone never came back; how many. Skips what others hold."""
    overdue = session.scalars(
        sa.select(TestAttempt)
        .join(TestBlueprint, TestBlueprint.id == TestAttempt.blueprint_id)
        .where(TestAttempt.closed_at.is_(None))
        .where(TestAttempt.deadline_at + TestBlueprint.grace_s * sa.text("interval '1 second'") < at)
        .order_by(TestAttempt.deadline_at)
        .limit(limit)
        .with_for_update(of=TestAttempt, skip_locked=True)
    ).all()
    for attempt in overdue:
        _close(session, attempt, Ending.TIME_UP, attempt.deadline_at)
    return len(overdue)


# --- what a learner sees ----------------------------------------------------------------------------------------------


def own_attempt(session: Session, attempt_id: UUID, person_id: UUID, *, at: datetime) -> TestAttempt:
    """Raises NotFound. What ran out of time is closed on the way."""
    found = session.get(TestAttempt, attempt_id)
    if found is None or found.person_id != person_id:
        raise NotFound("There is no such attempt.")
    return found if found.closed_at is not None else _expired(session, attempt_id, person_id, at)


def open_paper(
    session: Session, attempt: TestAttempt, image_url: Callable[[str], str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(questions as shown, answers as saved) of an open attempt, for the browser."""
    contents = _contents(session, attempt)
    questions = []
    for content, version, points in zip(contents, attempt.versions, attempt.points_milli, strict=True):
        shown = showing.shown(content, attempt.seed, str(version), image_url)
        questions.append({**shown, "points_milli": points})
    saved = []
    for place, n, text in session.execute(
        sa.select(TestAnswer.place, TestAnswer.n, TestAnswer.answer)
        .where(TestAnswer.attempt_id == attempt.id)
        .order_by(TestAnswer.place)
    ):
        answer = msgspec.json.decode(text)
        shown_answer = showing.shown_answer(contents[place], answer, attempt.seed, str(attempt.versions[place]))
        saved.append({"place": place, "n": n, "answer": shown_answer})
    return questions, saved


def result(session: Session, attempt: TestAttempt, *, at: datetime) -> Result:
    """Score of a closed attempt; what was wrong only after the wait, what is right only if the policy shows it."""
    assert attempt.closed_at is not None
    assert attempt.marks_milli is not None
    used = session.get_one(TestBlueprint, attempt.blueprint_id)
    opens = timing.opens_at(attempt.closed_at, used.wait_s)
    marked: tuple[Marked, ...] = ()
    if at >= opens:
        answers = _answers(session, attempt)
        marked = tuple(
            Marked(
                place,
                content,
                answers.get(place),
                attempt.marks_milli[place],
                attempt.points_milli[place],
                marking.right_answer(content) if used.shows_answers else None,
            )
            for place, content in enumerate(_contents(session, attempt))
        )
    return Result(attempt, session.get_one(CourseTest, attempt.test_id), used, opens, marked)


def rebuilt(session: Session, attempt: TestAttempt) -> bool:
    """Whether blueprint, bank of that moment and seed make the attempt's paper again, question by question."""
    used, test = session.get_one(TestBlueprint, attempt.blueprint_id), session.get_one(CourseTest, attempt.test_id)
    paper = tests.draw_at(session, used, test, attempt.seed, at=attempt.started_at)
    if isinstance(paper, Unfilled):
        return False
    assert isinstance(paper, Paper)
    same = [(UUID(one.version), one.points_milli) for one in paper.questions]
    return same == list(zip(attempt.versions, attempt.points_milli, strict=True)) and (
        paper.bank_digest == attempt.bank_digest
    )


def _answers(session: Session, attempt: TestAttempt) -> dict[int, Answer]:
    rows = session.execute(sa.select(TestAnswer.place, TestAnswer.answer).where(TestAnswer.attempt_id == attempt.id))
    return {place: msgspec.json.decode(text) for place, text in rows}


def _contents(session: Session, attempt: TestAttempt) -> list[Content]:
    """The questions of a paper. A reviewed version never changes, so it is read once in the life of the process."""
    kept: dict[UUID, Content] = runtime().kept.setdefault("courses.questions", {})
    found = {version: content for version in attempt.versions if (content := kept.get(version)) is not None}
    missing = [version for version in attempt.versions if version not in found]
    if missing:
        rows = session.execute(sa.select(BankVersion.id, BankVersion.content).where(BankVersion.id.in_(missing)))
        fresh = {id_: from_json(text) for id_, text in rows}
        if len(kept) > KEPT_QUESTIONS:
            kept.clear()
        kept.update(fresh)
        found |= fresh
    return [found[version] for version in attempt.versions]
