"""Pure: XML of strangers, read into plain nodes that know their line.

Refused before anything is built: a document type (so there are no entities: no billion laughs, no files of ours),
processing beyond the limits of size, depth and number of elements. Expat reads; nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from elearn.courses.questions.formats.draft import MAX_FILE_BYTES, Unsafe
from elearn.errors import Malformed

MOST_ELEMENTS = 2_000_000
DEEPEST = 100


class BadXml(Malformed):
    """It is not XML, or broken: `line` says where."""

    code = "bad_xml"

    def __init__(self, line: int) -> None:
        super().__init__("This is not well-formed XML: look at line %(line)s.", line=str(line))
        self.line = line


@dataclass(slots=True)
class Node:
    """An element without its namespace's prefix; `space` is the namespace. Texts and children stand in `parts`."""

    tag: str
    space: str
    attributes: dict[str, str]
    line: int
    parts: list[Node | str] = field(default_factory=list)

    @property
    def children(self) -> Iterator[Node]:
        return (part for part in self.parts if isinstance(part, Node))

    def all(self, tag: str) -> list[Node]:
        """Children of that name."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> Node | None:
        return next((child for child in self.children if child.tag == tag), None)

    def walk(self) -> Iterator[Node]:
        """This element and all within it, in the order of the document."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(list(node.children)))

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    @property
    def text(self) -> str:
        """All text within, as it stands."""
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


def parse(data: bytes) -> Node:
    """The root element. Raises Unsafe, BadXml."""
    if len(data) > MAX_FILE_BYTES:
        raise Unsafe("The file is too large.")
    builder = _Builder()
    parser = _parser(builder)
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BadXml(error.lineno) from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know
        raise BadXml(1) from error
    if builder.root is None:
        raise BadXml(1)
    return builder.root


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.open: list[Node] = []
        self.count = 0


def _parser(builder: _Builder) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def start(name: str, attributes: dict[str, str]) -> None:
        builder.count += 1
        if builder.count > MOST_ELEMENTS or len(builder.open) >= DEEPEST:
            raise Unsafe("The file holds too many elements, or too many within each other.")
        space, _, tag = name.rpartition("\n")
        plain = {key.rpartition("\n")[2]: value for key, value in attributes.items()}
        node = Node(tag, space, plain, parser.CurrentLineNumber)
        if builder.open:
            builder.open[-1].parts.append(node)
        else:
            builder.root = node
        builder.open.append(node)

    def end(_name: str) -> None:
        builder.open.pop()

    def text(data: str) -> None:
        if builder.open:
            builder.open[-1].parts.append(data)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    return parser


def _refuse(*_: object) -> NoReturn:
    raise Unsafe("The file declares a document type or entities. Such files are not opened.")


def require_no_doctype(head: bytes) -> None:
    """For XML that another library will parse: raises Unsafe when a document type stands before the root element."""
    parser = expat.ParserCreate()

    class Begun(Exception):
        pass

    def begun(*_: object) -> None:
        raise Begun

    parser.StartElementHandler = begun
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(head, False)
    except Begun:
        return
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadXml(1) from error
    _refuse()
