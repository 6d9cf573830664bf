"""An institution with its people, and a small dated catalogue: a category that takes an hour of a minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from elearn.credit_export.models import HoursEntry
from elearn.demo.browser import Phone, phone
from elearn.demo.kept import SignIn
from elearn.people import accounts, organisations, persons, roles
from elearn.people.identity import DocumentKind, Keys
from elearn.people.models import OrganisationKind, Role
from elearn.zone import LOCAL_ZONE
from tests.builders_people import PASSWORD, a_resident_id
from tests.journeys.school import School

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REGION = "990100"
"""There is none of this number."""
OUTLINE = "lv-short"
OUTLINE_NAME = "低压电工作业（示例）"
CATALOGUE = f"""
catalogue: elearn-requirements
version: "low-voltage-in-a-minute"
sources:
  - {{id: MADE_UP, title: "为测试编写，不是法规"}}
regions:
  - {{id: "{REGION}", name: "示例地区（不是真的）", effective_from: 2024-07-01, source: [MADE_UP], confirmed: true}}
class_hours:
  - {{id: short_online, modality: online, minutes: 1, groups: [special_operation], region: "{REGION}",
     effective_from: 2024-07-01, source: [MADE_UP], confirmed: true}}
  - {{id: short_offline, modality: offline, minutes: 1, groups: [special_operation], region: "{REGION}",
     effective_from: 2024-07-01, source: [MADE_UP], confirmed: true}}
modality_limits:
  - {{id: short_share, kind: theory, online_max_percent: 10, groups: [special_operation], region: "{REGION}",
     effective_from: 2024-07-01, source: [MADE_UP], confirmed: true}}
credit_rules:
  - {{id: short_review, class_review: institution, region: "{REGION}", effective_from: 2024-07-01, source: [MADE_UP],
     confirmed: true}}
categories:
  - {{id: so_lv_electric, code: "1.1", name: "低压电工作业", group: special_operation, work: "电工作业",
     region: "{REGION}", hours: {{initial: {{total: 1, theory: 1, practice: 0}}}}, effective_from: 2024-07-01,
     source: [MADE_UP], confirmed: true}}
outlines:
  - {{id: {OUTLINE}, name: "{OUTLINE_NAME}", category: so_lv_electric, version: "1", region: "{REGION}",
     effective_from: 2024-07-01, source: [MADE_UP], confirmed: true,
     items: [{{code: T, name: "安全技术理论", kind: theory, hours: 1}}]}}
"""
"""低压电工 with one hour of theory that lasts a minute, of which a tenth may be online."""
REQUIRED_MS, ONLINE_MS, ON_SITE_MS = 60_000, 6_000, 54_000


@dataclass(slots=True)
class Learner:
    name: str
    person_id: UUID
    document: str
    sign_in: SignIn


@dataclass(slots=True)
class Institution:
    """Where the class is taught: two managers, a teacher `sun`, three people who come to learn, all with accounts."""

    school: School
    id: UUID
    managers: dict[str, SignIn] = field(default_factory=dict)
    learners: dict[str, Learner] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return self.school.base

    def hours_ms(self, person_id: UUID) -> dict[str, int]:
        """By modality: what stands in a published checkpoint of the log."""
        query = (
            sa.select(HoursEntry.modality, sa.func.sum(HoursEntry.amount_ms))
            .where(HoursEntry.person_id == person_id)
            .group_by(HoursEntry.modality)
        )
        with self.school.database() as session:
            return {modality: int(ms) for modality, ms in session.execute(query)}

    def final_ms(self, person_id: UUID) -> int:
        """What was watched and confirmed by checks."""
        query = sa.text(
            "SELECT coalesce(sum(end_ms - start_ms), 0)::bigint FROM elearn.watched_span "
            "WHERE learner_id = :person AND kind = 'final'"
        )
        with self.school.database() as session:
            return int(session.execute(query, {"person": person_id}).scalar_one())


def an_institution(school: School) -> Institution:
    """Made by an operator's services; all that comes later is done on pages."""
    now = datetime.now(UTC)
    keys = Keys(sealing=school.settings.sealing_key, index=school.settings.index_key)
    with school.database() as session:
        place = organisations.add_organisation(
            session, kind=OrganisationKind.INSTITUTION, name="示例安全培训中心", region=REGION, at=now
        )
        made = Institution(school, place.id)
        for name, login, role in (
            ("赵主任", "zhao", Role.INSTITUTION_MANAGER),
            ("钱主任", "qian", Role.INSTITUTION_MANAGER),
            ("孙老师", "sun", Role.TEACHER),
        ):
            person = persons.add_staff(session, name=name, keys=keys, at=now)
            account = accounts.open_account(session, person.id, name=login, password=PASSWORD, keys=keys, at=now)
            roles.grant_role(session, account.id, role, organisation_id=place.id, at=now)
            if role is Role.INSTITUTION_MANAGER:
                made.managers[login] = SignIn(role.value, login, PASSWORD)
        for name, login in (("周合格", "zhou"), ("王早退", "wang"), ("郑免训", "zheng")):
            document = a_resident_id()
            learner = persons.add_person(
                session,
                name=name,
                document_kind=DocumentKind.RESIDENT_ID,
                document_number=document,
                keys=keys,
                at=now,
            )
            accounts.open_account(session, learner.id, name=login, password=PASSWORD, keys=keys, at=now)
            made.learners[login] = Learner(name, learner.id, document, SignIn("learner", login, PASSWORD))
        session.commit()
    return made


@contextmanager
def phones_of(browser: Browser, base: str, people: dict[str, SignIn]) -> Iterator[dict[str, Phone]]:
    """A phone for each of these people, signed in, in Chinese; whatever a page asks to confirm is confirmed."""
    with ExitStack() as stack:
        found = {}
        for login, who in people.items():
            found[login] = handset = stack.enter_context(phone(browser))
            handset.page.on("dialog", lambda dialog: dialog.accept())
            handset.sign_in(base, who.name, who.password)
        yield found


def clock_in(seconds: float) -> datetime:
    """So long from now, by the clock on the wall, in whole seconds."""
    return (datetime.now(LOCAL_ZONE) + timedelta(seconds=seconds)).replace(microsecond=0)
