"""Eligibility records: what was judged, version after version; a version is written when it says something new.

Nothing is edited: a new version supersedes the one before, by a step in that one's life, and both steps take their
places in the change feed (`feed.py`). What people did for the version before holds for the new one as long as nothing
they relied on got less (`lifecycle.carries`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import compress
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.courses.models import Outline
from elearn.credit_export import basis, exam_targets, feed, grant_rules, holds
from elearn.credit_export.basis import NOTHING, Excuse, Found, Judged
from elearn.credit_export.eligibility import Eligible, EligibleExempt, Judgement, Reason
from elearn.credit_export.exam_targets import Target
from elearn.credit_export.findings.reading import of_persons
from elearn.credit_export.findings.rules import Kind
from elearn.credit_export.gathering import Case, gather, gather_many
from elearn.credit_export.hours import Tally
from elearn.credit_export.lifecycle import (
    Act,
    GrantRule,
    Hold,
    Life,
    Said,
    Standing,
    State,
    Why,
    after,
    born,
    carries,
    next_by_itself,
    why_changed,
)
from elearn.credit_export.models import EligibilityRecord, EligibilityStep
from elearn.credit_export.record_facts import facts_of
from elearn.db import new_id
from elearn.people.registry import local_day

__all__ = [
    "Case", "basis_of", "decide", "draft_after", "found_of", "gather", "gather_many", "hours_as_data",
    "newest_record", "newest_records", "record_people", "record_person", "said_by", "tally_of",
]  # fmt: skip


def decide(case: Case, on: date, found: Found = NOTHING) -> Judgement:
    """The judgement of a day; `found`: what findings say (`found_of`)."""
    return _judged(case, on, found).judgement


def _judged(case: Case, on: date, found: Found) -> Judged:
    return basis.judged(case.person_id, case.category, on, case.hours, case.facts, found, rules=case.rules)


def found_of(session: Session, cases: Collection[Case], on: date) -> dict[tuple[UUID, UUID], Found]:
    """(person, outline) -> what findings say on a day. One query."""
    held = of_persons(session, {case.person_id for case in cases}, on)
    found = {}
    for case in cases:
        own = held.get(case.person_id, [])
        excuses = [
            Excuse(one.id, basis.OF_KIND[one.kind], one.paper or "")
            for one in own
            if one.kind in basis.OF_KIND and one.outline_code == case.category.code
        ]
        blacklisted = any(one.kind is Kind.BLACKLISTED for one in own)
        found[case.person_id, case.outline_id] = Found(excuses, blacklisted)
    return found


def hours_as_data(case: Case) -> dict[str, Any]:
    """What a record keeps of the hours: milliseconds, and what the outline asks in 学时."""
    return {
        "online_theory_ms": case.hours.online_theory_ms,
        "offline_theory_ms": case.hours.offline_theory_ms,
        "offline_practice_ms": case.hours.offline_practice_ms,
        "required_theory": case.category.required_theory,
        "required_practice": case.category.required_practice,
    }


def tally_of(hours: Mapping[str, int]) -> Tally:
    """The credited time that a record keeps."""
    return Tally(hours["online_theory_ms"], hours["offline_theory_ms"], hours["offline_practice_ms"])


@dataclass(slots=True)
class Writer:
    """Adds versions and steps, each step in the next place of the feed. The feed's lock is held."""

    session: Session
    now: datetime
    position: int
    """The last place given out."""

    @classmethod
    def begin(cls, session: Session, now: datetime) -> Writer:
        """Takes the lock: from here to the commit nobody else decides about records."""
        feed.lock(session)
        return cls(session, now, feed.last_position(session))

    def step(
        self,
        record: EligibilityRecord,
        before: EligibilityStep | None,
        act: Act,
        life: Life,
        *,
        reason: str,
        rule: GrantRule,
        by: UUID | None = None,
        second: UUID | None = None,
        proposal_id: UUID | None = None,
        note: str = "",
    ) -> EligibilityStep:
        """One step after `before` (None: the first of a new version), which leaves the version as `life`."""
        self.position += 1
        step = EligibilityStep(
            position=self.position,
            record_id=record.id,
            number=before.number + 1 if before else 1,
            act=act.value,
            from_state=before.to_state if before else None,
            to_state=life.state.value,
            by_id=by,
            second_id=second,
            proposal_id=proposal_id,
            reason=reason,
            note=note,
            rule=rule.version,
            at=self.now,
            submitted_by=life.submitted_by,
            checked_by=life.checked_by,
            verified_by=life.verified_by,
            granted_by=life.granted_by,
            granted_at=life.granted_at,
            expires_on=life.expires_on,
            returned=life.returned,
        )
        self.session.add(step)
        return step

    def go_on(
        self, record: EligibilityRecord, last: EligibilityStep, rule: GrantRule, held: frozenset[Hold]
    ) -> EligibilityStep:
        """The steps that the platform takes by itself after `last`; answers the last one."""
        on = local_day(self.now)
        while True:
            life = feed.life_of(last)
            act = next_by_itself(Standing(life, record.person_id, said_by(record).eligible, held), rule)
            if act is None:
                return last
            later = after(life, act, None, at=self.now, on=on, rule=rule)
            last = self.step(record, last, act, later, reason=Why.IN_ORDER, rule=rule)

    def version(
        self,
        record: EligibilityRecord,
        life: Life,
        *,
        reason: Why,
        rule: GrantRule,
        held: frozenset[Hold],
        by: UUID | None = None,
    ) -> EligibilityStep:
        """A new version, its first step, and those that follow by themselves."""
        record.position = self.position + 1
        self.session.add(record)
        first = self.step(record, None, Act.COMPUTE, life, reason=reason, rule=rule, by=by)
        return self.go_on(record, first, rule, held)


