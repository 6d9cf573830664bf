"""A lesson is taken along: all its keys at once, sealed to one device, on record."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from flask import Flask
from joserfc.errors import JoseError
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.courses import classes
from elearn.db import db
from elearn.demo.scripted_player import Answer, Device, ScriptedPlayer, p256_key, unbase64url
from elearn.people import devices
from elearn.tracking import policies
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.policy import Policy
from tests.at_once import at_once
from tests.builders_tracking import Watchable, a_player, a_watchable, again_later, fail_check
from tests.conftest import ManualClock, scalar, statements

WEEK_MS = 7 * 24 * 3_600_000
MINUTE_MS = 60_000


@pytest.fixture
def lesson(session: Session) -> Watchable:
    """25 minutes: 50 blocks."""
    return a_watchable(session, duration_ms=25 * MINUTE_MS)


def ask(player: ScriptedPlayer, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    return player.call("POST", player.at("/licence"), {} if body is None else body, raw=None, **headers or {})


def error_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["error"]


def header_of(sealed: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(unbase64url(sealed.split(".")[0]))
    return header


def licences(session: Session) -> list[dict[str, Any]]:
    rows = session.execute(sa.text("SELECT * FROM elearn.licence ORDER BY issued_ms"))
    return [dict(row._mapping) for row in rows]


def delivered(session: Session) -> list[int]:
    return list(session.scalars(sa.text("SELECT block FROM elearn.delivery ORDER BY block")))


# -- what is given, and what stands of it


def test_a_licence_opens_every_block_at_once_and_is_on_record(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable, clock: ManualClock
) -> None:
    answer = ask(player)
    told = answer.json()
    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    assert {"frontier_ms", "nonce", "server_time_ms", "ended"} <= set(told), "the state stands beside it"
    licence = told["licence"]
    assert set(licence) == {"id", "unit", "issued_ms", "expires_ms", "jwe"}
    assert (licence["issued_ms"], licence["expires_ms"] - licence["issued_ms"]) == (told["server_time_ms"], WEEK_MS)

    assert delivered(session) == list(range(50)), "all media counts as delivered from now on"
    [row] = licences(session)
    body = player.device.enrolment()
    agreement = devices.thumbprint(msgspec.convert(body["agreement"]["jwk"], devices.AgreementJwk))
    assert row == {
        "id": UUID(licence["id"]),
        "learner_id": lesson.learner_id,
        "unit_id": lesson.unit_id,
        "device": player.device.thumbprint,
        "agreement": agreement,
        "sitting_id": UUID(player.sid),
        "issued_ms": licence["issued_ms"],
        "expires_ms": licence["expires_ms"],
        "policy": policies.in_force().digest(),
        "evidence_batch": session.scalar(sa.text("SELECT pg_sequence_last_value('elearn.evidence_batch')")),
    }
    assert from_ms(licence["issued_ms"]) == clock.now
    header = header_of(licence["jwe"])
    assert (header["alg"], header["enc"], header["kid"]) == ("ECDH-ES+A256KW", "A256GCM", agreement)
    assert player.ask_key(49).status == 200, "what counts as delivered is given again at any time"
    assert check_ledger(session) == []


def test_the_licence_holds_the_true_keys_for_this_device_and_for_no_other(
    player: ScriptedPlayer, lesson: Watchable
) -> None:
    sealed = ask(player).json()["licence"]
    opened = player.device.open_licence(sealed["jwe"])
    assert opened == {
        "unit": str(lesson.unit_id),
        "licence": sealed["id"],
        "expires_ms": sealed["expires_ms"],
        "keys": opened["keys"],
    }
    assert [unbase64url(key) for key in opened["keys"]] == [bytes([index]) * 16 for index in range(50)]
    for other in (Device(), Device(key=player.device.key), Device(agreeing=player.device.key)):
        with pytest.raises(JoseError):
            other.open_licence(sealed["jwe"])


def test_blocks_that_were_given_before_keep_the_time_at_which_they_were(
    session: Session, player: ScriptedPlayer
) -> None:
    assert player.ask_key(0).status == 200
    first = scalar(session, "SELECT given_ms FROM elearn.delivery WHERE block = 0")
    player.pass_time(5_000)
    player.download()
    assert scalar(session, "SELECT given_ms FROM elearn.delivery WHERE block = 0") == first
    assert scalar(session, "SELECT count(DISTINCT given_ms) FROM elearn.delivery") == 2
    assert delivered(session) == list(range(50))
    assert check_ledger(session) == []


def test_another_device_gets_a_licence_of_its_own(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable
) -> None:
    first = player.download()
    tablet = a_player(app, session, lesson.learner_id)
    tablet.open(lesson.unit_id)
    second = tablet.download()
    assert first["licence"] != second["licence"]
    assert [row["device"] for row in licences(session)] == [player.device.thumbprint, tablet.device.thumbprint]
    assert check_ledger(session) == []


# -- asked again


def test_asked_again_it_is_the_same_licence_sealed_anew(session: Session, player: ScriptedPlayer) -> None:
    first = ask(player).json()["licence"]
    player.pass_time(5_000)
    second = ask(player).json()["licence"]
    assert {**first, "jwe": ""} == {**second, "jwe": ""}
    assert first["jwe"] != second["jwe"]
    assert player.device.open_licence(first["jwe"]) == player.device.open_licence(second["jwe"])
    assert len(licences(session)) == 1


@pytest.mark.parametrize(
    ("rule", "after_ms", "rows"),
    [
        ("in the first half of its time it is the same", WEEK_MS // 2 - 1, 1),
        ("from the half on it is renewed for its whole time", WEEK_MS // 2, 2),
        ("once it has run out it is a new one", WEEK_MS, 2),
        ("long after too", 5 * WEEK_MS, 2),
    ],
)
def test_a_licence_is_renewed_before_it_runs_out(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable, rule: str, after_ms: int, rows: int
) -> None:
    first = ask(player).json()["licence"]
    later = again_later(app, session, player, lesson, after_ms)
    second = ask(later).json()["licence"]
    assert len(licences(session)) == rows, rule
    assert (second["id"] == first["id"]) == (rows == 1)
    assert second["expires_ms"] == first["expires_ms"] + (0 if rows == 1 else after_ms)
    assert ask(later).json()["licence"]["id"] == second["id"], "of several the one that lasts longest"
    assert delivered(session) == list(range(50))
    assert check_ledger(session) == []


# -- who gets none


def test_a_sitting_that_is_over_gets_none(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable
) -> None:
    newer = a_player(app, session, lesson.learner_id)
    newer.open(lesson.unit_id)
    assert error_of(ask(player)) == (403, "playing_elsewhere")
    newer.close()
    assert error_of(ask(newer)) == (403, "closed")
    newest = a_player(app, session, lesson.learner_id)
    newest.open(lesson.unit_id)
    newest.wait(13 * 3_600_000)
    assert error_of(ask(newest)) == (403, "expired")
    assert (licences(session), delivered(session)) == ([], [])


def test_somebody_elses_sitting_gives_none(app: Flask, session: Session, player: ScriptedPlayer) -> None:
    thief = a_player(app, session, a_watchable(session).learner_id)
    thief.enrol()
    thief.opened = player.opened
    assert error_of(ask(thief)) == (403, "not_your_sitting")
    assert (licences(session), delivered(session)) == ([], [])


@pytest.mark.parametrize(
    ("rule", "body", "headers", "expected"),
    [
        ("nothing stands in the body", {"unit": "x"}, {}, (400, "malformed")),
        ("a list is no object", [], {}, (400, "malformed")),
        ("the sitting's token comes along", {}, {"X_Sitting": ""}, (403, "bad_token")),
        ("and is ours", {}, {"X_Sitting": "WzFd.abc"}, (403, "bad_token")),
        ("and the page's", {}, {"X_CSRFToken": ""}, (403, "csrf")),
    ],
)
def test_what_no_player_sends_gets_none(
    session: Session, player: ScriptedPlayer, rule: str, body: object, headers: dict[str, str], expected: object
) -> None:
    assert error_of(ask(player, body, headers)) == expected, rule
    assert (licences(session), delivered(session)) == ([], [])


def test_a_sitting_that_never_was_gives_none(player: ScriptedPlayer) -> None:
    assert error_of(player.call("POST", f"/sittings/{UUID(int=7)}/licence", {})) == (403, "bad_token")


def test_a_device_without_an_agreement_key_gets_one_as_soon_as_it_has_one(
    app: Flask, session: Session, lesson: Watchable
) -> None:
    player = a_player(app, session, lesson.learner_id)
    player.device.agreeing = None
    player.open(lesson.unit_id)
    refused = ask(player, headers={"Accept-Language": "zh-CN"})
    assert error_of(refused) == (409, "no_agreement_key")
    assert refused.json()["detail"] == "此设备没有下载密钥，无法下载课程。"
    assert (licences(session), delivered(session)) == ([], [])
    player.device.agreeing = p256_key()
    player.enrol()
    assert len(player.download()["keys"]) == 50


def test_a_licence_stays_sealed_to_the_key_the_device_brought_first(player: ScriptedPlayer) -> None:
    thief = Device(key=player.device.key)
    refused = player.call("POST", "/devices", thief.enrolment())
    assert error_of(refused) == (409, "device_agreement")
    sealed = ask(player).json()["licence"]["jwe"]
    with pytest.raises(JoseError):
        thief.open_licence(sealed)
    assert player.device.open_licence(sealed)


def test_where_the_policy_lets_nobody_download_there_is_none(app: Flask, session: Session, lesson: Watchable) -> None:
    policies.give(app, dataclasses.replace(Policy(), licence_ms=0))
    try:
        player = a_player(app, session, lesson.learner_id)
        assert player.open(lesson.unit_id)["licence_ms"] == 0
        assert error_of(ask(player)) == (403, "no_download")
    finally:
        policies.give(app, None)
    assert (licences(session), delivered(session)) == ([], [])


def test_who_left_the_class_may_finish_the_sitting_but_takes_nothing_along(
    session: Session, player: ScriptedPlayer, lesson: Watchable, clock: ManualClock
) -> None:
    classes.withdraw(session, lesson.class_id, lesson.learner_id, acting=[lesson.institution_id], at=clock.now)
    session.commit()
    assert player.ask_key(0).status == 200
    assert error_of(ask(player)) == (403, "not_enrolled")
    assert licences(session) == []


def test_a_revoked_device_gets_none(
    session: Session, player: ScriptedPlayer, lesson: Watchable, clock: ManualClock
) -> None:
    devices.revoke(session, lesson.learner_id, player.device.thumbprint, at=clock.now)
    session.commit()
    assert error_of(ask(player)) == (403, "bad_signature")
    assert (licences(session), delivered(session)) == ([], [])


def test_it_is_given_while_held_since_it_has_no_pace(session: Session, player: ScriptedPlayer) -> None:
    player.play(15_000)
    assert fail_check(player)["held"]
    told = ask(player).json()
    assert told["held"]
    assert delivered(session) == list(range(50))


# -- one row, one moment, few statements


def test_asked_twice_at_once_there_is_one_licence(own_app: Flask) -> None:
    with own_app.app_context():
        session = db.session()
        lesson = a_watchable(session)
        session.commit()
        player = a_player(own_app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    answers = at_once(*[partial(player.call, "POST", player.at("/licence"), {})] * 4)
    assert [answer.status for answer in answers] == [201] * 4
    assert len({answer.json()["licence"]["id"] for answer in answers}) == 1
    with own_app.app_context():
        assert scalar(db.session(), "SELECT count(*) FROM elearn.licence") == 1
        assert check_ledger(db.session()) == []


def test_a_long_lesson_costs_no_more_statements_than_a_short_one(app: Flask, session: Session) -> None:
    counts = []
    for duration_ms in (30_000, 12 * 3_600_000):
        lesson = a_watchable(session, duration_ms=duration_ms)
        player = a_player(app, session, lesson.learner_id)
        player.open(lesson.unit_id)
        with statements(session) as seen:
            assert len(player.download()["keys"]) == duration_ms // 30_000
        counts.append(len(seen))
    assert counts[0] == counts[1]
