"""`elearn lrs export` and `import`: what goes out comes in again, elsewhere or a second time, a batch at a time."""

from __future__ import annotations

import gzip
import io
import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy.orm import Session

from elearn.db import db
from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.commands import lrs
from elearn.tracking.lrs.rules.check import VOIDED, Checked
from elearn.tracking.lrs.statements import attachments, multipart, store
from elearn.tracking.lrs.streams import ndjson
from tests.builders_lrs import AT, a_checked, a_statement, an_attachment
from tests.builders_people import an_organisation
from tests.conftest import ManualClock, scalar


def a_credential(session: Session, *, organisation_id: UUID | None = None, scopes: Sequence[str] = ("all",)) -> Any:
    made, _ = credentials.create(
        session,
        label="files",
        scopes=scopes,
        organisation_id=organisation_id,
        at=AT,
        server_key=credentials.server_key(),
    )
    session.commit()
    return made


def run(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(lrs, list(arguments), **more)


def lines_of(*statements: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in statements)


def take(session: Session, data: bytes, credential: Any = None) -> ndjson.Done:
    sender = credentials.named(session, (credential or a_credential(session)).key)
    return ndjson.read(session, io.BytesIO(data), sender, now=lambda: AT)


@pytest.fixture
def stored(session: Session, clock: ManualClock) -> list[Checked]:
    """Five statements: one with an attachment, one of 2.0, one voided and the one that voids it."""
    data = b"a file"
    attached = a_checked(attachments=[an_attachment(data)])
    batch = [a_checked(), attached, a_checked("2.0.0", timestamp="2026-07-01T00:00:00Z")]
    batch.append(a_checked(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": str(batch[0].id)}))
    outcomes = store.insert(session, batch, stored_at=AT, authority=None)
    sha2 = attached.statement["attachments"][0]["sha2"]
    attachments.keep(session, batch, outcomes, {sha2: [multipart.Part({}, data)]})
    session.commit()
    clock.now = AT + timedelta(hours=1)
    return batch


@pytest.mark.parametrize("name", ["all.ndjson", "all.ndjson.gz"])
def test_a_file_brings_everything_into_another_store_and_a_second_time_nothing(
    stored: list[Checked], own_app: Flask, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    assert run("export", str(file)).stderr == "statements 4, attachments 1\n"
    assert (file.read_bytes()[:2] == b"\x1f\x8b") is name.endswith(".gz")
    assert file.stat().st_mode & 0o077 == 0
    with own_app.app_context():
        credential = a_credential(db.session())
        first = run("import", str(file), "--key", credential.key)
        assert (first.exit_code, first.stderr) == (0, "stored 4, there already 0\n"), first.output
        assert run("import", str(file), "--key", credential.key).stderr == "stored 0, there already 4\n"
        there = store.get_many(db.session(), [one.id for one in stored])
        assert {kept.id: kept.voided for kept in there.values()} == {one.id: one is stored[0] for one in stored}
        assert {kept.authority_id for kept in there.values()} == {credential.id}
        assert [there[one.id].version for one in stored] == ["1.0.0", "1.0.0", "2.0.0", "1.0.0"]
        kept = there[stored[1].id]
        (content,) = attachments.of(db.session(), [(kept.stored_at, kept.id)])
        assert (content.data, content.content_type) == (b"a file", "text/plain")
        again = tmp_path / f"again-{name}"
        own_app.extensions["elearn"].clock.now += timedelta(hours=1)
        run("export", str(again))
        assert [plain(line) for line in content_of(again)] == [plain(line) for line in content_of(file)]


def content_of(file: Path) -> list[dict[str, Any]]:
    data = file.read_bytes()
    text = gzip.decompress(data) if file.suffix == ".gz" else data
    return [json.loads(line) for line in text.splitlines()]


def plain(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in ("stored", "authority")}


def test_the_standard_output_and_input_will_do(stored: list[Checked], session: Session) -> None:
    out = run("export", "-")
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    assert [one.get("id") for one in lines] == [str(stored[0].id), None, *(str(one.id) for one in stored[1:])]
    assert lines[1] == {"attachment": {"sha2": lines[2]["attachments"][0]["sha2"], "data": "YSBmaWxl"}}
    back = run("import", "-", "--key", a_credential(session).key, input=out.stdout)
    assert back.stderr == "stored 0, there already 4\n", back.exception


def test_a_file_may_be_narrowed(stored: list[Checked], session: Session) -> None:
    mine = a_credential(session, organisation_id=an_organisation(session).id)
    one = a_checked()
    store.insert(session, [one], stored_at=AT + timedelta(minutes=1), authority=mine.id)
    session.commit()

    def ids(*options: str) -> list[str]:
        return [
            json.loads(line)["id"] for line in run("export", "-", "--without-attachments", *options).stdout.splitlines()
        ]

    everything = [str(each.id) for each in (*stored, one)]
    assert ids() == everything
    assert ids("--organisation", str(mine.organisation_id)) == [str(one.id)]
    assert ids("--since", "2026-07-01T01:00:00.000001Z") == everything[2:]
    assert ids("--until", "2026-07-01T09:00:00.000001+08:00") == everything[:2]
    assert run("export", "-", "--since", "2026-07-01T01:00:00").exit_code == 2
    assert run("export", "-", "--organisation", str(one.id)).exit_code != 0


GOOD = a_statement()
OTHER = a_statement()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "Input data was truncated"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b'{"actor":', "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 5000, "recursion"),
        (json.dumps(a_statement(verb=None)).encode(), "/verb"),
        (json.dumps(a_statement(id="x")).encode(), "/id"),
        (json.dumps(GOOD | {"verb": {"id": "a:other"}}).encode(), "another statement has the id"),
        (json.dumps(a_statement(attachments=[an_attachment(b"x")])).encode(), "fileUrl"),
        (b'{"attachment":{"sha2":"00","data":""}}', "another hash"),
        (b'{"attachment":{"sha2":"00","data":"?"}}', "base64"),
        (b'{"attachment":{"sha2":"00"}}', "must have sha2 and data"),
        (b'{"attachment":[]}', "must have sha2 and data"),
    ],
)
def test_a_wrong_line_is_named_by_its_number_and_nothing_of_its_batch_is_stored(
    session: Session, line: bytes, why: str
) -> None:
    with pytest.raises(ndjson.BadLine, match=why) as caught:
        take(session, lines_of(GOOD) + b"\n" + line + b"\n" + lines_of(OTHER))
    assert caught.value.number == 3
    assert "stored before it: 0" in str(caught.value)
    session.rollback()
    assert scalar(session, "SELECT count(*) FROM elearn.statement") == 0


def test_data_that_belong_to_no_statement_are_refused(session: Session) -> None:
    data = b"x"
    line = {"attachment": {"sha2": an_attachment(data)["sha2"], "data": b64encode(data).decode()}}
    with pytest.raises(ndjson.BadLine, match=r"Line 2: .* is the data of no attachment"):
        take(session, lines_of(line, GOOD))
    with pytest.raises(ndjson.BadLine, match="Line 2: no statement follows"):
        take(session, lines_of(GOOD, line))


def test_batches_before_the_wrong_line_are_stored_and_counted(own_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "BATCH", 2)
    batch = [a_statement() for _ in range(5)]
    with own_app.app_context():
        session = db.session()
        credential = a_credential(session)
        with pytest.raises(ndjson.BadLine, match=r"Line 6: .*stored before it: 4"):
            take(session, lines_of(*batch) + b"{}\n", credential)
        session.rollback()
        assert scalar(session, "SELECT count(*) FROM elearn.statement") == 4
        assert take(session, lines_of(*batch), credential) == ndjson.Done(stored=1, there=4)


def test_a_packed_file_that_ends_too_early_says_where(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(gzip.compress(lines_of(*(a_statement() for _ in range(200))))[:-2000])
    told = run("import", str(file), "--key", a_credential(session).key)
    assert told.exit_code != 0
    assert "cannot be read" in str(told.exception)


def test_a_line_without_end_is_not_read_into_memory(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "MAX_LINE_BYTES", 1000)
    with pytest.raises(ndjson.BadLine, match="Line 2: it is too long"):
        take(session, lines_of(GOOD) + b" " * 5000)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "all.ndjson"

    def write() -> None:
        with ndjson.writing(str(file), io.BytesIO()) as out:
            out.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert list(tmp_path.iterdir()) == []


def test_only_a_key_that_may_define_changes_what_activities_are(session: Session) -> None:
    for scope, count in (("statements/write", 0), ("define", 1)):
        credential = a_credential(session, scopes=["statements/write", scope])
        thing = {"id": "http://a/x", "definition": {"name": {"en": "x"}}}
        take(session, lines_of(a_statement(object=thing)), credential)
        assert scalar(session, "SELECT count(*) FROM elearn.activity_definition") == count


def test_a_key_that_is_revoked_or_unknown_imports_nothing(session: Session) -> None:
    credential = a_credential(session)
    credentials.revoke(session, credential.key, at=AT)
    for key in (credential.key, "nobody"):
        assert run("import", "-", "--key", key, input=lines_of(GOOD)).exit_code != 0
    assert scalar(session, "SELECT count(*) FROM elearn.statement") == 0
