"""Records are judged by what is loaded: it decides, it is named, and whom it takes nothing from it leaves alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, Outline
from elearn.courses.requirements import service
from elearn.credit_export import lives_check, record_reading, records
from elearn.credit_export.eligibility import Ineligible, Reason
from elearn.credit_export.gathering import Case, gather_many
from elearn.credit_export.lifecycle import State, Why
from elearn.people.registry import local_day
from tests.builders_credit import a_learner_with_hours, an_outline
from tests.builders_people import a_resident_id
from tests.credit_export.records.an_office import NOW, ONLINE_MS, Office, entered, take_back

HEAD = 'catalogue: elearn-requirements\nversion: "1"\n'
BEGAN = "effective_from: 2024-07-01, confirmed: true"
WELDER = (
    "categories:\n  - {{id: welder, name: 焊工, group: special_operation, "
    + BEGAN
    + ",\n     hours: {{initial: {{total: {}}}}}}}\n"
)


def load(session: Session, text: str) -> None:
    plan = service.plan(session, HEAD + text, unconfirmed=True, today=local_day(NOW))
    service.apply(session, plan, file_name="rules.yaml", by="me", at=NOW)


def shipped(session: Session) -> None:
    service.load_shipped(session, by="me", at=NOW, today=local_day(NOW))


def case_of(office: Office, on: date | None = None) -> Case:
    (found,) = gather_many(office.session, [office.learner.person.id], now=NOW, on=on)
    return found


def outline_of(office: Office) -> Outline:
    return office.session.get_one(Outline, case_of(office).outline_id)


def test_a_catalogue_that_asks_for_nothing_more_takes_no_admission_away(office: Office) -> None:
    before = office.granted()
    assert office.state() == State.GRANTED
    shipped(office.session)
    after = office.record()
    assert after.version == before.version + 1
    assert "class_hours/online_aq8011@CN@2024-07-01#" in after.rules
    assert office.state() == State.GRANTED
    assert record_reading.life_of_line(office.session, after)[0].reason == Why.RULES_CHANGED
    assert list(lives_check.unsound(office.session)) == []
    assert office.record().id == after.id, "nothing new is said"


def test_longer_hours_take_it_away_and_are_named(office: Office) -> None:
    office.granted()
    load(office.session, f"class_hours:\n  - {{id: long, modality: online, minutes: 40, {BEGAN}}}\n")
    after = office.record()
    assert (after.outcome, after.reasons) == ("ineligible", ["HOURS_THEORY_SHORT"])
    assert after.rules.startswith("hours-40-45-70; ")
    assert office.state() == State.COMPUTED
    counts = record_reading.counts_of(after.hours, after.rules)
    assert counts.theory == 825_000, "21 of 40 minutes, and 13.5 of 45"
    assert list(lives_check.unsound(office.session)) == []


def test_a_category_that_asks_for_more_than_the_outline(office: Office) -> None:
    load(
        office.session,
        WELDER.format(2),
    )
    outline_of(office).category = "welder"
    after = office.record()
    assert (after.hours["required_theory"], after.reasons) == (2, ["HOURS_THEORY_SHORT"])
    assert after.facts["judged"]["theory"] == 1
    assert list(lives_check.unsound(office.session)) == []


def test_a_judgement_that_was_changed_afterwards_is_found(office: Office) -> None:
    shipped(office.session)
    record = office.record()
    office.session.execute(sa.text("ALTER TABLE elearn.eligibility_record DISABLE TRIGGER USER"))
    for column, value in (("rules", "'cn-aq8011-2023; other@1'"), ("hours", "hours || '{\"required_theory\": 0}'")):
        with office.session.begin_nested() as undone:
            office.session.execute(sa.text(f"UPDATE elearn.eligibility_record SET {column} = {value}"))
            office.session.expire_all()
            assert [one for one, _wrong in lives_check.unsound(office.session)][:1] == [str(record.id)]
            undone.rollback()


CAP = f"credit_rules:\n  - {{id: day, daily_cap_hours: 1, {BEGAN}}}\n"


def test_a_day_counts_up_to_its_limit_and_the_rest_is_told(office: Office) -> None:
    free = case_of(office)
    office.earn(60_000)
    assert case_of(office).hours.online_theory_ms == free.hours.online_theory_ms + 60_000
    load(office.session, CAP)
    capped = case_of(office)
    assert capped.hours == free.hours
    assert capped.over_daily_ms == 60_000
    assert any(name.startswith("credit_rules/day@") for name in capped.rules.names)


def test_the_limit_of_a_day_is_of_all_classes_together(office: Office) -> None:
    an_outline(office.session, code="second", hours=1)
    other = a_learner_with_hours(
        office.session, ms=ONLINE_MS, outline="second", document_number=a_resident_id(serial=900_811)
    )
    other.person = office.learner.person
    enrolment = office.session.scalars(sa.select(Enrolment).where(Enrolment.class_id == other.class_id)).one()
    enrolment.person_id = office.learner.person.id
    office.session.flush()
    entered(office.session, other, other.watch(ms=ONLINE_MS), ONLINE_MS)
    load(office.session, CAP)
    cases = gather_many(office.session, [office.learner.person.id], now=NOW)
    assert sum(one.over_daily_ms for one in cases) == ONLINE_MS
    assert {one.hours.online_theory_ms for one in cases} == {ONLINE_MS, 0}


@pytest.mark.parametrize(("region", "limited"), [("530000", True), ("530100", True), ("330000", False)])
def test_a_region_limits_its_own_institutions(office: Office, region: str, limited: bool) -> None:
    office.earn(60_000)
    load(office.session, f"credit_rules:\n  - {{id: day, daily_cap_hours: 1, region: '{region}', {BEGAN}}}\n")
    assert bool(case_of(office).over_daily_ms) is limited


def test_what_was_taken_back_leaves_room_on_its_day(office: Office) -> None:
    load(office.session, CAP)
    office.earn(60_000)
    assert office.on_site is not None
    take_back(office.session, office.on_site)
    assert case_of(office).over_daily_ms == 0


@pytest.mark.parametrize(("loaded", "outcome"), [(False, "ineligible"), (True, "eligible")])
def test_who_was_admitted_is_not_trained_again_when_the_outline_ends(
    office: Office, loaded: bool, outcome: str
) -> None:
    outline = outline_of(office)
    if loaded:
        shipped(office.session)
        load(
            office.session,
            WELDER.format(1),
        )
        outline.category = "welder"
    office.granted()
    outline.effective_to = local_day(NOW)
    tomorrow = NOW + timedelta(days=1)
    records.record_person(office.session, office.learner.person.id, now=tomorrow)
    record = records.newest_records(office.session, [office.learner.person.id]).popitem()[1]
    assert record.outcome == outcome
    assert list(lives_check.unsound(office.session)) == []


def test_a_day_is_judged_by_its_own_rules(office: Office) -> None:
    load(
        office.session,
        "class_hours:\n"
        "  - {id: short, modality: online, minutes: 30, effective_from: 2024-07-01, confirmed: true}\n"
        "  - {id: short, modality: online, minutes: 60, effective_from: 2026-09-01, confirmed: true}\n",
    )
    for on, reasons in ((date(2026, 8, 31), ()), (date(2026, 9, 1), (Reason.HOURS_THEORY_SHORT,))):
        judgement = records.decide(case_of(office, on), on)
        assert (judgement.reasons if isinstance(judgement, Ineligible) else ()) == reasons


def test_many_persons_take_as_many_queries_as_one(office: Office) -> None:
    shipped(office.session)
    load(office.session, CAP)
    people = [office.learner.person.id]
    for serial in (900_821, 900_822):
        more = a_learner_with_hours(
            office.session, ms=1000, outline=outline_of(office).code, document_number=a_resident_id(serial=serial)
        )
        people.append(more.person.id)
    service.catalogue(office.session)  # known from here on
    counts = []
    for some in (people[:1], people):
        seen: list[str] = []
        connection = office.session.connection()

        def note(*arguments: object, into: list[str] = seen) -> None:
            into.append(str(arguments[2]))

        sa.event.listen(connection, "before_cursor_execute", note)
        assert len(gather_many(office.session, some, now=NOW)) == len(some)
        sa.event.remove(connection, "before_cursor_execute", note)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 4
