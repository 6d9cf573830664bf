"""Two people state something, records follow, and nothing of it is ever edited."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.credit_export import exam_targets, feed, grant_rules, holds, lives_check, recomputing, records
from elearn.credit_export.eligibility_commands import eligibility
from elearn.credit_export.exam_targets import TrainingKind, read_targets
from elearn.credit_export.findings import reading, stating
from elearn.credit_export.findings.models import Finding
from elearn.credit_export.findings.rules import Kind
from elearn.credit_export.findings.stating import About, Paper
from elearn.credit_export.lifecycle import Act, Hold, State
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.people import persons
from elearn.people.callers import Caller
from elearn.people.registry import local_day
from elearn.tracking.signals.models import ReviewAct, ReviewCase
from tests.builders_people import KEYS, a_person
from tests.conftest import ManualClock
from tests.credit_export.records.an_office import NOW, REGION, Office, take_back

TODAY = local_day(NOW)
PAPER = Paper("short", "电工 三级", "1234 5678 90")


def state(
    office: Office, kind: Kind, by: Caller, *, from_on: date = TODAY, to_on: date | None = None, paper: Paper = PAPER
) -> Finding:
    about = About(person_id=office.learner.person.id)
    if kind is Kind.INSTITUTION_SUSPENDED:
        about = About(organisation_id=office.institution_id)
    exempts = kind in (Kind.SKILL_CERTIFICATE, Kind.EARLIER_TRAINING)
    return stating.state(
        office.session, kind, about, paper=paper if exempts else None, from_on=from_on, to_on=to_on, note="seen",
        caller=by, keys=KEYS, at=NOW,
    )  # fmt: skip


def confirm(office: Office, finding: Finding, by: Caller) -> None:
    stating.answer(office.session, finding.id, confirm=True, note="", caller=by, at=NOW)


def sound(session: Session) -> list[tuple[str, str]]:
    return list(lives_check.unsound(session))


def without_hours(office: Office) -> None:
    """What was learned on site is taken back: seven tenths of an hour are left, and one is asked."""
    assert office.on_site is not None
    take_back(office.session, office.on_site)


@pytest.mark.parametrize(
    ("kind", "basis"),
    [(Kind.SKILL_CERTIFICATE, "exempt_skill_certificate"), (Kind.EARLIER_TRAINING, "earlier_training")],
)
def test_a_paper_that_two_sides_have_seen_takes_the_place_of_training(office: Office, kind: Kind, basis: str) -> None:
    without_hours(office)
    assert office.record().outcome == "ineligible"
    finding = state(office, kind, office.clerk)
    assert office.record().outcome == "ineligible", "one half is nothing"
    confirm(office, finding, office.officer)
    record = office.record()
    assert (record.outcome, record.reasons) == ("eligible_exempt", [])
    assert record.facts["basis"] == {"kind": basis, "paper": "电工 三级", "finding": str(finding.id)}
    assert office.granted().outcome == "eligible_exempt"
    assert sound(office.session) == []


def test_an_excuse_that_ends_takes_its_admission_along(office: Office) -> None:
    without_hours(office)
    finding = state(office, Kind.SKILL_CERTIFICATE, office.clerk)
    confirm(office, finding, office.officer)
    office.granted()
    ended = stating.end(office.session, finding.id, from_on=TODAY, note="forged", caller=office.officer, at=NOW)
    assert office.state() is State.GRANTED
    confirm(office, ended, office.operator)
    record = office.record()
    assert (record.outcome, office.state()) == ("ineligible", State.COMPUTED)
    last = feed.feed(office.session, ["short"], 0, 100)[-1]
    assert last.reason == "BASIS_CHANGED"
    with pytest.raises(Conflict):
        stating.end(office.session, finding.id, from_on=TODAY, note="again", caller=office.officer, at=NOW)
    assert sound(office.session) == []


def test_the_number_of_a_paper_is_sealed_and_goes_with_the_person(office: Office) -> None:
    finding = state(office, Kind.SKILL_CERTIFICATE, office.clerk)
    person_id, sealed = office.learner.person.id, finding.number_sealed
    assert sealed is not None
    assert b"1234567890" not in sealed
    assert stating.number_of(office.session, person_id, sealed, KEYS) == "1234567890"
    assert stating.masked("1234567890") == "••••••7890"
    assert "1234567890" not in str(office.record().facts)
    persons.erase_person(office.session, person_id, at=NOW)
    with pytest.raises(DomainError, match="erased"):
        stating.number_of(office.session, person_id, sealed, KEYS)


def test_a_certificate_excuses_from_its_own_outline_and_on_its_own_days(office: Office) -> None:
    without_hours(office)
    confirm(office, state(office, Kind.SKILL_CERTIFICATE, office.clerk, to_on=TODAY), office.officer)
    assert office.record().outcome == "eligible_exempt"
    tomorrow = NOW + timedelta(days=1)
    records.record_person(office.session, office.learner.person.id, now=tomorrow)
    (record,) = records.newest_records(office.session, [office.learner.person.id]).values()
    assert record.outcome == "ineligible"


def test_the_blacklist_ends_an_admission_and_its_end_lets_it_be_looked_at_anew(office: Office) -> None:
    office.granted()
    finding = state(office, Kind.BLACKLISTED, office.operator)
    assert office.state() is State.GRANTED
    confirm(office, finding, office.officer)
    record = office.record()
    assert (record.outcome, record.reasons, office.state()) == ("ineligible", ["BLACKLISTED"], State.COMPUTED)
    assert record.facts["checks"]["blacklist"] is True
    ended = stating.end(office.session, finding.id, from_on=TODAY, note="served", caller=office.officer, at=NOW)
    confirm(office, ended, office.operator)
    assert office.record().outcome == "eligible"
    assert [one.reason for one in feed.feed(office.session, ["short"], 0, 100)][-1] == "BLACKLIST_ENDED"
    assert sound(office.session) == []


REFUSED = [
    ("a school does not blacklist", Kind.BLACKLISTED, "manager", Forbidden, "not_yours"),
    ("a school does not suspend itself", Kind.INSTITUTION_SUSPENDED, "manager", Forbidden, "not_yours"),
    ("another school knows nobody here", Kind.SKILL_CERTIFICATE, "stranger", NotFound, "not_found"),
]


@pytest.mark.parametrize(("rule", "kind", "who", "error", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_who_may_not_state(
    office: Office, rule: str, kind: Kind, who: str, error: type[DomainError], code: str
) -> None:
    with pytest.raises(error) as raised:
        state(office, kind, getattr(office, who))
    assert raised.value.error_code == code, rule


def test_the_second_person_is_another_one_of_another_side(office: Office) -> None:
    finding = state(office, Kind.SKILL_CERTIFICATE, office.clerk)
    for who, code in ((office.clerk, "same_person"), (office.manager, "same_side")):
        with pytest.raises(Forbidden) as raised:
            confirm(office, finding, who)
        assert raised.value.error_code == code
    with pytest.raises(NotFound):
        confirm(office, finding, office.stranger)
    confirm(office, finding, office.officer)
    with pytest.raises(Conflict):
        confirm(office, finding, office.operator)


WRONG = [
    ("no outline", Paper("nothing", "电工", "1234"), {}, "outline"),
    ("no kind", Paper("short", "  ", "1234"), {}, "paper"),
    ("too long a kind", Paper("short", "x" * 101, "1234"), {}, "paper"),
    ("a number too short", Paper("short", "电工", "1 2 3"), {}, "number"),
    ("a line in the number", Paper("short", "电工", "12\x0034"), {}, "number"),
    ("a last day before the first", PAPER, {"to_on": TODAY - timedelta(days=1)}, "dates"),
]


@pytest.mark.parametrize(("what", "paper", "more", "code"), WRONG, ids=[row[0] for row in WRONG])
def test_what_cannot_be_is_refused(office: Office, what: str, paper: Paper, more: dict[str, date], code: str) -> None:
    with pytest.raises(Malformed) as raised:
        state(office, Kind.SKILL_CERTIFICATE, office.clerk, paper=paper, **more)
    assert raised.value.error_code == code, what
    assert reading.counts(office.session, office.operator)[0] == 0


def test_the_same_is_not_stated_twice_while_it_waits_and_may_be_after_an_objection(office: Office) -> None:
    first = state(office, Kind.SKILL_CERTIFICATE, office.clerk)
    with pytest.raises(Conflict) as raised:
        state(office, Kind.SKILL_CERTIFICATE, office.officer)
    assert raised.value.error_code == "stated_already"
    with pytest.raises(Malformed):
        stating.answer(office.session, first.id, confirm=False, note=" ", caller=office.officer, at=NOW)
    stating.answer(office.session, first.id, confirm=False, note="not seen", caller=office.clerk, at=NOW)
    state(office, Kind.SKILL_CERTIFICATE, office.clerk)
    without_hours(office)
    assert office.record().outcome == "ineligible"


@pytest.mark.parametrize("table", ["finding", "finding_answer"])
def test_no_finding_is_ever_edited_or_removed(office: Office, table: str) -> None:
    confirm(office, state(office, Kind.SKILL_CERTIFICATE, office.clerk), office.officer)
    for statement in (f"UPDATE elearn.{table} SET note = 'x'", f"DELETE FROM elearn.{table}"):
        with pytest.raises(IntegrityError, match="append-only"), office.session.begin_nested():
            office.session.execute(sa.text(statement))


# --- what holds a grant back ------------------------------------------------------------------------------------------


def a_case(office: Office, kind: str = "flags", *, class_id: UUID | None = None) -> ReviewCase:
    case = ReviewCase(
        kind=kind,
        learner_id=office.learner.person.id,
        class_id=class_id or office.learner.class_id,
        statement="I was there" if kind == "appeal" else None,
        opened_by=a_person(office.session).id,
        opened_at=NOW,
    )
    office.session.add(case)
    office.session.flush()
    return case


def acted(office: Office, case: ReviewCase, *acts: str) -> None:
    count = office.session.scalar(sa.select(sa.func.count()).where(ReviewAct.case_id == case.id)) or 0
    for number, act in enumerate(acts, count + 1):
        office.session.add(
            ReviewAct(
                case_id=case.id, number=number, act=act, by_person_id=a_person(office.session).id, side="operator",
                reason="looked", spans=[], at=NOW,
            )
        )  # fmt: skip
    office.session.flush()


def verified(office: Office) -> None:
    """As far as the platform would grant by itself."""
    office.act(Act.SUBMIT, office.clerk)
    office.act(Act.CHECK, office.second_clerk)
    office.act(Act.VERIFY, office.officer)


def holding(office: Office) -> set[str]:
    return set(holds.holds_on(office.session, office.record(), TODAY))


@pytest.mark.parametrize(
    ("kind", "acts", "held"),
    [
        ("flags", (), True),
        ("flags", ("propose",), True),
        ("flags", ("propose", "object"), True),
        ("flags", ("dismiss",), False),
        ("flags", ("propose", "confirm"), False),
        ("appeal", (), True),
        ("appeal", ("reject",), False),
        ("appeal", ("uphold",), False),
    ],
)
def test_a_case_holds_a_grant_back_until_it_is_closed(
    office: Office, kind: str, acts: tuple[str, ...], held: bool
) -> None:
    acted(office, a_case(office, kind), *acts)
    assert holding(office) == ({Hold.UNDER_REVIEW} if held else set())
    verified(office)
    assert office.state() is (State.REGULATOR_VERIFIED if held else State.GRANTED)


def test_when_the_case_is_closed_the_platform_goes_on_by_itself(office: Office) -> None:
    case = a_case(office)
    verified(office)
    acted(office, case, "dismiss")
    pages = recomputing.lately_touched(office.session, since=NOW)
    assert [office.learner.person.id] in list(pages)
    assert office.state() is State.GRANTED
    assert sound(office.session) == []


def test_a_case_takes_no_admission_away_and_one_about_another_class_holds_nothing(office: Office) -> None:
    office.granted()
    a_case(office)
    assert office.state() is State.GRANTED
    session = office.session
    office.session.execute(sa.text("SELECT 1"))
    other = ReviewCase(
        kind="flags", learner_id=office.learner.person.id, opened_by=office.officer.person_id, opened_at=NOW
    )
    session.add(other)
    session.flush()
    acted(office, session.scalars(sa.select(ReviewCase).where(ReviewCase.class_id.is_not(None))).one(), "dismiss")
    assert holding(office) == set(), "watching for no class earns nothing that an exam relies on"


def test_an_officer_grants_what_is_held_back_with_words_and_only_where_the_region_lets(office: Office) -> None:
    a_case(office)
    verified(office)
    with pytest.raises(Conflict) as raised:
        office.act(Act.GRANT, office.second_officer)
    assert raised.value.error_code == "held"
    grant_rules.add_rule(
        office.session, region=REGION, effective_from=TODAY, submits_by_itself=False, regulator_verifies=True,
        grants_by_itself=True, grants_while_held=True, valid_days=None, today=TODAY, by="test", at=NOW,
    )  # fmt: skip
    assert office.state() is State.REGULATOR_VERIFIED, "never by itself"
    with pytest.raises(Malformed):
        office.act(Act.GRANT, office.second_officer, note="")
    with pytest.raises(Forbidden):
        office.act(Act.GRANT, office.manager)
    with pytest.raises(Forbidden):
        office.act(Act.GRANT, office.officer)  # who verified it does not grant it
    step = office.act(Act.GRANT, office.second_officer, note="The case is about another lesson.")
    assert (step.reason, office.state()) == ("DESPITE_HOLD", State.GRANTED)
    assert sound(office.session) == []


def test_no_manager_grants_what_is_held_back_where_managers_grant_otherwise(office: Office) -> None:
    a_case(office)
    grant_rules.add_rule(
        office.session, region=REGION, effective_from=TODAY, submits_by_itself=False, regulator_verifies=False,
        grants_by_itself=False, grants_while_held=True, valid_days=None, today=TODAY, by="test", at=NOW,
    )  # fmt: skip
    office.act(Act.SUBMIT, office.clerk)
    office.act(Act.CHECK, office.second_clerk)
    with pytest.raises(Forbidden):
        office.act(Act.GRANT, office.manager)
    office.act(Act.GRANT, office.officer, note="looked at it")
    assert office.state() is State.GRANTED
    assert sound(office.session) == []


def test_a_suspended_institution_holds_back_and_takes_nothing_away(office: Office) -> None:
    verified_before = office.granted().id
    finding = state(office, Kind.INSTITUTION_SUSPENDED, office.officer)
    assert holding(office) == set()
    confirm(office, finding, office.operator)
    assert (holding(office), office.state()) == ({Hold.INSTITUTION_SUSPENDED}, State.GRANTED)
    assert office.record().id == verified_before
    assert office.learner.person.id in reading.lately_answered(office.session, NOW)


def test_only_an_institution_can_be_suspended(office: Office, session: Session) -> None:
    from tests.builders_people import an_organisation

    with pytest.raises(NotFound):
        stating.state(
            session, Kind.INSTITUTION_SUSPENDED, About(organisation_id=an_organisation(session).id), from_on=TODAY,
            note="x", caller=office.operator, keys=KEYS, at=NOW,
        )  # fmt: skip


# --- what an outline is called at the exam ----------------------------------------------------------------------------

TARGETS = """
targets:
  - {outline: short, from: 2026-06-01, qualification: 特种作业人员, trade: 电工作业, item: 低压电工作业,
     item_code: "0101", training: 1, catalogue_version: 应急〔2026〕45号}
