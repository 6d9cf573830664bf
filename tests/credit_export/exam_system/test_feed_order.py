"""The feed skips nothing: what commits later stands later, whoever began first."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from elearn.courses.models import Outline
from elearn.credit_export import feed
from elearn.credit_export.lifecycle import State
from elearn.db import db
from tests.builders_credit import an_outline
from tests.credit_export.exam_system.conftest import CODE, Office

WRITERS, EACH = 4, 5


def test_a_reader_who_follows_many_writers_sees_every_step_once_and_in_order(own_app: Flask) -> None:
    with own_app.app_context():
        outline_id = an_outline(db.session(), code=CODE).id
        db.session.commit()
    done = threading.Event()
    seen: list[int] = []

    def write() -> None:
        with own_app.app_context():
            session = db.session()
            for _ in range(EACH):
                Office(session, session.get_one(Outline, outline_id)).record(State.GRANTED)
                session.commit()

    def read() -> None:
        with own_app.app_context():
            session = db.session()
            while True:
                last_round = done.is_set()
                page = feed.feed(session, [CODE], seen[-1] if seen else 0, 3)
                seen.extend(change.position for change in page)
                session.rollback()
                if last_round and not page:
                    return

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write) for _ in range(WRITERS)]
        try:
            for writer in writers:
                writer.result()
        finally:
            done.set()
        reader.result()
    assert seen == list(range(1, 2 * WRITERS * EACH + 1))


def test_a_place_is_not_given_out_while_an_earlier_one_is_not_committed(own_app: Flask) -> None:
    with own_app.app_context():
        outline_id = an_outline(db.session(), code=CODE).id
        db.session.commit()
        session = db.session()
        Office(session, session.get_one(Outline, outline_id)).record()  # place 1, not committed

        def second() -> None:
            with own_app.app_context():
                other = db.session()
                Office(other, other.get_one(Outline, outline_id)).record()
                other.commit()

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive(), "it waits for the first to commit"
        session.commit()
        thread.join(10)
        assert [change.position for change in feed.feed(session, [CODE], 0, 10)] == [1, 2]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_the_same_cursor_is_answered_the_same_again(office: Office, after: int) -> None:
    record = office.record(State.GRANTED)
    office.record(State.GRANTED, before=record)

    def told() -> list[tuple[int, str]]:
        return [(one.position, one.life.state.value) for one in feed.feed(office.session, [CODE], after, 10)]

    before = told()
    office.record(State.GRANTED)
    assert told()[: len(before)] == before
