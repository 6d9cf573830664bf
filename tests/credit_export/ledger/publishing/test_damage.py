"""What an operator restores or an administrator changes: what is made again, and what stops the log."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.credit_export.ledger.publishing.an_office import MINUTE, ORIGIN, NearSigner, Office


@contextmanager
def restored_afterwards(office: Office) -> Iterator[None]:
    """The database is what it was before when this ends; signer, witnesses and files keep what they saw."""
    office.session.rollback()
    connection = office.session.get_bind()
    assert isinstance(connection, sa.Connection)
    backup = connection.begin_nested()
    yield
    office.session.rollback()
    backup.rollback()
    office.session.expire_all()


@contextmanager
def no_triggers(office: Office) -> Iterator[None]:
    """What an administrator of the database can do."""
    for word in ("DISABLE", "ENABLE"):
        office.session.execute(sa.text(f"ALTER TABLE elearn.ledger_leaf {word} TRIGGER USER"))
        if word == "DISABLE":
            yield
    office.session.commit()


def alarm(office: Office) -> str:
    """What stops the next run, and that nothing is published meanwhile."""
    before, file = office.size, office.files.checkpoint()
    assert office.publish(after=60 * MINUTE) is None
    assert (office.size, office.files.checkpoint()) == (before, file)
    assert office.level == "alarm"
    return " ".join(office.said)


def tiles(office: Office) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in office.files.directory.glob("tile/**/*") if path.is_file()}


def test_files_that_were_lost_are_made_again_from_the_leaves(office: Office) -> None:
    office.append(600)
    office.published()
    shutil.rmtree(office.files.directory)
    assert office.publish(after=MINUTE) is None, "there is nothing new"
    office.require_sound()
    shutil.rmtree(office.files.directory)
    office.append(1)
    assert office.published(after=MINUTE).size == 601
    office.require_sound()


@pytest.mark.parametrize(
    "damage",
    [
        lambda files: (files.directory / "tile/1/000.p/2").write_bytes(b"x" * 64),
        lambda files: (files.directory / "tile/1/000.p/2").write_bytes(b"x" * 63),
        lambda files: (files.directory / "tile/1/000.p/2").unlink(),
        lambda files: (files.directory / "checkpoint").write_bytes(b"no note"),
        lambda files: (files.directory / "log.vkey").unlink(),
        lambda files: (files.directory / "standing.json").write_bytes(b"?"),
    ],
    ids=["other hashes", "a tile cut short", "a tile gone", "a checkpoint that is none", "the key gone", "standing"],
)
def test_damaged_files_are_made_again(office: Office, damage: Callable[[Any], object]) -> None:
    office.append(600)
    office.published()
    damage(office.files)
    office.append(1)
    assert office.published(after=MINUTE).size == 601
    office.require_sound()


def test_a_database_restored_from_an_older_backup_publishes_nothing_and_says_what_to_do(witnessed: Office) -> None:
    witnessed.append(5)
    witnessed.published()
    with restored_afterwards(witnessed):
        witnessed.append(10)
        witnessed.published(after=MINUTE)
    before = tiles(witnessed)
    said = alarm(witnessed)
    assert "signed with 15 leaves and now has 5" in said
    assert "restore a newer backup" in said
    assert "ELEARN_LEDGER_SERIES" in said
    assert tiles(witnessed) == before


def test_a_restored_database_that_went_on_is_found_before_a_public_file_changes(office: Office) -> None:
    office.append(5)
    office.published()
    with restored_afterwards(office):
        office.append(10)
        office.published(after=MINUTE)
    office.append(20, said="another leaf")
    before = tiles(office)
    assert "does not extend the 15 leaves that were signed" in alarm(office)
    assert tiles(office) == before


@pytest.mark.parametrize(
    ("more", "said"), [(0, "signed with 15 leaves and now has 5"), (20, "does not extend the 15 leaves")]
)
def test_files_restored_along_with_it_do_not_help_the_signer_remembers(office: Office, more: int, said: str) -> None:
    office.append(5)
    office.published()
    kept = office.place / "kept"
    shutil.copytree(office.files.directory, kept)
    with restored_afterwards(office):
        office.append(10)
        office.published(after=MINUTE)
    shutil.rmtree(office.files.directory)
    shutil.copytree(kept, office.files.directory)
    if not more:
        assert office.publish(after=MINUTE) is None, "there is nothing new, so nobody is asked"
    office.append(more or 1, said="another leaf")
    assert said.replace("now has 5", "now has 6") in alarm(office)


def test_a_signer_restored_too_leaves_the_witnesses_who_remember(witnessed: Office) -> None:
    """With database, files and signer all from one old backup only others can tell: that is what they are for."""
    witnessed.append(5)
    witnessed.published()
    kept = witnessed.place / "kept"
    shutil.copytree(witnessed.files.directory, kept / "files")
    shutil.copytree(witnessed.signer.directory, kept / "signer")
    with restored_afterwards(witnessed):
        witnessed.append(10)
        witnessed.published(after=MINUTE)
    for name, directory in (("files", witnessed.files.directory), ("signer", witnessed.signer.directory)):
        shutil.rmtree(directory)
        shutil.copytree(kept / name, directory)
    witnessed.append(3, said="another leaf")
    assert "has cosigned another tree, of 15 leaves" in alarm(witnessed)
    witnessed.append(30, said="another leaf")
    assert "knows another history" in alarm(witnessed)


def test_after_the_newer_backup_is_restored_the_log_goes_on(office: Office) -> None:
    office.append(5)
    office.published()
    with restored_afterwards(office):
        office.append(10)
        office.published(after=MINUTE)
    alarm(office)
    office.append(10)  # the same leaves again: that is what the newer backup has
    assert office.published(after=MINUTE).size == 15
    office.append(5)
    assert office.published(after=MINUTE).size == 20
    assert office.level == "ok"
    office.require_sound()


def test_a_log_begun_anew_is_another_log(office: Office) -> None:
    office.append(5)
    office.published()
    anew = replace(office, origin=f"{ORIGIN}-2")
    anew.append(2)
    assert anew.published().size == 2
    anew.require_sound()
    office.require_sound()
    assert anew.files.directory.name == "2026-2"


@pytest.mark.parametrize(
    ("sentence", "change", "said"),
    [
        (
            "a leaf that is not published yet is changed after it was signed",
            "UPDATE elearn.ledger_leaf SET raw = '{}' WHERE index = 7",
            "leaf 7 is not what its hash says",
        ),
        (
            "a leaf near the end is changed",
            "UPDATE elearn.ledger_leaf SET raw = '{}' WHERE index = 3",
            "leaf 3 is not what its hash says",
        ),
        (
            "a leaf near the end is changed together with its hash",
            "UPDATE elearn.ledger_leaf SET raw = '{}', hash = sha256('\\x007b7d') WHERE index = 3",
            "leaves and published files do not lead to one root",
        ),
        ("a leaf is taken out", "DELETE FROM elearn.ledger_leaf WHERE index = 3", "leaf 3 is missing"),
        ("the last leaf is taken out", "DELETE FROM elearn.ledger_leaf WHERE index >= 4", "restore a newer backup"),
    ],
)
def test_an_administrator_who_changes_leaves_stops_the_log(
    office: Office, sentence: str, change: str, said: str
) -> None:
    office.append(5)
    office.published()
    if "index >= 4" not in change:
        office.append(5)
    with no_triggers(office):
        office.session.execute(sa.text(change))
    assert said in alarm(office), sentence


def test_a_signer_with_another_key_is_not_believed(office: Office) -> None:
    office.append(5)
    office.published()
    office.append(5)
    office.desk = replace(office.desk, signer=NearSigner(office.place / "another"))
    assert "another key" in alarm(office)
    (office.files.directory / "log.vkey").unlink()
    assert "another key" in alarm(office)
    assert office.files.key() is None
