"""The rules: does this leaf follow from those before it? Nothing is believed that another leaf does not bear out.

A leaf that breaks a rule raises an alarm and is then taken as it stands, so that one lie is one alarm and what follows
is judged by itself. `counted` is our own sum: of seconds that are credited twice it has them once.

    a leaf              is written as leaves are; names two people where it takes two, and not whose hours they are
    a person's chain    n is one more, prev is the hash of the leaf before, total is the sum of its modality and kind
    a credit            its span lies in the unit and overlaps nothing credited, and is as long as what it adds
                        it names a unit, a policy and evidence of leaves before it; the evidence ends before it was
                        appended, and after the day of learning began
    a void              takes back a leaf of the same person that still counts
    evidence            begins where the one before ended or later; no root twice; nothing heard is the hash of the root
                        before (the others can be checked by who has the rows: `sampling.py`)
    time                `at` never goes back, also not behind evidence, and lies between the cosignatures of the
                        checkpoints before and after
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from elearn.credit_export.ledger.leaves import (
    Attend,
    Chained,
    Credit,
    Evidence,
    Key,
    Leaf,
    LeafRefused,
    Policy,
    Unit,
    Void,
    digest_bytes,
    read,
)
from elearn.credit_export.ledger.monitor.alarms import Alarm, Code
from elearn.credit_export.ledger.monitor.memory import Attended, Memory, Person, UnitFacts
from elearn.credit_export.ledger.naming import year_and_series
from elearn.credit_export.ledger.tree import leaf_hash

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY_MS = 24 * 3_600_000
AHEAD_MS = 8 * 3_600_000
"""China has one time zone, UTC+8, and no summer time."""
FIRST_DAY, LAST_DAY = EPOCH.toordinal(), date.max.toordinal()
MUCH_MS = 1 << 60
"""Sums stop here: what a hostile log adds up fits into what is saved."""
CLOCKS_MS = 300_000
"""Clocks of a log and its witnesses may differ by so much, and one that was set back from itself."""

Found = Iterator[tuple[Code, str]]


@dataclass(frozen=True, slots=True)
class Window:
    """When the leaves under way were appended, by others' clocks, epoch milliseconds."""

    after_ms: int
    """When the last checkpoint without them was cosigned; 0: not known."""
    before_ms: int
    """When the first one with them was cosigned or, without witnesses, seen by us."""


