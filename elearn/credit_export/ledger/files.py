"""Files that are there whole or not at all, and directories that one process holds."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elearn.errors import DomainError


class InUse(DomainError):
    """Another process holds the directory."""


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put `data` in place of what is there: after a crash it is the old or the new, on disk before this returns."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(handle)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    sync_directory(path.parent)


def put(path: Path, data: bytes) -> None:
    """The same where nothing is rewritten that is there already; directories on the way are made, and on disk."""
    for last in (False, True):
        try:
            make_directory(path.parent)
            if path.exists() and path.read_bytes() == data:
                sync_directory(path.parent)  # whoever wrote it may have died before its name was on disk
            else:
                write_whole(path, data)
            return
        except FileNotFoundError:  # who published more leaves has just swept the directory of narrow tiles away
            if last:
                raise


def make_directory(directory: Path) -> None:
    if not directory.is_dir():
        make_directory(directory.parent)
        directory.mkdir(exist_ok=True)
        sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """A name made or replaced in it is on disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path`. Raises InUse when another process does, unless it is waited for."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise InUse(f"another process uses {path.parent}") from None
        yield
    finally:
        os.close(handle)
