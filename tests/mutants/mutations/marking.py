"""What an answer is worth, when it is in time, and whether it is enough."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
        "elearn/courses/questions/marking.py",
        "marking",
        (
            "who says nothing gets nothing",
            "    if answer is None:\n        return 0\n",
            "    if answer is None:\n        return full_milli\n",
        ),
        ("a wrong option spoils the answer", "(len(chosen) if chosen <= right else 0)", "len(chosen & right)"),
        ("a part is worth its share, rounded down", "full_milli * right // of", "-(-full_milli * right // of)"),
        (
            "where nothing partly right counts, nothing does",
            "return 0 if partial is Partial.NONE else full_milli * right // of",
            "return full_milli * right // of",
        ),
        ("the parts of a case sum up to it", "(1 if place < rest else 0)", "0"),
        ("a range has two ends", "first <= value <= last", "first <= value"),
    ),
    *in_file(
        "elearn/courses/papers/timing.py",
        "papers",
        ("the deadline holds", "heard_at <= deadline_at + timedelta(seconds=grace_s)", "True"),
        (
            "enough is not rounded",
            "score_milli * 100 >= max_milli * pass_percent",
            "score_milli * 100 >= max_milli * (pass_percent - 1)",
        ),
        ("the next try waits", "closed_at + timedelta(seconds=wait_s)", "closed_at"),
    ),
]
