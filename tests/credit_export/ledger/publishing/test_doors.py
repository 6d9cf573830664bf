"""The log as everybody reads it: files with their caching, and proofs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.credit_export.ledger import doors
from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.hours_proof import HoursProof, require_in_log
from elearn.credit_export.ledger.notes import Verifier, read_note
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.tiles import TileNodes, entries_path, tile_path, tiles_of, unbundle
from elearn.credit_export.ledger.tree import leaf_hash, root_of
from tests.credit_export.ledger.publishing.an_office import NOW, Office, an_office

SIZE = 600
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture
def office(app: Flask, session: Session, tmp_path: Path) -> Office:
    """The application's own log, of 600 leaves, five more that wait, and what the doors need to find it."""
    made = an_office(session, tmp_path, origin="localhost/ledger/2026")
    app.extensions["elearn"].kept[doors.DESK] = made.desk
    for size in (300, SIZE):
        made.append(size - made.leaves())
        made.published(after=timedelta(minutes=1))
    made.append(5)
    return made


@pytest.fixture
def log(office: Office, client: FlaskClient) -> FlaskClient:
    return client


def get(client: FlaskClient, path: str, **headers: str) -> Any:
    return client.get(f"/ledger/2026/{path}", headers={name.replace("_", "-"): told for name, told in headers.items()})


def test_the_checkpoint_is_told_and_asked_for_again_each_time(log: FlaskClient, office: Office) -> None:
    answer = get(log, "checkpoint")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    note = read_note(answer.data)
    assert Checkpoint.read(note.text).size == SIZE
    key = Verifier.from_vkey(get(log, "log.vkey").text.strip())
    Trust.none(key).require(note, now_s=int(NOW.timestamp()))


def test_whoever_has_the_newest_checkpoint_gets_no_body(log: FlaskClient, office: Office) -> None:
    tag = get(log, "checkpoint").headers["ETag"]
    again = get(log, "checkpoint", If_None_Match=tag)
    assert (again.status_code, again.data) == (304, b"")
    office.published(after=timedelta(minutes=1))
    assert get(log, "checkpoint", If_None_Match=tag).status_code == 200


def test_every_tile_is_there_and_leads_to_the_root(log: FlaskClient, office: Office) -> None:
    def fetch(path: str) -> bytes:
        answer = get(log, path)
        assert answer.status_code == 200, path
        assert answer.content_type == "application/octet-stream"
        full = ".p/" not in path
        assert answer.headers["Cache-Control"] == (FOR_EVER if full else "no-cache"), path
        data: bytes = answer.data
        return data

    checkpoint = Checkpoint.read(read_note(get(log, "checkpoint").data).text)
    assert root_of(SIZE, TileNodes(fetch, SIZE)) == checkpoint.root
    for level, index, width in tiles_of(SIZE):
        hashes = fetch(tile_path(level, index, width))
        if level == 0:
            entries = unbundle(fetch(entries_path(index, width)))
            assert b"".join(leaf_hash(entry) for entry in entries) == hashes


def test_a_partial_tile_of_an_older_checkpoint_is_there_when_its_file_is_gone(log: FlaskClient, office: Office) -> None:
    """That of 300 leaves was removed when the whole one was written, that of 600 will be."""
    assert not (office.files.directory / "tile/0/001.p").exists()
    for path in (tile_path(0, 1, 44), entries_path(1, 44), tile_path(1, 0, 1)):
        assert get(log, path).status_code == 200, path
    whole = office.files.hashes(0, 1, 256)
    assert get(log, tile_path(0, 1, 44)).data == whole[: 44 * 32]
    assert unbundle(get(log, entries_path(1, 44)).data) == unbundle(office.files.entries(1, 256))[:44]


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/003",
        "tile/0/002",
        "tile/0/002.p/89",
        "tile/entries/002.p/93",
        "tile/1/000",
        "tile/1/000.p/3",
        "tile/2/000.p/1",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/entries",
        "tile/entries/x001/x234/067",
        "tile/entry/000",
        "tile/0/000/",
        "tile/0/٠٠٠",
        "tile/../checkpoint",
        "tile/0/../../checkpoint",
        "tile/0/%2e%2e/%2e%2e/checkpoint",
        "tile/0/..%2f..%2fcheckpoint",
        "tile//etc/passwd",
        "tile/%2fetc%2fpasswd",
        "tile/0/000%00",
        "standing.json",
        "../signer/key",
        "..%2fsigner%2fkey",
        "tile/",
        "",
        "checkpoint/",
        "log.key",
        "proof/",
        "proof/x",
        "proof/" + "0" * 64,
        "proof/" + "A" * 64,
        "proof/sha512:" + "0" * 64,
    ],
)
def test_there_is_nothing_at_any_other_address(log: FlaskClient, path: str) -> None:
    answer = log.get(f"/ledger/2026/{path}", follow_redirects=True)
    assert answer.status_code == 404, answer.data
    assert b"key" not in answer.data


