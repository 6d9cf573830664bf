"""People of a common name: the same list whichever way it is found, by letters that follow whoever comes and goes."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import embedded, schema
from elearn.db import new_id
from elearn.pages import members
from elearn.people import naming, organisations, persons
from elearn.people.callers import Caller
from elearn.people.models import EmploymentKind, Membership, Person
from tests.builders_people import a_person, an_institution
from tests.builders_training import AT, TODAY, Works, a_works

DAY = timedelta(days=1)
BEFORE = date(2024, 3, 1)

LETTERS = sa.text("""
SELECT count(*) FROM (
    (SELECT organisation_id, letter, name, membership_id FROM elearn.member_letter
     EXCEPT ALL SELECT m.organisation_id, l, p.name, m.id FROM elearn.membership m
     JOIN elearn.person p ON p.id = m.person_id CROSS JOIN elearn.letters_of(p.name) l)
    UNION ALL
    (SELECT m.organisation_id, l, p.name, m.id FROM elearn.membership m
     JOIN elearn.person p ON p.id = m.person_id CROSS JOIN elearn.letters_of(p.name) l
     EXCEPT ALL SELECT organisation_id, letter, name, membership_id FROM elearn.member_letter)
) x
""")


def wrong_letters(session: Session) -> int:
    """Letters too many and too few, beside everybody's names."""
    session.flush()
    return int(session.scalar(LETTERS) or 0)


def letters_of(session: Session, member: Membership) -> set[str]:
    session.flush()
    return set(session.scalars(sa.select(naming.MemberLetter.letter).filter_by(membership_id=member.id)))


def called(session: Session, works: Works, names: list[str]) -> list[Membership]:
    made = []
    for name in names:
        person = a_person(session, name=name)
        made.append(works.hire(person_id=person.id, from_on=BEFORE))
    return made


def found(
    session: Session, node_id: UUID, text: str, *, page: int = 1, kind: EmploymentKind | None = None
) -> tuple[list[str], int]:
    by = Caller(new_id(), new_id(), "", must_change=False, grants=(), browser_session_id=None)
    lines, total = members.members_of(session, node_id, by, on=TODAY, search=text, kind=kind, page=page)
    return [one.facts.name for one in lines], total


def test_letters_follow_whoever_comes_is_renamed_goes_to_another_employer_and_is_forgotten(session: Session) -> None:
    works = a_works(session)
    [member] = called(session, works, ["Ada W 王王"])
    assert letters_of(session, member) == {"a", "d", "w", "王"}, "small, each once, and no space"
    session.get_one(Person, member.person_id).name = "李王"
    assert letters_of(session, member) == {"李", "王"}
    second = works.hire(person_id=member.person_id, employer=works.group, unit=works.group)
    assert letters_of(session, second) == {"李", "王"}
    assert wrong_letters(session) == 0
    session.execute(sa.update(Membership).where(Membership.id == second.id).values(person_id=a_person(session).id))
    assert letters_of(session, second) == {"张", "三"}
    session.execute(sa.text("DELETE FROM elearn.placement WHERE membership_id = :id"), {"id": member.id})
    member.organisation_id = works.group.id
    assert wrong_letters(session) == 0
    persons.erase_person(session, member.person_id, at=AT)
    assert letters_of(session, member) == set(), "nothing says any more who it was"
    assert wrong_letters(session) == 0


def test_a_membership_that_never_was_leaves_no_letters(session: Session) -> None:
    works = a_works(session)
    person = a_person(session, name="欧阳娜")
    member = Membership(
        person_id=person.id, organisation_id=works.enterprise.id, kind=EmploymentKind.INTERN, from_on=TODAY,
        to_on=None, created_at=AT,
    )  # fmt: skip
    session.add(member)
    assert letters_of(session, member) == {"欧", "阳", "娜"}
    session.execute(sa.text("DELETE FROM elearn.placement WHERE membership_id = :id"), {"id": member.id})
    session.execute(sa.delete(Membership).where(Membership.id == member.id))
    assert wrong_letters(session) == 0


