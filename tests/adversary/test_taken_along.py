"""Downloads and browsers that cannot sign: what is handed out freely is still earned second by second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from joserfc.errors import JoseError
from sqlalchemy.orm import Session

from elearn.courses import classes
from elearn.demo.scripted_player import Device, ScriptedPlayer
from elearn.tracking import policies
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.policy import Policy
from tests.adversary.test_earning import believed_ms, end_class, retire, withdraw
from tests.builders_people import an_account
from tests.builders_tracking import AT, Watchable, a_player, a_unit, a_watchable, pass_check
from tests.conftest import ManualClock, scalar
from tests.tracking.service.test_unsigned import bare

MINUTE_MS = 60_000


@pytest.fixture
def lesson(session: Session) -> Watchable:
    return a_watchable(session, duration_ms=30 * MINUTE_MS)


def test_a_lesson_delivered_whole_is_still_watched_in_real_time(player: ScriptedPlayer, session: Session) -> None:
    player.download()
    for _ in range(5):
        player.pass_time(1_000)
        start = player.state["frontier_ms"]
        for step in range(12):
            player.make(a=start + step * 15_000, b=start + (step + 1) * 15_000, play=15_000)
        player.flush()
        player.seq, player.prev, player.queue = player.state["acknowledged"], None, []
    assert believed_ms(session) <= 5_050
    assert check_ledger(session) == []


def test_two_lessons_taken_along_and_played_at_once_earn_the_time_of_one(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, clock: ManualClock
) -> None:
    """Two phones offline side by side, both queues sent on return, the older sitting's with a clock of its choice."""
    began = clock.now
    player.download()
    other = a_player(app, session, lesson.learner_id)
    other.open(a_unit(session, lesson.course_id, lesson.institution_id, duration_ms=30 * MINUTE_MS))
    other.download()
    for one in (player, other):
        one.cm += 10 * MINUTE_MS
        for step in range(40):
            one.make(a=step * 15_000, b=(step + 1) * 15_000, play=15_000, cm=one.cm - (39 - step) * 15_000)
    clock.advance(10 * MINUTE_MS)
    for sent_cm in (player.cm, player.cm + 9 * MINUTE_MS):
        told = player.call("POST", player.at("/reports"), player.message(sent_cm=sent_cm))
        assert told.status == 200
        player.look()
    other.flush()
    elapsed_ms = int((clock.now - began).total_seconds() * 1000)
    assert 9 * MINUTE_MS < believed_ms(session) <= elapsed_ms * 101 // 100
    assert check_ledger(session) == []


