"""What xAPI demands of a statement's parts, 1.0.3 and 2.0 (IEEE 9274.1.1). Pure.

Each function takes a decoded JSON value and `where` it stands (a JSON pointer, RFC 6901) and raises
BadStatement at the first rule it breaks. Nulls need no rule of their own: no property takes one, and
extension values are not looked into, because no statement may be refused for them (Data 4.1).
"""

from __future__ import annotations

import re
from typing import Any

from elearn.errors import Malformed
from elearn.tracking.lrs.forms import (
    is_duration,
    is_iri,
    is_language,
    is_mbox,
    is_media_type,
    is_sha1,
    is_sha2,
    is_uuid,
    read_timestamp,
)

VOIDED = "http://adlnet.gov/expapi/verbs/voided"

STATEMENT = frozenset(
    "id actor verb object result context timestamp stored authority version attachments".split()  # noqa: SIM905
)
SUB_STATEMENT = frozenset("objectType actor verb object result context timestamp attachments".split())  # noqa: SIM905
IFIS = ("account", "mbox", "mbox_sha1sum", "openid")
AGENT = frozenset(("objectType", "name", *IFIS))
GROUP = AGENT | {"member"}
ACCOUNT = frozenset(("homePage", "name"))
VERB = frozenset(("id", "display"))
ACTIVITY = frozenset(("objectType", "id", "definition"))
REFERENCE = frozenset(("objectType", "id"))
COMPONENTS = {
    "choice": {"choices"},
    "sequencing": {"choices"},
    "likert": {"scale"},
    "matching": {"source", "target"},
    "performance": {"steps"},
    **dict.fromkeys(("true-false", "fill-in", "long-fill-in", "numeric", "other"), set[str]()),
}
"""Interaction type -> the component lists it may have (Data 2.4.4.1)."""
COMPONENT_LISTS = frozenset(("choices", "scale", "source", "target", "steps"))
INTERACTION = COMPONENT_LISTS | {"interactionType", "correctResponsesPattern"}
DEFINITION = INTERACTION | {"name", "description", "type", "moreInfo", "extensions"}
RESULT = frozenset(("score", "success", "completion", "response", "duration", "extensions"))
SCORE = frozenset(("scaled", "raw", "min", "max"))
CONTEXT = frozenset(
    "registration instructor team contextActivities revision platform language statement extensions".split()  # noqa: SIM905
)
CONTEXT_2 = CONTEXT | {"contextAgents", "contextGroups"}
CONTEXT_ACTIVITIES = frozenset(("parent", "grouping", "category", "other"))
ATTACHMENT = frozenset("usageType display description contentType length sha2 fileUrl".split())  # noqa: SIM905

_VERSION_1 = re.compile(r"1\.0\.[0-9A-Za-z.+\-]+")
_VERSION_2 = re.compile(r"(?:1|2)\.0\.[0-9A-Za-z.+\-]+")


class BadStatement(Malformed):
    """A statement breaks the specification: which property (JSON pointer), why, and which clause says so."""

    code = "bad_statement"

    def __init__(self, where: str, why: str, clause: str) -> None:
        super().__init__(
            "The statement breaks xAPI %(clause)s at %(where)s: %(why)s", where=where or "/", why=why, clause=clause
        )
        self.where = where or "/"
        self.why = why
        self.clause = clause


def _object(value: Any, allowed: frozenset[str], where: str, clause: str) -> dict[str, Any]:
    """`value` when it is a JSON object of allowed properties only (Data 2.2)."""
    if type(value) is not dict:
        raise BadStatement(where, "must be an object", clause)
    if not value.keys() <= allowed:
        extra = min(value.keys() - allowed)
        raise BadStatement(f"{where}/{_escape(extra)}", "is not a property of this object", f"Data 2.2, {clause}")
    return value


def _escape(key: str) -> str:
    return key[:100].replace("~", "~0").replace("/", "~1")


def _list(value: Any, where: str, clause: str) -> list[Any]:
    if type(value) is not list:
        raise BadStatement(where, "must be an array", clause)
    return value


