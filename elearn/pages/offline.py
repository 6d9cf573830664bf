"""The app on a phone: its manifest, the service worker, what a download is, the pages that list what is on a device.

The worker (frontend/src/worker.ts) keeps the page without network, the pages of downloaded lessons and what all of
these are built of, and serves them when the network is away; nothing else. The first page after signing in
registers it.
docs/player-protocol.md, section 9b.
"""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.courses import catalogue
from elearn.courses.catalogue import UnitFacts
from elearn.locale import gettext as _
from elearn.pages import assets, display
from elearn.pages.player_texts import player_texts
from elearn.people.callers import current_account
from elearn.people.models import Role
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.tracking.policy import Policy
from media.errors import BadManifest
from media.manifest import PUBLIC, Manifest, Rendition

TALLEST = 480
"""Lines of the picture that is downloaded, at most: a phone's screen and a phone's data plan."""
DESK = "desk"
"""In an address: who asks works here."""
KEPT = (".js", ".css", ".svg")
NOT_KEPT = ("worker.js", "htmx.js", "preview.js")
SHELL = ("pages.js", "shelf.js")
"""The scripts of the page without network; what they import is found in them."""
IMPORTED = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')
ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-512.png", "512x512", "maskable"),
)
"""File, size and purpose; drawn from icon.svg when the assets are built (hatch_build.py)."""
VERSIONED = ("player.js", "pages.js", "shelf.js", "app.css", *(file for file, _size, _purpose in ICONS))
"""Pages ask for these with the version of the assets, for the rest by a name that says their content."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/sw.js", "service_worker", service_worker)
    bp.add_url_rule("/offline", "offline", offline)
    bp.add_url_rule("/downloads", "downloads", downloads)
    bp.add_url_rule("/manifest.webmanifest", "manifest", manifest)


@web.allow(ANYBODY)
def service_worker() -> ResponseReturnValue:
    """The worker, with the addresses it keeps; another build of the assets makes it another worker."""
    build = assets.STATIC / "build"
    shell, lessons = kept_assets()
    looks = display.looks() | ({DESK: "1"} if DESK in request.args else {})
    settings = {
        "version": assets.version(),
        "offline": url_for("elearn.pages.offline", **looks),
        "shell": [*map(_address, shell), _address("icon.svg")],
        "lessons": [*map(_address, lessons)],
    }
    script = (build / "worker.js").read_text(encoding="utf-8")
    response = Response(f"self.settings={json.dumps(settings)};\n{script}", content_type="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Service-Worker-Allowed"] = scope()
    return response


@web.allow(ANYBODY)
def offline() -> ResponseReturnValue:
    """Shown by the worker when a page that is not on the device is asked for without network."""
    return render_template("elearn/offline.html", texts=player_texts(locale.language()), desk=DESK in request.args)


@web.allow(ANYBODY)
def downloads() -> ResponseReturnValue:
    """What is kept on this device, how much room it takes, and what waits to be sent: the device itself knows."""
    return render_template("elearn/downloads.html", texts=player_texts(locale.language()))


@web.allow(ANYBODY)
def manifest() -> ResponseReturnValue:
    """What a phone needs to put the product on its home screen (W3C Web Application Manifest)."""
    name = _("Safety training")
    facts = {
        "id": scope(),
        "name": name,
        "short_name": name,
        "description": _("Learn, be checked, and see your true hours"),
        "lang": "zh-CN" if locale.language() == "zh" else "en",
        "dir": "ltr",
        "start_url": scope(),
        "scope": scope(),
        "display": "standalone",
        "background_color": "#f4f6f5",
        "theme_color": "#0b4f54",
        "icons": [
            {"src": _address(f"build/{file}"), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for file, sizes, purpose in ICONS
        ],
        "shortcuts": [
            {"name": _("Learn"), "url": url_for("elearn.pages.my_learning")},
            {"name": _("My hours"), "url": url_for("elearn.pages.my_hours")},
        ],
    }
    response = Response(json.dumps(facts, ensure_ascii=False), content_type="application/manifest+json")
    response.headers["Vary"] = "Cookie, Accept-Language"
    return response


def worker() -> str:
    """Its address, the same on every page: language, size of text and colours of the page that it keeps are part of
    it, as a browser asks for another worker at once where the address changed, and else perhaps tomorrow. Whoever
    works here is told without network of their work, and not of lessons first."""
    caller = current_account()
    looks = display.looks() | ({DESK: "1"} if caller is not None and caller.roles - {Role.LEARNER} else {})
    return url_for("elearn.pages.service_worker", **looks)


def scope() -> str:
    """The worker's: all addresses of the product, and nothing of a host application around it."""
    return url_for("elearn.pages.home")


def kept_assets() -> tuple[list[str], list[str]]:
    """Files of the build: what the page without network is made of, and what lessons play with besides.

    The first is loaded by everybody's browser, so it holds nothing that only lessons need.
    """
    kept = runtime().kept
    if "pages.kept_assets" not in kept:
        build = assets.STATIC / "build"
        names = sorted(path.name for path in build.iterdir())
        ours = [name for name in names if name.endswith(KEPT) and name not in NOT_KEPT]
        shell, found = {name for name in ours if not name.endswith(".js")}, list(SHELL)
        while found:
            name = found.pop()
            if name not in shell:
                shell.add(name)
                found += IMPORTED.findall((build / name).read_text(encoding="utf-8"))
        kept["pages.kept_assets"] = (
            [f"build/{name}" for name in ours if name in shell],
            [f"build/{name}" for name in ours if name not in shell],
        )
    shell_files, lesson_files = kept["pages.kept_assets"]
    return shell_files, lesson_files


def _address(filename: str) -> str:
    versioned = filename.removeprefix("build/") in VERSIONED and assets.version()
    address = url_for("elearn.pages.static", filename=filename)
    return f"{address}?v={assets.version()}" if versioned else address


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
        "worker": worker(),
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
