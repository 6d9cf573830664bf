"""Which records go into a package, what is said of each, and what is written down about it."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system import answers, deliveries, packages, profiles
from elearn.credit_export.exam_system.delivery import State as Delivery
from elearn.credit_export.exam_system.mapping import default_text
from elearn.credit_export.exam_system.package_verifying import verify
from elearn.credit_export.exam_system.packages import Scope
from elearn.credit_export.lifecycle import State
from elearn.errors import Malformed, NotFound
from elearn.people import identity, persons
from elearn.people.identity import DocumentKind
from tests.builders_people import a_resident_id
from tests.conftest import scalar, statements
from tests.credit_export.exam_system.builders import (
    MADE_AT,
    School,
    a_record,
    a_school,
    known_keys,
    step_to,
)


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


def made(session: Session, school: School, scope: Scope | None = None) -> list[dict[str, Any]]:
    """The rows of a package's JSON; the package is checked on the way."""
    out = io.BytesIO()
    packages.make(session, school.desk, scope or Scope(), out, by="test")
    assert verify(out, trusted=known_keys()).known
    with zipfile.ZipFile(out) as package:
        rows: list[dict[str, Any]] = json.loads(package.read("records.json"))["rows"]
    return rows


def test_who_is_admitted_is_in_with_the_document_number_and_the_hours_as_credited(
    session: Session, school: School
) -> None:
    number = a_resident_id()
    person, ms = school.person("李四", number), 24 * 1_800_000 + 179_999
    record = a_record(session, person, school.class_id, online_theory_ms=ms)
    (row,) = made(session, school)
    assert (row["NAME"], row["ID_NUM"], row["RECORD_ID"]) == ("李四", number, str(record.id))
    assert (row["HOURS_DONE"], row["HOURS_REQUIRED"], row["STATUS"]) == ("24.0", 24, "已确认")


def test_hours_are_the_credited_ones_also_where_the_outline_asks_for_more(session: Session, school: School) -> None:
    a_record(session, school.person(), school.class_id, online_theory_ms=5 * 1_800_000)
    (row,) = made(session, school)
    assert (row["HOURS_DONE"], row["HOURS_ONLINE_THEORY"], row["HOURS_REQUIRED"]) == ("5.0", "5.0", 24)


def test_a_package_says_the_same_number_as_the_answer_to_a_question(session: Session, school: School) -> None:
    record = a_record(session, school.person(), school.class_id, online_theory_ms=12_345_678)
    fields = packages.fields_of(session, [record])[record.id]
    told = answers.told(session, [answers.now_of(session, record)], school.desk, door="test")[0]
    for name in ("online_theory", "offline_theory", "offline_practice"):
        assert fields[name] == told["hours"][name]
        assert fields[f"{name}_ms"] == told["hours"][f"{name}_ms"]
    assert (fields["record_id"], fields["version"], fields["status"]) == (
        told["record_id"], told["version"], told["status"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "state", "is_in"),
    [
        ("whoever was never admitted waits", State.COMPUTED, False),
        ("who is admitted goes", State.GRANTED, True),
        ("an admission that is suspended is told", State.SUSPENDED, True),
        ("an admission that was revoked is told", State.REVOKED, True),
    ],
)
def test_a_package_holds_admissions_and_what_became_of_them(
    session: Session, school: School, rule: str, state: State, is_in: bool
) -> None:
    a_record(session, school.person(), school.class_id, state=state)
    assert bool(made(session, school)) is is_in, rule
    assert made(session, school, Scope(everyone=True)), "asked for, everybody is in"


def test_of_several_versions_the_newest_is_told_also_when_it_admits_no_more(session: Session, school: School) -> None:
    person = school.person()
    first = a_record(session, person, school.class_id)
    a_record(session, person, school.class_id, state=State.COMPUTED, outcome="ineligible", supersedes=first)
    (row,) = made(session, school)
    assert (row["RECORD_VERSION"], row["OUTCOME"]) == (2, "学时未满足")


def test_since_a_day_means_what_changed_on_it_or_later_in_china(session: Session, school: School) -> None:
    record = a_record(session, school.person(), school.class_id)  # on 2026-07-01, 09:00 in China
    assert made(session, school, Scope(since=date(2026, 7, 1)))
    assert made(session, school, Scope(since=date(2026, 7, 2))) == []
    step_to(session, record, State.SUSPENDED, at=MADE_AT + timedelta(hours=15))  # 00:00 of the next day in China
    assert made(session, school, Scope(since=date(2026, 7, 2)))


def test_a_class_means_its_people(session: Session, school: School) -> None:
    a_record(session, school.person(), school.class_id)
    other = a_school(session, code="other")
    a_record(session, other.person(), other.class_id)
    assert len(made(session, school, Scope(class_id=school.class_id))) == 1
    with pytest.raises(NotFound):
        made(session, school, Scope(class_id=other.class_id))


def test_people_of_outlines_it_does_not_examine_are_never_in(session: Session, school: School) -> None:
    other = a_school(session, code="other")
    a_record(session, other.person(), other.class_id)
    assert made(session, school, Scope(everyone=True)) == []


