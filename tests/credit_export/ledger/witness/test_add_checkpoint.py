"""The witness's rules, by C2SP tlog-witness: what it cosigns, what it refuses, what it remembers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.files import InUse
from elearn.credit_export.ledger.notes import Note, NoteRefused, Verifier, read_note, read_signature_lines
from elearn.credit_export.ledger.plain_text import base64_text
from elearn.credit_export.ledger.witness.judging import REQUEST_BYTES_MAX, read_request
from elearn.credit_export.ledger.witness.keeping import (
    Answer,
    MemoryLost,
    NotALog,
    Witness,
    add_log,
    opened,
    origin_hash,
)
from elearn.credit_export.ledger.witness.keys import NoKey, make_key, read_keys
from tests.credit_export.ledger.a_log import AT_S, ORIGIN, ALog, a_cosigner, a_log, a_signer


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make_key(tmp_path, "exam.example/witness")
    add_log(tmp_path, a_signer().verifier.vkey)
    return tmp_path


@pytest.fixture
def witness(place: Path) -> Iterator[Witness]:
    with opened(place) as found:
        yield found


def ask(witness: Witness, body: bytes, now_s: int = AT_S) -> Answer:
    return witness.add_checkpoint(body, now_s=now_s)


def times_of(answer: Answer, witness: Witness, log: ALog, size: int | None = None) -> list[int]:
    """When each of the witness's keys says it signed this size of the log."""
    note = Note(log.checkpoint(size).text(), read_signature_lines(answer.body.decode()))
    return [verifier.time_of(note) for verifier in witness.verifiers]


def test_what_extends_the_last_checkpoint_is_cosigned_with_the_time(witness: Witness) -> None:
    log = a_log(3)
    first = ask(witness, log.request(0))
    assert (first.status, times_of(first, witness, log)) == (200, [AT_S])
    log.append(b"more", b"and more")
    second = ask(witness, log.request(3), AT_S + 10)
    assert (second.status, times_of(second, witness, log)) == (200, [AT_S + 10])


def test_the_same_checkpoint_is_cosigned_again_with_a_new_time(witness: Witness) -> None:
    log = a_log(3)
    ask(witness, log.request(0))
    again = ask(witness, log.request(3), AT_S + 60)
    assert times_of(again, witness, log) == [AT_S + 60]


def test_a_log_of_no_leaves_is_cosigned(witness: Witness) -> None:
    assert ask(witness, ALog().request(0)).status == 200


@pytest.mark.parametrize("old", [0, 2, 4, 6])
def test_another_old_size_is_told_the_one_kept(witness: Witness, old: int) -> None:
    log = a_log(3)
    ask(witness, log.request(0))
    log.append(b"3", b"4", b"5")
    answer = ask(witness, log.request(old))
    assert answer == Answer(409, b"3\n", "text/x.tlog.size")
    assert ask(witness, log.request(3)).status == 200


def test_an_old_size_is_told_before_the_first_cosignature_too(witness: Witness) -> None:
    assert ask(witness, a_log(3).request(2)) == Answer(409, b"0\n", "text/x.tlog.size")


@pytest.mark.parametrize("size", [5, 6, 9])
def test_L05_a_second_history_of_the_same_size_or_larger_is_not_cosigned(witness: Witness, size: int) -> None:
    """Split view: 422 whatever proof comes with it, 409 on a wrong old size; nothing is signed, nothing forgotten."""
    honest = a_log(5)
    ask(witness, honest.request(0))
    forged = a_log(size, "other ")
    assert ask(witness, forged.request(5)).status == 422
    assert ask(witness, forged.request(5, proof=honest.consistency(2))).status == 422
    assert ask(witness, forged.request(0)) == Answer(409, b"5\n", "text/x.tlog.size")
    honest.append(b"5")
    assert ask(witness, honest.request(5)).status == 200


def test_L05_the_second_history_is_kept_with_the_log_s_own_signature_on_it(witness: Witness, place: Path) -> None:
    ask(witness, a_log(5).request(0))
    forged = a_log(5, "other ")
    ask(witness, forged.request(5))
    (path,) = (place / "logs" / origin_hash(ORIGIN) / "refused").iterdir()
    note = read_note(path.read_bytes())
    assert note.text == forged.checkpoint().text()
    assert forged.signer.verifier.time_of(note) == 0


def test_a_smaller_tree_is_never_cosigned_after_a_larger_one(witness: Witness) -> None:
    log = a_log(7)
    ask(witness, log.request(0))
    assert ask(witness, log.request(4, 4)).status == 409
    assert ask(witness, log.request(0, 4)).status == 409
    body = log.request(4, 4).replace(b"old 4", b"old 7")
    assert ask(witness, body).status == 400