def record_person(session: Session, person_id: UUID, *, now: datetime) -> list[EligibilityRecord]:
    """Write a new version for each outline where the newest one no longer says what is true; answers the new ones."""
    return record_people(session, [person_id], now=now)


def record_people(session: Session, person_ids: Iterable[UUID], *, now: datetime) -> list[EligibilityRecord]:
    """The same for many persons, in a fixed number of queries."""
    people = list(person_ids)
    # Two at once would both write version n + 1 and take each other's place in the feed.
    writer = Writer.begin(session, now)
    newest = newest_records(session, people)
    on = local_day(now)  # days of judgement are the regulator's days
    cases = gather_many(session, people, now=now)
    befores = [newest.get((case.person_id, case.outline_id)) for case in cases]
    found = found_of(session, cases, on)
    words = exam_targets.of_outlines(session, {case.outline_id for case in cases}, on)
    drafts = [
        _draft(case, before, on, now, found[case.person_id, case.outline_id], words.get(case.outline_id))
        for case, before in zip(cases, befores, strict=True)
    ]
    is_new = [before is None or _says(before) != _says(draft) for before, draft in zip(befores, drafts, strict=True)]
    written = list(compress(drafts, is_new))
    for draft, facts in zip(written, facts_of(session, list(compress(cases, is_new)), on=on), strict=True):
        draft.facts = _joined(draft, facts)
    stand = feed.last_steps(session, (record.id for record in newest.values()))
    rules = grant_rules.rules_of_classes(session, {draft.class_id for draft in drafts}, on)
    held = holds.holds_of(session, drafts, on)
    for before, draft, new in zip(befores, drafts, is_new, strict=True):
        rule, by = rules[draft.class_id], held[draft.person_id, draft.outline_id]
        if before is None:
            writer.version(draft, Life(), reason=Why.FIRST, rule=rule, held=by)
        elif new:
            _supersede(writer, before, stand[before.id], draft, rule, by)
        else:
            writer.go_on(before, stand[before.id], rule, by)
    session.flush()
    return written


def _draft(
    case: Case, before: EligibilityRecord | None, on: date, now: datetime, found: Found, target: Target | None
) -> EligibilityRecord:
    judged = _judged(case, on, found)
    judgement = judged.judgement
    return EligibilityRecord(
        id=new_id(),
        person_id=case.person_id,
        outline_id=case.outline_id,
        version=before.version + 1 if before else 1,
        supersedes_id=before.id if before else None,
        status=State.COMPUTED.value,
        outcome=_outcome(judgement),
        reasons=[] if isinstance(judgement, Eligible | EligibleExempt) else list(judgement.reasons),
        hours=hours_as_data(case),
        rules=judgement.rules,
        class_id=case.class_id,
        judged_on=on,
        computed_at=now,
        witnessed=case.witnessed,
        # The rest is gathered once it is known that the version is written.
        facts={
            "basis": judged.basis(),
            "target": {
                "code": case.category.code,
                "outline_version": case.category.version,
                **exam_targets.words_of(target, case.aim.training if case.aim.category else None),
            },
            "blacklisted": found.blacklisted,
        },
    )


