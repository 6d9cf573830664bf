"""A target over real HTTP, and rounds of forwarding to it on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from elearn.tracking.lrs.models import ForwardFailure, ForwardTarget
from elearn.tracking.lrs.rules.check import Checked
from elearn.tracking.lrs.statements import store
from elearn.tracking.lrs.streams import targets
from elearn.tracking.lrs.streams.forward import Means, forward
from elearn.tracking.lrs.streams.peer import Peer, remote
from tests.builders_lrs import AT, a_checked
from tests.tracking.lrs.streams.other_store import OtherStore, serving

SEALING_KEY = b"e" * 32


@dataclass
class Forwarding:
    """The sender's side."""

    session: Session
    other: OtherStore
    now: Any = AT
    silence_s: float = 5.0
    whole_s: float = 10.0
    stored: list[Checked] = field(default_factory=list)

    def store(self, *batch: Checked, authority: UUID | None = None) -> list[str]:
        """Statements stored now; their ids."""
        self.now += timedelta(seconds=1)
        store.insert(self.session, batch, stored_at=self.now, authority=authority)
        self.session.commit()
        return [str(one.id) for one in batch]

    def some(self, count: int) -> list[str]:
        return self.store(*(a_checked() for _ in range(count)))

    def target(self, **what: Any) -> ForwardTarget:
        values: dict[str, Any] = {
            "label": "the region's store",
            "endpoint": self.other.url,
            "key": "us",
            "secret": "our secret",
            "private": True,
            **what,
        }
        made = targets.add(self.session, sealing_key=SEALING_KEY, at=AT, **values)
        self.session.commit()
        return made

    def round(self, target: ForwardTarget, *, later_s: float = 0, through: Any = None) -> None:
        self.now += timedelta(seconds=later_s)
        means = Means(
            now=lambda: self.now,
            through=lambda _: through or self.now + timedelta(hours=1),
            home_page="http://localhost",
            reach=self.reach,
        )
        forward(self.session, target.id, means)
        self.session.refresh(target)

    def reach(self, target: ForwardTarget) -> Peer:
        made = remote(target.endpoint, target.key, targets.secret_of(target, SEALING_KEY), private=target.private)
        made.silence_s, made.whole_s = self.silence_s, self.whole_s
        return made

    def failures(self, target: ForwardTarget) -> dict[str, ForwardFailure]:
        self.session.expire_all()
        return {str(one.statement_id): one for one in targets.failures(self.session, target)}


@pytest.fixture
def other() -> Iterator[OtherStore]:
    with serving(OtherStore()) as running:
        yield running


@pytest.fixture
def sender(session: Session, other: OtherStore) -> Forwarding:
    return Forwarding(session, other)
