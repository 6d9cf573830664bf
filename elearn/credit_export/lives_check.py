"""For `elearn ledger check`: every record's life, led again through the rules it was led by, and compared.

The same pure functions decide as did then (`lifecycle.py`, `eligibility.py`): a step that they would have refused, a
life that does not follow from its steps, a judgement that does not follow from the hours beside it is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.choosing import Catalogue
from elearn.credit_export import basis, feed, grant_rules
from elearn.credit_export.basis import Basis, Excuse, Found
from elearn.credit_export.eligibility import Category, Eligible, EligibleExempt, Reason
from elearn.credit_export.judged import Again
from elearn.credit_export.lifecycle import (
    HELD_OFFICES,
    OFFICES,
    SENSITIVE,
    STEPS,
    STRICTEST,
    Act,
    Actor,
    GrantRule,
    Hold,
    Life,
    Office,
    Standing,
    Why,
    after,
    born,
    carries,
    next_by_itself,
    why_not,
)
from elearn.credit_export.models import (
    EligibilityAnswer,
    EligibilityProposal,
    EligibilityRecord,
    EligibilityStep,
)
from elearn.credit_export.records import basis_of, said_by, tally_of
from elearn.people.registry import local_day

AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class _Taken:
    """A step with the two halves of what was proposed, where it was."""

    step: EligibilityStep
    proposal: EligibilityProposal | None
    answer: EligibilityAnswer | None


def unsound(session: Session) -> Iterator[tuple[str, str]]:
    """(id of a record or step, what is wrong with it) for everything that does not follow from what is before it."""
    yield from _gaps(session)
    held = requirements.catalogue(session)
    rules = {STRICTEST.version: STRICTEST} | {
        rule.version: rule for rule in map(grant_rules.as_rule, grant_rules.all_rules(session))
    }
    outlines = {one.id: one for one in session.scalars(sa.select(Outline))}
    rows = session.execute(
        sa.select(EligibilityRecord, EligibilityStep, EligibilityProposal, EligibilityAnswer)
        .outerjoin(EligibilityStep, EligibilityStep.record_id == EligibilityRecord.id)
        .outerjoin(EligibilityProposal, EligibilityProposal.id == EligibilityStep.proposal_id)
        .outerjoin(EligibilityAnswer, EligibilityAnswer.proposal_id == EligibilityProposal.id)
        .order_by(
            EligibilityRecord.person_id, EligibilityRecord.outline_id, EligibilityRecord.version, EligibilityStep.number
        )
        .execution_options(yield_per=AT_ONCE)
    )
    for _line, versions in groupby(rows, key=lambda row: (row[0].person_id, row[0].outline_id)):
        before: EligibilityRecord | None = None
        ended: tuple[Life, Act] | None = None
        for record, steps in groupby(versions, key=lambda row: row[0]):
            taken = [_Taken(step, proposal, answer) for _record, step, proposal, answer in steps if step is not None]
            yield from _misjudged(record, outlines[record.outline_id], held)
            yield from _life(record, taken, before, ended, rules)
            before = record
            ended = _end(taken)


def _gaps(session: Session) -> Iterator[tuple[str, str]]:
    """Places of the feed run without a gap: one that is missing was removed."""
    missing = session.scalars(
        sa.text("""
        SELECT s.position - 1 FROM elearn.eligibility_step s
        WHERE s.position > 1 AND NOT EXISTS (SELECT FROM elearn.eligibility_step b WHERE b.position = s.position - 1)
        ORDER BY 1 LIMIT 100
        """)
    )
    for position in missing:
        yield str(position), "a place of the change feed is missing"


def _end(taken: list[_Taken]) -> tuple[Life, Act] | None:
    """How a version stood before its last step, and which step that was."""
    if len(taken) < 2:
        return None
    return feed.life_of(taken[-2].step), Act(taken[-1].step.act)


def _life(
    record: EligibilityRecord,
    taken: list[_Taken],
    before: EligibilityRecord | None,
    ended: tuple[Life, Act] | None,
    rules: dict[str, GrantRule],
) -> Iterator[tuple[str, str]]:
    if not taken:
        yield str(record.id), "this version has no life"
        return
    first = taken[0].step
    if first.position != record.position or first.act != Act.COMPUTE:
        yield str(first.id), "its life does not begin with its being written"
    if feed.life_of(first) != _beginning(record, before, ended):
        yield str(first.id), f"begins as {first.to_state}, which does not follow from the version before"
    for earlier, one in pairwise(taken):
        wrong = _wrong_step(record, earlier.step, one, rules.get(one.step.rule, STRICTEST))
        if wrong:
            yield str(one.step.id), wrong


def _beginning(record: EligibilityRecord, before: EligibilityRecord | None, ended: tuple[Life, Act] | None) -> Life:
    if before is None or ended is None or ended[1] is Act.CORRECT:
        return Life()
    return born(ended[0], carried=carries(said_by(before), said_by(record)))


def _wrong_step(record: EligibilityRecord, earlier: EligibilityStep, one: _Taken, rule: GrantRule) -> str | None:
    """What is wrong with a step, given how the version stood before it."""
    step, act = one.step, Act(one.step.act)
    life = feed.life_of(earlier)
    if step.number != earlier.number + 1 or step.from_state != earlier.to_state or step.position <= earlier.position:
        return "does not follow the step before it"
    if (life.state, act) not in STEPS:
        return f"there is no step {act.value} from {life.state.value}"
    who = step.second_id if act in SENSITIVE else step.by_id
    if after(life, act, who, at=step.at, on=local_day(step.at), rule=rule) != feed.life_of(step):
        return "what it says it leads to is not what it leads to"
    # What held it back then is over; that something did, the step itself says.
    held = frozenset({Hold.UNDER_REVIEW}) if step.reason == Why.DESPITE_HOLD else frozenset[Hold]()
    stands = Standing(life, record.person_id, said_by(record).eligible, held)
    if act is Act.SUPERSEDE:
        return None if step.by_id is None else "nobody but the platform supersedes"
    if act in SENSITIVE:
        return _wrong_pair(stands, one, act, rule)
    if step.by_id is None:
        return None if next_by_itself(stands, rule) is act else "the platform takes no such step by itself there"
    refused = [
        why_not(stands, act, Actor(step.by_id, office), rule)
        for office in OFFICES[life.state, act] | (HELD_OFFICES if held else frozenset())
    ]
    return None if None in refused else f"nobody in that place could take it: {refused[0]}"


def _wrong_pair(stands: Standing, one: _Taken, act: Act, rule: GrantRule) -> str | None:
    proposal, answer, step = one.proposal, one.answer, one.step
    if proposal is None or answer is None or not answer.confirmed or proposal.act != act:
        return "without a proposal and its confirmation"
    if (proposal.by_id, answer.by_id, proposal.reason) != (step.by_id, step.second_id, step.reason):
        return "not as it was proposed and confirmed"
    first, second = Actor(proposal.by_id, Office(proposal.office)), Actor(answer.by_id, Office(answer.office))
    refused = why_not(stands, act, first, rule) or why_not(stands, act, second, rule, proposed=first)
    return None if refused is None else f"these two could not take it: {refused}"


def _misjudged(record: EligibilityRecord, outline: Outline, held: Catalogue) -> Iterator[tuple[str, str]]:
    """The judgement, from the hours and the checks that the record keeps; those of before 2026-11-22 keep none."""
    if not record.facts:
        return
    checks, hours, rests = record.facts["checks"], record.hours, basis_of(record)
    excuse = None if "finding" not in rests else Excuse(UUID(rests["finding"]), Basis(rests["kind"]))
    again = Again.of(record, held)
    if (again.required_theory, again.required_practice) != (hours["required_theory"], hours["required_practice"]):
        yield str(record.id), "asks for other hours than the rules it names"
    judgement = basis.judged(
        record.person_id,
        Category(
            outline.code,
            outline.version,
            hours["required_theory"],
            hours["required_practice"],
            outline.effective_from,
            outline.effective_to,
        ),
        record.judged_on,
        tally_of(hours),
        again.facts(checks),
        Found([] if excuse is None else [excuse], blacklisted=bool(checks["blacklist"])),
        rules=again.rules,
    ).judgement
    found = [] if isinstance(judgement, Eligible | EligibleExempt) else judgement.reasons
    reasons = [reason.value for reason in Reason if reason in {*found, *again.unmet}]
    if reasons != record.reasons or (record.outcome == "ineligible") is not bool(reasons):
        yield str(record.id), f"says {record.outcome} {record.reasons}, its hours say {reasons}"
    if judgement.rules != record.rules:
        yield str(record.id), f"names {record.rules}, was judged by {judgement.rules}"
