"""Many proofs from one tree: what they share (upper tiles, the unfinished edge) is read and hashed once.

A proof for itself needs the one tile in which its leaf lies.
"""

from __future__ import annotations

import threading

from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.tiles import HEIGHT, WIDTH
from elearn.credit_export.ledger.tree import Node


class Proving:
    """The tree of the first `size` leaves of a log, for as long as its checkpoint is the newest. Any thread may ask."""

    def __init__(self, files: LogFiles, size: int) -> None:
        self.files, self.size = files, size
        self._shared = files.nodes(size)
        self._one_at_a_time = threading.Lock()  # what is kept grows while it is asked
        self._edge = size // WIDTH * WIDTH

    def nodes(self) -> Node:
        """For one proof. Raises BadTile, NoTile when asked for what is not there."""
        own = self.files.nodes(self.size)

        def node(level: int, index: int) -> bytes:
            if level < HEIGHT and index << level < self._edge:
                return own(level, index)
            with self._one_at_a_time:
                return self._shared(level, index)

        return node
