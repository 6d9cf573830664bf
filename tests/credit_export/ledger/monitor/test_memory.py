"""The monitor's memory on disk: crashes, compaction, other versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from elearn.credit_export.ledger.monitor import alarms
from elearn.credit_export.ledger.monitor import memory as module
from elearn.credit_export.ledger.monitor.alarms import Alarm, AlarmBook, Code
from elearn.credit_export.ledger.monitor.memory import Memory


def remember(place: Path, people: range, n: int) -> None:
    memory = Memory(place)
    for number in people:
        memory.person(number.to_bytes(16, "big")).n = n
    memory.facts.position += 1
    memory.save()
    memory.close()


def numbers(place: Path) -> list[int]:
    memory = Memory(place)
    found = [memory.person(sub).n for sub in sorted(memory.subs())]
    memory.close()
    return found


def test_the_newest_record_of_a_person_holds(tmp_path: Path) -> None:
    remember(tmp_path, range(5), 1)
    remember(tmp_path, range(2, 4), 2)
    assert numbers(tmp_path) == [1, 1, 2, 2, 1]


def test_files_that_hold_mostly_old_records_are_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPACT_BYTES", 100)
    for n in range(1, 20):
        remember(tmp_path, range(5), n)
    assert numbers(tmp_path) == [19] * 5
    (file,) = tmp_path.glob("subjects-*")
    assert file.name != "subjects-0"
    assert file.stat().st_size < 1_000


def test_what_was_written_and_not_committed_is_gone(tmp_path: Path) -> None:
    remember(tmp_path, range(5), 1)
    state = (tmp_path / "state").read_bytes()
    remember(tmp_path, range(5), 2)
    (tmp_path / "state").write_bytes(state)  # as if it had died before the last step
    assert numbers(tmp_path) == [1] * 5


def test_evidence_is_remembered(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.add_evidence(b"r" * 32, -5)
    memory.save()
    memory.add_evidence(b"s" * 32, 6)
    memory.close()
    memory = Memory(tmp_path)
    assert memory.evidence == {b"r" * 32: -5}
    memory.close()


def test_a_memory_of_which_a_file_is_lost_begins_anew(tmp_path: Path) -> None:
    remember(tmp_path, range(5), 1)
    (tmp_path / "subjects-0").write_bytes(b"")
    assert numbers(tmp_path) == []


def test_a_flood_of_alarms_is_listed_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "LISTED_MAX", 3)
    for _ in range(2):
        book = AlarmBook(tmp_path / "alarms.jsonl")
        book.add([Alarm(Code.TOTAL, "wrong", index) for index in range(9)])
        book.add([Alarm(Code.PREV, "wrong", 5)])
    told = [(alarm.code, alarm.index, alarm.sentence) for alarm in AlarmBook(tmp_path / "alarms.jsonl").all()]
    assert told == [
        *[("TOTAL", index, "wrong") for index in range(3)],
        ("TOTAL", None, "and others of this kind"),
        ("PREV", 5, "wrong"),
    ]


@pytest.mark.parametrize("state", [b"", b"\x00", b"\x80"])
def test_a_memory_that_cannot_be_read_begins_anew(tmp_path: Path, state: bytes) -> None:
    """All of it can be had again from the mirror."""
    remember(tmp_path, range(5), 1)
    (tmp_path / "state").write_bytes(state)
    assert numbers(tmp_path) == []
