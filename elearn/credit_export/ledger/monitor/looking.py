"""One round: what is new is mirrored and proved, then checked leaf by leaf; every alarm is kept.

with watching(DIR, url, trust) as monitor:
    round = monitor.look(now_s=int(time.time()))
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.files import held, write_whole
from elearn.credit_export.ledger.monitor.alarms import Alarm, AlarmBook, Code
from elearn.credit_export.ledger.monitor.auditing import Auditor, Window, year_of
from elearn.credit_export.ledger.monitor.fetching import Site, Unreachable
from elearn.credit_export.ledger.monitor.memory import Memory
from elearn.credit_export.ledger.monitor.mirror import Alarmed, Mirror, Proved, not_signed, withheld
from elearn.credit_export.ledger.monitor.stamped import Stamps, look_at_stamps
from elearn.credit_export.ledger.notes import Note, NoteRefused, read_note
from elearn.credit_export.ledger.plain_text import base64_text
from elearn.credit_export.ledger.quorum import Distrusted, Doubt, Trust
from elearn.credit_export.ledger.tiles import WIDTH, BadTile, NoTile, entries_path, tile_path, unbundle, width_of
from elearn.credit_export.ledger.tree import root_of

BATCH = 8_192
"""Leaves between two times that the memory is saved."""
LOOK_AGAIN = 8
"""Mirrored bundles, and as many tiles, that are fetched again each round: which ones, nobody can know before."""
SHOWN_BYTES = 4_096
"""So much of what should be a checkpoint and is none is kept."""
DOUBTS = {Doubt.LOG_SIGNATURE: Code.SIGNATURE, Doubt.QUORUM: Code.QUORUM, Doubt.STALE: Code.STALE}


@dataclass(frozen=True, slots=True)
class Round:
    """What a look found."""

    origin: str | None
    size: int
    """Leaves of the newest checkpoint that was mirrored."""
    checked: int
    """Leaves that were read."""
    new: list[Alarm]
    alarms: list[Alarm]
    """All there ever were."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a person has by our own count and by the log's, in ms, by `online/theory` and so on."""

    sub: str
    counted: dict[str, int]
    stated: dict[str, int]


