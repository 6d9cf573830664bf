"""The life of an eligibility record: which step may follow, who takes it, what the region asks. Pure.

    computed -> submitted -> institution_checked -> (regulator_verified, where the region wants it) -> granted
    granted <-> suspended;  granted or suspended -> revoked;  whatever is not superseded -> superseded

From RULES 4(c). A record is never edited: a step is added, and a correction is a new version that names the old one.
Nobody steps on their own record. Whatever takes an admission away or gives it back needs two people of two sides, as
taking hours back does: neither a school nor a platform can do it alone. No step is taken by a receiver, so a failed
exam neither consumes nor ends a record (Order 19).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """Where a version stands: where its last step led."""

    COMPUTED = "computed"
    SUBMITTED = "submitted"
    INSTITUTION_CHECKED = "institution_checked"
    REGULATOR_VERIFIED = "regulator_verified"
    GRANTED = "granted"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class Act(StrEnum):
    COMPUTE = "compute"
    """The first step of every version, taken by the platform."""
    SUBMIT = "submit"
    RETURN = "return"
    """Back to where it began, with a reason: whoever looks at it next may say no."""
    CHECK = "check"
    VERIFY = "verify"
    GRANT = "grant"
    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    CORRECT = "correct"
    """Away with this version; the new one begins at its beginning."""
    SUPERSEDE = "supersede"
    """A newer version says what is true, taken by the platform."""


class Side(StrEnum):
    """In whose name somebody acts."""

    INSTITUTION = "institution"
    REGULATOR = "regulator"
    OPERATOR = "operator"


class Office(StrEnum):
    """What somebody is, where the record belongs."""

    CLERK = "clerk"
    MANAGER = "manager"
    OFFICER = "officer"
    OPERATOR = "operator"


SIDE = {
    Office.CLERK: Side.INSTITUTION,
    Office.MANAGER: Side.INSTITUTION,
    Office.OFFICER: Side.REGULATOR,
    Office.OPERATOR: Side.OPERATOR,
}

STEPS: dict[tuple[State, Act], State] = {
    (State.COMPUTED, Act.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Act.CHECK): State.INSTITUTION_CHECKED,
    (State.SUBMITTED, Act.RETURN): State.COMPUTED,
    (State.INSTITUTION_CHECKED, Act.VERIFY): State.REGULATOR_VERIFIED,
    (State.INSTITUTION_CHECKED, Act.GRANT): State.GRANTED,
    (State.INSTITUTION_CHECKED, Act.RETURN): State.COMPUTED,
    (State.REGULATOR_VERIFIED, Act.GRANT): State.GRANTED,
    (State.REGULATOR_VERIFIED, Act.RETURN): State.COMPUTED,
    (State.GRANTED, Act.SUSPEND): State.SUSPENDED,
    (State.SUSPENDED, Act.RESUME): State.GRANTED,
    (State.GRANTED, Act.REVOKE): State.REVOKED,
    (State.SUSPENDED, Act.REVOKE): State.REVOKED,
    (State.GRANTED, Act.CORRECT): State.SUPERSEDED,
    (State.SUSPENDED, Act.CORRECT): State.SUPERSEDED,
    (State.REVOKED, Act.CORRECT): State.SUPERSEDED,
} | {(state, Act.SUPERSEDE): State.SUPERSEDED for state in State if state is not State.SUPERSEDED}
"""Every step there is, and where it leads."""

SENSITIVE = frozenset({Act.SUSPEND, Act.RESUME, Act.REVOKE, Act.CORRECT})
"""Two people of two sides (DESIGN 5); one proposes, the other confirms."""

FORWARD = frozenset({Act.SUBMIT, Act.CHECK, Act.VERIFY, Act.GRANT, Act.RESUME})
"""Steps towards an admission: only of somebody who is eligible."""

PLATFORM_ONLY = frozenset({Act.COMPUTE, Act.SUPERSEDE})

_STAFF = frozenset({Office.CLERK, Office.MANAGER})
_LEADING = frozenset({Office.MANAGER, Office.OFFICER, Office.OPERATOR})

OFFICES: dict[tuple[State, Act], frozenset[Office]] = {
    (State.COMPUTED, Act.SUBMIT): _STAFF,
    (State.SUBMITTED, Act.CHECK): _STAFF,
    (State.SUBMITTED, Act.RETURN): _STAFF,
    (State.INSTITUTION_CHECKED, Act.VERIFY): frozenset({Office.OFFICER}),
    (State.INSTITUTION_CHECKED, Act.RETURN): frozenset({Office.MANAGER, Office.OFFICER}),
    (State.INSTITUTION_CHECKED, Act.GRANT): frozenset({Office.MANAGER}),
    (State.REGULATOR_VERIFIED, Act.GRANT): frozenset({Office.OFFICER}),
    (State.REGULATOR_VERIFIED, Act.RETURN): frozenset({Office.OFFICER}),
} | {step: _LEADING for step in STEPS if step[1] in SENSITIVE}
"""Whose office a step belongs to."""

HELD_OFFICES = frozenset({Office.OFFICER})
"""Whose office it is to grant what is held back: nobody's who teaches or runs the platform."""


