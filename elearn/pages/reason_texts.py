"""Why the exam system would be told "not yet", in words for the learner."""

from __future__ import annotations

from elearn.credit_export.eligibility import Reason
from elearn.locale import gettext as _


def reason_text(reason: Reason) -> str:
    """Why the exam system would be told "not yet", and what to do about it."""
    return {
        Reason.HOURS_THEORY_SHORT: _("Hours of theory are still missing."),
        Reason.HOURS_PRACTICE_SHORT: _("Hours of practice are still missing; they are done on site."),
        Reason.OFFLINE_SHARE_LOW: _(
            "Enough hours, but too many of them online: the rest of theory must be done on site."
        ),
        Reason.CLASS_NOT_FILED: _("Your class is not filed with the regulator yet. Ask your training institution."),
        Reason.IDENTITY_UNVERIFIED: _("Your identity document is not on record. Ask your training institution."),
        Reason.OUTLINE_NOT_IN_FORCE: _("This outline is not in force today."),
        Reason.NO_RECORD: _("You are not enrolled in a class of this outline."),
        Reason.TEACHER_INVALID: _("A teacher of your class had no valid certificate. Ask your training institution."),
        Reason.COURSE_TEST_MISSING: _("A test of a course is not passed yet."),
        Reason.PREREQ_AGE: _("Your age for this work is not shown. Ask your training institution."),
        Reason.PREREQ_EDUCATION: _("Your education for this work is not shown. Ask your training institution."),
        Reason.PREREQ_HEALTH: _("A valid health certificate is not shown. Ask your training institution."),
        Reason.PREREQ_RETRAINING: _("By the rules of this day you have to be trained again before another exam."),
        Reason.INSTITUTION_SUSPENDED: _("Your training institution is suspended for now."),
        Reason.UNDER_REVIEW: _("Your hours are under review."),
        Reason.BLACKLISTED: _("You are on a blacklist. Ask the regulator of your region."),
    }[reason]
