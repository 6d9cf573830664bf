"""Pure: WebVTT read by the rules for authors (W3C WebVTT, section 4), each fault with its line; written anew by us.

A browser skips what it cannot read and says nothing, so a fault shows only to whoever misses a sentence. Here all
faults are told at once. What we serve is not the file that was sent but what was understood of it: no styles, no
notes, nothing that a browser might read otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from elearn.errors import Malformed

MAX_BYTES = 1_000_000
MAX_CUES = 10_000
MAX_PROBLEMS = 100

TIME = re.compile(r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})", re.ASCII)
ARROW = re.compile(r"[ \t]+-->[ \t]+")
PERCENT = r"(?:100(?:\.0+)?|\d{1,2}(?:\.\d+)?)%"
SETTINGS = {
    "vertical": re.compile(r"rl|lr"),
    "line": re.compile(rf"(?:-?\d+|{PERCENT})(?:,(?:start|center|end))?", re.ASCII),
    "position": re.compile(rf"{PERCENT}(?:,(?:line-left|center|line-right))?", re.ASCII),
    "size": re.compile(PERCENT, re.ASCII),
    "align": re.compile(r"start|center|end|left|right"),
}
"""Cue settings (3.4), but for regions: there are none."""
TOKEN = re.compile(r"<([^<>]*)>|&([A-Za-z0-9#]*)(;?)|[<>]")
NAMED = frozenset({"amp", "lt", "gt", "lrm", "rlm", "nbsp"})
TAG = re.compile(r"(/?)(c|i|b|u|ruby|rt|v|lang)((?:\.[^\s.<>&]+)*)(?:[ \t]+([^<>]*))?")
TALKS = frozenset({"v", "lang"})
"""Tags that say who speaks, or which language."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a line, counted from 1; `sentence` is a message id."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown in [start_ms, end_ms); `settings` and `text` as they are written."""

    start_ms: int
    end_ms: int
    settings: str
    text: str


class BadSubtitles(Malformed):
    """The file was refused as a whole, for each of these reasons."""

    code = "bad_subtitles"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("These subtitles cannot be taken.")
        self.problems = tuple(problems)


def read(data: bytes, *, duration_ms: int) -> tuple[Cue, ...]:
    """The cues of a file, for a lesson of that length. Raises BadSubtitles with every fault (up to 100)."""
    if len(data) > MAX_BYTES:
        raise BadSubtitles([Problem(1, "The file is larger than 1 MB.")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadSubtitles([Problem(line, "This is not UTF-8. Save the file as UTF-8.")]) from error
    reader = _Reader(duration_ms)
    reader.read(re.split(r"\r\n|\n|\r", text))
    if reader.problems:
        raise BadSubtitles(sorted(reader.problems, key=lambda one: one.line)[:MAX_PROBLEMS])
    return tuple(reader.cues)


def write(cues: Sequence[Cue], *, shift_ms: int = 0) -> str:
    """A file of these cues, `shift_ms` later: where the player's clock begins."""
    parts = ["WEBVTT"]
    for cue in cues:
        timing = f"{clock(cue.start_ms + shift_ms)} --> {clock(cue.end_ms + shift_ms)}"
        parts.append(f"{timing} {cue.settings}".rstrip() + "\n" + cue.text)
    return "\n\n".join(parts) + "\n"


def words(cues: Sequence[Cue]) -> str:
    """What is said, without tags; a caption that goes on in the next line is one text."""
    return "\n".join(" ".join(re.sub(r"<[^>]*>", "", cue.text).split("\n")) for cue in cues)