def _joined(draft: EligibilityRecord, facts: dict[str, Any]) -> dict[str, Any]:
    """What judging gave and what was gathered beside it."""
    known = dict(draft.facts)
    checks = {**facts["checks"], "blacklist": known.pop("blacklisted")}
    return {**known, **facts, "checks": checks}


def draft_after(session: Session, before: EligibilityRecord, *, now: datetime) -> EligibilityRecord:
    """The next version of a line, of what is true now, whether or not it says something new."""
    (case,) = gather(session, before.person_id, now=now, outline_id=before.outline_id)
    on = local_day(now)
    (found,) = found_of(session, [case], on).values()
    target = exam_targets.of_outlines(session, [case.outline_id], on).get(case.outline_id)
    draft = _draft(case, before, on, now, found, target)
    (facts,) = facts_of(session, [case], on=on)
    draft.facts = _joined(draft, facts)
    return draft


def _supersede(
    writer: Writer,
    before: EligibilityRecord,
    last: EligibilityStep,
    draft: EligibilityRecord,
    rule: GrantRule,
    held: frozenset[Hold],
) -> None:
    was, says, life = said_by(before), said_by(draft), feed.life_of(last)
    reason = why_changed(was, says)
    ended = after(life, Act.SUPERSEDE, None, at=writer.now, on=draft.judged_on, rule=rule)
    writer.step(before, last, Act.SUPERSEDE, ended, reason=reason, rule=rule)
    begins = born(life, carried=carries(was, says))
    draft.status = begins.state.value
    writer.version(draft, begins, reason=reason, rule=rule, held=held)


def newest_records(session: Session, person_ids: Collection[UUID]) -> dict[tuple[UUID, UUID], EligibilityRecord]:
    """(person, outline) -> the newest version. One query."""
    rows = session.scalars(
        sa.select(EligibilityRecord)
        .where(EligibilityRecord.person_id.in_(list(person_ids)))
        .ext(distinct_on(EligibilityRecord.person_id, EligibilityRecord.outline_id))
        .order_by(EligibilityRecord.person_id, EligibilityRecord.outline_id, EligibilityRecord.version.desc())
    )
    return {(record.person_id, record.outline_id): record for record in rows}


def newest_record(session: Session, person_id: UUID, outline_codes: Sequence[str]) -> EligibilityRecord | None:
    """The newest record of a person among outlines of these codes."""
    return session.scalars(
        sa.select(EligibilityRecord)
        .join(Outline, Outline.id == EligibilityRecord.outline_id)
        .where(EligibilityRecord.person_id == person_id, Outline.code.in_(outline_codes))
        .order_by(Outline.effective_from.desc(), EligibilityRecord.version.desc())
        .limit(1)
    ).one_or_none()


def said_by(record: EligibilityRecord) -> Said:
    """What people rely on who look at a version."""
    hours = record.hours
    return Said(
        eligible=record.outcome != "ineligible",
        hours=tuple(hours[name] for name in ("online_theory_ms", "offline_theory_ms", "offline_practice_ms")),
        required=(hours["required_theory"], hours["required_practice"]),
        rules=record.rules,
        class_id=record.class_id,
        basis=" ".join(filter(None, map(basis_of(record).get, ("kind", "finding")))),
        blacklisted=Reason.BLACKLISTED in record.reasons,
    )


def basis_of(record: EligibilityRecord) -> dict[str, str]:
    """What a version rests on; versions of before findings rest on hours."""
    kept: dict[str, str] = record.facts.get("basis") or {"kind": basis.Basis.HOURS.value}
    return kept


def _outcome(judgement: Judgement) -> str:
    match judgement:
        case Eligible():
            return "eligible"
        case EligibleExempt():
            return "eligible_exempt"
        case _:
            return "ineligible"


def _says(record: EligibilityRecord) -> tuple[object, ...]:
    """What makes a new version worth writing; the day of judgement alone does not."""
    target = record.facts.get("target") or {}
    words = tuple(target.get(name) for name in exam_targets.NO_WORDS)
    return (
        record.outcome,
        sorted(record.reasons),
        record.hours,
        record.rules,
        record.class_id,
        record.witnessed,
        basis_of(record),
        words,
    )