class Why(StrEnum):
    """Reason codes of steps. Those of a judgement stand in `eligibility.Reason`."""

    IN_ORDER = "IN_ORDER"
    FIRST = "FIRST"
    HOURS_CHANGED = "HOURS_CHANGED"
    RULES_CHANGED = "RULES_CHANGED"
    CLASS_CHANGED = "CLASS_CHANGED"
    DATA_WRONG = "DATA_WRONG"
    HOURS_DOUBTED = "HOURS_DOUBTED"
    HOURS_VOIDED = "HOURS_VOIDED"
    FORGED_DATA = "FORGED_DATA"
    IDENTITY_UNVERIFIED = "IDENTITY_UNVERIFIED"
    CLASS_NOT_FILED = "CLASS_NOT_FILED"
    TEACHER_INVALID = "TEACHER_INVALID"
    COURSE_TEST_MISSING = "COURSE_TEST_MISSING"
    PREREQ_UNMET = "PREREQ_UNMET"
    BLACKLISTED = "BLACKLISTED"
    INSTITUTION_SUSPENDED = "INSTITUTION_SUSPENDED"
    UNDER_REVIEW = "UNDER_REVIEW"
    BASIS_CHANGED = "BASIS_CHANGED"
    BLACKLIST_ENDED = "BLACKLIST_ENDED"
    DESPITE_HOLD = "DESPITE_HOLD"
    """Granted by an officer, with words, while something holds it back."""
    REVIEW_ENDED = "REVIEW_ENDED"
    GRANTED_IN_ERROR = "GRANTED_IN_ERROR"
    TAKEN_IN_ERROR = "TAKEN_IN_ERROR"


_DOUBTS = (
    Why.DATA_WRONG,
    Why.HOURS_DOUBTED,
    Why.IDENTITY_UNVERIFIED,
    Why.CLASS_NOT_FILED,
    Why.TEACHER_INVALID,
    Why.COURSE_TEST_MISSING,
    Why.PREREQ_UNMET,
    Why.BLACKLISTED,
    Why.INSTITUTION_SUSPENDED,
)
_CHANGES = (
    Why.HOURS_CHANGED,
    Why.RULES_CHANGED,
    Why.CLASS_CHANGED,
    Why.BASIS_CHANGED,
    Why.BLACKLISTED,
    Why.BLACKLIST_ENDED,
)

REASONS: dict[Act, tuple[Why, ...]] = {
    Act.COMPUTE: (Why.FIRST, *_CHANGES, Why.DATA_WRONG, Why.GRANTED_IN_ERROR, Why.TAKEN_IN_ERROR),
    Act.SUBMIT: (Why.IN_ORDER,),
    Act.CHECK: (Why.IN_ORDER,),
    Act.VERIFY: (Why.IN_ORDER,),
    Act.GRANT: (Why.IN_ORDER, Why.DESPITE_HOLD),
    Act.RETURN: _DOUBTS,
    Act.SUSPEND: (Why.UNDER_REVIEW, *_DOUBTS),
    Act.RESUME: (Why.REVIEW_ENDED, Why.TAKEN_IN_ERROR),
    Act.REVOKE: (Why.HOURS_VOIDED, Why.FORGED_DATA, Why.GRANTED_IN_ERROR, *_DOUBTS),
    Act.CORRECT: (Why.DATA_WRONG, Why.GRANTED_IN_ERROR, Why.TAKEN_IN_ERROR),
    Act.SUPERSEDE: _CHANGES,
}
"""Which reasons an act may give; the first is what a page offers first."""


