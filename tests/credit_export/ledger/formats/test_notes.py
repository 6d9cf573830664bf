"""C2SP signed-note and tlog-cosignature: who signed what, and when."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.notes import (
    Algorithm,
    Note,
    NoteRefused,
    NotSigned,
    SignatureLine,
    Signer,
    Verifier,
    key_id,
    read_note,
    read_signature_lines,
)
from tests.credit_export.ledger.formats.vectors import COSIGNED_S, EXAM, ORIGIN, REGULATOR, VECTORS, seed

EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
"""The example of signed-note.md."""
LINE = EXAMPLE.split("\n")[2]
TEXT = "hours.example/ledger/2026\n7\n" + base64.b64encode(b"r" * 32).decode() + "\n"
MAKERS: dict[Algorithm, Callable[[str, bytes], Signer]] = {
    Algorithm.ED25519: Signer.ed25519,
    Algorithm.COSIGNATURE: Signer.cosigner,
    Algorithm.MLDSA44_COSIGNATURE: Signer.mldsa44_cosigner,
}
each_algorithm = pytest.mark.parametrize("algorithm", Algorithm)


def test_the_example_of_the_specification_verifies() -> None:
    assert Verifier.from_vkey(EXAMPLE_VKEY).time_of(read_note(EXAMPLE)) == 0


def test_and_one_changed_letter_does_not() -> None:
    with pytest.raises(NoteRefused, match="is not"):
        Verifier.from_vkey(EXAMPLE_VKEY).time_of(read_note(EXAMPLE.replace("example m", "Example m")))


def test_the_checkpoint_of_the_vectors_is_made_again_from_its_seeds() -> None:
    note = read_note(VECTORS["checkpoint"])
    signers = [
        Signer.ed25519(ORIGIN, seed("log")),
        Signer.cosigner(EXAM, seed(EXAM)),
        Signer.cosigner(REGULATOR, seed(REGULATOR)),
    ]
    assert [signer.verifier.vkey for signer in signers] == VECTORS["vkeys"]
    made = Note(note.text, tuple(signer.sign(note.text, COSIGNED_S) for signer in signers))
    assert str(made) == VECTORS["checkpoint"]
    assert [signer.verifier.time_of(note) for signer in signers] == [0, COSIGNED_S, COSIGNED_S]


@each_algorithm
def test_what_one_signs_its_vkey_verifies(algorithm: Algorithm) -> None:
    signer = MAKERS[algorithm]("a.example/w", b"s" * 32)
    verifier = Verifier.from_vkey(signer.verifier.vkey)
    note = read_note(str(Note(TEXT).with_line(signer.sign(TEXT, 1_700_000_000))))
    assert verifier == signer.verifier
    assert verifier.time_of(note) == (1_700_000_000 if algorithm.timed else 0)


@each_algorithm
def test_one_turned_bit_of_the_signature_is_refused(algorithm: Algorithm) -> None:
    signer = MAKERS[algorithm]("a.example/w", b"s" * 32)
    line = signer.sign(TEXT, 1_700_000_000)
    for at in (0, 7, 8, len(line.signature) // 2, len(line.signature) - 1):
        turned = bytearray(line.signature)
        turned[at] ^= 1
        with pytest.raises(NoteRefused):
            signer.verifier.time_of(Note(TEXT, (SignatureLine(line.name, line.key_id, bytes(turned)),)))
    for length in (0, 1, 8, len(line.signature) - 1):
        with pytest.raises(NoteRefused):
            signer.verifier.time_of(Note(TEXT, (SignatureLine(line.name, line.key_id, line.signature[:length]),)))


@each_algorithm
def test_another_text_is_refused(algorithm: Algorithm) -> None:
    signer = MAKERS[algorithm]("a.example/w", b"s" * 32)
    line = signer.sign(TEXT, 1)
    for other in (TEXT.replace("7", "8"), TEXT.replace("2026", "2027"), TEXT.replace("cnJy", "cnJz")):
        assert other != TEXT
        with pytest.raises(NoteRefused, match="is not"):
            signer.verifier.time_of(Note(other, (line,)))


def test_an_mldsa44_cosignature_has_the_sizes_of_the_specification_and_names_its_maker() -> None:
    one = Signer.mldsa44_cosigner("a.example/w", b"s" * 32)
    other = Signer.mldsa44_cosigner("b.example/w", b"s" * 32)
    line = one.sign(TEXT, 5)
    assert (len(one.verifier.public), len(line.signature)) == (1_312, 8 + 2_420)
    forged = SignatureLine(other.name, other.verifier.key_id, line.signature)
    with pytest.raises(NoteRefused, match="is not"):
        other.verifier.time_of(Note(TEXT, (forged,)))


def test_an_mldsa44_cosignature_signs_the_structure_of_the_specification() -> None:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    signer = Signer.mldsa44_cosigner("a.example/w", b"s" * 32)
    line = signer.sign(TEXT, 0x01020304)
    message = (
        b"subtree/v1\n\0" + b"\x0ba.example/w" + bytes.fromhex("0000000001020304") + b"\x19hours.example/ledger/2026"
        + bytes(8) + (7).to_bytes(8, "big") + b"r" * 32
    )  # fmt: skip
    assert line.signature[:8] == bytes.fromhex("0000000001020304")
    MLDSA44PublicKey.from_public_bytes(signer.verifier.public).verify(line.signature[8:], message)


def test_an_mldsa44_key_is_the_one_another_program_makes_of_the_seed() -> None:
    """The log of torchwood's tests (cmd/litewitness): seed and key ID. Its signature was verified by hand, too."""
    other = bytes.fromhex("2886adc2b0eabfce67c0472939127998bf886cf256bfee8ba76a253fce1146e0")
    assert Signer.mldsa44_cosigner("example.com/mldsa-log", other).verifier.key_id.hex() == "b5df45c5"


