"""One report judged again from what is kept of it, for `explain.py`. Pure.

Nothing here takes a stored verdict's word: the bytes are hashed, the signature is tried, the decision is taken once
more by the functions that took it (`replay.py`), and the credit is compared with the ledger's rows. What disagrees is
named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from elearn.errors import Malformed
from elearn.people.signatures import signature_holds
from elearn.tracking import page_rules, replay
from elearn.tracking.evidence import BelievedPart, RefusedPart, ReportAccount, Saw
from elearn.tracking.messages import claim_in, signed_bytes
from elearn.tracking.page_rules import Budget
from elearn.tracking.policy import Policy
from elearn.tracking.verifier import Report as Claim
from elearn.tracking.verifier import SittingState, Verdict

_EVENT = re.compile(r'"event"\s*:\s*"(\w{1,32})"')


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
    """How the report before left the sitting: its number, its digest and the state that the next one must see.

    Without the sitting's end, which comes from outside.
    """

    seq: int
    sha256: bytes
    state: SittingState


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
    verdict: Verdict | None = None
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
            saw=_saw(row, verdict, policy),
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
    saw, _learner, _unit = replay.unpack(row.seen)
    if before is not None and before.seq == row.seq - 1 and before.state != replace(saw, ended_ms=None):
        differences.append("it saw the sitting in another state than the report before left it in")
    return Before(row.seq, row.sha256, replace(verdict.sitting, ended_ms=None))


def _against_ledger(row: Kept, spans: Sequence[BelievedPart], differences: list[str]) -> None:
    """The ledger's pending rows of a statement are what its report was credited."""
    earned = sorted(
        [one.start_ms, one.end_ms, one.on.isoformat(), one.late, *([one.excess_ms] if one.excess_ms else [])]
        for one in spans
    )
    if earned != sorted(row.credited):
        differences.append(f"the ledger holds {earned}, the report was credited {row.credited}")


def _as_kept(row: Kept) -> tuple[BelievedPart, ...]:
    """What the report says it was credited, when the ledger has no row of it."""
    return tuple(
        BelievedPart(int(start), int(end), date.fromisoformat(on), bool(late), sum(excess), "missing", None, None, None)
        for start, end, on, late, *excess in row.credited
    )


def _signature(row: Kept, sitting_id: UUID, key: EllipticCurvePublicKey | None) -> str:
    if not row.sig:
        return "unsigned"
    if key is None or row.raw is None:
        return "untried"
    signed = signed_bytes(str(sitting_id), row.nonce, row.raw)
    return "holds" if signature_holds(key, row.sig, signed) else "broken"


def _saw(row: Kept, verdict: Verdict | None, policy: Policy | None) -> Saw | None:
    if row.seen is None or policy is None or verdict is None:
        return None
    sitting, learner, unit = replay.unpack(row.seen)
    left = Budget(sitting.e_ms, sitting.carry_ms, sitting.real_carry_ms)
    if unit.page is not None:
        # As `verifier.apply` begins: a page has its own time, and is read at rate 1.
        policy, left = page_rules.at_rate_one(policy), page_rules.budget_on(unit.page, sitting.seq, left)
    real_ms = verdict.sitting.e_ms - left.e_ms
    carry_ms = min(left.carry_ms, policy.carry_max_ms)
    return Saw(
        e_ms=left.e_ms,
        real_ms=real_ms,
        carry_ms=carry_ms,
        budget_ms=carry_ms + policy.worth_ms(real_ms),
        gap_late_ms=sitting.gap_late_ms,
        ended_ms=sitting.ended_ms,
        frontier_ms=unit.frontier_ms,
        pending_ms=learner.pending_ms,
        held=learner.held,
        used_ms={on.isoformat(): use.used_ms for on, use in sorted(learner.days.items())},
    )
