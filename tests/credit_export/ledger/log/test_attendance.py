"""Hours on site in the log: leaves of two people, entries below a published checkpoint, eligibility, and who cheats."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import classes
from elearn.courses.models import Kind, Question, Unit
from elearn.credit_export.eligibility import Reason
from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.commands import verified
from elearn.credit_export.ledger.hours_proof import HoursProofRefused
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.naming import directory_of
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.models import EligibilityRecord, HoursEntry
from elearn.credit_export.paper.evidence import log_proofs
from elearn.people import persons
from elearn.people.models import Person
from elearn.tracking.attendance import confirming
from elearn.tracking.attendance.rules import Act
from tests import builders_courses as courses
from tests.builders_credit import Learner
from tests.credit_export.ledger.log.school import differences, leaves
from tests.credit_export.ledger.log.test_advancing import AwaySigner
from tests.credit_export.ledger.monitor.test_our_own_log import watch
from tests.tracking.attendance.school import BEFORE, DAY, School, a_school

MINUTE = 60_000
CLASS_HOUR = 45 * MINUTE
DONE = datetime(2026, 8, 1, tzinfo=UTC)


def attend_hours(school: School, kind: Kind, tenths: int, *, first: date) -> date:
    """So many tenths of a class hour of 45 minutes on site, by sessions of eight hours; answers the next free day."""
    left, on = tenths * CLASS_HOUR // 10 // MINUTE, first
    while left:
        minutes = min(left, 480)
        ends = f"{8 + minutes // 60:02}:{minutes % 60:02}"
        held = school.plan("08:00", ends, on=on, kind=kind, planned_at=BEFORE)
        school.record(held, *school.learners)
        left, on = left - minutes, on + timedelta(days=1)
    return on


def watch_online(school: School, ms: int) -> Learner:
    """Final rows of watching, as tracking writes them, in the same class."""
    session, at = school.session, courses.AT
    course = courses.a_course(session, school.institution_id, outline=school.outline)
    lesson = courses.a_lesson(session, course)
    unit = Unit(
        lesson_id=lesson.id, version=1, title="Lesson", duration_ms=ms, start_offset_ms=0, width=2, height=2,
        content_hash="0" * 64, source_sha256="0" * 64, created_at=at,
    )  # fmt: skip
    session.add(unit)
    session.flush()
    question = {"options": ["a", "b", "c", "d"], "correct": [0], "created_at": at}
    session.add(Question(unit_id=unit.id, from_ms=0, to_ms=1000, stem="?", **question))
    session.flush()
    learner = Learner(session, session.get_one(Person, school.learners[0]), school.held.id, unit.id)
    learner.watch(ms=ms, heard_at=datetime(2026, 6, 28, tzinfo=UTC))
    return learner


def newest(school: School) -> EligibilityRecord:
    query = sa.select(EligibilityRecord).where(EligibilityRecord.person_id == school.learners[0])
    return school.session.scalars(query.order_by(EligibilityRecord.version.desc()).limit(1)).one()


def test_61_6_hours_online_and_26_4_and_60_on_site_make_eligible_and_nothing_less(
    session: Session, house: House
) -> None:
    """RULES 4(b), the worked case of 低压电工: 148 = 88 theory + 60 practice."""
    school = a_school(session)
    watch_online(school, 88 * 30 * MINUTE)
    free = attend_hours(school, Kind.PRACTICE, 600, first=DAY)
    advance(session, now=DONE, house=house)
    short = newest(school)
    assert (short.outcome, short.reasons) == ("ineligible", [Reason.OFFLINE_SHARE_LOW])
    attend_hours(school, Kind.THEORY, 264, first=free)
    advance(session, now=DONE + timedelta(minutes=1), house=house)
    record = newest(school)
    assert (record.outcome, record.reasons) == ("eligible", [])
    assert {name: record.hours[name] for name in ("offline_theory_ms", "offline_practice_ms")} == {
        "offline_theory_ms": 264 * CLASS_HOUR // 10,
        "offline_practice_ms": 60 * CLASS_HOUR,
    }
    assert differences(session, house) == []


def test_61_6_online_is_all_that_is_asked_of_it_and_a_minute_on_site_less_is_too_little(
    session: Session, house: House
) -> None:
    school = a_school(session)
    watch_online(school, 616 * 30 * MINUTE // 10)
    free = attend_hours(school, Kind.PRACTICE, 600, first=DAY)
    free = attend_hours(school, Kind.THEORY, 260, first=free)
    advance(session, now=DONE, house=house)
    assert newest(school).reasons == [Reason.HOURS_THEORY_SHORT]
    attend_hours(school, Kind.THEORY, 4, first=free)
    advance(session, now=DONE + timedelta(minutes=1), house=house)
    assert newest(school).outcome == "eligible"


def test_the_leaf_says_what_two_people_confirmed_and_nobodys_name(session: Session, house: House) -> None:
    school = a_school(session)
    whole = school.record(school.plan(), school.learners[0])
    advance(session, now=DONE, house=house)
    kinds = leaves(session)
    assert kinds == ["evidence", "attend"], "what it rests on is proved before it"
    leaf = json.loads(leaves(session, "raw")[-1])
    names = {"v", "t", "n", "sub", "class", "kind", "from", "to", "ms", "day", "total", "prev", "doc", "by", "at"}
    assert set(leaf) == names
    said = {name: leaf[name] for name in ("kind", "from", "to", "ms", "day", "total", "n", "prev", "doc")}
    assert said == {
        "kind": "theory", "from": "2026-07-01T01:00:00Z", "to": "2026-07-01T02:30:00Z", "ms": 90 * MINUTE,
        "day": "2026-07-01", "total": 90 * MINUTE, "n": 1, "prev": None, "doc": whole.doc,
    }  # fmt: skip
    assert len({leaf["sub"], *leaf["by"]}) == 3
    assert not any(str(one) in json.dumps(leaf) for one in (school.learners[0], whole.by_id))


def test_what_was_sent_back_or_refused_has_no_leaf(session: Session, house: House) -> None:
    school = a_school(session, learners=2)
    sent_back, held = school.plan(), school.plan("13:00", "14:00")
    school.attend(sent_back, school.learners[0])
    school.send_back(school.propose(sent_back))
    school.attend(held, school.learners[0])
    school.scan(held, school.learners[1], Act.IN, held.from_at)
    school.confirm(school.propose(held))
    advance(session, now=DONE, house=house)
    assert leaves(session, "kind, ms") == [("evidence", None), ("attend", 60 * MINUTE)]
    [entry] = session.query(HoursEntry)
    assert (entry.person_id, entry.amount_ms) == (school.learners[0], 60 * MINUTE)


def test_hours_are_entered_below_a_published_checkpoint_and_once(session: Session, house: House) -> None:
    school = a_school(session, learners=2)
    school.record(school.plan(), *school.learners)
    advance(session, now=DONE, house=house)
    advance(session, now=DONE + timedelta(minutes=1), house=house)
    entries = session.query(HoursEntry).all()
    said = {(e.modality, e.kind, e.amount_ms, e.earned_on) for e in entries}
    assert said == {("offline", "theory", 90 * MINUTE, DAY)}
    assert {e.person_id for e in entries} == set(school.learners)
    assert all(e.leaf_index is not None and e.watched_span_id is None for e in entries)
    assert differences(session, house) == []


def test_taking_back_is_a_void_leaf_and_an_entry_the_other_way(session: Session, house: House) -> None:
    school = a_school(session)
    held = school.plan()
    whole = school.record(held, school.learners[0])
    advance(session, now=DONE, house=house)
    [line] = confirming.lines_of(session, whole.id)
    void = school.void(held, [line.id], now=DONE + timedelta(minutes=1))
    advance(session, now=DONE + timedelta(minutes=2), house=house)
    assert leaves(session, "kind")[-1] != "void", "nothing is taken back by one person"
    school.confirm(void)
    advance(session, now=DONE + timedelta(hours=3), house=house)
    kind, ms, total = leaves(session, "kind, ms, total")[-1]
    assert (kind, ms, total) == ("void", -90 * MINUTE, 0)
    assert sorted(e.amount_ms for e in session.query(HoursEntry)) == [-90 * MINUTE, 90 * MINUTE]
    assert newest(school).hours["offline_theory_ms"] == 0
    assert differences(session, house) == []


def test_taken_back_before_the_log_said_it_both_stand_in_the_log(session: Session, house: House) -> None:
    school = a_school(session)
    held = school.plan()
    [line] = confirming.lines_of(session, school.record(held, school.learners[0]).id)
    void = school.void(held, [line.id], now=DONE)
    school.confirm(void)
    advance(session, now=DONE + timedelta(hours=3), house=house)
    assert leaves(session)[-2:] == ["attend", "void"]
    assert differences(session, house) == []


def test_hours_of_a_class_that_was_filed_later_stand_in_the_log_and_export_nowhere(
    session: Session, house: House
) -> None:
    """Who came after it was filed, into a session that had begun before, counts no more than who came in time."""
    school = a_school(session, filed_at=None)
    held = school.plan()
    school.attend(held, school.learners[0], held.from_at + timedelta(minutes=30))
    school.confirm(school.propose(held))
    filed_at = held.from_at + timedelta(minutes=1)
    classes.file_class(session, school.held.id, filing_no="F", filed_at=filed_at, acting=school.acting, at=DONE)
    advance(session, now=DONE, house=house)
    assert leaves(session)[-1] == "attend"
    assert newest(school).hours["offline_theory_ms"] == 0
    assert differences(session, house) == []


def test_a_proof_of_hours_on_site_is_verified_offline(session: Session, house: House) -> None:
    school = a_school(session)
    school.record(school.plan(), school.learners[0])
    advance(session, now=DONE, house=house)
    place = directory_of(house.desk.ledger_dir, house.origin(DONE))
    [proof] = log_proofs(session, school.learners[0], sealing_key=house.sealing_key, ledger_dir=house.desk.ledger_dir)
    assert (proof.counts_as, proof.total_ms) == ("offline/theory", 90 * MINUTE)
    key = LogFiles(place).key()
    assert key is not None
    trust = Trust.read(f"log {key.vkey}\nquorum none\n")
    asked: dict[str, Any] = {
        "trust": trust, "subject": proof.subject, "now_s": int(DONE.timestamp()), "max_age_s": None, "stored": None,
        "tiles": None,
    }  # fmt: skip
    assert "attend" in verified(proof.text.encode(), **asked)
    with pytest.raises(HoursProofRefused):
        verified(proof.text.replace('"ms":5400000', '"ms":6400000').encode(), **asked)


def test_a_log_that_is_given_up_leaves_its_unpublished_attendance_to_the_next(session: Session, house: House) -> None:
    school = a_school(session)
    held, later = school.plan(), school.plan("13:00", "14:00")
    [published] = confirming.lines_of(session, school.record(held, school.learners[0]).id)
    advance(session, now=DONE, house=house)
    away = dataclasses.replace(house, desk=dataclasses.replace(house.desk, signer=AwaySigner()))
    school.record(later, school.learners[0])
    advance(session, now=DONE + timedelta(minutes=1), house=away)
    assert session.query(HoursEntry).count() == 1
    second = dataclasses.replace(house, series=2)
    school.confirm(school.void(held, [published.id], now=DONE))
    advance(session, now=DONE + timedelta(hours=3), house=second)
    said = leaves(session, "origin, kind, ms")
    chain = [(kind, ms) for origin, kind, ms in said if origin.endswith("-2") and ms is not None]
    assert chain == [("attend", 90 * MINUTE), ("attend", 60 * MINUTE), ("void", -90 * MINUTE)]
    assert sorted(e.amount_ms for e in session.query(HoursEntry)) == [-90 * MINUTE, 60 * MINUTE, 90 * MINUTE]
    assert differences(session, second) == []


def test_who_was_erased_before_the_minute_was_over_gets_no_leaf(session: Session, house: House) -> None:
    school = a_school(session, learners=2)
    school.record(school.plan(), *school.learners)
    persons.erase_person(session, school.learners[0], at=DONE)
    advance(session, now=DONE, house=house)
    assert leaves(session).count("attend") == 1
    assert differences(session, house) == []


def test_a_monitor_adds_the_hours_up_from_the_files_alone(session: Session, house: House, tmp_path: Path) -> None:
    school = a_school(session)
    held = school.plan()
    [line] = confirming.lines_of(session, school.record(held, school.learners[0]).id)
    school.record(school.plan("13:00", "14:00", kind=Kind.PRACTICE), school.learners[0])
    advance(session, now=DONE, house=house)
    school.confirm(school.void(held, [line.id], now=DONE + timedelta(minutes=1)))
    advance(session, now=DONE + timedelta(hours=3), house=house)
    alarms, sums = watch(house, house.origin(DONE), tmp_path, DONE + timedelta(hours=3))
    assert (alarms, sums) == ([], [{"offline/theory": 0, "offline/practice": 60 * MINUTE}])
