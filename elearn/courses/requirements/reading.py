"""From YAML to rows, or every error in words with its line. Pure.

A catalogue is written by people who know the law and not this program: they get all that is wrong at once, each with
its line and its place. YAML is read in its plain form only: no anchors, no tags, no key twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import msgspec.structs
import yaml

from elearn.courses.requirements.rows import (
    SECTIONS,
    Category,
    Exemption,
    OutlineRow,
    Prerequisite,
    Row,
    Slot,
    problems_of,
    slot_of,
)
from elearn.errors import Malformed

FORM = "elearn-requirements"
MAX_BYTES = 4_000_000
MAX_DEPTH = 12
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: ten times as fast."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, at which line (from 1; 0: with the whole) and place."""

    line: int
    place: str
    words: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.place}: {self.words}" if self.place else f"{where}{self.words}"


class BadCatalogue(Malformed):
    """The file was not taken. `problems` are all that is wrong with it, by line."""

    code = "bad_catalogue"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: one.line))
        super().__init__("This catalogue cannot be taken: %(count)s errors.", count=len(self.problems))


@dataclass(frozen=True, slots=True)
class File:
    """A catalogue as it stands in a file."""

    version: str
    rows: tuple[tuple[str, Row], ...]
    """Section and row, in the order of the file."""


