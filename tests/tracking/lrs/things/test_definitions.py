"""Definitions are read at a bounded cost, and folding them changes no answer."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import embedded, schema
from elearn.db import new_id
from elearn.tracking.lrs.models import NIL
from elearn.tracking.lrs.rules.check import key_of
from elearn.tracking.lrs.statements import store
from elearn.tracking.lrs.things import definitions
from elearn.tracking.lrs.things.definitions import FOLD_FROM, MOST_ROWS, canonical, fold_due, scoped
from tests.builders_lrs import a_checked

AT = datetime(2026, 6, 1, tzinfo=UTC)
"""A month before the tests' clock: everything is long readable."""
ACTIVITY = "a:thing"
KEY = key_of(ACTIVITY)
OURS, THEIRS = UUID(int=11), UUID(int=22)


def tell(session: Session, second: int, definition: dict[str, Any], organisation_id: UUID | None = None) -> None:
    checked = a_checked(object={"id": ACTIVITY, "definition": definition})
    store.insert(
        session,
        [checked],
        stored_at=AT + timedelta(seconds=second),
        authority=new_id(),
        organisation_id=organisation_id,
        defines=True,
    )


def seen(session: Session, organisation_id: UUID | None = None) -> Any:
    found = canonical(session, [KEY], organisation_id=organisation_id).get(KEY)
    return json.loads(msgspec.json.encode(found))


def rows(session: Session) -> list[tuple[bool, UUID | None]]:
    found = session.execute(
        sa.text("SELECT merged, organisation_id FROM elearn.activity_definition ORDER BY stored_at, merged")
    )
    return [(merged, organisation_id) for merged, organisation_id in found]


def test_the_same_words_again_are_not_written_again(session: Session) -> None:
    for second in range(5):
        tell(session, second, {"type": "a:t"})
    assert rows(session) == [(False, NIL)]


def test_folding_changes_no_answer_for_anybody(session: Session) -> None:
    for second in range(3 * FOLD_FROM):
        who = (None, OURS, THEIRS)[second % 3]
        tell(session, second, {"name": {f"x-{second % 7}": f"{second}"}, "type": f"a:{second}"}, who)
    readers = (None, OURS, THEIRS, UUID(int=33))
    before = [seen(session, reader) for reader in readers]
    assert fold_due(session, since=AT) == 1  # of all together: no single one said more than FOLD_FROM
    assert [seen(session, reader) for reader in readers] == before
    for second in range(60, 60 + 3 * FOLD_FROM):
        tell(session, second, {"type": f"a:{second}"}, (None, OURS, THEIRS)[second % 3])
    before = [seen(session, reader) for reader in readers]
    assert fold_due(session, since=AT) == 4
    assert [seen(session, reader) for reader in readers] == before
    assert fold_due(session, since=AT) == 0
    assert sum(merged for merged, _ in rows(session)) == 5
    tell(session, 200, {"type": "a:last"})
    assert seen(session)["type"] == "a:last"
    assert seen(session, OURS)["type"] == "a:last"


def test_what_not_everybody_can_read_yet_is_not_folded(session: Session) -> None:
    now = int((datetime(2026, 7, 1, 1, 0, tzinfo=UTC) - AT).total_seconds())
    for second in range(FOLD_FROM + 1):
        tell(session, now + second, {"type": f"a:{second}"})
    assert fold_due(session, since=AT) == 0
    through = datetime(2026, 7, 1, 1, 0, 5, tzinfo=UTC)
    assert not definitions.fold_once(session, UUID(KEY), None, through=through)