def test_a_class_is_named_by_its_number_unless_two_have_it(session: Session, school: School) -> None:
    assert packages.class_named(session, frozenset({"demo-outline"}), "2026-01") == school.class_id
    a_school(session, code="other")
    with pytest.raises(NotFound, match="Several"):
        packages.class_named(session, frozenset({"demo-outline", "other"}), "2026-01")
    assert packages.class_named(session, frozenset({"demo-outline", "other"}), str(school.class_id)) == school.class_id
    with pytest.raises(NotFound, match="no class"):
        packages.class_named(session, frozenset({"demo-outline"}), "x")


def test_that_document_numbers_left_is_written_down_for_each_person(session: Session, school: School) -> None:
    people = [school.person(), school.person()]
    for person in people:
        a_record(session, person, school.class_id)
    made(session, school)
    told = scalar(
        session, "SELECT json_agg(json_build_array(receiver, what, split_part(reason, ' ', 1))) FROM elearn.disclosure"
    )
    assert told == [[school.desk.receiver.client_id, "document number", "package"]] * 2
    assert scalar(session, "SELECT cardinality(records) FROM elearn.exam_query WHERE door = 'package'") == 2


def test_each_record_in_it_counts_as_sent(session: Session, school: School) -> None:
    record = a_record(session, school.person(), school.class_id)
    made(session, school)
    states = deliveries.states(session, school.desk.receiver.id, [record.id])
    assert states == {record.id: Delivery.SENT}


def test_of_an_erased_person_the_record_goes_without_who_it_was(session: Session, school: School) -> None:
    person = school.person()
    a_record(session, person, school.class_id)
    persons.erase_person(session, person.id, at=MADE_AT)
    (row,) = made(session, school)
    assert (row["NAME"], row["ID_NUM"], row["SEX"]) == (None, None, None)


def test_many_records_are_read_in_portions_of_a_fixed_number_of_queries(
    session: Session, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        a_record(session, school.person(), school.class_id)
    chosen = packages.choose(session, school.desk.outlines, Scope())
    with statements(session) as few:
        assert len(list(packages.rows_of(session, chosen[:2], school.desk, reason="x"))) == 2
    with statements(session) as more:
        assert len(list(packages.rows_of(session, chosen, school.desk, reason="x"))) == 5
    assert len(more) == len(few)
    monkeypatch.setattr(packages, "AT_ONCE", 2)
    numbers = [row["number"] for row in packages.rows_of(session, chosen, school.desk, reason="x")]
    assert numbers == [1, 2, 3, 4, 5]


def test_a_receivers_own_profile_decides_about_columns_and_words(session: Session, school: School) -> None:
    a_record(session, school.person(), school.class_id)
    text = """
name: 省平台
version: "1"
sheet: 名单
columns:
  - {column: id, header: 编号, from: record_id}
  - {column: v, header: 版本, from: version, format: whole}
  - {column: kind, header: 培训类型, from: category_code, words: {demo-outline: "1"}, otherwise: ""}
receipt: {result: 结果}
results: {accepted: [好]}
"""
    profiles.keep_profile(session, school.desk.receiver.id, text, at=MADE_AT)
    (row,) = made(session, school)
    assert list(row) == ["id", "v", "kind"]
    assert row["kind"] == "1"


def test_the_same_profile_again_adds_nothing_and_an_older_one_can_come_back(session: Session, school: School) -> None:
    receiver = school.desk.receiver.id
    changed = default_text().replace("2026-11-22", "2026-11-23")
    for text in (default_text(), default_text(), changed, default_text()):
        profiles.keep_profile(session, receiver, text, at=MADE_AT)
    assert scalar(session, "SELECT count(*) FROM elearn.mapping_profile") == 3
    assert profiles.profile_of(session, receiver).version == "2026-11-22"


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("a field we do not have", "from: institution}", "from: salary}"),
        ("a format there is none of", "format: hours}", "format: money}"),
        ("a header twice", "header: 姓名,", "header: 性别,"),
        ("no record number", "header: 记录编号, from: record_id", "header: 记录编号, from: rules"),
        ("no place for the result", "result: 受理结果", "text2: 受理结果"),
        ("no YAML", "columns:", "columns: ["),
        ("a result there is none of", "accepted:", "lost:"),
        ("a name twice", "sheet: 参加考试人员名单", "sheet: a\nsheet: b"),
        ("a sheet's name that no sheet may have", "sheet: 参加考试人员名单", "sheet: a/b"),
        ("an unknown member", "header: 姓名,", "header: 姓名, colour: red,"),
    ],
)  # fmt: skip
def test_a_profile_that_is_wrong_is_not_loaded(session: Session, school: School, what: str, old: str, new: str) -> None:
    assert old in default_text()
    with pytest.raises(Malformed):
        profiles.keep_profile(session, school.desk.receiver.id, default_text().replace(old, new), at=MADE_AT)


def test_a_check_code_tells_versions_apart_and_says_nothing_of_the_person(session: Session, school: School) -> None:
    record = a_record(session, school.person(), school.class_id)
    fields = packages.fields_of(session, [record])[record.id]
    assert packages.check_code(fields) == packages.check_code(fields | {"document_number": "x", "name": "y"})
    assert packages.check_code(fields) != packages.check_code(fields | {"online_theory_ms": 1})


@pytest.mark.parametrize(
    ("number", "said"), [("110105194912310039", "male"), ("110105194912310020", "female"), ("12345678", None)]
)
def test_what_a_number_says_of_its_holder(number: str, said: str | None) -> None:
    kind = DocumentKind.RESIDENT_ID if len(number) == 18 else DocumentKind.TAIWAN_PERMIT
    assert identity.gender_of(kind, number) == said
