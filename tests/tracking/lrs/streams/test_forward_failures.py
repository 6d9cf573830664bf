"""The other store fails in every way: nothing is lost, and what it will not take holds up nothing else."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from uuid import UUID

import pytest

from elearn.tracking.lrs.streams import targets
from elearn.tracking.lrs.streams.outbox import TRIES
from tests.tracking.lrs.streams.conftest import Forwarding
from tests.tracking.lrs.streams.other_store import Asked, Behaviour, OtherStore, a_closed_port, say


def once(behave: Behaviour) -> Behaviour:
    """Only the first request goes wrong."""
    times = iter([True])

    def first(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
        return next(times, False) and behave(asked, handler)

    return first


def silence(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
    handler.connection.recv(1)  # until the sender gives up
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
    asked.take()
    handler.connection.close()
    return True


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
