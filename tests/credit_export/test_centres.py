"""Hours of the first centre's courses reach exam systems; those of the other five never do (seed functions A02-A07)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.centres import Centre, reaches_exams
from elearn.credit_export import gathering
from elearn.credit_export.models import HoursEntry
from tests.builders_credit import LEARNED_AT, a_learner_with_hours, an_outline
from tests.hours import credit_all


@pytest.mark.parametrize("centre", Centre)
def test_hours_of_another_centre_stand_in_the_log_and_in_no_tally(session: Session, centre: Centre) -> None:
    outline = an_outline(session, code="demo-outline")
    learner = a_learner_with_hours(session, ms=90_000, outline="demo-outline")
    # As if its course had been made in that centre: a published one keeps its own.
    session.execute(sa.text("ALTER TABLE elearn.course DISABLE TRIGGER published_course"))
    session.execute(sa.text("UPDATE elearn.course SET centre = :centre"), {"centre": centre.value})
    credit_all(session, now=LEARNED_AT)
    [entry] = session.scalars(sa.select(HoursEntry)).all()
    assert (entry.amount_ms, entry.outline_item_id is not None) == (90_000, reaches_exams(centre))
    [case] = gathering.gather_many(session, [learner.person.id], now=LEARNED_AT, outline_id=outline.id)
    assert case.hours.online_theory_ms == (90_000 if reaches_exams(centre) else 0)
