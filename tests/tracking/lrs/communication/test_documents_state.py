"""The State Resource apart from what it shares with profiles (xAPI 1.0.3 Communication 2.3; 2.0: 4.1.6.2)."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.builders_lrs import an_agent
from tests.tracking.lrs.communication.documents_client import ACTIVITY, Documents


def test_a_registration_keeps_states_apart_xapi_00218_00219_00220_00227(states: Documents) -> None:
    one, other = str(uuid4()), str(uuid4())
    states.make("a", {"of": "none"})
    states.make("a", {"of": "one"}, registration=one)
    assert states.get("a").json == {"of": "none"}
    assert states.get("a", registration=one).json == {"of": "one"}
    assert states.get("a", registration=one.upper()).json == {"of": "one"}
    assert states.get("a", registration=other).status_code == 404
    assert states.post("a", {"x": 1}, registration=one).status_code == 204
    assert states.get("a", registration=one).json == {"of": "one", "x": 1}
    assert states.delete("a", registration=one).status_code == 204
    assert states.get("a", registration=one).status_code == 404
    assert states.get("a").json == {"of": "none"}


@pytest.mark.parametrize(
    "registration",
    ["", "true", "1", "not-a-uuid", "{0d9a5a8e-6a0f-4a0c-9a3e-1f2d3c4b5a69}", "0d9a5a8e6a0f4a0c9a3e1f2d3c4b5a69"],
)
def test_a_registration_is_a_uuid_xapi_00200_to_00203(states: Documents, registration: str) -> None:
    for answer in (
        states.put("a", {}, registration=registration),
        states.post("a", {}, registration=registration),
        states.get("a", registration=registration),
        states.get(None, registration=registration),
        states.delete("a", registration=registration),
        states.delete(None, registration=registration),
    ):
        assert answer.status_code == 400
    assert states.ids() == []


def test_without_a_registration_ids_of_all_are_listed_each_once(states: Documents) -> None:
    one, other = str(uuid4()), str(uuid4())
    states.make("a", {})
    for registration in (one, other):
        states.make("b", {}, registration=registration)
    states.make("c", {}, registration=other)
    assert states.ids() == ["a", "b", "c"]
    assert states.ids(registration=one) == ["b"]
    assert states.ids(registration=other) == ["b", "c"]
    assert states.ids(registration=str(uuid4())) == []


def test_deleting_without_an_id_takes_all_states_of_a_place_away_xapi_00194(states: Documents) -> None:
    registration = str(uuid4())
    elsewhere = states.at(activityId=ACTIVITY + "8")
    anothers = states.at(agent=an_agent("w-1002"))
    for place in (states, elsewhere, anothers):
        place.make("a", {})
        place.make("b", {}, registration=registration)
        place.make("c", {}, registration=str(uuid4()))
    assert states.delete(None, registration=registration).status_code == 204
    assert states.ids() == ["a", "c"]
    assert states.delete(None).status_code == 204
    assert states.ids() == []
    assert states.delete(None).status_code == 204
    assert elsewhere.ids() == anothers.ids() == ["a", "b", "c"]


def test_all_states_are_not_deleted_since_a_moment_nor_by_an_empty_id(states: Documents) -> None:
    states.make("a", {})
    assert states.delete(None, since="2026-07-01T00:00:00Z").status_code == 400
    assert states.delete("").status_code == 400
    assert states.ids() == ["a"]


def test_deleting_all_states_obeys_the_tag_of_their_list(states: Documents) -> None:
    states.make("a", {})
    tag = states.get(None).headers["ETag"]
    states.make("b", {})
    assert states.by({"If-Match": tag}).delete(None).status_code == 412
    assert states.ids() == ["a", "b"]
    assert states.by({"If-Match": states.get(None).headers["ETag"]}).delete(None).status_code == 204
    assert states.ids() == []
    assert states.by({"If-Match": "*"}).delete(None).status_code == 412
