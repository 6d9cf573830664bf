"""Lessons of pages: what reading earns, and what may be shown."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
        "elearn/tracking/page_rules.py",
        "pages",
        (
            "what was left unspent is worth nothing on a fresh page",
            "return Budget(max(budget.e_ms, page.shown_ms), 0, 0)",
            "return Budget(max(budget.e_ms, page.shown_ms), budget.carry_ms, 0)",
        ),
        (
            "only time since the page was shown",
            "return Budget(max(budget.e_ms, page.shown_ms), 0, 0)",
            "return Budget(budget.e_ms, 0, 0)",
        ),
        (
            "time that was used up before stays used up",
            "return Budget(max(budget.e_ms, page.shown_ms), 0, 0)",
            "return Budget(page.shown_ms, 0, 0)",
        ),
        ("the first report after a showing, also at its very moment", "seq > page.after_seq", "seq >= page.after_seq"),
        ("up to the border of the page", "min(claimed.end_ms, page.span.end_ms)", "claimed.end_ms"),
        (
            "no page but the one that is shown",
            "if not page.span.start_ms <= claimed.start_ms < page.span.end_ms:",
            "if claimed.start_ms >= page.span.end_ms:",
        ),
        ("five minutes after the last touch it stops", "if asleep_ms <= 0:", "if True:"),
        ("who tells of no touch had it at the showing", "e_ms - page.shown_ms if idle_ms", "0 if idle_ms"),
        ("rate 1, whatever videos may do", "min(1_000, policy.rate_max_permille)", "policy.rate_max_permille"),
        (
            "crumbs open no page",
            "reached_ms = min(frontier_ms, covered_ms + policy.tail_ms(duration_ms))",
            "reached_ms = frontier_ms",
        ),
        ("a page waits for the one before", "reached_ms + policy.delta_ms", "reached_ms + policy.delta_ms + 1"),
        ("what was shown once is shown again", "return delivered or", "return"),
    ),
    *in_file(
        "elearn/tracking/page_views.py",
        "reading",
        ("no page to a sitting that is over", "if locked.ended_ms is not None:", "if False:"),
        ("a page in its turn only", "if not page_rules.may_show(", "if False and not page_rules.may_show("),
        ("what is shown already keeps its time", "if last is None or last.page != index:", "if True:"),
        ("a showing is a delivery", "if not delivered:", "if False:"),
    ),
    *in_file(
        "elearn/tracking/delivery.py",
        "reading",
        ("pages have no keys", "facts.kind is not UnitKind.VIDEO or not", "not"),
    ),
    *in_file(
        "elearn/tracking/licences.py",
        "reading",
        ("pages are not downloaded", ".kind is not UnitKind.VIDEO:", ".kind is None:"),
    ),
    *in_file(
        "elearn/tracking/media_routes.py",
        "reading",
        (
            "a picture to whom its page was shown",
            "if not page_views.was_delivered(",
            "if False and not page_views.was_delivered(",
        ),
    ),
]