@pytest.mark.parametrize("way", ["few people", "by letters", "by persons"])
def test_who_is_called_so_is_the_same_whichever_way_they_are_found(
    session: Session, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "FEW", 0 if way == "by letters" else 3_000)
    # A rare name is nobody's longer way: where nothing counts as rare, letters and looking are all there is.
    if way != "by persons":
        monkeypatch.setattr(naming, "so_called", lambda *_rest, **_most: None)
    monkeypatch.setattr(members, "PAGE", 2)
    works = a_works(session)
    called(session, works, ["王伟", "李王", "Ada Wang", "王小伟", "王%", "欧阳娜"])
    gone, _other = called(session, works, ["王走", "赵六"])
    organisations.leave(session, gone.person_id, works.enterprise.id, TODAY - DAY)
    [over] = called(session, works, ["王断"])
    over.to_on = TODAY - DAY
    intern = works.hire(
        person_id=a_person(session, name="王实习").id, kind=EmploymentKind.INTERN, unit=works.workshop, from_on=BEFORE
    )
    works.hire(person_id=a_person(session, name="王来").id, from_on=TODAY + DAY)
    works.hire(person_id=a_person(session, name="王上").id, employer=works.group, unit=works.group, from_on=BEFORE)
    school = an_institution(session)
    organisations.join(session, intern.person_id, school.id, EmploymentKind.TRAINEE, BEFORE, at=AT)
    here = sorted(["王伟", "李王", "王小伟", "王%", "王实习"])
    nodes = (works.enterprise.id, works.group.id, works.team.id, school.id)
    for node, wanted in zip(
        nodes, (here, sorted([*here, "王上"]), sorted(set(here) - {"王实习"}), ["王实习"]), strict=True
    ):
        pages = [found(session, node, "王", page=page) for page in range(1, 5)]
        assert [name for names, _total in pages for name in names] == wanted
        assert {total for _names, total in pages} == {len(wanted)}
    for text, wanted in {
        "伟": ["王伟", "王小伟"], "王伟": ["王伟"], "伟王": [], "a w": ["Ada Wang"], "W": ["Ada Wang"], "%": ["王%"],
        "_": [], "龘": [],
    }.items():  # fmt: skip
        assert found(session, works.enterprise.id, f" {text} ") == (wanted, len(wanted)), text
    assert found(session, works.enterprise.id, "王", kind=EmploymentKind.INTERN) == (["王实习"], 1)


def test_those_of_a_common_name_are_counted_up_to_a_bound_and_paged_beyond_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "FEW", 0)
    monkeypatch.setattr(members, "MOST_FOUND", 2)
    monkeypatch.setattr(members, "PAGE", 2)
    works = a_works(session)
    called(session, works, [f"王{letter}" for letter in "一丁七万三"])
    assert [found(session, works.enterprise.id, "王", page=page) for page in (1, 2, 3, 4)] == [
        (["王一", "王丁"], 3), (["王七", "王万"], 3), (["王三"], 3), ([], 3),
    ]  # fmt: skip


def test_a_surname_costs_what_the_employer_has_of_it_whoever_else_is_called_so(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a thousand others of the name elsewhere nor a thousand colleagues of another are looked at."""
    monkeypatch.setattr(naming, "FEW", 0)
    works = a_works(session)
    called(session, works, ["王一", "王二", "王三"])
    for employer, name in ((works.group, "王"), (works.enterprise, "李")):
        session.execute(
            sa.text("""
            WITH crowd AS (INSERT INTO elearn.person (id, name, created_at)
                SELECT gen_random_uuid(), :name || n, :at FROM generate_series(1, 1000) n RETURNING id)
            INSERT INTO elearn.membership (id, person_id, organisation_id, kind, from_on, created_at)
            SELECT gen_random_uuid(), id, :employer, 'employee', :day, :at FROM crowd
            """),
            {"name": name, "at": AT, "day": BEFORE, "employer": employer.id},
        )
    session.execute(sa.text("ANALYZE elearn.member_letter, elearn.membership, elearn.placement, elearn.person"))
    asked = {
        "employing": [works.enterprise.id], "name": "王", "node": works.enterprise.id, "on": TODAY, "kind": None,
        "most": 1001, "skip": 0, "size": 50,
    }  # fmt: skip
    plan = session.scalars(sa.text(f"EXPLAIN (ANALYZE, TIMING off, FORMAT JSON) {members.SO_SPELLED.text}"), asked)

    def read(node: dict[str, object]) -> float:
        plans = node.get("Plans", ())
        assert isinstance(plans, list | tuple)
        parts = (node.get(one, 0) for one in ("Actual Rows", "Rows Removed by Filter"))
        own = sum(float(str(one)) for one in parts) * float(str(node["Actual Loops"])) if "Relation Name" in node else 0
        return own + sum(read(one) for one in plans)

    assert 0 < read(plan.one()[0]["Plan"]) < 60


SOMEBODY = """
INSERT INTO elearn.organisation (id, kind, level, name, created_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'enterprise', 'enterprise', '云岭', now());
INSERT INTO elearn.person (id, name, created_at) VALUES ('00000000-0000-7000-8000-000000000003', '王伟', now());
INSERT INTO elearn.membership (id, person_id, organisation_id, kind, from_on, created_at)
VALUES (gen_random_uuid(), '00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001', 'employee',
        '2026-01-01', now());
"""


def test_whoever_was_there_before_is_found_by_letters_after_the_upgrade(services: embedded.Services) -> None:
    url = services.create_database("letters_of_before")
    schema.upgrade(url, to="0061")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(SOMEBODY)
    schema.upgrade(url, to="0062")
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT letter, name FROM elearn.member_letter ORDER BY letter")).all()
        wrong = connection.scalar(LETTERS)
    engine.dispose()
    assert [tuple(row) for row in rows] == [("伟", "王伟"), ("王", "王伟")]
    assert wrong == 0
