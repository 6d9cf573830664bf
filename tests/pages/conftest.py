"""A small world for pages: two institutions, an enterprise, a class with a course, and everybody's sign-in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from html import unescape

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.courses.models import Course, Lesson, Outline, TrainingClass, Unit
from elearn.people import callers, organisations
from elearn.people.models import Account, EmploymentKind, Organisation, Role
from tests import builders_courses as courses
from tests import builders_people as people


@dataclass
class World:
    institution: Organisation
    other_institution: Organisation
    enterprise: Organisation
    other_enterprise: Organisation
    outline: Outline
    course: Course
    lesson: Lesson
    unit: Unit
    held: TrainingClass
    worker: Account
    manager: Account
    other_manager: Account
    clerk: Account
    other_clerk: Account
    operator: Account
    auditor: Account
    stranger: Account
    """A learner who is in no class."""

    def account(self, name: str) -> Account:
        found = getattr(self, name)
        assert isinstance(found, Account)
        return found


@pytest.fixture
def world(session: Session) -> World:
    institution = people.an_institution(session)
    other_institution = people.an_institution(session, name="洱海培训学校")
    enterprise = people.an_organisation(session)
    other_enterprise = people.an_organisation(session, name="金沙矿业")
    outline = courses.an_outline(session)
    course = courses.a_course(session, institution.id, outline=outline)
    lesson = courses.a_lesson(session, course)
    unit = courses.a_unit(session, lesson)
    held = courses.a_class(session, institution.id, outline)
    worker = people.an_account(session, person=people.a_person(session, name="李明"), name="li.ming")
    organisations.join(
        session, worker.person_id, enterprise.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=people.AT
    )
    courses.enrolled(session, held, worker.person_id)

    def staff(role: Role, organisation: Organisation | None = None) -> Account:
        return people.an_account(session, role, organisation_id=organisation.id if organisation else None)

    found = World(
        institution=institution,
        other_institution=other_institution,
        enterprise=enterprise,
        other_enterprise=other_enterprise,
        outline=outline,
        course=course,
        lesson=lesson,
        unit=unit,
        held=held,
        worker=worker,
        manager=staff(Role.INSTITUTION_MANAGER, institution),
        other_manager=staff(Role.INSTITUTION_MANAGER, other_institution),
        clerk=staff(Role.ENTERPRISE_CLERK, enterprise),
        other_clerk=staff(Role.ENTERPRISE_CLERK, other_enterprise),
        operator=staff(Role.OPERATOR),
        auditor=staff(Role.AUDITOR),
        stranger=people.an_account(session),
    )
    session.commit()
    return found


class Browser:
    """A person's browser: asks for pages in English, sends forms with the page's token."""

    def __init__(self, app: Flask, session: Session, account: Account | None) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = ""
        if account is not None:
            callers.forget_last_request()  # another browser than the one before
            self.token = people.signed_in(self.client, session, account)["X-CSRFToken"]

    def get(self, path: str, **values: object) -> TestResponse:
        self._forget()
        return self.client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"}, **values)

    def post(self, path: str, form: Mapping[str, object] | None = None, **values: object) -> TestResponse:
        self._forget()
        data = {"csrf_token": self.token, **(form or {})}
        answer = self.client.post(
            path,
            data=data,
            headers={"Accept": "text/html", "Accept-Language": "en"},
            **values,
        )
        answer.request.input_stream.close()  # a large form is a file, which werkzeug's client leaves open
        return answer

    @staticmethod
    def _forget() -> None:
        """The test's own application context stays open, so what a request left in `g` would reach the next one."""
        for kept in ("elearn_language", "elearn_here", "elearn_broken"):
            g.pop(kept, None)

    def page(self, path: str, status: int = 200) -> str:
        response = self.get(path)
        assert response.status_code == status, (path, response.status, response.text[:2000])
        return text_of(response)


def text_of(response: TestResponse) -> str:
    """What a person reads: without tags, spaces joined."""
    body = re.sub(r"(?s)<(script|style|svg).*?</\1>", " ", response.text)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def token_in(response: TestResponse) -> str:
    """The token that the page's forms carry."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', response.text)
    assert found is not None
    return unescape(found[1])


def field_in(response: TestResponse, name: str) -> str:
    """The value of the first hidden field of that name."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.text)
    assert found is not None, name
    return unescape(found[1])


@pytest.fixture
def browser(app: Flask, session: Session) -> Callable[[Account | None], Browser]:
    """A browser in which somebody is signed in."""
    return lambda account: Browser(app, session, account)
