"""What somebody shows beside training: two people state it, the judgement asks it, and it is over on its day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from elearn.courses.models import Outline
from elearn.courses.requirements.rows import Education
from elearn.credit_export import lives_check
from elearn.credit_export.findings import reading, stating
from elearn.credit_export.findings.models import Finding
from elearn.credit_export.findings.rules import OF_OUTLINE, Kind
from elearn.credit_export.findings.shown import Shown, shown_by
from elearn.credit_export.findings.stating import About, Paper
from elearn.errors import Conflict, Malformed
from elearn.people import persons
from elearn.people.models import Person
from elearn.people.registry import local_day
from tests.builders_people import KEYS
from tests.credit_export.records.an_office import NOW, Office
from tests.credit_export.rules.test_records_by_rules import BEGAN, load

TODAY, BORN, CODE = local_day(NOW), date(1990, 3, 8), "short"
NINTH = TODAY + timedelta(days=9)
ASKED = (
    "categories:\n  - {id: welder, name: 焊工, group: special_operation, hours: {}, " + BEGAN + "}\n"
    "prerequisites:\n  - {id: all, groups: [special_operation], minimum_age: 18, education: senior_high, "
    "health_certificate: true, " + BEGAN + "}\n"
)


def state(office: Office, kind: Kind, **more: Any) -> Finding:
    level = more.pop("level", Education.COLLEGE if kind is Kind.EDUCATION else None)
    paper = Paper(CODE if kind in OF_OUTLINE else None, "证明", "A-1234", level)
    days = {
        Kind.BORN_ON: {"from_on": BORN},
        Kind.HEALTH_CERTIFICATE: {"from_on": TODAY, "to_on": NINTH},
    }.get(kind, {"from_on": TODAY})
    about = About(person_id=office.learner.person.id)
    return stating.state(
        office.session, kind, about, paper=paper, note="seen", caller=office.clerk, keys=KEYS, at=NOW, **days | more
    )


def confirmed(office: Office, kind: Kind, **more: Any) -> Finding:
    made = state(office, kind, **more)
    stating.answer(office.session, made.id, confirm=True, note="", caller=office.officer, at=NOW)
    return made


def without_document(office: Office) -> None:
    """Of a passport nobody reads a day of birth."""
    office.learner.person.born_on = None
    office.session.flush()


def shown(office: Office, on: date = TODAY) -> Shown:
    return shown_by(office.session, [office.learner.person.id], on)[office.learner.person.id]


def test_what_is_asked_beside_training_keeps_somebody_out_until_two_people_have_seen_each_paper(
    office: Office,
) -> None:
    without_document(office)
    load(office.session, ASKED)
    office.session.scalars(sa.select(Outline).where(Outline.code == CODE)).one().category = "welder"
    record = office.record()
    assert record.reasons == ["PREREQ_AGE", "PREREQ_EDUCATION", "PREREQ_HEALTH"]
    assert record.facts["checks"]["prerequisites"] is False
    state(office, Kind.EDUCATION)
    assert office.record().id == record.id, "one half is nothing"
    (waiting,) = reading.lines(office.session, office.clerk, waiting=True)
    assert waiting.level is Education.COLLEGE
    stating.answer(office.session, waiting.id, confirm=True, note="", caller=office.officer, at=NOW)
    assert office.record().reasons == ["PREREQ_AGE", "PREREQ_HEALTH"]
    confirmed(office, Kind.BORN_ON)
    confirmed(office, Kind.HEALTH_CERTIFICATE)
    record = office.record()
    assert (record.outcome, record.reasons) == ("eligible", [])
    assert record.facts["checks"]["prerequisites"] is True
    assert "1990" not in str(record.facts)
    assert list(lives_check.unsound(office.session)) == []


KEPT = [
    ("a diploma counts from the day on which it was given", Kind.EDUCATION, {}, -1, Shown()),
    ("and then for good", Kind.EDUCATION, {}, 4_000, Shown(education=Education.COLLEGE)),
    ("a health certificate has a last day", Kind.HEALTH_CERTIFICATE, {}, 0, Shown(health_certificate_to=NINTH)),
    ("also when that is over", Kind.HEALTH_CERTIFICATE, {}, 50, Shown(health_certificate_to=NINTH)),
    ("not before it was made", Kind.HEALTH_CERTIFICATE, {}, -1, Shown()),
    ("a day of birth holds on each day since", Kind.BORN_ON, {}, -9_000, Shown(born_on=BORN)),
    ("training anew is for one outline", Kind.TRAIN_AGAIN, {}, 0, Shown(train_again=frozenset({CODE}))),
    ("until its last day", Kind.TRAIN_AGAIN, {"to_on": TODAY}, 1, Shown()),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "kind", "days", "after", "what"), KEPT, ids=[row[0] for row in KEPT])
def test_on_which_day_what_is_shown(
    office: Office,
    rule: str,
    kind: Kind,
    days: dict[str, date],
    after: int,
    what: Shown,
) -> None:
    without_document(office)
    confirmed(office, kind, **days)
    assert shown(office, TODAY + timedelta(days=after)) == what, rule


def test_what_somebody_objected_to_shows_nothing(office: Office) -> None:
    made = state(office, Kind.EDUCATION)
    stating.answer(office.session, made.id, confirm=False, note="forged", caller=office.officer, at=NOW)
    assert shown(office).education is None


def test_the_highest_diploma_and_the_latest_certificate_count_and_what_ended_does_not(
    office: Office,
) -> None:
    without_document(office)
    confirmed(office, Kind.EDUCATION, level=Education.COLLEGE)
    confirmed(office, Kind.EDUCATION, level=Education.PRIMARY)
    first = confirmed(office, Kind.HEALTH_CERTIFICATE, to_on=TODAY + timedelta(days=300))
    confirmed(office, Kind.HEALTH_CERTIFICATE)
    confirmed(office, Kind.BORN_ON, from_on=date(1980, 1, 1))
    confirmed(office, Kind.BORN_ON)
    assert shown(office) == Shown(BORN, Education.COLLEGE, TODAY + timedelta(days=300))
    over = stating.end(office.session, first.id, from_on=TODAY, note="forged", caller=office.officer, at=NOW)
    stating.answer(office.session, over.id, confirm=True, note="", caller=office.clerk, at=NOW)
    assert shown(office).health_certificate_to == NINTH


REFUSED = [
    ("a health certificate without its last day", Kind.HEALTH_CERTIFICATE, {"to_on": None}, "last_day"),
    ("a diploma of nothing", Kind.EDUCATION, {"level": None}, "level"),
    ("a level of something else", Kind.HEALTH_CERTIFICATE, {"level": Education.COLLEGE}, "level"),
    ("born today", Kind.BORN_ON, {"from_on": TODAY}, "birth"),
    ("born under an emperor", Kind.BORN_ON, {"from_on": date(1899, 12, 31)}, "birth"),
    ("born until a day", Kind.BORN_ON, {"to_on": TODAY}, "last_day"),
]


@pytest.mark.parametrize(("what", "kind", "more", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_papers_that_cannot_be(
    office: Office,
    what: str,
    kind: Kind,
    more: dict[str, Any],
    code: str,
) -> None:
    without_document(office)
    with pytest.raises(Malformed) as refused:
        state(office, kind, **more)
    assert refused.value.error_code == code, what


def test_whoever_is_to_be_trained_again_is_not_eligible_before_order_19(office: Office) -> None:
    confirmed(office, Kind.TRAIN_AGAIN, from_on=date(2026, 1, 1))
    record = office.record()
    assert record.reasons == ["PREREQ_RETRAINING"], "no catalogue is loaded: the rules of before"
    assert list(lives_check.unsound(office.session)) == []


def test_a_resident_identity_card_says_the_day_of_birth_and_nobody_else_does(office: Office) -> None:
    person = office.learner.person
    born = person.born_on
    assert born is not None
    with pytest.raises(Conflict, match="document says"):
        state(office, Kind.BORN_ON)
    without_document(office)
    assert persons.learn_birthdays(office.session, KEYS, most=100) >= 1, "of before it was noted"
    assert office.session.get_one(Person, person.id, populate_existing=True).born_on == born
    assert persons.learn_birthdays(office.session, KEYS, most=100) == 0
    persons.erase_person(office.session, person.id, at=NOW)
    assert person.born_on is None
