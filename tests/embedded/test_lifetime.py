"""Who starts the servers, who joins, and what is left when somebody is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from elearn import embedded
from elearn.embedded.place import Account
from elearn.embedded.supervisor import command_of, launch_command
from tests.embedded.processes import ROOT, Child, answers, connect, running_commands, value
from tests.waiting import wait_for

MakeChild = Callable[[Path], Child]


def test_a_restart_keeps_the_rows_and_the_passwords(tmp_path: Path) -> None:
    with embedded.services(tmp_path / "data", durable=False) as first, connect(first.database_url) as connection:
        connection.execute("CREATE TABLE t AS SELECT generate_series(1, 100) AS n")
    assert not answers(first.database_url)
    with embedded.services(tmp_path / "data", durable=False) as second:
        assert second == first
        assert value(second.database_url, "SELECT count(*) FROM t") == 100


def test_stopping_twice_is_no_error(tmp_path: Path) -> None:
    running = embedded.start(tmp_path / "data", durable=False)
    running.stop()
    running.stop()
    assert not answers(running.services.database_url)


def test_what_is_done_meanwhile_knows_where_the_servers_will_be(tmp_path: Path) -> None:
    told: list[embedded.Services] = []
    with embedded.services(tmp_path / "data", durable=False, meanwhile=told.append) as services:
        assert told == [services]
        again = embedded.start(tmp_path / "data", durable=False, meanwhile=told.append)
        assert again.joined
        assert told == [services], "servers that are up already leave no time"


def test_what_fails_meanwhile_leaves_no_servers(tmp_path: Path) -> None:
    def fail(services: embedded.Services) -> None:
        raise RuntimeError("loading failed")

    with pytest.raises(RuntimeError, match="loading failed"):
        embedded.start(tmp_path / "data", durable=False, meanwhile=fail)
    with embedded.services(tmp_path / "data", durable=False) as services, connect(services.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_killed_parent_takes_both_servers_along_and_loses_no_row(tmp_path: Path, child: MakeChild) -> None:
    parent = child(tmp_path / "data")
    how, database_url, _ = parent.hear()
    assert how == "started"
    pids = [
        int((tmp_path / "data" / file).read_text().split()[0])
        for file in ("postgres/postmaster.pid", "valkey/valkey.pid")
    ]
    with connect(database_url) as connection:
        connection.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
        parent.kill()
        wait_for(lambda: not any(command_of(pid) for pid in pids), seconds=5)
    with embedded.services(tmp_path / "data", durable=False) as services:
        assert value(services.database_url, "SELECT count(*) FROM t") == 1000


def test_a_start_right_after_the_kill_waits_for_the_servers_to_close(tmp_path: Path, child: MakeChild) -> None:
    for _ in range(3):
        parent = child(tmp_path / "data")
        assert parent.hear()[0] == "started"
        parent.kill()
    with embedded.services(tmp_path / "data", durable=False) as services:
        assert answers(services.database_url)


def test_a_second_process_joins_and_stops_nothing(tmp_path: Path, child: MakeChild) -> None:
    with embedded.services(tmp_path / "data", durable=False) as services:
        second = child(tmp_path / "data")
        assert second.hear() == ["joined", services.database_url, services.redis_url]
        second.stop()
        assert answers(services.database_url)
        with redis.Redis.from_url(services.redis_url) as client:
            assert client.ping()


def test_of_many_that_start_at_once_exactly_one_starts(tmp_path: Path, child: MakeChild) -> None:
    children = [child(tmp_path / "data") for _ in range(4)]
    answers_heard = [one.hear() for one in children]
    assert sorted(words[0] for words in answers_heard) == ["joined", "joined", "joined", "started"]
    assert len({tuple(words[1:]) for words in answers_heard}) == 1


def test_a_second_start_in_the_same_process_joins_too(servers: embedded.Services, shared_data_dir: Path) -> None:
    again = embedded.start(shared_data_dir, durable=False)
    assert again.joined
    again.stop()
    assert answers(servers.database_url)


def test_the_servers_outlive_the_thread_that_started_them(tmp_path: Path) -> None:
    started: list[embedded.Running] = []
    thread = threading.Thread(target=lambda: started.append(embedded.start(tmp_path / "data", durable=False)))
    thread.start()
    thread.join()
    pid_file = tmp_path / "data" / "postgres" / "postmaster.pid"
    pid = pid_file.read_text().split()[0]
    threading.Event().wait(0.5)
    assert answers(started[0].services.database_url)
    assert pid_file.read_text().split()[0] == pid  # not even started again
    started[0].stop()


def test_a_pid_file_that_names_a_stranger_is_dropped(tmp_path: Path) -> None:
    with embedded.services(tmp_path / "data", durable=False):
        pid_file = tmp_path / "data" / "postgres" / "postmaster.pid"
        text, owner = pid_file.read_text(), pid_file.stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=owner if os.getuid() == 0 else None)
    try:
        pid_file.write_text(text.replace(text.split()[0], str(stranger.pid), 1))
        with embedded.services(tmp_path / "data", durable=False) as services:
            assert answers(services.database_url)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


FORKS = """
import os, signal, sys, time, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from elearn import embedded
running = embedded.start(Path(sys.argv[1]), durable=False)
if os.fork() == 0:
    running.stop()
    print("forked", os.getpid(), flush=True)
    time.sleep(30)
    os._exit(0)
time.sleep(30)
"""


def test_a_forked_worker_neither_stops_the_servers_nor_keeps_the_lock(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", FORKS, str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline().split()[1])
    try:
        with embedded.services(tmp_path / "data", durable=False) as services:  # joins
            assert answers(services.database_url)
        parent.kill()
        parent.wait()
        began = time.monotonic()
        running = embedded.start(tmp_path / "data", durable=False)
        assert not running.joined
        assert time.monotonic() - began < 15  # the worker lives for 30 s
        running.stop()
    finally:
        os.kill(worker, signal.SIGKILL)
        parent.stdout.close()
        parent.kill()


PARENT = """
import subprocess, sys, time, signal
from elearn.embedded.place import Account
from elearn.embedded.supervisor import launch_command
import os
argv = (sys.executable, "-c", "import time; time.sleep(60)", sys.argv[2])
subprocess.Popen(launch_command(Account(os.getuid(), os.getgid()), signal.SIGTERM, argv, sys.argv[1]))
print("ready", flush=True)
time.sleep(60)
"""


ways = pytest.mark.parametrize("how", ["kernel", "poll"] if sys.platform == "linux" else ["poll"])


@ways
def test_both_ways_to_die_with_the_parent_work(how: str) -> None:
    mark = f"only-this-test-{how}-{os.getpid()}"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, how, mark],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
    )
    assert parent.stdout is not None
    parent.stdout.readline()

    def running() -> bool:
        return any(f"time.sleep(60) {mark}" in line and "launch.py" not in line for line in running_commands())

    wait_for(running)
    parent.kill()
    parent.communicate()
    assert wait_for(lambda: not running()) < 3


@ways
def test_a_server_whose_parent_is_already_gone_does_not_stay(how: str) -> None:
    account = Account(os.getuid(), os.getgid())
    command = list(launch_command(account, signal.SIGTERM, ("/bin/sleep", "60"), how))
    command[command.index(str(os.getpid()))] = "1"  # as if started by a process that is gone now
    assert subprocess.run(command, timeout=10, check=False).returncode != 1
