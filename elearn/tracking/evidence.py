"""What is shown of a sitting to an auditor, and one report judged again from what is kept. Pure.

Nothing here takes a stored verdict's word: the bytes are hashed, the signature is tried, the decision is taken once
more by the functions that took it (`replay.py`), and the credit is compared with the ledger's rows. What disagrees is
named. Codes are MODEL's, verbatim: not for learners.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from elearn.clock import to_ms
from elearn.errors import Malformed
from elearn.tracking import replay
from elearn.tracking.messages import claim_in, signature_holds
from elearn.tracking.policy import Policy
from elearn.tracking.verifier import Refusal, Verdict
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
    state: str
    """pending, final or reversal."""
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


class Kept(Protocol):
    """A row of `report`, with its statement's bytes."""

    id: UUID
    seq: int
    sha256: bytes
    prev: bytes | None
    sig: bytes | None
    nonce: str
    statement_id: UUID
    tau_ms: int
    sent_cm_ms: int
    refused_as: str | None
    chain_broken: bool
    credited: list[list[Any]]
    refused: list[list[Any]]
    seen: Mapping[str, Any] | None
    raw: str | None
    in_record_store: bool


@dataclass(frozen=True, slots=True)
class Before:
    """How the report before left the sitting: its number, its digest and the state that the next one must see."""

    seq: int
    sha256: bytes
    state: tuple[Any, ...]


def account_of(
    row: Kept,
    sitting_id: UUID,
    spans: Sequence[BelievedPart],
    key: EllipticCurvePublicKey | None,
    policy: Policy | None,
    before: Before | None,
) -> tuple[ReportAccount, Before | None]:
    """One report explained, and what its successor must find; `policy` is what `row.seen` names, None: unknown."""
    differences: list[str] = []
    if row.raw is None:
        differences.append("the statement is missing from the record store")
    elif sha256(row.raw.encode()).digest() != row.sha256:
        differences.append("the statement's bytes do not have the digest that was kept")
    claim = _claim(row.raw, row.sent_cm_ms)
    after: Before | None = None
    if row.refused_as is None:
        verdict = _again(row, claim, policy, differences)
        if verdict is not None:
            after = _compare(row, verdict, before, differences)
        if before is not None and before.seq == row.seq - 1 and row.chain_broken == (row.prev == before.sha256):
            differences.append("the mark of a broken chain does not fit the digests")
        _against_ledger(row, spans, differences)
    signature = _signature(row, sitting_id, key)
    if signature == "broken" and row.refused_as is None:
        differences.append("the signature does not hold")
    refused = tuple(RefusedPart(int(start), int(end), str(code)) for start, end, code in row.refused)
    codes = [row.refused_as] if row.refused_as else [part.code for part in refused]
    return (
        ReportAccount(
            id=row.id,
            seq=row.seq,
            heard_ms=row.tau_ms,
            event=_event(row.raw),
            claim=claim,
            refused_as=row.refused_as,
            believed=tuple(spans) if spans else _as_kept(row),
            refused=refused,
            rules=tuple(dict.fromkeys(codes)),
            statement_id=row.statement_id,
            in_record_store=row.in_record_store,
            sha256=row.sha256.hex(),
            prev=None if row.prev is None else row.prev.hex(),
            chain_intact=not row.chain_broken,
            nonce=row.nonce,
            sig=(row.sig or b"").hex(),
            signature=signature,
            saw=_saw(row, claim, policy),
            differences=tuple(differences),
        ),
        after,
    )


def _claim(raw: str | None, sent_cm_ms: int) -> Claim | None:
    if raw is None:
        return None
    try:
        return claim_in(raw, sent_cm_ms)[0]
    except Malformed:
        return None


def _event(raw: str | None) -> str:
    """The player's word for what happened; it decides nothing."""
    found = _EVENT.search(raw or "")
    return found[1] if found else ""


_EVENT = re.compile(r'"event"\s*:\s*"(\w{1,32})"')


def _again(row: Kept, claim: Claim | None, policy: Policy | None, differences: list[str]) -> Verdict | None:
    """The decision, taken once more; None, and a difference, when something it needs is gone."""
    if row.seen is None:
        differences.append("what the decision saw is missing")
    elif policy is None:
        differences.append(f"the rules it was decided by are unknown: {row.seen.get('policy')}")
    elif claim is not None:
        return replay.again(claim, row.tau_ms, row.seen, policy)
    return None


def _compare(row: Kept, verdict: Verdict, before: Before | None, differences: list[str]) -> Before:
    """Credit, refusals and the state seen, against the decision taken again."""
    assert row.seen is not None
    if row.credited != replay.credited_rows(verdict):
        differences.append(f"replay believes {replay.credited_rows(verdict)}, kept is {row.credited}")
    if row.refused != replay.refused_rows(verdict):
        differences.append(f"replay refuses {replay.refused_rows(verdict)}, kept is {row.refused}")
    # The end of a sitting comes from outside; all else is as the report before left it.
    saw = tuple(row.seen["sitting"][:-1])
    if before is not None and before.seq == row.seq - 1 and before.state != saw:
        differences.append("it saw the sitting in another state than the report before left it in")
    _sitting, _learner, unit = replay.unpack(row.seen)
    left = replay.pack(verdict.sitting, verdict.learner, unit, "")["sitting"][:-1]
    return Before(row.seq, row.sha256, tuple(left))


def _against_ledger(row: Kept, spans: Sequence[BelievedPart], differences: list[str]) -> None:
    """The ledger's pending rows of a statement are what its report was credited."""
    earned = sorted([one.start_ms, one.end_ms, one.on.isoformat(), one.late] for one in spans)
    if earned != sorted(part[:4] for part in row.credited):
        differences.append(f"the ledger holds {earned}, the report was credited {row.credited}")


def _as_kept(row: Kept) -> tuple[BelievedPart, ...]:
    """What the report says it was credited, when the ledger has no row of it."""
    return tuple(
        BelievedPart(int(start), int(end), date.fromisoformat(on), bool(late), "missing", None, None, None)
        for start, end, on, late, *_rest in row.credited
    )


def _signature(row: Kept, sitting_id: UUID, key: EllipticCurvePublicKey | None) -> str:
    if not row.sig:
        return "unsigned"
    if key is None or row.raw is None:
        return "untried"
    return "holds" if signature_holds(key, row.sig, str(sitting_id), row.nonce, row.raw) else "broken"


def _saw(row: Kept, claim: Claim | None, policy: Policy | None) -> Saw | None:
    if row.seen is None or policy is None or claim is None:
        return None
    sitting, learner, unit = replay.unpack(row.seen)
    verdict = replay.again(claim, row.tau_ms, row.seen, policy)
    real_ms = verdict.sitting.e_ms - sitting.e_ms
    return Saw(
        e_ms=sitting.e_ms,
        real_ms=real_ms,
        carry_ms=sitting.carry_ms,
        budget_ms=min(sitting.carry_ms, policy.carry_max_ms) + policy.worth_ms(real_ms),
        gap_late_ms=sitting.gap_late_ms,
        ended_ms=sitting.ended_ms,
        frontier_ms=unit.frontier_ms,
        pending_ms=learner.pending_ms,
        held=learner.held,
        used_ms={on.isoformat(): use.used_ms for on, use in sorted(learner.days.items())},
    )


def epoch_ms(moment: datetime) -> int:
    """Whole milliseconds of a moment that came in the database session's zone."""
    return to_ms(moment.astimezone(UTC))
