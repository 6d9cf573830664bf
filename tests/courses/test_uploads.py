"""Sending a video: streamed to a file, judged by what is in it, queued together with its row."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn import clock
from elearn.courses import uploads
from elearn.courses.models import Lesson
from elearn.courses.routes import LIMIT_KEY
from elearn.courses.upload_models import Upload, UploadState
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, TooLarge, Unavailable
from elearn.people.models import Role
from elearn.settings import Settings
from tests.builders_courses import AT, a_course, a_lesson
from tests.builders_people import an_account, an_institution, signed_in

VIDEO = b"\x00\x00\x00\x20ftypisom" + bytes(5000)


@pytest.fixture
def institution_id(session: Session) -> UUID:
    return an_institution(session).id


@pytest.fixture
def lesson(session: Session, institution_id: UUID) -> Lesson:
    return a_lesson(session, a_course(session, institution_id))


@pytest.fixture
def manager(client: FlaskClient, session: Session, institution_id: UUID, lesson: Lesson) -> dict[str, str]:
    """A signed-in manager of the institution: the headers of unsafe requests."""
    return signed_in(client, session, an_account(session, Role.INSTITUTION_MANAGER, organisation_id=institution_id))


def queued(session: Session) -> list[dict[str, Any]]:
    rows = session.execute(
        sa.text("SELECT args FROM procrastinate.procrastinate_jobs WHERE task_name = 'courses.package'")
    )
    return [row.args for row in rows]


def kept(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "uploads").glob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def clean(settings: Settings) -> None:
    for path in kept(settings):
        path.unlink()


def test_a_manager_sends_a_video_and_sees_its_progress(
    client: FlaskClient, session: Session, settings: Settings, lesson: Lesson, manager: dict[str, str]
) -> None:
    answer = client.post(f"/courses/lessons/{lesson.id}/video?name=课.mp4", data=VIDEO, headers=manager)
    assert answer.status_code == 201, answer.text
    state = answer.get_json()
    assert (state["state"], state["file_name"], state["bytes"]) == ("waiting", "课.mp4", len(VIDEO))
    [file] = kept(settings)
    assert (file.name, file.read_bytes()) == (state["id"], VIDEO)
    assert queued(session) == [{"upload_id": state["id"]}]
    assert client.get(f"/courses/uploads/{state['id']}").get_json() == state


def test_without_the_token_of_the_page_nothing_is_taken(
    client: FlaskClient, settings: Settings, lesson: Lesson, manager: dict[str, str]
) -> None:
    assert client.post(f"/courses/lessons/{lesson.id}/video", data=VIDEO).status_code == 403
    assert kept(settings) == []


def test_others_send_and_see_nothing(
    client: FlaskClient, app: Flask, session: Session, settings: Settings, lesson: Lesson, manager: dict[str, str]
) -> None:
    sent = client.post(f"/courses/lessons/{lesson.id}/video", data=VIDEO, headers=manager).get_json()
    for path in kept(settings):
        path.unlink()
    elsewhere = an_institution(session, name="其他机构").id
    for account, expected in (
        (an_account(session, Role.INSTITUTION_MANAGER, organisation_id=elsewhere), 404),
        (an_account(session, Role.INSTITUTION_CLERK, organisation_id=lesson_institution(session, lesson)), 403),
        (an_account(session, Role.LEARNER), 403),
        (None, 401),
    ):
        other = app.test_client()
        headers = signed_in(other, session, account) if account else manager
        sending = other.post(f"/courses/lessons/{lesson.id}/video", data=VIDEO, headers=headers)
        assert sending.status_code in (expected, 403)
        assert other.get(f"/courses/uploads/{sent['id']}").status_code == expected
    assert kept(settings) == []


def lesson_institution(session: Session, lesson: Lesson) -> UUID:
    found: UUID = session.execute(
        sa.text("SELECT institution_id FROM elearn.course WHERE id = :id"), {"id": lesson.course_id}
    ).scalar_one()
    return found


def a_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("lesson.mp4", VIDEO)
    return made.getvalue()


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("a zip called mp4", a_zip()),
        ("a PDF", b"%PDF-1.7\n" + bytes(200)),
        ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(200)),
        ("a page", b"\n <!DOCTYPE html><html>" + bytes(200)),
        ("a program", b"\x7fELF" + bytes(200)),
        ("a playlist that names other files", b"\xef\xbb\xbf#EXTM3U\n/etc/passwd\n"),
        ("a tiny zip", b"PK\x05\x06" + bytes(18)),
    ],
)
def test_what_evidently_is_no_video_is_refused_whatever_it_is_called(
    client: FlaskClient, session: Session, settings: Settings, lesson: Lesson, manager: dict[str, str], what: str,
    body: bytes,
) -> None:  # fmt: skip
    answer = client.post(f"/courses/lessons/{lesson.id}/video?name=lesson.mp4", data=body, headers=manager)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "not_a_video"), what
    assert answer.get_json()["detail"] == "该文件不是可接受格式的视频。"
    assert kept(settings) == []
    assert queued(session) == []


def test_an_empty_body_is_refused(
    client: FlaskClient, settings: Settings, lesson: Lesson, manager: dict[str, str]
) -> None:
    answer = client.post(f"/courses/lessons/{lesson.id}/video", data=b"", headers=manager)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "zero_length")
    assert kept(settings) == []


def test_a_video_over_the_limit_is_refused(
    client: FlaskClient, app: Flask, settings: Settings, lesson: Lesson, manager: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(app.config, LIMIT_KEY, len(VIDEO))
    assert client.post(f"/courses/lessons/{lesson.id}/video", data=VIDEO, headers=manager).status_code == 201
    for path in kept(settings):
        path.unlink()
    assert client.post(f"/courses/lessons/{lesson.id}/video", data=VIDEO + b"x", headers=manager).status_code == 413
    assert kept(settings) == []


def test_the_limit_holds_also_for_a_body_that_does_not_say_its_length(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        uploads.store(io.BytesIO(VIDEO), tmp_path / "x", announced=None, limit=len(VIDEO) - 1)
    assert list(tmp_path.iterdir()) == []
    assert uploads.store(io.BytesIO(VIDEO), tmp_path / "x", announced=None, limit=len(VIDEO)) == len(VIDEO)


def test_a_body_that_ends_early_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Malformed) as refusal:
        uploads.store(io.BytesIO(VIDEO), tmp_path / "x", announced=len(VIDEO) + 1)
    assert refusal.value.error_code == "incomplete"
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            piece = super().read(2000)
            if not piece:
                raise ConnectionResetError
            return piece

    with pytest.raises(ConnectionResetError):
        uploads.store(Breaking(VIDEO), tmp_path / "x", announced=None)
    assert list(tmp_path.iterdir()) == []


def test_a_video_larger_than_the_disk_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        uploads.store(io.BytesIO(VIDEO), tmp_path / "x", announced=1 << 60, limit=1 << 61)


def test_a_body_is_never_held_in_memory(tmp_path: Path) -> None:
    sizes: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(size or -1)
            return super().read(size)

    uploads.store(Counting(VIDEO + bytes(3 * uploads.CHUNK)), tmp_path / "x", announced=None)
    assert set(sizes) == {uploads.CHUNK}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("课.mp4", "课.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\videos\\a.mp4", "a.mp4"),
        ("a\x00\nb.mp4", "ab.mp4"),
        ("", "video"),
        ("a/", "video"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_file_name_is_only_ever_shown(sent: str, shown: str) -> None:
    assert uploads.display_name(sent) == shown


def test_a_row_that_is_rolled_back_leaves_no_job(session: Session, lesson: Lesson) -> None:
    session.commit()
    uploads.register(session, upload_id=new_id(), lesson_id=lesson.id, file_name="x", size_bytes=1, at=AT)
    assert len(queued(session)) == 1
    session.rollback()
    assert queued(session) == []
    assert session.scalars(sa.select(Upload)).all() == []


def failed(session: Session, lesson: Lesson, code: str) -> Upload:
    upload = uploads.register(session, upload_id=new_id(), lesson_id=lesson.id, file_name="x", size_bytes=1, at=AT)
    upload.state, upload.error_code = UploadState.FAILED, code
    session.flush()
    return upload


def test_a_failure_of_ours_may_be_tried_again_without_sending_anew(
    client: FlaskClient, session: Session, lesson: Lesson, manager: dict[str, str]
) -> None:
    upload = failed(session, lesson, "disk_full")
    session.commit()
    shown = client.get(f"/courses/uploads/{upload.id}").get_json()
    assert (shown["error"], shown["may_try_again"]) == ("disk_full", True)
    assert shown["detail"] == "服务器没有足够的空间处理该视频。"
    answer = client.post(f"/courses/uploads/{upload.id}/again", headers=manager)
    assert (answer.status_code, answer.get_json()["state"]) == (202, "waiting")
    assert len(queued(session)) == 2


def test_a_fault_of_the_file_is_not_tried_again(session: Session, lesson: Lesson, institution_id: UUID) -> None:
    upload = failed(session, lesson, "not_a_video")
    with pytest.raises(Conflict):
        uploads.again(session, upload.id, acting=[institution_id], at=AT)


@pytest.mark.parametrize("code", sorted(uploads.TEXTS))
def test_each_failure_is_explained_in_both_languages(code: str, app: Flask) -> None:
    from elearn.locale import catalogue

    assert catalogue("zh")[uploads.TEXTS[code]] != uploads.TEXTS[code]


def test_what_crashes_left_is_swept_and_what_is_needed_stays(session: Session, lesson: Lesson, tmp_path: Path) -> None:
    waiting, bad, done = (
        failed(session, lesson, "not_a_video"), failed(session, lesson, "disk_full"), failed(session, lesson, "x")
    )  # fmt: skip
    waiting.state, waiting.error_code = UploadState.WAITING, None
    done.state, done.error_code = UploadState.DONE, None
    session.flush()
    room = tmp_path / "uploads"
    room.mkdir()
    for name in (f"{waiting.id}", f"{bad.id}", f"{done.id}", f"{new_id()}", f"{new_id()}.part"):
        (room / name).write_bytes(b"x")
    born = clock.from_ms(int(room.joinpath(str(bad.id)).stat().st_mtime * 1000))
    hour = 3_600_000
    assert uploads.sweep(session, tmp_path, tmp_path, at=clock.from_ms(clock.to_ms(born) + hour)) == 1
    assert uploads.sweep(session, tmp_path, tmp_path, at=clock.from_ms(clock.to_ms(born) + 25 * hour)) == 2
    assert uploads.sweep(session, tmp_path, tmp_path, at=clock.from_ms(clock.to_ms(born) + 8 * 24 * hour)) == 1
    assert [path.name for path in room.iterdir()] == [str(waiting.id)]
