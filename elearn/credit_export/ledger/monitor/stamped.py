"""Time stamps of the log: is the newest checkpoint that was stamped the one of our mirror, and are the clocks right?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.leaves import Evidence, LeafRefused, read
from elearn.credit_export.ledger.monitor.alarms import Alarm, Code
from elearn.credit_export.ledger.monitor.auditing import CLOCKS_MS, ms_of
from elearn.credit_export.ledger.monitor.fetching import Site
from elearn.credit_export.ledger.monitor.mirror import Mirror
from elearn.credit_export.ledger.plain_text import NoteRefused, number
from elearn.credit_export.ledger.tiles import NoTile
from elearn.credit_export.ledger.tree import root_of

SECOND = 1_000


@dataclass(frozen=True, slots=True)
class Stamps:
    """Whose are believed, and how old a leaf may be that no stamp is over yet."""

    roots: Sequence[x509.Certificate]
    age_s: int


def read_roots(path: Path) -> list[x509.Certificate]:
    """Raises ValueError."""
    from elearn.credit_export.ledger import stamps  # who looks at no stamps needs no library for them

    return stamps.read_roots(path)


def look_at_stamps(mirror: Mirror, site: Site, believed: Stamps, *, now_s: int) -> Iterator[Alarm]:
    """Raises Unreachable."""
    node, note = mirror.node(), mirror.newest()
    if node is None or note is None:
        return
    log = Checkpoint.read(note.text)
    try:
        size = number(site.fetch("stamp/newest").decode(errors="replace").strip())
    except NoTile:
        size = 0
    except NoteRefused as error:
        yield Alarm(Code.STAMP, f"stamp/newest names no checkpoint: {error}")
        return
    if size > log.size:
        size = 0  # it grew since we looked; the next look sees both
    if size:
        yield from _of(Checkpoint(log.origin, size, root_of(size, node)), mirror, site, believed, now_s)
    if size < log.size:
        at_ms = _time_of(mirror, size)
        if at_ms is not None and at_ms + SECOND * believed.age_s < SECOND * now_s:
            what = f"leaf {size} of {_said(at_ms)} and those after it have no time stamp"
            yield Alarm(Code.STALE, what, size, mirror.entry(size).decode(errors="replace"))


def _of(checkpoint: Checkpoint, mirror: Mirror, site: Site, believed: Stamps, now_s: int) -> Iterator[Alarm]:
    from elearn.credit_export.ledger import stamps

    text = checkpoint.text()
    path = f"stamp/{checkpoint.size}.tsr"
    try:
        at_ms = ms_of(stamps.require(site.fetch(path), text.encode(), believed.roots))
    except NoTile:
        yield Alarm(Code.WITHHELD, f"{path} is not there, and stamp/newest names it", None, text)
        return
    except stamps.StampRefused as error:
        yield Alarm(Code.STAMP, f"the time stamp of {checkpoint.size} leaves: {error}", None, text)
        return
    if at_ms > SECOND * now_s + CLOCKS_MS:
        yield Alarm(Code.CLOCK, f"the time stamp is of {_said(at_ms)}, and that has not come", None, text)
    last_ms = _time_of(mirror, checkpoint.size - 1)
    if last_ms is not None and last_ms > at_ms + CLOCKS_MS:
        what = f"its last leaf says {_said(last_ms)}, and it was stamped at {_said(at_ms)}: a clock is wrong"
        yield Alarm(Code.CLOCK, what, checkpoint.size - 1, text)


def _time_of(mirror: Mirror, index: int) -> int | None:
    """When the leaf was appended, by the log's own clock."""
    try:
        leaf = read(mirror.entry(index))
    except LeafRefused:
        return None
    return ms_of(leaf.to if isinstance(leaf, Evidence) else leaf.at)


def _said(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // SECOND, UTC).isoformat()
