"""Which logs are believed, and whose cosignatures it takes: a C2SP tlog-policy file.

    log hours.example/ledger/2026+22f9e998+AQOhB7...  https://hours.example/ledger/2026
    witness exam exam.example/witness+7e096785+BHm1...  https://witness.exam.example
    witness regulator regulator.example/witness+4d4be147+BEPN...
    group both all exam regulator
    quorum both

A checkpoint is believed when a key of its own log signed it, and witnesses enough for the quorum cosigned it; where it
must not be old, when those that cosigned it lately are enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.notes import Note, NoteRefused, NotSigned, Verifier, times_of

NONE = "none"
AHEAD_S = 300
"""A witness whose clock is further ahead than this does not make a checkpoint look young."""
LINES_MAX = 1_000
_FORBIDDEN = re.compile(r"[^\t\n\x20-\x7e\x80-\U0010ffff]")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,3}\Z")


class TrustRefused(ValueError):
    """The policy file is not of its form. The message names the line."""


class Doubt(StrEnum):
    """Why a checkpoint is not believed."""

    LOG_SIGNATURE = "log signature"
    QUORUM = "quorum"
    STALE = "stale"


class Distrusted(Exception):
    """This checkpoint is not believed."""

    def __init__(self, reason: Doubt, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Log:
    """A log that is believed."""

    verifier: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who looks on. The name is the policy's own; the verifier has the name it signs with."""

    name: str
    verifier: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Met when so many of its members are: witnesses or other groups."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trust:
    """A policy: logs, witnesses, and the name of the witness or group that is the quorum (None: no quorum)."""

    known_logs: tuple[Log, ...]
    witnesses: Mapping[str, Witness] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, Group] = field(default_factory=lambda: MappingProxyType({}))
    quorum: str | None = None

    @classmethod
    def none(cls, *logs: Verifier | str) -> Self:
        """These logs (keys, or their vkeys), and no witness. Raises NoteRefused for a malformed vkey."""
        verifiers = (Verifier.from_vkey(log) if isinstance(log, str) else log for log in logs)
        return cls(tuple(Log(verifier) for verifier in verifiers))

    @classmethod
    def read(cls, text: str | bytes) -> Self:
        """A policy file; raises TrustRefused."""
        policy = _Reading()
        if isinstance(text, bytes):  # names are opaque octets
            text = text.decode("utf-8", "surrogateescape")
        if text and not text.endswith("\n"):
            raise TrustRefused("the last line does not end: is the file whole?")
        if _FORBIDDEN.search(text):
            raise TrustRefused("the file has a control character")
        lines = text.split("\n")
        if len(lines) > LINES_MAX:
            raise TrustRefused(f"the file has more than {LINES_MAX} lines")
        for number, line in enumerate(lines, 1):
            words = [word for word in re.split("[ \t]+", line) if word]
            if words and not words[0].startswith("#"):
                try:
                    policy.take(words)
                except ValueError as error:
                    raise TrustRefused(f"line {number}: {error}") from None
        if policy.quorum is None:
            raise TrustRefused("no line says the quorum")
        return cls(
            tuple(policy.logs),
            MappingProxyType(policy.witnesses),
            MappingProxyType(policy.groups),
            None if policy.quorum == NONE else policy.quorum,
        )

    @property
    def logs(self) -> Mapping[str, Verifier]:
        """The key of each log by its origin; of several, the one named last."""
        return {log.verifier.name: log.verifier for log in self.known_logs}

    def keys_of(self, origin: str) -> tuple[Verifier, ...]:
        """All keys that are believed to be this log's: more than one while it changes them."""
        return tuple(log.verifier for log in self.known_logs if log.verifier.name == origin)

    def met(self, names: Set[str]) -> bool:
        """Are these witnesses enough?"""
        met = {name for name in names if name in self.witnesses}
        for name, group in self.groups.items():  # each after its members
            if sum(member in met for member in group.members) >= group.least:
                met.add(name)
        return self.quorum is None or self.quorum in met

    def signed(self, note: Note) -> Checkpoint:
        """The checkpoint, when a key of the log it names signed it; raises Distrusted."""
        try:
            checkpoint = Checkpoint.read(note.text)
            if not times_of(note, self.keys_of(checkpoint.origin)):
                raise Distrusted(Doubt.LOG_SIGNATURE, f"no key known for {checkpoint.origin} signed it")
        except NoteRefused as error:
            raise Distrusted(Doubt.LOG_SIGNATURE, str(error)) from None
        return checkpoint

    def cosigned(self, note: Note) -> dict[str, int]:
        """Who of the witnesses cosigned it, by their names here, and when, in seconds since 1970; raises Distrusted
        when a line says that it is one's and is not."""
        times: dict[str, int] = {}
        for name, witness in self.witnesses.items():
            try:
                times[name] = witness.verifier.time_of(note)
            except NotSigned:
                continue
            except NoteRefused as error:
                raise Distrusted(Doubt.QUORUM, str(error)) from None
        return times

    def require(self, note: Note, *, now_s: int, max_age_s: int | None = None) -> Checkpoint:
        """The checkpoint that this note is, when it is believed; raises Distrusted.

        With `max_age_s` the quorum must be met by cosignatures no older than that, and without a quorum somebody's time
        must say so all the same: a signature without time does not.
        """
        checkpoint = self.signed(note)
        cosigned = self.cosigned(note)
        if not self.met(cosigned.keys()):
            who = ", ".join(cosigned) or "nobody"
            raise Distrusted(Doubt.QUORUM, f"it takes {self.quorum}, and it is cosigned by {who}")
        if max_age_s is not None:
            times = cosigned if self.quorum else {**cosigned, **times_of(note, self.keys_of(checkpoint.origin))}
            young = {name for name, at_s in times.items() if now_s - max_age_s <= at_s <= now_s + AHEAD_S}
            if not young or not self.met(young):
                raise Distrusted(Doubt.STALE, "no quorum says that it was the newest lately")
        return checkpoint


