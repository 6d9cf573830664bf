"""What is still missing for the exam, in plain sentences: how many hours, and where they are to be had."""

from __future__ import annotations

from elearn.credit_export.eligibility import Reason
from elearn.credit_export.hours import missing
from elearn.credit_export.why_not import Outcome
from elearn.locale import gettext as _
from elearn.pages import why_not_texts
from elearn.pages.reason_texts import reason_text

HOURS = frozenset({Reason.HOURS_THEORY_SHORT, Reason.HOURS_PRACTICE_SHORT, Reason.OFFLINE_SHARE_LOW})


def sentences(outcome: Outcome) -> list[str]:
    """One for each thing that is missing, hours first; none when the rules of today are met.

    They say what the judgement says: hours are told only where it found them short.
    """
    if not HOURS & set(outcome.reasons):
        return [reason_text(one) for one in outcome.reasons]
    short = missing(
        outcome.case.hours,
        required_theory=outcome.case.category.required_theory,
        required_practice=outcome.case.category.required_practice,
        rules=outcome.case.rules.hours,
    )
    said = []
    if short.classroom:
        said.append(_("Still %(hours)s hours of theory in the classroom", hours=plain(short.classroom)))
    if short.theory:
        said.append(_("Still %(hours)s hours of theory, which you can study here", hours=plain(short.theory)))
    if short.practice:
        said.append(_("Still %(hours)s hours of practice on site", hours=plain(short.practice)))
    return said + [reason_text(one) for one in outcome.reasons if one not in HOURS]


def plain(micro: int) -> str:
    """Millionths of a 学时, rounded up to tenths, without a zero behind the point: `6`, `20.5`."""
    return why_not_texts.missing(micro).removesuffix(".0")