def test_keys_that_were_passed_on_earn_nobody_else_anything(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    """A colleague plays with them and knows the media by heart: to this learner nothing was delivered."""
    colleague = an_account(session).person_id
    classes.enrol(session, lesson.class_id, [colleague], acting=[lesson.institution_id], at=AT)
    leaked = player.download()["keys"]
    other = a_player(app, session, colleague)
    other.open(lesson.unit_id)
    assert len(leaked) == 60
    other.pass_time(60_000)
    for step in range(4):
        other.make(a=step * 15_000, b=(step + 1) * 15_000, play=15_000, cm=other.cm - (3 - step) * 15_000)
    other.flush()
    assert scalar(session, "SELECT count(*) FROM elearn.delivery WHERE learner_id = :who", who=colleague) == 0
    assert believed_ms(session) == 0


def test_another_persons_keys_and_proof_enrolled_as_ones_own_open_nothing_and_change_nothing(
    app: Flask, session: Session, player: ScriptedPlayer
) -> None:
    """Public halves are public: a licence for whoever copies them is sealed to their owner."""
    thief_lesson = a_watchable(session)
    thief = a_player(app, session, thief_lesson.learner_id)
    own = thief.device
    enrolment = player.device.enrolment()
    thumbprint = thief.call("POST", "/devices", enrolment).json()["thumbprint"]
    thief.device = replace(own, thumbprint=thumbprint)
    thief.open(thief_lesson.unit_id)
    sealed = thief.call("POST", thief.at("/licence"), {}).json()["licence"]["jwe"]
    with pytest.raises(JoseError):
        own.open_licence(sealed)
    got = thief.call("POST", "/devices", {"jwk": enrolment["jwk"], "agreement": own.enrolment()["agreement"]})
    assert (got.status, got.json()["error"]) == (400, "agreement_signature")
    assert player.download()["unit"] == player.opened["unit"]


def test_a_proof_made_for_another_signing_key_is_none(player: ScriptedPlayer) -> None:
    mine, other = Device(), Device()
    swapped = {"jwk": mine.jwk(), "agreement": other.enrolment()["agreement"]}
    got = player.call("POST", "/devices", swapped)
    assert (got.status, got.json()["error"]) == (400, "agreement_signature")


@pytest.mark.parametrize("spoil", [retire, withdraw, end_class])
def test_what_is_no_longer_offered_is_not_taken_along(
    session: Session, lesson: Watchable, player: ScriptedPlayer, spoil: Callable[[Session, Watchable], None]
) -> None:
    spoil(session, lesson)
    session.flush()
    got = player.call("POST", player.at("/licence"), {})
    assert (got.status, got.json()["error"]) == (403, "not_enrolled")
    assert scalar(session, "SELECT count(*) FROM elearn.licence") == 0


def test_asking_a_hundred_times_leaves_one_row_and_one_record_a_block(player: ScriptedPlayer, session: Session) -> None:
    for _ in range(100):
        assert player.call("POST", player.at("/licence"), {}).status == 201
    rows = "SELECT (SELECT count(*) FROM elearn.licence) || ' ' || (SELECT count(*) FROM elearn.delivery)"
    assert scalar(session, rows) == "1 60"


# -- without a key that signs


@pytest.fixture
def lenient(app: Flask) -> Iterator[None]:
    policies.give(app, replace(Policy(), unsigned=True))
    yield
    policies.give(app, None)


def test_a_stolen_token_of_an_unsigned_sitting_is_worth_nothing_without_its_learner(
    app: Flask, session: Session, lesson: Watchable, lenient: None
) -> None:
    """There is no signature to forge: cookie and token are all there is, and it takes both."""
    victim = bare(a_player(app, session, lesson.learner_id))
    victim.open(lesson.unit_id)
    victim.have_key()
    victim.pass_time(15_000)
    victim.make(a=0, b=15_000, play=15_000)
    message: dict[str, Any] = victim.message()
    thief = a_player(app, session, a_watchable(session).learner_id)
    thief.opened = victim.opened
    assert thief.call("POST", thief.at("/reports"), message).json()["error"] == "not_your_sitting"
    assert app.test_client().post(victim.at("/reports"), json=message).status_code in (400, 401, 403)
    assert believed_ms(session) == 0


def test_the_token_of_a_signed_sitting_does_not_make_an_unsigned_one_signed_nor_the_other_way_round(
    app: Flask, session: Session, lesson: Watchable, lenient: None
) -> None:
    signed = a_player(app, session, lesson.learner_id)
    signed.open(lesson.unit_id)
    unsigned = bare(signed)
    unsigned.open(lesson.unit_id)
    first, second = signed.opened["token"], unsigned.opened["token"]
    for one, token in ((signed, second), (unsigned, first)):
        for path, body in (("/reports", one.message([])), ("/licence", {}), ("/checks", {}), ("/close", {})):
            got = one.call("POST", one.at(path), body, X_Sitting=token)
            assert (got.status, got.json()["error"]) == (403, "bad_token"), path
    assert scalar(session, "SELECT count(*) FROM elearn.sitting WHERE device IS NOT NULL") == 1


def test_time_watched_unsigned_under_lax_rules_stays_marked_when_a_signed_sitting_confirms_it(
    app: Flask, session: Session, lesson: Watchable, lenient: None
) -> None:
    unsigned = bare(a_player(app, session, lesson.learner_id))
    unsigned.open(lesson.unit_id)
    unsigned.have_key()
    unsigned.play(15_000)
    policies.give(app, None)
    signed = a_player(app, session, lesson.learner_id)
    signed.open(lesson.unit_id)
    signed.have_key()
    signed.play(15_000)
    assert pass_check(signed)["final_ms"] == 30_000
    rows = session.execute(
        sa.text(
            "SELECT w.start_ms, w.end_ms, bool_and(s.device IS NOT NULL) FROM elearn.watched_span w "
            "JOIN elearn.watched_span p ON p.id = ANY (w.settles) JOIN elearn.sitting s ON s.id = p.sitting_id "
            "WHERE w.kind = 'final' GROUP BY w.id ORDER BY 1"
        )
    ).all()
    assert [tuple(row) for row in rows] == [(0, 15_000, False), (15_000, 30_000, True)]
    assert check_ledger(session) == []
