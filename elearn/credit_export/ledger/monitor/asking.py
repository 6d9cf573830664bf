"""The door of raw evidence, `ISSUER/exam/v1/evidence`, as an authority asks it: a bearer token, patience, bounds."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import msgspec

from elearn.credit_export.ledger.block_evidence import LARGEST_BYTES, Hash, Place
from elearn.credit_export.ledger.monitor.fetching import Line, Unreachable
from elearn.reaching import retry_after

SCOPE = "evidence.read"
SILENCE_S = 120.0
"""Evidence of a block is put together while we wait."""
TRIES = 6
LONGEST_WAIT_S = 30.0
"""Whoever says that we should come back later than that is asked again all the same, `TRIES` times in all."""


class Draw(msgspec.Struct, frozen=True):
    """What one checkpoint draws of [from, to)."""

    begin: Place = msgspec.field(name="from")
    end: Place = msgspec.field(name="to")
    root: Hash
    per_million: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Order(msgspec.Struct, frozen=True):
    """Leaves that somebody ordered to be shown."""

    begin: Place = msgspec.field(name="from")
    end: Place = msgspec.field(name="to")


class Draws(msgspec.Struct, frozen=True):
    log: str
    draws: list[Draw]
    orders: list[Order]


_draws = msgspec.json.Decoder(Draws).decode


@dataclass(frozen=True, slots=True)
class Refused:
    """The door gave no evidence, and why."""

    why: str


class Door:
    """One connection at a time; a token for as long as it holds."""

    def __init__(self, url: str, client_id: str, secret: str) -> None:
        """Raises Unreachable when it is no address."""
        self._line = Line(url, silence_s=SILENCE_S)
        self.url = self._line.url
        # RFC 6749, section 2.3.1: both are form-encoded first.
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()
        self._credentials = "Basic " + base64.b64encode(pair).decode()
        self._token = ""

    def draw(self, log: str, size: int) -> Draws:
        """Draw from this checkpoint; all draws and orders so far. Raises Unreachable."""
        status, data = self._ask("POST", f"/evidence/{log}", json.dumps({"size": size}).encode())
        if status != 200:
            raise Unreachable(f"{self.url} draws no blocks: {status} {_said(data)}")
        try:
            return _draws(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreachable(f"{self.url} answers what is no draw: {error}") from None

    def evidence(self, log: str, index: int) -> bytes | Refused:
        """The raw evidence of a leaf. Raises Unreachable."""
        status, data = self._ask("GET", f"/evidence/{log}/{index}", None)
        return data if status == 200 else Refused(f"the door answers {status} {_said(data)}")

    def close(self) -> None:
        self._line.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        renewed = False
        for more in reversed(range(TRIES)):
            if not self._token:
                self._token, renewed = self._new_token(), True
            headers = {"Authorization": f"Bearer {self._token}", "Accept-Encoding": "gzip"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            status, answer, data = self._line.ask(method, path, headers, body, most_bytes=LARGEST_BYTES)
            if status == 401 and not renewed:
                self._token = ""
            elif status in (429, 503) and more:
                asked_s = retry_after(answer.get("Retry-After"), now_s=time.time())
                time.sleep(min(LONGEST_WAIT_S, 1.0 if asked_s is None else asked_s))
            else:
                break
        return status, data

    def _new_token(self) -> str:
        headers = {"Authorization": self._credentials, "Content-Type": "application/x-www-form-urlencoded"}
        form = urlencode({"grant_type": "client_credentials", "scope": SCOPE}).encode()
        status, _, data = self._line.ask("POST", "/token", headers, form, most_bytes=LARGEST_BYTES)
        try:
            token: Any = json.loads(data)["access_token"] if status == 200 else None
        except (ValueError, KeyError, TypeError):
            token = None
        if not isinstance(token, str):
            raise Unreachable(f"{self.url} gives no token for {SCOPE}: {status} {_said(data)}")
        return token


def _said(data: bytes) -> str:
    """The door's reason, in so far as it gives one."""
    try:
        found = json.loads(data)
    except ValueError:
        return ""
    return str(found.get("error", ""))[:100] if isinstance(found, dict) else ""
