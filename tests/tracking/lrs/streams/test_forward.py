"""Statements go on to another store: all of them, as they are, in order, whatever the other side does meanwhile."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag

from elearn.db import new_id
from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.rules.check import VOIDED, check_statement
from elearn.tracking.lrs.statements import attachments, multipart, store
from elearn.tracking.lrs.streams import outbox, targets
from elearn.tracking.lrs.streams.outbox import BATCH, TRIES
from elearn.tracking.lrs.streams.peer import is_public
from elearn.tracking.lrs.streams.sending import Sent
from tests.builders_lrs import AT, a_checked, a_key, a_statement, an_attachment
from tests.builders_people import an_organisation
from tests.tracking.lrs.streams.conftest import Forwarding
from tests.tracking.lrs.streams.other_store import Asked, Behaviour, OtherStore, a_closed_port, say


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


# The other side fails.


def once(behave: Behaviour) -> Behaviour:
    """Only the first request goes wrong."""
    times = iter([True])

    def first(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
        return next(times, False) and behave(asked, handler)

    return first


def silence(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
    time.sleep(1)
    return True


def hang_up(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
    handler.connection.close()
    return True


def half(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
    return say(handler, 200, json.dumps(asked.ids).encode()[:20], Content_Length="4000")


def endless(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
    """Never silent for long, never done."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        handler.wfile.write(b"X-%d: y\r\n" % number)
        handler.wfile.flush()
        time.sleep(0.05)
    return True


def nonsense(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
    handler.wfile.write(b"220 mail.example ESMTP\r\n\r\n")
    return True


def lost_answer(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
    """It takes everything, and dies before it says so."""
    store_ = OTHERS[-1]
    for one in asked.statements:
        store_.kept[one["id"]] = one
    handler.connection.close()
    return True


OTHERS: list[OtherStore] = []


def status(number: int, body: object = b"", **headers: str) -> Behaviour:
    return lambda asked, handler: say(handler, number, body, **headers)


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(silence, id="silent"),
        pytest.param(hang_up, id="hangs up"),
        pytest.param(half, id="half an answer"),
        pytest.param(endless, id="never done"),
        pytest.param(nonsense, id="speaks no HTTP"),
        pytest.param(lost_answer, id="takes it and dies"),
        pytest.param(status(500), id="500"),
        pytest.param(status(503), id="503"),
        pytest.param(status(401), id="401"),
        pytest.param(status(403), id="403"),
        pytest.param(status(404), id="404"),
        pytest.param(status(429), id="429"),
        pytest.param(status(302, b"", Location="http://127.0.0.1:9/"), id="redirect"),
        pytest.param(status(200, b"<html>welcome</html>"), id="a page"),
        pytest.param(status(200, []), id="no ids"),
        pytest.param(status(200, b"[" * 100_000), id="deep"),
        pytest.param(status(204), id="204"),
    ],
)
def test_whatever_it_does_nothing_is_lost_and_it_is_left_alone_for_a_while(
    sender: Forwarding, other: OtherStore, behave: Behaviour
) -> None:
    OTHERS[:] = [other]
    sender.silence_s, sender.whole_s = 0.3, 0.5
    ids = sender.some(3)
    target = sender.target()
    other.behave = once(behave)
    began = time.monotonic()
    sender.round(target)
    assert time.monotonic() - began < 3
    assert target.cursor_id is None
    assert (target.attempts, target.sent) == (1, 0)
    assert target.last_error
    assert 5 <= (target.next_try_at - sender.now).total_seconds() <= 10
    asked = len(other.asked)
    sender.round(target, later_s=4)
    assert len(other.asked) == asked
    sender.round(target, later_s=6)
    assert list(other.kept) == ids
    assert sender.failures(target) == {}
    assert (target.attempts, target.sent) == (0, 3)
    assert target.last_error is None


def test_nobody_listening_is_a_failure_of_the_same_kind(sender: Forwarding) -> None:
    sender.some(1)
    target = sender.target(endpoint=a_closed_port())
    for attempts in (1, 2, 3):
        sender.round(target, later_s=3600)
        assert target.attempts == attempts
    assert (target.next_try_at - sender.now).total_seconds() >= 20
    assert target.cursor_id is None


