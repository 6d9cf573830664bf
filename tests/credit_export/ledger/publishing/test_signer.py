"""What the signer signs, what it refuses, and what it keeps."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.credit_export.ledger.notes import Note, SignatureLine, Verifier
from elearn.credit_export.ledger.signer import (
    Kept,
    LocalSigner,
    NotSigned,
    OtherSize,
    SignerBroken,
    Wanted,
    decide,
)
from tests.at_once import at_once
from tests.credit_export.ledger.a_log import ORIGIN, ALog
from tests.credit_export.ledger.publishing.asking_to_sign import FORKED, HONEST, wanted
from tests.credit_export.ledger.publishing.power import Power, PowerCut


def verdict(asked: Wanted, kept: Kept) -> str:
    try:
        other = decide(asked, kept)
    except NotSigned:
        return "refuse"
    return "sign" if other is None else f"other size {other.size}"


@pytest.mark.parametrize(
    ("sentence", "kept", "asked", "expected"),
    [
        ("a new log is signed", 0, wanted(HONEST, 0, 4), "sign"),
        ("what extends it is signed", 7, wanted(HONEST, 7, 9), "sign"),
        ("the same again is signed again: whoever asked may have died", 7, wanted(HONEST, 7, 7), "sign"),
        ("a smaller tree is refused", 7, wanted(HONEST, 5, 6), "refuse"),
        ("a smaller tree is refused, whatever old size it names", 7, wanted(HONEST, 7, 6), "refuse"),
        ("another old size hears which one is kept", 7, wanted(HONEST, 6, 9), "other size 7"),
        ("also from the beginning", 7, wanted(HONEST, 0, 9), "other size 7"),
        ("an old size above the tree's hears it too", 7, wanted(HONEST, 30, 9), "other size 7"),
        ("another tree of the same size is refused", 7, wanted(FORKED, 7, 7), "refuse"),
        ("a fork is refused", 7, wanted(FORKED, 7, 9), "refuse"),
        ("what was signed before the fork does not help it", 4, wanted(FORKED, 4, 9), "sign"),
        (
            "a proof too short",
            7,
            Wanted(ORIGIN, 9, HONEST.checkpoint(9).root, 7, HONEST.consistency(7, 9)[:-1]),
            "refuse",
        ),
        ("no proof", 7, Wanted(ORIGIN, 9, HONEST.checkpoint(9).root, 7), "refuse"),
        ("a proof where none is due", 0, Wanted(ORIGIN, 9, HONEST.checkpoint(9).root, 0, (b"x" * 32,)), "refuse"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) and " " in value else "",
)
def test_what_is_signed(sentence: str, kept: int, asked: Wanted, expected: str) -> None:
    assert verdict(asked, Kept(kept, HONEST.checkpoint(kept).root)) == expected, sentence


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20), st.integers(0, 20)), max_size=12))
def test_no_run_of_requests_ever_gets_two_histories_signed(asks: list[tuple[bool, int, int]]) -> None:
    kept, signed = Kept(), list[tuple[ALog, int]]()
    for honest, old, size in asks:
        asked = wanted(HONEST if honest else FORKED, min(old, size), size)
        if verdict(asked, kept) == "sign":
            assert size >= kept.size
            kept = Kept(asked.size, asked.root)
            signed.append((HONEST if honest else FORKED, size))
    larger = {id(log) for log, size in signed if size > 5}
    assert len(larger) <= 1


def test_a_signature_is_the_logs_own_and_checks_with_the_key_it_tells(tmp_path: Path) -> None:
    signer = LocalSigner(tmp_path)
    line = signer.sign(wanted(HONEST, 0))
    assert isinstance(line, SignatureLine)
    key = Verifier.from_vkey(signer.vkey(ORIGIN))
    assert key.name == ORIGIN
    key.time_of(Note(HONEST.checkpoint(20).text(), (line,)))


def test_each_log_has_a_key_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    years = [f"hours.example/ledger/{year}" for year in (2026, 2027)]
    publics = [Verifier.from_vkey(LocalSigner(tmp_path).vkey(origin)).public for origin in years]
    assert publics[0] != publics[1], "a policy of C2SP names no key twice"
    assert publics == [Verifier.from_vkey(LocalSigner(tmp_path).vkey(origin)).public for origin in years]
    assert LocalSigner(tmp_path / "another").vkey(ORIGIN) != LocalSigner(tmp_path).vkey(ORIGIN)


def test_key_and_state_are_their_owners_alone(tmp_path: Path) -> None:
    LocalSigner(tmp_path / "signer").sign(wanted(HONEST, 0))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "signer").iterdir()}
    assert modes == {"key": 0o600, "state.json": 0o600, "lock": 0o600}
    assert stat.S_IMODE((tmp_path / "signer").stat().st_mode) == 0o700


def test_a_signer_started_again_knows_what_it_signed(tmp_path: Path) -> None:
    LocalSigner(tmp_path).sign(wanted(HONEST, 0, 7))
    assert LocalSigner(tmp_path).sign(wanted(HONEST, 0, 9)) == OtherSize(7)
    with pytest.raises(NotSigned):
        LocalSigner(tmp_path).sign(wanted(FORKED, 7, 9))


def test_logs_do_not_touch_one_another(tmp_path: Path) -> None:
    signer = LocalSigner(tmp_path)
    signer.sign(wanted(HONEST, 0, 9))
    other = Wanted("hours.example/ledger/2027", 3, FORKED.checkpoint(3).root, 0)
    assert isinstance(signer.sign(other), SignatureLine)
    assert {origin: kept.size for origin, kept in signer.logs().items()} == {ORIGIN: 9, other.origin: 3}


@pytest.mark.parametrize("at", range(4), ids=["before the file", "the file", "its name", "the directory"])
def test_what_left_the_signer_was_on_disk_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Wherever it dies, either nothing was signed or it is remembered."""
    LocalSigner(tmp_path).sign(wanted(HONEST, 0, 7))
    power = Power(at)
    with monkeypatch.context() as patched:
        for name in ("fchmod", "fsync", "replace"):
            patched.setattr(os, name, power.on(name, getattr(os, name)))
        with pytest.raises(PowerCut):
            LocalSigner(tmp_path).sign(wanted(HONEST, 7, 9))
    again = LocalSigner(tmp_path).sign(wanted(HONEST, 7, 9))
    assert (again == OtherSize(9)) is (power.names[-2:] == ["replace", "fsync"]), power.names
    assert again == OtherSize(9) or isinstance(again, SignatureLine)
    assert isinstance(LocalSigner(tmp_path).sign(wanted(HONEST, 9, 9)), SignatureLine)


