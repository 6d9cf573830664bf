"""What a POST makes of the document that is there and the one that came (xAPI Communication 2.2). Pure.

Only whole members of the outermost objects are put together, so numbers, escapes and the order of keys inside them
stay as each client wrote them.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from elearn.errors import Malformed
from elearn.tracking.lrs.tags import tag_of

CLAUSE = "Communication 2.2"

Members = dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Document:
    """Content and its Content-Type, both exactly as a client sent them."""

    content: bytes
    content_type: str

    @property
    def tag(self) -> str:
        return tag_of(self.content)


def posted(there: Document | None, sent: Document) -> Document:
    """The document after a POST. Where none was, the one that came; else both merged, what came wins.

    Raises Malformed: what came as application/json is no JSON object; or one is there, and either is not a JSON
    object sent as application/json.
    """
    if there is None and not _says_json(sent):
        return sent
    given = _members(sent)
    if there is None:
        if given is None:
            raise Malformed(
                "What is posted as application/json must be a JSON object (xAPI Communication 2.2).",
                where="/",
                clause=CLAUSE,
            )
        return sent
    kept = _members(there)
    if given is None or kept is None:
        raise Malformed(
            "Documents are merged when both are JSON objects sent as application/json (xAPI Communication 2.2).",
            where="/",
            clause=CLAUSE,
        )
    return Document(msgspec.json.encode(kept | given), sent.content_type)


def _says_json(document: Document) -> bool:
    return document.content_type.partition(";")[0].strip().lower() == "application/json"


def _members(document: Document) -> Members | None:
    """The members of a JSON object in UTF-8, each as its own exact text; None of anything else."""
    if not _says_json(document):
        return None
    try:
        return msgspec.json.decode(document.content.decode(), type=Members)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
