"""The job that makes a unit of a video: what it leaves, what it refuses, and what a killed run costs (nothing)."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import utcnow
from elearn.courses import catalogue, packaging, teaching, uploads
from elearn.courses.models import Lesson, Unit
from elearn.courses.upload_models import Upload, UploadState
from elearn.db import db, new_id
from elearn.runtime import runtime
from media.manifest import KEYS_FILE, MANIFEST_FILE, find_damage, read_manifest
from media.package import package
from tests.builders_courses import AT, SEALING_KEY, a_course, a_lesson
from tests.builders_people import an_institution
from tests.courses.test_uploads import a_zip
from tests.media.sources import FAST, make, picture, tone


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with sound."""
    room = tmp_path_factory.mktemp("video")
    return make(room / "lesson.mp4", *picture("320x180", 2), *tone(2), *FAST, "-c:a", "aac")


@pytest.fixture
def sent(own_app: Flask, video: Path) -> UUID:
    """An upload of `video`, committed with its job; the id."""
    with own_app.app_context():
        return send(video.read_bytes())


def send(body: bytes) -> UUID:
    session, upload_id = db.session(), new_id()
    lesson = a_lesson(session, a_course(session, an_institution(session).id), title="触电急救")
    target = uploads.source_path(runtime().settings.data_dir, upload_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(body)
    uploads.register(session, upload_id=upload_id, lesson_id=lesson.id, file_name="课.mp4", size_bytes=len(body), at=AT)
    session.commit()
    return upload_id


def run(session: Session, upload_id: UUID) -> Upload:
    """The job's work in this process."""
    settings = runtime().settings
    packaging.package_upload(
        session,
        upload_id,
        data_dir=settings.data_dir,
        media_dir=settings.media_dir,
        sealing_key=settings.sealing_key,
        now=utcnow,
    )
    session.expire_all()
    return session.get_one(Upload, upload_id)


def require_whole(session: Session, upload_id: UUID) -> Unit:
    """The upload is done, its one unit can be played, and nothing else lies about."""
    settings = runtime().settings
    upload = session.get_one(Upload, upload_id)
    assert (upload.state, upload.progress_permille, upload.error_code) == (UploadState.DONE, 1000, None)
    [unit] = session.scalars(sa.select(Unit).where(Unit.lesson_id == upload.lesson_id)).all()
    assert upload.unit_id == unit.id
    place = settings.media_dir / unit.content_hash
    manifest = read_manifest(place)
    assert find_damage(place, manifest) == ()
    assert not (place / KEYS_FILE).exists(), "keys lie sealed in the database and nowhere else"
    assert [path.name for path in settings.media_dir.iterdir() if path.name != packaging.MAKING] == [place.name]
    assert list((settings.media_dir / packaging.MAKING).iterdir()) == []
    assert list((settings.data_dir / "uploads").iterdir()) == []
    keys = {catalogue.block_key(session, unit.id, block.index, SEALING_KEY) for block in manifest.blocks}
    assert len(keys) == len(manifest.blocks)
    return unit


def test_a_worker_makes_a_draft_of_a_video(own_app: Flask, sent: UUID) -> None:
    jobs.work(own_app, until_done=True)
    with own_app.app_context():
        session = db.session()
        unit = require_whole(session, sent)
        assert (unit.version, unit.title, unit.published_at) == (1, "触电急救", None)
        facts = catalogue.unit_facts(session, unit.id)
        assert 1_900 <= facts.duration_ms <= 2_100
        assert facts.duration_ms == facts.blocks[-1].end_ms
        manifest = catalogue.manifest(facts, runtime().settings.media_dir)
        assert manifest.content_hash == unit.content_hash
        assert (
            session.execute(
                sa.text("SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE task_name = 'courses.package'")
            ).scalar_one()
            == 0
        )


def test_a_job_that_runs_twice_makes_one_unit(own_app: Flask, sent: UUID) -> None:
    with own_app.app_context():
        run(db.session(), sent)
        first = require_whole(db.session(), sent).id
        run(db.session(), sent)
        assert require_whole(db.session(), sent).id == first


def test_a_second_video_of_a_lesson_is_its_next_version(own_app: Flask, sent: UUID, video: Path) -> None:
    with own_app.app_context():
        session = db.session()
        lesson_id = run(session, sent).lesson_id
        again = new_id()
        shutil.copy(video, uploads.source_path(runtime().settings.data_dir, again))
        uploads.register(session, upload_id=again, lesson_id=lesson_id, file_name="2.mp4", size_bytes=1, at=AT)
        session.commit()
        run(session, again)
        versions = session.scalars(sa.select(Unit.version).where(Unit.lesson_id == lesson_id)).all()
        assert sorted(versions) == [1, 2]


@pytest.mark.parametrize(
    ("what", "code"),
    [("zip", "not_a_video"), ("noise", "not_a_video"), ("cut", "truncated_file"), ("sound", "no_video_track")],
)
def test_a_file_that_is_no_lesson_fails_with_a_reason_and_is_not_kept(
    own_app: Flask, video: Path, tmp_path: Path, what: str, code: str
) -> None:
    makers: dict[str, Callable[[], bytes]] = {
        "zip": a_zip,
        "noise": lambda: bytes(range(256)) * 40,
        "cut": lambda: video.read_bytes()[: video.stat().st_size // 2],
        "sound": lambda: make(tmp_path / "tone.m4a", *tone(1), "-c:a", "aac").read_bytes(),
    }
    body = makers[what]()
    with own_app.app_context():
        upload_id = send(body)
    jobs.work(own_app, until_done=True)
    with own_app.app_context():
        upload = db.session.get_one(Upload, upload_id)
        assert (upload.state, upload.error_code, upload.unit_id) == (UploadState.FAILED, code, None)
        assert uploads.problem_text(upload) == uploads.TEXTS[code]
        assert list((runtime().settings.data_dir / "uploads").iterdir()) == []
        assert not list(runtime().settings.media_dir.rglob("*.m4s"))
        assert db.session.scalars(sa.select(Unit)).all() == []


def test_a_fault_of_ours_is_recorded_raised_and_mends_itself(own_app: Flask, sent: UUID) -> None:
    with own_app.app_context():
        session, media_dir = db.session(), runtime().settings.media_dir
        media_dir.parent.mkdir(exist_ok=True)
        media_dir.write_text("a file stands where the directory should be")
        with pytest.raises(OSError, match=r"[Dd]irectory|exists"):
            run(session, sent)
        upload = session.get_one(Upload, sent)
        assert (upload.state, upload.error_code) == (UploadState.FAILED, "internal_error")
        media_dir.unlink()
        run(session, sent)
        require_whole(session, sent)


def test_progress_is_written_at_each_stage_but_not_at_each_call(own_app: Flask, sent: UUID) -> None:
    with own_app.app_context():
        session, seen = db.session(), []
        watch = "SELECT stage, progress_permille FROM elearn.upload WHERE id = :id"

        def look(connection: sa.Connection, *seen_by_hook: object) -> None:
            if "UPDATE elearn.upload SET stage" in str(seen_by_hook[1]):
                seen.append(seen_by_hook[1])

        sa.event.listen(db.engine, "before_cursor_execute", look)
        run(session, sent)
        assert 3 <= len(seen) <= 10
        assert session.execute(sa.text(watch), {"id": sent}).one() == ("done", 1000)


def test_a_run_killed_after_packaging_is_taken_up_without_encoding_again(own_app: Flask, sent: UUID) -> None:
    with own_app.app_context():
        session, settings = db.session(), runtime().settings
        source = uploads.source_path(settings.data_dir, sent)
        made = package(source, settings.media_dir / packaging.MAKING / str(sent))
        session.execute(sa.update(Upload).values(state=UploadState.PACKAGING))
        session.commit()
        run(session, sent)
        assert require_whole(session, sent).content_hash == made.content_hash


@pytest.mark.parametrize("files", ["still in the workshop", "moved already"])
def test_a_run_killed_after_the_unit_was_made_is_taken_up(own_app: Flask, sent: UUID, files: str) -> None:
    with own_app.app_context():
        session, settings = db.session(), runtime().settings
        run(session, sent)
        unit = require_whole(session, sent)
        if files == "still in the workshop":
            work = settings.media_dir / packaging.MAKING / str(sent)
            (settings.media_dir / unit.content_hash).rename(work)
            (work / KEYS_FILE).write_bytes(b"k" * 16)
        uploads.source_path(settings.data_dir, sent).write_bytes(b"the video")
        session.execute(sa.update(Upload).values(state=UploadState.PLACING, progress_permille=900))
        session.commit()
        run(session, sent)
        assert require_whole(session, sent).id == unit.id


CHILD = """
import json, os, sys
from pathlib import Path
from tests.conftest import settings_for
from elearn import create_app
from elearn.courses.packaging import package_video
url, redis, where, upload = sys.argv[1:]
app = create_app(settings_for(url, redis, Path(where)))
with app.app_context():
    package_video(upload_id=upload)
"""


def test_a_worker_killed_while_encoding_loses_nothing(own_app: Flask, own_database_url: str, tmp_path: Path) -> None:
    with own_app.app_context():
        session, settings = db.session(), runtime().settings
        long = make(tmp_path / "long.mp4", *picture("640x360", 60), *FAST).read_bytes()
        upload_id = send(long)
        worker = subprocess.Popen(
            [sys.executable, "-c", CHILD, own_database_url, settings.redis_url or "", str(tmp_path), str(upload_id)],
            cwd=Path(__file__).parents[2],
        )
        making = settings.media_dir / packaging.MAKING
        deadline = time.monotonic() + 60
        while not list(making.glob(".*")) and time.monotonic() < deadline and worker.poll() is None:
            time.sleep(0.02)
        assert worker.poll() is None, "it was still at work"
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert session.get_one(Upload, upload_id).state is UploadState.PACKAGING
    jobs.work(own_app, until_done=True)
    with own_app.app_context():
        unit = require_whole(db.session(), upload_id)
        assert 59_000 <= unit.duration_ms <= 60_200


def test_a_second_worker_does_not_touch_what_the_first_is_packaging(own_app: Flask, sent: UUID) -> None:
    with own_app.app_context():
        with packaging._alone(str(sent)), pytest.raises(packaging.StillWorking):
            packaging.package_video(upload_id=str(sent))
        assert db.session.get_one(Upload, sent).state is UploadState.WAITING
        packaging.package_video(upload_id=str(sent))
        require_whole(db.session(), sent)


def test_an_upload_that_is_gone_ends_quietly(own_app: Flask) -> None:
    with own_app.app_context():
        packaging.package_video(upload_id=str(new_id()))


def test_keys_are_readable_by_nobody_else_while_they_wait(own_app: Flask, sent: UUID) -> None:
    with own_app.app_context():
        settings = runtime().settings
        work = settings.media_dir / packaging.MAKING / str(sent)
        package(uploads.source_path(settings.data_dir, sent), work)
        assert stat.S_IMODE((work / KEYS_FILE).stat().st_mode) == 0o600
        assert (work / MANIFEST_FILE).exists()


def test_the_draft_can_be_filled_and_published(own_app: Flask, sent: UUID) -> None:
    with own_app.app_context():
        session = db.session()
        run(session, sent)
        unit = require_whole(session, sent)
        lesson = session.get_one(Lesson, unit.lesson_id)
        acting = [
            session.execute(
                sa.text("SELECT institution_id FROM elearn.course WHERE id = :id"), {"id": lesson.course_id}
            ).scalar_one()
        ]
        with pytest.raises(teaching.PoolTooThin):
            teaching.publish(session, unit.id, acting=acting, at=AT)
        teaching.add_many_questions(session, unit.id, "0,1,先做什么？,断电,验电,挂牌,离开,ABC", acting=acting, at=AT)
        teaching.publish(session, unit.id, acting=acting, at=AT)
        assert catalogue.unit_facts(session, unit.id).published
