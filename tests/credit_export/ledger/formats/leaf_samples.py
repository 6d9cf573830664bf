"""One leaf of each type, and leaves that differ in what a test says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from elearn.credit_export.ledger.leaves import Attend, Credit, Evidence, Key, Leaf, Policy, Unit, Void, digest
from elearn.credit_export.ledger.notes import Signer

AT = datetime(2026, 1, 5, 1, 10, 4, tzinfo=UTC)
LATER = datetime(2026, 1, 5, 1, 15, 4, 500_000, tzinfo=UTC)
SUB = "QzkP43d4dd0Ui71cfbVB8w"
DIGEST = digest(b"d" * 32)
OLD_KEY = Signer.ed25519("hours.example/ledger/2026", b"o" * 32)
NEW_KEY = Signer.ed25519("hours.example/ledger/2026", b"n" * 32)
CREDIT = Credit(
    n=1,
    sub=SUB,
    unit="urn:elearn:unit:0b7e",
    span=(0, 600_000),
    ms=600_000,
    day=date(2026, 1, 5),
    total=600_000,
    prev=None,
    ev=DIGEST,
    pol=DIGEST,
    at=AT,
)
SAMPLES: dict[str, Leaf] = {
    "credit": CREDIT,
    "attend": Attend(
        n=2,
        sub=SUB,
        class_="urn:elearn:class:1",
        kind="practice",
        from_=AT,
        to=LATER,
        ms=2_700_000,
        day=date(2026, 1, 5),
        total=2_700_000,
        prev=DIGEST,
        doc=DIGEST,
        by=("clerk", "teacher"),
        at=LATER,
    ),
    "void": Void(n=3, sub=SUB, ref=DIGEST, total=0, prev=DIGEST, why="wrong_person", by=("one", "two"), at=LATER),
    "evidence": Evidence(root=DIGEST, count=0, from_=AT, to=LATER),
    "unit": Unit(
        unit="urn:elearn:unit:0b7e",
        lesson="urn:elearn:lesson:1",
        version=3,
        ms=900_000,
        hash=DIGEST,
        item=None,
        kind="theory",
        at=AT,
    ),
    "policy": Policy(pol=DIGEST, at=AT),
    "key": Key.rotation(OLD_KEY, NEW_KEY.verifier, AT),
}


def a_credit(**changed: Any) -> Credit:
    return replace(CREDIT, **changed)
