"""Forms: what was typed is kept, what is wrong stands beside its field, and sending twice does once.

A form carries a drawn number, `once`. The first request that brings it acts; a second one (a double tap, a reload of
the answer) is sent on to where the first one led. Redis remembers; while it is away, the services' own uniqueness is
what is left.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from flask import request
from redis import RedisError

from elearn import locale
from elearn.courses.reading import TIME
from elearn.errors import DomainError, Malformed
from elearn.runtime import runtime

logger = logging.getLogger(__name__)

ONCE = "once"
REMEMBERED_S = 24 * 3600
MOST_ASKED = 100
MARK = re.compile(r"[\w-]{16,64}")

Word = TypeVar("Word", bound=StrEnum)


@dataclass(slots=True)
class Form:
    """The values of a form by field, and sentences (translated) about what is wrong with some of them."""

    values: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    led: str = ""
    """The wrong field that a page came to first."""
    labels: dict[str, str] = field(default_factory=dict)
    """What the page calls the wrong fields that it came to."""

    @classmethod
    def sent(cls) -> Form:
        """What this request brings."""
        return cls(request.form.to_dict(), request.form.to_dict(flat=False))

    @classmethod
    def asked(cls) -> Form:
        """What the address of this request asks for; cut, as somebody may have typed it."""
        return cls({name: value.replace("\0", "")[:MOST_ASKED] for name, value in request.args.items()})

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def calls(self, name: str, label: str) -> None:
        """The page calls this field so: what is wrong is told above the form by its name."""
        if name in self.errors:
            self.labels[name] = label

    def leads(self, name: str) -> bool:
        """Whether a page comes to this wrong field first, which is where its reader begins."""
        if not self.led and name in self.errors:
            self.led = name
        return self.led == name

    def all(self, name: str) -> list[str]:
        """The values of a field that may stand several times."""
        return self.lists.get(name, [])

    def need(self, *names: str) -> None:
        """Note each of these fields that is empty."""
        for name in names:
            if not self[name].strip():
                self.errors[name] = locale.gettext("Please fill this in.")

    def day(self, name: str) -> date | None:
        """A date field; None when empty. A wrong one is noted."""
        text = self[name].strip()
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.errors[name] = locale.gettext("A date has the form 2026-07-01.")
            return None

    def clock(self, name: str) -> int:
        """A place in a video, `4:30` or seconds, in milliseconds. What is no such time is noted, and 0 answered."""
        found = TIME.fullmatch(self[name].strip().replace("：", ":"))
        if found is None:
            self.errors[name] = locale.gettext("A time is written as minutes and seconds, for example 4:30.")
            return 0
        hours, minutes, seconds, whole = (int(part or 0) for part in found.groups())
        return ((hours * 60 + minutes) * 60 + seconds + whole) * 1000

    def id(self, name: str) -> UUID | None:
        """A field that holds an id; None when empty. Raises Malformed: no page of ours offers such a value."""
        text = self[name].strip()
        try:
            return UUID(text) if text else None
        except ValueError as error:
            raise Malformed("This page is out of date. Load it again and repeat.") from error

    def word(self, name: str, words: type[Word]) -> Word | None:
        """A field that holds one word of an enumeration; None when it holds none of them."""
        return next((one for one in words if one.value == self[name]), None)

    def ids(self, name: str) -> list[UUID]:
        """Ids, of a field that may stand several times."""
        try:
            return [UUID(one) for one in self.all(name)]
        except ValueError as error:
            raise Malformed("This page is out of date. Load it again and repeat.") from error

    def blame(self, error: DomainError, where: Mapping[str, str], default: str) -> None:
        """Put the sentence of `error` beside the field that its code points at."""
        self.errors[where.get(error.error_code, default)] = said(error)


def whole(text: str, digits: int) -> int | None:
    """A whole number of at most so many digits; None: it is none, or has signs, letters or digits of another script."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None


def tenths(text: str, digits: int) -> int | None:
    """`4` or `4.5` in tenths, with at most so many digits before the point; None: it is no such number."""
    before, _dot, after = text.partition(".")
    ones, rest = whole(before, digits), whole(after or "0", 1)
    return None if ones is None or rest is None else ones * 10 + rest


def said(error: DomainError) -> str:
    """The sentence of an error in the caller's language."""
    text = locale.gettext(error.detail)
    return text % error.facts if error.facts else text


def new_mark() -> str:
    """The number that a form carries as `once`."""
    return secrets.token_urlsafe(16)


def is_first() -> bool:
    """Whether this request is the first with its form's number. One without a number counts as the first."""
    mark = request.form.get(ONCE, "")
    if not MARK.fullmatch(mark):
        return True
    try:
        return bool(runtime().redis.set(_key(mark), 1, nx=True, ex=REMEMBERED_S))
    except RedisError:
        logger.warning("forms sent twice are not noticed: Redis is away")
        return True


def undo_first() -> None:
    """The action did not happen (a field was wrong): the same form may come again."""
    mark = request.form.get(ONCE, "")
    if MARK.fullmatch(mark):
        try:
            runtime().redis.delete(_key(mark))
        except RedisError:
            logger.warning("a form's number stays used: Redis is away")


def _key(mark: str) -> str:
    return f"elearn:once:{mark}"
