"""Which write is refused because of what is there (xAPI 1.0.3 Communication 3.1; 2.0: 4.1.4), and writes at once."""

from __future__ import annotations

import json
import threading
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.db import db
from elearn.tracking.lrs.documents import store
from elearn.tracking.lrs.documents.store import Kind, Place
from tests.at_once import at_once
from tests.builders_lrs import a_key, an_agent
from tests.tracking.lrs.communication.documents_client import ACTIVITY, RESOURCES, VERSIONS, Documents

STATE, ACTIVITY_PROFILE, AGENT_PROFILE = RESOURCES
NOW, BEFORE = "now", "before"
"""Stand for the tag of the document as it is, and as it was earlier."""

# what is sent, by which method, whether a document is there, the status
HEADERS: list[tuple[dict[str, str], str, bool, int]] = [
    ({"If-Match": NOW}, "PUT", True, 204),
    ({"If-Match": NOW}, "POST", True, 204),
    ({"If-Match": NOW}, "DELETE", True, 204),
    ({"If-Match": f'"x", {NOW}'}, "PUT", True, 204),
    ({"If-Match": f"W/{NOW}"}, "PUT", True, 204),  # a proxy that packs answers writes the tag so
    ({"If-Match": "*"}, "PUT", True, 204),
    ({"If-Match": "*"}, "DELETE", True, 204),
    ({"If-Match": BEFORE}, "PUT", True, 412),
    ({"If-Match": BEFORE}, "POST", True, 412),
    ({"If-Match": BEFORE}, "DELETE", True, 412),
    ({"If-Match": '"1234"'}, "PUT", True, 412),
    ({"If-Match": ""}, "PUT", True, 412),
    ({"If-Match": '"'}, "PUT", True, 412),
    ({"If-Match": "*"}, "PUT", False, 412),
    ({"If-Match": '"1234"'}, "PUT", False, 412),
    ({"If-Match": '"1234"'}, "POST", False, 412),
    ({"If-Match": '"1234"'}, "DELETE", False, 412),
    ({"If-None-Match": "*"}, "PUT", False, 204),
    ({"If-None-Match": "*"}, "POST", False, 204),
    ({"If-None-Match": "*"}, "PUT", True, 412),
    ({"If-None-Match": "*"}, "POST", True, 412),
    ({"If-None-Match": "*"}, "DELETE", True, 412),
    ({"If-None-Match": NOW}, "PUT", True, 412),
    ({"If-None-Match": f"W/{NOW}"}, "PUT", True, 412),
    ({"If-None-Match": BEFORE}, "PUT", True, 204),
    ({"If-None-Match": '"1234"'}, "PUT", False, 204),
    ({"If-Match": NOW, "If-None-Match": "*"}, "PUT", True, 204),  # RFC 9110 13.2.2: If-Match goes first
    ({"If-Match": BEFORE, "If-None-Match": '"1234"'}, "PUT", True, 412),
    ({}, "POST", True, 204),
    ({}, "POST", False, 204),
    ({}, "DELETE", True, 204),
    ({}, "DELETE", False, 204),
]


@pytest.mark.parametrize(("headers", "method", "there", "status"), HEADERS)
def test_a_write_names_the_state_it_is_meant_for_and_changes_no_other_xapi_00322(
    documents: Documents, headers: dict[str, str], method: str, there: bool, status: int
) -> None:
    tags = {NOW: "", BEFORE: ""}
    if there:
        tags[BEFORE] = documents.make("a", {"x": 0})
        assert documents.post("a", {"x": 1}).status_code == 204
        tags[NOW] = documents.get("a").headers["ETag"]
    sent = {name: value.replace(NOW, tags[NOW]).replace(BEFORE, tags[BEFORE]) for name, value in headers.items()}
    body = None if method == "DELETE" else {"x": 2}
    answer = documents.by(sent).send(method, "a", body)
    assert answer.status_code == status
    after = documents.get("a")
    if status == 204:
        assert (after.status_code == 404) if method == "DELETE" else (after.json == {"x": 2})
    else:
        assert answer.json is not None
        assert answer.json["error"] == "stale"
        assert (after.json == {"x": 1}) if there else (after.status_code == 404)


@pytest.mark.parametrize(
    ("version", "resource", "there", "status"),
    [
        ("1.0.3", STATE, False, 204),
        ("1.0.3", STATE, True, 204),  # "state conflicts are unlikely"
        ("1.0.3", ACTIVITY_PROFILE, False, 400),  # a client "MUST include" one of the two
        ("1.0.3", ACTIVITY_PROFILE, True, 409),
        ("1.0.3", AGENT_PROFILE, False, 400),
        ("1.0.3", AGENT_PROFILE, True, 409),
        ("2.0.0", STATE, False, 204),
        ("2.0.0", STATE, True, 409),
        ("2.0.0", ACTIVITY_PROFILE, False, 204),
        ("2.0.0", ACTIVITY_PROFILE, True, 409),
        ("2.0.0", AGENT_PROFILE, False, 204),
        ("2.0.0", AGENT_PROFILE, True, 409),
    ],
)
def test_a_put_without_either_header_is_taken_as_the_version_says_xapi_00190_00273_00287_00293(
    client: FlaskClient, session: Session, version: str, resource: str, there: bool, status: int
) -> None:
    documents = Documents(client, a_key(session, version=version), resource)
    if there:
        documents.make("a", {"x": 1})
    answer = documents.put("a", {"x": 2})
    assert answer.status_code == status
    after = documents.get("a")
    if status == 204:
        assert after.json == {"x": 2}
    else:
        assert (after.json == {"x": 1}) if there else (after.status_code == 404)
    if status == 409:
        assert answer.json is not None
        assert "If-Match" in answer.json["detail"]
        assert "current state" in answer.json["detail"]


