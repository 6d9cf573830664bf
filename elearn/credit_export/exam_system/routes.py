"""The exam system's doors, `/exam/v1`: token, eligibility of one person, feed of changes, receipts, keys, description.

A document number never stands in an address: the question about a person is a POST. A person the receiver may
not see and a person nobody knows get the same answer.
"""

from __future__ import annotations

import gzip
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
import sqlalchemy as sa
from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Flask, Response, g, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from elearn import errors
from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.credit_export import feed, records
from elearn.credit_export.exam_system import oauth, receipts
from elearn.credit_export.exam_system.answers import Desk, Telling, now_of, signed, told, write_down
from elearn.credit_export.exam_system.deliveries import Way
from elearn.credit_export.exam_system.desks import desk_for, signer
from elearn.credit_export.exam_system.openapi import describe
from elearn.credit_export.models import Receiver
from elearn.db import db
from elearn.people import persons
from elearn.people.identity import DocumentKind
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.web import allow, exempt_from_csrf, read_json

bp = Blueprint("exam", __name__, url_prefix="/exam/v1")

PAGE = 500
"""Most changes or receipts in one request."""
LEAST_PACKED = 1_000
PACKED = 1
"""Bytes from which an answer is packed for who takes gzip, and how hard: 1 costs a third of 6, saves nearly so much."""

ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class AskedPerson(msgspec.Struct, forbid_unknown_fields=True):
    document_kind: DocumentKind
    document_number: ShortText
    name: ShortText | None = None
    """When given, it must be the name on record: a guard against a number typed wrong."""


class EligibilityQuestion(msgspec.Struct, forbid_unknown_fields=True):
    person: AskedPerson
    category: ShortText
    """Code of the outline."""


class MayAsk:
    """A receiver whose token carries a scope."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.name = f"exam receiver ({scope})"

    def check(self, view_args: dict[str, Any]) -> None:
        """Raises the 401 or 403 answer of RFC 6750, section 3, as an HTTP exception."""
        protector = runtime().kept["exam.protector"]
        try:
            token: oauth.Token = protector.acquire_token([self.scope])
        except OAuth2Error as error:
            protector.raise_error_response(error)
        g.exam_receiver = db.session().get(Receiver, token.receiver_id)


def install(app: Flask, whole: Blueprint) -> None:
    kept = app.extensions["elearn"].kept
    kept["exam.server"] = oauth.make_server(app)
    kept["exam.protector"] = oauth.make_protector()
    whole.register_blueprint(bp)


def _desk() -> Desk:
    return desk_for(db.session(), cast(Receiver, g.exam_receiver))


@bp.post("/token")
@exempt_from_csrf
@allow(ANYBODY)
def token() -> ResponseReturnValue:
    """RFC 6749, section 4.4: a receiver's name and secret against a bearer token of ten minutes."""
    response: ResponseReturnValue = runtime().kept["exam.server"].create_token_response()
    db.session.commit()
    return response


@bp.post("/eligibility:check")
@exempt_from_csrf
@allow(MayAsk("eligibility.read"))
def check_eligibility() -> ResponseReturnValue:
    """What is true of one person now; hours that became final a moment ago are in it."""
    asked = read_json(EligibilityQuestion)
    session, desk = db.session(), _desk()
    if asked.category not in desk.outlines:
        write_down(session, desk, door="eligibility:check", person_id=None, records=[])
        session.commit()
        raise errors.Forbidden("This receiver does not examine that category.", code="category_not_granted")
    person = persons.find_person(session, asked.person.document_kind, asked.person.document_number, desk.keys)
    named = person is not None and (asked.person.name is None or asked.person.name == person.name)
    record = None
    if person is not None and named and _learns(person.id, asked.category):
        records.record_person(session, person.id, now=desk.now)
        record = records.newest_record(session, person.id, [asked.category])
    write_down(
        session,
        desk,
        door="eligibility:check",
        person_id=person.id if person is not None else None,
        records=[record.id] if record else [],
    )
    if record is None:
        session.commit()
        raise errors.NotFound("There is no record of this person in this category.", code="no_record")
    data = told(session, [now_of(session, record)], desk, door="eligibility:check")[0]
    session.commit()
    return _private({"record": data, "jws": signed(data, desk, at=desk.now)})


