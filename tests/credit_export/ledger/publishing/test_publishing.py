"""From leaves to a checkpoint that counts: what is published, what waits, and what stops it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.growing import newest_checkpoint
from elearn.credit_export.ledger.models import LedgerCheckpoint, LedgerLeaf
from elearn.credit_export.ledger.publishing import _Attempt, publish
from elearn.credit_export.ledger.signer import LocalSigner, Wanted
from elearn.credit_export.ledger.witness.keeping import add_log
from elearn.credit_export.ledger.witness.keys import make_key
from elearn.db import db
from tests.at_once import at_once
from tests.credit_export.ledger.publishing.an_office import NOW, ORIGIN, TWO, NearSigner, Office, an_office, leaves

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def office(session: Session, tmp_path: Path) -> Office:
    return an_office(session, tmp_path)


@pytest.fixture
def witnessed(session: Session, tmp_path: Path) -> Office:
    return an_office(session, tmp_path, witnesses=TWO)


@pytest.mark.parametrize("sizes", [(1,), (1, 2, 3), (255, 256, 257), (256, 512), (300, 301, 600), (700,), (3, 520)])
def test_leaves_are_published_and_every_file_says_the_same(office: Office, sizes: tuple[int, ...]) -> None:
    for size in sizes:
        office.append(size - office.leaves())
        published = office.published()
        assert (published.size, office.size, published.witnessed) == (size, size, False)
        office.require_sound()


def newest(office: Office) -> LedgerCheckpoint:
    found = newest_checkpoint(office.session, office.origin)
    assert found is not None
    return found


def test_nothing_new_is_nothing_published(office: Office) -> None:
    assert office.publish() is None
    office.append(3)
    office.published()
    assert office.publish(after=MINUTE) is None


@pytest.mark.parametrize(
    ("sentence", "more", "after", "published"),
    [
        ("few leaves wait for ten seconds", 3, 9 * SECOND, False),
        ("then they are published", 3, 10 * SECOND, True),
        ("256 leaves wait for nothing", 256, SECOND, True),
        ("255 do", 255, SECOND, False),
        ("a clock that was put back holds nothing up", 3, -MINUTE, True),
    ],
)
def test_a_checkpoint_every_ten_seconds_at_most(
    office: Office, sentence: str, more: int, after: timedelta, published: bool
) -> None:
    office.desk = replace(office.desk, every=10 * SECOND)
    office.append(1)
    office.published()
    office.append(more)
    assert bool(office.publish(after=after)) is published, sentence


def test_two_witnesses_cosign_and_the_record_says_so(witnessed: Office) -> None:
    for size in (3, 300, 301):
        witnessed.append(size - witnessed.leaves())
        published = witnessed.published()
        assert (published.witnessed, len(published.note.lines)) == (True, 3)
        assert newest(witnessed).witnessed
        witnessed.require_sound()
    assert witnessed.standing.state == "ok"
    assert [part.size for part in witnessed.standing.witnesses.values()] == [301, 301]


def test_a_witness_that_is_down_holds_everything_up_and_nothing_is_lost(witnessed: Office) -> None:
    regulator = witnessed.witnesses[1]
    witnessed.append(3)
    witnessed.published()
    regulator.away = True
    witnessed.append(300)
    assert witnessed.publish(after=MINUTE) is None
    assert witnessed.size == 3
    assert witnessed.standing.state == "waits"
    assert any("The witness regulator does not cosign" in one for one in witnessed.standing.sentences())
    assert witnessed.standing.witnesses["regulator"].since == witnessed.now
    assert witnessed.standing.witnesses["exam"].state == "ok"
    regulator.away = False
    assert witnessed.published(after=MINUTE).size == 303
    witnessed.require_sound()
    assert witnessed.standing.state == "ok"


def test_a_witness_that_is_down_is_asked_again_after_a_while_that_grows_to_a_minute(witnessed: Office) -> None:
    witnessed.witnesses[1].away = True
    witnessed.append(1)
    asked_at = []
    for second in range(200):
        before = witnessed.witnesses[1].asked
        witnessed.publish(after=SECOND)
        if witnessed.witnesses[1].asked > before:
            asked_at.append(second)
    waits = [after - before for before, after in pairwise(asked_at)]
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[4:] == [60, 60]
    assert witnessed.witnesses[0].asked == len(asked_at), "nor is anything signed or asked meanwhile"


def test_a_quorum_of_any_does_not_wait_for_the_one_that_is_down(session: Session, tmp_path: Path) -> None:
    office = an_office(session, tmp_path, witnesses=TWO, quorum="any")
    office.witnesses[0].away = True
    for _ in range(3):
        office.append(2)
        assert office.published(after=SECOND).witnessed
    assert office.witnesses[0].asked == 1, "it is left alone for a while"
    office.require_sound()
    office.witnesses[0].away = False
    office.append(1)
    assert len(office.published(after=MINUTE).note.lines) == 3
    assert office.standing.sentences() == []


def test_a_signer_that_is_down_is_waited_for(office: Office) -> None:
    office.signer.away = True
    office.append(3)
    assert office.publish() is None
    assert office.standing.state == "waits"
    assert "nobody is there" in office.standing.sentences()[0]
    office.signer.away = False
    assert office.publish(after=SECOND) is None, "it is left alone for a moment"
    assert office.published(after=MINUTE).size == 3
    assert office.standing.state == "ok"


def test_the_cosignatures_of_a_log_that_does_not_grow_are_renewed_each_hour(witnessed: Office) -> None:
    witnessed.append(3)
    witnessed.published()
    before = [one.asked for one in witnessed.witnesses]
    assert witnessed.publish(after=59 * MINUTE) is None
    assert [one.asked for one in witnessed.witnesses] == before
    assert witnessed.published(after=MINUTE).size == 3
    assert [one.asked for one in witnessed.witnesses] == [n + 1 for n in before]
    witnessed.require_sound()


def test_a_witness_that_has_lost_its_memory_is_shown_the_whole_log(witnessed: Office) -> None:
    witnessed.append(3)
    witnessed.published()
    logs = witnessed.witnesses[0].directory / "logs"
    for kept in logs.glob("*/checkpoint"):
        kept.write_bytes(b"")
    witnessed.append(3)
    assert witnessed.published(after=MINUTE).size == 6


# Crashes


class PowerCut(BaseException):
    """The machine stops here."""


class Power:
    """Counts what a run does that others can see, and stops the machine before the step `at`."""

    def __init__(self, at: int = 10**9) -> None:
        self.at, self.steps, self.names = at, 0, list[str]()

    def step(self, name: str) -> None:
        self.names.append(name)
        self.steps += 1
        if self.steps > self.at:
            raise PowerCut(name)

    def on(self, name: str, call: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            self.step(name)
            answer = call(*args, **options)
            if after:
                self.step(f"{name} is done")
            return answer

        return run


class CutSigner(NearSigner):
    power = Power()

    def sign(self, wanted: Wanted) -> Any:
        return self.power.on("the signer is asked", super().sign, after=True)(wanted)


def cut(office: Office, power: Power, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish until the power goes."""
    with monkeypatch.context() as patched:
        for name in ("fsync", "replace", "mkdir"):
            patched.setattr(os, name, power.on(name, getattr(os, name)))
        for witness in office.witnesses:
            ask = power.on("a witness is asked", witness.add_checkpoint, after=True)
            patched.setattr(witness, "add_checkpoint", ask)
        signer = CutSigner(office.signer.directory)
        signer.power = power

        patched.setattr(office.session, "commit", power.on("commit", office.session.commit, after=True))
        publish(office.session, office.origin, now=office.now, desk=replace(office.desk, signer=signer))


