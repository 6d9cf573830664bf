"""Waiting for what comes, instead of for as long as it may take."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(holds: Callable[[], bool], *, seconds: float = 10, what: str = "it") -> float:
    """Seconds until `holds()`; AssertionError naming `what` when it never does."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.05)
    return time.monotonic() - began
