"""The log's files over HTTP, from a server that may be anything: slow, endless, broken."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from elearn.credit_export.ledger.monitor import fetching
from elearn.credit_export.ledger.monitor.fetching import Site, Unreachable
from elearn.credit_export.ledger.tiles import NoTile


@contextmanager
def answering(*answers: bytes, drop_by_drop: bool = False, keeps: bool = False) -> Iterator[Site]:
    """A server that says these bytes, whatever it is asked, one answer a request; closed after each unless it keeps."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        said = list(answers)
        while said:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                while said:
                    try:
                        if not connection.recv(65_536):
                            break
                        answer = said.pop(0)
                        for at in range(0, len(answer), 1 if drop_by_drop else max(1, len(answer))):
                            connection.sendall(answer[at : at + 1] if drop_by_drop else answer)
                            if drop_by_drop and ended.wait(0.05):
                                return
                    except OSError:
                        return
                    if not keeps:
                        break

    listening.settimeout(5)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    site = Site(f"http://127.0.0.1:{listening.getsockname()[1]}/ledger/2026/")
    try:
        yield site
    finally:
        ended.set()
        site.close()
        listening.shutdown(socket.SHUT_RDWR)  # wakes who waits for the next connection
        listening.close()
        thread.join(5)


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_file_is_fetched_with_its_tag() -> None:
    with answering(answer(b"text", 'ETag: "7"')) as site:
        found = site.get("checkpoint")
    assert (found.data, found.etag) == (b"text", '"7"')


def test_a_packed_file_is_unpacked() -> None:
    with answering(answer(gzip.compress(b"text"), "Content-Encoding: gzip")) as site:
        assert site.fetch("checkpoint") == b"text"


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone", "403 Forbidden"])
def test_what_is_not_there_is_not_there(status: str) -> None:
    with answering(answer(b"", status=status)) as site, pytest.raises(NoTile):
        site.fetch("tile/0/000")


@pytest.mark.parametrize(
    "said",
    [
        answer(b"", status="500 Internal Server Error"),
        answer(b"", "Location: /elsewhere", status="302 Found"),
        answer(b"", status="304 Not Modified"),
        answer(b"not packed", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoo short",
        b"what?\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_is_no_file_says_nothing_about_the_log(said: bytes) -> None:
    with answering(said, said) as site, pytest.raises(Unreachable):
        site.fetch("checkpoint")


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_longer_than_any_file_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr(fetching, "FILE_BYTES_MAX", 1_000)
    body = bytes(5_000)
    said = answer(gzip.compress(body), "Content-Encoding: gzip") if packed else answer(body)
    with answering(said) as site, pytest.raises(Unreachable, match="longer"):
        site.fetch("checkpoint")


def test_a_connection_that_ended_meanwhile_is_opened_again() -> None:
    with answering(answer(b"one"), answer(b"two")) as site:
        assert site.fetch("one") == b"one"
        assert site.fetch("two") == b"two"


def test_an_answer_drop_by_drop_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WHOLE_S", 0.5)
    began = time.monotonic()
    with answering(answer(bytes(10_000)), drop_by_drop=True) as site, pytest.raises(Unreachable):
        site.fetch("checkpoint")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("url", ["", "ledger/2026", "file:///etc/passwd", "ftp://log.example"])
def test_what_is_no_address_is_not_asked(url: str) -> None:
    with pytest.raises(Unreachable, match="no http"):
        Site(url)
