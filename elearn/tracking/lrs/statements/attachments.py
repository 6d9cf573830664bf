"""Attachments: what a request brings of them, what is kept of them, what an answer shows (Communication 1.5).

Contents lie once in the store, by their hash; a statement has those that came with it, and only by these rows are
they given out again: naming the hash of somebody else's file gives nothing.

A request is taken in this order: `read_request`, the rules of each statement, `check`, storing, `keep`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import request
from sqlalchemy.orm import Session
from werkzeug.http import parse_options_header

from elearn import errors
from elearn.runtime import runtime
from elearn.tracking.lrs.asking import json_body, whole_body
from elearn.tracking.lrs.rules.check import Checked
from elearn.tracking.lrs.rules.forms import is_sha2
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.rules.text import encode
from elearn.tracking.lrs.statements import signatures
from elearn.tracking.lrs.statements.multipart import MIXED, Content, Part, boundary_of, parts_of, showable
from elearn.tracking.lrs.statements.store import Outcome, Place, Stored

MAX_JSON_BYTES = 5_000_000
"""Of a request's statements, without what is attached to them."""
MAX_PARTS = 2001
"""The statements and 2,000 attachments."""
MAX_ANSWER_BYTES = 25_000_000
"""Of contents in one answer, unless a single statement has more."""
SHA2 = {56: hashlib.sha224, 64: hashlib.sha256, 96: hashlib.sha384, 128: hashlib.sha512}
"""Digits in hexadecimal -> the function."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request that brings statements, read but not yet judged."""

    texts: list[str]
    """Each statement's JSON, exactly as it came."""
    several: bool
    """Whether they came as an array."""
    multipart: bool
    parts: dict[str, list[Part]] = field(repr=False)
    """Data of attachments by their SHA-2 in lower case: verified. One may come more than once (1.5.2: SHOULD NOT)."""

    @property
    def contents(self) -> dict[str, bytes]:
        return {sha2: copies[0].content for sha2, copies in self.parts.items()}


def read_request(*, most: int) -> Incoming:
    """The statements of this request, at most `most`, and the data that came with them, each matched with its hash.

    Raises BadStatement: neither application/json nor multipart/mixed, or malformed; TooLarge.
    """
    if request.mimetype == "application/json":
        text, rest = json_body(MAX_JSON_BYTES), []
    else:
        boundary = boundary_of(request.headers.get("Content-Type", ""))
        body = whole_body(runtime().settings.lrs_largest_request_bytes, ends_itself=True)
        first, *rest = parts_of(body, boundary, most=MAX_PARTS)
        text = _statements_part(first)
    several = text.lstrip()[:1] == "["
    parts: dict[str, list[Part]] = {}
    for number, part in enumerate(rest, start=2):
        parts.setdefault(_hash_of(part, f"part {number}"), []).append(part)
    texts = _each(text, most) if several else [text]
    return Incoming(texts, several, multipart=request.mimetype == MIXED, parts=parts)


def _statements_part(part: Part) -> str:
    """The first part (XAPI-00133, XAPI-00134)."""
    if _media_type(part.headers.get("content-type", ""))[0] != "application/json":
        raise BadStatement("part 1", "must hold the statements, as application/json", "Communication 1.5.2")
    if part.headers.get("content-transfer-encoding", "binary").lower() not in ("7bit", "8bit", "binary"):
        raise BadStatement("part 1", "must come without a transfer encoding", "Communication 1.5.2")
    if len(part.content) > MAX_JSON_BYTES:
        raise errors.TooLarge("The request is larger than this door takes.")
    try:
        return part.content.decode()
    except UnicodeDecodeError as error:
        raise BadStatement("part 1", "must be UTF-8", "Communication 1.4") from error


def _hash_of(part: Part, where: str) -> str:
    """The hash that a further part names, in lower case, once its data has it (XAPI-00132, XAPI-00135).

    Communication 1.5.2 has a store assume the encoding "binary", and demands of each part to name it: one that does
    not is refused, as the conformance requirements want it.
    """
    named = part.headers.get("x-experience-api-hash", "").lower()
    if not is_sha2(named):
        raise BadStatement(where, "must have a header X-Experience-API-Hash with a SHA-2", "Communication 1.5.2")
    if part.headers.get("content-transfer-encoding", "").lower() != "binary":
        raise BadStatement(where, "must have the header Content-Transfer-Encoding: binary", "Communication 1.5.2")
    if part.headers.get("content-length", str(len(part.content))) != str(len(part.content)):
        raise BadStatement(where, "is not as long as its Content-Length says", "Communication 1.5.2")
    if SHA2[len(named)](part.content).hexdigest() != named:
        raise BadStatement(where, "does not have the hash that its header names", "Communication 1.5.2")
    return named


def _each(text: str, most: int) -> list[str]:
    """The texts of the statements of an array."""
    try:
        found = msgspec.json.decode(text, type=list[msgspec.Raw])
    except msgspec.MsgspecError as error:
        raise BadStatement("", "is not JSON", "Communication 1.5.1, Data 2.2") from error
    except RecursionError as error:
        raise BadStatement("", "is nested too deep", "Data 2.2") from error
    if len(found) > most:
        raise errors.TooLarge("A batch may hold %(most)s statements at most.", most=most)
    return [bytes(one).decode() for one in found]


def check(batch: Sequence[Checked], incoming: Incoming) -> None:
    """Whether every attachment is to be had, every part is somebody's, and every signature holds.

    An attachment's `length` is not compared with its data: 1.5.2 speaks of the part's Content-Length, and the public
    conformance suite sends an image in hexadecimal under the length of the image. Raises BadStatement.
    """
    clause = "Communication 1.5.2" if incoming.multipart else "Communication 1.5.1"
    used: set[str] = set()
    for number, checked in enumerate(batch):
        for place, attachment in _attachments(checked.statement):
            where = f"/{number}{place}" if incoming.several else place
            sha2 = attachment["sha2"].lower()
            if sha2 in incoming.parts:
                used.add(sha2)
                if not any(_agrees(part.headers, attachment) for part in incoming.parts[sha2]):
                    why = "has data whose Content-Type or Content-Length is another"
                    raise BadStatement(where, why, clause)
            elif "fileUrl" not in attachment:
                raise BadStatement(where, "has neither a fileUrl nor data in this request", clause)
    for sha2 in incoming.parts.keys() - used:
        raise BadStatement(f"part {sha2}", "is the data of no attachment", clause)
    signatures.verify(batch, incoming.contents, several=incoming.several)


