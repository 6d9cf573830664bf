"""Figures of the tree: whatever happens, they are what memberships, placements, assignments and hours add up to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.courses.models import TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.credit_export.models import HoursEntry
from elearn.db import new_id
from elearn.people import organisations, placements
from elearn.people.models import EmploymentKind, Membership, Organisation, OrganisationTree, Placement
from elearn.people.registry import local_day
from elearn.training import tallies
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.rules import CertificateKind, CheckState, EndsBy
from elearn.training.figures import commands, keeping, sql
from elearn.training.figures.counted import FigureMark, FigureMember, UnitFigure
from elearn.training.law import add_months
from elearn.training.models import Assignment, Occasion, Programme, Purpose, State
from tests.builders_people import AT, a_person
from tests.conftest import ManualClock
from tests.people.test_tree import ENTERPRISE, GROUP, TEAM, WORKSHOP, a_node

DAY = timedelta(days=1)
NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
TODAY = date(2026, 7, 1)
LICENSED = "so_lv_electric"
ASKED = {LICENSED: (CertificateKind.OPERATION, 0), "manager_highrisk": (CertificateKind.ASSESSMENT, 6)}
"""Of these categories posts ask for a certificate, so many months after the appointment."""
POSTS = (None, LICENSED, "manager_highrisk", "principal_general")
PAPERS = (
    (LICENSED, CertificateKind.OPERATION), ("other", CertificateKind.OPERATION),
    ("manager_highrisk", CertificateKind.ASSESSMENT), ("manager_highrisk", CertificateKind.SKILL),
)  # fmt: skip
KINDS = (EmploymentKind.EMPLOYEE, EmploymentKind.FLEXIBLE)


class Firm:
    """A group with two enterprises, two workshops each and a team in every workshop; what its people do."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.group = a_node(session, GROUP)
        self.employers = [a_node(session, ENTERPRISE, self.group) for _ in range(2)]
        self.shops = [a_node(session, WORKSHOP, one) for one in self.employers for _ in range(2)]
        self.teams = [a_node(session, TEAM, one) for one in self.shops]
        self.members: list[Membership] = []
        self.assigned: list[Assignment] = []
        self.hours: list[HoursEntry] = []
        self.certificates: list[WorkerCertificate] = []
        by = a_person(session).id
        self.programmes = [self._programme(one, by) for one in (Purpose.YEARLY, Purpose.CAMPAIGN)]
        # Hours here were earned by nobody's watching; the test's transaction is undone.
        session.execute(
            sa.text("ALTER TABLE elearn.hours_entry DROP CONSTRAINT fk_hours_entry_watched_span_id_watched_span")
        )

    def _programme(self, purpose: Purpose, by: UUID) -> Programme:
        training = TrainingClass(
            outline_id=None,
            institution_id=self.group.id,
            title=purpose.value,
            class_no=str(new_id()),
            starts_on=TODAY,
            ends_on=TODAY,
            created_at=AT,
        )
        self.session.add(training)
        self.session.flush()
        made = Programme(
            organisation_id=self.group.id, title=purpose.value, purpose=purpose, class_id=training.id,
            required_ms=3_600_000, due_days=30, created_by=by, created_at=AT,
        )  # fmt: skip
        self.session.add(made)
        self.session.flush()
        return made

    def hire(self, shop: int, kind: EmploymentKind = KINDS[0], from_on: date = TODAY) -> Membership:
        unit = self.teams[shop]
        made = organisations.join(
            self.session, a_person(self.session).id, self.employers[shop // 2].id, kind, from_on, at=AT, unit_id=unit.id
        )
        self.members.append(made)
        return made

    def assign(self, member: Membership, programme: int = 0, *, on: date = TODAY, due: int = 30, **other: Any) -> None:
        values: dict[str, Any] = {"bars_post": False, "occasion": Occasion.YEARLY, "state": State.OPEN} | other
        made = Assignment(
            programme_id=self.programmes[programme].id, organisation_id=member.organisation_id,
            membership_id=member.id, person_id=member.person_id, cause=str(new_id()), position=1, assigned_on=on,
            due_on=on + due * DAY, required_ms=3_600_000, created_at=AT, **values,
        )  # fmt: skip
        self.session.add(made)
        self.session.flush()
        self.assigned.append(made)

    def learn(self, member: Membership, programme: int | None = 0, *, ms: int = 600_000, on: date = TODAY) -> None:
        class_id = None if programme is None else self.programmes[programme].class_id
        made = HoursEntry(
            person_id=member.person_id, class_id=class_id, modality="online", kind="theory",
            amount_ms=ms, earned_on=on, learned_at=NOW, watched_span_id=new_id(), rule_version="test", created_at=NOW,
        )  # fmt: skip
        self.session.add(made)
        self.session.flush()
        self.hours.append(made)

    def certify(self, member: Membership, *, category: str = LICENSED, days: int | None = 100, **other: Any) -> None:
        ends = {"holds_to": TODAY + days * DAY, "ends_by": EndsBy.PAPER} if days is not None else {}
        made = WorkerCertificate(
            person_id=member.person_id, organisation_id=member.organisation_id, category=category, title="t",
            number_sealed=b"-", issuer="i", created_by=member.person_id, created_at=AT,
            **({"from_on": TODAY - 30 * DAY, "kind": CertificateKind.OPERATION} | ends | other),
        )  # fmt: skip
        self.session.add(made)
        self.session.flush()
        self.certificates.append(made)

    def take_back(self, entry: HoursEntry) -> None:
        columns = ("person_id", "class_id", "modality", "kind", "earned_on", "learned_at")
        self.session.add(
            HoursEntry(
                amount_ms=-entry.amount_ms, reverses_id=entry.id, watched_span_id=new_id(), rule_version="test",
                created_at=NOW, **{name: getattr(entry, name) for name in columns},
            )
        )  # fmt: skip
        self.session.flush()

    def figure(self, node: Organisation, measure: str, *, period: int = 0, purpose: str = "", kind: str = "") -> int:
        column = getattr(UnitFigure, measure)
        asked = sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(
            UnitFigure.unit_id == node.id, UnitFigure.period == period, UnitFigure.purpose == purpose
        )
        if kind:
            asked = asked.where(UnitFigure.kind == kind)
        return int(self.session.scalar(asked) or 0)


@pytest.fixture
def firm(session: Session) -> Firm:
    requirements.load_shipped(session, by="test", at=AT, today=AT.date())
    return Firm(session)


def settled(session: Session, now: datetime = NOW, at_once: int = 3) -> int:
    """All that is marked, a few marks at a time."""
    session.flush()
    whole = 0
    while found := keeping.settle(session, now=now, at_once=at_once):
        whole += found
    return whole


def quarter_of(day: date) -> int:
    return day.year * 10 + (day.month + 2) // 3


def by_hand(session: Session, today: date) -> dict[tuple[UUID, int, str, str], list[int]]:
    """The same sums, row by row in Python, as the words of `counted.py` say them."""
    held = {
        one.id: one
        for one in session.scalars(sa.select(Membership))
        if one.from_on <= today and (one.to_on is None or one.to_on >= today)
    }
    above: dict[UUID, list[UUID]] = {}
    for row in session.execute(sa.select(OrganisationTree.above_id, OrganisationTree.below_id)):
        above.setdefault(row.below_id, []).append(row.above_id)
    programmes = {one.id: one for one in session.scalars(sa.select(Programme))}
    hours = session.scalars(sa.select(HoursEntry)).all()
    sums: dict[tuple[UUID, int, str, str], list[int]] = {}

    def put(unit: UUID, period: int, purpose: str, kind: str, **said: int) -> None:
        for node in above[unit]:
            row = sums.setdefault((node, period, purpose, kind), [0] * len(sql.MEASURES))
            for name, value in said.items():
                row[sql.MEASURES.index(name)] += value

    for placed in session.scalars(sa.select(Placement)):
        member = held.get(placed.membership_id)
        if member is None or not (placed.from_on <= today and (placed.to_on is None or placed.to_on >= today)):
            continue
        valid = [
            one
            for one in session.scalars(sa.select(WorkerCertificate))
            if (one.person_id, one.organisation_id) == (member.person_id, member.organisation_id)
            and one.from_on <= today <= (one.holds_to or today)
            and (one.ended_on is None or one.ended_on > today)
            and one.check_state is not CheckState.DIFFERS
        ]
        kind, months = ASKED.get(placed.category or "", (None, 0))
        holding = kind is not None and any((one.category, one.kind) == (placed.category, kind) for one in valid)
        over = not months or add_months(_appointed_on(session, placed), months) < today
        unqualified = kind is not None and not holding and over
        put(
            placed.unit_id, 0, "", member.kind.value, people=1, asked=int(kind is not None), holding=int(holding),
            certificates=len(valid), unqualified=int(unqualified), barred=int(unqualified),
            expiring=sum(one.holds_to is not None and (one.holds_to - today).days <= 90 for one in valid),
        )  # fmt: skip
        mine = session.scalars(sa.select(Assignment).where(Assignment.membership_id == member.id)).all()
        added: dict[tuple[int, str], Counter[str]] = {}
        for one in mine:
            if one.state is State.WITHDRAWN:
                continue
            late = one.state is not State.DONE and one.due_on < today
            must_leave = one.bars_post and one.state is not State.DONE and (late or one.occasion is Occasion.HIRE)
            purpose = programmes[one.programme_id].purpose.value
            for period in {0, one.assigned_on.year, quarter_of(one.assigned_on)}:
                for name in ("", purpose):
                    cell = added.setdefault((period, name), Counter())
                    cell.update(assigned=1, done=one.state is State.DONE, overdue=late, barred=must_leave,
                                required_ms=one.required_ms)  # fmt: skip
        classes = {programmes[one.programme_id].class_id: programmes[one.programme_id].purpose.value for one in mine}
        for entry in hours:
            if entry.person_id == member.person_id and entry.class_id in classes:
                for period in {0, entry.earned_on.year, quarter_of(entry.earned_on)}:
                    for name in ("", classes[entry.class_id]):
                        added.setdefault((period, name), Counter()).update(credited_ms=entry.amount_ms)
        for (period, name), cell in added.items():
            said = dict(cell) | {"trained": int(cell["done"] > 0), "barred": int(cell["barred"] > 0)}
            if (period, name) == (0, "") and unqualified:
                said["barred"] = 0  # counted above, and once
            put(placed.unit_id, period, name, member.kind.value, **said)
    return {key: row for key, row in sums.items() if any(row)}


def _appointed_on(session: Session, placed: Placement) -> date:
    """The first day at posts of this category without another one between."""
    mine = (
        sa.select(Placement).where(Placement.membership_id == placed.membership_id).order_by(Placement.from_on.desc())
    )
    first = placed.from_on
    for one in session.scalars(mine.where(Placement.from_on < placed.from_on)):
        if one.category != placed.category:
            break
        first = one.from_on
    return first


def standing(session: Session) -> dict[tuple[UUID, int, str, str], list[int]]:
    session.expire_all()
    rows = session.scalars(sa.select(UnitFigure))
    found = {
        (one.unit_id, one.period, one.purpose, one.kind): [getattr(one, name) for name in sql.MEASURES] for one in rows
    }
    return {key: row for key, row in found.items() if any(row)}


CHANGES = (
    "hire", "hire_later", "leave", "move_post", "assign", "assign_barring", "done", "reopened", "withdraw", "learn",
    "learn_last_year", "take_back", "move_unit", "move_team", "night", "settle", "merge", "purpose",
    "licensed", "certified", "certificate_ends",
)  # fmt: skip


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 7), st.integers(0, 3)), min_size=4, max_size=18))
def test_after_any_run_of_changes_the_figures_are_what_the_ledger_adds_up_to(
    firm: Firm, monkeypatch: pytest.MonkeyPatch, changes: list[tuple[str, int, int]]
) -> None:
    session, now = firm.session, NOW
    nested = session.begin_nested()
    long_here = firm.hire(0, from_on=TODAY - 170 * DAY)  # six months are soon over
    firm.members, firm.assigned, firm.hours, firm.certificates = [long_here, firm.hire(2, KINDS[1])], [], [], []
    taken: set[UUID] = set()
    for change, which, where in changes:
        today = local_day(now)
        member = firm.members[which % len(firm.members)]
        assigned = firm.assigned[which % len(firm.assigned)] if firm.assigned else None
        match change:
            case "hire":
                firm.hire(where, KINDS[which % 2], today)
            case "hire_later":
                firm.hire(where, KINDS[which % 2], today + DAY)
            case "leave" if member.to_on is None and member.from_on <= today:
                organisations.leave(session, member.person_id, member.organisation_id, today)
            case "move_post" if member.to_on is None:
                shop = where // 2 + 2 * firm.employers.index(session.get_one(Organisation, member.organisation_id))
                placements.move(session, member.id, unit_id=firm.teams[shop].id, post="p", category=POSTS[which % 4],
                                from_on=max(today, member.from_on) + DAY * (where % 2), at=now) if (
                    _may_move(session, member, max(today, member.from_on) + DAY * (where % 2), shop, firm)
                ) else None  # fmt: skip
            case "assign":
                firm.assign(member, where % 2, on=today - where * 40 * DAY)
            case "assign_barring":
                occasion = Occasion.HIRE if where % 2 else Occasion.TRANSFER
                firm.assign(member, where % 2, on=today, due=where, bars_post=True, occasion=occasion)
            case "done" if assigned is not None:
                assigned.state, assigned.done_at = State.DONE, now
            case "reopened" if assigned is not None:
                assigned.state, assigned.done_at = State.OPEN, None
            case "withdraw" if assigned is not None:
                assigned.state, assigned.done_at = State.WITHDRAWN, None
            case "learn":
                firm.learn(member, where % 2, on=today)
            case "learn_last_year":
                firm.learn(member, where % 2, on=today - 200 * DAY)
            case "take_back" if firm.hours and firm.hours[which % len(firm.hours)].id not in taken:
                taken.add(firm.hours[which % len(firm.hours)].id)
                firm.take_back(firm.hours[which % len(firm.hours)])
            case "move_unit":
                # A workshop stays with its employer, whose people stand in it: the whole enterprise goes.
                other = firm.employers[1 - where % 2]
                enterprise = firm.employers[where % 2]
                if other.parent_id == firm.group.id:
                    enterprise.parent_id = other.id if enterprise.parent_id == firm.group.id else firm.group.id
            case "move_team":
                # Within its employer: to another workshop, or to stand below the employer itself.
                own = which % 4 // 2
                places = [firm.shops[2 * own], firm.shops[2 * own + 1], firm.employers[own]]
                firm.teams[which % 4].parent_id = places[where % 3].id
            case "night":
                now += DAY * (1 + where * 20)
            case "settle":
                settled(session, now)
            case "merge":
                member.person_id = a_person(session).id
            case "licensed":
                post = session.scalars(sa.select(Placement).where(Placement.membership_id == member.id).limit(1)).one()
                post.category = POSTS[where]
            case "certified":
                category, kind = PAPERS[which % 4]
                firm.certify(member, category=category, kind=kind, days=(None, 0, 95, 130)[where])
            case "certificate_ends" if firm.certificates:
                paper = firm.certificates[which % len(firm.certificates)]
                paper.ended_on, paper.ended_why = (None, "") if where == 0 else (today + DAY * (where - 1), "lost")
                paper.check_state = CheckState.DIFFERS if where == 3 else CheckState.AGREES
            case "purpose":
                firm.programmes[0].purpose = (Purpose.YEARLY, Purpose.BACK)[where % 2]
        session.flush()
    settled(session, now)
    today = local_day(now)
    assert standing(session) == by_hand(session, today)
    assert keeping.check(session, today=today) == []
    assert list(tallies.differences(session)) == []
    before = standing(session)
    monkeypatch.setattr(keeping, "PEOPLE_AT_ONCE", 1 + len(changes) % 3)  # nodes are added up in several steps
    keeping.rebuild(session, now=now)
    assert standing(session) == before
    nested.rollback()


