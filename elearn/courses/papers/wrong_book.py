"""The wrong-question book (错题本): what somebody got wrong, to practise until it is right.

A question comes in when an attempt closes, can be seen once the wait after that attempt is over, and goes out when it
is answered rightly, in the book or in a later attempt. While an attempt is open the book is closed: what it says could
stand on the paper.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.courses.papers import timing
from elearn.courses.papers.models import TestAttempt, TestBlueprint, WrongAnswer
from elearn.courses.questions import marking, showing
from elearn.courses.questions.kinds import Answer, Content, from_json, require_answer
from elearn.courses.questions.marking import Partial
from elearn.courses.questions.models import BankQuestion, BankVersion
from elearn.errors import Conflict, NotFound

PAGE = 50
LONGEST_GRACE = timedelta(seconds=600)
"""Until then answers may still come in."""


@dataclass(frozen=True, slots=True)
class Entry:
    wrong: WrongAnswer
    content: Content
    institution_id: UUID


@dataclass(frozen=True, slots=True)
class Practised:
    content: Content
    answer: Answer
    is_right: bool
    right: Answer
    """None unless the test that it came from shows right answers."""


def note(session: Session, attempt: TestAttempt, used: TestBlueprint) -> None:
    """Take up what was wrong in a closed attempt, and cross out what was right."""
    assert attempt.closed_at is not None
    assert attempt.marks_milli is not None
    questions = dict(
        session.execute(
            sa.select(BankVersion.id, BankVersion.question_id).where(BankVersion.id.in_(attempt.versions))
        ).all()
    )
    wrong: list[dict[str, Any]] = []
    right: list[UUID] = []
    for version, mark, points in zip(attempt.versions, attempt.marks_milli, attempt.points_milli, strict=True):
        if mark == points:
            right.append(questions[version])
            continue
        wrong.append(
            {
                "person_id": attempt.person_id,
                "question_id": questions[version],
                "version_id": version,
                "times": 1,
                "last_wrong_at": attempt.closed_at,
                "opens_at": timing.opens_at(attempt.closed_at, used.wait_s),
                "shows_answers": used.shows_answers,
            }
        )
    if right:
        session.execute(
            sa.delete(WrongAnswer).where(WrongAnswer.person_id == attempt.person_id, WrongAnswer.question_id.in_(right))
        )
    if wrong:
        command = insert(WrongAnswer)
        replaced = ("version_id", "last_wrong_at", "opens_at", "shows_answers")
        session.execute(
            # Always in the same order: two attempts that close at once wait for each other, and never in a ring.
            command.values(sorted(wrong, key=lambda row: str(row["question_id"]))).on_conflict_do_update(
                index_elements=["person_id", "question_id"],
                set_={
                    **{name: getattr(command.excluded, name) for name in replaced},
                    "times": WrongAnswer.times + 1,
                },
            )
        )


def entries(session: Session, person_id: UUID, *, at: datetime, page: int = 1) -> tuple[list[Entry], int]:
    """One page of the book, the latest first, and how many there are. Raises Conflict while an attempt is open."""
    require_no_open_attempt(session, person_id, at=at)
    chosen = _in_book(person_id, at)
    total = session.execute(chosen.with_only_columns(sa.func.count())).scalar_one()
    rows = session.execute(
        chosen.order_by(WrongAnswer.last_wrong_at.desc(), WrongAnswer.question_id)
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
    )
    return [Entry(wrong, from_json(text), institution) for wrong, text, institution in rows], total


def entry(session: Session, person_id: UUID, question_id: UUID, *, at: datetime) -> Entry:
    """Raises NotFound, Conflict while an attempt is open."""
    require_no_open_attempt(session, person_id, at=at)
    row = session.execute(_in_book(person_id, at).where(WrongAnswer.question_id == question_id)).one_or_none()
    if row is None:
        raise NotFound("This question is not in your book.")
    wrong, text, institution = row
    return Entry(wrong, from_json(text), institution)


def _in_book(person_id: UUID, at: datetime) -> sa.Select[WrongAnswer, str, UUID]:
    """What may be seen by now, with its question and whose bank that is in."""
    return (
        sa.select(WrongAnswer, BankVersion.content, BankQuestion.institution_id)
        .join(BankVersion, BankVersion.id == WrongAnswer.version_id)
        .join(BankQuestion, BankQuestion.id == WrongAnswer.question_id)
        .where(WrongAnswer.person_id == person_id, WrongAnswer.opens_at <= at)
    )


def require_no_open_attempt(session: Session, person_id: UUID, *, at: datetime) -> None:
    """Raises Conflict (code attempt_open)."""
    found = session.execute(
        sa.select(TestAttempt.id)
        .where(
            TestAttempt.person_id == person_id,
            TestAttempt.closed_at.is_(None),
            TestAttempt.deadline_at > at - LONGEST_GRACE,
        )
        .limit(1)
    ).one_or_none()
    if found is not None:
        raise Conflict("While a test is open the book stays closed. Hand the test in first.", code="attempt_open")


def shown(entry: Entry, image_url: Callable[[str], str]) -> dict[str, Any]:
    """The question as a browser gets it to practise."""
    return showing.shown(entry.content, _seed(entry), str(entry.wrong.version_id), image_url)


def practise(session: Session, person_id: UUID, question_id: UUID, raw: object, *, at: datetime) -> Practised:
    """Judge an answer (in places as shown); a right one takes the question out of the book.

    Raises NotFound, Conflict, Malformed.
    """
    found = entry(session, person_id, question_id, at=at)
    answer = showing.stored_answer(
        found.content, require_answer(found.content, raw), _seed(found), str(found.wrong.version_id)
    )
    is_right = marking.mark(found.content, answer, 1, Partial.NONE) == 1
    if is_right:
        session.execute(
            sa.delete(WrongAnswer).where(WrongAnswer.person_id == person_id, WrongAnswer.question_id == question_id)
        )
    shows = found.wrong.shows_answers or is_right
    return Practised(found.content, answer, is_right, marking.right_answer(found.content) if shows else None)


def _seed(entry: Entry) -> bytes:
    """Another order than on the paper; the same while somebody thinks about it."""
    return hashlib.sha256(f"{entry.wrong.person_id} {entry.wrong.times}".encode()).digest()
