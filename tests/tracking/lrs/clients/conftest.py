"""A store over a real socket, on the real time, and a key that may do everything there."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from elearn.db import db
from tests.builders_lrs import a_key_and_secret
from tests.pages.test_assets import hook

FRONTEND = Path(__file__).parents[4] / "frontend"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Served:
    endpoint: str
    key: str
    secret: str


@pytest.fixture
def served(own_app: Flask) -> Iterator[Served]:
    own_app.extensions["elearn"].clock = lambda: datetime.now(UTC)
    with own_app.app_context():
        key, secret = a_key_and_secret(db.session())
    server = make_server("127.0.0.1", 0, own_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}/xapi/", key, secret)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def run_script(served: Served) -> Callable[[str], dict[str, Any]]:
    """Run a script beside this file by node; answers what it observed, by the name of each observation."""
    hook.build()  # installs what the lock file names
    node, _ = hook.find_node()

    def run(name: str) -> dict[str, Any]:
        arguments = [node, str(HERE / name), str(FRONTEND), served.endpoint, served.key, served.secret]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        observed: dict[str, Any] = json.loads(done.stdout)
        return observed

    return run
