"""OpenAPI 3.1 of /xapi/: every resource, parameter, body and answer, for tools that read such descriptions.

Written beside the doors like that of the exam system; a test holds it against the real routes. The schemas say what
a schema can say in short. The standard demands more of a statement, and the answers say which clause one broke.
"""

from __future__ import annotations

from typing import Any

from elearn.tracking.lrs.schemas import FLAG, IRI, LANGUAGE, MOMENT, SCHEMAS, TEXT, UUID, Schema, list_of, ref
from elearn.tracking.lrs.versions import HEADER, LATEST

REFUSALS = {
    "400": "a rule of the standard is broken: `property` and `clause` say where and which",
    "401": "no key, or a wrong one",
    "403": "the key's scopes do not allow this",
    "404": "nothing there, or not for this key",
    "405": "the resource does not have this method",
    "409": "something else is there already",
    "411": "a document needs its Content-Length, to tell whether it came whole",
    "412": "If-Match or If-None-Match does not hold",
    "413": "larger than this door takes",
    "415": "packed (Content-Encoding); nothing is unpacked here",
    "429": "too often, or too many wrong keys; Retry-After says when",
    "431": "more headers than this door takes",
}
ANYWHERE = ("400", "405", "415", "429", "431")
"""Refusals that any resource may give."""


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _answers(good: dict[str, Schema | None], *refusals: str) -> Schema:
    """`good`: by status, what is in the answer (a media type -> schema map), or None."""
    told: Schema = {}
    for status, content in good.items():
        told[status] = {"description": "done"} | ({"content": content} if content else {})
    refused: Schema = {"schema": ref("Refusal")}
    for status in sorted({*ANYWHERE, *refusals}):
        told[status] = {"description": REFUSALS[status], "content": {"application/json": refused}}
    return told


def _query(name: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _in_json(name: str, schema: Schema, *, required: bool = False) -> Schema:
    """A parameter that holds JSON."""
    return {"name": name, "in": "query", "required": required, "content": _json(schema)}


def _header(name: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "required": required, "schema": schema}


VERSION = _header(HEADER, {**TEXT, "enum": list(LATEST)}, required=True)
ACCEPTED = _header("Accept-Language", LANGUAGE)
ETAG: Schema = {**TEXT, "pattern": '^(\\*|"[0-9a-f]{40}")$'}
KEY: list[dict[str, list[str]]] = [{"key": []}, {"token": []}]
LOCKED = ("401", "403")

FILTERS = [
    _query("statementId", UUID),
    _query("voidedStatementId", UUID),
    _in_json("agent", {"anyOf": [ref("Agent"), ref("Group")]}),
    _query("verb", IRI),
    _query("activity", IRI),
    _query("registration", UUID),
    _query("related_activities", FLAG),
    _query("related_agents", FLAG),
    _query("since", MOMENT),
    _query("until", MOMENT),
    _query("limit", {"type": "integer", "minimum": 0}),
    _query("format", {**TEXT, "enum": ["exact", "ids", "canonical"], "default": "exact"}),
    _query("attachments", FLAG),
    _query("ascending", FLAG),
    _query("more", {**TEXT, "description": "from the member `more` of an answer, and alone"}),
]
MULTIPART: Schema = {
    "multipart/mixed": {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": "first the JSON, then each attachment's data under its X-Experience-API-Hash",
        }
    }
}


def _operation(summary: str, answers: Schema, **more: Any) -> Schema:
    return {"summary": summary, "security": KEY, "responses": answers, **more}


def _body(content: Schema) -> Schema:
    return {"required": True, "content": content}


def _document(resource: str, place: list[Schema], id_name: str) -> Schema:
    """The four methods of one of the document resources."""
    one = _query(id_name, {**TEXT, "minLength": 1}, required=True)
    conditions = [_header("If-Match", ETAG), _header("If-None-Match", ETAG)]
    content: Schema = {"application/json": {"schema": {"type": "object"}}, "text/plain": {"schema": TEXT}}
    changed = _answers({"204": None}, *LOCKED, "409", "411", "412", "413")
    whole = {"*/*": {"schema": {"description": "as it was sent"}}}
    return {
        "get": _operation(
            f"One document of {resource}, or without {id_name} the ids of all",
            _answers({"200": whole, "304": None}, *LOCKED, "404"),
            parameters=[VERSION, *place, {**one, "required": False}, _query("since", MOMENT), conditions[1]],
        ),
        "put": _operation(
            f"Keep a document of {resource}",
            changed,
            parameters=[VERSION, *place, one, *conditions],
            requestBody=_body(content),
        ),
        "post": _operation(
            f"Merge into a document of {resource}",
            changed,
            parameters=[VERSION, *place, one, *conditions],
            requestBody=_body(content),
        ),
        "delete": _operation(
            f"Remove a document of {resource}",
            _answers({"204": None}, *LOCKED, "409", "412"),
            parameters=[VERSION, *place, {**one, "required": id_name != "stateId"}, conditions[0]],
        ),
    }


