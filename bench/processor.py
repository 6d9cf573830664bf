"""Processor time of other processes, from Linux's /proc (proc_pid_stat(5)); it counts in hundredths of a second."""

from __future__ import annotations

import os
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def spent_s(pid: int) -> float:
    """What this process took. Raises FileNotFoundError or ProcessLookupError when it is gone."""
    return _own_s(_fields(pid))


def parent_of(pid: int) -> int:
    return int(_fields(pid)[1])


def tree_s(pid: int) -> float:
    """What a process and all below it took, those that have ended too."""
    below: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                fields = _fields(int(place.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended; its parent counts it
            below.setdefault(int(fields[1]), []).append(int(place.name))
            spent[int(place.name)] = _own_s(fields) + _waited_for_s(fields)
    found, total = [pid], 0.0
    while found:
        one = found.pop()
        total += spent.get(one, 0.0)
        found += below.get(one, [])
    return total


def _fields(pid: int) -> list[str]:
    """From the third on, the state: the second, the command's name, may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _own_s(fields: list[str]) -> float:
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _waited_for_s(fields: list[str]) -> float:
    """Of children that have ended."""
    return (int(fields[13]) + int(fields[14])) * TICK_S
