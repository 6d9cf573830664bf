"""The product inside a Flask application that is somebody else's: ours works under a prefix, theirs works as before.

The host brings what hosts bring: a database of its own through Flask-SQLAlchemy, flask-login, forms without CSRF
tokens, error pages, context processors, a cookie of its own.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import flask_login
import pytest
import sqlalchemy as sa
from flask import Flask, g, render_template_string, request, session
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from elearn import create_app
from elearn.courses.models import Outline
from elearn.credit_export.exam_system import receivers
from elearn.db import db
from elearn.demo.example import questions
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.demo.transport import csrf_token
from elearn.extension import Elearn
from elearn.people.models import Account, Role
from elearn.settings import Settings
from tests.builders_people import PASSWORD, an_account
from tests.builders_tracking import Over, Watchable, a_watchable
from tests.conftest import ManualClock
from tests.journeys.lessons import offer_packaged, package_short

PREFIX = "/training"


class HostBase(DeclarativeBase):
    """The host's tables."""


class Parcel(HostBase):
    __tablename__ = "parcel"

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str]


class HostUser(flask_login.UserMixin):  # type: ignore[misc]
    def __init__(self, name: str) -> None:
        self.id = name


def a_host() -> tuple[Flask, SQLAlchemy]:
    """A small parcel office: nothing in it knows of us."""
    host = Flask("parcels", static_folder=None)
    host.secret_key = "the host's own"
    host.testing = True
    host.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    parcels = SQLAlchemy(model_class=HostBase)
    parcels.init_app(host)

    @host.before_request
    def notice() -> None:
        g.host_saw = request.path

    @host.context_processor
    def shop() -> dict[str, str]:
        return {"shop": "Parcel office", "_": "the host's underscore", "language": "the host's language"}

    @host.errorhandler(404)
    def lost(_error: Exception) -> ResponseReturnValue:
        return render_template_string("{{ shop }} has no such page"), 404

    @host.errorhandler(Exception)
    def broken(error: Exception) -> ResponseReturnValue:
        return render_template_string("{{ shop }} broke: {{ why }}", why=type(error).__name__), 500

    @host.get("/")
    def front() -> str:
        return render_template_string("{{ shop }}, {{ _ }}, {{ language }}, {{ csrf_token is defined }}")

    @host.post("/parcels")
    def add() -> ResponseReturnValue:
        parcels.session.add(Parcel(label=request.form["label"]))
        parcels.session.commit()
        session["added"] = session.get("added", 0) + 1
        return f"{parcels.session.scalar(sa.select(sa.func.count(Parcel.id)))} / {session['added']}"

    @host.post("/echo")
    def echo() -> str:
        return str(len(request.get_data()))

    with host.app_context():
        parcels.create_all()
    return host, parcels


@dataclasses.dataclass(slots=True)
class School:
    """A database of ours with somebody enrolled in a lesson whose files are there."""

    settings: Settings
    clock: ManualClock
    lesson: Watchable
    unit_id: UUID
    worker_id: UUID
    manager_id: UUID


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package_short(tmp_path_factory.mktemp("packaged"), seconds=12)


@pytest.fixture
def school(own_database_url: str, settings: Settings, clock: ManualClock, packaged: Path, tmp_path: Path) -> School:
    place = dataclasses.replace(
        settings, database_url=own_database_url, data_dir=tmp_path, media_dir=tmp_path / "media", policy_scale=60
    )
    made = create_app(place, clock=clock)
    with made.app_context():
        lesson = a_watchable(db.session())
        unit_id = offer_packaged(
            db.session(),
            place,
            packaged,
            course_id=lesson.course_id,
            title="短课",
            acting=[lesson.institution_id],
            at=clock.now,
        )
        worker = db.session.scalars(sa.select(Account).where(Account.person_id == lesson.learner_id)).one()
        manager = an_account(db.session(), Role.INSTITUTION_MANAGER, organisation_id=lesson.institution_id)
        found = School(place, clock, lesson, unit_id, worker.id, manager.id)
        db.session.commit()
    close(made)
    return found


def close(app: Flask) -> None:
    app.extensions["elearn"].redis.close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def parcels() -> tuple[Flask, SQLAlchemy]:
    return a_host()


@pytest.fixture
def host(school: School, parcels: tuple[Flask, SQLAlchemy]) -> Iterator[Flask]:
    """A host without accounts: people sign in at our page."""
    app, theirs = parcels
    Elearn(app, url_prefix=PREFIX, settings=school.settings, clock=school.clock)
    yield app
    close(app)
    with app.app_context():
        theirs.engine.dispose()


