"""A learner who has all the hours that an outline of one hour asks, and everybody who may decide about the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import OutlineItem, TrainingClass
from elearn.credit_export import feed, grant_rules, records, steps
from elearn.credit_export.lifecycle import Act, State
from elearn.credit_export.models import EligibilityRecord, EligibilityStep, HoursEntry
from elearn.db import new_id
from elearn.people.callers import Caller, Grant
from elearn.people.models import Organisation, Role
from elearn.people.registry import local_day
from tests.builders_credit import LEARNED_AT, Learner, a_learner_with_hours, an_outline
from tests.builders_people import a_person, an_institution

NOW = LEARNED_AT + timedelta(days=1)
REGION = "530100"
ONLINE_MS = 21 * 60_000
"""Seven tenths of an online 学时."""
ON_SITE_MS = 27 * 30_000
"""Three tenths of one on site."""


@dataclass(slots=True)
class Office:
    """A record and the people around it."""

    session: Session
    learner: Learner
    institution_id: UUID
    clerk: Caller
    second_clerk: Caller
    manager: Caller
    officer: Caller
    second_officer: Caller
    operator: Caller
    stranger: Caller
    """A manager of another institution."""
    on_site: HoursEntry | None = None

    def rule(
        self, *, submits: bool = False, verifies: bool = True, grants: bool = True, days: int | None = None
    ) -> None:
        grant_rules.add_rule(
            self.session,
            region=REGION,
            effective_from=local_day(NOW),
            submits_by_itself=submits,
            regulator_verifies=verifies,
            grants_by_itself=grants,
            valid_days=days,
            today=local_day(NOW),
            by="test",
            at=NOW,
        )

    def earn(self, ms: int) -> HoursEntry:
        """Hours behind a credited entry, as the crediting of a span leaves them."""
        return entered(self.session, self.learner, self.learner.watch(ms=ms), ms)

    def record(self) -> EligibilityRecord:
        """What is recorded now, after all that is due was written."""
        records.record_person(self.session, self.learner.person.id, now=NOW)
        ((record,),) = [list(records.newest_records(self.session, [self.learner.person.id]).values())]
        return record

    def act(self, what: Act, by: Caller, *, reason: str = "", note: str = "because") -> EligibilityStep:
        return steps.act(self.session, self.record().id, what, caller=by, reason=reason, note=note, at=NOW)

    def twice(self, what: Act, first: Caller, second: Caller, *, reason: str) -> EligibilityStep:
        """Propose and confirm."""
        record_id = self.record().id
        made = steps.propose(self.session, record_id, what, caller=first, reason=reason, note="why", at=NOW)
        step = steps.answer(self.session, record_id, made.id, confirm=True, caller=second, note="", at=NOW)
        assert step is not None
        return step

    def granted(self) -> EligibilityRecord:
        self.act(Act.SUBMIT, self.clerk)
        self.act(Act.CHECK, self.second_clerk)
        self.act(Act.VERIFY, self.officer)
        return self.record()

    def state(self) -> State:
        record = self.record()
        return feed.lives(self.session, [record.id])[record.id].state

    def told(self) -> list[tuple[int, str]]:
        """(version, state) of every line of the feed."""
        return [(one.record.version, one.life.state.value) for one in feed.feed(self.session, ["short"], 0, 1000)]


def entered(session: Session, learner: Learner, span_id: UUID, ms: int, *, modality: str = "online") -> HoursEntry:
    item = session.scalars(
        sa.select(OutlineItem.id)
        .join(TrainingClass, TrainingClass.outline_id == OutlineItem.outline_id)
        .where(TrainingClass.id == learner.class_id)
    ).one()
    entry = HoursEntry(
        person_id=learner.person.id,
        class_id=learner.class_id,
        outline_item_id=item,
        modality=modality,
        kind="theory",
        amount_ms=ms,
        earned_on=local_day(LEARNED_AT),
        learned_at=LEARNED_AT,
        watched_span_id=span_id,
        rule_version="cn-aq8011-2023",
        created_at=NOW,
    )
    session.add(entry)
    session.flush()
    return entry


def take_back(session: Session, entry: HoursEntry) -> None:
    """The reversal of an entry; any span of the same person stands for what reversed it."""
    same = "person_id class_id outline_item_id modality kind earned_on learned_at rule_version"
    columns = {name: getattr(entry, name) for name in same.split()}
    other = session.scalar(
        sa.text("""
        SELECT w.id FROM elearn.watched_span w WHERE w.learner_id = :person
          AND NOT EXISTS (SELECT FROM elearn.hours_entry e WHERE e.watched_span_id = w.id) LIMIT 1
        """),
        {"person": entry.person_id},
    )
    session.add(
        HoursEntry(**columns, amount_ms=-entry.amount_ms, watched_span_id=other, reverses_id=entry.id, created_at=NOW)
    )
    session.flush()


def caller_for(
    session: Session, role: Role, *, organisation_id: UUID | None = None, region: str | None = None
) -> Caller:
    """Somebody who holds a role; no account stands behind it, so no password has to be hashed."""
    grant = Grant(role, organisation_id, region)
    return Caller(new_id(), a_person(session).id, "", must_change=False, grants=(grant,), browser_session_id=None)


def an_office(session: Session) -> Office:
    """The outline asks one hour of theory; seven tenths are there online, as much as may be, and three on site."""
    an_outline(session, code="short", hours=1)
    learner = a_learner_with_hours(session, ms=ONLINE_MS, outline="short")
    held = session.get_one(TrainingClass, learner.class_id)
    institution = session.get_one(Organisation, held.institution_id)
    institution.region = REGION
    made = Office(
        session=session,
        learner=learner,
        institution_id=institution.id,
        clerk=caller_for(session, Role.INSTITUTION_CLERK, organisation_id=institution.id),
        second_clerk=caller_for(session, Role.INSTITUTION_CLERK, organisation_id=institution.id),
        manager=caller_for(session, Role.INSTITUTION_MANAGER, organisation_id=institution.id),
        officer=caller_for(session, Role.REGULATOR_OFFICER, region="530000"),
        second_officer=caller_for(session, Role.REGULATOR_OFFICER, region=REGION),
        operator=caller_for(session, Role.OPERATOR),
        stranger=caller_for(
            session, Role.INSTITUTION_MANAGER, organisation_id=an_institution(session, name="洱海培训学校").id
        ),
    )
    made.rule()
    entered(session, learner, final_of(session, learner), ONLINE_MS)
    made.on_site = entered(session, learner, learner.watch(ms=ON_SITE_MS), ON_SITE_MS, modality="offline")
    return made


def final_of(session: Session, learner: Learner) -> UUID:
    found = session.scalar(
        sa.text("SELECT id FROM elearn.watched_span WHERE learner_id = :person AND kind = 'final' LIMIT 1"),
        {"person": learner.person.id},
    )
    assert isinstance(found, UUID)
    return found
