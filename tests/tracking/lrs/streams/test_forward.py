"""Statements go on to another store: all of them, as they are, in order, whatever the other side does meanwhile."""

from __future__ import annotations

import json
from uuid import UUID

from elearn.db import new_id
from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.rules.check import VOIDED, check_statement
from elearn.tracking.lrs.statements import attachments, multipart, store
from elearn.tracking.lrs.streams.outbox import BATCH
from tests.builders_lrs import AT, a_checked, a_key, a_statement, an_attachment
from tests.builders_people import an_organisation
from tests.tracking.lrs.streams.conftest import Forwarding
from tests.tracking.lrs.streams.other_store import OtherStore


def test_everything_arrives_once_in_the_order_of_storing(sender: Forwarding, other: OtherStore) -> None:
    ids = sender.some(BATCH + 3) + sender.some(2)
    target = sender.target()
    sender.round(target)
    assert list(other.kept) == ids
    assert set(other.times.values()) == {1}
    assert [len(asked.ids) for asked in other.asked] == [BATCH, 5]
    assert (target.sent, target.attempts, target.last_error, target.claimed_until) == (BATCH + 5, 0, None, None)
    sender.round(target)
    assert len(other.asked) == 2  # nothing new, nothing said
    ids += sender.some(1)
    sender.round(target)
    assert list(other.kept) == ids


def test_a_statement_arrives_as_it_was_sent_to_us(sender: Forwarding, other: OtherStore) -> None:
    id_ = new_id()  # of version 7
    text = (
        f'{{"id":"{str(id_).upper()}", "actor":{{"mbox":"mailto:a@b.example"}},"verb":{{"id":"http://a/v"}},'
        '"timestamp":"2026-07-01T08:59:00.10+08:00","object":{"id":"a:\\u8bfe课"},"result":{"duration":"PT90S",'
        '"score":{"raw":1.50e1},"extensions":{"a:x":10000000000000000000001}}}'
    )
    (id_text,) = sender.store(check_statement(text))
    sender.round(sender.target())
    (asked,) = other.asked
    body = asked.body.decode()
    for part in ('"timestamp":"2026-07-01T08:59:00.10+08:00"', '"raw":1.50e1', "PT90S", "a:\\u8bfe课", "0000000001}"):
        assert part in body
    (statement,) = asked.statements
    assert UUID(statement["id"]) == UUID(id_text) == id_
    assert statement.keys() == {*json.loads(text), "version"}
    assert asked.headers["X-Experience-API-Version"] == "1.0.3"
    assert asked.headers["Authorization"] == "Basic dXM6b3VyIHNlY3JldA=="
    assert asked.headers["Content-Type"] == "application/json"


def test_what_we_added_goes_along_but_not_what_the_other_must_set(sender: Forwarding, other: OtherStore) -> None:
    checked = check_statement(json.dumps(a_statement(id=None, stored="2020-01-01T00:00:00Z")))
    sender.store(checked)
    sender.round(sender.target())
    (statement,) = other.kept.values()
    assert statement["id"] == str(checked.id)
    assert statement["timestamp"].startswith("2026-07-01T01:00:01")
    assert {"stored", "authority"} & statement.keys() == set()


def test_voided_and_voiding_statements_both_go(sender: Forwarding, other: OtherStore) -> None:
    (id_,) = sender.some(1)
    (voider,) = sender.store(a_checked(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": id_}))
    sender.round(sender.target())
    assert list(other.kept) == [id_, voider]


def test_data_of_attachments_go_along_with_their_statement(sender: Forwarding, other: OtherStore) -> None:
    data = b"\x00\xff\r\n--x"
    checked = a_checked(attachments=[an_attachment(data)])
    outcomes = store.insert(sender.session, [checked], stored_at=AT, authority=None)
    sha2 = checked.statement["attachments"][0]["sha2"]
    attachments.keep(sender.session, [checked], outcomes, {sha2: [multipart.Part({}, data)]})
    sender.some(1)
    sender.round(sender.target())
    (asked,) = other.asked
    assert len(asked.ids) == 2
    first, second = multipart.parts_of(asked.body, multipart.boundary_of(asked.headers["Content-Type"]), most=9)
    assert json.loads(first.content)[0]["id"] == str(checked.id)
    assert second.content == data
    assert second.headers["x-experience-api-hash"] == sha2
    assert second.headers["content-type"] == "text/plain"


def test_each_request_speaks_the_version_of_its_statements(sender: Forwarding, other: OtherStore) -> None:
    ids = [*sender.some(2), *sender.store(a_checked("2.0.0", timestamp="2026-07-01T00:00:00Z")), *sender.some(1)]
    both, old = sender.target(speaks=["1.0.3", "2.0.0"]), sender.target(label="an old one")
    sender.round(both)
    assert [(asked.headers["X-Experience-API-Version"], len(asked.ids)) for asked in other.asked] == [
        ("1.0.3", 2),
        ("2.0.0", 1),
        ("1.0.3", 1),
    ]
    assert sender.failures(both) == {}
    other.asked.clear()
    sender.round(old)
    assert [asked.ids for asked in other.asked] == [ids[:2], ids[3:]]
    (failure,) = sender.failures(old).values()
    assert (str(failure.statement_id), failure.dead, failure.status) == (ids[2], True, None)


def test_a_target_of_an_organisation_gets_what_came_by_its_keys(sender: Forwarding, other: OtherStore) -> None:
    here, there = an_organisation(sender.session).id, an_organisation(sender.session).id
    for organisation in (here, there):
        a_key(sender.session, organisation_id=organisation)
    by = {one.organisation_id: one.id for one in credentials.everyone(sender.session)}
    ours = sender.store(a_checked(), authority=by[here])
    sender.store(a_checked(), authority=by[there])
    sender.some(1)
    ours += sender.store(a_checked(), authority=by[here])
    sender.round(sender.target(organisation_id=here))
    assert list(other.kept) == ours


def test_what_may_still_be_joined_by_a_late_one_waits(sender: Forwarding, other: OtherStore) -> None:
    ids = sender.some(1)
    bound = sender.now
    sender.some(1)
    target = sender.target()
    sender.round(target, through=bound)
    assert list(other.kept) == ids
    assert (target.cursor_stored_at, str(target.cursor_id)) == (bound, ids[0])
