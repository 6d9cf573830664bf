"""The record store, beside a peer and beside bare SQL, in one run (under eight minutes).

    python -m bench.lrs [--seconds 3] [--rounds 2] [--statements 1000000] [--no-peer] [--installed DIRECTORY]

Statements go in by POST, one and fifty at a time, over 8 and 32 connections; a page of one agent and one verb comes
out of 100,000 and of 1,000,000. Both stores are measured in turns, each with two processes, while the other is idle;
the load comes from a process of its own, and what that takes is told. Whoever is slower at night is so for both.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import lrs_rows
from bench.figures import Figure, say
from bench.lrs_peer import WANTED, CannotInstall, install, peer
from bench.lrs_servers import Store, Told, ours

SINGLE_GOAL = 12.0
BATCH_GOAL = 5.0
BATCH = 50
PAGE_MS = 5.0
FLAT = 1.5
RAW_SHARE = 0.5
FEW = 100_000
MANY = 1_000_000
PEER_HOLDS = 1000
"""So many statements the peer holds when a turn begins, as its file backend reads them all for each request. Ours holds
what all turns before have left in it."""
PEER_PAGE_S = 15.0
"""It needs seconds for one."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="each measurement")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each measurement of POST")
    parser.add_argument("--statements", type=int, default=MANY, help="how many the larger store holds")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--installed", type=Path, help="an environment with the peer in it")
    asked = parser.parse_args()
    return say(
        run(
            seconds=asked.seconds,
            rounds=asked.rounds,
            statements=asked.statements,
            beside=not asked.no_peer,
            installed=asked.installed,
        )
    )


def run(
    *,
    seconds: float = 3.0,
    rounds: int = 2,
    statements: int = MANY,
    beside: bool = True,
    installed: Path | None = None,
) -> Iterator[Figure]:
    """All figures, on services of its own."""
    with ExitStack() as stack:
        where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-lrs-")))
        store, url = stack.enter_context(ours(where))
        other: Store | None = None
        if beside:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-lrs-peer-")))
            try:
                home = installed or install(place)
            except CannotInstall as reason:
                yield Figure("no peer beside", 0.0, None, f"{WANTED}: {reason}")
            else:
                yield from door_alone(place, home, seconds)
                other = stack.enter_context(peer(place / "files", home))
        few = yield from pages(store, url, seconds, FEW)
        if other:
            yield from pages_of(other, url, seconds, few)
        yield from posts(store, other, url, seconds, rounds)
        yield from pages(store, url, seconds, statements)
        yield flatness(store, stack, seconds, rounds, statements)


def door_alone(place: Path, home: Path, seconds: float) -> Iterator[Figure]:
    """What no backend could make the peer surpass."""
    with peer(place / "door", home, keeps=False) as door:
        for batch in (1, BATCH):
            told = door.load(connections=8, batch=batch, seconds=seconds)
            yield Figure(f"told: the peer's door, which keeps nothing, POST of {batch}", 0.0, None, described(told))


# -- statements in


def posts(store: Store, other: Store | None, url: str, seconds: float, rounds: int) -> Iterator[Figure]:
    for batch, goal in ((1, SINGLE_GOAL), (BATCH, BATCH_GOAL)):
        for connections in (8, 32):
            mine: list[Told] = []
            theirs: list[Told] = []
            bare: list[float] = []
            alike: list[float] = []
            for _ in range(rounds):
                mine.append(store.load(connections=connections, batch=batch, seconds=seconds))
                bare.append(batch * lrs_rows.insert(url, connections=1, rows=batch, seconds=seconds / 2).rate)
                alike.append(
                    batch * lrs_rows.insert(url, connections=connections, rows=batch, seconds=seconds / 2).rate
                )
                if other:
                    other.begin_with(PEER_HOLDS)
                    theirs.append(other.load(connections=connections, batch=batch, seconds=seconds))
            name = f"POST of {batch}, {connections} connections"
            yield from against(name, mine, theirs, goal)
            rate = max(told.rate for told in mine)
            yield Figure(
                f"{name}: bare INSERT of the same rows, one connection / this",
                max(bare) / rate,
                1 / RAW_SHARE if batch > 1 else None,
                f"{max(bare):.0f} / {rate:.0f} statements a second; bare over {connections}: {max(alike):.0f}",
            )
        if other:
            other.begin_with(0)
            empty = other.load(connections=8, batch=batch, seconds=seconds)
            yield Figure(f"told: the peer from an empty store, POST of {batch}", 0.0, None, described(empty))


