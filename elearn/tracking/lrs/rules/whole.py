"""What xAPI demands of a statement's parts, 1.0.3 and 2.0 (IEEE 9274.1.1). Pure.

Each function takes a decoded JSON value and `where` it stands (a JSON pointer, RFC 6901) and raises
BadStatement at the first rule it breaks. Nulls need no rule of their own: no property takes one, and
extension values are not looked into, because no statement may be refused for them (Data 4.1).
"""

from __future__ import annotations

import re
from typing import Any

from elearn.tracking.lrs.rules.activities import check_activity, check_verb
from elearn.tracking.lrs.rules.actors import IDENTIFIERS, check_actor, check_agent, check_group
from elearn.tracking.lrs.rules.forms import is_duration, is_language, is_media_type, is_sha2, read_timestamp
from elearn.tracking.lrs.rules.reading import (
    BadStatement,
    a_language_map,
    a_list,
    a_number,
    a_text,
    a_uuid,
    an_iri,
    an_object,
    extension_map,
)

VOIDED = "http://adlnet.gov/expapi/verbs/voided"

SUB_STATEMENT = frozenset(("objectType", "actor", "verb", "object", "result", "context", "timestamp", "attachments"))
STATEMENT = SUB_STATEMENT - {"objectType"} | {"id", "stored", "authority", "version"}
REFERENCE = frozenset(("objectType", "id"))
RESULT = frozenset(("score", "success", "completion", "response", "duration", "extensions"))
SCORE = frozenset(("scaled", "raw", "min", "max"))
CONTEXT = frozenset(
    (
        "registration",
        "instructor",
        "team",
        "contextActivities",
        "revision",
        "platform",
        "language",
        "statement",
        "extensions",
    )
)
CONTEXT_2 = CONTEXT | {"contextAgents", "contextGroups"}
CONTEXT_ACTIVITIES = frozenset(("parent", "grouping", "category", "other"))
ATTACHMENT = frozenset(("usageType", "display", "description", "contentType", "length", "sha2", "fileUrl"))

_VERSION_1 = re.compile(r"1\.0(?:\.[0-9A-Za-z.+\-]+)?")
_VERSION_2 = re.compile(r"[12]\.0(?:\.[0-9A-Za-z.+\-]+)?")


def check_reference(value: Any, where: str, clause: str = "Data 2.4.4.3") -> None:
    reference = an_object(value, REFERENCE, where, clause)
    if reference.get("objectType") != "StatementRef":
        raise BadStatement(f"{where}/objectType", 'must be "StatementRef"', clause)
    a_uuid(reference.get("id"), f"{where}/id", clause)


def check_result(value: Any, where: str) -> None:
    clause = "Data 2.4.5"
    result = an_object(value, RESULT, where, clause)
    if "score" in result:
        _score(result["score"], f"{where}/score")
    for name in ("success", "completion"):
        if name in result and type(result[name]) is not bool:
            raise BadStatement(f"{where}/{name}", "must be true or false", clause)
    if "response" in result:
        a_text(result["response"], f"{where}/response", clause)
    if "duration" in result and not is_duration(result["duration"]):
        raise BadStatement(f"{where}/duration", "must be an ISO 8601 duration", f"{clause}, Data 4.6")
    if "extensions" in result:
        extension_map(result["extensions"], f"{where}/extensions")


def _score(value: Any, where: str) -> None:
    clause = "Data 2.4.5.1"
    score = an_object(value, SCORE, where, clause)
    numbers = {name: a_number(number, f"{where}/{name}", clause) for name, number in score.items()}
    scaled, raw, low, high = (numbers.get(name) for name in ("scaled", "raw", "min", "max"))
    if scaled is not None and not -1 <= scaled <= 1:
        raise BadStatement(f"{where}/scaled", "must be from -1 to 1", clause)
    if low is not None and high is not None and not low < high:
        raise BadStatement(f"{where}/min", "must be less than max", clause)
    if raw is not None and ((low is not None and raw < low) or (high is not None and raw > high)):
        raise BadStatement(f"{where}/raw", "must be from min to max", clause)


