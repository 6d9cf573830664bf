"""Any series of requests about documents: what is there afterwards is what a plain dictionary would hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.builders_lrs import a_key
from tests.tracking.lrs.communication.documents_client import RESOURCES, Documents
from tests.tracking.lrs.fuzzing.asking import examples, refused
from tests.tracking.lrs.fuzzing.mutations import json_values

JSON = "application/json"

objects = st.dictionaries(st.sampled_from("abc") | st.text(max_size=2), json_values, max_size=3).map(
    lambda made: json.dumps(made).encode()
)
contents = st.one_of(
    objects,
    objects,
    objects,
    json_values.map(lambda made: json.dumps(made).encode()),
    st.binary(max_size=20),
    st.sampled_from([b"", b"{", b"{}x", b'{"a":1,"a":2}', b'{"a":1e400}', b'{"a":"\\ud800"}', b"[" * 3000, b"\xff"]),
)
types = st.sampled_from(
    [JSON, JSON, JSON, "application/json; charset=utf-8", "text/plain", "application/octet-stream", "x"]
)


@dataclass(frozen=True)
class Move:
    method: str
    id_: str
    content: bytes
    content_type: str
    condition: str
    """none | right | wrong | star (If-Match), or new (If-None-Match: *)"""


moves = st.lists(
    st.builds(
        Move,
        st.sampled_from(["PUT", "POST", "POST", "POST", "DELETE"]),
        st.sampled_from(["a", "a", "名 /?#%"]),
        contents,
        types,
        st.sampled_from(["none", "none", "right", "right", "wrong", "star", "new"]),
    ),
    min_size=1,
    max_size=8,
)


def headers_of(move: Move, there: tuple[bytes, str] | None) -> dict[str, str]:
    tag = '"' + sha1(there[0] if there else b"").hexdigest() + '"'
    given: dict[str, dict[str, str]] = {
        "none": {},
        "right": {"If-Match": tag},
        "wrong": {"If-Match": '"' + "0" * 40 + '"'},
        "star": {"If-Match": "*"},
        "new": {"If-None-Match": "*"},
    }
    return given[move.condition]


def merged(there: tuple[bytes, str] | None, move: Move) -> Any:
    """What a POST makes of a JSON document; None where nothing is to be merged."""
    if there is None:
        return None
    return json.loads(there[0]) | json.loads(move.content)


@examples(40)
@given(resource=st.sampled_from(RESOURCES), series=moves)
def test_what_is_there_is_what_was_taken_and_a_refusal_changes_nothing(
    client: FlaskClient, session: Session, version: str, resource: str, series: list[Move]
) -> None:
    documents = Documents(client, a_key(session, version=version), resource).at(
        **({"activityId": f"a:{id(series)}"} if resource.startswith("activities") else {}),
        **({"agent": {"mbox": f"mailto:a{id(series)}@a.example"}} if resource != "activities/profile" else {}),
    )
    for held in documents.ids():  # an address may be used again
        assert documents.by({"If-Match": "*"}).delete(held).status_code == 204
    there: dict[str, tuple[bytes, str]] = {}
    for move in series:
        before = there.get(move.id_)
        asked = documents.by(headers_of(move, before))
        body = None if move.method == "DELETE" else move.content
        answer = asked.send(move.method, move.id_, body, None if body is None else move.content_type)
        if answer.status_code != 204:
            refused(answer, 400, 409, 412)
        else:
            assert before or move.condition not in ("right", "wrong", "star") or move.method == "DELETE"
            assert not (before and move.condition in ("wrong", "new"))
            if move.method == "DELETE":
                there.pop(move.id_, None)
            elif move.method == "PUT" or before is None:
                there[move.id_] = (move.content, move.content_type)
            else:
                got = documents.get(move.id_)
                assert json.loads(got.data) == merged(before, move)
                there[move.id_] = (got.data, move.content_type)
        for id_, (content, content_type) in there.items():
            got = documents.get(id_)
            assert (got.status_code, got.data, got.headers["Content-Type"]) == (200, content, content_type)
            assert got.headers["ETag"] == '"' + sha1(content).hexdigest() + '"'
        assert sorted(documents.ids()) == sorted(there)
