"""Making an honest worker lose time, or locking one out."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import Device, ScriptedPlayer
from elearn.people import callers
from elearn.people.models import Role
from elearn.tracking.ledger_check import check_ledger
from tests.builders_people import PASSWORD, a_person, a_resident_id, an_account, an_organisation, signed_in
from tests.builders_tracking import Watchable, a_player, a_watchable, pass_check
from tests.conftest import scalar

HOUR_MS = 3_600_000


@pytest.fixture
def enemy(app: Flask, session: Session, player: ScriptedPlayer) -> ScriptedPlayer:
    """Another learner, signed in and with a sitting of their own, who knows the victim's ids."""
    other = a_watchable(session)
    enemy = a_player(app, session, other.learner_id)
    enemy.open(other.unit_id)
    return enemy


def test_enrolling_another_persons_device_key_takes_nothing_from_them(
    player: ScriptedPlayer, enemy: ScriptedPlayer
) -> None:
    enemy.device = Device(key=player.device.key)
    enemy.enrol()
    for _ in range(20):  # and pushing it out of the enemy's own list again, at ten new ones a day
        enemy.pass_time(3 * HOUR_MS)
        enemy.device = Device()
        enemy.enrol()
    player.open(player.opened["unit"])
    assert player.play(15_000)["frontier_ms"] == 15_000


def test_statements_about_another_learner_reach_neither_record_nor_account(
    player: ScriptedPlayer, enemy: ScriptedPlayer, session: Session
) -> None:
    enemy.opened = enemy.opened | {"actor": player.opened["actor"], "activity": player.opened["activity"]}
    enemy.pass_time(15_000)
    enemy.make(a=0, b=15_000, play=15_000)
    assert enemy.flush()["results"][0]["outcome"] == "refused"
    assert scalar(session, "SELECT count(*) FROM elearn.statement") == 0
    assert player.play(15_000)["frontier_ms"] == 15_000


def test_a_sitting_is_not_ended_from_outside(player: ScriptedPlayer, enemy: ScriptedPlayer) -> None:
    mine = enemy.opened["token"]
    for token in (mine, player.opened["token"]):
        got = enemy.call("POST", f"/sittings/{player.sid}/close", {}, X_Sitting=token)
        assert got.status == 403
    assert player.look()["ended"] is None


def test_another_sites_form_opens_closes_and_answers_nothing(player: ScriptedPlayer) -> None:
    """The browser sends the cookie along; the page's token it cannot send."""
    asked = {"unit": player.opened["unit"], "device": player.device.thumbprint, "cm": 0, "player": "x"}
    for path, body in (("/sittings", asked), (player.at("/close"), {}), (player.at("/checks"), {}), ("/devices", {})):
        for forged in ("", "x", player.headers["X-CSRFToken"][:-1]):
            assert player.call("POST", path, body, X_CSRFToken=forged).json()["error"] == "csrf"
    assert player.look()["ended"] is None


def test_anothers_page_token_is_not_mine(player: ScriptedPlayer, enemy: ScriptedPlayer) -> None:
    got = player.call("POST", player.at("/close"), {}, X_CSRFToken=enemy.headers["X-CSRFToken"])
    assert got.json()["error"] == "csrf"


def test_a_session_planted_before_signing_in_is_worth_nothing(app: Flask, session: Session) -> None:
    """Fixation: the enemy's cookie is put into the victim's browser, who then signs in on it."""
    account = an_account(session, name="victim-1")
    session.commit()
    planted = app.test_client()
    page = planted.get("/signin")
    cookie = planted.get_cookie("elearn")
    assert page.status_code == 200
    assert cookie is not None
    victim = app.test_client()
    victim.set_cookie("elearn", cookie.value)
    callers.forget_last_request()
    token = csrf_of(page.get_data(as_text=True))
    form = {"name": "victim-1", "password": PASSWORD, "csrf_token": token}
    assert victim.post("/signin", data=form).status_code == 303
    callers.forget_last_request()
    assert victim.post("/devices", json={}, headers={"X-CSRFToken": token}).get_json()["error"] == "csrf"
    callers.forget_last_request()
    assert planted.get("/hours").status_code != 200, "the planted browser is still nobody"
    assert account.id


def csrf_of(page: str) -> str:
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def test_wrong_passwords_from_one_address_lock_the_owner_out_nowhere_else(app: Flask, session: Session) -> None:
    an_account(session, name="victim-2")
    session.commit()
    statuses = [sign_in(app.test_client(), "victim-2", "wrong and wrong", "198.51.100.1") for _ in range(12)]
    assert statuses == [401] * 8 + [429] * 4
    assert sign_in(app.test_client(), "victim-2", PASSWORD, "203.0.113.5") == 303


