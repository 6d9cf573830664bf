"""How long somebody was there, and why a stretch of attendance is not taken. Pure: whole milliseconds in and out.

    code     in, out, in, out ... each pair is a stretch; who did not check out was there for no time we can name
    teacher  the last mark about somebody stands before any scan
    session  what lies outside of it is cut off

A stretch of 45 minutes is a class hour by the rule set (`credit_export.hours`), not here. RULES 4(b), offline entry:
teacher, time, place, a check-in of each person, a second person who approves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Limits:
    """What a region may decide about attendance; the defaults are ours."""

    early_ms: int = 30 * MINUTE_MS
    """Checking in begins so long before the session; that time itself does not count."""
    late_ms: int = 30 * MINUTE_MS
    """Checking out ends so long after it."""
    oldest_ms: int = 30 * DAY_MS
    """A list is proposed at most so long after its session."""
    longest_ms: int = 12 * 60 * MINUTE_MS
    """A session is not longer."""


LIMITS = Limits()


class Act(StrEnum):
    IN = "in"
    OUT = "out"


class How(StrEnum):
    """Where the times of a line are from."""

    CODE = "code"
    TEACHER = "teacher"
    SHEET = "sheet"


class Refusal(StrEnum):
    """Why a stretch counts for nothing. The words are stable: they stand in the database."""

    CANCELLED = "CANCELLED"
    """The session does not take place."""
    OUTSIDE_CLASS = "OUTSIDE_CLASS"
    """The class had not begun, or was over."""
    OUTSIDE_SESSION = "OUTSIDE_SESSION"
    """None of it lies in the session."""
    NOT_OVER = "NOT_OVER"
    """It lies in the future."""
    TOO_OLD = "TOO_OLD"
    """It is longer ago than a list may be late."""
    NOT_ENROLLED = "NOT_ENROLLED"
    """The person was not in the class then."""
    TEACHES_IT = "TEACHES_IT"
    """The teacher, or who proposes the list, is no learner in it."""
    NO_CHECK_OUT = "NO_CHECK_OUT"
    """Checked in, and never out: the teacher has to say until when."""
    STUDIED_ONLINE = "STUDIED_ONLINE"
    """The person watched a lesson online at that time: nobody is in two places."""
    ELSEWHERE = "ELSEWHERE"
    """The person attended another session at that time, or this one is recorded already."""
    DAY_FULL = "DAY_FULL"
    """The day's limit, all employers and online together, was reached before."""


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """[from_ms, to_ms), epoch milliseconds."""

    from_ms: int
    to_ms: int

    @property
    def length_ms(self) -> int:
        return self.to_ms - self.from_ms

    def meets(self, other: Stretch) -> bool:
        return self.from_ms < other.to_ms and other.from_ms < self.to_ms

    def within(self, other: Stretch) -> Stretch | None:
        """What of it lies in `other`."""
        begin, end = max(self.from_ms, other.from_ms), min(self.to_ms, other.to_ms)
        return Stretch(begin, end) if begin < end else None


@dataclass(frozen=True, slots=True)
class Scan:
    act: Act
    at_ms: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What the teacher, or a spreadsheet, says; no stretch: absent."""

    stretch: Stretch | None
    how: How = How.TEACHER


@dataclass(frozen=True, slots=True)
class Presence:
    """When somebody was there, cut to the session."""

    stretches: tuple[Stretch, ...]
    how: How = How.CODE
    open_since_ms: int | None = None
    """Checked in and not out yet."""

    @property
    def ms(self) -> int:
        return sum(one.length_ms for one in self.stretches)


def presence(scans: Sequence[Scan], mark: Mark | None, session: Stretch) -> Presence:
    """When somebody was there. Scans in the order they came; a second `in` or `out` in a row says nothing new."""
    if mark is not None:
        cut = mark.stretch.within(session) if mark.stretch else None
        return Presence((cut,) if cut else (), mark.how)
    found: list[Stretch] = []
    since: int | None = None
    for scan in scans:
        if scan.act is Act.IN:
            since = scan.at_ms if since is None else since
        elif since is not None:
            cut = Stretch(since, scan.at_ms).within(session) if since < scan.at_ms else None
            found += [cut] if cut else []
            since = None
    return Presence(tuple(found), How.CODE, since)


def next_act(scans: Sequence[Scan]) -> Act:
    """What pressing the button means now."""
    return Act.OUT if scans and scans[-1].act is Act.IN else Act.IN


def takes_codes(session: Stretch, now_ms: int, limits: Limits = LIMITS) -> bool:
    """Whether a code of this session is good for anything now."""
    return session.from_ms - limits.early_ms <= now_ms < session.to_ms + limits.late_ms


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What decides about every line of a list."""

    stretch: Stretch
    cancelled: bool
    in_class_dates: bool
    staff: frozenset[object]
    """Who teaches it and who proposes the list."""


