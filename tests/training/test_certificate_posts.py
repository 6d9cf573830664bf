"""Which posts ask for a certificate, until when it may be missing, who is told; figures and lists say the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements import service
from elearn.courses.requirements.choosing import Catalogue, Loaded
from elearn.courses.requirements.rows import Category, Group
from elearn.credit_export.paper.sheets import speaker
from elearn.people import placements
from elearn.people.models import Account, Membership, Person, Role
from elearn.training import checking
from elearn.training.archives import papers
from elearn.training.certificates import qualified, warnings
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.posts import LEAVE, Ask, Posts, leaves, warning
from elearn.training.certificates.rules import CertificateKind, CheckState, EndsBy
from elearn.training.figures import dashboards, keeping, leaving
from elearn.training.figures.dashboards import Chosen, Show, Sums
from elearn.training.law import Law
from elearn.training.models import Assignment
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind
from elearn.training.telling.sending import Channel, Outgoing
from tests import builders_people as people
from tests.builders_training import Works, a_works

DAY = timedelta(days=1)
TODAY = date(2026, 7, 1)
NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
SCHOOL = "530000"
AT_ONCE, ASSESSED, ANY = Ask(CertificateKind.OPERATION, 0), Ask(CertificateKind.ASSESSMENT, 6), Ask(None, 0)


def a_row(id: str, group: Group, exam: bool | None = None, **more: Any) -> Category:
    said: dict[str, Any] = {"effective_from": date(2020, 1, 1), "confirmed": True, "name": id} | more
    return Category(id=id, group=group, exam_required=exam, **said)


def posts_of(*rows: Category, on: date = TODAY) -> Posts:
    return Posts(Law(Catalogue([Loaded(n, "categories", row) for n, row in enumerate(rows, 1)])), on)


SPECIAL, PRINCIPAL, MANAGER, EMPLOYEE = Group.SPECIAL_OPERATION, Group.PRINCIPAL, Group.MANAGER, Group.EMPLOYEE


@pytest.mark.parametrize(
    ("why", "rows", "category", "region", "asked"),
    [
        ("special operations: before the post", [a_row("so", SPECIAL)], "so", None, AT_ONCE),
        ("unless the row says there is no exam", [a_row("so", SPECIAL, False)], "so", None, None),
        ("high risk: within six months", [a_row("manager_h", MANAGER, True)], "manager_h", None, ASSESSED),
        ("nothing said of an exam: the group asks", [a_row("manager_h", MANAGER)], "manager_h", None, ASSESSED),
        ("so many months as the row says", [a_row("principal_h", PRINCIPAL, assess_within_months=3)], "principal_h",
         None, Ask(CertificateKind.ASSESSMENT, 3)),
        ("general industries: not asked", [a_row("manager_general", MANAGER, False)], "manager_general", None, None),
        ("employees: not asked", [a_row("e", EMPLOYEE)], "e", None, None),
        ("any post whose category needs an exam", [a_row("e", EMPLOYEE, True)], "e", None, ANY),
        ("the province's row before the country's", [a_row("m", MANAGER, False), a_row("m", MANAGER, True,
         region=SCHOOL)], "m", "530102", ASSESSED),
        ("elsewhere the country's", [a_row("m", MANAGER, False), a_row("m", MANAGER, True, region=SCHOOL)], "m",
         "110000", None),
        ("a row that begins tomorrow: the one of today", [a_row("m", MANAGER, True), a_row("m", MANAGER, False,
         effective_from=TODAY + DAY)], "m", None, ASSESSED),
        ("a row that begins today", [a_row("m", MANAGER, True), a_row("m", MANAGER, False, effective_from=TODAY)], "m",
         None, None),
        ("no row there: the group that it has elsewhere", [a_row("so", SPECIAL, region="110000")], "so", SCHOOL,
         AT_ONCE),
        ("no row there, of principals", [a_row("m", MANAGER, region="110000")], "m", SCHOOL, ASSESSED),
        ("no row anywhere: the national rule", [], "manager_highrisk", None, ASSESSED),
        ("which asks nothing of general industries", [], "manager_general", None, None),
        ("and of nothing it does not know", [], "so_lv_electric", None, None),
    ],
)  # fmt: skip
def test_what_a_post_asks_for(why: str, rows: list[Category], category: str, region: str | None, asked: Ask) -> None:
    assert posts_of(*rows).asks(category, region) == asked, why


@pytest.mark.parametrize(
    ("why", "left", "must_leave", "told"),
    [
        ("no day at all", None, True, LEAVE), ("the day is over", -1, True, LEAVE), ("on the day", 0, False, "30"),
        ("30 days", 30, False, "30"), ("31", 31, False, "60"), ("60", 60, False, "60"), ("61", 61, False, "90"),
        ("90", 90, False, "90"), ("not yet", 91, False, None),
    ],
)  # fmt: skip
def test_until_when_it_may_be_missing_and_when_that_is_told(
    why: str, left: int | None, must_leave: bool, told: str | None
) -> None:
    by_on = None if left is None else TODAY + left * DAY
    assert (leaves(by_on, TODAY), warning(by_on, TODAY)) == (must_leave, told), why


# --- in a tree --------------------------------------------------------------------------------------------------------


@pytest.fixture
def works(session: Session) -> Works:
    service.load_shipped(session, by="test", at=people.AT, today=people.AT.date())
    return a_works(session, region="530100")


def certify(
    works: Works, member: Membership, category: str, kind: CertificateKind, from_on: date = TODAY - DAY, **other: Any
) -> WorkerCertificate:
    made = WorkerCertificate(
        person_id=member.person_id, organisation_id=member.organisation_id, kind=kind, category=category, title="t",
        number_sealed=b"-", issuer="i", from_on=from_on, created_by=member.person_id, created_at=people.AT,
        **({"check_state": CheckState.UNCHECKED} | other),
    )  # fmt: skip
    works.session.add(made)
    works.session.flush()
    return made


def settled(session: Session, now: datetime = NOW) -> None:
    session.flush()
    while keeping.settle(session, now=now):
        pass


def sums(works: Works, chosen: Chosen | None = None) -> Sums:
    return dashboards.board(works.session, works.group.id, chosen or Chosen()).whole


SIX_MONTHS_AGO = date(2026, 1, 1)


SOMEBODY: list[tuple[str, str, date, Any, int, int, int]] = [
    ("an electrician without one", "so_lv_electric", TODAY, None, 1, 0, 1),
    ("with one", "so_lv_electric", TODAY, ("so_lv_electric", CertificateKind.OPERATION, {}), 1, 1, 0),
    ("of another kind", "so_lv_electric", TODAY, ("so_lv_electric", CertificateKind.SKILL, {}), 1, 0, 1),
    ("of another category", "so_lv_electric", TODAY, ("so_scaffold", CertificateKind.OPERATION, {}), 1, 0, 1),
    ("run out yesterday", "so_lv_electric", TODAY, ("so_lv_electric", CertificateKind.OPERATION,
     {"holds_to": TODAY - DAY, "ends_by": EndsBy.PAPER}), 1, 0, 1),
    ("running out today", "so_lv_electric", TODAY, ("so_lv_electric", CertificateKind.OPERATION,
     {"holds_to": TODAY, "ends_by": EndsBy.PAPER}), 1, 1, 0),
    ("ended today", "so_lv_electric", TODAY, ("so_lv_electric", CertificateKind.OPERATION,
     {"ended_on": TODAY, "ended_why": "lost"}), 1, 0, 1),
    ("that differs", "so_lv_electric", TODAY, ("so_lv_electric", CertificateKind.OPERATION,
     {"check_state": CheckState.DIFFERS}), 1, 0, 1),
    ("a manager on the last day of six months", "manager_highrisk", SIX_MONTHS_AGO, None, 1, 0, 0),
    ("the day after", "manager_highrisk", SIX_MONTHS_AGO - DAY, None, 1, 0, 1),
    ("assessed", "manager_highrisk", SIX_MONTHS_AGO - DAY, ("manager_highrisk", CertificateKind.ASSESSMENT, {}), 1,
     1, 0),
    ("with a skill certificate", "manager_highrisk", SIX_MONTHS_AGO - DAY,
     ("manager_highrisk", CertificateKind.SKILL, {}), 1, 0, 1),
    ("of a general industry", "manager_general", SIX_MONTHS_AGO - DAY, None, 0, 0, 0),
    ("a principal of one", "principal_general", TODAY, None, 0, 0, 0),
]  # fmt: skip
"""Why, category, at the post since, certificate; then asked, holding, and must leave."""


def test_figures_lists_and_check_say_the_same_of_somebody(
    works: Works,
) -> None:
    for row in SOMEBODY:
        nested = works.session.begin_nested()
        _of_somebody(works, *row)
        nested.rollback()


def _of_somebody(
    works: Works, why: str, category: str, since: date, paper: Any, asked: int, holding: int, leave: int
) -> None:
    session, node = works.session, works.group.id
    member = works.hire(from_on=since, post="p", category=category)
    if paper is not None:
        certify(works, member, paper[0], paper[1], **paper[2])
    settled(session)
    found = sums(works)
    assert (found.asked, found.holding, found.barred, found.unqualified) == (asked, holding, leave, leave), why
    assert keeping.check(session, today=TODAY) == [], why
    counted = qualified.counted(session, node, on=TODAY)
    assert (counted.leave, counted.all) == (leave, asked - holding), why
    listed = qualified.missing(session, node, on=TODAY)
    assert [one.leaves(TODAY) for one in listed] == [bool(leave)] * (asked - holding), why
    assert listed == qualified.of_person(session, member.person_id, on=TODAY)
    assert [(one.people, one.holding) for one in qualified.holding(session, node, on=TODAY)] == [(1, holding)] * asked
    for show, count in ((Show.BARRED, leave), (Show.UNLICENSED, asked - holding)):
        assert len(dashboards.people(session, node, show, today=TODAY)) == count, why


def test_the_appointment_is_the_first_day_at_posts_of_this_category_without_another_between(works: Works) -> None:
    session = works.session
    member = works.hire(from_on=date(2025, 1, 1), category="manager_highrisk")
    for on, category in ((date(2025, 6, 1), None), (date(2026, 2, 1), "manager_highrisk"),
                         (date(2026, 5, 1), "manager_highrisk")):  # fmt: skip
        placements.move(
            session, member.id, unit_id=works.workshop.id, post=str(on), category=category, from_on=on, at=people.AT
        )
    [one] = qualified.of_person(session, member.person_id, on=TODAY)
    assert (one.by_on, one.since_on) == (date(2026, 8, 1), date(2026, 5, 1))


def assign_barring(works: Works, member: Membership) -> None:
    """Training that was late yesterday."""
    works.session.add(
        Assignment(
            programme_id=works.programme().id, organisation_id=member.organisation_id, membership_id=member.id,
            person_id=member.person_id, cause="x", position=1, assigned_on=TODAY - 9 * DAY, due_on=TODAY - DAY,
            required_ms=1, created_at=people.AT, bars_post=True, occasion="transfer", state="open",
        )
    )  # fmt: skip
    works.session.flush()


def test_who_must_leave_for_two_reasons_counts_once_and_both_are_said(works: Works) -> None:
    session = works.session
    both, late, bare, fine = (works.hire(post="p", category=one) for one in ("so_scaffold", None, "so_scaffold", None))
    assign_barring(works, both)
    assign_barring(works, late)
    settled(session)
    assert (sums(works).barred, sums(works).unqualified) == (3, 2)
    assert sums(works, Chosen(2026)).barred == 3, "who must leave is of today, whichever year is looked at"
    assert sums(works, Chosen(2026, "other")).barred == 2, "a certificate belongs to no purpose of training"
    [line] = dashboards.lines(session, dashboards.children(works.group.id), Chosen(2026), order=dashboards.Order.LATE)
    assert line.sums.barred == 3
    assert keeping.check(session, today=TODAY) == []
    found = leaving.leaving(session, [one.id for one in (both, late, bare, fine)])
    assert {one: found[one].reasons for one in found} == {
        both.id: ["training", "certificate"], late.id: ["training"], bare.id: ["certificate"],
    }  # fmt: skip
    said = papers.must_leave({"must_leave": found[both.id].reasons}, speaker("en"))
    assert said == "training not done, no valid certificate"
    before = sums(works)
    keeping.rebuild(session, now=NOW)
    assert sums(works) == before


NEW_ROW = """
catalogue: elearn-requirements
version: "t"
categories:
  - {{id: manager_highrisk, name: "安全生产管理人员(高危)", group: manager, exam_required: false, region: "{region}",
     effective_from: {on}, confirmed: true}}
