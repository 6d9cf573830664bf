"""What one running application holds, reached with `runtime()` and never through a module global."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from flask import current_app
from redis import Redis

from elearn.clock import Clock
from elearn.settings import Settings

Identify = Callable[[], Any]
"""A host application's answer to "who is signed in": the id (UUID) of an elearn account, or None."""


@dataclass(slots=True)
class Runtime:
    settings: Settings
    clock: Clock
    redis: Redis
    url_prefix: str
    identify: Identify | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    """What a package makes once an application and keeps (a parsed key, a compiled schema)."""


def runtime() -> Runtime:
    """The running application's parts. Outside an application context Flask's own error says so."""
    return cast(Runtime, current_app.extensions["elearn"])
