"""What an exam system checks for itself, offline: that these hours are in the log, and that the log is one.

    FILE    the leaf's line of JSON, an empty line, a tlog-proof

Seven things can be wrong, and each has its word: the log did not sign it; nobody enough cosigned it; that was too long
ago; it does not go together with the checkpoint seen before; the leaf is not in it; it is no leaf; it is another
subject's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.leaves import Leaf, LeafRefused, read
from elearn.credit_export.ledger.notes import Note, NoteRefused
from elearn.credit_export.ledger.quorum import Distrusted, Trust
from elearn.credit_export.ledger.tlog_proof import TlogProof
from elearn.credit_export.ledger.tree import (
    Node,
    ProofRefused,
    inclusion_proof,
    leaf_hash,
    require_consistency,
    require_inclusion,
)

StoredCheckpoint = Checkpoint
"""What whoever checks has kept of the newest checkpoint of this log that they believed: name, size and root."""


class Reason(StrEnum):
    """Why a proof of hours is refused: the words of the cases L01 to L15."""

    LOG_SIGNATURE = "log signature"
    QUORUM = "quorum"
    STALE = "stale"
    CONSISTENCY = "consistency"
    INCLUSION = "inclusion"
    LEAF = "leaf"
    SUBJECT = "subject"


class HoursProofRefused(Exception):
    """The proof does not show these hours."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class HoursProof:
    """A file that was read; nothing of it is shown yet."""

    entry: bytes
    """What is in the log: a leaf, if all is well."""
    proof: TlogProof

    @classmethod
    def read(cls, text: str | bytes) -> HoursProof:
        """Raises HoursProofRefused (inclusion) when it is no proof of anything."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        entry, empty, below = data.partition(b"\n\n")
        if not empty:
            raise HoursProofRefused(Reason.INCLUSION, "no empty line stands between leaf and proof")
        try:
            return cls(entry, TlogProof.read(below.decode()))
        except (NoteRefused, UnicodeError) as error:
            raise HoursProofRefused(Reason.INCLUSION, str(error)) from None

    @classmethod
    def made(cls, entry: bytes, index: int, size: int, node: Node, note: Note) -> HoursProof:
        """That `entry` is leaf `index` of the tree of `size` leaves whose checkpoint is `note`."""
        return cls(entry, TlogProof(index, inclusion_proof(index, size, node), note))

    def write(self) -> str:
        return f"{self.entry.decode()}\n\n{self.proof.write()}"


def require_hours_proof(
    text: str | bytes,
    *,
    trust: Trust,
    subject: str | None,
    now_s: int,
    max_age_s: int | None,
    stored: StoredCheckpoint | None,
    consistency: Sequence[bytes] = (),
) -> Leaf:
    """The leaf that this file shows to be in the log; raises HoursProofRefused.

    `subject`: whose hours they should be, None when that does not matter. `max_age_s`: how long ago a quorum may have
    cosigned the checkpoint, None when that does not matter. `stored`: the checkpoint of this log that was believed
    before, and `consistency` the proof that one of the two trees begins with the other, whichever is larger.
    """
    file = HoursProof.read(text)
    try:
        checkpoint = trust.require(file.proof.note, now_s=now_s, max_age_s=max_age_s)
    except Distrusted as doubt:
        raise HoursProofRefused(Reason(doubt.reason), doubt.detail) from None
    if stored is not None:
        require_one_history(stored, checkpoint, consistency)
    require_in_log(file, checkpoint)
    try:
        leaf = read(file.entry)
    except LeafRefused as error:
        raise HoursProofRefused(Reason.LEAF, str(error)) from None
    if subject is not None and getattr(leaf, "sub", None) != subject:
        raise HoursProofRefused(Reason.SUBJECT, "these are not the hours of that subject")
    return leaf


def require_in_log(file: HoursProof, checkpoint: Checkpoint) -> None:
    """The entry is in the tree of this checkpoint; raises HoursProofRefused."""
    proof = file.proof
    try:
        require_inclusion(leaf_hash(file.entry), proof.index, checkpoint.size, proof.path, checkpoint.root)
    except ProofRefused as error:
        raise HoursProofRefused(Reason.INCLUSION, str(error)) from None


def require_one_history(one: Checkpoint, other: Checkpoint, consistency: Sequence[bytes]) -> None:
    """Of two checkpoints of one log, the larger tree begins with the smaller; raises HoursProofRefused."""
    if one.origin != other.origin:
        raise HoursProofRefused(Reason.CONSISTENCY, f"{one.origin} and {other.origin} are two logs")
    old, new = sorted((one, other), key=lambda checkpoint: checkpoint.size)
    try:
        require_consistency(old.size, old.root, new.size, new.root, consistency)
    except ProofRefused as error:
        raise HoursProofRefused(Reason.CONSISTENCY, str(error)) from None
