"""The log of four leaves that was worked out elsewhere: `ledger-vectors.json`, keys from fixed seeds."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "ledger-vectors.json").read_text("utf-8"))
ORIGIN: str = VECTORS["origin"]
ENTRIES: list[bytes] = [entry.encode() for entry in VECTORS["entries"]]
LOG_VKEY, EXAM_VKEY, REGULATOR_VKEY = VECTORS["vkeys"]
EXAM, REGULATOR = "exam.example/witness", "regulator.example/witness"
COSIGNED_S = 0x695B1B20
"""When both witnesses cosigned: 2026-01-05T02:00:00Z."""


def seed(name: str) -> bytes:
    return bytes.fromhex(VECTORS["seeds"][name])


def hashes(name: str) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(text) for text in VECTORS[name])


def root(size: int) -> bytes:
    return base64.b64decode(VECTORS["roots"][str(size)])