def test_wherever_a_run_dies_the_next_one_goes_on(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each write to disk, each commit, each question and each answer: what was credited stays so, and the next
    run publishes the rest."""

    def an_office_that_grows(turn: int) -> Office:
        place = tmp_path / str(turn)
        place.mkdir()
        office = an_office(session, place, witnesses=("exam",), origin=f"h{turn}.example/ledger/2026")
        office.append(250)
        office.published()
        office.append(10)
        office.now += MINUTE
        return office

    whole = Power()
    cut(an_office_that_grows(0), whole, monkeypatch)
    assert {"fsync", "replace", "commit is done", "the signer is asked is done", "a witness is asked is done"} <= set(
        whole.names
    )
    for at in range(whole.steps):
        office = an_office_that_grows(at + 1)
        with pytest.raises(PowerCut):
            cut(office, Power(at), monkeypatch)
        session.rollback()
        assert office.size in (250, 260), whole.names[at]
        credited = office.size
        if office.files.checkpoint() is not None and credited == 250:
            office.require_sound()
        again = office.publish(after=MINUTE)
        assert (again is None) is (credited == 260), whole.names[at]
        assert office.size == 260
        office.require_sound()
        office.append(5)
        assert office.published(after=MINUTE).size == 265
        office.require_sound()


IDLE = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND state = 'idle in transaction' AND query NOT LIKE '%advisory%'"""


def test_leaves_are_committed_before_anybody_is_asked_to_sign_them(own_app: Flask, tmp_path: Path) -> None:
    """A signature over leaves that are rolled back would stop the log for ever."""
    with own_app.app_context():
        office = an_office(db.session(), tmp_path)
        seen = []

        class Looks(NearSigner):
            def sign(self, wanted: Wanted) -> Any:
                with db.engine.connect() as other:
                    seen.append(other.execute(sa.text("SELECT count(*) FROM elearn.ledger_leaf")).scalar())
                    seen.append(other.execute(sa.text(IDLE)).scalar())
                return super().sign(wanted)

        office.session.execute(sa.insert(LedgerLeaf), leaves(office.origin, 0, 3))
        office.desk = replace(office.desk, signer=Looks(office.signer.directory))
        assert office.published().size == 3
        assert seen == [3, 0], "committed, and no transaction open meanwhile"


def test_two_publishers_at_once_publish_one_log(own_app: Flask, tmp_path: Path) -> None:
    with own_app.app_context():
        office = an_office(db.session(), tmp_path, witnesses=TWO)

        def publisher() -> None:
            with own_app.app_context():
                for _ in range(8):
                    publish(db.session(), office.origin, now=NOW, desk=office.desk)

        def appender() -> None:
            with own_app.app_context():
                session = db.session()
                for turn in range(20):
                    session.execute(sa.insert(LedgerLeaf), leaves(office.origin, turn * 30, 30))
                    session.commit()

        at_once(publisher, publisher, publisher, appender)
        office.publish(after=MINUTE)
        assert office.size == office.leaves() == 600
        office.require_sound()
        assert office.standing.state == "ok"


def test_two_publishers_who_do_not_see_each_other_still_publish_one_log(own_app: Flask, tmp_path: Path) -> None:
    """The lock may be lost with its connection: then the signer decides, and files are the same whoever writes them."""
    with own_app.app_context():
        office = an_office(db.session(), tmp_path)

        def publisher() -> None:
            with own_app.app_context():
                for turn in range(8):
                    _Attempt(db.session(), office.origin, NOW + turn * MINUTE, office.desk).go()
                    db.session.rollback()

        def appender() -> None:
            with own_app.app_context():
                session = db.session()
                for turn in range(20):
                    session.execute(sa.insert(LedgerLeaf), leaves(office.origin, turn * 30, 30))
                    session.commit()

        at_once(publisher, publisher, publisher, appender)
        for _ in range(2):
            office.publish(after=60 * MINUTE)
        assert office.size == office.leaves() == 600
        office.require_sound()
        assert office.standing.alarm == ""


def test_a_publisher_that_is_overtaken_raises_no_alarm(office: Office) -> None:
    """It lost its lock, and others have had more leaves signed: its tree is smaller now, but nothing was restored."""
    office.append(10)
    desk = office.desk

    class Overtaken(NearSigner):
        def sign(self, wanted: Wanted) -> Any:
            office.append(5)
            assert _Attempt(office.session, office.origin, office.now, desk).go()
            return super().sign(wanted)

    slow = replace(desk, signer=Overtaken(office.signer.directory))
    attempt = _Attempt(office.session, office.origin, office.now, slow)
    assert attempt.go() is None
    assert attempt.standing.state == "ok"
    assert office.size == 15
    office.require_sound()


# What an operator or an administrator does


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
    assert office.standing.state == "alarm"
    return " ".join(office.standing.sentences())


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
        office.append(0)
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
    assert office.standing.state == "ok"
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


def test_a_witness_that_signs_with_another_key_does_not_count(witnessed: Office) -> None:
    witnessed.append(1)
    make_key(witnessed.place / "impostor", "exam.example/witness")
    add_log(witnessed.place / "impostor", LocalSigner(witnessed.signer.directory).vkey(witnessed.origin))
    witnessed.witnesses[0].directory = witnessed.place / "impostor"
    assert witnessed.publish() is None
    assert witnessed.size == 0
    assert "signs with another key" in witnessed.standing.sentences()[0]


def test_a_log_that_the_witness_is_not_told_of_waits_and_says_why(witnessed: Office) -> None:
    shutil.rmtree(witnessed.witnesses[0].directory / "logs")
    witnessed.append(1)
    assert witnessed.publish() is None
    assert "not known here" in witnessed.standing.sentences()[0]
    assert witnessed.standing.state == "waits"
