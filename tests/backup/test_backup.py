"""A backup brings everything back or says why not; a failed restore leaves nothing."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import elearn
from elearn import backup, copying, embedded, schema
from tests.backup.tables import rows_of, rules_of

JOBS = """
INSERT INTO procrastinate.procrastinate_jobs (task_name, queue_name, args)
    SELECT 'a.task', 'default', jsonb_build_object('n', n) FROM generate_series(1, 500) AS n
"""
STATEMENTS = """
INSERT INTO elearn.statement (id, stored_at, happened_at, verb_key, version, raw)
    SELECT gen_random_uuid(), '2024-01-31 23:59:00+00'::timestamptz + n * interval '1 s', now(), gen_random_uuid(),
           '1.0.3', '{"verb": "看"}' FROM generate_series(1, 100) AS n
"""


@pytest.fixture(scope="module")
def full(services: embedded.Services, template: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A database with rows and a media directory with a lesson; their URL and path."""
    url = services.create_database(f"full_{os.getpid()}", template=template)
    with copying.connect(url) as connection:
        connection.execute(JOBS)
        connection.execute("SELECT elearn.make_statement_month('2024-01-01')")  # long gone when it is restored
        connection.execute(STATEMENTS)
    media = tmp_path_factory.mktemp("full") / "media"
    lesson = media / ("ab" * 32)
    (lesson / "public" / "360p").mkdir(parents=True)
    (lesson / "manifest.json").write_text("{}")
    (lesson / "public" / "360p" / "0.m4s").write_bytes(os.urandom(100_000))
    (lesson / "public" / "empty").write_bytes(b"")
    (lesson / "keys.bin").write_bytes(b"secret key bytes")
    (media / "half-made" / "public").mkdir(parents=True)
    (media / "half-made" / "public" / "0.m4s").write_bytes(b"no manifest, so not finished")
    return url, media


