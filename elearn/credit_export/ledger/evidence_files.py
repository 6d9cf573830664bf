"""The raw evidence of a credited block, put together for an authority that computes it again (`block_evidence.py`).

From the leaf to its final row, from there to the pending rows that it settles and the reports that earned them. With
them go the reports before them in their sittings as far back as the minute of the first began, and one more, so that
their chain can be followed; the check that confirmed them; the keys given out of what was watched; the pages shown.
Nothing is judged here: what is missing is left out, and whoever computes it again names it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import sealing
from elearn.credit_export.ledger import block_evidence as form
from elearn.credit_export.ledger.block_evidence import BlockEvidence
from elearn.credit_export.ledger.evidence import Batch, canonical_rows, chosen_rows
from elearn.credit_export.ledger.leaves import digest_bytes
from elearn.credit_export.ledger.models import LedgerLeaf, SubjectKey
from elearn.credit_export.ledger.subjects import bound
from elearn.credit_export.ledger.tree import EMPTY, HASH_BYTES, Tree, inclusion_proof, leaf_hash

WAITING_MOST = 64
"""Reports that may wait for one before them (REORDER): no further back need anybody look."""
HASHES_KEPT = 1_000_000
"""Of trees of minutes, in one process: 32 MB."""

BLOCK = sa.text("""
SELECT w.learner_id, w.unit_id, w.start_ms, w.end_ms, w.check_id, w.settles, p.erased_at IS NOT NULL AS erased
FROM elearn.watched_span w JOIN elearn.person p ON p.id = w.learner_id WHERE w.id = :span
""")

EARNED = sa.text("""
SELECT r.id, r.sitting_id, r.seq FROM elearn.watched_span w
JOIN elearn.report r ON r.sitting_id = w.sitting_id AND r.statement_id = w.statement_id AND r.refused_as IS NULL
WHERE w.id = ANY (:settles)
""")

REPORTS = sa.text("""
SELECT r.id, r.sitting_id, r.seq, r.evidence_batch, r.statement_id, r.seen->>'policy' AS policy,
       coalesce(r.raw, kept.raw) AS raw
FROM elearn.report r
LEFT JOIN elearn.statement_id AS there ON there.id = r.statement_id
LEFT JOIN elearn.statement AS kept ON kept.stored_at = there.stored_at AND kept.id = there.id
WHERE r.sitting_id = :sitting AND r.refused_as IS NULL AND r.seq BETWEEN :first AND :last ORDER BY r.seq
""")

DEVICES = sa.text("""
SELECT s.id, d.jwk FROM elearn.sitting s
LEFT JOIN elearn.device d ON d.person_id = s.learner_id AND d.thumbprint = s.device
WHERE s.id = ANY (:sittings) ORDER BY s.id
""")

PARTS = sa.text("""
SELECT index AS number, start_ms, end_ms FROM elearn.unit_block
WHERE unit_id = :unit AND start_ms < :end AND :start < end_ms ORDER BY index
""")

# The closing that holds a row, whatever number of a batch the row has, with the leaf that proves it.
CLOSED = sa.text("""
SELECT n.number, c.batch, coalesce(before.batch, -1) AS after, c.from_ms, c.to_ms, l.origin, l.index AS place, l.raw
FROM unnest(CAST(:numbers AS bigint[])) AS n (number)
JOIN LATERAL (SELECT * FROM elearn.evidence_closing c WHERE c.batch >= n.number ORDER BY c.batch LIMIT 1) c ON true
LEFT JOIN LATERAL (SELECT batch FROM elearn.evidence_closing b WHERE b.batch < c.batch
                   ORDER BY b.batch DESC LIMIT 1) before ON true
