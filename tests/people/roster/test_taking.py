"""A roster taken in: dated changes, units by their way, pieces that may be killed, all or nothing, forgetting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.db import new_id
from elearn.errors import Conflict
from elearn.people import accounts, organisations, persons, placements
from elearn.people.identity import DocumentKind, blind_index
from elearn.people.models import (
    Absence,
    Account,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    Person,
    Placement,
)
from elearn.people.roster import drafts, exporting, looking, taking, units
from elearn.people.roster.cells import Wrong
from elearn.people.roster.deciding import Verdict
from elearn.people.roster.models import DraftState, RosterDraft, RosterLine, StaffNumber
from elearn.people.roster.taking import Wishes
from tests import builders_people as people
from tests.builders_people import KEYS, a_resident_id
from tests.people.roster.sheets import text

JULY, AUGUST = datetime(2026, 7, 1, 1, 0, tzinfo=UTC), datetime(2026, 8, 1, 1, 0, tzinfo=UTC)
HEADER = ("姓名", "证件号码", "手机号", "部门路径", "岗位", "用工形式", "入职日期", "离职日期", "工号")
ALL = Wishes(make_units=True)


@pytest.fixture
def employer(session: Session) -> Organisation:
    return people.an_organisation(session)


@pytest.fixture
def clerk(session: Session) -> UUID:
    return people.a_person(session, name="文员").id


Take = Callable[..., RosterDraft]
Place = tuple[str, str, date, date | None]


@pytest.fixture
def take(session: Session, employer: Organisation, clerk: UUID) -> Take:
    """Send, read, confirm and take in."""

    def done(
        rows: Sequence[Sequence[str]], *, at: datetime = JULY, wishes: Wishes = ALL, header: Sequence[str] = HEADER
    ) -> RosterDraft:
        draft = looked_at(session, employer, clerk, rows, at=at, header=header)
        taking.confirm(session, draft.id, wishes, by=clerk, at=at)
        taking.take(session, draft.id, keys=KEYS, now=lambda: at)
        return drafts.own_draft(session, draft.id)

    return done


def looked_at(
    session: Session, employer: Organisation, clerk: UUID, rows: Sequence[Sequence[str]], *, at: datetime = JULY,
    header: Sequence[str] = HEADER,
) -> RosterDraft:  # fmt: skip
    content = text(rows, header=header)
    draft = drafts.ask(session, employer, name="a.csv", content=content, categories={}, by=clerk, keys=KEYS, at=at)
    looking.read(session, draft.id, keys=KEYS, now=lambda: at)
    return drafts.own_draft(session, draft.id)


def stood(session: Session, number: str) -> list[tuple[str, date, date | None, list[Place]]]:
    """Memberships of who has the document, each with where it stood."""
    person = persons.find_person(session, DocumentKind.RESIDENT_ID, number, KEYS)
    assert person is not None
    found = []
    of_person = sa.select(Membership).where(Membership.person_id == person.id).order_by(Membership.from_on)
    for membership in session.scalars(of_person.execution_options(populate_existing=True)):
        places = session.execute(
            sa.select(Organisation.name, Placement.post, Placement.from_on, Placement.to_on)
            .join(Organisation, Organisation.id == Placement.unit_id)
            .where(Placement.membership_id == membership.id)
            .order_by(Placement.from_on)
        )
        found.append((membership.kind.value, membership.from_on, membership.to_on, [(*row,) for row in places]))
    return found


def row(name: str, number: str, **said: str) -> tuple[str, ...]:
    words = {"phone": "", "path": "", "post": "", "kind": "", "from_on": "", "to_on": "", "staff": ""} | said
    return (name, number, *words.values())


def test_what_changed_is_a_change_of_the_day_on_which_it_came(session: Session, take: Take) -> None:
    moved, other, gone, leaving, away = (a_resident_id() for _ in range(5))
    began = {"from_on": "2026-01-05", "kind": "正式", "path": "生产部/甲班", "post": "电工"}
    names = dict(zip((moved, other, gone, leaving, away), ("移动", "转正", "离开", "将离", "离岗"), strict=True))
    take([row(names[one], one, **began) for one in names])
    membership = session.scalars(
        sa.select(Membership).join(Person, Person.id == Membership.person_id).where(Person.name == "离岗")
    ).one()
    placements.go_away(session, membership.id, date(2026, 7, 20), at=JULY)
    draft = take(
        [
            row("移动", moved, **began | {"path": "后勤", "post": ""}),
            row("转正", other, **began | {"kind": "劳务派遣", "post": "焊工"}),
            row("离开", gone, **began, to_on="2026-07-15"),
            row("将离", leaving, **began | {"post": "焊工"}, to_on="2026-08-31"),
            row("离岗", away, **began | {"kind": "灵活用工"}),
        ],
        at=AUGUST,
    )
    assert draft.result == {
        "changed": 3, "leaves": 2, "change:unit": 1, "change:employment": 2, "change:post": 2, "change:end": 2,
    }  # fmt: skip
    first, july_end, august = date(2026, 1, 5), date(2026, 7, 31), date(2026, 8, 1)
    assert stood(session, moved) == [
        ("employee", first, None, [("甲班", "电工", first, july_end), ("后勤", "电工", august, None)])
    ]
    assert stood(session, other) == [
        ("employee", first, july_end, [("甲班", "电工", first, july_end)]),
        ("dispatched", august, None, [("甲班", "焊工", august, None)]),
    ]
    left = date(2026, 7, 15)
    assert stood(session, gone) == [("employee", first, left, [("甲班", "电工", first, left)])]
    last = date(2026, 8, 31)
    assert stood(session, leaving) == [
        ("employee", first, last, [("甲班", "电工", first, july_end), ("甲班", "焊工", august, last)])
    ]
    absences = session.execute(sa.select(Absence.from_on, Absence.to_on).order_by(Absence.from_on)).all()
    assert absences == [(date(2026, 7, 20), july_end), (august, None)], "who is away stays away, employed otherwise"

    person = persons.find_person(session, DocumentKind.RESIDENT_ID, other, KEYS)
    assert person is not None
    account = session.scalars(sa.select(Account).where(Account.person_id == person.id)).one()
    brought = organisations.organisations_that_brought(session, account, on=august)
    assert membership.organisation_id in brought, (
        "employed in another way, and still whose employer brought the account"
    )

    # Said again on the day itself it is a correction; and who comes back begins anew.
    take([row("移动", moved, path="后勤/乙班")], at=AUGUST)
    assert stood(session, moved)[0][3][1] == ("乙班", "电工", august, None)
    later = date(2026, 9, 30)
    take([row("将离", leaving, to_on=later.isoformat())], at=AUGUST)
    [(_kind, _from_on, to_on, places)] = stood(session, leaving)
    assert (to_on, places[-1][3]) == (later, later), "who leaves later also stands there longer"
    take([row("离开", gone, path="后勤")], at=AUGUST)
    assert stood(session, gone)[1] == ("employee", august, None, [("后勤", "", august, None)])


def test_a_piece_is_taken_whole_or_not_and_the_next_worker_goes_on(
    session: Session, employer: Organisation, clerk: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PIECE", 2)
    numbers = [a_resident_id() for _ in range(5)]
    names = ["甲甲", "乙乙", "丙丙", "丁丁", "戊戊"]
    rows = [row(name, one, staff=f"A{one[-4:-1]}") for name, one in zip(names, numbers, strict=True)]
    draft = looked_at(session, employer, clerk, rows)
    taking.confirm(session, draft.id, ALL, by=clerk, at=JULY)
    session.commit()
    pieces = count(1)

    def power_cut() -> datetime:
        if next(pieces) == 3:  # the units, the first piece, the second
            raise KeyboardInterrupt
        return JULY

    with pytest.raises(KeyboardInterrupt):
        taking.take(session, draft.id, keys=KEYS, now=power_cut)
    session.rollback()
    taken = sa.select(sa.func.count()).select_from(Membership).where(Membership.organisation_id == employer.id)
    assert session.scalar(taken) == 2
    assert drafts.own_draft(session, draft.id).done == 2
    kept = sa.select(sa.func.count()).select_from(RosterLine).where(RosterLine.content_sealed.is_not(None))
    assert session.scalar(kept) == 3, "what is taken in is not kept beside it, not even for a moment"
    taking.take(session, draft.id, keys=KEYS, now=lambda: JULY)
    assert session.scalar(taken) == 5
    assert session.scalar(sa.select(sa.func.count()).select_from(Account)) == 5
    assert drafts.own_draft(session, draft.id).result == {"new": 5}
    assert drafts.own_draft(session, draft.id).state == DraftState.DONE


def test_when_somebody_else_was_faster_a_piece_is_looked_at_again(
    session: Session, employer: Organisation, clerk: UUID
) -> None:
    number = a_resident_id()
    draft = looked_at(session, employer, clerk, [row("甲甲", number, path="后勤"), row("乙乙", a_resident_id())])
    taking.confirm(session, draft.id, ALL, by=clerk, at=JULY)
    session.commit()
    times = count(1)

    def register(connection: sa.Connection, _cursor: object, statement: str, *_rest: object) -> None:
        """By hand, after the job has looked who is known and before it writes."""
        if statement.startswith("INSERT INTO elearn.person") and next(times) == 1:
            index = blind_index(KEYS.index, DocumentKind.RESIDENT_ID, number)
            row = {"id": new_id(), "name": "甲甲", "document_index": index, "created_at": JULY}
            connection.execute(sa.insert(Person), row)

    sa.event.listen(session.connection().engine, "before_cursor_execute", register)
    try:
        taking.take(session, draft.id, keys=KEYS, now=lambda: JULY)
    finally:
        sa.event.remove(session.connection().engine, "before_cursor_execute", register)
    assert next(times) > 3, "written, refused by the database, and written again"
    assert drafts.own_draft(session, draft.id).result == {"new": 2}
    assert session.scalar(sa.select(sa.func.count()).where(Membership.organisation_id == employer.id)) == 2


def test_all_or_nothing_is_nothing_when_a_row_turns_out_wrong_after_all(
    session: Session, employer: Organisation, clerk: UUID
) -> None:
    good, registered = a_resident_id(), a_resident_id()
    draft = looked_at(session, employer, clerk, [row("甲甲", good, path="后勤"), row("乙乙", registered)])
    assert draft.counts["new"] == 2
    people.a_person(session, name="别人", document_number=registered)
    taking.confirm(session, draft.id, Wishes(whole=True, make_units=True), by=clerk, at=JULY)
    session.commit()
    taking.take(session, draft.id, keys=KEYS, now=lambda: JULY)
    draft = drafts.own_draft(session, draft.id)
    assert (draft.state, draft.counts["refused"], draft.counts["new"]) == (DraftState.READY, 1, 1)
    assert draft.problem is not None
    assert persons.find_person(session, DocumentKind.RESIDENT_ID, good, KEYS) is None
    assert session.scalar(sa.select(sa.func.count()).where(Organisation.name == "后勤")) == 0
    [line], _total = looking.lines_of(session, draft, Verdict.REFUSED, keys=KEYS)
    assert [one.wrong for one in line.kept.problems] == [Wrong.NAME_DIFFERS]
    with pytest.raises(Conflict):
        taking.confirm(session, draft.id, Wishes(whole=True), by=clerk, at=JULY)
    # Now with the good rows alone; said twice, the second finds it done.
    taking.confirm(session, draft.id, ALL, by=clerk, at=JULY)
    with pytest.raises(Conflict):
        drafts.withdraw(session, draft.id)
    taking.take(session, draft.id, keys=KEYS, now=lambda: JULY)
    with pytest.raises(Conflict):
        taking.confirm(session, draft.id, ALL, by=clerk, at=JULY)
    assert drafts.own_draft(session, draft.id).result == {"new": 1, "refused": 1}


def test_units_are_found_by_their_way_and_made_only_when_that_was_said(
    session: Session, employer: Organisation, clerk: UUID, take: Take
) -> None:
    def unit(name: str, level: OrganisationLevel, parent: Organisation) -> Organisation:
        return organisations.add_organisation(
            session, kind=OrganisationKind.ENTERPRISE, level=level, name=name, parent_id=parent.id, at=people.AT
        )

    workshop = unit("生产部", OrganisationLevel.WORKSHOP, employer)
    team = unit("甲班", OrganisationLevel.TEAM, workshop)
    unit("子公司", OrganisationLevel.ENTERPRISE, employer)
    closed = unit("旧部", OrganisationLevel.WORKSHOP, employer)
    closed.closed_at = people.AT
    session.flush()
    numbers = [a_resident_id() for _ in range(5)]
    rows = [
        row("甲甲", numbers[0], path="生产部 / 甲 班"),
        row("乙乙", numbers[1], path="生产部/甲班/一组"),
        row("丙丙", numbers[2], path="子公司/办公室"),
        row("丁丁", numbers[3], path="旧部"),
        row("戊戊", numbers[4], path="云岭建设有限公司/新部/乙班"),
    ]
    draft = looked_at(session, employer, clerk, rows)
    assert draft.new_units == [["新部"], ["旧部"], ["新部", "乙班"]]
    assert (draft.counts["new"], draft.counts["refused"]) == (3, 2)
    draft = take(rows, wishes=Wishes())
    assert draft.result == {"new": 1, "refused": 4}
    lines, _total = looking.lines_of(session, draft, Verdict.REFUSED, keys=KEYS)
    assert [one.kept.problems[0].wrong for one in lines] == [
        Wrong.UNIT_BELOW_TEAM,
        Wrong.UNIT_EMPLOYER,
        Wrong.UNIT_UNKNOWN,
        Wrong.UNIT_UNKNOWN,
    ]
    assert session.scalars(sa.select(Placement.unit_id)).all() == [team.id]
    assert take(rows).result == {"new": 2, "unchanged": 1, "refused": 2}
    assert {path for path in units.units_of(session, employer.id).names.values() if path} == {
        ("生产部",), ("生产部", "甲班"), ("旧部",), ("新部",), ("新部", "乙班"),
    }  # fmt: skip


def test_an_account_opens_by_phone_or_staff_number_and_its_number_changes_until_it_is_its_holder_s(
    session: Session, employer: Organisation, take: Take
) -> None:
    employer.credit_code = "91530100MA6K0Y43AB"
    taken = people.an_account(session, phone="13800138000")
    one, two, three, four = (a_resident_id() for _ in range(4))
    take(
        [
            row("甲甲", one, phone="13900000001", staff="A1"),
            row("乙乙", two, phone="13800138000", staff="A/2"),
            row("丙丙", three, phone="13900000001", staff="A1"),
            row("丁丁", four),
        ]
    )

    def account(number: str) -> Account:
        person = persons.find_person(session, DocumentKind.RESIDENT_ID, number, KEYS)
        assert person is not None
        return session.scalars(
            sa.select(Account).where(Account.person_id == person.id).execution_options(populate_existing=True)
        ).one()

    assert (account(one).name, accounts.phone_masked(session, account(one).id, KEYS)[-4:]) == (None, "0001")
    assert account(two).name == "a-2@0y43ab", "whose number it is in the file is somebody else's here"
    assert account(three).name == "a1@0y43ab"
    assert (account(four).name or "").startswith("w-")
    assert all(account(each).password_hash is None for each in (one, two, three, four))
    assert accounts.find_account(session, "13800138000", keys=KEYS) is taken

    draft = take([row("甲甲", one, phone="13900000002"), row("乙乙", two, phone="13800138000")])
    assert draft.result == {"changed": 1, "unchanged": 1, "change:phone": 1}
    assert accounts.find_account(session, "13900000002", keys=KEYS) is account(one)
    assert account(two).phone_index is None, "nobody takes a number away from an account"
    account(one).password_hash = "x"
    session.flush()
    assert take([row("甲甲", one, phone="13900000003")]).result == {"unchanged": 1}


def test_who_sent_somebody_is_noted_put_right_and_ends_with_the_way_of_being_employed(
    session: Session, take: Take
) -> None:
    number = a_resident_id()

    def says(kind: str, firm: str, at: datetime) -> tuple[dict[str, int], list[tuple[str, str]]]:
        line = (*row("派遣", number, kind=kind), firm)
        draft = take([line], at=at, header=(*HEADER, "*劳务派遣公司（全称）"))
        person = persons.find_person(session, DocumentKind.RESIDENT_ID, number, KEYS)
        assert person is not None
        held = sa.select(Membership).where(Membership.person_id == person.id).order_by(Membership.from_on)
        found = session.scalars(held.execution_options(populate_existing=True))
        return draft.result, [(one.kind.value, one.firm) for one in found]

    assert says("劳务派遣", "金沙 劳务", JULY) == ({"new": 1}, [("dispatched", "金沙 劳务")])
    assert says("劳务派遣", "", JULY) == ({"unchanged": 1}, [("dispatched", "金沙 劳务")])
    assert says("劳务派遣", "云岭劳务", JULY) == ({"changed": 1, "change:firm": 1}, [("dispatched", "云岭劳务")])
    assert says("正式", "", AUGUST) == (
        {"changed": 1, "change:employment": 1},
        [("dispatched", "云岭劳务"), ("employee", "")],
    )


def test_who_is_erased_is_forgotten_by_rosters_too(session: Session, employer: Organisation, clerk: UUID) -> None:
    number = a_resident_id()
    draft = looked_at(session, employer, clerk, [row("甲甲", number, staff="A1")])
    taking.confirm(session, draft.id, ALL, by=clerk, at=JULY)
    taking.take(session, draft.id, keys=KEYS, now=lambda: JULY)
    waiting = looked_at(session, employer, clerk, [row("甲甲", number, staff="A2")])
    person = persons.find_person(session, DocumentKind.RESIDENT_ID, number, KEYS)
    assert person is not None
    out, them = exporting.rows(session, employer.id, categories={}, keys=KEYS, on=date(2026, 7, 1))
    assert (out[0][1], out[0][5], them) == ("甲甲", "A1", [person.id])
    persons.erase_person(session, person.id, at=JULY)
    assert session.scalars(sa.select(StaffNumber)).all() == []
    assert session.scalars(sa.select(RosterLine).where(RosterLine.draft_id == waiting.id)).all() == []
    assert exporting.rows(session, employer.id, categories={}, keys=KEYS, on=date(2026, 7, 1)) == ([], [])


def test_a_reader_that_died_is_followed_by_one_that_begins_anew(
    session: Session, employer: Organisation, clerk: UUID
) -> None:
    content = text([row("甲甲", a_resident_id())], header=HEADER)
    draft = drafts.ask(session, employer, name="a.csv", content=content, categories={}, by=clerk, keys=KEYS, at=JULY)
    kept = drafts.Kept("half", ())
    session.add(
        RosterLine(
            draft_id=draft.id,
            line=2,
            verdict=Verdict.NEW,
            changes=[],
            taken=False,
            content_sealed=drafts.sealed(draft, 2, kept, keys=KEYS),
        )
    )
    session.flush()
    for _twice in range(2):
        looking.read(session, draft.id, keys=KEYS, now=lambda: JULY)
    [line], total = looking.lines_of(session, draft, Verdict.NEW, keys=KEYS)
    assert (total, line.kept.name) == (1, "甲甲")


def test_a_line_opens_in_its_own_place_only(session: Session, employer: Organisation, clerk: UUID) -> None:
    draft = looked_at(session, employer, clerk, [row("甲甲", a_resident_id()), row("乙乙", a_resident_id())])
    first, second = session.scalars(sa.select(RosterLine).where(RosterLine.draft_id == draft.id)).all()
    first.content_sealed, second.content_sealed = second.content_sealed, first.content_sealed
    with pytest.raises(Exception, match="does not open"):
        drafts.opened(draft, first, keys=KEYS)


def test_members_elsewhere_and_their_rosters_stay_as_they_are(
    session: Session, employer: Organisation, take: Take
) -> None:
    number = a_resident_id()
    other = people.an_organisation(session, name="别家")
    person = people.a_person(session, name="甲甲", document_number=number)
    organisations.join(session, person.id, other.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=people.AT)
    take([row("甲甲", number, kind="灵活用工", to_on="2026-12-31")])
    take([row("甲甲", number, to_on="2026-06-30")], at=AUGUST)
    kinds = session.execute(
        sa.select(Membership.organisation_id, Membership.to_on).where(Membership.person_id == person.id)
    ).all()
    assert (other.id, None) in kinds


def test_the_jobs_are_known_to_workers_and_what_is_old_is_forgotten_by_itself(
    app: Flask, session: Session, employer: Organisation, clerk: UUID
) -> None:
    assert {drafts.READ, drafts.TAKE, "roster.forget"} <= set(jobs.tasks.tasks)
    draft = looked_at(session, employer, clerk, [row("甲甲", a_resident_id())])
    assert drafts.forget_old(session, at=JULY + timedelta(days=6)) == 0
    assert drafts.forget_old(session, at=JULY + timedelta(days=7)) == 1
    assert drafts.own_draft(session, draft.id).state == DraftState.FORGOTTEN
