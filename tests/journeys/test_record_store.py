"""The record store in earnest: killed while clients post, written by many at once, asked for what it was given."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.at_once import at_once
from tests.builders_lrs import a_statement, an_agent
from tests.journeys.record_store import TIMES, Answer, RecordStore, a_record_store
from tests.journeys.running import Part
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("record store")]

CLIENTS = 8
WRITERS = 32
CALM_S = 6.0
"""granian takes a web process that dies within 5.5 s of being started again for a crash loop, and ends."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordStore]:
    with a_record_store(tmp_path_factory.mktemp("record_store"), processes=2) as made:
        yield made


class Client(threading.Thread):
    """Posts batches, each with an id and a document of its own, until it is stopped; keeps what was acknowledged."""

    def __init__(self, store: RecordStore, number: int) -> None:
        super().__init__(name=f"client {number}")
        self.store = store
        self.number = number
        self.stopping = threading.Event()
        self.acknowledged: list[list[dict[str, Any]]] = []
        self.unknown: list[list[dict[str, Any]]] = []
        """No answer came, or a 503: stored whole, or not at all."""
        self.wrong: list[Answer] = []

    def run(self) -> None:
        while not self.stopping.is_set():
            batch = [self._statement(place) for place in range(1 + len(self.acknowledged) % 3)]
            try:
                answer = self.store.post(batch, X_Experience_API_Version="1.0.3")
            except OSError:
                self.unknown.append(batch)
                time.sleep(0.05)
                continue
            if answer.status == 200:
                self.acknowledged.append(batch)
            elif answer.status == 503:
                self.unknown.append(batch)
                time.sleep(0.05)
            else:
                self.wrong.append(answer)

    def _statement(self, place: int) -> dict[str, Any]:
        """About people and activities that all clients share."""
        unit = {"id": f"a:unit/{place}", "definition": {"name": {"en": f"unit {self.number % 2}"}}}
        return a_statement(actor=an_agent(f"w-{place}"), object=unit, context={"instructor": an_agent("t")})


@pytest.fixture
def clients(store: RecordStore) -> Iterator[list[Client]]:
    made = [Client(store, number) for number in range(CLIENTS)]
    for client in made:
        client.start()
    yield made
    stop(made)


def stop(clients: Sequence[Client]) -> None:
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join()


def goes_on(clients: Sequence[Client], *, more: int = 5) -> None:
    """Every client gets answers (again)."""
    before = [len(client.acknowledged) for client in clients]
    wait_for(
        lambda: all(len(client.acknowledged) >= at + more for client, at in zip(clients, before, strict=True)),
        seconds=40,
        what="answers to all clients",
    )


def kill(store: RecordStore, *parts: Part) -> None:
    for pid in [pid for part in parts for pid in store.product.parts()[part]]:
        os.kill(pid, signal.SIGKILL)


def require_each_acknowledged_once(store: RecordStore, clients: Sequence[Client]) -> None:
    lying = Counter(str(id_) for (id_,) in store.select("SELECT id FROM elearn.statement"))
    assert [id_ for id_, times in lying.items() if times > 1] == []
    lost = [one["id"] for client in clients for batch in client.acknowledged for one in batch if one["id"] not in lying]
    assert lost == []
    halves = [
        batch
        for client in clients
        for batch in (*client.acknowledged, *client.unknown)
        if len({one["id"] in lying for one in batch}) > 1
    ]
    assert halves == []
    apart = "SELECT count(*) FROM elearn.statement FULL JOIN elearn.statement_id USING (id) WHERE {} IS NULL"
    assert store.select(apart.format("statement.raw")) == store.select(apart.format("statement_id.stored_at")) == [(0,)]


