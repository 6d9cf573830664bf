"""Streams of an adversary near every edge, drawn from a seed, and what they did to an `Engine`.

The policy's caps are small so that short streams reach them, and the day mostly ends two minutes in. After every move
the adversary takes each key he is given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from elearn.tracking.pacing import Given
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, subtract, total_ms
from elearn.tracking.verifier import Report
from tests.tracking.pure.engine import Engine, Sitting

MIDNIGHT = 1_767_574_800_000 + 15 * 3_600_000
POLICY = Policy(
    gap_max_ms=60_000,
    pend_max_ms=60_000,
    presence_min_ms=30_000,
    presence_max_ms=60_000,
    late_day_ms=90_000,
    late_age_ms=200_000,
    online_ms=10_000,
    pend_age_ms=100_000,
    day_cap_ms=150_000,
    block_ms=6_000,
    lead_ms=15_000,
)
UNITS = {"U": 400_000, "V": 90_000}
L = "L"
CM_OPEN_MS = 7


@dataclass(frozen=True)
class Wait:
    """Time passes, or the server's wall clock is stepped back."""

    ms: int


@dataclass(frozen=True)
class Claim:
    """After `wait_ms`, one report about as long as the wait, off by each of the other figures."""

    wait_ms: int
    ahead_ms: int = 0
    longer_ms: int = 0
    play_ms: int = 0
    fast_ms: int = 0
    queued_ms: int = 0
    hidden_ms: int = 0
    older: bool = False


@dataclass(frozen=True)
class Again:
    """The beginning is played again for `wait_ms`."""

    wait_ms: int


@dataclass(frozen=True)
class Crumbs:
    """Reports of one millisecond, each DELTA beyond the frontier, all at once."""

    n: int


@dataclass(frozen=True)
class Backlog:
    """Silence, then reports of 5 s spread over it; `backwards`: the last one is sent first."""

    n: int
    backwards: bool = False


@dataclass(frozen=True)
class Echo:
    """The last report is sent again, the same or as another story of `longer_ms` more."""

    longer_ms: int


@dataclass(frozen=True)
class Open:
    """Another sitting takes over."""

    unit: str


@dataclass(frozen=True)
class Close:
    """The sitting is closed."""


@dataclass(frozen=True)
class Check:
    """A presence check was passed or not."""

    passed: bool


Move = Wait | Claim | Again | Crumbs | Backlog | Echo | Open | Close | Check


@dataclass(frozen=True)
class Stream:
    """All that a run depends on. `keys`: "paced", "free" (every key at once), "few" (every second block missing),
    "licence" (the lesson U was downloaded)."""

    keys: str = "paced"
    rate_max_permille: int = 1_000
    block_ms: int = 6_000
    gap_max_ms: int = 60_000
    before_midnight_ms: int = 120_000
    moves: tuple[Move, ...] = ()

    @property
    def policy(self) -> Policy:
        return replace(
            POLICY, rate_max_permille=self.rate_max_permille, block_ms=self.block_ms, gap_max_ms=self.gap_max_ms
        )


# -- drawing

Draw = Callable[[Random], Move]


def some_claim(random: Random) -> Claim:
    """Off by at most a few figures: most of them are often right."""

    def off(*values: int) -> int:
        return random.choice(values) if random.random() < 0.4 else 0

    return Claim(
        wait_ms=random.choice([0, 1, 1_000, 5_000, 5_000, 10_000, 15_000, 30_000, 61_000]),
        ahead_ms=off(1, 999, 1_000, 1_001, -1, -4_000, 20_000),
        longer_ms=off(-4_000, 1, 50, 150, 1_000, 1_050, 1_150, 2_000, 30_000),
        play_ms=off(-1_000, 1_000, 1_001, 30_000, 10**9),
        fast_ms=off(2_000, 3_000, 10**9, -1_000, -(10**9)),
        queued_ms=off(5_000, 10_001, 40_000, 200_001, 10**9, -(10**9)),
        hidden_ms=off(3_000, 3_001),
        older=random.random() < 0.17,
    )


