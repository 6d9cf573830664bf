"""Pure: zip files of strangers. Sizes are counted while unpacking; what a header says is not believed.

Refused as a whole: paths that leave the package, links, encrypted entries, one name twice, too many entries, too many
bytes in all or for what was sent (a bomb).
"""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import PurePosixPath

from elearn.courses.questions.formats.draft import MAX_FILE_BYTES, Unsafe
from elearn.errors import Malformed
from elearn.unpacking import BROKEN_ZIP

MOST_ENTRIES = 25_000
MOST_BYTES = 256 * 1024 * 1024
MOST_TIMES = 200
"""Unpacked bytes for each packed one; XML of many like questions packs 1:60."""
SPARED_BYTES = 4 * 1024 * 1024
"""Below this no ratio is asked about."""
CHUNK = 1 << 16


class Package:
    """The files of an archive that was looked over."""

    def __init__(self, data: bytes) -> None:
        """Raises Unsafe, Malformed."""
        if len(data) > MAX_FILE_BYTES:
            raise Unsafe("The file is too large.")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except BROKEN_ZIP as error:
            raise Malformed("This is not a zip file, or it is damaged.", code="bad_zip") from error
        if len(entries) > MOST_ENTRIES:
            raise Unsafe("The package holds too many files.")
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            self._require_harmless(entry)
            if not entry.is_dir():
                if entry.filename in self._entries:
                    raise Unsafe("The package holds a file twice.")
                self._entries[entry.filename] = entry
        self._allowed = min(MOST_BYTES, max(SPARED_BYTES, len(data) * MOST_TIMES))
        self._read = 0

    @staticmethod
    def _require_harmless(entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
            raise Unsafe("The package names a place outside of itself.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Unsafe("The package holds a link instead of a file.")
        if entry.flag_bits & 0x1:
            raise Unsafe("The package is encrypted.")

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None: there is none. Raises Unsafe, Malformed."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        parts = []
        try:
            with self._zip.open(entry) as file:
                while chunk := file.read(CHUNK):
                    self._read += len(chunk)
                    if self._read > self._allowed:
                        raise Unsafe("Unpacked, the package is far larger than what was sent.")
                    parts.append(chunk)
        except BROKEN_ZIP as error:
            raise Malformed("This is not a zip file, or it is damaged.", code="bad_zip") from error
        return b"".join(parts)


def beside(file: str, address: str) -> str | None:
    """The name in the package of what `file` points at by `address`; None: it points outside of the package."""
    if not address or address.startswith(("/", "\\")) or ":" in address.split("/", 1)[0]:
        return None
    parts: list[str] = list(PurePosixPath(file).parent.parts)
    for part in address.split("#")[0].split("?")[0].split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
