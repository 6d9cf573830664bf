"""Reading what is somebody else's, and making the server say or keep what it should not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.courses.upload_models import Upload, UploadState
from elearn.credit_export.exam_system.receivers import add_receiver
from elearn.db import db, new_id
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people import callers
from elearn.people.models import Role
from elearn.runtime import runtime
from elearn.tracking.lrs.access import credentials
from tests.builders_people import AT, KEYS, PASSWORD, an_account, an_institution, signed_in
from tests.builders_tracking import Over, a_player, a_watchable
from tests.conftest import scalar

ROLES = [role for role in Role if role is not Role.LEARNER]


def test_no_role_reads_or_moves_another_persons_sitting(app: Flask, session: Session, player: ScriptedPlayer) -> None:
    """Neither a clerk nor an operator nor an auditor: a sitting is its learner's."""
    player.play(15_000)
    check = player.ask_check()
    for role in ROLES:
        account = an_account(session, role, organisation_id=an_institution(session).id, region="530000")
        client = app.test_client()
        callers.forget_last_request()
        thief = ScriptedPlayer(Over(client), signed_in(client, session, account))
        thief.opened, thief.state = player.opened, player.state
        for method, path, body, status in (
            ("GET", "", None, 403),
            ("POST", "/close", {}, 403),
            ("POST", "/checks", {}, 403),
            ("POST", f"/checks/{check['id']}", {"answer": [0]}, 403),
            # Asked without a token: another's is not even confirmed to exist.
            ("GET", "/keys/0", None, 404),
            ("GET", "/master.m3u8", None, 404),
            ("GET", "/360p.m3u8", None, 404),
        ):
            got = thief.call(method, thief.at(path), body)
            assert got.status == status, (role, path)
    callers.forget_last_request()
    assert player.look()["ended"] is None


def test_without_signing_in_every_door_of_a_sitting_is_shut(app: Flask, player: ScriptedPlayer) -> None:
    nobody = ScriptedPlayer(Over(app.test_client()), {})
    nobody.opened, nobody.state = player.opened, player.state
    for path in ("", "/keys/0", "/master.m3u8", "/360p.m3u8"):
        assert nobody.call("GET", nobody.at(path)).status == 401, path
    for path in ("/reports", "/close", "/checks"):
        assert nobody.call("POST", nobody.at(path), {}).status in (401, 403), path