class Hold(StrEnum):
    """What holds a grant back (`holds.py`). It takes nothing away that was granted before."""

    UNDER_REVIEW = "UNDER_REVIEW"
    INSTITUTION_SUSPENDED = "INSTITUTION_SUSPENDED"


class No(StrEnum):
    """Why a step is refused."""

    OWN_RECORD = "own_record"
    WRONG_STATE = "wrong_state"
    NOT_YOURS = "not_yours"
    NOT_ELIGIBLE = "not_eligible"
    NOT_GRANTED = "not_granted"
    """What was suspended has changed since: it has to be corrected and looked at anew."""
    SAME_PERSON = "same_person"
    SAME_SIDE = "same_side"
    NOT_ASKED = "not_asked"
    """The region does not want the regulator's verification here."""
    NOT_VERIFIED = "not_verified"
    """The region wants it."""
    PLATFORMS = "platforms"
    """The platform takes this step by itself."""
    HELD = "held"
    """Something holds it back, and the region lets nobody grant it meanwhile."""
    WRONG_REASON = "wrong_reason"


@dataclass(frozen=True, slots=True)
class GrantRule:
    """What a region asks before a record is granted: dated data (RULES 1, `auto_grant` against `regulator_review`)."""

    version: str
    """Names the rule in each step that was taken under it."""
    submits_by_itself: bool
    """The platform submits what it finds eligible; otherwise the institution does."""
    regulator_verifies: bool
    grants_by_itself: bool
    """The platform grants what was checked (and verified). "By itself" means no retyping, never no review."""
    valid_days: int | None = None
    """None: a record does not expire (Order 19)."""
    grants_while_held: bool = False
    """An officer may grant, with reasons, what is held back."""


STRICTEST = GrantRule("none loaded", submits_by_itself=False, regulator_verifies=True, grants_by_itself=False)
"""For a region of which nobody has said anything: all that could be asked is asked."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, and as what."""

    person: UUID
    office: Office

    @property
    def side(self) -> Side:
        return SIDE[self.office]


@dataclass(frozen=True, slots=True)
class Life:
    """Where a version stands after a step, and who brought it there (None where the platform did)."""

    state: State = State.COMPUTED
    submitted_by: UUID | None = None
    checked_by: UUID | None = None
    verified_by: UUID | None = None
    granted_by: UUID | None = None
    granted_at: datetime | None = None
    """Stays through a suspension and a revocation: what is taken away is that admission."""
    expires_on: date | None = None
    returned: bool = False
    """Somebody sent it back: it waits for a person, also where the platform submits by itself."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a step is decided by."""

    life: Life
    learner: UUID
    eligible: bool
    held: frozenset[Hold] = frozenset()

    @property
    def state(self) -> State:
        return self.life.state


def after(life: Life, act: Act, by: UUID | None, *, at: datetime, on: date, rule: GrantRule) -> Life:
    """The life after a step that may be taken. `on` is the regulator's day of `at`. Raises KeyError: no such step."""
    state = STEPS[life.state, act]
    match act:
        case Act.SUBMIT:
            return Life(state, submitted_by=by)
        case Act.CHECK:
            return replace(life, state=state, checked_by=by)
        case Act.VERIFY:
            return replace(life, state=state, verified_by=by)
        case Act.GRANT:
            return replace(life, state=state, granted_by=by, granted_at=at, expires_on=_last_day(on, rule))
        case Act.RETURN:
            return Life(returned=True)
    return replace(life, state=state)


def _last_day(granted_on: date, rule: GrantRule) -> date | None:
    return None if rule.valid_days is None else granted_on + timedelta(days=rule.valid_days)


