"""The signer as a process: who is believed over its socket and over the network, and what harms nobody."""

from __future__ import annotations

import errno
import http.client
import http.server
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from bench.servers import free_port
from elearn.credit_export.ledger.notes import Note, SignatureLine, Verifier
from elearn.credit_export.ledger.signer import LocalSigner, NotSigned, OtherSize, SignerAway
from elearn.credit_export.ledger.signer_door import SEAL, SOCKET, Asked, HttpSigner, Seal, _Server
from tests.credit_export.ledger.a_log import ORIGIN
from tests.credit_export.ledger.publishing.asking_to_sign import HONEST, wanted
from tests.credit_export.ledger.publishing.signer_process import a_process, up


def test_the_process_loads_neither_the_product_nor_its_secrets() -> None:
    code = (
        "import json, sys; import elearn.credit_export.ledger.signer_door; "
        "from elearn.cli import cli; cli.commands['ledger'].get_command(None, 'signer'); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout
    loaded = set(json.loads(out))
    assert loaded & {"flask", "sqlalchemy", "psycopg", "redis", "elearn.db", "elearn.web", "elearn.runtime"} == set()
    assert [name for name in loaded if name.startswith("elearn.") and name.endswith("models")] == []


@pytest.mark.parametrize("depth", [1, 60], ids=["a short path", "a path longer than the kernel takes"])
def test_a_process_signs_over_a_socket_and_is_killed_without_losing_its_memory(tmp_path: Path, depth: int) -> None:
    directory = tmp_path / "/".join("ab" for _ in range(depth))
    signer = HttpSigner(f"unix:{directory / SOCKET}")
    with a_process(directory) as process:
        up(signer)
        line = signer.sign(wanted(HONEST, 0, 7))
        assert isinstance(line, SignatureLine)
        Verifier.from_vkey(signer.vkey(ORIGIN)).time_of(Note(HONEST.checkpoint(7).text(), (line,)))
        assert signer.sign(wanted(HONEST, 0, 9)) == OtherSize(7)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(SignerAway):
            signer.sign(wanted(HONEST, 7, 9))
    with a_process(directory):
        up(signer)
        with pytest.raises(NotSigned, match="now has 6"):
            signer.sign(wanted(HONEST, 5, 6))
        assert isinstance(signer.sign(wanted(HONEST, 7, 9)), SignatureLine)
    assert stat.S_IMODE((directory / SOCKET).stat().st_mode) == 0o660


def test_a_second_process_at_the_same_socket_says_so(tmp_path: Path) -> None:
    directory = tmp_path / "signer"
    with a_process(directory):
        up(HttpSigner(f"unix:{directory / SOCKET}"))
        with a_process(directory) as second:
            assert second.wait(20) == 1
    assert "another process uses" in (tmp_path / "signer.log").read_text()


def test_over_the_network_both_sides_prove_that_they_know_the_secret(tmp_path: Path) -> None:
    address, secret = f"http://127.0.0.1:{free_port()}", "a secret of both sides"
    with a_process(tmp_path / "signer", "--listen", address, secret=secret):
        signer = HttpSigner(address, secret)
        up(signer)
        assert isinstance(signer.sign(wanted(HONEST, 0, 7)), SignatureLine)
        with pytest.raises(SignerAway):
            HttpSigner(address, "another secret").sign(wanted(HONEST, 7, 9))
    assert LocalSigner(tmp_path / "signer").logs()[ORIGIN].size == 7, "nothing is signed for a stranger"


def test_over_the_network_an_impostor_is_not_believed() -> None:
    class Impostor(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.send_header(SEAL, "a seal")
            self.end_headers()
            self.wfile.write(b"a+key\n")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Impostor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(SignerAway, match="the shared secret is not the same"):
            HttpSigner(address, "a secret of both sides").vkey(ORIGIN)
        server.shutdown()


def test_over_the_network_it_does_not_start_without_a_secret(tmp_path: Path) -> None:
    with a_process(tmp_path / "signer", "--listen", f"http://127.0.0.1:{free_port()}") as process:
        assert process.wait(20) == 2
    assert "ELEARN_LEDGER_SECRET is missing" in (tmp_path / "signer.log").read_text()


def test_a_signer_with_a_full_disk_signs_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _Server(LocalSigner(tmp_path), Seal(""), str(tmp_path / SOCKET)) as server:
        body = msgspec.json.encode(Asked.of(wanted(HONEST, 0)))
        with monkeypatch.context() as full:
            full.setattr(os, "replace", _no_room)
            status, said = server.answer("POST", "/sign", body)
        assert (status, b"No space left" in said) == (503, True)
        assert server.answer("POST", "/sign", body)[0] == 200


def _no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_seal_holds_for_one_question_and_one_answer() -> None:
    seal = Seal("secret")
    question = seal.of_question("POST", "/sign", b"body")
    assert question not in {seal.of_question("POST", "/sign", b"other"), seal.of_question("GET", "/sign", b"body")}
    assert question != Seal("another").of_question("POST", "/sign", b"body")
    answer = seal.of_answer(question, 200, b"line")
    assert answer != seal.of_answer(seal.of_question("POST", "/sign", b"other"), 200, b"line"), "of another question"
    assert answer != seal.of_answer(question, 422, b"line")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/sign", b"", 400),
        ("POST", "/sign", b"{}", 400),
        ("POST", "/sign", b'{"origin":"a b","size":0,"root":"","old_size":0,"consistency":[]}', 400),
        ("POST", "/sign", b"", 413),
        ("POST", "/other", b"{}", 404),
        ("GET", "/sign", b"", 404),
        ("GET", "/vkey", b"", 400),
        ("GET", "/vkey?origin=a+b", b"", 400),
    ],
)
def test_what_is_no_question_is_refused_and_harms_nobody(
    tmp_path: Path, method: str, path: str, body: bytes, status: int
) -> None:
    directory = tmp_path / "signer"
    with a_process(directory):
        up(HttpSigner(f"unix:{directory / SOCKET}"))
        connection = http.client.HTTPConnection("signer", timeout=5)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(directory / SOCKET))
        said = {SEAL: "", **({"Content-Length": "70000"} if status == 413 else {})}
        connection.request(method, path, body=body or None, headers=said)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        connection.close()
        assert HttpSigner(f"unix:{directory / SOCKET}").vkey(ORIGIN)
