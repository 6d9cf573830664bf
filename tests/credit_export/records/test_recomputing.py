"""Records follow enrolments, filings and the calendar by themselves; regions' rules come by command."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import classes
from elearn.courses.models import Outline, TrainingClass
from elearn.credit_export import recomputing, records
from elearn.credit_export.eligibility_commands import eligibility
from elearn.credit_export.models import EligibilityRecord
from tests.builders_courses import a_class, an_outline
from tests.builders_people import a_person, an_institution
from tests.conftest import ManualClock, scalar
from tests.credit_export.records.an_office import NOW, Office


def versions(session: Session) -> list[tuple[int, list[str]]]:
    found = session.execute(sa.select(EligibilityRecord.version, EligibilityRecord.reasons).order_by("position"))
    return [(row.version, row.reasons) for row in found]


def test_a_class_that_is_filed_is_recorded_within_a_minute(session: Session, clock: ManualClock) -> None:
    clock.now = NOW
    institution = an_institution(session)
    held = a_class(session, institution.id, an_outline(session), filed_at=None)
    person = a_person(session)
    classes.enrol(session, held.id, [person.id], acting=[institution.id], at=NOW)
    recomputing.record_lately_touched()
    classes.file_class(session, held.id, filing_no="F", filed_at=NOW, acting=[institution.id], at=NOW)
    recomputing.record_lately_touched()
    recomputing.record_lately_touched()
    ((_one, first), (_two, second)) = versions(session)
    assert set(first) - set(second) == {"CLASS_NOT_FILED"}


def test_an_outline_whose_days_are_over_is_recorded_in_the_night_after(
    office: Office, session: Session, clock: ManualClock
) -> None:
    held = session.get_one(TrainingClass, office.learner.class_id)
    session.get_one(Outline, held.outline_id).effective_to = NOW.date()
    office.granted()
    clock.now = NOW + timedelta(days=3)
    recomputing.record_everybody()
    assert versions(session)[-1] == (2, ["OUTLINE_NOT_IN_FORCE"])
    assert office.told()[-2:] == [(1, "superseded"), (2, "computed")]


def test_everybody_comes_once_in_pages(office: Office, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recomputing, "AT_ONCE", 2)
    people = [a_person(session).id for _ in range(4)]
    classes.enrol(session, office.learner.class_id, people, acting=[office.institution_id], at=NOW)
    pages = list(recomputing.everybody(session))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(itertools.chain.from_iterable(pages)) == sorted([*people, office.learner.person.id])


def test_rules_come_by_command_and_are_never_edited(app: Flask, session: Session, clock: ManualClock) -> None:
    clock.now = NOW
    run = app.test_cli_runner()
    assert "no rule is loaded" in run.invoke(eligibility, ["rules", "list"]).output
    made = run.invoke(
        eligibility, ["rules", "add", "530000", "--submit", "automatic", "--no-regulator", "--grant", "automatic"]
    )
    assert made.output == "530000@2026-07-01#1\n"
    run.invoke(
        eligibility,
        ["rules", "add", "530000", "--submit", "person", "--regulator", "--grant", "person", "--valid-days", "365"],
    )
    first, second = run.invoke(eligibility, ["rules", "list"]).output.splitlines()
    told = "submit=automatic regulator=no grant=automatic held=waits valid=without end"
    assert first.startswith(f"  530000@2026-07-01#1 {told}")
    assert second.startswith("* 530000@2026-07-01#2 submit=person regulator=yes grant=person held=waits valid=365")
    assert scalar(session, "SELECT count(*) FROM elearn.grant_rule") == 2


@pytest.mark.parametrize(
    "wrong",
    [
        ["53"],
        ["530000", "--from", "2020-01-01"],
        ["530000", "--valid-days", "0"],
        ["530000", "--valid-days", "99999999"],
    ],
)
def test_a_rule_that_is_none_is_refused(app: Flask, session: Session, clock: ManualClock, wrong: list[str]) -> None:
    clock.now = NOW
    rest = ["--submit", "person", "--regulator", "--grant", "person"]
    refused = app.test_cli_runner().invoke(eligibility, ["rules", "add", *wrong, *rest])
    assert refused.exit_code != 0
    assert scalar(session, "SELECT count(*) FROM elearn.grant_rule") == 0


def test_judging_everybody_by_command_says_what_it_did(app: Flask, office: Office, clock: ManualClock) -> None:
    clock.now = NOW
    office.session.commit()
    run = app.test_cli_runner()
    assert run.invoke(eligibility, ["recompute"]).output == "1 persons, 1 new versions\n"
    assert run.invoke(eligibility, ["recompute"]).output == "1 persons, 0 new versions\n"
    assert len(records.newest_records(office.session, [office.learner.person.id])) == 1
