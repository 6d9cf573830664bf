"""The corpus' vocabulary (the head of tests/integrity/cases.yaml), played against an `Engine`.

Time runs in ticks of 100 ms while something plays or waits; else it jumps to the next event. A report of the
scripted player is made at a tick and heard 200 ms later.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from elearn.tracking.pacing import Given
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.verifier import Report
from tests.tracking.pure.engine import Engine, Sitting

START_MS = 1_767_574_800_000
"""2026-01-05 09:00:00 Asia/Shanghai."""
TICK_MS = 100
LATENCY_MS = 200
AHEAD_MS = 30_000
BLOCK_MS = 6_000
CHECK_AT_MS = 600_000

Args = dict[str, Any]


def ms(seconds: float) -> int:
    """Seconds of the corpus as whole milliseconds."""
    return round(seconds * 1_000)


@dataclass
class Client:
    """One player on one device. Positions and clocks are exact: per mille of a millisecond is kept."""

    name: str
    learner: str
    unit: str
    sid: str
    opened_ms: int
    position: int
    drift_permille: int = 1_000
    media_permille: int = 1_000
    pause_on_hide: bool = True
    lie_visible: bool = False
    lag_ms: int = 0
    rate_permille: int = 1_000
    seq: int = 0
    playing: bool = False
    hidden: bool = False
    suspended: bool = False
    dead: bool = False
    resume_on_show: bool = False
    began: int = 0
    played_ms: int = 0
    hidden_ms: int = 0
    outbox: list[Report] = field(default_factory=list)

    @property
    def at_ms(self) -> int:
        """The position in whole media milliseconds."""
        return self.position // 1_000


class Script:
    """Runs one story. `check` names how presence is handled: `auto` or `manual`; `paced`: keys follow 1.8."""

    def __init__(
        self, policy: Policy, units: dict[str, int], *, check: str, start_ms: int = 0, until_ms: int, paced: bool = True
    ) -> None:
        self.engine = Engine(policy, units, paced=paced)
        self.policy = policy
        self.auto = check == "auto"
        self.now_ms = 0
        self.base_ms = START_MS + start_ms
        self.until_ms = until_ms
        self.step_back_ms = 0
        self.network_up = True
        self.stalled_ms = 0
        self.clients: dict[str, Client] = {}
        self.sids: dict[str, str] = {}
        self.wanted: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.order = 0

    # -- the loop

    def at(self, when_ms: int, action: Callable[[], None]) -> None:
        """Do `action` at `when_ms`; what was asked for first goes first."""
        self.order += 1
        heapq.heappush(self.queue, (when_ms, self.order, action))

    def run(self, events: list[list[Any]]) -> Engine:
        """Play the events to the end of the story and settle what `auto` settles."""
        for event in events:
            command = getattr(self, f"do_{event[1]}")
            self.at(ms(event[0]), partial(command, **(event[2] if len(event) > 2 else {})))
        self.at(0, self.tick)
        while self.queue and self.queue[0][0] <= self.until_ms:
            self.now_ms, _, action = heapq.heappop(self.queue)
            action()
            self.check()
        if self.auto:
            for learner in list(self.engine.learners):
                self.engine.presence(learner, passed=True, now_ms=self.server_ms)
        return self.engine

    @property
    def server_ms(self) -> int:
        """What the server's wall clock shows."""
        return self.base_ms + self.now_ms - self.step_back_ms

    def tick(self) -> None:
        """Everybody plays one tick; standing key requests are repeated each second."""
        if self.network_up and self.now_ms % 1_000 == 0:
            self.ask_for_wanted()
        for client in self.clients.values():
            if client.playing and not client.suspended and not client.dead:
                self.play_on(client)
        playing = any(c.playing and not c.dead for c in self.clients.values())
        asking = any(self.wanted[s.learner, s.unit] for s in self.live_sittings())
        following = self.now_ms + (TICK_MS if playing else 1_000)
        if not playing and not asking:
            # Nothing moves by itself until the next event; ticks stay on whole seconds.
            nearest = min((when for when, _, _ in self.queue), default=self.until_ms + 1)
            following = max(following, -(-nearest // 1_000) * 1_000)
        self.at(following, self.tick)

    def live_sittings(self) -> list[Sitting]:
        """Every sitting that is not ended."""
        return [s for learner in self.engine.learners for s in self.engine.live(learner)]

    def check(self) -> None:
        """Presence `auto`: every check is passed, one whenever 600 s are pending."""
        if self.auto and self.engine.pending:
            for learner in {p.learner for p in self.engine.pending}:
                if self.engine.pending_ms(learner) >= CHECK_AT_MS:
                    self.engine.presence(learner, passed=True, now_ms=self.server_ms)

    # -- media and keys

    def blocks(self, unit: str, start_ms: int, end_ms: int) -> list[Span]:
        """The blocks of `unit` that overlap [start_ms, end_ms)."""
        duration_ms = self.engine.units[unit]
        first = start_ms // BLOCK_MS * BLOCK_MS
        return [Span(at, min(at + BLOCK_MS, duration_ms)) for at in range(first, min(end_ms, duration_ms), BLOCK_MS)]

    def ask_for_wanted(self) -> None:
        """Repeat the requests that `deliver` left standing."""
        for (learner, unit), blocks in self.wanted.items():
            live = self.engine.live(learner)
            if live and live[0].unit == unit:
                while blocks and isinstance(self.engine.key(live[0].sid, blocks[0], now_ms=self.server_ms), Given):
                    blocks.pop(0)

    def fetch_ahead(self, client: Client) -> None:
        """Ask for the keys of the next 30 s, in order, until one must wait."""
        if not self.network_up:
            return
        have = self.engine.delivered[client.learner, client.unit]
        for block in self.blocks(client.unit, client.at_ms, client.at_ms + AHEAD_MS):
            if any(s.start_ms <= block.start_ms and block.end_ms <= s.end_ms for s in have):
                continue
            if not isinstance(self.engine.key(client.sid, block, now_ms=self.server_ms), Given):
                break

    def play_on(self, client: Client) -> None:
        """One tick of playing, or of waiting for media."""
        self.fetch_ahead(client)
        end = self.engine.units[client.unit] * 1_000
        there = self.engine.delivered[client.learner, client.unit]
        buffered = max((s.end_ms for s in there if s.start_ms <= client.at_ms < s.end_ms), default=0) * 1_000
        step = TICK_MS * client.rate_permille * client.media_permille // 1_000
        if client.position < end:
            moved = min(step, max(0, min(buffered, end) - client.position))
            client.position += moved
            if moved == 0:
                self.stalled_ms += TICK_MS
                return
            client.played_ms += TICK_MS * client.drift_permille // 1_000
            if client.hidden and not client.lie_visible:
                client.hidden_ms += TICK_MS
        if client.position >= end:
            client.position = end
            self.say(client)
            client.playing = False
        elif client.played_ms >= self.policy.heartbeat_ms:
            self.say(client)

    # -- reports

    def clock_ms(self, client: Client) -> int:
        """The client's monotonic clock, 0 at its opening."""
        return (self.now_ms - client.opened_ms) * client.drift_permille // 1_000

    def say(self, client: Client) -> None:
        """Report the stretch since the last report, and send what is queued when there is a network."""
        if client.played_ms or client.at_ms != client.began:
            client.seq += 1
            client.outbox.append(
                Report(
                    seq=client.seq,
                    a_ms=client.began,
                    b_ms=client.at_ms,
                    cm_ms=self.clock_ms(client),
                    play_ms=client.played_ms,
                    sent_cm_ms=0,
                    hidden_ms=client.hidden_ms,
                )
            )
        client.began, client.played_ms, client.hidden_ms = client.at_ms, 0, 0
        self.send(client)

    def send(self, client: Client) -> None:
        """Everything queued, in order; a slow uplink delays the arrival, not the sending."""
        if not self.network_up or client.dead:
            return
        for made in client.outbox:
            sent = Report(**{**_fields(made), "sent_cm_ms": self.clock_ms(client)})
            self.hear(self.now_ms + LATENCY_MS + client.lag_ms, client.sid, sent, None)
        client.outbox.clear()

    def hear(self, when_ms: int, sid: str, report: Report, key: str | None) -> None:
        """The report reaches the server at `when_ms`."""
        self.at(when_ms, lambda: self.engine.report(sid, report, key=key, now_ms=self.server_ms))

    # -- commands

    def do_open(
        self,
        c: str = "c",
        l: str = "L",  # noqa: E741
        u: str = "U",
        dev: str | None = None,
        sid: str | None = None,
        skew: float = 0,
        drift: float = 1,
        media: float = 1,
        dl: bool = False,
        pause_on_hide: bool = True,
        lie_visible: bool = False,
        outbox_lag: float = 0,
    ) -> None:
        del skew  # the client's wall clock is never an input
        name = sid or c
        real = f"{name}@{self.now_ms}"
        self.sids[name] = real
        self.engine.open(real, l, u, dev or c, cm_ms=0, now_ms=self.server_ms)
        at_ms = self.engine.frontier_ms(l, u)
        self.clients[c] = Client(
            name=c,
            learner=l,
            unit=u,
            sid=real,
            opened_ms=self.now_ms,
            position=at_ms * 1_000,
            began=at_ms,
            drift_permille=ms(drift),
            media_permille=ms(media),
            pause_on_hide=pause_on_hide,
            lie_visible=lie_visible,
            lag_ms=ms(outbox_lag),
        )
        if dl:
            self.engine.licence(real)

    def do_play(self, c: str = "c", rate: float = 1) -> None:
        client = self.clients[c]
        client.rate_permille = ms(rate)
        client.playing = True

    def do_pause(self, c: str = "c") -> None:
        self.say(self.clients[c])
        self.clients[c].playing = False

    def do_seek(self, to: float, c: str = "c") -> None:
        client = self.clients[c]
        self.say(client)
        client.position, client.began = ms(to) * 1_000, ms(to)

    def do_seek_frontier(self, c: str = "c") -> None:
        client = self.clients[c]
        self.do_seek(self.engine.frontier_ms(client.learner, client.unit) / 1_000, c)

    def do_rate(self, x: float, c: str = "c") -> None:
        self.say(self.clients[c])
        self.clients[c].rate_permille = ms(x)

    def do_hide(self, c: str = "c") -> None:
        client = self.clients[c]
        if not client.lie_visible:
            self.say(client)
        client.hidden = True
        if client.pause_on_hide:
            client.resume_on_show, client.playing = client.playing, False

    def do_show(self, c: str = "c") -> None:
        client = self.clients[c]
        if not client.lie_visible:
            self.say(client)
        client.hidden = False
        if client.resume_on_show:
            client.playing = True

    def do_suspend(self, c: str = "c") -> None:
        self.clients[c].suspended = True

    def do_resume(self, c: str = "c") -> None:
        self.clients[c].suspended = False

    def do_kill(self, c: str = "c") -> None:
        self.clients[c].dead = True

    def do_close(self, c: str = "c") -> None:
        client = self.clients[c]
        self.say(client)
        client.playing = False
        self.at(self.now_ms + LATENCY_MS, lambda: self.engine.close(client.sid, now_ms=self.server_ms))

    def do_net_down(self) -> None:
        self.network_up = False

    def do_net_up(self) -> None:
        self.network_up = True
        for client in self.clients.values():
            self.send(client)

    do_server_down = do_net_down
    do_server_up = do_net_up

    def do_clock_back(self, by: float) -> None:
        self.step_back_ms += ms(by)

    def do_presence(self, ok: bool, l: str = "L") -> None:  # noqa: E741
        self.engine.presence(l, passed=ok, now_ms=self.server_ms)

    def do_deliver(self, to: float, l: str = "L", u: str = "U", **rest: float) -> None:  # noqa: E741
        self.wanted[l, u] += self.blocks(u, ms(rest["from"]), ms(to))
        self.at(self.now_ms, self.ask_for_wanted)

    def do_post(
        self,
        seq: int,
        a: float,
        b: float,
        sid: str = "c",
        play: float | None = None,
        cm: float | None = None,
        sent_cm: float | None = None,
        hidden: float = 0,
        key: str | None = None,
        dur: float = 0,
    ) -> None:
        del dur  # the duration is the server's own
        real = self.sids.get(sid, sid)
        sitting = self.engine.sittings.get(real)
        in_step_ms = self.server_ms - sitting.state.opened_ms if sitting else self.now_ms
        cm_ms = in_step_ms if cm is None else ms(cm)
        report = Report(
            seq=seq,
            a_ms=ms(a),
            b_ms=ms(b),
            cm_ms=cm_ms,
            play_ms=ms(b) - ms(a) if play is None else ms(play),
            sent_cm_ms=cm_ms if sent_cm is None else ms(sent_cm),
            hidden_ms=ms(hidden),
        )
        self.engine.report(real, report, key=key, now_ms=self.server_ms)

    def do_forge(
        self,
        n: int,
        step: float,
        sid: str = "c",
        every: float = 0,
        play: float | None = None,
        a0: float = 0,
        seq0: int = 1,
        cm_step: float | None = None,
        backdate: float | None = None,
    ) -> None:
        opened = self.engine.sittings[self.sids[sid]].state.opened_ms - self.base_ms
        for i in range(n):
            when_ms = self.now_ms + i * ms(every)
            now_cm_ms = when_ms - opened
            cm_ms = now_cm_ms
            if cm_step is not None:
                cm_ms = (i + 1) * ms(cm_step)
            if backdate is not None:
                cm_ms = now_cm_ms - (n - 1 - i) * ms(backdate)
            report = Report(
                seq=seq0 + i,
                a_ms=ms(a0) + i * ms(step),
                b_ms=ms(a0) + (i + 1) * ms(step),
                cm_ms=cm_ms,
                play_ms=ms(step if play is None else play),
                sent_cm_ms=max(cm_ms, now_cm_ms),
                hidden_ms=0,
            )
            self.hear(when_ms, self.sids[sid], report, None)


def _fields(report: Report) -> dict[str, int]:
    return {name: getattr(report, name) for name in Report.__slots__}


def policy_of(values: Args) -> Policy:
    """A `Policy` from the corpus' names, with the corpus' blocks of 6 s."""
    return Policy(
        heartbeat_ms=values["H_ms"],
        rate_max_permille=ms(values["RATE_MAX"]),
        eps_permille=ms(values["EPS"]),
        clk_slack_ms=values["CLK_SLACK_ms"],
        rate_slack_ms=values["RATE_SLACK_ms"],
        delta_ms=values["DELTA_ms"],
        carry_ms=values["CARRY_ms"],
        online_ms=values["ONLINE_ms"],
        gap_max_ms=values["GAP_MAX_ms"],
        late_day_ms=values["LATE_DAY_ms"],
        late_age_ms=values["LATE_AGE_ms"],
        hidden_grace_ms=values["HIDDEN_GRACE_ms"],
        pend_max_ms=values["PEND_MAX_ms"],
        pend_age_ms=values["PEND_AGE_ms"],
        day_cap_ms=values["DAY_CAP_ms"],
        zone=values["TZ"],
        reorder=values["REORDER"],
        tail_min_ms=values["TAIL_ms"],
        block_ms=BLOCK_MS,
    )