def plain_claim(random: Random) -> Claim:
    """Nearly honest, so that there is credit to fight about."""
    return Claim(random.choice([5_000, 15_000, 30_000]), longer_ms=random.choice([0, 50, 150]))


THEMES: Sequence[tuple[int, int, Sequence[Draw]]] = [
    # weight, most moves, what is drawn
    (
        8,
        40,
        [
            plain_claim,
            plain_claim,
            plain_claim,
            some_claim,
            some_claim,
            lambda r: Wait(r.choice([1, 5_000, 20_000, 60_000, 101_000, -3_000])),
            lambda r: Again(r.choice([5_000, 15_000, 30_000])),
            lambda r: Crumbs(r.choice([3, 3, 40])),
            lambda r: Backlog(r.choice([3, 8, 30]), backwards=r.random() < 0.3),
            lambda r: Echo(r.choice([0, 0, 5_000])),
            lambda r: Open(r.choice("UUV")),
            lambda _: Close(),
            lambda r: Check(r.random() < 0.75),
        ],
    ),
    (
        2,
        30,
        [
            plain_claim,
            plain_claim,
            plain_claim,
            lambda _: Check(True),
            lambda _: Check(True),
            lambda r: Backlog(r.choice([8, 20])),
        ],
    ),
    (
        1,
        12,
        [lambda _: Crumbs(40), lambda _: Open("U"), lambda _: Wait(1_000), lambda _: Check(True)],
    ),
    (
        1,
        20,
        [
            lambda r: Again(r.choice([15_000, 30_000])),
            lambda r: Wait(r.choice([1_000, 30_000])),
            lambda _: Check(True),
            lambda _: Open("U"),
        ],
    ),
]


def stream_of(seed: int) -> Stream:
    """The same stream for the same seed, on every machine."""
    random = Random(seed)
    (_, most, draws) = random.choices(THEMES, [weight for weight, _, _ in THEMES])[0]
    return Stream(
        keys=random.choice(["paced", "paced", "free", "few", "licence"]),
        rate_max_permille=random.choice([1_000, 1_250]),
        block_ms=random.choice([6_000, 6_000, 30_000]),
        gap_max_ms=random.choice([60_000, 30_000]),
        before_midnight_ms=random.choice([120_000, 120_000, 1_000_000]),
        moves=tuple(random.choice(draws)(random) for _ in range(random.randint(4, most))),
    )


# -- playing


@dataclass(frozen=True)
class KeyGiven:
    """A block's key, the first time: for how long this unit was open until then, and |K| at that moment."""

    unit: str
    start_ms: int
    open_ms: int
    covered_ms: int


