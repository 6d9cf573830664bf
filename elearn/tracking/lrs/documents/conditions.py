"""Which write is refused because of what is there (xAPI Communication 3.1; 2.0: 4.1.4; RFC 9110 section 13). Pure.

A tag names exact bytes (it is their SHA-1), so a tag that a proxy weakened on its way (`W/"..."`) still says which
content was seen, and counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import ETags

from elearn.errors import Conflict, Malformed, Stale
from elearn.tracking.lrs.versions import is_second

CLAUSE = "Communication 3.1"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The two headers of a request; None where one was not sent."""

    if_match: ETags | None
    if_none_match: ETags | None

    def check(self, tag: str | None) -> None:
        """`tag` is of what is there, None when nothing is. Raises Stale when a header speaks of something else."""
        if self.if_match is not None:
            holds = tag is not None and self.if_match.contains_weak(tag)
        elif self.if_none_match is not None:
            holds = tag is None or not self.if_none_match.contains_weak(tag)
        else:
            return
        if not holds:
            raise Stale(
                "The document is not in the state that If-Match or If-None-Match names (xAPI Communication 3.1).",
                where="If-Match" if self.if_match is not None else "If-None-Match",
                clause=CLAUSE,
            )

    def check_put(self, tag: str | None, *, version: str, profile: bool) -> None:
        """A PUT overwrites, so it may have to say what it saw.

        1.0.3: with a header, except for a state. 2.0: with a header wherever there is a document. Raises Stale;
        Conflict: a document is there and no header came; Malformed: none is there and a header had to come.
        """
        self.check(tag)
        if self.if_match is not None or self.if_none_match is not None:
            return
        second = is_second(version)
        if tag is not None and (profile or second):
            raise Conflict(
                "The document is there. Look at its current state and send If-Match with its current ETag "
                "(xAPI Communication 3.1).",
                where="If-Match",
                clause=CLAUSE,
            )
        if tag is None and profile and not second:
            raise Malformed(
                "A profile is written with If-Match or If-None-Match (xAPI Communication 3.1).",
                where="If-None-Match",
                clause=CLAUSE,
            )
