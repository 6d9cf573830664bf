"""The log's own proof inside the paper: who holds it checks the hours with the log's public key and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from elearn.credit_export import records
from elearn.credit_export.ledger.hours_proof import HoursProofRefused, require_hours_proof
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.paper import making, standing
from elearn.credit_export.paper.evidence import log_proofs
from elearn.credit_export.paper.making import House
from elearn.people import persons
from tests.builders_credit import LEARNED_AT, Learner, a_learner_with_hours, an_outline
from tests.builders_people import KEYS
from tests.credit_export.exam_system.builders import MADE_AT
from tests.credit_export.paper.reading import codes_of, files_of
from tests.hours import a_house, credit_all, log_place

MS = 1_234_567


def the_files(session: Session) -> Path:
    return a_house(log_place(session)).desk.ledger_dir


def a_paper_house(session: Session) -> House:
    return House(
        KEYS,
        "http://localhost",
        lambda session, person: log_proofs(session, person, sealing_key=KEYS.sealing, ledger_dir=the_files(session)),
    )


@pytest.fixture
def learner(session: Session) -> Learner:
    an_outline(session, code="demo-outline")
    learner = a_learner_with_hours(session, ms=MS, outline="demo-outline")
    credit_all(session, now=MADE_AT)
    records.record_person(session, learner.person.id, now=MADE_AT)
    return learner


def printed(session: Session, learner: Learner) -> bytes:
    (record,) = records.newest_records(session, [learner.person.id]).values()
    found = standing.look_up(session, standing.make_proof(session, record.id, at=MADE_AT).code)
    assert found is not None
    return making.proof_pdf(session, found, a_paper_house(session), language="zh", at=MADE_AT)


def shown_by(text: str | bytes, session: Session) -> Any:
    """The leaf, by the log's key alone. Raises HoursProofRefused."""
    (directory,) = [one for one in the_files(session).iterdir() if one.is_dir()]
    key = LogFiles(directory).key()
    assert key is not None
    return require_hours_proof(
        text, trust=Trust.none(key.vkey), subject=None, now_s=int(MADE_AT.timestamp()), max_age_s=None, stored=None
    )


def test_the_file_in_the_pdf_and_the_printed_code_prove_the_hours(session: Session, learner: Learner) -> None:
    pdf = printed(session, learner)
    (attached,) = files_of(pdf).values()
    assert shown_by(attached, session).total == MS
    address, code = codes_of(pdf)
    assert address.startswith("http://localhost/proof/")
    assert shown_by(code, session) == shown_by(attached, session)


def test_a_changed_total_on_paper_proves_nothing(session: Session, learner: Learner) -> None:
    (attached,) = files_of(printed(session, learner)).values()
    with pytest.raises(HoursProofRefused):
        shown_by(attached.replace(str(MS).encode(), b"9234567"), session)


def test_after_more_hours_the_newest_entry_is_inside(session: Session, learner: Learner) -> None:
    learner.watch(ms=60_000, heard_at=LEARNED_AT)
    credit_all(session, now=MADE_AT)
    (proof,) = log_proofs(session, learner.person.id, sealing_key=KEYS.sealing, ledger_dir=the_files(session))
    assert proof.total_ms == MS + 60_000
    assert shown_by(proof.text, session).sub == proof.subject


def test_the_badge_leads_to_the_entry_and_names_its_subject(session: Session, learner: Learner) -> None:
    (record,) = records.newest_records(session, [learner.person.id]).values()
    found = standing.look_up(session, standing.make_proof(session, record.id, at=MADE_AT).code)
    assert found is not None
    badge = making.badge_of(session, found, a_paper_house(session), issuer_name="localhost")
    (proof,) = log_proofs(session, learner.person.id, sealing_key=KEYS.sealing, ledger_dir=the_files(session))
    assert badge.subject == proof.subject
    assert [one.address for one in badge.evidence] == [
        f"http://localhost/ledger/{proof.log_name}/proof/{proof.leaf_hash}"
    ]
    assert badge.began_at == LEARNED_AT


def test_whom_the_log_does_not_know_or_no_longer_knows_has_none(session: Session, learner: Learner) -> None:
    persons.erase_person(session, learner.person.id, at=MADE_AT)
    assert log_proofs(session, learner.person.id, sealing_key=KEYS.sealing, ledger_dir=the_files(session)) == []
