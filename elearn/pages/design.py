"""The design system as it is: tokens read from the style sheet that is served, parts by the templates of all pages.

Contrast is computed (WCAG 2.2, relative luminance and contrast ratio), so a colour that is changed shows what it does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.locale import gettext as _
from elearn.pages import assets
from elearn.pages.forms import Form
from elearn.people.models import Role
from elearn.people.permissions import Holding
from elearn.runtime import runtime

STAFF = Holding("staff", frozenset(Role) - {Role.LEARNER})
PAIRS = (
    ("ink", "ground"), ("ink", "surface"), ("ink-2", "surface"), ("ink-2", "ground"), ("ink-2", "surface-2"),
    ("brand-ink", "brand"), ("brand-text", "surface"), ("brand-text", "brand-soft"), ("signal-text", "signal-soft"),
    ("good", "surface"), ("good", "good-soft"), ("bad", "surface"), ("bad", "bad-soft"),
)  # fmt: skip
"""Text and what it stands on."""
LEAST = {"light": 4.5, "dark": 4.5, "sun": 7.0}
"""WCAG 2.2, 1.4.3 (AA) and, in the sun, 1.4.6 (AAA)."""

BLOCKS = {
    "light": re.compile(r":root\{([^}]*--ground:[^}]*)\}"),
    "dark": re.compile(r"prefers-color-scheme: ?dark\)\{:root\{([^}]*)\}"),
    "sun": re.compile(r":root\.theme-sun\{([^}]*--ground:[^}]*)\}"),
}
COLOUR = re.compile(r"--([\w-]+): ?(#[0-9a-fA-F]{3,6})\b")


SIZED = ("h1", "h2", "body", ".quiet", ".button.small", ".badge")
"""Whose size of text is told."""
ROOM = ("gap", "touch", "radius", "radius-s")
"""Tokens of room."""
SIZE = re.compile(r"(?:font-size|font): ?([\d.]+(?:rem|em|px)(?:/[\d.]+)?)")


@dataclass(frozen=True, slots=True)
class Pair:
    """Text on a ground in one theme."""

    text: str
    ground: str
    ink: str
    paper: str
    ratio: float


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/design", "design", design)


def themes(css: str) -> dict[str, dict[str, str]]:
    """Theme -> token -> colour, of the style sheet as it was built. Raises LookupError: a theme is not in it."""
    found = {}
    for theme, block in BLOCKS.items():
        match = block.search(css)
        if match is None:
            raise LookupError(theme)
        found[theme] = dict(COLOUR.findall(match[1]))
    return found


def sizes(css: str) -> dict[str, tuple[str, ...]]:
    """Selector -> sizes of its text: on a phone, and where another is said for wider screens.

    Raises LookupError: the style sheet does not say one.
    """
    found = {}
    for selector in SIZED:
        rules = re.findall(r"(?:^|[{}])" + re.escape(selector) + r"\{([^}]*)\}", css)
        said = [size[1] for rule in rules if (size := SIZE.search(rule))]
        if not said:
            raise LookupError(selector)
        found[selector] = tuple(dict.fromkeys(said))
    return found


def room(css: str) -> dict[str, str]:
    """Token of room -> what it is. Raises LookupError: a token is not in the style sheet."""
    found = {}
    for token in ROOM:
        said = re.search(rf"--{token}: ?([^;}}]+)", css)
        if said is None:
            raise LookupError(token)
        found[token] = said[1].strip()
    return found


def contrast(one: str, other: str) -> float:
    """1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(one * 2 for one in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def pairs(tokens: Mapping[str, str]) -> list[Pair]:
    return [
        Pair(text, ground, tokens[text], tokens[ground], contrast(tokens[text], tokens[ground]))
        for text, ground in PAIRS
    ]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the style sheet says."""

    themes: dict[str, dict[str, str]]
    sizes: dict[str, tuple[str, ...]]
    room: dict[str, str]


def _sheet() -> Sheet:
    """Read once a process: another build comes with another start."""
    kept = runtime().kept
    if "pages.design" not in kept:
        css = (assets.STATIC / "build" / "app.css").read_text(encoding="utf-8")
        kept["pages.design"] = Sheet(themes(css), sizes(css), room(css))
    found: Sheet = kept["pages.design"]
    return found


@web.allow(STAFF)
def design() -> ResponseReturnValue:
    """Tokens with their contrast, every part as it looks, and when it is to be used."""
    sample = Form({"number": "12"})
    sample.errors["number"] = _("Please write a number with 18 characters.")
    sheet = _sheet()
    return render_template(
        "elearn/design.html",
        themes={name: pairs(tokens) for name, tokens in sheet.themes.items()},
        sizes=sheet.sizes,
        room=sheet.room,
        theme_names={"light": _("Light"), "dark": _("Dark"), "sun": _("Sunlight")},
        least=LEAST,
        sample=sample,
    )