def why_not(stands: Standing, act: Act, by: Actor, rule: GrantRule, *, proposed: Actor | None = None) -> No | None:
    """Why `by` may not take this step now; None when it may be taken.

    Of a sensitive act without `proposed`: why it may not be proposed; with it: why this proposal may not be confirmed.
    """
    if by.person == stands.learner:
        return No.OWN_RECORD
    if act in PLATFORM_ONLY:
        return No.PLATFORMS
    if (stands.state, act) not in STEPS:
        return No.WRONG_STATE
    held = act is Act.GRANT and bool(stands.held)
    asked = _why_not_asked(stands.state, act, rule, held=held)
    if asked is not None:
        return asked
    if by.office not in (HELD_OFFICES if held else OFFICES[stands.state, act]):
        return No.NOT_YOURS
    if act in FORWARD and not stands.eligible:
        return No.NOT_ELIGIBLE
    if act is Act.RESUME and stands.life.granted_at is None:
        return No.NOT_GRANTED
    if act is Act.CHECK and by.person == stands.life.submitted_by:
        return No.SAME_PERSON
    if act is Act.VERIFY and by.person in (stands.life.submitted_by, stands.life.checked_by):
        return No.SAME_PERSON
    if act is Act.GRANT and by.person in (stands.life.checked_by, stands.life.verified_by):
        return No.SAME_PERSON
    if proposed is not None:
        if proposed.person == by.person:
            return No.SAME_PERSON
        if proposed.side is by.side:
            return No.SAME_SIDE
    return None


def _why_not_asked(state: State, act: Act, rule: GrantRule, *, held: bool) -> No | None:
    """What the region wants otherwise."""
    if act is Act.VERIFY and not rule.regulator_verifies:
        return No.NOT_ASKED
    if act is Act.GRANT:
        if state is State.INSTITUTION_CHECKED and rule.regulator_verifies:
            return No.NOT_VERIFIED
        if held:
            return None if rule.grants_while_held else No.HELD
        if rule.grants_by_itself:
            return No.PLATFORMS
    return None


def next_by_itself(stands: Standing, rule: GrantRule) -> Act | None:
    """The step that the platform takes now without anybody, or None."""
    if not stands.eligible:
        return None
    if stands.state is State.COMPUTED:
        return Act.SUBMIT if rule.submits_by_itself and not stands.life.returned else None
    ready = State.REGULATOR_VERIFIED if rule.regulator_verifies else State.INSTITUTION_CHECKED
    if stands.held:
        return None
    # Verified under a rule that asked for it, granted under one that no longer does: more than enough.
    if rule.grants_by_itself and stands.state in (ready, State.REGULATOR_VERIFIED):
        return Act.GRANT
    return None


@dataclass(frozen=True, slots=True)
class Said:
    """What a version says, as far as the people who looked at it relied on it."""

    eligible: bool
    hours: tuple[int, ...]
    """Milliseconds by modality and kind, in one order."""
    required: tuple[int, ...]
    rules: str
    class_id: UUID | None
    basis: str = "hours"
    """Hours, or which finding takes their place."""
    blacklisted: bool = False


def carries(before: Said, after: Said) -> bool:
    """Whether what people did for the version before holds for the one after: nothing they relied on got less.

    Somebody who goes on learning must not lose an admission by it; hours taken back, hours that are measured otherwise
    or another class are looked at anew.
    """
    return (
        before.eligible
        and after.eligible
        and all(new >= old for old, new in zip(before.hours, after.hours, strict=True))
        and (before.required, _measure(before.rules), before.class_id, before.basis)
        == (after.required, _measure(after.rules), after.class_id, after.basis)
    )


def _measure(rules: str) -> list[str]:
    """What says how much is asked: the length of an hour, and the outline; the dated rows after them say what else is.

    A person who is eligible by other rows of those as well has lost nothing that anybody looked at.
    """
    return rules.split("; ")[:2]


def born(before: Life, *, carried: bool) -> Life:
    """How a new version begins, after one that stood as `before`.

    A suspension or a revocation holds whatever the person learns afterwards; only two people end it. When what was
    suspended no longer says the same, nothing of the admission is left to resume.
    """
    if carried:
        return before
    return Life(before.state) if before.state in (State.SUSPENDED, State.REVOKED) else Life()


def why_changed(before: Said, after: Said) -> Why:
    """The reason code of a new version."""
    if (before.rules, before.required) != (after.rules, after.required):
        return Why.RULES_CHANGED
    if before.blacklisted != after.blacklisted:
        return Why.BLACKLISTED if after.blacklisted else Why.BLACKLIST_ENDED
    if before.hours != after.hours:
        return Why.HOURS_CHANGED
    return Why.BASIS_CHANGED if before.basis != after.basis else Why.CLASS_CHANGED
