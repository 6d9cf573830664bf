"""The tag of an answer: whoever sends it back says which content it saw (xAPI Communication 3.1). Pure."""

from __future__ import annotations

from hashlib import sha1


def tag_of(content: bytes) -> str:
    """The ETag without its quotes: SHA-1 in lower-case hexadecimal, as 1.0.3 demands."""
    return sha1(content, usedforsecurity=False).hexdigest()
