"""Whoever shows what somebody has and may says the same: the record, the learner's page, the page that asks why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from elearn.courses.models import Outline
from elearn.credit_export import record_reading, why_not
from elearn.credit_export.findings.rules import Kind
from elearn.credit_export.records import said_by
from elearn.people.registry import local_day
from tests.credit_export.findings.test_stating import confirm, state, without_hours
from tests.credit_export.records.an_office import NOW, Office
from tests.credit_export.rules.test_records_by_rules import BEGAN, CAP, WELDER, load


def nothing_else(office: Office) -> None:
    """As it stands."""


def short(office: Office) -> None:
    without_hours(office)


def exempt(office: Office) -> None:
    without_hours(office)
    confirm(office, state(office, Kind.SKILL_CERTIFICATE, office.clerk), office.officer)


def trained_before(office: Office) -> None:
    without_hours(office)
    confirm(office, state(office, Kind.EARLIER_TRAINING, office.clerk), office.officer)


def blacklisted(office: Office) -> None:
    confirm(office, state(office, Kind.BLACKLISTED, office.operator), office.officer)


def limited(office: Office) -> None:
    office.earn(60_000)
    load(office.session, CAP)


def longer_hours(office: Office) -> None:
    load(office.session, f"class_hours:\n  - {{id: long, modality: online, minutes: 40, {BEGAN}}}\n")


def more_of_the_category(office: Office) -> None:
    load(office.session, WELDER.format(2))
    office.session.get_one(Outline, office.record().outline_id).category = "welder"


@pytest.mark.parametrize(
    "happens",
    [nothing_else, short, exempt, trained_before, blacklisted, limited, longer_hours, more_of_the_category],
    ids=lambda one: one.__name__,
)
def test_all_say_the_same(office: Office, happens: Callable[[Office], None]) -> None:
    happens(office)
    record, person = office.record(), office.learner.person
    outline = office.session.get_one(Outline, record.outline_id)
    answers = (
        why_not.today(office.session, person.id, now=NOW)[outline.id],
        why_not.ask(office.session, person, outline, on=local_day(NOW), now=NOW),
    )
    for one in answers:
        assert one.eligible is said_by(record).eligible
        assert one.exempt is (record.outcome == "eligible_exempt")
        assert sorted(one.reasons) == sorted(record.reasons)
        assert one.counts == record_reading.counts_of(record.hours, record.rules)
        asked = one.case.category
        assert (asked.required_theory, asked.required_practice) == said_by(record).required
