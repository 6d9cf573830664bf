"""The demonstration's enterprise: workshops and a team, posts, and the three-level education of whoever is new.

Its course has three pages and no video, so it costs the first start nothing; the institution offers it to every
enterprise. A rule assigns factory, workshop and team level to both workers, as to anybody who joins later.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import page_units, teaching
from elearn.courses.centres import Audience, Centre
from elearn.courses.describing import Particulars
from elearn.courses.page_units import Page
from elearn.courses.pool import QuestionDraft
from elearn.demo.example import open_sign_in
from elearn.demo.kept import Example
from elearn.people import accounts, persons, placements, registry, roles
from elearn.people.identity import Keys
from elearn.people.models import Account, Membership, Organisation, OrganisationKind, OrganisationLevel, Role
from elearn.people.offices import units
from elearn.settings import Settings
from elearn.training import assigning, programmes
from elearn.training.models import Occasion, Programme, Purpose
from elearn.training.programmes import Asked, AskedRule

MANAGER, CLERK, PRINCIPAL, TEAM_LEADER = "manager", "clerk", "principal", "leader"
PAGE_MS = 60_000
PAGES = (
    (
        "先培训，后上岗",
        "新到岗的人要先完成**厂级、车间级、班组级**三级安全教育。\n\n每一级学完、考过、签过字，才能进行下一级；三级都完成，才能上岗。",
    ),
    (
        "进场三件事",
        "1. 戴好安全帽，系好下颏带。\n2. 听清当天的交底，不懂就问。\n3. 看清安全出口和急救箱的位置。\n\n"
        "发现险情，**先停下，再报告**。",
    ),
    (
        "您的权利",
        "您可以**拒绝违章指挥**和强令冒险作业；遇到直接危及人身安全的紧急情况，可以停止作业并撤离。\n\n单位不得因此降低您的工资或者解除合同。",
    ),
)


def set_up_enterprise(session: Session, settings: Settings, example: Example, *, now: datetime) -> None:
    """Make what is not there yet; flushes, does not commit."""
    if example.enterprise_id:
        return
    members = session.execute(
        sa.select(Membership.id, Membership.organisation_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(
            Membership.person_id.in_([UUID(one) for one in example.worker_ids]),
            Organisation.kind == OrganisationKind.ENTERPRISE,
            Membership.to_on.is_(None),
        )
        .order_by(Membership.id)
    ).all()
    (enterprise_id,) = {one.organisation_id for one in members}
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    clerk_id = _person_of(session, CLERK, keys)

    def unit(level: OrganisationLevel, parent_id: UUID, name: str) -> UUID:
        return units.add(
            session, kind=OrganisationKind.ENTERPRISE, level=level, parent_id=parent_id, name=name, by=None, at=now
        ).id

    site = unit(OrganisationLevel.WORKSHOP, enterprise_id, "高处作业工区")
    team = unit(OrganisationLevel.TEAM, site, "架子一班")
    store = unit(OrganisationLevel.WORKSHOP, enterprise_id, "仓储车间")
    for who, name, login, role, place in (
        ("enterprise principal", "张敏", PRINCIPAL, Role.PRINCIPAL, enterprise_id),
        ("workshop's safety manager", "刘强", TEAM_LEADER, Role.SAFETY_MANAGER, site),
    ):
        staff = persons.add_staff(session, name=name, keys=keys, at=now)
        account = open_sign_in(session, example.sign_ins, staff.id, who, login, keys=keys, now=now)
        roles.grant_role(session, account, role, organisation_id=place, at=now)
    today = registry.local_day(now)
    posts = ((team, "架子工", "so_scaffold"), (store, "仓库搬运工", "employee_general"))
    for (membership_id, _place), (unit_id, post, category) in zip(members, posts, strict=True):
        placements.move(
            session, membership_id, unit_id=unit_id, post=post, category=category, from_on=today, at=now
        )  # fmt: skip
    course_id = _course(session, UUID(example.institution_id), _person_of(session, MANAGER, keys), now=now)
    levels = [
        programmes.add(session, enterprise_id, asked, by=clerk_id, at=now)
        for asked in (
            Asked("三级安全教育：厂级", Purpose.THREE_LEVEL_FACTORY, [course_id], len(PAGES) * PAGE_MS, 7),
            Asked("三级安全教育：车间级", Purpose.THREE_LEVEL_WORKSHOP, [], 0, 14),
            Asked("三级安全教育：班组级", Purpose.THREE_LEVEL_TEAM, [], 0, 21),
        )
    ]
    _assign(session, enterprise_id, levels, by=clerk_id, now=now)
    example.enterprise_id = str(enterprise_id)
    session.flush()


def _course(session: Session, institution_id: UUID, reviewer_id: UUID, *, now: datetime) -> UUID:
    """A course of pages, offered to enterprises; answers its id."""
    course = teaching.add_course(
        session,
        institution_id=institution_id,
        title="进场第一课",
        summary="三级安全教育的厂级课程：三页，三分钟。",
        said=Particulars(centre=Centre.EMPLOYEES, audiences=frozenset({Audience.EMPLOYEE})),
        at=now,
    )
    lesson = teaching.add_lesson(session, course_id=course.id, title="进场第一课", acting=[institution_id])
    pages = [Page(title, text, None, PAGE_MS, reviewer_id, now) for title, text in PAGES]
    whole = (0, len(pages) * PAGE_MS)
    asked = [
        QuestionDraft(*whole, stem="三级安全教育的正确顺序是？",
                      options=("厂级、车间级、班组级", "班组级、厂级、车间级", "车间级、班组级、厂级", "顺序不限"),
                      correct=(0,)),
        QuestionDraft(*whole, stem="发现险情时，首先应当怎么做？",
                      options=("继续干完手里的活", "先停下，再报告", "等班长来了再说", "自己想办法处理"), correct=(1,)),
        QuestionDraft(*whole, stem="进场前要做到哪些？",
                      options=("戴好安全帽", "听清交底", "看清安全出口", "带好香烟"), correct=(0, 1, 2)),
        QuestionDraft(*whole, stem="面对强令冒险作业，从业人员可以怎么做？",
                      options=("拒绝", "服从后再反映", "只能辞职", "要求加钱"), correct=(0,)),
    ]  # fmt: skip
    page_units.register_pages(session, lesson.id, lesson.title, pages, asked, at=now, published=True)
    return course.id


def _assign(session: Session, enterprise_id: UUID, levels: list[Programme], *, by: UUID, now: datetime) -> None:
    rule = programmes.add_rule(
        session,
        enterprise_id,
        AskedRule(
            title="新进人员三级安全教育",
            occasion=Occasion.HIRE,
            programme_ids=[one.id for one in levels],
            from_on=registry.local_day(now),
            bars_post=True,
        ),
        by=by,
        at=now,
    )
    assigning.run(session, rule.id, by=by, at=now)


def _person_of(session: Session, login: str, keys: Keys) -> UUID:
    account = accounts.find_account(session, login, keys=keys)
    assert account is not None
    return session.scalars(sa.select(Account.person_id).where(Account.id == account.id)).one()
