"""A browser without scripts sends a video in a form; a large form is read only from whoever may send it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses.routes import LIMIT_KEY
from elearn.courses.upload_models import Upload
from elearn.people.models import Account
from tests.courses.test_uploads import VIDEO
from tests.pages.conftest import Browser, World

Open = Callable[[Account | None], Browser]


def test_a_video_comes_in_a_form(session: Session, world: World, browser: Open) -> None:
    path = f"/teaching/lessons/{world.lesson.id}/video"
    sent = browser(world.manager).post(path, {"video": (io.BytesIO(VIDEO + bytes(1_500_000)), "课.mp4")})
    assert (sent.status_code, sent.location) == (303, f"/teaching/lessons/{world.lesson.id}")
    assert session.scalars(sa.select(Upload.file_name)).all() == ["课.mp4"]
    bad: list[tuple[dict[str, object], str]] = [
        ({}, "Please choose a file."),
        ({"video": (io.BytesIO(b"%PDF-1.7" + bytes(100)), "a.mp4")}, "not a video"),
    ]
    for wrong, said in bad:
        reader = browser(world.manager)
        assert reader.post(path, wrong).status_code == 303
        assert said in reader.page(f"/teaching/lessons/{world.lesson.id}")
    assert session.scalars(sa.select(sa.func.count()).select_from(Upload)).one() == 1


FORMS = [
    ("manager", "/teaching/questions/new", "image-stem"),
    ("manager", "/teaching/questions/import", "file"),
    ("manager", "/teachers/import", "file"),
    ("manager", "/teaching/classes/{held}/attendance", "file"),
    ("manager", "/teaching/classes/{held}/lesson-plans", "file"),
    ("manager", "/sessions/{nothing}/files", "file"),
    ("manager", "/findings/import", "file"),
    ("operator", "/receivers/nobody/receipt-files", "file"),
    ("operator", "/receivers/nobody/reconcile", "list"),
]


@pytest.mark.parametrize(("who", "path", "field"), FORMS)
def test_what_is_larger_than_other_forms_is_read_where_files_are_taken(
    world: World, browser: Open, who: str, path: str, field: str
) -> None:
    path = path.format(held=world.held.id, nothing=world.lesson.id)
    sent = browser(world.account(who)).post(path, {field: (io.BytesIO(b"?" * 1_500_000), "a.bin")})
    assert sent.status_code in (303, 404, 422), sent.text[:300]


def test_nobody_else_sends_a_large_form(
    app: Flask, session: Session, world: World, browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/teaching/lessons/{world.lesson.id}/video"
    large = VIDEO + bytes(1_500_000)
    for name, status in (("other_manager", 404), ("worker", 413), ("clerk", 413)):
        form: dict[str, object] = {"video": (io.BytesIO(large), "a.mp4")}
        assert browser(world.account(name)).post(path, form).status_code == status, name
    assert browser(None).post(path, {"video": (io.BytesIO(large), "a.mp4")}).status_code == 413
    monkeypatch.setitem(app.config, LIMIT_KEY, 1000)
    assert browser(world.manager).post(path, {"video": (io.BytesIO(large), "a.mp4")}).status_code == 413
    assert session.scalars(sa.select(Upload)).all() == []
