"""The demonstration's example of a category: judged by its own rows, and nobody else is judged by them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from uuid import UUID

from flask import Flask
from sqlalchemy.orm import Session

from elearn.credit_export import records
from elearn.credit_export.eligibility import Eligible, Ineligible, Judgement, Reason
from elearn.credit_export.gathering import Case
from elearn.credit_export.hours import Tally
from elearn.demo.admission import SMALL, set_up_admission
from elearn.demo.example import OUTLINE, Example, set_up
from elearn.people.registry import local_day

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


def an_example(session: Session, app: Flask) -> Example:
    settings = app.extensions["elearn"].settings
    example = set_up(session, settings, now=NOW)
    set_up_admission(session, settings, example, now=NOW)
    return example


def cases_of(session: Session, example: Example) -> dict[str, Case]:
    """By the outline's code."""
    found = records.gather(session, UUID(example.worker_ids[0]), now=NOW)
    return {case.category.code: case for case in found}


def judged(case: Case, online_ms: int) -> Judgement:
    return records.decide(dataclasses.replace(case, hours=Tally(online_theory_ms=online_ms)), local_day(NOW))


def test_a_minute_of_the_example_is_an_hour_and_one_is_all_it_asks(session: Session, app: Flask) -> None:
    case = cases_of(session, an_example(session, app))[SMALL]
    assert case.category.required_theory == 1
    short = judged(case, 59_999)
    assert isinstance(short, Ineligible)
    assert short.reasons == (Reason.HOURS_THEORY_SHORT,)
    assert isinstance(judged(case, 60_000), Eligible)


def test_the_examples_rows_judge_nobody_else(session: Session, app: Flask) -> None:
    """The real outline stands beside it: 24 hours of half an hour, and not all of them online."""
    case = cases_of(session, an_example(session, app))[OUTLINE]
    found = judged(case, 24 * 1_800_000)
    assert isinstance(found, Ineligible)
    assert Reason.OFFLINE_SHARE_LOW in found.reasons
    assert "demo_example" not in found.rules
    assert case.category.required_theory == 24


def test_what_an_older_version_set_up_is_completed_once(session: Session, app: Flask) -> None:
    example = an_example(session, app)
    before = dataclasses.replace(example, sign_ins=list(example.sign_ins))
    set_up_admission(session, app.extensions["elearn"].settings, example, now=NOW)
    assert example == before
    assert [one.name for one in example.sign_ins].count("officer") == 1