class _Reading:
    """A policy as its lines are taken. Each raises ValueError for what is not of the form."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.members: set[str] = set()
        self.quorum: str | None = None

    def take(self, words: list[str]) -> None:
        kinds: dict[str, Callable[[list[str]], None]] = {
            "log": self.log,
            "witness": self.witness,
            "group": self.group,
            "quorum": self.set_quorum,
        }
        keyword, *rest = words
        if keyword not in kinds:
            raise ValueError("a line begins with log, witness, group or quorum")
        kinds[keyword](rest)

    def log(self, words: list[str]) -> None:
        vkey, url = _with_url(words, 1)
        verifier = Verifier.from_vkey(*vkey)
        self._require_new(verifier, (log.verifier for log in self.logs))
        self.logs.append(Log(verifier, url))

    def witness(self, words: list[str]) -> None:
        (name, vkey), url = _with_url(words, 2)
        verifier = Verifier.from_vkey(vkey)
        if not verifier.algorithm.timed:
            raise ValueError("a witness has a key for cosignatures")
        self._require_new(verifier, (witness.verifier for witness in self.witnesses.values()))
        self._require_free(name)
        self.witnesses[name] = Witness(name, verifier, url)

    def group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise ValueError("a group has a name, a number and members")
        name, least, *members = words
        self._require_free(name)
        for member in members:
            if member == NONE or not self._defined(member):
                raise ValueError("a member of a group is a witness or group of a line before")
            if member in self.members:
                raise ValueError("a name is a member of one group, and once")
            self.members.add(member)
        self.groups[name] = Group(_threshold(least, len(members)), tuple(members))

    def set_quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self.quorum is not None:
            raise ValueError("one line names the quorum")
        if words[0] != NONE and not self._defined(words[0]):
            raise ValueError("the quorum is a witness or group of a line before")
        self.quorum = words[0]

    def _defined(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def _require_free(self, name: str) -> None:
        if name == NONE or self._defined(name):
            raise ValueError("the name is taken")

    @staticmethod
    def _require_new(verifier: Verifier, known: Iterator[Verifier]) -> None:
        if any(verifier.public == other.public for other in known):
            raise ValueError("the key stands in a line before")


def _with_url(words: list[str], count: int) -> tuple[list[str], str | None]:
    if not count <= len(words) <= count + 1:
        raise ValueError(f"a line of its kind has {count} or {count + 1} words")
    return words[:count], words[count] if len(words) > count else None


def _threshold(word: str, members: int) -> int:
    least = {"any": 1, "all": members}.get(word) or (int(word) if _THRESHOLD.match(word) else 0)
    if not 1 <= least <= members:
        raise ValueError("a group wants any, all, or a number of its members")
    return least
