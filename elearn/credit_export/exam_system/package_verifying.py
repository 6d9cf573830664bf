"""Whether a file is a signed package as `package_files.py` writes it. Needs no database and no settings."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from elearn import unpacking
from elearn.credit_export.exam_system.mapping import MOST_COLUMNS, Column, Format
from elearn.credit_export.exam_system.package_files import (
    FORMAT,
    KEYS,
    MANIFEST,
    PIECE,
    ROWS_JSON,
    ROWS_XLSX,
    SIGNATURE,
    TYPE,
)
from elearn.credit_export.exam_system.signing import ALGORITHM
from elearn.errors import DomainError

LARGEST_BYTES = 100_000_000
"""Of one file in a package once unpacked; 10,000 rows take 2 MB as XLSX and 12 MB as JSON."""
LARGEST_UNPACKED_BYTES = 300_000_000
"""Of all that the XLSX, a ZIP itself, unpacks to; 10,000 rows take 30 MB. A few hundred bytes can hold gigabytes."""
LARGEST_SMALL_BYTES = 1_000_000
"""Of manifest, signature and keys."""


class PackageRefused(DomainError):
    """The file is no package, or not the one that was signed. `reason` is one of form, key, signature, file, rows."""

    code = "package_refused"

    def __init__(self, reason: str, detail: str, **facts: object) -> None:
        super().__init__(detail, code=None, **facts)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Verified:
    manifest: Mapping[str, Any]
    signed_by: str
    """Key id: the thumbprint (RFC 7638) of the key that signed."""
    known: bool
    """Whether that key is one that the caller trusts; else it is only the one that came along."""


def verify(source: Path | IO[bytes], *, trusted: KeySet | None = None, thumbprint: str | None = None) -> Verified:
    """Check signature, files and rows. Raises PackageRefused with the reason.

    The signing key must be in `trusted` or have `thumbprint`. With neither, the package is only checked against the
    key that came along, and `known` is false: anybody can make such a package.
    """
    try:
        with zipfile.ZipFile(source) as package:
            _require_members(package)
            require_nothing_beside(package)
            kid, manifest = signed_manifest(
                package.read, kind=TYPE, form=FORMAT, trusted=trusted, thumbprint=thumbprint
            )
            _require_files(package, manifest)
            _require_rows(package, manifest)
    except (JoseError, RecursionError, ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise PackageRefused("form", "The package cannot be read: %(why)s", why=repr(error)) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise PackageRefused("form", "This is not a package: %(why)s", why=str(error)) from error
    return Verified(manifest, kid, known=trusted is not None or thumbprint is not None)


def _require_members(package: zipfile.ZipFile) -> None:
    names = sorted(package.namelist())
    if names != sorted([MANIFEST, SIGNATURE, KEYS, ROWS_XLSX, ROWS_JSON]):
        raise PackageRefused("file", "It holds other files than a package does: %(names)s", names=", ".join(names))
    for one in package.infolist():
        most = LARGEST_BYTES if one.filename in (ROWS_XLSX, ROWS_JSON) else LARGEST_SMALL_BYTES
        if one.file_size > most:
            raise PackageRefused("form", "%(name)s is larger than a package's file may be.", name=one.filename)


def require_nothing_beside(package: zipfile.ZipFile) -> None:
    """Python reads what the directory at the end names; a program that reads from the front sees all that lies there.

    So the file has to be as long as its members make it (APPNOTE 4.3: headers of 30 and 46 bytes with the name, and
    22 at the end), with nothing before, between or behind them.
    """
    assert package.fp is not None
    package.fp.seek(0, io.SEEK_END)
    whole = sum(30 + 46 + 2 * len(one.filename.encode()) + one.compress_size for one in package.infolist()) + 22
    if package.fp.tell() != whole:
        raise PackageRefused("form", "There is something beside its files, which other programs may show.")


def signed_manifest(
    read: Callable[[str], bytes], *, kind: str, form: str, trusted: KeySet | None, thumbprint: str | None
) -> tuple[str, Mapping[str, Any]]:
    """The id of the key that signed, and the manifest. `read` gives a file by its name, `form` is the format known.

    Raises PackageRefused: the signature is not one of `kind`, not by a key that is believed, or not by the key that
    came along; the format is another.
    """
    came_along = KeySet.import_key_set(json.loads(read(KEYS)))
    signed = read(MANIFEST)
    kid = require_signature(read(SIGNATURE).decode("ascii"), signed, trusted or came_along, kind=kind)
    if kid not in {key.thumbprint() for key in came_along}:
        raise PackageRefused("key", "The key that came along is not the one that signed.")
    if thumbprint is not None and kid != thumbprint:
        raise PackageRefused("key", "It was signed by another key: %(kid)s", kid=kid)
    manifest: dict[str, Any] = json.loads(signed)
    if manifest["format"] != form:
        raise PackageRefused("form", "This program does not know the format %(format)s", format=manifest["format"])
    return kid, manifest


class _Registry(jws.JWSRegistry):
    """The library takes a payload of 128,000 bytes; a manifest that names the signatures of 500 learners is larger."""

    max_payload_length = 16_000_000


def require_signature(signature: str, payload: bytes, keys: KeySet, *, kind: str) -> str:
    """The id of the key that signed `payload`; `signature` is detached. `kind`: what it has to be a signature of.

    Raises PackageRefused: none of `keys` did.
    """
    parts = signature.strip().split(".")
    if len(parts) != 3 or parts[1]:
        raise PackageRefused("signature", "The signature is not a detached one.")
    body = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    try:
        head = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
        kid = head["kid"]
        if kid not in {key.thumbprint() for key in keys}:
            raise PackageRefused("key", "It was signed by another key: %(kid)s", kid=kid)
        if head.get("typ") != kind:
            raise PackageRefused("signature", "It is a signature of something else: %(kind)s", kind=head.get("typ"))
        key = next(key for key in keys if key.thumbprint() == kid)
        registry = _Registry(algorithms=[ALGORITHM])
        jws.deserialize_compact(f"{parts[0]}.{body}.{parts[2]}", key, algorithms=[ALGORITHM], registry=registry)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise PackageRefused("signature", "The signature does not belong to the manifest.") from error
    return str(kid)


def _require_files(package: zipfile.ZipFile, manifest: Mapping[str, Any]) -> None:
    if sorted(one["name"] for one in manifest["files"]) != sorted([ROWS_XLSX, ROWS_JSON]):
        raise PackageRefused("file", "The manifest names other files than a package has.")
    for one in manifest["files"]:
        digest, size = hashlib.sha256(), 0
        with package.open(one["name"]) as file:
            for piece in iter(lambda: file.read(PIECE), b""):
                digest.update(piece)
                size += len(piece)
        if digest.hexdigest() != one["sha256"] or size != one["bytes"]:
            raise PackageRefused("file", "%(name)s is not the file that was signed.", name=one["name"])


def _require_rows(package: zipfile.ZipFile, manifest: Mapping[str, Any]) -> None:
    """Both files say the same, and as many rows as the manifest says: a guard against a fault of the issuer."""
    data = json.loads(package.read(ROWS_JSON))
    columns = [
        Column(one["column"], one["header"], "number", Format(one["format"]), {}, None) for one in data["columns"]
    ]
    rows = data["rows"]
    if len(columns) > MOST_COLUMNS:
        raise PackageRefused("form", "%(name)s is larger than a package's file may be.", name=ROWS_JSON)
    if len(rows) != manifest["counts"]["rows"] or data["package"] != manifest["id"]:
        raise PackageRefused("rows", "The number of rows is not the one that was signed.")
    with package.open(ROWS_XLSX) as file:
        sheet = _rows_of(io.BytesIO(file.read()), len(columns))
    header = next(sheet, ())
    if [str(one) for one in header[: len(columns)]] != [one.header for one in columns]:
        raise PackageRefused("rows", "The columns of XLSX and JSON differ.")
    for number, (row, cells) in enumerate(itertools.zip_longest(rows, itertools.islice(sheet, len(rows)))):
        if cells is None or not all(
            column.says_the_same(row[column.id], cell) for column, cell in zip(columns, cells, strict=True)
        ):
            raise PackageRefused("rows", "XLSX and JSON differ in row %(row)s.", row=number + 1)


def _rows_of(file: IO[bytes], width: int) -> Iterator[tuple[Any, ...]]:
    """The first `width` cells of each row; missing ones are empty. Raises PackageRefused, also before it unpacks."""
    try:
        with unpacking.workbook(file, most_bytes=LARGEST_UNPACKED_BYTES) as book:
            yield from book.worksheets[0].iter_rows(values_only=True, max_col=width)
    except unpacking.TooMuch as error:
        raise PackageRefused("form", "%(name)s is larger than a package's file may be.", name=ROWS_XLSX) from error
    except unpacking.NoWorkbook as error:
        raise PackageRefused("form", "The package cannot be read: %(why)s", why=str(error)) from error
