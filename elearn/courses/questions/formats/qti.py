"""Pure: QTI 2.1, a single item or a package (2.0 and 2.2 say the same in what is read here).

Read: choice, order, text entry and inline choice interactions, several of them in one item as a case; the right answer
from `correctResponse`, else from the mapping. Left to others and named: every other interaction, templates, adaptive
items, MathML. Where an item stands, its outline item and difficulty are read from the manifest's metadata (LOM).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from elearn.courses.questions.formats.draft import (
    FOR_CERTIFICATE,
    BadItem,
    Draft,
    OtherKind,
    Reading,
    says_certificate,
    tidy,
)
from elearn.courses.questions.formats.gift import BLANK
from elearn.courses.questions.formats.html_text import BLOCKS
from elearn.courses.questions.formats.safe_xml import BadXml, Node, parse
from elearn.courses.questions.formats.safe_zip import Package, beside
from elearn.courses.questions.kinds import (
    Blank,
    Case,
    Content,
    Difficulty,
    Fill,
    Multiple,
    Option,
    Ordering,
    Simple,
    Single,
    TrueFalse,
    number,
)

MANIFEST = "imsmanifest.xml"
ITEM_TYPE = re.compile(r"^imsqti_item_xmlv2p[012]$")
OTHER_TYPES = ("imsqti", "assessment")
CHOICE, ORDER, TEXT, INLINE = "choiceInteraction", "orderInteraction", "textEntryInteraction", "inlineChoiceInteraction"
KNOWN = {CHOICE, ORDER, TEXT, INLINE}
UNSEEN = {"feedbackInline", "feedbackBlock", "modalFeedback", "rubricBlock", "stylesheet", "prompt"}
PART = "elearn-part"
"""Class of a division that holds one question of a case, as we write it."""
APART = "elearn-blanks"
"""Class of a paragraph with the blanks of a question whose text shows no places for them."""
EXPLANATION = "explanation"
YES = {"true", "t", "yes", "对", "正确", "是", "√"}
NO = {"false", "f", "no", "错", "错误", "否", "×"}
DIFFICULTY = {
    "very easy": Difficulty.EASY,
    "easy": Difficulty.EASY,
    "medium": Difficulty.MEDIUM,
    "difficult": Difficulty.HARD,
    "very difficult": Difficulty.HARD,
}


@dataclass(slots=True)
class _Place:
    """Where an item came from: its file, and the package that holds its pictures."""

    where: str = ""
    package: Package | None = None
    item_code: str = ""
    difficulty: Difficulty = Difficulty.MEDIUM
    marks: list[str] = field(default_factory=list)


def read_item(root: Node) -> Reading:
    """One item in a file of its own."""
    reading = Reading()
    _take(root, _Place(), reading)
    return reading


def read_package(package: Package) -> Reading:
    """All items of a package. Raises Unsafe, Malformed; a broken item is a problem that names its file."""
    reading = Reading()
    raw = package.read(MANIFEST)
    if raw is None:
        reading.bad(1, "The package has no imsmanifest.xml at its top.")
        return reading
    try:
        manifest = parse(raw)
    except BadXml as error:
        reading.bad(error.line, "This is not well-formed XML.", MANIFEST)
        return reading
    common = _texts(manifest.first("metadata"))
    found = 0
    for resource in (one for one in manifest.walk() if one.tag == "resource"):
        kind, href = resource.get("type"), resource.get("href")
        metadata = resource.first("metadata")
        if not ITEM_TYPE.match(kind):
            if says_certificate(_title_of(package, href)):
                reading.bad(resource.line, FOR_CERTIFICATE, href)
            elif kind.startswith(OTHER_TYPES) and "item" in kind:
                reading.caught(resource.line, OtherKind(kind), href)
            continue
        found += 1
        name = beside(MANIFEST, href)
        body = package.read(name) if name else None
        if name is None or body is None:
            reading.bad(resource.line, "The manifest names the file %(name)s, which is not there.", MANIFEST, name=href)
            continue
        place = _Place(name, package, _code(metadata), _difficulty(metadata), [*common, *_texts(metadata)])
        try:
            _take(parse(body), place, reading)
        except BadXml as error:
            reading.bad(error.line, "This is not well-formed XML.", name)
    if not found and not reading.problems:
        reading.bad(1, "The package holds no QTI 2.1 items.", MANIFEST)
    return reading


def _title_of(package: Package, href: str) -> str | None:
    """The title of a test in the package."""
    name = beside(MANIFEST, href)
    if name is None or not name.endswith(".xml"):
        return None
    data = package.read(name)
    try:
        return parse(data).get("title") if data else None
    except BadXml:
        return None


def _texts(metadata: Node | None) -> list[str]:
    return [] if metadata is None else [node.text for node in metadata.walk() if not any(True for _ in node.children)]


def _code(metadata: Node | None) -> str:
    """The outline item: LOM classification, the id of its first taxon."""
    for node in metadata.walk() if metadata else ():
        if node.tag == "taxon" and (found := node.first("id")) is not None:
            return tidy(found.text)
    return ""


def _difficulty(metadata: Node | None) -> Difficulty:
    for node in metadata.walk() if metadata else ():
        if node.tag == "difficulty" and (found := node.first("value")) is not None:
            return DIFFICULTY.get(tidy(found.text).lower(), Difficulty.MEDIUM)
    return Difficulty.MEDIUM


def _take(root: Node, place: _Place, reading: Reading) -> None:
    if root.tag != "assessmentItem" or "qti" not in root.space:
        reading.bad(root.line, "This is no QTI item: its outer element is not assessmentItem.", place.where)
        return
    if any(says_certificate(mark) for mark in [root.get("title"), root.get("label"), *place.marks]):
        reading.bad(root.line, FOR_CERTIFICATE, place.where)
        return
    try:
        content = _Item(root, place, reading).content()
    except BadItem as bad:
        reading.caught(root.line, bad, place.where)
        return
    reading.take(Draft(root.line, content, place.item_code, place.difficulty, place.where))


class _Item:
    """One item on its way to a question."""

    def __init__(self, root: Node, place: _Place, reading: Reading) -> None:
        self.root, self.place, self.reading = root, place, reading
        self.declared = {node.get("identifier"): node for node in root.all("responseDeclaration")}

    def content(self) -> Content:
        body = self.root.first("itemBody")
        if body is None:
            raise BadItem("The item has no body.")
        if self.root.get("adaptive") == "true":
            raise OtherKind("adaptive")
        if any(node.tag == "templateDeclaration" for node in self.root.children):
            raise OtherKind("templateDeclaration")
        for node in body.walk():
            if node.tag.endswith("Interaction") and node.tag not in KNOWN:
                raise OtherKind(node.tag, node.line)
            if node.tag == "math":
                raise OtherKind("MathML", node.line)
        divisions = [node for node in body.walk() if PART in node.get("class").split()]
        asked = [node for node in body.walk() if node.tag in KNOWN]
        if not asked:
            raise BadItem("The item asks nothing: it has no interaction.")
        explanation = self._explanation()
        if divisions:
            stem, image = self._text(body, skip=divisions)
            return Case(
                stem=stem, image=image, explanation=explanation, parts=tuple(self._whole(one) for one in divisions)
            )
        if len(asked) > 1 and not all(node.tag == TEXT for node in asked):
            stem, image = self._text(body, numbered=asked)
            parts = tuple(self._one(node, f"({place})") for place, node in enumerate(asked, start=1))
            return Case(stem=stem, image=image, explanation=explanation, parts=parts)
        return self._whole(body, explanation)

    def _whole(self, body: Node, explanation: str = "") -> Simple:
        """A body with one interaction, or with several blanks."""
        asked = [node for node in body.walk() if node.tag in KNOWN]
        stem, image = self._text(body)
        if asked and all(node.tag == TEXT for node in asked):
            blanks = tuple(self._blank(node) for node in asked)
            return Fill(stem=stem, image=image, blanks=blanks, explanation=explanation)
        if len(asked) != 1:
            raise BadItem("The item asks nothing: it has no interaction.")
        return self._one(asked[0], stem, image, explanation)

    def _one(self, node: Node, stem: str, image: str | None = None, explanation: str = "") -> Simple:
        """One interaction; its prompt joins the stem."""
        prompt = node.first("prompt")
        if prompt is not None:
            text, picture = self._text(prompt)
            stem, image = tidy(f"{stem}\n{text}"), image or picture
        if node.tag == TEXT:
            return Fill(stem=stem, image=image, blanks=(self._blank(node),), explanation=explanation)
        choices = [one for one in node.children if one.tag in ("simpleChoice", "inlineChoice")]
        right = self._right(node)
        if node.tag == INLINE:
            # An empty choice stands for "not chosen yet".
            choices = [one for one in choices if one.text.strip() or one.get("identifier") in right]
        names = [one.get("identifier") for one in choices]
        options = tuple(Option(*self._text(one)) for one in choices)
        unknown = [name for name in right if name not in names]
        if unknown:
            raise BadItem("The right answer %(name)s is not among the choices.", node.line, name=unknown[0][:60])
        places = [names.index(name) for name in right]
        if node.tag == ORDER:
            if sorted(places) != list(range(len(options))):
                raise BadItem("The right order does not name every line.", node.line)
            lines = tuple(options[place] for place in places)
            return Ordering(stem=stem, image=image, lines=lines, explanation=explanation)
        if self._declaration(node).get("cardinality") == "multiple":
            return Multiple(
                stem=stem, image=image, options=options, correct=tuple(sorted(set(places))), explanation=explanation
            )
        if len(places) != 1:
            raise BadItem("The item does not say which answer is right.", node.line)
        statement = _statement(names, options)
        if statement is not None:
            return TrueFalse(stem=stem, image=image, correct=statement[places[0]], explanation=explanation)
        return Single(stem=stem, image=image, options=options, correct=places[0], explanation=explanation)

    def _declaration(self, node: Node) -> Node:
        found = self.declared.get(node.get("responseIdentifier"))
        if found is None:
            raise BadItem("The item does not say which answer is right.", node.line)
        return found

    def _right(self, node: Node) -> list[str]:
        """Values of the right response, else those that the mapping gives the most."""
        declaration = self._declaration(node)
        correct = declaration.first("correctResponse")
        values = [tidy(one.text) for one in correct.all("value")] if correct else []
        if values:
            return values
        entries = _mapped(declaration)
        best = max((worth for _, worth in entries), default=Decimal(0))
        many = declaration.get("cardinality") == "multiple"
        found = [key for key, worth in entries if worth > 0 and (many or worth == best)]
        if not found:
            raise BadItem("The item does not say which answer is right.", node.line)
        return found

    def _blank(self, node: Node) -> Blank:
        declaration = self._declaration(node)
        right = self._right(node)
        entries = _mapped(declaration)
        best = max((worth for _, worth in entries), default=Decimal(0))
        right += [key for key, worth in entries if worth > 0 and worth == best and key not in right]
        if declaration.get("baseType") in ("float", "integer"):
            values = [number(text) for text in right]
            if any(value is None for value in values):
                raise BadItem("The right answer should be a number.", node.line)
            return Blank(ranges=tuple((f"{value:f}", f"{value:f}") for value in values if value is not None))
        return Blank(texts=tuple(dict.fromkeys(right)))

    def _explanation(self) -> str:
        for node in self.root.all("modalFeedback"):
            if node.get("identifier") == EXPLANATION:
                return self._text(node)[0]
        return ""

    def _text(self, body: Node, *, skip: Sequence[Node] = (), numbered: Sequence[Node] = ()) -> tuple[str, str | None]:
        """(text, picture) of an element, blanks in their places."""
        pictures: list[tuple[str, int]] = []
        text = "".join(self._pieces(body, skip, numbered, pictures, within=body))
        if len(pictures) > 1:
            raise BadItem("A text of a question shows one picture at most.", body.line)
        image = self._picture(*pictures[0]) if pictures else None
        return tidy(re.sub(r"[ \t]*\n\s*", "\n", re.sub(r"[ \t]+", " ", text))), image

    def _pieces(
        self, node: Node, skip: Sequence[Node], numbered: Sequence[Node], pictures: list[tuple[str, int]], within: Node
    ) -> Iterator[str]:
        if node is not within:
            if node.tag == TEXT or node.tag == INLINE:
                place = next((rank for rank, one in enumerate(numbered, start=1) if one is node), 0)
                yield f"({place}){BLANK}" if place else BLANK
                return
            if node.tag in KNOWN or node.tag in UNSEEN or APART in node.get("class").split():
                return
            if any(one is node for one in skip):
                return
            if node.tag == "img":
                pictures.append((node.get("src"), node.line))
            elif node.tag == "object" and node.get("type").startswith("image/"):
                pictures.append((node.get("data"), node.line))
                return
        block = node.tag in BLOCKS
        if block:
            yield "\n"
        for part in node.parts:
            if isinstance(part, str):
                yield re.sub(r"\s+", " ", part)
            else:
                yield from self._pieces(part, skip, numbered, pictures, within)
        if block:
            yield "\n"

    def _picture(self, address: str, line: int) -> str:
        name = beside(self.place.where, address) if self.place.package else None
        data = self.place.package.read(name) if self.place.package and name else None
        if data is None:
            raise BadItem("The picture %(name)s is not in the package.", line, name=address[:80])
        return self.reading.keep_image(data)


def _mapped(declaration: Node) -> list[tuple[str, Decimal]]:
    mapping = declaration.first("mapping")
    found = []
    for entry in mapping.all("mapEntry") if mapping else ():
        worth = number(entry.get("mappedValue") or "0")
        if worth is None:
            raise BadItem("The weight of an answer is not a number.", entry.line)
        found.append((tidy(entry.get("mapKey")), worth))
    return found


def _statement(names: Sequence[str], options: Sequence[Option]) -> list[bool] | None:
    """Whether each of two choices says yes or no; None when they say something else."""
    if len(options) != 2 or any(option.image for option in options):
        return None
    for words in ([name.lower() for name in names], [option.text.strip().lower() for option in options]):
        if words[0] in YES and words[1] in NO:
            return [True, False]
        if words[0] in NO and words[1] in YES:
            return [False, True]
    return None
