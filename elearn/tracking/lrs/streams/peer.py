"""Another record store over HTTP, by tincan's RemoteLRS with its sending replaced.

What tincan sends by itself has no timeout, follows the address wherever its name leads, and writes statements anew in
its own way: another timestamp, another duration, none under an id of version 7. Here it names the resource, the
version and who we are; what goes out are our own bytes, to an address that was looked at, within bounds of time.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

import tincan
from tincan.http_request import HTTPRequest
from tincan.lrs_response import LRSResponse

from elearn.clock import utcnow
from elearn.reaching import NotAllowed, exchange, retry_after
from elearn.tracking.lrs.rules.check import check_statement
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.statements import multipart
from elearn.tracking.lrs.streams.sending import Answer, Away, Taken, meaning
from elearn.tracking.lrs.versions import HEADER, LATEST_1

SILENCE_S = 20.0
"""The longest a peer may say nothing."""
WHOLE_S = 60.0
"""The longest a request may take until its answer is read."""
MAX_ANSWER_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Letter:
    """A statement as it goes out."""

    id: UUID
    text: bytes = field(repr=False)
    version: str
    """Of xAPI, by whose rules it was taken: "1.0.3" or "2.0.0"."""
    contents: tuple[multipart.Content, ...] = field(default=(), repr=False)
    """Data of its attachments."""


class Peer(tincan.RemoteLRS):  # type: ignore[misc]
    """RemoteLRS on connections of our own. `private`: may be at a private address."""

    _props = (*tincan.RemoteLRS._props, "private", "silence_s", "whole_s")

    private = False
    silence_s = SILENCE_S
    whole_s = WHOLE_S

    def send(self, letters: Sequence[Letter]) -> Answer:
        """Offer statements, all of one version, in one request. Raises nothing of the network's."""
        body = b"[" + b",".join(letter.text for letter in letters) + b"]"
        kind = "application/json"
        contents = {one.sha2: one for letter in letters for one in letter.contents}
        if contents:
            body, kind = multipart.write(body, contents.values())
        request = HTTPRequest(method="POST", resource="statements")
        request.headers = {"Content-Type": kind, HEADER: letters[0].version}
        request._content = body  # its setter would make text of it
        try:
            answer = self._send_request(request)
            if answer.response.status == 409 and len(letters) == 1:
                return self._compared(letters[0], answer.data)
        except NotAllowed as error:
            return Away(str(error))
        except (OSError, http.client.HTTPException) as error:
            connected = not isinstance(error, (ConnectionRefusedError, socket.gaierror, ssl.SSLError))
            return Away(f"no answer: {type(error).__name__}", suspect=connected)
        asked = retry_after(answer.response.headers.get("Retry-After"), now_s=utcnow().timestamp())
        return meaning(answer.response.status, answer.data, [letter.id for letter in letters], retry_after_s=asked)

    def _compared(self, letter: Letter, refusal: bytes) -> Answer:
        """What a 409 means: some answer it to an equal statement (Data 2.3.1) too. Raises OSError, HTTPException."""
        for parameter in ("statementId", "voidedStatementId"):
            request = HTTPRequest(method="GET", resource="statements")
            request.headers = {HEADER: letter.version}
            request.query_params = {parameter: str(letter.id)}
            answer = self._send_request(request)
            if answer.response.status == 200:
                return Taken() if _equal(answer.data, letter) else meaning(409, refusal, [letter.id])
            if answer.response.status >= 500 or answer.response.status == 429:
                return Away(f"{answer.response.status} to a question about a conflict")
        return meaning(409, refusal, [letter.id])

    def _send_request(self, request: HTTPRequest) -> LRSResponse:
        """As RemoteLRS does it, within bounds. Raises OSError, HTTPException: no whole answer came."""
        query = "?" + urlencode(request.query_params) if request.query_params else ""
        response, data = exchange(
            request.method,
            self.endpoint + request.resource + query,
            headers={HEADER: self.version, "Authorization": self.auth, **request.headers},
            body=request.content,
            private=self.private,
            silence_s=self.silence_s,
            whole_s=self.whole_s,
            most_bytes=MAX_ANSWER_BYTES,
        )
        answer = LRSResponse(success=response.status < 300, request=request, response=response)
        answer._data = data  # its setter would make text of it, and fail where it is none
        return answer


def _equal(text: bytes, letter: Letter) -> bool:
    try:
        return check_statement(text, letter.version).digest == check_statement(letter.text, letter.version).digest
    except BadStatement:
        return False


def remote(endpoint: str, key: str, secret: str, *, private: bool) -> Peer:
    return Peer(version=LATEST_1, endpoint=endpoint, username=key, password=secret, private=private)
