"""The page of messages over HTTP."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.training.telling import messages, sending
from elearn.training.telling.messages import Kind, Telling
from elearn.training.telling.sending import Channel, Letter, Outgoing, State
from tests import builders_people as people
from tests.pages.conftest import Browser, World


def test_a_worker_reads_what_they_were_told(app: Flask, session: Session, world: World) -> None:
    worker, stranger = Browser(app, session, world.worker), Browser(app, session, world.stranger)
    assert "No messages" in worker.page("/messages")
    facts = {"programme": "三级安全教育 厂级", "left_ms": 8_100_000, "due_on": "2026-10-31", "bars_post": True}
    messages.tell(session, [Telling(world.worker.person_id, Kind.ASSIGNED, "1", facts)], at=people.AT)
    facts = {"title": "低压电工作业", "to_on": "2026-12-31"}
    messages.tell(session, [Telling(world.worker.person_id, Kind.CERTIFICATE_EXPIRING, "2", facts)], at=people.AT)
    session.commit()

    page = worker.page("/messages")
    assert "New training: 三级安全教育 厂级" in page
    assert "Takes 2 h 15 min, to be done by Oct 31, 2026. You may take up the post once it is done." in page.replace(
        "  ", " "
    )
    assert "Messages 2" in page, "the navigation counts"
    assert '<span class="sr">2 unread</span>' in worker.get("/").text
    assert "低压电工作业" not in stranger.page("/messages")

    newest, _older = messages.newest(session, world.worker.person_id)
    [assigned] = [one.id for one in newest if one.kind is Kind.ASSIGNED]
    assert stranger.post(f"/messages/{assigned}").status_code == 404, "another's is not even confirmed to exist"
    assert worker.post(f"/messages/{uuid4()}").status_code == 404
    answer = worker.post(f"/messages/{assigned}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert messages.unread(session, world.worker.person_id) == 1
    assert worker.post("/messages/read").status_code == 303
    page = worker.page("/messages?page=x")
    assert "unread" not in page
    assert "Mark all as read" not in page
    assert Browser(app, session, None).get("/messages").status_code == 303, "to sign in"


def test_what_failed_is_shown_to_who_keeps_the_people_and_sent_again(
    app: Flask, session: Session, world: World
) -> None:
    facts = {"lines": [], "more": 0}
    letter = Letter(world.worker.person_id, world.enterprise.id, Kind.DUE, "2026-06-30", facts)
    sending.queue(session, Channel.SMS, [letter], at=people.AT)
    session.execute(sa.update(Outgoing).values(state=State.DEAD, last_error="refused"))
    session.commit()
    clerk, other = Browser(app, session, world.clerk), Browser(app, session, world.other_clerk)
    page = clerk.page("/training/reminders")
    assert "李明 failed The gateway takes no message for this number." in " ".join(page.split())
    assert "1 without a telephone number" in page
    assert "李明" not in other.page("/training/reminders")
    assert other.get(f"/training/reminders?organisation={world.enterprise.id}").status_code == 404
    assert other.post("/training/reminders").status_code == 303
    assert Browser(app, session, world.worker).get("/training/reminders").status_code == 403
    session.expire_all()
    assert session.scalars(sa.select(Outgoing.state)).all() == [State.DEAD], "another's letters stay"
    assert clerk.post("/training/reminders").status_code == 303
    session.expire_all()
    [row] = session.scalars(sa.select(Outgoing))
    assert (row.state, row.attempts, row.last_error) == (State.WAITING, 0, None)
    assert "1 go out again." in clerk.page("/training/reminders")
