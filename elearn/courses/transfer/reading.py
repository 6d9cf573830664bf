"""Reading a package that anybody may have made: names, sizes and hashes first, then what they hold.

Nothing is unpacked before the whole table of contents is known to be sound, and no file is written past the size that
it was said to have, so neither a name nor a bomb leads anywhere. Every refusal says which part and why.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from elearn.courses import page_images, page_text, page_units, pool, subtitles, webvtt
from elearn.courses.page_images import Image
from elearn.courses.pool import QuestionDraft
from elearn.courses.transfer import contents
from elearn.errors import Malformed
from elearn.unpacking import BROKEN_ZIP
from media.crypt import iv_of
from media.errors import BadManifest
from media.manifest import MANIFEST_FILE, PUBLIC, Manifest, parse_manifest

MAX_INDEX = 32_000_000
MAX_TOTAL = 8_000_000_000
"""Bytes of all files together, unpacked."""
MAX_SMALL = 8_500_000
"""Bytes of a file that is read as a whole: a manifest, a picture, subtitles."""
CHUNK = 1 << 20
BOXES = (b"styp", b"moof", b"sidx", b"emsg", b"prft", b"mdat", b"ftyp")
"""How a segment of fMP4 begins (ISO 14496-12)."""


class BadPackage(Malformed):
    """The package was refused as a whole. `part` names where."""

    code = "bad_package"

    def __init__(self, why: str, part: str = "") -> None:
        super().__init__(why, part=part)
        self.part = part


@dataclass(frozen=True, slots=True)
class Opened:
    """A package whose table of contents is sound; what its files hold is looked at when they are read."""

    package: contents.Package
    archive: zipfile.ZipFile

    def small(self, name: str) -> bytes:
        """A file as a whole, its hash compared. Raises BadPackage."""
        said = self.package.files.get(name)
        if said is None or said.bytes > MAX_SMALL:
            raise BadPackage("%(part)s is not in the package, or too large.", name)
        return b"".join(self._pieces(name, said))

    def unpack(self, name: str, target: Path) -> None:
        """Write a file, its size and hash compared. Raises BadPackage."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for piece in self._pieces(name, self.package.files[name]):
                file.write(piece)

    def _pieces(self, name: str, said: contents.File) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        try:
            with self.archive.open(name) as file:
                while piece := file.read(min(CHUNK, said.bytes + 1 - size)):
                    size += len(piece)
                    if size > said.bytes:
                        break
                    digest.update(piece)
                    yield piece
        except BROKEN_ZIP as error:
            raise BadPackage("%(part)s is damaged.", name) from error
        if size != said.bytes or digest.hexdigest() != said.sha256:
            raise BadPackage("%(part)s is not what the package says: its hash or size differs.", name)


@contextmanager
def opened(file: IO[bytes]) -> Iterator[Opened]:
    """The package in `file`. Raises BadPackage."""
    try:
        archive = zipfile.ZipFile(file)
    except BROKEN_ZIP as error:
        raise BadPackage("This is no package, or it is cut off.") from error
    with archive:
        names = _sound_names(archive)
        package = _index(archive)
        for name in sorted(names ^ set(package.files)):
            raise BadPackage("%(part)s stands in the package or in its list, but not in both.", name)
        if sum(one.bytes for one in package.files.values()) > MAX_TOTAL:
            raise BadPackage("The package holds more than 8 GB.")
        yield Opened(package, archive)


def _sound_names(archive: zipfile.ZipFile) -> set[str]:
    names: set[str] = set()
    for entry in archive.infolist():
        name = entry.filename
        shown = name[:100]
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if name in names or (name != contents.INDEX and not contents.NAME.fullmatch(name)):
            raise BadPackage("%(part)s is no name that a package holds, or stands in it twice.", shown)
        if entry.flag_bits & 1 or kind not in (0, stat.S_IFREG):
            raise BadPackage("%(part)s is locked, or no file.", shown)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadPackage("%(part)s is packed in a way that is not taken.", shown)
        names.add(name)
    if contents.INDEX not in names:
        raise BadPackage("There is no course.json in this file: it is no package of a course.")
    return names - {contents.INDEX}


def _index(archive: zipfile.ZipFile) -> contents.Package:
    try:
        with archive.open(contents.INDEX) as file:
            raw = file.read(MAX_INDEX + 1)
    except BROKEN_ZIP as error:
        raise BadPackage("%(part)s is damaged.", contents.INDEX) from error
    if len(raw) > MAX_INDEX:
        raise BadPackage("%(part)s is too large.", contents.INDEX)
    try:
        head = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        version = msgspec.json.decode(head.get("version", b"null"))
        if head.get("format") is not None and version not in (None, contents.VERSION):
            raise BadPackage("This package is of another version than this program reads.", str(version)[:20])
        return DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadPackage("course.json cannot be read: %(part)s", str(error)[:200]) from error


