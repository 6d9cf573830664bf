"""People take steps in the life of a record, each with its reason; sensitive ones in two halves (`lifecycle.py`).

The feed's lock is taken first and the person judged afresh under it, so nobody grants what is no longer true. Nothing
here commits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export import feed, grant_rules, holds, records
from elearn.credit_export.findings.stating import in_words
from elearn.credit_export.lifecycle import (
    OFFICES,
    REASONS,
    SENSITIVE,
    Act,
    Actor,
    GrantRule,
    Hold,
    Life,
    No,
    Office,
    Standing,
    Why,
    after,
    why_not,
)
from elearn.credit_export.models import (
    EligibilityAnswer,
    EligibilityProposal,
    EligibilityRecord,
    EligibilityStep,
)
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.people.callers import Caller
from elearn.people.models import Role
from elearn.people.permissions import may_see_region, scope_of
from elearn.people.registry import local_day
from elearn.tracking.signals.reviews import Place, place_of

SAYS_WHY = SENSITIVE | {Act.RETURN}
"""Acts that want words beside their reason code."""


def refusal(no: No) -> DomainError:
    """Why a step is refused, in words. A new exception each time: one that is kept keeps every stack it passed."""
    made: dict[No, Callable[[], DomainError]] = {
        No.OWN_RECORD: lambda: Forbidden("Nobody decides about their own record.", code=no.value),
        No.WRONG_STATE: lambda: Conflict("This record has moved on. Look at it again.", code=no.value),
        No.NOT_YOURS: lambda: Forbidden("This step belongs to somebody else's office.", code=no.value),
        No.NOT_ELIGIBLE: lambda: Conflict("What the rules ask is not there, so this cannot go on.", code=no.value),
        No.NOT_GRANTED: lambda: Conflict(
            "The hours have changed since this was suspended. Correct the record; it is then looked at anew.",
            code=no.value,
        ),
        No.SAME_PERSON: lambda: Forbidden("Somebody else has to take this step: two people look.", code=no.value),
        No.SAME_SIDE: lambda: Forbidden(
            "The second person has to be of another side: institution, regulator or operator.", code=no.value
        ),
        No.NOT_ASKED: lambda: Conflict("This region does not ask for the regulator's verification.", code=no.value),
        No.NOT_VERIFIED: lambda: Conflict("This region asks for the regulator's verification first.", code=no.value),
        No.HELD: lambda: Conflict(
            "An open review or a suspended institution holds this back; it goes on when that is over.", code=no.value
        ),
        No.PLATFORMS: lambda: Conflict("The platform takes this step by itself.", code=no.value),
        No.WRONG_REASON: lambda: Malformed("Choose one of the reasons.", code="reason"),
    }
    return made[no]()


def offices_of(caller: Caller, place: Place) -> tuple[Office, ...]:
    """As what the caller may act there; none: the caller has no say."""
    found = []
    if place.institution_id in scope_of(caller, Role.INSTITUTION_CLERK):
        found.append(Office.CLERK)
    if place.institution_id in scope_of(caller, Role.INSTITUTION_MANAGER):
        found.append(Office.MANAGER)
    if may_see_region(caller, place.region):
        found.append(Office.OFFICER)
    if Role.OPERATOR in caller.roles:
        found.append(Office.OPERATOR)
    return tuple(found)


def may_see(caller: Caller, place: Place) -> bool:
    """Whoever has a say, and the auditor, who reads everything."""
    return bool(offices_of(caller, place)) or Role.AUDITOR in caller.roles


@dataclass(frozen=True, slots=True)
class Line:
    """A record's line: its newest version, where that stands, and what the region asks today."""

    record: EligibilityRecord
    last: EligibilityStep
    rule: GrantRule
    waiting: EligibilityProposal | None
    """The proposal that nobody has answered."""
    held: frozenset[Hold]
    """What holds a grant back today."""

    @property
    def standing(self) -> Standing:
        eligible = records.said_by(self.record).eligible
        return Standing(feed.life_of(self.last), self.record.person_id, eligible, self.held)

    @property
    def proposed(self) -> Actor | None:
        return None if self.waiting is None else Actor(self.waiting.by_id, Office(self.waiting.office))

    def acting(self, act: Act, actors: Sequence[Actor], *, proposed: Actor | None = None) -> Actor | No:
        """As whom somebody who acts as these may take a step, or why they may not (`lifecycle.why_not`)."""
        refused = No.NOT_YOURS
        for actor in actors:
            no = why_not(self.standing, act, actor, self.rule, proposed=proposed)
            if no is None:
                return actor
            # "Not yours" says least: another of their offices may know better.
            if refused is No.NOT_YOURS:
                refused = no
        return refused

    def may_object(self, actors: Sequence[Actor]) -> bool:
        """Whether somebody who acts as these may take the proposal off the table: whoever might have made it."""
        return any(
            actor.person != self.record.person_id and actor.office in offices
            for actor in actors
            for (_state, act), offices in OFFICES.items()
            if act in SENSITIVE
        )


def line_of(session: Session, record: EligibilityRecord, *, now: datetime) -> Line:
    """The line that a version belongs to. Seven queries."""
    newest = records.newest_records(session, [record.person_id])[record.person_id, record.outline_id]
    on = local_day(now)
    return Line(
        record=newest,
        last=feed.last_steps(session, [newest.id])[newest.id],
        rule=grant_rules.rules_of_classes(session, [newest.class_id], on)[newest.class_id],
        waiting=_waiting(session, newest),
        held=holds.holds_on(session, newest, on),
    )


