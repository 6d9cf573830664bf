"""A log filled with leaves of hours that follow all rules, for tests that then break one.

book = ALedger(); book.opens(); book.minute(); book.credit("ada", 0, 600_000); book.void("ada")
book.log.publish(directory)
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from elearn.credit_export.ledger.leaves import (
    Attend,
    Chained,
    Credit,
    Evidence,
    Leaf,
    Policy,
    Unit,
    Void,
    digest,
    encode,
)
from elearn.credit_export.ledger.monitor.auditing import local_day
from elearn.credit_export.ledger.tree import EMPTY, leaf_hash
from tests.credit_export.ledger.a_log import AT_S, ALog

NAMES = UUID(int=5)
MINUTE = timedelta(minutes=1)
POLICY = digest(hashlib.sha256(b"policy").digest())
HOUR_MS = 3_600_000
BEGIN = datetime.fromtimestamp(AT_S - 86_400, UTC)
"""A day before the checkpoint is signed."""


def a_sub(person: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(person.encode()).digest()[:16]).decode().rstrip("=")


def a_unit(name: str = "first") -> str:
    return f"urn:elearn:unit:{uuid5(NAMES, name)}"


def a_digest(text: str) -> str:
    return digest(hashlib.sha256(text.encode()).digest())


class ALedger:
    """Leaves in order, with the chains kept. Every method adds one leaf and answers it."""

    def __init__(self, log: ALog | None = None, *, at: datetime = BEGIN) -> None:
        self.log = log or ALog()
        self.at = at
        """When the next leaf is appended."""
        self.leaves: list[Leaf] = []
        self.kinds: dict[str, str] = {}
        self.totals: dict[tuple[str, str], int] = {}
        self.chains: dict[str, list[tuple[Chained, bytes, str]]] = {}
        """Person -> (leaf, hash, what it counts as)."""
        self.root = EMPTY
        self.last_to = at - MINUTE

    def add(self, leaf: Leaf) -> Leaf:
        self.leaves.append(leaf)
        self.log.append(encode(leaf))
        return leaf

    def opens(self) -> None:
        """The rules, two units, and a minute of evidence."""
        self.policy()
        self.unit("first")
        self.unit("second", kind="practice")
        self.minute()

    def policy(self, pol: str = POLICY) -> Leaf:
        return self.add(Policy(pol=pol, at=self.at))

    def unit(self, name: str = "first", *, ms: int = HOUR_MS, kind: str = "theory", **other: Any) -> Leaf:
        self.kinds[a_unit(name)] = kind
        members = {
            "unit": a_unit(name),
            "lesson": f"urn:elearn:lesson:{uuid5(NAMES, name)}",
            "version": 1,
            "ms": ms,
            "hash": a_digest(name),
            "item": None,
            "kind": kind,
            "at": self.at,
        }
        return self.add(Unit(**{**members, **other}))

    def minute(self, rows: int = 3, **other: Any) -> Leaf:
        """A minute passes, and something was heard in it."""
        self.at += MINUTE
        rest = [leaf_hash(f"{self.at} {row}".encode()) for row in range(rows)]
        root = hashlib.sha256(b"".join((leaf_hash(self.root), *rest))).digest() if rest else leaf_hash(self.root)
        leaf = Evidence(**{"root": digest(root), "count": rows, "from_": self.last_to, "to": self.at, **other})
        self.root, self.last_to = bytes.fromhex(leaf.root.removeprefix("sha256:")), leaf.to
        return self.add(leaf)

    def credit(self, person: str, begin: int, end: int, *, unit: str = "first", **other: Any) -> Leaf:
        counts_as = f"online/{self.kinds.get(a_unit(unit), 'theory')}"
        members = {
            **self._chained(person, counts_as, other.get("ms", end - begin)),
            "unit": a_unit(unit),
            "span": (begin, end),
            "ms": end - begin,
            "day": local_day(self.at),
            "ev": digest(self.root),
            "pol": POLICY,
        }
        return self._chain(person, Credit(**{**members, **other}), counts_as)

    def attend(self, person: str, hours: int = 4, *, kind: str = "practice", ago: int = 1, **other: Any) -> Leaf:
        """`ago` days before now, from nine o'clock in China on."""
        begin = (self.at - timedelta(days=ago)).replace(hour=1, minute=0, second=0, microsecond=0)
        counts_as = f"offline/{kind}"
        members = {
            **self._chained(person, counts_as, other.get("ms", hours * HOUR_MS)),
            "class_": f"urn:elearn:class:{uuid5(NAMES, 'class')}",
            "kind": kind,
            "from_": begin,
            "to": begin + timedelta(hours=hours),
            "ms": hours * HOUR_MS,
            "day": local_day(begin),
            "doc": a_digest("list"),
            "by": ("teacher", "manager"),
        }
        return self._chain(person, Attend(**{**members, **other}), counts_as)

    def void(self, person: str, place: int = -1, **other: Any) -> Leaf:
        """Take back the leaf at that place of the person's chain."""
        taken, hash_, counts_as = self.chains[person][place]
        ms = 0 if isinstance(taken, Void) else taken.ms
        members = {
            **self._chained(person, counts_as, -ms),
            "ref": digest(hash_),
            "why": "wrong_person",
            "by": ("officer-one", "officer-two"),
        }
        return self._chain(person, Void(**{**members, **other}), counts_as)

    def _chained(self, person: str, counts_as: str, ms: int) -> dict[str, Any]:
        chain = self.chains.setdefault(person, [])
        return {
            "n": len(chain) + 1,
            "sub": a_sub(person),
            "total": max(0, self.totals.get((person, counts_as), 0) + ms),
            "prev": digest(chain[-1][1]) if chain else None,
            "at": self.at,
        }

    def _chain(self, person: str, leaf: Chained, counts_as: str) -> Leaf:
        self.chains[person].append((leaf, leaf_hash(encode(leaf)), counts_as))
        self.totals[person, counts_as] = leaf.total
        return self.add(leaf)


def changed(leaf: Any, **members: Any) -> Any:
    """The leaf with other members."""
    return replace(leaf, **members)
