"""Any statement, however damaged: kept and given back exactly, or refused with its place and clause; nothing else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.tracking.lrs.communication.statements_client import Statements
from tests.tracking.lrs.fuzzing.asking import exact, examples, refused, rows
from tests.tracking.lrs.fuzzing.mutations import mutated, names_twice

NOISE = [b"\\ud800", b"\\u0000", b"NaN", b"-", b"1e999", b",", b"}{", b"\xff"]
GIVEN_BY_THE_STORE = ("stored", "authority", "timestamp", "version", "id")


def as_shown(sent: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
    """`sent` as the store has to show it: with what it adds, and single context activities in arrays (Data 2.4.6.2)."""
    given = {name: got.get(name) for name in ("stored", "authority")}
    wanted: dict[str, Any] = {name: got[name] for name in got if name in GIVEN_BY_THE_STORE} | sent | given
    for whole in (wanted, wanted["object"]):
        context = whole.get("context") if whole is wanted or whole.get("objectType") == "SubStatement" else None
        if context and "contextActivities" in context:
            whole["context"] = context | {
                "contextActivities": {
                    name: value if isinstance(value, list) else [value]
                    for name, value in context["contextActivities"].items()
                }
            }
    return wanted


@examples(150)
@given(text=mutated())
def test_a_damaged_statement_comes_back_exactly_or_is_refused_with_its_clause(
    statements: Statements, session: Session, text: str
) -> None:
    before = rows(session)
    answer = statements.post(text)
    if answer.status_code != 200:
        told = refused(answer, 400, 409)
        event(f"refused by {told['clause'].partition(',')[0]}")
        assert rows(session) == before
        return
    event("taken")
    assert not names_twice(text)
    (id_,) = json.loads(answer.data)
    sent = exact(text)
    shown = exact(statements.get(statementId=id_).data)
    assert shown.keys() - sent.keys() <= set(GIVEN_BY_THE_STORE)
    assert shown == as_shown(sent, shown)
    for form in ("ids", "canonical"):
        assert statements.get(statementId=id_, format=form).status_code == 200
    if "id" in sent:
        after = rows(session)
        assert statements.post(text).status_code == 200
        assert rows(session) == after


@examples(40)
@given(texts=st.lists(mutated(), min_size=1, max_size=4))
def test_a_batch_is_kept_whole_or_not_at_all(statements: Statements, session: Session, texts: list[str]) -> None:
    before = rows(session)
    answer = statements.post("[" + ",".join(texts) + "]")
    if answer.status_code == 200:
        assert len(json.loads(answer.data)) == len(texts)
        assert rows(session)[0] == before[0] + len(texts)
    else:
        told = refused(answer, 400, 409)
        assert answer.status_code == 409 or told["property"].startswith(("/", ".../"))
        assert rows(session) == before


@examples(80)
@given(
    text=mutated(),
    at=st.integers(0, 4000),
    noise=st.binary(max_size=4) | st.sampled_from(NOISE),
    cut=st.integers(0, 40),
)
def test_damaged_bytes_come_back_exactly_or_are_refused(
    statements: Statements, session: Session, text: str, at: int, noise: bytes, cut: int
) -> None:
    body = text.encode()
    at %= len(body)
    before = rows(session)
    damaged = body[:at] + noise + body[at + cut :]
    answer = statements.post(damaged)
    if answer.status_code == 200:
        for id_ in json.loads(answer.data):
            got = exact(statements.get(statementId=id_).data)
            sent = exact(damaged)
            assert got == as_shown(sent, got)
    else:
        refused(answer, 400, 409)
        assert rows(session) == before