@dataclass(slots=True)
class _Read:
    """What is being read: the values, and the line of each place."""

    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    kinds: dict[type[Row], dict[str, msgspec.structs.FieldInfo]] = field(default_factory=dict)

    def fields_of(self, kind: type[Row]) -> dict[str, msgspec.structs.FieldInfo]:
        """The fields of a kind of row by name; found out once, which takes longer than reading a row."""
        if kind not in self.kinds:
            self.kinds[kind] = {one.name: one for one in msgspec.structs.fields(kind)}
        return self.kinds[kind]

    def blame(self, path: Path, words: str) -> None:
        self.problems.append(Problem(self.line(path), place(path), words))

    def line(self, path: Path) -> int:
        """The line of this place, or of the nearest one around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 0)

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, (*path, index)) for index, one in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.lines[path] = key_node.start_mark.line + 1
                self.blame(path, "a name is plain text")
                continue
            key = str(key_node.value)
            if key in found:
                self.lines[*path, key] = key_node.start_mark.line + 1
                self.blame((*path, key), "stands twice")
                continue
            found[key] = self.value(value_node, (*path, key))
            self.lines[*path, key] = key_node.start_mark.line + 1
        return found

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        kind, text = node.tag.rsplit(":", 1)[-1], str(node.value)
        match kind:
            case "null":
                return None
            case "bool":
                return text.lower() in ("true", "yes", "on")
            case "int":
                try:
                    return int(text, 10)
                except ValueError:
                    self.blame(path, "a whole number is written in digits")
                    return None
            case "timestamp":
                return text  # a date is read where one is expected
            case "str" | "float":
                return text if kind == "str" else float(text) if text.replace(".", "").isdecimal() else text
        self.blame(path, f"YAML's {node.tag} is not taken; write plain text")
        return None


def place(path: Path) -> str:
    """`categories[3].hours.initial`, counted from 0 as YAML tools do."""
    text = ""
    for one in path:
        text += f"[{one}]" if isinstance(one, int) else f".{one}" if text else one
    return text


def read(text: str) -> File:
    """The rows of a catalogue. Raises BadCatalogue with every error there is."""
    reading = _Read()
    data = _parsed(text, reading)
    _refuse(reading)
    if not isinstance(data, dict):
        raise BadCatalogue([Problem(1, "", "a catalogue is a mapping of sections")])
    if data.get("catalogue") != FORM:
        reading.blame(("catalogue",), f"must be {FORM}")
    version = data.get("version")
    if not isinstance(version, str) or not version.strip() or len(version) > 100:
        reading.blame(("version",), 'needed: what this edition is called, in quotes, such as "2026-11-22"')
    for name in data.keys() - SECTIONS.keys() - {"catalogue", "version"}:
        reading.blame((name,), f"there is no such section; there are {', '.join(SECTIONS)}")
    rows: list[tuple[str, Row, Path]] = []
    for section in SECTIONS:
        listed = data.get(section)
        if listed is None:
            continue
        if not isinstance(listed, list):
            reading.blame((section,), "a section is a list of rows")
            continue
        for index, one in enumerate(listed):
            row = _row(section, one, (section, index), reading)
            if row is not None:
                rows.append((section, row, (section, index)))
    for path, words in _between(rows):
        reading.blame(path, words)
    _refuse(reading)
    return File(str(version).strip(), tuple((section, row) for section, row, _path in rows))


def _refuse(reading: _Read) -> None:
    if reading.problems:
        raise BadCatalogue(reading.problems)


def _parsed(text: str, reading: _Read) -> Any:
    if len(text.encode()) > MAX_BYTES:
        raise BadCatalogue([Problem(0, "", "larger than 4 MB")])
    depth = 0
    try:
        for event in yaml.parse(text, Loader=LOADER):
            # Each event is looked at before the next is read: what is nested without end is not read to its end.
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise BadCatalogue([Problem(_line(event), "", "nested too deeply")])
            # An alias can make a small file endless, and hides what a row says.
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise BadCatalogue([Problem(_line(event), "", "anchors and aliases are not taken")])
        node = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadCatalogue([Problem(line, "", f"this is no YAML: {error.problem}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadCatalogue([Problem(0, "", "this is no YAML that can be read")]) from error
    return None if node is None else reading.value(node, ())


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _row(section: str, data: Any, path: Path, reading: _Read) -> Row | None:
    """One row; each field is read on its own, so that all that is wrong is told at once."""
    kind = SECTIONS[section]
    if not isinstance(data, dict):
        reading.blame(path, "a row is a mapping of fields")
        return None
    fields = reading.fields_of(kind)
    before = len(reading.problems)
    for name in data.keys() - fields.keys():
        reading.blame((*path, name), f"there is no such field; there are {', '.join(fields)}")
    for name, one in fields.items():
        if name not in data:
            if one.required:
                reading.blame(path, f"{name} is missing")
            continue
        try:
            msgspec.convert(data[name], one.type, strict=True)
        except msgspec.ValidationError as error:
            reading.blame((*path, name), in_words(str(error)))
    if len(reading.problems) > before:
        return None
    row = msgspec.convert(data, kind)
    for words in problems_of(section, row):
        reading.blame(path, words)
    return row


def in_words(message: str) -> str:
    """What msgspec says, without its marks: ``Expected `int`, got `str` - at `$.total` ``."""
    said, _, where = message.partition(" - at ")
    text = said.replace("`", "")
    if "matching regex" in text:
        text = "letters, digits and . _ - only, beginning with a letter or digit; or a word that is known here"
    inside = where.strip("`").removeprefix("$").removeprefix(".")
    return f"{text} at {inside}" if inside else text


def _between(rows: Sequence[tuple[str, Row, Path]]) -> Iterator[tuple[Path, str]]:
    """What is wrong between rows of one file. What a row refers to may also be loaded already: `service` asks."""
    seen: set[Slot] = set()
    for section, row, path in rows:
        slot = slot_of(section, row)
        if slot in seen:
            yield path, f"{row.id} of {row.region} from {row.effective_from} stands twice"
        seen.add(slot)


def references(row: Row) -> Iterator[tuple[str, str]]:
    """(section, id) of each other row that a row names."""
    for source in row.source:
        yield "sources", source
    match row:
        case OutlineRow():
            yield "categories", row.category
        case Prerequisite() | Exemption():
            for category in row.categories:
                yield "categories", category


def short_outline(row: OutlineRow, category: Category) -> str | None:
    """What is wrong when an outline asks less than its category (随意缩减学时)."""
    asked = category.hours.get(row.training)
    if asked is None:
        return None
    sums = {kind: sum(item.hours for item in row.items if item.kind == kind) for kind in ("theory", "practice")}
    if sum(sums.values()) < asked.total:
        return f"items make {sum(sums.values())} hours, category {category.id} asks {asked.total}"
    for kind, least in (("theory", asked.theory), ("practice", asked.practice)):
        if least is not None and sums[kind] < least:
            return f"items make {sums[kind]} hours of {kind}, category {category.id} asks {least}"
    return None
