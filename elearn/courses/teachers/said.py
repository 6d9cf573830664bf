"""What is said of a teacher, in its one form. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from elearn.courses.centres import Industry
from elearn.courses.teachers.rules import Level
from elearn.errors import Malformed

MAX_NOTE = 2_000
MAX_PAPER = 100
MOST_COVERED = 100
MAX_WORK = 60
MOST_WORKS = 30


@dataclass(frozen=True, slots=True)
class Profile:
    """What a teacher teaches."""

    level: Level = Level.INSTITUTION
    industries: frozenset[Industry] = field(default_factory=frozenset)
    works: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """What stands on a certificate."""

    kind: str
    number: str
    issued_by: str
    from_on: date
    to_on: date | None
    categories: Sequence[str] = ()
    works: Sequence[str] = ()


def checked_works(given: Sequence[str]) -> list[str]:
    """Raises Malformed `work`."""
    found = list(dict.fromkeys(" ".join(one.split()) for one in given if one.strip()))
    if len(found) > MOST_WORKS or any(len(one) > MAX_WORK or not one.isprintable() for one in found):
        raise Malformed("A kind of work has 1 to 60 characters, and there are at most 30.", code="work")
    return found


def checked(paper: Paper) -> Paper:
    """A certificate that can be one. Raises Malformed."""
    kind, issuer = " ".join(paper.kind.split()), " ".join(paper.issued_by.split())
    number = "".join(paper.number.split())
    if not 1 <= len(kind) <= MAX_PAPER or not kind.isprintable():
        raise Malformed("Please say what certificate it is, in 1 to 100 characters.", code="paper")
    if not 4 <= len(number) <= MAX_PAPER or not number.isprintable():
        raise Malformed("The number of a certificate has 4 to 100 characters.", code="number")
    if not 1 <= len(issuer) <= MAX_PAPER or not issuer.isprintable():
        raise Malformed("Please say who issued it, in 1 to 100 characters.", code="issuer")
    if paper.to_on is not None and paper.to_on < paper.from_on:
        raise Malformed("The last day is before the first.", code="dates")
    if not 1 <= len(paper.categories) + len(paper.works) <= MOST_COVERED:
        raise Malformed("Choose what the certificate is for.", code="covers")
    return Paper(kind, number, issuer, paper.from_on, paper.to_on, paper.categories, paper.works)


def in_words(note: str, *, needed: bool) -> str:
    """What somebody says beside an act. Raises Malformed `note`."""
    words = note.strip()
    if len(words) > MAX_NOTE or (needed and not words) or "\0" in words:  # PostgreSQL keeps no NUL
        raise Malformed("Please give your reasons in 1 to 2000 characters.", code="note")
    return words
