"""Who may sit the exam: hours, shares, tests, prerequisites, and on which day what holds."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
        "elearn/credit_export/eligibility.py",
        "judging",
        (
            "theory that is short is short",
            "found.theory_if_all_online_counted < needed,",
            "found.theory_if_all_online_counted < needed - MICRO,",
        ),
        (
            "practice that is short is short",
            "found.practice < category.required_practice * MICRO,",
            "False,",
        ),
        (
            "online hours alone are not enough",
            "Reason.OFFLINE_SHARE_LOW: found.theory < needed <= found.theory_if_all_online_counted,",
            "Reason.OFFLINE_SHARE_LOW: False,",
        ),
        (
            "a class that nobody filed brings nobody to the exam",
            "facts.enrolled and not facts.class_filed,",
            "False,",
        ),
        (
            "not knowing is a no where the rules ask",
            "return asked is Asked.ASKED if fact is None else not fact",
            "return False if fact is None else not fact",
        ),
        (
            "a known no is a no where the rules only ask what is known",
            "return asked is Asked.ASKED if fact is None else not fact",
            "return asked is Asked.ASKED and not fact",
        ),
        ("somebody who is not known is not admitted", "not facts.identified,", "False,"),
        (
            "who is to be trained anew is not admitted where the law asks it",
            "rules.retraining_after_failure and facts.train_again,",
            "False,",
        ),
        (
            "who failed is not trained again where the law says so",
            "rules.retraining_after_failure and facts.train_again,",
            "facts.train_again,",
        ),
        ("a listed person is not admitted", "Reason.BLACKLISTED: facts.blacklisted,", "Reason.BLACKLISTED: False,"),
        ("an open review holds", "Reason.UNDER_REVIEW: facts.under_review,", "Reason.UNDER_REVIEW: False,"),
        (
            "a certificate exempts from the day of the law on",
            "valid and on >= rules.exemption_from else None",
            "valid else None",
        ),
        (
            "a certificate exempts on the day of the law",
            "valid and on >= rules.exemption_from else None",
            "valid and on > rules.exemption_from else None",
        ),
        (
            "a certificate that ran out exempts nobody",
            "person.skill_certificate_to is None or on <= person.skill_certificate_to",
            "True",
        ),
        (
            "a certificate exempts on its last day",
            "on <= person.skill_certificate_to",
            "on < person.skill_certificate_to",
        ),
        (
            "a certificate takes the place of training and of nothing else",
            "reasons = tuple(reason for reason in reasons if reason not in OF_TRAINING)",
            "reasons = ()",
        ),
        (
            "an outline holds on its last day",
            "or day <= category.in_force_to)",
            "or day < category.in_force_to)",
        ),
        (
            "who says nothing about school has shown nothing",
            "(facts.education is None or facts.education.rank < asked.education.rank)",
            "(facts.education is not None and facts.education.rank < asked.education.rank)",
        ),
        (
            "a health certificate holds on its last day",
            "facts.health_certificate_to < on)",
            "facts.health_certificate_to <= on)",
        ),
        (
            "eighteen is reached on the birthday",
            "((on.month, on.day) < (born_on.month, born_on.day))",
            "((on.month, on.day) <= (born_on.month, born_on.day))",
        ),
    ),
    *in_file(
        "elearn/credit_export/gathering.py",
        "course tests judged",
        (
            "a test binds nobody who was admitted before it",
            "one.passed(spared=spared.get(line, ()))",
            "one.passed()",
        ),
        (
            "an admission that was taken away spares nobody",
            "AND last.to_state IN ('granted', 'suspended')",
            "",
        ),
    ),
    *in_file(
        "elearn/courses/papers/standing.py",
        "course tests judged",
        (
            "a test that is no longer asked for binds nobody",
            "CourseTest.retired_at.is_(None), offered",
            "offered",
        ),
        ("a mock exam is no course test", "CourseTest.purpose == Purpose.COURSE, ", "", "course tests standing"),
    ),
]
