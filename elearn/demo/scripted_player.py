"""A player without a screen: it enrols a device, opens a sitting and speaks the player protocol over HTTP.

It is what tests, the corpus of cheats and the demonstration's scripted walk watch with. It never computes credit
and by itself does what an honest player does; every number of a report can be overridden, to say what no honest
player says. Time is the caller's: `cm` is the device's monotonic clock, moved by `wait`.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwe
from joserfc.jwk import ECKey

REPORT = "urn:elearn:xapi:report"
VIDEO = "https://w3id.org/xapi/video/extensions/"
VERBS = {
    "play": "https://w3id.org/xapi/video/verbs/played",
    "pause": "https://w3id.org/xapi/video/verbs/paused",
    "seek": "https://w3id.org/xapi/video/verbs/seeked",
    "end": "http://adlnet.gov/expapi/verbs/completed",
}
INTERACTED = "http://adlnet.gov/expapi/verbs/interacted"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: status, headers (lower-case names), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Transport(Protocol):
    """Whatever carries a request: Flask's test client, or a real connection. It keeps the session's cookie."""

    def __call__(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer: ...


class Refused(AssertionError):
    """The server turned down what an honest player expects to work."""


def p256_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


class _LongLessons(jwe.JWERegistry):
    """A lesson of a whole day has more keys than joserfc opens by default."""

    max_ciphertext_length = 1 << 20


@dataclass(slots=True)
class Device:
    """A browser's keys: one signs (ES256), one opens what is sealed to it (ECDH); without that, no downloads."""

    key: EllipticCurvePrivateKey = field(default_factory=p256_key)
    thumbprint: str = ""
    agreeing: EllipticCurvePrivateKey | None = field(default_factory=p256_key)

    def jwk(self) -> dict[str, str]:
        return public_jwk(self.key)

    def enrolment(self) -> dict[str, Any]:
        """The body of `POST /devices` (docs/player-protocol.md, section 3)."""
        if self.agreeing is None:
            return {"jwk": self.jwk()}
        jwk = public_jwk(self.agreeing)
        sig = self._es256(f"elearn agreement\n{ECKey.import_key(dict(jwk)).thumbprint()}")
        return {"jwk": self.jwk(), "agreement": {"jwk": jwk, "sig": sig}}

    def sign(self, sid: str, nonce: str, statement: str) -> str:
        """r || s over the sitting, the nonce and the statement (docs/player-protocol.md, section 5)."""
        return self._es256(f"{sid}\n{nonce}\n{statement}")

    def open_licence(self, sealed: str) -> dict[str, Any]:
        """What a licence's JWE says. Raises joserfc's JoseError: sealed to another device."""
        if self.agreeing is None:
            raise ValueError("this device has nothing to open a licence with")
        registry = _LongLessons(algorithms=["ECDH-ES+A256KW", "A256GCM"])
        opened = jwe.decrypt_compact(sealed, ECKey.import_key(dict(private_jwk(self.agreeing))), registry=registry)
        told: dict[str, Any] = json.loads(opened.plaintext or b"")
        return told

    def _es256(self, text: str) -> str:
        r, s = decode_dss_signature(self.key.sign(text.encode(), ECDSA(SHA256())))
        return base64url(r.to_bytes(32) + s.to_bytes(32))


