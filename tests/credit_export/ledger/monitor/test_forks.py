"""A log that shows two histories, or an older one, is told: by its mirror, by what others were shown, by witnesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from elearn.credit_export.ledger.notes import Note, read_note, read_signature_lines
from elearn.credit_export.ledger.tiles import entries_path
from elearn.credit_export.ledger.witness.keeping import add_log, opened
from elearn.credit_export.ledger.witness.keys import make_key
from tests.credit_export.ledger.a_ledger import ALedger
from tests.credit_export.ledger.a_log import AT_S, ALog, a_signer, put
from tests.credit_export.ledger.monitor.looks import NOW_S, Watched, a_long_book, codes, grow, watched


def rewritten(book: ALedger, at: int) -> ALog:
    """The same log, built again without one leaf."""
    return book.log.with_entries([*book.log.entries[:at], *book.log.entries[at + 1 :]])


@pytest.mark.parametrize("more", [1, 2, 300])
def test_a_history_built_again_and_signed_by_the_log_is_a_fork(tmp_path: Path, more: int) -> None:
    book = a_long_book(300)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        assert seen.look().alarms == []
        first = seen.look().size
        grow(book, 300 + more)
        forged = rewritten(book, 5)
        seen.publish(forged)
        found = seen.look(look_again=0)
        assert codes(found.alarms) == ["FORKED"]
        assert (found.size, found.checked) == (first, first)
        kept = [read_note(path.read_bytes()) for path in (seen.directory / "contradictions").iterdir()]
    assert {note.text for note in kept} == {book.log.checkpoint(300).text(), forged.checkpoint().text()}
    assert all(book.log.signer.verifier.time_of(note) == 0 for note in kept)


def test_two_roots_of_one_size_are_a_fork_whatever_the_tiles_say(tmp_path: Path) -> None:
    book = a_long_book(300)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        seen.look()
        grow(book, 301)
        put(seen.public, "checkpoint", str(rewritten(book, 5).note()).encode())
        assert codes(seen.look().alarms) == ["FORKED"]


def test_a_fork_of_what_was_accepted_but_not_yet_mirrored_is_told(tmp_path: Path) -> None:
    book = a_long_book(600)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        (seen.public / entries_path(0)).unlink()
        assert codes(seen.look().alarms) == ["WITHHELD"]
        grow(book, 602)
        seen.publish(rewritten(book, 5))
        assert codes(seen.look().new) == ["FORKED"]


def test_an_older_checkpoint_is_told(tmp_path: Path) -> None:
    book = a_long_book(300)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        seen.look()
        seen.publish(book.log, 290)
        found = seen.look()
    assert (codes(found.alarms), found.size) == (["OLDER"], 300)


def test_an_older_checkpoint_of_another_history_is_a_fork(tmp_path: Path) -> None:
    book = a_long_book(300)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        seen.look()
        seen.publish(rewritten(book, 5), 290)
        assert codes(seen.look().alarms) == ["FORKED"]


def test_a_forked_log_shown_to_two_receivers_is_found_when_they_compare(tmp_path: Path) -> None:
    """Without witnesses each sees a log without fault; either finds the fork in the other's checkpoint."""
    book = a_long_book(300)
    other = rewritten(book, 5)
    with watched(tmp_path / "one", book.log) as one, watched(tmp_path / "two", other) as two:
        one.publish(book.log)
        two.publish(other)
        assert one.look().alarms == []
        assert two.look().alarms == []
        shown = [newest(one), newest(two)]
        with one.monitor() as receiver:
            assert codes(receiver.look(now_s=NOW_S, compare=[shown[1]]).alarms) == ["FORKED"]
        with two.monitor() as receiver:
            # The other's is larger: it is not known what its first leaves are, and yet there should be no other tree.
            assert codes(receiver.look(now_s=NOW_S, compare=[shown[0]]).alarms) == ["HIDDEN"]


def newest(seen: Watched) -> Note:
    with seen.monitor() as receiver:
        note = receiver.mirror.newest()
    assert note is not None
    return note


def test_a_larger_tree_shown_to_somebody_else_is_told(tmp_path: Path) -> None:
    book = a_long_book(20)
    grow(book, 30)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log, 20)
        with seen.monitor() as receiver:
            found = receiver.look(now_s=NOW_S, compare=[book.log.note(30)])
        assert codes(found.alarms) == ["HIDDEN"]


def test_what_somebody_else_was_shown_earlier_or_by_a_stranger_is_no_alarm(tmp_path: Path) -> None:
    book = a_long_book(30)
    stranger = ALog(signer=a_signer(seed=9))
    stranger.append(b"x")
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        with seen.monitor() as receiver:
            notes = [book.log.note(17), book.log.note(30), stranger.note()]
            assert receiver.look(now_s=NOW_S, compare=notes).alarms == []


def test_with_witnesses_the_second_receiver_of_a_fork_has_no_quorum(tmp_path: Path) -> None:
    book = a_long_book(300)
    other = rewritten(book, 5)
    place = tmp_path / "witness"
    signer = make_key(place, "exam.example/witness")
    add_log(place, book.log.vkey)
    with opened(place) as witness:
        assert witness.add_checkpoint(other.request(0), now_s=AT_S).status == 200
        answer = witness.add_checkpoint(book.log.request(299, proof=[]), now_s=AT_S)
        assert answer.status == 422
        lines = read_signature_lines(witness.add_checkpoint(other.request(299), now_s=AT_S).body.decode())
    cosigned = Note(other.checkpoint().text(), (*other.note().lines, *lines))
    for log, note, expected in ((other, cosigned, []), (book.log, book.log.note(), ["QUORUM"])):
        with watched(tmp_path / str(log.size), log, signer) as seen:
            seen.publish(log)
            put(seen.public, "checkpoint", str(note).encode())
            assert codes(seen.look().alarms) == expected
