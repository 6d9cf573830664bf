"""Two histories of one log, the same up to leaf 5, and what a signer is asked about them."""

from __future__ import annotations

from elearn.credit_export.ledger.signer import Wanted
from tests.credit_export.ledger.a_log import ALog, a_log

HONEST = a_log(20)
FORKED = HONEST.with_entries([*HONEST.entries[:5], *a_log(15, "other ").entries])


def wanted(log: ALog, old: int, size: int | None = None) -> Wanted:
    size = log.size if size is None else size
    return Wanted(log.origin, size, log.checkpoint(size).root, old, log.consistency(old, size) if old <= size else ())
