"""The door of an authority that computes credited blocks again, `/exam/v1/evidence/<log>`: scope `evidence.read`.

    POST .../<log>          {"size": N}: draw from that checkpoint; the answer lists all draws and orders of the caller
    GET  .../<log>/<index>  the raw evidence of one credit leaf (`ledger/block_evidence.py`)

Evidence is given of leaves that a draw of this very caller drew, or that an order to it names, and of no others: those
and what is no credit at all get the same answer. Each question is written down, answered or not, and each answer as a
disclosure of the person's data.
"""

from __future__ import annotations

import math
import re
import threading
import time
from typing import Annotated, Any, cast

import msgspec
import sqlalchemy as sa
from flask import g
from flask.typing import ResponseReturnValue

from elearn import errors
from elearn.credit_export.exam_system.answers import Desk, write_down
from elearn.credit_export.exam_system.desks import desk_for
from elearn.credit_export.exam_system.receivers import EVIDENCE
from elearn.credit_export.exam_system.routes import MayAsk, bp, packed
from elearn.credit_export.ledger import block_evidence, sampling_draws
from elearn.credit_export.ledger.doors import our_origin
from elearn.credit_export.ledger.evidence_files import Trees, evidence_of
from elearn.credit_export.ledger.models import EvidenceDraw, LedgerLeaf
from elearn.credit_export.ledger.naming import NAME
from elearn.credit_export.models import Receiver
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
    desk, origin = _asks(log)
    session, receiver_id = db.session(), desk.receiver.id
    write_down(session, desk, door=f"evidence {log}", person_id=None, records=[])
    session.commit()  # kept whatever comes of it
    session.get_one(Receiver, receiver_id, with_for_update=True)
    share = runtime().settings.ledger_sample_per_million
    sampling_draws.draw(session, receiver_id, origin, asked.size, per_million=share, at=desk.now)
    session.commit()
    found = sampling_draws.all_of(session, receiver_id, origin)
    return packed(msgspec.json.encode({
        "log": origin,
        "draws": [_told(one) for one in found if one.root is not None],
        "orders": [_told(one) for one in found if one.root is None],
    }))  # fmt: skip


@bp.get("/evidence/<log>/<index>")
@allow(MayAsk(EVIDENCE))
def give_evidence(log: str, index: str) -> ResponseReturnValue:
    """All that was kept of one credited block."""
    desk, origin = _asks(log)
    session = db.session()
    if not INDEX.fullmatch(index):
        raise errors.NotFound("There is nothing at this address.")
    leaf, place = None, int(index)
    door = f"evidence {log}/{place}"
    if sampling_draws.may_ask(session, desk.receiver.id, origin, place):
        leaf = session.scalar(
            sa.select(LedgerLeaf).where(
                LedgerLeaf.origin == origin, LedgerLeaf.index == place, LedgerLeaf.kind == "credit"
            )
        )
    if leaf is None:
        write_down(session, desk, door=door, person_id=None, records=[])
        session.commit()
        raise errors.NotFound("This leaf is no credit that was drawn or ordered for you.", code="not_drawn")
    with _making:
        person_id, found = evidence_of(
            session,
            leaf,
            trees=runtime().kept.setdefault("exam.evidence", Trees()),
            sealing_key=desk.keys.sealing,
            kept_days=runtime().settings.evidence_days,
            now=desk.now,
        )
    write_down(session, desk, door=door, person_id=person_id, records=[])
    if person_id is not None and found.statements:
        record_disclosures(session, person_id, DISCLOSED, receiver=desk.receiver.client_id, reason=door, at=desk.now)
    session.commit()
    return packed(block_evidence.write(found))


def _asks(log: str) -> tuple[Desk, str]:
    """Who asks, and about which log. Raises TooMany, NotFound."""
    receiver = cast(Receiver, g.exam_receiver)
    pace: Pace = runtime().kept.setdefault("exam.evidence_pace", Pace(A_SECOND))
    wait_s = pace.take(receiver.id, at=time.monotonic())
    if wait_s:
        raise errors.TooMany("Too many questions. Please ask more slowly.", retry_after_s=math.ceil(wait_s))
    if not NAME.fullmatch(log):
        raise errors.NotFound("There is nothing at this address.")
    return desk_for(db.session(), receiver), our_origin(log)


def _told(one: EvidenceDraw) -> dict[str, Any]:
    told: dict[str, Any] = {"from": one.from_index, "to": one.to_index, "at": one.at.isoformat(timespec="seconds")}
    if one.root is None:
        return told
    return told | {"root": one.root.hex(), "per_million": one.per_million}
