"""`elearn ledger signer` as a process of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elearn.credit_export.ledger.signer import SignerAway
from elearn.credit_export.ledger.signer_door import HttpSigner
from tests.credit_export.ledger.a_log import ORIGIN
from tests.waiting import wait_for


@contextmanager
def a_process(directory: Path, *words: str, secret: str = "") -> Iterator[subprocess.Popen[bytes]]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ELEARN_", "DATABASE_URL"))}
    command = [sys.executable, "-m", "elearn", "ledger", "signer", "--directory", str(directory), *words]
    with (directory.parent / "signer.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=env | ({"ELEARN_LEDGER_SECRET": secret} if secret else {}), stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def up(signer: HttpSigner) -> None:
    def answers() -> bool:
        try:
            return bool(signer.vkey(ORIGIN))
        except SignerAway:
            return False

    wait_for(answers, seconds=20, what="the signer")
