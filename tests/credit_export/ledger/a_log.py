"""A log for tests: real formats, files as it would publish them, served over real HTTP. No database, no application.

    log = ALog(); log.append(b"...", b"..."); log.publish(directory)
    with served(directory) as url: ...

`a_ledger.py` beside this fills one with leaves of hours.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.notes import Note, Signer
from elearn.credit_export.ledger.plain_text import base64_text
from elearn.credit_export.ledger.tiles import WIDTH, bundle, entries_path, new_tiles, tile_path
from elearn.credit_export.ledger.tree import Tree, consistency_proof, inclusion_proof, leaf_hash, root_of

ORIGIN = "hours.example/ledger/2026"
AT_S = 1_767_580_000
"""A day of January 2026, in seconds since 1970."""


def a_signer(origin: str = ORIGIN, seed: int = 0) -> Signer:
    return Signer.ed25519(origin, bytes([seed] * 32))


def a_cosigner(name: str = "exam.example/witness", seed: int = 1) -> Signer:
    return Signer.cosigner(name, bytes([seed] * 32))


class ALog:
    """A log in memory. Its nodes are all kept, so that it can prove anything about any of its sizes."""

    def __init__(self, origin: str = ORIGIN, *, signer: Signer | None = None, witnesses: Sequence[Signer] = ()) -> None:
        self.origin = origin
        self.signer = signer or a_signer(origin)
        self.witnesses = list(witnesses)
        self.entries: list[bytes] = []
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._tree = Tree()

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def vkey(self) -> str:
        return self.signer.verifier.vkey

    def node(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]

    def append(self, *entries: bytes) -> None:
        for entry in entries:
            self.entries.append(entry)
            for level, index, hash_ in self._tree.append(leaf_hash(entry)):
                self._nodes[level, index] = hash_

    def with_entries(self, entries: Sequence[bytes]) -> ALog:
        """Another history under the same name and keys."""
        other = ALog(self.origin, signer=self.signer, witnesses=self.witnesses)
        other.append(*entries)
        return other

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = self.size if size is None else size
        return Checkpoint(self.origin, size, root_of(size, self.node))

    def note(self, size: int | None = None, *, at_s: int = AT_S) -> Note:
        """Signed by the log and cosigned by its witnesses, who look at nothing here."""
        text = self.checkpoint(size).text()
        return Note(text, tuple(signer.sign(text, at_s) for signer in (self.signer, *self.witnesses)))

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        return inclusion_proof(index, self.size if size is None else size, self.node)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        return consistency_proof(old, self.size if new is None else new, self.node)

    def request(self, old: int, size: int | None = None, *, proof: Sequence[bytes] | None = None) -> bytes:
        """The body of `add-checkpoint`."""
        hashes = self.consistency(old, size) if proof is None else proof
        lines = "".join(f"{base64_text(hash_)}\n" for hash_ in hashes)
        return f"old {old}\n{lines}\n{self.note(size)}".encode()

    def publish(self, directory: Path, size: int | None = None, *, old: int = 0, at_s: int = AT_S) -> Note:
        """Write what is new since `old` as the public files of a log, the checkpoint last."""
        size = self.size if size is None else size
        for level, index, width in new_tiles(old, size):
            hashes = (self.node(level * 8, index * WIDTH + at) for at in range(width))
            put(directory, tile_path(level, index, width), b"".join(hashes))
            if level == 0:
                put(directory, entries_path(index, width), bundle(self.entries[index * WIDTH : index * WIDTH + width]))
        note = self.note(size, at_s=at_s)
        put(directory, "checkpoint", str(note).encode())
        return note


def a_log(count: int = 7, mark: str = "") -> ALog:
    """So many numbered leaves, with a mark before each number."""
    log = ALog()
    log.append(*(f"{mark}{number}".encode() for number in range(count)))
    return log


def put(directory: Path, path: str, data: bytes) -> None:
    """There whole or not at all, as a log's files are; tests survive no power cut."""
    where = directory / path
    where.parent.mkdir(parents=True, exist_ok=True)
    part = where.with_name(f".{where.name}")
    part.write_bytes(data)
    part.replace(where)


class Serving:
    """What a served directory was asked for, and where it is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, int]] = []
        """Path and status of every request."""

    def paths(self, status: int | None = None) -> list[str]:
        return [path for path, answered in self.asked if status in (None, answered)]


@contextmanager
def served(directory: Path) -> Iterator[Serving]:
    """The files under `directory` over HTTP, with entity tags; changed files are seen at once."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = directory / self.path.lstrip("/")
            status, body, tag = 404, b"", ""
            if ".." not in self.path and path.is_file():
                body = path.read_bytes()
                tag = f'"{leaf_hash(body).hex()[:16]}"'
                status = 304 if self.headers["If-None-Match"] == tag else 200
            serving.asked.append((self.path.lstrip("/"), status))
            body = body if status == 200 else b""
            self.send_response(status)
            if tag:
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away is no concern of a test."""

    server = Server(("127.0.0.1", 0), Handler)
    serving = Serving(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield serving
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