def test_a_proof_where_none_is_due_is_refused(witness: Witness) -> None:
    log = a_log(4)
    assert ask(witness, log.request(0, proof=[b"x" * 32])).status == 422
    ask(witness, log.request(0))
    assert ask(witness, log.request(4, proof=[b"x" * 32])).status == 422


def test_no_leaves_have_one_root(witness: Witness) -> None:
    text = f"{ORIGIN}\n0\n{base64_text(b'x' * 32)}\n"
    note = Note(text, (a_signer().sign(text, 0),))
    assert ask(witness, f"old 0\n\n{note}".encode()).status == 422


def test_an_unknown_log_is_not_found(witness: Witness) -> None:
    log = ALog("other.example/ledger/2026")
    assert ask(witness, log.request(0)).status == 404


@pytest.mark.parametrize(
    "lines",
    [
        [a_signer(seed=9)],
        [a_signer("somebody.example")],
        [a_cosigner(ORIGIN, 0)],
    ],
    ids=["another key of that name", "another name", "the log's key as a cosigner"],
)
def test_a_checkpoint_without_a_signature_of_the_log_is_forbidden(witness: Witness, lines: list[object]) -> None:
    text = a_log().checkpoint().text()
    note = Note(text, tuple(signer.sign(text, AT_S) for signer in lines))  # type: ignore[attr-defined]
    assert ask(witness, f"old 0\n\n{note}".encode()).status == 403


def test_a_signature_that_does_not_verify_is_forbidden_even_beside_one_that_does(witness: Witness) -> None:
    log = a_log()
    other = a_log(8).note().lines[0]
    assert ask(witness, f"old 0\n\n{log.note().with_line(other)}".encode()).status == 403


def test_signatures_of_strangers_are_carried_past_and_left_behind(witness: Witness) -> None:
    log = a_log()
    log.witnesses.append(a_cosigner("stranger.example", 5))
    assert ask(witness, log.request(0)).status == 200
    kept = witness.checkpoint(origin_hash(ORIGIN))
    assert kept is not None
    assert [line.name for line in read_note(kept).lines] == [ORIGIN, "exam.example/witness"]


def test_a_log_may_change_its_key(witness: Witness, place: Path) -> None:
    """Both keys are known; either signature will do."""
    new = a_signer(seed=4)
    add_log(place, new.verifier.vkey)
    log = a_log(3)
    assert ask(witness, log.request(0)).status == 200
    log.signer = new
    assert ask(witness, log.request(3)).status == 200


def test_a_signature_of_another_of_the_log_s_keys_that_does_not_verify_is_forbidden(
    witness: Witness, place: Path
) -> None:
    new = a_signer(seed=4)
    add_log(place, new.verifier.vkey)
    broken = new.sign(a_log(8).checkpoint().text(), AT_S)
    assert ask(witness, f"old 0\n\n{a_log(3).note().with_line(broken)}".encode()).status == 403


GOOD = a_log(4).request(0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"old 0",
        b"old 0\n",
        GOOD.replace(b"old 0\n\n", b"old 0\n"),
        GOOD.replace(b"old 0", b"old 00"),
        GOOD.replace(b"old 0", b"old +0"),
        GOOD.replace(b"old 0", b"old -1"),
        GOOD.replace(b"old 0", b"old  0"),
        GOOD.replace(b"old 0", b"old 0 "),
        GOOD.replace(b"old 0", "old ٠".encode()),
        GOOD.replace(b"old 0", b"OLD 0"),
        GOOD.replace(b"old 0", b"0"),
        GOOD.replace(b"old 0", b"old 99999999999999999999"),
        GOOD.replace(b"old 0\n", b"old 0\nAAAA\n"),
        GOOD.replace(b"old 0\n", b"old 0\nnot base64\n"),
        GOOD.replace(b"\n", b"\r\n"),
        GOOD[:-1],
        GOOD[: GOOD.index("—".encode())],
        GOOD.replace(b"\n4\n", b"\n04\n"),
        GOOD.replace(b"\n4\n", b"\n"),
        GOOD.replace(b"hours", b"h\xffurs"),
        b"old 0\n" + (base64_text(b"x" * 32) + "\n").encode() * 64 + GOOD.removeprefix(b"old 0\n"),
        GOOD + b"x" * REQUEST_BYTES_MAX,
        GOOD.replace(b"old 0", b"old 5"),
    ],
)
def test_what_is_not_of_the_form_is_malformed(witness: Witness, body: bytes) -> None:
    assert ask(witness, body).status == 400


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
@settings(deadline=None)
def test_nothing_that_is_sent_breaks_the_reader(body: bytes) -> None:
    try:
        read_request(body)
    except NoteRefused:
        return


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_it_is_offered_it_signs_one_history(steps: list[int], data: st.DataObject) -> None:
    """Each step offers some size of the honest log or of a fork; all that was signed is consistent."""
    honest, fork = a_log(200), a_log(20).with_entries([*a_log(20).entries, *a_log(180, "other ").entries])
    with tempfile.TemporaryDirectory() as where:
        make_key(Path(where), "w")
        add_log(Path(where), honest.vkey)
        with opened(Path(where)) as witness:
            kept, root, log = 0, honest.checkpoint(0).root, honest
            for step in steps:
                offered = data.draw(st.sampled_from([honest, fork]))
                size = min(200, kept + step)
                answer = ask(witness, offered.request(kept, size))
                consistent = offered.checkpoint(kept).root == root
                assert answer.status == (200 if consistent else 422)
                if consistent:
                    kept, log = size, offered
                    root = log.checkpoint(kept).root