@dataclass(slots=True)
class ScriptedPlayer:
    """One learner's browser. `headers` hold what unsafe requests need (X-CSRFToken)."""

    send: Transport
    headers: Mapping[str, str]
    sittings_path: str = "/sittings"
    devices_path: str = "/devices"
    wait: Callable[[int], None] = lambda ms: None
    """Lets that many milliseconds pass for everybody: moves a test's clock, or sleeps."""
    device: Device = field(default_factory=Device)
    cm: int = 1_000
    opened: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    seq: int = 0
    prev: str | None = None
    position_ms: int = 0
    queue: list[str] = field(default_factory=list)
    """Statements made and not yet acknowledged, in order."""
    keys: dict[int, bytes] = field(default_factory=dict)
    page: int | None = None
    """Of a unit of pages, the one that is shown."""

    # -- opening and closing

    def enrol(self) -> str:
        self.device.thumbprint = self._ok("POST", self.devices_path, self.device.enrolment(), 201)["thumbprint"]
        return self.device.thumbprint

    def open(self, unit_id: object) -> dict[str, Any]:
        """Open a sitting and stand at its frontier."""
        if not self.device.thumbprint:
            self.enrol()
        sent = {"unit": str(unit_id), "device": self.device.thumbprint, "cm": self.cm, "player": "hls.js"}
        self.opened = self._ok("POST", self.sittings_path, sent, 201)
        self.state = self.opened
        self.seq, self.prev, self.queue, self.keys, self.page = 0, None, [], {}, None
        self.position_ms = self.opened["frontier_ms"]
        return self.opened

    def close(self) -> dict[str, Any]:
        return self._learn(self._ok("POST", self.at("/close"), {}, 200))

    def look(self) -> dict[str, Any]:
        """Ask where things stand."""
        return self._learn(self._ok("GET", self.at(""), None, 200))

    @property
    def sid(self) -> str:
        return str(self.opened["sid"])

    def at(self, rest: str) -> str:
        return f"{self.sittings_path}/{self.sid}{rest}"

    # -- media

    def ask_key(self, index: int) -> Answer:
        return self.call("GET", self.at(f"/keys/{index}"))

    def download(self) -> dict[str, Any]:
        """Take the whole lesson along: every key is there from now on. Answers what the licence says."""
        told = self._learn(self._ok("POST", self.at("/licence"), {}, 201))
        opened = self.device.open_licence(told["licence"]["jwe"])
        self.keys = {index: unbase64url(key) for index, key in enumerate(opened["keys"])}
        return opened

    def pass_time(self, ms: int) -> None:
        self.cm += ms
        self.wait(ms)

    # -- reports

    def make(self, event: str = "heartbeat", **claim: Any) -> str:
        """A statement claiming what `claim` says, by default that nothing played since the last; queued."""
        self.seq += 1
        said: dict[str, Any] = {
            "seq": self.seq,
            "event": event,
            "a": self.position_ms,
            "b": self.position_ms,
            "cm": self.cm,
            "play": 0,
            "hidden": 0,
            "prev": self.prev,
        }
        said |= claim
        statement = json.dumps(
            {
                "id": str(uuid4()),
                "version": "1.0.3",
                "actor": self.opened["actor"],
                "verb": {"id": VERBS.get(event, INTERACTED), "display": {"en": event}},
                "object": self.opened["activity"],
                "result": {"extensions": {VIDEO + "time": said["b"] / 1000, REPORT: said}},
                "context": {
                    "contextActivities": {"category": [{"id": "https://w3id.org/xapi/video"}]},
                    "extensions": {
                        VIDEO + "session-id": self.sid,
                        VIDEO + "length": self.opened["duration_ms"] / 1000,
                    },
                },
                "timestamp": "2026-11-22T03:10:16.925Z",
            },
            ensure_ascii=False,
        )
        self.prev = sha256(statement.encode()).hexdigest()
        self.queue.append(statement)
        return statement

    def message(self, statements: Sequence[str] | None = None, **changes: Any) -> dict[str, Any]:
        """The message that carries the queue, or `statements`; `changes` replace its members."""
        nonce = str(changes.get("nonce", self.state["nonce"]))
        whole = {
            "sid": self.sid,
            "sent_cm": self.cm,
            "nonce": nonce,
            "reports": [
                {"statement": one, "sig": self.device.sign(self.sid, nonce, one)}
                for one in (self.queue if statements is None else statements)
            ],
        }
        return whole | changes

    def flush(self) -> dict[str, Any]:
        """Send what waits, forget what is acknowledged."""
        return self.deliver(self.message())

    def deliver(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message and take in the answer."""
        told = self._learn(self._ok("POST", self.at("/reports"), message, 200))
        done: int = told["acknowledged"]
        self.queue = [one for one in self.queue if claim_of(one)["seq"] > done]
        return told

    def play(self, ms: int, *, rate: float = 1.0, event: str = "heartbeat") -> dict[str, Any]:
        """Play on for `ms` of real time, reporting every heartbeat; asks for keys first and waits when it must.

        It obeys the frontier: when the server has not followed, it goes back there. It stops at the end and when
        a check is due. The last answer comes back.
        """
        told = self.state
        left = ms
        while left > 0 and not self.state["check_due"] and self.position_ms < self.opened["duration_ms"]:
            if not self.have_key():
                return told
            stretch = min(left, self.opened["heartbeat_ms"], self.playable_ms(rate))
            self.pass_time(stretch)
            begin, self.position_ms = self.position_ms, self.position_ms + int(stretch * rate)
            self.make(event, a=begin, b=self.position_ms, play=stretch)
            told = self.flush()
            left -= stretch
            if self.position_ms > self.state["frontier_ms"] + self.opened["delta_ms"]:
                self.position_ms = self.state["frontier_ms"]
        return told

    def have_key(self, *, patience_s: int = 120) -> bool:
        """Get the key of the block at the present position; waits as Retry-After says, but not for ever."""
        index = self.block_at(self.position_ms)
        while index not in self.keys:
            got = self.ask_key(index)
            if got.status == 200:
                self.keys[index] = got.body
            elif got.status == 425 and patience_s > 0:
                pause_s = int(got.headers["retry-after"])
                self.pass_time(pause_s * 1000)
                patience_s -= pause_s
            else:
                return False
        return True

    block_ms: int = 30_000
    """Length of the unit's blocks; a browser learns it from the playlist."""

    def block_at(self, position_ms: int) -> int:
        return position_ms // self.block_ms

    def playable_ms(self, rate: float) -> int:
        """Real time until the end of the block that is open, or of the unit."""
        block_end = min((self.block_at(self.position_ms) + 1) * self.block_ms, self.opened["duration_ms"])
        return max(1, int((block_end - self.position_ms) / rate))

    # -- pages

    def ask_page(self, index: int) -> Answer:
        """Turn to a page: from the answer on it is the one that is read."""
        got = self.call("GET", self.at(f"/pages/{index}"))
        if got.status == 200:
            self.page = index
        return got

    def read(self, ms: int, *, idle: int | None = 0) -> dict[str, Any]:
        """Read on for `ms`, turning pages at their ends, reporting every heartbeat; `idle` as each report tells it.

        It stops at the end, when a check is due, and at a page that does not open.
        """
        told = self.state
        left = ms
        while left > 0 and not self.state["check_due"] and self.position_ms < self.opened["duration_ms"]:
            index, end_ms = self.page_here()
            if self.page != index and self.ask_page(index).status != 200:
                return told
            stretch = min(left, self.opened["heartbeat_ms"], end_ms - self.position_ms)
            self.pass_time(stretch)
            begin, self.position_ms = self.position_ms, self.position_ms + stretch
            self.make("heartbeat", a=begin, b=self.position_ms, play=stretch, idle=idle)
            told = self.flush()
            left -= stretch
            if self.position_ms > self.state["frontier_ms"] + self.opened["delta_ms"]:
                self.position_ms = self.state["frontier_ms"]
        return told

    def page_here(self) -> tuple[int, int]:
        """The page at the present position, and where it ends."""
        pages: list[list[int]] = self.opened["pages"]
        return next((index, end) for index, (start, end) in enumerate(pages) if start <= self.position_ms < end)

    # -- checks

    def ask_check(self) -> dict[str, Any]:
        check: dict[str, Any] = self._ok("POST", self.at("/checks"), {}, 201)["check"]
        return check

    def answer(self, check: Mapping[str, Any], texts: Sequence[str]) -> dict[str, Any]:
        """Choose the options with these texts."""
        chosen = [option["id"] for option in check["options"] if option["text"] in texts]
        return self._learn(self._ok("POST", self.at(f"/checks/{check['id']}"), {"answer": chosen}, 200))

    # -- how it speaks

    def call(self, method: str, path: str, body: object = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        """One request with everything an honest player sends along."""
        sent = dict(self.headers)
        if self.opened:
            sent["X-Sitting"] = self.opened["token"]
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        return self.send(method, path, headers=sent, body=data)

    def _ok(self, method: str, path: str, body: object, status: int) -> dict[str, Any]:
        got = self.call(method, path, body)
        if got.status != status:
            raise Refused(f"{method} {path}: {got.status} {got.body[:300].decode(errors='replace')}")
        told: dict[str, Any] = got.json()
        return told

    def _learn(self, told: dict[str, Any]) -> dict[str, Any]:
        self.state = told
        return told


def claim_of(statement: str) -> dict[str, Any]:
    """The report inside a statement."""
    claim: dict[str, Any] = json.loads(statement)["result"]["extensions"][REPORT]
    return claim


def public_jwk(key: EllipticCurvePrivateKey) -> dict[str, str]:
    point = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": base64url(point.x.to_bytes(32)), "y": base64url(point.y.to_bytes(32))}


def private_jwk(key: EllipticCurvePrivateKey) -> dict[str, str]:
    return public_jwk(key) | {"d": base64url(key.private_numbers().private_value.to_bytes(32))}


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
