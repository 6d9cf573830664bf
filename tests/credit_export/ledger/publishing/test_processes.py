"""Publishing as it runs: signer and witnesses are processes of their own, and any of them is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from bench.servers import free_port
from elearn.credit_export.ledger.publishing import Desk, desk_of
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.signer import LocalSigner
from elearn.credit_export.ledger.signer_door import SOCKET, HttpSigner
from elearn.credit_export.ledger.witness.keeping import add_log
from elearn.credit_export.ledger.witness.keys import make_key
from elearn.credit_export.ledger.witnesses import HttpWitness
from elearn.db import db
from elearn.settings import SettingsError
from tests.credit_export.ledger.publishing.an_office import MINUTE, Office, an_office, require_sound
from tests.credit_export.ledger.publishing.signer_process import a_process, up
from tests.credit_export.ledger.witness.processes import Running

PUBLISHER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sqlalchemy as sa
import elearn.courses.models, elearn.people.models, elearn.tracking.models
from elearn.credit_export.ledger.models import LedgerLeaf
from elearn.credit_export.ledger.publishing import Desk, publish
from tests.credit_export.ledger.publishing.an_office import leaves
from elearn.credit_export.ledger.signer import LocalSigner
from sqlalchemy.orm import Session
url, place, origin = sys.argv[1:]
session = Session(sa.create_engine(url))
desk = Desk(Path(place) / "ledger", LocalSigner(Path(place) / "signer"), every=timedelta(0))
count = session.scalar(sa.select(sa.func.count()).select_from(LedgerLeaf))
print("begins", flush=True)
while True:
    session.execute(sa.insert(LedgerLeaf), leaves(origin, count, 40))
    session.commit()
    count += 40
    publish(session, origin, now=datetime.now(UTC), desk=desk)
"""


def test_a_publisher_killed_again_and_again_leaves_one_sound_log(own_app: Flask, tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("ELEARN_SEED", "5"))
    with own_app.app_context():
        office = an_office(db.session(), tmp_path)
        url = db.engine.url.render_as_string(hide_password=False)
        for _ in range(4):
            before = office.size
            process = subprocess.Popen(
                [sys.executable, "-c", PUBLISHER, url, str(tmp_path), office.origin], stdout=subprocess.PIPE
            )
            assert process.stdout is not None
            assert process.stdout.readline() == b"begins\n"
            time.sleep(chance.uniform(0.1, 0.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            db.session.rollback()
            assert office.size >= before
            file = office.files.checkpoint()
            office.publish(after=60 * MINUTE)
            require_sound(db.session(), office.origin, office.files, office.trust)
            assert office.size == office.leaves() > before
            assert office.level == "ok"
            assert file is None or LocalSigner(tmp_path / "signer").logs()[office.origin].size == office.size


def a_witnessed_office(place: Path, ports: dict[str, int]) -> Office:
    """One whose signer and witnesses are reached as in production."""
    office = an_office(db.session(), place)
    lines = []
    for name, port in ports.items():
        key = make_key(place / name, f"{name}.example/witness").verifier.vkey
        add_log(place / name, LocalSigner(place / "signer").vkey(office.origin))
        lines.append(f"witness {name} {key} http://127.0.0.1:{port}\n")
    office.trust = Trust.read("".join(lines) + f"group both all {' '.join(ports)}\nquorum both\n")
    office.desk = Desk(
        place / "ledger",
        HttpSigner(f"unix:{place / 'signer' / SOCKET}"),
        [HttpWitness(name, f"http://127.0.0.1:{port}") for name, port in ports.items()],
        office.trust,
        timedelta(0),
    )
    return office


def test_signer_and_witnesses_are_killed_and_come_back(own_app: Flask, tmp_path: Path) -> None:
    ports = {"exam": free_port(), "regulator": free_port()}
    with own_app.app_context():
        office = a_witnessed_office(tmp_path, ports)
        with a_process(tmp_path / "signer"):
            up(office.desk.signer)  # type: ignore[arg-type]
            running = {name: Running(tmp_path / name, port) for name, port in ports.items()}
            try:
                office.append(300)
                assert office.published().witnessed
                running["exam"].kill()
                office.append(3)
                assert office.publish(after=MINUTE) is None
                assert office.size == 300
                assert "witness exam does not cosign" in office.said[0]
                running["exam"].start_again()
                assert office.published(after=MINUTE).size == 303
            finally:
                for one in running.values():
                    one.stop()
        office.append(1)
        assert office.publish(after=MINUTE) is None
        assert "does not sign" in office.said[0]
        office.require_sound()


def test_the_settings_name_signer_witnesses_and_files(own_app: Flask, tmp_path: Path) -> None:
    settings = own_app.extensions["elearn"].settings
    assert desk_of(settings).trust.quorum is None
    policy = tmp_path / "policy"
    key = make_key(tmp_path / "exam", "exam.example/witness").verifier.vkey
    policy.write_text(f"witness exam {key} https://witness.exam.example/v1\nquorum exam\n")
    told = replace(settings, ledger_policy=policy, ledger_files=tmp_path / "public", policy_scale=10)
    desk = desk_of(told)
    assert desk.witnesses == [HttpWitness("exam", "https://witness.exam.example/v1")]
    assert (desk.trust.quorum, desk.ledger_dir, desk.every) == ("exam", tmp_path / "public", timedelta(seconds=1))
    assert desk.signer == HttpSigner(f"unix:{settings.data_dir}/ledger_signer/signer.sock")
    policy.write_text(f"witness exam {key}\nquorum exam\n")
    with pytest.raises(SettingsError, match="an address of each witness"):
        desk_of(told)
    policy.write_text("quorum exam\n")
    with pytest.raises(SettingsError, match="ELEARN_LEDGER_POLICY cannot be read: line 1"):
        desk_of(told)
