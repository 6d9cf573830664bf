"""What somebody who tries every address puts into the parts of one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from werkzeug.routing import AnyConverter, Rule, UUIDConverter


def guessed(rule: Rule, name: str, otherwise: Any) -> Any:
    """An id of nobody, one of the words that the address takes, or `otherwise`."""
    converter = rule._converters.get(name)  # none: a default of the rule
    if isinstance(converter, UUIDConverter):
        return uuid4()
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)[0]
    return otherwise
