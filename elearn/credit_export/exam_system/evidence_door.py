"""The door of an authority that computes credited blocks again, `/exam/v1/evidence/<log>`: scope `evidence.read`.

    POST .../<log>          {"size": N}: draw from that checkpoint; the answer lists all draws and orders of the caller
    GET  .../<log>/<index>  the raw evidence of one credit leaf (`ledger/block_evidence.py`)

Evidence is given of leaves that a draw of this very caller drew, or that an order to it names, and of no others: those
and what is no credit at all get the same answer. Each question is written down, answered or not, and each answer as a
disclosure of the person's data.
"""

from __future__ import annotations

import gzip
import math
import re
import threading
import time
from typing import Annotated, Any, cast

import msgspec
import sqlalchemy as sa
from flask import Response, g, request
from flask.typing import ResponseReturnValue

from elearn import errors
from elearn.clock import utcnow
from elearn.credit_export.exam_system.receivers import EVIDENCE
from elearn.credit_export.exam_system.routes import LEAST_PACKED, PACKED, MayAsk, bp
from elearn.credit_export.ledger import block_evidence, sampling_draws
from elearn.credit_export.ledger.evidence_files import Trees, evidence_of
from elearn.credit_export.ledger.models import EvidenceDraw, LedgerLeaf
from elearn.credit_export.ledger.naming import NAME, base_of
from elearn.credit_export.models import ExamQuery, Receiver
from elearn.db import db
from elearn.people.personal import record_disclosures
from elearn.runtime import runtime
from elearn.tracking.lrs.access.limits import Pace
from elearn.web import allow, exempt_from_csrf, read_json

A_SECOND = 5
"""Questions of one authority that a web process answers in a second; ten may come at once."""
INDEX = re.compile("0|[1-9][0-9]{0,17}")
DISCLOSED = ("reports of watching", "key in the log")

_making = threading.Lock()
"""Putting evidence together reads whole minutes of everybody: one at a time in a process, and people do not wait."""


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    size: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    """Leaves of a published checkpoint."""


@bp.post("/evidence/<log>")
@exempt_from_csrf
@allow(MayAsk(EVIDENCE))
def draw_blocks(log: str) -> ResponseReturnValue:
    """Draw from a checkpoint what was not drawn from before; the same checkpoint again draws nothing new."""
    asked = read_json(Asked)
    receiver, origin = _asks(log)
    session = db.session()
    session.get_one(Receiver, receiver.id, with_for_update=True)
    try:
        sampling_draws.draw(
            session,
            receiver.id,
            origin,
            asked.size,
            per_million=runtime().settings.ledger_sample_per_million,
            at=utcnow(),
        )
    finally:
        _write_down(receiver, f"evidence {log}", None)
        session.commit()
    found = sampling_draws.all_of(session, receiver.id, origin)
    return _answer(msgspec.json.encode({
        "log": origin,
        "draws": [_told(one) for one in found if one.root is not None],
        "orders": [_told(one) for one in found if one.root is None],
    }))  # fmt: skip


@bp.get("/evidence/<log>/<index>")
@allow(MayAsk(EVIDENCE))
def give_evidence(log: str, index: str) -> ResponseReturnValue:
    """All that was kept of one credited block."""
    receiver, origin = _asks(log)
    session, now = db.session(), utcnow()
    if not INDEX.fullmatch(index):
        raise errors.NotFound("There is nothing at this address.")
    leaf, place = None, int(index)
    if sampling_draws.may_ask(session, receiver.id, origin, place):
        leaf = session.scalar(
            sa.select(LedgerLeaf).where(
                LedgerLeaf.origin == origin, LedgerLeaf.index == place, LedgerLeaf.kind == "credit"
            )
        )
    if leaf is None:
        _write_down(receiver, f"evidence {log}/{place}", None)
        session.commit()
        raise errors.NotFound("This leaf is no credit that was drawn or ordered for you.", code="not_drawn")
    settings, kept = runtime().settings, runtime().kept
    with _making:
        trees: Trees = kept.setdefault("exam.evidence", Trees())
        person_id, found = evidence_of(
            session, leaf, trees=trees, sealing_key=settings.sealing_key, kept_days=settings.evidence_days, now=now
        )
    _write_down(receiver, f"evidence {log}/{place}", person_id)
    if person_id is not None and found.statements:
        record_disclosures(
            session, person_id, DISCLOSED, receiver=receiver.client_id, reason=f"evidence {log}/{place}", at=now
        )
    session.commit()
    return _answer(block_evidence.write(found))


def _asks(log: str) -> tuple[Receiver, str]:
    """Who asks, and about which log. Raises TooMany, NotFound."""
    receiver = cast(Receiver, g.exam_receiver)
    pace: Pace = runtime().kept.setdefault("exam.evidence_pace", Pace(A_SECOND))
    wait_s = pace.take(receiver.id, at=time.monotonic())
    if wait_s:
        raise errors.TooMany("Too many questions. Please ask more slowly.", retry_after_s=math.ceil(wait_s))
    if not NAME.fullmatch(log):
        raise errors.NotFound("There is nothing at this address.")
    return receiver, f"{base_of(runtime().settings.public_url, runtime().url_prefix)}/{log}"


def _write_down(receiver: Receiver, door: str, person_id: Any) -> None:
    db.session.add(ExamQuery(receiver_id=receiver.id, asked_at=utcnow(), door=door, person_id=person_id, records=[]))
    db.session.flush()


def _told(one: EvidenceDraw) -> dict[str, Any]:
    told: dict[str, Any] = {"from": one.from_index, "to": one.to_index, "at": one.at.isoformat(timespec="seconds")}
    if one.root is None:
        return told
    return told | {"root": one.root.hex(), "per_million": one.per_million}


def _answer(body: bytes) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if request.accept_encodings["gzip"] > 0 and len(body) > LEAST_PACKED:
        body = gzip.compress(body, PACKED, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, mimetype="application/json")