def test_it_is_left_alone_for_as_long_as_it_asks(sender: Forwarding, other: OtherStore) -> None:
    sender.some(1)
    target = sender.target()
    other.behave = status(503, Retry_After="600")
    sender.round(target)
    assert (target.next_try_at - sender.now).total_seconds() == 600


def refusing(bad: set[str], number: int = 400) -> Behaviour:
    def behave(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
        return asked.method == "POST" and bool(bad & set(asked.ids)) and say(handler, number, {"error": "no"})

    return behave


def test_one_refused_statement_holds_up_no_other_and_is_a_dead_letter(sender: Forwarding, other: OtherStore) -> None:
    ids = sender.some(20)
    target = sender.target()
    other.behave = refusing({ids[7]})
    sender.round(target)
    assert list(other.kept) == ids[:7] + ids[8:]
    (failure,) = sender.failures(target).values()
    assert (str(failure.statement_id), failure.status, failure.dead) == (ids[7], 400, True)
    assert failure.error == '400 {"error": "no"}'
    asked = len(other.asked)
    sender.round(target, later_s=10_000)
    assert len(other.asked) == asked  # a dead letter is left alone
    other.behave = lambda asked, handler: False
    assert targets.retry(sender.session, target, at=sender.now) == 1
    sender.session.commit()
    sender.round(target)
    assert set(other.kept) == set(ids)
    assert sender.failures(target) == {}
    assert target.sent == 20


def test_a_dead_letter_that_is_refused_again_is_dead_again(sender: Forwarding, other: OtherStore) -> None:
    ids = sender.some(2)
    target = sender.target()
    other.behave = refusing({ids[0]})
    sender.round(target)
    assert targets.retry(sender.session, target, UUID(ids[1]), at=sender.now) == 0
    assert targets.retry(sender.session, target, UUID(ids[0]), at=sender.now) == 1
    sender.round(target)
    assert sender.failures(target)[ids[0]].dead


def test_409_for_an_equal_statement_is_as_good_as_taken(sender: Forwarding, other: OtherStore) -> None:
    ids = sender.some(3)
    target = sender.target()
    sender.round(target)
    target.cursor_stored_at = target.cursor_id = None  # as if the process had died before it could record
    sender.session.commit()
    other.kept[ids[2]]["verb"]["id"] = "http://a/other"
    other.behave = lambda asked, handler: (
        asked.method == "POST" and bool(other.kept.keys() & set(asked.ids)) and say(handler, 409, "conflict")
    )
    sender.round(target)
    assert {id_: (one.status, one.dead) for id_, one in sender.failures(target).items()} == {ids[2]: (409, True)}
    assert str(target.cursor_id) == ids[2]


@pytest.mark.parametrize("told", ["half of it", "503"])
def test_a_conflict_that_cannot_be_looked_into_is_no_dead_letter(
    sender: Forwarding, other: OtherStore, told: str
) -> None:
    (id_,) = sender.some(1)
    target = sender.target()

    def behave(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
        if asked.method == "POST":
            return say(handler, 409, "conflict")
        if told == "503":
            return say(handler, 503, b"")
        return say(handler, 200, b'{"id":"', Content_Length="900")

    other.behave = behave
    sender.round(target)
    assert sender.failures(target) == {}
    assert (target.cursor_id, target.attempts) == (None, 1)
    other.behave = lambda asked, handler: False
    sender.round(target, later_s=60)
    assert list(other.kept) == [id_]


def test_a_statement_that_it_breaks_at_does_not_hold_up_the_others_for_ever(
    sender: Forwarding, other: OtherStore
) -> None:
    ids = sender.some(10)
    target = sender.target()
    other.behave = refusing({ids[4]}, 500)
    for _ in range(6):
        sender.round(target, later_s=3600)
        assert other.kept == {}
    sender.round(target, later_s=3600)
    assert list(other.kept) == ids[:4] + ids[5:]
    failure = sender.failures(target)[ids[4]]
    assert (failure.dead, failure.attempts, failure.status) == (False, 1, None)
    for _ in range(TRIES - 1):
        assert not failure.dead
        sender.round(target, later_s=3600)
        failure = sender.failures(target)[ids[4]]
    assert failure.dead
    assert failure.attempts == TRIES


def test_a_target_that_is_broken_as_a_whole_gets_no_dead_letters(sender: Forwarding, other: OtherStore) -> None:
    ids = sender.some(12)
    target = sender.target()
    other.behave = status(500)
    for _ in range(12):
        sender.round(target, later_s=3600)
    assert sender.failures(target) == {}
    assert (target.attempts, target.cursor_id) == (12, None)
    other.behave = lambda asked, handler: False
    sender.round(target, later_s=3600)
    assert list(other.kept) == ids


def test_while_it_is_away_its_failures_wait_too(sender: Forwarding, other: OtherStore) -> None:
    ids = sender.some(2)
    target = sender.target()
    other.behave = refusing({ids[0]})
    sender.round(target)
    targets.retry(sender.session, target, at=sender.now)
    sender.session.commit()
    other.behave = status(401)
    sender.round(target)
    assert (target.attempts, target.last_error) == (1, "401")
    assert not sender.failures(target)[ids[0]].dead


def test_no_transaction_is_open_while_the_other_side_is_waited_for(sender: Forwarding, other: OtherStore) -> None:
    sender.some(2)
    target = sender.target()
    open_: list[bool] = []

    def look(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
        open_.append(sender.session.in_transaction())
        return False

    other.behave = look
    sender.round(target)
    assert open_ == [False]


# Who sends.


def test_a_target_is_in_one_job_s_hands_until_it_is_released_or_the_claim_is_over(sender: Forwarding) -> None:
    target = sender.target()
    session = sender.session
    assert outbox.claim_due(session, at=AT) == [target.id]
    assert outbox.claim_due(session, at=AT + outbox.LEASE / 2) == []
    assert outbox.claim_due(session, at=AT + outbox.LEASE) == [target.id]
    outbox.release(session, target.id)
    assert outbox.claim_due(session, at=AT) == [target.id]


@pytest.mark.parametrize("change", ["paused", "removed", "waiting"])
def test_what_is_not_due_is_neither_claimed_nor_sent_to(sender: Forwarding, other: OtherStore, change: str) -> None:
    sender.some(1)
    target = sender.target()
    if change == "paused":
        targets.pause(target)
    elif change == "removed":
        targets.remove(sender.session, target)
        assert target.sealed_secret == b""
    else:
        target.next_try_at = sender.now + outbox.LEASE
    sender.session.commit()
    assert outbox.claim_due(sender.session, at=sender.now) == []
    sender.round(target)
    assert other.asked == []


def test_of_two_that_send_at_once_the_slower_one_records_nothing(sender: Forwarding) -> None:
    sender.some(3)
    target, session, through = sender.target(), sender.session, sender.now + timedelta(seconds=1)
    slow = outbox.gather(session, target, through=through)
    quick = outbox.gather(session, target, through=through)
    taken = Sent([None] * 3, None)
    assert outbox.record(session, target.id, quick, taken, at=AT, chance=0)
    place = outbox.place_of(target)
    assert not outbox.record(session, target.id, slow, Sent([None], None), at=AT, chance=0)
    assert (outbox.place_of(target), target.sent) == (place, 3)


# To whom.


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_which_addresses_are_the_internet_s(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_target_at_a_private_address_is_not_reached_unless_it_was_allowed(
    sender: Forwarding, other: OtherStore
) -> None:
    sender.some(1)
    target = sender.target()
    target.private = False
    sender.session.commit()
    sender.round(target)
    assert other.asked == []
    assert target.last_error == "the address is private"


def test_a_secret_is_sealed_for_its_own_row(sender: Forwarding) -> None:
    one, two = sender.target(), sender.target(label="two")
    assert b"our secret" not in one.sealed_secret
    assert one.sealed_secret != two.sealed_secret
    one.sealed_secret = two.sealed_secret
    with pytest.raises(InvalidTag):
        targets.secret_of(one, b"e" * 32)
