"""What counted and why not, on the learner's page and on the auditor's: who sees which words."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.courses.models import Enrolment
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.pages.learning import refusal_text
from elearn.people.models import Account, Organisation, Role
from elearn.tracking.verifier import Refusal, RefusalClass
from tests import builders_people as people
from tests.builders_refusals import a_refusal, jump_ahead, play_good_and_bad
from tests.builders_tracking import Watchable, a_player, a_watchable, pass_check
from tests.pages.conftest import Browser, World

Opens = Callable[[Account | None], Browser]
CODES = re.compile(r"\b(" + "|".join(Refusal) + r")\b")


@pytest.fixture
def seen(session: Session, world: World) -> Watchable:
    found = a_watchable(session, duration_ms=120_000, learner_id=world.worker.person_id)
    session.commit()
    return found


@pytest.fixture
def player(app: Flask, session: Session, seen: Watchable) -> ScriptedPlayer:
    one = a_player(app, session, seen.learner_id)
    one.open(seen.unit_id)
    return one


@pytest.fixture
def officer(session: Session, seen: Watchable) -> Callable[[str], Account]:
    """A regulator's officer of a region; the lesson is taught in Kunming (530100)."""
    institution = session.get_one(Organisation, seen.institution_id)
    institution.region = "530100"
    session.commit()

    def made(region: str) -> Account:
        account = people.an_account(session, Role.REGULATOR_OFFICER, region=region)
        session.commit()
        return account

    return made


# -- the learner


def test_a_learner_reads_what_counts_what_waits_and_what_does_not(
    world: World, browser: Opens, seen: Watchable, player: ScriptedPlayer
) -> None:
    player.play(30_000)
    pass_check(player)
    player.play(15_000)
    jump_ahead(player)
    page = browser(world.worker).page(f"/learn/{seen.unit_id}/counted")
    assert "Final 30 s Waiting for a check 15 s Not counted 15 s Not seen yet 1 min" in page
    assert "Jumped ahead 15 s" in page
    assert "Parts count only when watched in order." in page
    assert "09:01 part 1:00–1:15" in page
    assert "15 s wait for a check and lapse on Jul 4" in page
    assert "Checks passed: 1, missed: 0" in page
    assert not CODES.search(page), "exact codes are for auditors"


@pytest.mark.parametrize("kind", list(RefusalClass))
def test_each_class_is_told_in_plain_words_in_both_languages_and_never_as_a_code(
    app: Flask, session: Session, world: World, browser: Opens, seen: Watchable, kind: RefusalClass
) -> None:
    _, code = a_refusal(app, session, seen, kind)
    phone = browser(world.worker)
    for language, missed in (("en", "Check not passed"), ("zh", "确认未通过")):
        text = phone.get(f"/learn/{seen.unit_id}/counted?lang={language}").text
        with app.test_request_context(f"/?lang={language}"):
            told = set(refusal_text(kind))
        wanted = {missed} if kind is RefusalClass.CHECK_MISSED else told
        assert all(word in text for word in wanted), wanted
        assert code not in text
        assert not CODES.search(text)


def test_a_lesson_that_was_never_watched_says_so(world: World, browser: Opens, seen: Watchable) -> None:
    page = browser(world.worker).page(f"/learn/{seen.unit_id}/counted")
    assert "You have not watched this lesson yet." in page
    assert "Not seen yet 2 min" in page


