"""What is mirrored was signed, is proved to extend what was mirrored, and is what is still served."""

from __future__ import annotations

from pathlib import Path

import pytest

from elearn.credit_export.ledger.monitor.fetching import Unreachable
from elearn.credit_export.ledger.monitor.looking import watching
from elearn.credit_export.ledger.tiles import bundle, entries_path, tile_path, tiles_of, unbundle
from elearn.credit_export.ledger.tree import leaf_hash
from tests.credit_export.ledger.a_ledger import ALedger
from tests.credit_export.ledger.a_log import AT_S, ALog, a_signer, put, served
from tests.credit_export.ledger.monitor.looks import (
    EXAM,
    NOW_S,
    REGULATOR,
    Watched,
    a_book,
    a_long_book,
    codes,
    grow,
    trusting,
    watched,
)


def same_files(seen: Watched, size: int) -> None:
    """The mirror holds what a log of that size publishes, to the byte."""
    mirror = seen.directory / "log"
    for level, index, width in tiles_of(size):
        paths = [tile_path(level, index, width)] + ([entries_path(index, width)] if level == 0 else [])
        for path in paths:
            assert (mirror / path).read_bytes() == (seen.public / path).read_bytes(), path
    assert (mirror / "checkpoint").read_bytes() == (seen.public / "checkpoint").read_bytes()


@pytest.mark.parametrize("size", [5, 255, 256, 257, 512, 700])
def test_a_log_of_any_size_is_mirrored_to_the_byte(tmp_path: Path, size: int) -> None:
    book = a_long_book(size)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        found = seen.look()
        assert (found.size, found.checked, found.alarms) == (size, size, [])
        same_files(seen, size)


def test_a_log_that_has_not_begun_is_mirrored_too(tmp_path: Path) -> None:
    book = ALedger()
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        assert (seen.look().size, seen.look().alarms) == (0, [])
        book.opens()
        seen.publish(book.log)
        assert (seen.look().checked, seen.look().alarms) == (4, [])


def test_a_growing_log_is_followed_and_only_what_is_new_is_fetched(tmp_path: Path) -> None:
    book = a_long_book(700)
    with watched(tmp_path, book.log) as seen:
        for size in (5, 250, 256, 300, 600, 700):
            seen.publish(book.log, size)
            assert seen.look(look_again=0).alarms == []
            same_files(seen, size)
        seen.serving.asked.clear()
        grow(book, 710)
        seen.publish(book.log)
        seen.look(look_again=0)
        fetched = [path for path in seen.serving.paths(200) if not path.endswith(("/190", "/198"))]
    assert set(fetched) <= {"checkpoint", "tile/0/002.p/198", "tile/1/000.p/2", "tile/0/000", "tile/0/001"}


def test_a_checkpoint_that_did_not_change_is_not_sent_again(tmp_path: Path) -> None:
    book = a_book()
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        seen.look()
        seen.serving.asked.clear()
        seen.look(look_again=0)
    assert seen.serving.asked[0] == ("checkpoint", 304)


def test_a_mirror_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    book = a_long_book(1_000)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        missing = seen.public / entries_path(2)
        data = missing.read_bytes()
        missing.unlink()
        found = seen.look()
        assert (codes(found.alarms), found.checked) == (["WITHHELD"], 0)
        missing.write_bytes(data)
        seen.serving.asked.clear()
        found = seen.look(look_again=0)
        assert (found.checked, len(found.new)) == (1_000, 0)
        assert entries_path(0) not in seen.serving.paths()
        assert entries_path(2) in seen.serving.paths()
        same_files(seen, 1_000)


def test_a_partial_tile_that_a_full_one_replaced_meanwhile_is_cut_from_it(tmp_path: Path) -> None:
    book = a_long_book(600)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        seen.publish(book.log, 300)
        for path in (entries_path(1, 44), tile_path(0, 1, 44)):
            (seen.public / path).unlink()
        found = seen.look()
        assert (found.size, found.alarms) == (300, [])