class Adversary:
    """Carries the moves of `stream` out against an `Engine` and keeps what the laws speak about."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.policy = stream.policy
        self.engine = Engine(self.policy, UNITS, paced=stream.keys in ("paced", "licence"))
        self.now_ms = MIDNIGHT - stream.before_midnight_ms
        self.sids: list[str] = []
        self.keys: list[KeyGiven] = []
        self.finals: list[tuple[int, int]] = []
        self.most_pending_ms = 0
        self.most_live = 0
        self.seqs: defaultdict[str, int] = defaultdict(int)
        self.sent: dict[str, Report] = {}
        self.open("U")
        if stream.keys == "few":
            for unit, duration_ms in UNITS.items():
                parts = range(0, duration_ms - 10_000, 10_000)
                self.engine.delivered[L, unit] = tuple(Span(at, at + 9_500) for at in parts)
        if stream.keys == "licence":
            self.engine.licence(self.sids[0])
        for move in stream.moves:
            self.do(move)

    @property
    def tau_ms(self) -> int:
        return max(self.now_ms, self.engine.learners[L].tau_ms)

    def open(self, unit: str) -> None:
        self.sids.append(f"s{len(self.sids)}")
        self.engine.open(self.sids[-1], L, unit, "d", cm_ms=CM_OPEN_MS, now_ms=self.now_ms)

    def sitting(self, older: bool = False) -> Sitting:
        return self.engine.sittings[self.sids[-2 if older and len(self.sids) > 1 else -1]]

    def number(self, sitting: Sitting) -> int:
        self.seqs[sitting.sid] += 1
        return self.seqs[sitting.sid]

    def send(self, sitting: Sitting, a: int, b: int, play: int, cm: int, sent_cm: int, hidden: int = 0) -> None:
        self.hear(sitting, Report(self.number(sitting), a, b, cm, play, sent_cm, hidden))

    def hear(self, sitting: Sitting, report: Report) -> None:
        self.sent[sitting.sid] = report
        self.engine.report(sitting.sid, report, key=None, now_ms=self.now_ms)

    def cm(self, sitting: Sitting) -> int:
        return self.now_ms - sitting.state.opened_ms + CM_OPEN_MS

    def do(self, move: Move) -> None:
        engine = self.engine
        sitting = self.sitting()
        match move:
            case Wait(wait_ms):
                self.now_ms += wait_ms
            case Claim():
                self.now_ms += move.wait_ms
                sitting = self.sitting(move.older)
                a = engine.frontier_ms(L, sitting.unit) + move.ahead_ms
                b = max(a, a + move.wait_ms + move.longer_ms)
                made = self.cm(sitting) + move.fast_ms - max(0, move.queued_ms)
                self.send(sitting, a, b, move.wait_ms + move.play_ms, made, made + move.queued_ms, move.hidden_ms)
            case Again(wait_ms):
                self.now_ms += wait_ms
                self.send(sitting, 0, wait_ms, wait_ms, self.cm(sitting), self.cm(sitting))
            case Crumbs(n):
                for _ in range(n):
                    a = engine.frontier_ms(L, sitting.unit) + self.policy.delta_ms
                    self.send(sitting, a, a + 1, 1, self.cm(sitting), self.cm(sitting))
                    self.take_keys()
            case Backlog(n, backwards):
                self.now_ms += n * 5_000
                a, sent_cm = engine.frontier_ms(L, sitting.unit), self.cm(sitting)
                queue = [
                    Report(
                        self.number(sitting), a + i * 5_000, a + (i + 1) * 5_000, sent_cm - (n - 1 - i) * 5_000, 5_000,
                        sent_cm, 0,
                    )
                    for i in range(n)
                ]  # fmt: skip
                for report in reversed(queue) if backwards else queue:
                    self.hear(sitting, report)
                    self.take_keys()
            case Echo(longer_ms):
                last = self.sent.get(sitting.sid)
                if last is not None:
                    self.hear(sitting, replace(last, b_ms=last.b_ms + longer_ms))
            case Open(unit):
                self.open(unit)
            case Close():
                engine.close(sitting.sid, now_ms=self.now_ms)
            case Check(passed):
                before = len(engine.final)
                engine.presence(L, passed=passed, now_ms=self.now_ms)
                self.finals += [(self.tau_ms, p.credited_at_ms) for p in engine.final[before:]]
        self.take_keys()
        self.most_live = max(self.most_live, len(engine.live(L)))
        self.most_pending_ms = max(self.most_pending_ms, engine.pending_ms(L))

    def take_keys(self) -> None:
        """Every key that is given, in order, until one must wait."""
        if self.stream.keys == "few":
            return
        sitting = self.sitting()
        unit, duration_ms = sitting.unit, UNITS[sitting.unit]
        missing = subtract(Span(0, duration_ms), self.engine.delivered[L, unit])
        if not missing:
            return
        for start_ms in range(missing[0].start_ms, duration_ms, self.policy.block_ms):
            block = Span(start_ms, min(start_ms + self.policy.block_ms, duration_ms))
            if self.engine.key(sitting.sid, block, now_ms=self.now_ms) != Given(new=True):
                break
            open_ms = sum(
                min(s.state.ended_ms or self.tau_ms, self.tau_ms) - s.state.opened_ms
                for s in self.engine.sittings.values()
                if s.unit == unit
            )
            self.keys.append(KeyGiven(unit, start_ms, open_ms, total_ms(self.engine.known[L, unit])))