def _waiting(session: Session, record: EligibilityRecord) -> EligibilityProposal | None:
    return session.scalars(
        sa.select(EligibilityProposal)
        .join(EligibilityRecord, EligibilityRecord.id == EligibilityProposal.record_id)
        .where(
            EligibilityRecord.person_id == record.person_id,
            EligibilityRecord.outline_id == record.outline_id,
            ~sa.exists().where(EligibilityAnswer.proposal_id == EligibilityProposal.id),
        )
    ).one_or_none()


def act(
    session: Session, record_id: UUID, what: Act, *, caller: Caller, reason: str = "", note: str = "", at: datetime
) -> EligibilityStep:
    """Take a step that one person takes: submit, return, check, verify, grant.

    Raises NotFound: no such record for this caller; Malformed: no such reason, no words where they are wanted; the
    refusals of `lifecycle.why_not`; Conflict `record_moved`: this is not the newest version (any more).
    """
    if what in SENSITIVE:
        raise refusal(No.NOT_YOURS)
    record, actors = _actors(session, record_id, caller)
    writer, line = _decide(session, record, at)
    code, words = _reason(what, reason, note, held=bool(line.held))
    if line.record.id != record_id:
        raise Conflict("This record has changed in the meantime. Look at it again.", code="record_moved")
    actor = _allowed(line, what, actors)
    later = after(line.standing.life, what, actor.person, at=at, on=local_day(at), rule=line.rule)
    step = writer.step(line.record, line.last, what, later, reason=code, rule=line.rule, by=actor.person, note=words)
    if what is not Act.RETURN:  # what was sent back waits for a person
        step = writer.go_on(line.record, step, line.rule, line.held)
    session.flush()
    return step


def propose(
    session: Session, record_id: UUID, what: Act, *, caller: Caller, reason: str, note: str, at: datetime
) -> EligibilityProposal:
    """The first half of a sensitive step. Raises as `act`, and Conflict `proposal_open`: one waits already."""
    if what not in SENSITIVE:
        raise refusal(No.NOT_YOURS)
    record, actors = _actors(session, record_id, caller)
    code, words = _reason(what, reason, note)
    _writer, line = _decide(session, record, at)
    if line.waiting is not None:
        raise Conflict("Another proposal about this record waits for its answer.", code="proposal_open")
    actor = _allowed(line, what, actors)
    made = EligibilityProposal(
        record_id=line.record.id,
        act=what.value,
        by_id=actor.person,
        office=actor.office.value,
        reason=code,
        note=words,
        at=at,
    )
    session.add(made)
    session.flush()
    return made


def answer(
    session: Session, record_id: UUID, proposal_id: UUID, *, confirm: bool, caller: Caller, note: str, at: datetime
) -> EligibilityStep | None:
    """The second half: confirm, and the step is taken; or object (whoever proposed takes it back so).

    The step lands on the newest version: somebody who goes on learning cannot keep a suspension away.
    Raises as `act`; Conflict `proposal_gone`: it has its answer.
    """
    record, actors = _actors(session, record_id, caller)
    words = in_words(note, needed=not confirm)
    writer, line = _decide(session, record, at)
    waiting = line.waiting
    if waiting is None or waiting.id != proposal_id:
        raise Conflict("This proposal has its answer already.", code="proposal_gone")
    what = Act(waiting.act)
    actor = _allowed(line, what, actors, line.proposed) if confirm else _objector(line, actors)
    session.add(
        EligibilityAnswer(
            proposal_id=waiting.id,
            confirmed=confirm,
            by_id=actor.person,
            office=actor.office.value,
            note=words,
            at=at,
        )
    )
    step = None
    if confirm:
        later = after(line.standing.life, what, actor.person, at=at, on=local_day(at), rule=line.rule)
        step = writer.step(
            line.record,
            line.last,
            what,
            later,
            reason=waiting.reason,
            rule=line.rule,
            by=waiting.by_id,
            second=actor.person,
            proposal_id=waiting.id,
            note=waiting.note,
        )
        if what is Act.CORRECT:
            draft = records.draft_after(session, line.record, now=at)
            writer.version(draft, Life(), reason=Why(waiting.reason), rule=line.rule, held=line.held)
    session.flush()
    return step


def _actors(session: Session, record_id: UUID, caller: Caller) -> tuple[EligibilityRecord, list[Actor]]:
    record = session.get(EligibilityRecord, record_id)
    offices = offices_of(caller, place_of(session, record.class_id)) if record is not None else ()
    if record is None or not offices:
        raise NotFound("There is no such record.")
    return record, [Actor(caller.person_id, office) for office in offices]


def _decide(session: Session, record: EligibilityRecord, at: datetime) -> tuple[records.Writer, Line]:
    """From here to the commit nobody else decides about records; the person is judged as of now."""
    records.record_person(session, record.person_id, now=at)
    return records.Writer.begin(session, at), line_of(session, record, now=at)


def _allowed(line: Line, what: Act, actors: list[Actor], proposed: Actor | None = None) -> Actor:
    """As whom the caller may do it. Raises the refusal when they may not."""
    found = line.acting(what, actors, proposed=proposed)
    if isinstance(found, No):
        raise refusal(found)
    return found


def _objector(line: Line, actors: list[Actor]) -> Actor:
    for actor in actors:
        if line.may_object([actor]):
            return actor
    own = any(actor.person == line.record.person_id for actor in actors)
    raise refusal(No.OWN_RECORD if own else No.NOT_YOURS)


def _reason(what: Act, reason: str, note: str, *, held: bool = False) -> tuple[str, str]:
    if what is Act.GRANT:  # the reason says whether something held it back
        return (Why.DESPITE_HOLD if held else Why.IN_ORDER).value, in_words(note, needed=held)
    offered = REASONS[what]
    code = reason or (offered[0] if len(offered) == 1 else "")
    if code not in offered:
        raise refusal(No.WRONG_REASON)
    return str(code), in_words(note, needed=what in SAYS_WHY)
