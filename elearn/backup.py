"""One file that brings everything back: every row, every packaged lesson and, when asked for, the keys.

The same way for the embedded default and for a server: COPY in one REPEATABLE READ transaction, so all tables are
of one moment while people go on watching. No pg_dump: it must be at least as new as the server, its output
does not load into an older one, and a machine with only a driver does not have it. The schema is not in the file;
the migrations make it, at the revision the rows were written for, and then go on to this program's. So a backup is
also the way to another major version of PostgreSQL.

The file is a tar: `tables/<schema>.<table>.copy.gz`, `media/...`, maybe `secrets.json`, then `manifest.json` with
counts and the SHA-256 of each member, and the manifest's own. `restore` reads it all before it touches anything.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

import msgspec
import psycopg
from alembic.script import ScriptDirectory

from elearn import copying, schema
from elearn.copying import Contents
from elearn.errors import DomainError

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.json.sha256"
SECRETS = "secrets.json"
UNFINISHED = ".restoring"
CHUNK = 1 << 20


class BackupError(DomainError):
    """A backup or restore that cannot be done; nothing was left half done."""

    code = "backup"


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the archive."""

    name: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the archive holds. `revision` is the migration its rows were written for, `as_of`
    the database's time at that one moment."""

    format: int
    product_version: str
    revision: str
    as_of: str
    contents: Contents
    members: tuple[Member, ...]


_manifests = msgspec.json.Decoder(Manifest)


@dataclass(frozen=True, slots=True)
class Summary:
    """What went in or came out."""

    file: Path
    tables: int
    rows: int
    media_files: int
    with_secrets: bool

    def __str__(self) -> str:
        keys = "with keys" if self.with_secrets else "without keys: sealed data needs the installation's own"
        return f"{self.file}: {self.rows} rows of {self.tables} tables, {self.media_files} media files, {keys}"


def backup(database_url: str, media_dir: Path, secrets_file: Path | None, target: Path) -> Summary:
    """Write database and media to `target`, readable by its owner only. Raises BackupError; never overwrites.

    `secrets_file` goes in too when given: whoever then holds the backup can open every sealed document number.
    """
    if target.exists():
        raise BackupError(f"{target} exists already. Choose another name.")
    if secrets_file is not None and not secrets_file.is_file():
        raise BackupError(f"{secrets_file} does not exist, so the keys cannot be put into the backup.")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as made:
            unfinished = Path(made) / "archive"
            with unfinished.open("xb") as file:
                os.chmod(unfinished, 0o600)
                with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    manifest = _fill(tar, database_url, media_dir, secrets_file, Path(made))
                file.flush()
                os.fsync(file.fileno())
            os.link(unfinished, target)  # fails when somebody made it meanwhile
    except psycopg.Error as error:
        raise BackupError(f"The database could not be read: {error}".rstrip()) from error
    except OSError as error:
        raise BackupError(f"The backup could not be written: {error}") from error
    return _summary(target, manifest)


def _fill(
    tar: tarfile.TarFile, database_url: str, media_dir: Path, secrets_file: Path | None, scratch: Path
) -> Manifest:
    members: list[Member] = []
    with copying.connect(database_url) as connection, copying.one_moment(connection):
        revision = copying.revision(connection)
        if revision is None:
            raise BackupError("The database is empty: there is nothing to back up.")
        as_of = copying.moment(connection)
        contents = copying.look(connection)
        counted = []
        for table in contents.tables:
            packed = scratch / "table"
            with gzip.open(packed, "wb", compresslevel=5) as rows:
                counted.append(copying.copy_out(connection, table, cast(IO[bytes], rows)))
            members.append(_add(tar, _table_member(table.schema, table.name), packed))
            packed.unlink()
        contents = copying.with_counts(contents, counted, copying.sequences(connection))
    for path in _media_files(media_dir):
        members.append(_add(tar, f"media/{path.relative_to(media_dir).as_posix()}", path))
    if secrets_file is not None:
        members.append(_add(tar, SECRETS, secrets_file))
    manifest = Manifest(
        format=FORMAT,
        product_version=_product_version(),
        revision=revision,
        as_of=as_of,
        contents=contents,
        members=tuple(members),
    )
    text = msgspec.json.format(msgspec.json.encode(manifest))
    for name, data in ((MANIFEST, text), (MANIFEST_SUM, hashlib.sha256(text).hexdigest().encode())):
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        tar.addfile(info, io.BytesIO(data))
    return manifest


