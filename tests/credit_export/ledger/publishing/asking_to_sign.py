"""Two histories of one log, the same up to leaf 5, and what a signer is asked about them."""

from __future__ import annotations

from elearn.credit_export.ledger.signer import Wanted
from tests.credit_export.ledger.a_log import ALog


def a_log(size: int, *, other_from: int | None = None) -> ALog:
    """Leaves 0, 1, 2...; `other_from`: from that one on they are others."""
    log = ALog()
    log.append(*(f"{n}{'!' if other_from is not None and n >= other_from else ''}".encode() for n in range(size)))
    return log


def wanted(log: ALog, old: int, size: int | None = None) -> Wanted:
    size = log.size if size is None else size
    return Wanted(log.origin, size, log.checkpoint(size).root, old, log.consistency(old, size) if old <= size else ())


HONEST, FORKED = a_log(20), a_log(20, other_from=5)