def _text(value: Any, where: str, clause: str) -> None:
    if type(value) is not str:
        raise BadStatement(where, "must be a string", clause)


def _iri(value: Any, where: str, clause: str) -> None:
    if not is_iri(value):
        raise BadStatement(where, "must be an IRI with a scheme", f"{clause}, Data 4.3")


def _uuid(value: Any, where: str, clause: str) -> None:
    if not is_uuid(value):
        raise BadStatement(where, "must be a UUID in its standard form", f"{clause}, Data 4.4")


def _language_map(value: Any, where: str, clause: str) -> None:
    if type(value) is not dict:
        raise BadStatement(where, "must be a language map", f"{clause}, Data 4.2")
    for tag, text in value.items():
        if not is_language(tag):
            raise BadStatement(f"{where}/{_escape(tag)}", "must be an RFC 5646 language tag", f"{clause}, Data 4.2")
        if type(text) is not str:
            raise BadStatement(f"{where}/{_escape(tag)}", "must be a string", f"{clause}, Data 4.2")


def _extensions(value: Any, where: str) -> None:
    if type(value) is not dict:
        raise BadStatement(where, "must be an object", "Data 4.1")
    for key in value:
        if not is_iri(key):
            raise BadStatement(f"{where}/{_escape(key)}", "must be an IRI with a scheme", "Data 4.1, Data 4.3")


def check_actor(value: Any, where: str) -> None:
    """An agent or a group (Data 2.4.2)."""
    kind = value.get("objectType", "Agent") if type(value) is dict else "Agent"
    if kind == "Agent":
        check_agent(value, where)
    elif kind == "Group":
        check_group(value, where)
    else:
        raise BadStatement(f"{where}/objectType", 'must be "Agent" or "Group"', "Data 2.4.2")


def check_agent(value: Any, where: str) -> None:
    """Exactly one inverse functional identifier (Data 2.4.2.1, 2.4.2.3)."""
    agent = _object(value, AGENT, where, "Data 2.4.2.1")
    if "objectType" in agent and agent["objectType"] != "Agent":
        raise BadStatement(f"{where}/objectType", 'must be "Agent"', "Data 2.4.2.1")
    if _identifiers(agent, where) != 1:
        why = "needs exactly one of account, mbox, mbox_sha1sum, openid"
        raise BadStatement(where, why, "Data 2.4.2.1, Data 2.4.2.3")


def check_group(value: Any, where: str) -> None:
    """At most one identifier; without one the members must be listed; members are agents (Data 2.4.2.2)."""
    group = _object(value, GROUP, where, "Data 2.4.2.2")
    if group.get("objectType") != "Group":
        raise BadStatement(f"{where}/objectType", 'must be "Group"', "Data 2.4.2.2")
    identifiers = _identifiers(group, where)
    if identifiers > 1:
        raise BadStatement(where, "may have only one of account, mbox, mbox_sha1sum, openid", "Data 2.4.2.2")
    if "member" in group:
        for index, member in enumerate(_list(group["member"], f"{where}/member", "Data 2.4.2.2")):
            check_agent(member, f"{where}/member/{index}")
    elif not identifiers:
        raise BadStatement(f"{where}/member", "is missing: an anonymous group lists its members", "Data 2.4.2.2")


def _identifiers(actor: dict[str, Any], where: str) -> int:
    """How many inverse functional identifiers there are, each of them well formed (Data 2.4.2.3)."""
    clause = "Data 2.4.2.3"
    if "name" in actor:
        _text(actor["name"], f"{where}/name", "Data 2.4.2.1")
    found = 0
    if "account" in actor:
        found += 1
        account = _object(actor["account"], ACCOUNT, f"{where}/account", "Data 2.4.2.4")
        if not is_iri(account.get("homePage")):
            raise BadStatement(f"{where}/account/homePage", "must be an IRL", "Data 2.4.2.4")
        if type(account.get("name")) is not str:
            raise BadStatement(f"{where}/account/name", "must be a string", "Data 2.4.2.4")
    if "mbox" in actor:
        found += 1
        if not is_mbox(actor["mbox"]):
            raise BadStatement(f"{where}/mbox", 'must be "mailto:" and one address', clause)
    if "mbox_sha1sum" in actor:
        found += 1
        if not is_sha1(actor["mbox_sha1sum"]):
            raise BadStatement(f"{where}/mbox_sha1sum", "must be a SHA-1 in hexadecimal", clause)
    if "openid" in actor:
        found += 1
        _iri(actor["openid"], f"{where}/openid", clause)
    return found


