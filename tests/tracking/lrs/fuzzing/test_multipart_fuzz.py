"""Any bytes as a multipart body: the attachments come back as they are, or it is refused and nothing is kept."""

from __future__ import annotations

import json
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.tracking.lrs.statements.multipart import boundary_of, parts_of
from tests.builders_lrs import a_multipart, a_part, a_statement, an_attachment
from tests.tracking.lrs.communication.statements_client import Statements
from tests.tracking.lrs.fuzzing.asking import examples, refused, rows

KIND = "multipart/mixed; boundary=b0undary"
TOKENS = [b"\r\n", b"--b0undary", b"\r\n--b0undary\r\n", b"\r\n--b0undary--", b"--", b"\0", b"\xff", b":", b"\r", b"\n",
          b";", b"Content-Type: application/json\r\n\r\n", b"X-Experience-API-Hash: ", b"{}", b"[", b'"']  # fmt: skip

contents = st.lists(st.binary(max_size=30) | st.sampled_from(TOKENS), max_size=4).map(b"".join)
damage = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 30), st.binary(max_size=3) | st.sampled_from(TOKENS)), max_size=3
)


@examples(100)
@given(data=st.lists(contents, max_size=3, unique=True), harm=damage)
def test_attachments_come_back_as_they_are_or_nothing_is_kept(
    statements: Statements, session: Session, data: list[bytes], harm: list[tuple[int, int, bytes]]
) -> None:
    before = rows(session)
    sent = a_statement(attachments=[an_attachment(one) for one in data] or None)
    body = a_multipart(sent, *map(a_part, data))
    for at, cut, noise in harm:
        at %= len(body) or 1
        body = body[:at] + noise + body[at + cut :]
    answer = statements.post(body, KIND)
    if answer.status_code != 200:
        # A content that holds the boundary cannot travel under it.
        assert harm or any(b"--b0undary" in one for one in data)
        refused(answer, 400)
        assert rows(session) == before
        return
    (id_,) = json.loads(answer.data)
    got = statements.get(statementId=id_, attachments="true")
    assert got.status_code == 200
    _, *parts = parts_of(got.data, boundary_of(got.headers["Content-Type"]), most=10)
    named = {one["sha2"] for one in json.loads(statements.get(statementId=id_).data).get("attachments", [])}
    assert {part.headers["x-experience-api-hash"] for part in parts} == named
    assert all(sha256(part.content).hexdigest() in named for part in parts)


@examples(80)
@given(
    body=st.lists(st.binary(max_size=10) | st.sampled_from(TOKENS), max_size=12).map(b"".join),
    kind=st.text(max_size=20),
)
def test_any_bytes_under_any_type_are_refused(statements: Statements, session: Session, body: bytes, kind: str) -> None:
    before = rows(session)
    visible = kind.encode("ascii", "ignore").decode().translate(dict.fromkeys([*range(32), 127]))
    for content_type in (KIND, f"multipart/mixed;{visible}", visible):
        answer = statements.post(body, content_type)
        if (answer.status_code, answer.data) != (200, b"[]"):
            refused(answer, 400)
    assert rows(session) == before
