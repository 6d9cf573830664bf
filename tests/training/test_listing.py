"""Lists and sums of assignments: the same lines whichever way they are found, at a cost that no history adds to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from elearn.people import naming, organisations
from elearn.people.models import EmploymentKind, Membership, Organisation, Person
from elearn.training import listing, programmes, reading, settling, tallies
from elearn.training.figures import keeping
from elearn.training.models import Assignment, Occasion, Programme, ProgrammeTally, Purpose, State
from elearn.training.reading import Asked, Show
from tests.builders_training import AT, TODAY, Works, a_works

DAY = timedelta(days=1)


@dataclass
class Place:
    works: Works
    members: list[Membership]
    programmes: list[Programme]

    @property
    def session(self) -> Session:
        return self.works.session

    def history(self, first: int, last: int) -> None:
        """So much was done by everybody in years past; figures follow, and the database knows how its tables are."""
        self.session.execute(
            sa.text("""
            INSERT INTO elearn.assignment (id, programme_id, organisation_id, membership_id, person_id, occasion, cause,
                                           position, state, assigned_on, due_on, bars_post, required_ms, credited_ms,
                                           tests_passed, round, done_at, created_at)
            SELECT gen_random_uuid(), :programme, m.organisation_id, m.id, m.person_id, 'yearly', 'past:' || k, 1,
                   'done', CAST(:day AS date) - k, CAST(:day AS date) - k, true, 1, 1, true, 1, :at, :at
            FROM elearn.membership m, generate_series(CAST(:first AS int), CAST(:last AS int)) k
            WHERE m.id = ANY (:members)
            """),
            {"programme": self.programmes[0].id, "day": TODAY, "at": AT, "first": first, "last": last,
             "members": [one.id for one in self.members]},
        )  # fmt: skip
        self.settle()
        asked = "assignment membership placement person training_programme organisation organisation_tree"
        self.session.execute(sa.text("ANALYZE " + ", ".join(f"elearn.{one}" for one in asked.split())))

    def settle(self) -> None:
        self.session.flush()
        while keeping.settle(self.session, now=AT):
            pass


@pytest.fixture
def place(session: Session) -> Place:
    """Two employers of a group; who is there, who comes, who left, who moved; assignments in every state."""
    works = a_works(session)
    other = organisations.add_organisation(
        session, kind=works.enterprise.kind, level=works.enterprise.level, parent_id=works.group.id, name="另一", at=AT
    )
    members = [
        works.hire(from_on=date(2024, 3, 1)),
        works.hire(from_on=date(2024, 3, 1), unit=works.workshop, kind=EmploymentKind.FLEXIBLE),
        works.hire(from_on=date(2024, 3, 1), unit=works.enterprise),
        works.hire(from_on=TODAY + 9 * DAY),
        works.hire(from_on=date(2024, 3, 1), unit=other, employer=other),
        works.hire(from_on=date(2024, 3, 1)),
    ]
    organisations.leave(session, members[5].person_id, works.enterprise.id, TODAY - DAY)
    for member, name in zip(members, ("王伟", "王小伟", "欧阳娜", "Ada Wang", "王芳", "王伟"), strict=True):
        session.get_one(Person, member.person_id).name = name
    purposes = (Purpose.YEARLY, Purpose.THREE_LEVEL_TEAM, Purpose.YEARLY)
    held = [works.programme(one, node=works.group) for one in purposes]
    number = 0
    for member in members:
        first: Assignment | None = None
        for state, programme, due in (
            (State.OPEN, 0, -3), (State.OPEN, 1, 5), (State.WAITING, 2, -3), (State.DONE, 0, -90), (State.DONE, 1, -30),
            (State.WITHDRAWN, 2, -60),
        ):  # fmt: skip
            number += 1
            made = Assignment(
                programme_id=held[programme].id, organisation_id=member.organisation_id, membership_id=member.id,
                person_id=member.person_id, occasion=Occasion.HIRE if number % 4 == 0 else Occasion.YEARLY,
                cause=f"c{number}", position=1, after_id=first.id if first and state is State.WAITING else None,
                state=state, assigned_on=TODAY, due_on=TODAY + (due + number % 3) * DAY, bars_post=number % 2 == 0,
                required_ms=10, credited_ms=10 if number % 5 else 0, tests_passed=number % 7 != 0,
                done_at=AT if state is State.DONE else None, created_at=AT,
            )  # fmt: skip
            session.add(made)
            session.flush()
            first = first or made
    return Place(works, members, held)


def by_hand(place: Place, node: Organisation, asked: Asked) -> list[Assignment]:
    """The list row by row, as `Show` and `Line` say it in words."""
    found = []
    for row in place.session.scalars(sa.select(Assignment)):
        member = place.session.get_one(Membership, row.membership_id)
        lines = reading.of_member(place.session, member.id, today=TODAY)
        line = next((one for one in lines if one.id == row.id), None)
        if line is None:
            continue
        unit = place.session.scalars(sa.select(Organisation).where(Organisation.name == line.unit)).one()
        above = place.session.scalars(
            sa.text("SELECT above_id FROM elearn.organisation_tree WHERE below_id = :unit"), {"unit": unit.id}
        ).all()
        shown = {
            Show.ALL: True, Show.LATE: line.late(TODAY), Show.LEAVE: line.must_leave(TODAY),
            Show.SIGN: line.waits_for_signature, Show.UNFINISHED: line.unfinished, Show.OPEN: line.state is State.OPEN,
            Show.WAITING: line.state is State.WAITING, Show.DONE: line.state is State.DONE,
            Show.WITHDRAWN: line.state is State.WITHDRAWN,
        }[asked.show]  # fmt: skip
        wanted = (
            asked.kind in (None, line.kind),
            asked.purpose in (None, line.purpose),
            asked.programme_id in (None, line.programme_id),
            asked.name.lower() in line.name.lower(),
        )
        if node.id in above and shown and all(wanted):
            found.append(row)
    groups = {State.WAITING: 0, State.OPEN: 0, State.DONE: 1, State.WITHDRAWN: 2}
    found.sort(key=lambda one: one.id, reverse=True)
    found.sort(key=lambda one: one.due_on, reverse=True)
    late_last = [one for one in found if groups[one.state] == 0][::-1]
    return late_last + [one for group in (1, 2) for one in found if groups[one.state] == group]


@pytest.mark.parametrize(
    ("few", "least"),
    [(3_000, 8), (0, 8), (0, 1)],
    ids=["few people", "many people", "many people, a line of each employer first"],
)
def test_a_list_has_what_its_words_say_the_most_urgent_first_whichever_way_it_is_found(
    place: Place, few: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    monkeypatch.setattr(listing, "first_of_each", lambda whole, _walked: min(whole, least))
    works, session = place.works, place.session
    asked = [Asked(works.enterprise.id, show) for show in Show]
    asked += [
        Asked(node.id, **said)
        for node in (works.group, works.workshop, works.team)
        for said in list[dict[str, Any]](
            [
                {}, {"kind": "flexible"}, {"kind": "intern"}, {"purpose": Purpose.YEARLY}, {"name": "王"},
                {"name": "王伟"}, {"name": "伟"}, {"name": "ada w"}, {"name": "伟王"}, {"name": "%"},
                {"programme_id": place.programmes[1].id}, {"purpose": Purpose.CAMPAIGN},
                {"programme_id": place.programmes[1].id, "purpose": Purpose.YEARLY},
                {"show": Show.LATE, "name": "王", "kind": "employee"},
            ]
        )
    ]  # fmt: skip
    nodes = {one.id: one for one in (works.group, works.enterprise, works.workshop, works.team)}
    seen = 0
    for one in asked:
        wanted = [row.id for row in by_hand(place, nodes[one.node_id], one)]
        found, total = reading.lines(session, one, today=TODAY)
        assert ([line.id for line in found], total) == (wanted, len(wanted)), one
        paged = [
            line.id
            for page in range(1, 4 + len(wanted) // 4)
            for line in reading.lines(session, one, today=TODAY, page=page, size=4)[0]
        ]
        assert paged == wanted, one
        assert [line.id for line in reading.first(session, one, today=TODAY, most=5)] == wanted[:5]
        seen += len(wanted)
    assert seen > 150, "the lists are not empty"


def test_those_of_a_common_name_are_the_same_by_their_letters_as_by_looking_at_each(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, works = place.session, place.works
    asked = [
        Asked(node.id, name=name, **said)
        for node in (works.group, works.workshop)
        for name in ("王", "伟", "ada w", "龘")
        for said in list[dict[str, Any]]([{}, {"show": Show.DONE, "kind": "flexible"}, {"purpose": Purpose.YEARLY}])
    ]

    def pages() -> list[list[tuple[list[object], int]]]:
        found = [[reading.lines(session, one, today=TODAY, page=page, size=4) for page in (1, 2)] for one in asked]
        return [[([line.id for line in lines], total) for lines, total in each] for each in found]

    looked = pages()
    assert sum(total for each in looked for _ids, total in each) > 60
    monkeypatch.setattr(naming, "FEW", 0)
    monkeypatch.setattr(naming, "so_called", lambda *_rest, **_most: None)
    # A few of the name; more than a few; too many to keep in mind.
    for few, most in ((3_000, 100_000), (0, 100_000), (0, 0)):
        monkeypatch.setattr(listing, "FEW", few)
        monkeypatch.setattr(listing, "MOST_SPELLED", most)
        assert pages() == looked, (few, most)


def test_of_a_node_whose_figures_say_that_many_stand_there_nobody_is_looked_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three thousand people were read only to learn that they are too many."""
    session, works = place.session, place.works
    place.settle()
    monkeypatch.setattr(listing, "FEW", 2)
    cases: list[tuple[Organisation, dict[str, Any], bool]] = [
        (works.enterprise, {}, False),
        (works.enterprise, {"kind": "flexible"}, True),  # one of them is
        (works.enterprise, {"name": "王"}, True),
        (works.workshop, {}, True),
    ]
    for node, said, looks in cases:
        asked = Asked(node.id, **said)
        wanted = [row.id for row in by_hand(place, node, asked)]
        with asked_of(session) as sent:
            assert [line.id for line in reading.lines(session, asked, today=TODAY)[0]] == wanted
        assert any("LIMIT %(few)s" in statement for statement, _parameters in sent) == looks, asked