def _may_move(session: Session, member: Membership, on: date, shop: int, firm: Firm) -> bool:
    """The move is one that the services take."""
    last = session.scalars(
        sa.select(Placement).where(Placement.membership_id == member.id).order_by(Placement.from_on.desc()).limit(1)
    ).one()
    return on >= last.from_on


def test_a_count_is_split_by_kind_and_stands_at_every_node_above_and_at_no_other(firm: Firm) -> None:
    first, second = firm.hire(0), firm.hire(0, EmploymentKind.FLEXIBLE)
    firm.hire(3)
    firm.assign(first, on=date(2026, 5, 4), due=10, bars_post=True)
    firm.assign(second, 1, state=State.DONE, done_at=NOW)
    firm.learn(first, ms=1_000)
    firm.learn(first, 1, ms=5_000)  # of a programme that nobody gave them: not theirs to show
    settled(firm.session)
    assert [firm.figure(one, "people") for one in (firm.group, *firm.employers, *firm.teams)] == [3, 2, 1, 2, 0, 0, 1]
    assert firm.figure(firm.shops[0], "people", kind="flexible") == 1
    assert [firm.figure(firm.group, one) for one in ("assigned", "done", "trained", "overdue", "barred")] == [
        2, 1, 1, 1, 1,
    ]  # fmt: skip
    assert firm.figure(firm.group, "credited_ms") == firm.figure(firm.group, "credited_ms", period=20263) == 1_000
    assert firm.figure(firm.group, "assigned", period=20262) == firm.figure(firm.group, "assigned", period=20263) == 1
    assert firm.figure(firm.group, "assigned", period=2026) == 2
    assert firm.figure(firm.group, "trained", purpose="yearly") == 0
    assert firm.figure(firm.group, "trained", purpose="campaign", kind="flexible") == 1


