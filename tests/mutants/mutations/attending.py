"""Hours on site: who was there, two people, nobody in two places, and what the log says of it."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
        "elearn/tracking/attendance/rules.py",
        "attendance rules",
        (
            "the last mark stands before any scan",
            "    if mark is not None:\n",
            "    if mark is not None and not scans:\n",
        ),
        (
            "what lies outside of the session is cut off",
            "cut = Stretch(since, scan.at_ms).within(session) if since < scan.at_ms else None",
            "cut = Stretch(since, scan.at_ms) if since < scan.at_ms else None",
        ),
        ("a second check-in says nothing new", "since = scan.at_ms if since is None else since", "since = scan.at_ms"),
        ("a code is good until its session is closed", "<= now_ms < session.to_ms + limits.late_ms", "<= now_ms"),
        ("a cancelled session gives nothing", "    if session.cancelled:\n", "    if False:\n"),
        ("outside of the class there is nothing", "    if not session.in_class_dates:\n", "    if False:\n"),
        ("nothing lies in the future", "    if stretch.to_ms > now_ms:\n", "    if False:\n"),
        ("an old list is no list", "now_ms - session.stretch.to_ms > limits.oldest_ms", "False"),
        ("who teaches is no learner", "    if person in session.staff:\n", "    if False:\n"),
        (
            "who left the class was not there",
            "(end is None or stretch.to_ms <= end)",
            "True",
        ),
        (
            "nobody is in front of a screen and on site at once",
            "if any(stretch.meets(one) for one in facts.online):",
            "if False:",
        ),
        (
            "nobody is in two rooms at once",
            "if any(stretch.meets(one) for one in facts.attended):",
            "if False:",
        ),
        (
            "what ends when another begins does not meet it",
            "self.from_ms < other.to_ms and",
            "self.from_ms <= other.to_ms and",
        ),
        ("a day has a limit", "ms = min(stretch.length_ms, day_cap_ms - used)", "ms = stretch.length_ms"),
        ("what counted fills the day", "    facts.used_ms[on] = used + ms\n", ""),
        ("what counted is held against the next", "    facts.attended.append(stretch)\n", ""),
    ),
    *in_file(
        "elearn/tracking/attendance/confirming.py",
        "attendance lists",
        ("who proposed confirms nothing", "{whole.by_id, held.teacher_id,", "{held.teacher_id,"),
        ("who teaches confirms nothing", "{whole.by_id, held.teacher_id,", "{whole.by_id,"),
        ("nobody confirms their own hours", ", *(line.person_id for line in lines)}", "}"),
        ("who marked somebody confirms nothing", "AttendanceMark.by_id == by", "sa.false()"),
        ("a list is answered once", "if session.get(AttendanceAnswer, list_id) is not None:", "if False:"),
        (
            "what is true no longer is not confirmed",
            "or not proposing.decide_again(session, held, whole, lines):",
            "or False:",
        ),
    ),
    *in_file(
        "elearn/tracking/attendance/codes.py",
        "attendance codes",
        (
            "a code is its session's",
            """{_mac(secret, b'code', session_id.bytes, str(slot).encode())}""",
            """{_mac(secret, b'code', str(slot).encode())}""",
        ),
        ("a code grows old", "return slot if 0 <= slot_of(now_ms) - slot < SLOTS_TAKEN else None", "return slot"),
        ("a ticket is its owner's", "b'ticket', session_id.bytes, person_id.bytes,", "b'ticket', session_id.bytes,"),
        ("a ticket grows old", "return slot if 0 <= now_ms - slot * SLOT_MS < TICKET_MS else None", "return slot"),
    ),
    *in_file(
        "elearn/credit_export/ledger/attending.py",
        "attend leaves",
        ("what was sent back has no leaf", "WHERE a.confirmed AND n.refused_as IS NULL", "WHERE n.refused_as IS NULL"),
        ("what was refused has no leaf", "WHERE a.confirmed AND n.refused_as IS NULL", "WHERE a.confirmed"),
        (
            "a line has one leaf",
            "AND NOT EXISTS (SELECT FROM elearn.ledger_leaf x WHERE x.attendance_line_id = n.id"
            " AND x.origin = ANY (:logs))",
            "",
        ),
    ),
]
