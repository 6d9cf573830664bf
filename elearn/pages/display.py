"""How a person wants pages shown: the size of text, the colours, and how much data pages may cost. No script needed:
three cookies.

Browsers that are told to save data say so themselves (`Save-Data: on`); what the person chose here comes first.
"""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from elearn import locale

TEXT_COOKIE, THEME_COOKIE, DATA_COOKIE = "text", "theme", "data"
TEXT_SIZES = ("100", "130", "160")
"""Per cent of the browser's own size."""
THEMES = ("auto", "sun")
"""Light or dark as the device has it, or black on white with everything at 7:1 at least, for a phone in the sun."""
DATA_MODES = ("normal", "low")


def text_size() -> str:
    chosen = request.args.get(TEXT_COOKIE) or request.cookies.get(TEXT_COOKIE)
    return chosen if chosen in TEXT_SIZES else TEXT_SIZES[0]


def theme() -> str:
    chosen = request.args.get(THEME_COOKIE) or request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else THEMES[0]


def saves_data() -> bool:
    """Low-data mode: small pictures, nothing loaded ahead."""
    chosen = request.cookies.get(DATA_COOKIE)
    if chosen in DATA_MODES:
        return chosen == "low"
    return request.headers.get("Save-Data", "").strip().lower() == "on"


def looks() -> dict[str, Any]:
    """How a page is shown, for the address of one that is kept without its cookies."""
    chosen = {locale.COOKIE: locale.language(), TEXT_COOKIE: text_size()}
    return chosen if theme() == THEMES[0] else {**chosen, THEME_COOKIE: theme()}


def context() -> dict[str, Any]:
    """What every template may ask."""
    size = text_size()
    return {
        "text_size": size,
        "next_text_size": TEXT_SIZES[(TEXT_SIZES.index(size) + 1) % len(TEXT_SIZES)],
        "theme": theme(),
        "looks": looks(),
        "saves_data": saves_data(),
        "manifest_url": url_for("elearn.pages.manifest", lang=locale.language()),
    }
