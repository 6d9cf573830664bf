"""multipart/mixed (RFC 2046, 5.1) as statements with attachments travel in it (Communication 1.5.2): read and written.

Pure, and stricter than RFC 2046 where two readers could take one body for two things: lines end with CRLF, a
boundary stands alone on its line, no header is folded or named twice. Parsers at hand are for forms: they refuse
a part without Content-Disposition, which no xAPI client sends.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from elearn.errors import TooLarge
from elearn.tracking.lrs.rules.reading import BadStatement

CLAUSE = "Communication 1.5.2, RFC 2046"
MIXED = "multipart/mixed"
MAX_HEADERS_BYTES = 8192
"""Of one part."""

_PARAMETER = re.compile(
    r"[ \t]*;[ \t]*(?:([\w!#$%&'*+.^`|~\-]+)=(\"(?:[^\"\\\x00-\x1f\x7f]|\\[ -~])*\"|[^\s;\"]+))?", re.ASCII
)
_BOUNDARY = re.compile(r"[\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?]", re.ASCII)
_HEADER = re.compile(rb"([\w!#$%&'*+.^`|~\-]+):([^\x00-\x08\x0a-\x1f\x7f]*)", re.ASCII)
_SHOWABLE = re.compile(r"[ -~]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body as it came."""

    headers: dict[str, str]
    """By name in lower case."""
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """The raw data of an attachment."""

    sha2: str
    """Its hash in lower-case hexadecimal; which SHA-2 it is, its length says."""
    content_type: str
    data: bytes = field(repr=False)


def boundary_of(content_type: str) -> str:
    """What separates the parts of a body of this Content-Type. Raises BadStatement: not multipart/mixed, or no
    boundary, or two, or one that RFC 2046 does not allow."""
    kind, semicolon, rest = content_type.partition(";")
    if kind.strip().lower() != MIXED:
        raise BadStatement("Content-Type", "must be application/json or multipart/mixed", "Communication 1.5")
    found: list[str] = []
    text, at = (semicolon + rest).rstrip(), 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            raise BadStatement("Content-Type", "has parameters that cannot be read", CLAUSE)
        name, value = match.groups()
        if name is not None and name.lower() == "boundary":
            found.append(re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == '"' else value)
        at = match.end()
    if len(found) != 1 or not _BOUNDARY.fullmatch(found[0]):
        raise BadStatement("Content-Type", "must name one boundary of 1 to 70 characters", CLAUSE)
    return found[0]


def parts_of(body: bytes, boundary: str, *, most: int) -> list[Part]:
    """The parts of `body` in their order, at least one. What stands before the first boundary and after the last
    is not looked at (RFC 2046, 5.1.1).

    Raises BadStatement when it is malformed or ends before its closing boundary, TooLarge above `most` parts.
    """
    mark = b"--" + boundary.encode("ascii")
    delimiter = b"\r\n" + mark
    if body.startswith(mark):
        at = len(mark)
    else:
        at = body.find(delimiter) + len(delimiter)
        if at < len(delimiter):
            raise BadStatement("", "holds no line with the boundary that its Content-Type names", CLAUSE)
    parts: list[Part] = []
    while not body.startswith(b"--", at):
        where = f"part {len(parts) + 1}"
        if len(parts) == most:
            raise TooLarge("A request may hold %(most)s parts at most (xAPI Communication 1.5.2).", most=most)
        begin = _end_of_boundary(body, at, where)
        end = body.find(delimiter, begin)
        if end < 0:
            raise BadStatement(where, "has no boundary behind it", CLAUSE)
        parts.append(_part(body, begin, end, where))
        at = end + len(delimiter)
    if not parts:
        raise BadStatement("", "has no parts", CLAUSE)
    if body[at + 2 :].strip(b" \t"):  # nothing at all may follow, not even a line break
        _end_of_boundary(body, at + 2, f"part {len(parts)}")
    return parts


def _end_of_boundary(body: bytes, at: int, where: str) -> int:
    """Where the line after a boundary begins. Only blanks may stand between (RFC 2046: transport padding)."""
    end = body.find(b"\r\n", at)
    if end < 0 or body[at:end].strip(b" \t"):
        raise BadStatement(where, "a boundary must stand alone on its line, which CR and LF end", CLAUSE)
    return end + 2


def _part(body: bytes, begin: int, end: int, where: str) -> Part:
    if body.startswith(b"\r\n", begin):
        return Part({}, body[begin + 2 : end])
    # The empty line may be the delimiter's own line break: then the part is empty.
    gap = body.find(b"\r\n\r\n", begin, min(end + 2, begin + MAX_HEADERS_BYTES))
    if gap < 0:
        raise BadStatement(where, "has headers that do not end, or are too long", CLAUSE)
    headers: dict[str, str] = {}
    for line in body[begin:gap].split(b"\r\n"):
        match = _HEADER.fullmatch(line)
        if match is None:
            raise BadStatement(where, "has a malformed header", CLAUSE)
        name = match[1].decode("ascii").lower()
        if name in headers:
            raise BadStatement(where, "names a header twice", CLAUSE)
        headers[name] = match[2].strip(b" \t").decode("latin-1")
    return Part(headers, body[gap + 4 : end])


def showable(value: str) -> bool:
    """Whether a header can say it: a media type's quoted text may hold more than that."""
    return _SHOWABLE.fullmatch(value) is not None


def write(first: bytes, contents: Iterable[Content]) -> tuple[bytes, str]:
    """A body with the JSON `first` and then each of `contents`, and the Content-Type that goes with it.

    The boundary holds 128 random bits, made after the contents were: none of them can hold it.
    """
    boundary = f"elearn_{secrets.token_hex(16)}"
    chunks = [f"--{boundary}\r\nContent-Type: application/json\r\n\r\n".encode(), first]
    for one in contents:
        headers = [f"X-Experience-API-Hash: {one.sha2}", "Content-Transfer-Encoding: binary"]
        if showable(one.content_type):
            headers.append(f"Content-Type: {one.content_type}")
        lines = "\r\n".join(("", f"--{boundary}", *headers, "", ""))
        chunks += [lines.encode("ascii"), one.data]
    chunks.append(f"\r\n--{boundary}--\r\n".encode())
    return b"".join(chunks), f"{MIXED}; boundary={boundary}"
