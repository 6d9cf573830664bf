"""The verifier's rules (MODEL 1.2), in the order in which it asks them."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = in_file(
    "elearn/tracking/verifier.py",
    "verifier",
    # -- report(): numbers
    (
        "the same report again is acknowledged",
        "    if digest_seen is not None and digest_seen == digest:\n        return Ordering.DUPLICATE\n",
        "",
    ),
    (
        "another report under one number is a fork",
        "    if digest_seen is not None or report_seq <= seq_seen:\n",
        "    if digest_seen is not None:\n",
    ),
    (
        "a report that waits is not replaced",
        "    if digest_seen is not None or report_seq <= seq_seen:\n",
        "    if report_seq <= seq_seen:\n",
    ),
    (
        "reports are applied in turn",
        "if report_seq == seq_seen + 1:",
        "if report_seq > seq_seen:",
        "verifier+laws",
    ),
    (
        "no number further ahead than REORDER",
        "report_seq > seq_seen + policy.reorder or held_count",
        "held_count",
    ),
    ("no more than REORDER wait", " or held_count >= policy.reorder:", ":"),
    # -- time
    ("server time never runs backwards", "return max(now_ms, learner.tau_ms)", "return now_ms", "verifier+laws"),
    (
        "nothing is played after the sitting's end",
        "limit_ms = tau_ms if sitting.ended_ms is None else min(tau_ms, sitting.ended_ms)",
        "limit_ms = tau_ms",
        "verifier+laws",
    ),
    (
        "what was queued was played earlier",
        "queued_ms = max(0, report.sent_cm_ms - report.cm_ms)",
        "queued_ms = 0",
    ),
    (
        "playing ends no earlier than the report before",
        "return max(sitting.e_ms, min(limit_ms, tau_ms - queued_ms))",
        "return min(limit_ms, tau_ms - queued_ms)",
        "verifier+laws",
    ),
    (
        "a client cannot place its playing in the future",
        "return max(sitting.e_ms, min(limit_ms, tau_ms - queued_ms))",
        "return max(sitting.e_ms, tau_ms - report.sent_cm_ms + report.cm_ms)",
        "verifier+laws",
    ),
    (
        "a wild playing time touches no other days",
        "return min(e_ms, max(e_ms - report.play_ms, sitting.opened_ms))",
        "return min(e_ms, e_ms - report.play_ms)",
    ),
    (
        "real time is what passed since the report before",
        "window_ms = e_ms - sitting.e_ms",
        "window_ms = tau_ms - sitting.opened_ms",
        "verifier+laws",
    ),
    (
        "real time is used up",
        "replace(sitting, e_ms=e_ms, carry_ms=carry_ms, real",
        "replace(sitting, carry_ms=carry_ms, real",
        "verifier+laws",
    ),
    (
        "at most CARRY is left over",
        "carry_ms = min(sitting.carry_ms, policy.carry_max_ms)",
        "carry_ms = sitting.carry_ms",
    ),
    (
        "a refused report forfeits its time",
        "return Verdict((), _refuse(claimed, impossible, unit), sitting, learner, unit.frontier_ms)",
        "return Verdict((), _refuse(claimed, impossible, unit), replace(sitting, carry_ms=window_ms), learner, "
        "unit.frontier_ms)",
    ),
    (
        "a report of too much media forfeits its time",
        "return Verdict((), _refuse(claimed, untimely, unit), sitting, learner, unit.frontier_ms)",
        "return Verdict((), _refuse(claimed, untimely, unit), replace(sitting, e_ms=e_ms - window_ms), learner, "
        "unit.frontier_ms)",
    ),
    # -- what is possible
    (
        "OUT_OF_RANGE: not before the beginning",
        "if not 0 <= report.a_ms <= report.b_ms <= unit.duration_ms + policy.delta_ms:",
        "if not report.a_ms <= report.b_ms <= unit.duration_ms + policy.delta_ms:",
    ),
    (
        "OUT_OF_RANGE: not backwards",
        "if not 0 <= report.a_ms <= report.b_ms <= unit.duration_ms + policy.delta_ms:",
        "if not (0 <= report.a_ms and report.b_ms <= unit.duration_ms + policy.delta_ms):",
    ),
    (
        "OUT_OF_RANGE: not beyond the end",
        "if not 0 <= report.a_ms <= report.b_ms <= unit.duration_ms + policy.delta_ms:",
        "if not 0 <= report.a_ms <= report.b_ms:",
    ),
    (
        "what lies beyond the end is no media",
        "within = Span(affordable.start_ms, min(affordable.end_ms, unit.duration_ms))",
        "within = affordable",
    ),
    (
        "CLOCK_FAST: a clock ahead of ours",
        "if report.cm_ms - sitting.cm_open_ms > policy.clock_limit_ms(tau_ms - sitting.opened_ms):",
        "if False:",
        "verifier+laws+corpus",
    ),
    (
        "CLOCK_FAST: by no more than CLK_SLACK and EPS",
        "if report.cm_ms - sitting.cm_open_ms > policy.clock_limit_ms(tau_ms - sitting.opened_ms):",
        "if report.cm_ms - sitting.cm_open_ms > policy.clock_limit_ms(tau_ms - sitting.opened_ms) + 1:",
    ),
    (
        "CLOCK_FAST: a clock that went back",
        "if ticked_ms < 0 or report.play_ms > ticked_ms + policy.rate_slack_ms:",
        "if report.play_ms > ticked_ms + policy.rate_slack_ms:",
    ),
    (
        "CLOCK_FAST: more playing than the clock went",
        "if ticked_ms < 0 or report.play_ms > ticked_ms + policy.rate_slack_ms:",
        "if ticked_ms < 0:",
    ),
    (
        "the client's clock is remembered",
        "sitting = replace(sitting, last_cm_ms=report.cm_ms)",
        "sitting = replace(sitting, last_cm_ms=sitting.last_cm_ms)",
        "verifier+laws",
    ),
    ("TOO_LATE", "if tau_ms - e_ms > policy.late_age_ms:", "if False:", "verifier+laws"),
    (
        "RATE",
        "if report.b_ms - report.a_ms > policy.worth_ms(report.play_ms) + policy.rate_slack_ms:",
        "if False:",
        "verifier+laws",
    ),
    (
        "RATE: RATE_SLACK once, not twice",
        "if report.b_ms - report.a_ms > policy.worth_ms(report.play_ms) + policy.rate_slack_ms:",
        "if report.b_ms - report.a_ms > policy.worth_ms(report.play_ms) + 2 * policy.rate_slack_ms:",
        "verifier+laws",
    ),
    # -- the budget
    (
        "OVER_BUDGET",
        "spend_ms = min(report.b_ms - report.a_ms, available_ms)",
        "spend_ms = report.b_ms - report.a_ms",
        "verifier+laws",
    ),
    (
        "no opening bonus",
        "available_ms = carry_ms + policy.worth_ms(window_ms)",
        "available_ms = carry_ms + policy.worth_ms(window_ms) + 1_000",
        "verifier+laws+corpus",
    ),
    (
        "what is spent is gone",
        "sitting = replace(sitting, carry_ms=available_ms - spend_ms)",
        "sitting = replace(sitting, carry_ms=available_ms)",
        "verifier+laws",
    ),
    (
        "SUPERSEDED is what a sitting that ended is told",
        "over = Refusal.OVER_BUDGET if sitting.ended_ms is None else Refusal.SUPERSEDED",
        "over = Refusal.OVER_BUDGET",
    ),
    # -- what does not count
    ("HIDDEN", "if report.hidden_ms > policy.hidden_grace_ms:", "if False:", "verifier+laws"),
    ("HIDDEN_GRACE", "if report.hidden_ms > policy.hidden_grace_ms:", "if report.hidden_ms > 0:"),
    ("PRESENCE_REQUIRED while held", "    if learner.held:\n", "    if False:\n", "verifier+corpus"),
    (
        "FORWARD_SEEK",
        "if report.a_ms > unit.frontier_ms + policy.delta_ms:",
        "if False:",
        "verifier+laws",
    ),
    (
        "FORWARD_SEEK: by no more than DELTA",
        "if report.a_ms > unit.frontier_ms + policy.delta_ms:",
        "if report.a_ms > unit.frontier_ms + 2 * policy.delta_ms:",
        "verifier+laws",
    ),
    ("NOT_DELIVERED", "there = leading_covered(within, unit.delivered)", "there = within", "verifier+laws"),
    (
        "ALREADY_CREDITED",
        "_by_day(subtract(there, unit.known), claimed,",
        "_by_day([there], claimed,",
        "verifier+laws",
    ),
    # -- late, days, pending
    ("older than ONLINE is late", "late = tau_ms - e_ms > policy.online_ms or 0", "late = 0", "verifier+laws"),
    (
        "one long report after a silence is late",
        "> policy.online_ms or 0 < policy.burst_ms < report.play_ms",
        "> policy.online_ms",
        "verifier+laws",
    ),
    (
        "real hours: min(media, real time)",
        "took_ms = min(spend_ms, there_ms, max(0, report.play_ms + policy.rate_slack_ms))",
        "took_ms = spend_ms",
        "real hours",
    ),
    (
        "real hours: real time is spent",
        "replace(sitting, real_carry_ms=there_ms - took_ms)",
        "replace(sitting, real_carry_ms=there_ms)",
        "real hours",
    ),
    (
        "real hours: what the player says of its playing only lowers it",
        "took_ms = min(spend_ms, there_ms, max(0, report.play_ms + policy.rate_slack_ms))",
        "took_ms = min(spend_ms, there_ms)",
        "real hours",
    ),
    (
        "a report in time begins a new gap",
        "    if not late:\n        sitting = replace(sitting, gap_late_ms=0)\n",
        "",
    ),
    ("a late report does not", "    if not late:\n", "    if True:\n"),
    (
        "midnight cuts by share of playing",
        "end_ms = claimed.start_ms + claimed.length_ms * (until_ms - began_ms) // (e_ms - began_ms)",
        "end_ms = claimed.start_ms",
    ),
    (
        "DAY_CAP",
        "            (pace.media_worth(piece.start_ms, policy.day_cap_ms - use.taken_ms), Refusal.DAY_CAP),\n",
        "",
        "verifier+laws",
    ),
    (
        "PEND_MAX",
        "            (policy.pend_max_ms - pending_ms, Refusal.PRESENCE_REQUIRED),\n",
        "",
        "verifier+laws",
    ),
    (
        "GAP_MAX",
        "rooms.append((min(policy.gap_max_ms - gap_late_ms, today_ms), Refusal.OFFLINE_LIMIT))",
        "rooms.append((today_ms, Refusal.OFFLINE_LIMIT))",
        "verifier+laws",
    ),
    (
        "LATE_DAY",
        "rooms.append((min(policy.gap_max_ms - gap_late_ms, today_ms), Refusal.OFFLINE_LIMIT))",
        "rooms.append((policy.gap_max_ms - gap_late_ms, Refusal.OFFLINE_LIMIT))",
        "verifier+laws",
    ),
    ("the day's time is counted", "used_ms=use.used_ms + worth_ms", "used_ms=use.used_ms", "verifier+laws"),
    ("the day's late time is counted", "late_ms + (worth_ms if late else 0)", "late_ms", "verifier+laws"),
    ("a day on site leaves less of it", "self.used_ms + self.attended_ms", "self.used_ms", "verifier"),
    ("the gap's late time is counted", "            gap_late_ms += granted_ms if late else 0\n", "", "verifier+laws"),
    ("pending time is counted", "            pending_ms += granted_ms\n", "", "verifier+laws"),
    ("behind a full cap nothing more is taken", "            stopped = limit\n", "", "verifier"),
    (
        "the frontier bridges DELTA and no more",
        "[*unit.known, *(c.span for c in credited)], bridge_ms=policy.delta_ms, from_ms=unit.frontier_ms",
        "[*unit.known, *(c.span for c in credited)], bridge_ms=2 * policy.delta_ms, from_ms=unit.frontier_ms",
        "verifier+laws",
    ),
)