def test_nobody_reads_the_account_of_another(
    world: World, browser: Opens, session: Session, seen: Watchable, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    address = f"/learn/{seen.unit_id}/counted"
    for account in (world.stranger, world.clerk, world.manager, world.auditor, world.operator):
        assert browser(account).get(address).status_code == 404
    assert browser(None).get(address).status_code == 303
    other = a_watchable(session)
    session.commit()
    assert browser(world.worker).get(f"/learn/{other.unit_id}/counted").status_code == 404


def test_who_left_the_class_still_reads_what_became_of_their_watching(
    world: World, browser: Opens, session: Session, seen: Watchable, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    session.execute(sa.update(Enrolment).where(Enrolment.class_id == seen.class_id).values(withdrawn_at=utcnow()))
    session.commit()
    phone = browser(world.worker)
    assert phone.get(f"/learn/{seen.unit_id}").status_code == 404
    assert "Waiting for a check 15 s" in phone.page(f"/learn/{seen.unit_id}/counted")


def test_the_account_is_reached_from_the_lesson_the_course_and_the_hours(
    world: World, browser: Opens, seen: Watchable, player: ScriptedPlayer
) -> None:
    jump_ahead(player)
    player.play(5_000)
    phone = browser(world.worker)
    for address in (f"/learn/{seen.unit_id}", f"/courses/{seen.course_id}", "/hours"):
        assert f'href="/learn/{seen.unit_id}/counted"' in phone.get(address).text, address


def test_an_objection_has_a_door_once_there_is_something_to_object_to(
    app: Flask, session: Session, world: World, browser: Opens, seen: Watchable
) -> None:
    assert "/appeals/new" not in browser(world.worker).get(f"/learn/{seen.unit_id}/counted").text
    a_player(app, session, seen.learner_id).open(seen.unit_id)
    phone = browser(world.worker)
    assert f'href="/appeals/new?unit={seen.unit_id}"' in phone.get(f"/learn/{seen.unit_id}/counted").text
    assert phone.get(f"/appeals/new?unit={seen.unit_id}").status_code == 200


def test_the_timeline_carries_no_style_of_its_own(
    world: World, browser: Opens, seen: Watchable, player: ScriptedPlayer
) -> None:
    player.play(30_000)
    response = browser(world.worker).get(f"/learn/{seen.unit_id}/counted")
    assert 'class="pending" x="0.0" width="250.0"' in response.text
    assert "style=" not in response.text


# -- the auditor


@pytest.fixture
def sid(player: ScriptedPlayer) -> str:
    return play_good_and_bad(player)


def test_an_auditor_reads_every_report_with_code_and_evidence(world: World, browser: Opens, sid: str) -> None:
    reader = browser(world.auditor)
    assert "系挂安全带" in reader.page("/audit/sittings")
    page = reader.page(f"/audit/sittings/{sid}")
    assert "Replay agrees" in page
    for said in (
        "PRESENCE_REQUIRED",
        "PRESENCE_FAILED",
        "BAD_SIGNATURE The signature is not the device's over these bytes.",
        "Believed 0:30.000 of it final 0:15.000 of it taken back 0:15.000",
        "holds, tried just now",
        "chain intact",
        "rate_max_permille",
        "Keys given 1",
        "passed question · tries: 1",
        "failed question · tries: 2",
        f"elearn tracking explain {sid}",
    ):
        assert said in page, said
    odd = reader.page(f"/audit/sittings/{sid}?odd=1")
    assert "with something refused or odd (2)" in odd
    assert "0:15.000–0:30.000" not in odd


def test_a_replay_that_disagrees_is_the_first_thing_said(
    world: World, browser: Opens, session: Session, sid: str
) -> None:
    session.execute(sa.text("ALTER TABLE elearn.report DISABLE TRIGGER USER"))  # as an insider would
    session.execute(
        sa.text(
            "UPDATE elearn.report SET credited = '[[0, 99, \"2026-07-01\", false]]' WHERE seq = 1 AND sitting_id = :sid"
        ),
        {"sid": sid},
    )
    session.commit()
    page = browser(world.auditor).page(f"/audit/sittings/{sid}")
    assert "Replay disagrees" in page
    assert "1 reports on this page do not agree" in page
    assert "replay believes [[0, 15000," in page
    assert "the ledger has 0-15000" in page


def test_an_auditor_finds_a_person_or_a_sitting(world: World, browser: Opens, sid: str) -> None:
    reader = browser(world.auditor)
    found = reader.get("/audit/sittings?search=李")
    assert f'href="/audit/people/{world.worker.person_id}"' in found.text
    assert "1 sittings" in reader.page("/audit/sittings?search=李明")
    assert "Nobody of this name" in reader.page("/audit/sittings?search=%25")
    there = reader.get(f"/audit/sittings?search={sid}")
    assert (there.status_code, there.headers["Location"]) == (303, f"/audit/sittings/{sid}")
    assert reader.get(f"/audit/sittings?search={uuid4()}").status_code == 404
    person = reader.page(f"/audit/people/{world.worker.person_id}")
    assert "系挂安全带" in person
    assert "30 s" in person
    assert "Nothing watched yet" in reader.page(f"/audit/people/{world.stranger.person_id}")


def test_pages_of_an_empty_place_say_so(world: World, browser: Opens, player: ScriptedPlayer) -> None:
    reader = browser(world.auditor)
    assert "No report has come." in reader.page(f"/audit/sittings/{player.sid}")
    assert "Nothing was refused" in reader.page(f"/audit/sittings/{player.sid}?odd=1")
    assert "№" not in reader.page("/audit/sittings?page=7")


def test_nobody_else_reads_sittings(world: World, browser: Opens, sid: str) -> None:
    for address in ("/audit/sittings", f"/audit/sittings/{sid}", f"/audit/people/{world.worker.person_id}"):
        for account in (world.worker, world.stranger, world.clerk, world.manager, world.operator):
            assert browser(account).get(address).status_code == 403, address
        assert browser(None).get(address).status_code == 303


def test_an_officer_reads_what_was_taught_in_the_officer_s_region(
    world: World, browser: Opens, officer: Callable[[str], Account], sid: str
) -> None:
    person = f"/audit/people/{world.worker.person_id}"
    for region in ("530000", "530100"):
        reader = browser(officer(region))
        assert "系挂安全带" in reader.page("/audit/sittings")
        assert "Replay agrees" in reader.page(f"/audit/sittings/{sid}")
        assert "系挂安全带" in reader.page(person)
        assert "1 sittings" in reader.page("/audit/sittings?search=李明")
    for region in ("440000", "530300"):
        reader = browser(officer(region))
        assert "Nobody has watched yet" in reader.page("/audit/sittings")
        assert "Nobody of this name" in reader.page("/audit/sittings?search=李明")
        for address in (person, f"/audit/sittings/{sid}", f"/audit/sittings?search={sid}"):
            assert reader.get(address).status_code == 404, address


def test_the_way_to_sittings_is_in_the_navigation_of_who_may_go_there(world: World, browser: Opens) -> None:
    assert 'href="/audit/sittings"' in browser(world.auditor).get("/").text
    for account in (world.worker, world.clerk, world.operator):
        assert "/audit/sittings" not in browser(account).get("/").text


def test_a_sitting_that_does_not_exist_is_not_found(world: World, browser: Opens) -> None:
    assert browser(world.auditor).get(f"/audit/sittings/{UUID(int=0)}").status_code == 404
    assert browser(world.auditor).get(f"/audit/people/{UUID(int=0)}").status_code == 404
