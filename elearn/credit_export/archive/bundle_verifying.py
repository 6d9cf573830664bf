"""Whether a file is an archive of a person or of an enterprise as we sign them, and whether its hours add up. Pure.

In this order: the manifest's signature, every file's hash, then the hours: of a person each entry against its leaf of
the log, byte for byte, and their sum; of an enterprise the lines, their sum, and that they are of its people.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from elearn import unpacking
from elearn.credit_export.archive.bundle_form import FORMS, PERSON, Form, section_name
from elearn.credit_export.archive.verifying import (
    LARGEST_BYTES,
    MOST_FILES,
    VerifiedArchive,
    require_hashes,
    require_hours,
)
from elearn.credit_export.exam_system.package_files import KEYS, MANIFEST, SIGNATURE
from elearn.credit_export.exam_system.package_verifying import PackageRefused, require_nothing_beside, signed_manifest


def form_of(source: Path | IO[bytes]) -> Form | None:
    """Which bundle a file says it is; None: none of ours, or no zip that can be read. Proves nothing."""
    try:
        with zipfile.ZipFile(source) as package:
            if package.getinfo(MANIFEST).file_size > LARGEST_BYTES:
                return None
            return FORMS.get(json.loads(package.read(MANIFEST))["format"])
    except (*unpacking.BROKEN_ZIP, LookupError, TypeError, AttributeError, RecursionError):
        return None


def verify(
    source: Path | IO[bytes], form: Form, *, trusted: KeySet | None = None, thumbprint: str | None = None
) -> VerifiedArchive:
    """Raises PackageRefused; its reason is one of form, key, signature, file, hours."""
    try:
        with zipfile.ZipFile(source) as package:
            names = [one.filename for one in package.infolist()]
            if len(names) > MOST_FILES or len(set(names)) != len(names):
                raise PackageRefused("form", "It holds more files than an archive does, or one of them twice.")
            if sum(one.file_size for one in package.infolist()) > LARGEST_BYTES:
                raise PackageRefused("form", "It holds more than an archive does.")
            require_nothing_beside(package)
            files = {name: package.read(name) for name in names}
        kid, manifest = signed_manifest(
            files.__getitem__, kind=form.type, form=form.format, trusted=trusted, thumbprint=thumbprint
        )
        if files.keys() - {MANIFEST, SIGNATURE, KEYS} != form.names():
            raise PackageRefused("file", "It holds other files than an archive does.")
        require_hashes(files, manifest)
        hours = json.loads(files[section_name("hours")])
        if form is PERSON:
            person = json.loads(files[section_name("person")])
            found = require_hours(hours, {"people": [person]}, manifest)
        else:
            found = _require_lines(hours, json.loads(files[section_name("people")]), manifest)
    except (JoseError, RecursionError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        raise PackageRefused("form", "The archive cannot be read: %(why)s", why=repr(error)) from error
    except unpacking.BROKEN_ZIP as error:
        raise PackageRefused("form", "The archive cannot be read: %(why)s", why=repr(error)) from error
    known = trusted is not None or thumbprint is not None
    return VerifiedArchive(manifest, kid, known, *found, holding=0)


def _require_lines(
    lines: list[Mapping[str, Any]], people: list[Mapping[str, Any]], manifest: Mapping[str, Any]
) -> tuple[int, int, int]:
    """Entries, none of them beside a leaf, and milliseconds."""
    members = {one["membership_id"] for one in people}
    if len(members) != len(people) or not {one["membership_id"] for one in lines} <= members:
        raise PackageRefused("hours", "The hours are of other people than the roster.")
    entries, total_ms = sum(one["entries"] for one in lines), sum(one["ms"] for one in lines)
    counts = manifest["counts"]
    if (entries, total_ms, len(people)) != (counts["entries"], counts["total_ms"], counts["people"]):
        raise PackageRefused("hours", "The hours do not add up to what the manifest says.")
    return entries, entries, total_ms
