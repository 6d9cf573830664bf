"""The exam system's doors, `/exam/v1`: token, eligibility of one person, feed of changes, key set, description.

A document number never stands in an address: the question about a person is a POST. A person the receiver may
not see and a person nobody knows get the same answer.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
import sqlalchemy as sa
from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Flask, g, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from elearn import errors
from elearn.clock import utcnow
from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.credit_export import credit, records
from elearn.credit_export.exam_system import oauth
from elearn.credit_export.exam_system.answers import Desk, answer, outlines_of, write_down
from elearn.credit_export.exam_system.openapi import describe
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.models import EligibilityRecord, Receiver
from elearn.db import db
from elearn.people import persons
from elearn.people.identity import DocumentKind, Keys
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.web import allow, exempt_from_csrf, read_json

bp = Blueprint("exam", __name__, url_prefix="/exam/v1")

PAGE = 500
"""Most changes in one answer."""

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
    kept["exam.signer"] = Signer.from_seed(app.extensions["elearn"].settings.signing_key)
    whole.register_blueprint(bp)


def _desk() -> Desk:
    settings = runtime().settings
    receiver = cast(Receiver, g.exam_receiver)
    return Desk(
        receiver=receiver,
        outlines=outlines_of(db.session(), receiver.id),
        keys=Keys(sealing=settings.sealing_key, index=settings.index_key),
        signer=runtime().kept["exam.signer"],
        issuer=settings.public_url + runtime().url_prefix,
        now=utcnow(),
    )


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
        credit.bring_up_to_date(session, person.id, now=desk.now)
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
    told = answer(session, [record], desk, door="eligibility:check")[0]
    session.commit()
    return _private(told)


@bp.get("/changes")
@allow(MayAsk("changes.read"))
def changes() -> ResponseReturnValue:
    """Records in the order in which they became true, from a cursor on; the same cursor answers the same again."""
    cursor, limit = _whole("cursor", 0, 2**62), _whole("limit", PAGE, PAGE)
    session, desk = db.session(), _desk()
    found = session.scalars(
        sa.select(EligibilityRecord)
        .join(Outline, Outline.id == EligibilityRecord.outline_id)
        .where(EligibilityRecord.position > cursor, Outline.code.in_(desk.outlines))
        .order_by(EligibilityRecord.position)
        .limit(limit + 1)
    ).all()
    page = found[:limit]
    told = answer(session, page, desk, door="changes")
    write_down(session, desk, door="changes", person_id=None, records=[record.id for record in page])
    session.commit()
    listed = [{"cursor": str(r.position), **one} for r, one in zip(page, told, strict=True)]
    following = str(page[-1].position if page else cursor)
    return _private({"changes": listed, "next_cursor": following, "more": len(found) > limit})


@bp.get("/jwks.json")
@allow(ANYBODY)
def key_set() -> ResponseReturnValue:
    """The public keys by which signatures are checked (RFC 7517)."""
    response = jsonify(runtime().kept["exam.signer"].key_set())
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
