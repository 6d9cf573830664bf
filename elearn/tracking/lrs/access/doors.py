"""What holds at the door /xapi/ before a key is looked at: nothing packed, no heap of headers. CORS after it.

How large a body may be is said by the door itself (`request.max_content_length`). Tokens are got here.
"""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestHeaderFieldsTooLarge

from elearn.errors import NotTaken
from elearn.tracking.lrs.access import cors, tokens
from elearn.tracking.lrs.versions import BadHeader

MOST_HEADER_BYTES = 32_768


class Packed(NotTaken, BadHeader):
    """A body came with a content encoding. It is never unpacked: a bomb of gzip stays shut."""


def install(bp: Blueprint) -> None:
    bp.before_request(refuse_unread)
    bp.after_request(challenge)
    bp.after_request(cors.mark)
    bp.add_url_rule("/oauth/token", "token", tokens.token, methods=["POST"])


def refuse_unread() -> None:
    """Raises Packed (415), and 431 for more headers than any client needs."""
    held = sum(len(name) + len(value) for name, value in request.environ.items() if name.startswith("HTTP_"))
    if held > MOST_HEADER_BYTES:
        raise RequestHeaderFieldsTooLarge("The headers of the request are larger than this door takes.")
    encoding = request.environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Packed("Content-Encoding", "must come without a content encoding", "Communication 1.4")


def challenge(response: Response) -> Response:
    """A refused request learns of both ways to prove itself (RFC 6750, section 3)."""
    sent = request.authorization
    by_token = sent is not None and sent.type == "bearer"
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="xAPI", charset="UTF-8"'
        said = ', error="invalid_token"' if by_token else ""
        response.headers.add("WWW-Authenticate", f'Bearer realm="xAPI"{said}')
    elif response.status_code == 403 and by_token:
        response.headers.add("WWW-Authenticate", 'Bearer realm="xAPI", error="insufficient_scope"')
    return response
