"""From leaves to a checkpoint that counts: what is published, and what waits."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.growing import newest_checkpoint
from elearn.credit_export.ledger.models import LedgerCheckpoint
from elearn.credit_export.ledger.signer import LocalSigner
from elearn.credit_export.ledger.witness.keeping import add_log
from elearn.credit_export.ledger.witness.keys import make_key
from tests.credit_export.ledger.publishing.an_office import MINUTE, SECOND, TWO, Office, an_office


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
    assert witnessed.level == "ok"
    assert [part.size for part in witnessed.standing.witnesses.values()] == [301, 301]


def test_a_witness_that_is_down_holds_everything_up_and_nothing_is_lost(witnessed: Office) -> None:
    regulator = witnessed.witnesses[1]
    witnessed.append(3)
    witnessed.published()
    regulator.away = True
    witnessed.append(300)
    assert witnessed.publish(after=MINUTE) is None
    assert witnessed.size == 3
    assert witnessed.level == "waits"
    assert any("The witness regulator does not cosign" in one for one in witnessed.said)
    assert witnessed.standing.witnesses["regulator"].since == witnessed.now
    assert witnessed.standing.witnesses["exam"].state == "ok"
    regulator.away = False
    assert witnessed.published(after=MINUTE).size == 303
    witnessed.require_sound()
    assert witnessed.level == "ok"


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
    assert office.said == []


def test_a_signer_that_is_down_is_waited_for(office: Office) -> None:
    office.signer.away = True
    office.append(3)
    assert office.publish() is None
    assert office.level == "waits"
    assert "nobody is there" in office.said[0]
    office.signer.away = False
    assert office.publish(after=SECOND) is None, "it is left alone for a moment"
    assert office.published(after=MINUTE).size == 3
    assert office.level == "ok"


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


def test_a_witness_that_signs_with_another_key_does_not_count(witnessed: Office) -> None:
    witnessed.append(1)
    make_key(witnessed.place / "impostor", "exam.example/witness")
    add_log(witnessed.place / "impostor", LocalSigner(witnessed.signer.directory).vkey(witnessed.origin))
    witnessed.witnesses[0].directory = witnessed.place / "impostor"
    assert witnessed.publish() is None
    assert witnessed.size == 0
    assert "signs with another key" in witnessed.said[0]


def test_a_log_that_the_witness_is_not_told_of_waits_and_says_why(witnessed: Office) -> None:
    shutil.rmtree(witnessed.witnesses[0].directory / "logs")
    witnessed.append(1)
    assert witnessed.publish() is None
    assert "not known here" in witnessed.said[0]
    assert witnessed.level == "waits"
