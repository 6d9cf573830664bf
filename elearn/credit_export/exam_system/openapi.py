"""OpenAPI 3.1 of the doors that other programs use: the exam system's, and the management API.

Written beside the doors and not generated from a framework: the product mounts as a plain blueprint in any Flask
application, which framework subclasses of Flask cannot do. A test holds this list against the real routes.
"""

from __future__ import annotations

from typing import Any

from elearn.credit_export.basis import Basis
from elearn.credit_export.exam_system.delivery import State as Delivery
from elearn.credit_export.exam_system.receipts import Answered, Outcome
from elearn.credit_export.exam_targets import TrainingKind
from elearn.credit_export.lifecycle import State
from elearn.credit_export.record_facts import EMPLOYMENT_TYPE
from elearn.tracking.signals.decisions import Side
from elearn.tracking.verifier import RefusalClass

RECORD_EXAMPLE_REASONS = ["HOURS_THEORY_SHORT", "HOURS_PRACTICE_SHORT", "OFFLINE_SHARE_LOW", "CLASS_NOT_FILED"]


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    """An object whose properties are all there."""
    return {"type": "object", "required": list(properties), "properties": properties}


TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
MS = {"type": "integer", "minimum": 0, "description": "milliseconds"}
WHOLE = {"type": "integer", "minimum": 0}
MOMENT = {"type": "string", "format": "date-time"}
DAY = {"type": ["string", "null"], "format": "date"}
UUID = {"type": "string", "format": "uuid"}
HOURS_TEXT = {"type": "string", "pattern": r"^\d+\.\d$", "description": "学时, rounded down to tenths for display"}
DOCUMENT_KIND = {"type": "string", "description": "kind of document, e.g. resident_id"}

NOT_SAID = "null: this platform does not say, which is neither yes nor no"