@dataclass(slots=True)
class PersonFacts:
    """What decides about one person's lines. `attended` and `used_ms` grow with the lines that are taken."""

    enrolled: Sequence[tuple[int, int | None]] = ()
    """[from, to) of each enrolment in the class, epoch milliseconds; open when None."""
    online: Sequence[Stretch] = ()
    """When lessons were watched, believed now."""
    attended: list[Stretch] = field(default_factory=list)
    used_ms: dict[date, int] = field(default_factory=dict)
    """What the day has brought already, on site and online."""


def joined(enrolled: Sequence[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """Enrolments by their beginning, as one where the next begins at the very end of the one before.

    Whoever is done with an enterprise's training in the middle of a session is in its class without a break.
    """
    found: list[tuple[int, int | None]] = []
    for begin, end in enrolled:
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def decide(
    person: object,
    stretch: Stretch,
    session: SessionFacts,
    facts: PersonFacts,
    *,
    on: date,
    day_cap_ms: int,
    now_ms: int,
    limits: Limits = LIMITS,
) -> int | Refusal:
    """What a stretch adds, in milliseconds, or why nothing. A stretch that is taken is noted in `facts`.

    Of a day that is nearly full the rest is taken: the stretch then adds less than its length.
    """
    refused = _of_session(session, stretch, now_ms, limits) or _of_person(person, stretch, session, facts)
    if refused is not None:
        return refused
    used = facts.used_ms.get(on, 0)
    ms = min(stretch.length_ms, day_cap_ms - used)
    if ms <= 0:
        return Refusal.DAY_FULL
    facts.attended.append(stretch)
    facts.used_ms[on] = used + ms
    return ms


def _of_session(session: SessionFacts, stretch: Stretch, now_ms: int, limits: Limits) -> Refusal | None:
    if session.cancelled:
        return Refusal.CANCELLED
    if not session.in_class_dates:
        return Refusal.OUTSIDE_CLASS
    if stretch.within(session.stretch) != stretch:
        return Refusal.OUTSIDE_SESSION
    if stretch.to_ms > now_ms:
        return Refusal.NOT_OVER
    if now_ms - session.stretch.to_ms > limits.oldest_ms:
        return Refusal.TOO_OLD
    return None


def _of_person(person: object, stretch: Stretch, session: SessionFacts, facts: PersonFacts) -> Refusal | None:
    if person in session.staff:
        return Refusal.TEACHES_IT
    if not any(begin <= stretch.from_ms and (end is None or stretch.to_ms <= end) for begin, end in facts.enrolled):
        return Refusal.NOT_ENROLLED
    if any(stretch.meets(one) for one in facts.online):
        return Refusal.STUDIED_ONLINE
    if any(stretch.meets(one) for one in facts.attended):
        return Refusal.ELSEWHERE
    return None


def document(head: Mapping[str, object], lines: Iterable[Sequence[object]], files: Sequence[str]) -> str:
    """Digest of a whole list: `sha256:` and hex of its canonical JSON (RFC 8785: whole numbers, ASCII text, null)."""
    whole = {**head, "files": sorted(files), "lines": sorted(list(one) for one in lines)}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