def test_extension_lines_are_not_exchanged_under_a_signature_that_does_not_cover_them() -> None:
    signer = Signer.mldsa44_cosigner("a.example/w", b"s" * 32)
    note = Note(f"{TEXT}more\n", (signer.sign(TEXT, 1),))
    with pytest.raises(NoteRefused, match="is not"):
        signer.verifier.time_of(note)
    with pytest.raises(NoteRefused, match="extension lines"):
        signer.sign(note.text, 1)
    plain = Signer.cosigner("a.example/w", b"s" * 32)
    assert plain.verifier.time_of(Note(note.text, (plain.sign(note.text, 1),))) == 1


def test_names_of_255_bytes_are_cosigned_and_no_longer_ones() -> None:
    for length, name, origin in ((255, "w" * 255, "o" * 255), (256, "w" * 256, "o"), (256, "w", "o" * 256)):
        signer = Signer.mldsa44_cosigner(name, b"s" * 32)
        text = TEXT.replace("hours.example/ledger/2026", origin)
        if length == 255:
            assert signer.verifier.time_of(Note(text, (signer.sign(text, 1),))) == 1
        else:
            with pytest.raises(NoteRefused, match="too long"):
                signer.sign(text, 1)


def test_a_signature_as_one_thing_is_not_one_as_another() -> None:
    plain, cosigner = Signer.ed25519("a.example/w", b"s" * 32), Signer.cosigner("a.example/w", b"s" * 32)
    assert plain.verifier.key_id != cosigner.verifier.key_id
    with pytest.raises(NotSigned):
        plain.verifier.time_of(Note(TEXT, (cosigner.sign(TEXT, 1),)))


def test_lines_of_unknown_keys_are_ignored_and_kept() -> None:
    stranger = SignatureLine("sm2.example/k", b"abcd", b"\xff whatever it is")
    signer = Signer.cosigner("a.example/w", b"s" * 32)
    same_name = SignatureLine(signer.name, b"abcd", b"x" * 72)
    same_id = SignatureLine("b.example/w", signer.verifier.key_id, b"x" * 72)
    note = Note(TEXT, (stranger, same_name, same_id, signer.sign(TEXT, 3)))
    assert read_note(str(note)) == note
    assert signer.verifier.time_of(note) == 3


def test_a_note_nobody_known_signed_is_not_signed() -> None:
    with pytest.raises(NotSigned):
        Signer.ed25519("example.com/foo", b"s" * 32).verifier.time_of(read_note(EXAMPLE))