def check_verb(value: Any, where: str) -> None:
    verb = _object(value, VERB, where, "Data 2.4.3")
    _iri(verb.get("id"), f"{where}/id", "Data 2.4.3")
    if "display" in verb:
        _language_map(verb["display"], f"{where}/display", "Data 2.4.3")


def check_activity(value: Any, where: str) -> None:
    activity = _object(value, ACTIVITY, where, "Data 2.4.4.1")
    if "objectType" in activity and activity["objectType"] != "Activity":
        raise BadStatement(f"{where}/objectType", 'must be "Activity"', "Data 2.4.4.1")
    _iri(activity.get("id"), f"{where}/id", "Data 2.4.4.1")
    if "definition" in activity:
        check_definition(activity["definition"], f"{where}/definition")


def check_definition(value: Any, where: str) -> None:
    """An activity's definition, interactions with it (Data 2.4.4.1)."""
    clause = "Data 2.4.4.1"
    definition = _object(value, DEFINITION, where, clause)
    for name in ("name", "description"):
        if name in definition:
            _language_map(definition[name], f"{where}/{name}", clause)
    for name in ("type", "moreInfo"):
        if name in definition:
            _iri(definition[name], f"{where}/{name}", clause)
    if "extensions" in definition:
        _extensions(definition["extensions"], f"{where}/extensions")
    if definition.keys().isdisjoint(INTERACTION):
        return
    kind = definition.get("interactionType")
    if type(kind) is not str or kind not in COMPONENTS:
        raise BadStatement(f"{where}/interactionType", "must be one of the interaction types", clause)
    if "correctResponsesPattern" in definition:
        pattern = f"{where}/correctResponsesPattern"
        for index, response in enumerate(_list(definition["correctResponsesPattern"], pattern, clause)):
            _text(response, f"{pattern}/{index}", clause)
    for name in sorted(definition.keys() & COMPONENT_LISTS):
        if name not in COMPONENTS[kind]:
            raise BadStatement(f"{where}/{name}", f'does not go with the interaction type "{kind}"', clause)
        _components(definition[name], f"{where}/{name}")


def _components(value: Any, where: str) -> None:
    clause = "Data 2.4.4.1 (interaction components)"
    seen = set()
    for index, one in enumerate(_list(value, where, clause)):
        component = _object(one, frozenset(("id", "description")), f"{where}/{index}", clause)
        _text(component.get("id"), f"{where}/{index}/id", clause)
        if component["id"] in seen:
            raise BadStatement(f"{where}/{index}/id", "is there twice", clause)
        seen.add(component["id"])
        if "description" in component:
            _language_map(component["description"], f"{where}/{index}/description", clause)


def check_reference(value: Any, where: str, clause: str = "Data 2.4.4.3") -> None:
    reference = _object(value, REFERENCE, where, clause)
    if reference.get("objectType") != "StatementRef":
        raise BadStatement(f"{where}/objectType", 'must be "StatementRef"', clause)
    _uuid(reference.get("id"), f"{where}/id", clause)


def check_result(value: Any, where: str) -> None:
    clause = "Data 2.4.5"
    result = _object(value, RESULT, where, clause)
    if "score" in result:
        _score(result["score"], f"{where}/score")
    for name in ("success", "completion"):
        if name in result and type(result[name]) is not bool:
            raise BadStatement(f"{where}/{name}", "must be true or false", clause)
    if "response" in result:
        _text(result["response"], f"{where}/response", clause)
    if "duration" in result and not is_duration(result["duration"]):
        raise BadStatement(f"{where}/duration", "must be an ISO 8601 duration", f"{clause}, Data 4.6")
    if "extensions" in result:
        _extensions(result["extensions"], f"{where}/extensions")


