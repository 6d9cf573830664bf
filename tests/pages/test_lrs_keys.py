"""Keys of the record store by page: the operator's for anybody, a manager's for the own institution."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.people.models import Account
from elearn.tracking.lrs.models import Credential
from tests.builders_lrs import a_key_and_secret, basic
from tests.pages.conftest import Browser, World, text_of

Opens = Callable[[Account | None], Browser]
ONCE = "x" * 22


def a_form(**what: object) -> dict[str, object]:
    return {"label": "合作院校", "organisation": "", "scope": ["statements/write"], "speaks": "1.0.3", **what}


def shown_in(answer: TestResponse) -> tuple[str, str]:
    """The key and the secret on the page that shows them."""
    key, secret = (re.search(rf'id="lrs-{name}">([^<]+)<', answer.text) for name in ("key", "secret"))
    assert key is not None
    assert secret is not None
    return key[1], secret[1]


def keys(session: Session) -> list[Credential]:
    return list(session.scalars(sa.select(Credential)))


def test_an_operator_makes_a_key_sees_its_secret_once_and_it_opens_the_store(
    world: World, browser: Opens, client: FlaskClient, session: Session
) -> None:
    desk = browser(world.operator)
    form = a_form(scope=["statements/write", "statements/read"], speaks="2.0.0", once=ONCE)
    answer = desk.post("/record-store/keys/new", dict(form))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "http://localhost/xapi/" in answer.text
    key, secret = shown_in(answer)
    assert desk.post("/record-store/keys/new", dict(form)).status_code == 303
    (made,) = keys(session)
    assert (made.key, made.organisation_id, made.speaks) == (key, None, "2.0.0")
    assert made.scopes == ["statements/read", "statements/write"]
    listed = desk.page("/record-store")
    assert key in listed
    assert "合作院校" in listed
    assert "Whole platform" in listed
    assert secret not in listed
    assert client.get("/xapi/statements?verb=a:v", headers=basic(key, secret)).status_code == 200


def test_a_manager_makes_keys_of_the_own_institution_only(world: World, browser: Opens, session: Session) -> None:
    desk = browser(world.manager)
    own, other = str(world.institution.id), str(world.other_institution.id)
    assert desk.post("/record-store/keys/new", a_form(organisation=other)).status_code == 404
    assert desk.post("/record-store/keys/new", a_form(organisation="")).status_code == 422
    assert desk.post("/record-store/keys/new", a_form(organisation="x")).status_code == 400
    assert keys(session) == []
    assert desk.post("/record-store/keys/new", a_form(organisation=own)).status_code == 200
    assert [one.organisation_id for one in keys(session)] == [world.institution.id]
    page = desk.get("/record-store/keys/new").text
    assert world.institution.name in page
    assert world.other_institution.name not in page


def test_who_sees_and_revokes_which_keys(world: World, browser: Opens, session: Session) -> None:
    made = {
        name: a_key_and_secret(session, organisation_id=owner)[0]
        for name, owner in {"ours": world.institution.id, "theirs": world.other_institution.id, "all": None}.items()
    }
    sees = {"manager": {"ours"}, "other_manager": {"theirs"}, "operator": set(made), "auditor": set(made)}
    for who, names in sees.items():
        listed = browser(world.account(who)).page("/record-store")
        assert {name for name, key in made.items() if key in listed} == names
        assert ("Revoke" in listed) == (who != "auditor")
    manager = browser(world.manager)
    for name in ("theirs", "all"):
        assert manager.post(f"/record-store/keys/{made[name]}/revoke").status_code == 404
    assert browser(world.auditor).post(f"/record-store/keys/{made['ours']}/revoke").status_code == 403
    assert browser(world.clerk).post(f"/record-store/keys/{made['ours']}/revoke").status_code == 403
    assert [one.revoked_at for one in keys(session)] == [None] * 3
    manager = browser(world.manager)
    for _ in range(2):
        assert manager.post(f"/record-store/keys/{made['ours']}/revoke").status_code == 303
    assert "revoked on" in manager.page("/record-store")
    assert browser(world.operator).post(f"/record-store/keys/{made['all']}/revoke").status_code == 303
    assert browser(world.operator).post("/record-store/keys/nobody/revoke").status_code == 404
    session.expire_all()
    assert {one.key for one in keys(session) if one.revoked_at is None} == {made["theirs"]}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"label": " "}, "Please fill this in."),
        ({"label": "x" * 201}, "A name has 1 to 200 characters."),
        ({"scope": []}, "Choose at least one."),
        ({"scope": ["everything"]}, "Choose at least one."),
        ({"speaks": "0.95"}, "Please choose"),
    ],
)
def test_a_key_that_is_not_whole_is_not_made(
    world: World, browser: Opens, session: Session, wrong: dict[str, object], said: str
) -> None:
    answer = browser(world.operator).post("/record-store/keys/new", a_form(**wrong))
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert keys(session) == []


def test_a_key_is_made_by_nobody_without_the_pages_own_token(world: World, browser: Opens, session: Session) -> None:
    desk = browser(world.operator)
    assert desk.post("/record-store/keys/new", a_form(csrf_token="x")).status_code == 403
    assert keys(session) == []


def test_more_keys_need_no_more_queries(world: World, browser: Opens, session: Session) -> None:
    desk = browser(world.operator)
    a_key_and_secret(session, organisation_id=world.institution.id)
    seen: list[str] = []
    sa.event.listen(session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    desk.page("/record-store")
    few, seen[:] = len(seen), []
    for _ in range(10):
        a_key_and_secret(session, organisation_id=world.other_institution.id)
    seen[:] = []
    desk.page("/record-store")
    assert few >= len(seen) > 0
