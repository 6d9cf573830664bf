"""Laws of the monitor: no honest log alarms it, no changed member escapes it, no crash makes it forget."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.monitor.alarms import Alarm
from elearn.credit_export.ledger.monitor.auditing import Auditor, Window, add_span, without
from elearn.credit_export.ledger.monitor.memory import Memory
from elearn.credit_export.ledger.tiles import bundle, entries_path
from elearn.credit_export.ledger.tree import leaf_hash
from tests.credit_export.ledger.a_ledger import HOUR_MS, MINUTE, ALedger, a_digest, a_sub
from tests.credit_export.ledger.a_log import AT_S, put
from tests.credit_export.ledger.monitor.looks import a_book, watched

PEOPLE = ("ada", "bob", "cyd")
STEP = 60_000


@st.composite
def honest_books(draw: st.DrawFn) -> ALedger:
    """Random credits, voids, attendances and minutes of three people that break no rule."""
    book = a_book()
    book.unit("long", ms=20 * HOUR_MS)
    free = {(person, unit): 0 for person in PEOPLE for unit in ("first", "second", "long")}
    standing: dict[str, list[int]] = {person: [] for person in PEOPLE}
    days = 0
    for _ in range(draw(st.integers(0, 25))):
        person = draw(st.sampled_from(PEOPLE))
        match draw(st.sampled_from(["credit", "credit", "credit", "void", "attend", "minute", "silence"])):
            case "credit":
                unit = draw(st.sampled_from(["first", "second", "long"]))
                begin = free[person, unit]
                end = begin + draw(st.integers(1, 5 * STEP))
                if end <= HOUR_MS:
                    book.credit(person, begin, end, unit=unit, ms=draw(st.integers(1, end - begin)))
                    free[person, unit] = end + draw(st.sampled_from([0, 1, STEP]))
                    standing[person].append(len(book.chains[person]) - 1)
            case "void" if standing[person]:
                place = standing[person].pop(draw(st.integers(0, len(standing[person]) - 1)))
                book.void(person, place)
            case "attend":
                days += 1
                book.attend(
                    person, draw(st.integers(1, 8)), kind=draw(st.sampled_from(["theory", "practice"])), ago=days
                )
                standing[person].append(len(book.chains[person]) - 1)
            case "minute":
                book.minute(draw(st.integers(1, 3)))
            case "silence":
                book.minute(0)
                book.at += draw(st.sampled_from([timedelta(0), MINUTE]))
    return book


@contextmanager
def auditing(book: ALedger, place: Path) -> Iterator[Auditor]:
    """The rules over the entries of a book, without files and HTTP."""
    memory = Memory(place)
    try:
        yield Auditor(
            memory,
            year=2026,
            keys={book.log.vkey},
            entry_of=lambda index: book.log.entries[index],
            hash_of=lambda index: leaf_hash(book.log.entries[index]),
        )
    finally:
        memory.close()


def alarms_of(book: ALedger) -> list[Alarm]:
    found: list[Alarm] = []
    with tempfile.TemporaryDirectory() as where, auditing(book, Path(where)) as auditor:
        for index, entry in enumerate(book.log.entries):
            found += auditor.look_at(index, entry, Window(0, 1_000 * AT_S))
        auditor.memory.save()
    return found


@given(honest_books())
@settings(max_examples=60, deadline=None)
def test_no_honest_log_has_an_alarm(book: ALedger) -> None:
    assert alarms_of(book) == []


OTHER: dict[str, Any] = {
    "sub": a_sub("dee"),
    "unit": "urn:elearn:unit:other",
    "lesson": "urn:elearn:lesson:other",
    "class": "urn:elearn:class:other",
    "item": "urn:elearn:outline-item:other",
    "by": ["someone", "else"],
    "why": "other",
    "at": "2026-01-04T00:00:00.001Z",
    "from": "2026-01-04T00:00:00.001Z",
    "to": "2026-01-04T23:00:00.001Z",
    "day": "2026-01-03",
}


def another(member: str, value: Any) -> Any:
    """A value of the same form that is not this one."""
    match member, value:
        case "t", _:
            return "policy" if value != "policy" else "key"
        case "kind", _:
            return "practice" if value == "theory" else "theory"
        case "day", day if day == OTHER["day"]:
            return "2026-01-02"
        case "span", [begin, end]:
            return [begin, end + 1]
        case _, int():
            return value + 1
        case _, None:
            return a_digest("other") if member == "prev" else OTHER[member]
        case _, str() if value.startswith("sha256:"):
            return a_digest("other")
    return OTHER[member]


def changed_entry(entry: bytes, member: str) -> bytes:
    value = json.loads(entry)
    value[member] = another(member, value[member])
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@given(honest_books(), st.data())
@settings(max_examples=8, deadline=None)
def test_any_single_changed_member_of_any_leaf_has_an_alarm(book: ALedger, data: st.DataObject) -> None:
    """Whether the row alone is changed, or the tree is built again and signed with the log's own key."""
    index = data.draw(st.integers(0, book.log.size - 1))
    member = data.draw(st.sampled_from(sorted(json.loads(book.log.entries[index]))))
    entries = list(book.log.entries)
    entries[index] = changed_entry(entries[index], member)
    assert entries[index] != book.log.entries[index]
    forged = book.log.with_entries(entries)
    with tempfile.TemporaryDirectory() as where, watched(Path(where), book.log) as seen:
        seen.publish(book.log)
        assert seen.look().alarms == []
        seen.publish(forged)
        (alarm,) = seen.look(look_again=0).alarms
        assert alarm.code == "FORKED"
    with tempfile.TemporaryDirectory() as where, watched(Path(where), book.log) as seen:
        seen.publish(book.log)
        put(seen.public, entries_path(0, book.log.size), bundle(entries))
        (alarm,) = seen.look().alarms
        assert (alarm.code, alarm.index, alarm.leaf) == ("ENTRY", index, entries[index].decode())


