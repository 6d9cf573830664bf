"""A run that dies loses nothing, wherever it dies."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.publishing import publish
from elearn.credit_export.ledger.signer import Wanted
from tests.credit_export.ledger.publishing.an_office import MINUTE, NearSigner, Office, an_office
from tests.credit_export.ledger.publishing.power import Power, PowerCut


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
