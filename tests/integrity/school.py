"""The lessons, learners and browsers that stories are told with: made by the services, not by looking into tables."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from flask import Flask

from elearn.courses import catalogue, classes, teaching
from elearn.courses.models import Kind
from elearn.db import db
from elearn.demo.scripted_player import Answer
from elearn.people import accounts
from elearn.people.models import Account
from tests.builders_people import KEYS, a_person, an_institution, signed_in
from tests.builders_tracking import SEALING_KEY, Over, a_manifest, some_questions

AT = datetime(2026, 1, 2, 1, 0, tzinfo=UTC)
"""When everything was set up: before the first story begins, so its class runs already."""


@dataclass(frozen=True)
class Unit:
    """A registered unit and the keys of its blocks, in order."""

    id: UUID
    keys: Sequence[bytes]


class School:
    """One institution with one filed class on `app`; each story adds its own lessons and learners."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._names = itertools.count(1)
        with app.app_context():
            session = db.session()
            self.institution_id = an_institution(session).id
            outline = teaching.add_outline(
                session,
                code="CORPUS",
                name="高处作业",
                region="CN",
                version="1",
                effective_from=date(2026, 1, 1),
                items=[teaching.NewItem("1", "安全带", Kind.THEORY, 8)],
            )
            item = teaching.items_of(session, outline.id)[0]
            course = teaching.add_course(
                session, institution_id=self.institution_id, title="高处作业安全", at=AT, outline_item_id=item.id
            )
            training_class = classes.open_class(
                session,
                institution_id=self.institution_id,
                outline_id=outline.id,
                class_no="C-1",
                title="一月班",
                starts_on=date(2026, 1, 1),
                at=AT,
            )
            self.course_id, self.class_id = course.id, training_class.id
            acting = [self.institution_id]
            classes.file_class(session, self.class_id, filing_no="F-1", filed_at=AT, acting=acting, at=AT)
            session.commit()

    def unit(self, title: str, duration_ms: int, *, block_ms: int) -> Unit:
        """Register a unit of this duration through a typed manifest, with a question for every 30 s."""
        manifest = a_manifest(duration_ms, block_ms)
        keys = [secrets.token_bytes(16) for _ in manifest.blocks]
        questions = some_questions(duration_ms)
        with self.app.app_context():
            session = db.session()
            lesson = teaching.add_lesson(session, course_id=self.course_id, title=title, acting=[self.institution_id])
            unit = catalogue.register_unit(
                session, lesson.id, title, manifest, keys, questions, sealing_key=SEALING_KEY, published_at=AT
            )
            session.commit()
            return Unit(unit.id, keys)

    def learner(self) -> UUID:
        """Somebody new, enrolled in the class; the account's id."""
        with self.app.app_context():
            session = db.session()
            person = a_person(session)
            name = f"corpus-{next(self._names)}"
            account = accounts.open_account(session, person.id, name=name, keys=KEYS, at=AT)
            classes.enrol(session, self.class_id, [person.id], acting=[self.institution_id], at=AT)
            session.commit()
            return account.id

    def person_of(self, account_id: UUID) -> UUID:
        with self.app.app_context():
            return db.session().get_one(Account, account_id).person_id


class Browser:
    """One learner's browser: keeps its cookie, and signs in again when its session has ended."""

    def __init__(self, school: School, account_id: UUID) -> None:
        self._school, self._account_id = school, account_id
        self._client = school.app.test_client()
        self._send = Over(self._client)
        self.headers: dict[str, str] = {}
        self.sign_in()

    def sign_in(self) -> None:
        with self._school.app.app_context():
            session = db.session()
            self.headers.update(signed_in(self._client, session, session.get_one(Account, self._account_id)))

    def __call__(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer:
        answer = self._send(method, path, headers=headers, body=body)
        if answer.status == 401:
            self.sign_in()
            answer = self._send(method, path, headers={**headers, **self.headers}, body=body)
        return answer
