"""One state of a class, whole: all sections of its archive as JSON values. Reads only; a fixed number of queries.

The same state gives the same values, in the same order: nothing here asks the time but for what is still missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from elearn.courses.classes import lesson_plans
from elearn.courses.classes import reading as classes
from elearn.courses.classes.rules import State
from elearn.courses.requirements import service as requirements
from elearn.courses.teachers import standing as teachers
from elearn.credit_export.archive import queries, reading, signing
from elearn.credit_export.archive.form import lesson_plan_name
from elearn.credit_export.archive.missing import Gap, gaps
from elearn.credit_export.archive.models import HoursSignature
from elearn.credit_export.archive.reading import Clock, Had, Held
from elearn.credit_export.archive.statement import Entry, Standing, sums
from elearn.credit_export.hours import RuleSet
from elearn.credit_export.ledger.subjects import subjects_of
from elearn.people import persons
from elearn.people.identity import Keys
from elearn.people.models import Person
from elearn.people.registry import local_day

AHEAD = frozenset({"from_at", "to_at"})
"""Moments that are planned; all others have been."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What is written into an archive."""

    class_no: str
    sections: Mapping[str, Any]
    """Name of a JSON file -> what stands in it."""
    proofs: Mapping[str, bytes]
    """Name -> what somebody signed with: a drawing, or what a key answered."""
    people: tuple[UUID, ...]
    """Whose data are in it."""
    missing: tuple[Gap, ...]
    clock: Clock
    lengths: RuleSet
    """How long a 学时 is in this class."""
    as_of: datetime
    """The newest moment in it: an archive is dated by its state, not by when it was asked for."""


def gathered(session: Session, class_id: UUID, *, keys: Keys, now: datetime) -> Archive:
    """Raises NotFound."""
    held = reading.held_class(session, class_id)
    roster = [dict(row) for row in _rows(session, queries.ROSTER, held)]
    people = sorted({row["person_id"] for row in roster})
    has = reading.had(session, held, people)
    signed = _signatures(session, class_id, people)
    proofs = signing.proofs(session, signed, keys)
    stands = reading.standings(has, {one.person_id: one for one in signed})
    entries = [entry for one in has.values() for entry in one.entries]
    on = local_day(now)
    last = max((one.earned_on for one in entries), default=None)
    clock = reading.clock_of(requirements.catalogue(session), held, last_earned_on=last)
    problems = teachers.problems(session, [class_id], today=on, planned=False)[class_id]
    lengths = reading.lengths(session, held)
    plan, steps = classes.plan_of(session, class_id), classes.steps_of(session, class_id)
    changes = classes.roster_changes(session, class_id)
    sent = lesson_plans.of_class(session, class_id)
    still = gaps(
        held,
        {one: stands[one] for one in reading.present(session, class_id)},
        {
            **_rows(session, queries.OPEN_ENDS, held, now=now)[0],
            "teachers": len(problems),
            "no_plan": not plan,
            "without_lesson_plan": lesson_plans.without_one([one.id for one in plan], sent),
            "changes_waiting": sum(one.waiting for one in changes),
            "not_completed": not steps or steps[-1].to_state is not State.COMPLETED,
        },
        on=on,
    )
    sections = {
        "class": {
            **_class(session, held, clock, still),
            "hour_ms": {"online": lengths.online_hour_ms, "offline": lengths.offline_hour_ms},
            "plan": [asdict(one) for one in plan],
            "lesson_plans": [{**asdict(one), "file": lesson_plan_name(one.sha256, one.media_type)} for one in sent],
            "steps": [asdict(one) for one in steps],
        },
        "units": _rows(session, queries.UNITS, held),
        "teachers": {
            "named": _teachers(session, held),
            "taken_out": _rows(session, queries.TAKEN_OUT, held),
            "problems": [asdict(one) for one in problems],
        },
        "roster": {
            **_roster(session, people, stands, keys),
            "enrolments": roster,
            "changes": [asdict(one) for one in changes],
        },
        "attendance": {
            "sessions": _rows(session, queries.SESSIONS, held),
            "lists": _rows(session, queries.LISTS, held),
            "lines": _rows(session, queries.LINES, held),
        },
        "hours": _hours(session, has, lengths, keys),
        "tests": _tests(session, has, held),
        "evidence": _evidence(session, entries),
        "signoffs": [
            _signoff(one, holds=one.digest == has[one.person_id].digest, there=one.id in proofs) for one in signed
        ],
        "recordings": _rows(session, queries.RECORDINGS, held),
    }
    return Archive(
        class_no=held.training.class_no,
        sections=sections,
        proofs={_proof_name(one): proofs[one.id] for one in signed if one.id in proofs},
        people=tuple(people),
        missing=still,
        clock=clock,
        lengths=lengths,
        as_of=max(_moments(sections), default=held.training.created_at),
    )


def _rows(session: Session, query: sa.TextClause, held: Held, **more: object) -> list[dict[str, Any]]:
    values = {"class": held.training.id, "outline": held.outline.id, **more}
    wanted = {name: value for name, value in values.items() if f":{name}" in query.text}
    return [dict(row) for row in session.execute(query, wanted).mappings()]