@pytest.fixture
def target(services: embedded.Services, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An empty database and a media directory that does not exist yet."""
    name = f"empty_{os.getpid()}"
    services.drop_database(name)
    yield services.create_database(name), tmp_path / "there" / "media"
    services.drop_database(name)


@pytest.fixture(scope="module")
def archive(full: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("archive") / "elearn.backup"
    backup.backup(*full, None, file)
    return file


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def is_untouched(database_url: str, media_dir: Path) -> bool:
    with copying.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname IN ('elearn', 'procrastinate', %s)", (copying.UNFINISHED,)
        ).fetchone()
    return row == (0,) and not (media_dir.exists() and any(media_dir.iterdir()))


def remade(archive: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same archive with a changed manifest whose sums are right."""
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        for info in old:
            file = old.extractfile(info)
            assert file is not None
            data = file.read()
            if info.name == backup.MANIFEST:
                manifest = msgspec.json.decode(data)
                change(manifest)
                data = text = msgspec.json.encode(manifest)
            elif info.name == backup.MANIFEST_SUM:
                data = hashlib.sha256(text).hexdigest().encode()
            info.size = len(data)
            new.addfile(info, io.BytesIO(data))
    return target


def test_everything_comes_back(full: tuple[str, Path], archive: Path, target: tuple[str, Path]) -> None:
    summary = backup.restore(archive, *target)
    assert rows_of(target[0]) == rows_of(full[0])
    assert rules_of(target[0]) == rules_of(full[0])
    assert sum(map(len, rows_of(target[0]).values())) >= 500
    lesson = "ab" * 32
    assert files_of(target[1]) == {
        name: data for name, data in files_of(full[1]).items() if name.startswith(lesson) and "keys" not in name
    }
    assert (summary.media_files, summary.with_secrets) == (3, False)
    with copying.connect(target[0]) as connection:
        assert copying.revision(connection) == schema.newest()
        assert not copying.is_unfinished(connection)


def test_a_backup_of_the_restored_is_the_same_backup(archive: Path, target: tuple[str, Path], tmp_path: Path) -> None:
    backup.restore(archive, *target)
    backup.backup(*target, None, tmp_path / "again")
    first, second = backup.verify(archive), backup.verify(tmp_path / "again")
    assert second.contents == first.contents
    assert {m.name for m in second.members} == {m.name for m in first.members}


def test_only_the_owner_may_read_a_backup(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_keys_travel_only_when_asked_for(full: tuple[str, Path], archive: Path, tmp_path: Path) -> None:
    assert b"key bytes" not in archive.read_bytes()
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"ELEARN_SEALING_KEY": "original"}')
    backup.backup(*full, secrets, tmp_path / "with-keys")
    assert b"original" in (tmp_path / "with-keys").read_bytes()


def test_keys_come_back_and_the_others_are_kept(
    full: tuple[str, Path], target: tuple[str, Path], tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text("original")
    backup.backup(*full, secrets, tmp_path / "with-keys")
    there = tmp_path / "there.json"
    there.write_text("made at the first start")
    backup.restore(tmp_path / "with-keys", *target, there)
    assert there.read_text() == "original"
    assert stat.S_IMODE(there.stat().st_mode) == 0o600
    assert (tmp_path / "there.json.before-restore").read_text() == "made at the first start"


def test_a_schema_that_was_only_just_made_counts_as_empty(archive: Path, target: tuple[str, Path]) -> None:
    schema.upgrade(target[0])
    target[1].mkdir(parents=True)
    assert backup.restore(archive, *target).rows >= 500


def test_a_database_with_rows_is_left_alone(archive: Path, full: tuple[str, Path], tmp_path: Path) -> None:
    before = rows_of(full[0])
    with pytest.raises(backup.BackupError, match="database is not empty"):
        backup.restore(archive, full[0], tmp_path / "media")
    assert rows_of(full[0]) == before


def test_a_media_directory_with_files_is_left_alone(archive: Path, target: tuple[str, Path]) -> None:
    target[1].mkdir(parents=True)
    (target[1] / "mine").write_text("mine")
    with pytest.raises(backup.BackupError, match="not empty"):
        backup.restore(archive, *target)
    assert files_of(target[1]) == {"mine": b"mine"}
    assert is_untouched(target[0], target[1] / "nothing")


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("way", ["cut", "flip"])
def test_a_damaged_archive_is_refused_before_anything_is_touched(
    archive: Path, target: tuple[str, Path], tmp_path: Path, share: float, way: str
) -> None:
    data = bytearray(archive.read_bytes().rstrip(b"\0"))
    at = int(len(data) * share)
    if way == "cut":
        del data[at:]
    else:
        data[at] ^= 0x40
    (tmp_path / "damaged").write_bytes(data)
    with pytest.raises(backup.BackupError, match=r"damaged|another version"):
        backup.restore(tmp_path / "damaged", *target)
    assert is_untouched(*target)


def test_every_flipped_byte_inside_a_member_is_noticed(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as tar:
        places = [(info.name, info.offset_data + info.size // 2) for info in tar if info.size]
    for name, at in places:
        data = bytearray(archive.read_bytes())
        data[at] ^= 0x01
        (tmp_path / "flipped").write_bytes(data)
        with pytest.raises(backup.BackupError, match="damaged"):
            backup.verify(tmp_path / "flipped")
        assert name


REFUSED: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    ("a newer schema", lambda m: m.update(revision="9999", product_version="9.9"), "version 9.9 .schema 9999"),
    ("a newer format", lambda m: m.update(format=2), "format 2"),
    ("a field this program does not know", lambda m: m.update(more=1), "another version"),
    ("a member more than listed", lambda m: m.update(members=m["members"][1:]), "damaged"),
    ("a member less than listed", lambda m: m["members"].append({"name": "media/x", "sha256": ""}), "damaged"),
    ("a wrong count of rows", lambda m: m["contents"]["tables"][-1].update(rows=7), "instead of 7"),
    ("a column that does not exist", lambda m: m["contents"]["tables"][0].update(columns=["no"]), "did not take"),
]


@pytest.mark.parametrize(("what", "change", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_an_archive_is_refused_with_nothing_half_done_when_it_has(
    archive: Path,
    target: tuple[str, Path],
    tmp_path: Path,
    what: str,
    change: Callable[[dict[str, Any]], None],
    message: str,
) -> None:
    with pytest.raises(backup.BackupError, match=message):
        backup.restore(remade(archive, tmp_path / "changed", change), *target)
    assert is_untouched(*target), what


def test_an_archive_that_would_write_outside_is_refused(
    archive: Path, target: tuple[str, Path], tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    name, data = "media/../../outside", b"x"
    member = {"name": name, "sha256": hashlib.sha256(data).hexdigest()}
    remade(archive, evil, lambda m: m["members"].append(member))
    with tarfile.open(evil, "a") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    with pytest.raises(backup.BackupError, match="no backup holds"):
        backup.restore(evil, *target)
    assert is_untouched(*target)


def test_an_existing_file_is_never_overwritten(full: tuple[str, Path], tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(backup.BackupError, match="exists already"):
        backup.backup(*full, None, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"


def test_a_backup_that_fails_leaves_no_file(full: tuple[str, Path], target: tuple[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(backup.BackupError, match="nothing to back up"):
        backup.backup(target[0], full[1], None, out / "file")
    with pytest.raises(backup.BackupError, match="could not be read"):
        backup.backup(target[0].replace("/empty_", "/missing_"), full[1], None, out / "file")
    with pytest.raises(backup.BackupError, match="does not exist"):
        backup.backup(*full, tmp_path / "no-secrets", out / "file")
    assert list(out.iterdir()) == []


KILLED = """
import sys
from pathlib import Path
from elearn import backup, schema
real = schema.upgrade
def slow(url, **more):
    real(url, **more)
    print("made", flush=True)
    sys.stdin.read()
schema.upgrade = slow  # stops where the schema stands and no row is in
backup.restore(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
"""


def test_a_restore_killed_in_the_middle_is_cleared_by_the_next(
    archive: Path, full: tuple[str, Path], target: tuple[str, Path]
) -> None:
    words = [sys.executable, "-c", KILLED, str(archive), target[0], str(target[1])]
    env = {"PYTHONPATH": str(Path(elearn.__file__).parents[1]), "PATH": os.defpath}
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    assert child.stdout is not None
    assert child.stdout.readline() == "made\n"
    with pytest.raises(backup.BackupError, match="Another restore"):
        backup.restore(archive, *target)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    deadline = time.monotonic() + 10
    while True:
        try:
            backup.restore(archive, *target)
            break
        except backup.BackupError:  # its session may still be closing
            assert time.monotonic() < deadline
    assert rows_of(target[0]) == rows_of(full[0])
    assert not (target[1] / backup.UNFINISHED).exists()