@pytest.fixture
def host_with_accounts(school: School, parcels: tuple[Flask, SQLAlchemy]) -> Iterator[Flask]:
    """A host with flask-login: it says who of its people is which account of ours."""
    app, theirs = parcels
    manager = flask_login.LoginManager(app)
    ours = {"li": school.worker_id, "zhao": school.manager_id}

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(name: str) -> HostUser:
        return HostUser(name)

    @app.post("/enter/<name>")
    def enter(name: str) -> str:
        flask_login.login_user(HostUser(name))
        return name

    @app.get("/me")
    @flask_login.login_required  # type: ignore[untyped-decorator]
    def me() -> str:
        return str(flask_login.current_user.id)

    def identify() -> UUID | None:
        return ours.get(getattr(flask_login.current_user, "id", ""))

    Elearn(app, url_prefix=PREFIX, settings=school.settings, clock=school.clock, identify=identify)
    yield app
    close(app)
    with app.app_context():
        theirs.engine.dispose()


def page(client: FlaskClient, path: str) -> tuple[int, str]:
    answer = client.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
    return answer.status_code, answer.text


def through_our_sign_in(host: Flask, school: School) -> tuple[FlaskClient, dict[str, str]]:
    """A browser signed in by the form under the prefix, and the header its requests need."""
    client = host.test_client()
    with host.app_context():
        name = db.session.get_one(Account, school.worker_id).name or ""
    status, form = page(client, f"{PREFIX}/signin")
    assert status == 200
    sent = {"name": name, "password": PASSWORD, "csrf_token": csrf_token(form)}
    answer = client.post(f"{PREFIX}/signin", data=sent, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PREFIX}/")
    return client, {"X-CSRFToken": csrf_token(page(client, f"{PREFIX}/")[1])}


def a_player(client: FlaskClient, headers: dict[str, str], clock: ManualClock) -> ScriptedPlayer:
    return ScriptedPlayer(
        Over(client),
        headers,
        sittings_path=f"{PREFIX}/sittings",
        devices_path=f"{PREFIX}/devices",
        wait=clock.advance,
    )


def right_answer(player: ScriptedPlayer) -> dict[str, object]:
    check = player.ask_check()
    asked = next(one for one in questions(player.opened["duration_ms"]) if one.stem == check["stem"])
    return player.answer(check, [asked.options[place] for place in asked.correct])


# --- the host goes on as before


def test_the_host_s_own_pages_look_as_before(host: Flask) -> None:
    client = host.test_client()
    assert page(client, "/") == (200, "Parcel office, the host&#39;s underscore, the host&#39;s language, False")
    assert page(client, "/nowhere") == (404, "Parcel office has no such page")


def test_the_host_s_forms_need_no_token_and_keep_the_host_s_database(host: Flask) -> None:
    client = host.test_client()
    assert client.post("/parcels", data={"label": "books"}).text == "1 / 1"
    assert client.post("/parcels", data={"label": "shoes"}).text == "2 / 2"


def test_the_host_takes_bodies_as_large_as_before(host: Flask) -> None:
    assert host.test_client().post("/echo", data=b"x" * 3_000_000).text == "3000000"


def test_answers_of_the_host_carry_none_of_our_headers(host: Flask) -> None:
    answer = host.test_client().get("/")
    assert not {"Content-Security-Policy", "X-Frame-Options"} & set(answer.headers.keys())


def test_the_host_s_configuration_is_what_it_was(host: Flask, school: School) -> None:
    bare, _ = a_host()
    assert dict(host.config) == dict(bare.config)
    assert host.extensions["sqlalchemy"] is not db


def test_signing_in_and_out_of_ours_leaves_the_host_s_session_alone(host: Flask, school: School) -> None:
    client, headers = through_our_sign_in(host, school)
    assert client.post("/parcels", data={"label": "books"}).text == "1 / 1"
    assert client.post(f"{PREFIX}/signout", headers=headers).status_code == 303
    assert client.post("/parcels", data={"label": "shoes"}).text == "2 / 2"


# --- ours works under the prefix


def test_every_address_on_our_pages_stays_under_the_prefix(host: Flask, school: School) -> None:
    client, _headers = through_our_sign_in(host, school)
    for path in ("/", f"/learn/{school.unit_id}", "/hours", "/password"):
        status, text = page(client, PREFIX + path)
        assert status == 200, path
        addresses = re.findall(r'(?:href|src|action)="(/[^"]*)"', text)
        assert addresses
        assert not [one for one in addresses if not one.startswith(f"{PREFIX}/")], path
    told = re.search(r'id="player-config">(.*?)</script>', page(client, f"{PREFIX}/learn/{school.unit_id}")[1])
    assert told is not None
    assert set(re.findall(r'"(/[a-z]+)/', told[1])) == {PREFIX}


