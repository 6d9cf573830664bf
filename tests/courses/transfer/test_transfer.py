"""A course travels as one file: the same bytes come back, and a package that is not sound leaves nothing behind."""

# ruff: noqa: E501  (a row of the table of bad packages is a line)
from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue, page_images, page_units, subtitles, teaching
from elearn.courses.centres import Audience, Industry, Level
from elearn.courses.describing import Particulars
from elearn.courses.models import Course, Lesson, Question, Subtitle, Unit, UnitKind, UnitPage
from elearn.courses.transfer import exporting, importing, reading
from elearn.courses.transfer.reading import BadPackage
from elearn.db import new_id
from elearn.errors import Conflict, NotFound
from elearn.locale import catalogue as messages
from media.crypt import encrypt_segment
from media.manifest import Manifest, hash_of_files, write_manifest
from tests.builders_courses import AT, SEALING_KEY, a_course, a_lesson, a_manifest, a_question, an_outline, theory_of
from tests.builders_people import a_person, an_institution
from tests.courses.test_subtitles import GOOD


def a_png() -> bytes:
    """Four pixels (ISO 15948)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * 2) * 2)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def a_video(media_dir: Path) -> tuple[Manifest, list[bytes]]:
    """Packaged files with their manifest, encrypted under keys of their own; nothing that a player would show."""
    bare = a_manifest(6_000, block_ms=3_000)
    keys = [bytes([index]) * 16 for index in range(len(bare.blocks))]
    bodies = {name: f"{name} {bare.content_hash}".encode() for name in bare.files}
    for number, segment in enumerate(bare.renditions[0].segments):
        clear = b"\0\0\0\x10moof" + bytes(200 + number)
        bodies[segment.uri] = encrypt_segment(clear, keys[segment.block], number)
    files = {name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()}
    manifest = Manifest(
        **{field: getattr(bare, field) for field in bare.__struct_fields__ if field not in ("files", "content_hash")},
        files=files,
        content_hash=hash_of_files(files),
    )
    place = media_dir / manifest.content_hash
    for name, body in bodies.items():
        (place / "public" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "public" / name).write_bytes(body)
    (place / "manifest.json").write_bytes(write_manifest(manifest))
    return manifest, keys


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


@pytest.fixture
def course(session: Session, here: Path) -> Course:
    """A course of a video with subtitles, of pages with a picture, and of a lesson that is still empty."""
    outline = an_outline(session)
    said = Particulars(
        level=Level.ENTRY, audiences=frozenset({Audience.PRINCIPAL, Audience.SPECIAL_OPERATOR}),
        industries=frozenset({Industry.TOBACCO, Industry.ELECTRICITY}), textbook="统编教材", needs_review=True,
    )  # fmt: skip
    made = teaching.add_course(
        session, institution_id=an_institution(session).id, title="触电急救", summary="断电、验电", at=AT, said=said,
        outline_item_id=theory_of(session, outline).id,
    )  # fmt: skip
    acting, by = [made.institution_id], a_person(session).id
    manifest, keys = a_video(here)
    unit = catalogue.register_unit(
        session, a_lesson(session, made).id, "第一课", manifest, keys, [a_question(0, 6_000)], sealing_key=SEALING_KEY,
        created_at=AT,
    )  # fmt: skip
    subtitles.add(session, unit.id, "zh", GOOD.replace("00:05.000", "00:04.500").encode(), acting=acting, by=by, at=AT)
    practice = teaching.items_of(session, outline.id)[1].id
    second = teaching.add_lesson(session, course_id=made.id, title="第二课", acting=acting, outline_item_id=practice)
    picture = page_images.written_anew(a_png())
    page_units.register_pages(
        session, second.id, "第二课", [page_units.Page("一", "看云", picture, 20_000, by, AT)], [a_question(0, 20_000)],
        at=AT,
    )  # fmt: skip
    a_lesson(session, made, title="第三课")
    session.flush()
    return made


def exported(session: Session, course: Course, media_dir: Path) -> bytes:
    target = io.BytesIO()
    exporting.export(
        session, course.id, target, acting=[course.institution_id], media_dir=media_dir, sealing_key=SEALING_KEY
    )
    return target.getvalue()


def take(session: Session, data: bytes, media_dir: Path, *, institution_id: UUID | None = None) -> importing.Imported:
    return importing.import_course(
        session,
        io.BytesIO(data),
        institution_id=institution_id or an_institution(session, name="另一机构").id,
        by=a_person(session).id,
        media_dir=media_dir,
        sealing_key=b"t" * 32,
        at=AT,
    )


def test_cases_and_practice_travel_as_what_they_are(session: Session, here: Path, there: Path) -> None:
    course = a_course(session, an_institution(session).id)
    by = a_person(session).id
    page = page_units.Page("一", "看云", None, 20_000, by, AT)
    for kind, pages in (
        (UnitKind.CASE, [page]),
        (UnitKind.PRACTICE, page_units.on_site([page, page, page], 100 * 60_000)),
    ):
        page_units.register_pages(
            session, a_lesson(session, course, title=kind.value).id, kind.value, pages, at=AT, kind=kind
        )
    data = exported(session, course, here)
    found = take(session, data, there)
    units = session.execute(
        sa.select(Unit.kind, Unit.duration_ms)
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .where(Lesson.course_id == found.course.id)
        .order_by(Lesson.position)
    ).all()
    assert [tuple(one) for one in units] == [(UnitKind.CASE, 20_000), (UnitKind.PRACTICE, 6_000_000)]
    assert exported(session, found.course, there) == data
    for said in (0, 50 * 3_600_000):
        index = json.loads(unzipped(data)["course.json"])
        index["lessons"][1]["unit"]["pages"][0]["credit_ms"] = said
        with pytest.raises(BadPackage, match="40 hours"):
            take(session, zipped(unzipped(data) | {"course.json": json.dumps(index).encode()}), there)


def test_what_travels_comes_back_byte_for_byte(session: Session, course: Course, here: Path, there: Path) -> None:
    data = exported(session, course, here)
    found = take(session, data, there)
    assert (found.course.title, found.lessons, found.outline_known) == ("触电急救", 3, True)
    assert found.course.institution_id != course.institution_id
    target = io.BytesIO()
    exporting.export(
        session, found.course.id, target, acting=[found.course.institution_id], media_dir=there, sealing_key=b"t" * 32
    )
    assert target.getvalue() == data
    units = session.scalars(
        sa.select(Unit).join(Lesson, Lesson.id == Unit.lesson_id).where(Lesson.course_id == found.course.id)
    ).all()
    assert [unit.published_at for unit in units] == [None, None], "they arrive as drafts"
    [video] = [unit for unit in units if unit.kind == "video"]
    assert catalogue.block_keys(session, video.id, b"t" * 32) == [b"\0" * 16, b"\1" * 16]
    public = here / video.content_hash / "public"
    for path in public.rglob("*.*"):
        assert (there / video.content_hash / "public" / path.relative_to(public)).read_bytes() == path.read_bytes()
    assert not list((there / ".making").glob("*"))
    again = take(session, data, there)
    assert (again.placed, again.course.id != found.course.id) == ((), True)


def test_an_outline_that_is_not_here_leaves_the_course_without_one(
    session: Session, course: Course, here: Path, there: Path
) -> None:
    data = exported(session, course, here)
    session.execute(sa.text("UPDATE elearn.outline SET version = 'another'"))
    found = take(session, data, there)
    assert (found.outline_known, found.course.outline_item_id) == (False, None)


def test_others_export_nothing_and_what_is_not_here_is_not_exported(
    session: Session, course: Course, here: Path, there: Path
) -> None:
    with pytest.raises(NotFound):
        exporting.export(session, course.id, io.BytesIO(), acting=[new_id()], media_dir=here, sealing_key=SEALING_KEY)
    with pytest.raises(Conflict):
        exported(session, course, there)


Files = dict[str, bytes]


def unzipped(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Files, *more: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
        for entry, body in more:
            archive.writestr(entry, body)
    return target.getvalue()


def told(files: Files, change: Callable[[Any], object]) -> Files:
    """The same files, with course.json changed."""
    index = json.loads(files["course.json"])
    change(index)
    return files | {"course.json": json.dumps(index).encode()}


def listed(files: Files, name: str, body: bytes) -> Files:
    """With another file that its list knows."""
    entry = {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
    return told(files, lambda index: index["files"].update({name: entry})) | {name: body}


def a_link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def some(files: Files, ending: str) -> str:
    return next(name for name in sorted(files) if name.endswith(ending))


def unit_of(index: Any) -> Any:
    return index["lessons"][0]["unit"]


def recut(files: Files) -> bytes:
    """Damage inside a stored file, found by its checksum."""
    data = zipped(files)
    at = data.index(files[some(files, "0.m4s")])
    return data[: at + 20] + b"\xff\xee" + data[at + 22 :]


def bomb(files: Files) -> bytes:
    """A file that says it is small and unpacks to much more."""
    name = some(files, ".vtt")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, body in files.items():
            archive.writestr(each, bytes(50_000_000) if each == name else body)
    return target.getvalue()


HOSTILE: list[tuple[str, Callable[[Files], bytes]]] = [
    ("nothing", lambda files: b""),
    ("another file", lambda files: b"%PDF-1.7"),
    ("cut off", lambda files: zipped(files)[:-200]),
    ("cut in half", lambda files: zipped(files)[: len(zipped(files)) // 2]),
    ("damaged", recut),
    ("a bomb", bomb),
    ("no index", lambda files: zipped({name: body for name, body in files.items() if name != "course.json"})),
    ("an index that is no JSON", lambda files: zipped(files | {"course.json": b"{"})),
    ("an index without end", lambda files: zipped(files | {"course.json": b"[" * 100_000})),
    ("another version", lambda files: zipped(told(files, lambda index: index.update(version=2)))),
    ("another format", lambda files: zipped(told(files, lambda index: index.update(format="scorm")))),
    ("an unknown field", lambda files: zipped(told(files, lambda index: index["course"].update(id=1)))),
    ("a path that climbs", lambda files: zipped(listed(files, "media/../../evil.txt", b"x"))),
    ("an absolute path", lambda files: zipped(listed(files, "/etc/passwd", b"x"))),
    ("a backslash", lambda files: zipped(listed(files, "media\\x", b"x"))),
    ("keys in the clear", lambda files: zipped(listed(files, f"media/{'0' * 64}/keys.bin", b"x"))),
    ("a name that is no UTF-8", lambda files: zipped(files, (zipfile.ZipInfo("images/\xfc"), b"x")).replace("\xfc".encode(), b"\xff\xfe")),
    ("a link", lambda files: zipped(files, (a_link(f"images/{'0' * 64}"), b"/etc/passwd"))),
    ("a file that is not listed", lambda files: zipped(files | {f"images/{'0' * 64}": b"x"})),
    ("a listed file that is missing", lambda files: zipped({k: v for k, v in files.items() if not k.endswith(".vtt")})),
    ("a file of nothing", lambda files: zipped(listed(files, f"images/{'0' * 64}", b"x"))),
    ("another segment", lambda files: zipped(files | {some(files, "1.m4s"): b"y" * len(files[some(files, "1.m4s")])})),
    ("a segment changed at its end", lambda files: zipped(files | {some(files, "1.m4s"): files[some(files, "1.m4s")][:-1] + b"y"})),
    ("a size that lies", lambda files: zipped(told(files, lambda index: index["files"][some(files, ".vtt")].update(bytes=3)))),
    ("a hash that lies", lambda files: zipped(told(files, lambda index: index["files"][some(files, ".vtt")].update(sha256="0" * 64)))),
    ("more than is taken", lambda files: zipped(told(files, lambda index: index["files"][some(files, ".vtt")].update(bytes=9 * 10**9)))),
    ("a manifest of another video", lambda files: zipped(told(files, lambda index: unit_of(index).update(content_hash="0" * 64)))),
    ("a key too few", lambda files: zipped(told(files, lambda index: unit_of(index)["keys"].pop()))),
    ("a wrong key", lambda files: zipped(told(files, lambda index: unit_of(index).update(keys=["f" * 32] * 2)))),
    ("a key that is none", lambda files: zipped(told(files, lambda index: unit_of(index).update(keys=["../x", "y"])))),
    ("a question after the end", lambda files: zipped(told(files, lambda index: unit_of(index)["questions"][0].update(to_ms=10**9)))),
    ("a question without answer", lambda files: zipped(told(files, lambda index: unit_of(index)["questions"][0].update(correct=[])))),
    ("a language of nobody", lambda files: zipped(told(files, lambda index: unit_of(index)["subtitles"][0].update(language="tlh")))),
    ("pages without pages", lambda files: zipped(told(files, lambda index: index["lessons"][1]["unit"].update(pages=[])))),
    ("a page worth a day", lambda files: zipped(told(files, lambda index: index["lessons"][1]["unit"]["pages"][0].update(credit_ms=86_400_000)))),
    ("another page", lambda files: zipped(told(files, lambda index: index["lessons"][1]["unit"]["pages"][0].update(text="x")))),
    ("a foreign picture", lambda files: zipped(told(files, lambda index: index["lessons"][1]["unit"]["pages"][0].update(image="0" * 64)))),
    ("a picture of another type", lambda files: zipped(told(files, lambda index: index["lessons"][1]["unit"]["pages"][0].update(image_type="image/jpeg")))),
    ("an audience of another centre", lambda files: zipped(told(files, lambda index: index["course"].update(audiences=["official"])))),
    ("an address that runs", lambda files: zipped(told(files, lambda index: index["course"].update(textbook_url="javascript:x")))),
    ("a centre of nowhere", lambda files: zipped(told(files, lambda index: index["course"].update(centre="moon")))),
    ("a title of nothing", lambda files: zipped(told(files, lambda index: index["lessons"][2].update(title=" ")))),
]  # fmt: skip


@pytest.mark.parametrize(("what", "make"), HOSTILE, ids=[one[0] for one in HOSTILE])
def test_a_package_that_is_not_sound_is_refused_with_its_reason_and_leaves_nothing(
    session: Session, course: Course, here: Path, there: Path, what: str, make: Callable[[Files], bytes]
) -> None:
    data = make(unzipped(exported(session, course, here)))
    tables = (Course, Lesson, Unit, Question, Subtitle, UnitPage)

    def rows() -> list[int]:
        return [session.execute(sa.select(sa.func.count()).select_from(each)).scalar_one() for each in tables]

    institution_id, before = an_institution(session, name="另一机构").id, rows()
    with pytest.raises(BadPackage) as refused, session.begin_nested():
        take(session, data, there, institution_id=institution_id)
    assert messages("zh")[refused.value.detail]
    assert str(refused.value)
    assert rows() == before
    assert [path for path in there.rglob("*") if path.is_file()] == []
    assert not (there.parent / "evil.txt").exists()


@pytest.mark.parametrize(
    "name", ["media/../../evil.txt", "/etc/passwd", "media\\x", f"media/{'0' * 64}/keys.bin", "images/x"]
)
def test_a_name_that_leads_elsewhere_is_refused_as_a_name(
    session: Session, course: Course, here: Path, there: Path, name: str
) -> None:
    data = zipped(listed(unzipped(exported(session, course, here)), name, b"x"))
    with pytest.raises(BadPackage, match="is no name that a package holds"), session.begin_nested():
        take(session, data, there)


def test_a_directory_that_was_placed_goes_when_the_rows_do(
    session: Session, course: Course, here: Path, there: Path
) -> None:
    found = take(session, exported(session, course, here), there)
    importing.take_away(found.placed)
    assert [path for path in there.iterdir() if path.name != ".making"] == []


def test_a_limit_counts_what_is_unpacked(
    session: Session, course: Course, here: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = exported(session, course, here)
    monkeypatch.setattr(reading, "MAX_TOTAL", 1000)
    with pytest.raises(BadPackage):
        take(session, data, there)
    assert a_course(session, course.institution_id).title
