"""One roster of several enterprises of a group: whose a row is, what each enterprise's part would do, and did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict
from elearn.people import organisations
from elearn.people.models import EmploymentKind, Membership, Organisation, OrganisationKind, OrganisationLevel, Person
from elearn.people.roster import drafts, files, looking, rows, taking
from elearn.people.roster.cells import BadCell, Wrong
from elearn.people.roster.columns import Column
from elearn.people.roster.companies import Company, companies
from elearn.people.roster.deciding import Verdict
from elearn.people.roster.models import DraftState, RosterDraft
from elearn.people.roster.taking import Wishes
from tests import builders_people as people
from tests.builders_people import KEYS, a_resident_id
from tests.people.roster.sheets import text

JULY = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
MAKE = Wishes(make_units=True)
HEADER = ("所属公司", "姓名", "证件号码", "部门路径", "用工形式")
GROUP, MINE, BUILD, TWIN = (UUID(int=number) for number in range(1, 5))
KNOWN = companies(
    [
        Company(GROUP, "云岭集团有限公司", None, ("云岭集团有限公司",)),
        Company(MINE, "云岭矿业有限公司", "91530100MA6K0Y43AB", ("云岭集团有限公司", "云岭矿业有限公司")),
        Company(BUILD, "云岭 Build", "91530100MA6K0Y43AC", ("云岭集团有限公司", "云岭 Build")),
        Company(TWIN, "云岭build", None, ("云岭集团有限公司", "云岭build")),
    ]
)


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("云岭矿业有限公司", MINE),
        (" 云岭 矿业有限公司 ", MINE),
        ("云岭集团有限公司", GROUP),
        ("91530100ma6k0y43ab", MINE),
        ("９１５３０１００MA6K0Y43AC", BUILD),
        ("云岭矿业", Wrong.COMPANY_UNKNOWN),
        ("矿业", Wrong.COMPANY_UNKNOWN),
        ("云岭BUILD", Wrong.COMPANY_TWICE),
        ("", Wrong.NO_COMPANY),
        (None, Wrong.NO_COMPANY),
        ("无", Wrong.NO_COMPANY),
    ],
)
def test_whose_a_row_is(cell: object, wanted: UUID | Wrong) -> None:
    if isinstance(wanted, UUID):
        assert KNOWN.of(cell) == wanted
    else:
        with pytest.raises(BadCell) as bad:
            KNOWN.of(cell)
        assert bad.value.wrong is wanted


ONE, TWO = a_resident_id(), a_resident_id()


def read(several: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> Sequence[rows.Line]:
    content = text(several, header=header)
    sheet = rows.sheet(
        files.rows_in(content), employer=("云岭集团有限公司",), categories={}, today=date(2026, 7, 1), companies=KNOWN
    )
    assert sheet is not None
    return sheet.lines


def test_one_person_may_stand_in_two_enterprises_and_twice_in_none() -> None:
    lines = read(
        [
            ("云岭矿业有限公司", "张三", ONE, "云岭集团有限公司/云岭矿业有限公司/一矿"),
            ("91530100MA6K0Y43AC", "张三", ONE, "一矿"),
            ("91530100MA6K0Y43AB", "张三", ONE, "一矿"),
            ("云岭集团有限公司", "张三", ONE, "总部"),
            ("云岭集团有限公司", "张三", ONE, "别处"),
            ("别人", "李四", TWO, ""),
        ]
    )
    assert [one.company for one in lines] == [MINE, BUILD, MINE, GROUP, GROUP, None]
    assert lines[0].row is not None
    assert lines[0].row.path == ("一矿",)
    assert [one.same_as for one in lines] == [None, None, lines[0].line, None, None, None]
    wrongs = [[(each.column, each.wrong) for each in one.problems] for one in lines]
    assert wrongs[4] == [(Column.NUMBER, Wrong.TWICE)]
    assert wrongs[5] == [(Column.COMPANY, Wrong.COMPANY_UNKNOWN)]


def test_without_the_column_all_rows_are_the_group_s_own() -> None:
    [line] = read([("张三", ONE)], header=("姓名", "证件号码"))
    assert (line.company, line.problems) == (None, ())


# --- looked at and taken in ------------------------------------------------------------------------------------------


class Tree:
    def __init__(self, session: Session) -> None:
        def made(name: str, level: OrganisationLevel, parent: Organisation | None, code: str | None) -> Organisation:
            return organisations.add_organisation(
                session, kind=OrganisationKind.ENTERPRISE, name=name, level=level, credit_code=code,
                parent_id=parent.id if parent else None, at=JULY,
            )  # fmt: skip

        self.group = made("云岭集团", OrganisationLevel.GROUP, None, None)
        self.mine = made("云岭矿业", OrganisationLevel.ENTERPRISE, self.group, "91530100MA6K0Y43AB")
        self.build = made("云岭建设", OrganisationLevel.ENTERPRISE, self.group, None)
        self.stranger = made("金沙", OrganisationLevel.ENTERPRISE, None, None)
        self.clerk = people.a_person(session, name="文员").id


@pytest.fixture
def tree(session: Session) -> Tree:
    return Tree(session)


def looked_at(session: Session, tree: Tree, several: Sequence[Sequence[str]]) -> RosterDraft:
    content = text(several, header=HEADER)
    draft = drafts.ask(
        session, tree.group, name="a.csv", content=content, categories={}, by=tree.clerk, keys=KEYS, at=JULY
    )
    looking.read(session, draft.id, keys=KEYS, now=lambda: JULY)
    return drafts.own_draft(session, draft.id)


def taken(session: Session, tree: Tree, draft: RosterDraft, wishes: Wishes = MAKE) -> RosterDraft:
    taking.confirm(session, draft.id, wishes, by=tree.clerk, at=JULY)
    taking.take(session, draft.id, keys=KEYS, now=lambda: JULY)
    return drafts.own_draft(session, draft.id)


def members(session: Session, employer: Organisation) -> list[str]:
    query = sa.select(Person.name).join(Membership, Membership.person_id == Person.id)
    return sorted(session.scalars(query.where(Membership.organisation_id == employer.id, Membership.to_on.is_(None))))


def test_rows_go_to_their_enterprises_and_the_same_again_changes_nothing(session: Session, tree: Tree) -> None:
    numbers = [a_resident_id() for _ in range(4)]
    several = [
        ("云岭矿业", "甲甲", numbers[0], "一矿", "正式"),
        ("云岭建设", "乙乙", numbers[1], "一部", "正式"),
        ("91530100MA6K0Y43AB", "丙丙", numbers[2], "二矿", "正式"),
        ("云岭建设", "甲甲", numbers[0], "一部", "灵活用工"),
        ("云岭集团", "丁丁", numbers[3], "总部", "正式"),
        ("金沙", "戊戊", a_resident_id(), "", ""),
    ]
    draft = looked_at(session, tree, several)
    parts = drafts.parts_of(draft)
    new = {part.name: part.counts.get("new") for part in parts.values()}
    assert new == {"云岭矿业": 2, "云岭建设": 2, "云岭集团": 1}
    assert draft.counts["refused"] == 1
    assert sorted(draft.new_units) == sorted(
        [["云岭矿业", "一矿"], ["云岭矿业", "二矿"], ["云岭建设", "一部"], ["云岭集团", "总部"]]
    )
    [line], total = looking.lines_of(session, draft, Verdict.REFUSED, keys=KEYS)
    assert ([one.wrong for one in line.kept.problems], total) == ([Wrong.COMPANY_UNKNOWN], 1)
    assert looking.lines_of(session, draft, Verdict.NEW, keys=KEYS, employer_id=tree.mine.id)[1] == 2
    done = taken(session, tree, draft)
    assert (done.state, done.result["new"], done.result["refused"]) == (DraftState.DONE, 5, 1)
    assert {part.name: part.result for part in drafts.parts_of(done).values()}["云岭矿业"] == {"new": 2}
    assert members(session, tree.mine) == ["丙丙", "甲甲"]
    assert members(session, tree.build) == ["乙乙", "甲甲"]
    assert members(session, tree.group) == ["丁丁"]
    assert members(session, tree.stranger) == []
    assert session.scalars(sa.select(sa.func.count()).select_from(Person).where(Person.name == "甲甲")).one() == 1
    again = taken(session, tree, looked_at(session, tree, several))
    assert again.result == {"unchanged": 5, "refused": 1}


def test_who_is_missing_is_asked_of_the_enterprises_in_the_file_each_for_itself(session: Session, tree: Tree) -> None:
    numbers = [a_resident_id() for _ in range(12)]
    first = [("云岭矿业", f"甲{chr(0x4E00 + place)}", number, "", "正式") for place, number in enumerate(numbers)]
    taken(session, tree, looked_at(session, tree, first))
    stays = people.a_person(session, name="留下")
    organisations.join(session, stays.id, tree.group.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=JULY)
    alone = people.a_person(session, name="建设")
    organisations.join(session, alone.id, tree.build.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=JULY)
    for one in session.scalars(sa.select(Membership).where(Membership.organisation_id == tree.mine.id)):
        one.from_on = date(2026, 6, 1)
    session.flush()
    # The first row names nobody's company: whose it is nobody knows, so its person is not missing anywhere.
    file = [("？？", *first[0][1:]), *first[1:11], ("云岭建设", "新新", a_resident_id(), "", "正式")]
    draft = looked_at(session, tree, file)
    parts = {part.name: (part.present, part.missing) for part in drafts.parts_of(draft).values()}
    assert parts == {"云岭矿业": (12, 1), "云岭建设": (1, 1)}
    assert (draft.present, draft.missing) == (13, 2)
    with pytest.raises(Conflict, match="would leave"):
        taking.confirm(session, draft.id, Wishes(missing_left=True), by=tree.clerk, at=JULY)
    done = taken(session, tree, draft, Wishes(missing_left=True, agreed=True))
    assert done.result["left"] == 2
    assert members(session, tree.build) == ["新新"]
    assert len(members(session, tree.mine)) == 11
    assert members(session, tree.group) == ["留下"]


def test_one_enterprise_that_would_be_emptied_is_many_however_large_the_group_is(session: Session, tree: Tree) -> None:
    draft = RosterDraft(present=1_000, missing=3, employers={str(BUILD): {"name": "b", "present": 4, "missing": 3}})
    assert taking.are_many(draft)
    assert not taking.are_many(RosterDraft(present=1_000, missing=3, employers={}))


def test_an_enterprise_that_left_the_group_meanwhile_takes_nobody_in(session: Session, tree: Tree) -> None:
    draft = looked_at(session, tree, [("云岭建设", "甲甲", a_resident_id(), "", "")])
    tree.build.parent_id = None
    session.flush()
    with pytest.raises(Conflict, match="does not belong to the group"):
        taking.confirm(session, draft.id, Wishes(), by=tree.clerk, at=JULY)
    lost = looked_at(session, tree, [("云岭建设", "甲甲", a_resident_id(), "", "")])
    assert (lost.state, members(session, tree.build)) == (DraftState.UNREADABLE, [])
