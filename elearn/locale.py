"""The caller's language: Chinese first, English complete.

Message ids are English sentences. Catalogues are gettext .po files, one a package, in
`elearn/translations/zh/`; they are read once when the application starts, so nothing is compiled or committed
twice. Babel reads the files; the few lines of glue are ours because a plug-in must not take over the Babel
set-up of its host application.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from flask import g, has_request_context, request

LANGUAGES = ("zh", "en")
COOKIE = "lang"
TRANSLATIONS = Path(__file__).parent / "translations"


@cache
def catalogue(language: str) -> dict[str, str]:
    """Message id -> text of one language, from all its files; an empty or fuzzy entry is left out."""
    found: dict[str, str] = {}
    for path in sorted((TRANSLATIONS / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                text = message.string
                if isinstance(message.id, str) and isinstance(text, str) and message.id and not message.fuzzy:
                    found[message.id] = text or message.id
    return found


_SPOKEN: ContextVar[str] = ContextVar("elearn_spoken", default=LANGUAGES[0])


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """In a job that somebody's request asked for: their language."""
    before = _SPOKEN.set(chosen if chosen in LANGUAGES else LANGUAGES[0])
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def language() -> str:
    """What to answer in: the person's choice (cookie), else the browser's, else Chinese."""
    if not has_request_context():
        return _SPOKEN.get()
    if "elearn_language" not in g:
        chosen = request.args.get(COOKIE) or request.cookies.get(COOKIE)
        if chosen not in LANGUAGES:
            chosen = request.accept_languages.best_match(LANGUAGES, default=LANGUAGES[0])
        g.elearn_language = chosen
    return str(g.elearn_language)


def gettext(message: str, /, **facts: object) -> str:
    """`message` in the caller's language, with `%(name)s` places filled."""
    text = catalogue(language()).get(message, message)
    return text % facts if facts else text