def _class(session: Session, held: Held, clock: Clock, still: Sequence[Gap]) -> dict[str, Any]:
    training, institution, outline = held.training, held.institution, held.outline
    return {
        "id": training.id,
        "class_no": training.class_no,
        "title": training.title,
        "place": training.place,
        "starts_on": training.starts_on,
        "ends_on": training.ends_on,
        "opened_at": training.created_at,
        "filing": {
            "number": training.filing_no,
            "filed_at": training.filed_at,
            "recorded_at": training.filing_recorded_at,
        },
        "institution": {
            "id": institution.id, "name": institution.name, "credit_code": institution.credit_code,
            "region": institution.region,
        },
        "outline": {
            "id": outline.id, "code": outline.code, "name": outline.name, "region": outline.region,
            "version": outline.version, "category": outline.category, "training": outline.training.value,
            "items": _rows(session, queries.ITEMS, held),
        },
        "retention": {
            "years": clock.kept.years, "rule": clock.kept.rule, "ended_on": clock.ended_on, "keep_until": clock.until,
        },
        "missing": [{"what": gap.what.value, "count": gap.count} for gap in still],
    }  # fmt: skip


def _teachers(session: Session, held: Held) -> list[dict[str, Any]]:
    """Who was named for the class; who taught each session stands beside it."""
    return [
        {
            "person_id": one.person_id, "name": one.name, "item": one.item_name,
            "kind": one.kind.value if one.kind else None, "from_on": one.from_on, "to_on": one.to_on,
            "added_at": one.added_at,
        }
        for one in teachers.teaching(session, [held.training.id])[held.training.id]
    ]  # fmt: skip


def _roster(
    session: Session,
    people: Sequence[UUID],
    stands: Mapping[UUID, Standing],
    keys: Keys,
) -> dict[str, Any]:
    # One query for all of them; `person_facts` then finds each at hand.
    at_hand = session.scalars(sa.select(Person).where(Person.id.in_(people))).all()
    facts = {one.id: persons.person_facts(session, one.id, keys) for one in at_hand}
    return {
        "people": [
            {
                "person_id": one, "name": facts[one].name,
                "document_kind": kind.value if (kind := facts[one].document_kind) else None,
                "document_masked": facts[one].document_masked, "signed": stands[one].value,
            }
            for one in people
        ]
    }  # fmt: skip


def _hours(session: Session, has: Mapping[UUID, Had], lengths: RuleSet, keys: Keys) -> list[dict[str, Any]]:
    """By person: the sums, and every entry beside its leaf. The leaf itself is there, byte for byte."""
    in_log = [one for one, had in has.items() if any(entry.origin for entry in had.entries)]
    subjects = subjects_of(session, in_log, sealing_key=keys.sealing)
    return [
        {
            "person_id": one,
            "subject": subjects.get(one),
            "sums": [
                {
                    "item": line.item, "modality": line.modality, "kind": line.kind, "ms": line.ms,
                    "entries": line.entries, "hours": reading.hours_text(lengths, line.modality, line.ms),
                }
                for line in sums(had.entries)
            ],
            "entries": [
                {
                    "item": entry.item, "modality": entry.modality, "kind": entry.kind, "ms": entry.ms,
                    "earned_on": entry.earned_on, "learned_at": entry.learned_at, "rules": entry.rules,
                    "origin": entry.origin, "index": entry.index, "hash": entry.hash, "leaf": entry.raw,
                }
                for entry in had.entries
            ],
        }
        for one, had in has.items()
    ]  # fmt: skip


def _tests(session: Session, has: Mapping[UUID, Had], held: Held) -> list[dict[str, Any]]:
    attempts = [one for had in has.values() for one in had.attempts]
    papers = {row["id"]: row for row in _rows(session, queries.PAPERS, held, attempts=[one.id for one in attempts])}
    return [
        {
            **papers[one.id], "person_id": one.person_id, "title": one.title, "number": one.number,
            "score_milli": one.score_milli, "max_milli": one.max_milli, "passed": one.passed,
            "closed_at": one.closed_at,
        }
        for one in attempts
    ]  # fmt: skip


def _evidence(session: Session, entries: Iterable[Entry]) -> dict[str, Any]:
    places = sorted({(one.origin, one.index) for one in entries if one.origin is not None and one.index is not None})
    last: dict[str, int] = {}
    for origin, index in places:
        last[origin] = index
    where = {"origins": [one[0] for one in places], "indexes": [one[1] for one in places]}
    newest = {"origins": list(last), "indexes": list(last.values())}
    return {
        "leaves": [dict(row) for row in session.execute(queries.EVIDENCE, where).mappings()],
        "checkpoints": [dict(row) for row in session.execute(queries.CHECKPOINTS, newest).mappings()],
    }


def _signatures(session: Session, class_id: UUID, people: Sequence[UUID]) -> Sequence[HoursSignature]:
    return session.scalars(
        sa.select(HoursSignature)
        .options(undefer(HoursSignature.proof_sealed))
        .where(HoursSignature.class_id == class_id, HoursSignature.person_id.in_(people))
        .order_by(HoursSignature.person_id, HoursSignature.number)
    ).all()


def _proof_name(one: HoursSignature) -> str:
    return f"signatures/{one.id}.{'png' if one.method == signing.Method.DRAWING else 'json'}"


def _signoff(one: HoursSignature, *, holds: bool, there: bool) -> dict[str, Any]:
    return {
        "id": one.id, "person_id": one.person_id, "number": one.number, "method": one.method, "said": one.said,
        "digest": one.digest, "signed_at": one.signed_at, "proof": _proof_name(one) if there else None,
        "proof_sha256": one.proof_sha256, "holds": holds,
    }  # fmt: skip


def _moments(found: Any) -> Iterable[datetime]:
    """All moments of a section that have been."""
    if isinstance(found, Mapping):
        for name, value in found.items():
            if isinstance(value, datetime):
                if name not in AHEAD:
                    yield value
            else:
                yield from _moments(value)
    elif isinstance(found, Sequence) and not isinstance(found, str):
        for value in found:
            yield from _moments(value)


def as_json(value: Any) -> Any:
    """What JSON has no word for. For `json.dumps(default=...)`."""
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds")
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
    raise TypeError(f"{type(value)} has no form in an archive")
