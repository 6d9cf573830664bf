"""Videos in pieces (tus 1.0.0): whatever breaks in between, what arrives is the file that was sent, once."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.courses import arriving, tus, uploads
from elearn.courses.arriving import Gone, WrongChecksum
from elearn.courses.models import Lesson
from elearn.courses.routes import LIMIT_KEY
from elearn.courses.upload_models import ArrivingFile, Upload
from elearn.errors import Conflict, Malformed, NotTaken, Stale, TooLarge, TooMany, Unavailable
from elearn.people.models import Role
from elearn.settings import Settings
from tests.builders_courses import a_course, a_lesson
from tests.builders_people import an_account, an_institution, signed_in
from tests.conftest import ManualClock

VIDEO = b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 20
SPEAKS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def institution_id(session: Session) -> UUID:
    return an_institution(session).id


@pytest.fixture
def lesson(session: Session, institution_id: UUID) -> Lesson:
    return a_lesson(session, a_course(session, institution_id))


@pytest.fixture
def manager(client: FlaskClient, session: Session, institution_id: UUID, lesson: Lesson) -> dict[str, str]:
    return signed_in(client, session, an_account(session, Role.INSTITUTION_MANAGER, organisation_id=institution_id))


@pytest.fixture
def room(settings: Settings) -> Path:
    found = settings.data_dir / "uploads"
    found.mkdir(parents=True, exist_ok=True)
    for path in found.iterdir():
        path.unlink()
    return found


class Sender:
    """A client of the protocol, by hand."""

    def __init__(self, client: FlaskClient, headers: dict[str, str], lesson: Lesson) -> None:
        self.client, self.headers, self.lesson = client, headers | SPEAKS, lesson
        self.at = ""

    def begin(self, length: object = len(VIDEO), **more: str) -> TestResponse:
        name = base64.b64encode("课.mp4".encode()).decode()
        headers = {"Upload-Length": str(length), "Upload-Metadata": f"filename {name},relativePath"} | more
        answer = self.client.post(f"/courses/lessons/{self.lesson.id}/arriving", headers=self.headers | headers)
        self.at = answer.headers.get("Location", "")
        return answer

    def send(self, piece: bytes, offset: object, **more: str) -> TestResponse:
        headers = {"Upload-Offset": str(offset), "Content-Type": tus.PIECES} | more
        return self.client.patch(self.at, data=piece, headers=self.headers | headers)

    def offset(self) -> int:
        answer = self.client.head(self.at, headers=self.headers)
        assert answer.status_code == 200, answer.status
        assert answer.headers["Cache-Control"] == "no-store"
        return int(answer.headers["Upload-Offset"])


@pytest.fixture
def sender(client: FlaskClient, manager: dict[str, str], lesson: Lesson, room: Path) -> Sender:
    return Sender(client, manager, lesson)


def queued(session: Session) -> int:
    found = session.execute(
        sa.text("SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE task_name = 'courses.package'")
    ).scalar_one()
    return int(found)


def test_a_file_in_pieces_becomes_an_upload_and_one_job(sender: Sender, session: Session, room: Path) -> None:
    made = sender.begin()
    assert (made.status_code, made.headers["Tus-Resumable"]) == (201, "1.0.0")
    assert made.headers["Upload-Expires"] == "Thu, 02 Jul 2026 01:00:00 GMT"
    for start in range(0, len(VIDEO), 2000):
        answer = sender.send(VIDEO[start : start + 2000], start)
        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers["Upload-Offset"] == str(min(start + 2000, len(VIDEO)))
    [upload] = session.scalars(sa.select(Upload)).all()
    assert (upload.file_name, upload.size_bytes, sender.at.rsplit("/", 1)[1]) == ("课.mp4", len(VIDEO), str(upload.id))
    assert [(path.name, path.read_bytes()) for path in room.iterdir()] == [(str(upload.id), VIDEO)]
    assert (sender.offset(), queued(session)) == (len(VIDEO), 1)
    assert sender.send(b"", len(VIDEO)).status_code == 204
    assert queued(session) == 1
    assert sender.client.delete(sender.at, headers=sender.headers).status_code == 409


def test_after_an_answer_that_was_lost_the_sender_asks_and_goes_on(sender: Sender) -> None:
    sender.begin()
    sender.send(VIDEO[:1000], 0)
    again = sender.send(VIDEO[:1000], 0)
    assert (again.status_code, again.get_json()["error"]) == (409, "offset")
    assert sender.offset() == 1000
    assert sender.send(VIDEO[1000:], 1000).status_code == 204


def test_the_last_answer_may_be_lost_too(
    sender: Sender, session: Session, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All bytes are here, and the process died before it recorded them: before or after the file was renamed."""
    for renamed in (False, True):
        sender.begin()
        file_id = UUID(sender.at.rsplit("/", 1)[1])
        part = arriving.part_path(room.parent, file_id)
        part.write_bytes(VIDEO)
        if renamed:
            os.replace(part, uploads.source_path(room.parent, file_id))
        assert sender.offset() == len(VIDEO)
        assert session.get_one(Upload, file_id).size_bytes == len(VIDEO)
    assert queued(session) == 2


