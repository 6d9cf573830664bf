"""A school whose learners really watch, its log over real HTTP, and an exam authority that computes blocks again."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask, g
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from elearn.credit_export.exam_system.receivers import EVIDENCE, Credentials, add_receiver
from elearn.credit_export.ledger import block_evidence, sampling_draws
from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.block_evidence import BlockEvidence
from elearn.credit_export.ledger.doors import DESK
from elearn.credit_export.ledger.monitor.looking import watching
from elearn.credit_export.ledger.monitor.recheck_commands import _known as known_of
from elearn.credit_export.ledger.monitor.recheck_commands import command
from elearn.credit_export.ledger.monitor.rechecking import Known, Result, recheck
from elearn.credit_export.ledger.monitor.sampling import Block, block_at
from elearn.credit_export.models import Receiver
from elearn.demo.scripted_player import ScriptedPlayer
from tests.builders_tracking import Watchable, a_player, a_watchable, pass_check
from tests.conftest import ManualClock

TABLES = ("delivery", "device", "presence_check", "report", "statement", "statement_id", "subject_key", "watch_policy",
          "watched_span")  # fmt: skip
FOREIGN_KEYS = """
SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
WHERE contype = 'f' AND conparentid = 0 AND connamespace::regnamespace::text = 'elearn'
"""


@dataclass(slots=True)
class Authority:
    """What it has: a client of the door, and a directory."""

    app: Flask
    session: Session
    house: House
    place: Path
    who: Credentials
    base: str = ""

    # The school

    def a_lesson(self, **how: Any) -> tuple[Watchable, ScriptedPlayer]:
        """Somebody new at the beginning of a lesson."""
        lesson = a_watchable(self.session, **how)
        player = a_player(self.app, self.session, lesson.learner_id)
        player.open(lesson.unit_id)
        return lesson, player

    def watched(self, ms: int = 60_000, **how: Any) -> tuple[Watchable, ScriptedPlayer]:
        """Somebody new who watches so much and passes the check; it stands in the log."""
        lesson, player = self.a_lesson(**how)
        player.play(ms)
        pass_check(player)
        self.credit()
        return lesson, player

    def credit(self) -> None:
        """A minute passes, and the log moves on."""
        clock = self.app.extensions["elearn"].clock
        assert isinstance(clock, ManualClock)
        clock.advance(60_000)
        advance(self.session, now=clock(), house=self.house)

    @property
    def origin(self) -> str:
        return self.house.origin(self.app.extensions["elearn"].clock())

    @property
    def log(self) -> str:
        return f"{self.base}/ledger/{self.origin.rpartition('/')[2]}"

    def credits(self) -> list[int]:
        """Where the credits of the log are."""
        rows = self.session.scalars(
            sa.text("SELECT index FROM elearn.ledger_leaf WHERE kind = 'credit' AND origin = :origin ORDER BY index"),
            {"origin": self.origin},
        )
        return list(rows)

    def administrator(self, *statements: str) -> None:
        """Changes the database with triggers and keys out of the way."""
        for table in TABLES:
            self.session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))
        for table, name in self.session.execute(sa.text(FOREIGN_KEYS)).all():
            self.session.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        for statement in statements:
            self.session.execute(sa.text(statement.replace(":", r"\:")))

    # The authority

    def recheck(self, *options: str, place: str = "authority") -> tuple[int, str]:
        """Exit status and output of `elearn ledger recheck`."""
        secret = self.place / "secret"
        secret.write_text(f"{self.who.secret}\n")
        asked = [self.log, "--dir", str(self.place / place), "--client", self.who.client_id, "--secret-file"]
        done = CliRunner().invoke(command, [*asked, str(secret), *options], catch_exceptions=False)
        return done.exit_code, done.output

    def lines(self, *options: str, place: str = "authority") -> tuple[int, list[dict[str, Any]]]:
        status, output = self.recheck("--json", *options, place=place)
        return status, [json.loads(line) for line in output.splitlines() if line.startswith("{")]

    def ask(self, method: str, path: str, *, hurry: bool = False, **body: Any) -> Any:
        """The door itself, as slowly as it likes."""
        if not hurry:
            self.app.extensions["elearn"].kept.pop("exam.evidence_pace", None)
        g.pop("elearn_language", None)
        client = self.app.test_client()
        form = {"grant_type": "client_credentials", "scope": EVIDENCE}
        token: Any = client.post("/exam/v1/token", data=form, auth=(self.who.client_id, self.who.secret)).json
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return client.open(f"/exam/v1{path}", method=method, headers=headers, **body)

    def order(self, index: int) -> None:
        receiver = self.session.scalars(sa.select(Receiver).where(Receiver.client_id == self.who.client_id)).one()
        sampling_draws.order(
            self.session, receiver.id, self.origin, index, reason="looked odd", by="somebody",
            at=self.app.extensions["elearn"].clock(),
        )  # fmt: skip
        self.session.commit()

    def evidence(self, index: int = -1) -> BlockEvidence:
        """What is given of that credit, which is ordered first."""
        place = self.credits()[index]
        self.order(place)
        return self.asked_again(index)

    def asked_again(self, index: int = -1) -> BlockEvidence:
        """What is given of a credit that was ordered or drawn."""
        place = self.credits()[index]
        answer = self.ask("GET", f"/evidence/{self.origin.rpartition('/')[2]}/{place}")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return block_evidence.read(answer.get_data())

    def judge(self, given: BlockEvidence, index: int = -1) -> Result:
        """What the rules say of that credit when this is shown."""
        block, known = self.mirrored(index)
        return recheck(block.index, block.leaf, given, known)

    def mirrored(self, index: int = -1) -> tuple[Block, Known]:
        with watching(self.place / "mirror", self.log, None) as running:
            running.look(now_s=int(self.app.extensions["elearn"].clock().timestamp()))
            block = block_at(running.mirror, self.credits()[index])
            assert block is not None
            known = known_of(running, self.origin, block)
            leaves = {place: known.evidence(place) for place in range(running.mirror.size())}
        return block, dataclasses.replace(known, evidence=leaves.get)


@contextmanager
def an_authority(app: Flask, session: Session, house: House, place: Path) -> Iterator[Authority]:
    """The application over HTTP, in a thread that works only while the test waits for it."""
    lesson = a_watchable(session)
    code = session.scalar(sa.text("SELECT code FROM elearn.outline WHERE id = :id"), {"id": lesson.outline_id})
    who = add_receiver(
        session, name="考试机构", outlines=[str(code)], scopes=[EVIDENCE],
        made_at=app.extensions["elearn"].clock() - timedelta(days=1),
    )  # fmt: skip
    session.commit()
    app.extensions["elearn"].kept[DESK] = house.desk
    app.extensions["elearn"].kept.pop("exam.evidence", None)
    app.extensions["elearn"].kept.pop("exam.evidence_pace", None)
    server = make_server("127.0.0.1", 0, app, threaded=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Authority(app, session, house, place, who, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def summary(output: str) -> str:
    return output.splitlines()[-1].partition(": ")[2]


def changed(one: Any, **members: Any) -> Any:
    """Evidence as a liar shows it."""
    return msgspec.structs.replace(one, **members)