"""


def load(session: Session, region: str, on: date) -> None:
    plan = service.plan(session, NEW_ROW.format(region=region, on=on), unconfirmed=False, today=TODAY)
    service.apply(session, plan, file_name="t.yaml", by="t", at=NOW)
    session.flush()


def test_a_row_that_is_loaded_is_followed_at_the_next_run_and_one_that_begins_later_on_its_day(works: Works) -> None:
    session = works.session
    works.hire(from_on=SIX_MONTHS_AGO - DAY, category="manager_highrisk")
    settled(session)
    assert (sums(works).asked, sums(works).unqualified) == (1, 1)
    load(session, "110000", TODAY)
    settled(session)
    assert sums(works).asked == 1, "another province's row"
    load(session, "530000", TODAY + 5 * DAY)
    settled(session, NOW + 4 * DAY)
    assert sums(works).asked == 1, "it has not begun"
    settled(session, NOW + 5 * DAY)
    assert (sums(works).asked, sums(works).barred) == (0, 0)
    assert checking.figures(session, now=NOW + 5 * DAY) == []
    works.enterprise.region = "410000"
    settled(session, NOW + 5 * DAY)
    assert sums(works).asked == 1, "the employer's region decides"
    assert keeping.check(session, today=TODAY + 5 * DAY) == []


def test_each_employer_is_asked_by_the_rows_of_its_own_region(works: Works) -> None:
    session, elsewhere = works.session, a_works(works.session, region="110000")
    load(session, "530000", TODAY)
    for one in (works, elsewhere):
        one.hire(from_on=SIX_MONTHS_AGO - DAY, category="manager_highrisk")
        one.hire(category="so_scaffold")
    settled(session)
    assert [(sums(one).asked, sums(one).barred) for one in (works, elsewhere)] == [(1, 1), (2, 2)]
    assert [qualified.counted(session, one.group.id, on=TODAY).leave for one in (works, elsewhere)] == [1, 2]
    assert keeping.check(session, today=TODAY) == []


def test_a_day_that_passes_is_followed(works: Works) -> None:
    works.hire(from_on=SIX_MONTHS_AGO, category="manager_highrisk")
    settled(works.session)
    assert (sums(works).unqualified, sums(works).until) == (0, 1)
    settled(works.session, NOW + DAY)
    assert (sums(works).unqualified, sums(works).until) == (1, 0)


def told(session: Session, person_id: UUID) -> list[tuple[Kind, str]]:
    rows = session.scalars(
        sa.select(messages.Message).where(messages.Message.person_id == person_id).order_by(messages.Message.created_at)
    )
    return [(one.kind, f"{one.created_at:%m-%d}") for one in rows]


def a_keeper(works: Works, role: Role, node: UUID) -> Account:
    return people.an_account(works.session, role, organisation_id=node)


def test_who_may_not_work_is_told_once_and_then_weekly_and_a_day_that_comes_three_times(works: Works) -> None:
    session = works.session
    clerk = a_keeper(works, Role.ENTERPRISE_CLERK, works.enterprise.id)
    other = a_keeper(works, Role.ENTERPRISE_CLERK, a_works(session).enterprise.id)
    welder = works.hire(post="焊工", category="so_fusion_weld")
    manager = works.hire(from_on=date(2026, 3, 31), category="manager_highrisk")  # until 30 September
    works.hire(category="manager_general")
    nights = [TODAY + n * DAY for n in (0, 1, 6, 7, 8, 13, 14, 31, 61, 90, 91, 92, 93, 98, 99)]
    for night in nights:
        at = datetime(night.year, night.month, night.day, 3, tzinfo=UTC)
        settled(session, at)
        warnings.warn(session, at=at)
    weekly = ["07-01", "07-08", "07-15", "08-01", "08-31", "09-29", "10-07"]
    assert told(session, welder.person_id) == [(Kind.NOT_QUALIFIED, one) for one in weekly]
    assert told(session, manager.person_id) == [
        (Kind.ASSESSMENT_DUE, "07-02"), (Kind.ASSESSMENT_DUE, "08-01"), (Kind.ASSESSMENT_DUE, "08-31"),
        (Kind.NOT_QUALIFIED, "10-01"), (Kind.NOT_QUALIFIED, "10-08"),
    ]  # fmt: skip
    assert told(session, other.person_id) == []
    keeper = [(Kind.POSTS_WITHOUT, one) for one in ("07-01", "07-02", "08-01", "08-31", "09-29", "10-01")]
    assert told(session, clerk.person_id) == keeper, "what is new, not again what was told"
    certify(works, welder, "so_fusion_weld", CertificateKind.OPERATION)
    certify(works, manager, "manager_highrisk", CertificateKind.ASSESSMENT)
    at = datetime(2026, 11, 1, 3, tzinfo=UTC)
    settled(session, at)
    assert warnings.warn(session, at=at) == 0


def test_the_phone_of_who_may_not_work_rings_each_time_they_are_told(works: Works) -> None:
    session = works.session
    rung, silent = (works.hire(post="焊工", category="so_fusion_weld") for _ in range(2))
    people.an_account(session, person=session.get_one(Person, rung.person_id), phone=people.a_phone())
    clerk = a_keeper(works, Role.ENTERPRISE_CLERK, works.enterprise.id)
    for night in (TODAY, TODAY, TODAY + DAY, TODAY + 7 * DAY):
        at = datetime(night.year, night.month, night.day, 3, tzinfo=UTC)
        settled(session, at)
        warnings.warn(session, at=at, channels=[Channel.SMS])
    letters = session.scalars(sa.select(Outgoing).order_by(Outgoing.made_at)).all()
    assert [(one.person_id, one.kind, one.organisation_id) for one in letters] == [
        (rung.person_id, Kind.NOT_QUALIFIED, works.enterprise.id)
    ] * 2, "the first day and a week later; neither who has no phone nor who keeps the people"
    assert len(told(session, silent.person_id)) == 2
    assert len(told(session, clerk.person_id)) == 1


def test_a_programme_that_was_passed_is_no_assessment(works: Works) -> None:
    session = works.session
    member = works.hire(from_on=SIX_MONTHS_AGO - DAY, category="manager_highrisk")
    assign_barring(works, member)
    session.execute(sa.text("UPDATE elearn.assignment SET state = 'done', done_at = now()"))
    settled(session)
    assert (sums(works).done, sums(works).barred, sums(works).unqualified) == (1, 1, 1)


def test_lists_ask_the_same_few_questions_however_many_people_there_are(works: Works) -> None:
    session, counts = works.session, list[int]()
    service.catalogue(session)  # it is kept
    for _ in range(2):
        for _one in range(3):
            works.hire(category="so_scaffold")
            works.hire(category="manager_highrisk")
        session.flush()
        seen: list[str] = []

        def heard(_c: Any, _u: Any, statement: str, *_rest: Any, seen: list[str] = seen) -> None:
            seen.append(statement)

        sa.event.listen(session.get_bind(), "before_cursor_execute", heard)
        qualified.counted(session, works.group.id, on=TODAY)
        qualified.missing(session, works.group.id, on=TODAY)
        qualified.holding(session, works.group.id, on=TODAY)
        sa.event.remove(session.get_bind(), "before_cursor_execute", heard)
        counts.append(len(seen))
    assert counts[0] == counts[1]
