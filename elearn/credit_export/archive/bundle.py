"""What signed archives share as files: all of it, a manifest that names each by its SHA-256, its signature, the key.

An archive of a person or of an enterprise is such a bundle; `bundle_verifying.py` checks one, `elearn archive verify`
too. The same state gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elearn.credit_export.archive.bundle_form import Form
from elearn.credit_export.exam_system.package_files import KEYS, MANIFEST, SIGNATURE, detached, entry
from elearn.credit_export.exam_system.signing import Signer


@dataclass(frozen=True, slots=True)
class Made:
    content: bytes
    manifest_sha256: str


def bundled(
    form: Form, files: Mapping[str, bytes], said: Mapping[str, Any], *, as_of: datetime, signer: Signer, issuer: str
) -> Made:
    """The zip, whole. `said`: what the manifest says beside the files, `about` (pairs to show) and `counts` too."""
    manifest = as_json(
        {
            "format": form.format,
            "issuer": issuer,
            "as_of": as_of,
            **said,
            "files": [
                {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                for name, content in files.items()
            ],
        }
    )
    signature = detached(signer.sign_bytes(manifest, kind=form.type)).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        every = {**files, MANIFEST: manifest, SIGNATURE: signature, KEYS: as_json(signer.key_set())}
        for name, content in every.items():
            package.writestr(entry(name, as_of), content)
    return Made(out.getvalue(), hashlib.sha256(manifest).hexdigest())


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