def test_who_left_is_in_no_list_and_who_has_not_come_is_where_they_will_stand(place: Place) -> None:
    found, _total = reading.lines(place.session, Asked(place.works.team.id), today=TODAY)
    people = {one.membership_id for one in found}
    assert people == {place.members[0].id, place.members[3].id}


def test_a_list_is_counted_up_to_a_bound(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_COUNTED", 7)
    found, total = reading.lines(place.session, Asked(place.works.group.id), today=TODAY, size=5, page=2)
    assert (len(found), total) == (5, 8), "more than seven; the page itself is whole"
    assert reading.lines(place.session, Asked(place.works.group.id), today=TODAY, size=5, page=3)[0] == []


def test_sums_of_the_start_page_are_the_figures_and_of_programmes_what_is_assigned(place: Place) -> None:
    place.settle()
    counts = reading.counts(place.session, place.works.enterprise.id, today=TODAY)
    here = [place.members[one] for one in (0, 1, 2)]  # who has not come yet is in no figure
    rows = [one for one in place.session.scalars(sa.select(Assignment)) if one.membership_id in {m.id for m in here}]
    late = [one for one in rows if one.state in (State.OPEN, State.WAITING) and one.due_on < TODAY]
    assert (counts.late, counts.unfinished, counts.done) == (len(late), 9, 6)
    assert counts.sign == reading.lines(place.session, Asked(place.works.enterprise.id, Show.SIGN), today=TODAY)[1] > 0
    assert {kind: split[Show.UNFINISHED] for kind, split in counts.kinds.items()} == {"employee": 6, "flexible": 3}
    lines = programmes.lines(place.session, [place.works.group.id], today=TODAY)
    for one in lines:
        mine = place.session.scalars(sa.select(Assignment).where(Assignment.programme_id == one.programme.id)).all()
        unfinished = [row for row in mine if row.state in (State.OPEN, State.WAITING)]
        assert (one.open, one.done, one.overdue) == (
            len(unfinished), sum(row.state is State.DONE for row in mine),
            sum(row.due_on < TODAY for row in unfinished),
        )  # fmt: skip
    assert sum(one.done for one in lines) == 12


def test_what_is_late_of_a_programme_is_counted_as_far_as_the_page_says(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of a million late ones are not counted for a number that nobody reads to its end."""
    ids = [one.id for one in place.programmes]
    whole = {key: one.late for key, one in tallies.of_programmes(place.session, ids, today=TODAY).items()}
    assert max(whole.values()) > 1, "else nothing is cut"
    monkeypatch.setattr(tallies, "MOST_LATE", 0)
    cut = {key: one.late for key, one in tallies.of_programmes(place.session, ids, today=TODAY).items()}
    assert cut == {key: min(late, 1) for key, late in whole.items()}


def test_tallies_follow_every_change_are_folded_and_a_wrong_one_is_found(place: Place) -> None:
    session, held = place.session, place.programmes[0]

    def tally() -> tallies.Tally:
        session.flush()
        return tallies.of_programmes(session, [held.id], today=TODAY)[held.id]

    before = tally()
    rows = session.scalars(sa.select(Assignment).where(Assignment.programme_id == held.id)).all()
    open_one = next(one for one in rows if one.state is State.OPEN)
    open_one.state, open_one.done_at = State.DONE, AT
    assert (tally().unfinished, tally().done) == (before.unfinished - 1, before.done + 1)
    open_one.state, open_one.done_at, open_one.programme_id = State.OPEN, None, place.programmes[2].id
    assert (tally().unfinished, tally().done) == (before.unfinished - 1, before.done), "it is another programme's now"
    assert settling.withdraw(session, [one.id for one in rows], now=AT) == before.unfinished
    assert (tally().unfinished, tally().done, tally().late) == (0, before.done, 0)
    session.execute(sa.delete(Assignment).where(Assignment.programme_id == held.id, Assignment.state == "done"))
    assert tally().done == 0
    assert list(tallies.differences(session)) == []
    tallies.fold(session)
    many = sa.select(sa.func.count()).select_from(ProgrammeTally).group_by(ProgrammeTally.programme_id)
    assert set(session.scalars(many)) == {1}
    assert list(tallies.differences(session)) == []
    session.execute(sa.update(ProgrammeTally).where(ProgrammeTally.programme_id == held.id).values(done=5))
    [wrong] = tallies.differences(session)
    assert (wrong.programme_id, wrong.done, wrong.counted_done) == (held.id, 5, 0)


# --- what it costs ----------------------------------------------------------------------------------------------------


@contextmanager
def asked_of(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent meanwhile."""
    sent: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.append((statement, parameters))

    bind = session.connection()
    event.listen(bind, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(bind, "before_cursor_execute", keep)


def rows_read(session: Session, act: Callable[[], object]) -> int:
    """Rows of assignments, and entries of their indexes, that the database looks at for it: by its own account."""
    with asked_of(session) as sent:
        act()

    def of(node: dict[str, Any]) -> int:
        own = 0
        if node.get("Relation Name") == "assignment":
            parts = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
            own = round(sum(node.get(one, 0) for one in parts) * node["Actual Loops"])
        return own + sum(of(one) for one in node.get("Plans", ()))

    read = 0
    for statement, parameters in sent:
        if not statement.lstrip().startswith(("SELECT", "WITH")):
            continue
        asked = f"EXPLAIN (ANALYZE, TIMING off, FORMAT JSON) {statement}"
        [plan] = session.connection().exec_driver_sql(asked, parameters).scalar_one()
        read += of(plan["Plan"])
    return read


def test_pages_of_training_read_no_more_rows_when_there_are_years_of_history(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, works = place.session, place.works
    node = works.enterprise.id
    acts: dict[str, Callable[[], object]] = {
        "sums": lambda: reading.counts(session, node, today=TODAY),
        "programmes": lambda: programmes.lines(session, [works.group.id], today=TODAY),
        "most urgent": lambda: reading.first(session, Asked(node, Show.LATE), today=TODAY, most=10),
        "late": lambda: reading.lines(session, Asked(node, Show.LATE), today=TODAY),
        "to be signed": lambda: reading.lines(session, Asked(node, Show.SIGN), today=TODAY),
        "must leave": lambda: reading.lines(session, Asked(node, Show.LEAVE), today=TODAY),
    }
    # As in an enterprise of thousands: nothing is small enough to be read whole.
    session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    place.history(1, 2)
    assert rows_read(session, acts["late"]) > 0, "it is seen what is read"
    for years in ((3, 100), (101, 400)):
        place.history(*years)
        # Six people with six assignments each, looked at once or twice: the same after 600 more and after 2,400.
        read = {name: rows_read(session, act) for name, act in acts.items()}
        assert max(read.values()) < 100, read

    # What was done is history itself: of many people a page of it is read, and so much as is counted.
    monkeypatch.setattr(listing, "FEW", 0)
    monkeypatch.setattr(reading, "MOST_COUNTED", 60)
    for asked in (
        Asked(node), Asked(node, Show.DONE), Asked(node, Show.DONE, purpose=Purpose.YEARLY),
        Asked(node, Show.DONE, programme_id=place.programmes[0].id),
    ):  # fmt: skip
        many = rows_read(session, partial(reading.lines, session, asked, today=TODAY))
        # About 350; how the planner reads them hangs on its sample.
        assert many < 800, (asked, many, "of 2,400")
    assert rows_read(session, lambda: reading.lines(session, Asked(node, Show.UNFINISHED), today=TODAY)) < 60
