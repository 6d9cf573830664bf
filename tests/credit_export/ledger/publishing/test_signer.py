"""What the signer signs, what it refuses, and what it keeps."""

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.credit_export.ledger.notes import Note, SignatureLine, Verifier
from elearn.credit_export.ledger.signer import (
    Kept,
    LocalSigner,
    NotSigned,
    OtherSize,
    SignerAway,
    SignerBroken,
    Wanted,
    decide,
)
from elearn.credit_export.ledger.signer_door import SEAL, SOCKET, Asked, HttpSigner, Seal, _Server
from tests.credit_export.ledger.a_log import ORIGIN, ALog
from tests.waiting import wait_for


def a_log(size: int, *, other_from: int | None = None) -> ALog:
    """Leaves 0, 1, 2...; `other_from`: from that one on they are others."""
    log = ALog()
    log.append(*(f"{n}{'!' if other_from is not None and n >= other_from else ''}".encode() for n in range(size)))
    return log


def wanted(log: ALog, old: int, size: int | None = None) -> Wanted:
    size = log.size if size is None else size
    return Wanted(log.origin, size, log.checkpoint(size).root, old, log.consistency(old, size) if old <= size else ())


def verdict(asked: Wanted, kept: Kept) -> str:
    try:
        other = decide(asked, kept)
    except NotSigned:
        return "refuse"
    return "sign" if other is None else f"other size {other.size}"


HONEST, FORKED = a_log(20), a_log(20, other_from=5)


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


class PowerCut(BaseException):
    """The machine stops here."""


@pytest.mark.parametrize("at", range(4), ids=["before the file", "the file", "its name", "the directory"])
def test_what_left_the_signer_was_on_disk_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Wherever it dies, either nothing was signed or it is remembered."""
    LocalSigner(tmp_path).sign(wanted(HONEST, 0, 7))
    calls = 0

    def dies(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > at:
                raise PowerCut
            return call(*args)

        return run

    for name in ("fchmod", "fsync", "replace"):
        monkeypatch.setattr(os, name, dies(getattr(os, name)))
    signed = None
    with pytest.raises(PowerCut):
        signed = LocalSigner(tmp_path).sign(wanted(HONEST, 7, 9))
    monkeypatch.undo()
    assert signed is None
    again = LocalSigner(tmp_path).sign(wanted(HONEST, 7, 9))
    assert again == OtherSize(9) or isinstance(again, SignatureLine)
    assert isinstance(LocalSigner(tmp_path).sign(wanted(HONEST, 9, 9)), SignatureLine)


def test_a_signature_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer, order = LocalSigner(tmp_path), list[str]()

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            order.append(name)
            return call(*args)

        return run

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    assert isinstance(signer.sign(wanted(HONEST, 0, 7)), SignatureLine)
    assert order == ["fsync", "replace", "fsync"], "the file, its name, the directory"


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
    signer, got = LocalSigner(tmp_path), list[object]()

    def ask(log: ALog) -> None:
        try:
            got.append((log, signer.sign(wanted(log, 0, 9))))
        except NotSigned:
            got.append(None)

    threads = [threading.Thread(target=ask, args=(log,)) for log in (HONEST, FORKED) * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signed = {id(one[0]) for one in got if isinstance(one, tuple) and isinstance(one[1], SignatureLine)}
    assert len(signed) == 1


# The process


@contextmanager
def a_process(directory: Path, *words: str, secret: str = "") -> Iterator[subprocess.Popen[bytes]]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ELEARN_", "DATABASE_URL"))}
    command = [sys.executable, "-m", "elearn", "ledger", "signer", "--directory", str(directory), *words]
    with (directory.parent / "signer.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=env | ({"ELEARN_LEDGER_SECRET": secret} if secret else {}), stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def up(signer: HttpSigner) -> None:
    def answers() -> bool:
        try:
            return bool(signer.vkey(ORIGIN))
        except SignerAway:
            return False

    wait_for(answers, seconds=20, what="the signer")


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
