"""What it takes in the demonstration until somebody is admitted: a small category, a region's rule, an officer.

No real category can be finished in a demonstration: it asks for whole days, and theory may not be online alone
(AQ 8011-2023, 4.4). So beside the real one stands an example of a category, which says of itself that it is one: it
asks for no hours, and one lesson of 90 s is all there is. What becomes of its record is real in every step.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses import catalogue, classes, teaching
from elearn.courses.models import Kind, Lesson, Unit
from elearn.credit_export import grant_rules
from elearn.credit_export.exam_system import push_targets
from elearn.credit_export.exam_system.receivers import get_receiver
from elearn.credit_export.models import ReceiverOutline
from elearn.demo.example import Example, open_sign_in, questions
from elearn.people import persons, registry, roles
from elearn.people.identity import Keys
from elearn.people.models import Role
from elearn.settings import Settings
from media.manifest import read_manifest

SMALL = "demo-example"
SMALL_NAME = "示例类别：看完一课即可（0 学时，仅供演示）"
REGION = "530000"
OFFICER = "officer"


def set_up_admission(session: Session, settings: Settings, example: Example, *, now: datetime) -> None:
    """Make what is not there yet; flushes, does not commit."""
    if example.small_lesson_id:
        return
    institution_id, today = UUID(example.institution_id), registry.local_day(now)
    acting = [institution_id]
    outline = teaching.add_outline(
        session,
        code=SMALL,
        name=SMALL_NAME,
        region="CN",
        version="demo-1",
        effective_from=date(2024, 7, 1),
        items=[teaching.NewItem("example", "示例课", Kind.THEORY, 0)],
    )
    (item,) = teaching.items_of(session, outline.id)
    course = teaching.add_course(
        session,
        institution_id=institution_id,
        title="示例课：看云识天气",
        summary="一课 90 秒，看完后记录会经审核、授予、推送、更正、撤销，一步不少。",
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
        starts_on=today,
        at=now,
    )
    classes.file_class(session, held.id, filing_no="备案-DEMO-002", filed_at=now, acting=acting, at=now)
    classes.enrol(session, held.id, [UUID(example.worker_ids[0])], acting=acting, at=now)
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
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    officer = persons.add_staff(session, name="周科长", keys=keys, at=now)
    account_id = open_sign_in(session, example.sign_ins, officer.id, "regulator's officer", OFFICER, keys=keys, now=now)
    roles.grant_role(session, account_id, Role.REGULATOR_OFFICER, region=REGION, at=now)
    receiver = get_receiver(session, example.client_id)
    session.add(ReceiverOutline(receiver_id=receiver.id, outline_code=SMALL))
    session.flush()
    example.small_lesson_id = str(lesson.id)


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
