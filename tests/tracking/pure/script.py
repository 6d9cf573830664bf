"""The corpus' vocabulary (the head of tests/integrity/cases.yaml), played against a `Server`.

A server is the pure `Engine` of this package, or the real one over HTTP (tests/integrity). Time runs in ticks of
100 ms (`tick_ms`) while something plays or waits; else it jumps to the next event. A report of the scripted player
is made at a tick and heard 200 ms later. A player asks for the keys ahead of it every `ask_every_ms`, and at each
tick when nothing is left to play.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from elearn.tracking.pacing import Given, KeyDecision
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.verifier import Report

START_MS = 1_767_574_800_000
"""2026-01-05 09:00:00 Asia/Shanghai."""
TICK_MS = 100
LATENCY_MS = 200
AHEAD_MS = 30_000
BLOCK_MS = 6_000
CHECK_AT_MS = 600_000
MESSAGE = 64
"""Reports that one message may hold."""

Args = dict[str, Any]


def ms(seconds: float) -> int:
    """Seconds of the corpus as whole milliseconds."""
    return round(seconds * 1_000)


class Live(Protocol):
    """The sitting that a learner's newest player holds open."""

    @property
    def sid(self) -> str: ...
    @property
    def learner(self) -> str: ...
    @property
    def unit(self) -> str: ...


class Server(Protocol):
    """What players talk to. Names of sittings, learners, units and devices are the story's own.

    `now_ms` is what the server's wall clock shows. `units` are name -> duration in milliseconds, `delivered` the media
    whose keys a learner's players were given.
    """

    @property
    def units(self) -> Mapping[str, int]: ...
    @property
    def learners(self) -> Iterable[str]: ...
    @property
    def delivered(self) -> Mapping[tuple[str, str], tuple[Span, ...]]: ...

    def live(self, learner: str) -> Sequence[Live]: ...
    def frontier_ms(self, learner: str, unit: str) -> int: ...
    def pending_ms(self, learner: str) -> int: ...
    def open(
        self, sid: str, learner: str, unit: str, device: str, *, cm_ms: int, now_ms: int, skew_ms: int = 0
    ) -> None: ...
    def close(self, sid: str, *, now_ms: int) -> None: ...
    def licence(self, sid: str) -> None: ...
    def key(self, sid: str, block: Span, *, now_ms: int) -> KeyDecision: ...
    def presence(self, learner: str, *, passed: bool, now_ms: int) -> None: ...
    def message(
        self, sid: str, reports: Sequence[Report], *, key: str | None, now_ms: int, length_ms: int | None = None
    ) -> None:
        """Reports that arrive together. `key`: the device that signs, None for the sitting's own.

        `length_ms`: the duration that the client claims for the unit.
        """


ServerT = TypeVar("ServerT", bound=Server)


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
    lie_play: bool = False
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


