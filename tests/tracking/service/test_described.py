"""What a unit is, the platform says itself: readers of the record store learn it, and no learner can change it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking import described
from tests.builders_lrs import a_key, a_statement
from tests.builders_people import an_organisation
from tests.builders_tracking import AT, Watchable, a_player, a_readable
from tests.conftest import ManualClock, scalar, statements

VIDEO = {"type": "https://w3id.org/xapi/video/activity-type/video", "name": {"zh": "系挂安全带"}}
PAGES = {"type": "http://adlnet.gov/expapi/activities/lesson", "name": {"zh": "临边防护"}}


def iri_of(lesson: Watchable) -> str:
    return f"http://localhost/units/{lesson.unit_id}"


def ask(client: FlaskClient, headers: dict[str, str], lesson: Watchable) -> Any:
    got = client.get("/xapi/activities", query_string={"activityId": iri_of(lesson)}, headers=headers)
    assert got.status_code == 200
    return got.json


def rows(session: Session) -> object:
    return scalar(session, "SELECT count(*) FROM elearn.activity_definition")


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
def test_an_opened_unit_is_described_to_every_reader(
    client: FlaskClient, session: Session, lesson: Watchable, player: ScriptedPlayer, version: str
) -> None:
    assert player.opened["activity"] == {"objectType": "Activity", "id": iri_of(lesson), "definition": VIDEO}
    known = {"objectType": "Activity", "id": iri_of(lesson), "definition": VIDEO}
    for organisation_id in (None, an_organisation(session).id):
        assert ask(client, a_key(session, organisation_id=organisation_id, version=version), lesson) == known


def test_a_learners_own_words_change_nothing_and_canonical_statements_show_the_platforms(
    client: FlaskClient, session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    player.opened["activity"] = player.opened["activity"] | {"definition": {"name": {"zh": "改名"}, "type": "a:x"}}
    id_ = json.loads(player.make())["id"]
    player.flush()
    headers = a_key(session)
    assert ask(client, headers, lesson)["definition"] == VIDEO
    query = {"statementId": id_, "format": "canonical"}
    shown = client.get("/xapi/statements", query_string=query, headers=headers | {"Accept-Language": "zh"})
    assert json.loads(shown.data)["object"]["definition"] == VIDEO


def test_what_stands_is_not_said_again_and_another_word_is_corrected(
    app: Flask, client: FlaskClient, session: Session, clock: ManualClock, lesson: Watchable, player: ScriptedPlayer
) -> None:
    clock.advance(1_000)
    player.open(lesson.unit_id)
    assert rows(session) == 1
    headers = a_key(session)
    wrong = {"name": {"zh": "改名", "en": "harness"}}
    clock.advance(1_000)
    sent = a_statement(object={"id": iri_of(lesson), "definition": wrong})
    assert client.post("/xapi/statements", json=sent, headers=headers).status_code == 200
    assert ask(client, headers, lesson)["definition"] == VIDEO | wrong
    clock.advance(1_000)
    again = a_player(app, session, lesson.learner_id)
    again.device = player.device
    again.open(lesson.unit_id)
    assert ask(client, headers, lesson)["definition"] == VIDEO | {"name": {"zh": "系挂安全带", "en": "harness"}}
    assert rows(session) == 3


def test_what_was_published_is_described_before_anybody_opens_it(
    client: FlaskClient, session: Session, clock: ManualClock
) -> None:
    pages = a_readable(session, 30_000)
    headers = a_key(session)
    clock.now = AT + timedelta(hours=3)
    described.describe_units()
    assert rows(session) == 0  # that is long ago
    described.describe_all_units()
    assert ask(client, headers, pages)["definition"] == PAGES
    described.describe_all_units()
    assert rows(session) == 2


def test_the_frequent_job_describes_what_is_new(session: Session, lesson: Watchable, clock: ManualClock) -> None:
    clock.now = AT + timedelta(minutes=5)
    described.describe_units()
    assert rows(session) == 1


def test_opening_costs_one_query_for_it_and_a_report_none(
    session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    with statements(session) as asked:
        player.open(lesson.unit_id)
    assert sum("activity_definition" in one for one in asked) == 1
    player.make()
    with statements(session) as asked:
        player.flush()
    assert not [one for one in asked if "activity_definition" in one]