def test_a_day_that_comes_changes_figures_although_nobody_wrote_anything(firm: Firm) -> None:
    session = firm.session
    leaver = firm.hire(0)
    organisations.leave(session, leaver.person_id, leaver.organisation_id, TODAY)
    firm.hire(1, from_on=TODAY + DAY)
    firm.assign(firm.hire(2), on=TODAY, due=0)
    settled(session)
    assert [firm.figure(firm.group, one) for one in ("people", "overdue")] == [2, 0]
    assert settled(session) == 0, "a second run the same day has nothing to do"
    stays = firm.members[-1]
    firm.certify(stays, days=91)
    firm.certify(stays, days=0)
    firm.certify(stays, days=None, ended_on=TODAY + DAY, ended_why="given back")
    firm.certify(stays, days=None, from_on=TODAY + DAY)
    firm.certify(stays, days=None, check_state=CheckState.DIFFERS)
    settled(session)
    assert [firm.figure(firm.group, one) for one in ("certificates", "expiring")] == [3, 1]
    settled(session, NOW + DAY)
    assert [firm.figure(firm.group, one) for one in ("people", "overdue", "certificates", "expiring")] == [2, 1, 2, 1]
    assert [firm.figure(one, "people") for one in firm.teams[:3]] == [0, 1, 1]


