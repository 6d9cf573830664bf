"""Others, each played by a process of its own: two witnesses of the log of hours, and an exam system.

They have directories, keys and storage of their own, as if they stood elsewhere, and hear nothing of the product's
settings. The exam system runs its witness beside itself; the regulator's stands alone. All end with whoever started
them, also when that is killed.

    <place>/policy                    whom the log takes and who is believed (C2SP tlog-policy); the product reads it
    <place>/exam/                     the exam system: beliefs.sqlite3, monitor/, witness/, plan.json, push.secret
    <place>/regulator/                the regulator's witness
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elearn.credit_export.ledger.naming import origin_of
from elearn.credit_export.ledger.signer import LocalSigner
from elearn.credit_export.ledger.witness.keeping import add_log
from elearn.credit_export.ledger.witness.keys import make_key
from elearn.demo.waiting import wait_until
from elearn.starting import ending_with_us, environment_of_others, running

UP_S = 60.0
STOP_S = 10.0


class NeighbourFailed(RuntimeError):
    """A process did not come up, or its answer is not what its door promises."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where they are this time. `settle` makes them what they need; `running` starts them."""

    place: Path
    base: str
    """Where the product is: scheme, host and port."""
    year: int
    """Of the log that the exam system's monitor reads."""
    witness_ports: Mapping[str, int]
    exam_port: int

    @classmethod
    def settle(cls, place: Path, base: str, signer_dir: Path, year: int) -> Neighbours:
        """Keys are made once; the log of `year` and of the next one are known to both witnesses."""
        place.mkdir(parents=True, exist_ok=True)
        ports = free_ports(3)
        made = cls(place, base, year, dict(zip(("exam", "regulator"), ports, strict=False)), ports[2])
        signer = LocalSigner(signer_dir)
        logs = {one: signer.vkey(origin_of(base, "", one)) for one in (year, year + 1)}
        lines = [f"log {vkey} {base}/ledger/{one}" for one, vkey in logs.items()]
        for name, directory in made.witness_dirs.items():
            vkey = make_key(directory, f"{name}.example/witness").verifier.vkey
            lines.append(f"witness {name} {vkey} http://127.0.0.1:{made.witness_ports[name]}")
            for log in logs.values():
                add_log(directory, log)
        lines += ["group both all exam regulator", "quorum both"]
        fresh = made.policy.with_suffix(".fresh")
        fresh.write_text("".join(f"{line}\n" for line in lines))
        fresh.replace(made.policy)
        return made

    @property
    def policy(self) -> Path:
        return self.place / "policy"

    @property
    def exam_dir(self) -> Path:
        return self.place / "exam"

    @property
    def witness_dirs(self) -> dict[str, Path]:
        return {"exam": self.exam_dir / "witness", "regulator": self.place / "regulator"}

    @property
    def exam_url(self) -> str:
        return ExamSystem(self.exam_dir, self.exam_port).url

    def tell_push_secret(self, secret: str) -> None:
        """What the product shows once goes to the exam system alone."""
        self.exam_dir.mkdir(parents=True, exist_ok=True)
        file = self.exam_dir / "push.secret"
        file.touch(mode=0o600)
        file.write_text(secret)

    def witness_words(self) -> list[str]:
        """The command of the witness that stands alone."""
        listen = f"127.0.0.1:{self.witness_ports['regulator']}"
        return ["witness", "serve", "--dir", str(self.witness_dirs["regulator"]), "--listen", listen]

    def exam_words(self, client_id: str, *, every_s: float = 1.0, log_s: float = 5.0) -> list[str]:
        """The command of the exam system, with monitor and witness."""
        words = ["exam-sim", "serve", "--dir", str(self.exam_dir), "--listen", f"127.0.0.1:{self.exam_port}"]
        words += ["--base", self.base, "--client", client_id, "--push-secret-file", str(self.exam_dir / "push.secret")]
        words += ["--plan", str(self.exam_dir / "plan.json"), "--every", str(every_s)]
        words += ["--log", f"{self.base}/ledger/{self.year}", "--trust", str(self.policy), "--log-every", str(log_s)]
        return [*words, "--witness", f"127.0.0.1:{self.witness_ports['exam']}"]

    @contextmanager
    def running(self, client_id: str, client_secret: str, *, certificate: Path | None = None) -> Iterator[ExamSystem]:
        """Both, up, while this lasts. `certificate`: whom to believe beside the public authorities."""
        env = environment_of_others()
        secret = {"ELEARN_EXAM_SIM_CLIENT_SECRET": client_secret}
        if certificate is not None:
            secret["SSL_CERT_FILE"] = str(certificate)
        with ExitStack() as processes:
            begun = []
            for name, words, environment in (
                ("regulator", self.witness_words(), env),
                ("exam", self.exam_words(client_id), env | secret),
            ):
                log = processes.enter_context((self.place / f"{name}.log").open("ab"))
                process = running(
                    ending_with_us(*words),
                    stop_s=STOP_S,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
                begun.append(processes.enter_context(process))
            exam = ExamSystem(self.exam_dir, self.exam_port)
            ports = (*self.witness_ports.values(), self.exam_port)

            def ended() -> bool:
                return any(one.poll() is not None for one in begun)

            told = wait_until(lambda: ended() or all(map(answers, ports)), seconds=UP_S, every_s=0.1)
            if ended() or not told:
                raise NeighbourFailed(f"a witness or the exam system does not come up: see {self.place}/*.log")
            yield exam


@dataclass(frozen=True, slots=True)
class ExamSystem:
    """The exam system as its operator sees it: its own door (`elearn/exam_sim/server.py`) and the plan it follows."""

    directory: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def plan(self, **plan: Any) -> None:
        fresh = self.directory / "plan.fresh"
        fresh.write_text(json.dumps(plan, ensure_ascii=False))
        fresh.replace(self.directory / "plan.json")  # it reads one or the other

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What it answers. Raises OSError, and NeighbourFailed for what is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise NeighbourFailed(f"{method} {path}: {answer.status} {data[:300]!r}")
        return json.loads(data)

    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("GET", "/state.json")
        return told


def answers(port: int) -> bool:
    """Whether somebody on this machine speaks HTTP there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/records.json")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def free_ports(count: int) -> list[int]:
    """Different ones: each is held until all are found."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
