"""Why somebody may not sit an exam, in sentences with numbers: what is there, what is asked, what to do."""

from __future__ import annotations

from elearn.credit_export.eligibility import Reason, age_on
from elearn.credit_export.hours import MICRO, as_text
from elearn.credit_export.lifecycle import Hold
from elearn.credit_export.why_not import Answer
from elearn.locale import gettext as _
from elearn.pages import rule_texts, shown

DECIDED_BY = {
    Reason.HOURS_THEORY_SHORT: ("categories",),
    Reason.HOURS_PRACTICE_SHORT: ("categories",),
    Reason.OFFLINE_SHARE_LOW: ("modality_limits",),
    Reason.TEACHER_INVALID: ("credit_rules",),
    Reason.COURSE_TEST_MISSING: ("credit_rules",),
    Reason.PREREQ_AGE: ("prerequisites",),
    Reason.PREREQ_EDUCATION: ("prerequisites",),
    Reason.PREREQ_HEALTH: ("prerequisites",),
    Reason.PREREQ_RETRAINING: ("certificates",),
    Reason.OUTLINE_NOT_IN_FORCE: ("certificates", "categories"),
}
"""Sections of the catalogue whose rows decide about a reason."""


def missing(micro: int) -> str:
    """Millionths of a 学时 that are missing, rounded up: what is short is never shown as nothing."""
    return as_text(-(-max(0, micro) * 10 // MICRO))


def sentence(reason: Reason, answer: Answer) -> str:
    """One reason in a sentence."""
    case, counts, rules = answer.case, answer.counts, answer.case.rules
    theory, practice = case.category.required_theory, case.category.required_practice
    facts, on = case.facts, case.on
    match reason:
        case Reason.HOURS_THEORY_SHORT:
            return _(
                "Theory: %(has)s of %(asked)s hours count, %(missing)s are missing.",
                has=shown.class_hours(counts.theory),
                asked=theory,
                missing=missing(theory * MICRO - counts.theory),
            )
        case Reason.HOURS_PRACTICE_SHORT:
            return _(
                "Practice: %(has)s of %(asked)s hours count, %(missing)s are missing. Practice is done on site.",
                has=shown.class_hours(counts.practice),
                asked=practice,
                missing=missing(practice * MICRO - counts.practice),
            )
        case Reason.OFFLINE_SHARE_LOW:
            return _(
                "Theory: the hours are enough, but at most %(percent)s%% of the %(asked)s may be online. "
                "%(missing)s hours more have to be on site.",
                percent=rules.hours.online_theory_percent,
                asked=theory,
                missing=missing(theory * MICRO - counts.theory),
            )
        case Reason.CLASS_NOT_FILED:
            return _("The class is not filed. What is learned before it is filed does not count.")
        case Reason.TEACHER_INVALID if facts.teachers_valid is None:
            return _("It is not shown that every teacher of the class holds a valid certificate.")
        case Reason.TEACHER_INVALID:
            return _("A teacher of the class held no valid certificate on a day of teaching.")
        case Reason.COURSE_TEST_MISSING if facts.course_tests is None:
            return _("A course test is asked for, and the courses have none that binds this person.")
        case Reason.COURSE_TEST_MISSING:
            return _("A test of a course is not passed. Without it none of the course counts.")
        case Reason.IDENTITY_UNVERIFIED:
            return _("No identity document of this person is on record.")
        case Reason.PREREQ_AGE:
            bounds = [one for one in rules.prerequisites if one.minimum_age is not None or one.maximum_age is not None]
            asked = " ".join(text for one in bounds for text in rule_texts.prerequisite_texts(one, age=True))
            if facts.born_on is None:
                return _("Age: %(asked)s It is not shown.", asked=asked)
            return _("Age: %(asked)s This person is %(age)s.", asked=asked, age=age_on(facts.born_on, on))
        case Reason.PREREQ_EDUCATION:
            least = max((one.education for one in rules.prerequisites if one.education), key=lambda one: one.rank)
            if facts.education is None:
                return _(
                    "Education: %(asked)s or more is asked; none is shown.", asked=rule_texts.education_text(least)
                )
            return _(
                "Education: %(asked)s or more is asked; %(has)s is shown.",
                asked=rule_texts.education_text(least),
                has=rule_texts.education_text(facts.education),
            )
        case Reason.PREREQ_HEALTH if facts.health_certificate_to is None:
            return _("No health certificate is shown.")
        case Reason.PREREQ_HEALTH:
            assert facts.health_certificate_to is not None
            return _("The health certificate ended on %(when)s.", when=shown.day(facts.health_certificate_to))
        case Reason.PREREQ_RETRAINING:
            return _("The exam was failed more often than this day's rules allow: training begins anew.")
        case Reason.INSTITUTION_SUSPENDED:
            return _("The training institution is suspended.")
        case Reason.UNDER_REVIEW:
            return _("The hours are under review.")
        case Reason.OUTLINE_NOT_IN_FORCE if not rules.in_force:
            return _("By the rules of this day there is no such training, or no exam system of ours is told of it.")
        case Reason.OUTLINE_NOT_IN_FORCE:
            return _("The outline %(version)s is not in force on this day.", version=case.category.version)
        case Reason.NO_RECORD:
            return _("This person is in no class of this outline.")
        case Reason.BLACKLISTED:
            return _("This person is on the blacklist.")
    raise AssertionError(reason)


def hold_text(hold: Hold) -> str:
    """What keeps a record from being granted, though the rules are met."""
    if hold is Hold.UNDER_REVIEW:
        return _("A review of these hours is open: nothing is granted until it is closed.")
    return _("The training institution is suspended: nothing is granted meanwhile.")


def sources(reason: Reason, answer: Answer) -> list[str]:
    """The rows that decided about a reason, each with what section it is of."""
    if reason is Reason.OUTLINE_NOT_IN_FORCE and answer.case.rules.in_force:
        return []  # the outline's own days decided
    wanted = DECIDED_BY.get(reason, ())
    return [
        f"{rule_texts.section_text(one.section)}: {rule_texts.name_of(one.row)}"
        for one in answer.used
        if one.section in wanted
    ]