def test_what_was_acknowledged_survives_the_death_of_every_part_and_of_all(
    store: RecordStore, clients: list[Client]
) -> None:
    """PostgreSQL, web processes and everything at once are killed while eight clients post; each retries what it
    knows and what it does not know of, and everything is there once."""
    chance = random.Random(os.environ.get("ELEARN_SEED", "1"))
    for turn in range(TIMES):
        for parts in ((Part.POSTGRES,), (Part.WEB,), tuple(Part)):
            goes_on(clients)
            time.sleep(chance.uniform(0, 0.5))
            if parts == tuple(Part):
                store.product.kill()
                store.product.start()
            else:
                kill(store, *parts)
                goes_on(clients)
                time.sleep(CALM_S if turn + 1 < TIMES else 0)
    goes_on(clients)
    stop(clients)
    assert [client.wrong for client in clients if client.wrong] == [], store.product.faults()
    require_each_acknowledged_once(store, clients)
    assert any(client.unknown for client in clients), "nothing was interrupted"
    for client in clients:
        for batch in (*client.acknowledged[-3:], *client.unknown):
            assert store.post(batch).status == 200
            for one in batch[:1]:
                assert store.ask("PUT", f"/xapi/statements?statementId={one['id']}", _json(one)).status == 204
    require_each_acknowledged_once(store, clients)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_32_clients_that_write_of_the_same_people_and_activities_are_all_served(store: RecordStore) -> None:
    before = store.rows()["statement"]

    def crew(turn: int) -> dict[str, Any]:
        return {"objectType": "Group", "member": [an_agent(f"w-{(turn + place) % 5}") for place in range(3)]}

    def batch(turn: int) -> list[dict[str, Any]]:
        return [
            a_statement(
                actor=crew(turn + place),
                object={"id": f"a:same/{(turn * place) % 5}", "definition": {"name": {"en": f"{turn}"}}},
                context={"contextActivities": {"parent": {"id": f"a:same/{(turn + place) % 5}"}}},
            )
            for place in range(20)
        ]

    for _ in range(2 * TIMES):
        answers = at_once(*(partial(store.post, batch(turn)) for turn in range(WRITERS)))
        assert Counter(answer.status for answer in answers) == {200: WRITERS}
    assert store.rows()["statement"] == before + 2 * TIMES * WRITERS * 20


def test_the_same_statement_from_32_connections_leaves_one_copy(store: RecordStore) -> None:
    for _ in range(3 * TIMES):
        one = a_statement()
        answers = at_once(*[partial(store.post, one)] * WRITERS)
        assert Counter(answer.status for answer in answers) == {200: WRITERS}
        assert store.select(f"SELECT count(*) FROM elearn.statement WHERE id = '{one['id']}'") == [(1,)]


def test_32_different_statements_of_one_id_leave_one_copy_and_conflicts(store: RecordStore) -> None:
    for _ in range(3 * TIMES):
        id_ = str(uuid4())
        sent = [a_statement(id=id_, verb={"id": f"a:verb/{number}"}) for number in range(WRITERS)]
        answers = at_once(*(partial(store.post, one) for one in sent))
        assert Counter(answer.status for answer in answers) == {200: 1, 409: WRITERS - 1}
        assert store.select(f"SELECT count(*) FROM elearn.statement WHERE id = '{id_}'") == [(1,)]


def test_32_clients_that_put_and_merge_one_document_lose_nothing(store: RecordStore) -> None:
    path = f"/xapi/activities/profile?activityId=a:x&profileId={uuid4()}"
    answers = at_once(*(partial(store.ask, "POST", path, _json({f"m{number}": 1})) for number in range(WRITERS)))
    assert Counter(answer.status for answer in answers) == {204: WRITERS}
    assert store.ask("GET", path).told == {f"m{number}": 1 for number in range(WRITERS)}


@pytest.mark.parametrize(
    "member",
    [
        '"result":{"extensions":{"a:e":1e400}}',
        '"result":{"extensions":{"a:e":-0}}',
        '"result":{"extensions":{"a:e":1.10}}',
        '"result":{"extensions":{"a:e":' + "9" * 4400 + "}}",
        '"result":{"extensions":{"a:e":' + "[" * 390 + "]" * 390 + "}}",
        '"result":{"response":"\\u0000"}',
        '"context":{"extensions":{"a:' + "b" * 65_536 + '":null}}',
        '"timestamp":"2099-01-01T00:00:00Z"',
        '"timestamp":"0001-01-01T00:00:00Z"',
        '"timestamp":"9999-12-31T23:59:59.999999999Z"',
    ],
    ids=lambda member: member[:45],
)
def test_what_reads_strangely_but_breaks_no_rule_comes_back_exactly(store: RecordStore, member: str) -> None:
    """Refusing these would break a rule: extensions are free (Data 4.1), clocks may be wrong (Data 2.4.7)."""
    one = a_statement(object={"id": "a:" + "b" * 65_536})
    sent = json.dumps(one)[:-1] + "," + member + "}"
    assert store.post(sent.encode()).status == 200
    for query in (f"statementId={one['id']}", f"limit=0&registration={uuid4()}", "limit=1", "limit=1&format=canonical"):
        assert store.ask("GET", f"/xapi/statements?{query}").status == 200
    assert member.encode() in store.ask("GET", f"/xapi/statements?statementId={one['id']}").body
