"""Many stories in one browser at the same time: each goes on when what it waits for has happened.

A story is a generator. It yields a question ("may I go on?") that is asked again and again; between two questions it
has the browser for itself. Playwright's events of all pages are delivered while the round waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

Story = Generator[Callable[[], object], None, None]
ROUND_S = 0.1


@dataclass(slots=True)
class _Told:
    story: Story
    may_go_on: Callable[[], object] | None = None
    began: float | None = None

    def age_s(self) -> float:
        return 0 if self.began is None else time.monotonic() - self.began

    def go_on(self) -> bool:
        """True when the story has ended."""
        self.began = self.began or time.monotonic()
        while self.may_go_on is None or self.may_go_on():
            self.may_go_on = next(self.story, None)
            if self.may_go_on is None:
                return True
        return False


def seconds(duration: float) -> Callable[[], bool]:
    """Yield this to let real time pass."""
    until = time.monotonic() + duration
    return lambda: time.monotonic() >= until


def tell(
    stories: Mapping[str, Story],
    *,
    beside: Mapping[str, Story],
    at_once: int,
    let_pass: Callable[[float], None],
    limit_s: float,
) -> dict[str, Exception]:
    """Tell all to their ends, `at_once` of `stories` at a time and all of `beside`; answers what broke off, and why.

    `let_pass` waits so many seconds and delivers events meanwhile. A story that takes longer than `limit_s` breaks off.
    """
    waiting = {name: _Told(story) for name, story in stories.items()}
    told = {name: _Told(story) for name, story in beside.items()}
    broken: dict[str, Exception] = {}
    while told or waiting:
        while waiting and len(told.keys() - beside.keys()) < at_once:
            name = next(iter(waiting))
            told[name] = waiting.pop(name)
        for name, story in list(told.items()):
            try:
                ended = story.go_on()
                if not ended and story.age_s() > limit_s:
                    raise TimeoutError(f"after {limit_s:.0f} s it still waits")
            except Exception as error:
                broken[name] = error  # raised again by the tests of this story
                ended = True
            if ended:
                told.pop(name).story.close()
        let_pass(ROUND_S)
    return broken