def _score(value: Any, where: str) -> None:
    clause = "Data 2.4.5.1"
    score = _object(value, SCORE, where, clause)
    for name, number in score.items():
        if type(number) is not int and type(number) is not float:
            raise BadStatement(f"{where}/{name}", "must be a number", clause)
    scaled, raw, low, high = (score.get(name) for name in ("scaled", "raw", "min", "max"))
    if scaled is not None and not -1 <= scaled <= 1:
        raise BadStatement(f"{where}/scaled", "must be from -1 to 1", clause)
    if low is not None and high is not None and not low < high:
        raise BadStatement(f"{where}/min", "must be less than max", clause)
    if raw is not None and ((low is not None and raw < low) or (high is not None and raw > high)):
        raise BadStatement(f"{where}/raw", "must be from min to max", clause)


def check_context(value: Any, where: str, *, about_activity: bool, second: bool) -> None:
    """`about_activity`: the statement's object is an activity. `second`: by the rules of xAPI 2.0."""
    clause = "Data 2.4.6"
    context = _object(value, CONTEXT_2 if second else CONTEXT, where, clause)
    if "registration" in context:
        _uuid(context["registration"], f"{where}/registration", "Data 2.4.6.1")
    if "instructor" in context:
        check_actor(context["instructor"], f"{where}/instructor")
    if "team" in context:
        check_group(context["team"], f"{where}/team")
    if "contextActivities" in context:
        clause_activities = "Data 2.4.6.2"
        place = f"{where}/contextActivities"
        kinds = _object(context["contextActivities"], CONTEXT_ACTIVITIES, place, clause_activities)
        for name, activities in kinds.items():
            if type(activities) is list:
                for index, activity in enumerate(activities):
                    check_activity(activity, f"{place}/{name}/{index}")
            else:
                check_activity(activities, f"{place}/{name}")
    for name in ("revision", "platform"):
        if name in context:
            _text(context[name], f"{where}/{name}", clause)
            if not about_activity:
                raise BadStatement(f"{where}/{name}", "goes only with an activity as object", clause)
    if "language" in context and not is_language(context["language"]):
        raise BadStatement(f"{where}/language", "must be an RFC 5646 language tag", clause)
    if "statement" in context:
        check_reference(context["statement"], f"{where}/statement", clause)
    if "extensions" in context:
        _extensions(context["extensions"], f"{where}/extensions")
    for name, kind, one, check in (
        ("contextAgents", "contextAgent", "agent", check_agent),
        ("contextGroups", "contextGroup", "group", check_group),
    ):
        if name in context:
            for index, related in enumerate(_list(context[name], f"{where}/{name}", "9274.1.1, context")):
                _related(related, f"{where}/{name}/{index}", kind, one)
                check(related[one], f"{where}/{name}/{index}/{one}")


def _related(value: Any, where: str, kind: str, one: str) -> None:
    """An element of contextAgents or contextGroups (IEEE 9274.1.1)."""
    clause = f"9274.1.1, {kind}"
    related = _object(value, frozenset(("objectType", one, "relevantTypes")), where, clause)
    if related.get("objectType") != kind:
        raise BadStatement(f"{where}/objectType", f'must be "{kind}"', clause)
    if one not in related:
        raise BadStatement(f"{where}/{one}", "is missing", clause)
    if "relevantTypes" in related:
        types = _list(related["relevantTypes"], f"{where}/relevantTypes", clause)
        if not types:
            raise BadStatement(f"{where}/relevantTypes", "must not be empty", clause)
        for index, iri in enumerate(types):
            _iri(iri, f"{where}/relevantTypes/{index}", clause)


