"""What a region asks of classes on a day: the `credit_rules` of its catalogue of requirements."""

from __future__ import annotations

from datetime import date

from elearn.courses.classes.rules import ClassRule
from elearn.courses.requirements.choosing import Catalogue, Found
from elearn.courses.requirements.rows import ClassReview, CreditRules, LateReport, RosterChanges


def class_rule(catalogue: Catalogue, region: str | None, on: date) -> ClassRule:
    """The nearest place that says something decides, for each of the three questions."""
    names: list[str] = []
    sets = catalogue.credit_rules(region, on)

    def first(said: list[Found[CreditRules]]) -> CreditRules | None:
        if said and said[0].name not in names:
            names.append(said[0].name)
        return said[0].row if said else None

    review = first([one for one in sets if one.row.class_review is not None])
    late = first([one for one in sets if one.row.late_report is not None])
    roster = first([one for one in sets if one.row.roster_changes is not None])
    return ClassRule(
        (review and review.class_review) or ClassReview.RECEIPT,
        (late and late.late_report) or LateReport.FLAGGED,
        (roster and roster.roster_changes) or RosterChanges.NOTICE,
        "; ".join(names),
    )