JOIN elearn.ledger_leaf l ON l.batch = c.batch
""")

ROOT_BEFORE = sa.text("SELECT raw FROM elearn.ledger_leaf WHERE batch < :batch ORDER BY batch DESC LIMIT 1")
FIRST_HERE = sa.text("SELECT min(batch) FROM elearn.ledger_leaf WHERE origin = :origin AND batch IS NOT NULL")


@dataclass(slots=True)
class MinuteTree:
    """All nodes of the tree of one minute."""

    before: bytes
    levels: list[bytearray] = field(default_factory=list)
    size: int = 0
    root: bytes = EMPTY

    @classmethod
    def of(cls, session: Session, batch: Batch, before: bytes) -> MinuteTree:
        return cls.around(before, canonical_rows(session, batch))

    @classmethod
    def around(cls, before: bytes, rows: Iterable[bytes]) -> MinuteTree:
        """The tree of these rows, behind the root of the evidence before."""
        made, tree = cls(before), Tree()
        made._take(tree, before)
        for row in rows:
            made._take(tree, row)
        made.size, made.root = tree.size, tree.root()
        return made

    def _take(self, tree: Tree, row: bytes) -> None:
        for level, _index, hash_ in tree.append(leaf_hash(row)):
            if level == len(self.levels):
                self.levels.append(bytearray())
            self.levels[level] += hash_

    def node(self, level: int, index: int) -> bytes:
        return bytes(self.levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def place_of(self, row: bytes) -> int | None:
        """Where a row is; None: it was written since, or changed."""
        hash_, at = leaf_hash(row), -1
        while (at := self.levels[0].find(hash_, at + 1)) >= 0:
            if at % HASH_BYTES == 0:
                return at // HASH_BYTES
        return None

    def proof(self, place: int) -> list[str]:
        return [one.hex() for one in inclusion_proof(place, self.size, self.node)]


class Trees:
    """Trees of minutes that were asked for last: many drawn blocks share a minute. Not for two threads at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, MinuteTree] = OrderedDict()

    def of(self, session: Session, batch: Batch, root: bytes | None) -> MinuteTree:
        """`root`: what the log says. A tree that does not lead there is not kept: somebody may put the rows right."""
        found = self._kept.get(batch.batch)
        if found is None or found.root != root:
            raw = session.scalar(ROOT_BEFORE, {"batch": batch.batch})
            before = EMPTY if raw is None else digest_bytes(json.loads(raw)["root"])
            found = MinuteTree.of(session, batch, before)
            if found.root == root:
                self._kept[batch.batch] = found
                while sum(2 * one.size for one in self._kept.values()) > HASHES_KEPT and len(self._kept) > 1:
                    self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(batch.batch)
        return found


@dataclass(frozen=True, slots=True)
class _Closed:
    """A closed batch and the leaf that proves it."""

    batch: Batch
    origin: str
    index: int
    root: bytes


def evidence_of(
    session: Session, leaf: LedgerLeaf, *, trees: Trees, sealing_key: bytes, kept_days: int, now: datetime
) -> tuple[UUID | None, BlockEvidence]:
    """All there is of a credit leaf, and whose it is. A fixed number of queries for each of its minutes."""
    block = session.execute(BLOCK, {"span": leaf.watched_span_id}).one_or_none()
    if block is None:
        return None, _answer(leaf, "given", kept_days)
    earned = session.execute(EARNED, {"settles": block.settles}).all()
    reports = [one for sitting in _by_sitting(earned) for one in _reports(session, *sitting)]
    old = bool(kept_days) and leaf.at < now - timedelta(days=kept_days)
    if old and (len(earned) < len(block.settles) or any(one.raw is None for one in reports)):
        return block.learner_id, _answer(leaf, "gone", kept_days)
    parts = session.execute(PARTS, {"unit": block.unit_id, "start": block.start_ms, "end": block.end_ms}).all()
    sittings = sorted({one.sitting_id for one in reports})
    rows = _rows(session, block, [one.id for one in reports], [part.number for part in parts], sittings)
    closed = _closed(session, {number for number, _ in rows})
    return block.learner_id, BlockEvidence(
        v=1,
        log=leaf.origin,
        index=leaf.index,
        leaf=leaf.raw,
        state="erased" if block.erased else "given",
        kept_days=kept_days,
        person=_whose(session, block.learner_id, sealing_key),
        devices=_devices(session, sittings),
        parts=[form.PartOfUnit(part.number, part.start_ms, part.end_ms) for part in parts],
        policies=_policies(session, {one.policy for one in reports}),
        minutes=_minutes(session, leaf.origin, rows, closed, trees),
        links=_links(session, leaf.origin, closed.values(), trees),
        statements={str(one.statement_id): one.raw for one in reports if one.raw is not None},
        of=sorted(one.id for one in earned),
    )


def _answer(leaf: LedgerLeaf, state: Any, kept_days: int) -> BlockEvidence:
    """With nothing in it."""
    return BlockEvidence(
        v=1, log=leaf.origin, index=leaf.index, leaf=leaf.raw, state=state, kept_days=kept_days, person=None,
        devices=[], parts=[], policies={}, minutes=[], links=None, statements={}, of=[],
    )  # fmt: skip


def _by_sitting(earned: Sequence[Any]) -> Iterator[tuple[UUID, int, int]]:
    """Each sitting with the first and the last of its reports that earned something."""
    seqs: dict[UUID, list[int]] = {}
    for one in earned:
        seqs.setdefault(one.sitting_id, []).append(one.seq)
    for sitting, found in sorted(seqs.items()):
        yield sitting, min(found), max(found)


