"""C2SP tlog-proof: a proof in one text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.notes import NoteRefused, read_note
from elearn.credit_export.ledger.tlog_proof import TlogProof
from tests.credit_export.ledger.formats.vectors import VECTORS, hashes

TEXT: str = VECTORS["proof_1"]
NOTE = read_note(VECTORS["checkpoint"])


def test_the_proof_of_the_vectors_is_read_and_written_again() -> None:
    proof = TlogProof.read(TEXT)
    assert (proof.index, proof.note, proof.extra) == (1, NOTE, None)
    assert proof.path[0] == hashes("leaf_hashes")[0]
    assert len(proof.path) == 2
    assert proof.write() == TEXT


@settings(deadline=None)
@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(max_size=40),
)
def test_a_proof_is_read_as_it_was_written(index: int, path: list[bytes], extra: bytes | None) -> None:
    proof = TlogProof(index, tuple(path), NOTE, extra)
    assert TlogProof.read(proof.write()) == proof


def test_extra_data_stands_before_the_index() -> None:
    assert replace(TlogProof.read(TEXT), extra=b"hi").write().split("\n")[:3] == [
        "c2sp.org/tlog-proof@v1",
        "extra aGk=",
        "index 1",
    ]


HASH = TEXT.split("\n")[2]
MALFORMED = {
    "nothing": "",
    "the first line alone": "c2sp.org/tlog-proof@v1\n",
    "another version": TEXT.replace("@v1", "@v2"),
    "an empty line before": "\n" + TEXT,
    "lines end with CR LF": TEXT.replace("\n", "\r\n"),
    "no index": TEXT.replace("index 1\n", ""),
    "an index without its word": TEXT.replace("index 1", "1"),
    "an index without a number": TEXT.replace("index 1", "index "),
    "an index with a leading zero": TEXT.replace("index 1", "index 01"),
    "a negative index": TEXT.replace("index 1", "index -1"),
    "an index of 64 bits": TEXT.replace("index 1", f"index {1 << 63}"),
    "two spaces": TEXT.replace("index 1", "index  1"),
    "the index twice": TEXT.replace("index 1\n", "index 1\nindex 1\n"),
    "extra data after the index": TEXT.replace("index 1\n", "index 1\nextra aGk=\n"),
    "extra data twice": TEXT.replace("index 1\n", "extra aGk=\nextra aGk=\nindex 1\n"),
    "extra data that is not base64": TEXT.replace("index 1\n", "extra hi!\nindex 1\n"),
    "extra without a space": TEXT.replace("index 1\n", "extra\nindex 1\n"),
    "a hash that is short": TEXT.replace(HASH, HASH[:-4]),
    "a hash that is not base64": TEXT.replace(HASH, "*" + HASH[1:]),
    "a hash with stray bits": TEXT.replace("/QNQ=", "/QNR="),
    "sixty-four hashes": TEXT.replace(HASH, "\n".join([HASH] * 63)),
    "no empty line before the checkpoint": TEXT.replace("\n\nhours", "\nhours"),
    "two empty lines before the checkpoint": TEXT.replace("\n\n—", "\n—"),
    "no checkpoint": TEXT.split("\n\n")[0] + "\n\n",
    "no signature": TEXT.rsplit("\n\n", 1)[0] + "\n\n",
    "no newline at the end": TEXT[:-1],
}


@pytest.mark.parametrize("why", MALFORMED)
def test_a_malformed_proof_is_refused(why: str) -> None:
    assert MALFORMED[why] != TEXT
    with pytest.raises(NoteRefused):
        TlogProof.read(MALFORMED[why])