def _product_version() -> str:
    try:
        return importlib.metadata.version("elearn")
    except importlib.metadata.PackageNotFoundError:
        return "unknown (a checkout that is not installed)"


def _table_member(schema_name: str, name: str) -> str:
    return f"tables/{schema_name}.{name}.copy.gz"


def _media_files(media_dir: Path) -> Iterator[Path]:
    """Finished lessons only: `<hash>/manifest.json` and `<hash>/public`. The database holds their keys, sealed."""
    for manifest in sorted(media_dir.glob("*/manifest.json")):
        yield manifest
        yield from sorted(p for p in (manifest.parent / "public").rglob("*") if p.is_file() and not p.is_symlink())


class _Hashing:
    """A file that remembers the hash of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _add(tar: tarfile.TarFile, name: str, path: Path) -> Member:
    info = tarfile.TarInfo(name)
    with path.open("rb") as file:
        info.size, info.mode = os.fstat(file.fileno()).st_size, 0o600
        hashing = _Hashing(file)
        tar.addfile(info, cast(IO[bytes], hashing))
    return Member(name, hashing.digest.hexdigest())


def verify(source: Path) -> Manifest:
    """Read the whole archive and compare every hash. Raises BackupError when anything is missing or changed."""
    found: dict[str, str] = {}
    kept: dict[str, bytes] = {}
    try:
        with tarfile.open(source, mode="r:") as tar:
            for info in tar:
                file = tar.extractfile(info) if info.isreg() else None
                if file is None or info.name in found:
                    raise BackupError(f"{source} is damaged: {info.name} is not a file of a backup.")
                hashing = _Hashing(file)
                if info.name in (MANIFEST, MANIFEST_SUM):
                    kept[info.name] = hashing.read()
                while hashing.read(CHUNK):
                    pass
                found[info.name] = hashing.digest.hexdigest()
        if found.pop(MANIFEST) != kept[MANIFEST_SUM].decode():
            raise BackupError(f"{source} is damaged: its manifest was changed.")
        del found[MANIFEST_SUM]
        manifest = _manifests.decode(kept[MANIFEST])
    except (tarfile.TarError, OSError, KeyError, UnicodeDecodeError) as error:
        raise BackupError(f"{source} is damaged or not a backup: it cannot be read to its end.") from error
    except msgspec.DecodeError as error:
        raise BackupError(f"{source} was made by another version of this program: {error}") from error
    expected = {member.name: member.sha256 for member in manifest.members}
    if found != expected:
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise BackupError(f"{source} is damaged: {', '.join(wrong[:3])}.")
    tables = {_table_member(table.schema, table.name) for table in manifest.contents.tables}
    if any(name not in tables and name != SECRETS and not _is_media(name) for name in expected):
        raise BackupError(f"{source} holds files that no backup holds.")
    if manifest.format != FORMAT:
        raise BackupError(f"{source} has format {manifest.format}, this program reads format {FORMAT}.")
    return manifest


def _is_media(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) > 1 and parts[0] == "media" and ".." not in parts


def restore(source: Path, database_url: str, media_dir: Path, secrets_file: Path | None = None) -> Summary:
    """Bring `source` into an empty database and an empty or missing `media_dir`.

    Keys in the archive replace `secrets_file`; a different one is kept beside it as `.before-restore`.
    Raises BackupError and leaves database and directory as empty as before; one killed in the
    middle is cleared by the next.
    """
    manifest = verify(source)
    _refuse_newer(source, manifest)
    if media_dir.exists() and any(media_dir.iterdir()) and not (media_dir / UNFINISHED).exists():
        raise BackupError(f"{media_dir} is not empty. Restore into an empty directory.")
    try:
        with copying.connect(database_url) as connection, copying.alone(connection) as free:
            if not free:
                raise BackupError("Another restore works on this database.")
            if not copying.is_unfinished(connection) and not copying.is_empty(connection):
                raise BackupError("The database is not empty. Restore into an empty one.")
            copying.clear(connection)
            _restore_into(connection, source, manifest, database_url, media_dir, secrets_file)
    except psycopg.Error as error:
        raise BackupError(f"The database did not take the backup: {error}".rstrip()) from error
    except OSError as error:
        raise BackupError(f"The backup could not be restored: {error}") from error
    return _summary(source, manifest)


def _refuse_newer(source: Path, manifest: Manifest) -> None:
    script = ScriptDirectory(str(schema.migrations_dir()))
    if manifest.revision not in {revision.revision for revision in script.walk_revisions()}:
        raise BackupError(
            f"{source} was made by version {manifest.product_version} (schema {manifest.revision}); this program "
            f"knows schemas up to {schema.newest()}. Install that version or a later one, then restore."
        )


def _restore_into(
    connection: psycopg.Connection[tuple[object, ...]],
    source: Path,
    manifest: Manifest,
    database_url: str,
    media_dir: Path,
    secrets_file: Path | None,
) -> None:
    copying.mark_unfinished(connection)
    unfinished = media_dir / UNFINISHED
    try:
        _clear_directory(media_dir)
        unfinished.mkdir(parents=True)
        with tarfile.open(source, mode="r:") as tar:
            secrets = _unpack(tar, unfinished)
            schema.upgrade(database_url, to=manifest.revision)
            with copying.loading(connection, manifest.contents):
                for table in manifest.contents.tables:
                    packed = tar.extractfile(_table_member(table.schema, table.name))
                    assert packed is not None
                    with packed, gzip.open(packed, "rb") as rows:
                        loaded = copying.copy_in(connection, table, cast(IO[bytes], rows))
                    if loaded != table.rows:
                        raise BackupError(f"{table.schema}.{table.name}: {loaded} rows instead of {table.rows}.")
        schema.upgrade(database_url)
        if secrets is not None and secrets_file is not None:
            _put_secrets(secrets_file, secrets)
        for lesson in unfinished.iterdir():  # renames, also where `media_dir` is a volume of its own
            lesson.rename(media_dir / lesson.name)
        copying.mark_finished(connection)
        unfinished.rmdir()
    except BaseException:
        _clear_directory(media_dir)
        if not connection.closed:
            copying.clear(connection)
        raise


def _clear_directory(media_dir: Path) -> None:
    """Remove what an unfinished restore unpacked, its mark last: nothing else was there when it began."""
    unfinished = media_dir / UNFINISHED
    if unfinished.exists():
        for entry in media_dir.iterdir():
            if entry != unfinished:
                shutil.rmtree(entry)
        shutil.rmtree(unfinished)


def _unpack(tar: tarfile.TarFile, directory: Path) -> bytes | None:
    """Write the media files below `directory`; answer the keys, if the archive holds them."""
    secrets = None
    for info in tar:
        file = tar.extractfile(info)
        assert file is not None
        if info.name == SECRETS:
            secrets = file.read()
        elif _is_media(info.name):
            path = directory / PurePosixPath(info.name).relative_to("media")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as out:
                shutil.copyfileobj(file, out, CHUNK)
    return secrets


def _put_secrets(secrets_file: Path, secrets: bytes) -> None:
    if secrets_file.exists():
        if secrets_file.read_bytes() == secrets:
            return
        os.replace(secrets_file, secrets_file.with_name(secrets_file.name + ".before-restore"))
    fresh = secrets_file.with_name(secrets_file.name + ".restoring")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(secrets)
    fresh.replace(secrets_file)


def _summary(file: Path, manifest: Manifest) -> Summary:
    names = [member.name for member in manifest.members]
    return Summary(
        file=file,
        tables=len(manifest.contents.tables),
        rows=sum(table.rows for table in manifest.contents.tables),
        media_files=sum(_is_media(name) for name in names),
        with_secrets=SECRETS in names,
    )
