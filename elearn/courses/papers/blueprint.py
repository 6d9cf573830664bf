"""Pure: a blueprint, a bank and a seed make a paper, and always the same one.

A section asks for so many questions of an outline item, a kind and a difficulty (each may be left open), each worth so
many milli-points. No question stands twice on a paper. Sections may compete for the same questions: a way to fill all
of them is found whenever there is one, and otherwise each section says how many it lacks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from elearn.courses.questions.kinds import Difficulty, Kind
from elearn.errors import Malformed

MOST_QUESTIONS = 300
MOST_SECTIONS = 40
MOST_POINTS_MILLI = 1_000_000


class Section(msgspec.Struct, frozen=True, omit_defaults=True):
    count: int
    points_milli: int
    """Of each question."""
    item: str | None = None
    """Id of an outline item, as text."""
    kind: Kind | None = None
    difficulty: Difficulty | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that may be drawn: the version that is asked now."""

    version: str
    item: str
    kind: Kind
    difficulty: Difficulty


@dataclass(frozen=True, slots=True)
class Drawn:
    version: str
    points_milli: int


@dataclass(frozen=True, slots=True)
class Paper:
    """In the order of the sections, shuffled within each."""

    questions: tuple[Drawn, ...]
    bank_digest: str

    @property
    def max_milli(self) -> int:
        return sum(one.points_milli for one in self.questions)


@dataclass(frozen=True, slots=True)
class Lack:
    """A section, by its place from 0, that the bank cannot fill beside the others."""

    section: int
    wanted: int
    found: int


@dataclass(frozen=True, slots=True)
class Unfilled:
    lacks: tuple[Lack, ...]


def require_sound(sections: Sequence[Section]) -> None:
    """Raises Malformed."""
    if not 1 <= len(sections) <= MOST_SECTIONS:
        raise Malformed("A blueprint has 1 to 40 sections.", code="bad_blueprint")
    if any(one.count < 1 for one in sections) or sum(one.count for one in sections) > MOST_QUESTIONS:
        raise Malformed("A paper has 1 to 300 questions, and each section at least one.", code="bad_blueprint")
    if any(not 1 <= one.points_milli <= MOST_POINTS_MILLI for one in sections):
        raise Malformed("A question is worth more than 0 and at most 1000 points.", code="bad_blueprint")


def bank_digest(bank: Sequence[Candidate]) -> str:
    """SHA-256 of what a paper can be drawn from, in whatever order it comes."""
    lines = sorted(f"{one.version} {one.item} {one.kind.value} {one.difficulty.value}" for one in bank)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def draw(sections: Sequence[Section], bank: Sequence[Candidate], seed: bytes) -> Paper | Unfilled:
    """The paper of this seed, or what is missing."""
    slots = sum(one.count for one in sections)
    # By Hall's theorem a section that has as many candidates as the paper has places always finds a free one, so no
    # more than that are looked at, whatever the size of the bank.
    ranked = [_ranked(section, place, bank, seed)[:slots] for place, section in enumerate(sections)]
    taken: dict[str, int] = {}
    short: dict[int, int] = {}
    for place in sorted(range(len(sections)), key=lambda one: (len(ranked[one]), one)):
        for number in range(sections[place].count):
            if not _seat(place, ranked, taken, set()):
                short[place] = number
                break
    if short:
        return Unfilled(tuple(Lack(place, sections[place].count, found) for place, found in sorted(short.items())))
    questions = tuple(
        Drawn(version, section.points_milli)
        for place, section in enumerate(sections)
        for version in ranked[place]
        if taken.get(version) == place
    )
    return Paper(questions, bank_digest(bank))


def _ranked(section: Section, place: int, bank: Sequence[Candidate], seed: bytes) -> list[str]:
    """Versions that fit a section, in the order that the seed gives them."""
    fitting = [
        one.version
        for one in bank
        if (section.item is None or one.item == section.item)
        and (section.kind is None or one.kind is section.kind)
        and (section.difficulty is None or one.difficulty is section.difficulty)
    ]
    salt = b"%s\0%d\0" % (seed, place)
    return sorted(fitting, key=lambda version: hashlib.sha256(salt + version.encode()).digest())


def _seat(place: int, ranked: list[list[str]], taken: dict[str, int], tried: set[str]) -> bool:
    """Give a section one more question, moving another section to another question where that helps (Kuhn)."""
    for version in ranked[place]:
        if version in tried or taken.get(version) == place:
            continue
        tried.add(version)
        holder = taken.get(version)
        if holder is None or _seat(holder, ranked, taken, tried):
            taken[version] = place
            return True
    return False
