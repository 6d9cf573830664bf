"""Cases: opened from flags or by a learner's appeal, decided by people, each act with its reason (`decisions.py`).

The learner's row is locked before anything is decided, as everywhere; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses.models import TrainingClass
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.people.callers import Caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import may_see_region, scope_of
from elearn.tracking import voids
from elearn.tracking.models import Sitting, WatchedSpan
from elearn.tracking.signals.decisions import Act, CaseFacts, Done, No, Side, why_not
from elearn.tracking.signals.models import ReviewAct, ReviewCase, ReviewEffect, ReviewSignal, Signal

MAX_TEXT = 2_000


def _refusal(no: No) -> DomainError:
    """Why an act is refused, in words. A new exception each time: one that is kept keeps every stack it passed."""
    refusals: dict[No, DomainError] = {
        No.OWN_CASE: Forbidden("Nobody decides about their own hours.", code=no.value),
        No.WRONG_STATE: Conflict("This case has moved on. Look at it again.", code=no.value),
        No.SAME_PERSON: Forbidden("Somebody else has to confirm what you proposed.", code=no.value),
        No.SAME_SIDE: Forbidden(
            "The second person has to be of another side: institution, regulator or operator.", code=no.value
        ),
        No.WAS_AMONG_THEM: Forbidden(
            "Somebody who had no part in taking these hours back has to answer.", code=no.value
        ),
        No.NOTHING_TO_RESTORE: Conflict(
            "Nothing was taken back here by people, so there is nothing to give back.", code=no.value
        ),
    }
    return refusals[no]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a case belongs: the institution of its class, and that institution's region."""

    institution_id: UUID | None
    region: str | None


def place_of(session: Session, class_id: UUID | None) -> Place:
    """Watching for no class belongs to nobody but the operator."""
    row = session.execute(
        sa.select(Organisation.id, Organisation.region)
        .join(TrainingClass, TrainingClass.institution_id == Organisation.id)
        .where(TrainingClass.id == class_id)
    ).one_or_none()
    return Place(None, None) if row is None else Place(row.id, row.region)


def sides_of(caller: Caller, place: Place) -> tuple[Side, ...]:
    """In whose names the caller may act there; none: the caller has no say."""
    found = []
    if place.institution_id in scope_of(caller, Role.INSTITUTION_MANAGER):
        found.append(Side.INSTITUTION)
    if may_see_region(caller, place.region):
        found.append(Side.REGULATOR)
    if Role.OPERATOR in caller.roles:
        found.append(Side.OPERATOR)
    return tuple(found)


def may_see(caller: Caller, place: Place) -> bool:
    """Whoever has a say, and the auditor, who reads everything."""
    return bool(sides_of(caller, place)) or Role.AUDITOR in caller.roles


# -- opening


def open_case(session: Session, learner_id: UUID, class_id: UUID | None, *, caller: Caller, at: datetime) -> ReviewCase:
    """A case for all flags about a learner in a class that no case has yet.

    Raises NotFound: the caller has no say there; Forbidden `own_case`; Conflict `nothing_to_review`.
    """
    if not sides_of(caller, place_of(session, class_id)):
        raise NotFound("There is no such case.")
    if caller.person_id == learner_id:
        raise _refusal(No.OWN_CASE)
    voids.lock_learner(session, learner_id, now_ms=to_ms(at))
    signals = session.scalars(
        sa.select(Signal.id)
        .outerjoin(ReviewSignal, ReviewSignal.signal_id == Signal.id)
        .where(
            Signal.learner_id == learner_id,
            Signal.class_id.is_not_distinct_from(class_id),
            ReviewSignal.signal_id.is_(None),
        )
    ).all()
    if not signals:
        raise Conflict("Somebody has opened a case for these signals already.", code="nothing_to_review")
    case = ReviewCase(kind="flags", learner_id=learner_id, class_id=class_id, opened_by=caller.person_id, opened_at=at)
    session.add(case)
    session.flush()
    session.execute(sa.insert(ReviewSignal), [{"signal_id": one, "case_id": case.id} for one in signals])
    return case


def appeal(session: Session, learner_id: UUID, unit_id: UUID, statement: str, *, at: datetime) -> ReviewCase:
    """A learner says that hours of a lesson are wrong. It is against the last void there that has no appeal yet.

    Raises NotFound: the learner never opened this lesson; Malformed: no words, or too many; Conflict `appeal_open`:
    an appeal about the lesson waits for its answer.
    """
    text = statement.strip()
    if not text or len(text) > MAX_TEXT:
        raise Malformed("Please say in 1 to 2000 characters what is wrong.", code="statement")
    class_id = _class_watched_for(session, learner_id, unit_id)
    voids.lock_learner(session, learner_id, now_ms=to_ms(at))
    against = void_to_appeal(session, learner_id, unit_id)
    if against is None and _waits(session, learner_id, unit_id):
        raise Conflict("Your appeal about this lesson waits for its answer.", code="appeal_open")
    case = ReviewCase(
        kind="appeal",
        learner_id=learner_id,
        class_id=class_id if against is None else against.class_id,
        unit_id=unit_id,
        about_id=None if against is None else against.id,
        statement=text,
        opened_by=learner_id,
        opened_at=at,
    )
    session.add(case)
    session.flush()
    return case


