"""The start page, wired through: what is read of a learner's classes, sessions, questions and assignments is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.clock import to_ms, utcnow
from elearn.credit_export.hours import MICRO, MINUTE_MS, Missing, RuleSet, Tally, missing, standing
from elearn.pages import next_shown, still_missing
from elearn.pages.next_thing import Next, Step
from elearn.people.models import Account
from elearn.people.registry import local_day
from elearn.tracking.attendance.models import ClassSession
from elearn.tracking.models import LearnerWatch
from elearn.training import assigning
from elearn.training.assigning import ByHand
from tests.builders_courses import theory_of
from tests.builders_people import a_person
from tests.builders_tracking import a_player, a_watchable
from tests.builders_training import a_works
from tests.pages.conftest import Browser, World

Opens = Callable[[Account | None], Browser]


def test_sessions_on_site_are_told_today_first_and_later_once_all_else_is_done(
    world: World, browser: Opens, session: Session
) -> None:
    now, by = utcnow(), a_person(session).id
    item = theory_of(session, world.outline)

    def planned(begins: timedelta, place: str) -> None:
        session.add(
            ClassSession(
                class_id=world.held.id, outline_item_id=item.id, kind="theory", teacher_id=by, place=place,
                from_at=now + begins, to_at=now + begins + timedelta(hours=1), planned_by=by,
                planned_at=now - timedelta(days=1),
            )
        )  # fmt: skip
        session.commit()

    phone = browser(world.worker)
    planned(timedelta(days=3), "Room 3")
    home = phone.page("/")
    assert ("Next lesson" in home, "Room 3" in home) == (True, False), "there is a lesson to study first"
    assert "Room 3" in phone.page("/learn")
    planned(timedelta(minutes=1), "Room 1")
    home = phone.page("/")
    assert "Today on site" in home
    assert "Room 1" in home
    assert "Scan the code" in home


def test_what_an_employer_assigned_is_said_with_its_day_and_led_to_in_its_own_class(
    world: World, browser: Opens, session: Session
) -> None:
    works = a_works(session)
    member = works.hire(person_id=world.worker.person_id, from_on=local_day(utcnow()))
    programme = works.programme()
    asked = ByHand(programme.id, [member.id])
    assert assigning.by_hand(session, asked, due_on=None, bars_post=False, now=utcnow()) == 1
    session.commit()
    phone = browser(world.worker)
    answer = phone.get("/")
    assert "Your employer assigned this training to you." in answer.text
    assert programme.title in answer.text
    assert "1 h left" in answer.text
    assert f'href="/learn/{works.units[programme.id].id}"' in answer.text
    assert "Your employer&#39;s training" in answer.text
    assert "The class is not filed" not in answer.text, "it is no class of an exam"
    assert "0 s of 1 h credited" in answer.text, "a ring with the exact figures of this assignment"
    session.execute(sa.text("UPDATE elearn.assignment SET credited_ms = 900000"))
    session.commit()
    assert "15 min of 1 h credited" in phone.get("/").text
    session.execute(sa.text("UPDATE elearn.assignment SET due_on = due_on - 400, assigned_on = assigned_on - 400"))
    session.commit()
    assert "Overdue since" in phone.page("/")
    session.execute(sa.text("UPDATE elearn.assignment SET bars_post = true"))
    session.commit()
    assert "you may not work at your post" in phone.page("/")
    session.execute(sa.text("UPDATE elearn.assignment SET credited_ms = required_ms, tests_passed = true"))
    session.execute(sa.text("UPDATE elearn.training_programme SET purpose = 'three_level_team'"))
    session.commit()
    answer = phone.get("/")
    assert "Your signature is left." in answer.text
    assert re.search('href="/my-training/[0-9a-f-]{36}"', answer.text)


def test_a_question_that_is_out_comes_before_everything(
    app: Flask, world: World, browser: Opens, session: Session
) -> None:
    seen = a_watchable(session, learner_id=world.worker.person_id)
    session.commit()
    player = a_player(app, session, world.worker.person_id)
    player.open(seen.unit_id)
    player.play(30_000)
    of_learner = LearnerWatch.learner_id == world.worker.person_id
    deadline = to_ms(utcnow()) + 40_000
    session.execute(sa.update(LearnerWatch).where(of_learner).values(check_deadline_ms=deadline))
    session.commit()
    phone = browser(world.worker)
    answer = phone.get("/")
    assert "A question is waiting" in answer.text
    assert f'href="/learn/{seen.unit_id}"' in answer.text
    session.execute(sa.update(LearnerWatch).where(of_learner).values(check_deadline_ms=deadline - 80_000))
    session.commit()
    assert "Waiting for a check" in phone.page("/"), "it can be answered no more"


HOURS = RuleSet("half of it online", 30 * MINUTE_MS, 45 * MINUTE_MS, 50)
ONLINE, ON_SITE = 30 * MINUTE_MS, 45 * MINUTE_MS


@pytest.mark.parametrize(
    ("case", "done", "short"),
    [
        ("nothing was done", Tally(), Missing(5, 5, 4)),
        ("online counts for half of it at most", Tally(online_theory_ms=20 * ONLINE), Missing(5, 0, 4)),
        ("what is on site leaves less to study online", Tally(0, 7 * ON_SITE), Missing(0, 3, 4)),
        ("both", Tally(3 * ONLINE, 5 * ON_SITE), Missing(0, 2, 4)),
        ("more than enough", Tally(9 * ONLINE, 9 * ON_SITE, 9 * ON_SITE), Missing(0, 0, 0)),
    ],
)
def test_missing_hours_are_said_by_where_they_can_be_had(case: str, done: Tally, short: Missing) -> None:
    found = missing(done, required_theory=10, required_practice=4, rules=HOURS)
    assert found == Missing(short.classroom * MICRO, short.theory * MICRO, short.practice * MICRO), case
    counts = standing(done, required_theory=10, rules=HOURS)
    assert found.classroom + found.theory == max(0, 10 * MICRO - counts.theory), "exactly what the judgement lacks"


@pytest.mark.parametrize(("micro", "text"), [(6 * MICRO, "6"), (20_500_000, "20.5"), (1, "0.1"), (5_950_001, "6")])
def test_what_is_short_is_never_shown_as_less(micro: int, text: str) -> None:
    assert still_missing.plain(micro) == text


def test_nobody_is_told_that_all_is_done_while_hours_for_the_exam_are_missing(app: Flask) -> None:
    with app.test_request_context():
        done = next_shown.say(Next(Step.DONE), in_a_class=True)
        short = next_shown.say(Next(Step.DONE), in_a_class=True, still=["Still 7.2 hours of theory in the classroom"])
    assert (done.tone, done.title) == ("done", "要学的都学完了，真棒！")
    assert short.tone != "done"
    assert "7.2 hours" in short.text
