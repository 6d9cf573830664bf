"""Numbers, bytes and lines as the log's formats write them: each value in one way only, so that what is read and
written again is the same to the byte."""

from __future__ import annotations

import base64
import binascii
import re

SIZE_MAX = (1 << 63) - 1
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteRefused(ValueError):
    """A note, checkpoint, key or proof that is not of its form, or not signed as it should be."""


def decoded(data: str | bytes) -> str:
    """UTF-8 without control characters but the newline, or NoteRefused."""
    try:
        text = data.decode() if isinstance(data, bytes) else data.encode().decode()
    except UnicodeError:
        raise NoteRefused("it is not UTF-8") from None
    if _CONTROL.search(text):
        raise NoteRefused("it has a control character")
    return text


def number(text: str) -> int:
    """A whole number from 0 to 2**63 - 1, ASCII digits without leading zeroes, or NoteRefused."""
    if not _DECIMAL.match(text) or int(text) > SIZE_MAX:
        raise NoteRefused("a number is not written as it should be")
    return int(text)


def base64_bytes(text: str) -> bytes:
    """RFC 4648 section 4 with its padding and no stray bits, or NoteRefused."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused("it is not base64") from None
    if base64_text(data) != text:
        raise NoteRefused("it is not base64 as one writes it")
    return data


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def hash_bytes(text: str) -> bytes:
    """A SHA-256 in base64, or NoteRefused."""
    data = base64_bytes(text)
    if len(data) != 32:
        raise NoteRefused("a hash has 32 bytes")
    return data