def test_our_pages_are_ours_though_the_host_s_context_uses_the_same_words(host: Flask) -> None:
    status, text = page(host.test_client(), f"{PREFIX}/signin")
    assert status == 200
    assert "the host" not in text
    assert "登录" in text


def test_a_lesson_is_watched_checked_and_final_under_the_prefix(host: Flask, school: School) -> None:
    client, headers = through_our_sign_in(host, school)
    player = a_player(client, headers, school.clock)
    opened = player.open(school.unit_id)
    assert opened["playlist"].startswith(f"{PREFIX}/sittings/")
    assert opened["poster"].startswith(f"{PREFIX}/media/")
    master = player.call("GET", opened["playlist"]).body.decode()
    (rendition,) = {line for line in master.splitlines() if line.endswith(".m3u8") and not line.startswith("#")}
    assert rendition.startswith(f"{PREFIX}/sittings/")
    playlist = player.call("GET", rendition).body.decode()
    (key,) = set(re.findall(r'URI="([^"]*/keys/\d+)"', playlist))
    assert key == f"{PREFIX}{player.at('/keys/0').removeprefix(PREFIX)}"
    segment = next(line for line in playlist.splitlines() if line and not line.startswith("#"))
    assert segment.startswith(f"{PREFIX}/media/")
    with client.get(segment) as file:
        assert file.status_code == 200
    while not player.state["complete"]:
        player.play(opened["duration_ms"])
        assert right_answer(player)["outcome"] == "passed"
    assert player.state["final_ms"] == opened["duration_ms"]


def test_machine_doors_stand_under_the_prefix(host: Flask) -> None:
    client = host.test_client()
    told = client.get(f"{PREFIX}/healthz").json
    assert told is not None
    assert {told[part] for part in ("status", "database", "redis", "ledger")} == {"ok"}
    described = client.get(f"{PREFIX}/exam/v1/openapi.json").json
    assert described is not None
    assert described["servers"][0]["url"].endswith(PREFIX)
    assert all(client.get(path).status_code == 404 for path in ("/healthz", "/signin", "/exam/v1/jwks.json"))


def test_an_exam_system_asks_through_the_prefix(host: Flask, school: School) -> None:
    with host.app_context():
        outline = db.session.get_one(Outline, school.lesson.outline_id)
        made = receivers.add_receiver(
            db.session(), name="Exam", outlines=[outline.code], scopes=receivers.SCOPES, made_at=school.clock.now
        )
        db.session.commit()
    client = host.test_client()
    granted = client.post(
        f"{PREFIX}/exam/v1/token",
        data={"grant_type": "client_credentials"},
        auth=(made.client_id, made.secret),
    )
    assert granted.status_code == 200
    assert granted.json is not None
    bearer = {"Authorization": f"Bearer {granted.json['access_token']}"}
    changes = client.get(f"{PREFIX}/exam/v1/changes", headers=bearer)
    assert changes.status_code == 200
    assert client.get(f"{PREFIX}/exam/v1/jwks.json").json["keys"]  # type: ignore[index]


def test_an_error_at_our_doors_is_ours_and_not_the_host_s(host: Flask) -> None:
    answer = host.test_client().post(f"{PREFIX}/devices", json={})
    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["error"] == "csrf"


# --- a host with accounts of its own


def test_a_host_s_sign_in_is_the_sign_in(host_with_accounts: Flask, school: School) -> None:
    client = host_with_accounts.test_client()
    assert client.get(f"{PREFIX}/", headers={"Accept": "text/html"}).status_code == 401
    client.post("/enter/li")
    assert client.get("/me").text == "li"
    status, home = page(client, f"{PREFIX}/")
    assert status == 200
    player = a_player(client, {"X-CSRFToken": csrf_token(home)}, school.clock)
    player.open(school.unit_id)
    player.play(5_000)
    assert player.state["pending_ms"] == 5_000
    assert client.get("/me").text == "li", "still signed in at the host"


def test_the_host_s_people_have_the_rights_of_their_accounts(host_with_accounts: Flask) -> None:
    client = host_with_accounts.test_client()
    client.post("/enter/li")
    assert page(client, f"{PREFIX}/teaching")[0] == 403
    client.post("/enter/zhao")
    assert page(client, f"{PREFIX}/teaching")[0] == 200


def test_our_own_password_form_is_closed_where_the_host_signs_people_in(
    host_with_accounts: Flask, school: School
) -> None:
    client = host_with_accounts.test_client()
    text = page(client, f"{PREFIX}/signin")[1]
    sent = {"name": "whoever", "password": PASSWORD, "csrf_token": csrf_token(text)}
    assert client.post(f"{PREFIX}/signin", data=sent).status_code in (403, 404, 409)
