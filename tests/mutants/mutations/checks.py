"""Presence checks: when one is due, how it is put, answered and settled."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
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
    ),
    *in_file(
        "elearn/tracking/asking.py",
        "service",
        (
            "an open check is handed out again",
            "if out is not None and method in (None, out.method):",
            "if False:",
        ),
        (
            "three failed checks end the day",
            "len(failed.get(policy.day(locked.tau_ms), ())) >= FAILURES_A_DAY:",
            "False:",
            "ways",
        ),
        (
            "three failed checks ask for identity again",
            "one[FAILURES_A_DAY - 1] >= signed_in_ms",
            "False",
            "ways",
        ),
        (
            "the grace belongs to the deadline",
            "way.answer_ms(policy) + policy.answer_grace_ms",
            "way.answer_ms(policy)",
        ),
    ),
    *in_file(
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
    ),
    *in_file(
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
    ),
    *in_file(
        "elearn/tracking/providers/question.py",
        "service",
        (
            "no question repeats before its turn",
            "return times.get(question.id, 0), not recent,",
            "return 0, not recent,",
        ),
        ("a question is about what was watched", "if intersect(Span(q.from_ms, q.to_ms), asked.askable)]", "]"),
        (
            "all right options and no others",
            "judged_right(frozenset(_question(session, check).correct), frozenset(tried))",
            "True",
        ),
    ),
]