class Script(Generic[ServerT]):
    """Tells one story to `server`. `check` names how presence is handled: `auto` or `manual`."""

    def __init__(
        self,
        server: ServerT,
        policy: Policy,
        *,
        check: str,
        start_ms: int = 0,
        until_ms: int,
        tick_ms: int = TICK_MS,
        ask_every_ms: int = TICK_MS,
    ) -> None:
        self.server = server
        self.policy = policy
        self.tick_ms = tick_ms
        self.ask_every_ms = ask_every_ms
        self.auto = check == "auto"
        self.now_ms = 0
        self.base_ms = START_MS + start_ms
        self.until_ms = until_ms
        self.step_back_ms = 0
        self.network_up = True
        self.offline: set[str] = set()
        self.stalled_ms = 0
        self.clients: dict[str, Client] = {}
        self.sids: dict[str, str] = {}
        self.opened_ms: dict[str, int] = {}
        self.wanted: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.order = 0

    # -- the loop

    def at(self, when_ms: int, action: Callable[[], None]) -> None:
        """Do `action` at `when_ms`; what was asked for first goes first."""
        self.order += 1
        heapq.heappush(self.queue, (when_ms, self.order, action))

    def run(self, events: list[list[Any]]) -> ServerT:
        """Play the events to the end of the story and settle what `auto` settles. LookupError: no such command."""
        for event in events:
            command = getattr(self, f"do_{event[1]}", None)
            if command is None:
                raise LookupError(f"the vocabulary has no command {event[1]!r}")
            self.at(ms(event[0]), partial(command, **(event[2] if len(event) > 2 else {})))
        self.at(0, self.tick)
        while self.queue and self.queue[0][0] <= self.until_ms:
            self.now_ms, _, action = heapq.heappop(self.queue)
            action()
            if action != self.tick:  # a tick makes reports; what is pending changes when they are heard
                self.check()
        if self.auto:
            for learner in list(self.server.learners):
                self.server.presence(learner, passed=True, now_ms=self.server_ms)
        return self.server

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
        asking = bool(self.wanted) and any(self.wanted[s.learner, s.unit] for s in self.live_sittings())
        following = self.now_ms + (self.tick_ms if playing else 1_000)
        if not playing and not asking:
            # Nothing moves by itself until the next event; ticks stay on whole seconds.
            nearest = min((when for when, _, _ in self.queue), default=self.until_ms + 1)
            following = max(following, -(-nearest // 1_000) * 1_000)
        self.at(following, self.tick)

    def live_sittings(self) -> list[Live]:
        """Every sitting that is not ended."""
        return [s for learner in self.server.learners for s in self.server.live(learner)]

    def reachable(self, client: Client) -> bool:
        """Can this client talk to the server now?"""
        return self.network_up and client.name not in self.offline

    def check(self) -> None:
        """Presence `auto`: every check is passed, one whenever 600 s are pending."""
        if self.auto:
            for learner in list(self.server.learners):
                if self.server.pending_ms(learner) >= CHECK_AT_MS:
                    self.server.presence(learner, passed=True, now_ms=self.server_ms)

    # -- media and keys

    def blocks(self, unit: str, start_ms: int, end_ms: int) -> list[Span]:
        """The blocks of `unit` that overlap [start_ms, end_ms)."""
        duration_ms = self.server.units[unit]
        first = start_ms // BLOCK_MS * BLOCK_MS
        return [Span(at, min(at + BLOCK_MS, duration_ms)) for at in range(first, min(end_ms, duration_ms), BLOCK_MS)]

    def ask_for_wanted(self) -> None:
        """Repeat the requests that `deliver` left standing."""
        for (learner, unit), blocks in self.wanted.items():
            live = self.server.live(learner)
            if live and live[0].unit == unit:
                while blocks and isinstance(self.server.key(live[0].sid, blocks[0], now_ms=self.server_ms), Given):
                    blocks.pop(0)

    def fetch_ahead(self, client: Client) -> None:
        """Ask for the keys of the next 30 s, in order, until one must wait."""
        if not self.reachable(client):
            return
        have = self.server.delivered[client.learner, client.unit]
        for block in self.blocks(client.unit, client.at_ms, client.at_ms + AHEAD_MS):
            if any(s.start_ms <= block.start_ms and block.end_ms <= s.end_ms for s in have):
                continue
            if not isinstance(self.server.key(client.sid, block, now_ms=self.server_ms), Given):
                break

    def buffered(self, client: Client) -> int:
        """Up to where the media from the client's position on can be played, per mille of a millisecond kept."""
        for span in self.server.delivered[client.learner, client.unit]:
            if span.start_ms <= client.at_ms < span.end_ms:
                return span.end_ms * 1_000
        return 0

    def play_on(self, client: Client) -> None:
        """One tick of playing, or of waiting for media."""
        end = self.server.units[client.unit] * 1_000
        buffered, step = self.buffered(client), self.tick_ms * client.rate_permille * client.media_permille // 1_000
        ahead = min(end, client.position + AHEAD_MS * 1_000)
        if buffered < ahead and (self.now_ms % self.ask_every_ms == 0 or buffered < client.position + step):
            self.fetch_ahead(client)
            buffered = self.buffered(client)
        if client.position < end:
            moved = min(step, max(0, min(buffered, end) - client.position))
            client.position += moved
            if moved == 0:
                self.stalled_ms += self.tick_ms
                return
            client.played_ms += self.tick_ms * client.drift_permille // 1_000
            if client.hidden and not client.lie_visible:
                client.hidden_ms += self.tick_ms
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
                    play_ms=client.at_ms - client.began if client.lie_play else client.played_ms,
                    sent_cm_ms=0,
                    hidden_ms=client.hidden_ms,
                )
            )
        client.began, client.played_ms, client.hidden_ms = client.at_ms, 0, 0
        self.send(client)

    def send(self, client: Client) -> None:
        """Everything queued, in order; a slow uplink delays the arrival, not the sending."""
        if not self.reachable(client) or client.dead:
            return
        sent_ms = self.clock_ms(client)
        queue = [replace(made, sent_cm_ms=sent_ms) for made in client.outbox]
        if queue:
            self.hear(self.now_ms + LATENCY_MS + client.lag_ms, client.sid, queue)
        client.outbox.clear()

    def hear(self, when_ms: int, sid: str, reports: Sequence[Report]) -> None:
        """The reports reach the server at `when_ms`, in messages between which a check that falls due is taken."""
        message: list[Report] = []
        room_ms = self.policy.pend_max_ms - CHECK_AT_MS
        for report in reports:
            room_ms -= report.b_ms - report.a_ms
            if message and (room_ms < 0 or len(message) == MESSAGE):
                self.at(when_ms, self.arrival(sid, message))
                message, room_ms = [], self.policy.pend_max_ms - CHECK_AT_MS - (report.b_ms - report.a_ms)
            message.append(report)
        self.at(when_ms, self.arrival(sid, message))

    def arrival(self, sid: str, message: Sequence[Report]) -> Callable[[], None]:
        """One message reaching the server."""
        return lambda: self.server.message(sid, message, key=None, now_ms=self.server_ms)

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
        lie_play: bool = False,
        outbox_lag: float = 0,
    ) -> None:
        before = self.clients.get(c)
        if before is not None and before.outbox:  # what a killed page left on the device goes first
            before.dead = False
            self.send(before)
        name = sid or c
        real = f"{name}@{self.now_ms}"
        self.sids[name] = real
        self.opened_ms[real] = self.now_ms
        self.server.open(real, l, u, dev or c, cm_ms=0, now_ms=self.server_ms, skew_ms=ms(skew))
        at_ms = self.server.frontier_ms(l, u)
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
            lie_play=lie_play,
            lag_ms=ms(outbox_lag),
        )
        if dl:
            self.server.licence(real)

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
        self.do_seek(self.server.frontier_ms(client.learner, client.unit) / 1_000, c)

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
        self.at(self.now_ms + LATENCY_MS, lambda: self.server.close(client.sid, now_ms=self.server_ms))

    def do_download(self, c: str = "c") -> None:
        self.server.licence(self.clients[c].sid)

    def do_net_down(self, c: str | None = None) -> None:
        if c is None:
            self.network_up = False
        else:
            self.offline.add(c)

    def do_net_up(self, c: str | None = None) -> None:
        if c is None:
            self.network_up = True
            self.offline.clear()
        else:
            self.offline.discard(c)
        for client in self.clients.values():
            self.send(client)

    def do_server_down(self) -> None:
        self.do_net_down()

    def do_server_up(self) -> None:
        self.do_net_up()

    def do_clock_back(self, by: float) -> None:
        self.step_back_ms += ms(by)

    def do_presence(self, ok: bool, l: str = "L") -> None:  # noqa: E741
        self.server.presence(l, passed=ok, now_ms=self.server_ms)

    def do_deliver(self, to: float, l: str = "L", u: str = "U", **rest: float) -> None:  # noqa: E741
        if set(rest) != {"from"}:
            raise LookupError(f"deliver wants from and to, not {sorted(rest)}")
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
        dur: float | None = None,
    ) -> None:
        real = self.sids.get(sid, sid)
        cm_ms = self.now_ms - self.opened_ms.get(real, 0) if cm is None else ms(cm)
        report = Report(
            seq=seq,
            a_ms=ms(a),
            b_ms=ms(b),
            cm_ms=cm_ms,
            play_ms=ms(b) - ms(a) if play is None else ms(play),
            sent_cm_ms=cm_ms if sent_cm is None else ms(sent_cm),
            hidden_ms=ms(hidden),
        )
        length_ms = None if dur is None else ms(dur)
        self.server.message(real, [report], key=key, now_ms=self.server_ms, length_ms=length_ms)

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
        real = self.sids.get(sid, sid)
        opened = self.opened_ms.get(real, 0)
        batch: list[Report] = []
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
            if every:
                self.hear(when_ms, real, [report])
            else:
                batch.append(report)
        if batch:
            self.hear(self.now_ms, real, batch)