TARGET = {
    **_object(
        qualification={**MAYBE_TEXT, "description": "资格类型 (ZGLX_NAME)"},
        trade={**MAYBE_TEXT, "description": "作业类别 (ZYLB_NAME)"},
        item={**MAYBE_TEXT, "description": "操作项目 (CZXM_NAME)"},
        item_code=MAYBE_TEXT,
        training_kind={"type": ["string", "null"], "enum": [*(kind.value for kind in TrainingKind), None]},
        training_type_code={"type": ["integer", "null"], "enum": [1, 2, 3, None], "description": "PX_TYPE_CODE"},
        catalogue_version=MAYBE_TEXT,
    ),
    "description": f"what the outline is called at the exam, by the catalogue of that day; {NOT_SAID}",
}
EMPLOYERS = {
    "type": ["array", "null"],
    "description": "of the day of judgement; empty: none (无); null: a version that kept none",
    "items": _object(
        name=TEXT,
        credit_code=MAYBE_TEXT,
        region=MAYBE_TEXT,
        employment_type={
            **TEXT,
            "enum": list(EMPLOYMENT_TYPE.values()),
            "description": "正式, 劳务派遣, 灵活用工, 承包, 实习",
        },
    ),
}
TRAINING = {
    "type": ["object", "null"],
    "description": "the class and its institution; null: in no class, or a version that kept none",
    "properties": {
        **dict.fromkeys(("institution", "class_no"), TEXT),
        **dict.fromkeys(("credit_code", "region", "filing_no"), MAYBE_TEXT),
        "filed_at": {"type": ["string", "null"], "format": "date-time"},
        "date_start": {**DAY, "description": "first day of the class; versions of before call it starts_on"},
        "date_end": {**DAY, "description": "its last day; null: not fixed; versions of before call it ends_on"},
        "first_learned_on": DAY,
        "last_learned_on": DAY,
    },
}
UNCREDITED = {
    "type": ["object", "null"],
    "description": "milliseconds that were learned or claimed and are not in `hours`, by reason. Of the refused, each "
    "claim counts, so media that was claimed twice stands here twice, and what was watched properly later is in "
    "`hours` too",
    "properties": {
        "before_filing": {**MS, "description": "credited, learned before the class was filed"},
        "voided": {**MS, "description": "credited, and taken back by two people"},
        **{
            one.value: {**MS, "description": "claimed and refused, or lapsed behind a check that was not passed"}
            for one in RefusalClass
        },
    },
}
BASIS = {
    **_object(kind={**TEXT, "enum": [one.value for one in Basis]}),
    "description": "earlier_training: trained before, and by Order 19 not trained again; no exam result is known here",
    "properties": {
        "kind": {**TEXT, "enum": [one.value for one in Basis]},
        "paper": {**TEXT, "description": "what paper takes the place of training; not with hours"},
        "number": {**MAYBE_TEXT, "description": "of the paper; null once the person was erased"},
        "checked_by": {
            "type": "array",
            "items": {**TEXT, "enum": [side.value for side in Side]},
            "description": "the two sides whose people have seen it",
        },
    },
}
CHECKS = {
    "type": ["object", "null"],
    "description": NOT_SAID,
    "properties": {
        "identity": {"type": "boolean", "description": "a document is on record"},
        "class_filed": {"type": "boolean"},
        "presence_passed": WHOLE,
        "presence_missed": WHOLE,
        "blacklist": {
            "type": ["boolean", "null"],
            "description": "true: on this platform's list, by two people; false: not on it, whatever other lists say",
        },
        **{
            name: {"type": ["boolean", "null"], "description": NOT_SAID}
            for name in ("course_tests", "prerequisites", "teachers")
        },
    },
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Error": _object(error={**TEXT, "description": "stable code"}, detail={**TEXT, "description": "for people"}),
    "EligibilityQuestion": {
        "type": "object",
        "additionalProperties": False,
        "required": ["person", "category"],
        "properties": {
            "person": {
                "type": "object",
                "additionalProperties": False,
                "required": ["document_kind", "document_number"],
                "properties": {
                    "document_kind": DOCUMENT_KIND,
                    "document_number": {**TEXT, "minLength": 1, "maxLength": 100},
                    "name": {"type": ["string", "null"], "minLength": 1, "maxLength": 100},
                },
            },
            "category": {**TEXT, "minLength": 1, "maxLength": 100, "description": "code of the outline"},
        },
    },
    "Record": _object(
        record_id=UUID,
        version=WHOLE,
        supersedes={"type": ["string", "null"], "format": "uuid"},
        status={**TEXT, "enum": [state.value for state in State]},
        status_reason={**TEXT, "description": "reason code of the step that led there"},
        granted_at={"type": ["string", "null"], "format": "date-time"},
        expires_on={"type": ["string", "null"], "format": "date"},
        outcome={**TEXT, "enum": ["eligible", "eligible_exempt", "ineligible"]},
        reasons={"type": "array", "items": {**TEXT, "examples": RECORD_EXAMPLE_REASONS}},
        granted_by={
            "type": ["string", "null"],
            "enum": ["platform", "person", None],
            "description": "the platform by the region's rule, or somebody; null: never granted",
        },
        person=_object(
            document_kind=MAYBE_TEXT,
            document_number=MAYBE_TEXT,
            name=MAYBE_TEXT,
            gender={
                "type": ["string", "null"],
                "enum": ["male", "female", None],
                "description": "as the document number says it; null where it does not: passports, permits",
            },
            mobile={**MAYBE_TEXT, "description": "E.164, only for receivers with the scope mobile.read; else null"},
            photo_ref={"type": "null", "description": "this platform keeps no pictures of people"},
        ),
        category=_object(code=TEXT, name=TEXT, region=TEXT, outline_version=TEXT),
        **{
            "class": {
                "oneOf": [{"type": "null"}, _object(class_no=TEXT, filing_no=MAYBE_TEXT, institution=TEXT)],
            }
        },
        hours=_object(
            online_theory_ms=MS,
            offline_theory_ms=MS,
            offline_practice_ms=MS,
            online_theory=HOURS_TEXT,
            offline_theory=HOURS_TEXT,
            offline_practice=HOURS_TEXT,
            required_theory=WHOLE,
            required_practice=WHOLE,
        ),
        target=TARGET,
        employers=EMPLOYERS,
        training=TRAINING,
        uncredited_ms=UNCREDITED,
        basis=BASIS,
        checks=CHECKS,
        evidence={"type": ["object", "null"], "description": "entries, and the newest leaf of the log"},
        rule_set_id={**TEXT, "description": "the credit rules, as `rules` names them first"},
        rules=TEXT,
        judged_on={"type": "string", "format": "date"},
        computed_at=MOMENT,
        witnessed={"type": "boolean"},
    ),
    "Signed": _object(record=_ref("Record"), jws={**TEXT, "description": "JWS compact, Ed25519; claims hold record"}),
    "Changes": _object(
        changes={
            "type": "array",
            "items": {
                "type": "object",
                "required": ["cursor", "at", "record"],
                "properties": {"cursor": TEXT, "at": MOMENT, "record": _ref("Record"), "jws": TEXT},
            },
        },
        next_cursor=TEXT,
        more={"type": "boolean"},
    ),
    "Push": _object(
        type={**TEXT, "description": "eligibility. and the record's status, or eligibility.withdrawn"},
        timestamp={**MOMENT, "description": "when it became true"},
        data={
            "type": "object",
            "required": ["cursor", "record", "jws"],
            "properties": {
                "cursor": {**TEXT, "description": "place in the feed; of one record, smaller is older"},
                "record": _ref("Record"),
                "jws": TEXT,
                "withdrawal": _object(reason=TEXT),
            },
        },
    ),
    "Receipts": _object(
        receipts={
            "type": "array",
            "minItems": 1,
            "maxItems": 500,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["receipt_id", "record_id", "version", "outcome"],
                "properties": {
                    "receipt_id": {
                        **TEXT,
                        "minLength": 1,
                        "maxLength": 100,
                        "description": "the receiver's own number",
                    },
                    "record_id": UUID,
                    "version": WHOLE,
                    "outcome": {**TEXT, "enum": [outcome.value for outcome in Outcome]},
                    "code": {"type": ["string", "null"], "pattern": "^[A-Z][A-Z0-9_]{0,99}$"},
                    "detail": {"type": ["string", "null"], "maxLength": 1000},
                },
            },
        }
    ),
    "ReceiptAnswers": _object(
        receipts={
            "type": "array",
            "items": {
                "type": "object",
                "required": ["receipt_id", "record_id", "version", "answer", "status"],
                "properties": {
                    "receipt_id": TEXT,
                    "record_id": UUID,
                    "version": WHOLE,
                    "answer": {**TEXT, "enum": [answered.value for answered in Answered]},
                    "status": {**WHOLE, "description": "as an answer of its own would have"},
                    "record_status": {**TEXT, "description": "of the record, when the receipt was first taken"},
                    "delivery": {**TEXT, "enum": [state.value for state in Delivery]},
                },
            },
        }
    ),
    "Upload": _object(
        id=UUID,
        lesson=UUID,
        file_name=TEXT,
        bytes=WHOLE,
        state={**TEXT, "enum": ["waiting", "packaging", "placing", "done", "failed"]},
        stage=TEXT,
        progress_permille={"type": "integer", "minimum": 0, "maximum": 1000},
        error=MAYBE_TEXT,
        detail={**MAYBE_TEXT, "description": "the error in words, in the caller's language"},
        may_try_again={"type": "boolean"},
        unit={"type": ["string", "null"], "format": "uuid"},
    ),
}

