"""Power that goes at a step, for tests of what a crash leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class PowerCut(BaseException):
    """The machine stops here."""


class Power:
    """Counts what a run does that others can see, and stops the machine before the step `at`."""

    def __init__(self, at: int = 10**9) -> None:
        self.at, self.steps, self.names = at, 0, list[str]()

    def step(self, name: str) -> None:
        self.names.append(name)
        self.steps += 1
        if self.steps > self.at:
            raise PowerCut(name)

    def on(self, name: str, call: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            self.step(name)
            answer = call(*args, **options)
            if after:
                self.step(f"{name} is done")
            return answer

        return run