AGENT = _in_json("agent", ref("Agent"), required=True)
ACTIVITY = _query("activityId", IRI, required=True)

OAUTH: Schema = {
    "description": "refused as RFC 6749, section 5.2 has it",
    "content": _json(ref("OAuthRefusal")),
}

OPERATIONS: dict[str, Schema] = {
    "/xapi/about": {
        "get": _operation("Which versions are spoken here", _answers({"200": _json(ref("About"))}), security=[])
    },
    "/xapi/openapi.json": {
        "get": _operation("This description", _answers({"200": _json({"type": "object"})}), security=[])
    },
    "/xapi/statements": {
        "get": _operation(
            "One statement by its id, or those that meet all filters, newest first",
            _answers(
                {"200": {**_json({"anyOf": [ref("StatementResult"), {"type": "object"}]}), **MULTIPART}, "304": None},
                *LOCKED,
                "404",
            ),
            parameters=[VERSION, ACCEPTED, *FILTERS],
        ),
        "post": _operation(
            "Store one statement or several, all or none",
            _answers({"200": _json(ref("Ids"))}, *LOCKED, "409", "413"),
            parameters=[VERSION],
            requestBody=_body(
                {**_json({"anyOf": [ref("Statement"), list_of(ref("Statement"), maxItems=1000)]}), **MULTIPART}
            ),
        ),
        "put": _operation(
            "Store one statement under an id",
            _answers({"204": None}, *LOCKED, "409", "413"),
            parameters=[VERSION, _query("statementId", UUID, required=True)],
            requestBody=_body({**_json(ref("Statement")), **MULTIPART}),
        ),
    },
    "/xapi/activities/state": _document("activities/state", [ACTIVITY, AGENT, _query("registration", UUID)], "stateId"),
    "/xapi/activities/profile": _document("activities/profile", [ACTIVITY], "profileId"),
    "/xapi/agents/profile": _document("agents/profile", [AGENT], "profileId"),
    "/xapi/activities": {
        "get": _operation(
            "What is known of an activity",
            _answers({"200": _json(ref("Thing")), "304": None}, *LOCKED),
            parameters=[VERSION, ACTIVITY],
        )
    },
    "/xapi/agents": {
        "get": _operation(
            "What is known of a person",
            _answers({"200": _json(ref("Thing")), "304": None}, *LOCKED),
            parameters=[VERSION, AGENT],
        )
    },
    "/xapi/stream": {
        "get": _operation(
            "All statements in the order of storing, page by page (this store's own)",
            _answers({"200": {**_json(ref("Page")), "application/x-ndjson": {"schema": TEXT}}}, *LOCKED),
            parameters=[_query("cursor", TEXT), _query("limit", {"type": "integer", "minimum": 1, "maximum": 1000})],
        )
    },
    "/xapi/oauth/token": {
        "post": _operation(
            "A bearer token for a key and its secret (OAuth 2 client credentials)",
            _answers({"200": _json(ref("Token"))}, "413") | {"400": OAUTH, "401": OAUTH},
            security=[{"key": []}],
            requestBody=_body(
                {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "required": ["grant_type"],
                            "properties": {"grant_type": {"const": "client_credentials"}, "scope": TEXT},
                        }
                    }
                }
            ),
        )
    },
}


def describe(base: str) -> Schema:
    """The whole document; `base` is where the product is mounted."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "elearn record store",
            "version": "1",
            "description": "A Learning Record Store of xAPI 1.0.3 and 2.0 (IEEE 9274.1.1).",
        },
        "servers": [{"url": base or "/"}],
        "paths": OPERATIONS,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }
