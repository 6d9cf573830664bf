"""GET /xapi/stream: all statements that a key may see, in the order of storing, page by page. Ours; see the tour."""

from __future__ import annotations

import re

import msgspec
from flask import Response, request
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.db import db
from elearn.runtime import runtime
from elearn.tracking.lrs.access.credentials import READER, holder
from elearn.tracking.lrs.asking import BadParameter, only_parameters
from elearn.tracking.lrs.consistency import consistent_through
from elearn.tracking.lrs.doorway import bp
from elearn.tracking.lrs.statements import answers
from elearn.tracking.lrs.streams import feed

CLAUSE = "Communication 1.0"
"""Lets a store have resources of its own; this one's form is told in the package's tour."""
NDJSON = "application/x-ndjson"
USUAL_PAGE = 500

_LIMIT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


@bp.get("/stream")
@web.allow(READER)
def stream() -> ResponseReturnValue:
    """What was stored after `cursor`, up to `limit` statements, as JSON or one statement a line."""
    only_parameters("cursor", "limit", clause=CLAUSE)
    after, limit = _cursor(), _limit()
    session = db.session()
    through = consistent_through(session)
    page = feed.page(session, after, through=through, reads=holder().reads, limit=limit)
    home_page = runtime().settings.public_url
    shown = [answers.shown(kept, home_page=home_page) for kept in page.statements]
    cursor = feed.write_cursor(page.place)
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
    if request.accept_mimetypes.best_match(("application/json", NDJSON), default="application/json") == NDJSON:
        headers |= {"X-Stream-Cursor": cursor, "X-Stream-More": "true" if page.more else "false"}
        return Response(b"".join(one + b"\n" for one in shown), content_type=NDJSON, headers=headers)
    rest = msgspec.json.encode({"cursor": cursor, "more": page.more})
    body = b'{"statements":[' + b",".join(shown) + b"]," + rest[1:]
    return Response(body, content_type="application/json", headers=headers)


def _cursor() -> feed.Place | None:
    try:
        return feed.read_cursor(request.args.get("cursor", ""))
    except ValueError as error:
        raise BadParameter("cursor", "must be a cursor that this resource gave", CLAUSE) from error


def _limit() -> int:
    value = request.args.get("limit", str(USUAL_PAGE))
    if not _LIMIT.fullmatch(value) or int(value) > feed.MAX_PAGE:
        raise BadParameter("limit", "must be a whole number from 1 to 1000", CLAUSE)
    return int(value)