@pytest.mark.parametrize("name", ["2025", "26", "..", "%2e%2e", "2026-1x", "2026-0", "2026-2", "x", "20260", "٢٠٢٦"])
def test_there_is_no_other_log(log: FlaskClient, name: str) -> None:
    for path in ("checkpoint", "log.vkey", "tile/0/000", "proof/" + "0" * 64):
        assert log.get(f"/ledger/{name}/{path}").status_code == 404


@given(path=st.text(st.sampled_from("tile/0123x.p-e\\%~ "), max_size=30))
def test_no_path_leads_anywhere_but_to_a_tile(path: str) -> None:
    asked = doors.TILE.fullmatch(path)
    assert asked is None or ".." not in path


def test_before_anything_is_published_there_is_nothing(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    kept = app.extensions["elearn"].kept
    kept[doors.DESK] = replace(kept[doors.DESK], ledger_dir=tmp_path / "none")
    for path in ("checkpoint", "log.vkey", "tile/0/000.p/1", "proof/" + "0" * 64):
        assert get(client, path).status_code == 404


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 512, SIZE - 1])
def test_a_leaf_comes_with_its_proof(log: FlaskClient, office: Office, index: int) -> None:
    entry = f'{{"n":{index},"t":"leaf"}}'.encode()
    answer = get(log, f"proof/{leaf_hash(entry).hex()}")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    file = HoursProof.read(answer.data)
    key = office.files.key()
    assert key is not None
    checkpoint = Trust.none(key).require(file.proof.note, now_s=int(NOW.timestamp()))
    require_in_log(file, checkpoint)
    assert (file.entry, file.proof.index) == (entry, index)
    assert get(log, f"proof/sha256:{leaf_hash(entry).hex()}").data == answer.data
    assert get(log, f"proof/{leaf_hash(entry).hex()}", If_None_Match=answer.headers["ETag"]).status_code == 304


def test_a_leaf_that_is_not_published_has_no_proof_yet(log: FlaskClient, office: Office) -> None:
    first, waiting = (leaf_hash(f'{{"n":{index},"t":"leaf"}}'.encode()).hex() for index in (0, SIZE))
    assert get(log, f"proof/{first}").status_code == 200
    assert get(log, f"proof/{waiting}").status_code == 404
    office.published(after=timedelta(minutes=1))
    for leaf in (first, waiting):
        file = HoursProof.read(get(log, f"proof/{leaf}").data)
        require_in_log(file, Checkpoint.read(file.proof.note.text))


def test_what_is_written_and_not_published_is_not_shown(log: FlaskClient, office: Office) -> None:
    office.signer.away = True
    assert office.publish(after=timedelta(minutes=1)) is None
    for path in (tile_path(0, 2, 93), entries_path(2, 93)):
        assert (office.files.directory / path).exists()
        assert get(log, path).status_code == 404


def test_anybody_may_read_without_signing_in_and_from_any_page(log: FlaskClient) -> None:
    for path in ("checkpoint", "log.vkey", "tile/0/000", "tile/entries/000"):
        answer = get(log, path, Origin="https://exam.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Set-Cookie" not in answer.headers
        assert log.head(f"/ledger/2026/{path}").status_code == 200
        assert log.post(f"/ledger/2026/{path}").status_code in (400, 405)


def test_a_tag_says_the_content(log: FlaskClient) -> None:
    answer = get(log, "tile/0/000")
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.data).hexdigest()[:32]}"'
