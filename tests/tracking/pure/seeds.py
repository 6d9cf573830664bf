"""Many runs from seeds: how many, and what is told when one breaks.

`ELEARN_STREAMS` multiplies the number of runs (10 in `make soak`); `ELEARN_SEED` shifts them all, to look elsewhere.
A run that broke is told by its seed and by the shortest sequence of its steps that still breaks, ready to be pasted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

FIRST = int(os.environ.get("ELEARN_SEED", "0"))
TIMES = int(os.environ.get("ELEARN_STREAMS", "1"))

StepT = TypeVar("StepT")


def batches(runs: int, size: int) -> list[range]:
    """`runs` seeds, times what the environment asks for, in batches for a test each."""
    end = FIRST + runs * TIMES
    return [range(first, min(first + size, end)) for first in range(FIRST, end, size)]


def named(batch: range) -> str:
    return f"{batch.start}-{batch.stop - 1}"


def shortest(steps: Sequence[StepT], breaks: Callable[[Sequence[StepT]], bool]) -> tuple[StepT, ...]:
    """As few of `steps` as still break: halves are left out first, then quarters, down to single steps."""
    left = tuple(steps)
    size = max(1, len(left) // 2)
    while True:
        at = 0
        while at < len(left):
            without = left[:at] + left[at + size :]
            if breaks(without):
                left = without
            else:
                at += size
        if size == 1:
            return left
        size //= 2
