"""The formats `ids` and `canonical` (Communication 2.1.3, XAPI-00168 to XAPI-00172), and what none of them touches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from elearn.tracking.lrs.rules.keys import key_of
from elearn.tracking.lrs.statements import answers, formats
from elearn.tracking.lrs.statements.store import Kept
from tests.builders_lrs import HOME

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
BEN: dict[str, Any] = {"objectType": "Agent", "name": "Ben", "mbox": "mailto:ben@school.example"}
TEAM: dict[str, Any] = {"objectType": "Group", "name": "Crew", "mbox": "mailto:crew@school.example", "member": [BEN]}
CROWD: dict[str, Any] = {"objectType": "Group", "name": "Those there", "member": [BEN, {"openid": "https://a.b/c"}]}
WATCHED: dict[str, Any] = {"id": "urn:watched", "display": {"en-US": "watched", "en-GB": "seen", "zh-CN": "看了"}}
LESSON: dict[str, Any] = {
    "objectType": "Activity",
    "id": "urn:lesson",
    "definition": {
        "type": "urn:t",
        "name": {"en-US": "Ladders", "en-GB": "Steps"},
        "description": {"en-GB": "On steps", "en-US": "On ladders"},
        "interactionType": "choice",
        "correctResponsesPattern": ["a"],
        "choices": [{"id": "a", "description": {"en-US": "Ladder", "en-GB": "Step"}}, {"id": "b"}],
        "extensions": {"urn:x": {"en-US": 1, "en-GB": 2}},
    },
}
STEPS: dict[str, Any] = {
    "type": "urn:t",
    "name": {"en-GB": "Steps"},
    "description": {"en-GB": "On steps"},
    "interactionType": "choice",
    "correctResponsesPattern": ["a"],
    "choices": [{"id": "a", "description": {"en-GB": "Step"}}, {"id": "b"}],
    "extensions": {"urn:x": {"en-US": 1, "en-GB": 2}},
}


def everything(**thing: Any) -> dict[str, Any]:
    """A statement that has an actor, verb or activity at every place where there can be one."""
    return {
        "actor": TEAM,
        "verb": WATCHED,
        "object": LESSON,
        "context": {
            "instructor": BEN,
            "team": CROWD,
            "contextActivities": {"category": [LESSON], "parent": [LESSON, {"id": "urn:other"}]},
            "contextAgents": [{"objectType": "contextAgent", "agent": BEN, "relevantTypes": ["urn:r"]}],
            "contextGroups": [{"objectType": "contextGroup", "group": TEAM}],
            "statement": {"objectType": "StatementRef", "id": str(uuid4())},
            "extensions": {"urn:e": {"verb": WATCHED, "actor": BEN}},
        },
        "result": {"extensions": {"urn:e": LESSON}},
        "attachments": [{"display": {"en-US": "a", "en-GB": "b"}}],
        **thing,
    }


def members(statement: dict[str, Any]) -> answers.Members:
    return answers.members_of(json.dumps(statement))


def as_ids(statement: dict[str, Any]) -> Any:
    return json.loads(msgspec.json.encode(formats.ids(members(statement))))


def as_canonical(statement: dict[str, Any], language: str, **definitions: Any) -> Any:
    known = {key_of(f"urn:{name}"): definition for name, definition in definitions.items()}
    return json.loads(msgspec.json.encode(formats.canonical(members(statement), known, language)))


def test_ids_keeps_only_what_identifies_at_every_place() -> None:
    sent = everything()
    got = as_ids(sent)
    ben, team = {"objectType": "Agent", "mbox": BEN["mbox"]}, {"objectType": "Group", "mbox": TEAM["mbox"]}
    assert got["actor"] == team
    assert got["verb"] == {"id": "urn:watched"}
    assert got["object"] == {"id": "urn:lesson"}
    context = got["context"]
    assert context["instructor"] == ben
    assert context["team"] == {"objectType": "Group", "member": [ben, {"openid": "https://a.b/c"}]}
    assert context["contextActivities"] == {
        "category": [{"id": "urn:lesson"}],
        "parent": [{"id": "urn:lesson"}, {"id": "urn:other"}],
    }
    assert context["contextAgents"] == [{"objectType": "contextAgent", "agent": ben, "relevantTypes": ["urn:r"]}]
    assert context["contextGroups"] == [{"objectType": "contextGroup", "group": team}]
    assert context["statement"] == sent["context"]["statement"]
    assert context["extensions"] == sent["context"]["extensions"]
    assert (got["result"], got["attachments"]) == (sent["result"], sent["attachments"])


@pytest.mark.parametrize(
    ("thing", "shown", "why"),
    [
        (LESSON, {"id": "urn:lesson"}, "an activity needs no objectType"),
        (BEN, {"objectType": "Agent", "mbox": BEN["mbox"]}, "an agent as object does: without, it were an activity"),
        (TEAM, {"objectType": "Group", "mbox": TEAM["mbox"]}, "an identified group is told without its members"),
        ({"objectType": "StatementRef", "id": "i"}, {"objectType": "StatementRef", "id": "i"}, "is nothing but its id"),
    ],
)
def test_ids_of_each_kind_of_object(thing: dict[str, Any], shown: dict[str, Any], why: str) -> None:
    assert as_ids(everything(object=thing))["object"] == shown, why
    inner = {"objectType": "SubStatement", **everything(object=thing)}
    got = as_ids(everything(object=inner))["object"]
    assert got["object"] == shown, why
    assert got == as_ids(everything(object=thing)) | {"objectType": "SubStatement"} | {"context": got["context"]}


@pytest.mark.parametrize(
    "actor",
    [
        {"mbox": "mailto:a@b"},
        {"mbox_sha1sum": "a" * 40},
        {"openid": "https://a.b/c"},
        {"account": {"homePage": HOME, "name": "x"}},
        {"objectType": "Agent", "account": {"homePage": HOME, "name": "x"}},
    ],
)
def test_ids_keeps_an_identifier_of_any_kind(actor: dict[str, Any]) -> None:
    assert as_ids(everything(actor=actor | {"name": "x"}))["actor"] == actor


def test_canonical_shows_one_language_of_verbs_and_activities_at_every_place() -> None:
    sent = everything()
    got = as_canonical(sent, "en-GB")
    assert got["verb"] == {"id": "urn:watched", "display": {"en-GB": "seen"}}
    lesson = {"objectType": "Activity", "id": "urn:lesson", "definition": STEPS}
    assert got["object"] == lesson
    assert got["context"]["contextActivities"] == {"category": [lesson], "parent": [lesson, {"id": "urn:other"}]}
    for untouched in ("actor", "result", "attachments"):
        assert got[untouched] == sent[untouched]
    for untouched in ("instructor", "team", "contextAgents", "contextGroups", "statement", "extensions"):
        assert got["context"][untouched] == sent["context"][untouched]


def test_canonical_reaches_into_a_sub_statement() -> None:
    inner = {"objectType": "SubStatement", **everything()}
    got = as_canonical(everything(object=inner), "en-GB")["object"]
    assert got["verb"]["display"] == {"en-GB": "seen"}
    assert got["object"]["definition"] == STEPS
    assert got["context"]["contextActivities"]["category"][0]["definition"] == STEPS
    assert got["actor"] == TEAM


def test_each_language_map_is_judged_for_itself() -> None:
    """Communication 2.1.3: not the statement as a whole."""
    mixed = {"id": "urn:lesson", "definition": {"name": {"zh-CN": "梯子", "en": "Ladders"}, "description": {"en": "x"}}}
    got = as_canonical(everything(object=mixed), "zh")
    assert got["object"]["definition"] == {"name": {"zh-CN": "梯子"}, "description": {"en": "x"}}
    assert got["verb"]["display"] == {"zh-CN": "看了"}


def test_canonical_puts_in_what_the_store_holds_of_an_activity() -> None:
    held = {"name": {"en": "Held", "zh": "存"}, "moreInfo": "https://a.b/", "extensions": {"urn:n": 1.5}}
    got = as_canonical(everything(object=LESSON), "en", other=held)
    shown = {"name": {"en": "Held"}, "moreInfo": "https://a.b/", "extensions": {"urn:n": 1.5}}
    assert got["context"]["contextActivities"]["parent"][1] == {"id": "urn:other", "definition": shown}
    replaced = as_canonical(everything(object=LESSON), "zh", lesson=held)
    assert replaced["object"]["definition"] == shown | {"name": {"zh": "存"}}


def test_the_activities_of_a_statement_are_known_before_their_definitions_are_asked_for() -> None:
    inner = {"objectType": "SubStatement", **everything(object={"id": "urn:inner"})}
    found = formats.activity_keys(members(everything(object=inner)))
    assert found == {key_of("urn:lesson"), key_of("urn:other"), key_of("urn:inner")}


@pytest.mark.parametrize("change", [formats.ids, lambda one: formats.canonical(one, {}, "en")])
def test_numbers_and_escapes_elsewhere_stay_as_they_were_sent(change: Any) -> None:
    result = '{"score":{"raw":1.50e1,  "min":0.0},"extensions":{"urn:x":"\\u8bfe"}}'
    text = f'{{"result":{result},"actor":{{"mbox":"mailto:a@b"}},"verb":{{"id":"urn:v"}},"object":{{"id":"urn:o"}}}}'
    assert msgspec.json.encode(change(answers.members_of(text))).decode().startswith(f'{{"result":{result},"actor":')


def kept(raw: str, credential: UUID | None = None) -> Kept:
    return Kept(UUID(int=7), raw, AT, credential, "1.0.0", None, None)


def test_a_key_spelled_with_an_escape_is_that_key() -> None:
    """`"context\\u0041ctivities"` is contextActivities to every JSON reader."""
    raw = '{"context":{"context\\u0041ctivities":{"parent":{"id":"urn:p"}}},"object":{"id":"urn:o"}}'
    got = json.loads(answers.shown(kept(raw), home_page=HOME))
    assert got["context"]["contextActivities"] == {"parent": [{"id": "urn:p"}]}


def test_a_result_is_its_statements_and_a_link() -> None:
    assert json.loads(answers.result([b'{"a":1}', b'{"b":2}'], "/x?more=y")) == {
        "statements": [{"a": 1}, {"b": 2}],
        "more": "/x?more=y",
    }
    assert json.loads(answers.result([], "")) == {"statements": [], "more": ""}


def test_the_agent_of_a_credential_leads_back_to_it() -> None:
    credential = uuid4()
    agent = answers.authority(credential, home_page=HOME)
    assert answers.credential_of(agent, home_page=HOME) == credential
    assert answers.credential_of(agent, home_page="https://other.example") is None
    assert answers.credential_of(answers.authority(None, home_page=HOME), home_page=HOME) is None
    assert answers.credential_of(BEN, home_page=HOME) is None
    loud = {"account": {"homePage": HOME, "name": str(credential).upper()}}
    assert str(credential).isdigit() or answers.credential_of(loud, home_page=HOME) is None