def test_one_false_line_of_a_known_key_refuses_the_note_beside_a_true_one() -> None:
    signer = Signer.cosigner("a.example/w", b"s" * 32)
    false = SignatureLine(signer.name, signer.verifier.key_id, b"x" * 72)
    for lines in ((false, signer.sign(TEXT, 1)), (signer.sign(TEXT, 1), false)):
        with pytest.raises(NoteRefused, match="is not"):
            signer.verifier.time_of(Note(TEXT, lines))


def test_the_latest_of_two_cosignatures_counts() -> None:
    signer = Signer.cosigner("a.example/w", b"s" * 32)
    note = Note(TEXT, (signer.sign(TEXT, 9), signer.sign(TEXT, 4)))
    assert signer.verifier.time_of(note) == 9


def test_a_witness_cosigns_checkpoints_only() -> None:
    for signer in (Signer.cosigner("a.example/w", b"s" * 32), Signer.mldsa44_cosigner("a.example/w", b"s" * 32)):
        with pytest.raises(NoteRefused, match="three lines"):
            signer.sign("hello\n", 1)


@pytest.mark.parametrize("at_s", [-1, 1 << 63])
def test_a_time_out_of_bounds_is_not_signed(at_s: int) -> None:
    with pytest.raises(NoteRefused, match="out of bounds"):
        Signer.cosigner("a.example/w", b"s" * 32).sign(TEXT, at_s)


def test_a_time_out_of_bounds_is_not_believed() -> None:
    verifier = Signer.cosigner("a.example/w", b"s" * 32).verifier
    line = SignatureLine(verifier.name, verifier.key_id, b"\x80" + b"x" * 71)
    with pytest.raises(NoteRefused, match="out of bounds"):
        verifier.time_of(Note(TEXT, (line,)))


def test_a_seed_is_not_shown() -> None:
    assert "seed" not in repr(Signer.ed25519("a.example/w", b"s" * 32))


MALFORMED = {
    "nothing": "",
    "a newline": "\n",
    "text without signatures": "text\n",
    "text and an empty line only": "text\n\n",
    "a signature without text": f"{LINE}\n",
    "no newline at the end": EXAMPLE[:-1],
    "an empty line at the end": EXAMPLE + "\n",
    "a letter for the last newline": EXAMPLE[:-1] + "x",
    "lines end with CR LF": EXAMPLE.replace("\n", "\r\n"),
    "a carriage return": EXAMPLE.replace("an example", "an\rexample"),
    "a tab": EXAMPLE.replace("an example", "an\texample"),
    "a zero byte": EXAMPLE.replace("an example", "an\0example"),
    "an escape": EXAMPLE.replace("an example", "an\x1b[1mexample"),
    "a tab in a signature line": EXAMPLE.replace("foo Uw", "foo\tUw"),
    "a hyphen for the dash": EXAMPLE.replace("—", "-"),
    "no space after the dash": EXAMPLE.replace("— ", "—"),
    "two spaces after the dash": EXAMPLE.replace("— ", "—  "),
    "no name": EXAMPLE.replace("example.com/foo ", ""),
    "an empty name": EXAMPLE.replace("example.com/foo ", " "),
    "a name with a plus sign": EXAMPLE.replace("example.com/foo", "example.com+foo"),
    "a name with a wide space": EXAMPLE.replace("example.com/foo", "example.com\u3000foo"),
    "a name with a next-line sign": EXAMPLE.replace("example.com/foo", "example.com\u0085foo"),
    "no signature": EXAMPLE.replace(LINE, "— example.com/foo"),
    "an empty signature": EXAMPLE.replace(LINE, "— example.com/foo "),
    "a key id alone": EXAMPLE.replace(LINE, "— example.com/foo Uw2QOg=="),
    "not base64": EXAMPLE.replace("Uw2Q", "Uw2*"),
    "base64 for URLs": EXAMPLE.replace("/", "_").replace("example.com_foo", "example.com/foo").replace("aQM", "a_M"),
    "base64 without padding": EXAMPLE.replace("aQM=", "aQM"),
    "base64 with stray bits": EXAMPLE.replace("aQM=", "aQN="),
    "base64 with more padding": EXAMPLE.replace("aQM=", "aQM=="),
    "something after the signature": EXAMPLE.replace("aQM=", "aQM= x"),
    "a space after the signature": EXAMPLE.replace("aQM=", "aQM= "),
    "letters that are digits elsewhere": EXAMPLE.replace("aQM=", "aQ\uff2d="),
    "too many signatures": EXAMPLE + f"{LINE}\n" * 100,
    "too long": "x" * 1_000_000 + EXAMPLE,
    "half of a surrogate pair": EXAMPLE.replace("an example", "an\ud800example"),
}


