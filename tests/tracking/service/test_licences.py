"""A lesson is taken along: all its keys at once, sealed to one device, on record; what watching it offline earns."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from flask import Flask
from joserfc.errors import JoseError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn import backup, embedded
from elearn.clock import from_ms
from elearn.courses import classes
from elearn.db import db
from elearn.demo.scripted_player import Answer, Device, ScriptedPlayer, p256_key, unbase64url
from elearn.people import devices
from elearn.people.signatures import signature_holds
from elearn.tracking import policies
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.licences import Granted, seal
from elearn.tracking.policy import Policy
from tests.backup.tables import rows_of
from tests.builders_tracking import Watchable, a_player, a_watchable, fail_check, pass_check
from tests.conftest import ManualClock, scalar
from tests.tracking.service.test_two_at_once import at_once

WEEK_MS = 7 * 24 * 3_600_000
MINUTE_MS = 60_000
PROTOCOL = Path(__file__).parents[3] / "docs" / "player-protocol.md"


@pytest.fixture
def lesson(session: Session) -> Watchable:
    """25 minutes: 50 blocks."""
    return a_watchable(session, duration_ms=25 * MINUTE_MS)


@pytest.fixture
def player(app: Flask, session: Session, lesson: Watchable) -> ScriptedPlayer:
    """Somebody with an open sitting of it."""
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    return player


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


def again_later(app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable, ms: int) -> ScriptedPlayer:
    """The same browser after so long: signed in anew, and the lesson opened anew."""
    player.wait(ms)
    later = a_player(app, session, lesson.learner_id)
    later.device = player.device
    later.open(lesson.unit_id)
    return later


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
        "policy": policies.in_force()[1],
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


# -- what watching it offline earns


def play_offline(player: ScriptedPlayer, ms: int) -> None:
    """Play on for `ms` without network: reports are made each heartbeat and kept."""
    for _ in range(ms // 15_000):
        player.pass_time(15_000)
        begin, player.position_ms = player.position_ms, player.position_ms + 15_000
        player.make(a=begin, b=player.position_ms, play=15_000)


def send(player: ScriptedPlayer, count: int) -> dict[str, Any]:
    """Send the first `count` of what waits, in one message; the state after it."""
    return player.deliver(player.message(player.queue[:count]))


def refusals(session: Session) -> list[str]:
    rows = session.execute(
        sa.text("SELECT DISTINCT part ->> 2 FROM elearn.report r, jsonb_array_elements(r.refused) part ORDER BY 1")
    )
    return [row[0] for row in rows]


def test_ten_minutes_offline_count_in_one_batch_as_late(session: Session, player: ScriptedPlayer) -> None:
    player.download()
    play_offline(player, 10 * MINUTE_MS)
    told = send(player, 40)
    assert {result["outcome"] for result in told["results"]} == {"believed"}
    assert [result["late"] for result in told["results"]] == [True] * 36 + [False] * 4, "older than 45 s on arrival"
    assert (told["frontier_ms"], told["pending_ms"]) == (10 * MINUTE_MS, 10 * MINUTE_MS)
    assert pass_check(player)["final_ms"] == 10 * MINUTE_MS
    assert check_ledger(session) == []


def test_of_twenty_minutes_offline_fifteen_count_though_checks_are_passed_between(
    session: Session, player: ScriptedPlayer
) -> None:
    player.download()
    play_offline(player, 20 * MINUTE_MS)
    assert send(player, 40)["pending_ms"] == 10 * MINUTE_MS
    pass_check(player)
    told = send(player, 40)
    assert told["frontier_ms"] == 15 * MINUTE_MS, "the player goes back there"
    assert "OFFLINE_LIMIT" in refusals(session)
    assert {result["class"] for result in told["results"][21:36]} <= {"limit_reached", "jumped_ahead"}
    assert pass_check(player)["final_ms"] == 15 * MINUTE_MS

    player.position_ms = told["frontier_ms"]
    told = player.play(30_000)
    assert told["frontier_ms"] == 15 * MINUTE_MS + 30_000, "and from there it goes on"
    assert check_ledger(session) == []


def test_without_a_licence_only_what_was_delivered_counts(session: Session, player: ScriptedPlayer) -> None:
    assert [player.ask_key(index).status for index in range(3)] == [200, 200, 425]
    play_offline(player, 10 * MINUTE_MS)
    assert send(player, 40)["frontier_ms"] == MINUTE_MS
    assert "NOT_DELIVERED" in refusals(session)


def test_a_licence_that_ran_out_takes_nothing_back(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable
) -> None:
    player.download()
    later = again_later(app, session, player, lesson, WEEK_MS + 1)
    play_offline(later, MINUTE_MS)
    assert send(later, 4)["frontier_ms"] == MINUTE_MS, "the player obeys the end; credit does not rest on it"


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


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """Statements that the session's engine runs meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_a_long_lesson_costs_no_more_statements_than_a_short_one(app: Flask, session: Session) -> None:
    counts = []
    for duration_ms in (30_000, 12 * 3_600_000):
        lesson = a_watchable(session, duration_ms=duration_ms)
        player = a_player(app, session, lesson.learner_id)
        player.open(lesson.unit_id)
        with counted(session) as seen:
            assert len(player.download()["keys"]) == duration_ms // 30_000
        counts.append(len(seen))
    assert counts[0] == counts[1]


