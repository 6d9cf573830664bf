"""People take a record through its life, on a real database; the feed tells each step in the order of commits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.models import TrainingClass
from elearn.credit_export import feed, records, steps
from elearn.credit_export.lifecycle import Act, State
from elearn.credit_export.models import EligibilityRecord, EligibilityStep
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.people import callers
from elearn.people.models import Role
from elearn.tracking.verifier import RefusalClass
from tests.builders_people import an_account
from tests.conftest import scalar
from tests.credit_export.records.an_office import NOW, Office, take_back


def test_a_record_goes_from_the_clerk_over_the_regulator_to_the_grant(office: Office) -> None:
    assert office.state() is State.COMPUTED
    record = office.granted()
    life = feed.lives(office.session, [record.id])[record.id]
    assert life.state is State.GRANTED
    assert (life.submitted_by, life.checked_by, life.verified_by, life.granted_by) == (
        office.clerk.person_id,
        office.second_clerk.person_id,
        office.officer.person_id,
        None,
    )
    assert (life.granted_at, life.expires_on) == (NOW, None)
    assert [state for _version, state in office.told()] == [
        "computed", "submitted", "institution_checked", "regulator_verified", "granted",
    ]  # fmt: skip


def test_where_nobody_else_is_asked_one_check_is_enough(office: Office) -> None:
    office.rule(submits=True, verifies=False)
    assert office.state() is State.SUBMITTED
    office.act(Act.CHECK, office.clerk)
    assert office.state() is State.GRANTED


def test_a_region_of_which_nobody_said_anything_asks_for_everything(office: Office) -> None:
    office.session.execute(sa.text("UPDATE elearn.organisation SET region = '440100' WHERE region IS NOT NULL"))
    office.session.expire_all()
    office.act(Act.SUBMIT, office.clerk)
    office.act(Act.CHECK, office.second_clerk)
    assert office.state() is State.INSTITUTION_CHECKED
    with pytest.raises(Conflict, match="verification first"):
        office.act(Act.GRANT, office.manager)


def test_a_rule_that_a_region_has_from_tomorrow_does_not_hold_today(office: Office, session: Session) -> None:
    from elearn.credit_export import grant_rules
    from elearn.people.registry import local_day

    tomorrow = local_day(NOW + timedelta(days=1))
    grant_rules.add_rule(
        session, region="530100", effective_from=tomorrow, submits_by_itself=True, regulator_verifies=False,
        grants_by_itself=True, valid_days=30, today=local_day(NOW), by="test", at=NOW,
    )  # fmt: skip
    rows = grant_rules.all_rules(session)
    assert grant_rules.rule_of(rows, "530100", local_day(NOW)).regulator_verifies
    assert not grant_rules.rule_of(rows, "530100", tomorrow).regulator_verifies
    assert grant_rules.rule_of(rows, "530200", tomorrow).version == "none loaded"
    with pytest.raises(Malformed, match="today or later"):
        grant_rules.add_rule(
            session, region="CN", effective_from=local_day(NOW - timedelta(days=1)), submits_by_itself=True,
            regulator_verifies=False, grants_by_itself=True, valid_days=None, today=local_day(NOW), by="x", at=NOW,
        )  # fmt: skip


REFUSED: list[tuple[str, Callable[[Office], object], type[DomainError], str]] = [
    ("the clerk who submitted does not check", lambda o: (o.act(Act.SUBMIT, o.clerk), o.act(Act.CHECK, o.clerk)),
     Forbidden, "same_person"),
    ("no officer submits", lambda o: o.act(Act.SUBMIT, o.officer), Forbidden, "not_yours"),
    ("no step is skipped", lambda o: o.act(Act.CHECK, o.clerk), Conflict, "wrong_state"),
    ("another institution sees nothing", lambda o: o.act(Act.SUBMIT, o.stranger), NotFound, "not_found"),
    ("nothing is suspended by one person", lambda o: (o.granted(), o.act(Act.SUSPEND, o.officer)),
     Forbidden, "not_yours"),
    ("nothing is proposed that one person does", lambda o: steps.propose(
        o.session, o.record().id, Act.SUBMIT, caller=o.clerk, reason="IN_ORDER", note="x", at=NOW),
     Forbidden, "not_yours"),
    ("a return wants words", lambda o: (o.act(Act.SUBMIT, o.clerk),
        o.act(Act.RETURN, o.clerk, reason="DATA_WRONG", note=" ")), Malformed, "note"),
    ("and no more than fit", lambda o: (o.act(Act.SUBMIT, o.clerk),
        o.act(Act.RETURN, o.clerk, reason="DATA_WRONG", note="x" * 2001)), Malformed, "note"),
    ("nor what no database keeps", lambda o: (o.act(Act.SUBMIT, o.clerk),
        o.act(Act.RETURN, o.clerk, reason="DATA_WRONG", note="a\0b")), Malformed, "note"),
    ("and a reason that there is", lambda o: (o.act(Act.SUBMIT, o.clerk),
        o.act(Act.RETURN, o.clerk, reason="INVENTED")), Malformed, "reason"),
    ("which is one of this act", lambda o: (o.act(Act.SUBMIT, o.clerk),
        o.act(Act.RETURN, o.clerk, reason="REVIEW_ENDED")), Malformed, "reason"),
    ("the second person is of another side", lambda o: (o.granted(),
        o.twice(Act.SUSPEND, o.officer, o.second_officer, reason="UNDER_REVIEW")), Forbidden, "same_side"),
    ("and another person", lambda o: (o.granted(),
        o.twice(Act.SUSPEND, o.officer, o.officer, reason="UNDER_REVIEW")), Forbidden, "same_person"),
    ("a clerk proposes nothing", lambda o: (o.granted(),
        o.twice(Act.REVOKE, o.clerk, o.officer, reason="FORGED_DATA")), Forbidden, "not_yours"),
    ("what is not granted is not revoked", lambda o: o.twice(Act.REVOKE, o.officer, o.manager, reason="FORGED_DATA"),
     Conflict, "wrong_state"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "what", "error", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_refused(
    office: Office, text: str, what: Callable[[Office], object], error: type[DomainError], code: str
) -> None:
    with pytest.raises(error) as refused:
        what(office)
    assert refused.value.error_code == code


def test_nobody_decides_about_their_own_record(office: Office, session: Session) -> None:
    account = an_account(
        session, Role.INSTITUTION_CLERK, organisation_id=office.institution_id, person=office.learner.person
    )
    own = callers.caller_of(session, account.id)
    assert own is not None
    with pytest.raises(Forbidden, match="own record"):
        office.act(Act.SUBMIT, own)


def test_suspended_by_two_and_given_back_by_two(office: Office) -> None:
    record = office.granted()
    step = office.twice(Act.SUSPEND, office.officer, office.operator, reason="UNDER_REVIEW")
    assert (step.by_id, step.second_id) == (office.officer.person_id, office.operator.person_id)
    assert office.state() is State.SUSPENDED
    office.twice(Act.RESUME, office.manager, office.officer, reason="REVIEW_ENDED")
    assert office.state() is State.GRANTED
    assert feed.lives(office.session, [record.id])[record.id].granted_at == NOW
    assert [state for _version, state in office.told()][-3:] == ["granted", "suspended", "granted"]


def test_an_objection_leaves_all_as_it_was_and_another_proposal_may_come(office: Office) -> None:
    record = office.granted()
    made = steps.propose(
        office.session, record.id, Act.REVOKE, caller=office.officer, reason="FORGED_DATA", note="look", at=NOW
    )
    with pytest.raises(Conflict) as waits:
        steps.propose(
            office.session, record.id, Act.SUSPEND, caller=office.operator, reason="UNDER_REVIEW", note="x", at=NOW
        )
    assert waits.value.error_code == "proposal_open"
    answer = {"confirm": False, "caller": office.manager, "note": "it is genuine", "at": NOW}
    assert steps.answer(office.session, record.id, made.id, **answer) is None  # type: ignore[arg-type]
    with pytest.raises(Conflict) as gone:
        steps.answer(office.session, record.id, made.id, **answer)  # type: ignore[arg-type]
    assert gone.value.error_code == "proposal_gone"
    assert office.state() is State.GRANTED
    office.twice(Act.REVOKE, office.officer, office.operator, reason="FORGED_DATA")
    assert office.state() is State.REVOKED


def test_more_hours_are_a_new_version_that_is_still_granted(office: Office) -> None:
    first = office.granted()
    office.earn(120_000)
    second = office.record()
    assert (second.version, second.supersedes_id) == (2, first.id)
    life = feed.lives(office.session, [first.id, second.id])
    assert (life[first.id].state, life[second.id].state) == (State.SUPERSEDED, State.GRANTED)
    assert life[second.id].granted_at == NOW
    assert office.told()[-2:] == [(1, "superseded"), (2, "granted")]


def test_hours_taken_back_end_an_admission_and_the_new_version_begins_at_its_beginning(office: Office) -> None:
    office.granted()
    assert office.on_site is not None
    take_back(office.session, office.on_site)
    record = office.record()
    assert record.outcome == "ineligible"
    assert office.told()[-2:] == [(1, "superseded"), (2, "computed")]


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED])
def test_whoever_goes_on_learning_does_not_learn_a_suspension_or_revocation_away(office: Office, state: State) -> None:
    office.rule(submits=True, verifies=False)
    office.record()
    office.act(Act.CHECK, office.clerk)
    act, reason = (Act.SUSPEND, "UNDER_REVIEW") if state is State.SUSPENDED else (Act.REVOKE, "FORGED_DATA")
    office.twice(act, office.officer, office.operator, reason=reason)
    office.earn(120_000)
    assert office.state() is state
    assert office.told()[-1] == (2, state.value)


def test_a_proposal_lands_on_the_newest_version(office: Office) -> None:
    record = office.granted()
    made = steps.propose(
        office.session, record.id, Act.SUSPEND, caller=office.officer, reason="UNDER_REVIEW", note="look", at=NOW
    )
    office.earn(120_000)
    steps.answer(office.session, record.id, made.id, confirm=True, caller=office.operator, note="", at=NOW)
    assert office.told()[-1] == (2, "suspended")


def test_a_suspension_whose_hours_were_taken_back_is_corrected_and_not_resumed(office: Office) -> None:
    office.granted()
    office.twice(Act.SUSPEND, office.officer, office.operator, reason="UNDER_REVIEW")
    assert office.on_site is not None
    take_back(office.session, office.on_site)
    assert office.state() is State.SUSPENDED
    with pytest.raises(Conflict, match="not there"):
        office.twice(Act.RESUME, office.officer, office.operator, reason="REVIEW_ENDED")
    office.twice(Act.CORRECT, office.officer, office.operator, reason="DATA_WRONG")
    assert office.state() is State.COMPUTED


def test_a_correction_is_a_new_version_that_names_the_old_one_and_is_looked_at_anew(office: Office) -> None:
    first = office.granted()
    office.twice(Act.REVOKE, office.officer, office.operator, reason="FORGED_DATA")
    office.twice(Act.CORRECT, office.officer, office.manager, reason="TAKEN_IN_ERROR")
    second = office.record()
    assert (second.version, second.supersedes_id) == (2, first.id)
    assert office.told()[-3:] == [(1, "revoked"), (1, "superseded"), (2, "computed")]
    office.granted()
    assert office.state() is State.GRANTED


def test_what_was_sent_back_waits_for_a_person_where_the_platform_submits(office: Office) -> None:
    office.rule(submits=True, verifies=False)
    assert office.state() is State.SUBMITTED
    office.act(Act.RETURN, office.clerk, reason="DATA_WRONG")
    assert office.state() is State.COMPUTED
    office.earn(120_000)
    assert office.state() is State.COMPUTED
    office.act(Act.SUBMIT, office.clerk)
    assert office.state() is State.SUBMITTED


def test_a_step_is_taken_on_the_version_that_was_looked_at(office: Office) -> None:
    seen = office.record()
    office.earn(120_000)
    with pytest.raises(Conflict) as moved:
        steps.act(office.session, seen.id, Act.SUBMIT, caller=office.clerk, at=NOW)
    assert moved.value.error_code == "record_moved"


def test_nobody_submits_who_is_not_eligible(office: Office) -> None:
    assert office.on_site is not None
    take_back(office.session, office.on_site)
    with pytest.raises(Conflict, match="not there"):
        office.act(Act.SUBMIT, office.clerk)


def test_a_region_may_say_how_long_a_record_holds(office: Office) -> None:
    office.rule(days=365)
    record = office.granted()
    expires = feed.lives(office.session, [record.id])[record.id].expires_on
    assert expires is not None
    assert (expires - record.judged_on).days == 365


def test_a_record_keeps_the_other_blocks_as_they_were(office: Office, session: Session) -> None:
    facts = office.record().facts
    held = session.get_one(TrainingClass, office.learner.class_id)
    assert facts["training"]["filing_no"] == held.filing_no
    assert facts["training"]["institution"] == "滇池安全培训中心"
    assert facts["checks"]["identity"] is True
    assert facts["checks"]["presence_passed"] == 2
    assert facts["checks"]["blacklist"] is False, "the platform has a list, and they are not on it"
    assert facts["checks"]["teachers"] is None
    assert facts["evidence"]["entries"] == 2
    assert set(facts["uncredited_ms"]) == {"before_filing", "voided", *RefusalClass}
    assert set(facts["uncredited_ms"].values()) == {0}
    assert office.record().witnessed is False


def test_nobody_without_a_document_is_eligible(office: Office, session: Session) -> None:
    from elearn.people import persons

    persons.erase_person(session, office.learner.person.id, at=NOW)
    assert office.record().reasons == ["IDENTITY_UNVERIFIED"]


@pytest.mark.parametrize("table", ["eligibility_step", "eligibility_proposal", "eligibility_answer", "grant_rule"])
def test_no_step_is_ever_edited_or_removed(office: Office, table: str) -> None:
    office.granted()
    office.twice(Act.SUSPEND, office.officer, office.operator, reason="UNDER_REVIEW")
    for statement in (f"UPDATE elearn.{table} SET note = 'x'" if table != "grant_rule" else
                      "UPDATE elearn.grant_rule SET region = 'CN'", f"DELETE FROM elearn.{table}"):  # fmt: skip
        with pytest.raises(IntegrityError, match="append-only"), office.session.begin_nested():
            office.session.execute(sa.text(statement))


def test_the_database_takes_no_sensitive_step_of_one_person(office: Office) -> None:
    record = office.granted()
    last = feed.last_steps(office.session, [record.id])[record.id]
    for second in ("NULL", ":by"):
        with pytest.raises(IntegrityError, match=r"two_people|second_confirms"), office.session.begin_nested():
            office.session.execute(
                sa.text(f"""
                INSERT INTO elearn.eligibility_step (id, position, record_id, number, act, from_state, to_state, by_id,
                                                     second_id, reason, note, rule, at, returned)
                SELECT gen_random_uuid(), position + 1, record_id, number + 1, 'revoke', to_state, 'revoked', :by,
                       {second}, 'x', '', '', at, false FROM elearn.eligibility_step WHERE id = :id
                """),
                {"by": office.officer.person_id, "id": last.id},
            )


def test_what_a_receiver_says_of_an_exam_is_no_step(office: Office) -> None:
    """A failed exam does not consume a record (Order 19): no act belongs to a receiver, and none is named so."""
    assert not {act for act in Act if "exam" in act or "fail" in act or "consume" in act}
    office.granted()
    before = office.told()
    for _again in range(3):
        records.record_people(office.session, [office.learner.person.id], now=NOW + timedelta(days=400))
    assert office.state() is State.GRANTED
    assert office.told() == before


def test_every_version_stands_where_its_last_step_left_it(office: Office) -> None:
    office.granted()
    office.earn(60_000)
    office.record()
    assert scalar(office.session, "SELECT count(*) FROM elearn.eligibility_step WHERE number = 1") == 2
    steps_of = office.session.scalars(sa.select(EligibilityStep).order_by(EligibilityStep.position)).all()
    assert [one.position for one in steps_of] == list(range(1, len(steps_of) + 1))
    for record in office.session.scalars(sa.select(EligibilityRecord)):
        own = [one for one in steps_of if one.record_id == record.id]
        assert [one.number for one in own] == list(range(1, len(own) + 1))
        assert [one.from_state for one in own[1:]] == [one.to_state for one in own[:-1]]
        assert own[0].position == record.position


def test_many_persons_are_recorded_in_as_many_queries_as_one(office: Office, session: Session) -> None:
    from tests.conftest import statements

    office.record()
    with statements(session) as one:
        records.record_people(session, [office.learner.person.id], now=NOW)
    others = [an_account(session).person_id for _ in range(5)]
    with statements(session) as many:
        records.record_people(session, [office.learner.person.id, *others], now=NOW)
    assert len(one) == len(many)
