"""Rows and packages for tests: say only what matters."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from elearn.courses import classes
from elearn.courses.models import TrainingClass
from elearn.credit_export import feed
from elearn.credit_export.exam_system import package_files
from elearn.credit_export.exam_system.answers import Desk
from elearn.credit_export.exam_system.mapping import Profile, default_profile
from elearn.credit_export.exam_system.package_files import Facts
from elearn.credit_export.exam_system.receivers import SCOPES, add_receiver, find_receiver
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.lifecycle import Act, GrantRule, Life, State, Why
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.records import Writer
from elearn.db import new_id
from elearn.people.models import Person
from elearn.people.registry import local_day
from tests.builders_credit import an_outline
from tests.builders_people import KEYS, a_person, an_institution

SIGNER = Signer.from_seed(b"k" * 32)
MADE_AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def known_keys() -> KeySet:
    return KeySet.import_key_set(SIGNER.key_set())  # type: ignore[arg-type]


def a_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """One row of fields; the document number is nobody's."""
    return {
        "number": number,
        "record_id": str(UUID(int=0x7000 << 64 | 8 << 60 | number)),
        "version": 1,
        "supersedes": None,
        "check_code": "ABCD-EFGH",
        "status": "granted",
        "outcome": "eligible",
        "reasons": [],
        "judged_on": "2026-07-01",
        "rules": "cn-aq8011-2023; demo@1",
        "witnessed": True,
        "document_kind": "resident_id",
        "document_number": f"{999999 - number // 1000:06}19900101{number % 1000:03}X",
        "name": "张三",
        "gender": "male",
        "category_code": "low-voltage",
        "category_name": "低压电工作业",
        "category_region": "CN",
        "outline_version": "1",
        "institution": "滇池安全培训中心",
        "class_no": "2026-01",
        "filing_no": "备-001",
        "class_from": "2026-06-01",
        "class_to": None,
        "required_theory": 88,
        "required_practice": 60,
        "required_total": 148,
        "online_theory": "61.6",
        "offline_theory": "26.4",
        "offline_practice": "60.0",
        "credited_total": "148.0",
        "online_theory_ms": 110_880_000,
        "offline_theory_ms": 71_280_000,
        "offline_practice_ms": 162_000_000,
    } | changes


def a_package(rows: Iterable[Mapping[str, Any]], profile: Profile | None = None) -> bytes:
    facts = Facts(
        id="019f0000-0000-7000-8000-000000000001",
        issuer="http://localhost",
        receiver="exam-1",
        receiver_name="考试中心",
        made_at=MADE_AT,
        since=date(2026, 6, 1),
        class_no=None,
    )
    out = io.BytesIO()
    package_files.write(out, profile or default_profile(), facts, rows, SIGNER)
    return out.getvalue()


# --- in the database --------------------------------------------------------------------------------------------------

BY_ITSELF = GrantRule("test", submits_by_itself=True, regulator_verifies=False, grants_by_itself=True)


def a_record(
    session: Session,
    person: Person,
    class_id: UUID,
    *,
    state: State = State.GRANTED,
    online_theory_ms: int = 24 * 1_800_000,
    outcome: str = "eligible",
    reasons: Sequence[str] = (),
    supersedes: EligibilityRecord | None = None,
    at: datetime = MADE_AT,
) -> EligibilityRecord:
    """A version of a person's record in a class, taken to `state` without asking whose office that is."""
    held = session.get_one(TrainingClass, class_id)
    record = EligibilityRecord(
        id=new_id(),
        person_id=person.id,
        outline_id=held.outline_id,
        version=supersedes.version + 1 if supersedes else 1,
        supersedes_id=supersedes.id if supersedes else None,
        status="computed",
        outcome=outcome,
        reasons=list(reasons),
        hours={
            "online_theory_ms": online_theory_ms,
            "offline_theory_ms": 0,
            "offline_practice_ms": 0,
            "required_theory": 24,
            "required_practice": 0,
        },
        rules="cn-aq8011-2023; demo-outline@1",
        class_id=class_id,
        judged_on=local_day(at),
        computed_at=at,
        witnessed=False,
        facts={},
    )
    writer = Writer.begin(session, at)
    if supersedes is not None:
        last = feed.last_steps(session, [supersedes.id])[supersedes.id]
        life = replace(feed.life_of(last), state=State.SUPERSEDED)
        writer.step(supersedes, last, Act.SUPERSEDE, life, reason=Why.HOURS_CHANGED, rule=BY_ITSELF)
    record.position = writer.position + 1
    session.add(record)
    session.flush()
    first = writer.step(record, None, Act.COMPUTE, Life(), reason=Why.FIRST, rule=BY_ITSELF)
    session.flush()
    if state is not State.COMPUTED:
        granted = Life(State.GRANTED, granted_at=at)
        writer.step(record, first, Act.GRANT, granted, reason=Why.IN_ORDER, rule=BY_ITSELF)
        session.flush()
    if state not in (State.COMPUTED, State.GRANTED):
        step_to(session, record, state, at=at)
    return record


def step_to(session: Session, record: EligibilityRecord, state: State, *, at: datetime = MADE_AT) -> None:
    """One step more, of whatever kind leads there; two people are not asked for."""
    writer = Writer.begin(session, at)
    last = feed.last_steps(session, [record.id])[record.id]
    life = replace(feed.life_of(last), state=state)
    writer.step(record, last, Act.GRANT, life, reason=Why.IN_ORDER, rule=BY_ITSELF)
    session.flush()


@dataclass(frozen=True, slots=True)
class School:
    """A class that an exam system examines, and its desk."""

    session: Session
    class_id: UUID
    desk: Desk
    institution_id: UUID

    def person(self, name: str = "张三", number: str | None = None) -> Person:
        person = a_person(self.session, name=name, document_number=number)
        classes.enrol(self.session, self.class_id, [person.id], acting=[self.institution_id], at=MADE_AT)
        return person


def a_school(session: Session, *, code: str = "demo-outline") -> School:
    outline = an_outline(session, code=code)
    institution = an_institution(session)
    held = classes.open_class(
        session, institution_id=institution.id, outline_id=outline.id, class_no="2026-01", title="Class",
        starts_on=date(2026, 6, 1), at=MADE_AT,
    )  # fmt: skip
    made = add_receiver(session, name="考试中心", outlines=[code], scopes=SCOPES, made_at=MADE_AT)
    receiver = find_receiver(session, made.client_id)
    assert receiver is not None
    session.flush()
    desk = Desk(
        receiver=receiver,
        outlines=frozenset({code}),
        keys=KEYS,
        signer=SIGNER,
        issuer="http://localhost",
        now=MADE_AT,
    )
    return School(session, held.id, desk, institution.id)
