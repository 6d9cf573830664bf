"""Who may read and write documents, how large they may be and how they may come
(xAPI 1.0.3 Communication 2.2, 2.3, 2.6, 2.7; 2.0: 4.1.6.2, 4.1.6.5, 4.1.6.6).

The numbers XAPI-00xxx are those of ADL's list of conformance requirements.
"""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.tracking.lrs.documents.routes import MAX_DOCUMENT_BYTES
from tests.builders_lrs import a_key
from tests.builders_people import an_organisation
from tests.tracking.lrs.communication.documents_client import RESOURCES, Documents, count


def test_a_size_is_not_exceeded_by_one_document_or_by_merging(documents: Documents, session: Session) -> None:
    over = b"x" * (MAX_DOCUMENT_BYTES + 1)
    assert documents.by({"If-None-Match": "*"}).put("a", over, "text/plain").status_code == 413
    assert documents.post("a", over, "text/plain").status_code == 413
    assert count(session) == 0
    most = {"a": "x" * (MAX_DOCUMENT_BYTES - len(json.dumps({"a": ""})))}
    tag = documents.make("a", most)
    assert documents.post("a", {"b": "x"}).status_code == 413
    assert documents.get("a").headers["ETag"] == tag


@pytest.mark.parametrize(("over", "status"), [(-MAX_DOCUMENT_BYTES, 411), (0, 411), (1, 413), (100_000, 413)])
def test_a_body_in_chunks_is_not_kept_for_nobody_can_tell_whether_it_is_whole(
    documents: Documents, over: int, status: int
) -> None:
    content = b"x" * (MAX_DOCUMENT_BYTES + over)
    answer = documents.client.put(
        f"/xapi/{documents.resource}",
        query_string=documents.parameters("a"),
        headers={**documents.headers, "If-None-Match": "*", "Transfer-Encoding": "chunked"},
        input_stream=BytesIO(content),
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == status
    assert documents.get("a").status_code == 404


def test_a_body_shorter_than_its_length_is_not_kept(documents: Documents) -> None:
    """The connection broke while it was sent."""
    tag = documents.make("a", b"before", "text/plain")
    answer = documents.client.put(
        f"/xapi/{documents.resource}",
        query_string=documents.parameters("a"),
        headers={**documents.headers, "If-Match": tag},
        input_stream=BytesIO(b"after"),
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": "50"},
    )
    assert (answer.status_code, json.loads(answer.data)["property"]) == (400, "Content-Length")
    assert documents.get("a").data == b"before"


def test_encoded_content_is_refused(documents: Documents, session: Session) -> None:
    documents = documents.by({"Content-Encoding": "gzip", "If-None-Match": "*"})
    assert documents.put("a", {}).status_code == 415
    assert documents.post("a", {}).status_code == 415
    assert count(session) == 0


def test_methods_that_are_not_offered_are_refused(documents: Documents) -> None:
    answer = documents.send("PATCH", "a", {})
    assert (answer.status_code, answer.mimetype) == (405, "application/json")
    assert set(answer.headers["Allow"].split(", ")) - {"OPTIONS"} == {"DELETE", "GET", "HEAD", "POST", "PUT"}


def test_without_a_version_or_a_key_nothing_is_answered_or_stored(documents: Documents, session: Session) -> None:
    for name, status in (("X-Experience-API-Version", 400), ("Authorization", 401)):
        headers = {other: value for other, value in documents.headers.items() if other != name}
        without = Documents(documents.client, headers | {"If-None-Match": "*"}, documents.resource)
        for answer in (without.put(), without.post(), without.get(None), without.get(), without.delete()):
            assert answer.status_code == status
    assert count(session) == 0


@pytest.mark.parametrize(
    ("scope", "resource", "reads", "writes"),
    [
        ("state", "activities/state", True, True),
        ("state", "activities/profile", False, False),
        ("state", "agents/profile", False, False),
        ("profile", "activities/state", False, False),
        ("profile", "activities/profile", True, True),
        ("profile", "agents/profile", True, True),
        ("all/read", "activities/state", True, False),
        ("all/read", "activities/profile", True, False),
        ("all/read", "agents/profile", True, False),
        ("all", "activities/state", True, True),
        ("all", "agents/profile", True, True),
        ("statements/write", "activities/state", False, False),
        ("statements/read", "agents/profile", False, False),
        ("define", "activities/profile", False, False),
    ],
)
def test_scopes_say_which_documents_a_key_reads_and_writes(
    client: FlaskClient, session: Session, scope: str, resource: str, reads: bool, writes: bool
) -> None:
    documents = Documents(client, a_key(session, scope), resource)
    assert (documents.by({"If-None-Match": "*"}).put("a", {}).status_code == 204) is writes
    assert (documents.post("b", {}).status_code == 204) is writes
    for answer in (documents.get(None), documents.send("HEAD", None)):
        assert (answer.status_code == 200) is reads
    assert documents.get("none").status_code == (404 if reads else 403)
    assert documents.delete("b").status_code == (204 if writes else 403)


def test_a_key_of_an_organisation_sees_and_changes_no_other_organisations_documents(
    client: FlaskClient, session: Session
) -> None:
    one, other = an_organisation(session), an_organisation(session)
    for resource in RESOURCES:
        first = Documents(client, a_key(session, organisation_id=one.id), resource)
        colleague = Documents(client, a_key(session, organisation_id=one.id), resource)
        first.make("a", {"x": 1})
        assert colleague.get("a").json == {"x": 1}
        for headers in (a_key(session, organisation_id=other.id), a_key(session)):
            stranger = Documents(client, headers, resource)
            assert stranger.get("a").status_code == 404
            assert stranger.ids() == []
            stranger.make("a", {"x": 2})
            assert stranger.delete("a").status_code == 204
        assert first.get("a").json == {"x": 1}
