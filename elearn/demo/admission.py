"""What it takes in the demonstration until somebody is admitted: an example of a category, a region's rule, an officer.

No real category can be finished in a demonstration: it asks for whole days, and theory may not be online alone
(AQ 8011-2023, 4.4). So beside the real one stands an example, in a region that there is not, which says of itself what
it is (`assets/example-requirements.yaml`): its 学时 lasts a minute, and it asks for one. What becomes of its record is
real in every step.
"""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue, classes, teaching
from elearn.courses.models import Lesson, Outline, Unit
from elearn.courses.requirements import service as requirements
from elearn.credit_export import grant_rules
from elearn.credit_export.exam_system import push_targets
from elearn.credit_export.exam_system.receivers import get_receiver
from elearn.credit_export.models import ReceiverOutline
from elearn.demo.example import open_sign_in, questions
from elearn.demo.kept import Example
from elearn.people import accounts, organisations, persons, registry, roles
from elearn.people.identity import Keys
from elearn.people.models import OrganisationKind, Role
from elearn.settings import Settings
from media.manifest import read_manifest

SMALL = "demo-example"
REGION = "990000"
"""There is none of this number; so is the region of the documents of the demonstration's people."""
MANAGER, OFFICER = "manager", "officer"


def set_up_admission(session: Session, settings: Settings, example: Example, *, now: datetime) -> None:
    """Make what is not there yet; flushes, does not commit."""
    if example.small_lesson_id:
        return
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    _load_requirements(session, now=now)
    institution = organisations.add_organisation(
        session, kind=OrganisationKind.INSTITUTION, name="示例培训机构（演示）", region=REGION, at=now
    )
    manager = accounts.find_account(session, MANAGER, keys=keys)
    assert manager is not None
    roles.grant_role(session, manager.id, Role.INSTITUTION_MANAGER, organisation_id=institution.id, at=now)
    officer = persons.add_staff(session, name="周科长", keys=keys, at=now)
    officer_id = open_sign_in(session, example.sign_ins, officer.id, "regulator's officer", OFFICER, keys=keys, now=now)
    roles.grant_role(session, officer_id, Role.REGULATOR_OFFICER, region=REGION, at=now)
    lesson = _open_class(session, institution.id, [UUID(one) for one in example.worker_ids], now=now)
    example.small_institution_id, example.small_lesson_id = str(institution.id), str(lesson.id)
    today = registry.local_day(now)
    grant_rules.add_rule(
        session,
        region=REGION,
        effective_from=today,
        submits_by_itself=True,
        regulator_verifies=True,
        grants_by_itself=True,
        valid_days=None,
        today=today,
        by="demo",
        at=now,
    )
    receiver = get_receiver(session, example.client_id)
    session.add(ReceiverOutline(receiver_id=receiver.id, outline_code=SMALL))
    session.flush()


def _load_requirements(session: Session, *, now: datetime) -> None:
    """The catalogue that travels with the program, and the example's rows, unless they are there."""
    today = registry.local_day(now)
    if not requirements.loads(session):
        requirements.load_shipped(session, by="demo", at=now, today=today)
    own = (files("elearn.demo") / "assets" / "example-requirements.yaml").read_text(encoding="utf-8")
    found = requirements.plan(session, own, unconfirmed=True, today=today)
    requirements.apply(session, found, file_name="example-requirements.yaml", by="demo", at=now)


def _open_class(session: Session, institution_id: UUID, learners: list[UUID], *, now: datetime) -> Lesson:
    """A filed class of the example with these learners, and its lesson, which has no version yet."""
    acting = [institution_id]
    outline = session.scalars(sa.select(Outline).where(Outline.code == SMALL)).one()
    (item,) = teaching.items_of(session, outline.id)
    course = teaching.add_course(
        session,
        institution_id=institution_id,
        title="示例课：看云识天气",
        summary="一课 90 秒。看完以后，记录经过审核、授予、推送、退回、受理、更正和撤销。",
        outline_item_id=item.id,
        at=now,
    )
    lesson = teaching.add_lesson(session, course_id=course.id, title="云海与能见度（90 秒）", acting=acting)
    held = classes.open_class(
        session,
        institution_id=institution_id,
        outline_id=outline.id,
        class_no="DEMO-2026-02",
        title="示例班",
        starts_on=registry.local_day(now),
        at=now,
    )
    classes.file_class(session, held.id, filing_no="备案-DEMO-002", filed_at=now, acting=acting, at=now)
    classes.enrol(session, held.id, learners, acting=acting, at=now)
    return lesson


def push_to(session: Session, settings: Settings, example: Example, url: str, *, now: datetime) -> str | None:
    """Push to the exam system at `url` from now on; the secret when it is a new one. Flushes, does not commit."""
    return push_targets.set_target(
        session, example.client_id, url=url, sealing_key=settings.sealing_key, at=now, private=True
    )


def offer_again(session: Session, settings: Settings, unit: Unit, lesson_id: UUID, *, now: datetime) -> Unit:
    """The same recording as a lesson of another course: packaged once, with keys sealed for each."""
    lesson = session.get_one(Lesson, lesson_id)
    return catalogue.register_unit(
        session,
        lesson.id,
        lesson.title,
        read_manifest(settings.media_dir / unit.content_hash),
        catalogue.block_keys(session, unit.id, settings.sealing_key),
        questions(unit.duration_ms),
        sealing_key=settings.sealing_key,
        published_at=now,
    )
