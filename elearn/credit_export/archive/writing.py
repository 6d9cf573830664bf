"""An archive as a file, written; `verifying.py` checks one.

    CLASS.zip
      index.pdf, index-en.pdf   what people read first: the class, what is missing, hours and signatures of each
      archive.xlsx              the same and more, sheet by sheet
      data/*.json               all of it, for programs
      lesson-plans/*            files of lesson plans as they were sent, each called by its SHA-256
      signatures/*              drawings as PNG, keys' answers as JSON
      manifest.json             what it is, of which state, and the SHA-256 of every file
      manifest.json.jws         detached signature of the manifest's bytes, as packages for exam systems have it
      keys.json                 the key that signed, as it was published then

The same state gives the same bytes: files stand in one order, dated by the newest moment in them, and Ed25519 signs
the same bytes the same way.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elearn.credit_export.archive import index, tables
from elearn.credit_export.archive.form import BOOK, FORMAT, INDEX, INDEX_EN, TYPE, section_name
from elearn.credit_export.archive.gathering import Archive, as_json
from elearn.credit_export.exam_system.package_files import KEYS, MANIFEST, SIGNATURE, detached, entry
from elearn.credit_export.exam_system.signing import Signer


@dataclass(frozen=True, slots=True)
class Made:
    content: bytes
    manifest_sha256: str
    files: int


def written(archive: Archive, lesson_plans: Mapping[str, bytes], signer: Signer, *, issuer: str) -> Made:
    """The zip, whole. `lesson_plans`: files by SHA-256; `issuer`: address of this platform."""
    training = archive.sections["class"]
    files = {
        INDEX: index.pdf(archive, "zh", issuer=issuer),
        INDEX_EN: index.pdf(archive, "en", issuer=issuer),
        BOOK: tables.book(archive),
        **{section_name(name): _json(section) for name, section in archive.sections.items()},
        **{one["file"]: lesson_plans[one["sha256"]] for one in training["lesson_plans"]},
        **archive.proofs,
    }
    manifest = _json(
        {
            "format": FORMAT,
            "issuer": issuer,
            "class": {"id": training["id"], "class_no": archive.class_no, "title": training["title"]},
            "as_of": archive.as_of,
            "keep_until": archive.clock.until,
            "retention": {"years": archive.clock.kept.years, "rule": archive.clock.kept.rule},
            "missing": training["missing"],
            "counts": {
                "people": len(archive.people),
                "entries": sum(len(one["entries"]) for one in archive.sections["hours"]),
                "total_ms": sum(line["ms"] for one in archive.sections["hours"] for line in one["sums"]),
                "signatures": len(archive.sections["signoffs"]),
            },
            "files": [
                {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                for name, content in files.items()
            ],
        }
    )
    signature = detached(signer.sign_bytes(manifest, kind=TYPE)).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in {**files, MANIFEST: manifest, SIGNATURE: signature, KEYS: _json(signer.key_set())}.items():
            package.writestr(entry(name, archive.as_of), content)
    return Made(out.getvalue(), hashlib.sha256(manifest).hexdigest(), len(files))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=as_json).encode()
