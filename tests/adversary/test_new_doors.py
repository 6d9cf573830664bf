"""Every door that takes something, with everything that is not what it takes: refused, and never a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people import callers
from elearn.people.models import Role
from tests.addresses import guessed
from tests.builders_people import an_account, signed_in
from tests.builders_tracking import Watchable
from tests.conftest import scalar

NUL = "\x00"
BODIES: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("no JSON", b"{"),
    ("not UTF-8", b'{"a": "\xff"}'),
    ("half a surrogate", b'{"reason": "\\ud800", "method": "\\ud800", "name": "\\udfff"}'),
    ("null", b"null"),
    ("a list", b"[]"),
    ("a number", b"1e999"),
    ("a text", b'"x"'),
    ("deep", b"[" * 20_000 + b"]" * 20_000),
    ("deep objects", b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    ("a wrong member", b'{"nobody": 1}'),
    ("a member twice", b'{"method": "question", "method": 1}'),
    ("huge numbers", json.dumps({"cm": 10**30, "sent_cm": -(10**30), "index": 10**30, "minutes": 10**30}).encode()),
    ("wrong types", b'{"method": {}, "name": {}, "jwk": {}, "agreement": {}, "images": {}, "answer": {}}'),
    ("NUL", json.dumps({"name": NUL, "client_data": NUL, "attestation": NUL, "method": NUL}).encode()),
]
FORMS = [
    {},
    {"unit": "x", "learner": "x", "class": "x", "spans": "x", "reason": "x", "statement": "x"},
    {"unit": NUL, "learner": NUL, "spans": NUL, "reason": NUL, "statement": NUL, "name": NUL},
    {"reason": "x" * 100_000, "statement": "x" * 100_000, "spans": ",".join(["0" * 32] * 2_000)},
    {"spans": ",", "reason": " ", "statement": "\u200b", "credit_minutes": "-1", "minutes": "1e9", "page": "٣"},
    {"spans": str(uuid4()), "reason": "why", "unit": str(uuid4()), "learner": str(uuid4()), "class": str(uuid4())},
]


def doors(app: Flask, ids: dict[str, UUID]) -> Iterator[tuple[Rule, str]]:
    """Every POST of ours, with ids of things that are there where an address names something."""
    words = {"act": "propose", "rendition": "360p", "provider": "x"}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("elearn.") and "POST" in (rule.methods or set()):
            named = {
                name: ids.get(name) or words.get(name) or guessed(rule, name, 0)
                for name in rule.arguments - set(rule.defaults or ())
            }
            yield rule, app.url_map.bind("").build(rule.endpoint, named, method="POST")


@pytest.mark.parametrize("role", [Role.LEARNER, Role.INSTITUTION_MANAGER, Role.OPERATOR, Role.REGULATOR_OFFICER, None])
def test_no_door_crashes_on_what_it_does_not_take(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, role: Role | None
) -> None:
    player.play(15_000)
    player.ask_check()
    ids = {
        "sitting_id": UUID(player.sid),
        "check_id": UUID(str(scalar(session, "SELECT id FROM elearn.presence_check"))),
        "unit_id": lesson.unit_id,
        "course_id": lesson.course_id,
        "class_id": lesson.class_id,
        "person_id": lesson.learner_id,
        "lesson_id": UUID(str(scalar(session, "SELECT id FROM elearn.lesson"))),
        "institution_id": lesson.institution_id,
        "organisation_id": lesson.institution_id,
    }
    if role is None:
        own = player
    else:
        where = lesson.institution_id if role is Role.INSTITUTION_MANAGER else None
        account = an_account(
            session, role, organisation_id=where, region="530000" if role is Role.REGULATOR_OFFICER else None
        )
        client = app.test_client()
        headers = signed_in(client, session, account)
    walked = 0
    for rule, path in doors(app, ids):
        if rule.endpoint.endswith((".sign_out", ".signout")):
            continue
        for why, body in BODIES:
            callers.forget_last_request()
            if role is None:
                status = own.call("POST", path, raw=body).status
            else:
                status = client.post(
                    path, data=body, headers={**headers, "Content-Type": "application/json"}, buffered=True
                ).status_code
            assert status < 500, (path, why, status)
            walked += 1
        for form in FORMS:
            callers.forget_last_request()
            if role is not None:
                status = client.post(path, data=form, headers=headers, buffered=True).status_code
                assert status < 500, (path, str(form)[:80], status)
    assert walked > 300


QUERIES = [
    "page=99999999999999999999",
    "page=-1",
    "page=%00",
    "page=1e9&show=closed",
    "show=%00&search=%00&odd=%00&unit=%00&next=%00",
    "search=" + "%F0%9F%98%80" * 2_000,
    "search=%25%27%22%5C_&show=cases&unit=x&from=x&to=x&on=0000-00-00",
    "search=00000000-0000-0000-0000-000000000000&unit=00000000-0000-0000-0000-000000000000",
]


@pytest.mark.parametrize("role", [Role.LEARNER, Role.INSTITUTION_MANAGER, Role.OPERATOR, Role.AUDITOR])
def test_no_page_crashes_on_an_odd_query_or_a_number_that_no_column_holds(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, role: Role
) -> None:
    player.play(15_000)
    where = lesson.institution_id if role is Role.INSTITUTION_MANAGER else None
    account = an_account(session, role, organisation_id=where)
    client = app.test_client()
    callers.forget_last_request()
    signed_in(client, session, account)
    ids = {
        "sitting_id": UUID(player.sid),
        "unit_id": lesson.unit_id,
        "course_id": lesson.course_id,
        "class_id": lesson.class_id,
        "person_id": lesson.learner_id,
    }
    walked = 0
    for rule in app.url_map.iter_rules():
        if (
            not rule.endpoint.startswith("elearn.")
            or "GET" not in (rule.methods or set())
            or rule.rule.endswith("/healthz")
        ):
            continue
        named = {
            name: ids.get(name) or guessed(rule, name, "99999999999999999999")
            for name in rule.arguments - set(rule.defaults or ())
        }
        try:
            path = app.url_map.bind("").build(rule.endpoint, named)
        except (TypeError, ValueError):
            path = app.url_map.bind("").build(
                rule.endpoint,
                {name: 10**20 if value == "99999999999999999999" else value for name, value in named.items()},
            )
        for query in QUERIES:
            callers.forget_last_request()
            status = client.get(f"{path}?{query}", headers={"Accept": "text/html"}, buffered=True).status_code
            assert status < 500, (path, query[:60], status)
            walked += 1
    assert walked > 200
