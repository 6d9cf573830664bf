"""Every address that names something, asked by everybody whom it does not concern."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import teaching
from elearn.courses.upload_models import Upload, UploadState
from elearn.db import new_id
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people import callers
from elearn.people.models import OrganisationKind, Role
from tests.addresses import guessed
from tests.adversary.test_reading import player_client
from tests.builders_people import AT, an_account, an_institution, an_organisation, signed_in
from tests.builders_tracking import Watchable
from tests.conftest import scalar

STRANGERS = [role for role in Role if role not in (Role.OPERATOR, Role.AUDITOR, Role.REGULATOR_OFFICER)]
SPOKEN_OF = "高处作业安全"


OPEN = {"elearn.pages.catalogue_course"}
"""What institutions offer, everybody signed in may read; drafts not (tests/pages/test_catalogue.py)."""


@pytest.fixture
def ids(session: Session, lesson: Watchable, player: ScriptedPlayer) -> dict[str, UUID]:
    """One thing of the victim's for each name that an address can have in it."""
    player.play(15_000)
    player.ask_check()
    upload = Upload(
        id=new_id(), lesson_id=scalar(session, "SELECT id FROM elearn.lesson"), file_name="x", size_bytes=1,
        state=UploadState.WAITING, stage="", progress_permille=0, error_facts={}, created_at=AT, updated_at=AT,
    )  # fmt: skip
    session.add(upload)
    session.flush()
    return {
        "sitting_id": UUID(player.sid),
        "check_id": UUID(str(scalar(session, "SELECT id FROM elearn.presence_check"))),
        "upload_id": upload.id,
        "lesson_id": upload.lesson_id,
        "unit_id": lesson.unit_id,
        "course_id": lesson.course_id,
        "class_id": lesson.class_id,
        "question_id": UUID(str(scalar(session, "SELECT id FROM elearn.question LIMIT 1"))),
        "person_id": lesson.learner_id,
        "institution_id": lesson.institution_id,
        "organisation_id": lesson.institution_id,
    }


@pytest.mark.parametrize("role", STRANGERS)
def test_nobody_of_another_organisation_sees_or_changes_anything_by_its_id(
    app: Flask, session: Session, ids: dict[str, UUID], role: Role
) -> None:
    kind = OrganisationKind.ENTERPRISE if role in (Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER) else None
    own = an_organisation(session, kind) if kind else an_institution(session)
    account = an_account(session, role, organisation_id=own.id)
    session.flush()
    client = app.test_client()
    callers.forget_last_request()
    headers = signed_in(client, session, account)
    before = everything(session)
    walked = 0
    for rule in app.url_map.iter_rules():
        named = {name: ids[name] for name in rule.arguments if name in ids}
        if not named or not rule.endpoint.startswith("elearn.") or rule.endpoint in OPEN:
            continue
        rest = {name: guessed(rule, name, 0 if name == "index" else "360p") for name in rule.arguments - set(ids)}
        path = app.url_map.bind("").build(rule.endpoint, {**named, **rest})
        for method in {"GET", "POST"} & (rule.methods or set()):
            callers.forget_last_request()
            got = client.open(path, method=method, headers=headers, json={} if method == "POST" else None)
            assert got.status_code in (400, 403, 404), (method, path, got.status_code)
            assert SPOKEN_OF not in got.get_data(as_text=True)
            walked += 1
    assert walked >= 20
    assert everything(session) == before


def everything(session: Session) -> object:
    """What nobody of them may have changed."""
    return scalar(
        session,
        "SELECT concat_ws('|', (SELECT sum(hashtext(t::text)) FROM elearn.unit t), (SELECT sum(hashtext(t::text)) FROM "
        "elearn.sitting t), (SELECT sum(hashtext(t::text)) FROM elearn.enrolment t), (SELECT sum(hashtext(t::text)) "
        "FROM elearn.question t), (SELECT sum(hashtext(t::text)) FROM elearn.training_class t))",
    )


def test_what_a_teacher_typed_is_text_and_never_part_of_a_page(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}"
    teaching.add_course(session, institution_id=lesson.institution_id, title=evil, at=AT)

    for table in ("course", "lesson", "training_class"):
        session.execute(sa.text(f"UPDATE elearn.{table} SET title = :evil"), {"evil": evil})
    session.commit()
    client = player_client(player)
    for path in ("/", "/hours", f"/courses/{lesson.course_id}", f"/learn/{lesson.unit_id}"):
        callers.forget_last_request()
        got = client.get(path, headers={"Accept": "text/html"})
        page = got.get_data(as_text=True)
        assert got.status_code in (200, 404), path
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "script-src" in (policy := got.headers["Content-Security-Policy"]) or "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page), "no script inside a page"
