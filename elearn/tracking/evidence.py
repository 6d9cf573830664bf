"""What is shown of a sitting to an auditor: the sitting, its reports, keys, licences and checks. Pure values.

Times are epoch milliseconds, media whole milliseconds. Codes are MODEL's, verbatim: not for learners.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from elearn.tracking.verifier import Refusal
from elearn.tracking.verifier import Report as Claim

RULES: Mapping[Refusal, str] = {
    Refusal.BAD_TOKEN: "The statement is not about this sitting's learner, lesson and sitting.",
    Refusal.BAD_SIGNATURE: "The signature is not the device's over these bytes.",
    Refusal.STALE: "The nonce was not one of the last issued.",
    Refusal.FORK: "Another report was decided under this number, or other bytes stand under its id.",
    Refusal.SEQ_TOO_FAR: "Its number is too far ahead of the last one decided.",
    Refusal.OUT_OF_RANGE: "It claims media outside the lesson.",
    Refusal.CLOCK_FAST: "The device's clock ran faster than the server's, or backwards.",
    Refusal.TOO_LATE: "It was older on arrival than a queue may be (LATE_AGE).",
    Refusal.RATE: "More media than its own playing time holds (RATE_MAX).",
    Refusal.OVER_BUDGET: "More media than the server's time since the last report allows.",
    Refusal.SUPERSEDED: "It was played after another sitting took over, or after the end.",
    Refusal.HIDDEN: "The page was hidden for longer than the grace.",
    Refusal.FORWARD_SEEK: "It begins ahead of what was watched in order.",
    Refusal.NOT_DELIVERED: "The key of this part was not handed out before.",
    Refusal.NOT_SHOWN: "It is about another page than the one that was shown.",
    Refusal.IDLE: "Nothing on the page had been touched for longer than the limit.",
    Refusal.OFFLINE_LIMIT: "More than one gap, or one day, may bring in late.",
    Refusal.DAY_CAP: "The day's limit was reached.",
    Refusal.PRESENCE_REQUIRED: "A check was owed first: held, or too much was waiting.",
    Refusal.PRESENCE_FAILED: "Taken back: the check was failed or not answered in time.",
    Refusal.PRESENCE_EXPIRED: "Taken back: it waited for a check for too long (PEND_AGE).",
    Refusal.DUPLICATE: "Sent again; decided before.",
    Refusal.ALREADY_CREDITED: "Watched before; it counts once.",
}
"""What each rule of MODEL 1.2 found, in a sentence; the sentences are message ids of the catalogues."""


@dataclass(frozen=True, slots=True)
class SittingHead:
    """One sitting as a whole, with sums over all its reports. Times are epoch milliseconds, media milliseconds."""

    id: UUID
    learner_id: UUID
    unit_id: UUID
    unit_title: str
    unit_version: int
    duration_ms: int
    course_title: str
    institution: str
    region: str | None
    class_no: str | None
    device: str | None
    """Thumbprint of the key that signs; None: opened by a browser that could not sign."""
    player: str
    opened_ms: int
    ended_ms: int | None
    ended_reason: str | None
    expires_ms: int
    cm_open_ms: int
    policy_digest: str
    policy: Mapping[str, Any]
    """The values behind the digest."""
    decided: int
    undecided: int
    """Reports kept as evidence only: they never came to a decision."""
    odd: int
    """Reports of which something was refused or which are not in order."""
    chain_broken: int
    credited_ms: int
    final_ms: int
    """Of what was credited, what stands behind a passed check and was not taken back."""
    taken_back_ms: int
    refused_ms: Mapping[str, int]
    """Media refused in decided reports, by code."""


@dataclass(frozen=True, slots=True)
class BelievedPart:
    """Media that a report added, and what became of it."""

    start_ms: int
    end_ms: int
    on: date
    late: bool
    excess_ms: int
    """Of it, what was beyond real time and is worth no hours, where the rules say so."""
    state: str
    """pending, final, reversal, or missing: the ledger has no such row."""
    reason: str | None
    """Why it was taken back."""
    check_id: UUID | None
    """The check that made it final or took it back."""
    settled_ms: int | None


@dataclass(frozen=True, slots=True)
class RefusedPart:
    """Claimed media that this report did not add, with the code that decided."""

    start_ms: int
    end_ms: int
    code: str


@dataclass(frozen=True, slots=True)
class Saw:
    """What the decision started from (MODEL 1.2): enough to follow it with a pencil."""

    e_ms: int
    """Up to here the sitting's real time was used up before this report."""
    real_ms: int
    """Real time that this report may use (W)."""
    carry_ms: int
    budget_ms: int
    """Media that the carry and that real time are worth."""
    gap_late_ms: int
    ended_ms: int | None
    frontier_ms: int
    pending_ms: int
    held: bool
    used_ms: Mapping[str, int]
    """By local day."""


@dataclass(frozen=True, slots=True)
class ReportAccount:
    """One report: claim, decision, evidence, and whether all of it agrees."""

    id: UUID
    seq: int
    heard_ms: int
    event: str
    claim: Claim | None
    """None: its bytes are gone, or hold no report."""
    refused_as: str | None
    """Set when it never came to a decision."""
    believed: tuple[BelievedPart, ...]
    refused: tuple[RefusedPart, ...]
    rules: tuple[str, ...]
    """Codes that decided, in order; none: everything claimed was believed."""
    statement_id: UUID
    in_record_store: bool
    sha256: str
    prev: str | None
    chain_intact: bool
    nonce: str
    sig: str
    signature: str
    """holds, broken, unsigned, or untried (the device's key or the bytes are gone)."""
    saw: Saw | None
    differences: tuple[str, ...]
    """What disagrees with what is kept; empty is the good answer."""

    @property
    def credited_ms(self) -> int:
        return sum(part.end_ms - part.start_ms for part in self.believed)


@dataclass(frozen=True, slots=True)
class KeyGiven:
    """A block's key: from this moment on its media counted as delivered."""

    block: int
    start_ms: int
    end_ms: int
    given_ms: int


@dataclass(frozen=True, slots=True)
class LicenceGiven:
    """All keys of the unit, sealed to a device for offline study."""

    id: UUID
    device: str
    agreement: str
    """Thumbprint of the key it is sealed to."""
    issued_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class CheckPut:
    """A presence check put in this sitting; it may ask about another unit that was waiting too."""

    id: UUID
    number: int
    method: str
    unit_id: UUID
    from_ms: int
    to_ms: int
    put_ms: int
    deadline_ms: int
    tries: int
    outcome: str | None
    decided_ms: int | None


@dataclass(frozen=True, slots=True)
class SittingLine:
    """A sitting in a list."""

    id: UUID
    opened_ms: int
    ended_ms: int | None
    ended_reason: str | None
    device: str | None
    player: str
    decided: int
    undecided: int
    learner_id: UUID
    learner_name: str
    unit_title: str
    course_title: str
    institution: str
    credited_ms: int


@dataclass(frozen=True, slots=True)
class LearnerLine:
    """A person who ever opened a sitting."""

    id: UUID
    name: str
    sittings: int
    last_opened_ms: int
