"""What a rule asks of a member on a day. Each row of the table names the clause that it carries."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.requirements.choosing import Catalogue, Loaded
from elearn.courses.requirements.rows import Category, Group
from elearn.people.models import EmploymentKind
from elearn.training import rules
from elearn.training.law import Law, Term, add_months
from elearn.training.models import Cycle, Occasion
from elearn.training.rules import Away, Member, New, Rule, Stand, Standing, Step

TODAY = date(2026, 6, 20)
BEGAN = date(2020, 1, 1)
TEAM, OTHER_TEAM, ELSEWHERE = UUID(int=1), UUID(int=2), UUID(int=3)
ONE, TWO, THREE = (Step(UUID(int=100 + n), 3_600_000, 30) for n in range(3))


def category(id: str, group: Group, *, region: str = "CN", from_on: date = BEGAN, **said: Any) -> Loaded:
    row = Category(
        id=id, name=id, group=group, region=region, effective_from=from_on, clause=f"{id} {region}", confirmed=True,
        source=(), **said,
    )  # fmt: skip
    return Loaded(1, "categories", row)


LAW = Law(
    Catalogue(
        [
            category("employee_transfer", Group.EMPLOYEE, away_months=12),
            category("employee_transfer_zhejiang", Group.EMPLOYEE, region="330000", away_months=6,
                     from_on=date(2016, 7, 29)),
            category("principal_highrisk", Group.PRINCIPAL, assess_within_months=6),
            category("so_lv_electric", Group.SPECIAL_OPERATION),
        ]
    )
)  # fmt: skip


def a_rule(occasion: Occasion = Occasion.HIRE, **said: Any) -> Rule:
    made = Rule(UUID(int=9), occasion, {TEAM, OTHER_TEAM}, [ONE], BEGAN)
    return replace(made, **said)


def a_member(*stands: Stand, from_on: date = TODAY, **said: Any) -> Member:
    made = Member(
        UUID(int=20), UUID(int=21), UUID(int=22), EmploymentKind.EMPLOYEE, from_on,
        stands=stands or (Stand(TEAM, "", None, from_on),),
    )  # fmt: skip
    return replace(made, **said)


def day(months: int, days: int = 0) -> date:
    return add_months(TODAY, months) + timedelta(days=days)


HIRED = date(2023, 5, 4)
LONG = a_member(from_on=HIRED)
MOVED = a_member(Stand(TEAM, "", None, HIRED, day(0, -1)), Stand(OTHER_TEAM, "", None, TODAY), from_on=HIRED)


def back_after(months: int, days: int = 0, *, region: str | None = None) -> Member:
    """Back today after so long."""
    gone = add_months(TODAY, -months) - timedelta(days=days)
    return replace(LONG, aways=(Away(gone, day(0, -1)),), region=region)


def appointed(category: str | None, *, before: str | None = None) -> Member:
    held = (Stand(TEAM, "工", before, HIRED, day(0, -1)), Stand(TEAM, "长", category, TODAY))
    return replace(LONG, stands=held)


YEARLY = a_rule(Occasion.YEARLY, cycle=Cycle.CALENDAR)
ANNIVERSARY = a_rule(Occasion.YEARLY, cycle=Cycle.ANNIVERSARY)
DATED = a_rule(Occasion.CAMPAIGN, from_on=TODAY)
CONTRACTOR = a_member(kind=EmploymentKind.CONTRACTOR)


@pytest.mark.parametrize(
    ("clause", "rule", "member", "causes"),
    [
        ("令3 第十四、十五条: who is new has the three levels", a_rule(), a_member(), ["hire:2026-06-20"]),
        ("hired before the rule began: no", a_rule(from_on=day(0, 1)), a_member(), []),
        ("令3 第四条: dispatched workers as one's own", a_rule(), a_member(kind=EmploymentKind.DISPATCHED),
         ["hire:2026-06-20"]),
        ("安全生产法 第二十八条: interns too", a_rule(), a_member(kind=EmploymentKind.INTERN), ["hire:2026-06-20"]),
        ("a contractor's people are their own employer's", a_rule(), CONTRACTOR, []),
        ("unless the rule names them", a_rule(kinds={"contractor"}), CONTRACTOR, ["hire:2026-06-20"]),
        ("another kind than the rule names: no", a_rule(kinds={"flexible"}), a_member(), []),
        ("outside the rule's tree: no", a_rule(units={ELSEWHERE}), a_member(), []),
        ("another category than the rule names: no", a_rule(categories={"so_lv_electric"}), a_member(), []),
        ("another post than the rule names: no", a_rule(posts={"电工"}), a_member(), []),
        ("who has left: no", a_rule(), a_member(from_on=HIRED, to_on=day(0, -1)), []),
        ("seed B09: a contractor's people before they enter", a_rule(Occasion.CONTRACTOR_ENTRY), CONTRACTOR,
         ["entry:2026-06-20"]),
        ("one's own people do not enter", a_rule(Occasion.CONTRACTOR_ENTRY), a_member(), []),
        ("令3 第十七条: another unit is a change of post", a_rule(Occasion.TRANSFER), MOVED, ["transfer:2026-06-20"]),
        ("令3 第十七条: another post too", a_rule(Occasion.TRANSFER), appointed(None), ["transfer:2026-06-20"]),
        ("the day somebody came is no change", a_rule(Occasion.TRANSFER), LONG, []),
        ("a new category at the same post is none", a_rule(Occasion.TRANSFER),
         replace(LONG, stands=(Stand(TEAM, "", None, HIRED, day(0, -1)), Stand(TEAM, "", "team_leader", TODAY))), []),
        ("令3 第十七条: back after a year", a_rule(Occasion.BACK), back_after(12), ["back:2026-06-20"]),
        ("a day less than a year: no", a_rule(Occasion.BACK), back_after(12, -1), []),
        ("浙江 第十四条: six months there", a_rule(Occasion.BACK), back_after(6, region="330100"), ["back:2026-06-20"]),
        ("浙江: a day less: no", a_rule(Occasion.BACK), back_after(6, -1, region="330100"), []),
        ("six months elsewhere: no", a_rule(Occasion.BACK), back_after(6, region="530100"), []),
        ("still away: not yet", a_rule(Occasion.BACK), replace(LONG, aways=(Away(HIRED),)), []),
        ("安全生产法 第二十七条: a principal", a_rule(Occasion.APPOINTMENT), appointed("principal_highrisk"),
         ["appointment:2026-06-20"]),
        ("whoever was one before is not appointed", a_rule(Occasion.APPOINTMENT, from_on=TODAY),
         appointed("principal_highrisk", before="principal_highrisk"), []),
        ("a post of no principal: no", a_rule(Occasion.APPOINTMENT), appointed("so_lv_electric"), []),
        ("令3 第九、十三条: each calendar year", YEARLY, LONG, ["yearly:2026"]),
        ("not in the year of coming", YEARLY, a_member(from_on=date(2026, 1, 1)), []),
        ("nobody who is away", YEARLY, replace(LONG, aways=(Away(HIRED),)), []),
        ("from the anniversary", ANNIVERSARY, LONG, ["yearly:2026-05-04"]),
        ("not before the first one", ANNIVERSARY, a_member(from_on=day(-12, 1)), []),
        ("on the first one", ANNIVERSARY, a_member(from_on=day(-12)), ["yearly:2026-06-20"]),
        ("seed A21: a campaign, whoever is there on its day", DATED, LONG, ["campaign:2026-06-20"]),
        ("not before its day", a_rule(Occasion.CAMPAIGN, from_on=day(0, 1)), LONG, []),
        ("who comes later is not meant", a_rule(Occasion.CAMPAIGN, from_on=day(-1)), a_member(), []),
        ("a contractor's people too", DATED, CONTRACTOR, ["campaign:2026-06-20"]),
        ("安全生产法 第二十九条: new technology", a_rule(Occasion.NEW_TECHNOLOGY, from_on=TODAY), LONG,
         ["new_technology:2026-06-20"]),
    ],
)  # fmt: skip
def test_what_a_rule_asks(clause: str, rule: Rule, member: Member, causes: list[str]) -> None:
    assert [one.happening.cause for one in rules.wanted(rule, member, TODAY, LAW)] == causes, clause


@pytest.mark.parametrize(
    ("why", "rule", "member", "due"),
    [
        ("the programme's days from the occasion", a_rule(), a_member(), [day(0, 30)]),
        ("the rule's days hold for all", a_rule(steps=[ONE, TWO], due_days=5), a_member(), [day(0, 5)] * 2),
        ("programmes follow each other", a_rule(steps=[ONE, TWO]), a_member(), [day(0, 30), day(0, 60)]),
        ("nobody is late from the start", a_rule(), a_member(from_on=day(-2)), [day(0, 30)]),
        ("somebody who comes later has until later", a_rule(), a_member(from_on=day(1)), [day(1, 30)]),
        ("a contractor's people: before entering", a_rule(Occasion.CONTRACTOR_ENTRY), CONTRACTOR, [TODAY]),
        ("assessed within six months", a_rule(Occasion.APPOINTMENT), appointed("principal_highrisk"), [day(6)]),
        ("and never later than that", a_rule(Occasion.APPOINTMENT, due_days=300), appointed("principal_highrisk"),
         [day(6)]),
        ("a calendar year's end", YEARLY, LONG, [date(2026, 12, 31)]),
        ("a year of one's own", ANNIVERSARY, LONG, [date(2027, 5, 3)]),
    ],
)  # fmt: skip
def test_until_when(why: str, rule: Rule, member: Member, due: list[date]) -> None:
    assert [one.due_on for one in rules.wanted(rule, member, TODAY, LAW)] == due, why


def test_without_rows_the_national_rule_as_quoted_holds() -> None:
    bare = Law()
    assert bare.away("330100", TODAY) == Term(12, "令3 第十七条")
    assert bare.appointed("manager_highrisk", None, TODAY) == Term(6, "安全生产法 第二十七条")
    assert bare.appointed("so_lv_electric", None, TODAY) is None
    assert LAW.away("330106", TODAY) == Term(6, "employee_transfer_zhejiang 330000")
    assert LAW.away("330106", date(2016, 7, 28)).months == 12, "the row was not in force yet"


def test_the_same_day_of_a_shorter_month_is_its_last() -> None:
    assert [add_months(date(2024, 1, 31), n) for n in (1, 13, 3)] == [
        date(2024, 2, 29), date(2025, 2, 28), date(2024, 4, 30),
    ]  # fmt: skip


LEVELS = a_rule(steps=[ONE, TWO, THREE])


def entered(new: list[New], standing: dict[UUID, list[Standing]] | None = None) -> dict[UUID, list[Standing]]:
    """What stands once these are assigned."""
    found = {programme: list(several) for programme, several in (standing or {}).items()}
    for place, one in enumerate(new):
        made = Standing(UUID(int=1000 + place), one.want.happening.cause, unfinished=True)
        found.setdefault(one.want.step.programme_id, []).append(made)
    return found


def test_a_chain_is_assigned_once_and_each_waits_for_the_one_before() -> None:
    wants = rules.wanted(LEVELS, a_member(), TODAY, LAW)
    new = rules.missing(wants, {})
    assert [(one.want.position, one.after) for one in new] == [(1, None), (2, 0), (3, 1)]
    assert rules.missing(wants, entered(new)) == []


@pytest.mark.parametrize(
    ("why", "stands", "rule", "member", "expected"),
    [
        ("under way for another reason: not twice", Standing(UUID(int=1), "by_hand:x", True), a_rule(), a_member(), 0),
        ("done on the day: covered", Standing(UUID(int=1), "x", False, TODAY), a_rule(), a_member(), 0),
        ("done earlier: again", Standing(UUID(int=1), "x", False, day(0, -1)), a_rule(), a_member(), 1),
        ("taken back by somebody: stays so", Standing(UUID(int=1), "hire:2026-06-20", False), a_rule(), a_member(), 0),
        ("last year's done this year: this year's is due", Standing(UUID(int=1), "yearly:2025", False, TODAY), YEARLY,
         LONG, 1),
        ("this year's done: not again", Standing(UUID(int=1), "yearly:2026", False, TODAY), YEARLY, LONG, 0),
        ("last year's still open: not beside it", Standing(UUID(int=1), "yearly:2025", True), YEARLY, LONG, 0),
    ],
)  # fmt: skip
def test_what_stands_already(why: str, stands: Standing, rule: Rule, member: Member, expected: int) -> None:
    found = rules.missing(rules.wanted(rule, member, TODAY, LAW), {ONE.programme_id: [stands]})
    assert len(found) == expected, why
    assert all(one.again is (stands.done_on is not None) for one in found)


def test_what_follows_something_under_way_waits_for_that() -> None:
    standing = {ONE.programme_id: [Standing(UUID(int=7), "by_hand:x", True)]}
    new = rules.missing(rules.wanted(LEVELS, a_member(), TODAY, LAW), standing)
    assert [(one.want.position, one.after) for one in new] == [(2, UUID(int=7)), (3, 0)]


DAYS = st.dates(date(2023, 1, 1), date(2027, 12, 31))
UNITS = st.sampled_from([TEAM, OTHER_TEAM, ELSEWHERE])


@st.composite
def members(draw: st.DrawFn) -> Member:
    firsts = sorted(draw(st.sets(DAYS, min_size=1, max_size=4)))
    ends: list[date | None] = [one - timedelta(days=1) for one in firsts[1:]]
    stands = [
        Stand(draw(UNITS), draw(st.sampled_from(["", "电工"])), draw(st.sampled_from([None, "principal_highrisk"])),
              first, last)
        for first, last in zip(firsts, [*ends, None], strict=True)
    ]  # fmt: skip
    gone = draw(st.one_of(st.none(), st.tuples(DAYS, st.integers(0, 500))))
    aways = () if gone is None or gone[0] < firsts[0] else (Away(gone[0], gone[0] + timedelta(days=gone[1])),)
    kind = draw(st.sampled_from(list(EmploymentKind)))
    region = draw(st.sampled_from([None, "330100"]))
    return a_member(*stands, from_on=firsts[0], aways=aways, kind=kind, region=region)


some_rules = st.builds(
    lambda occasion, from_on, count, cycle: a_rule(
        occasion, from_on=from_on, steps=[ONE, TWO, THREE][:count],
        cycle=cycle if occasion is Occasion.YEARLY else None,
    ),
    st.sampled_from([one for one in Occasion if one is not Occasion.BY_HAND]), DAYS, st.integers(1, 3),
    st.sampled_from(list(Cycle)),
)  # fmt: skip


@given(members(), st.lists(some_rules, min_size=1, max_size=3), DAYS)
def test_nobody_outside_the_tree_is_assigned_nothing_twice_and_nothing_out_of_order(
    member: Member, several: list[Rule], today: date
) -> None:
    wants = [want for rule in several for want in rules.wanted(rule, member, today, LAW)]
    new = rules.missing(wants, {})
    assert all(
        stand is not None and stand.unit_id in want.rule.units
        for want in wants
        for stand in [member.stands_on(want.happening.on)]
    )
    assert rules.missing(wants, entered(new)) == [], "asked again, nothing is new"
    for place, one in enumerate(new):
        assert (one.after is None) is (one.want.position == 1)
        assert not isinstance(one.after, int) or one.after < place
    programmes = [one.want.step.programme_id for one in new]
    assert len(programmes) == len(set(programmes)), "no programme is under way twice"
    coming = rules.next_day(several, member, today)
    assert coming is None or coming > today
    for ahead in range(1, 40):
        later = today + timedelta(days=ahead)
        if coming is not None and later >= coming:
            break
        then = [want for rule in several for want in rules.wanted(rule, member, later, LAW)]
        causes = {(want.step.programme_id, want.happening.cause) for want in then}
        assert causes <= {(want.step.programme_id, want.happening.cause) for want in wants}, "not before that day"


def test_rules_of_their_own_do_not_wait_for_each_other() -> None:
    several = [a_rule(steps=[ONE, TWO]), a_rule(steps=[THREE])]
    wants = [want for rule in several for want in rules.wanted(rule, a_member(), TODAY, LAW)]
    assert [one.after for one in rules.missing(wants, {})] == [None, 0, None]


@pytest.mark.parametrize(
    ("why", "rule", "member", "coming"),
    [
        ("the next calendar year", YEARLY, LONG, date(2027, 1, 1)),
        ("the next anniversary", ANNIVERSARY, LONG, date(2027, 5, 4)),
        ("a campaign's day", a_rule(Occasion.CAMPAIGN, from_on=day(1)), LONG, day(1)),
        ("who comes", a_rule(), a_member(from_on=day(1)), day(1)),
        ("who goes", a_rule(), replace(LONG, to_on=day(1)), day(1, 1)),
        ("who comes back", YEARLY, replace(LONG, aways=(Away(HIRED, day(1)),)), day(1, 1)),
        ("nothing comes by itself", a_rule(), LONG, None),
    ],
)
def test_when_to_ask_again(why: str, rule: Rule, member: Member, coming: date | None) -> None:
    assert rules.next_day([rule], member, TODAY) == coming, why