def ms_of(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND


def local_day(at: datetime) -> date:
    """The regulator's; of the last hours of the year 9999, which have none, that year's last."""
    return date.fromordinal(min(LAST_DAY, FIRST_DAY + (ms_of(at) + AHEAD_MS) // DAY_MS))


def begin_of(day: date) -> int:
    """When the regulator's day begins, epoch milliseconds."""
    return (day.toordinal() - FIRST_DAY) * DAY_MS - AHEAD_MS


def year_of(origin: str) -> int | None:
    """The year that the name of a log ends with: `hours.example/ledger/2026`, or `2026-2` for one begun anew."""
    try:
        year, _ = year_and_series(origin.rpartition("/")[2])
    except ValueError:
        return None
    return year


class Auditor:
    """Reads leaves in order. `entry_of` and `hash_of` give those already read, by their index."""

    def __init__(
        self,
        memory: Memory,
        *,
        year: int | None,
        keys: Set[str],
        entry_of: Callable[[int], bytes],
        hash_of: Callable[[int], bytes],
    ) -> None:
        """`keys` are those of the log that are believed from elsewhere, as vkeys."""
        self.memory = memory
        self._keys = keys
        self._facts = memory.facts
        self._year = year
        self._entry_of, self._hash_of = entry_of, hash_of

    def look_at(self, index: int, entry: bytes, window: Window) -> list[Alarm]:
        """Everything that is wrong with the next leaf."""
        self._facts.position = index + 1
        try:
            leaf = read(entry)
        except LeafRefused as error:
            found = [(_code_of(str(error)), str(error))]
        else:
            found = [*self._of_its_time(leaf, window), *self._of_its_kind(leaf, index, entry)]
        return [Alarm(code, sentence, index, entry.decode(errors="replace")) for code, sentence in found]

    # Time

    def _of_its_time(self, leaf: Leaf, window: Window) -> Found:
        if isinstance(leaf, Evidence):
            at_ms = ms_of(leaf.to)
            if at_ms > window.before_ms + CLOCKS_MS:
                yield Code.CLOCK, "it is of a time that witnesses had not seen when they signed it"
            return
        at_ms = ms_of(leaf.at)
        if at_ms < self._facts.last_at_ms:
            yield Code.ORDER, "it is older than a leaf before it"
        self._facts.last_at_ms = max(at_ms, self._facts.last_at_ms)
        if at_ms > window.before_ms + CLOCKS_MS:
            yield Code.CLOCK, "it is of a time that witnesses had not seen when they signed it"
        if window.after_ms and at_ms < window.after_ms - CLOCKS_MS:
            yield Code.CLOCK, "it is dated back: witnesses saw the log without it after that time"
        # What takes back an hour of last year stands in last year's log.
        if self._year is not None and not isinstance(leaf, Void) and local_day(leaf.at).year != self._year:
            yield Code.YEAR, f"the log is that of {self._year}"

    # Kinds

    def _of_its_kind(self, leaf: Leaf, index: int, entry: bytes) -> Found:
        match leaf:
            case Credit() | Attend() | Void():
                yield from self._of_a_chain(leaf, index, entry)
            case Evidence():
                yield from self._of_evidence(leaf)
            case Unit():
                yield from self._of_a_unit(leaf)
            case Policy():
                self._facts.policies.add(leaf.pol)
            case Key():
                yield from self._of_a_key(leaf)

    def _of_a_chain(self, leaf: Chained, index: int, entry: bytes) -> Found:
        person = self.memory.person(base64.urlsafe_b64decode(f"{leaf.sub}=="))
        if leaf.n != person.n + 1:
            yield Code.SEQUENCE, f"the number after {person.n} is {leaf.n}"
        if (digest_bytes(leaf.prev) if leaf.prev else b"") != person.prev:
            yield Code.PREV, "it does not name the leaf before it of this person"
        person.n, person.prev = leaf.n, leaf_hash(entry)
        if isinstance(leaf, Attend | Void) and leaf.sub in leaf.by:
            yield Code.OFFICERS, "one of the two people is the person whose hours these are"
        match leaf:
            case Credit():
                yield from self._of_a_credit(leaf, index, person)
            case Attend():
                yield from self._of_an_attendance(leaf, index, person)
            case Void():
                yield from self._of_a_void(leaf, person)

    def _of_a_credit(self, leaf: Credit, index: int, person: Person) -> Found:
        begin, end = leaf.span
        counted = leaf.ms
        if leaf.ms > end - begin:
            yield Code.MS, f"it adds {leaf.ms} ms for a span of {end - begin} ms"
            counted = end - begin
        unit = self._facts.units.get(leaf.unit)
        if unit is None:
            yield Code.UNIT, "no leaf before it describes this unit"
        else:
            if end > unit.ms:
                yield Code.DURATION, f"the unit is over at {unit.ms} ms"
            spans = person.spans.setdefault(unit.number, [])
            twice = add_span(spans, begin, end)
            if twice:
                yield Code.OVERLAP, f"{twice} ms of this span were credited before; they are counted once"
                counted = min(counted, end - begin - twice)
            yield from _sum_up(person, f"online/{unit.kind}", leaf, counted)
        yield from self._of_what_it_names(leaf)
        yield from _of_its_day(person, leaf)
        _remember(person, index, leaf.ms, counted)

    def _of_what_it_names(self, leaf: Credit) -> Found:
        if leaf.pol not in self._facts.policies:
            yield Code.POLICY, "no leaf before it names these rules"
        to_ms = self.memory.evidence.get(digest_bytes(leaf.ev))
        if to_ms is None:
            yield Code.EVIDENCE, "no leaf before it has this evidence"
        elif to_ms > ms_of(leaf.at):
            yield Code.EVIDENCE, "its evidence was not complete when it was appended"
        elif to_ms < begin_of(leaf.day) - CLOCKS_MS:
            yield Code.EVIDENCE, "its evidence ends before the day of learning began"

    def _of_an_attendance(self, leaf: Attend, index: int, person: Person) -> Found:
        begin, end = ms_of(leaf.from_), ms_of(leaf.to)
        counted = leaf.ms
        if leaf.ms > end - begin:
            yield Code.MS, f"it adds {leaf.ms} ms for {end - begin} ms"
            counted = end - begin
        if leaf.to > leaf.at:
            yield Code.CLOCK, "it was entered before it was over"
        twice = _attended_twice(person.attended, begin, end, counted)
        if twice:
            yield Code.OVERLAP, f"{twice} ms of this time were attended elsewhere; they are counted once"
            counted -= twice
        person.attended.append(Attended(index, begin, end, counted))
        yield from _sum_up(person, f"offline/{leaf.kind}", leaf, counted)
        if leaf.day != local_day(leaf.from_):
            yield Code.DAY, "it was on another day"
        yield from _of_its_day(person, leaf)
        _remember(person, index, leaf.ms, counted)

    def _of_a_void(self, leaf: Void, person: Person) -> Found:
        wanted = digest_bytes(leaf.ref)
        index = next((one for one in reversed(person.leaves) if self._hash_of(one) == wanted), None)
        if index is None:
            yield Code.VOID, "it takes back what is no credited leaf of this person"
            return
        if index in person.voided:
            yield Code.VOID, f"leaf {index} was taken back before"
            return
        person.voided.append(index)
        taken = read(self._entry_of(index))
        assert isinstance(taken, Credit | Attend)
        overlapped = bool(person.short)
        counted = person.short.pop(index, taken.ms)
        day = taken.day.toordinal()
        person.days[day] = _bounded(person.days[day] - taken.ms)
        if isinstance(taken, Attend):
            person.attended = [one for one in person.attended if one.index != index]
            yield from _sum_up(person, f"offline/{taken.kind}", leaf, -counted, -taken.ms)
            return
        unit = self._facts.units.get(taken.unit)
        if unit is not None:
            yield from _sum_up(person, f"online/{unit.kind}", leaf, -counted, -taken.ms)
            self._give_back(person, taken, unit, overlapped)

    def _give_back(self, person: Person, taken: Credit, unit: UnitFacts, overlapped: bool) -> None:
        """Its span may be credited again. Where leaves overlapped, those that still stand are laid and counted anew."""
        if not overlapped:
            person.spans[unit.number] = without(person.spans.get(unit.number, []), *taken.span)
            return
        spans: list[int] = []
        for index in person.leaves:
            leaf = None if index in person.voided else read(self._entry_of(index))
            if isinstance(leaf, Credit) and leaf.unit == taken.unit:
                begin, end = leaf.span
                counts = min(leaf.ms, end - begin - add_span(spans, begin, end))
                before = person.counted[f"online/{unit.kind}"]
                person.counted[f"online/{unit.kind}"] = _bounded(before + counts - person.short.pop(index, leaf.ms))
                if counts != leaf.ms:
                    person.short[index] = counts
        person.spans[unit.number] = spans

    def _of_evidence(self, leaf: Evidence) -> Found:
        root, facts = digest_bytes(leaf.root), self._facts
        if ms_of(leaf.from_) < facts.last_evidence_to_ms:
            yield Code.MINUTES, "it begins before the evidence before it ended"
        if root in self.memory.evidence:
            yield Code.MINUTES, "its root is that of a leaf before it"
        elif leaf.count == 0 and facts.last_evidence and root != leaf_hash(facts.last_evidence):
            yield Code.MINUTES, "nothing was heard, and its root does not follow from the one before"
        self.memory.add_evidence(root, ms_of(leaf.to))
        facts.last_evidence = root
        facts.last_at_ms = max(facts.last_at_ms, ms_of(leaf.to))
        facts.last_evidence_to_ms = max(facts.last_evidence_to_ms, ms_of(leaf.to))

    def _of_a_unit(self, leaf: Unit) -> Found:
        said = hashlib.sha256(
            "\n".join((leaf.lesson, str(leaf.version), str(leaf.ms), leaf.hash, leaf.item or "", leaf.kind)).encode()
        ).digest()
        known = self._facts.units.get(leaf.unit)
        if known is None:
            self._facts.units[leaf.unit] = UnitFacts(len(self._facts.units), leaf.ms, leaf.kind, said)
        elif known.said != said:
            yield Code.UNIT, "a leaf before it describes this unit otherwise"

    def _of_a_key(self, leaf: Key) -> Found:
        try:
            leaf.require_signed()
        except LeafRefused as error:
            yield Code.KEY, str(error)
            return
        if leaf.old not in ({self._facts.key} if self._facts.key else self._keys):
            yield Code.KEY, "it is not signed by the log's newest key"
            return
        self._facts.key = leaf.new


def add_span(spans: list[int], begin: int, end: int) -> int:
    """Lay [begin, end) over what is there; answers how much of it was there already."""
    first = bisect_left(spans, begin)
    first -= first % 2
    last, twice, low, high = first, 0, begin, end
    while last < len(spans) and spans[last] <= end:
        twice += max(0, min(end, spans[last + 1]) - max(begin, spans[last]))
        low, high = min(low, spans[last]), max(high, spans[last + 1])
        last += 2
    spans[first:last] = [low, high]
    return twice


def without(spans: list[int], begin: int, end: int) -> list[int]:
    """What is left when [begin, end) is taken away."""
    left: list[int] = []
    for at in range(0, len(spans), 2):
        low, high = spans[at], spans[at + 1]
        for a, b in ((low, min(high, begin)), (max(low, end), high)):
            if a < b:
                left += (a, b)
    return left


def _attended_twice(before: list[Attended], begin: int, end: int, ms: int) -> int:
    """How much more than time allows: who is at two places is at one of them."""
    beside = [one for one in before if one.from_ms < end and begin < one.to_ms]
    if not beside:
        return 0
    union: list[int] = []
    for one in beside:
        add_span(union, one.from_ms, one.to_ms)
    add_span(union, begin, end)
    length = sum(union[1::2]) - sum(union[::2])
    return min(ms, max(0, ms + sum(one.ms for one in beside) - length))


def _sum_up(person: Person, counts_as: str, leaf: Chained, counted: int, stated: int | None = None) -> Found:
    """`counted` goes to our own sum, `stated` (at first the leaf's own) to the one that the leaves state."""
    if stated is None:
        assert not isinstance(leaf, Void)
        stated = leaf.ms
    expected = person.stated.get(counts_as, 0) + stated
    if leaf.total != expected:
        yield Code.TOTAL, f"{counts_as} comes to {expected} ms, and it says {leaf.total}"
    person.stated[counts_as] = leaf.total
    person.counted[counts_as] = _bounded(person.counted.get(counts_as, 0) + counted)


def _of_its_day(person: Person, leaf: Credit | Attend) -> Found:
    day = leaf.day.toordinal()
    person.days[day] = _bounded(person.days.get(day, 0) + leaf.ms)
    if person.days[day] > DAY_MS:
        yield Code.DAY, f"{person.days[day]} ms on {leaf.day}: more than a day has"
    if begin_of(leaf.day) > ms_of(leaf.at) + CLOCKS_MS:
        yield Code.DAY, f"{leaf.day} had not come when it was appended"


def _remember(person: Person, index: int, stated: int, counted: int) -> None:
    person.leaves.append(index)
    if counted != stated:
        person.short[index] = counted


def _bounded(ms: int) -> int:
    return max(-MUCH_MS, min(MUCH_MS, ms))


def _code_of(reason: str) -> Code:
    if reason == "its type is not known":
        return Code.KIND
    return Code.OFFICERS if "member by " in reason else Code.FORM