def _attachments(statement: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those of a statement, and of the SubStatement it may hold (Data 2.4.11), with their places."""
    for index, one in enumerate(statement.get("attachments", ())):
        yield f"/attachments/{index}", one
    if statement["object"].get("objectType") == "SubStatement":
        for index, one in enumerate(statement["object"].get("attachments", ())):
            yield f"/object/attachments/{index}", one


def _agrees(headers: dict[str, str], attachment: dict[str, Any]) -> bool:
    """Whether a part's headers say what the attachment says, as far as they say it (1.5.2, table of Data 2.4.11)."""
    if headers.get("content-length", str(attachment["length"])) != str(attachment["length"]):
        return False
    if "content-type" not in headers:
        return True
    return _media_type(headers["content-type"]) == _media_type(attachment["contentType"])


def _media_type(value: str) -> tuple[str, dict[str, str]]:
    kind, options = parse_options_header(value)
    return kind.lower(), {name: text.lower() if name == "charset" else text for name, text in options.items()}


_KEEP = """
INSERT INTO elearn.statement_attachment (stored_at, id, position, sha2, content_type)
SELECT stored_at, id, position, sha2, content_type FROM json_to_recordset(%(rows)s::json) AS one(
    stored_at timestamptz, id uuid, position smallint, sha2 text, content_type text)
"""
_KNOWN = "SELECT sha2 FROM elearn.attachment_content WHERE sha2 = ANY(%(sha2)s::text[])"
_KEEP_CONTENT = """
INSERT INTO elearn.attachment_content (sha2, content, size) VALUES (%(sha2)s, %(content)s, %(size)s)
ON CONFLICT (sha2) DO NOTHING
"""
_SIZES = """
SELECT given.place, kept.sha2, kept.content_type, content.size
FROM unnest(%(at)s::timestamptz[], %(ids)s::uuid[]) WITH ORDINALITY AS given(stored_at, id, place)
JOIN elearn.statement_attachment AS kept ON kept.stored_at = given.stored_at AND kept.id = given.id
JOIN elearn.attachment_content AS content ON content.sha2 = kept.sha2
ORDER BY given.place, kept.position
"""
_CONTENTS = "SELECT sha2, content FROM elearn.attachment_content WHERE sha2 = ANY(%(sha2)s::text[])"


def keep(session: Session, batch: Sequence[Checked], outcomes: Sequence[Outcome], parts: dict[str, list[Part]]) -> None:
    """Write the data that came with what is new of `batch`. Does not commit.

    Call it once the statements are written: ids first, then contents in the order of their hashes, so that requests
    that share some of both wait for each other in one order and never in a circle.
    """
    if not parts:
        return
    rows: list[dict[str, object]] = []
    contents: dict[str, bytes] = {}
    for checked, outcome in zip(batch, outcomes, strict=True):
        if not isinstance(outcome, Stored):
            continue
        types: dict[str, str] = {}
        for _, attachment in _attachments(checked.statement):
            sha2 = attachment["sha2"].lower()
            if sha2 in parts:
                kind = attachment["contentType"]
                types.setdefault(sha2, kind if showable(kind) else "")
        for position, (sha2, content_type) in enumerate(types.items()):
            contents[sha2] = parts[sha2][0].content
            rows.append(
                {
                    "stored_at": outcome.stored_at,
                    "id": outcome.id,
                    "position": position,
                    "sha2": sha2,
                    "content_type": content_type,
                }
            )
    if not rows:
        return
    connection = session.connection()
    connection.exec_driver_sql(_KEEP, {"rows": encode(rows)})
    known = {sha2 for (sha2,) in connection.exec_driver_sql(_KNOWN, {"sha2": sorted(contents)})}
    for sha2 in sorted(contents.keys() - known):
        content = contents[sha2]
        connection.exec_driver_sql(_KEEP_CONTENT, {"sha2": sha2, "content": content, "size": len(content)})


def fitting(session: Session, kept: Sequence[Place]) -> int:
    """How many of these statements, from the first on, one answer takes with their contents: at least one, if any."""
    seen: set[str] = set()
    total = 0
    for place, sha2, _, size in _sizes(session, kept):
        total += 0 if sha2 in seen else size
        seen.add(sha2)
        if total > MAX_ANSWER_BYTES and place > 1:
            return place - 1
    return len(kept)


def of(session: Session, kept: Sequence[Place]) -> list[Content]:
    """What came with these statements, each content once, in their order. Call it for what the reader may see."""
    types: dict[str, str] = {}
    for _, sha2, content_type, _ in _sizes(session, kept):
        types.setdefault(sha2, content_type)
    found = dict(_rows(session, _CONTENTS, {"sha2": list(types)})) if types else {}
    return [Content(sha2, content_type, bytes(found[sha2])) for sha2, content_type in types.items()]


def _sizes(session: Session, kept: Sequence[Place]) -> list[tuple[int, str, str, int]]:
    """Place (from 1), hash, type and size of each content of these statements."""
    return _rows(session, _SIZES, {"at": [at for at, _ in kept], "ids": [id_ for _, id_ in kept]})


def _rows(session: Session, command: str, parameters: dict[str, Any]) -> list[Any]:
    return [tuple(row) for row in session.connection().exec_driver_sql(command, parameters)]