class Monitor:
    """Over its directory, which `watching` holds."""

    def __init__(
        self,
        directory: Path,
        site: Site,
        trust: Trust,
        *,
        max_age_s: int | None = None,
        look_again: int = LOOK_AGAIN,
        stamps: Stamps | None = None,
    ) -> None:
        self._stamps = stamps
        self._directory = directory
        self._site = site
        self._trust = trust
        self._max_age_s = max_age_s
        self._look_again = look_again
        self.mirror = Mirror(directory / "log")
        self.memory = Memory(directory / "audit")
        self.book = AlarmBook(directory / "alarms.jsonl")

    def look(self, *, now_s: int, compare: Sequence[Note] = ()) -> Round:
        """Raises Unreachable when the log does not answer; what was mirrored before is checked all the same."""
        known = len(self.book)
        try:
            self._keep(self._mirror(now_s))
            for note in compare:
                self._keep(self._compare(note, now_s))
        finally:
            self._audit(now_s)
        if self._stamps is not None:
            self._keep(look_at_stamps(self.mirror, self._site, self._stamps, now_s=now_s))
        alarms = self.book.all()
        return Round(self.origin(), self.mirror.size(), self.memory.facts.position, alarms[known:], alarms)

    def totals(self) -> Iterator[Totals]:
        """Of everybody in the log."""
        for sub in self.memory.subs():
            person = self.memory.person(sub)
            yield Totals(base64_text(sub).translate(_URL).rstrip("="), dict(person.counted), dict(person.stated))

    def close(self) -> None:
        self.memory.close()
        self._site.close()

    # Mirroring

    def _mirror(self, now_s: int) -> Iterator[Alarm]:
        try:
            note = self._newest()
            checkpoint = yield from self._accepted(note, now_s)
            known = [(each, Checkpoint.read(each.text)) for each in self.mirror.known()]
            for each, before in known:
                if before.origin != checkpoint.origin:
                    raise Alarmed(
                        Alarm(Code.ORIGIN, f"this was the log {before.origin} before", None, checkpoint.text())
                    )
                if before.size == checkpoint.size and before.root != checkpoint.root:
                    raise Alarmed(self._forked(each, note))
                if before.size > checkpoint.size:
                    yield self._older(before, note, checkpoint)
                    return
            self._take(note, checkpoint, known)
            yield from self._again(checkpoint)
        except Alarmed as alarmed:
            yield alarmed.alarm

    def _newest(self) -> Note:
        """What the log shows now. It is asked with the tag of what it showed before."""
        seen = self._directory / "seen.json"
        kept = json.loads(seen.read_text()) if seen.exists() else {}
        try:
            fetched = self._site.get("checkpoint", kept.get("etag"))
        except NoTile:
            raise Unreachable(f"{self._site.url} has no checkpoint") from None
        if fetched.data is None:
            return read_note(str(kept["note"]))
        try:
            note = read_note(fetched.data)
        except NoteRefused as error:
            shown = fetched.data[:SHOWN_BYTES].decode(errors="replace")
            raise Alarmed(Alarm(Code.SIGNATURE, str(error), None, shown)) from None
        write_whole(seen, json.dumps({"etag": fetched.etag, "note": str(note)}).encode())
        return note

    def _accepted(self, note: Note, now_s: int) -> Generator[Alarm, None, Checkpoint]:
        """The checkpoint, when log and quorum signed it. One that is old is gone on with: what it signs is signed."""
        try:
            checkpoint = self._trust.require(note, now_s=now_s)
        except Distrusted as doubt:
            raise Alarmed(Alarm(DOUBTS[doubt.reason], doubt.detail, None, str(note))) from None
        try:
            self._trust.require(note, now_s=now_s, max_age_s=self._max_age_s)
        except Distrusted as doubt:
            yield Alarm(DOUBTS[doubt.reason], doubt.detail, None, str(note))
        if year_of(checkpoint.origin) is None:
            yield Alarm(Code.ORIGIN, "the name of the log does not end with its year", None, checkpoint.text())
        return checkpoint

    def _take(self, note: Note, checkpoint: Checkpoint, known: Sequence[tuple[Note, Checkpoint]]) -> None:
        try:
            proved = Proved(checkpoint, self.mirror.fetch, self._site.fetch)
            for each, before in known:
                if root_of(before.size, proved) != before.root:
                    raise Alarmed(self._forked(each, note))
        except NoTile as missing:
            raise Alarmed(withheld(str(missing), checkpoint)) from None
        except BadTile as bad:
            raise Alarmed(not_signed(str(bad), checkpoint)) from None
        if checkpoint.size > self.mirror.size() or self.mirror.newest() is None:
            self.mirror.extend(note, proved, self._site.fetch)
        elif self.mirror.newest() != note:
            self.mirror.replace(note)

    def _again(self, checkpoint: Checkpoint) -> Iterator[Alarm]:
        """Some files that were mirrored, and always the last: is what is served now what was served then?"""
        tiles = -(-checkpoint.size // WIDTH)
        chosen = random.SystemRandom().sample(range(tiles), min(self._look_again, tiles))
        for index in sorted({*chosen, tiles - 1} - {-1}):
            width = width_of(0, index, checkpoint.size)
            for path, full in (
                (entries_path(index, width), entries_path(index)),
                (tile_path(0, index, width), tile_path(0, index)),
            ):
                kept = self.mirror.fetch(path)
                try:
                    served = self._site.fetch(path)
                except NoTile:
                    try:
                        served = self._site.fetch(full)[: len(kept)]
                    except NoTile:
                        yield withheld(path, checkpoint)
                        continue
                if served != kept:
                    yield _changed(path, kept, served, index * WIDTH)

    def _older(self, before: Checkpoint, note: Note, checkpoint: Checkpoint) -> Alarm:
        own = self.mirror.node()
        if own and checkpoint.size <= self.mirror.size() and root_of(checkpoint.size, own) != checkpoint.root:
            return self._forked(self.mirror.known()[0], note)
        sentence = f"{checkpoint.size} leaves are shown, and {before.size} were shown before"
        return Alarm(Code.OLDER, sentence, None, str(note))

    def _forked(self, one: Note, other: Note) -> Alarm:
        """Both notes are kept: signed by the log, they prove it to anybody."""
        where = self._directory / "contradictions"
        where.mkdir(exist_ok=True)
        for note in (one, other):
            data = str(note).encode()
            write_whole(where / f"{hashlib.sha256(data).hexdigest()}.note", data)
        text = f"{one.text}\n{other.text}"
        return Alarm(Code.FORKED, "the log signed two checkpoints that contradict each other", None, text)

    # Comparing

    def _compare(self, note: Note, now_s: int) -> Iterator[Alarm]:
        """What somebody else was shown. Only what the log signed says anything."""
        try:
            checkpoint = self._trust.signed(note)
        except Distrusted:
            return
        if checkpoint.origin != self.origin():
            return
        if checkpoint.size > self.mirror.size():
            yield from self._mirror(now_s)  # it may have come since
        own, newest = self.mirror.node(), self.mirror.newest()
        if own is None or newest is None:
            return
        if checkpoint.size > self.mirror.size():
            sentence = f"somebody was shown {checkpoint.size} leaves, and here there are {self.mirror.size()}"
            yield Alarm(Code.HIDDEN, sentence, None, str(note))
        elif root_of(checkpoint.size, own) != checkpoint.root:
            yield self._forked(newest, note)

    # Checking

    def _audit(self, now_s: int) -> None:
        note, facts = self.mirror.newest(), self.memory.facts
        size = self.mirror.size()
        if note is None or facts.position >= size:
            return
        checkpoint = Checkpoint.read(note.text)
        times = self._trust.cosigned(note).values()
        window = Window(facts.seen_ms, 1_000 * (min(times) + 1 if times else now_s))
        auditor = Auditor(
            self.memory,
            year=year_of(checkpoint.origin),
            keys={key.vkey for key in self._trust.keys_of(checkpoint.origin)},
            entry_of=self.mirror.entry,
            hash_of=self.mirror.hash_of,
        )
        alarms: list[Alarm] = []
        for index, entry in self.mirror.entries(facts.position, size):
            alarms += auditor.look_at(index, entry, window)
            if (index + 1) % BATCH == 0:
                self._save(alarms)
                alarms = []
        facts.seen_size, facts.seen_ms = size, 1_000 * max(times) if times else 0
        self._save(alarms)

    def _save(self, alarms: Sequence[Alarm]) -> None:
        """Alarms first: a crash in between finds them again, and forgets none."""
        self.book.add(alarms)
        self.memory.save()

    def _keep(self, alarms: Iterator[Alarm]) -> None:
        for alarm in alarms:
            self.book.add([alarm])

    def origin(self) -> str | None:
        """Of the log that is mirrored; None: nothing of it is here."""
        note = self.mirror.newest()
        return Checkpoint.read(note.text).origin if note else None


_URL = str.maketrans("+/", "-_")


@contextmanager
def watching(
    directory: Path,
    url: str,
    trust: Trust | None,
    *,
    max_age_s: int | None = None,
    look_again: int = LOOK_AGAIN,
    stamps: Stamps | None = None,
) -> Iterator[Monitor]:
    """The monitor of this directory, held. Without a policy the key that the log shows first is believed from then on.

    Raises InUse, Unreachable.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "log").mkdir(exist_ok=True)
    with held(directory / "lock"):
        site = Site(url)
        monitor = Monitor(
            directory,
            site,
            trust or _first_key(directory, site),
            max_age_s=max_age_s,
            look_again=look_again,
            stamps=stamps,
        )
        try:
            yield monitor
        finally:
            monitor.close()


def read_other(place: str) -> Note:
    """Somebody else's checkpoint: an address or a file. Raises Unreachable, NoteRefused."""
    parts = urlsplit(place)
    if parts.scheme in ("http", "https"):
        base, _, name = place.rpartition("/")
        site = Site(base)
        try:
            return read_note(site.fetch(name))
        except NoTile:
            raise Unreachable(f"there is nothing at {place}") from None
        finally:
            site.close()
    try:
        return read_note(Path(place).read_bytes())
    except OSError as error:
        raise Unreachable(f"{place} cannot be read: {error}") from None


def shown_by_witnesses(trust: Trust, origin: str) -> list[str]:
    """Where the policy's witnesses show the newest checkpoint of this log that they cosigned (tlog-witness)."""
    name = hashlib.sha256(origin.encode()).hexdigest()
    return [f"{one.url.rstrip('/')}/{name}/checkpoint" for one in trust.witnesses.values() if one.url]


def _first_key(directory: Path, site: Site) -> Trust:
    path = directory / "log.vkey"
    if not path.exists():
        try:
            data = site.fetch("log.vkey")
            Trust.none(data.decode().strip())
        except (NoTile, NoteRefused, UnicodeError):
            raise Unreachable(f"{site.url} shows no key of a log: name it in a policy (--trust)") from None
        write_whole(path, data)
    return Trust.none(path.read_text().strip())


def _changed(path: str, kept: bytes, served: bytes, first: int) -> Alarm:
    """Naming the leaf, where it can be told."""
    index, text = None, path
    if "entries" in path:
        try:
            now = unbundle(served)
        except BadTile:
            now = []
        then = unbundle(kept)
        place = next((at for at, one in enumerate(then) if at >= len(now) or now[at] != one), None)
        if place is not None:
            index = first + place
            text = (now[place] if place < len(now) else then[place]).decode(errors="replace")
    return Alarm(Code.CHANGED, f"{path} was another file when it was mirrored", index, text)
