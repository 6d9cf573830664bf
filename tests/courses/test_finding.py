"""The catalogue finds exactly what holds the words, page after page; bench/catalogue.py says how fast."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.courses import finding, page_units, teaching
from elearn.courses.centres import Audience, Centre, Industry, Level
from elearn.courses.describing import Particulars
from elearn.courses.finding import Wanted
from elearn.courses.models import Course
from elearn.db import new_id
from elearn.errors import Malformed, NotFound
from tests.builders_courses import AT, a_class, a_course, a_lesson, a_unit, an_outline, enrolled
from tests.builders_people import a_person, an_institution
from tests.conftest import statements


@pytest.fixture
def institution_id(session: Session) -> UUID:
    return an_institution(session).id


def offered(session: Session, institution_id: UUID, title: str, *, lesson: str = "第一课", minutes: int = 0) -> Course:
    course = a_course(session, institution_id, title=title, at=AT + timedelta(minutes=minutes))
    a_unit(session, a_lesson(session, course, title=lesson))
    return course


def titles(session: Session, wanted: Wanted) -> list[str]:
    return [line.title for line in finding.find(session, wanted).lines]


FOUND = [
    # words, title of the course, found
    ("触电", "触电急救", True),
    ("急救", "触电急救", True),
    ("电急", "触电急救", True),
    ("触急", "触电急救", False),
    ("电触电", "触电、电触", False),
    ("电", "触电急救", True),
    ("救", "触电急救", True),
    ("高", "触电急救", False),
    ("触电 急救", "急救：触电之后", True),
    ("触电　急救", "急救：触电之后", True),
    ("触电 高处", "触电急救", False),
    ("低压电工作业", "低压电工作业（初训）", True),
    ("低压电工操作", "低压电工作业（初训）", False),
    ("AC380", "ＡＣ３８０Ｖ配电", True),
    ("380v", "AC380V 配电", True),
    ("100%", "100%合格", True),
    ("100%", "100 分合格", False),
    ("a_b", "aXb", False),
    ("\\", "a\\b", True),
    ("scaff", "Scaffolds in wind", True),
    ("WIND", "Scaffolds in wind", True),
    ("（初训）", "低压电工作业（初训）", True),
]


@pytest.mark.parametrize(("words", "title", "found"), FOUND)
def test_a_search_finds_what_holds_its_words(
    session: Session, institution_id: UUID, words: str, title: str, found: bool
) -> None:
    offered(session, institution_id, title)
    assert titles(session, Wanted(words)) == ([title] if found else [])


SIGNS = st.text("触电急救高 处aB%_\\", max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SIGNS, SIGNS), min_size=1, max_size=5), SIGNS)
def test_a_search_agrees_with_a_look_at_every_text(session: Session, texts: list[tuple[str, str]], words: str) -> None:
    with session.begin_nested() as undone:
        institution_id = an_institution(session).id
        made = {
            offered(session, institution_id, f"课{course}", lesson=f"讲{lesson}").id: (f"课{course}", f"讲{lesson}")
            for course, lesson in texts
        }
        found = {line.id for line in finding.find(session, Wanted(words)).lines}
        # Names are kept in one line, as `teaching` keeps them.
        kept = {id_: [" ".join(text.split()).lower() for text in both] for id_, both in made.items()}
        assert found == {
            id_
            for id_, both in kept.items()
            if all(any(word in text for text in both) for word in words.lower().split())
        }
        undone.rollback()


def test_words_are_found_in_summaries_lessons_and_pages_of_what_is_offered(
    session: Session, institution_id: UUID
) -> None:
    course = a_course(session, institution_id, title="课")
    course.summary = "看云识天气"
    lesson = a_lesson(session, course, title="雷雨")
    page = page_units.Page("闪电", "先放下金属工具", None, 60_000, a_person(session).id, AT)
    page_units.register_pages(session, lesson.id, "雷雨", [page], at=AT)
    for words in ("识天", "雷雨", "闪电", "金属工具"):
        assert titles(session, Wanted(words)) == [], "a draft is not offered"
    assert titles(session, Wanted("雷雨", own=frozenset({institution_id}))) == ["课"]
    unit = page_units.register_pages(session, lesson.id, "雷雨", [page], at=AT, published=True)
    for words in ("识天", "雷雨", "闪电", "金属工具", "闪电 雷雨 识天"):
        assert titles(session, Wanted(words)) == ["课"], words
    teaching.retire(session, unit.id, acting=[institution_id], at=AT)
    assert titles(session, Wanted("金属工具")) == []


def test_the_catalogue_is_chosen_by_centre_grade_and_industry(session: Session, institution_id: UUID) -> None:
    def graded(title: str, said: Particulars) -> None:
        course = teaching.add_course(session, institution_id=institution_id, title=title, at=AT, said=said)
        a_unit(session, a_lesson(session, course))

    operators, employees = frozenset({Audience.SPECIAL_OPERATOR}), frozenset({Audience.EMPLOYEE})
    graded("甲", Particulars(level=Level.ENTRY, audiences=operators, industries=frozenset({Industry.ELECTRICITY})))
    graded("乙", Particulars(centre=Centre.EMPLOYEES, level=Level.ADVANCED, audiences=employees))
    graded("丙", Particulars(industries=frozenset({Industry.COAL_MINING})))
    for wanted, names in (
        (Wanted(), {"甲", "乙", "丙"}),
        (Wanted(centre=Centre.POSTS), {"甲", "丙"}),
        (Wanted(centre=Centre.EMPLOYEES), {"乙"}),
        (Wanted(level=Level.ENTRY), {"甲"}),
        (Wanted(audience=Audience.EMPLOYEE), {"乙"}),
        (Wanted(industry=Industry.ELECTRICITY), {"甲", "乙"}),
        (Wanted(industry=Industry.TOBACCO), {"乙"}),
        (Wanted("丙", industry=Industry.COAL_MINING), {"丙"}),
        (Wanted("甲", centre=Centre.EMPLOYEES), set()),
        (Wanted(own=frozenset()), set()),
        (Wanted(own=frozenset({institution_id})), {"甲", "乙", "丙"}),
    ):
        assert set(titles(session, wanted)) == names, wanted


def test_titles_come_first_then_the_newest(session: Session, institution_id: UUID) -> None:
    offered(session, institution_id, "高处作业", lesson="触电", minutes=9)
    offered(session, institution_id, "触电（上）", minutes=1)
    offered(session, institution_id, "触电（下）", minutes=2)
    assert titles(session, Wanted("触电")) == ["触电（下）", "触电（上）", "高处作业"]
    assert titles(session, Wanted()) == ["高处作业", "触电（下）", "触电（上）"]


@pytest.mark.parametrize("words", ["", "课"])
def test_pages_follow_one_another_without_hole_or_repetition(
    session: Session, institution_id: UUID, words: str
) -> None:
    for number in range(11):
        offered(session, institution_id, f"课 {number:02}", minutes=number // 3)
    after, seen, sizes = None, [], []
    while True:
        with statements(session) as asked:
            found = finding.find(session, Wanted(words), after=after, at_once=4)
        assert len(asked) == 1
        seen += [line.title for line in found.lines]
        sizes.append(len(found.lines))
        after = found.after
        if after is None:
            break
    assert (sizes, len(set(seen))) == ([4, 4, 3], 11)


@pytest.mark.parametrize(
    "after", ["x", "!!", "AAAA", "bnVsbA", "WzEsMiwzXQ", "WzEsOTk5OTk5OTk5OTk5OTk5OTk5OTksMCwieCJd", "€"]
)
def test_a_place_in_the_list_that_is_none_is_refused(session: Session, after: str) -> None:
    with pytest.raises(Malformed):
        finding.find(session, Wanted(), after=after)


def test_a_card_shows_what_is_offered_and_whether_the_reader_is_in_its_class(
    session: Session, institution_id: UUID
) -> None:
    outline = an_outline(session)
    course = a_course(session, institution_id, outline=outline)
    course.textbook = "统编教材"
    reader = a_person(session).id
    with pytest.raises(NotFound):
        finding.card(session, course.id, person_id=reader)
    assert finding.card(session, course.id, person_id=reader, own=[institution_id]).lessons == ()
    unit = a_unit(session, a_lesson(session, course))
    shown = finding.card(session, course.id, person_id=reader)
    assert ([one.unit_id for one in shown.lessons], shown.textbook, shown.enrolled) == ([unit.id], "统编教材", False)
    enrolled(session, a_class(session, institution_id, outline), reader)
    assert finding.card(session, course.id, person_id=reader).enrolled
    with pytest.raises(NotFound):
        finding.card(session, new_id(), person_id=reader)