RULED = {
    "credit": {"t", "v", "n", "unit", "total", "prev", "ev", "pol", "at"},
    "attend": {"t", "v", "n", "total", "prev", "at", "day", "from", "to"},
    "void": {"t", "v", "n", "sub", "ref", "total", "prev", "at"},
    "evidence": {"t", "v", "from"},
    "unit": {"t", "v", "at"},
    "policy": {"t", "v", "at"},
}
"""Members whose change a reader of the leaves alone cannot miss, whoever signed it and whatever comes after.

The others are borne out by what stands elsewhere: documents by the digest in `doc`, lessons by `hash`, blocks and whose
they are by their evidence. Only whoever saw the log before, or a witness, knows that they were different.
"""


@given(honest_books(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_member_that_a_rule_is_about_is_told_to_who_never_saw_another_history(
    book: ALedger, data: st.DataObject
) -> None:
    index = data.draw(st.integers(4, book.log.size - 1))
    kind = json.loads(book.log.entries[index])["t"]
    member = data.draw(st.sampled_from(sorted(RULED[kind])))
    entries = list(book.log.entries)
    entries[index] = changed_entry(entries[index], member)
    book.log = book.log.with_entries(entries)
    assert alarms_of(book) != []


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from([2**53 - 1, -1, 0, *OTHER.values()]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
LAST = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31", "0001-01-01", 2**53 - 1, [0, 2**53 - 1]]


@given(honest_books(), st.data())
@settings(max_examples=80, deadline=None)
def test_nothing_that_a_log_may_hold_stops_the_monitor(book: ALedger, data: st.DataObject) -> None:
    """Whatever stands in a leaf, it is read to the end, and what was read can be saved."""
    entries = list(book.log.entries)
    for _ in range(data.draw(st.integers(1, 6))):
        index = data.draw(st.integers(0, len(entries) - 1))
        value = json.loads(entries[index])
        member = data.draw(st.sampled_from([*value, "extra"]))
        value[member] = data.draw(anything | st.sampled_from(LAST))
        entries.insert(index, json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    entries += [data.draw(st.binary(max_size=40))]
    book.log = book.log.with_entries(entries)
    assert alarms_of(book) != []


def test_sums_without_bounds_can_be_saved(tmp_path: Path) -> None:
    book = a_book()
    huge = 2**53 - 1
    book.unit("huge", ms=huge)
    for _ in range(5):
        book.credit("ada", 0, huge, unit="huge", total=0)
    with auditing(book, tmp_path) as auditor:
        for index, entry in enumerate(book.log.entries):
            for _ in range(600):
                auditor.look_at(index, entry, Window(0, 1_000 * AT_S))
        auditor.memory.save()


stretches = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda one: (one[0], one[0] + one[1]))


@given(st.lists(st.tuples(st.booleans(), stretches), max_size=25))
@settings(deadline=None)
def test_spans_are_sets_of_seconds(steps: list[tuple[bool, tuple[int, int]]]) -> None:
    spans: list[int] = []
    seconds: set[int] = set()
    for adds, (begin, end) in steps:
        these = set(range(begin, end))
        if adds:
            assert add_span(spans, begin, end) == len(seconds & these)
            seconds |= these
        else:
            spans = without(spans, begin, end)
            seconds -= these
        assert spans == sorted(set(spans))
        assert {second for at in range(0, len(spans), 2) for second in range(spans[at], spans[at + 1])} == seconds


@given(honest_books(), st.lists(st.integers(0, 40), max_size=5))
@settings(max_examples=30, deadline=None)
def test_memory_that_is_saved_at_any_time_and_read_again_is_the_same(book: ALedger, saves: list[int]) -> None:
    """Killed between two batches, and with a half-written one at the end of its files."""

    def persons(place: Path) -> dict[bytes, Any]:
        memory = Memory(place)
        found = {sub: memory.person(sub) for sub in memory.subs()}
        memory.close()
        return found

    with tempfile.TemporaryDirectory() as where:
        whole, parts = Path(where) / "whole", Path(where) / "parts"
        for place, stops in ((whole, []), (parts, [*saves, book.log.size])):
            position = 0
            for stop in stops or [book.log.size]:
                memory = Memory(place)
                assert memory.facts.position == position
                for index in range(position, min(stop, book.log.size)):
                    auditor = Auditor(
                        memory,
                        year=2026,
                        keys=set(),
                        entry_of=book.log.entries.__getitem__,
                        hash_of=lambda index: leaf_hash(book.log.entries[index]),
                    )
                    assert auditor.look_at(index, book.log.entries[index], Window(0, 1_000 * AT_S)) == []
                memory.save()
                position = max(position, min(stop, book.log.size))
                memory.person(b"x" * 16).n = 7  # not saved
                memory.close()
                for file in place.glob("subjects-*"):
                    with file.open("ab") as half:
                        half.write(b"half a record")
        assert persons(whole) == persons(parts)
