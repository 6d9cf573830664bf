"""Pure: hours against the law in words, for pages, papers and tables alike. What there is is rounded down, what is
missing up: nobody is shown too much."""

from __future__ import annotations

from elearn.courses.requirements.rows import Training
from elearn.credit_export.hours import MICRO
from elearn.credit_export.paper.sheets import Says
from elearn.training.law_hours import Verdict

TENTH = MICRO // 10


def tenths(micro: int, *, up: bool = False) -> str:
    """Millionths of a 学时 in tenths, without a zero behind the point: `18`, `20.5`."""
    whole, part = divmod(-(-micro // TENTH) if up else micro // TENTH, 10)
    return f"{whole}.{part}" if part else str(whole)


def when_text(training: Training, _: Says) -> str:
    """When the hours are learned that are asked."""
    return _("Before the post") if training is Training.INITIAL else _("This year")


def hours_text(has: int, asked: int | None, clause: str, _: Says) -> str:
    """`18 of 24 class hours (令3 第十三条)`."""
    if asked is None:
        none = _("no confirmed rule for this post here")
        return f"{_('%(has)s class hours', has=tenths(has))} · {none}" if has else none
    so_far = _("%(has)s of %(asked)s class hours", has=tenths(has), asked=asked)
    return _("%(hours)s (%(clause)s)", hours=so_far, clause=clause) if clause else so_far


def verdict_text(verdict: Verdict, short: int, _: Says) -> str:
    return {
        Verdict.ENOUGH: _("enough"),
        Verdict.SHORT: _("%(short)s short", short=tenths(short, up=True)),
        Verdict.UNKNOWN: _("not known"),
    }[verdict]


def short_text(category: str, has: int, asked: int, clause: str, _: Says) -> str:
    """What is said to whoever makes a programme or a rule."""
    said = _("%(asked)s class hours for “%(category)s”, this gives %(has)s", asked=asked, category=category,
             has=tenths(has))  # fmt: skip
    return _("%(hours)s (%(clause)s)", hours=said, clause=clause) if clause else said
