"""What a way of asking "are you there?" must be able to do. What follows from the answer is nobody's here.

Asking may reach outside (a text message, a face service). That is an errand: it runs between two transactions, so
that neither a lock nor a connection waits for somebody else's server.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.errors import Conflict
from elearn.tracking.models import PresenceCheck
from elearn.tracking.policy import Policy
from elearn.tracking.providers.said import Said
from elearn.tracking.spans import Span


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, about what, and by which number of the secret stream."""

    learner_id: UUID
    unit_id: UUID
    window: Span
    """The media the check is about: the last minutes that wait for it."""
    askable: Sequence[Span]
    """All of the unit's media that waits for it."""
    number: int
    check_id: UUID
    at: datetime
    only: frozenset[UUID] = frozenset()
    """The questions that are left of a case; empty: any of the pool."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a check asks for: columns of its row, and an errand to run once the row is committed."""

    question_id: UUID | None = None
    shown: Sequence[int] = ()
    kept: dict[str, Any] | None = None
    errand: Callable[[], None] | None = None
    """Raises OutOfOrder: then the check is withdrawn."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try, judged. `kept` goes into `tries`; the same value twice running is one try sent twice."""

    right: bool
    kept: Any


Found = dict[str, Any]
"""What an errand before judging brought back."""


class Provider(ABC):
    """One way of asking. It is made once an application and holds no state of a learner."""

    method: ClassVar[str]

    def answer_ms(self, policy: Policy) -> int:
        """How long there is to answer, grace for the network apart."""
        return policy.answer_ms

    @abstractmethod
    def ready(self, session: Session, learner_id: UUID, unit_id: UUID) -> bool:
        """Can this learner be asked this way now? The learner's own arrangements and the unit decide."""

    @abstractmethod
    def challenge(self, session: Session, asked: Asked) -> Challenge:
        """What to ask. Raises Conflict or TooMany when it cannot be asked now."""

    @abstractmethod
    def show(self, session: Session, check: PresenceCheck) -> dict[str, Any]:
        """The members of the check as the player gets it; nothing that answers it."""

    @abstractmethod
    def judge(self, session: Session, check: PresenceCheck, said: Said, found: Found | None) -> Try:
        """Is it the answer? Raises Malformed when it is an answer to something else; that costs no try."""

    def look(self, session: Session, check: PresenceCheck, said: Said) -> Callable[[], Found] | None:
        """The errand that `judge` needs first, if any. Its OutOfOrder withdraws the check."""
        return None

    def ask_now(self, check: PresenceCheck, *, now_ms: int) -> dict[str, Any]:
        """What is asked only once the learner's camera runs. Raises Conflict for a method without such a thing."""
        raise Conflict("This check has nothing more to ask.", code="nothing_more")