def check_attachments(value: Any, where: str) -> None:
    clause = "Data 2.4.11"
    for index, one in enumerate(_list(value, where, clause)):
        place = f"{where}/{index}"
        attachment = _object(one, ATTACHMENT, place, clause)
        _iri(attachment.get("usageType"), f"{place}/usageType", clause)
        _language_map(attachment.get("display"), f"{place}/display", clause)
        if "description" in attachment:
            _language_map(attachment["description"], f"{place}/description", clause)
        if not is_media_type(attachment.get("contentType")):
            raise BadStatement(f"{place}/contentType", "must be an Internet media type", clause)
        length = attachment.get("length")
        if type(length) is not int or length < 0:
            raise BadStatement(f"{place}/length", "must be a whole number of octets", clause)
        if not is_sha2(attachment.get("sha2")):
            raise BadStatement(f"{place}/sha2", "must be a SHA-2 in hexadecimal", clause)
        if "fileUrl" in attachment:
            _iri(attachment["fileUrl"], f"{place}/fileUrl", clause)


def check_whole(value: Any, where: str = "", *, second: bool = False, inside: bool = False) -> dict[str, Any]:
    """A statement, or with `inside` a SubStatement (Data 2.4, 2.4.4.3). Answers it as a dict."""
    clause = "Data 2.4.4.3" if inside else "Data 2.4"
    statement = _object(value, SUB_STATEMENT if inside else STATEMENT, where, clause)
    for name in ("actor", "verb", "object"):
        if name not in statement:
            raise BadStatement(f"{where}/{name}", "is missing", f"Data 2.2, {clause}")
    check_actor(statement["actor"], f"{where}/actor")
    check_verb(statement["verb"], f"{where}/verb")
    thing, place = statement["object"], f"{where}/object"
    kind = thing.get("objectType", "Activity") if type(thing) is dict else "Activity"
    if kind == "Activity":
        check_activity(thing, place)
    elif kind == "StatementRef":
        check_reference(thing, place)
    elif kind in ("Agent", "Group"):
        check_actor(thing, place)
    elif kind == "SubStatement" and not inside:
        check_whole(thing, place, second=second, inside=True)
    elif kind == "SubStatement":
        raise BadStatement(place, "a SubStatement must not hold another", clause)
    else:
        why = "must be Activity, Agent, Group, StatementRef or SubStatement"
        raise BadStatement(f"{place}/objectType", why, "Data 2.4.4")
    if statement["verb"]["id"] == VOIDED and kind != "StatementRef":
        raise BadStatement(f"{place}/objectType", "a voiding statement points at a StatementRef", "Data 2.3.2")
    if "result" in statement:
        check_result(statement["result"], f"{where}/result")
    if "context" in statement:
        about_activity = kind == "Activity"
        check_context(statement["context"], f"{where}/context", about_activity=about_activity, second=second)
    if "timestamp" in statement and read_timestamp(statement["timestamp"], zone_needed=second) is None:
        raise BadStatement(f"{where}/timestamp", "must be a timestamp", "Data 2.4.7, Data 4.5")
    if "attachments" in statement:
        check_attachments(statement["attachments"], f"{where}/attachments")
    if not inside:
        _check_outside(statement, second=second)
    return statement


def _check_outside(statement: dict[str, Any], *, second: bool) -> None:
    """What only a whole statement has: id, stored, authority, version (Data 2.4.1, 2.4.8-2.4.10)."""
    if "id" in statement:
        _uuid(statement["id"], "/id", "Data 2.4.1")
    if "stored" in statement and read_timestamp(statement["stored"], zone_needed=second) is None:
        raise BadStatement("/stored", "must be a timestamp", "Data 2.4.8, Data 4.5")
    if "authority" in statement:
        authority = statement["authority"]
        check_actor(authority, "/authority")
        if authority.get("objectType") == "Group" and len(authority.get("member", ())) != 2:
            raise BadStatement("/authority/member", "must be an application and a user", "Data 2.4.9")
    if "version" in statement:
        version = statement["version"]
        if type(version) is not str or not (_VERSION_2 if second else _VERSION_1).fullmatch(version):
            wanted = "1.0.x or 2.0.x" if second else "1.0.x"
            raise BadStatement("/version", f"must be {wanted}", "Data 2.4.10")