def sign_in(client: FlaskClient, name: str, password: str, address: str) -> int:
    callers.forget_last_request()
    page = client.get("/signin").get_data(as_text=True)
    form = {"name": name, "password": password, "csrf_token": csrf_of(page)}
    return client.post("/signin", data=form, environ_overrides={"REMOTE_ADDR": address}).status_code


def test_forged_reports_do_not_use_up_the_numbers_of_the_true_ones(player: ScriptedPlayer, session: Session) -> None:
    """Somebody on the line alters what was sent: 64 forgeries, ahead and behind, and then the true one counts."""
    player.pass_time(15_000)
    true = player.make(a=0, b=15_000, play=15_000)
    message = player.message([true] * 64)
    for number, report in enumerate(message["reports"]):
        report["statement"] = true.replace('"seq": 1,', f'"seq": {number + 1},').replace('"b": 15000', '"b": 14000')
    told = player.deliver(message)
    assert {one["outcome"] for one in told["results"]} == {"refused"}
    player.queue = [true]
    assert player.flush()["results"][0]["outcome"] == "believed"
    assert check_ledger(session) == []


def test_a_key_that_was_withdrawn_by_too_many_new_ones_is_told_and_nothing_is_lost(
    player: ScriptedPlayer, lesson: Watchable
) -> None:
    """A browser that forgets its storage makes a new key each time; the oldest goes, the sitting can be opened anew."""
    player.play(15_000)
    pass_check(player)
    for _ in range(21):
        player.pass_time(3 * HOUR_MS)
        player.device = Device()
        player.enrol()
    assert player.open(lesson.unit_id)["final_ms"] == 15_000
    assert player.play(15_000)["frontier_ms"] == 30_000


# -- exhaustion: what is too much is refused early and cheaply


@pytest.mark.parametrize("path", ["/devices", "/sittings", "/exam/v1/token", "/signin"])
def test_ten_megabytes_are_refused_at_every_small_door(player: ScriptedPlayer, path: str) -> None:
    got = player.call("POST", path, raw=b"[" * 10_000_000)
    assert got.status in (400, 413), got.status


@pytest.mark.parametrize("depth", [100, 900, 1_000, 5_000, 50_000])
def test_deep_json_is_refused_and_not_a_crash(player: ScriptedPlayer, session: Session, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    statement = player.make().replace('"timestamp"', f'"x": {deep}, "timestamp"')
    inside = player.make().replace('"seq": 2', f'"deep": {deep}, "seq": 2')
    for raw in (statement, inside):
        got = player.call("POST", player.at("/reports"), player.message([raw]))
        assert got.status in (200, 400), got.status
        player.look()
    for body in (
        deep,
        f'{{"sid": {deep}}}',
        f'{{"x": {deep}}}',
        f'{{"jwk": {{"x": {deep}}}}}',
        f'{{"answer": [{deep}]}}',
    ):
        for path in (player.at("/reports"), "/sittings", "/devices", player.at("/checks")):
            assert player.call("POST", path, raw=body.encode()).status == 400
    assert scalar(session, "SELECT count(*) FROM elearn.sitting") == 1


def test_twenty_sittings_leave_one_live_and_the_lesson_where_it_was(
    player: ScriptedPlayer, lesson: Watchable, session: Session
) -> None:
    player.play(15_000)
    for _ in range(20):
        player.open(lesson.unit_id)
    assert scalar(session, "SELECT count(*) FROM elearn.sitting WHERE ended_ms IS NULL") == 1
    assert player.play(15_000)["frontier_ms"] == 30_000


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z"])
def test_a_moment_outside_the_calendar_is_refused_or_kept_and_earns_the_same(
    player: ScriptedPlayer, session: Session, moment: str
) -> None:
    player.pass_time(15_000)
    statement = player.make(a=0, b=15_000, play=15_000).replace("2026-11-22T03:10:16.925Z", moment)
    got = player.call("POST", player.at("/reports"), player.message([statement]))
    assert got.status in (200, 400)


def test_a_clerk_who_knows_a_workers_number_does_not_get_the_workers_account(app: Flask, session: Session) -> None:
    """Name and document number are enough to take somebody in; they must not be enough to become them."""
    number = a_resident_id()
    victim = an_account(session, person=a_person(session, document_number=number))
    company = an_organisation(session)
    clerk = an_account(session, Role.ENTERPRISE_CLERK, organisation_id=company.id)
    session.commit()
    client = app.test_client()
    callers.forget_last_request()
    headers = signed_in(client, session, clerk)
    form = {
        "name": "张三", "document_kind": "resident_id", "document_number": number, "kind": "employee", "account": "x-1",
    }  # fmt: skip
    callers.forget_last_request()
    assert client.post("/people/new", headers=headers, data=form).status_code == 303
    callers.forget_last_request()
    assert client.post(f"/people/{victim.person_id}/reset", headers=headers).status_code == 404
    assert victim.password_hash is not None
