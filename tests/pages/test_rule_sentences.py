"""Every rule and every reason has its sentence, in both languages, with its numbers in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from uuid import UUID

import pytest
from flask import Flask, g

from elearn.courses.requirements.rows import Education, Group, Prerequisite, Training
from elearn.credit_export.dated_rules import Aim
from elearn.credit_export.eligibility import Category, Facts, Ineligible, Reason, Rules
from elearn.credit_export.gathering import Case
from elearn.credit_export.hours import AQ8011_2023, MINUTE_MS, Tally
from elearn.credit_export.lifecycle import Hold
from elearn.credit_export.why_not import Answer
from elearn.pages import rule_texts, shown, why_not_texts
from tests.credit_export.rules.a_catalogue import catalogue

ON = date(2026, 7, 1)
ASKED = Prerequisite(
    id="all",
    effective_from=date(2024, 1, 1),
    confirmed=True,
    minimum_age=18,
    maximum_age=60,
    education=Education.SENIOR_HIGH,
    health_certificate=True,
)
Say = Callable[[str, Callable[[], object]], object]


@pytest.fixture
def in_language(app: Flask) -> Say:
    def say(language: str, call: Callable[[], object]) -> object:
        with app.test_request_context(headers={"Accept-Language": language}):
            g.pop("elearn_language", None)
            return call()

    return say


def answer(reason: Reason, facts: Facts, *, in_force: bool = True) -> Answer:
    category = Category("welder", "2023", 88, 60, date(2024, 7, 1))
    hours = Tally(61 * 30 * MINUTE_MS, 20 * 45 * MINUTE_MS, 10 * 45 * MINUTE_MS)
    rules = Rules(AQ8011_2023, prerequisites=(ASKED,), in_force=in_force)
    case = Case(
        person_id=UUID(int=1),
        outline_id=UUID(int=2),
        category=category,
        facts=facts,
        hours=hours,
        class_id=None,
        on=ON,
        rules=rules,
        aim=Aim("welder", Training.INITIAL, None, 88, 60),
    )
    return Answer(case, Ineligible("rules", (reason,)), (), frozenset())


NOBODY_SAID = Facts(True, True)
KNOWN = Facts(
    True, True, course_tests=False, teachers_valid=False, born_on=date(2010, 1, 1), education=Education.PRIMARY,
    health_certificate_to=date(2026, 6, 30),
)  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_is_a_sentence(in_language: Say, language: str) -> None:
    for reason in Reason:
        for facts in (NOBODY_SAID, KNOWN):
            for in_force in (True, False):
                one = answer(reason, facts, in_force=in_force)
                text = in_language(language, partial(why_not_texts.sentence, reason, one))
                assert isinstance(text, str)
                assert text.endswith("." if language == "en" else "。"), (reason, text)
                assert "%(" not in text
                assert bool(re.search("[一-鿿]", text)) is (language == "zh"), text


@pytest.mark.parametrize(
    ("reason", "facts", "text"),
    [
        (Reason.HOURS_THEORY_SHORT, NOBODY_SAID, "Theory: 81.0 of 88 hours count, 7.0 are missing."),
        (
            Reason.HOURS_PRACTICE_SHORT,
            NOBODY_SAID,
            "Practice: 10.0 of 60 hours count, 50.0 are missing. Practice is done on site.",
        ),
        (
            Reason.OFFLINE_SHARE_LOW,
            NOBODY_SAID,
            "Theory: the hours are enough, but at most 70% of the 88 may be online. 7.0 hours more have to be on site.",
        ),
        (
            Reason.PREREQ_AGE,
            KNOWN,
            "Age: At least 18 years of age. At most 60 years of age. This person is 16.",
        ),
        (
            Reason.PREREQ_EDUCATION,
            KNOWN,
            "Education: senior high school or more is asked; primary school is shown.",
        ),
        (
            Reason.COURSE_TEST_MISSING,
            NOBODY_SAID,
            "A course test is asked for, and the courses have none that binds this person.",
        ),
        (
            Reason.COURSE_TEST_MISSING,
            KNOWN,
            "A test of a course is not passed. Without it none of the course counts.",
        ),
        (Reason.PREREQ_HEALTH, KNOWN, "The health certificate ended on Jun 30, 2026."),
    ],
)
def test_sentences_hold_their_numbers(in_language: Say, reason: Reason, facts: Facts, text: str) -> None:
    assert in_language("en", lambda: why_not_texts.sentence(reason, answer(reason, facts))) == text


def test_what_is_short_is_never_shown_as_nothing() -> None:
    assert (why_not_texts.missing(1), shown.class_hours(99_999)) == ("0.1", "0.0")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_row_of_the_catalogue_says_something(in_language: Say, language: str) -> None:
    def read() -> list[str]:
        found = []
        for one in catalogue(unconfirmed=True).newest():
            found.append(rule_texts.section_text(one.section))
            found.append(rule_texts.name_of(one.row))
            found += rule_texts.says(one.row)
        return found + [rule_texts.group_text(one) for one in Group] + [why_not_texts.hold_text(one) for one in Hold]

    texts = in_language(language, read)
    assert isinstance(texts, list)
    assert all(isinstance(one, str) and one and "%(" not in one for one in texts)