DECODER = msgspec.json.Decoder(contents.Package)
"""Made when this module is read, by one thread: see tests/architecture."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video as its package holds it, looked at; its files are not unpacked yet."""

    manifest: Manifest
    manifest_raw: bytes
    keys: tuple[bytes, ...]


def video(package: Opened, unit: contents.Unit) -> Video:
    """The manifest and keys of a video, and every file of it named with the same hash. Raises BadPackage."""
    place = f"media/{unit.content_hash}"
    raw = package.small(f"{place}/{MANIFEST_FILE}")
    try:
        manifest = parse_manifest(raw)
    except BadManifest as error:
        raise BadPackage("%(part)s is no manifest of a video.", place) from error
    if manifest.content_hash != unit.content_hash or unit.pages:
        raise BadPackage("%(part)s is not the video that the lesson names.", place)
    files = package.package.files
    for name, digest in manifest.files.items():
        said = files.get(f"{place}/{PUBLIC}/{name}")
        if said is None or said.sha256 != digest:
            raise BadPackage("%(part)s is not the file of which the video is made.", f"{place}/{PUBLIC}/{name}")
    held = {name for name in files if name.startswith(f"{place}/")}
    if len(held) != len(manifest.files) + 1:
        raise BadPackage("%(part)s holds files that are not of the video.", place)
    if len(unit.keys) != len(manifest.blocks):
        raise BadPackage("%(part)s: there is not one key for each part of the video.", place)
    return Video(manifest, raw, tuple(bytes.fromhex(key) for key in unit.keys))


def require_keys_fit(found: Video, public: Path) -> None:
    """Each key opens what it is for: the first segment of each block, of its smallest size. Raises BadPackage."""
    seen: set[int] = set()
    for number, segment in enumerate(found.manifest.renditions[0].segments):
        if segment.block in seen:
            continue
        seen.add(segment.block)
        with (public / segment.uri).open("rb") as file:
            head = file.read(16)
        key = found.keys[segment.block]
        reader = Cipher(algorithms.AES128(key), modes.CBC(iv_of(number))).decryptor()
        if len(head) != 16 or reader.update(head)[4:8] not in BOXES:
            raise BadPackage("%(part)s is not opened by the key of its part.", segment.uri)


def questions(unit: contents.Unit, duration_ms: int) -> list[QuestionDraft]:
    """The questions of a unit. Raises BadPackage."""
    drafts = [QuestionDraft(one.from_ms, one.to_ms, one.stem, one.options, one.correct) for one in unit.questions]
    for draft in drafts:
        if pool.problem_of(draft, duration_ms) is not None:
            raise BadPackage("A question cannot be asked: %(part)s", draft.stem[:100])
    return drafts


def cues(package: Opened, one: contents.Subtitles, duration_ms: int) -> tuple[webvtt.Cue, ...]:
    """The captions of a unit in one language. Raises BadPackage."""
    name = f"subtitles/{one.sha256}.vtt"
    if one.language not in subtitles.LANGUAGES:
        raise BadPackage("%(part)s is no language that is known here.", one.language[:20])
    try:
        return webvtt.read(package.small(name), duration_ms=duration_ms)
    except webvtt.BadSubtitles as error:
        raise BadPackage("%(part)s: these subtitles cannot be taken.", f"{name}:{error.problems[0].line}") from error


def pages(package: Opened, unit: contents.Unit) -> list[tuple[contents.Page, Image | None]]:
    """The pages of a unit with their pictures. Raises BadPackage."""
    if unit.keys or unit.subtitles or not 0 < len(unit.pages) <= page_units.MAX_PAGES:
        raise BadPackage("%(part)s is neither a video nor pages.", unit.title)
    found = []
    for page in unit.pages:
        try:
            title, text = page_text.checked(page.title, page.text)
            if (title, text) != (page.title, page.text):
                raise Malformed("A page has a title of 1 to 200 characters.", code="page_title")
            proposed = page_text.proposed_ms(title, text, image=page.image is not None)
            if unit.kind != "practice":
                page_text.require_credit(page.credit_ms, proposed)
            image = None
            if page.image is not None:
                image = page_images.looked_at(package.small(f"images/{page.image}"), page.image_type or "")
        except BadPackage:
            raise
        except Malformed as error:
            raise BadPackage("This page cannot be taken: %(part)s", page.title[:100]) from error
        found.append((page, image))
    if unit.kind == "practice":
        whole_ms = sum(page.credit_ms for page in unit.pages)
        longest = page_units.LONGEST_PRACTICE_MS
        if not page_units.SHORTEST_PRACTICE_MS <= whole_ms <= longest or not all(one.credit_ms for one in unit.pages):
            raise BadPackage("%(part)s: a practice takes 1 minute to 40 hours on site.", unit.title)
    return found
