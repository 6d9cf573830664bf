"""What was changed with the triggers off is told: a step, a life, a judgement, a rule that does not follow."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from elearn.credit_export import lives_check
from elearn.credit_export.lifecycle import Act
from tests.credit_export.records.an_office import Office, take_back

TABLES = ("eligibility_record", "eligibility_step", "eligibility_proposal", "eligibility_answer", "grant_rule")


@pytest.fixture
def lived(office: Office) -> Office:
    """Every kind of step at least once, with more hours in between and some taken back at the end."""
    office.granted()
    office.earn(60_000)
    office.record()
    office.twice(Act.SUSPEND, office.officer, office.operator, reason="UNDER_REVIEW")
    office.twice(Act.RESUME, office.manager, office.officer, reason="REVIEW_ENDED")
    office.twice(Act.REVOKE, office.officer, office.operator, reason="FORGED_DATA")
    office.earn(60_000)
    office.record()
    office.twice(Act.CORRECT, office.officer, office.manager, reason="TAKEN_IN_ERROR")
    office.act(Act.SUBMIT, office.clerk)
    office.act(Act.RETURN, office.second_clerk, reason="DATA_WRONG")
    office.rule(submits=True, verifies=False)
    office.act(Act.SUBMIT, office.clerk)
    office.act(Act.CHECK, office.second_clerk)
    assert office.on_site is not None
    take_back(office.session, office.on_site)
    office.record()
    return office


def test_a_life_that_people_led_is_sound(lived: Office) -> None:
    assert list(lives_check.unsound(lived.session)) == []


TAMPERING = [
    ("somebody is granted", """UPDATE elearn.eligibility_step SET to_state = 'granted', granted_at = at
                               WHERE position = (SELECT max(position) FROM elearn.eligibility_step)"""),
    ("a step is removed", "DELETE FROM elearn.eligibility_step WHERE act = 'verify'"),
    ("who submitted is said to have checked", """UPDATE elearn.eligibility_step SET by_id = submitted_by
                                                 WHERE act = 'check'"""),
    ("a person is taken out of a step", "UPDATE elearn.eligibility_step SET by_id = NULL WHERE act = 'verify'"),
    ("a person is put into the platform's", """UPDATE elearn.eligibility_step SET by_id = submitted_by
                                               WHERE act = 'supersede' AND submitted_by IS NOT NULL"""),
    ("the learner checks", """UPDATE elearn.eligibility_step s SET by_id = r.person_id, checked_by = r.person_id
                              FROM elearn.eligibility_record r WHERE r.id = s.record_id AND s.act = 'check'"""),
    ("a proposal becomes another's", """UPDATE elearn.eligibility_proposal
                                       SET by_id = (SELECT by_id FROM elearn.eligibility_answer LIMIT 1)"""),
    ("an office is changed", "UPDATE elearn.eligibility_answer SET office = 'clerk'"),
    ("a confirmation becomes an objection", "UPDATE elearn.eligibility_answer SET confirmed = false"),
    ("a reason is changed", "UPDATE elearn.eligibility_step SET reason = 'DATA_WRONG' WHERE act = 'revoke'"),
    ("the region asked for less then", "UPDATE elearn.grant_rule SET regulator_verifies = false, valid_days = 9"),
    ("the grant is older", """UPDATE elearn.eligibility_step SET granted_at = granted_at - interval '1 day'
                              WHERE act = 'grant'"""),
    ("a record becomes eligible", """UPDATE elearn.eligibility_record SET outcome = 'eligible', reasons = '{}'
                                     WHERE outcome = 'ineligible'"""),
    ("a record has more hours", """UPDATE elearn.eligibility_record
                                   SET hours = jsonb_set(hours, '{offline_theory_ms}', '9999999')
                                   WHERE outcome = 'ineligible'"""),
    ("a version has no life", """DELETE FROM elearn.eligibility_step WHERE record_id =
                                 (SELECT id FROM elearn.eligibility_record ORDER BY version DESC LIMIT 1)"""),
    ("a revoked one is born again", """UPDATE elearn.eligibility_step SET to_state = 'granted'
                                       WHERE act = 'compute' AND to_state = 'revoked'"""),
]  # fmt: skip


@pytest.mark.parametrize(("what", "statement"), TAMPERING, ids=[row[0] for row in TAMPERING])
def test_what_is_changed_with_triggers_off_is_found(lived: Office, what: str, statement: str) -> None:
    for table in TABLES:
        lived.session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))
    changed = lived.session.execute(sa.text(statement))
    assert changed.rowcount, what  # type: ignore[attr-defined]
    lived.session.expire_all()
    assert list(lives_check.unsound(lived.session)), what