def _class_watched_for(session: Session, learner_id: UUID, unit_id: UUID) -> UUID | None:
    found = session.execute(
        sa.select(Sitting.class_id)
        .where(Sitting.learner_id == learner_id, Sitting.unit_id == unit_id)
        .order_by(Sitting.class_id.is_(None), Sitting.opened_ms.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such lesson of yours.")
    class_id: UUID | None = found.class_id
    return class_id


def void_to_appeal(session: Session, learner_id: UUID, unit_id: UUID) -> ReviewCase | None:
    """The last case that took hours of this lesson back and has no appeal yet."""
    appealed = sa.select(ReviewCase.about_id).where(ReviewCase.about_id.is_not(None))
    return session.scalars(
        sa.select(ReviewCase)
        .where(
            ReviewCase.kind == "flags",
            ReviewCase.learner_id == learner_id,
            ReviewCase.id.not_in(appealed),
            sa.exists()
            .where(ReviewEffect.case_id == ReviewCase.id, WatchedSpan.id == ReviewEffect.watched_span_id)
            .where(WatchedSpan.unit_id == unit_id),
        )
        .order_by(ReviewCase.opened_at.desc())
        .limit(1)
    ).one_or_none()


def _waits(session: Session, learner_id: UUID, unit_id: UUID) -> bool:
    unanswered = sa.select(ReviewCase.id).where(
        ReviewCase.kind == "appeal",
        ReviewCase.learner_id == learner_id,
        ReviewCase.unit_id == unit_id,
        ~sa.exists().where(ReviewAct.case_id == ReviewCase.id),
    )
    return session.scalar(unanswered.limit(1)) is not None


# -- deciding


def facts_of(session: Session, case: ReviewCase) -> CaseFacts:
    """The case as its rules see it."""
    acts = session.execute(
        sa.select(ReviewAct.act, ReviewAct.by_person_id, ReviewAct.side)
        .where(ReviewAct.case_id == case.id)
        .order_by(ReviewAct.number)
    )
    took: frozenset[UUID] = frozenset()
    if case.about_id is not None:
        took = frozenset(
            session.scalars(
                sa.select(ReviewAct.by_person_id).where(
                    ReviewAct.case_id == case.about_id,
                    ReviewAct.act.in_((Act.PROPOSE.value, Act.CONFIRM.value)),
                )
            )
        )
    return CaseFacts(
        kind=case.kind,
        learner=case.learner_id,
        acts=[Done(Act(row.act), row.by_person_id, Side(row.side)) for row in acts],
        took=took,
        against_void=case.about_id is not None,
    )


def act(
    session: Session,
    case_id: UUID,
    what: Act,
    *,
    caller: Caller,
    reason: str,
    spans: Sequence[UUID] = (),
    at: datetime,
) -> ReviewAct:
    """Do something in a case, and carry out what it decides: a confirmed void, a restoration.

    Raises NotFound: no such case for this caller; Malformed: no reason, or a proposal about nothing; the refusals of
    `decisions.why_not`; Conflict `span_changed`.
    """
    case = session.get(ReviewCase, case_id)
    sides = sides_of(caller, place_of(session, case.class_id)) if case is not None else ()
    if case is None or not sides:
        raise NotFound("There is no such case.")
    text = reason.strip()
    if not text or len(text) > MAX_TEXT:
        raise Malformed("Please give your reasons in 1 to 2000 characters.", code="reason")
    if (what is Act.PROPOSE) != bool(spans):
        raise Malformed("Choose the hours that are to be taken back.", code="spans")
    voids.lock_learner(session, case.learner_id, now_ms=to_ms(at))
    facts = facts_of(session, case)
    refused = [why_not(facts, what, caller.person_id, side) for side in sides]
    if None not in refused:
        raise _refusal(next(no for no in refused if no is not None))
    done = ReviewAct(
        case_id=case.id,
        number=len(facts.acts) + 1,
        act=what.value,
        by_person_id=caller.person_id,
        side=sides[refused.index(None)].value,
        reason=text,
        spans=sorted(set(spans)),
        at=at,
    )
    if what is Act.PROPOSE:
        _require_voidable(session, case, done.spans)
    session.add(done)
    session.flush()
    if what is Act.CONFIRM:
        proposed = session.scalars(
            sa.select(ReviewAct.spans).where(ReviewAct.case_id == case.id, ReviewAct.number == done.number - 1)
        ).one()
        voids.void(session, case.learner_id, proposed, case_id=case.id, now_ms=to_ms(at))
    elif what is Act.UPHOLD and case.about_id is not None:
        voids.restore(session, case.learner_id, voided_by=case.about_id, case_id=case.id, now_ms=to_ms(at))
    return done


def _require_voidable(session: Session, case: ReviewCase, spans: Sequence[UUID]) -> None:
    """Only final hours of this learner in this class: another class's are another institution's to decide about."""
    found = session.scalar(
        sa.text("""
        SELECT count(*) FROM elearn.watched_span w JOIN elearn.believed_span b ON b.watched_span_id = w.id
        WHERE w.id = ANY(:spans) AND w.learner_id = :learner AND w.kind = 'final'
          AND w.class_id IS NOT DISTINCT FROM CAST(:class AS uuid)
        """),
        {"spans": list(spans), "learner": case.learner_id, "class": case.class_id},
    )
    if found != len(spans):
        raise Conflict("These hours have changed in the meantime. Look at the case again.", code="span_changed")
