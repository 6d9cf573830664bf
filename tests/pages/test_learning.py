"""What a learner is shown after watching: pending, final, what an exam system is told, what was not counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from flask import Flask
from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.credit_export import records
from elearn.people.models import Account
from tests.builders_tracking import a_player, a_watchable, pass_check
from tests.pages.conftest import Browser, World

Opens = Callable[[Account | None], Browser]


def test_watched_time_waits_then_counts_and_a_jump_is_explained(
    app: Flask, world: World, browser: Opens, session: Session
) -> None:
    seen = a_watchable(session, learner_id=world.worker.person_id)
    session.commit()
    phone = browser(world.worker)
    assert "Next lesson" in phone.page("/")
    player = a_player(app, session, world.worker.person_id)
    player.open(seen.unit_id)
    player.play(30_000)
    player.pass_time(15_000)
    player.make(a=60_000, b=75_000, play=15_000)
    player.flush()

    phone = browser(world.worker)
    home = phone.page("/")
    assert "Waiting for a check" in home
    assert "30 s is not confirmed yet." in home
    assert "0:30 / 1:30 To confirm" in phone.page(f"/courses/{seen.course_id}")
    hours = phone.page("/hours")
    assert "Jumped ahead 15 s" in hours
    assert "FORWARD_SEEK" not in hours, "exact codes are for auditors"
    assert "Still 26.4 hours of theory in the classroom" in hours

    while player.position_ms < 90_000 or player.state["check_due"]:
        if player.state["check_due"]:
            pass_check(player)
        player.play(90_000)
    phone = browser(world.worker)
    assert "Final 1 min 30 s" in phone.page("/hours")
    assert "1:30 / 1:30 Done" in phone.page(f"/courses/{seen.course_id}")


def test_the_lesson_page_tells_the_player_all_it_needs(world: World, browser: Opens) -> None:
    page = browser(world.worker).get(f"/learn/{world.unit.id}")
    found = re.search(r'id="player-config">(.*?)</script>', page.text, re.S)
    assert found is not None
    config = json.loads(found[1])
    assert config["unit"] == str(world.unit.id)
    assert config["urls"]["sittings"] == "/sittings"
    assert config["urls"]["devices"] == "/devices"
    assert config["progress"]["duration_ms"] == 90_000
    assert config["progress"]["spans"] == {"pending": [], "final": []}
    assert config["learner"]
    assert str(world.worker.person_id) not in page.text


def test_a_class_that_is_not_filed_says_so(world: World, browser: Opens, session: Session) -> None:
    a_watchable(session, learner_id=world.stranger.person_id, filed=False)
    session.commit()
    phone = browser(world.stranger)
    assert "The class is not filed with the regulator yet." in phone.page("/")
    assert "Your class is not filed with the regulator yet." in phone.page("/hours")


def test_a_proof_is_offered_once_there_is_a_record(world: World, browser: Opens, session: Session) -> None:
    phone, address = browser(world.worker), f"/hours/proof/{world.outline.id}"
    assert (address in phone.get("/hours").text, phone.get(address).status_code) == (False, 404)
    records.record_person(session, world.worker.person_id, now=utcnow())
    session.commit()
    assert (address in phone.get("/hours").text, phone.get(address).status_code) == (True, 200)


def test_somebody_in_no_class_is_told_what_happens_next(world: World, browser: Opens) -> None:
    assert "You are in no class yet" in browser(world.stranger).page("/")
    assert "Everything you studied was counted." in browser(world.stranger).page("/hours")
