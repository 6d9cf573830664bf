"""Waiting for what other processes bring about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(find: Callable[[], Found], *, seconds: float, every_s: float) -> Found:
    """What `find` found at last; what it found when the time was over, when that is nothing."""
    until = time.monotonic() + seconds
    while not (found := find()) and time.monotonic() < until:
        time.sleep(every_s)
    return found
