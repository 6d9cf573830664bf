"""The pace of keys and licences, and the spans and policy figures that it and the verifier reckon with."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
        "elearn/tracking/pacing.py",
        "pacing",
        ("a sitting that is over gets no key", "if sitting.ended_ms is not None or not 0 <=", "if not 0 <="),
        (
            "no key for what is no block",
            "if sitting.ended_ms is not None or not 0 <= block.start_ms < block.end_ms <= duration_ms:",
            "if sitting.ended_ms is not None:",
        ),
        ("had before: always again", "    if delivered:\n        return Given(new=False)\n", ""),
        (
            "bare F instead of P",
            "reached_ms = min(frontier_ms, covered_ms + policy.tail_ms(duration_ms))",
            "reached_ms = frontier_ms",
            "pacing+laws",
        ),
        (
            "|K| + TAIL instead of P",
            "reached_ms = min(frontier_ms, covered_ms + policy.tail_ms(duration_ms))",
            "reached_ms = covered_ms + policy.tail_ms(duration_ms)",
        ),
        (
            "time since opening instead of A",
            "silent_ms = max(0, min(tau_ms - sitting.e_ms, policy.gap_max_ms))",
            "silent_ms = max(0, min(tau_ms - sitting.opened_ms, policy.gap_max_ms))",
            "pacing+laws",
        ),
        (
            "silence counts for GAP_MAX at most",
            "silent_ms = max(0, min(tau_ms - sitting.e_ms, policy.gap_max_ms))",
            "silent_ms = max(0, tau_ms - sitting.e_ms)",
        ),
        (
            "what is left over counts up to CARRY",
            "worth_ms = min(sitting.carry_ms, policy.carry_max_ms) +",
            "worth_ms = sitting.carry_ms +",
        ),
        (
            "what is left over counts: nobody stalls",
            "worth_ms = min(sitting.carry_ms, policy.carry_max_ms) + policy.worth_ms(silent_ms)",
            "worth_ms = policy.worth_ms(silent_ms)",
            "pacing+honest",
        ),
        ("DAY_CAP bounds A", "min(worth_ms, policy.day_cap_ms - taken_ms, ", "min(worth_ms, "),
        ("PEND_MAX bounds A", ", policy.pend_max_ms - learner.pending_ms)", ")"),
        (
            "a full day takes nothing from P",
            "worth_ms = max(0, min(worth_ms, policy",
            "worth_ms = (min(worth_ms, policy",
        ),
        ("held: A is 0", "    if learner.held:\n        worth_ms = 0\n", ""),
        (
            "LEAD once, not twice",
            "ahead_ms = block.start_ms - credible_ms - policy.lead_for(player)",
            "ahead_ms = block.start_ms - credible_ms - 2 * policy.lead_for(player)",
            "pacing+laws",
        ),
        (
            "Retry-After is what is missing, H at most",
            "return Wait(max(1, min(-(-wait_ms // 1_000), policy.heartbeat_ms // 1_000)))",
            "return Wait(-(-wait_ms // 1_000))",
        ),
        ("Retry-After by the rate", "wait_ms = -(-ahead_ms * 1_000 // policy.rate_max_permille)", "wait_ms = ahead_ms"),
        ("licence: not for a sitting that is over", "    if ended_ms is not None:\n        return Forbidden()\n", ""),
        ("licence: not where downloads are off", "    if policy.licence_ms == 0:\n        return NoDownloads()\n", ""),
        (
            "licence: a fresh one is given again",
            "return Given(new=2 * left_ms <= policy.licence_ms)",
            "return Given(new=True)",
        ),
    ),
    *in_file(
        "elearn/tracking/spans.py",
        "spans",
        ("touching spans join", "start <= merged[-1].end_ms:", "start < merged[-1].end_ms:"),
        (
            "a span within another adds nothing",
            "            if end > merged[-1].end_ms:\n                merged",
            "            if True:\n                merged",
        ),
        ("empty spans hold nothing", "        if end <= start:\n            continue\n", ""),
        (
            "what was taken is not left",
            "        start = part.end_ms\n    if start",
            "        start = part.start_ms\n    if start",
        ),
        (
            "delivered up to the first hole",
            "Span(span.start_ms, missing[0].start_ms)",
            "Span(span.start_ms, missing[-1].start_ms)",
        ),
        (
            "a hole of DELTA is bridged",
            "if part.start_ms - frontier > bridge_ms:",
            "if part.start_ms - frontier >= bridge_ms:",
        ),
        (
            "a longer hole is not",
            "            break\n        frontier = part.end_ms",
            "            pass\n        frontier = part.end_ms",
        ),
        (
            "overlaps count once",
            "sum(part.length_ms for part in merge(spans))",
            "sum(part.length_ms for part in spans)",
        ),
    ),
    *in_file(
        "elearn/tracking/policy.py",
        "policy",
        (
            "worth is rounded down",
            "return elapsed_ms * self.rate_max_permille * (1_000 + self.eps_permille) // 1_000_000",
            "return -(-elapsed_ms * self.rate_max_permille * (1_000 + self.eps_permille) // 1_000_000)",
        ),
        (
            "EPS belongs to worth",
            "return elapsed_ms * self.rate_max_permille * (1_000 + self.eps_permille) // 1_000_000",
            "return elapsed_ms * self.rate_max_permille // 1_000",
        ),
        (
            "RATE_MAX belongs to worth",
            "return elapsed_ms * self.rate_max_permille * (1_000 + self.eps_permille) // 1_000_000",
            "return elapsed_ms * (1_000 + self.eps_permille) // 1_000",
        ),
        (
            "EPS belongs to the clock's limit",
            "return elapsed_ms * (1_000 + self.eps_permille) // 1_000 + self.clk_slack_ms",
            "return elapsed_ms + self.clk_slack_ms",
            "verifier",
        ),
        (
            "CLK_SLACK belongs to the clock's limit",
            "return elapsed_ms * (1_000 + self.eps_permille) // 1_000 + self.clk_slack_ms",
            "return elapsed_ms * (1_000 + self.eps_permille) // 1_000",
            "verifier",
        ),
        (
            "CARRY is media: the rate times it",
            "return self.rate_max_permille * self.carry_ms // 1_000",
            "return self.carry_ms",
        ),
        (
            "TAIL is 2 s at least",
            "return max(self.tail_min_ms, duration_ms * self.tail_permille // 1_000)",
            "return duration_ms * self.tail_permille // 1_000",
        ),
        (
            "TAIL is 1 % of long lessons",
            "return max(self.tail_min_ms, duration_ms * self.tail_permille // 1_000)",
            "return self.tail_min_ms",
        ),
        (
            "days are the zone's",
            "fromtimestamp(at_ms // 1_000, ZoneInfo(self.zone))",
            "fromtimestamp(at_ms // 1_000, UTC)",
        ),
        (
            "what ends at midnight belongs to the day before",
            "            if midnight_ms >= end_ms:\n",
            "            if midnight_ms > end_ms:\n",
        ),
        (
            "checks are due before pending is full",
            "if not 0 < self.presence_min_ms <= self.presence_max_ms <= self.pend_max_ms:",
            "if not 0 < self.presence_min_ms <= self.presence_max_ms:",
        ),
    ),
]
