"""Surveys over HTTP: written by a clerk, answered on a phone, closed, read, taken as a file and into the plan."""

from __future__ import annotations

import io

import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.people.models import Account, EmploymentKind, Organisation, Role
from elearn.training.plans import survey_opening, yearly
from elearn.training.plans.models import TrainingPlan
from elearn.training.plans.survey_models import Survey, SurveyAnswer, SurveyAsked, SurveyReply
from tests import builders_people as people
from tests.pages.conftest import Browser
from tests.pages.test_plans import staff

NEW: dict[str, object] = {
    "title": "2027 年培训需求", "year": "2027", "ends_on": "2026-07-20", "names": "none", "questions": "ready",
}  # fmt: skip
EMPLOYEE, INTERN = EmploymentKind.EMPLOYEE, EmploymentKind.INTERN


def workers(session: Session, enterprise: Organisation, *kinds: EmploymentKind) -> list[Account]:
    return [
        people.a_member(session, enterprise.id, kind=kind, name=f"工人{number}") for number, kind in enumerate(kinds)
    ]


def the_survey(session: Session) -> Survey:
    session.expire_all()
    return session.scalars(sa.select(Survey)).one()


def surveys_there_are(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Survey)) or 0


def opened(clerk: Browser, session: Session, **said: object) -> str:
    """The id of a new survey that takes answers."""
    assert clerk.post("/training/surveys/new", {**NEW, **said}).status_code == 303
    survey = the_survey(session)
    assert clerk.post(f"/training/surveys/{survey.id}/open").status_code == 303
    return str(survey.id)