def test_a_version_of_the_same_document_is_of_no_account(client: FlaskClient, session: Session) -> None:
    headers = a_key(session)
    first = Documents(client, headers, STATE)
    second = Documents(client, headers | {"X-Experience-API-Version": "2.0.0"}, STATE)
    tag = first.make("a", {"x": 1})
    assert second.get("a").headers["ETag"] == tag
    assert second.by({"If-Match": tag}).put("a", {"x": 2}).status_code == 204
    assert first.put("a", {"x": 3}).status_code == 204
    assert second.get("a").json == {"x": 3}


# At once, over real connections


def clients(app: Flask, number: int, resource: str, version: str = "1.0.3") -> list[Documents]:
    """Several connections of one client."""
    with app.app_context():
        headers = a_key(db.session(), version=version)
    return [Documents(app.test_client(), headers, resource) for _ in range(number)]


def statuses(answers: list[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize("resource", RESOURCES)
def test_posts_at_once_are_all_merged_whether_a_document_was_there_or_not(own_app: Flask, resource: str) -> None:
    those = clients(own_app, 6, resource)
    for id_ in ("a", "b", "c"):
        for turn in range(2):
            calls = [partial(one.post, id_, {f"{turn}.{place}": place}) for place, one in enumerate(those)]
            assert statuses(at_once(*calls)) == [204] * 6
        found: Any = those[0].get(id_).json
        assert found == {f"{turn}.{place}": place for turn in range(2) for place in range(6)}


@pytest.mark.parametrize("version", VERSIONS)
def test_of_first_puts_at_once_that_want_nothing_there_one_wins_and_the_others_are_told(
    own_app: Flask, version: str
) -> None:
    those = [one.by({"If-None-Match": "*"}) for one in clients(own_app, 6, AGENT_PROFILE, version)]
    for id_ in ("a", "b", "c"):
        answers = at_once(*[partial(one.put, id_, {"by": place}) for place, one in enumerate(those)])
        assert statuses(answers) == [204] + [412] * 5
        won = [answer.status_code for answer in answers].index(204)
        assert those[0].by({"If-None-Match": ""}).get(id_).json == {"by": won}


def test_of_first_puts_at_once_without_a_header_2_0_lets_one_win(own_app: Flask) -> None:
    those = clients(own_app, 6, STATE, "2.0.0")
    answers = at_once(*[partial(one.put, "a", {"by": place}) for place, one in enumerate(those)])
    assert statuses(answers) == [204] + [409] * 5


def test_of_puts_at_once_that_saw_the_same_content_one_wins(own_app: Flask) -> None:
    those = clients(own_app, 6, ACTIVITY_PROFILE)
    tag = those[0].make("a", {})
    answers = at_once(*[partial(one.by({"If-Match": tag}).put, "a", {"by": place}) for place, one in enumerate(those)])
    assert statuses(answers) == [204] + [412] * 5


def test_deletes_and_posts_at_once_leave_whole_documents_and_no_deadlock(own_app: Flask) -> None:
    those = clients(own_app, 8, STATE)
    for turn in range(5):
        for id_ in ("a", "b", "c"):
            those[0].post(id_, {"old": turn})
        answers = at_once(
            *[partial(one.delete, None) for one in those[:3]],
            *[partial(one.delete, "b") for one in those[3:4]],
            *[partial(one.post, id_, {"new": turn}) for one, id_ in zip(those[4:], "abcb", strict=True)],
        )
        assert statuses(answers) == [204] * 8
        for id_ in those[0].ids():
            assert json.loads(those[0].get(id_).data) in ({"new": turn}, {"old": turn, "new": turn})
        assert those[0].delete(None).status_code == 204


def test_a_document_that_is_made_while_all_are_deleted_was_not_among_them(own_app: Flask) -> None:
    (one,) = clients(own_app, 1, STATE)
    one.make("a", {})

    def meanwhile(_tag: str | None) -> None:
        assert statuses(at_once(partial(one.post, "b", {}))) == [204]

    with own_app.app_context():
        session = db.session()
        store.remove_all(session, Place(Kind.STATE, None, activity=ACTIVITY, agent=an_agent()), meanwhile)
        session.commit()
    assert one.ids() == ["b"]


def test_a_write_that_comes_while_all_are_deleted_waits_and_is_not_lost(own_app: Flask) -> None:
    (one,) = clients(own_app, 1, STATE)
    one.make("a", {"old": 1})
    write = threading.Thread(target=one.post, args=("a", {"new": 1}))

    def meanwhile(_tag: str | None) -> None:
        write.start()
        write.join(0.5)
        assert write.is_alive()

    with own_app.app_context():
        session = db.session()
        store.remove_all(session, Place(Kind.STATE, None, activity=ACTIVITY, agent=an_agent()), meanwhile)
        session.commit()
    write.join()
    assert one.get("a").json == {"new": 1}
