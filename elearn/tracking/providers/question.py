"""Content questions: any subset of four options, about what was watched last (DESIGN 3.6, MODEL 3.2)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from msgspec import UNSET
from sqlalchemy.orm import Session

from elearn.courses import catalogue
from elearn.courses.models import Question
from elearn.errors import Conflict
from elearn.tracking.models import PresenceCheck
from elearn.tracking.presence import judged_right
from elearn.tracking.providers.provider import Asked, Challenge, Found, Provider, Try
from elearn.tracking.providers.said import Said, other_kind
from elearn.tracking.spans import Span, intersect


def draw_of(learner_id: UUID, number: int) -> bytes:
    """What the secret stream is asked by: the learner and the number of the check."""
    return learner_id.bytes + number.to_bytes(8)


def drawn(secret: bytes, *parts: bytes) -> bytes:
    return hmac.digest(secret, b"".join(parts), "sha256")


@dataclass(frozen=True, slots=True)
class QuestionProvider(Provider):
    """The unit's pool. The right options never leave the server."""

    method: ClassVar[str] = "question"
    secret: bytes = field(repr=False)

    def ready(self, session: Session, learner_id: UUID, unit_id: UUID) -> bool:
        return bool(_pool(session, unit_id))

    def challenge(self, session: Session, asked: Asked) -> Challenge:
        """Raises Conflict `no_question`. A question put under this number before is put again: going to another
        way and coming back must not be a way to look for an easy one."""
        before = session.execute(
            sa.select(PresenceCheck.question_id, PresenceCheck.shown)
            .where(PresenceCheck.learner_id == asked.learner_id, PresenceCheck.number == asked.number)
            .where(PresenceCheck.unit_id == asked.unit_id, PresenceCheck.question_id.is_not(None))
            .order_by(PresenceCheck.id)
            .limit(1)
        ).one_or_none()
        if before is not None:
            return Challenge(question_id=before.question_id, shown=before.shown)
        question = self._pick(session, asked)
        order = sorted(
            range(len(question.options)), key=lambda one: drawn(self.secret, asked.check_id.bytes, bytes([one]))
        )
        return Challenge(question_id=question.id, shown=order)

    def show(self, session: Session, check: PresenceCheck) -> dict[str, Any]:
        question = _question(session, check)
        return {
            "stem": question.stem,
            "options": [{"id": place, "text": question.options[option]} for place, option in enumerate(check.shown)],
        }

    def judge(self, session: Session, check: PresenceCheck, said: Said, found: Found | None) -> Try:
        """`kept` is the question's own option numbers."""
        if said.answer is UNSET:
            raise other_kind()
        tried = sorted({check.shown[place] for place in said.answer})
        return Try(judged_right(frozenset(_question(session, check).correct), frozenset(tried)), tried)

    def _pick(self, session: Session, asked: Asked) -> catalogue.QuestionFacts:
        """The question asked least often so far, of those the one about the last minutes, of those a drawn one.

        Least often first means that none repeats until the pool, as far as it was watched, is used up.
        """
        pool = [one for one in _pool(session, asked.unit_id) if not asked.only or one.id in asked.only]
        about = [q for q in pool if intersect(Span(q.from_ms, q.to_ms), asked.askable)] or list(pool)
        if not about:
            raise Conflict("This lesson has no questions to confirm with.", code="no_question")
        counted = sa.select(PresenceCheck.question_id, sa.func.count()).where(
            PresenceCheck.learner_id == asked.learner_id, PresenceCheck.unit_id == asked.unit_id
        )
        times = {row[0]: int(row[1]) for row in session.execute(counted.group_by(PresenceCheck.question_id))}
        draw = draw_of(asked.learner_id, asked.number)

        def rank(question: catalogue.QuestionFacts) -> tuple[int, bool, bytes]:
            recent = bool(intersect(Span(question.from_ms, question.to_ms), (asked.window,)))
            return times.get(question.id, 0), not recent, drawn(self.secret, draw, question.id.bytes)

        return min(about, key=rank)


def _pool(session: Session, unit_id: UUID) -> Sequence[catalogue.QuestionFacts]:
    """The live questions; of a unit whose pool was retired as a whole, these: somebody may still owe an answer."""
    return catalogue.questions_about(session, unit_id) or catalogue.questions_about(session, unit_id, retired=True)


def _question(session: Session, check: PresenceCheck) -> Question:
    """The question as it was put; it may have left the pool since."""
    return session.get_one(Question, check.question_id)