def test_the_video_of_another_institution_is_not_there(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    upload = Upload(
        id=new_id(), lesson_id=scalar(session, "SELECT id FROM elearn.lesson"), file_name="x", size_bytes=1,
        state=UploadState.WAITING, stage="", progress_permille=0, error_facts={}, created_at=AT, updated_at=AT,
    )  # fmt: skip
    session.add(upload)
    stranger = an_account(session, Role.INSTITUTION_MANAGER, organisation_id=an_institution(session).id)
    session.flush()
    client = app.test_client()
    headers = signed_in(client, session, stranger)
    assert client.get(f"/courses/uploads/{upload.id}").status_code == 404
    assert client.post(f"/courses/uploads/{upload.id}/again", headers=headers).status_code == 404
    sent = client.post(f"/courses/lessons/{upload.lesson_id}/video?name=x.mp4", data=b"x", headers=headers)
    assert sent.status_code == 404
    assert lesson.institution_id


@pytest.mark.parametrize(
    "path",
    [
        "keys.bin",
        "../keys.bin",
        "%2e%2e/keys.bin",
        "..%2fkeys.bin",
        "..%5ckeys.bin",
        "....//keys.bin",
        "public/../keys.bin",
        "360p/../../keys.bin",
        "keys.bin%00.jpg",
        "keys.bin/.jpg",
        "%c0%ae%c0%ae/keys.bin",
        "／keys.bin",
        "link.jpg",
        "manifest.json",
    ],
)
def test_keys_do_not_come_through_the_media_door(app: Flask, path: str) -> None:
    with app.app_context():
        place = runtime().settings.media_dir / ("ab" * 32)
    (place / "public").mkdir(parents=True, exist_ok=True)
    (place / "keys.bin").write_bytes(b"secret keys")
    (place / "public" / "manifest.json").write_bytes(b"secret keys")
    link = Path(place / "public" / "link.jpg")
    if not link.is_symlink():
        link.symlink_to(place / "keys.bin")
    got = app.test_client().get(f"/media/{'ab' * 32}/{path}")
    assert got.status_code == 404
    assert b"secret" not in got.data


# -- what PostgreSQL, templates and headers would take for something else

NUL = "\0"
POISON = [
    "' OR 1=1 --",
    "'; DROP TABLE elearn.person; --",
    "%s %(x)s {0} {{ 7*7 }}",
    "\r\nSet-Cookie: x=1",
    "\x1b[31m",
    "=1+1",
]


@pytest.mark.parametrize("text", [NUL, f"a{NUL}b", *POISON])
def test_odd_text_is_refused_or_harmless_at_every_door(app: Flask, session: Session, text: str) -> None:
    """Never an answer of 500: a door that crashes tells an attacker where to push, and fills the log."""
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.enrol()
    opening = {"unit": str(lesson.unit_id), "device": player.device.thumbprint, "cm": 0, "player": "x"}
    answers: list[tuple[str, int]] = []

    def note(door: str, status: int) -> None:
        answers.append((door, status))

    note("player", player.call("POST", "/sittings", opening | {"player": text}).status)
    note("device", player.call("POST", "/sittings", opening | {"device": text}).status)
    player.open(lesson.unit_id)
    note("nonce", player.call("POST", player.at("/reports"), player.message([], nonce=text)).status)
    note("token", player.call("GET", player.at(""), X_Sitting=text.replace("\r\n", "").replace(NUL, "")).status)
    client = app.test_client()
    note("receiver", client.post("/exam/v1/token", data=grant(text, text)).status_code)
    form = {"name": text, "password": text, "csrf_token": player.headers["X-CSRFToken"]}
    note("sign in", player_client(player).post("/signin", data=form).status_code)
    note("language", client.get("/language/zh", query_string={"next": text}).status_code)
    note(
        "cookie",
        client.get("/signin", headers={"Cookie": f"elearn={text.encode('unicode_escape').decode()}"}).status_code,
    )
    assert [one for one in answers if one[1] >= 500] == []
    assert scalar(session, "SELECT count(*) FROM elearn.person") == 1


def grant(name: str, secret: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}


def player_client(player: ScriptedPlayer) -> FlaskClient:
    """The browser under a scripted player."""
    assert isinstance(player.send, Over)
    return player.send.client


@pytest.fixture
def token(client: FlaskClient, session: Session) -> str:
    """A bearer token of a receiver."""
    a_watchable(session)
    code = str(scalar(session, "SELECT code FROM elearn.outline"))
    made = add_receiver(
        session, name="exam", outlines=[code], scopes=["eligibility.read", "changes.read"], made_at=utcnow()
    )
    db.session.commit()
    got = client.post("/exam/v1/token", data=grant(*made))
    return str(got.get_json()["access_token"])


@pytest.mark.parametrize("cursor", ["9" * 5_000, "-1", "1.0", "0x1", "１", "1 OR 1=1", NUL, str(2**63), "+1", ""])
def test_a_cursor_that_is_none_is_refused(client: FlaskClient, token: str, cursor: str) -> None:
    got = client.get("/exam/v1/changes", query_string={"cursor": cursor}, headers={"Authorization": f"Bearer {token}"})
    assert got.status_code == 400


@pytest.mark.parametrize(
    "person",
    [
        {"document_kind": "resident_id", "document_number": NUL},
        {"document_kind": "resident_id", "document_number": "'"},
        {"document_kind": "passport", "document_number": "%"},
        {"document_kind": "passport", "document_number": f"E1234567{NUL}"},
        {"document_kind": "resident_id", "document_number": "1" * 100},
    ],
)
def test_an_odd_document_number_names_nobody(
    client: FlaskClient, token: str, person: dict[str, str], session: Session
) -> None:
    code = str(scalar(session, "SELECT code FROM elearn.outline"))
    got = client.post(
        "/exam/v1/eligibility:check",
        json={"person": person, "category": code},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert got.status_code in (400, 404, 422)
    assert person["document_number"].encode() not in got.data or len(person["document_number"]) == 1


# -- statements that come by the open door


def test_a_foreign_key_does_not_read_what_came_by_a_sitting(
    app: Flask, session: Session, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    statement_id = scalar(session, "SELECT statement_id FROM elearn.report LIMIT 1")
    foreign, secret = credentials.create(
        session, label="other platform", scopes=["statements/write", "statements/read/mine"],
        organisation_id=an_institution(session).id, at=AT, server_key=lrs_key(app),
    )  # fmt: skip
    got = app.test_client().get(
        f"/xapi/statements?statementId={statement_id}",
        headers={"X-Experience-API-Version": "1.0.3"}, auth=(foreign.key, secret),
    )  # fmt: skip
    assert got.status_code == 404


def test_nobody_voids_what_came_by_a_sitting(app: Flask, session: Session, player: ScriptedPlayer) -> None:
    """A voided statement is answered to nobody: evidence would be hidden from who reads everything."""
    player.play(15_000)
    statement_id = scalar(session, "SELECT statement_id FROM elearn.report LIMIT 1")
    foreign, secret = credentials.create(
        session, label="other platform", scopes=["statements/write", "all/read"],
        organisation_id=None, at=AT, server_key=lrs_key(app),
    )  # fmt: skip
    asked = {"headers": {"X-Experience-API-Version": "1.0.3"}, "auth": (foreign.key, secret)}
    voiding = {
        "actor": {"mbox": "mailto:thief@example.com"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/voided"},
        "object": {"objectType": "StatementRef", "id": str(statement_id)},
    }
    client = app.test_client()
    assert client.post("/xapi/statements", json=voiding, **asked).status_code == 200
    got = client.get(f"/xapi/statements?statementId={statement_id}", **asked)
    assert got.status_code == 200


def lrs_key(app: Flask) -> bytes:
    with app.app_context():
        return credentials.server_key()


# -- what stands in the log


def test_the_log_names_nobody_and_holds_no_secret(
    app: Flask, session: Session, player: ScriptedPlayer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    name = "wanglaowu"
    an_account(session, name=name, password="a very secret thing 9")
    client = player_client(player)
    csrf = player.headers["X-CSRFToken"]
    client.post("/signin", data={"name": name, "password": "wrong and secret 8", "csrf_token": csrf})
    player.play(30_000)
    player.make(a=500_000, b=600_000, play=1)
    player.flush()
    player.call("POST", "/sittings", {"unit": "x"})
    player.call("POST", player.at("/reports"), raw=b'{"sid": "secret body"')
    said = "\n".join(f"{one.getMessage()} {vars(one)}" for one in caplog.records)
    for secret in (name, "secret", PASSWORD, player.opened["token"], csrf, player.opened["actor"]["account"]["name"]):
        assert secret not in said, secret
    assert KEYS.index.hex() not in said


def test_a_crash_does_not_write_its_parameters_into_the_log(app: Flask) -> None:
    """SQLAlchemy would put names and sealed numbers into the message of every failed statement."""
    with app.app_context(), pytest.raises(sa.exc.DBAPIError) as caught:
        db.session.execute(sa.text("SELECT CAST(:name AS text) FROM elearn.nothing"), {"name": "Zhang San"})
    assert "hidden" in str(caught.value)
    assert "Zhang San" not in str(caught.value)
