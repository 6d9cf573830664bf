"""The signer's process and the way to it: HTTP on a Unix socket, or on TCP when it stands on another host.

    POST /sign            {origin, size, root, old_size, consistency}: hashes in base64
                          200 the signature line | 409 {size}: it keeps another | 422 {detail}: for the operator
    GET  /vkey?origin=    the public key of that log (C2SP signed-note)

Who may reach the socket may ask; over TCP both sides prove with a shared secret who they are (`Seal`). What is asked is
no secret, and asking again does no harm: the signer answers by what it keeps.

    elearn ledger signer [--directory DIR] [--listen unix:/path | http://host:port]
"""

from __future__ import annotations

import hmac
import http.client
import json
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs, urlencode, urlsplit

import click
import msgspec

from elearn.credit_export.ledger.files import held
from elearn.credit_export.ledger.notes import SignatureLine, read_signature_lines
from elearn.credit_export.ledger.plain_text import NoteRefused, base64_text, hash_bytes
from elearn.credit_export.ledger.signer import LocalSigner, NotSigned, OtherSize, SignerAway, SignerBroken, Wanted

logger = logging.getLogger(__name__)

BODY_MAX = 64 * 1024
PROOF_MAX = 63
TIMEOUT_S = 5.0
SEAL = "Elearn-Seal"
SOCKET = "signer.sock"
SOCKET_PATH_MAX = 100
"""The kernel takes a few bytes more (unix(7))."""


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request to sign."""

    origin: str
    size: int
    root: str
    old_size: int
    consistency: list[str]

    @classmethod
    def of(cls, wanted: Wanted) -> Asked:
        proof = [base64_text(hash_) for hash_ in wanted.consistency]
        return cls(wanted.origin, wanted.size, base64_text(wanted.root), wanted.old_size, proof)

    def wanted(self) -> Wanted:
        """Raises NoteRefused."""
        if len(self.consistency) > PROOF_MAX:
            raise NoteRefused("the proof is too long")
        proof = tuple(hash_bytes(text) for text in self.consistency)
        return Wanted(self.origin, self.size, hash_bytes(self.root), self.old_size, proof)


_read_asked = msgspec.json.Decoder(Asked).decode


@dataclass(frozen=True, slots=True)
class Seal:
    """HMAC-SHA-256 over what is asked, and over the answer together with the question's seal. Empty secret: none."""

    secret: str = field(repr=False)

    def of_question(self, method: str, path: str, body: bytes) -> str:
        return self._over(f"question\n{method} {path}\n", body)

    def of_answer(self, question: str, status: int, body: bytes) -> str:
        return self._over(f"answer\n{question}\n{status}\n", body)

    def _over(self, head: str, body: bytes) -> str:
        return hmac.new(self.secret.encode(), head.encode() + body, "sha256").hexdigest() if self.secret else ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Server

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isdecimal() and int(length) <= BODY_MAX):
            self.close_connection = True
            self._send(413, b"", "")
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes) -> None:
        question = self.server.seal.of_question(self.command, self.path, body)
        if not hmac.compare_digest(question, self.headers.get(SEAL, "")):
            self._send(403, b"", "")
            return
        status, answer = self.server.answer(self.command, self.path, body)
        self._send(status, answer, self.server.seal.of_answer(question, status, answer))

    def _send(self, status: int, body: bytes, seal: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if status == 200 else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header(SEAL, seal)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """What matters is logged where it is decided."""


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True

    def __init__(self, signer: LocalSigner, seal: Seal, address: str | tuple[str, int]) -> None:
        self.signer, self.seal = signer, seal
        self.address_family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if not isinstance(address, str) and ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        # HTTPServer would look up a name for the address.
        if self.address_family != socket.AF_UNIX:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "signer", 0

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, _ = self.socket.accept()
        return connection, ("", 0)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(path)
        try:
            if (method, parts.path) == ("GET", "/vkey"):
                return 200, f"{self.signer.vkey(parse_qs(parts.query).get('origin', [''])[0])}\n".encode()
            if (method, parts.path) == ("POST", "/sign"):
                return self._sign(_read_asked(body).wanted())
        except (NoteRefused, msgspec.DecodeError) as error:
            return 400, _told("malformed", str(error))
        except (SignerBroken, OSError) as error:
            # What cannot be kept is not signed: a full disk is as good as a lost one.
            logger.error("the signer cannot keep what it signs: %s", error)
            return 503, _told("not_kept", str(error))
        return 404, _told("not_found", "there is nothing at this address")

    def _sign(self, wanted: Wanted) -> tuple[int, bytes]:
        facts = {"log": wanted.origin, "size": wanted.size}
        try:
            signed = self.signer.sign(wanted)
        except NotSigned as error:
            logger.error("not signed: %s", error, extra=facts)
            return 422, _told(error.code, str(error))
        if isinstance(signed, OtherSize):
            return 409, json.dumps({"size": signed.size}).encode()
        return 200, str(signed).encode()


def _told(code: str, detail: str) -> bytes:
    return json.dumps({"error": code, "detail": detail}, ensure_ascii=False).encode()


@contextmanager
def _near(path: Path) -> Iterator[str]:
    """A name for a socket that is short enough for the kernel, as long as this lasts."""
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX or sys.platform != "linux":
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def serve(directory: Path, address: str, secret: str = "", *, wait: bool = False) -> None:
    """Answer at `address` until the process ends. Raises InUse when somebody does already, SignerBroken.

    `wait`: until whoever answers there has ended.
    """
    signer = LocalSigner(directory)
    if not address.startswith("unix:"):
        parts = urlsplit(address)
        with _Server(signer, Seal(secret), (parts.hostname or "", parts.port or 0)) as server:
            server.serve_forever()
        return
    path = Path(address.removeprefix("unix:")).absolute()
    with held(path.with_name(f"{path.name}.lock"), wait=wait), _near(path) as name:
        path.unlink(missing_ok=True)  # left by one that was killed
        with _Server(signer, Seal(""), name) as server:
            path.chmod(0o660)  # a group may ask: who else may enter is the directory's affair
            server.serve_forever()


@dataclass(frozen=True, slots=True)
class HttpSigner:
    """The way to a signer at `address`: unix:/path or http://host:port."""

    address: str
    secret: str = field(repr=False, default="")
    timeout_s: float = TIMEOUT_S

    def vkey(self, origin: str) -> str:
        status, body = self._ask("GET", "/vkey?" + urlencode({"origin": origin}), b"")
        if status != 200:
            raise self._away(f"it answered {status}")
        return body.decode().strip()

    def sign(self, wanted: Wanted) -> SignatureLine | OtherSize:
        status, body = self._ask("POST", "/sign", msgspec.json.encode(Asked.of(wanted)))
        try:
            if status == 200:
                (line,) = read_signature_lines(body.decode())
                return line
            told = json.loads(body or b"{}")
            if status == 409:
                return OtherSize(int(told["size"]))
            detail = str(told.get("detail", ""))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._away("its answer cannot be read") from error
        if status == 422:
            raise NotSigned("%(said)s", said=detail)
        raise self._away(f"it answered {status}: {detail}")

    def _ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        seal = Seal("" if self.address.startswith("unix:") else self.secret)
        question = seal.of_question(method, path, body)
        try:
            with self._connected() as connection:
                connection.request(method, path, body=body or None, headers={SEAL: question})
                answer = connection.getresponse()
                data = answer.read(BODY_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise self._away(str(error) or type(error).__name__) from error
        if not hmac.compare_digest(answer.getheader(SEAL, ""), seal.of_answer(question, answer.status, data)):
            raise self._away("the shared secret is not the same on both sides")
        return answer.status, data

    @contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(parts.hostname or "signer", parts.port, timeout=self.timeout_s)
        try:
            if parts.scheme == "unix":
                connection.sock = socket.socket(socket.AF_UNIX)
                connection.sock.settimeout(self.timeout_s)
                with _near(Path(parts.path)) as name:
                    connection.sock.connect(name)
            yield connection
        finally:
            connection.close()

    def _away(self, why: str) -> SignerAway:
        return SignerAway("The signer at %(address)s does not sign: %(why)s", address=self.address, why=why)


@click.command("signer")
@click.option(
    "--directory", type=click.Path(path_type=Path), help="Key and state; default $ELEARN_DATA_DIR/ledger_signer."
)
@click.option("--listen", help="unix:/path or http://host:port; default: a socket in the directory.")
@click.option("--vkey", "origin", help="Print the public key of the log of that origin, and end.")
@click.option("--wait", is_flag=True, help="Wait for one that listens there already to end.")
def command(directory: Path | None, listen: str | None, origin: str | None, wait: bool) -> None:
    """Sign the log of hours: a process of its own, which never signs two histories.

    Over http both sides need ELEARN_LEDGER_SECRET. Run it as another user, or on another host, than the application.
    """
    directory = (directory or Path(os.environ.get("ELEARN_DATA_DIR", "var")) / "ledger_signer").absolute()
    if origin is not None:
        click.echo(LocalSigner(directory).vkey(origin))
        return
    listen = listen or f"unix:{directory / SOCKET}"
    secret = os.environ.get("ELEARN_LEDGER_SECRET", "")
    if not listen.startswith(("unix:/", "http://")):
        raise click.UsageError("--listen takes unix:/path or http://host:port")
    if listen.startswith("http") and len(secret) < 16:
        raise click.UsageError("ELEARN_LEDGER_SECRET is missing (16 characters or more)")
    signer = LocalSigner(directory)
    for name, kept in signer.logs().items():
        click.echo(f"{signer.vkey(name)}  {kept.size} leaves")
    click.echo(f"signing at {listen}")
    serve(directory, listen, secret, wait=wait)