def test_a_change_is_counted_by_what_changed_and_a_fault_in_the_sums_is_found(firm: Firm) -> None:
    session = firm.session
    for shop in range(4):
        firm.hire(shop)
    settled(session)
    firm.learn(firm.members[0], None)
    assert session.scalars(sa.select(FigureMark)).all() == [], "hours of no programme concern no figure"
    firm.learn(firm.members[0])
    firm.assign(firm.members[1])
    marked = session.scalars(sa.select(FigureMark.person_id).order_by(FigureMark.id)).all()
    assert marked == [one.person_id for one in firm.members[:2]]
    assert settled(session) == 2
    session.execute(sa.update(UnitFigure).where(UnitFigure.unit_id == firm.group.id).values(people=9))
    found = keeping.check(session, today=TODAY)
    assert {(one.unit_id, one.stands[0], one.ledger[0]) for one in found if one.period == 0} >= {(firm.group.id, 9, 4)}
    assert keeping.check(session, today=TODAY, below=firm.shops[0].id) == []
    assert keeping.rebuild(session, now=NOW) == 4
    assert keeping.check(session, today=TODAY) == []
    assert len(session.scalars(sa.select(FigureMember)).all()) == 4


def test_the_command_counts_what_changed_says_what_differs_and_rebuilds(firm: Firm, clock: ManualClock) -> None:
    session, run = firm.session, CliRunner().invoke
    clock.now = NOW
    firm.hire(0)
    session.commit()
    whole = run(commands.figures, ["check"])
    assert (whole.exit_code, whole.output) == (0, "All figures are what the ledger says.\n")
    session.execute(sa.update(UnitFigure).values(people=7))
    session.commit()
    differs = run(commands.figures, ["check"])
    assert differs.exit_code == 1
    assert "figures differ" in differs.output
    rebuilt = run(commands.figures, ["rebuild"])
    assert (rebuilt.stdout, "1 of 1 people" in rebuilt.stderr) == ("1 people counted.\n", True)
    assert run(commands.figures, ["check"]).exit_code == 0