def against(name: str, mine: Sequence[Told], theirs: Sequence[Told], goal: float) -> Iterator[Figure]:
    """Ours beside the peer's best turn, as the part of the goal that is missing: 1.0 is the goal itself."""
    first = max(mine, key=lambda told: told.rate)
    if not theirs:
        yield Figure(name, 0.0, None, described(first))
        return
    second = max(theirs, key=lambda told: told.rate)
    times = first.rate / second.rate
    yield Figure(
        f"{name}: {goal:.0f} x the peer / ours",
        goal / times,
        1.0,
        f"{times:.1f} x; ours {described(first)}; peer {described(second)}",
    )


def described(told: Told) -> str:
    return (
        f"{told.rate:.0f}/s, p50 {told.ms(50):.1f} ms, p99 {told.ms(99):.1f} ms, CPU {told.server_ms:.3f} + "
        f"{told.database_ms:.3f} ms a statement (server + PostgreSQL), load {told.load_share:.0%} of a core"
    )


# -- statements out


def pages(store: Store, url: str, seconds: float, statements: int) -> Generator[Figure, None, Told]:
    """Pages from a store that holds so many; answers what the only client saw."""
    copied, took_s = lrs_rows.fill(url, statements)
    store.load(connections=1, batch=0, seconds=1.0)  # what was just vacuumed is read once
    alone = store.load(connections=1, batch=0, seconds=seconds)
    crowd = store.load(connections=8, batch=0, seconds=seconds)
    bare = lrs_rows.select(url, seconds=seconds / 2)
    yield Figure(
        f"page of 50 from {statements:,} / {PAGE_MS:.0f} ms",
        alone.ms(50) / PAGE_MS,
        1.0,
        f"{paged(alone)} as the only client sees it; 8 connections: {paged(crowd)}; bare SELECT p50 "
        f"{bare.p50_ms:.2f} ms; {copied} rows copied in by SQL in {took_s:.0f} s",
    )
    return alone


def flatness(store: Store, stack: ExitStack, seconds: float, rounds: int, statements: int) -> Figure:
    """The same page from `store`, which holds so many, and from a second store that holds few, in turns."""
    where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-lrs-few-")))
    small, url = stack.enter_context(ours(where))
    lrs_rows.fill(url, FEW)
    p50: dict[str, list[float]] = {"many": [], "few": []}
    for one in (store, small):
        one.load(connections=1, batch=0, seconds=1.0)
    for _ in range(rounds + 1):
        for name, one in (("many", store), ("few", small)):
            p50[name].append(one.load(connections=1, batch=0, seconds=seconds).ms(50))
    many, few = min(p50["many"]), min(p50["few"])
    told = f"p50 {many:.2f} ms / {few:.2f} ms, the better of {rounds + 1} turns each"
    return Figure(f"page of 50 from {statements:,} / from {FEW:,}", many / few, FLAT, told)


def pages_of(other: Store, url: str, seconds: float, mine: Told) -> Iterator[Figure]:
    """The same statements in the peer's file. Its answer is told in bytes: one of a few hundred holds none."""
    lrs_rows.export(url, other.files[0], FEW)
    theirs = other.load(connections=1, batch=0, seconds=max(seconds, PEER_PAGE_S))
    yield Figure(
        f"page of 50 from {FEW:,}: ours / the peer's", mine.ms(50) / theirs.ms(50), None, f"peer {paged(theirs)}"
    )


def paged(told: Told) -> str:
    return (
        f"p50 {told.ms(50):.2f} ms, p99 {told.ms(99):.2f} ms, {told.rate:.0f}/s, "
        f"CPU {told.server_ms:.2f} + {told.database_ms:.2f} ms, {told.seen.answer_bytes} bytes"
    )


if __name__ == "__main__":
    raise SystemExit(main())
