"""What travels through /xapi/, as the schemas of its description (`openapi.py`)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
IRI: Schema = {
    "type": "string",
    "pattern": r"^[A-Za-z][A-Za-z0-9+.\-]*:[!-;=?-\[\]_a-z~]+$",
    "examples": ["https://school.example/units/7"],
}
UUID: Schema = {"type": "string", "format": "uuid"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
FLAG: Schema = {"type": "string", "enum": ["true", "false"], "default": "false"}
LANGUAGE: Schema = {"type": "string", "pattern": "^[a-z]{2}(-[A-Z]{2})?$"}
LANGUAGES: Schema = {"type": "object", "propertyNames": LANGUAGE, "additionalProperties": TEXT}
EXTENSIONS: Schema = {"type": "object", "propertyNames": IRI}
SHA2: Schema = {"type": "string", "pattern": "^([0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(*required: str, **properties: Schema) -> Schema:
    """An object of these properties and no others; `required` are there."""
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def list_of(of: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": of, **more}


_ACCOUNT = _object("homePage", "name", homePage=IRI, name=TEXT)
_IDENTIFIERS: dict[str, Schema] = {
    "mbox": {"type": "string", "pattern": r"^mailto:[a-z0-9.]{1,30}@[a-z0-9]{1,20}\.example$"},
    "mbox_sha1sum": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
    "openid": IRI,
    "account": _ACCOUNT,
}
_ACTIVITIES: Schema = {"anyOf": [ref("Activity"), list_of(ref("Activity"))]}
_SAID: dict[str, Schema] = {
    "actor": {"anyOf": [ref("Agent"), ref("Group")]},
    "verb": _object("id", id=IRI, display=LANGUAGES),
    "result": ref("Result"),
    "context": ref("Context"),
    "timestamp": MOMENT,
    "attachments": list_of(ref("Attachment")),
}

SCHEMAS: dict[str, Schema] = {
    "Refusal": {
        "type": "object",
        "required": ["error", "detail"],
        "properties": {
            "error": {**TEXT, "description": "stable code"},
            "property": {**TEXT, "description": "what broke a rule: a JSON pointer, a parameter or a header"},
            "clause": {**TEXT, "description": "the part of the standard that says so"},
            "detail": {**TEXT, "description": "for people, in the language they accept"},
        },
    },
    "OAuthRefusal": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": TEXT, "error_description": TEXT},
    },
    "Agent": {
        "oneOf": [
            _object(name, objectType={"const": "Agent"}, name=TEXT, **{name: schema})
            for name, schema in _IDENTIFIERS.items()
        ]
    },
    "Group": {
        "oneOf": [
            _object("objectType", "member", objectType={"const": "Group"}, name=TEXT, member=list_of(ref("Agent"))),
            *(
                _object(
                    "objectType",
                    name,
                    objectType={"const": "Group"},
                    name=TEXT,
                    member=list_of(ref("Agent")),
                    **{name: schema},
                )
                for name, schema in _IDENTIFIERS.items()
            ),
        ]
    },
    "Activity": _object(
        "id",
        objectType={"const": "Activity"},
        id=IRI,
        definition=_object(name=LANGUAGES, description=LANGUAGES, type=IRI, moreInfo=IRI, extensions=EXTENSIONS),
    ),
    "StatementRef": _object("objectType", "id", objectType={"const": "StatementRef"}, id=UUID),
    "SubStatement": _object(
        "objectType",
        "actor",
        "verb",
        "object",
        objectType={"const": "SubStatement"},
        object={"anyOf": [ref("Activity"), ref("StatementRef")]},
        **_SAID,
    ),
    "Result": _object(
        score=_object(scaled={"type": "number", "minimum": -1, "maximum": 1}, raw={"type": "number"}),
        success={"type": "boolean"},
        completion={"type": "boolean"},
        response=TEXT,
        duration={"type": "string", "pattern": r"^P([0-9]{1,3}D)?T[0-9]{1,5}(\.[0-9]{1,3})?S$"},
        extensions=EXTENSIONS,
    ),
    "Context": _object(
        registration=UUID,
        instructor={"anyOf": [ref("Agent"), ref("Group")]},
        team=ref("Group"),
        contextActivities=_object(parent=_ACTIVITIES, grouping=_ACTIVITIES, category=_ACTIVITIES, other=_ACTIVITIES),
        language=LANGUAGE,
        statement=ref("StatementRef"),
        extensions=EXTENSIONS,
    ),
    "Attachment": _object(
        "usageType",
        "display",
        "contentType",
        "length",
        "sha2",
        "fileUrl",
        usageType=IRI,
        display=LANGUAGES,
        description=LANGUAGES,
        contentType={"type": "string", "pattern": "^[a-z]{1,20}/[a-z]{1,20}$"},
        length={"type": "integer", "minimum": 0},
        sha2=SHA2,
        fileUrl=IRI,
    ),
    "Statement": _object(
        "actor",
        "verb",
        "object",
        id=UUID,
        object={"anyOf": [ref("Activity"), ref("SubStatement"), ref("StatementRef"), ref("Group")]},
        **_SAID,
    ),
    "StatementResult": {
        "type": "object",
        "required": ["statements", "more"],
        "properties": {"statements": list_of({"type": "object"}), "more": TEXT},
    },
    "Ids": list_of(TEXT),
    "Thing": {"type": "object", "required": ["objectType"], "properties": {"objectType": TEXT}},
    "About": {
        "type": "object",
        "required": ["version"],
        "properties": {"version": list_of(TEXT), "extensions": {"type": "object"}},
    },
    "Token": {
        "type": "object",
        "required": ["access_token", "token_type", "expires_in"],
        "properties": {"access_token": TEXT, "token_type": TEXT, "expires_in": {"type": "integer"}, "scope": TEXT},
    },
    "Page": {
        "type": "object",
        "required": ["statements", "cursor", "more"],
        "properties": {"statements": list_of({"type": "object"}), "cursor": TEXT, "more": {"type": "boolean"}},
    },
}
