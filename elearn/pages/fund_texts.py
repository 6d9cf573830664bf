"""Words of the training fund: rates with their clauses, purses, employment."""

from __future__ import annotations

from elearn.locale import gettext as _
from elearn.pages.people import employment_kinds
from elearn.training.plans.fund_rules import SOURCE, Rate, Tag

TOGETHER = "all"
"""Of a form: for all kinds of employment together."""


def rate_text(rate: Rate) -> str:
    return {
        Rate.GENERAL: _("1.5 %: an ordinary enterprise"),
        Rate.DEMANDING: _("2.5 %: workers need much skill, much is to be trained, business is good"),
    }[rate]


def rate_choices() -> list[tuple[str, str]]:
    return [(one.value, rate_text(one)) for one in Rate]


def clause_text(rate: Rate) -> str:
    """Which document says it, and its words, quoted as they stand."""
    return f"{SOURCE}: “{rate.clause}”"


def tag_text(tag: Tag) -> str:
    return {
        Tag.TRAINING_FUND: _("The training fund itself"),
        Tag.INJURY_PREVENTION: _("Work injury prevention money"),
        Tag.SAFETY_COSTS: _("Safety production costs"),
        Tag.SUBSIDY: _("A public subsidy"),
        Tag.OTHER: _("Another purse"),
    }[tag]


def tag_choices() -> list[tuple[str, str]]:
    return [(one.value, tag_text(one)) for one in Tag]


def kind_text(kind: str | None) -> str:
    return _("All kinds together") if kind is None else employment_kinds().get(kind, kind)


def kind_choices() -> list[tuple[str, str]]:
    return [(TOGETHER, kind_text(None)), *employment_kinds().items()]
