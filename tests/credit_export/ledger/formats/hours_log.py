"""A small log of hours with a key, and two witnesses who cosign whatever they are shown. Only for tests of formats:
what a real witness refuses has tests of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from elearn.credit_export.ledger.hours_proof import HoursProof
from elearn.credit_export.ledger.leaves import Leaf, digest, encode
from elearn.credit_export.ledger.notes import Signer
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.tree import leaf_hash
from tests.credit_export.ledger.a_log import AT_S, ORIGIN, ALog
from tests.credit_export.ledger.formats.leaf_samples import a_credit

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
NOW_S = AT_S
OTHER_SUB = "XIun31tHEIuizlRuUH2UkA"


def chain(count: int) -> list[Leaf]:
    """So many blocks of ten minutes, one after the other, of one subject."""
    leaves: list[Leaf] = []
    for n in range(1, count + 1):
        prev = digest(leaf_hash(encode(leaves[-1]))) if leaves else None
        span = ((n - 1) * 600_000, n * 600_000)
        leaves.append(a_credit(n=n, span=span, total=n * 600_000, prev=prev))
    return leaves


class HoursLog(ALog):
    """A log of these entries that proves hours, cosigned by both witnesses unless it is said otherwise."""

    def __init__(
        self, entries: Iterable[bytes] = (), *, signer: Signer = LOG, witnesses: Sequence[Signer] = WITNESSES
    ) -> None:
        super().__init__(ORIGIN, signer=signer, witnesses=witnesses)
        self.append(*entries)

    @classmethod
    def of(cls, leaves: Iterable[Leaf]) -> HoursLog:
        return cls(encode(leaf) for leaf in leaves)

    def proof(self, index: int, *, at_s: int = NOW_S) -> HoursProof:
        return HoursProof.made(self.entries[index], index, self.size, self.node, self.note(at_s=at_s))