@bp.get("/changes")
@allow(MayAsk("changes.read"))
def changes() -> ResponseReturnValue:
    """Every step in the life of every record, in the order of commits, from a cursor on; asked again, told again.

    The page is signed as a whole: the header `Page-Signature` is a JWS that names the SHA-256 of the body (before it
    is packed) and both cursors. With `signatures=record` each record is signed too.
    """
    cursor, limit = _whole("cursor", 0, 2**62), _whole("limit", PAGE, PAGE)
    session, desk = db.session(), _desk()
    found = feed.feed(session, desk.outlines, cursor, limit + 1)
    page = found[:limit]
    data = told(session, [Telling.of_change(one) for one in page], desk, door="changes")
    write_down(session, desk, door="changes", person_id=None, records=[one.record.id for one in page])
    session.commit()
    listed: list[dict[str, Any]] = [
        {"cursor": str(one.position), "at": one.at.isoformat(timespec="milliseconds"), "record": record}
        for one, record in zip(page, data, strict=True)
    ]
    if request.args.get("signatures") == "record":
        for one, change in zip(page, listed, strict=True):
            change["jws"] = signed(change["record"], desk, at=one.at)
    following = str(page[-1].position if page else cursor)
    body = msgspec.json.encode({"changes": listed, "next_cursor": following, "more": len(found) > limit})
    claims = {"iss": desk.issuer, "aud": desk.receiver.client_id, "iat": int(desk.now.timestamp())}
    signature = desk.signer.sign_page(body, {**claims, "cursor": str(cursor), "next_cursor": following})
    answer = packed(body)
    answer.headers["Page-Signature"] = signature
    return answer


def packed(body: bytes) -> Response:
    """JSON that nobody keeps, smaller for who takes it so."""
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if request.accept_encodings["gzip"] > 0 and len(body) > LEAST_PACKED:
        body = gzip.compress(body, PACKED, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, mimetype="application/json")


class GivenReceipt(msgspec.Struct, forbid_unknown_fields=True):
    receipt_id: ShortText
    """The receiver's own number: sent again, the receipt is the same one."""
    record_id: UUID
    version: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    outcome: receipts.Outcome
    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] | None = None
    """Wanted where the record is rejected."""
    detail: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class GivenReceipts(msgspec.Struct, forbid_unknown_fields=True):
    receipts: Annotated[list[GivenReceipt], msgspec.Meta(min_length=1, max_length=PAGE)]


@bp.post("/receipts")
@exempt_from_csrf
@allow(MayAsk("receipts.write"))
def take_receipts() -> ResponseReturnValue:
    """What the receiver decided about records; an answer for each, and the same answer to the same one again."""
    asked = read_json(GivenReceipts).receipts
    for one in asked:
        if one.outcome is receipts.Outcome.REJECTED and one.code is None:
            raise errors.Malformed("A receipt that rejects a record must give a reason code.")
    session, desk = db.session(), _desk()
    given = [
        receipts.Given(one.receipt_id, one.record_id, one.version, one.outcome, one.code, one.detail) for one in asked
    ]
    answers = receipts.take(session, desk.receiver.id, given, way=Way.PULL, at=desk.now)
    known = [
        UUID(one["record_id"]) for one in answers if one["status"] != receipts.STATUS[receipts.Answered.UNKNOWN_RECORD]
    ]
    write_down(session, desk, door="receipts", person_id=None, records=known)
    session.commit()
    return _private({"receipts": answers})


@bp.get("/jwks.json")
@allow(ANYBODY)
def key_set() -> ResponseReturnValue:
    """The public keys by which signatures are checked (RFC 7517)."""
    response = jsonify(signer().key_set())
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@bp.get("/openapi.json")
@allow(ANYBODY)
def openapi() -> ResponseReturnValue:
    """These doors and the management API, described (OpenAPI 3.1)."""
    base = url_for("elearn.exam.openapi").removesuffix("/exam/v1/openapi.json")
    kept = runtime().kept
    if "exam.openapi" not in kept:
        kept["exam.openapi"] = describe(base)
    return jsonify(kept["exam.openapi"])


def _learns(person_id: Any, category: str) -> bool:
    """Whether the person was ever enrolled in a class of that category; nobody else is visible."""
    return bool(
        db.session().scalar(
            sa.select(
                sa.exists()
                .where(Enrolment.person_id == person_id)
                .where(TrainingClass.id == Enrolment.class_id)
                .where(Outline.id == TrainingClass.outline_id, Outline.code == category)
            )
        )
    )


def _whole(name: str, default: int, most: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    # Python turns no text of more than 4300 digits into a number.
    if (
        not (text.isascii() and text.isdecimal() and len(text) <= 20)
        or not 0 <= int(text) <= most
        or (name == "limit" and int(text) == 0)
    ):
        raise errors.Malformed("%(name)s must be a whole number, at most %(most)s", name=name, most=most)
    return int(text)


def _private(body: dict[str, Any]) -> ResponseReturnValue:
    response = jsonify(body)
    response.headers["Cache-Control"] = "no-store"
    return response