REFUSALS = {
    code: {"description": meaning, "content": _json(_ref("Error"))}
    for code, meaning in {
        "400": "the request cannot be read",
        "401": "no valid token or session",
        "403": "the scope, role or category was not granted",
        "404": "no such thing, or not for this caller",
        "409": "it contradicts what is there",
        "413": "the body is too large",
        "422": "our rules turn it down",
        "429": "too many questions; the header Retry-After says when to go on",
    }.items()
}


CSRF = {"name": "X-CSRFToken", "in": "header", "required": True, "schema": TEXT}
"""What a browser's session sends along with every change."""


def _operation(
    summary: str, *, tag: str, answers: dict[str, Any], security: list[dict[str, list[str]]], **more: Any
) -> dict[str, Any]:
    return {"summary": summary, "tags": [tag], "responses": answers, "security": security, **more}


def _ok(schema: str, *refusals: str, status: str = "200") -> dict[str, Any]:
    good = {status: {"description": "done", "content": _json(_ref(schema) if schema else {"type": "object"})}}
    return good | {code: REFUSALS[code] for code in refusals}


LOG = {"name": "log", "in": "path", "required": True, "schema": TEXT, "description": "of a year, as `2026`"}

OPERATIONS: dict[str, dict[str, Any]] = {
    "/exam/v1/token": {
        "post": _operation(
            "A bearer token for a receiver (OAuth 2 client credentials)",
            tag="exam",
            answers=_ok("", "400", "401"),
            security=[{"client": []}],
            requestBody={
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "required": ["grant_type"],
                            "properties": {
                                "grant_type": {"const": "client_credentials"},
                                "scope": {**TEXT, "examples": ["eligibility.read changes.read"]},
                            },
                        }
                    }
                },
            },
        )
    },
    "/exam/v1/eligibility:check": {
        "post": _operation(
            "May this person sit the exam of this category?",
            tag="exam",
            answers=_ok("Signed", "400", "401", "403", "404", "413"),
            security=[{"token": ["eligibility.read"]}],
            requestBody={"required": True, "content": _json(_ref("EligibilityQuestion"))},
        )
    },
    "/exam/v1/changes": {
        "get": _operation(
            "Records in the order in which they became true",
            tag="exam",
            answers=_ok("Changes", "400", "401", "403"),
            security=[{"token": ["changes.read"]}],
            parameters=[
                {"name": "cursor", "in": "query", "schema": {**WHOLE, "default": 0}},
                {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 500}},
                {
                    "name": "signatures",
                    "in": "query",
                    "schema": {**TEXT, "enum": ["page", "record"], "default": "page"},
                    "description": "the page is signed in the header Page-Signature, a JWS with the claims iss, aud, "
                    "iat, sha256 (of the body, in hex), cursor and next_cursor; `record` signs each record too",
                },
            ],
        )
    },
    "/exam/v1/receipts": {
        "post": _operation(
            "What the receiver decided about records; the same receipt again is answered the same",
            tag="exam",
            answers=_ok("ReceiptAnswers", "400", "401", "403", "413"),
            security=[{"token": ["receipts.write"]}],
            requestBody={"required": True, "content": _json(_ref("Receipts"))},
        )
    },
    "/exam/v1/evidence/{log}": {
        "post": _operation(
            "Draw blocks of the log from a published checkpoint; all draws and orders of the caller",
            tag="exam",
            answers=_ok("", "400", "401", "403", "404", "409", "429"),
            security=[{"token": ["evidence.read"]}],
            parameters=[LOG],
            requestBody={
                "required": True,
                "content": _json({"type": "object", "required": ["size"], "properties": {"size": WHOLE}}),
            },
        )
    },
    "/exam/v1/evidence/{log}/{index}": {
        "get": _operation(
            "The raw evidence of a credited block that was drawn or ordered, for who computes it again",
            tag="exam",
            answers=_ok("", "401", "403", "404", "429"),
            security=[{"token": ["evidence.read"]}],
            parameters=[LOG, {"name": "index", "in": "path", "required": True, "schema": WHOLE}],
        )
    },
    "/exam/v1/jwks.json": {
        "get": _operation("The keys that signatures are checked with", tag="exam", answers=_ok(""), security=[])
    },
    "/exam/v1/openapi.json": {"get": _operation("This description", tag="exam", answers=_ok(""), security=[])},
    "/courses/lessons/{lesson_id}/video": {
        "post": _operation(
            "Upload a video for a lesson; a job packages it",
            tag="management",
            answers=_ok("Upload", "401", "403", "404", "413", "422", status="201"),
            security=[{"session": []}],
            parameters=[
                {"name": "lesson_id", "in": "path", "required": True, "schema": UUID},
                {"name": "name", "in": "query", "schema": TEXT, "description": "what its sender calls the file"},
                CSRF,
            ],
            requestBody={
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            },
        )
    },
    "/courses/uploads/{upload_id}": {
        "get": _operation(
            "How far the packaging of an upload is",
            tag="management",
            answers=_ok("Upload", "401", "403", "404"),
            security=[{"session": []}],
            parameters=[{"name": "upload_id", "in": "path", "required": True, "schema": UUID}],
        )
    },
    "/courses/uploads/{upload_id}/again": {
        "post": _operation(
            "Package once more from the file that was kept, after a failure of ours",
            tag="management",
            answers=_ok("Upload", "401", "403", "404", status="202"),
            security=[{"session": []}],
            parameters=[{"name": "upload_id", "in": "path", "required": True, "schema": UUID}, CSRF],
        )
    },
}


