"""C2SP tlog-checkpoint: what a log says of itself."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.notes import NoteRefused, read_note
from tests.credit_export.ledger.formats.vectors import ORIGIN, VECTORS, root

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
TEXT = f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"


def test_the_checkpoint_of_the_vectors_is_read() -> None:
    text = read_note(VECTORS["checkpoint"]).text
    assert Checkpoint.read(text) == Checkpoint(ORIGIN, 4, root(4))
    assert Checkpoint.read(text).text() == text


def test_the_example_of_the_specification_is_read() -> None:
    expected = Checkpoint("example.com/behind-the-sofa", 20_852_163, base64.b64decode(ROOT))
    assert Checkpoint.read(TEXT) == expected
    assert Checkpoint.read(f"{TEXT}more\nand more\n").extensions == ("more", "and more")


MALFORMED = {
    "nothing": "",
    "a newline": "\n",
    "two lines": TEXT.rsplit("\n", 2)[0] + "\n",
    "no newline at the end": TEXT[:-1],
    "a letter for the last newline": TEXT[:-1] + "x",
    "an extension that does not end": TEXT + "more",
    "lines end with CR LF": TEXT.replace("\n", "\r\n"),
    "an empty origin": TEXT.replace("example.com/behind-the-sofa", ""),
    "an empty line before": "\n" + TEXT,
    "an empty line after": TEXT + "\n",
    "an empty line between extensions": TEXT + "more\n\nand more\n",
    "a carriage return": TEXT.replace("sofa", "so\rfa"),
    "a control character": TEXT.replace("sofa", "so\x07fa"),
    "a size with a leading zero": TEXT.replace("2085", "02085"),
    "a negative size": TEXT.replace("2085", "-2085"),
    "a size with a sign": TEXT.replace("2085", "+2085"),
    "a size with a space": TEXT.replace("2085", " 2085"),
    "a size with an underscore": TEXT.replace("2085", "2_085"),
    "a size in other digits": TEXT.replace("2085", "２085"),
    "a size in hex": TEXT.replace("20852163", "0x13e2e83"),
    "a size with a fraction": TEXT.replace("20852163", "20852163.0"),
    "no size": TEXT.replace("20852163", ""),
    "a size of 64 bits": TEXT.replace("20852163", str(1 << 63)),
    "a size of twenty digits": TEXT.replace("20852163", "9" * 20),
    "a short root": TEXT.replace(ROOT, base64.b64encode(b"r" * 31).decode()),
    "a long root": TEXT.replace(ROOT, base64.b64encode(b"r" * 33).decode()),
    "a root in hex": TEXT.replace(ROOT, "ab" * 32),
    "a root with stray bits": TEXT.replace("q2I=", "q2J="),
    "a root without padding": TEXT.replace("q2I=", "q2I"),
    "a root behind a space": TEXT.replace(ROOT, " " + ROOT),
}


@pytest.mark.parametrize("why", MALFORMED)
def test_a_malformed_checkpoint_is_refused(why: str) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint.read(MALFORMED[why])


@pytest.mark.parametrize(
    ("origin", "size", "root_", "extensions"),
    [
        ("", 1, b"r" * 32, ()),
        ("a\nb", 1, b"r" * 32, ()),
        ("a", -1, b"r" * 32, ()),
        ("a", 1 << 63, b"r" * 32, ()),
        ("a", 1, b"r" * 31, ()),
        ("a", 1, b"r" * 32, ("",)),
        ("a", 1, b"r" * 32, ("b\nc",)),
        ("a", 1, b"r" * 32, ("b\tc",)),
    ],
)
def test_none_is_made_that_would_be_read_as_another(
    origin: str, size: int, root_: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint(origin, size, root_, extensions)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20), st.integers(0, (1 << 63) - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_was_written(origin: str, size: int, root_: bytes) -> None:
    try:
        checkpoint = Checkpoint(origin, size, root_, (origin,))
    except NoteRefused:
        return
    assert Checkpoint.read(checkpoint.text()) == checkpoint
