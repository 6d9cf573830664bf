"""The administrator matrix of attendance: each row that is edited, deleted or inserted is named by `ledger check`."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.advancing import House, advance
from tests.credit_export.ledger.log.school import differences
from tests.credit_export.ledger.log.test_administrator import as_administrator
from tests.credit_export.ledger.log.test_attendance import DONE
from tests.tracking.attendance.school import a_school

TABLES = (
    "class_session", "class_session_cancelled", "attendance_scan", "attendance_file", "attendance_mark",
    "attendance_list", "attendance_line", "attendance_answer",
)  # fmt: skip

ATTEND = "(SELECT min(index) FROM elearn.ledger_leaf WHERE kind = 'attend')"

DEEDS = [
    # sentence, what is done, what the check says
    ("a session is made longer", "UPDATE elearn.class_session SET to_at = to_at + interval '1h'", "its digest says"),
    ("a session gets another teacher", "UPDATE elearn.class_session SET teacher_id = planned_by", "its digest says"),
    ("a session is deleted", "DELETE FROM elearn.class_session", "its session is not there"),
    (
        "a session is planned afterwards",
        """INSERT INTO elearn.class_session SELECT (jsonb_populate_record(s, jsonb_build_object('id',
           gen_random_uuid()))).* FROM elearn.class_session s LIMIT 1""",
        "rows of another root",
    ),
    (
        "a cancellation is taken away",
        "DELETE FROM elearn.class_session_cancelled",
        "rows of another root",
    ),
    (
        "somebody came earlier",
        "UPDATE elearn.attendance_scan SET at = at - interval '20min' WHERE number = 1",
        "rows of another root",
    ),
    ("a check-out is deleted", "DELETE FROM elearn.attendance_scan WHERE number = 2", "follows from no scan"),
    ("a check-in is deleted", "DELETE FROM elearn.attendance_scan WHERE number = 1", "does not follow the scan before"),
    (
        "a scan is invented",
        """INSERT INTO elearn.attendance_scan SELECT (jsonb_populate_record(s, jsonb_build_object('id',
           gen_random_uuid(), 'number', 3, 'act', 'in'))).* FROM elearn.attendance_scan s LIMIT 1""",
        "rows of another root",
    ),
    (
        "a scan is given to somebody else",
        """UPDATE elearn.attendance_scan SET person_id = (SELECT max(person_id::text)::uuid FROM elearn.enrolment)
           WHERE person_id <> (SELECT max(person_id::text)::uuid FROM elearn.enrolment)""",
        "rows of another root",
    ),
    (
        "a mark says another time",
        "UPDATE elearn.attendance_mark SET to_at = to_at - interval '5min' WHERE present",
        "follows from no scan and from no mark",
    ),
    ("a mark is deleted", "DELETE FROM elearn.attendance_mark", "rows of another root"),
    ("why somebody was marked is changed", "UPDATE elearn.attendance_mark SET reason_sealed = 'x'", "another root"),
    ("a photo is exchanged", "UPDATE elearn.attendance_file SET content = 'other'", "not what its digest says"),
    (
        "a photo is exchanged with its digest",
        "UPDATE elearn.attendance_file SET content = 'x', sha256 = encode(sha256('x'), 'hex')",
        "rows of another root",
    ),
    ("a photo is deleted", "DELETE FROM elearn.attendance_file", "rows of another root"),
    (
        "a list has another proposer",
        "UPDATE elearn.attendance_list SET by_id = (SELECT planned_by FROM elearn.class_session LIMIT 1)",
        "its digest says",
    ),
    ("a list names other files", "UPDATE elearn.attendance_list SET files = '{}'", "its digest says"),
    ("a list is deleted", "DELETE FROM elearn.attendance_list", "or else"),
    ("a line grows", "UPDATE elearn.attendance_line SET ms = ms + 60000", "its line"),
    ("a line is moved", "UPDATE elearn.attendance_line SET from_at = from_at - interval '1min'", "its digest says"),
    ("a line is deleted", "DELETE FROM elearn.attendance_line", "is made from nothing that was attended"),
    (
        "a line is added to a confirmed list",
        """INSERT INTO elearn.attendance_line SELECT (jsonb_populate_record(l, jsonb_build_object('id',
           gen_random_uuid(), 'from_at', l.from_at - interval '3h', 'to_at', l.from_at))).*
           FROM elearn.attendance_line l LIMIT 1""",
        "attendance is not in the log",
    ),
    (
        "a line is given to somebody else",
        """UPDATE elearn.attendance_line SET person_id = (SELECT max(person_id::text)::uuid FROM elearn.enrolment)
           WHERE person_id <> (SELECT max(person_id::text)::uuid FROM elearn.enrolment)""",
        "its subject is not the person of its line",
    ),
    ("an answer is deleted", "DELETE FROM elearn.attendance_answer", "is made from nothing that was attended"),
    (
        "an answer was given by who proposed it",
        "ALTER TABLE elearn.attendance_answer DROP CONSTRAINT ck_attendance_answer_two_people; "
        "UPDATE elearn.attendance_answer SET by_id = proposed_by WHERE confirmed",
        "no second person who is not on the list",
    ),
    (
        "an answer was given by a third person",
        """UPDATE elearn.attendance_answer SET by_id = (SELECT id FROM elearn.person a WHERE NOT EXISTS
           (SELECT FROM elearn.attendance_line l WHERE l.person_id = a.id) AND a.id NOT IN
           (SELECT by_id FROM elearn.attendance_answer UNION SELECT proposed_by FROM elearn.attendance_answer)
           LIMIT 1)""",
        "another two people than those of its list",
    ),
    (
        "a list that was sent back is confirmed",
        "UPDATE elearn.attendance_answer SET confirmed = true",
        "attendance is not in the log",
    ),
    ("a place is taken from the table", "DELETE FROM elearn.attended_span", "a line that counts is not there"),
    (
        "somebody is in another place",
        "UPDATE elearn.attended_span SET period = tstzrange(lower(period) - interval '1h', upper(period))",
        "another person or time than its line",
    ),
    (
        "an attend leaf is made larger, with its hash",
        f"""UPDATE elearn.ledger_leaf SET raw = replace(raw, '"ms":5400000', '"ms":6400000'), ms = 6400000,
           hash = sha256(convert_to(chr(1), 'UTF8') || convert_to(replace(raw, '"ms":5400000', '"ms":6400000'), 'UTF8'))
           WHERE index = {ATTEND}""",
        "the leaves do not lead to its root",
    ),
    (
        "an attend leaf names another line",
        f"""UPDATE elearn.ledger_leaf SET attendance_line_id = (SELECT id FROM elearn.attendance_line l WHERE NOT EXISTS
           (SELECT FROM elearn.ledger_leaf x WHERE x.attendance_line_id = l.id) LIMIT 1) WHERE index = {ATTEND}""",
        "is made from nothing that was attended",
    ),
    (
        "hours on site are entered that no leaf earned",
        """INSERT INTO elearn.hours_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(),
           'leaf_origin', NULL, 'leaf_index', NULL, 'attendance_line_id', (SELECT id FROM elearn.attendance_line l
           WHERE NOT EXISTS (SELECT FROM elearn.ledger_leaf x WHERE x.attendance_line_id = l.id) LIMIT 1)))).*
           FROM elearn.hours_entry e LIMIT 1""",
        "no confirmed attendance earned these",
    ),
    ("an entry grows", "UPDATE elearn.hours_entry SET amount_ms = amount_ms + 1", "its leaf"),
    ("an entry of theory counts as practice", "UPDATE elearn.hours_entry SET kind = 'practice'", "its leaf"),
    ("an entry is of another day", "UPDATE elearn.hours_entry SET earned_on = earned_on - 1", "the line is worth"),
    (
        "an entry is made older than the filing of its class",
        "UPDATE elearn.hours_entry SET learned_at = learned_at - interval '1y'",
        "the line is worth",
    ),
    ("an entry is deleted", "DELETE FROM elearn.hours_entry", "hours of this leaf are not entered"),
]  # fmt: skip


def test_the_check_names_each_deed_about_attendance(session: Session, house: House) -> None:
    school = a_school(session, learners=3)
    by_code, by_teacher, later = school.learners
    held = school.plan()
    school.attach(held)
    school.attend(held, by_code)
    school.mark(held, by_teacher, ("09:00", "10:30"))
    school.confirm(school.propose(held))
    school.cancel(school.plan("16:00", "17:00"))
    sent_back = school.plan("13:00", "14:00")
    school.attend(sent_back, later)
    school.send_back(school.propose(sent_back))
    advance(session, now=DONE, house=house)
    school.record(school.plan("18:00", "19:00"), later)
    advance(session, now=DONE + timedelta(minutes=1), house=house)
    assert differences(session, house) == []
    unseen = {}
    for table in TABLES:
        session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))
    for sentence, deed, said in DEEDS:
        with session.begin_nested() as done:
            as_administrator(session, deed)
            session.expire_all()
            found = differences(session, house)
            if not any(said in one for one in found):
                unseen[sentence] = found
            done.rollback()
            session.expire_all()
    assert unseen == {}
