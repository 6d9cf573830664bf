"""Pure: text out of the HTML that other programs write in questions. Tags go; line ends of blocks and pictures stay."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from elearn.courses.questions.formats.draft import tidy

BLOCKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "ul", "ol", "table"}
SILENT = {"script", "style", "template", "title"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.pictures: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self.silent += 1
        elif tag in BLOCKS:
            self.parts.append("\n")
        elif tag == "img":
            found = dict(attrs)
            if found.get("src"):
                self.pictures.append(found["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def read_html(html: str) -> tuple[str, list[str]]:
    """(the text, addresses of its pictures)."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = re.sub(r"[ \t]*\n\s*", "\n", "".join(reader.parts))
    return tidy(re.sub(r"[ \xa0]+", " ", text)), reader.pictures


def plain(html: str) -> str:
    return read_html(html)[0]
