"""Rows of raw evidence that are proved to be in the log: the first thing that `rechecking.py` asks. Pure.

A row is in the tree of its minute, and an evidence leaf below the block has that tree's root and size; where an earlier
log has that leaf, evidence of this log goes on from it (each root is in the next).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elearn.credit_export.ledger.block_evidence import BlockEvidence, Links, Minute
from elearn.credit_export.ledger.leaves import Evidence, digest_bytes
from elearn.credit_export.ledger.monitor.auditing import ms_of
from elearn.credit_export.ledger.tree import ProofRefused, leaf_hash, require_inclusion

EvidenceAt = Callable[[int], Evidence | None]
"""The evidence leaf at a place of the mirror; None: there is none."""
LONG_AGO = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Proved:
    """A row that is in the evidence."""

    values: list[Any]
    minute: int
    """Its minute's number among those shown."""
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Report:
    """A row of evidence about a report, with its members by name."""

    id: str
    sitting: str
    seq: int
    sha256: str
    prev: str | None
    sig: str | None
    nonce: str
    statement: str
    heard: int
    sent: int
    refused_as: str | None
    chain_broken: bool
    credited: list[list[Any]]
    refused: list[list[Any]]
    seen: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Check:
    id: str
    learner: str
    sitting: str
    unit: str
    method: str
    question: str | None
    number: int
    shown: list[int]
    from_ms: int
    to_ms: int
    policy: str
    put: int
    deadline: int
    tries: list[Any]
    outcome: str | None
    decided: int


def proved(index: int, given: BlockEvidence, evidence: EvidenceAt) -> Iterator[Proved | str]:
    """What is shown for leaf `index`, row by row: the row, or why it is no evidence.

    Raises what reading rows of any form may: LookupError, TypeError, ValueError.
    """
    linked = _linked(index, given.links, evidence)
    for number, minute in enumerate(given.minutes):
        when = _when(index, minute, linked, evidence)
        if when is None:
            yield f"the log has no evidence {minute.root[:16]} of {minute.size - 1} rows before the leaf"
            continue
        for row in minute.rows:
            text = row.row.encode()
            if not _is_in(text, row.at, minute.size, row.proof, bytes.fromhex(minute.root)):
                yield f"this row is not in the evidence of its minute: {row.row[:80]}"
                continue
            values = json.loads(text)
            if row.at == 0 or not isinstance(values, list):
                yield "a root is shown as a row"
                continue
            yield Proved(values, number, *when)


def _when(index: int, minute: Minute, linked: Mapping[str, int], evidence: EvidenceAt) -> tuple[int, int] | None:
    """From when to when it was; None: no evidence before the leaf says so. Of an earlier log: only until when."""
    if minute.leaf is None:
        until = linked.get(minute.root)
        return None if until is None else (LONG_AGO, until)
    if minute.leaf >= index:
        return None
    leaf = evidence(minute.leaf)
    if leaf is None or digest_bytes(leaf.root).hex() != minute.root or leaf.count != minute.size - 1:
        return None
    return ms_of(leaf.from_), ms_of(leaf.to)


def _linked(index: int, links: Links | None, evidence: EvidenceAt) -> dict[str, int]:
    """Roots of earlier logs that evidence of this log goes on from, and when at the latest they were."""
    if links is None or links.leaf >= index:
        return {}
    leaf = evidence(links.leaf)
    if leaf is None:
        return {}
    root = digest_bytes(leaf.root)
    found: dict[str, int] = {}
    for step in links.steps:
        before = bytes.fromhex(step.before)
        if bytes.fromhex(step.root) != root or not _is_in(before, 0, step.size, step.proof, root):
            return found
        root, found[step.before] = before, ms_of(leaf.from_)
    return found


def _is_in(text: bytes, at: int, size: int, proof: Sequence[str], root: bytes) -> bool:
    try:
        require_inclusion(leaf_hash(text), at, size, [bytes.fromhex(one) for one in proof], root)
    except ProofRefused:
        return False
    return True
