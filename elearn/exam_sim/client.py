"""The product's doors, as an exam system uses them. Nothing is handed on whose signature does not hold."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from elearn.reaching import exchange

ALGORITHMS = ["Ed25519"]
MOST_BYTES = 50_000_000
EARLY_S = 30.0
"""A token is renewed so long before it runs out."""


class Unreachable(Exception):
    """The product gives no answer."""


class Forged(Exception):
    """Something was told that is not signed by whom it says, or not for us."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class ExamClient:
    """`base` is where the product is (scheme, host, prefix); name and secret of an OAuth 2 client."""

    def __init__(self, base: str, client_id: str, secret: str) -> None:
        self.base = base.rstrip("/")
        self.client_id = client_id
        self._secret = secret
        self._token: tuple[str, float] | None = None
        self._keys: KeySet | None = None
        self._lock = threading.Lock()

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        try:
            response, data = exchange(
                method,
                self.base + path,
                headers=headers,
                body=body,
                private=True,  # its operator typed the address in
                silence_s=20.0,
                whole_s=60.0,
                most_bytes=MOST_BYTES,
            )
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{method} {path}: {type(error).__name__}") from error
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, data)

    def changes(self, cursor: str) -> dict[str, Any]:
        """A page of the feed whose signature holds. Raises Unreachable, Forged."""
        answer = self._signed_in("GET", f"/exam/v1/changes?cursor={cursor}")
        if answer.status != 200:
            raise Unreachable(f"changes: {answer.status}")
        claims = self.verified(answer.headers.get("page-signature", ""))
        if claims.get("sha256") != hashlib.sha256(answer.body).hexdigest() or claims.get("cursor") != cursor:
            raise Forged("the page is not the one that was signed")
        page: dict[str, Any] = answer.json()
        if claims.get("next_cursor") != page["next_cursor"]:
            raise Forged("the page leads elsewhere than was signed")
        return page

    def check(self, question: dict[str, Any]) -> dict[str, Any]:
        """What is true of one person now; `{"error": ...}` when there is no record. Raises Unreachable, Forged."""
        answer = self._signed_in("POST", "/exam/v1/eligibility:check", json.dumps(question).encode())
        told: dict[str, Any] = answer.json()
        if answer.status == 200:
            self.require_record(told["jws"], told["record"])
        return told

    def send_receipts(self, receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answer to each. Raises Unreachable."""
        answer = self._signed_in("POST", "/exam/v1/receipts", json.dumps({"receipts": receipts}).encode())
        if answer.status != 200:
            raise Unreachable(f"receipts: {answer.status} {answer.body[:200]!r}")
        answers: list[dict[str, Any]] = answer.json()["receipts"]
        return answers

    def require_record(self, signature: str, record: dict[str, Any]) -> None:
        """Raises Forged: the record is not the one that was signed for us."""
        if self.verified(signature).get("record") != record:
            raise Forged("the record is not the one that was signed")

    def verified(self, signature: str) -> dict[str, Any]:
        """Claims that are signed with a published key and meant for us. Raises Forged, Unreachable."""
        for fresh in (False, True):
            try:
                payload = jws.deserialize_compact(signature, self._key_set(fresh=fresh), algorithms=ALGORITHMS).payload
                claims: dict[str, Any] = json.loads(payload or b"")
                break
            except (JoseError, ValueError) as error:
                if fresh:  # keys change: a signature by an unknown one is tried with the newest
                    raise Forged(f"the signature does not hold: {error}") from error
        if claims.get("aud") != self.client_id:
            raise Forged("it is signed for somebody else")
        return claims

    def _key_set(self, *, fresh: bool) -> KeySet:
        with self._lock:
            if self._keys is None or fresh:
                answer = self.ask("GET", "/exam/v1/jwks.json", {})
                if answer.status != 200:
                    raise Unreachable(f"keys: {answer.status}")
                self._keys = KeySet.import_key_set(answer.json())
            return self._keys

    def _signed_in(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self._bearer()}", "Content-Type": "application/json"}
        answer = self.ask(method, path, headers, body)
        if answer.status == 401:
            with self._lock:
                self._token = None
            raise Unreachable(f"{path}: the token is not taken")
        return answer

    def _bearer(self) -> str:
        with self._lock:
            if self._token is None or time.monotonic() > self._token[1]:
                basic = base64.b64encode(f"{self.client_id}:{self._secret}".encode()).decode()
                headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
                form = urlencode({"grant_type": "client_credentials"}).encode()
                answer = self.ask("POST", "/exam/v1/token", headers, form)
                if answer.status != 200:
                    raise Unreachable(f"no token: {answer.status}")
                given = answer.json()
                self._token = given["access_token"], time.monotonic() + given["expires_in"] - EARLY_S
            return self._token[0]