@pytest.mark.parametrize("path", ["tile/0/000", "tile/1/000.p/2", "tile/0/002.p/188", "tile/entries/001"])
def test_a_withheld_file_is_told(tmp_path: Path, path: str) -> None:
    book = a_long_book(700)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        (seen.public / path).unlink()
        found = seen.look()
        assert codes(found.alarms) == ["WITHHELD"]
        assert path in found.alarms[0].sentence
        assert found.alarms[0].leaf == book.log.checkpoint().text()
        assert found.checked == 0


@pytest.mark.parametrize("path", ["tile/0/000", "tile/1/000.p/2", "tile/0/002.p/188"])
def test_a_tile_changed_after_the_checkpoint_is_told(tmp_path: Path, path: str) -> None:
    book = a_long_book(700)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        data = bytearray((seen.public / path).read_bytes())
        data[40] ^= 1
        put(seen.public, path, bytes(data))
        assert codes(seen.look().alarms) == ["TILE"]


@pytest.mark.parametrize("cut", [b"", b"\x00", b"\xff\xff\x00"])
def test_a_tile_or_bundle_that_is_none_is_told(tmp_path: Path, cut: bytes) -> None:
    book = a_long_book(300)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        put(seen.public, entries_path(0), cut)
        assert codes(seen.look().alarms)[0] in ("TILE", "ENTRY")


def test_an_entry_changed_behind_a_signed_checkpoint_is_told_with_the_leaf(tmp_path: Path) -> None:
    """A database administrator raised the hours; the tree was not built again."""
    book = a_long_book(300)
    book.minute()
    book.credit("ada", 0, 600_000)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        path = entries_path(1, book.log.size - 256)
        entries = unbundle((seen.public / path).read_bytes())
        entries[-1] = entries[-1].replace(b"600000", b"900000")
        put(seen.public, path, bundle(entries))
        (alarm,) = seen.look().alarms
    assert (alarm.code, alarm.index, alarm.leaf) == ("ENTRY", book.log.size - 1, entries[-1].decode())


def test_a_file_changed_after_it_was_mirrored_is_told_with_the_leaf(tmp_path: Path) -> None:
    book = a_long_book(600)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        assert seen.look().alarms == []
        entries = unbundle((seen.public / entries_path(1)).read_bytes())
        entries[7] = b"{}"
        put(seen.public, entries_path(1), bundle(entries))
        (seen.public / tile_path(0, 0)).unlink()
        alarms = seen.look(look_again=100).alarms
    assert [(alarm.code, alarm.index) for alarm in alarms] == [("WITHHELD", None), ("CHANGED", 263)]
    assert alarms[1].leaf == "{}"


def test_the_last_bundle_is_looked_at_again_every_time(tmp_path: Path) -> None:
    book = a_book()
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        seen.look()
        path = entries_path(0, book.log.size)
        entries = unbundle((seen.public / path).read_bytes())
        put(seen.public, path, bundle([*entries[:-1], b"{}"]))
        assert codes(seen.look(look_again=0).alarms) == ["CHANGED"]


def test_a_checkpoint_without_the_log_s_signature_is_told(tmp_path: Path) -> None:
    book = a_book()
    stranger = ALog(signer=a_signer(seed=9))
    stranger.append(*book.log.entries)
    with watched(tmp_path, book.log) as seen:
        seen.publish(stranger)
        found = seen.look()
        assert (codes(found.alarms), found.size) == (["SIGNATURE"], 0)
        put(seen.public, "checkpoint", b"nothing\n")
        assert codes(seen.look().new) == ["SIGNATURE"]