"""


def load(office: Office, text: str) -> int:
    return exam_targets.load(office.session, read_targets(text), by="test", at=NOW)


def test_the_words_of_the_exam_come_as_dated_rows_and_reach_records_as_a_new_version(office: Office) -> None:
    before = office.granted()
    assert before.facts["target"]["qualification"] is None, "this platform does not say"
    kept = dict(before.facts)
    assert [load(office, TARGETS), load(office, TARGETS)] == [1, 0]
    record = office.record()
    assert record.version == before.version + 1
    assert (record.facts["target"]["trade"], record.facts["target"]["training_type_code"]) == ("电工作业", 1)
    assert record.facts["target"]["catalogue_version"] == "应急〔2026〕45号"
    assert office.state() is State.GRANTED, "nothing that people relied on got less"
    office.session.expire(before)
    assert before.facts == kept, "what was written stays as it is"
    assert sound(office.session) == []


def test_the_newest_row_that_has_begun_holds(office: Office) -> None:
    load(office, TARGETS)
    later = TARGETS.replace("2026-06-01", (TODAY + timedelta(days=1)).isoformat()).replace("training: 1", "training: 3")
    load(office, later)
    outline = office.record().outline_id
    for day, kind in ((TODAY, TrainingKind.INITIAL), (TODAY + timedelta(days=1), TrainingKind.CERTIFICATE_CHANGE)):
        assert exam_targets.of_outlines(office.session, [outline], day)[outline].training_kind is kind
    assert exam_targets.of_outlines(office.session, [outline], date(2026, 5, 31)) == {}


BAD = [
    ("not YAML", "targets: [", "not YAML"),
    ("another name", "rows: []", "1 to 5000 rows"),
    ("no rows", "targets: []", "1 to 5000 rows"),
    ("a row that is none", "targets: [1]", "Row 1: not a row"),
    ("a name that is not known", TARGETS.replace("trade:", "trades:"), "trades: not known"),
    ("a field left out", TARGETS.replace("trade: 电工作业, ", ""), "trade: text"),
    ("a code that YAML reads as a number", TARGETS.replace('"0101"', "101"), "item_code: text"),
    ("no such kind of training", TARGETS.replace("training: 1", "training: 4"), "training: 1"),
    ("yes is no kind of training", TARGETS.replace("training: 1", "training: yes"), "training: 1"),
    ("no day", TARGETS.replace("2026-06-01", "soon"), "from: a day"),
    ("no region", TARGETS.replace("outline: short,", "outline: short, region: 53,"), "region: six digits"),
    ("no such outline", TARGETS.replace("outline: short,", "outline: unknown,"), "no such outline"),
]


@pytest.mark.parametrize(("what", "text", "said"), BAD, ids=[row[0] for row in BAD])
def test_a_file_that_is_not_as_agreed_is_refused_whole(office: Office, what: str, text: str, said: str) -> None:
    with pytest.raises(Malformed) as raised:
        load(office, text)
    assert said in str(raised.value), what
    assert exam_targets.all_rows(office.session) == []


def test_rows_come_by_command(app: Flask, office: Office, clock: ManualClock, tmp_path: Path) -> None:
    clock.now = NOW
    run, file = app.test_cli_runner(), tmp_path / "targets.yaml"
    file.write_text(TARGETS, encoding="utf-8")
    for said in ("1 of 1 rows added", "0 of 1 rows added"):
        assert run.invoke(eligibility, ["targets", "load", str(file)]).output == f"{said}\n"
    told = run.invoke(eligibility, ["targets", "list"]).output
    assert told.startswith("1 short CN from 2026-06-01: 特种作业人员 / 电工作业 / 低压电工作业 0101, PX_TYPE_CODE 1")
    file.write_text("targets: []", encoding="utf-8")
    assert run.invoke(eligibility, ["targets", "load", str(file)]).exit_code == 1