POLICY_NAMES = {
    "H_ms": "heartbeat_ms",
    "RATE_MAX": "rate_max_permille",
    "EPS": "eps_permille",
    "CLK_SLACK_ms": "clk_slack_ms",
    "RATE_SLACK_ms": "rate_slack_ms",
    "DELTA_ms": "delta_ms",
    "CARRY_ms": "carry_ms",
    "ONLINE_ms": "online_ms",
    "GAP_MAX_ms": "gap_max_ms",
    "LATE_DAY_ms": "late_day_ms",
    "LATE_AGE_ms": "late_age_ms",
    "HIDDEN_GRACE_ms": "hidden_grace_ms",
    "PEND_MAX_ms": "pend_max_ms",
    "PEND_AGE_ms": "pend_age_ms",
    "DAY_CAP_ms": "day_cap_ms",
    "TZ": "zone",
    "REORDER": "reorder",
    "TAIL_ms": "tail_min_ms",
}


def policy_of(values: Args) -> Policy:
    """A `Policy` from the corpus' names; what they leave out is the default's. Raises KeyError: an unknown name."""
    if values.get("STRICT_ORDER", True) is not True:
        raise KeyError("STRICT_ORDER: our rules know no other order")
    named = {POLICY_NAMES[name]: value for name, value in values.items() if name != "STRICT_ORDER"}
    ours: Args = {name: ms(value) if name.endswith("_permille") else value for name, value in named.items()}
    default = Policy()
    latest_ms = min(default.presence_max_ms, ours.get("pend_max_ms", default.pend_max_ms))
    return Policy(**ours, presence_min_ms=min(default.presence_min_ms, latest_ms), presence_max_ms=latest_ms)
