"""The one character that PostgreSQL's text cannot hold: every form that takes words answers it, and keeps nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from tests.builders_courses import theory_of
from tests.pages.conftest import Browser, World

Forms = dict[str, tuple[str, dict[str, object]]]
NUL = "a\0b"
COUNTED = ("course", "lesson", "page_draft", "bank_question", "training_class", "person", "question", "organisation")


@pytest.fixture
def forms(session: Session, world: World) -> Forms:
    """What each form that a manager or an operator fills in takes, by its address."""
    own: dict[str, object] = {"organisation": str(world.institution.id)}
    item = str(theory_of(session, world.outline).id)
    options: dict[str, object] = {f"option_{letter}": f"{letter}{NUL}" for letter in "ABCD"}
    days: dict[str, object] = {"starts_on": "2026-07-01", "ends_on": "2026-09-01", "outline": str(world.outline.id)}
    return {
        "a course": ("/teaching/courses/new", own | {"title": NUL, "summary": NUL, "item": item}),
        "a lesson": (f"/teaching/courses/{world.course.id}/lessons", {"title": NUL}),
        "a page": (f"/teaching/lessons/{world.lesson.id}/pages", {"title": NUL, "text": NUL}),
        "a question of a lesson": (
            f"/teaching/units/{world.unit.id}/question",
            options | {"from": "0:00", "to": "1:00", "stem": NUL, "correct": "A"},
        ),
        "many questions": (f"/teaching/units/{world.unit.id}/questions", {"text": NUL}),
        "a question of the bank": (
            "/teaching/questions/new",
            own | {"kind": "single", "difficulty": "easy", "stem": NUL, "answers": f"* {NUL}\n- c", "item": "\0"},
        ),
        "a class": ("/teaching/classes/new", own | days | {"class_no": NUL, "title": NUL, "place": NUL}),
        "a person": ("/people/new", own | {"name": NUL, "document_kind": "passport", "document_number": NUL}),
        "a receiver": ("/receivers/new", {"name": NUL, "client_id": NUL}),
        "an institution that is suspended": (
            "/findings/new",
            {"kind": "institution_suspended", "note": NUL, "institution": str(world.institution.id)},
        ),
    }  # fmt: skip


def test_no_form_breaks_over_it_and_none_keeps_it(app: Flask, session: Session, world: World, forms: Forms) -> None:
    def rows() -> list[int]:
        return [session.execute(sa.text(f"SELECT count(*) FROM elearn.{one}")).scalar_one() for one in COUNTED]

    before, refused = rows(), set()
    for account in (world.manager, world.operator):
        browser = Browser(app, session, account)
        for what, (address, form) in forms.items():
            status = browser.post(address, form).status_code
            assert status < 500, what
            refused |= {what} if status in (400, 422) else set()
            assert browser.get(address.replace("/new", "") + "?search=a%00b&item=%00").status_code < 500, what
    assert refused == forms.keys(), "one of the two may fill it in, and is told"
    session.rollback()
    assert rows() == before
