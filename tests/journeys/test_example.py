"""The demonstration's example of a category: judged by its own rows, and nobody else is judged by them. What a start
that was cut off leaves behind is gone on with."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import catalogue, uploads
from elearn.courses.models import Question
from elearn.courses.upload_models import Upload, UploadState
from elearn.credit_export import records
from elearn.credit_export.eligibility import Eligible, Ineligible, Judgement, Reason
from elearn.credit_export.gathering import Case
from elearn.credit_export.hours import Tally
from elearn.db import new_id
from elearn.demo.admission import SMALL, set_up_admission
from elearn.demo.example import OUTLINE, published, questions, sent, set_up
from elearn.demo.kept import Example
from elearn.people.registry import local_day
from tests.builders_tracking import a_manifest

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


def an_example(session: Session, app: Flask) -> Example:
    settings = app.extensions["elearn"].settings
    example = set_up(session, settings, now=NOW)
    set_up_admission(session, settings, example, now=NOW)
    return example


def cases_of(session: Session, example: Example) -> dict[str, Case]:
    """By the outline's code."""
    found = records.gather(session, UUID(example.worker_ids[0]), now=NOW)
    return {case.category.code: case for case in found}


def judged(case: Case, online_ms: int) -> Judgement:
    return records.decide(dataclasses.replace(case, hours=Tally(online_theory_ms=online_ms)), local_day(NOW))


def test_a_minute_of_the_example_is_an_hour_and_one_is_all_it_asks(session: Session, app: Flask) -> None:
    case = cases_of(session, an_example(session, app))[SMALL]
    assert case.category.required_theory == 1
    short = judged(case, 59_999)
    assert isinstance(short, Ineligible)
    assert short.reasons == (Reason.HOURS_THEORY_SHORT,)
    assert isinstance(judged(case, 60_000), Eligible)


def test_the_examples_rows_judge_nobody_else(session: Session, app: Flask) -> None:
    """The real outline stands beside it: 24 hours of half an hour, and not all of them online."""
    case = cases_of(session, an_example(session, app))[OUTLINE]
    found = judged(case, 24 * 1_800_000)
    assert isinstance(found, Ineligible)
    assert Reason.OFFLINE_SHARE_LOW in found.reasons
    assert "demo_example" not in found.rules
    assert case.category.required_theory == 24


def test_what_an_older_version_set_up_is_completed_once(session: Session, app: Flask) -> None:
    example = an_example(session, app)
    before = dataclasses.replace(example, sign_ins=list(example.sign_ins))
    set_up_admission(session, app.extensions["elearn"].settings, example, now=NOW)
    assert example == before
    assert [one.name for one in example.sign_ins].count("officer") == 1


def a_video_on_its_way(session: Session, lesson_id: UUID) -> Upload:
    return uploads.register(
        session, upload_id=new_id(), lesson_id=lesson_id, file_name="lesson.mp4", size_bytes=1, at=NOW
    )


def test_a_video_that_a_start_before_sent_is_sent_again_only_when_it_failed(session: Session, app: Flask) -> None:
    lesson_id = UUID(an_example(session, app).lesson_ids[1])
    assert sent(session, lesson_id) is None
    upload = a_video_on_its_way(session, lesson_id)
    for state in (UploadState.WAITING, UploadState.PACKAGING, UploadState.PLACING, UploadState.DONE):
        upload.state = state
        assert sent(session, lesson_id) == upload.id
    upload.state = UploadState.FAILED
    assert sent(session, lesson_id) is None
    another = a_video_on_its_way(session, lesson_id)
    assert sent(session, lesson_id) == another.id


def test_a_lesson_is_published_once_also_where_its_start_was_cut_off_after_that(session: Session, app: Flask) -> None:
    example = an_example(session, app)
    lesson_id, institution_id = UUID(example.lesson_ids[1]), UUID(example.institution_id)
    upload, manifest = a_video_on_its_way(session, lesson_id), a_manifest(90_000)
    assert published(session, institution_id, upload.id, now=NOW) is None
    unit = catalogue.register_unit(
        session,
        lesson_id,
        "山区天气观察",
        manifest,
        [bytes([index]) * 16 for index in range(len(manifest.blocks))],
        (),
        sealing_key=app.extensions["elearn"].settings.sealing_key,
        created_at=NOW,
    )
    upload.state, upload.unit_id = UploadState.DONE, unit.id
    session.flush()
    for _ in range(2):
        assert published(session, institution_id, upload.id, now=NOW) == unit
        assert unit.published_at == NOW
        count = sa.select(sa.func.count()).select_from(Question).where(Question.unit_id == unit.id)
        assert session.scalar(count) == len(questions(90_000))