def test_a_signature_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer, power = LocalSigner(tmp_path), Power()
    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, power.on(name, getattr(os, name)))
    assert isinstance(signer.sign(wanted(HONEST, 0, 7)), SignatureLine)
    assert power.names == ["fsync", "replace", "fsync"], "the file, its name, the directory"


def test_a_lost_state_beside_a_key_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    LocalSigner(tmp_path).sign(wanted(HONEST, 0, 7))
    (tmp_path / "state.json").unlink()
    with pytest.raises(SignerBroken, match="Put back the newest copy") as told:
        LocalSigner(tmp_path)
    assert "ELEARN_LEDGER_SERIES" in str(told.value)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"x": {}}', '{"x": {"size": 1, "root": "AA=="}}', "null"])
def test_a_damaged_state_is_refused(tmp_path: Path, damage: str) -> None:
    LocalSigner(tmp_path).sign(wanted(HONEST, 0, 7))
    (tmp_path / "state.json").write_text(damage)
    with pytest.raises(SignerBroken):
        LocalSigner(tmp_path)


def test_a_lost_key_is_refused_once_something_was_signed_with_it(tmp_path: Path) -> None:
    LocalSigner(tmp_path)
    (tmp_path / "key").unlink()
    LocalSigner(tmp_path).sign(wanted(HONEST, 0, 7))  # died between state and key: nothing was signed
    (tmp_path / "key").unlink()
    with pytest.raises(SignerBroken, match="put it back"):
        LocalSigner(tmp_path)
    (tmp_path / "key").write_text("no key")
    with pytest.raises(SignerBroken, match="does not hold a key"):
        LocalSigner(tmp_path)


def test_a_signer_restored_from_an_older_copy_signs_what_extends_that_and_nothing_else(tmp_path: Path) -> None:
    """It cannot know what it signed since; the witnesses do. Before the copy it still knows all."""
    LocalSigner(tmp_path).sign(wanted(HONEST, 0, 7))
    old = (tmp_path / "state.json").read_bytes()
    LocalSigner(tmp_path).sign(wanted(HONEST, 7, 15))
    (tmp_path / "state.json").write_bytes(old)
    signer = LocalSigner(tmp_path)
    assert signer.sign(wanted(HONEST, 15, 18)) == OtherSize(7), "the log proves from there"
    with pytest.raises(NotSigned):
        signer.sign(wanted(FORKED, 7, 18))
    assert isinstance(signer.sign(wanted(HONEST, 7, 18)), SignatureLine)


def test_a_database_restored_from_an_older_backup_hears_what_to_do(tmp_path: Path) -> None:
    LocalSigner(tmp_path).sign(wanted(HONEST, 0, 15))
    with pytest.raises(NotSigned) as told:
        LocalSigner(tmp_path).sign(wanted(HONEST, 7, 9))
    words = str(told.value)
    assert "signed with 15 leaves and now has 9" in words
    assert "restore a newer backup" in words
    assert "ELEARN_LEDGER_SERIES" in words


def test_many_who_ask_at_once_are_answered_in_turn(tmp_path: Path) -> None:
    signer = LocalSigner(tmp_path)

    def is_signed(log: ALog) -> bool:
        try:
            return isinstance(signer.sign(wanted(log, 0, 9)), SignatureLine)
        except NotSigned:
            return False

    logs = (HONEST, FORKED) * 8
    answers = at_once(*(partial(is_signed, log) for log in logs))
    assert len({id(log) for log, signed in zip(logs, answers, strict=True) if signed}) == 1
