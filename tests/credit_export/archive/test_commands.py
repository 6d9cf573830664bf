"""`elearn archive ...`, as an operator and as a stranger type them."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.orm import Session

from elearn.credit_export.archive.archive_check import check
from elearn.credit_export.archive.commands import due, make
from elearn.errors import NotFound
from elearn.people.models import Disclosure
from tests.credit_export.archive.school import SIGNER, Archived

run = CliRunner().invoke


def test_an_archive_is_made_verified_and_in_time_due(session: Session, archived: Archived, tmp_path: Path) -> None:
    made = run(make, [archived.held.class_no, str(tmp_path)], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    [file] = tmp_path.iterdir()
    assert made.output.startswith(f"{file}: 2 people, ")
    assert file.stat().st_mode & 0o077 == 0, "names are in it"
    told = session.scalars(sa.select(Disclosure.receiver)).all()
    assert len(told) == 2
    assert all(one.startswith("command line, ") for one in told)

    alone = run(check, [str(file)])
    assert alone.exit_code == 2, "anybody may have made it"
    known = run(check, [str(file), "--key", SIGNER.kid])
    assert known.exit_code == 0
    assert "4 entries, 11280000 ms, added up again" in known.output
    assert "to be kept until 2032-07-10" in known.output
    assert "missing     not_signed 2" in known.output
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(SIGNER.key_set()))
    assert run(check, [str(file), "--keys", str(keys)]).output.endswith("OK\n")
    keys.write_text("{}")
    assert run(check, [str(file), "--keys", str(keys)]).exit_code == 1
    assert run(check, [str(file), "--key", "another"]).output.startswith("REFUSED (key)")
    file.write_bytes(file.read_bytes()[:-40])
    assert run(check, [str(file)]).output.startswith("REFUSED (form)")

    assert run(due, ["--on", "2032-07-10"]).output == "0 classes\n"
    listed = run(due, ["--on", "2032-07-11"]).output
    assert "kept until 2032-07-10" in listed
    assert listed.endswith("1 classes\n")
    assert isinstance(run(make, ["nobody's", str(tmp_path)]).exception, NotFound)