def test_a_log_that_turns_into_another_is_told(tmp_path: Path) -> None:
    book, other = a_book(), ALog("hours.example/ledger/2027", signer=a_signer("hours.example/ledger/2027", 3))
    other.append(*book.log.entries)
    with watched(tmp_path, book.log) as seen:
        seen.trust = type(seen.trust).none(book.log.vkey, other.vkey)
        seen.publish(book.log)
        seen.look()
        seen.publish(other)
        assert codes(seen.look().alarms) == ["ORIGIN"]


def test_a_log_without_a_year_in_its_name_is_told(tmp_path: Path) -> None:
    log = ALog("hours.example/ledger", signer=a_signer("hours.example/ledger"))
    log.append(*a_book().log.entries)
    with watched(tmp_path, log) as seen:
        seen.publish(log)
        assert codes(seen.look().alarms) == ["ORIGIN"]


def test_a_checkpoint_without_the_quorum_is_told_and_not_mirrored(tmp_path: Path) -> None:
    book = a_book()
    book.log.witnesses.append(EXAM)
    with watched(tmp_path, book.log, EXAM, REGULATOR) as seen:
        seen.publish(book.log)
        found = seen.look()
        assert (codes(found.alarms), found.size) == (["QUORUM"], 0)
        book.log.witnesses.append(REGULATOR)
        seen.publish(book.log)
        found = seen.look()
        assert (found.new, found.size) == ([], book.log.size)


def test_cosignatures_older_than_allowed_are_told(tmp_path: Path) -> None:
    book = a_book()
    book.log.witnesses.append(EXAM)
    with watched(tmp_path, book.log, EXAM) as seen:
        seen.publish(book.log, at_s=AT_S)
        assert seen.look(max_age_s=60, now_s=AT_S + 60).alarms == []
        found = seen.look(max_age_s=60, now_s=AT_S + 61)
        assert codes(found.alarms) == ["STALE"]
        assert found.checked == book.log.size


def test_a_log_that_does_not_answer_is_no_alarm_and_says_so(tmp_path: Path) -> None:
    book = a_book()
    with watched(tmp_path, book.log) as seen, pytest.raises(Unreachable):
        seen.look()
    with watching(seen.directory, "http://127.0.0.1:9/ledger/2026", trusting(book.log)) as monitor:
        with pytest.raises(Unreachable):
            monitor.look(now_s=NOW_S)
        assert len(monitor.book) == 0


def test_without_a_policy_the_key_that_is_shown_first_is_believed_from_then_on(tmp_path: Path) -> None:
    book = a_book()
    public = tmp_path / "public"
    book.log.publish(public)
    put(public, "log.vkey", f"{book.log.vkey}\n".encode())
    with served(public) as serving:
        with watching(tmp_path / "monitor", serving.url, None) as monitor:
            assert monitor.look(now_s=NOW_S).alarms == []
        stranger = ALog(signer=a_signer(seed=9))
        stranger.append(*book.log.entries, b"more")
        stranger.publish(public)
        put(public, "log.vkey", f"{stranger.vkey}\n".encode())
        with watching(tmp_path / "monitor", serving.url, None) as monitor:
            assert codes(monitor.look(now_s=NOW_S).alarms) == ["SIGNATURE"]


def test_alarms_are_remembered(tmp_path: Path) -> None:
    book = a_book()
    book.credit("ada", 0, 600_000, total=1)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        first = seen.look()
        second = seen.look()
        assert (len(first.new), len(second.new)) == (1, 0)
        assert second.alarms == first.alarms
        with (seen.directory / "alarms.jsonl").open("ab") as file:
            file.write(b'{"alarm": "TOT')  # a crash while the next was written
        assert seen.look().alarms == first.alarms


def test_leaf_hashes_of_the_mirror_are_those_of_its_entries(tmp_path: Path) -> None:
    book = a_long_book(300)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        seen.look()
        with seen.monitor() as monitor:
            for index in (0, 255, 256, 299):
                assert monitor.mirror.hash_of(index) == leaf_hash(monitor.mirror.entry(index))
                assert monitor.mirror.entry(index) == book.log.entries[index]