def _reports(session: Session, sitting: UUID, first: int, last: int) -> list[Any]:
    """Those from `first` to `last`, those of the minute in which that is, and one before."""
    values = {"sitting": sitting, "first": first - WAITING_MOST - 1, "last": last}
    found: list[Any] = list(session.execute(REPORTS, values))
    begin = next((at for at, one in enumerate(found) if one.seq >= first), len(found))
    while begin and found[begin - 1].evidence_batch == found[begin].evidence_batch:
        begin -= 1
    return found[max(0, begin - 1) :]


def _rows(
    session: Session, block: Any, reports: Sequence[UUID], parts: Sequence[int], sittings: Sequence[UUID]
) -> list[tuple[int, bytes]]:
    """Everything that is proved, each row behind the number of its batch."""
    whose = {"learner": block.learner_id, "unit": block.unit_id, "parts": list(parts)}
    return [
        *chosen_rows(session, "check", "id = :check", check=block.check_id),
        *chosen_rows(session, "delivery",
                     "learner_id = :learner AND unit_id = :unit AND block = ANY (:parts)", **whose),
        *chosen_rows(session, "page", "sitting_id = ANY (:sittings) AND page = ANY (:parts)",
                     sittings=list(sittings), parts=list(parts)),
        *chosen_rows(session, "report", "id = ANY (:reports)", reports=list(reports)),
    ]  # fmt: skip


def _closed(session: Session, numbers: Collection[int]) -> dict[int, _Closed]:
    """By the number that a row has. What is in no closed and proved batch is not there."""
    return {
        row.number: _Closed(
            Batch(row.batch, row.after, row.from_ms, row.to_ms),
            row.origin,
            row.place,
            digest_bytes(json.loads(row.raw)["root"]),
        )
        for row in session.execute(CLOSED, {"numbers": sorted(numbers)})
    }


def _minutes(
    session: Session, origin: str, rows: Sequence[tuple[int, bytes]], closed: dict[int, _Closed], trees: Trees
) -> list[form.Minute]:
    by_batch: dict[int, tuple[_Closed, list[bytes]]] = {}
    for number, row in rows:
        if number in closed:
            one = closed[number]
            by_batch.setdefault(one.batch.batch, (one, []))[1].append(row)
    found = []
    for one, texts in (by_batch[batch] for batch in sorted(by_batch)):
        tree = trees.of(session, one.batch, one.root)
        shown = [
            form.Row(place, text.decode(), tree.proof(place))
            for text in texts
            if (place := tree.place_of(text)) is not None
        ]
        leaf = one.index if one.origin == origin else None
        found.append(form.Minute(one.root.hex(), tree.size, leaf, sorted(shown, key=lambda row: row.at)))
    return found


def _links(session: Session, origin: str, closed: Collection[_Closed], trees: Trees) -> form.Links | None:
    """Back from the first evidence of this log to the oldest minute that an earlier log has."""
    elsewhere = [one.batch.batch for one in closed if one.origin != origin]
    if not elsewhere:
        return None
    oldest, first = min(elsewhere), session.scalar(FIRST_HERE, {"origin": origin})
    numbers = session.scalars(
        sa.select(LedgerLeaf.batch).where(LedgerLeaf.batch > oldest, LedgerLeaf.batch <= first).order_by(
            LedgerLeaf.batch.desc()
        )
    )  # fmt: skip
    between = [number for number in numbers if number is not None]
    there = _closed(session, between)
    steps = []
    for number in between:
        one = there[number]
        tree = trees.of(session, one.batch, one.root)
        steps.append(form.Link(one.root.hex(), tree.size, tree.before.hex(), tree.proof(0)))
    return form.Links(there[between[0]].index, steps) if between else None


def _whose(session: Session, person_id: UUID, sealing_key: bytes) -> form.Whose | None:
    sealed = session.scalar(sa.select(SubjectKey.sealed).where(SubjectKey.person_id == person_id))
    return (
        None if sealed is None else form.Whose(person_id, sealing.unseal(sealed, sealing_key, bound(person_id)).hex())
    )


def _devices(session: Session, sittings: Sequence[UUID]) -> list[form.Device]:
    rows = session.execute(DEVICES, {"sittings": list(sittings)})
    return [form.Device(row.id, *((row.jwk["x"], row.jwk["y"]) if row.jwk else (None, None))) for row in rows]


def _policies(session: Session, digests: Collection[str | None]) -> dict[str, str]:
    rows = session.execute(
        sa.text("SELECT digest, canonical FROM elearn.watch_policy WHERE digest = ANY (:digests) ORDER BY digest"),
        {"digests": [one for one in digests if one]},
    )
    return {row.digest: row.canonical for row in rows}
