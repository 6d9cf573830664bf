"""How witnesses are asked, and what their answers mean."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from elearn.credit_export.ledger.notes import Note, SignatureLine, Verifier
from elearn.credit_export.ledger.signer import OtherSize
from elearn.credit_export.ledger.witness.judging import read_request
from elearn.credit_export.ledger.witnesses import (
    ANSWER_MAX,
    HttpWitness,
    WitnessAway,
    WitnessRefused,
    ask_all,
    cosign,
    read_answer,
    request_body,
)
from tests.credit_export.ledger.a_log import a_cosigner, a_log

LOG = a_log(20)
COSIGNER = a_cosigner()
KEY: Verifier = COSIGNER.verifier


def a_line(size: int = 20, text: str | None = None) -> SignatureLine:
    return COSIGNER.sign(text or LOG.checkpoint(size).text(), 1_767_580_000)


def a_note(size: int = 20) -> Note:
    text = LOG.checkpoint(size).text()
    return Note(text, (LOG.signer.sign(text, 0),))


def test_what_is_asked_is_what_a_witness_reads() -> None:
    asked = read_request(request_body(7, LOG.consistency(7), a_note()))
    assert (asked.old, asked.proof, asked.note) == (7, LOG.consistency(7), a_note())


@pytest.mark.parametrize(
    ("sentence", "status", "body", "expected"),
    [
        ("a cosignature", 200, str(a_line()).encode(), "1 lines"),
        ("two of them", 200, str(a_line()).encode() * 2, "2 lines"),
        ("the size it keeps", 409, b"7\n", "size 7"),
        ("it knows another history", 422, b"the proof leads elsewhere\n", "refused"),
        ("a log it does not know", 404, b"this log is not known here\n", "away"),
        ("a signature it does not believe", 403, b"", "away"),
        ("a proxy of its house", 502, b"<html>bad gateway</html>", "away"),
        ("no cosignature at all", 200, b"", "away"),
        ("something else", 200, b"<html>welcome</html>\n", "away"),
        ("no number", 409, b"seven\n", "away"),
        ("no UTF-8", 200, b"\xff\n", "away"),
        ("a redirect", 302, b"", "away"),
    ],
)
def test_what_an_answer_means(sentence: str, status: int, body: bytes, expected: str) -> None:
    assert said(status, body) == expected, sentence


def said(status: int, body: bytes) -> str:
    try:
        answer = read_answer("exam", status, body)
    except WitnessRefused as error:
        return "refused" if "another history" in str(error) else str(error)
    except WitnessAway as error:
        return "away" if str(status) in str(error) else str(error)
    return f"size {answer.size}" if isinstance(answer, OtherSize) else f"{len(answer)} lines"


@dataclass
class Keeps:
    """A witness that keeps this size, and says others as listed first."""

    kept: int
    says: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    name: str = "exam"
    line: SignatureLine = field(default_factory=a_line)

    def add_checkpoint(self, old: int, proof: Sequence[bytes], note: Note) -> tuple[SignatureLine, ...] | OtherSize:
        self.asked.append(old)
        assert tuple(proof) == LOG.consistency(old)
        if self.says:
            return OtherSize(self.says.pop(0))
        return (self.line,) if old == self.kept else OtherSize(self.kept)


@pytest.mark.parametrize(
    ("sentence", "witness", "known", "asked", "expected"),
    [
        ("it keeps what we think", Keeps(7), 7, [7], "lines"),
        ("it tells what it keeps", Keeps(7), 0, [0, 7], "lines"),
        ("it has lost its memory", Keeps(0), 7, [7, 0], "lines"),
        ("it has cosigned as many already", Keeps(20), 20, [20], "lines"),
        ("we think it keeps more than there is", Keeps(20), 30, [20], "lines"),
        ("it has cosigned more than there is", Keeps(21), 7, [7], "refused"),
        ("it says the size that was asked: another root", Keeps(9, says=[7]), 7, [7], "refused"),
        ("somebody else asks it for the same log all the time", Keeps(9, says=[1, 2, 3]), 0, [0, 1, 2], "away"),
    ],
)
def test_the_size_it_keeps_is_found(sentence: str, witness: Keeps, known: int, asked: list[int], expected: str) -> None:
    try:
        assert cosign(witness, a_note(), 20, LOG.consistency, known)
        found = "lines"
    except WitnessRefused:
        found = "refused"
    except WitnessAway:
        found = "away"
    assert (found, witness.asked) == (expected, asked), sentence


@pytest.mark.parametrize(
    ("sentence", "line", "counts"),
    [
        ("its own", a_line(), True),
        ("of another checkpoint", a_line(19), False),
        ("by a key nobody knows", a_cosigner("exam.example/witness", 9).sign(LOG.checkpoint().text(), 1), False),
        ("under another name", a_cosigner("other.example/witness").sign(LOG.checkpoint().text(), 1), False),
        ("with another time than it signed", SignatureLine(a_line().name, a_line().key_id, b"\0" * 72), False),
    ],
)
def test_only_cosignatures_that_hold_are_taken(sentence: str, line: SignatureLine, counts: bool) -> None:
    (asked,) = ask_all([Keeps(20, line=line)], a_note(), 20, LOG.consistency, {"exam": 20}, [KEY])
    assert bool(asked.lines) is counts, sentence
    assert bool(asked.away) is not counts


def test_nobody_to_ask_is_nothing_asked() -> None:
    assert ask_all([], a_note(), 20, LOG.consistency, {}, []) == []


@contextmanager
def a_server(answer: bytes, *, after_s: float = 0.0) -> Iterator[str]:
    """Answers every request with these bytes, whatever they are."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            time.sleep(after_s)
            with suppress(OSError):
                self.wfile.write(answer)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("sentence", "answer", "after_s"),
    [
        ("nothing", b"", 0),
        ("no HTTP", b"hello\r\n\r\n", 0),
        ("an answer cut off", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf", 0),
        ("an answer without end", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (ANSWER_MAX + 1), 0),
        ("an answer too late", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1.5),
        ("a redirect", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 0),
    ],
)
def test_a_witness_that_answers_badly_is_away_and_holds_nobody_long(
    sentence: str, answer: bytes, after_s: float
) -> None:
    with a_server(answer, after_s=after_s) as url:
        began = time.monotonic()
        with pytest.raises(WitnessAway):
            HttpWitness("exam", url, timeout_s=0.5).add_checkpoint(0, (), a_note())
        assert time.monotonic() - began < 1.5, sentence


def test_a_witness_that_is_not_there_is_away() -> None:
    with a_server(b"") as url:
        pass
    with pytest.raises(WitnessAway, match="The witness exam does not cosign"):
        HttpWitness("exam", url, timeout_s=0.5).add_checkpoint(0, (), a_note())
