"""What a mutation is, and the suites that may be asked to see one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ATTENDANCE = "tests/tracking/attendance/"
FORMATS = "tests/credit_export/ledger/formats/"
LEDGER = "tests/credit_export/ledger/"
PUBLISHING = LEDGER + "publishing/"
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
    "cases": [SERVICE + "test_cases_and_practice.py"],
    "one day": [ATTENDANCE + "test_one_day.py"],
    "shown": ["tests/credit_export/findings/test_shown.py"],
    "log tree": [FORMATS + "test_tree.py"],
    "log tiles": [FORMATS + "test_tiles.py"],
    "log notes": [FORMATS + "test_notes.py"],
    "log checkpoints": [FORMATS + "test_checkpoints.py"],
    "quorum": [FORMATS + "test_quorum.py"],
    "leaves": [FORMATS + "test_leaves.py"],
    "tlog proof": [FORMATS + "test_tlog_proof.py"],
    "hours proof": [FORMATS + "test_hours_proof.py"],
    "witness": [LEDGER + "witness/test_add_checkpoint.py"],
    "monitor rules": [LEDGER + "monitor/test_rules.py"],
    "mirroring": [LEDGER + "monitor/test_mirroring.py"],
    "signing": [PUBLISHING + "test_signer.py"],
    "log files": [PUBLISHING + "test_log_files.py"],
    "asking witnesses": [PUBLISHING + "test_witnesses.py"],
    "publishing": [PUBLISHING + "test_publishing.py"],
    "log doors": [PUBLISHING + "test_doors.py"],
    "class rules": ["tests/courses/classes/test_rules.py"],
    "judging": [
        "tests/credit_export/test_eligibility_rules.py",
        "tests/credit_export/rules/test_whole_judgement.py",
    ],
    "course tests judged": ["tests/credit_export/rules/test_course_tests.py"],
    "course tests standing": ["tests/courses/papers/test_standing.py"],
    "attendance rules": [ATTENDANCE + "test_rules.py"],
    "attendance lists": [ATTENDANCE + "test_two_people.py"],
    "attendance codes": [ATTENDANCE + "test_codes.py"],
    "attend leaves": [LEDGER + "log/test_attendance.py"],
    "marking": ["tests/courses/questions/test_marking.py"],
    "papers": ["tests/courses/papers/test_attempts.py"],
    "rechecking": [LEDGER + "sampling/test_recheck.py", LEDGER + "sampling/test_recheck_forgeries.py"],
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


def in_file(file: str, suites: str, *rows: tuple[str, ...]) -> list[Mutation]:
    """Rows of (rule, old, new) or (rule, old, new, other suites); suites are parted by "+"."""
    return [
        Mutation(row[0], file, row[1], row[2], tuple((row[3] if len(row) == 4 else suites).split("+"))) for row in rows
    ]
