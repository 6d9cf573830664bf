"""A small log of hours with a key, and two witnesses who cosign whatever they are shown. Only for tests of formats:
what a real witness refuses has tests of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.hours_proof import HoursProof
from elearn.credit_export.ledger.leaves import Leaf, digest, encode
from elearn.credit_export.ledger.notes import Note, Signer
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.tree import leaf_hash
from tests.credit_export.ledger.formats.growing import Grown
from tests.credit_export.ledger.formats.leaf_samples import a_credit

ORIGIN = "hours.example/ledger/2026"
LOG = Signer.ed25519(ORIGIN, b"l" * 32)
EXAM = Signer.cosigner("exam.example/witness", b"e" * 32)
REGULATOR = Signer.mldsa44_cosigner("regulator.example/witness", b"r" * 32)
WITNESSES = (EXAM, REGULATOR)
POLICY = (
    f"log {LOG.verifier.vkey}\n"
    f"witness exam {EXAM.verifier.vkey}\n"
    f"witness regulator {REGULATOR.verifier.vkey}\n"
    "group both all exam regulator\n"
    "quorum both\n"
)
TRUST = Trust.read(POLICY)
NOW_S = 1_800_000_000
OTHER_SUB = "XIun31tHEIuizlRuUH2UkA"


def chain(count: int) -> list[Leaf]:
    """So many blocks of ten minutes, one after the other, of one subject."""
    leaves: list[Leaf] = []
    for n in range(1, count + 1):
        prev = digest(leaf_hash(encode(leaves[-1]))) if leaves else None
        span = ((n - 1) * 600_000, n * 600_000)
        leaves.append(a_credit(n=n, span=span, total=n * 600_000, prev=prev))
    return leaves


@dataclass
class ALog:
    """Entries, and what is said of them."""

    entries: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, leaves: Iterable[Leaf]) -> ALog:
        return cls([encode(leaf) for leaf in leaves])

    @property
    def tree(self) -> Grown:
        return Grown(self.entries)

    def checkpoint(self) -> Checkpoint:
        tree = self.tree.tree
        return Checkpoint(ORIGIN, tree.size, tree.root())

    def note(self, *, log: Signer = LOG, witnesses: Iterable[Signer] = WITNESSES, at_s: int = NOW_S) -> Note:
        text = self.checkpoint().text()
        return Note(text, tuple(signer.sign(text, at_s) for signer in (log, *witnesses)))

    def proof(
        self, index: int, *, log: Signer = LOG, witnesses: Iterable[Signer] = WITNESSES, at_s: int = NOW_S
    ) -> HoursProof:
        note = self.note(log=log, witnesses=witnesses, at_s=at_s)
        return HoursProof.made(self.entries[index], index, len(self.entries), self.tree, note)
