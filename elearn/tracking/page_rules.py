"""Units of pages: what of a report about a page may count at all (DESIGN 3.6a). Pure.

A page is a stretch [start, end) of its unit as long as its credit time, so reading is watched by the rules of MODEL
1.2 and these four more. They only ever take away:

* Time is time: a page counts at rate 1, whatever a region allows for videos.
* Only the page that is shown counts, so a report across a border counts up to the border.
* Only time since it was shown counts: what was left unspent before (the carry) is worth nothing on it.
* It stops `page_idle_ms` after the last sign of life. Who tells of none had it when the page was shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a sitting shows, since `shown_ms` of server time; `after_seq` is the last report decided before."""

    span: Span
    shown_ms: int
    after_seq: int


NOTHING_SHOWN = Page(Span(0, 0), 0, -1)
"""A sitting of a unit of pages before its first page."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Of a sitting, what is to be spent: real time is used up to `e_ms`, `carry_ms` of media may still be claimed."""

    e_ms: int
    carry_ms: int
    real_carry_ms: int


@lru_cache(maxsize=64)
def at_rate_one(policy: Policy) -> Policy:
    """The rules as they are for pages: nobody reads faster than the time that the reviewer gave."""
    return replace(policy, rate_max_permille=min(1_000, policy.rate_max_permille))


def budget_on(page: Page, seq: int, budget: Budget) -> Budget:
    """The budget that the next report starts with, when `seq` is the last one decided.

    The first report after a page was shown starts as a sitting does: at that moment, with nothing to spend.
    """
    if page.after_seq < 0 or seq > page.after_seq:
        return budget
    return Budget(max(budget.e_ms, page.shown_ms), 0, 0)


def shown_part(claimed: Span, page: Page) -> Span:
    """The leading part of `claimed` that lies on the page shown; empty when its beginning does not."""
    if not page.span.start_ms <= claimed.start_ms < page.span.end_ms:
        return Span(claimed.start_ms, claimed.start_ms)
    return Span(claimed.start_ms, min(claimed.end_ms, page.span.end_ms))


def awake_part(claimed: Span, play_ms: int, idle_ms: int | None, *, e_ms: int, page: Page, policy: Policy) -> Span:
    """The leading part of `claimed` that was read before `page_idle_ms` without a touch were over.

    The claim is spread evenly over its `play_ms`, as at midnight. `idle_ms`: since the last touch, when it was made.
    """
    since_ms = e_ms - page.shown_ms if idle_ms is None else idle_ms
    asleep_ms = since_ms - policy.page_idle_ms
    if asleep_ms <= 0:
        return claimed
    awake_ms = max(0, play_ms - asleep_ms)
    length_ms = claimed.length_ms * awake_ms // play_ms if awake_ms else 0
    return Span(claimed.start_ms, claimed.start_ms + length_ms)


def may_show(
    page: Span, *, frontier_ms: int, covered_ms: int, duration_ms: int, policy: Policy, delivered: bool
) -> bool:
    """May this page be shown now? The next one when all before it is believed; those shown before at any time.

    Where MODEL 1.8 lets a key go as soon as the time for it has passed, a page waits for its report: it is shown to be
    read at once, so there is nothing to load ahead. P is MODEL's, lest crumbs carry the frontier to the end.
    """
    reached_ms = min(frontier_ms, covered_ms + policy.tail_ms(duration_ms))
    return delivered or page.start_ms <= reached_ms + policy.delta_ms


def missing_ms(page: Span, *, frontier_ms: int, policy: Policy) -> int:
    """How much must still be read before `page` opens, at least."""
    return max(0, page.start_ms - policy.delta_ms - frontier_ms)