@pytest.mark.parametrize("why", MALFORMED)
def test_a_malformed_note_is_refused(why: str) -> None:
    with pytest.raises(NoteRefused):
        read_note(MALFORMED[why])


def test_a_note_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(NoteRefused, match="UTF-8"):
        read_note(EXAMPLE.encode().replace(b"an example", b"an\xffexample"))


@pytest.mark.parametrize(
    "text",
    ["one\n", "one\n\ntwo\n", "\n", "one\n\n", "\none\n", "ed è subito sera\n", "— not a signature\n\nbut text\n"],
)
def test_the_last_empty_line_ends_the_text_and_all_is_written_back(text: str) -> None:
    note = read_note(f"{text}\n{LINE}\n".encode())
    assert note.text == text
    assert str(note) == f"{text}\n{LINE}\n"


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=12))
def test_whatever_is_read_is_written_back_to_the_byte(text: str, name: str) -> None:
    data = f"{text}\n\n{LINE.replace('example.com/foo', name)}\n"
    try:
        note = read_note(data)
    except NoteRefused:
        return
    assert str(note) == data


def test_sixteen_large_signatures_are_read() -> None:
    signer = Signer.mldsa44_cosigner("a.example/w", b"s" * 32)
    note = Note(TEXT, tuple(signer.sign(TEXT, at_s) for at_s in range(16)))
    assert len(read_note(str(note)).lines) == 16


def test_a_witness_answers_signature_lines_alone() -> None:
    signer = Signer.cosigner("a.example/w", b"s" * 32)
    lines = (signer.sign(TEXT, 1), signer.sign(TEXT, 2))
    assert read_signature_lines("".join(map(str, lines))) == lines
    for bad in ("", "\n", str(lines[0])[:-1], f"{lines[0]}\n{lines[1]}", f"{lines[0]}x\n"):
        with pytest.raises(NoteRefused):
            read_signature_lines(bad)


def a_vkey(algorithm: int, public: bytes, name: str = "example.com/foo") -> str:
    """With the key id that belongs to it."""
    key = base64.b64encode(bytes([algorithm]) + public).decode()
    return f"{name}+{key_id(name, algorithm, public).hex()}+{key}"


BAD_VKEYS = {
    "nothing": "",
    "a name alone": "example.com/foo",
    "no key": "example.com/foo+530d903a",
    "an empty key": "example.com/foo+530d903a+",
    "an empty name": EXAMPLE_VKEY.removeprefix("example.com/foo"),
    "another name": EXAMPLE_VKEY.replace("foo", "bar"),
    "another key id": EXAMPLE_VKEY.replace("530d903a", "530d903b"),
    "a key id in capitals": EXAMPLE_VKEY.replace("530d903a", "530D903A"),
    "a short key id": EXAMPLE_VKEY.replace("530d903a", "530d90"),
    "a name with a space": EXAMPLE_VKEY.replace("example.com/foo", "example.com/ foo"),
    "a newline at the end": EXAMPLE_VKEY + "\n",
    "not base64": EXAMPLE_VKEY[:-1] + "*",
    "base64 with stray bits": EXAMPLE_VKEY[:-1] + "l",
    "a short key": a_vkey(0x01, b"k" * 31),
    "a long key": a_vkey(0x01, b"k" * 33),
    "an unknown algorithm": a_vkey(0xFF, b"k" * 32),
    "ECDSA": a_vkey(0x02, b"k" * 32),
    "an Ed25519 key as ML-DSA-44": a_vkey(0x06, b"k" * 32),
    "an empty name with its own key id": a_vkey(0x01, b"k" * 32, ""),
    "a name with a tab": a_vkey(0x01, b"k" * 32, "a\tb"),
}


@pytest.mark.parametrize("why", BAD_VKEYS)
def test_a_malformed_verifier_key_is_refused(why: str) -> None:
    with pytest.raises(NoteRefused):
        Verifier.from_vkey(BAD_VKEYS[why])


def test_a_verifier_key_is_written_back() -> None:
    assert Verifier.from_vkey(EXAMPLE_VKEY).vkey == EXAMPLE_VKEY
