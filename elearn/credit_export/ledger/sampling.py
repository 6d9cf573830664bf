"""Which blocks an authority computes again: drawn by hashing the signed root and the leaf's index. Pure.

Nobody can know the draw when the evidence is written: the root comes after it. Whoever has the checkpoint draws the
same blocks, the authority and the door that answers it.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

RANGE = 1 << 64
PER_PERCENT = 10_000
USUAL = Fraction(2)
"""Percent of the blocks (LEDGER, sampled re-computation): of 100 bad ones 87 times in 100 one or more is drawn."""


def percent_of(per_million: int) -> Fraction:
    """A share as settings and draws keep it."""
    return Fraction(per_million, PER_PERCENT)


def is_drawn(root: bytes, index: int, percent: Fraction) -> bool:
    """The first eight bytes of SHA-256 over root and index (eight bytes, big-endian), as a number below the share.

    What a smaller share draws, a larger one draws too.
    """
    drawn = hashlib.sha256(root + index.to_bytes(8, "big")).digest()
    return int.from_bytes(drawn[:8], "big") < percent * RANGE / 100
