"""Which test process runs what: a test that waits for real time does not keep a processor from the others.

A test in a group (`xdist_group`) runs the product in processes of its own and mostly waits for a phone's seconds. The
first `LANES` test processes run the groups, one after the other, from the first moment, so that never more journeys
run side by side than that; what they leave of the processors goes to the other test processes, which run everything
else file by file, as all do when no group is left. A file stays in one process, which sets up once what it shares.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

LANES = 2
BEHIND = 15
"""As `nice` counts: a journey's seconds are real ones, everybody else may as well be computed a little later."""

_is_behind = pytest.StashKey[bool]()


class Lanes(LoadGroupScheduling):
    """Units of work are groups, by name, and files, by path, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._groups: list[str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return scope.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        """The next group for a process of a lane, the next file for all others; of what is left when one has ended."""
        if self._groups is None:
            self._groups = [scope for scope in self.workqueue if not scope.endswith(".py")]
            for name in self._groups:
                self.workqueue.move_to_end(name)
        if node in self.nodes[:LANES]:
            waiting = (name for name in self._groups if name in self.workqueue)
            self.workqueue.move_to_end(next(waiting, next(iter(self.workqueue))), last=False)
        super()._assign_work_unit(node)


def stand_behind_journeys(item: pytest.Item) -> None:
    """From its first test without a group on, a test process leaves the processor to those that journeys run in."""
    stash, shared = item.config.stash, hasattr(item.config, "workerinput")
    if shared and not stash.get(_is_behind, False) and item.get_closest_marker("xdist_group") is None:
        stash[_is_behind] = True
        os.nice(BEHIND)
