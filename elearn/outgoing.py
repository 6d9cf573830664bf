"""One signed JSON request to a service that the house has set up: text messages, faces, identity.

Straight out, never along a redirect and never through a proxy of the environment: what goes out is personal.
"""

from __future__ import annotations

import http.client
import json
import logging
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from elearn import webhooks
from elearn.errors import Conflict

NOT_USABLE = frozenset({400, 413, 415, 422})
"""Statuses that speak of what was sent, not of the service (RFC 9110, section 15.5)."""

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 64 * 1024


class OutOfOrder(Conflict):
    """A service of ours that something needs does not do its work. Nobody loses anything by it."""

    code = "service_down"


class NotUsable(OutOfOrder):
    """The service works, and says that it can do nothing with what it was sent."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other, and not a good one."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Service:
    """Where it is, and the secret both sides know."""

    url: str
    secret: str = field(repr=False)
    timeout_s: float = 5.0

    @property
    def host(self) -> str:
        """How records of disclosure call it."""
        return urlsplit(self.url).hostname or self.url

    def post(self, message_id: str, at_s: int, body: dict[str, Any]) -> bytes:
        """Send `body`; the answer's bytes when its status is 2xx. Raises OutOfOrder, saying nothing of the body.

        Signed as Standard Webhooks; the key is the secret's own bytes.
        """
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = webhooks.headers([self.secret.encode()], message_id, at_s, data)
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url, data, headers, method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
        try:
            with opener.open(request, timeout=self.timeout_s) as answer:
                read: bytes = answer.read(MAX_ANSWER_BYTES)
                return read
        except (OSError, http.client.HTTPException, urllib.error.URLError) as error:
            status = error.code if isinstance(error, urllib.error.HTTPError) else None
            logger.warning("service out of order", extra={"service": self.host, "status": status})
            kind = NotUsable if status in NOT_USABLE else OutOfOrder
            raise kind("A service this needs is out of order at the moment.") from error
