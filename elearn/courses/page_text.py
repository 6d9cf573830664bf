"""Pure: what a page says. Its small Markdown as HTML, and how long reading it takes.

The Markdown is headings, paragraphs, lists, tables, quotes, **strong** and *stressed* words. Links, pictures, code and
HTML are no part of it: what looks like them is shown as it was typed, so nothing in a text can act in the page.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from elearn.errors import Malformed

RULES = ("heading", "list", "table", "blockquote", "hr", "emphasis", "newline", "escape")
FIRST_HEADING = 3
"""The page has a heading of level 1, its title one of level 2."""

MAX_TITLE = 200
MAX_TEXT = 20_000
CHARACTERS_A_MINUTE = 250
"""Of Chinese, read to be learned; newspapers are read at about 400."""
WORDS_A_MINUTE = 150
IMAGE_MS = 20_000
STEP_MS = 5_000
SHORTEST_MS = 10_000
LONGEST_MS = 30 * 60_000
SHORT_MS = 60_000
"""Up to here a reviewer may always go: an image with few words can take its minute."""

_CHARACTER = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_markdown = MarkdownIt("zero", {"html": False, "breaks": True, "maxNesting": 20}).enable(list(RULES))


def as_html(text: str) -> str:
    """The text as HTML elements without attributes that could do anything."""
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            token.tag = f"h{min(6, int(token.tag[1]) + FIRST_HEADING - 1)}"
        # A column's alignment would be an inline style, which pages forbid.
        token.attrs.pop("style", None)
    return str(_markdown.renderer.render(tokens, _markdown.options, {}))


def checked(title: str, text: str) -> tuple[str, str]:
    """The title on one line and the text, or Malformed."""
    title, text = " ".join(title.split()), text.replace("\r\n", "\n").strip()
    if not title or len(title) > MAX_TITLE:
        raise Malformed("A page has a title of 1 to 200 characters.", code="page_title")
    if len(text) > MAX_TEXT:
        raise Malformed("A page has at most 20,000 characters: make two of it.", code="page_text")
    return title, text


def proposed_ms(title: str, text: str, *, image: bool) -> int:
    """How long reading takes, in steps of 5 s: what the reviewer is offered."""
    whole = f"{title} {text}"
    characters = len(_CHARACTER.findall(whole))
    words = len(_WORD.findall(_CHARACTER.sub(" ", whole)))
    reading_ms = -(-characters * 60_000 // CHARACTERS_A_MINUTE) + -(-words * 60_000 // WORDS_A_MINUTE)
    reading_ms += IMAGE_MS if image else 0
    return min(LONGEST_MS, max(SHORTEST_MS, -(-reading_ms // STEP_MS) * STEP_MS))


def most_ms(proposal_ms: int) -> int:
    """The longest credit time that a reviewer may give: hours are not made by writing a number."""
    return min(LONGEST_MS, max(SHORT_MS, 2 * proposal_ms))


def require_credit(credit_ms: int, proposal_ms: int) -> None:
    """Raises Malformed: a credit time that is too short to be one, or more than twice what reading takes."""
    if not SHORTEST_MS <= credit_ms <= most_ms(proposal_ms):
        raise Malformed(
            "The credit time of this page is from %(least)s to %(most)s seconds.",
            code="page_credit",
            least=SHORTEST_MS // 1_000,
            most=most_ms(proposal_ms) // 1_000,
        )
