"""What a record keeps of how it was judged, so that anybody judges it again by the rows that it names.

Facts about a person (age, education, health) stand in no record: what is kept of them is only what was not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Training
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.eligibility import Facts, Reason, Rules, unmet
from elearn.credit_export.gathering import Case
from elearn.credit_export.models import EligibilityRecord


def judged_by(case: Case) -> dict[str, Any]:
    """The block `judged` of a record."""
    aim = case.aim
    return {
        "category": aim.category,
        "training": aim.training.value,
        "region": aim.region,
        "theory": aim.theory,
        "practice": aim.practice,
        "admitted_on": case.facts.admitted_on and case.facts.admitted_on.isoformat(),
        "unmet": [reason.value for reason in unmet(case.facts, case.on, case.rules)],
        "over_daily_ms": case.over_daily_ms,
        **({"train_again": True} if case.facts.train_again else {}),
    }


def prerequisites_met(case: Case) -> bool | None:
    """Whether all that is asked beside training is shown; None where nothing is asked."""
    return not unmet(case.facts, case.on, case.rules) if case.rules.prerequisites else None


@dataclass(frozen=True, slots=True)
class Again:
    """What a record was judged by, found again by the names that it keeps."""

    rules: Rules
    required_theory: int
    required_practice: int
    unmet: tuple[Reason, ...]
    admitted_on: date | None
    train_again: bool = False

    @classmethod
    def of(cls, record: EligibilityRecord, catalogue: Catalogue) -> Again:
        """Versions of before dated rules were judged by the outline alone."""
        kept = record.facts.get("judged")
        hours = record.hours
        if kept is None:
            aim = Aim(None, Training.INITIAL, None, hours["required_theory"], hours["required_practice"])
            chosen = rules_on(Catalogue(), aim, record.judged_on)
            return cls(chosen.rules, aim.theory, aim.practice, (), None)
        aim = Aim(kept["category"], Training(kept["training"]), kept["region"], kept["theory"], kept["practice"])
        chosen = rules_on(catalogue.named(set(record.rules.split("; "))), aim, record.judged_on)
        return cls(
            # What was not shown is kept; what was asked cannot be asked of nobody.
            replace(chosen.rules, prerequisites=()),
            chosen.required_theory,
            chosen.required_practice,
            tuple(Reason(one) for one in kept["unmet"]),
            kept["admitted_on"] and date.fromisoformat(kept["admitted_on"]),
            kept.get("train_again", False),
        )

    def facts(self, checks: Mapping[str, Any]) -> Facts:
        """The facts of then, of the record's block `checks`."""
        return Facts(
            enrolled=True,
            class_filed=checks["class_filed"],
            identified=checks["identity"],
            course_tests=checks["course_tests"],
            teachers_valid=checks["teachers"],
            admitted_on=self.admitted_on,
            train_again=self.train_again,
        )