# -- the ledger


@pytest.fixture
def downloaded(session: Session, player: ScriptedPlayer) -> Session:
    player.download()
    session.commit()
    return session


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM elearn.delivery WHERE block = 7",
        "UPDATE elearn.delivery SET given_ms = given_ms + 1 WHERE block = 7",
        "UPDATE elearn.licence SET expires_ms = expires_ms + 1",
        "UPDATE elearn.licence SET device = 'another'",
        "UPDATE elearn.licence SET issued_ms = issued_ms - 1, expires_ms = expires_ms - 1",
        "UPDATE elearn.sitting SET ended_ms = opened_ms - 1, ended_reason = 'closed'",
    ],
)
def test_a_licence_changed_behind_our_back_is_named(downloaded: Session, change: str) -> None:
    for table in ("licence", "delivery"):
        downloaded.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))  # as an insider would
    assert check_ledger(downloaded) == []
    downloaded.execute(sa.text(change))
    assert [difference.what for difference in check_ledger(downloaded)] == ["licence"]


def test_the_database_refuses_to_change_a_licence(downloaded: Session) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        downloaded.execute(sa.text("UPDATE elearn.licence SET expires_ms = expires_ms + 1"))


def test_a_backup_brings_licences_and_agreement_keys_back(
    own_app: Flask, services: embedded.Services, tmp_path: Path
) -> None:
    with own_app.app_context():
        session = db.session()
        lesson = a_watchable(session)
        session.commit()
        player = a_player(own_app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.download()
    settings = own_app.extensions["elearn"].settings
    settings.media_dir.mkdir(parents=True, exist_ok=True)
    backup.backup(settings.database_url, settings.media_dir, None, tmp_path / "file")
    url = services.create_database(f"licences_back_{id(player)}")
    backup.restore(tmp_path / "file", url, tmp_path / "media")
    before, after = rows_of(settings.database_url), rows_of(url)
    assert after == before
    assert [len(before[table]) for table in ("licence", "device", "delivery")] == [1, 1, 3]


# -- the examples of the protocol

RFC_7518_BOB = "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"
"""`d` of Bob's key in appendix C: everybody knows it, so everybody can try the examples."""


def test_the_protocols_examples_are_true() -> None:
    text = PROTOCOL.read_text(encoding="utf-8")
    examples = [json.loads(part.split("```")[0]) for part in text.split("```json\n")[1:]]
    [enrolment] = [example for example in examples if "agreement" in example]
    [licence] = [example["licence"] for example in examples if set(example) == {"licence"}]
    [payload] = [example for example in examples if "keys" in example]

    agreement = msgspec.convert(enrolment["agreement"], devices.Agreement)
    name = devices.thumbprint(agreement.jwk)
    signing = devices.load_key(enrolment["jwk"]["x"], enrolment["jwk"]["y"])
    assert signature_holds(signing, unbase64url(agreement.sig), devices.agreement_bytes(name))

    bob = Device(agreeing=derive_private_key(int.from_bytes(unbase64url(RFC_7518_BOB)), SECP256R1()))
    assert bob.enrolment()["agreement"]["jwk"] == enrolment["agreement"]["jwk"]
    assert bob.open_licence(licence["jwe"]) == payload
    again = seal(
        Granted(
            UUID(licence["id"]),
            UUID(licence["unit"]),
            licence["issued_ms"],
            licence["expires_ms"],
            agreement.jwk.bare(),
        ),
        [unbase64url(key) for key in payload["keys"]],
    )
    assert {**again, "jwe": ""} == {**licence, "jwe": ""}
    assert bob.open_licence(again["jwe"]) == payload
    assert header_of(again["jwe"]).keys() == header_of(licence["jwe"]).keys()
