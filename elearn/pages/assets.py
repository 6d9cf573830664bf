"""Scripts, styles and pictures of the pages: sent so that browsers keep them, and packed where they were packed."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime

STATIC = Path(__file__).parent / "static"
NAMED_BY_CONTENT = re.compile(r"-[A-Z0-9]{8}\.js$")
YEAR_S = 365 * 24 * 3600


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/static/<path:filename>", "static", static)


def version() -> str:
    """Changes with every build of the assets, so that browsers may keep them for a year."""
    kept = runtime().kept
    if "pages.assets" not in kept:
        stamp = STATIC / "build" / "stamp.txt"
        kept["pages.assets"] = stamp.read_text(encoding="utf-8")[:12].strip() if stamp.exists() else ""
    return str(kept["pages.assets"])


@web.allow(ANYBODY)
def static(filename: str) -> ResponseReturnValue:
    """Scripts, styles and pictures of the pages."""
    lasting = "v" in request.args or NAMED_BY_CONTENT.search(filename) is not None
    response = _sent(filename, YEAR_S if lasting else None)
    if lasting:
        response.cache_control.public = True
        response.cache_control.immutable = True
    return response


def _sent(filename: str, max_age: int | None) -> Response:
    """The file; where the build left it compressed and the browser takes that, so: not every server has a proxy."""
    packed = f"{filename}.gz"
    if not filename.startswith("build/") or not (STATIC / packed).is_file():
        return send_from_directory(STATIC, filename, conditional=True, max_age=max_age)
    if request.accept_encodings["gzip"] and "Range" not in request.headers:
        kind = mimetypes.guess_type(filename)[0]
        response = send_from_directory(STATIC, packed, conditional=True, max_age=max_age, mimetype=kind)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = send_from_directory(STATIC, filename, conditional=True, max_age=max_age)
    response.headers["Vary"] = "Accept-Encoding"
    return response