def test_what_cannot_be_recorded_has_not_arrived(
    sender: Sender, session: Session, app: Flask, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.begin()
    sender.send(VIDEO[:-1], 0)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the queue is away")

    with monkeypatch.context() as broken:
        broken.setattr("elearn.jobs.defer", fail)
        with pytest.raises(RuntimeError):
            sender.send(VIDEO[-1:], len(VIDEO) - 1)
    session.rollback()
    assert session.scalars(sa.select(Upload)).all() == []
    assert sender.offset() == len(VIDEO)
    assert len(session.scalars(sa.select(Upload)).all()) == 1


BAD_BEGINNINGS: list[tuple[str, dict[str, str], int]] = [
    ("another version", {"Tus-Resumable": "0.2.2"}, 412),
    ("no version", {"Tus-Resumable": ""}, 412),
    ("no length", {"Upload-Length": ""}, 400),
    ("a length that is none", {"Upload-Length": "-5"}, 400),
    ("a length in other digits", {"Upload-Length": "٣"}, 400),
    ("an endless length", {"Upload-Length": "9" * 400}, 400),
    ("nothing", {"Upload-Length": "0"}, 400),
    ("too much", {"Upload-Length": "3000000000"}, 413),
    ("more than the disk", {"Upload-Length": "1999999999"}, 503),
    ("a length to come", {"Upload-Defer-Length": "1"}, 400),
    ("metadata twice", {"Upload-Metadata": "a,a"}, 400),
    ("metadata that is no base64", {"Upload-Metadata": "filename !!!"}, 400),
    ("metadata without key", {"Upload-Metadata": "a aa==,,b"}, 400),
    ("endless metadata", {"Upload-Metadata": "a " + "A" * 9000}, 400),
]


@pytest.mark.parametrize(("what", "headers", "status"), BAD_BEGINNINGS, ids=[one[0] for one in BAD_BEGINNINGS])
def test_a_beginning_that_cannot_be_is_refused_and_leaves_nothing(
    sender: Sender, session: Session, room: Path, monkeypatch: pytest.MonkeyPatch, what: str, headers: dict[str, str],
    status: int,
) -> None:  # fmt: skip
    if status == 503:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    answer = sender.begin(**headers)
    assert answer.status_code == status, what
    assert answer.get_json()["detail"]
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert list(room.iterdir()) == []
    assert session.scalars(sa.select(ArrivingFile)).all() == []


BAD_PIECES: list[tuple[str, bytes, dict[str, str], int]] = [
    ("another version", b"x", {"Tus-Resumable": "2"}, 412),
    ("another type", b"x", {"Content-Type": "video/mp4"}, 415),
    ("no offset", b"x", {"Upload-Offset": ""}, 400),
    ("an offset behind", b"x", {"Upload-Offset": "5"}, 409),
    ("an offset ahead", b"x", {"Upload-Offset": "1001"}, 409),
    ("more than was said", VIDEO, {}, 413),
    ("an unknown checksum", b"x", {"Upload-Checksum": "crc32 AAAA"}, 400),
    ("a checksum that is none", b"x", {"Upload-Checksum": "sha1 !!"}, 400),
    ("a checksum of another length", b"x", {"Upload-Checksum": "sha1 AAAA"}, 400),
    ("a wrong checksum", b"x", {"Upload-Checksum": "sha1 " + base64.b64encode(bytes(20)).decode()}, 460),
]


@pytest.mark.parametrize(("what", "piece", "headers", "status"), BAD_PIECES, ids=[one[0] for one in BAD_PIECES])
def test_a_piece_that_cannot_be_is_refused_and_changes_nothing(
    sender: Sender, what: str, piece: bytes, headers: dict[str, str], status: int
) -> None:
    sender.begin()
    sender.send(VIDEO[:1000], 0)
    answer = sender.send(piece, 1000, **headers)
    assert answer.status_code == status, what
    assert answer.get_json()["detail"]
    assert sender.offset() == 1000


@pytest.mark.parametrize("algorithm", tus.DIGESTS)
def test_a_piece_with_its_checksum_is_taken(sender: Sender, algorithm: str) -> None:
    sender.begin()
    piece = VIDEO[:3000]
    said = base64.b64encode(hashlib.new(algorithm, piece).digest()).decode()
    assert sender.send(piece, 0, **{"Upload-Checksum": f"{algorithm} {said}"}).status_code == 204
    assert sender.offset() == 3000


def test_the_door_says_what_it_can(sender: Sender, lesson: Lesson) -> None:
    sender.begin()
    for path in (f"/courses/lessons/{lesson.id}/arriving", sender.at):
        answer = sender.client.options(path)
        assert answer.status_code == 204
        said = {name: answer.headers[name] for name in ("Tus-Version", "Tus-Extension", "Tus-Checksum-Algorithm")}
        assert said == {
            "Tus-Version": "1.0.0",
            "Tus-Extension": "creation,checksum,termination,expiration",
            "Tus-Checksum-Algorithm": "sha1,sha256",
        }
        assert answer.headers["Tus-Max-Size"] == str(uploads.MAX_UPLOAD_BYTES)


def test_networks_that_know_only_post_say_the_method_in_a_header(sender: Sender) -> None:
    sender.begin()
    post = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": tus.PIECES}
    assert sender.client.post(sender.at, data=VIDEO[:10], headers=sender.headers | post).status_code == 204
    head = sender.headers | {"X-HTTP-Method-Override": "HEAD"}
    assert sender.client.post(sender.at, headers=head).headers["Upload-Offset"] == "10"
    assert sender.client.post(sender.at, headers=sender.headers).status_code == 400
    without_token = SPEAKS | {"X-HTTP-Method-Override": "DELETE"}
    assert sender.client.post(sender.at, headers=without_token).status_code == 403
    hidden = sender.headers | {"X-HTTP-Method-Override": "DELETE"}
    assert sender.client.head(sender.at, headers=hidden).status_code == 400
    assert sender.offset() == 10


def test_what_is_given_up_is_gone(sender: Sender, room: Path) -> None:
    sender.begin()
    sender.send(VIDEO[:1000], 0)
    assert sender.client.delete(sender.at, headers=sender.headers).status_code == 204
    assert list(room.iterdir()) == []
    assert sender.client.head(sender.at, headers=sender.headers).status_code == 404
    assert sender.send(b"x", 1000).status_code == 404


def test_what_nobody_goes_on_with_expires_and_each_piece_gives_it_more_time(
    sender: Sender, session: Session, clock: ManualClock, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "KEPT_FOR", timedelta(minutes=5))
    day = 5 * 60_000
    sender.begin()
    clock.advance(day - 1)
    assert sender.send(VIDEO[:1000], 0).status_code == 204
    clock.advance(day - 1)
    assert sender.offset() == 1000
    clock.advance(1)
    assert sender.client.head(sender.at, headers=sender.headers).status_code == 410
    assert sender.send(b"x", 1000).status_code == 410
    assert arriving.sweep(session, room.parent, at=clock()) == 1
    assert list(room.iterdir()) == []
    assert sender.client.head(sender.at, headers=sender.headers).status_code == 404


def test_others_neither_see_nor_change_it(
    sender: Sender, app: Flask, session: Session, institution_id: UUID, lesson: Lesson, room: Path
) -> None:
    sender.begin()
    elsewhere = an_institution(session, name="其他机构").id
    for account, status in (
        (an_account(session, Role.INSTITUTION_MANAGER, organisation_id=elsewhere), 404),
        (an_account(session, Role.TEACHER, organisation_id=institution_id), 403),
        (an_account(session, Role.LEARNER), 403),
    ):
        client = app.test_client()
        other = Sender(client, signed_in(client, session, account), lesson)
        other.at = sender.at
        assert client.head(other.at, headers=other.headers).status_code == status
        assert other.send(VIDEO, 0).status_code == status
        assert client.delete(other.at, headers=other.headers).status_code == status
        assert other.begin().status_code == status
    [file] = session.scalars(sa.select(ArrivingFile)).all()
    assert arriving.part_path(room.parent, file.id).stat().st_size == 0


def test_what_is_evidently_no_video_is_not_sent_to_its_end(sender: Sender, room: Path) -> None:
    sender.begin()
    sender.send(b"%PDF-1.7\n", 0)
    answer = sender.send(bytes(200), 9)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "not_a_video")
    assert list(room.iterdir()) == []
    assert sender.send(b"x", 209).status_code == 404


