"""The end of a log: leaves are added here and nowhere else, numbered and chained.

Whoever appends holds the lock of `alone` until the transaction ends, so there is one end. The chains of all subjects
that a batch is about are read in one query, the leaves are written by one COPY: what a leaf costs does not grow with
the log.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms, to_ms
from elearn.credit_export.ledger.leaves import Attend, Chained, Credit, Leaf, Unit, Void, digest, encode
from elearn.credit_export.ledger.leaves import Evidence as EvidenceLeaf
from elearn.credit_export.ledger.leaves import Policy as PolicyLeaf
from elearn.credit_export.ledger.models import LedgerLeaf
from elearn.credit_export.ledger.tree import leaf_hash
from elearn.tracking.standing import driver

ALONE = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('elearn log of hours', 0))")

COLUMNS = (
    "origin", "index", "kind", "raw", "hash", "at", "sub", "n", "counts_as", "ms", "total", "names", "from_ms",
    "to_ms", "batch", "watched_span_id", "attendance_line_id", "voids_index",
)  # fmt: skip
COPY = f"COPY elearn.ledger_leaf ({', '.join(COLUMNS)}) FROM STDIN"

CHAINS = sa.text("""
SELECT s.sub, t.n, t.hash FROM unnest(CAST(:subs AS text[])) AS s(sub)
CROSS JOIN LATERAL (SELECT n, hash FROM elearn.ledger_leaf l WHERE l.origin = :origin AND l.sub = s.sub
                    AND l.n IS NOT NULL ORDER BY l.n DESC LIMIT 1) t
""")
TOTALS = sa.text("""
SELECT s.sub, c.counts_as, t.total FROM unnest(CAST(:subs AS text[])) AS s(sub)
CROSS JOIN unnest(CAST(:counts AS text[])) AS c(counts_as)
CROSS JOIN LATERAL (SELECT total FROM elearn.ledger_leaf l WHERE l.origin = :origin AND l.sub = s.sub
                    AND l.counts_as = c.counts_as AND l.n IS NOT NULL ORDER BY l.n DESC LIMIT 1) t
