"""Where the servers live and who they run as.

A normal user runs them as itself inside the data directory. Root must not (PostgreSQL refuses), so the servers
run as `nobody`, or as the owner of an existing database. We never open directories above the data directory
to make that possible: when the account cannot enter it (a checkout below /root), the servers' files go
to a directory of our own that it can, and the data directory gets links to them.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from elearn.errors import DomainError

LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
"""Bytes in `sun_path` without the closing zero: unix(7); 104 in all on macOS and the BSDs."""
SOCKET_NAMES = (".s.PGSQL.5432.lock", "valkey.sock")
ORIGIN = "origin"


class EmbeddedError(DomainError):
    """The embedded servers cannot run here; the message says why and what to do."""

    code = "embedded"


@dataclass(frozen=True, slots=True)
class Account:
    """Who the servers run as."""

    uid: int
    gid: int

    def can_enter(self, directory: Path) -> bool:
        """Whether every directory from / down to `directory` (or what exists of it) may be passed."""
        return all(self._may(path.stat(), stat.S_IXOTH) for path in _existing(directory.resolve()))

    def can_read(self, file: Path) -> bool:
        file = file.resolve()
        return self.can_enter(file.parent) and self._may(file.stat(), stat.S_IROTH)

    def _may(self, facts: os.stat_result, bit: int) -> bool:
        if self.uid == 0:
            return True
        if facts.st_uid == self.uid:
            bit <<= 6
        elif facts.st_gid == self.gid:
            bit <<= 3
        return bool(facts.st_mode & bit)

    def own(self, directory: Path) -> Path:
        """Make `directory` if need be, ours alone (0700), and give it to the account."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if os.getuid() == 0:
            os.chown(directory, self.uid, self.gid)
        directory.chmod(0o700)
        return directory

    def write(self, file: Path, text: str) -> None:
        """Write a file that only the account may read (0600)."""
        fresh = file.with_name(file.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        if os.getuid() == 0:
            os.chown(fresh, self.uid, self.gid)
        fresh.replace(file)


@dataclass(frozen=True, slots=True)
class Place:
    """Directories of one pair of servers. `home` is `data_dir` unless the account cannot enter that."""

    data_dir: Path
    home: Path
    sockets: Path
    account: Account

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey(self) -> Path:
        return self.home / "valkey"


def find_place(data_dir: Path) -> Place:
    """Make and return the directories. Raises EmbeddedError when they are not ours to use."""
    data_dir = data_dir.absolute()
    try:
        data_dir.mkdir(mode=0o711 if os.getuid() == 0 else 0o700, parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        account = _account(data_dir)
        home = data_dir if account.can_enter(data_dir) else _place_elsewhere(data_dir)
        sockets = home / "run"
        if _too_long(sockets):
            sockets = _runtime_directory(account) / _digest(data_dir)
        account.own(sockets)
    except PermissionError as error:
        raise EmbeddedError(
            f"The data directory {data_dir} cannot be used by this user: {error.strerror} ({error.filename}). "
            "Choose another one (ELEARN_DATA_DIR) or run as its owner."
        ) from error
    return Place(data_dir, home, sockets, account)


def _account(data_dir: Path) -> Account:
    if os.getuid() != 0:
        return Account(os.getuid(), os.getgid())
    for existing in (data_dir / "postgres" / "PG_VERSION", data_dir):
        if existing.exists() and existing.stat().st_uid != 0:
            facts = existing.stat()
            return Account(facts.st_uid, facts.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root and there is no account 'nobody' to run it as. "
            "Start elearn as a normal user."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def _existing(directory: Path) -> list[Path]:
    return [path for path in (*reversed(directory.parents), directory) if path.exists()]


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _too_long(sockets: Path) -> bool:
    return max(len(os.fsencode(sockets / name)) for name in SOCKET_NAMES) > LONGEST_SOCKET_PATH


def _place_elsewhere(data_dir: Path) -> Path:
    """Root only: a directory the account can enter, for a data directory it cannot.

    A temporary data directory gets a temporary place, which goes when its origin is gone.
    """
    temporary = Path(tempfile.gettempdir()).resolve()
    short_lived = data_dir.is_relative_to(temporary)
    base = (temporary if short_lived else Path("/var/lib")) / "elearn-embedded"
    _root_owned(base)
    if short_lived:
        for old in base.iterdir():
            # Two processes may sweep at once: what the other has just removed is no error.
            with suppress(FileNotFoundError):
                if not Path((old / ORIGIN).read_text()).exists():
                    shutil.rmtree(old, ignore_errors=True)
    home = base / _digest(data_dir)
    _root_owned(home)
    (home / ORIGIN).write_text(str(data_dir))
    for name in ("postgres", "valkey"):
        link = data_dir / name
        if not link.is_symlink():
            if link.exists():
                raise EmbeddedError(
                    f"{link} exists, but the account of the servers cannot enter {data_dir}. "
                    "Move the data directory, or let that account pass."
                )
            link.symlink_to(home / name)
    return home


def _root_owned(directory: Path) -> None:
    """Make a directory that everybody may pass and only root may fill; refuse one that somebody else made."""
    directory.mkdir(mode=0o711, exist_ok=True)
    facts = directory.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != 0 or facts.st_mode & 0o022:
        raise EmbeddedError(f"{directory} was made by somebody else. Remove it and start again.")
    directory.chmod(0o711)


def _runtime_directory(account: Account) -> Path:
    """A short directory for sockets whose own path would be too long for the kernel."""
    wanted = os.environ.get("XDG_RUNTIME_DIR")
    if wanted and os.getuid() != 0 and not _too_long(Path(wanted) / "elearn" / ("0" * 16)):
        base = Path(wanted) / "elearn"
    else:
        base = Path("/tmp") / f"elearn-{os.getuid()}"
    if os.getuid() == 0:
        _root_owned(base)
        return base
    base.mkdir(mode=0o700, exist_ok=True)
    facts = base.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != account.uid or facts.st_mode & 0o077:
        raise EmbeddedError(f"{base} was made by somebody else. Remove it and start again.")
    return base