def test_what_was_cosigned_outlives_the_process(place: Path) -> None:
    log = a_log(5)
    with opened(place) as witness:
        ask(witness, log.request(0))
    with opened(place) as witness:
        assert ask(witness, log.request(0)) == Answer(409, b"5\n", "text/x.tlog.size")


def test_a_directory_belongs_to_one_witness(place: Path) -> None:
    with opened(place), pytest.raises(InUse), opened(place):
        pass


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_text(str(a_log(2).note())),
        lambda path: path.write_text(str(ALog("other.example/log").note())),
    ],
    ids=["removed", "cut off", "not cosigned by it", "of another log"],
)
def test_a_witness_whose_memory_is_lost_signs_no_more(place: Path, harm: object) -> None:
    log = a_log(5)
    with opened(place) as witness:
        ask(witness, log.request(0))
        harm(place / "logs" / origin_hash(ORIGIN) / "checkpoint")  # type: ignore[operator]
        with pytest.raises(MemoryLost):
            ask(witness, log.request(0))
    with pytest.raises(MemoryLost), opened(place):
        pass


def test_a_memory_of_another_log_is_no_memory_though_the_witness_cosigned_it(place: Path) -> None:
    other = ALog("other.example/ledger/2026")
    text = other.checkpoint().text()
    note = Note(text, (*other.note().lines, read_keys(place)[0].sign(text, AT_S)))
    (place / "logs" / origin_hash(ORIGIN) / "checkpoint").write_text(str(note))
    with pytest.raises(MemoryLost), opened(place):
        pass


def test_a_clock_that_goes_back_a_little_never_makes_a_cosignature_older_than_the_last(witness: Witness) -> None:
    log = a_log(3)
    ask(witness, log.request(0))
    assert times_of(ask(witness, log.request(3), AT_S - 100), witness, log) == [AT_S]


def test_a_clock_that_goes_back_far_signs_nothing(witness: Witness) -> None:
    log = a_log(3)
    ask(witness, log.request(0))
    assert ask(witness, log.request(3), AT_S - 301).status == 503


def test_a_witness_with_both_keys_signs_with_both(place: Path) -> None:
    make_key(place, "exam.example/witness", "ml-dsa-44")
    log = a_log(3)
    with opened(place) as witness:
        assert times_of(ask(witness, log.request(0)), witness, log) == [AT_S, AT_S]
        assert [verifier.algorithm for verifier in witness.verifiers] == [4, 6]


def test_a_key_that_is_added_later_signs_what_the_first_one_remembers(place: Path) -> None:
    log = a_log(3)
    with opened(place) as witness:
        ask(witness, log.request(0))
    make_key(place, "exam.example/witness", "ml-dsa-44")
    with opened(place) as witness:
        assert ask(witness, log.request(0)).status == 409
        assert times_of(ask(witness, log.request(3), AT_S + 5), witness, log) == [AT_S + 5, AT_S + 5]


def test_the_newest_checkpoint_is_shown_with_its_cosignature(witness: Witness) -> None:
    log = a_log(3)
    assert witness.checkpoint(origin_hash(ORIGIN)) is None
    ask(witness, log.request(0))
    shown = witness.checkpoint(origin_hash(ORIGIN))
    assert shown is not None
    assert witness.verifiers[0].time_of(read_note(shown)) == AT_S
    assert log.signer.verifier.time_of(read_note(shown)) == 0


def test_a_key_is_made_once(tmp_path: Path) -> None:
    first = make_key(tmp_path, "exam.example/witness").verifier
    assert make_key(tmp_path, "another.example").verifier == first
    assert Verifier.from_vkey(first.vkey) == first
    assert (tmp_path / "key-ed25519.json").stat().st_mode & 0o777 == 0o600


def test_a_directory_without_a_key_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NoKey, match="elearn witness key"):
        read_keys(tmp_path)


@pytest.mark.parametrize("vkey", ["", "hours.example+12345678+AAAA", a_cosigner().verifier.vkey])
def test_what_is_no_key_of_a_log_is_not_looked_at(tmp_path: Path, vkey: str) -> None:
    with pytest.raises(NotALog):
        add_log(tmp_path, vkey)
