"""Who runs a command of ours. A command needs no sign-in: whoever may start it on the machine may do what it does."""

from __future__ import annotations

import getpass
import os


def operator_name() -> str:
    """The name by which the machine knows who runs this; a container may have none for its user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
