"""Which step may follow in the life of a record, who takes it, and what no run of steps can bring about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.credit_export.lifecycle import (
    PLATFORM_ONLY,
    REASONS,
    SENSITIVE,
    STEPS,
    STRICTEST,
    Act,
    Actor,
    GrantRule,
    Life,
    No,
    Office,
    Said,
    Standing,
    State,
    Why,
    after,
    born,
    carries,
    next_by_itself,
    why_changed,
    why_not,
)

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
ON = date(2026, 7, 1)
LEARNER, ANNA, BO, CHEN = (UUID(int=n) for n in range(1, 5))
CLERK, MANAGER, OFFICER, OPERATOR = Office.CLERK, Office.MANAGER, Office.OFFICER, Office.OPERATOR

REVIEWED = GrantRule("reviewed", submits_by_itself=False, regulator_verifies=True, grants_by_itself=True)
AUTOMATIC = GrantRule("automatic", submits_by_itself=True, regulator_verifies=False, grants_by_itself=True)
BY_HAND = GrantRule("by hand", submits_by_itself=False, regulator_verifies=False, grants_by_itself=False)

COMPUTED = Life()
SUBMITTED = Life(State.SUBMITTED, submitted_by=ANNA)
SENT = Life(State.SUBMITTED)
CHECKED = Life(State.INSTITUTION_CHECKED, submitted_by=ANNA, checked_by=BO)
VERIFIED = Life(State.REGULATOR_VERIFIED, submitted_by=ANNA, checked_by=BO, verified_by=CHEN)
GRANTED = replace(VERIFIED, state=State.GRANTED, granted_at=AT)
SUSPENDED = replace(GRANTED, state=State.SUSPENDED)
LAPSED = Life(State.SUSPENDED)
REVOKED = replace(GRANTED, state=State.REVOKED)


@pytest.mark.parametrize(
    ("text", "life", "act", "person", "office", "rule", "no"),
    [
        ("a clerk submits", COMPUTED, Act.SUBMIT, ANNA, CLERK, STRICTEST, None),
        ("so does a manager", COMPUTED, Act.SUBMIT, ANNA, MANAGER, STRICTEST, None),
        ("no officer submits", COMPUTED, Act.SUBMIT, ANNA, OFFICER, STRICTEST, No.NOT_YOURS),
        ("nobody submits their own", COMPUTED, Act.SUBMIT, LEARNER, CLERK, STRICTEST, No.OWN_RECORD),
        ("what is submitted is not submitted again", SUBMITTED, Act.SUBMIT, BO, CLERK, STRICTEST, No.WRONG_STATE),
        ("another clerk checks", SUBMITTED, Act.CHECK, BO, CLERK, STRICTEST, None),
        ("not who submitted", SUBMITTED, Act.CHECK, ANNA, CLERK, STRICTEST, No.SAME_PERSON),
        ("what the platform submitted any clerk checks", SENT, Act.CHECK, ANNA, CLERK, AUTOMATIC, None),
        ("nothing is checked unsubmitted", COMPUTED, Act.CHECK, BO, CLERK, STRICTEST, No.WRONG_STATE),
        ("a clerk sends it back", SUBMITTED, Act.RETURN, BO, CLERK, STRICTEST, None),
        ("who submitted may take it back", SUBMITTED, Act.RETURN, ANNA, CLERK, STRICTEST, None),
        ("once checked no clerk sends it back", CHECKED, Act.RETURN, BO, CLERK, STRICTEST, No.NOT_YOURS),
        ("the officer does", CHECKED, Act.RETURN, CHEN, OFFICER, STRICTEST, None),
        ("nobody sends a granted record back", GRANTED, Act.RETURN, CHEN, OFFICER, STRICTEST, No.WRONG_STATE),
        ("the officer verifies", CHECKED, Act.VERIFY, CHEN, OFFICER, REVIEWED, None),
        ("who checked does not, under another hat", CHECKED, Act.VERIFY, BO, OFFICER, REVIEWED, No.SAME_PERSON),
        ("no manager verifies", CHECKED, Act.VERIFY, CHEN, MANAGER, REVIEWED, No.NOT_YOURS),
        ("nobody verifies where it is not asked", CHECKED, Act.VERIFY, CHEN, OFFICER, BY_HAND, No.NOT_ASKED),
        ("nobody verifies unchecked", SUBMITTED, Act.VERIFY, CHEN, OFFICER, REVIEWED, No.WRONG_STATE),
        ("a manager grants where nobody else looks", CHECKED, Act.GRANT, CHEN, MANAGER, BY_HAND, None),
        ("not who checked", CHECKED, Act.GRANT, BO, MANAGER, BY_HAND, No.SAME_PERSON),
        ("no clerk grants", CHECKED, Act.GRANT, CHEN, CLERK, BY_HAND, No.NOT_YOURS),
        ("nothing goes around the regulator", CHECKED, Act.GRANT, CHEN, MANAGER, STRICTEST, No.NOT_VERIFIED),
        ("another officer grants what was verified", VERIFIED, Act.GRANT, ANNA, OFFICER, STRICTEST, None),
        ("not who verified", VERIFIED, Act.GRANT, CHEN, OFFICER, STRICTEST, No.SAME_PERSON),
        ("no manager grants over the regulator", VERIFIED, Act.GRANT, LEARNER, MANAGER, STRICTEST, No.OWN_RECORD),
        ("nobody takes the platform's step", VERIFIED, Act.GRANT, ANNA, OFFICER, REVIEWED, No.PLATFORMS),
        ("nothing is granted that was only submitted", SUBMITTED, Act.GRANT, CHEN, OFFICER, BY_HAND, No.WRONG_STATE),
        ("the regulator suspends", GRANTED, Act.SUSPEND, CHEN, OFFICER, STRICTEST, None),
        ("the school may begin too", GRANTED, Act.SUSPEND, ANNA, MANAGER, STRICTEST, None),
        ("a clerk may not", GRANTED, Act.SUSPEND, ANNA, CLERK, STRICTEST, No.NOT_YOURS),
        ("nothing is suspended before it is granted", CHECKED, Act.SUSPEND, CHEN, OFFICER, STRICTEST, No.WRONG_STATE),
        ("a suspension ends", SUSPENDED, Act.RESUME, CHEN, OFFICER, STRICTEST, None),
        ("unless the hours changed since", LAPSED, Act.RESUME, CHEN, OFFICER, STRICTEST, No.NOT_GRANTED),
        ("then it is corrected", LAPSED, Act.CORRECT, CHEN, OFFICER, STRICTEST, None),
        ("a suspended record is revoked", SUSPENDED, Act.REVOKE, CHEN, OPERATOR, STRICTEST, None),
        ("a revoked one is not resumed", REVOKED, Act.RESUME, CHEN, OFFICER, STRICTEST, No.WRONG_STATE),
        ("but corrected", REVOKED, Act.CORRECT, CHEN, OFFICER, STRICTEST, None),
        ("nobody revokes their own", GRANTED, Act.REVOKE, LEARNER, OPERATOR, STRICTEST, No.OWN_RECORD),
        ("nobody computes by hand", COMPUTED, Act.COMPUTE, ANNA, OPERATOR, STRICTEST, No.PLATFORMS),
        ("nor supersedes", GRANTED, Act.SUPERSEDE, ANNA, OPERATOR, STRICTEST, No.PLATFORMS),
    ],
)  # fmt: skip
def test_who_may_take_which_step(
    text: str, life: Life, act: Act, person: UUID, office: Office, rule: GrantRule, no: No | None
) -> None:
    assert why_not(Standing(life, LEARNER, eligible=True), act, Actor(person, office), rule) is no, text


@pytest.mark.parametrize(
    ("text", "first", "second", "no"),
    [
        ("another person of another side confirms", (ANNA, MANAGER), (BO, OFFICER), None),
        ("the operator is a side of its own", (ANNA, OPERATOR), (BO, OFFICER), None),
        ("the same person does not", (ANNA, MANAGER), (ANNA, MANAGER), No.SAME_PERSON),
        ("nor under another hat", (ANNA, MANAGER), (ANNA, OFFICER), No.SAME_PERSON),
        ("two of one school are one side", (ANNA, MANAGER), (BO, MANAGER), No.SAME_SIDE),
        ("two officers are one side", (ANNA, OFFICER), (BO, OFFICER), No.SAME_SIDE),
        ("a clerk confirms nothing", (ANNA, OFFICER), (BO, CLERK), No.NOT_YOURS),
        ("nor does the learner", (ANNA, OFFICER), (LEARNER, MANAGER), No.OWN_RECORD),
    ],
)
@pytest.mark.parametrize(("act", "life"), [(Act.SUSPEND, GRANTED), (Act.REVOKE, GRANTED), (Act.RESUME, SUSPENDED)])
def test_a_sensitive_step_takes_two_people_of_two_sides(
    text: str, first: tuple[UUID, Office], second: tuple[UUID, Office], no: No | None, act: Act, life: Life
) -> None:
    stands = Standing(life, LEARNER, eligible=True)
    assert why_not(stands, act, Actor(*first), STRICTEST) is None
    assert why_not(stands, act, Actor(*second), STRICTEST, proposed=Actor(*first)) is no, text


@pytest.mark.parametrize(
    ("act", "life"),
    [
        (Act.SUBMIT, COMPUTED),
        (Act.CHECK, SUBMITTED),
        (Act.VERIFY, CHECKED),
        (Act.GRANT, VERIFIED),
        (Act.RESUME, SUSPENDED),
    ],
)
def test_nobody_who_is_not_eligible_goes_towards_an_admission(act: Act, life: Life) -> None:
    found = {
        why_not(Standing(life, LEARNER, eligible=False), act, Actor(UUID(int=9), office), STRICTEST)
        for office in Office
    }
    assert found <= {No.NOT_ELIGIBLE, No.NOT_YOURS}
    assert No.NOT_ELIGIBLE in found


def test_what_stands_in_no_row_of_the_table_is_refused_to_everybody() -> None:
    for state, act, office, rule in product(State, set(Act) - PLATFORM_ONLY, Office, (STRICTEST, AUTOMATIC, BY_HAND)):
        if (state, act) not in STEPS:
            refused = why_not(Standing(Life(state), LEARNER, eligible=True), act, Actor(ANNA, office), rule)
            assert refused is No.WRONG_STATE, (state, act, office)


def test_nothing_leads_out_of_a_superseded_version_and_only_a_correction_or_a_newer_one_out_of_a_revoked() -> None:
    assert not [act for state, act in STEPS if state is State.SUPERSEDED]
    assert {act for state, act in STEPS if state is State.REVOKED} == {Act.CORRECT, Act.SUPERSEDE}


def test_every_act_has_its_reasons() -> None:
    assert set(REASONS) == set(Act)
    assert all(REASONS.values())


@pytest.mark.parametrize(
    ("text", "life", "rule", "act"),
    [
        ("the platform submits where it may", COMPUTED, AUTOMATIC, Act.SUBMIT),
        ("and not where a person does", COMPUTED, REVIEWED, None),
        ("what was sent back waits for a person", Life(returned=True), AUTOMATIC, None),
        ("nobody checks by themselves", Life(State.SUBMITTED), AUTOMATIC, None),
        ("what was checked is granted", CHECKED, AUTOMATIC, Act.GRANT),
        ("not before the regulator where it asks", CHECKED, REVIEWED, None),
        ("what was verified is granted", VERIFIED, REVIEWED, Act.GRANT),
        ("and not where a person grants", VERIFIED, STRICTEST, None),
        ("verified is enough where it is no longer asked", VERIFIED, AUTOMATIC, Act.GRANT),
        ("a suspension does not end by itself", SUSPENDED, AUTOMATIC, None),
        ("nor a revocation", REVOKED, AUTOMATIC, None),
    ],
)
def test_what_the_platform_does_by_itself(text: str, life: Life, rule: GrantRule, act: Act | None) -> None:
    assert next_by_itself(Standing(life, LEARNER, eligible=True), rule) is act, text
    assert next_by_itself(Standing(life, LEARNER, eligible=False), rule) is None


def test_a_record_does_not_expire_unless_the_region_says_so() -> None:
    assert after(VERIFIED, Act.GRANT, None, at=AT, on=ON, rule=REVIEWED).expires_on is None
    yearly = replace(REVIEWED, valid_days=365)
    assert after(VERIFIED, Act.GRANT, None, at=AT, on=ON, rule=yearly).expires_on == date(2027, 7, 1)


SAID = Said(True, (100, 50, 60), (88, 60), "rules; outline@1; a/row@CN#1", UUID(int=7))


@pytest.mark.parametrize(
    ("text", "later", "carried", "why"),
    [
        ("more hours", replace(SAID, hours=(101, 50, 60)), True, Why.HOURS_CHANGED),
        ("less of one kind", replace(SAID, hours=(200, 49, 60)), False, Why.HOURS_CHANGED),
        ("no longer eligible", replace(SAID, eligible=False, hours=(100, 50, 60)), False, Why.CLASS_CHANGED),
        ("another class", replace(SAID, class_id=UUID(int=8)), False, Why.CLASS_CHANGED),
        ("another measure", replace(SAID, rules="newer; outline@1; a/row@CN#1"), False, Why.RULES_CHANGED),
        ("another outline", replace(SAID, rules="rules; outline@2; a/row@CN#1"), False, Why.RULES_CHANGED),
        ("eligible by other rows too", replace(SAID, rules="rules; outline@1; a/row@CN#2"), True, Why.RULES_CHANGED),
        ("the outline asks for more", replace(SAID, required=(90, 60)), False, Why.RULES_CHANGED),
    ],
)
def test_what_people_did_holds_only_while_nothing_they_relied_on_got_less(
    text: str, later: Said, carried: bool, why: Why
) -> None:
    assert carries(SAID, later) is carried, text
    assert why_changed(SAID, later) is why, text
    assert born(GRANTED, carried=carried) == (GRANTED if carried else COMPUTED)


@pytest.mark.parametrize("carried", [True, False])
def test_whoever_goes_on_learning_leaves_neither_a_suspension_nor_a_revocation(carried: bool) -> None:
    assert born(SUSPENDED, carried=carried).state is State.SUSPENDED
    assert born(REVOKED, carried=carried).state is State.REVOKED


# -- no run of steps


@dataclass
class Run:
    """A line of versions as `records.py` and `steps.py` lead it, with all that was done since its beginning."""

    rule: GrantRule
    life: Life = COMPUTED
    said: Said = SAID
    done: list[tuple[Act, Actor | None]] = field(default_factory=list)
    """Steps since this version, or one that it carries on, was computed."""
    proposed: tuple[Act, Actor] | None = None

    @property
    def stands(self) -> Standing:
        return Standing(self.life, LEARNER, self.said.eligible)

    def take(self, act: Act, by: Actor | None) -> None:
        self.life = after(self.life, act, None if by is None else by.person, at=AT, on=ON, rule=self.rule)
        self.done.append((act, by))
        if act is Act.RETURN:
            self.done.clear()
        while act is not Act.RETURN and (more := next_by_itself(self.stands, self.rule)) is not None:
            self.life = after(self.life, more, None, at=AT, on=ON, rule=self.rule)
            self.done.append((more, None))

    def new_version(self, said: Said) -> None:
        carried = carries(self.said, said)
        self.life, self.said = born(self.life, carried=carried), said
        if not carried:
            self.done.clear()


ACTORS = st.builds(Actor, st.sampled_from([LEARNER, ANNA, BO, CHEN, UUID(int=5)]), st.sampled_from(Office))
RULES = st.builds(GrantRule, st.just("any"), st.booleans(), st.booleans(), st.booleans())
SAIDS = st.builds(
    replace,
    st.just(SAID),
    eligible=st.booleans(),
    hours=st.tuples(st.integers(99, 102), st.just(50), st.just(60)),
    rules=st.sampled_from(["rules", "rules", "newer"]),
)
# Likely steps more often than not: a run of blind ones hardly ever gets as far as an admission.
MOVES = st.one_of(
    st.tuples(st.just("act"), st.sampled_from([Act.SUBMIT, Act.CHECK, Act.VERIFY, Act.GRANT]), ACTORS),
    st.tuples(st.just("act"), st.sampled_from([Act.SUBMIT, Act.CHECK, Act.VERIFY, Act.GRANT]), ACTORS),
    st.tuples(st.just("act"), st.sampled_from(Act), ACTORS),
    st.tuples(st.just("propose"), st.sampled_from(sorted(SENSITIVE)), ACTORS),
    st.tuples(st.just("confirm"), st.just(None), ACTORS),
    st.tuples(st.just("learn"), SAIDS, st.just(None)),
)


@given(RULES, st.lists(MOVES, max_size=40))
def test_no_run_of_steps_reaches_an_admission_without_what_the_region_asks(
    rule: GrantRule, moves: list[tuple[str, object, Actor | None]]
) -> None:
    run = Run(rule)
    for kind, what, by in moves:
        before = run.life
        if kind == "learn":
            assert isinstance(what, Said)
            run.new_version(what)
            if before.state in (State.SUSPENDED, State.REVOKED):
                assert run.life.state is before.state
            continue
        assert by is not None
        if kind == "confirm":
            if run.proposed is None:
                continue
            act, first = run.proposed
            if why_not(run.stands, act, by, rule, proposed=first) is not None:
                continue
            run.proposed = None
            assert {first.person, by.person}.isdisjoint({LEARNER})
            assert (first.person, first.side) != (by.person, by.side)
            assert first.person != by.person
            assert first.side is not by.side
            if act is Act.CORRECT:
                run.life, run.done = COMPUTED, []
            else:
                run.take(act, by)
        else:
            assert isinstance(what, Act)
            if why_not(run.stands, what, by, rule) is not None:
                continue
            if what in SENSITIVE:
                run.proposed = (what, by)
                continue
            run.take(what, by)
        if run.life.state is State.GRANTED:
            _assert_earned(run)


def _assert_earned(run: Run) -> None:
    by = dict(run.done)
    assert run.said.eligible
    submitter, checker = by[Act.SUBMIT], by[Act.CHECK]
    assert checker is not None
    assert checker.person != LEARNER
    assert submitter is None or submitter.person != checker.person
    if run.rule.regulator_verifies:
        verifier = by[Act.VERIFY]
        assert verifier is not None
        assert verifier.office is OFFICER
        assert verifier.person not in (LEARNER, checker.person)
    granter = by[Act.GRANT]
    assert (granter is None) is run.rule.grants_by_itself
    assert granter is None or granter.person not in (LEARNER, checker.person)
