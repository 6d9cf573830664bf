"""What the player says, in one language: the lesson page puts it into `player-config` as `texts`.

English sentences are the names of the messages (frontend/src/messages.ts lists them), so English needs no texts.
The Chinese ones are the entries of `translations/zh/player.po`; a test compares both lists.
"""

from __future__ import annotations

from functools import cache

from babel.messages.pofile import read_po

from elearn.locale import TRANSLATIONS


@cache
def player_texts(language: str) -> dict[str, str]:
    """Message id -> text in `language`; empty for English and for a language without a catalogue."""
    path = TRANSLATIONS / language / "player.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        entries = [(entry.id, entry.string) for entry in read_po(file, locale=language) if not entry.fuzzy]
    return {id_: text for id_, text in entries if isinstance(id_, str) and isinstance(text, str) and id_ and text}