def test_a_reader_folds_few_rows_however_often_an_activity_was_defined(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second in range(3 * FOLD_FROM):
        tell(session, second, {"name": {f"x-{second}": "n"}, "type": f"a:{second}"})
    folded: list[int] = []
    real = definitions._fold_of

    def count(*arguments: Any, **named: Any) -> Any:
        folded.append(1)
        return real(*arguments, **named)

    monkeypatch.setattr(definitions, "_fold_of", count)
    whole = seen(session)
    assert len(folded) == 3 * FOLD_FROM
    fold_due(session, since=AT)
    folded.clear()
    assert seen(session) == whole
    assert len(folded) <= 2
    monkeypatch.setattr(definitions, "MOST_ROWS", 3)
    for second in range(100, 110):
        tell(session, second, {"type": f"a:{second}"})
    folded.clear()
    assert seen(session)["type"] == "a:109"
    assert len(folded) == 3


def test_a_flood_is_folded_in_steps(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for second in range(100):
        tell(session, second, {"name": {f"x-{second}": "n"}})
    monkeypatch.setattr(definitions, "AT_ONCE", 30)
    whole = seen(session)
    assert fold_due(session, since=AT) > 2
    assert seen(session) == whole
    assert len(whole["name"]) == 100 <= MOST_ROWS


def test_the_night_finds_what_gathered_slowly(session: Session) -> None:
    for second in range(FOLD_FROM + 1):
        tell(session, second, {"type": f"a:{second}"})
    definitions.fold_definitions()
    assert not any(merged for merged, _ in rows(session))
    definitions.fold_all_definitions()
    assert any(merged for merged, _ in rows(session))


MANY = """
INSERT INTO elearn.activity_definition
    (activity_key, iri, definition, digest, stored_at, statement_id, merged, organisation_id)
SELECT md5((n % :activities)::text)::uuid, 'a:x', '{"type": "a:' || n || '"}', decode(md5(n::text), 'hex'),
       timestamptz '2026-05-01' + n * interval '1 second', NULL, false,
       coalesce(:organisation, md5((n % 50)::text)::uuid)
FROM generate_series(1, :rows) AS n
"""
ONE = md5(b"0").hexdigest()


@pytest.mark.parametrize("reader", [None, OURS, THEIRS])
def test_neither_a_reader_nor_the_job_goes_through_the_table(session: Session, reader: UUID | None) -> None:
    """Nor does one organisation's reader go through what another one said of the same activity."""
    session.execute(sa.text(MANY), {"rows": 40_000, "activities": 8_000, "organisation": None})
    session.execute(sa.text(MANY), {"rows": 5_000, "activities": 1, "organisation": OURS})
    session.execute(sa.text("ANALYZE elearn.activity_definition"))
    connection = session.connection()
    every = reader is None
    scopes = ["all"] if every else [str(reader), str(NIL)]
    asked = {"keys": json.dumps([ONE]), "scopes": json.dumps(scopes), "most": MOST_ROWS}
    due = {"since": AT, "through": AT, "more": FOLD_FROM + 1}
    one = {"key": UUID(ONE), "scope": reader, "through": AT, "most": MOST_ROWS}
    commands: list[tuple[str, dict[str, Any]]] = [
        (scoped(definitions._ROWS, "reading.scope::uuid", every=every), asked),
        (scoped(definitions._NEXT, "%(scope)s::uuid", every=every), one),
        (scoped(definitions._DUE.replace("SCOPE", "NULL::uuid"), "", every=True), due),
    ]
    for command, parameters in commands:
        plan = "\n".join(line for (line,) in connection.exec_driver_sql(f"EXPLAIN (ANALYZE) {command}", parameters))
        assert "Seq Scan on activity_definition" not in plan
        if reader == THEIRS and parameters is not due:
            read = [float(rows) for rows in re.findall(r"rows=([0-9.]+) loops", plan)]
            left_out = [int(rows) for rows in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
            assert max([*read, *left_out]) <= MOST_ROWS, plan


def test_definitions_of_before_belong_to_the_organisation_whose_key_said_them(services: embedded.Services) -> None:
    url = services.create_database("definitions_of_before")
    schema.upgrade(url, to="0015")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("""
            INSERT INTO elearn.activity_definition
                (activity_key, iri, definition, digest, stored_at, statement_id, merged)
            VALUES (gen_random_uuid(), 'a:x', '{}', '', now(), gen_random_uuid(), false)
            """)
        )
    schema.upgrade(url, to="0017")
    with engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT iri, organisation_id FROM elearn.activity_definition")).one()
        with pytest.raises(sa.exc.IntegrityError, match="append-only"):
            connection.execute(sa.text("UPDATE elearn.activity_definition SET iri = ''"))
    engine.dispose()
    assert tuple(kept) == ("a:x", UUID(int=0))
