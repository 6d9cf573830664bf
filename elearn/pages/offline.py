"""Lessons without network: the service worker, what a download is, and the page that lists what is on a device.

The worker (frontend/src/worker.ts) keeps the pages of downloaded lessons and what they are built of, and serves them
when the network is away; nothing else. It is registered by the first download. docs/player-protocol.md, section 9b.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.courses import catalogue
from elearn.courses.catalogue import UnitFacts
from elearn.pages import frame
from elearn.pages.player_texts import player_texts
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.tracking.policy import Policy
from media.errors import BadManifest
from media.manifest import PUBLIC, Manifest, Rendition

TALLEST = 480
"""Lines of the picture that is downloaded, at most: a phone's screen and a phone's data plan."""
KEPT = (".js", ".css", ".svg")
NOT_KEPT = ("worker.js", "htmx.js")
VERSIONED = ("player.js", "pages.js", "shelf.js", "app.css")
"""Pages ask for these with the version of the assets, for the rest by a name that says their content."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/sw.js", "service_worker", service_worker)
    bp.add_url_rule("/offline", "offline", offline)


@web.allow(ANYBODY)
def service_worker() -> ResponseReturnValue:
    """The worker, with the addresses it keeps; another build of the assets makes it another worker."""
    build = frame.STATIC / "build"
    settings = {
        "version": frame.asset_version(),
        "offline": url_for("elearn.pages.offline"),
        "assets": [_address(f"build/{path.name}") for path in sorted(build.iterdir()) if _is_kept(path.name)]
        + [_address("icon.svg")],
    }
    script = (build / "worker.js").read_text(encoding="utf-8")
    response = Response(f"self.settings={json.dumps(settings)};\n{script}", content_type="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Service-Worker-Allowed"] = scope()
    return response


@web.allow(ANYBODY)
def offline() -> ResponseReturnValue:
    """Shown by the worker when a page that is not on the device is asked for without network."""
    return render_template("elearn/offline.html", texts=player_texts(locale.language()))


def scope() -> str:
    """The worker's: all addresses of the product, and nothing of a host application around it."""
    return url_for("elearn.pages.home")


def _is_kept(name: str) -> bool:
    return name.endswith(KEPT) and name not in NOT_KEPT


def _address(filename: str) -> str:
    versioned = filename.removeprefix("build/") in VERSIONED and frame.asset_version()
    address = url_for("elearn.pages.static", filename=filename)
    return f"{address}?v={frame.asset_version()}" if versioned else address


def download_of(facts: UnitFacts, policy: Policy) -> dict[str, Any] | None:
    """What the player needs to offer the lesson for study without network; None where nothing can be downloaded."""
    if policy.licence_ms == 0:
        return None
    settings = runtime().settings
    try:
        manifest = catalogue.manifest(facts, settings.media_dir)
    except BadManifest:
        return None
    rendition = _rendition(manifest)
    return {
        "worker": url_for("elearn.pages.service_worker"),
        "scope": scope(),
        "rendition": rendition.name,
        "bytes": _bytes(facts, manifest, rendition),
    }


def _rendition(manifest: Manifest) -> Rendition:
    """The largest that is not above TALLEST, by the shorter side; else the smallest there is."""
    fitting = [one for one in manifest.renditions if min(one.width, one.height) <= TALLEST]
    return fitting[-1] if fitting else manifest.renditions[0]


def _bytes(facts: UnitFacts, manifest: Manifest, rendition: Rendition) -> int:
    """How much it is: added up once, or estimated from its peak rate where the files are not on this machine."""
    kept: dict[str, int] = runtime().kept.setdefault("pages.download_bytes", {})
    if facts.content_hash not in kept:
        public = runtime().settings.media_dir / facts.content_hash / PUBLIC
        files = [public / name for name in (rendition.init, *(one.uri for one in rendition.segments))]
        if all(file.is_file() for file in files):
            kept[facts.content_hash] = sum(file.stat().st_size for file in files)
        else:
            kept[facts.content_hash] = rendition.bandwidth * manifest.duration_ms // 8_000
    return kept[facts.content_hash]
