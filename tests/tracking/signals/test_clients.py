"""Where a sitting was opened from: kept so that two that are the same can be told, and forgotten in time."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.tracking.signals import clients
from elearn.tracking.signals.models import SittingClient
from tests.builders_tracking import a_player, a_watchable

SECRET = b"k" * 32


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),  # an IPv4 caller on a socket that speaks both
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # the lower half is the host's own choice
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ],
)
def test_two_addresses_are_told_to_be_one_line_or_two(one: str, other: str, same: bool) -> None:
    assert (clients.coarse(one, SECRET)[0] == clients.coarse(other, SECRET)[0]) is same


def test_the_hash_is_worth_nothing_without_the_key() -> None:
    assert clients.coarse("203.0.113.7", SECRET)[0] != clients.coarse("203.0.113.7", b"another" * 5)[0]


@pytest.mark.parametrize(
    ("address", "network"),
    [("203.0.113.7", "203.0.113.0/24"), ("2001:db8:1:2::1", "2001:db8:1::/48"), ("unix:", None), (None, None)],
)
def test_the_network_is_kept_coarse(address: str | None, network: str | None) -> None:
    assert clients.coarse(address, SECRET)[1] == network


def open_with(app: Flask, session: Session, client: object, status: int = 201) -> dict[str, Any]:
    there = a_watchable(session)
    player = a_player(app, session, there.learner_id)
    player.enrol()
    sent = {"unit": str(there.unit_id), "device": player.device.thumbprint, "cm": 5, "player": "hls.js"}
    got = player.call("POST", "/sittings", sent | {"client": client}, User_Agent="Phone " * 100)
    assert got.status == status, got.body
    told: dict[str, Any] = got.json()
    return told


SAID = {"touch": True, "webdriver": False, "screen": [360, 800], "zone": "Asia/Shanghai"}


@pytest.mark.parametrize("said", [SAID, {"touch": False}, {}])
def test_what_the_player_says_of_itself_is_kept_as_it_said_it(
    app: Flask, session: Session, said: dict[str, Any]
) -> None:
    sid = open_with(app, session, said)["sid"]
    kept = session.scalars(sa.select(SittingClient).where(SittingClient.sitting_id == sid)).one()
    assert kept.client == said
    assert kept.user_agent is not None
    assert len(kept.user_agent) == clients.USER_AGENT_LENGTH
    assert kept.network == "127.0.0.0/24"


@pytest.mark.parametrize(
    "said", [{"touch": "yes"}, {"screen": [1]}, {"screen": [-1, 2]}, {"zone": "a\0b"}, {"battery": 5}, []]
)
def test_what_is_no_such_statement_is_refused(app: Flask, session: Session, said: object) -> None:
    assert open_with(app, session, said, 400)["error"] == "malformed"


@pytest.mark.parametrize(("touches", "status"), [(0, 200), (7, 200), (None, 200), (-1, 400), ("many", 400)])
def test_a_report_may_say_how_often_it_was_touched(app: Flask, session: Session, touches: object, status: int) -> None:
    there = a_watchable(session)
    player = a_player(app, session, there.learner_id)
    player.open(there.unit_id)
    player.make(touches=touches)
    assert player.call("POST", player.at("/reports"), player.message()).status == status


def test_after_half_a_year_it_is_forgotten(app: Flask, session: Session) -> None:
    sid = open_with(app, session, SAID)["sid"]
    opened_ms = session.scalars(sa.select(SittingClient.opened_ms).where(SittingClient.sitting_id == sid)).one()
    assert clients.forget_old(session, now_ms=opened_ms + clients.KEPT_MS) == 0
    assert clients.forget_old(session, now_ms=opened_ms + clients.KEPT_MS + 1) == 1
