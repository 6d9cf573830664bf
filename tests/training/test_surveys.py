"""Surveys of training needs: the rules of questions, replies and groups; who is asked; what the store keeps of whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import persons
from elearn.people.models import EmploymentKind
from elearn.training.plans import survey_opening, survey_results, survey_rules, surveys, yearly
from elearn.training.plans.models import PlanState, TrainingPlan
from elearn.training.plans.survey_models import Survey, SurveyAnswer, SurveyAsked, SurveyReply
from elearn.training.plans.survey_rules import Question, QuestionKind, Reply, SurveyState, Wrong
from elearn.training.plans.surveys import Asks, Wish
from elearn.training.telling.messages import Kind, Message
from tests.builders_people import a_person
from tests.builders_training import AT, TODAY, Works, a_works
from tests.conftest import statements

TOPICS = Question(QuestionKind.SEVERAL, "最想学什么", ("消防", "用电", "高处"))
HOW_FAR = Question(QuestionKind.SCALE, "去年的培训帮助多大")
WISH = Question(QuestionKind.TEXT, "还想学什么")
ONE = Question(QuestionKind.ONE, "怎么学", ("手机", "现场"))


@pytest.mark.parametrize(
    ("kind", "title", "options", "becomes"),
    [
        (QuestionKind.ONE, " 怎么学\n", ["手机", " 现场 "], ONE),
        (QuestionKind.SCALE, "去年的培训帮助多大", ["ignored"], HOW_FAR),
        (QuestionKind.ONE, "怎么学", ["手机", "手机", "", "现场"], ONE),
        (QuestionKind.ONE, " ", ["a", "b"], "title"),
        (QuestionKind.TEXT, "x" * 101, [], "title"),
        (QuestionKind.TEXT, "x\u202ey", [], "title"),
        (QuestionKind.ONE, "x", ["a"], "options"),
        (QuestionKind.SEVERAL, "x", ["a", " a "], "options"),
        (QuestionKind.SEVERAL, "x", [str(one) for one in range(31)], "options"),
        (QuestionKind.SEVERAL, "x", ["a", "b" * 61], "options"),
    ],
)
def test_a_question_is_taken_in_its_one_form(
    kind: QuestionKind, title: str, options: list[str], becomes: Question | str
) -> None:
    if isinstance(becomes, Question):
        assert survey_rules.checked(kind, title, options) == becomes
        return
    with pytest.raises(Malformed) as refused:
        survey_rules.checked(kind, title, options)
    assert refused.value.error_code == becomes


@pytest.mark.parametrize(
    ("question", "sent", "reply"),
    [
        (TOPICS, ["2", "0", "2"], Reply((0, 2))),
        (TOPICS, [], Reply()),
        (TOPICS, ["3"], Wrong.NOT_OFFERED),
        (TOPICS, ["-1"], Wrong.NOT_OFFERED),
        (TOPICS, ["１"], Wrong.NOT_OFFERED),
        (ONE, ["1"], Reply((1,))),
        (ONE, ["0", "1"], Wrong.ONLY_ONE),
        (HOW_FAR, ["5"], Reply((5,))),
        (HOW_FAR, ["0"], Wrong.NOT_OFFERED),
        (HOW_FAR, ["6"], Wrong.NOT_OFFERED),
        (HOW_FAR, ["1e9"], Wrong.NOT_OFFERED),
        (WISH, ["  叉车\r\n安全 "], Reply(text="叉车 安全")),
        (WISH, ["  "], Reply()),
        (WISH, ["x" * 501], Wrong.TOO_LONG),
        (WISH, ["a\u0007b"], Wrong.NOT_OFFERED),
    ],
)
def test_a_reply_says_what_was_offered_or_is_wrong(question: Question, sent: list[str], reply: Reply | Wrong) -> None:
    assert survey_rules.read(question, sent) == reply


@pytest.mark.parametrize(
    ("sizes", "anonymous", "shown"),
    [
        ({"employee": 9, "dispatched": 6}, True, (("employee",), ("dispatched",))),
        # Four alone would be had by taking nine from thirteen: they are shown together, as one whole.
        ({"employee": 9, "dispatched": 4}, True, (("employee", "dispatched"),)),
        ({"employee": 9, "dispatched": 6, "intern": 4}, True, (("employee",), ("dispatched", "intern"))),
        ({"employee": 9, "dispatched": 6, "intern": 3, "": 2}, True, (("employee",), ("dispatched",), ("intern", ""))),
        ({"employee": 9, "": 7}, True, (("employee",), ("",))),
        ({"": 7}, True, (("",),)),
        ({"employee": 2, "dispatched": 1}, False, (("employee",), ("dispatched",))),
        ({"employee": 5, "intern": 0}, True, (("employee",),)),
        ({}, True, ()),
    ],
)  # fmt: skip
def test_no_group_of_fewer_than_five_is_shown_or_can_be_worked_out(
    sizes: dict[str, int], anonymous: bool, shown: tuple[tuple[str, ...], ...]
) -> None:
    found = survey_rules.groups(sizes, anonymous=anonymous)
    assert found == shown
    assert sum(sizes[one] for group in found for one in group) == sum(sizes.values())


@pytest.mark.parametrize(
    ("state", "answers", "anonymous", "shown"),
    [
        (SurveyState.OPEN, 1, False, True),
        (SurveyState.OPEN, 500, True, False),
        (SurveyState.CLOSED, 5, True, True),
        (SurveyState.CLOSED, 4, True, False),
        (SurveyState.DRAFT, 0, False, False),
    ],
)
def test_counts_of_an_anonymous_survey_are_seen_once_it_is_over(
    state: SurveyState, answers: int, anonymous: bool, shown: bool
) -> None:
    assert survey_rules.results_are_shown(state, answers, anonymous=anonymous) is shown


@pytest.mark.parametrize(
    ("year", "ends_on", "code"),
    [
        (2026, TODAY, ""),
        (2027, TODAY + timedelta(days=180), ""),
        (2025, TODAY, "year"),
        (2028, TODAY, "year"),
        (2026, TODAY - timedelta(days=1), "ends_on"),
        (2026, TODAY + timedelta(days=181), "ends_on"),
        (2026, None, "ends_on"),
    ],
)
def test_a_survey_is_for_a_near_year_and_ends_soon(year: int, ends_on: date | None, code: str) -> None:
    if not code:
        assert survey_rules.check_days(year, ends_on, TODAY) == ends_on
        return
    with pytest.raises(Malformed) as refused:
        survey_rules.check_days(year, ends_on, TODAY)
    assert refused.value.error_code == code


def a_survey(
    session: Session, works: Works, *, anonymous: bool = True, kinds: Sequence[EmploymentKind] = (),
    questions: Sequence[Question] = (TOPICS, WISH), days: int = 10,
) -> Survey:  # fmt: skip
    asks = Asks(2027, "2027 年培训需求", TODAY + timedelta(days=days), kinds, anonymous)
    return surveys.add(session, works.workshop.id, asks, questions, by=a_person(session).id, at=AT)


def says(session: Session, survey: Survey, person_id: object, *chosen: int, text: str = "", number: str = "n") -> None:
    topics, wish = surveys.questions(session, survey.id)
    assert isinstance(person_id, type(survey.id))
    replies = {topics.id: Reply(chosen), wish.id: Reply(text=text)}
    surveys.answer(session, survey.id, person_id, replies, number=number, at=AT)


def test_whoever_stands_there_today_is_asked_and_told_once(session: Session) -> None:
    works = a_works(session)
    inside, elsewhere = works.hire(), works.hire(unit=works.enterprise)
    flexible = works.hire(kind=EmploymentKind.FLEXIBLE)
    works.hire(employer=works.group, unit=works.group, person_id=inside.person_id)
    works.hire(from_on=TODAY + timedelta(days=1))
    gone = works.hire()
    persons.erase_person(session, gone.person_id, at=AT)
    survey = a_survey(session, works)
    assert surveys.waiting_for(session, inside.person_id, on=TODAY) == []
    with pytest.raises(NotFound):
        says(session, survey, inside.person_id, 0)
    assert survey_opening.open_up(session, survey.id, at=AT) == 2
    rows = session.scalars(sa.select(SurveyAsked).where(SurveyAsked.survey_id == survey.id)).all()
    assert {(one.person_id, one.unit_id, one.kind) for one in rows} == {
        (inside.person_id, works.team.id, "employee"),
        (flexible.person_id, works.team.id, "flexible"),
    }
    told = session.scalars(sa.select(Message.person_id).where(Message.kind == Kind.SURVEY)).all()
    assert set(told) == {inside.person_id, flexible.person_id}
    assert [one.title for one in surveys.waiting_for(session, inside.person_id, on=TODAY)] == ["2027 年培训需求"]
    assert surveys.waiting_for(session, inside.person_id, on=survey.ends_on + timedelta(days=1)) == []
    with pytest.raises(Conflict):
        survey_opening.open_up(session, survey.id, at=AT)
    with pytest.raises(Conflict):
        surveys.add_question(session, survey.id, ONE)
    with pytest.raises(NotFound):
        says(session, survey, elsewhere.person_id, 0)
    nobody = a_survey(session, works, kinds=[EmploymentKind.INTERN])
    with pytest.raises(Malformed):
        survey_opening.open_up(session, nobody.id, at=AT)


def test_a_survey_of_many_is_opened_by_a_job_page_after_page_and_nobody_is_asked_twice(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_opening, "AT_ONCE", 2)
    works = a_works(session)
    people = {works.hire().person_id for _ in range(5)}
    survey = a_survey(session, works)
    assert survey_opening.open_up(session, survey.id, at=AT) == 5
    assert (survey.state, survey.to_ask, survey_opening.asked_so_far(session, survey.id)) == (SurveyState.OPENING, 5, 0)
    assert survey_opening.open_up(session, survey.id, at=AT + timedelta(days=3)) == 5, "pressed again: it goes on"
    with pytest.raises(Conflict):
        surveys.close(session, survey.id, at=AT)
    with pytest.raises(Conflict):
        surveys.discard(session, survey.id)
    waiting = sa.text("SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE task_name = 'training.open_survey'")
    assert session.scalar(waiting) == 2
    # One that died after its first page: who is asked cannot answer before all are.
    first = min(people)
    session.add(
        SurveyAsked(survey_id=survey.id, person_id=first, unit_id=works.team.id, kind="employee", answered=False)
    )
    session.commit()
    assert survey_opening.asked_so_far(session, survey.id) == 1
    assert surveys.waiting_for(session, first, on=TODAY) == []
    with pytest.raises(Conflict):
        says(session, survey, first, 0)
    assert survey_results.gather(session, survey, on=TODAY).shown is False
    works.hire(from_on=TODAY + timedelta(days=1))
    for run in range(2):
        with statements(session) as sent:
            survey_opening.ask_everybody(str(survey.id))
        inserted = [one for one in sent if one.lstrip().startswith("INSERT")]
        assert len(inserted) == (4 if run == 0 else 0), "three pages and the messages; then nothing"
    session.expire_all()
    assert (survey.state, survey.opened_at) == (SurveyState.OPEN, AT)
    assert set(session.scalars(sa.select(SurveyAsked.person_id).filter_by(survey_id=survey.id))) == people
    told = session.scalars(sa.select(Message.person_id).where(Message.kind == Kind.SURVEY)).all()
    assert sorted(told) == sorted(people), "each once"
    with pytest.raises(Conflict):
        survey_opening.open_up(session, survey.id, at=AT)
    says(session, survey, first, 0)


def test_a_survey_of_more_people_than_may_be_asked_stays_a_draft(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_opening, "MOST_ASKED", 1)
    works = a_works(session)
    for _ in range(2):
        works.hire()
    survey = a_survey(session, works)
    with pytest.raises(Malformed) as refused:
        survey_opening.open_up(session, survey.id, at=AT)
    assert (refused.value.error_code, survey.state) == ("many", SurveyState.DRAFT)
    assert survey_opening.asked_so_far(session, survey.id) == 0


def test_an_anonymous_answer_is_changed_by_the_browser_that_gave_it_and_names_nobody(session: Session) -> None:
    works = a_works(session)
    people = [works.hire() for _ in range(5)] + [works.hire(kind=EmploymentKind.INTERN)]
    survey = a_survey(session, works)
    survey_opening.open_up(session, survey.id, at=AT)
    for one in people:
        says(session, survey, one.person_id, 0, 1)
    says(session, survey, people[0].person_id, 2, text="叉车")
    with pytest.raises(Conflict) as refused:
        says(session, survey, people[0].person_id, 0, number="another phone")
    assert refused.value.error_code == "answered"
    answers = session.scalars(sa.select(SurveyAnswer)).all()
    assert len(answers) == 6
    assert {one.person_id for one in answers} == {None}
    assert sorted(one.kind or "" for one in answers) == ["", *["employee"] * 5], "one intern would be known by it"
    assert {one.id.version for one in answers} == {4}, "no time stands in their ids"
    names = {column.key for table in (SurveyAnswer, SurveyReply) for column in table.__table__.columns}
    assert not {name for name in names if name.endswith(("_at", "_on", "unit_id"))}
    named = sa.update(SurveyAnswer).values(person_id=people[0].person_id)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(named)
    session.expire_all()
    assert survey_results.gather(session, survey, on=TODAY).shown is False, "while it is open"
    surveys.close(session, survey.id, at=AT)
    with pytest.raises(Conflict):
        says(session, survey, people[0].person_id, 1)
    topics, wish = surveys.questions(session, survey.id)
    with statements(session) as sent:
        found = survey_results.gather(session, survey, on=TODAY)
    assert len(sent) <= 4
    assert (found.asked, found.answered, found.groups) == (6, 6, (("employee", ""),))
    assert [found.count(topics.id, choice) for choice in range(3)] == [5, 5, 1]
    assert found.texts == {wish.id: ["叉车"]}
    assert [(one.asked, one.answered) for one in found.units] == [(6, 6)]
    assert survey_results.named_answers(session, survey) == []


def test_a_named_answer_is_split_by_kind_and_its_words_go_with_the_person(session: Session) -> None:
    works = a_works(session)
    worker, intern = works.hire(), works.hire(kind=EmploymentKind.INTERN)
    survey = a_survey(session, works, anonymous=False)
    survey_opening.open_up(session, survey.id, at=AT)
    says(session, survey, worker.person_id, 0, text="我想学叉车")
    says(session, survey, worker.person_id, 1, text="我想学叉车", number="any browser")
    says(session, survey, intern.person_id, 1)
    topics, _wish = surveys.questions(session, survey.id)
    found = survey_results.gather(session, survey, on=TODAY)
    assert [found.count(topics.id, 1, group) for group in found.groups] == [1, 1]
    assert (found.count(topics.id, 0), found.count(topics.id, 1)) == (0, 2)
    assert [kind for _name, kind, _said in survey_results.named_answers(session, survey)] == ["employee", "intern"]
    persons.erase_person(session, worker.person_id, at=AT)
    session.expire_all()
    assert [one.text for one in session.scalars(sa.select(SurveyReply)) if one.text] == []
    after = survey_results.gather(session, survey, on=TODAY)
    assert (after.count(topics.id, 1), after.texts) == (2, {})


def test_an_answer_says_something_and_comes_in_time(session: Session) -> None:
    works = a_works(session)
    worker = works.hire()
    survey = a_survey(session, works)
    survey_opening.open_up(session, survey.id, at=AT)
    with pytest.raises(Malformed) as refused:
        says(session, survey, worker.person_id)
    assert refused.value.error_code == "empty"
    with pytest.raises(Conflict) as late:
        surveys.answer(session, survey.id, worker.person_id, {}, number="n", at=AT + timedelta(days=11))
    assert late.value.error_code == "closed"
    assert session.scalar(sa.select(sa.func.count()).select_from(SurveyAnswer)) == 0


def test_what_people_wish_for_begins_the_plan_of_its_year_and_cites_the_survey(session: Session) -> None:
    works, clerk = a_works(session), a_person(session).id
    survey = a_survey(session, works)
    wishes = [Wish("消防", 1, 4, 30), Wish("用电", 2, 8, 12)]

    def plan(chosen: Sequence[Wish]) -> TrainingPlan:
        return surveys.plan_with(session, survey, chosen, reason="按调研", audience="一车间", by=clerk, at=AT)

    with pytest.raises(Malformed):
        plan([])
    begun = plan(wishes[:1])
    assert plan(wishes).id == begun.id, "the version that is being written"
    rows = yearly.lines(session, begun.id)
    assert [(one.title, one.survey_id, one.people) for one in rows] == [
        ("消防", survey.id, 30),
        ("用电", survey.id, 12),
    ]
    yearly.submit(session, begun.id, by=clerk, at=AT)
    with pytest.raises(Conflict):
        plan(wishes)
    yearly.decide(session, begun.id, approve=True, note="", by=a_person(session).id, at=AT)
    newer = plan([Wish("高处", 3, 4, 5)])
    assert (newer.state, newer.version, newer.reason) == (PlanState.DRAFT, 2, "按调研")
    assert {one.survey_id for one in yearly.lines(session, newer.id)} == {survey.id}
    assert surveys.titles(session, [survey.id, None]) == {survey.id: "2027 年培训需求"}


def test_what_nobody_was_asked_can_be_thrown_away(session: Session) -> None:
    works = a_works(session)
    works.hire()
    survey = a_survey(session, works)
    first, _second = surveys.questions(session, survey.id)
    surveys.remove_question(session, survey.id, first.id)
    surveys.add_question(session, survey.id, ONE)
    assert [one.question for one in surveys.questions(session, survey.id)] == [WISH, ONE]
    with pytest.raises(NotFound):
        surveys.remove_question(session, survey.id, first.id)
    surveys.discard(session, survey.id)
    assert surveys.listed(session, works.workshop.id) == []
    opened = a_survey(session, works)
    survey_opening.open_up(session, opened.id, at=AT)
    with pytest.raises(Conflict):
        surveys.discard(session, opened.id)
