"""A time stamp authority for tests: real tokens by OpenSSL's `ts`, over real HTTP, with manners to choose."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIGURATION = """
[tsa]
default_tsa = one
[one]
serial = {place}/serial
signer_cert = {place}/tsa.pem
signer_key = {place}/tsa.key
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def a_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(slots=True)
class TimeStampAuthority:
    """Its certificates and key lie in `place`."""

    place: Path
    url: str = ""
    does: str = "stamps"
    """stamps | refuses | garbage | error | sleeps | repeats (the answer to the question before)"""
    asked: int = 0
    last: bytes = b""
    roots: list[x509.Certificate] = field(default_factory=list)

    @classmethod
    def in_directory(cls, place: Path, name: str = "Time Authority") -> TimeStampAuthority:
        place.mkdir(parents=True)
        begin, end = datetime.now(UTC) - timedelta(days=400), datetime.now(UTC) + timedelta(days=400)
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

        def certificate(subject: str, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
            made = x509.CertificateBuilder(a_name(f"{name} Root"), a_name(subject), public)
            return made.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)

        root = (
            certificate(f"{name} Root", root_key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(root_key, hashes.SHA256())
        )
        own = (
            certificate(name, key.public_key())
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .sign(root_key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        (place / "root.pem").write_bytes(root.public_bytes(pem))
        (place / "tsa.pem").write_bytes(own.public_bytes(pem))
        (place / "tsa.key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (place / "serial").write_text("01\n")
        (place / "tsa.cnf").write_text(CONFIGURATION.format(place=place))
        return cls(place, roots=[root])

    @property
    def root_file(self) -> Path:
        return self.place / "root.pem"

    def reply(self, question: bytes) -> bytes:
        (self.place / "question.tsq").write_bytes(question)
        done = subprocess.run(
            ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "one", "-queryfile", "question.tsq",
             "-out", "reply.tsr"],
            cwd=self.place, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return (self.place / "reply.tsr").read_bytes()

    def answer(self, question: bytes) -> tuple[int, bytes]:
        self.asked += 1
        match self.does:
            case "garbage":
                return 200, b"<html>Bitte melden Sie sich an</html>"
            case "error":
                return 503, b""
            case "sleeps":
                time.sleep(3)
                return 200, b""
            case "refuses":
                return 200, bytes.fromhex("30053003020102")
            case "repeats" if self.last:
                return 200, self.last
        self.last = self.reply(question)
        return 200, self.last


@contextmanager
def serving(authority: TimeStampAuthority) -> Iterator[TimeStampAuthority]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, body = authority.answer(question)
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                """Whoever asked has gone."""

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    authority.url = f"http://127.0.0.1:{server.server_port}/stamp"
    try:
        yield authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
