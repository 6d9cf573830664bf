"""What an admission rests on: hours, a certificate that takes their place, or training of before. Pure.

From RULES 0.1 and 4(c): since 2026-06-01 (Order 19) the holder of a valid 职业技能等级证书 sits the exam without
training, and who failed the exam is not trained again. Both are findings of two people (`findings/`); neither is an
exam result: this platform knows none (教考分离). Somebody on the blacklist is not eligible, whatever the basis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from elearn.credit_export.eligibility import (
    OF_TRAINING,
    Candidate,
    Category,
    EligibleExempt,
    Facts,
    Ineligible,
    Judgement,
    Reason,
    Rules,
    judge,
)
from elearn.credit_export.findings.rules import Kind
from elearn.credit_export.hours import Tally


class Basis(StrEnum):
    HOURS = "hours"
    SKILL_CERTIFICATE = "exempt_skill_certificate"
    EARLIER_TRAINING = "earlier_training"


OF_KIND = {Kind.SKILL_CERTIFICATE: Basis.SKILL_CERTIFICATE, Kind.EARLIER_TRAINING: Basis.EARLIER_TRAINING}


@dataclass(frozen=True, slots=True)
class Excuse:
    """A finding about this person and outline that takes the place of training."""

    id: UUID
    basis: Basis
    paper: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What findings say about a person under one outline, on one day."""

    excuses: Sequence[Excuse] = ()
    blacklisted: bool = False


NOTHING = Found()


@dataclass(frozen=True, slots=True)
class Judged:
    judgement: Judgement
    excuse: Excuse | None = None
    """What takes the place of hours; None: hours are the basis."""

    def basis(self) -> dict[str, Any]:
        """As a record keeps it. The number of a paper stands in no record: it is opened when somebody is told."""
        if self.excuse is None:
            return {"kind": Basis.HOURS.value}
        return {"kind": self.excuse.basis.value, "paper": self.excuse.paper, "finding": str(self.excuse.id)}


def judged(
    person_id: UUID, category: Category, on: date, hours: Tally, facts: Facts, found: Found, *, rules: Rules
) -> Judged:
    """Judge with what findings say. Hours that are enough need no excuse, and none is then named."""
    plain = judge(Candidate(person_id), category, on, hours, facts, rules=rules)
    made = Judged(plain)
    if isinstance(plain, Ineligible):
        for excuse in sorted(found.excuses, key=lambda one: (one.basis is not Basis.SKILL_CERTIFICATE, one.id)):
            excused = _excused(excuse, plain, person_id, category, on, hours, facts, rules)
            if not isinstance(excused, Ineligible):
                made = Judged(excused, excuse)
                break
    if not found.blacklisted:
        return made
    reasons = made.judgement.reasons if isinstance(made.judgement, Ineligible) else ()
    return Judged(Ineligible(plain.rules, (*reasons, Reason.BLACKLISTED)), made.excuse)


def _excused(
    excuse: Excuse,
    plain: Ineligible,
    person_id: UUID,
    category: Category,
    on: date,
    hours: Tally,
    facts: Facts,
    rules: Rules,
) -> Judgement:
    if excuse.basis is Basis.SKILL_CERTIFICATE:
        holder = Candidate(person_id, skill_certificate=str(excuse.id))
        return judge(holder, category, on, hours, facts, rules=rules)
    left = tuple(reason for reason in plain.reasons if reason not in OF_TRAINING)
    if left or (rules.retraining_after_failure and on < rules.exemption_from):
        return plain
    return EligibleExempt(plain.rules, str(excuse.id))
