"""What a heartbeat costs: statements proved, stored, judged and written in one transaction.

Told as ratios of processor time in one run, in turns: the whole heartbeat, beside the same request at the same door
(sign-in, cookie, page token, sitting token, the learner's and the sitting's rows locked, a nonce taken and issued)
that only validates its statements and stores them in the record store, without signature and verdict; and beside
the same request that only parses and validates. PostgreSQL's processor time counts with ours.

    python -m bench.heartbeat [--learners 24] [--heartbeats 15]

`--learners` people each send `--heartbeats` of 15 s, so that one person's pending time grows as it does in life.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import msgspec
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from bench import connections
from bench.figures import Figure, say
from bench.watching import Place, Spent, Watcher, a_place, a_watcher, ask, postgres_beside
from elearn import web
from elearn.clock import to_ms, utcnow
from elearn.courses import catalogue
from elearn.db import db
from elearn.people.callers import current_person_id
from elearn.people.permissions import LEARNER
from elearn.runtime import runtime
from elearn.tracking import checks, sittings
from elearn.tracking.lrs.rules.check import check_statement
from elearn.tracking.lrs.statements import store as statements
from elearn.tracking.messages import Message, claim_in
from elearn.tracking.standing import read_unit, store

STORE_LIMIT = 1.6
PARSE_LIMIT = 4.0
LESSON_MS = 20 * 60_000
HEARTBEAT_MS = 15_000
DOOR = "elearn.tracking.report"

View = Callable[[UUID], ResponseReturnValue]


def only_parse(sitting_id: UUID) -> ResponseReturnValue:
    """Read the message and check its statements by the same rules, and do nothing else."""
    message = web.read_json(Message)
    for sent in message.reports:
        check_statement(sent.statement)
        claim_in(sent.statement, message.sent_cm)
    return jsonify(acknowledged=len(message.reports))


def only_store(sitting_id: UUID) -> ResponseReturnValue:
    """The door without signature and verdict: who it is, the locks, the nonce, valid statements stored, the answer."""
    now, tokens = utcnow(), runtime().kept["sitting_tokens"]  # which the real door, asked first, keeps there
    tokens.read(request.headers.get("X-Sitting"), now_ms=to_ms(now))
    message = web.read_json(Message)
    checked = [check_statement(sent.statement) for sent in message.reports]
    for sent in message.reports:
        claim_in(sent.statement, message.sent_cm)
    session = db.session()
    secret = checks.secret_of(runtime().settings.secret_key)
    locked, policy = sittings.touch(session, current_person_id(), sitting_id, presence_secret=secret, now_ms=to_ms(now))
    if message.nonce not in locked.nonces:
        raise RuntimeError("the nonce is unknown")
    sittings.issue_nonce(locked)
    statements.insert(session, checked, stored_at=now, authority=None, sitting_id=sitting_id)
    store(session, locked)
    facts = catalogue.unit_facts(session, locked.unit_id)
    told = sittings.state_block(locked, read_unit(session, locked, policy), facts.duration_ms, policy)
    session.commit()
    return jsonify(told | {"acknowledged": len(checked), "results": []})


def only_insert(sitting_id: UUID) -> ResponseReturnValue:
    """The barest door that could be said to store: no lock, no nonce, no state."""
    message = web.read_json(Message)
    checked = [check_statement(sent.statement) for sent in message.reports]
    session = db.session()
    statements.insert(session, checked, stored_at=utcnow(), authority=None, sitting_id=sitting_id)
    session.commit()
    return jsonify(acknowledged=len(checked))


@contextmanager
def at_the_door(app: Flask, view: View) -> Iterator[None]:
    """The real application, whose door for reports lets in the same people and then does `view`."""
    whole = app.view_functions[DOOR]
    app.view_functions[DOOR] = web.allow(LEARNER)(view)
    try:
        yield
    finally:
        app.view_functions[DOOR] = whole


def send(place: Place, spent: Spent, crowd: list[Watcher], bodies: list[bytes]) -> list[bytes]:
    """A heartbeat of everybody, and what all of it took."""
    with postgres_beside(place, spent):
        return [ask(place.app, spent, w.door, body, w.headers) for w, body in zip(crowd, bodies, strict=True)]


def cost(place: Place, learners: int, heartbeats: int, pieces: int) -> Iterator[Figure]:
    """Heartbeats of `pieces` reports: whole, only stored (by learners of their own), only parsed."""
    crowd = [a_watcher(place, duration_ms=LESSON_MS) for _ in range(learners)]
    others = [a_watcher(place, duration_ms=LESSON_MS) for _ in range(learners)]
    whole, early, late, stored, inserted, parsed = Spent(), Spent(), Spent(), Spent(), Spent(), Spent()
    for turn in range(heartbeats + 1):
        place.clock.advance(HEARTBEAT_MS)
        for watcher in crowd:
            watcher.player.have_key()
        warm = turn == 0  # every path once, before anything is measured
        bodies = [watcher.heartbeat(pieces, HEARTBEAT_MS // pieces) for watcher in crowd]
        with at_the_door(place.app, only_parse):
            send(place, Spent() if warm else parsed, crowd, bodies)
        kind = Spent() if warm else early if 2 * turn <= heartbeats else late
        for watcher, answer in zip(crowd, send(place, kind, crowd, bodies), strict=True):
            watcher.learn(answer)
        with at_the_door(place.app, only_store):
            theirs = [watcher.heartbeat(pieces, HEARTBEAT_MS // pieces) for watcher in others]
            answers = send(place, Spent() if warm else stored, others, theirs)
        for watcher, answer in zip(others, answers, strict=True):
            watcher.player.state = msgspec.json.decode(answer)
        with at_the_door(place.app, only_insert):
            theirs = [watcher.heartbeat(pieces, HEARTBEAT_MS // pieces) for watcher in others]
            send(place, Spent() if warm else inserted, others, theirs)
    for part in (early, late):
        whole.requests += part.requests
        whole.cpu_s += part.cpu_s
        whole.postgres_s += part.postgres_s
        whole.wall_s += part.wall_s
    name = f"heartbeat of {pieces} report{'s' * (pieces > 1)}"
    yield Figure(
        f"{name} / the same only stored",
        whole.whole_ms / stored.whole_ms,
        STORE_LIMIT,
        f"{whole.cpu_ms:.2f} + {whole.postgres_ms:.2f} ms of ours and PostgreSQL's CPU / "
        f"{stored.cpu_ms:.2f} + {stored.postgres_ms:.2f} ms, {whole.requests} requests",
    )
    yield Figure(
        f"{name} / the same only stored, by the clock",
        whole.wall_ms / stored.wall_ms,
        None,
        f"{whole.wall_ms:.2f} ms / {stored.wall_ms:.2f} ms",
    )
    yield Figure(
        f"{name} / statements inserted and nothing else",
        whole.whole_ms / inserted.whole_ms,
        None,
        f"{whole.whole_ms:.2f} ms / {inserted.whole_ms:.2f} ms: no token, no locks, no nonce, no state",
    )
    yield Figure(
        f"{name} / the same only parsed and validated",
        whole.cpu_ms / parsed.cpu_ms,
        PARSE_LIMIT,
        f"{whole.cpu_ms:.2f} ms / {parsed.cpu_ms:.2f} ms of our CPU",
    )
    yield Figure(
        f"{name}: later ones / earlier ones",
        late.whole_ms / early.whole_ms,
        None,
        f"{late.whole_ms:.2f} ms / {early.whole_ms:.2f} ms: pending pieces pile up, history does not count",
    )


def run(*, learners: int = 24, heartbeats: int = 15) -> Iterator[Figure]:
    """All figures, on services of its own."""
    with a_place() as place:
        yield from cost(place, learners, heartbeats, pieces=1)
        yield from cost(place, learners, heartbeats, pieces=4)
        yield from connections.run(place)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=24)
    parser.add_argument("--heartbeats", type=int, default=15)
    asked = parser.parse_args()
    return say(run(learners=asked.learners, heartbeats=asked.heartbeats))


if __name__ == "__main__":
    raise SystemExit(main())
