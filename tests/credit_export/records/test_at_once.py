"""Two at once: one version, one step, one answer; the other is told that the record has moved on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from elearn.credit_export import records, steps
from elearn.credit_export.lifecycle import Act, State
from elearn.credit_export.models import EligibilityStep
from elearn.db import db
from elearn.errors import DomainError
from tests.at_once import in_sessions
from tests.conftest import scalar
from tests.credit_export.records.an_office import NOW, an_office


def code_of(work: Callable[[Session], Any]) -> Callable[[Session], str]:
    """What became of it: `done`, or the code of the refusal, which undoes what it began."""

    def run(session: Session) -> str:
        try:
            work(session)
        except DomainError as error:
            session.rollback()
            return error.error_code
        return "done"

    return run


def test_two_who_record_at_once_write_one_version(own_app: Flask) -> None:
    with own_app.app_context():
        office = an_office(db.session())
        person_id = office.learner.person.id
        db.session.commit()
        written = in_sessions(
            db.engine, *[lambda session: len(records.record_person(session, person_id, now=NOW)) for _ in range(4)]
        )
        assert sorted(written) == [0, 0, 0, 1]


def test_two_who_check_at_once_take_one_step(own_app: Flask) -> None:
    with own_app.app_context():
        office = an_office(db.session())
        office.act(Act.SUBMIT, office.clerk)
        record_id = office.record().id
        db.session.commit()
        became = in_sessions(
            db.engine,
            *[
                code_of(lambda session, by=by: steps.act(session, record_id, Act.CHECK, caller=by, at=NOW))  # type: ignore[misc]
                for by in (office.second_clerk, office.manager)
            ],
        )
        assert sorted(became) == ["done", "wrong_state"]
        assert office.state() is State.INSTITUTION_CHECKED


def test_one_who_confirms_and_one_who_objects_at_once_leave_one_answer(own_app: Flask) -> None:
    with own_app.app_context():
        office = an_office(db.session())
        record_id = office.granted().id
        made = steps.propose(
            db.session(), record_id, Act.REVOKE, caller=office.officer, reason="FORGED_DATA", note="why", at=NOW
        ).id
        db.session.commit()

        def answering(confirm: bool) -> Callable[[Session], EligibilityStep | None]:
            by = office.operator if confirm else office.manager
            return lambda session: steps.answer(session, record_id, made, confirm=confirm, caller=by, note="no", at=NOW)

        became = in_sessions(db.engine, code_of(answering(confirm=True)), code_of(answering(confirm=False)))
        assert sorted(became) == ["done", "proposal_gone"]
        confirmed = scalar(db.session(), "SELECT confirmed FROM elearn.eligibility_answer")
        assert office.state() is (State.REVOKED if confirmed else State.GRANTED)


def test_two_who_propose_at_once_make_one_proposal(own_app: Flask) -> None:
    with own_app.app_context():
        office = an_office(db.session())
        record_id = office.granted().id
        db.session.commit()
        became = in_sessions(
            db.engine,
            *[
                code_of(
                    lambda session, by=by: steps.propose(  # type: ignore[misc]
                        session, record_id, Act.SUSPEND, caller=by, reason="UNDER_REVIEW", note="x", at=NOW
                    )
                )
                for by in (office.officer, office.operator)
            ],
        )
        assert sorted(became) == ["done", "proposal_open"]