""")
COUNTS_AS = tuple(f"{modality}/{kind}" for modality in ("online", "offline") for kind in ("theory", "practice"))
"""What a total adds up: one modality and kind."""


def alone(session: Session) -> bool:
    """Hold the end of all logs until this transaction ends; False when somebody else does."""
    return bool(session.scalar(ALONE))


@dataclass(frozen=True, slots=True)
class Standing:
    """A leaf that stands in a log: what a void needs to know of it."""

    origin: str
    index: int
    hash: bytes
    sub: str
    counts_as: str
    ms: int

    @classmethod
    def joined(cls, row: Any) -> Standing | None:
        """The leaf that was joined to a row; None: there is none."""
        if row.origin is None:
            return None
        return cls(row.origin, row.place, bytes(row.hash), row.sub, row.counts_as, row.leaf_ms)


@dataclass(slots=True)
class Log:
    """The end of one log. Leaves are added in memory; `flush` writes them."""

    session: Session
    origin: str
    size: int
    at: datetime
    """When these leaves are appended: now, but never before the leaf before."""
    _tails: dict[str, tuple[int, str]] = field(default_factory=dict)
    _totals: dict[tuple[str, str], int] = field(default_factory=dict)
    _rows: list[tuple[object, ...]] = field(default_factory=list)

    @classmethod
    def end_of(cls, session: Session, origin: str, *, now: datetime) -> Log:
        """Raises nothing; a log without leaves begins here. The caller is `alone`."""
        last = session.execute(
            sa.select(LedgerLeaf.index.label("place"), LedgerLeaf.at)
            .where(LedgerLeaf.origin == origin)
            .order_by(LedgerLeaf.index.desc())
            .limit(1)
        ).one_or_none()
        at = now if last is None else max(now, last.at)
        return cls(session, origin, last.place + 1 if last else 0, from_ms(to_ms(at)).astimezone(UTC))

    def read_chains(self, subs: Collection[str]) -> None:
        """Take up the chains of these subjects, before leaves are added to them."""
        values = {"origin": self.origin, "subs": list(subs), "counts": list(COUNTS_AS)}
        for sub, n, hash_ in self.session.execute(CHAINS, values):
            self._tails[sub] = (n, digest(hash_))
        for sub, counts_as, total in self.session.execute(TOTALS, values):
            self._totals[sub, counts_as] = total

    def names(self, candidates: Collection[str]) -> set[str]:
        """Which of these units and policies the log has named."""
        asked = sa.select(LedgerLeaf.names).where(
            LedgerLeaf.origin == self.origin, LedgerLeaf.names.in_(list(candidates))
        )
        return {name for name in self.session.scalars(asked) if name is not None}

    def evidence(self, leaf: EvidenceLeaf, *, batch: int) -> None:
        self._add("evidence", leaf, from_ms=to_ms(leaf.from_), to_ms=to_ms(leaf.to), batch=batch)

    def name(self, leaf: Unit | PolicyLeaf) -> None:
        """Say what credit leaves after it mean."""
        if isinstance(leaf, Unit):
            self._add("unit", leaf, names=leaf.unit)
        else:
            self._add("policy", leaf, names=leaf.pol)

    def credit(
        self,
        sub: str,
        counts_as: str,
        span_id: UUID,
        *,
        unit: str,
        span: tuple[int, int],
        ms: int,
        day: date,
        ev: str,
        pol: str,
    ) -> Standing:
        """The next leaf of a chain; what a credit leaf says beside these, the chain gives."""
        total = self._totals.get((sub, counts_as), 0) + ms
        n, prev = self._tails.get(sub, (0, None))
        leaf = Credit(
            n=n + 1, sub=sub, unit=unit, span=span, ms=ms, day=day, total=total, prev=prev, ev=ev, pol=pol, at=self.at
        )
        return self._chain("credit", leaf, counts_as, ms, span_id)

    def attend(
        self,
        sub: str,
        counts_as: str,
        line_id: UUID,
        *,
        class_: str,
        kind: str,
        from_: datetime,
        to: datetime,
        ms: int,
        day: date,
        doc: str,
        by: tuple[str, str],
    ) -> Standing:
        """The next leaf of a chain, of hours on site."""
        total = self._totals.get((sub, counts_as), 0) + ms
        n, prev = self._tails.get(sub, (0, None))
        leaf = Attend(
            n=n + 1, sub=sub, class_=class_, kind=kind, from_=from_, to=to, ms=ms, day=day, total=total, prev=prev,
            doc=doc, by=by, at=self.at,
        )  # fmt: skip
        return self._chain("attend", leaf, counts_as, ms, None, attendance_line_id=line_id)

    def void(
        self, taken: Standing, span_id: UUID | None, *, why: str, by: tuple[str, str], line_id: UUID | None = None
    ) -> Standing:
        """Take a leaf of this log back, because of a row of watching or a line of attendance."""
        total = self._totals[taken.sub, taken.counts_as] - taken.ms
        n, prev = self._tails[taken.sub]
        leaf = Void(n=n + 1, sub=taken.sub, ref=digest(taken.hash), total=total, prev=prev, why=why, by=by, at=self.at)
        return self._chain(
            "void", leaf, taken.counts_as, -taken.ms, span_id, voids_index=taken.index, attendance_line_id=line_id
        )

    def flush(self) -> int:
        """Write the leaves; answers how many."""
        if not self._rows:
            return 0
        with driver(self.session).cursor() as cursor, cursor.copy(COPY) as copy:
            for row in self._rows:
                copy.write_row(row)
        written = len(self._rows)
        self._rows.clear()
        return written

    def _chain(
        self, kind: str, leaf: Chained, counts_as: str, ms: int, span_id: UUID | None, **columns: object
    ) -> Standing:
        index, hash_ = self._add(
            kind, leaf, sub=leaf.sub, n=leaf.n, counts_as=counts_as, ms=ms, total=leaf.total, watched_span_id=span_id,
            **columns,
        )  # fmt: skip
        self._tails[leaf.sub] = (leaf.n, digest(hash_))
        self._totals[leaf.sub, counts_as] = leaf.total
        return Standing(self.origin, index, hash_, leaf.sub, counts_as, ms)

    def _add(self, kind: str, leaf: Leaf, **columns: object) -> tuple[int, bytes]:
        raw = encode(leaf)
        index, hash_ = self.size, leaf_hash(raw)
        row = {"origin": self.origin, "index": index, "kind": kind, "raw": raw.decode(), "hash": hash_, "at": self.at}
        row |= columns
        self._rows.append(tuple(row.get(name) for name in COLUMNS))
        self.size += 1
        return index, hash_