def clock(ms: int) -> str:
    """A time as the format writes it: hh:mm:ss.ttt."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def time_ms(text: str) -> int | None:
    """A time in milliseconds; None when it is none (4.1: two digits and more for hours, three of a second)."""
    found = TIME.fullmatch(text)
    if found is None or len(found[1] or "") > 4:
        return None
    hours, minutes, seconds, rest = (int(part or 0) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


@dataclass(slots=True)
class _Reader:
    duration_ms: int
    cues: list[Cue] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, line: int, sentence: str) -> None:
        self.problems.append(Problem(line, sentence))

    def read(self, lines: Sequence[str]) -> None:
        if not re.match(r"WEBVTT(?:[ \t]|$)", lines[0]):
            self.wrong(1, "The first line must be WEBVTT.")
            return
        for number, text in enumerate(lines, start=1):
            if "\0" in text:
                self.wrong(number, "This line holds a character that no text may hold.")
        blocks = list(_blocks(lines))
        if blocks and blocks[0][0] == 1 and len(blocks[0][1]) > 1:
            self.wrong(2, "After the first line there must be an empty one.")
        for first, block in blocks:
            if first > 1:
                self._block(first, block)
        if not self.cues and not self.problems:
            self.wrong(1, "There is no caption in this file.")
        if len(self.cues) > MAX_CUES:
            self.wrong(1, "More than 10000 captions are not taken.")

    def _block(self, first: int, block: Sequence[str]) -> None:
        head = block[0]
        if "-->" not in head and re.match(r"NOTE(?:[ \t]|$)", head):
            for number, text in enumerate(block, start=first):
                if "-->" in text:
                    self.wrong(number, "A note may not hold an arrow (-->). Is an empty line missing?")
            return
        if head.rstrip() in ("STYLE", "REGION") and "-->" not in "".join(block[1:2]):
            self.wrong(first, "Styles and regions are not taken; please leave them out.")
            return
        at = 0 if "-->" in head else 1
        if at == len(block) or "-->" not in block[at]:
            self.wrong(first, "A caption begins with its time, for example 00:01.000 --> 00:04.000.")
            return
        self._cue(first + at, block[at], block[at + 1 :])

    def _cue(self, line: int, timing: str, payload: Sequence[str]) -> None:
        before = len(self.problems)
        start_ms, end_ms, settings = self._timing(line, timing)
        if not payload:
            self.wrong(line, "This caption has no text.")
        for number, text in enumerate(payload, start=line + 1):
            if "-->" in text:
                self.wrong(number, "A caption's text may not hold an arrow (-->). Is an empty line missing?")
        self._text(line + 1, payload)
        if len(self.problems) == before:
            self.cues.append(Cue(start_ms, min(end_ms, self.duration_ms), settings, "\n".join(payload)))

    def _timing(self, line: int, timing: str) -> tuple[int, int, str]:
        parts = ARROW.split(timing.strip(" \t"), maxsplit=1)
        last, *settings = parts[-1].split() if len(parts) == 2 else ("",)
        start_ms, end_ms = time_ms(parts[0]), time_ms(last)
        if start_ms is None or end_ms is None:
            self.wrong(line, "A time is written 00:01.000 or 00:00:01.000, with --> and blanks between the two.")
            return 0, 0, ""
        if end_ms <= start_ms:
            self.wrong(line, "A caption ends after it begins.")
        if self.cues and start_ms < self.cues[-1].start_ms:
            self.wrong(line, "Captions stand in the order in which they begin.")
        if start_ms >= self.duration_ms:
            self.wrong(line, "This caption begins after the end of the lesson.")
        names = set()
        for one in settings:
            name, _, value = one.partition(":")
            if name not in SETTINGS or name in names or not SETTINGS[name].fullmatch(value):
                self.wrong(line, "A setting of this caption is not known or not right.")
                break
            names.add(name)
        return start_ms, end_ms, " ".join(settings)

    def _text(self, first: int, payload: Sequence[str]) -> None:
        """Tags are known and closed in order, and & and < stand only where they mean something (4.2.2)."""
        open_tags: list[str] = []
        for line, text in enumerate(payload, start=first):
            for found in TOKEN.finditer(text):
                if found[1] is not None:
                    self._tag(line, found[1], open_tags)
                elif found[2] is not None:
                    if not found[3] or not (
                        found[2] in NAMED or re.fullmatch(r"#(\d{1,7}|x[0-9A-Fa-f]{1,6})", found[2])
                    ):
                        self.wrong(line, "An & is written &amp;.")
                elif found[0] == "<":
                    self.wrong(line, "A < is written &lt;.")
        # Who speaks may be left open to the end of the caption.
        if [one for one in open_tags if one != "v"]:
            self.wrong(first + max(0, len(payload) - 1), "A tag is not closed.")

    def _tag(self, line: int, text: str, open_tags: list[str]) -> None:
        if time_ms(text) is not None:
            return
        found = TAG.fullmatch(text)
        if found is None or (found[4] and found[2] not in TALKS) or (found[1] and (found[3] or found[4])):
            self.wrong(line, "This tag is not known. A < is written &lt;.")
        elif not found[1]:
            if found[2] in TALKS and not (found[4] or "").strip():
                self.wrong(line, "This tag is not known. A < is written &lt;.")
            open_tags.append(found[2])
        elif not open_tags or open_tags.pop() != found[2]:
            self.wrong(line, "A tag is closed that was not the last one opened.")


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, its lines) of each run of lines that are not empty."""
    block: list[str] = []
    for number, text in enumerate(lines, start=1):
        if text:
            block.append(text)
        elif block:
            yield number - len(block), block
            block = []
    if block:
        yield len(lines) - len(block) + 1, block
