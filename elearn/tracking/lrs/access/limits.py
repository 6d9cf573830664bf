"""How often one key may ask, and what becomes of whoever guesses secrets.

Both are counted in the memory of each web process, so they wait for nobody and there is nothing to lose: a limit
holds for each process by itself. `people/tries.py` counts sign-ins in Redis, before the password is looked at, and
shuts the door for right and wrong alike. That is right for passwords, which can be guessed. A key's secret cannot:
so the right secret is let in however many wrong ones came before it, from the same address or for the same key, and
nobody can lock a client out. Only the wrong ones are told to come back later.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

BURST_S = 2.0
"""So many seconds' worth of requests may come at once."""

FAILURES_S = 60
MOST_FROM_ADDRESS = 60
MOST_FOR_KEY = 30
"""Wrong secrets in FAILURES_S; further ones are answered 429 instead of 401."""
MOST_COUNTED = 20_000
"""Addresses and keys counted at a time; above it, counting starts again."""


@dataclass(slots=True)
class Pace:
    """At most `rate` requests a second of each key, evenly or in bursts (the generic cell rate algorithm)."""

    rate: int
    _next: dict[UUID, float] = field(default_factory=dict)
    """When the key would be due if its requests came evenly; only keys that exist stand here."""

    def take(self, key: UUID, *, at: float) -> float:
        """Seconds to wait, 0 when the request may be answered. `at`: seconds of a clock that never goes back."""
        due = max(self._next.get(key, at), at)
        early = due - at - BURST_S
        if early > 0:
            return early
        self._next[key] = due + 1 / self.rate
        return 0.0


@dataclass(slots=True)
class Failures:
    """Wrong secrets of the present minute, by network and by key."""

    _window: int = -1
    _counted: Counter[str] = field(default_factory=Counter)

    def count(self, network: str, key: str | None, *, at: float) -> int:
        """Count one. Answers 0, or the seconds after which another wrong secret is answered 401 again."""
        window = int(at) // FAILURES_S
        if window != self._window or len(self._counted) > MOST_COUNTED:
            self._window, self._counted = window, Counter()
        limits = [(f"network {network}", MOST_FROM_ADDRESS)]
        if key is not None:
            limits.append((f"key {key[:64]}", MOST_FOR_KEY))
        self._counted.update(name for name, _ in limits)
        if any(self._counted[name] > most for name, most in limits):
            return FAILURES_S - int(at) % FAILURES_S
        return 0
