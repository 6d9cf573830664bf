"""What can go wrong, in domain words. No HTTP here: `web.py` maps each class to a status in one table.

A rule of ours that turns a request down raises a `DomainError`. A programming error is left to crash.
`code` is stable and for machines; `detail` is an English sentence that also serves as the message id of
the translation catalogues, so keep facts out of the sentence and in `facts`.
"""

from __future__ import annotations

from typing import ClassVar

NOT_SEEN = "It does not exist, or you may not see it."
"""The one sentence for both: of another organisation's things it is not even confirmed that they exist."""


class DomainError(Exception):
    """A request our rules turn down. `detail` may hold `%(name)s` places filled from `facts`."""

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str, *, code: str | None = None, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts
        self.own_code = code

    @property
    def error_code(self) -> str:
        return self.own_code or self.code

    def __str__(self) -> str:
        return self.detail % self.facts if self.facts else self.detail


class Malformed(DomainError):
    """The request cannot be read: broken JSON, a missing part, a value of the wrong form."""

    code = "malformed"


class NotSignedIn(DomainError):
    """Nobody is signed in, or the credentials do not hold."""

    code = "not_signed_in"


class Forbidden(DomainError):
    """Somebody is signed in who may not do this."""

    code = "forbidden"


class NotFound(DomainError):
    """It does not exist, or not for this caller: the two are not told apart."""

    code = "not_found"


class Conflict(DomainError):
    """It contradicts what is already there."""

    code = "conflict"


class Stale(DomainError):
    """It was meant for another state of the thing than the one it is in."""

    code = "stale"


class TooLarge(DomainError):
    """The body is larger than this door takes."""

    code = "too_large"


class LengthNeeded(DomainError):
    """The body came without its length, so nobody can tell whether it is whole."""

    code = "length_needed"


class NotTaken(DomainError):
    """The body came in a form that this door does not open."""

    code = "not_taken"


class TooMany(DomainError):
    """Too many tries in too short a time; `retry_after_s` says when to come back."""

    code = "too_many"

    def __init__(self, detail: str, *, retry_after_s: int, code: str | None = None, **facts: object) -> None:
        super().__init__(detail, code=code, **facts)
        self.retry_after_s = retry_after_s


class Unavailable(DomainError):
    """Something this needs is down for the moment; nothing was lost, try again."""

    code = "unavailable"