def test_an_anonymous_survey_from_the_first_question_to_the_plan(app: Flask, session: Session) -> None:
    enterprise = people.an_organisation(session)
    crew = workers(session, enterprise, *[EMPLOYEE] * 5, INTERN)
    clerk_account, principal_account = (
        staff(session, Role.ENTERPRISE_CLERK, enterprise),
        staff(session, Role.PRINCIPAL, enterprise),
    )
    session.commit()
    clerk, principal = Browser(app, session, clerk_account), Browser(app, session, principal_account)
    assert "Ask before you plan" in clerk.page("/training/surveys")
    assert principal.post("/training/surveys/new", NEW).status_code == 403
    here = f"/training/surveys/{opened(clerk, session)}"
    survey_id = here.rsplit("/", 1)[1]
    phones = [Browser(app, session, one) for one in crew]
    assert "asks what training you need" in phones[0].page("/")
    assert "What training do you need?" in phones[0].page("/messages")
    answering = f"/surveys/{survey_id}"
    assert "It is known that you answered, and not what." in phones[0].page(answering)
    replies: list[tuple[dict[str, object], str]] = [
        ({}, "Answer at least one question."),
        ({"q1": "17"}, "Choose one of the answers that are offered."),
        ({"q1": "-1"}, "Choose one of the answers that are offered."),
        ({"q2": ["0", "1"]}, "Choose one answer only."),
        ({"q4": "1e9"}, "Choose one of the answers that are offered."),
        ({"q4": "３"}, "Choose one of the answers that are offered."),
        ({"q5": "字" * 501}, "At most 500 characters."),
    ]
    for bad, said in replies:
        answer = phones[0].post(answering, bad)
        assert (answer.status_code, said in answer.text) == (422, True), bad
    assert session.scalar(sa.select(sa.func.count()).select_from(SurveyAnswer)) == 0
    for phone in phones:
        assert phone.post(answering, {"q1": ["0", "2"], "q4": "4", "q5": "=1+1"}).status_code == 303
    assert "asks what training you need" not in phones[0].page("/")
    assert phones[0].post(answering, {"q1": ["2"]}).status_code == 303, "changed on the same phone"
    shown = phones[0].get(answering).text
    assert 'value="2" checked' in shown
    assert 'value="0" checked' not in shown
    elsewhere = Browser(app, session, crew[0])
    assert "can be changed only on the phone" in elsewhere.page(answering)
    assert elsewhere.post(answering, {"q1": ["1"]}).status_code == 409
    shared = Browser(app, session, crew[1])  # a borrowed phone: the number of another person opens nothing
    kept = phones[0].client.get_cookie("survey", path=answering)
    assert kept is not None
    assert kept.http_only
    shared.client.set_cookie("survey", kept.value, path=answering)
    assert "You have answered" in shared.page(answering)

    page = clerk.page(here)
    assert "6 / 6 · 100 %" in page
    assert "Counts are seen once the survey is closed" in page
    assert clerk.get(f"{here}.xlsx").status_code == 409
    assert clerk.post(f"{here}/plan", {"wish": "1-2"}).status_code == 400
    assert clerk.post(f"{here}/close").status_code == 303
    assert clerk.post(f"{here}/close").status_code == 409
    assert phones[0].post(answering, {"q1": ["1"]}).status_code == 409
    assert "This survey is closed" in phones[0].page(answering)
    assert "Employee + Intern 6 / 6" in principal.page(here), "one intern is in no group of their own"
    text = clerk.get(f"{here}.csv").data.decode("utf-8-sig").splitlines()
    assert text[0] == "Question,Answer,All,Employee + Other kinds"
    assert "Which training would help you most?,Fire safety and extinguishers,5,5" in text
    assert "Which training would help you most?,Work at height,6,6" in text
    assert any(line.endswith("'=1+1,1") for line in text), "no spreadsheet takes it for a formula"
    book = openpyxl.load_workbook(io.BytesIO(clerk.get(f"{here}.xlsx").data))
    assert book.sheetnames == ["Results of the survey", "Who answered"]

    wish: dict[str, object] = {"wish": ["1-2", "1-0"], "quarter-1-2": "2", "hours-1-2": "8", "people-1-2": "6"}
    for wrong in ({"hours-1-0": "-4"}, {"hours-1-0": "1e9"}, {"hours-1-0": "４"}, {"people-1-0": "1000001"}):
        good = {"quarter-1-0": "1", "hours-1-0": "4", "people-1-0": "5"}
        assert clerk.post(f"{here}/plan", {**wish, **good, **wrong}).status_code == 422, wrong
    assert session.scalar(sa.select(sa.func.count()).select_from(TrainingPlan)) == 0, "nothing half done"
    assert clerk.post(f"{here}/plan", {"wish": "9-9"}).status_code == 400
    assert principal.post(f"{here}/plan", wish).status_code == 403
    leads = clerk.post(f"{here}/plan", {**wish, **good}).location
    [plan] = session.scalars(sa.select(TrainingPlan))
    assert leads == f"/training/plans/{plan.id}"
    assert [(one.title, one.quarter, one.hours, one.people) for one in yearly.lines(session, plan.id)] == [
        ("Fire safety and extinguishers", 1, 4, 5),
        ("Work at height", 2, 8, 6),
    ]
    assert "From the survey: 2027 年培训需求" in clerk.page(leads)


def test_a_named_survey_says_so_and_shows_who_said_what(app: Flask, session: Session) -> None:
    enterprise = people.an_organisation(session)
    crew = workers(session, enterprise, EMPLOYEE, INTERN)
    clerk_account = staff(session, Role.SAFETY_MANAGER, enterprise)
    session.commit()
    clerk, phone = Browser(app, session, clerk_account), Browser(app, session, crew[0])
    here = f"/training/surveys/{opened(clerk, session, names='shown', kind=['employee'])}"
    answering = here.removeprefix("/training")
    assert "Your name stands beside your answers" in phone.page(answering)
    assert Browser(app, session, crew[1]).get(answering).status_code == 404, "interns were not asked"
    assert phone.post(answering, {"q1": ["0"], "q5": "叉车"}).status_code == 303
    assert Browser(app, session, crew[0]).post(answering, {"q1": ["1"], "q5": "叉车"}).status_code == 303
    assert phone.client.get_cookie("survey", path=answering) is None
    book = openpyxl.load_workbook(io.BytesIO(clerk.get(f"{here}.xlsx").data))
    row = [cell.value for cell in book["Answers by name"][2]]
    assert row[:3] == ["工人0", "Employee", "Safe use of electricity"]
    mine = phone.get("/me/data.json").json
    assert mine is not None
    assert [one["text"] for one in mine["survey_answers"]] == ["", "叉车"]
    assert [(one["title"], one["answered"]) for one in mine["surveys"]] == [("2027 年培训需求", True)]