def test_an_institution_has_so_many_on_their_way(sender: Sender, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "MAX_UNFINISHED", 2)
    assert [sender.begin().status_code for _ in range(3)] == [201, 201, 429]
    monkeypatch.setitem(app.config, LIMIT_KEY, 100)
    assert sender.begin(101).status_code == 413


# --- the file itself -----------------------------------------------------------------------------------------------


def a_part(tmp_path: Path) -> Path:
    part = tmp_path / "x.arriving"
    part.touch()
    return part


def put(part: Path, data: bytes, offset: int, *, length: int = len(VIDEO)) -> int:
    return arriving.append(part, io.BytesIO(data), offset=offset, length=length, announced=len(data))


@examples(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 2500), st.booleans()), max_size=25))
def test_whatever_is_tried_in_whatever_order_the_file_is_a_beginning_of_what_was_sent(
    tmp_path: Path, tries: list[tuple[int, int, bool]]
) -> None:
    """Each try: a piece somewhere, of some size, whose line may break half way; offsets often where the file ends."""
    part = a_part(tmp_path)
    for start, size, breaks in tries:
        offset = part.stat().st_size if start > 1500 else start
        piece = VIDEO[offset : offset + size]
        before = part.stat().st_size
        body = Breaking(piece, size // 2) if breaks else io.BytesIO(piece)
        try:
            arriving.append(part, body, offset=offset, length=len(VIDEO), announced=len(piece))
        except (Conflict, ConnectionResetError):
            assert part.stat().st_size >= before
        assert part.read_bytes() == VIDEO[: part.stat().st_size]
    part.unlink()


class Breaking(io.BytesIO):
    """A body whose line breaks after so many bytes, which come in small pieces."""

    def __init__(self, data: bytes, after: int) -> None:
        super().__init__(data)
        self.after = after

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self.after:
            raise ConnectionResetError
        return super().read(min(700, self.after - self.tell()))


def test_two_tabs_that_send_the_same_file_make_one_file(tmp_path: Path) -> None:
    part, lost = a_part(tmp_path), [0, 0]

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(97)

    def tab(number: int) -> None:
        while (at := part.stat().st_size) < len(VIDEO):
            try:
                arriving.append(part, Slow(VIDEO[at:]), offset=at, length=len(VIDEO), announced=None)
            except Conflict:
                lost[number] += 1

    both = [threading.Thread(target=tab, args=(number,)) for number in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(timeout=20)
    assert part.read_bytes() == VIDEO


def test_who_was_overtaken_while_waiting_for_the_line_writes_nothing_more(tmp_path: Path) -> None:
    part = a_part(tmp_path)

    class Overtaken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0:
                put(part, VIDEO[:1500], 0)
            return super().read(100)

    with pytest.raises(Conflict):
        arriving.append(part, Overtaken(b"x" * 400), offset=0, length=len(VIDEO), announced=400)
    assert part.read_bytes() == VIDEO[:1500]


def test_a_full_disk_keeps_what_came_before_and_nothing_of_the_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = a_part(tmp_path)
    put(part, VIDEO[:1000], 0)
    real = os.pwrite

    def full(file: int, data: bytes, at: int) -> int:
        if at >= 1500:
            raise OSError(errno.ENOSPC, "no space")
        return real(file, data[:500], at)

    with monkeypatch.context() as small:
        small.setattr(os, "pwrite", full)
        with pytest.raises(Unavailable) as refused:
            put(part, VIDEO[1000:3000], 1000)
    assert refused.value.error_code == "disk_full"
    assert part.read_bytes() == VIDEO[:1000]
    assert put(part, VIDEO[1000:3000], 1000) == 3000


def test_a_body_that_does_not_say_its_length_is_stopped_at_the_files(tmp_path: Path) -> None:
    part = a_part(tmp_path)
    with pytest.raises(TooLarge):
        arriving.append(part, io.BytesIO(VIDEO + b"x"), offset=0, length=len(VIDEO), announced=None)
    assert part.stat().st_size == 0


def test_a_piece_with_a_wrong_checksum_leaves_nothing(tmp_path: Path) -> None:
    part, wrong = a_part(tmp_path), tus.Checksum("sha1", bytes(20))
    with pytest.raises(WrongChecksum):
        arriving.append(part, io.BytesIO(VIDEO), offset=0, length=len(VIDEO), announced=None, checksum=wrong)
    big = io.BytesIO(bytes(arriving.MAX_CHECKED + 1))
    with pytest.raises(TooLarge):
        arriving.append(part, big, offset=0, length=1 << 30, announced=None, checksum=wrong)
    assert part.stat().st_size == 0
    part.unlink()
    with pytest.raises(Gone):
        put(part, b"x", 0)


HEADERS: list[tuple[str | None, Any, Any]] = [
    ("filename 6K++Lm1wNA==", tus.metadata, {"filename": "课.mp4"}),
    ("is_confidential", tus.metadata, {"is_confidential": ""}),
    ("", tus.metadata, {}),
    ("a /w==", tus.metadata, {"a": "\ufffd"}),
    ("a!b YQ==", tus.metadata, {"a!b": "a"}),
    ("é YQ==", tus.metadata, Malformed),
    ("007", lambda said: tus.count("x", said), 7),
    ("1.5", lambda said: tus.count("x", said), Malformed),
    (None, lambda said: tus.count("x", said), Malformed),
    ("application/offset+octet-stream; x=y", tus.require_pieces, None),
    (None, tus.require_pieces, NotTaken),
    ("1.0.0", tus.require_version, None),
    ("1.0", tus.require_version, Stale),
    (None, tus.checksum, None),
    ("md5 AAAA", tus.checksum, Malformed),
]


@pytest.mark.parametrize(("said", "read", "wanted"), HEADERS)
def test_headers_are_read_by_the_specification(said: str | None, read: Any, wanted: Any) -> None:
    if isinstance(wanted, type):
        with pytest.raises(wanted):
            read(said)
    else:
        assert read(said) == wanted


def test_too_many_says_when_to_come_back() -> None:
    assert TooMany("x", retry_after_s=3600).retry_after_s == 3600
    assert timedelta(hours=24) == arriving.KEPT_FOR