WEBHOOKS: dict[str, dict[str, Any]] = {
    "eligibility": {
        "post": {
            "summary": "A record that may be acted on, a change of it, or that it no longer holds (Standard Webhooks)",
            "tags": ["exam"],
            "parameters": [
                {
                    "name": name,
                    "in": "header",
                    "required": True,
                    "schema": TEXT,
                    "description": meaning,
                }
                for name, meaning in (
                    ("webhook-id", "the same in every attempt: take a message once"),
                    ("webhook-timestamp", "seconds since 1970 of this attempt"),
                    (
                        "webhook-signature",
                        "v1, and base64 of HMAC-SHA-256 over id.timestamp.body; one that holds is enough",
                    ),
                    ("Idempotency-Key", "record, version, place in the feed, kind"),
                )
            ],
            "requestBody": {"required": True, "content": _json(_ref("Push"))},
            "responses": {
                "2XX": {"description": "it is there"},
                "410": {"description": "send nothing more"},
                "422": {"description": "refused for good; so are 400, 409, 413 and 415"},
                "default": {"description": "sent again later"},
            },
        }
    }
}
"""What receivers are sent."""


def describe(base: str) -> dict[str, Any]:
    """The whole document; `base` is where the product is mounted."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "elearn",
            "version": "1",
            "description": "Verified learning hours for exam systems, and the management of courses.",
        },
        "servers": [{"url": base or "/"}],
        "paths": OPERATIONS,
        "webhooks": WEBHOOKS,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "client": {"type": "http", "scheme": "basic"},
                "token": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": f"{base}/exam/v1/token",
                            "scopes": {
                                "eligibility.read": "one person's eligibility",
                                "changes.read": "the feed of all changes",
                                "receipts.write": "to answer what became of records",
                                "evidence.read": "the raw evidence of drawn blocks, to compute them again",
                                "mobile.read": "phone numbers with the records",
                            },
                        }
                    },
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "elearn"},
            },
        },
    }
