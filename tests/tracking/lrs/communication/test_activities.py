"""/xapi/activities: all that statements say of an activity, as one (Communication 2.5, Data 2.4.4.1)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders_lrs import a_key, a_statement
from tests.builders_people import an_organisation

ID = "https://school.example/meetings/34534"
VERSIONS = ("1.0.3", "2.0.0")
WHOLE = {
    "type": "http://adlnet.gov/expapi/activities/meeting",
    "name": {"en-GB": "example meeting", "en-US": "example meeting"},
    "description": {"en-GB": "Some people met."},
    "moreInfo": "http://virtualmeeting.example.com/345256",
    "extensions": {"a:place": "X:\\m.one", "a:reporter": {"name": "Thomas", "ages": [1.50, None]}},
}


@pytest.fixture(params=VERSIONS)
def headers(session: Session, request: pytest.FixtureRequest) -> dict[str, str]:
    return a_key(session, version=request.param)


def tell(client: FlaskClient, headers: dict[str, str], *definitions: dict[str, Any] | None, id_: str = ID) -> None:
    """Statements of one batch, each with the activity so defined; a second later than what was told before."""
    client.application.extensions["elearn"].clock.advance(1_000)
    batch = [
        a_statement(object={"objectType": "Activity", "id": id_, **({"definition": one} if one is not None else {})})
        for one in definitions
    ]
    assert client.post("/xapi/statements", json=batch, headers=headers).status_code == 200


def ask(client: FlaskClient, headers: dict[str, str], id_: str = ID) -> Any:
    got = client.get("/xapi/activities", query_string={"activityId": id_}, headers=headers)
    assert (got.status_code, got.mimetype) == (200, "application/json")
    return got.json


def test_xapi_00251_to_00253_the_whole_activity_comes_back_as_it_was_said(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    tell(client, headers, WHOLE)
    assert ask(client, headers) == {"objectType": "Activity", "id": ID, "definition": WHOLE}


def test_xapi_00254_languages_of_several_statements_come_together_at_once(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    tell(client, headers, {"name": {"en-US": "example meeting"}}, {"name": {"fr-FR": "réunion"}})
    assert ask(client, headers)["definition"]["name"] == {"en-US": "example meeting", "fr-FR": "réunion"}


def test_what_was_said_later_holds_and_what_it_leaves_out_stays(client: FlaskClient, headers: dict[str, str]) -> None:
    tell(client, headers, WHOLE)
    tell(client, headers, {"name": {"en-us": "new"}, "type": "a:t", "extensions": {"a:place": 1}})
    assert ask(client, headers)["definition"] == WHOLE | {
        "name": {"en-GB": "example meeting", "en-us": "new"},
        "type": "a:t",
        "extensions": WHOLE["extensions"] | {"a:place": 1},  # type: ignore[operator]
    }


def test_who_goes_back_to_his_first_words_is_believed(client: FlaskClient, headers: dict[str, str]) -> None:
    one, other = {"name": {"en": "one"}}, {"name": {"en": "other"}}
    for said in (one, other, one):
        tell(client, headers, said)
        assert ask(client, headers)["definition"] == said
    tell(client, headers, other, one)
    assert ask(client, headers)["definition"] == one
    tell(client, headers, one, other, one, other)
    assert ask(client, headers)["definition"] == other


def test_the_parts_of_a_question_are_replaced_together(client: FlaskClient, headers: dict[str, str]) -> None:
    choice = {
        "interactionType": "choice",
        "correctResponsesPattern": ["a"],
        "choices": [{"id": "a", "description": {"en": "A"}}],
        "name": {"en": "question"},
    }
    likert = {"interactionType": "likert", "scale": [{"id": "1"}]}
    tell(client, headers, choice, {"description": {"en": "d"}})
    assert ask(client, headers)["definition"] == choice | {"description": {"en": "d"}}
    tell(client, headers, likert)
    assert ask(client, headers)["definition"] == likert | {"name": {"en": "question"}, "description": {"en": "d"}}


def test_activities_in_contexts_and_sub_statements_are_defined_too(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    inner = a_statement(id=None, objectType="SubStatement", object={"id": "a:in", "definition": {"type": "a:1"}})
    context = {"contextActivities": {"parent": {"id": "a:parent", "definition": {"type": "a:2"}}}}
    sent = a_statement(object=inner, context=context)
    assert client.post("/xapi/statements", json=sent, headers=headers).status_code == 200
    assert ask(client, headers, "a:in")["definition"] == {"type": "a:1"}
    assert ask(client, headers, "a:parent")["definition"] == {"type": "a:2"}


def test_an_activity_that_nobody_spoke_of_is_answered_with_its_id(client: FlaskClient, headers: dict[str, str]) -> None:
    id_ = f"https://school.example/never/{uuid4()}?q=课#x"
    assert ask(client, headers, id_) == {"objectType": "Activity", "id": id_}
    tell(client, headers, None, id_=id_)
    assert ask(client, headers, id_) == {"objectType": "Activity", "id": id_}


@pytest.mark.parametrize("query", [{}, {"activityId": ""}, {"activityId": "true"}, {"activityId": "no iri"},
                                   {"activityId": "a:\0"}])  # fmt: skip
def test_xapi_00250_without_an_iri_it_is_refused(
    client: FlaskClient, headers: dict[str, str], query: dict[str, str]
) -> None:
    got = client.get("/xapi/activities", query_string=query, headers=headers)
    assert got.status_code == 400


def test_numbers_come_back_as_they_were_written(client: FlaskClient, headers: dict[str, str]) -> None:
    definition = '{"extensions":{"a:n":[1.50,123456789012345678901234567890]}}'
    activity = f'{{"id":"a:n","definition":{definition}}}'
    body = f'{{"actor":{{"mbox":"mailto:a@b.example"}},"verb":{{"id":"a:v"}},"object":{activity}}}'
    sent = client.post("/xapi/statements", data=body, content_type="application/json", headers=headers)
    assert sent.status_code == 200
    got = client.get("/xapi/activities", query_string={"activityId": "a:n"}, headers=headers)
    assert definition in got.text


def test_who_has_the_newest_is_told_so(client: FlaskClient, headers: dict[str, str]) -> None:
    tell(client, headers, WHOLE)
    query = {"activityId": ID}
    first = client.get("/xapi/activities", query_string=query, headers=headers)
    again = client.get(
        "/xapi/activities", query_string=query, headers=headers | {"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")
    tell(client, headers, {"type": "a:other"})
    again = client.get(
        "/xapi/activities", query_string=query, headers=headers | {"If-None-Match": first.headers["ETag"]}
    )
    assert again.status_code == 200


def test_only_a_key_that_may_define_changes_what_is_known(client: FlaskClient, session: Session) -> None:
    writer = a_key(session, "statements/write", "statements/read/mine")
    definer = a_key(session, "statements/write", "statements/read/mine", "define")
    tell(client, definer, {"type": "a:right"})
    tell(client, writer, {"type": "a:wrong"})
    assert ask(client, writer)["definition"] == {"type": "a:right"}


def test_what_an_organisations_key_says_holds_for_its_own_readers_and_the_platforms_word_for_all(
    client: FlaskClient, session: Session
) -> None:
    one, other = an_organisation(session), an_organisation(session)
    ours, theirs = a_key(session, organisation_id=one.id), a_key(session, organisation_id=other.id)
    platform = a_key(session)
    tell(client, platform, {"type": "a:platform", "name": {"en": "platform"}})
    tell(client, theirs, {"name": {"en": "theirs", "fr": "eux"}})
    tell(client, ours, {"name": {"en": "ours"}})
    assert ask(client, ours)["definition"] == {"type": "a:platform", "name": {"en": "ours"}}
    assert ask(client, theirs)["definition"] == {"type": "a:platform", "name": {"en": "theirs", "fr": "eux"}}
    assert ask(client, platform)["definition"] == {"type": "a:platform", "name": {"en": "ours", "fr": "eux"}}
    # The same words of another organisation are its own words.
    tell(client, theirs, {"name": {"en": "ours"}})
    assert ask(client, theirs)["definition"]["name"] == {"en": "ours", "fr": "eux"}
