"""A lesson being watched, under a policy that allows every way to confirm."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.settings import Settings
from elearn.tracking import checks, policies, providers
from elearn.tracking.policy import Policy
from tests.builders_people import an_account
from tests.builders_tracking import Watchable, a_player, a_watchable
from tests.tracking.presence.services import SECRET, FakeService, a_service

PHONE = "+8613912345678"


@pytest.fixture
def gateway() -> Iterator[FakeService]:
    with a_service() as fake:
        yield fake


@dataclasses.dataclass
class Allow:
    """`allow("webauthn", "question")`: what the policy allows from now on; the player opens its sitting anew."""

    app: Flask
    player: ScriptedPlayer | None = None

    def __call__(self, *methods: str) -> None:
        policies.give(self.app, Policy(presence_methods=methods))
        if self.player is not None:
            self.player.open(self.player.opened["unit"])


@pytest.fixture
def allow(app: Flask, settings: Settings, gateway: FakeService) -> Iterator[Allow]:
    """Both services stand at `gateway`."""
    here = dataclasses.replace(
        settings, sms_url=gateway.url, sms_secret=SECRET, face_url=gateway.url, face_secret=SECRET
    )
    kept = app.extensions["elearn"].kept
    kept["presence_ways"] = providers.ways_of(here, checks.secret_of(settings.secret_key))
    yield Allow(app)
    del kept["presence_ways"]
    policies.give(app, None)


@pytest.fixture
def lesson(session: Session) -> Watchable:
    """Ten minutes, and a learner who gave a phone number."""
    return a_watchable(session, duration_ms=600_000, learner_id=an_account(session, phone=PHONE).person_id)


@pytest.fixture
def player(app: Flask, session: Session, lesson: Watchable, allow: Allow) -> ScriptedPlayer:
    """A learner with 45 s that wait for a check."""
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert player.have_key()
    player.play(45_000)
    allow.player = player
    return player
