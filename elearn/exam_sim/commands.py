"""`elearn exam-sim`: the other side of the exam door."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from pathlib import Path
from types import FrameType

import click

from elearn.exam_sim.beliefs import Beliefs
from elearn.exam_sim.client import ExamClient
from elearn.exam_sim.exam import Exam
from elearn.exam_sim.log import LogWatch, witness_beside
from elearn.exam_sim.server import Server, every

CLIENT_SECRET, PUSH_SECRET = "ELEARN_EXAM_SIM_CLIENT_SECRET", "ELEARN_EXAM_SIM_PUSH_SECRET"


@click.group("exam-sim")
def exam_sim() -> None:
    """An exam system that is none, to try the exam door with."""


@exam_sim.command()
@click.option("--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True, help="Its own.")
@click.option("--listen", default="127.0.0.1:7400", show_default=True, metavar="HOST:PORT")
@click.option("--base", required=True, help="Where the product is: scheme, host, prefix.")
@click.option("--client", "client_id", required=True, help="Its name at the product (`elearn receiver add`).")
@click.option("--client-secret", envvar=CLIENT_SECRET, required=True, help=f"Or {CLIENT_SECRET}.")
@click.option(
    "--push-secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Where the secret of pushes stands or will stand (`elearn receiver push set`); or {PUSH_SECRET}.",
)
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), help="How it behaves; read anew at each step.")
@click.option("--every", "every_s", type=click.FloatRange(min=0.1), default=2.0, show_default=True, metavar="S")
@click.option("--log", "log_url", help="The log of hours to mirror and check, .../ledger/2026.")
@click.option("--log-every", "log_s", type=click.FloatRange(min=0.1), default=10.0, show_default=True, metavar="S")
@click.option("--trust", "policy", type=click.Path(path_type=Path, exists=True), help="A tlog-policy file for it.")
@click.option("--witness", "witness_listen", metavar="HOST:PORT", help="Run a witness there (DIR/witness).")
def serve(
    directory: Path,
    listen: str,
    base: str,
    client_id: str,
    client_secret: str,
    push_secret_file: Path | None,
    plan_file: Path | None,
    every_s: float,
    log_url: str | None,
    log_s: float,
    policy: Path | None,
    witness_listen: str | None,
) -> None:
    """Be an exam system until interrupted."""
    host, colon, port = listen.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()):
        raise click.BadParameter("it is HOST:PORT", param_hint="--listen")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def push_secret() -> str:
        if push_secret_file is not None and push_secret_file.exists():
            return push_secret_file.read_text().strip()
        return os.environ.get(PUSH_SECRET, "")

    beliefs = Beliefs(directory / "beliefs.sqlite3")
    exam = Exam(beliefs, ExamClient(base, client_id, client_secret), secret=push_secret, plan_file=plan_file)
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with contextlib.ExitStack() as running:
        running.callback(beliefs.close)
        if witness_listen:
            running.enter_context(witness_beside(directory / "witness", witness_listen))
        server = Server((host.strip("[]"), int(port)), exam)
        running.callback(server.server_close)
        workers = [every(every_s, exam.look, stopping, "exam")]
        if log_url:
            watch = LogWatch(directory / "monitor", log_url, policy)
            workers.append(every(log_s, lambda: beliefs.keep("log", json.dumps(watch.look())), stopping, "monitor"))
        threading.Thread(target=server.serve_forever, name="door", daemon=True).start()
        click.echo(f"exam system at http://{listen}")
        stopping.wait()
        server.shutdown()
        for worker in workers:
            worker.join(timeout=10)