def check_context(value: Any, where: str, *, about_activity: bool, second: bool) -> None:
    """`about_activity`: the statement's object is an activity. `second`: by the rules of xAPI 2.0."""
    clause = "Data 2.4.6"
    context = an_object(value, CONTEXT_2 if second else CONTEXT, where, clause)
    if "registration" in context:
        a_uuid(context["registration"], f"{where}/registration", "Data 2.4.6.1")
    if "instructor" in context:
        check_actor(context["instructor"], f"{where}/instructor")
    if "team" in context:
        check_group(context["team"], f"{where}/team")
    if "contextActivities" in context:
        clause_activities = "Data 2.4.6.2"
        place = f"{where}/contextActivities"
        kinds = an_object(context["contextActivities"], CONTEXT_ACTIVITIES, place, clause_activities)
        for name, activities in kinds.items():
            if type(activities) is list:
                for index, activity in enumerate(activities):
                    check_activity(activity, f"{place}/{name}/{index}")
            else:
                check_activity(activities, f"{place}/{name}")
    for name in ("revision", "platform"):
        if name in context:
            a_text(context[name], f"{where}/{name}", clause)
            if not about_activity:
                raise BadStatement(f"{where}/{name}", "goes only with an activity as object", clause)
    if "language" in context and not is_language(context["language"]):
        raise BadStatement(f"{where}/language", "must be an RFC 5646 language tag", clause)
    if "statement" in context:
        check_reference(context["statement"], f"{where}/statement", clause)
    if "extensions" in context:
        extension_map(context["extensions"], f"{where}/extensions")
    for name, kind, one, check in (
        ("contextAgents", "contextAgent", "agent", check_agent),
        ("contextGroups", "contextGroup", "group", check_group),
    ):
        if name in context:
            for index, related in enumerate(a_list(context[name], f"{where}/{name}", "9274.1.1, context")):
                _related(related, f"{where}/{name}/{index}", kind, one)
                check(related[one], f"{where}/{name}/{index}/{one}")


def _related(value: Any, where: str, kind: str, one: str) -> None:
    """An element of contextAgents or contextGroups (IEEE 9274.1.1)."""
    clause = f"9274.1.1, {kind}"
    related = an_object(value, frozenset(("objectType", one, "relevantTypes")), where, clause)
    if related.get("objectType") != kind:
        raise BadStatement(f"{where}/objectType", f'must be "{kind}"', clause)
    if one not in related:
        raise BadStatement(f"{where}/{one}", "is missing", clause)
    if "relevantTypes" in related:
        types = a_list(related["relevantTypes"], f"{where}/relevantTypes", clause)
        if not types:
            raise BadStatement(f"{where}/relevantTypes", "must not be empty", clause)
        for index, iri in enumerate(types):
            an_iri(iri, f"{where}/relevantTypes/{index}", clause)


def check_attachments(value: Any, where: str) -> None:
    clause = "Data 2.4.11"
    for index, one in enumerate(a_list(value, where, clause)):
        place = f"{where}/{index}"
        attachment = an_object(one, ATTACHMENT, place, clause)
        an_iri(attachment.get("usageType"), f"{place}/usageType", clause)
        a_language_map(attachment.get("display"), f"{place}/display", clause)
        if "description" in attachment:
            a_language_map(attachment["description"], f"{place}/description", clause)
        if not is_media_type(attachment.get("contentType")):
            raise BadStatement(f"{place}/contentType", "must be an Internet media type", clause)
        length = attachment.get("length")
        if type(length) is not int or length < 0:
            raise BadStatement(f"{place}/length", "must be a whole number of octets", clause)
        if not is_sha2(attachment.get("sha2")):
            raise BadStatement(f"{place}/sha2", "must be a SHA-2 in hexadecimal", clause)
        if "fileUrl" in attachment:
            an_iri(attachment["fileUrl"], f"{place}/fileUrl", clause)


def check_whole(value: Any, where: str = "", *, second: bool = False, inside: bool = False) -> dict[str, Any]:
    """A statement, or with `inside` a SubStatement (Data 2.4, 2.4.4.3). Answers it as a dict."""
    clause = "Data 2.4.4.3" if inside else "Data 2.4"
    statement = an_object(value, SUB_STATEMENT if inside else STATEMENT, where, clause)
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
        a_uuid(statement["id"], "/id", "Data 2.4.1")
    if "stored" in statement and read_timestamp(statement["stored"], zone_needed=second) is None:
        raise BadStatement("/stored", "must be a timestamp", "Data 2.4.8, Data 4.5")
    if "authority" in statement:
        _authority(statement["authority"])
    if "version" in statement:
        version = statement["version"]
        if type(version) is not str or not (_VERSION_2 if second else _VERSION_1).fullmatch(version):
            wanted = "1.0.x or 2.0.x" if second else "1.0.x"
            raise BadStatement("/version", f"must be {wanted}", "Data 2.4.10")


def _authority(authority: Any) -> None:
    """An agent, or the pair that 3-legged OAuth makes: an application by its account, and a user (Data 2.4.9)."""
    check_actor(authority, "/authority")
    if authority.get("objectType") != "Group":
        return
    if not authority.keys().isdisjoint(IDENTIFIERS):
        raise BadStatement("/authority", "as a group must be anonymous", "Data 2.4.9")
    if len(authority["member"]) != 2 or not any("account" in member for member in authority["member"]):
        why = "must be an application, known by its account, and a user"
        raise BadStatement("/authority/member", why, "Data 2.4.9")