def test_a_survey_of_many_shows_how_far_opening_is_until_it_takes_answers(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_opening, "AT_ONCE", 1)
    enterprise = people.an_organisation(session)
    workers(session, enterprise, *[EMPLOYEE] * 3)
    account, reader = staff(session, Role.ENTERPRISE_CLERK, enterprise), staff(session, Role.PRINCIPAL, enterprise)
    session.commit()
    clerk, principal = Browser(app, session, account), Browser(app, session, reader)
    here = f"/training/surveys/{opened(clerk, session)}"
    page = clerk.page(here)
    assert "being opened" in page
    assert "0 of 3 people written down" in page
    assert 'hx-trigger="every 2s"' in clerk.get(here).text
    assert clerk.post(f"{here}/open").status_code == 303, "pressed again"
    assert "Go on with it" in clerk.page(here)
    assert "Go on with it" not in principal.page(here)
    assert "being opened" in clerk.page("/training/surveys")
    assert clerk.get(f"{here}.xlsx").status_code == 409
    survey_opening.ask_everybody(here.rpartition("/")[2])
    assert "0 / 3" in clerk.page(here)
    assert 'hx-trigger="every 2s"' not in clerk.get(here).text


def test_a_survey_in_a_bad_form_is_refused_and_another_enterprises_is_not_there(app: Flask, session: Session) -> None:
    enterprise, other = people.an_organisation(session), people.an_organisation(session, name="金沙矿业")
    workers(session, enterprise, EMPLOYEE)
    clerk_account, stranger_account = (
        staff(session, Role.ENTERPRISE_CLERK, enterprise),
        staff(session, Role.ENTERPRISE_CLERK, other),
    )
    session.commit()
    clerk, stranger = Browser(app, session, clerk_account), Browser(app, session, stranger_account)
    forms: list[tuple[dict[str, object], int]] = [
        ({"title": ""}, 422), ({"title": "x" * 101}, 422), ({"ends_on": "2026-06-19"}, 422), ({"ends_on": ""}, 422),
        ({"ends_on": "2027-06-20"}, 422), ({"ends_on": "下周"}, 422), ({"year": "2028"}, 400), ({"year": "1e9"}, 400),
        ({"names": "maybe"}, 400), ({"kind": ["boss"]}, 400), ({"questions": ""}, 400),
    ]  # fmt: skip
    for bad, status in forms:
        assert clerk.post("/training/surveys/new", {**NEW, **bad}).status_code == status, bad
    assert surveys_there_are(session) == 0
    assert clerk.post("/training/surveys/new", {**NEW, "questions": "own"}).status_code == 303
    survey = the_survey(session)
    here = f"/training/surveys/{survey.id}"
    assert clerk.post(f"{here}/open").status_code == 422, "it has no question"
    questions: list[tuple[dict[str, object], int]] = [
        ({"title": ""}, 422), ({"options": "只有一个"}, 422), ({"topic": ["topic.nothing"]}, 400),
        ({"question_kind": "essay"}, 400),
    ]  # fmt: skip
    for bad, status in questions:
        question = {"title": "学什么", "question_kind": "one", "options": "消防\n用电", **bad}
        assert clerk.post(f"{here}/questions", question).status_code == status, bad
    added = {"title": "学什么", "question_kind": "several", "options": "叉车", "topic": ["topic.fire"]}
    assert clerk.post(f"{here}/questions", added).status_code == 303
    assert "Fire safety and extinguishers · 叉车" in clerk.page(here)
    for act in ("open", "close", "discard", "questions", "remove", "plan"):
        assert stranger.post(f"{here}/{act}", added).status_code == 404, act
    assert stranger.get(here).status_code == stranger.get(f"{here}.csv").status_code == 404
    assert clerk.post(f"{here}/remove", {"question": "no"}).status_code == 400
    assert clerk.post(f"{here}/remove", {"question": str(survey.id)}).status_code == 404
    assert clerk.post(f"{here}/discard").status_code == 303
    assert surveys_there_are(session) == 0
    for table in (SurveyAsked, SurveyReply):
        assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0
