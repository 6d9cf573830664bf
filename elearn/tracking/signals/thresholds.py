"""The numbers beyond which something is flagged (MODEL 3.1). Pure; dated rows of the database name them by digest.

A flag is no verdict, so a number here may change from one day to the next; each flag names the ones it was
raised by. Whole milliseconds and permille, as everywhere.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from ipaddress import ip_network
from typing import Any

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Thresholds:
    """MODEL's values are the defaults; where this adds one of its own, it says why."""

    beats: int = 40
    """R1: gaps between heartbeats that are looked at."""
    beat_sd_permille: int = 10
    beat_jitter_ms: int = 20
    nonstop_ms: int = 10 * HOUR_MS
    """R2: so much watching before its ratio to real time is looked at."""
    nonstop_ratio_permille: int = 2
    run_ms: int = 3 * HOUR_MS
    """R3."""
    day_ms: int = 10 * HOUR_MS
    nights: int = 3
    """R4: nights running with credit between 01:00 and 05:00."""
    night_ms: int = 10 * MINUTE_MS
    """Our own: less credit than this is somebody who cannot sleep, not a night of study."""
    device_learners: int = 3
    """R5: two on one phone is normal (H34)."""
    device_window_ms: int = DAY_MS
    group: int = 5
    """R6."""
    group_start_ms: int = 10_000
    group_phase_ms: int = 500
    group_for_ms: int = 20 * MINUTE_MS
    script_learners: int = 3
    """R7."""
    script_events: int = 4
    script_slack_ms: int = 1_000
    script_window_ms: int = DAY_MS
    answer_ms: int = 1_000
    """R8."""
    answer_sd_ms: int = 150
    answers: int = 8
    untouched_ms: int = 30 * MINUTE_MS
    """R9."""
    late_share_permille: int = 300
    """R10."""
    late_of_ms: int = HOUR_MS
    """Our own: of less credit a day no share is taken; one tunnel in a short lesson is a large share (H04)."""
    gap_from_ms: int = 850_000
    gap_to_ms: int = 900_000
    gaps: int = 3
    takeovers: int = 6
    """R11: more than so many in an hour."""
    takeover_window_ms: int = HOUR_MS
    cameo_items: int = 10
    """R12."""
    cameo_percentile: int = 90
    cameo_ms: int = 5 * MINUTE_MS
    guess_hours_ms: int = HOUR_MS
    """R13: hours that are full enough to wonder about; and checks enough to judge by."""
    guess_checks: int = 20
    guess_permille: int = 200
    """First tries that are right: 1 of 15 by guessing, so one of five is near it and far from who learned."""
    fetched_permille: int = 100
    """R14: all keys of a unit within this share of its length, without a download."""
    fetched_of_ms: int = 10 * MINUTE_MS
    """Our own: a shorter unit lies within the lead of the keys for its larger part."""
    face_bits: int = 24
    """R15: of 256."""
    face_cosine_permille: int = 995
    desktop_pixels: int = 1_280
    """R16: no phone's longer side has so many CSS pixels."""
    zone_ms: int = 2 * HOUR_MS
    datacentres: tuple[str, ...] = ()
    """Networks (CIDR) of hosting companies, as the operator lists them."""

    def __post_init__(self) -> None:
        """Raise ValueError for a number below one, or for what is no network."""
        low = [name for name, value in asdict(self).items() if isinstance(value, int) and value < 1]
        if low:
            raise ValueError(f"thresholds below one: {', '.join(low)}")
        for network in self.datacentres:
            ip_network(network)

    @classmethod
    def read(cls, values: dict[str, Any]) -> Thresholds:
        """Thresholds of some values, the others by default. Raises ValueError: a name or a value is none of ours."""
        unknown = values.keys() - {field.name for field in fields(cls)}
        wrong = [name for name, value in values.items() if name != "datacentres" and type(value) is not int]
        if unknown or wrong:
            raise ValueError(f"no such thresholds: {', '.join(sorted({*unknown, *wrong}))}")
        return cls(**values | {"datacentres": tuple(values.get("datacentres", ()))})

    def canonical(self) -> bytes:
        """RFC 8785 JSON: sorted keys, no spaces; integers and ASCII text only."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode("ascii")

    def digest(self) -> str:
        """`sha256:` and the hex digest of `canonical()`."""
        return "sha256:" + sha256(self.canonical()).hexdigest()
