"""What happens behind the doors: reports taken in, rows locked, sittings opened, keys given."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
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
    ),
    *in_file(
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
            "days={date.fromisoformat(on): DayUse(*rest) for on, *rest in days or ()},",
            "days={},",
        ),
    ),
    *in_file(
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
    ),
    *in_file(
        "elearn/tracking/delivery.py",
        "service",
        ("giving a key is the delivery record", "            if new:\n", "            if False:\n"),
        (
            "a block of no lesson has no key",
            "not 0 <= index < len(facts.blocks):",
            "not 0 <= index < len(facts.blocks) + 1:",
        ),
        ("a sitting that is over is told why", "    if locked.ended_ms is not None:\n", "    if False:\n"),
    ),
]
