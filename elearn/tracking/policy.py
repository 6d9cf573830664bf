"""The numbers watching is judged by (MODEL 1.1 and 1.8). Pure.

All times are whole milliseconds, all rates whole permille. A product of a rate and a time is rounded down
when it bounds credit from above and up when it makes somebody wait: always against the claimant, by less
than 1 ms each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
NATIVE = "native"
"""What a sitting's `player` says when the browser's own HLS plays, not hls.js."""
BEFORE = {"burst_ms": 0}
"""Values by which decisions of before would come out otherwise: a policy written without them did without them."""

PRESENCE_METHODS = frozenset({"question", "one_time_code", "webauthn", "face"})
"""The ways of `elearn.tracking.providers`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One region's values. The defaults are MODEL's; the `policy` leaf of the ledger carries the digest."""

    heartbeat_ms: int = 15_000
    rate_max_permille: int = 1_000
    eps_permille: int = 10
    clk_slack_ms: int = 2_000
    rate_slack_ms: int = 1_000
    delta_ms: int = 1_000
    carry_ms: int = 30_000
    online_ms: int = 45_000
    burst_ms: int = 45_000
    """A report of more playing than this is late, whenever it arrives; 0: however long it was (3H, as ONLINE)."""
    gap_max_ms: int = 900_000
    late_day_ms: int = 3_600_000
    late_age_ms: int = 259_200_000
    hidden_grace_ms: int = 3_000
    pend_max_ms: int = 900_000
    pend_age_ms: int = 259_200_000
    presence_min_ms: int = 300_000
    presence_max_ms: int = 900_000
    answer_ms: int = 60_000
    answer_grace_ms: int = 10_000
    day_cap_ms: int = 28_800_000
    zone: str = "Asia/Shanghai"
    reorder: int = 64
    tail_permille: int = 10
    tail_min_ms: int = 2_000
    block_ms: int = 30_000
    lead_ms: int = 30_000
    lead_native_ms: int = 30_000
    """LEAD for a browser's own HLS player, which fetches further ahead than hls.js does (DESIGN 3.4)."""
    real_hours: bool = False
    """Above rate 1.0: True counts the real time it took, False the media seen (DESIGN 3.5)."""
    unsigned: bool = False
    """May a browser without WebCrypto report at all? Its reports prove less, and are marked so."""
    licence_ms: int = 604_800_000
    """How long a downloaded lesson may be played without asking again; 0: nothing is downloaded (MODEL 1.8)."""
    presence_methods: tuple[str, ...] = ("question",)
    """What a presence check may be, the first is the default (DESIGN 3.6)."""
    page_idle_ms: int = 300_000
    """A page stops counting so long after the last sign of life (DESIGN 3.6a)."""
    code_answer_ms: int = 180_000
    """How long a one-time code may be typed in: a text message takes its time."""

    def __post_init__(self) -> None:
        """Raise ValueError for values under which an honest learner could never finish."""
        negative = [name for name, value in asdict(self).items() if isinstance(value, int) and value < 0]
        if negative:
            raise ValueError(f"policy values below zero: {', '.join(negative)}")
        if not 0 < self.presence_min_ms <= self.presence_max_ms <= self.pend_max_ms:
            # Beyond pend_max nothing more becomes pending, so a check due later would never fall due.
            raise ValueError("need 0 < presence_min_ms <= presence_max_ms <= pend_max_ms")
        if min(self.rate_max_permille, self.heartbeat_ms, self.block_ms, self.reorder) == 0:
            raise ValueError("rate_max_permille, heartbeat_ms, block_ms and reorder must be above zero")
        methods = self.presence_methods
        if not methods or len(set(methods)) < len(methods) or not set(methods) <= PRESENCE_METHODS:
            raise ValueError(f"presence_methods are one or more of {', '.join(sorted(PRESENCE_METHODS))}, each once")
        if methods == ("face",):
            # A face that the camera does not know, or a learner who does not consent, would have no way out.
            raise ValueError("face may not be the only one of presence_methods")

    # -- what the rules derive from the values

    def worth_ms(self, elapsed_ms: int) -> int:
        """Media that `elapsed_ms` of real time can be worth: RATE_MAX (1 + EPS) elapsed, rounded down."""
        return elapsed_ms * self.rate_max_permille * (1_000 + self.eps_permille) // 1_000_000

    def clock_limit_ms(self, elapsed_ms: int) -> int:
        """How far a client's clock may have run in `elapsed_ms` of ours: (1 + EPS) elapsed + CLK_SLACK."""
        return elapsed_ms * (1_000 + self.eps_permille) // 1_000 + self.clk_slack_ms

    @property
    def counts_real_time(self) -> bool:
        """Is real time what counts? At rate 1.0 the two are the same, so nothing is cut (DESIGN 3.5)."""
        return self.real_hours and self.rate_max_permille > 1_000

    def lead_for(self, player: str) -> int:
        """How far ahead of watching a block may start whose key is given to this kind of player (MODEL 1.8, LEAD)."""
        return self.lead_native_ms if player == NATIVE else self.lead_ms

    @property
    def carry_max_ms(self) -> int:
        """Media that may stay unspent for the next report: RATE_MAX x CARRY, rounded down."""
        return self.rate_max_permille * self.carry_ms // 1_000

    def tail_ms(self, duration_ms: int) -> int:
        """How much of a unit may be missing when it counts as complete (TAIL)."""
        return max(self.tail_min_ms, duration_ms * self.tail_permille // 1_000)

    # -- the calendar: days of the policy's zone, by the server's clock

    def day(self, at_ms: int) -> date:
        """The local date at `at_ms` (epoch milliseconds)."""
        return datetime.fromtimestamp(at_ms // 1_000, ZoneInfo(self.zone)).date()

    def days(self, start_ms: int, end_ms: int) -> Iterator[tuple[date, int]]:
        """The local days of [start_ms, end_ms), each with the epoch millisecond its part ends at.

        At least one day comes out: an empty stretch belongs to the day it stands on.
        """
        zone = ZoneInfo(self.zone)
        day = self.day(start_ms)
        while True:
            tomorrow = day + timedelta(days=1)
            midnight_ms = (datetime.combine(tomorrow, time.min, zone) - _EPOCH) // _MILLISECOND
            if midnight_ms >= end_ms:
                yield day, end_ms
                return
            yield day, midnight_ms
            day = tomorrow

    # -- variants and identity

    def scaled(self, divisor: int) -> Policy:
        """The same rules for short lessons: checks fall due, and pending fills, `divisor` times sooner.

        Nothing else changes: neither what counts as watching nor the time there is to answer.
        """
        return replace(
            self,
            presence_min_ms=max(1, self.presence_min_ms // divisor),
            presence_max_ms=max(1, self.presence_max_ms // divisor),
            pend_max_ms=max(1, self.pend_max_ms // divisor),
        )

    @classmethod
    def read(cls, canonical: str | bytes) -> Policy:
        """The policy that `canonical()` wrote; values that came after it was written are as if they had not."""
        values: dict[str, Any] = {**BEFORE, **json.loads(canonical)}
        if "presence_methods" in values:
            values["presence_methods"] = tuple(values["presence_methods"])
        return cls(**values)

    def canonical(self) -> bytes:
        """The policy as RFC 8785 JSON: sorted keys, no spaces; integers and ASCII text only."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode("ascii")

    def digest(self) -> str:
        """`sha256:` and the hex digest of `canonical()`."""
        return "sha256:" + sha256(self.canonical()).hexdigest()
