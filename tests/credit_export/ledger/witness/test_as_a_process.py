"""`elearn witness serve` as others run it: over HTTP, killed, asked by many at once, without the product."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench.servers import free_port
from elearn.credit_export.ledger.notes import Note, Verifier, read_note, read_signature_lines
from elearn.credit_export.ledger.witness.keeping import add_log, opened, origin_hash
from elearn.credit_export.ledger.witness.keys import make_key, read_keys
from tests.at_once import at_once
from tests.credit_export.ledger.a_log import AT_S, ORIGIN, ALog, a_log
from tests.credit_export.ledger.witness.processes import WITHOUT_PRODUCT, Running, running, serve


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make_key(tmp_path, "exam.example/witness")
    add_log(tmp_path, ALog().vkey)
    return tmp_path


def cosigned(place: Path, log: ALog, size: int, lines: bytes) -> int:
    note = Note(log.checkpoint(size).text(), read_signature_lines(lines.decode()))
    return read_keys(place)[0].verifier.time_of(note)


def test_a_log_is_cosigned_refused_and_remembered_over_http(place: Path) -> None:
    log = a_log(5)
    with running(place) as witness:
        first = witness.add(log.request(0))
        assert abs(cosigned(place, log, 5, first.body) - time.time()) < 60
        conflict = witness.add(log.request(0))
        assert (conflict.status, conflict.content_type, conflict.body) == (409, "text/x.tlog.size", b"5\n")
        assert witness.add(a_log(5, "other ").request(5)).status == 422
        assert witness.add(b"?").status == 400
        assert witness.add(ALog("other.example/log").request(0)).status == 404
        assert witness.ask("GET", "/add-checkpoint").status == 405
        assert witness.ask("POST", "/else", b"").status == 404
        assert witness.add(b"x" * 300_000).status == 413
        newest = witness.ask("GET", f"/{origin_hash(ORIGIN)}/checkpoint")
        assert read_note(newest.body).text == log.checkpoint().text()
        assert witness.ask("GET", f"/{origin_hash('other')}/checkpoint").status == 404


def test_thirty_two_at_once_leave_one_history(place: Path) -> None:
    """Half of them extend the honest log to different sizes, half a fork: one wins, all others hear its size."""
    honest = a_log(200)
    fork = honest.with_entries([*honest.entries[:50], *a_log(150, "other ").entries])
    with running(place) as witness:
        witness.add(honest.request(0, 50))
        offers = [(log, 51 + number) for number in range(16) for log in (honest, fork)]
        answers = at_once(*[lambda log=log, size=size: witness.add(log.request(50, size)) for log, size in offers])
        won = [offer for offer, answer in zip(offers, answers, strict=True) if answer.status == 200]
        assert len(won) == 1
        ((log, size),) = won
        assert {answer.body for answer in answers if answer.status == 409} == {f"{size}\n".encode()}
        assert {answer.status for answer in answers} == {200, 409}
        assert read_note(witness.ask("GET", f"/{origin_hash(ORIGIN)}/checkpoint").body).text == (
            log.checkpoint(size).text()
        )


def test_killed_while_it_signs_it_forgets_nothing_it_said(place: Path) -> None:
    """Whatever size a log heard cosigned, the witness that comes back keeps that size or a larger one."""
    log = a_log(400)
    witness = Running(place, free_port())
    try:
        heard = 0
        for _ in range(3):
            stopping = threading.Timer(0.15, witness.kill)
            stopping.start()
            try:
                while True:
                    answer = witness.add(log.request(heard, heard + 1))
                    if answer.status == 409:
                        heard = int(answer.body)
                    else:
                        assert answer.status == 200
                        cosigned(place, log, heard + 1, answer.body)
                        heard += 1
            except (OSError, http.client.HTTPException):
                stopping.join()
            witness.start_again()
            told = witness.add(log.request(390, 400))
            assert told.status == 409
            assert heard <= int(told.body) <= heard + 1
            heard = int(told.body)
        assert heard > 0
    finally:
        witness.stop()


DIES = """
import os, signal, sys
from pathlib import Path
from elearn.credit_export.ledger.witness import keeping

write_whole = keeping.write_whole

def write_and_die(path, data, **options):
    if sys.argv[2] == "after":
        write_whole(path, data, **options)
    os.kill(os.getpid(), signal.SIGKILL)

keeping.write_whole = write_and_die
with keeping.opened(Path(sys.argv[1])) as witness:
    witness.add_checkpoint(sys.stdin.buffer.read(), now_s=2_000_000_000)
"""


@pytest.mark.parametrize(("when", "kept"), [("before", 5), ("after", 8)])
def test_killed_between_deciding_writing_and_answering_it_knows_one_history(place: Path, when: str, kept: int) -> None:
    """The log heard nothing; it asks again, hears the size that is kept, and gets its cosignature."""
    log = a_log(8)
    with opened(place) as witness:
        assert witness.add_checkpoint(log.request(0, 5), now_s=AT_S).status == 200
    died = subprocess.run([sys.executable, "-c", DIES, str(place), when], input=log.request(5, 8), check=False)
    assert died.returncode == -signal.SIGKILL
    with opened(place) as witness:
        forged = log.with_entries([*log.entries[:5], b"x", b"y", b"z"])
        told = witness.add_checkpoint(log.request(1, 8), now_s=AT_S)
        assert (told.status, told.body) == (409, f"{kept}\n".encode())
        if kept == 8:
            assert witness.add_checkpoint(forged.request(8), now_s=2_000_000_000).status == 422
        assert witness.add_checkpoint(log.request(kept), now_s=2_000_000_000).status == 200


def test_a_request_that_never_ends_keeps_nobody_waiting(place: Path) -> None:
    log = a_log(5)
    with running(place) as witness:
        held = [socket.create_connection(("127.0.0.1", witness.port)) for _ in range(40)]
        for number, each in enumerate(held):
            each.sendall(
                b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nold"[: 30 + number * 2]
            )
        began = time.monotonic()
        assert witness.add(log.request(0)).status == 200
        assert time.monotonic() - began < 5
        for each in held:
            each.close()


def test_a_witness_whose_directory_is_in_use_says_so(place: Path) -> None:
    with running(place):
        second = subprocess.run(
            serve(place, free_port()),
            env=WITHOUT_PRODUCT,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert second.returncode == 1
    assert "another process uses" in second.stderr


def test_the_key_command_makes_a_key_once_and_prints_it(tmp_path: Path) -> None:
    def key(*options: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "elearn", "witness", "key", "--dir", str(tmp_path), *options],
            env=WITHOUT_PRODUCT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    (first,) = key("--name", "exam.example/witness")
    assert Verifier.from_vkey(first).name == "exam.example/witness"
    assert key() == [first]
    assert key("--algorithm", "ml-dsa-44", "--name", "exam.example/witness")[0] == first
