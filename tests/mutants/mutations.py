"""What is broken on purpose: at least one mutation per rule of MODEL 1.2 and 1.8 and per guard of the doors.

Data only. `old` stands exactly once in its file (a test looks), `new` takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PURE = "tests/tracking/pure/"
SERVICE = "tests/tracking/service/"

SUITES: Mapping[str, Sequence[str]] = {
    "verifier": [PURE + "test_verifier.py"],
    "pacing": [PURE + "test_pacing.py"],
    "spans": [PURE + "test_spans.py", PURE + "test_span_properties.py"],
    "policy": [PURE + "test_policy.py"],
    "presence": [PURE + "test_presence.py"],
    "laws": [PURE + "test_invariants.py"],
    "honest": [PURE + "test_honest_stories.py"],
    "corpus": [PURE + "test_corpus.py"],
    "service": [
        SERVICE + "test_guards.py",
        SERVICE + "test_bad_input.py",
        SERVICE + "test_watching_a_lesson.py",
        SERVICE + "test_ledger_check.py",
    ],
    "ways": ["tests/tracking/presence/test_ways.py"],
    "real hours": ["tests/tracking/test_real_hours.py"],
    "at once": [SERVICE + "test_two_at_once.py"],
    "pages": [PURE + "test_page_rules.py"],
    "reading": [SERVICE + "test_pages.py"],
}
"""Name -> the narrow tests that should see a mutation."""


@dataclass(frozen=True)
class Mutation:
    """One rule removed or loosened. Each of `suites` must fail with it."""

    rule: str
    file: str
    old: str
    new: str
    suites: tuple[str, ...]


def _in(file: str, suites: str, *rows: tuple[str, ...]) -> list[Mutation]:
    """Rows of (rule, old, new) or (rule, old, new, other suites); suites are parted by "+"."""
    return [
        Mutation(row[0], file, row[1], row[2], tuple((row[3] if len(row) == 4 else suites).split("+"))) for row in rows
    ]


_VERIFIER = _in(
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
        "            (pace.media_worth(piece.start_ms, policy.day_cap_ms - use.used_ms), Refusal.DAY_CAP),\n",
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
    ("the day's time is counted", "DayUse(use.used_ms + worth_ms, ", "DayUse(use.used_ms, ", "verifier+laws"),
    ("the day's late time is counted", ", use.late_ms + (worth_ms if late else 0))", ", use.late_ms)", "verifier+laws"),
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

_PACING = _in(
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
    ("DAY_CAP bounds A", "min(worth_ms, policy.day_cap_ms - used_ms, ", "min(worth_ms, "),
    ("PEND_MAX bounds A", ", policy.pend_max_ms - learner.pending_ms)", ")"),
    ("a full day takes nothing from P", "worth_ms = max(0, min(worth_ms, policy", "worth_ms = (min(worth_ms, policy"),
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
)

_SPANS = _in(
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
    ("overlaps count once", "sum(part.length_ms for part in merge(spans))", "sum(part.length_ms for part in spans)"),
)

_POLICY = _in(
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
    ("days are the zone's", "fromtimestamp(at_ms // 1_000, ZoneInfo(self.zone))", "fromtimestamp(at_ms // 1_000, UTC)"),
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
)

_PRESENCE = _in(
    "elearn/tracking/presence.py",
    "presence",
    (
        "the draw is secret",
        'drawn = int.from_bytes(hmac.digest(secret, message, "sha256"))',
        "drawn = int.from_bytes(message)",
    ),
    (
        "both ends can be drawn",
        "(policy.presence_max_ms - policy.presence_min_ms + 1)",
        "(policy.presence_max_ms - policy.presence_min_ms)",
    ),
    ("held: a check is due", "    if held:\n        return True\n", ""),
    (
        "nothing pending: no check",
        "return pending_ms > 0 and (pending_ms >= due_after_ms",
        "return (pending_ms >= due_after_ms",
    ),
    ("a completed unit is checked", ">= due_after_ms or completed or asked)", ">= due_after_ms or asked)"),
    ("a learner may ask", ">= due_after_ms or completed or asked)", ">= due_after_ms or completed)"),
    ("two tries and no more", "TRIES = 2\n", "TRIES = 3\n"),
    (
        "sixty seconds and ten",
        "return put_at_ms + policy.answer_ms + policy.answer_grace_ms",
        "return put_at_ms + policy.answer_ms",
    ),
    ("no answer after the deadline", "return answered_at_ms <= deadline_ms(put_at_ms, policy)", "return True"),
    (
        "PRESENCE_FAILED: pending falls back",
        "    if not passed:\n        return Settled",
        "    if False:\n        return Settled",
    ),
    (
        "a failed check holds",
        "for piece in pending), held=True)",
        "for piece in pending), held=False)",
        "presence+corpus",
    ),
    (
        "PRESENCE_EXPIRED",
        "        if tau_ms - piece.credited_at_ms > policy.pend_age_ms:\n",
        "        if False:\n",
        "presence+laws",
    ),
    (
        "a passed check releases",
        "return Settled(tuple(final), tuple(removed), held=False)",
        "return Settled(tuple(final), tuple(removed), held=bool(removed))",
        "presence",
    ),
    ("complete is what is covered, up to TAIL", "covered_ms >= duration_ms - policy.tail_ms(duration_ms)", "True"),
    ("nothing watched is never complete", "return covered_ms > 0 and covered_ms", "return covered_ms"),
)

_DOORWAY = _in(
    "elearn/tracking/doorway.py",
    "service",
    ("a token is its learner's", "if token.learner_id != current_person_id():", "if False:"),
    ("a token is its sitting's", "if token.sitting_id != sitting_id:", "if False:"),
)

_ROUTES = _in(
    "elearn/tracking/routes.py",
    "service",
    ("a message is signed with a nonce of ours", "if message.nonce not in locked.nonces:", "if False:"),
    ("a message is about the sitting of its door", "if message.sid != str(sitting_id):", "if False:"),
    ("only the enrolled open a lesson", "if admission is None:", "if False:"),
)
_TOKENS = _in(
    "elearn/tracking/tokens.py",
    "service",
    ("a token is signed by us", 'self._serializer.loads(text or "")', 'self._serializer.loads_unsafe(text or "")[1]'),
    ("a token grows too old", "if now_ms > taken_until_ms:", "if False:"),
)
_MESSAGES = _in(
    "elearn/tracking/messages.py",
    "service",
    (
        "a false signature is no signature",
        "    except InvalidSignature:\n        return False\n",
        "    except InvalidSignature:\n        pass\n",
    ),
    ("64 reports a message", "Meta(max_length=MAX_REPORTS)", "Meta(max_length=10 * MAX_REPORTS)"),
    (
        "a report has a number from 1",
        "seq: Annotated[int, Meta(ge=1, le=2**31)]",
        "seq: Annotated[int, Meta(ge=0, le=2**31)]",
    ),
    ("numbers fit their column", "Meta(ge=-(2**53), le=2**53)", "Meta(ge=-(2**63), le=2**63 - 1)"),
    ("a statement's words are known", "class Message(Struct, forbid_unknown_fields=True):", "class Message(Struct):"),
)
_INGEST = _in(
    "elearn/tracking/ingest.py",
    "service",
    (
        "a report is signed by its sitting's device",
        "    if not one.signed_as_opened:\n        return Refusal.BAD_SIGNATURE\n",
        "",
    ),
    (
        "a report names its learner, unit and sitting",
        "if stated != (whose.actor_key, whose.activity_key, str(locked.sitting_id)):",
        "if False:",
    ),
    (
        "a report names its own sitting",
        "if stated != (whose.actor_key, whose.activity_key, str(locked.sitting_id)):",
        "if stated[:2] != (whose.actor_key, whose.activity_key):",
    ),
    (
        "a broken chain is flagged",
        'broken = evidence["prev"] != (locked.last_digest.hex() if locked.last_digest else None)',
        "broken = False",
    ),
    ("the chain goes on from the last report", '    locked.last_digest = bytes.fromhex(evidence["sha256"])\n', ""),
    (
        "one id stands for one statement",
        "if refusal is not None or one.sha256 in conflicting:",
        "if refusal is not None:",
    ),
    (
        "a statement that was not proved is not stored",
        "session, [one for one, ours in zip(arrived, proved, strict=True) if ours], locked",
        "session, list(arrived), locked",
    ),
    (
        "what was decided in this message counts in it",
        "    desk.unit.decided[seq] = one.sha256\n    _decide_successors",
        "    _decide_successors",
    ),
    (
        "what waited is judged when the gap is filled",
        "    _decide_successors(desk)\n    return result\n",
        "    return result\n",
    ),
    (
        "what waited was heard when it was heard",
        'waiting.arrived["evidence"], waiting.tau_ms)',
        'waiting.arrived["evidence"], desk.locked.tau_ms)',
    ),
    ("what is credited counts for the next report", "desk.known = list(merge([*desk.known, *fresh]))", "pass"),
    ("the day goes on from report to report", "        desk.days = dict(verdict.learner.days)\n", ""),
    ("the frontier goes on from report to report", "        unit.frontier_ms = verdict.frontier_ms\n", ""),
    ("what was covered goes on from report to report", "        unit.covered_ms += verdict.credited_ms\n", ""),
    ("delivered is what was handed out", " if block.index in desk.unit.blocks)", ")"),
    ("reports that arrive together share one state", "    locked.take(verdict.sitting, verdict.learner)\n", ""),
)
_STANDING = _in(
    "elearn/tracking/standing.py",
    "service",
    ("both rows are locked", "FOR NO KEY UPDATE OF w, s\n", "", "at once"),
    ("the learner's row is locked", "FOR NO KEY UPDATE OF w, s\n", "FOR NO KEY UPDATE OF s\n", "at once"),
    ("server time never runs backwards", "locked.tau_ms = max(now_ms, locked.tau_ms)", "locked.tau_ms = now_ms"),
    (
        "a sitting ends after its time",
        "if locked.ended_ms is None and locked.tau_ms >= locked.expires_ms:",
        "if False:",
    ),
    (
        "somebody else's sitting stays closed",
        "WHERE w.learner_id = %(learner)s AND s.id = %(sitting)s",
        "WHERE s.id = %(sitting)s",
    ),
    (
        "the day's counters are read",
        "days={date.fromisoformat(on): DayUse(used_ms, late_ms) for on, used_ms, late_ms in days or ()},",
        "days={},",
    ),
)
_SITTINGS = _in(
    "elearn/tracking/sittings.py",
    "service",
    (
        "the newest sitting wins",
        ".where(Sitting.learner_id == learner_id, Sitting.ended_ms.is_(None))",
        ".where(sa.false())",
    ),
    ("sittings are opened one after the other", ".with_for_update(key_share=True)", "", "at once"),
    ("a sitting begins with nothing left over", "carry_ms=0,", "carry_ms=30_000,"),
    ("the last eight nonces hold", "[*locked.nonces[1 - NONCES_KEPT :], nonce]", "[*locked.nonces, nonce]"),
    ("a nonce is another every time", "nonce = secrets.token_urlsafe(16)", 'nonce = "always"'),
    (
        "a missed check is settled at the next touch",
        "    if checks.settle_overdue(session, locked, secret=presence_secret):\n        store(session, locked)\n",
        "",
    ),
    (
        "closed stays closed",
        "    if locked.ended_ms is None:\n        locked.ended_ms, locked",
        "    if True:\n        locked.ended_ms, locked",
    ),
    ("complete is what is final", '"complete": is_complete(final_ms,', '"complete": is_complete(unit.covered_ms,'),
)
_DELIVERY = _in(
    "elearn/tracking/delivery.py",
    "service",
    ("giving a key is the delivery record", "            if new:\n", "            if False:\n"),
    (
        "a block of no lesson has no key",
        "not 0 <= index < len(facts.blocks):",
        "not 0 <= index < len(facts.blocks) + 1:",
    ),
    ("a sitting that is over is told why", "    if locked.ended_ms is not None:\n", "    if False:\n"),
)
_ASKING = _in(
    "elearn/tracking/asking.py",
    "service",
    (
        "an open check is handed out again",
        "if out is not None and method in (None, out.method):",
        "if False:",
    ),
    (
        "three failed checks end the day",
        "_failures_today(session, locked, policy) >= FAILURES_A_DAY:",
        "False:",
        "ways",
    ),
    ("the grace belongs to the deadline", "way.answer_ms(policy) + policy.answer_grace_ms", "way.answer_ms(policy)"),
)
_CHECKS = _in(
    "elearn/tracking/checks.py",
    "service",
    ("a check is its learner's", "if check is None or check.learner_id != learner_id:", "if check is None:"),
    (
        "a decided check stays decided",
        "    if check.outcome is not None:\n        return Answered(check.outcome, 0)\n",
        "",
    ),
    ("the same try again is one try", "if check.tries and check.tries[-1] == tried.kept:", "if False:"),
    (
        "an overdue check is missed",
        "if locked.check_deadline_ms is None or locked.tau_ms <= locked.check_deadline_ms:",
        "if True:",
    ),
    (
        "no check is missed before its time",
        "if locked.check_deadline_ms is None or locked.tau_ms <= locked.check_deadline_ms:",
        "if locked.check_deadline_ms is None:",
    ),
)
_SETTLING = _in(
    "elearn/tracking/settling.py",
    "service",
    ("a failed check holds", "= left_ms, not passed, None", "= left_ms, False, None"),
    (
        "the frontier falls back",
        "    recompute_units(session, locked.learner_id, {piece.unit_id for piece, _ in removed}, policy)\n",
        "",
    ),
    (
        "what falls back is reversed in the ledger",
        "    for rows in (finals, reversals):\n",
        "    for rows in (finals,):\n",
    ),
    ("what was settled is not pending", "locked.pending_ms, locked.held", "_, locked.held"),
    ("the next check is another one", "    locked.check_count += 1\n", ""),
    ("pieces of two days stay two", "piece.class_id, piece.on, piece.signed)):", "piece.class_id, piece.signed)):"),
)
_QUESTION = _in(
    "elearn/tracking/providers/question.py",
    "service",
    ("no question repeats before its turn", "return times.get(question.id, 0), not recent,", "return 0, not recent,"),
    ("a question is about what was watched", "if intersect(Span(q.from_ms, q.to_ms), asked.askable)]", "]"),
    (
        "all right options and no others",
        "judged_right(frozenset(_question(session, check).correct), frozenset(tried))",
        "True",
    ),
)

_PAGES = [
    *_in(
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
    *_in(
        "elearn/tracking/page_views.py",
        "reading",
        ("no page to a sitting that is over", "if locked.ended_ms is not None:", "if False:"),
        ("a page in its turn only", "if not page_rules.may_show(", "if False and not page_rules.may_show("),
        ("what is shown already keeps its time", "if last is None or last.page != index:", "if True:"),
        ("a showing is a delivery", "if not delivered:", "if False:"),
    ),
    *_in(
        "elearn/tracking/delivery.py",
        "reading",
        ("pages have no keys", "facts.kind is not UnitKind.VIDEO or not", "not"),
    ),
    *_in(
        "elearn/tracking/licences.py",
        "reading",
        ("pages are not downloaded", ".kind is not UnitKind.VIDEO:", ".kind is None:"),
    ),
    *_in(
        "elearn/tracking/media_routes.py",
        "reading",
        (
            "a picture to whom its page was shown",
            "if not page_views.was_delivered(",
            "if False and not page_views.was_delivered(",
        ),
    ),
]

MUTATIONS: Sequence[Mutation] = [
    *_VERIFIER,
    *_PACING,
    *_SPANS,
    *_POLICY,
    *_PRESENCE,
    *_ROUTES,
    *_DOORWAY,
    *_TOKENS,
    *_MESSAGES,
    *_INGEST,
    *_STANDING,
    *_SITTINGS,
    *_DELIVERY,
    *_ASKING,
    *_CHECKS,
    *_SETTLING,
    *_QUESTION,
    *_PAGES,
]
